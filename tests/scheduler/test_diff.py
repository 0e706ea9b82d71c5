"""Two versions of a timetable, told apart in words."""

from dataclasses import replace
from uuid import uuid4

from scheduler.diff import ChangeKind, by_lesson, diff
from scheduler.model import Lesson, Receiver, Weeks
from tests.scheduler.small_cities import FAR, HUB, NEAR, city

ONE = Lesson(
    uuid4(),
    1,
    1,
    Weeks.ALL,
    "music",
    f"{HUB}-T1",
    f"{HUB}-R1",
    HUB,
    True,
    (
        Receiver(f"{FAR}-R1", f"{FAR}-301", f"{FAR}-A1"),
        Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-A1"),
    ),
)


def told(old: list[Lesson], new: list[Lesson]) -> list[str]:
    return [change.sentence.say() for change in diff(city(), old, new)]


def test_versions_that_differ_by_ids_only_are_alike() -> None:
    assert told([ONE], [replace(ONE, id=uuid4(), receivers=ONE.receivers[::-1])]) == []


def test_a_move_is_told_once_for_all_classes() -> None:
    assert told([ONE], [replace(ONE, id=uuid4(), weekday=3, period=2)]) == [
        "Far301, Near301: Monday 08:30 Music (Lead 1) moves to Wednesday at 09:25."
    ]


def test_another_teacher_room_assistant_and_weeks_are_told() -> None:
    other = replace(
        ONE,
        lead_teacher_id=f"{HUB}-T2",
        lead_room_id=f"{HUB}-R2",
        weeks=Weeks.ODD,
        receivers=(replace(ONE.receivers[0], assistant_id=f"{FAR}-A2"), ONE.receivers[1]),
    )
    assert told([ONE], [other]) == [
        "Far301: Helper 2 is there in Monday 08:30 Music (Lead 1).",
        "Far301, Near301: Monday 08:30 Music (Lead 1) is given in HubR2.",
        "Far301, Near301: Lead 2 gives Monday 08:30 Music (Lead 1).",
        "Far301, Near301: Monday 08:30 Music (Lead 1) is held in odd weeks.",
    ]


def test_a_class_that_changes_to_another_session_has_moved() -> None:
    apart = [
        replace(ONE, receivers=ONE.receivers[:1]),
        replace(ONE, id=uuid4(), weekday=5, receivers=ONE.receivers[1:]),
    ]
    [change] = diff(city(), [ONE], apart)
    assert (change.kind, change.classes) == (ChangeKind.MOVED, (f"{NEAR}-301",))


def test_new_and_dropped_lessons_are_told() -> None:
    assert told([], [ONE]) == ["Far301, Near301: Monday 08:30 Music (Lead 1) is new."]
    assert told([ONE], []) == ["Far301, Near301: Monday 08:30 Music (Lead 1) is no longer held."]


def test_all_that_becomes_of_one_lesson_is_one_sentence() -> None:
    other = replace(
        ONE,
        weekday=3,
        period=2,
        lead_teacher_id=f"{HUB}-T2",
        receivers=(replace(ONE.receivers[0], assistant_id=f"{FAR}-A2"), ONE.receivers[1]),
    )
    gone = replace(ONE, id=uuid4(), weekday=5)
    found = by_lesson(city(), diff(city(), [ONE, gone], [other]))
    assert [each.sentence.say() for each in found] == [
        "Far301, Near301: Monday 08:30 Music (Lead 1): moves to Wednesday at 09:25; Lead 2 gives "
        "it; Far301: Helper 2 is there.",
        "Far301, Near301: Friday 08:30 Music (Lead 1) is no longer held.",
    ]
    assert [(each.before, each.after) for each in found] == [(ONE, other), (gone, None)]
