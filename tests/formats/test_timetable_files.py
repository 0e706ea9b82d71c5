"""Timetables as school offices write them: what is understood, and what is told about the rest."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom_sync.formats.sentences import UnreadableFile
from classroom_sync.formats.spreadsheet import Sheet, read_sheets
from classroom_sync.formats.timetable_export import write_grid, write_list
from classroom_sync.formats.timetable_preview import Kind, NotWhole, Preview, accepted, preview
from classroom_sync.formats.vocabulary import Names
from scheduler.model import (
    ClassGroup,
    Lesson,
    Receiver,
    Room,
    RoomKind,
    RoomStatus,
    School,
    SchoolRole,
    Subject,
    Teacher,
    Weeks,
)
from tests.formats.books import CITY, HUB, NAMES, NEAR, of_sheets, table, understood, workbook
from tests.worlds import bells

_WEEK = ["节次", "星期一", "星期二", "星期三", "星期四", "星期五"]
_CELL = "音乐\n宋老师\n春晖三（1）班"
_MADE = datetime(2026, 9, 1, tzinfo=UTC)
_NEAR_NAME = next(school.name for school in CITY.schools if school.code == NEAR)
_UUID = CITY.lessons[0].id


def brief(found: Preview) -> list[tuple[int, int, str, list[str]]]:
    """Weekday, period, subject and classes of each lesson; there must be no problem."""
    assert [(p.place.cell, p.why.text()) for p in found.problems] == []
    return [
        (
            each.lesson.weekday,
            each.lesson.period,
            each.lesson.subject,
            [r.class_id for r in each.lesson.receivers],
        )
        for each in found.lessons
    ]


_USUAL = [(1, 1, "music", [f"{NEAR}-301"])]


@pytest.mark.parametrize(
    ("heading", "period"),
    [
        (_WEEK, "第１节"),
        (["", "周一", "周二", "周三", "周四", "周五"], "第一节"),
        (["Period", "Mon", "Tue", "Wed", "Thu", "Fri"], "Period 1"),
        (["节次", "星期一 Monday", "星期二 Tuesday", "", "", ""], "1"),
        (["节次", "礼拜一", "礼拜二", "礼拜三", "礼拜四", "礼拜五"], "第1节 08:30-09:10"),
        (["节次", "星期一", "星期二", "", "", ""], "上午第1节"),
    ],
)
def test_weekdays_and_periods_are_written_in_many_ways(heading: list[str], period: str) -> None:
    assert brief(understood(table([heading, [period, _CELL]]))) == _USUAL


@pytest.mark.parametrize(
    "cell",
    [
        "音乐\n宋老师\n春晖三（1）班",
        "音乐 / 宋老师 / 春晖三(1)班",
        "音乐，宋老师，春晖三１班",
        "音乐 宋老师 春晖三年级1班",
        "音乐｜宋老师｜春晖 三（一）班",
        "宋老师\n音乐\n春晖3(1)",
        "music\n宋老师\n2132999911-301",
        "音乐\n宋老师\n录播室1\n春晖三（1）班",
        "音乐（宋老师）\n春晖三（1）班",
        "音乐宋老师 春晖三（1）班",
        "课程：音乐\n主讲教师：宋老师\n听课班级：春晖三（1）班",
        f"音乐\n宋老师\n{_NEAR_NAME}三（1）班",
    ],
)
def test_a_cell_is_written_in_many_ways(cell: str) -> None:
    assert brief(understood(table([_WEEK, ["第1节", cell]]))) == _USUAL


@pytest.mark.parametrize(
    "classes",
    ["春晖三（1）班、春晖三（2）班", "春晖三（1）、（2）班", "春晖三（1、2）班", "春晖三1班、2班"],
)
def test_classes_of_one_grade_are_written_short(classes: str) -> None:
    found = understood(table([_WEEK, ["第1节", f"音乐\n宋老师\n{classes}"]]))
    assert brief(found) == [(1, 1, "music", [f"{NEAR}-301", f"{NEAR}-302"])]


@pytest.mark.parametrize("period", ["第1-2节", "1-2", "第1、2节", "第1至2节", "Period 1-2"])
def test_a_line_may_be_of_two_periods(period: str) -> None:
    found = understood(table([_WEEK, [period, _CELL]]))
    assert [(w, p) for w, p, *_ in brief(found)] == [(1, 1), (1, 2)]


@pytest.mark.parametrize("nothing", ["-", "—", "无", "无课", "／", "×"])
def test_a_cell_that_says_nothing_is_nothing(nothing: str) -> None:
    assert brief(understood(table([_WEEK, ["第1节", _CELL, nothing]]))) == _USUAL


def test_halves_of_the_day_and_dates_in_the_heading_do_not_confuse() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("城厢四小录播室1")
        sheet.merge_range(0, 0, 0, 1, "")
        sheet.write_row(0, 2, ["星期一（9月7日）", "星期二（9月8日）", "星期三 9/9"])
        sheet.merge_range(1, 0, 3, 0, "上午")
        sheet.merge_range(5, 0, 6, 0, "下午")
        sheet.write_column(1, 1, ["1", "2", "3", "", "4", "5"])
        sheet.merge_range(4, 0, 4, 4, "午休")
        sheet.write_string(5, 3, _CELL)

    assert brief(understood(workbook(fill))) == [(2, 4, "music", [f"{NEAR}-301"])]


def test_a_sheet_without_a_timetable_is_noted() -> None:
    def fill(book: Any) -> None:
        book.add_worksheet("说明").write_string(0, 0, "请各校核对")
        sheet = book.add_worksheet("城厢四小录播室1")
        sheet.write_row(0, 0, _WEEK)
        sheet.write_row(1, 0, ["第1节", _CELL])

    found = understood(workbook(fill))
    assert brief(found) == _USUAL
    assert [note.text for note in found.notes] == ["说明"]


def test_weekdays_may_go_down() -> None:
    rows = [["", "第1节", "第2节"], ["星期一", _CELL, ""], ["星期二", "", _CELL]]
    found = understood(table(rows))
    assert brief(found) == [*_USUAL, (2, 2, "music", [f"{NEAR}-301"])]
    assert [each.place.cell for each in found.lessons] == ["B2", "C3"]


def test_a_cell_merged_over_two_periods_is_a_lesson_in_both() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("城厢四小录播室1")
        sheet.merge_range(0, 0, 0, 5, "城厢四小录播室1课表")
        sheet.write_row(1, 0, _WEEK)
        sheet.write_column(2, 0, ["第1节", "第2节", "第3节"])
        sheet.merge_range(2, 1, 3, 1, _CELL)

    assert [(w, p) for w, p, *_ in brief(understood(workbook(fill)))] == [(1, 1), (1, 2)]


def test_a_period_merged_over_two_lines_holds_an_odd_and_an_even_line() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("城厢四小录播室1")
        sheet.write_row(0, 0, _WEEK)
        sheet.merge_range(1, 0, 2, 0, "第1节")
        sheet.write_column(1, 1, ["单周：" + _CELL, "双周：美术\n朱老师\n春晖三（2）班"])
        sheet.merge_range(1, 2, 2, 2, _CELL)

    found = understood(workbook(fill))
    assert brief(found) == [
        *_USUAL,
        (2, 1, "music", [f"{NEAR}-301"]),
        (1, 1, "art", [f"{NEAR}-302"]),
    ]
    assert [each.lesson.weeks for each in found.lessons] == [Weeks.ODD, Weeks.ALL, Weeks.EVEN]


@pytest.mark.parametrize(
    "cell",
    [
        "音乐（单）\n宋老师\n春晖三（1）班\n美术（双）\n朱老师\n春晖三（2）班",
        "单周\n音乐\n宋老师\n春晖三（1）班\n双周\n美术\n朱老师\n春晖三（2）班",
        "音乐\n宋老师\n春晖三（1）班\n单周\n美术\n朱老师\n春晖三（2）班\n双周",
    ],
)
def test_two_lessons_may_share_a_cell(cell: str) -> None:
    found = understood(table([_WEEK, ["第1节", cell]]))
    assert brief(found) == [*_USUAL, (1, 1, "art", [f"{NEAR}-302"])]
    assert [each.lesson.weeks for each in found.lessons] == [Weeks.ODD, Weeks.EVEN]


def test_a_range_of_weeks_is_understood() -> None:
    cell = "音乐（单周，3-10周）\n宋老师\n春晖三（1）班"
    [found] = understood(table([_WEEK, ["第1节", cell]])).lessons
    lesson = found.lesson
    assert (lesson.weeks, lesson.week_from, lesson.week_until) == (Weeks.ODD, 3, 10)


def test_the_title_of_a_sheet_says_whose_it_is() -> None:
    rows = [["宋老师课表"], _WEEK, ["第1节", "音乐 / 录播室2 / 春晖三（1）班"]]
    [found] = understood(table(rows, "Sheet1")).lessons
    assert found.lesson.lead_teacher_id == f"{HUB}-T01"
    rows = [["春晖三（1）班课表"], _WEEK, ["第1节", "音乐 / 宋老师 / 录播室2"]]
    [found] = understood(table(rows, "Sheet1")).lessons
    assert [r.class_id for r in found.lesson.receivers] == [f"{NEAR}-301"]
    assert found.lesson.lead_room_id == f"{HUB}-R2"


def test_several_grids_stand_under_one_another_each_with_its_title() -> None:
    rows = [
        ["城厢四小录播室1"],
        _WEEK,
        ["第1节", _CELL],
        [],
        ["城厢四小录播室2"],
        _WEEK,
        ["第1节", "", _CELL],
    ]
    rooms = [each.lesson.lead_room_id for each in understood(table(rows, "课表")).lessons]
    assert rooms == [f"{HUB}-R1", f"{HUB}-R2"]


def test_a_class_listens_in_a_room_of_its_school_until_somebody_says_otherwise() -> None:
    found = understood(table([_WEEK, ["第1节", _CELL]]))
    [proposal] = found.proposals
    assert proposal.room_id.startswith(NEAR)
    assert proposal.free
    other = proposal.others[0]
    [lesson] = accepted(found, {(proposal.place, proposal.class_id): other})
    assert [r.room_id for r in lesson.receivers] == [other]
    with pytest.raises(ValueError, match="not offered"):
        accepted(found, {(proposal.place, proposal.class_id): f"{HUB}-R1"})


@pytest.mark.parametrize(
    ("cell", "text", "why"),
    [
        ("音乐\n玉老师\n春晖三（1）班", "玉老师", "No teacher has this name."),
        ("音乐\n宋老师\n春晖三（9）班", "春晖三(9)班", "No class has this name."),
        ("烹饪\n宋老师\n春晖三（1）班", "烹饪", "This is no subject, class, room or teacher"),
        ("音乐\n宋老师\n录播室9\n春晖三（1）班", "录播室9", "No room has this name."),
        ("音乐\n宋老师\n三（1）班", "三（1）班", "The name may mean more than one."),
        ("音乐\n春晖三（1）班", "音乐\n春晖三（1）班", "No lead teacher is named."),
        ("宋老师\n春晖三（1）班", "宋老师\n春晖三（1）班", "No subject is named."),
        ("音乐\n宋老师", "音乐\n宋老师", "No class that listens is named."),
        ("音乐\n宋老师\n朱老师\n春晖三（1）班", "朱老师", "There is a second teacher"),
        ("音乐（9-3周）\n宋老师\n春晖三（1）班", None, "The range of weeks ends before"),
        ("音乐\n宋老师\n春晖三（1）班\n春晖3(1)", "春晖3(1)", "The class is named twice."),
    ],
)
def test_what_is_not_understood_is_told_with_its_cell_and_cause(
    cell: str, text: str | None, why: str
) -> None:
    found = understood(table([_WEEK, ["第1节", "", cell], ["第2节", _CELL]]))
    [problem] = found.problems
    assert (problem.place.sheet, problem.place.cell) == ("城厢四小录播室1", "C2")
    assert problem.text == (cell if text is None else text)
    assert problem.why.text().startswith(why)
    assert all(said.text("zh-CN") != said.text("en") for said in (problem.why, problem.mend))
    with pytest.raises(NotWhole):
        accepted(found)
    assert [lesson.period for lesson in accepted(found, partly=True)] == [2]


def test_a_lesson_in_a_line_without_a_period_is_told_and_a_break_is_not() -> None:
    rows = [_WEEK, ["午休", "午休", "午休", "午休"], ["", _CELL], ["备注", "", ""]]
    [problem] = understood(table(rows)).problems
    assert problem.place.cell == "B3"


def test_a_period_that_no_bell_rings_is_told() -> None:
    [problem] = understood(table([_WEEK, ["第9节", _CELL]])).problems
    assert "no such period" in problem.why.text()


def test_a_formula_is_told_and_never_believed() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("城厢四小录播室1")
        sheet.write_row(0, 0, _WEEK)
        sheet.write_row(1, 0, ["第1节", _CELL])
        sheet.write_formula(1, 2, '=WEBSERVICE("http://x/")', value=_CELL)

    found = understood(workbook(fill))
    assert [(p.place.cell, p.why.text()) for p in found.problems] == [
        ("C2", "The cell holds a formula, and what it shows may be out of date.")
    ]
    assert len(found.lessons) == 1


def test_a_class_of_the_hub_school_in_the_cell_is_noted_and_not_kept() -> None:
    found = understood(table([_WEEK, ["第1节", "音乐\n宋老师\n城厢四小三（1）班、春晖三（1）班"]]))
    assert brief(found) == _USUAL
    assert [note.text for note in found.notes] == ["城厢四小三（1）班"]


_LIST = ["星期", "节次", "学科", "主讲教师", "主讲教室", "听课班级"]
_ROW = ["星期一", "1", "音乐", "宋老师", "录播室1", "春晖三（1）班"]


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        (_LIST, _ROW),
        (["周几", "第几节", "课程", "教师", "教室", "班级"], ["周一", "第１节", *_ROW[2:]]),
        (
            ["Weekday", "Period", "Subject", "Lead teacher", "Lead room", "Classes"],
            ["Mon", "1", "Music", *_ROW[3:]],
        ),
        (
            ["班级", "主讲教室", "主讲教师", "学科", "节次", "星期"],
            ["春晖三（1）班", *_ROW[4:0:-1], "1"],
        ),
    ],
)
def test_a_plain_list_has_headings_in_any_order(heading: list[str], row: list[str]) -> None:
    found = understood(table([["2026年秋季课表"], heading, row], "Sheet1"))
    assert found.kind is Kind.LIST
    assert brief(found) == _USUAL


def test_a_list_may_come_as_csv_in_either_encoding() -> None:
    text = "\n".join(",".join(row) for row in (_LIST, _ROW))
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        assert brief(understood(text.encode(encoding))) == _USUAL


@pytest.mark.parametrize("weeks", ["3-10周", "3-10", "3～10", "第3-10周", "weeks 3-10"])
def test_a_list_gives_a_range_of_weeks_in_its_own_column(weeks: str) -> None:
    [found] = understood(table([[*_LIST, "周次"], [*_ROW, weeks]], "Sheet1")).lessons
    assert (found.lesson.week_from, found.lesson.week_until) == (3, 10)


def test_an_open_document_spreadsheet_is_read_as_well() -> None:
    cells = "".join(
        f"<table:table-row>{''.join(_ods_cell(text) for text in row)}</table:table-row>"
        for row in (_WEEK[:3], ["第1节", _CELL.replace("\n", "</text:p><text:p>"), ""])
    )
    assert brief(understood(_ods(cells))) == _USUAL


def _ods_cell(text: str) -> str:
    return (
        f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
    )


def _ods(rows: str) -> bytes:
    namespaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{namespaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="城厢四小录播室1">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
        archive.writestr("content.xml", content)
    return out.getvalue()


def test_rows_that_differ_only_in_who_listens_are_one_lesson() -> None:
    other = [*_ROW[:5], "晨光三（1）班"]
    assert brief(understood(table([_LIST, _ROW, other], "Sheet1"))) == [
        (1, 1, "music", [f"{NEAR}-301", "2132999912-301"])
    ]


@pytest.mark.parametrize(
    ("column", "text", "cell", "why"),
    [
        (0, "八", "A2", "This is not a weekday."),
        (1, "早读", "B2", "This is not a period."),
        (3, "玉老师", "D2", "No teacher has this name."),
        (4, "城厢四小录播室9", "E2", "No room has this name."),
    ],
)
def test_a_row_of_a_list_that_is_not_understood_is_told_by_its_cell(
    column: int, text: str, cell: str, why: str
) -> None:
    row = [*_ROW[:column], text, *_ROW[column + 1 :]]
    [problem] = understood(table([_LIST, row], "Sheet1")).problems
    assert (problem.place.cell, problem.text, problem.why.text()) == (cell, text, why)


def test_a_file_without_a_timetable_says_what_one_looks_like() -> None:
    with pytest.raises(UnreadableFile, match="No timetable was found"):
        understood(table([["a", "b"], ["c", "d"]]))


def _same(lessons: Sequence[Lesson]) -> list[Lesson]:
    return sorted(
        (replace(each, id=_UUID) for each in lessons),
        key=lambda x: (x.lead_room_id, x.weekday, x.period, x.weeks, x.receivers[0].class_id),
    )


_VARIED = (
    *CITY.lessons,
    replace(CITY.lessons[0], weekday=6, period=6, weeks=Weeks.ODD, week_from=3, week_until=10),
    replace(CITY.lessons[0], weekday=6, period=6, weeks=Weeks.EVEN, week_from=12),
    replace(CITY.lessons[0], weekday=7, period=5, interactive=False),
    replace(
        CITY.lessons[0],
        weekday=7,
        period=6,
        receivers=(Receiver(f"{NEAR}-R1", f"{NEAR}-301", None),),
    ),
)


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
@pytest.mark.parametrize("kind", Kind)
def test_what_is_exported_is_imported_as_the_same_lessons(kind: Kind, locale: str) -> None:
    if kind is Kind.GRID:
        content = write_grid(_VARIED, NAMES, CITY.bells, CITY.term.name, _MADE, locale)
    else:
        content = write_list(_VARIED, NAMES, _MADE, locale)
    found = understood(content)
    assert found.kind is kind
    assert [(p.place, p.text, p.why.text()) for p in found.problems] == []
    assert _same(accepted(found)) == _same(_VARIED)
    assert found.proposals == ()


_NAME = st.text(
    alphabet="三四（）()1２班周单双-/、，:： 音乐王a=年级节无x·", min_size=1, max_size=7
).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(st.lists(_NAME, min_size=9, max_size=9))
@pytest.mark.parametrize("kind", Kind)
def test_whatever_people_and_rooms_are_called_an_export_is_read_back(
    kind: Kind, called: list[str]
) -> None:
    hub = School("2132000001", called[0] + "h", called[0], SchoolRole.HUB, None, 20)
    far = School("2132000002", called[1] + "f", called[1], SchoolRole.RECEIVING, hub.code, 20)
    names = Names(
        (hub, far),
        (
            Room("R1", hub.code, called[2], RoomKind.LEAD, 1, RoomStatus.ACCEPTED, None, None),
            Room("R2", far.code, called[3], RoomKind.CLOUD, 1, RoomStatus.ACCEPTED, None, None),
        ),
        (
            Teacher("T1", hub.code, called[4], "lead", ("s1",), 3),
            Teacher("T2", hub.code, called[5], "lead", ("s1",), 3),
            Teacher("T3", far.code, called[6], "assistant", (), 3),
        ),
        (ClassGroup("C1", far.code, called[7], 3, 40),),
        (Subject("s1", called[8], called[8]),),
    )
    schedules = [bells(school.code, "08:30") for school in (hub, far)]
    lesson = Lesson(
        *(_UUID, 1, 1, Weeks.ODD, "s1", "T1", "R1", hub.code, True, (Receiver("R2", "C1", "T3"),))
    )
    if kind is Kind.GRID:
        content = write_grid([lesson], names, schedules, "", _MADE)
    else:
        content = write_list([lesson], names, _MADE)
    sheets = read_sheets(content, "x")
    found = preview(sheets, names, schedules, date(2026, 9, 7), kind)
    assert [(p.text, p.why.text()) for p in found.problems] == []
    assert [replace(each.lesson, id=_UUID) for each in found.lessons] == [lesson]


_WORDS = st.sampled_from(
    [
        "",
        "星期一",
        "周二",
        "节次",
        "第1节",
        "2",
        "音乐",
        "宋老师",
        "春晖三（1）班",
        "录播室1",
        "（单）",
    ]
) | st.text(max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(_WORDS, min_size=4, max_size=4), min_size=1, max_size=6))
def test_no_sheet_whatever_stands_in_it_does_more_than_have_problems(rows: list[list[str]]) -> None:
    sheet = Sheet("x", tuple(map(tuple, rows)), {}, frozenset())
    for kind in Kind:
        try:
            found = of_sheets([sheet], kind)
        except UnreadableFile:
            continue
        accepted(found, partly=True)
