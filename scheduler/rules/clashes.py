"""Nobody and nothing is in two places at once. By the clock: schools' periods hardly coincide."""

from collections.abc import Iterable, Iterator, Sequence

from scheduler.board import Board, Item, crowds, share_weeks
from scheduler.city import City, minutes
from scheduler.model import Weeks
from scheduler.rules.rule import Limit, Rule, Rules


class TeacherClash(Rule):
    key = "teacher_clash"
    requirement = "{who} is in one lesson at a time"
    sentence = "{who} is in {count} lessons at once on {day} at {time}: {lessons}."
    mend = "Move one of the lessons, or let another teacher take it."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        return _one_at_a_time(board.by_teacher.items())


class ClassClash(Rule):
    key = "class_clash"
    requirement = "{who} is in one lesson at a time"
    sentence = "{who} is in {count} lessons at once on {day} at {time}, by its shifts: {lessons}."
    mend = "Move one of the lessons, or let the class join another session of the subject."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        return _one_at_a_time(board.by_class.items())


class RoomClash(Rule):
    key = "room_clash"
    requirement = "{who} holds one lesson at a time"
    sentence = "{who} holds {count} lessons at once on {day} at {time}: {lessons}."
    mend = "Give one of the lessons another accepted room, or move it."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        return _one_at_a_time(board.by_room.items())


def _one_at_a_time(groups: Iterable[tuple[str, Iterable[Item]]]) -> Iterator[Limit]:
    for about, items in groups:
        for weeks, crowd in crowds(items):
            if len(crowd) > 1:
                yield Limit(crowd, 1, about, weeks)


class KeptBySchool(Rule):
    key = "kept_by_school"
    alone = True
    requirement = "{who} is free of lessons of its own school"
    sentence = "{who} has a lesson of its own school on {day} at {time} ({note}): {lessons}."
    mend = "Move the lesson, or ask the school to move its own."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        people: list[tuple[str, Sequence[Item]]] = [
            *board.by_teacher.items(),
            *board.by_class.items(),
        ]
        for who, items in people:
            for busy in board.city.busy_of.get(who, ()):
                home = _school_of(board.city, who)
                bell = board.city.periods.get(home, {}).get(busy.period)
                if bell is not None:
                    starts, ends = minutes(bell.starts), minutes(bell.ends)
                    yield from _none_within(items, busy.weekday, starts, ends, busy.reason, who)


class Reserved(Rule):
    key = "reserved"
    alone = True
    requirement = "{who} is not taken by another timetable"
    sentence = "{who} is taken on {day} at {time} by {note}: {lessons}."
    mend = "Move the lesson, or end the other one first."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        everyone: list[tuple[str, Sequence[Item]]] = [
            *board.by_teacher.items(),
            *board.by_class.items(),
            *board.by_room.items(),
        ]
        for who, items in everyone:
            for taken in board.city.reserved_for.get(who, ()):
                yield from _none_within(
                    items, taken.weekday, taken.starts, taken.ends, taken.what, who, taken.weeks
                )


class Blocked(Rule):
    key = "blocked"
    alone = True
    requirement = "{who} takes part in no session in a blocked period"
    sentence = "{who} takes part in nothing on {day} at {time} ({note}): {lessons}."
    mend = "Move the lesson to a period that is not blocked."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for blocked in board.city.blocked:
            for code in board.city.periods:
                bell = board.city.periods[code].get(blocked.period)
                if bell is not None and blocked.school_code in (None, code):
                    items = [*board.by_hub.get(code, ()), *board.by_school.get(code, ())]
                    starts, ends = minutes(bell.starts), minutes(bell.ends)
                    yield from _none_within(
                        items, blocked.weekday, starts, ends, blocked.reason, code
                    )


def _none_within(
    items: Iterable[Item],
    weekday: int,
    starts: int,
    ends: int,
    note: str,
    about: str,
    weeks: Weeks = Weeks.ALL,
) -> Iterator[Limit]:
    for item in items:
        if (
            item.weekday == weekday
            and item.starts < ends
            and starts < item.ends
            and share_weeks(item.weeks, weeks)
        ):
            yield Limit((item,), 0, about, item.weeks, note=note)


def _school_of(city: City, who: str) -> str:
    person = city.teacher.get(who) or city.class_group.get(who)
    return person.school_code if person else ""
