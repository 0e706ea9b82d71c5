"""Write a timetable as schools read it: a grid for each lead room, or a plain list.

What is written, the importer reads back as the same lessons, receiving rooms and assistants
included. Text is written as text: a name that begins with "=" is no formula to whoever opens it.
"""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from classroom_sync.formats.marks import Marks, split_marks, written
from classroom_sync.formats.sentences import Place
from classroom_sync.formats.timetable_grid import says_nothing, words
from classroom_sync.formats.vocabulary import Names, Vocabulary
from scheduler.model import BellSchedule, Lesson, Receiver, Room, Subject, Teacher, Weeks

_WEEKDAYS = {
    "zh-CN": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_LIST = {
    "zh-CN": [
        "星期",
        "节次",
        "单双周",
        "学科",
        "方式",
        "主讲教师",
        "主讲教室",
        "听课班级",
        "听课教室",
        "辅助教师",
    ],
    "en": [
        "Weekday",
        "Period",
        "Weeks",
        "Subject",
        "Mode",
        "Lead teacher",
        "Lead room",
        "Classes",
        "Receiving rooms",
        "Assistants",
    ],
}
_GRID = {
    "zh-CN": ("节次", "时间", "第{}节", "同步课堂课表"),
    "en": ("Period", "Time", "Period {}", ""),
}
_SHEET_NAME = 31  # characters Excel allows


class _Writing:
    """Names that mean one thing only, in one language."""

    def __init__(self, names: Names, locale: str) -> None:
        self._vocabulary = Vocabulary(names)
        self._locale = locale
        self.rooms = {room.id: room for room in names.rooms}
        self._teachers = {teacher.id: teacher for teacher in names.teachers}
        self._classes = {group.id: group for group in names.classes}
        self._subjects = {subject.slug: subject for subject in names.subjects}

    def subject(self, slug: str) -> str:
        subject = self._subjects[slug]
        name = subject.name_zh if self._locale == "zh-CN" else subject.name_en
        return name if _is_one_word(name) and self._vocabulary.meant(name) == [subject] else slug

    def teacher(self, teacher_id: str) -> str:
        return self._name(self._teachers[teacher_id])

    def room(self, room_id: str) -> str:
        return self._name(self.rooms[room_id])

    def group(self, class_id: str) -> str:
        group = self._classes[class_id]
        name = self._vocabulary.school[group.school_code].short_name + group.name
        return name if _is_one_word(name) and self._vocabulary.meant(name) == [group] else class_id

    def full_room(self, room: Room) -> str:
        """A room with its school, as a sheet is named."""
        return self._vocabulary.school[room.school_code].short_name + room.name

    def _name(self, of: Teacher | Room) -> str:
        """The name where its school has one such only; who reads it knows the school."""
        meant = self._vocabulary.meant(of.name)
        alike = [m for m in meant if isinstance(m, Subject) or m.school_code == of.school_code]
        return of.name if alike == [of] and _is_one_word(of.name) else of.id

    def marks(self, lesson: Lesson, *, mode: bool = True) -> str:
        usual = lesson.interactive == (len(lesson.receivers) < 4)
        return written(
            Marks(
                None if lesson.weeks is Weeks.ALL else lesson.weeks,
                lesson.week_from,
                lesson.week_until,
                None if usual or not mode else lesson.interactive,
            ),
            self._locale,
        )


def _is_one_word(name: str) -> bool:
    """Whether a name is read back as itself, and not as marks, several words, or nothing."""
    read = [token.text for token in words(f"{name}、{name}", Place("", 1, 1))]
    return read == [name, name] and split_marks(name)[0] == Marks() and not says_nothing(name)


def write_grid(
    lessons: Sequence[Lesson],
    names: Names,
    schedules: Sequence[BellSchedule],
    title: str,
    made_at: datetime,
    locale: str = "zh-CN",
) -> bytes:
    """An XLSX with a sheet for each lead room that has lessons. `schedules`: the bells of each hub
    that hold; `title` is written above each grid, such as the term's name."""
    writing = _Writing(names, locale)
    bells = {schedule.school_code: schedule for schedule in schedules}
    with _Workbook(made_at) as book:
        for room_id in sorted({lesson.lead_room_id for lesson in lessons}):
            own = [lesson for lesson in lessons if lesson.lead_room_id == room_id]
            _grid_sheet(book, writing, own, bells, title, locale)
    return book.content


def _grid_sheet(
    book: "_Workbook",
    writing: _Writing,
    lessons: Sequence[Lesson],
    bells: dict[str, BellSchedule],
    title: str,
    locale: str,
) -> None:
    room = writing.rooms[lessons[0].lead_room_id]
    name = writing.full_room(room)
    sheet = book.sheet(name)
    period_heading, time_heading, period_name, kind = _GRID[locale]
    schedule = bells.get(room.school_code)
    rung = (
        {p.period: f"{p.starts:%H:%M}–{p.ends:%H:%M}" for p in schedule.periods} if schedule else {}
    )
    weekdays = sorted({1, 2, 3, 4, 5, *(lesson.weekday for lesson in lessons)})
    sheet.merge_range(0, 0, 0, len(weekdays) + 1, f"{name} {kind} {title}".strip(), book.heading)
    sheet.write_row(1, 0, [period_heading, time_heading], book.heading)
    sheet.write_row(1, 2, [_WEEKDAYS[locale][n - 1] for n in weekdays], book.heading)
    sheet.set_column(0, 1, 12)
    sheet.set_column(2, len(weekdays) + 1, 24)
    periods = sorted({*rung, *(lesson.period for lesson in lessons)})
    for r, number in enumerate(periods, start=2):
        sheet.write_string(r, 0, period_name.format(number), book.cell)
        sheet.write_string(r, 1, rung.get(number, ""), book.cell)
        for c, weekday in enumerate(weekdays, start=2):
            blocks = [
                _block(writing, lesson)
                for lesson in sorted(lessons, key=lambda each: (each.weeks, each.week_from or 0))
                if (lesson.weekday, lesson.period) == (weekday, number)
            ]
            sheet.write_string(r, c, "\n".join(blocks), book.cell)


def _block(writing: _Writing, lesson: Lesson) -> str:
    lines = [
        writing.subject(lesson.subject) + writing.marks(lesson),
        writing.teacher(lesson.lead_teacher_id),
    ]
    lines += [" / ".join(_listening(writing, receiver)) for receiver in lesson.receivers]
    return "\n".join(lines)


def _listening(writing: _Writing, receiver: Receiver) -> list[str]:
    found = [writing.group(receiver.class_id), writing.room(receiver.room_id)]
    if receiver.assistant_id is not None:
        found.append(writing.teacher(receiver.assistant_id))
    return found


def write_list(
    lessons: Sequence[Lesson], names: Names, made_at: datetime, locale: str = "zh-CN"
) -> bytes:
    """An XLSX with one row for each lesson."""
    writing = _Writing(names, locale)
    modes = ("互动", "直播") if locale == "zh-CN" else ("interactive", "broadcast")
    with _Workbook(made_at) as book:
        sheet = book.sheet("课表" if locale == "zh-CN" else "Timetable")
        sheet.write_row(0, 0, _LIST[locale], book.heading)
        sheet.set_column(0, len(_LIST[locale]) - 1, 16)
        sheet.freeze_panes(1, 0)
        for r, lesson in enumerate(lessons, start=1):
            assistants = [
                x.assistant_id and writing.teacher(x.assistant_id) for x in lesson.receivers
            ]
            cells = [
                _WEEKDAYS[locale][lesson.weekday - 1],
                str(lesson.period),
                writing.marks(lesson, mode=False).strip(" （）()"),
                writing.subject(lesson.subject),
                modes[0 if lesson.interactive else 1],
                writing.teacher(lesson.lead_teacher_id),
                writing.room(lesson.lead_room_id),
                "、".join(writing.group(x.class_id) for x in lesson.receivers),
                "、".join(writing.room(x.room_id) for x in lesson.receivers),
                "、".join(name or "-" for name in assistants),
            ]
            for c, text in enumerate(cells):
                sheet.write_string(r, c, text, book.cell)
    return book.content


class _Workbook:
    """An XLSX in memory; `content` once it is closed."""

    def __init__(self, made_at: datetime) -> None:
        self._file = io.BytesIO()
        self._book = xlsxwriter.Workbook(
            self._file,
            {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
        )
        self._book.set_properties({"created": made_at.replace(tzinfo=None)})
        self.heading = self._book.add_format({"bold": True, "align": "center", "border": 1})
        self.cell = self._book.add_format({"text_wrap": True, "valign": "top", "border": 1})
        self._names: set[str] = set()

    def __enter__(self) -> "_Workbook":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._names:
            self.sheet("-")
        self._book.close()
        self.content = self._file.getvalue()

    def sheet(self, name: str) -> Any:
        """A new sheet, its name cut and made unlike the others where Excel needs that."""
        allowed = "".join("-" if letter in "[]:*?/\\" else letter for letter in name).strip("'")
        short = allowed[:_SHEET_NAME]
        number = 1
        while short.lower() in self._names:
            number += 1
            short = f"{allowed[: _SHEET_NAME - 4]} {number}"
        self._names.add(short.lower())
        return self._book.add_worksheet(short)
