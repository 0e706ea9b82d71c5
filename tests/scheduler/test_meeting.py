"""A meeting's agenda, its plan's versions and its begin; and what is made of written Markdown."""

from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom_sync import markdown
from scheduler.attendance import AttendanceRules, derive
from scheduler.meeting import Change, Turn, compare, has_begun, spent
from scheduler.model import AttendanceStatus, Participant, ParticipantRole, SessionKind
from tests.scheduler.test_attendance import ENDED, there
from tests.worlds import NOON

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def after(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def test_minutes_of_an_item_are_those_of_all_its_turns_up_to_the_end() -> None:
    turns = [Turn(A, NOON), Turn(B, NOON + after(4)), Turn(None, NOON + after(9))]
    turns += [Turn(A, NOON + after(10)), Turn(C, NOON + after(30))]
    assert spent(turns, NOON + after(12)) == {A: after(6), B: after(5), C: after(0)}
    assert spent([], NOON) == {}


def test_one_alone_is_no_meeting_nor_are_two_who_are_silent() -> None:
    assert has_begun([A], [A, B])
    assert not has_begun([A], [A])
    assert not has_begun([A], [A, A])
    assert not has_begun([], [A, B])


@given(st.text(alphabet="ab\n", max_size=30), st.text(alphabet="ab\n", max_size=30))
def test_a_comparison_holds_both_texts_whole(old: str, new: str) -> None:
    lines = compare(old, new)
    assert [x.text for x in lines if x.change is not Change.ADDED] == old.splitlines()
    assert [x.text for x in lines if x.change is not Change.REMOVED] == new.splitlines()


def test_texts_of_any_length_are_compared_and_what_both_begin_and_end_with_is_the_same() -> None:
    def compared(before: list[str], after: list[str]) -> list[tuple[Change, int]]:
        lines = compare("\n".join(before), "\n".join(after))
        return [(change, len(list(same))) for change, same in groupby(x.change for x in lines)]

    blank = [""] * 29_000
    assert compared(["x", *blank, "z"], ["x", *blank, "y", "z"]) == [
        (Change.SAME, 29_001),
        (Change.ADDED, 1),
        (Change.SAME, 1),
    ]
    assert compared(["x", *blank, "z"], ["y", *blank, "w"]) == [
        (Change.REMOVED, 29_002),
        (Change.ADDED, 29_002),
    ]
    paragraphs = [line for number in range(40) for line in (str(number), "")]
    changed = ["new", *paragraphs[2:40], "also", *paragraphs[42:], "end"]
    assert compared(["old", *paragraphs[2:]], changed) == [
        (Change.REMOVED, 1),
        (Change.ADDED, 1),
        (Change.SAME, 38),
        (Change.REMOVED, 2),
        (Change.ADDED, 1),
        (Change.SAME, 37),
        (Change.ADDED, 2),  # an empty line too, of the many
    ]


@pytest.mark.parametrize(
    ("sent", "received", "status"),
    [
        (True, True, AttendanceStatus.FULL),
        (True, False, AttendanceStatus.FULL),
        (False, True, AttendanceStatus.FULL),  # without a camera
        (False, False, AttendanceStatus.ABSENT),
    ],
)
@pytest.mark.parametrize("role", [ParticipantRole.LEAD, ParticipantRole.MEMBER])
def test_who_sends_or_is_reached_attends_a_meeting(
    sent: bool, received: bool, status: AttendanceStatus, role: ParticipantRole
) -> None:
    meeting = replace(ENDED, kind=SessionKind.RESEARCH)
    teacher = Participant(A, ENDED.id, role, None, None, "t")
    slices = [replace(there(0, 2400), sent_decodable=sent, received_decodable=received)]
    found = derive(meeting, teacher, slices, [], took_floor=False, rules=AttendanceRules())
    assert found.status is status


def test_markdown_of_a_colleague_runs_nothing_and_shows_no_picture_from_elsewhere() -> None:
    hostile = (
        "<script>x()</script> [a](javascript:x()) [b](data:text/html,x) ![c](http://e.cn/c.png)"
        " <img src=x onerror=x()> [good](https://e.cn)"
    )
    made = markdown.html(hostile)
    for bad in ("<script", "<img", 'href="javascript', 'href="data'):
        assert bad not in made
    assert '<a href="https://e.cn">good</a>' in made


def test_markdown_becomes_plain_blocks() -> None:
    text = (
        "# *目标*\n\n1. 听 `x`\n   - 拍\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "两行\n文字\n\n    code\n"
    )
    assert list(markdown.blocks(text)) == [
        ("heading", "目标"),
        ("item", "听 x"),
        ("item", "拍"),
        ("text", "a | b"),
        ("text", "1 | 2"),
        ("text", "两行\n文字"),
        ("text", "code"),
    ]
