"""What differs between two versions of a timetable, in words.

Versions share no lesson ids, and a class may leave one session for another. So each class's lessons
of a subject are paired, those at the same time first; a change that several classes of a lesson
make together is told once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from scheduler import words
from scheduler.board import grouped
from scheduler.city import City, clock, minutes
from scheduler.model import Lesson, Receiver


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"  # to another day or period
    SUBSTITUTED = "substituted"  # another lead teacher
    WEEKS = "weeks"
    LEAD_ROOM = "lead_room"
    ROOM = "room"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` is None where a lesson is new, `after` where it is gone."""

    kind: ChangeKind
    before: Lesson | None
    after: Lesson | None
    classes: tuple[str, ...]  # ids of those it concerns
    sentence: words.Sentence
    part: words.Sentence  # the same, where the lesson and its classes have been named already


@dataclass(frozen=True, slots=True)
class LessonChange:
    """All that becomes of one lesson: `sentence` names it once."""

    before: Lesson | None
    after: Lesson | None
    sentence: words.Sentence


@dataclass(frozen=True, slots=True)
class _Link:
    lesson: Lesson
    receiver: Receiver


@dataclass(frozen=True, slots=True)
class _Difference:
    kind: ChangeKind
    before: Lesson | None
    after: Lesson | None
    what: str = ""  # the new room or person


def diff(city: City, old: Iterable[Lesson], new: Iterable[Lesson]) -> list[Change]:
    """What was changed, in order of time. A lesson may move and be substituted: two changes."""
    classes: defaultdict[_Difference, list[str]] = defaultdict(list)
    was = grouped(_links(old), lambda k: (k.receiver.class_id, k.lesson.subject))
    now = grouped(_links(new), lambda k: (k.receiver.class_id, k.lesson.subject))
    for key in sorted({*was, *now}):
        for before, after in _paired(was.get(key, []), now.get(key, [])):
            for difference in _differences(before, after):
                classes[difference].append(key[0])
    changes = [_change(city, found, tuple(who)) for found, who in classes.items()]
    return sorted(changes, key=_when)


def lessons_of(found: Iterable[Change], kind: ChangeKind) -> int:
    """How many lessons a kind of change is made to, whatever number of classes are in each."""
    return len({change.before for change in found if change.kind is kind})


def by_lesson(city: City, found: Iterable[Change]) -> list[LessonChange]:
    """The changes of each lesson in one sentence, in the order of their first ones."""
    together: defaultdict[tuple[Lesson | None, Lesson | None], list[Change]] = defaultdict(list)
    for change in found:
        together[change.before, change.after].append(change)
    return [
        LessonChange(before, after, _whole(city, some))
        for (before, after), some in together.items()
    ]


def _whole(city: City, some: list[Change]) -> words.Sentence:
    """One change in its own sentence; several after the lesson's name, each with its classes where
    it is not about all of them."""
    if len(some) == 1:
        return some[0].sentence
    classes = tuple(sorted({each for change in some for each in change.classes}))
    at = some[0].before or some[0].after
    assert at is not None, "a change has a side"
    return words.Sentence(
        _Several.sentence,
        {
            "classes": _named(city, classes),
            "lesson": words.lesson(city, at),
            "parts": tuple(
                change.part
                if set(change.classes) == set(classes)
                else words.Sentence(
                    _OfSome.sentence,
                    {"classes": _named(city, change.classes), "part": change.part},
                )
                for change in sorted(some, key=lambda change: _ORDER.index(change.kind))
            ),
        },
    )


class _Several:
    sentence = "{classes}: {lesson}: {parts}."


class _OfSome:
    sentence = "{classes}: {part}"


def _named(city: City, classes: Iterable[str]) -> words.Names:
    return words.Names(tuple(words.who(city, each) for each in classes))


def _links(lessons: Iterable[Lesson]) -> Iterator[_Link]:
    return (_Link(lesson, receiver) for lesson in lessons for receiver in lesson.receivers)


def _paired(old: list[_Link], new: list[_Link]) -> Iterator[tuple[_Link | None, _Link | None]]:
    """The closest two first, until one side is used up."""
    old, new = list(old), list(new)
    while old and new:
        one, other = min(((a, b) for a in old for b in new), key=lambda pair: _distance(*pair))
        old.remove(one)
        new.remove(other)
        yield one, other
    yield from ((left, None) for left in old)
    yield from ((None, left) for left in new)


def _distance(one: _Link, other: _Link) -> tuple[int, int, bool, bool]:
    a, b = one.lesson, other.lesson
    return (
        abs(a.weekday - b.weekday),
        abs(a.period - b.period),
        a.weeks is not b.weeks,
        a.lead_teacher_id != b.lead_teacher_id,
    )


def _differences(before: _Link | None, after: _Link | None) -> Iterator[_Difference]:
    if before is None or after is None:
        if after is not None:
            yield _Difference(ChangeKind.ADDED, None, after.lesson)
        if before is not None:
            yield _Difference(ChangeKind.REMOVED, before.lesson, None)
        return
    a, b = before.lesson, after.lesson
    if (a.weekday, a.period) != (b.weekday, b.period):
        yield _Difference(ChangeKind.MOVED, a, b)
    if a.weeks is not b.weeks:
        yield _Difference(ChangeKind.WEEKS, a, b)
    if a.lead_teacher_id != b.lead_teacher_id:
        yield _Difference(ChangeKind.SUBSTITUTED, a, b, b.lead_teacher_id)
    if a.lead_room_id != b.lead_room_id:
        yield _Difference(ChangeKind.LEAD_ROOM, a, b, b.lead_room_id)
    if before.receiver.room_id != after.receiver.room_id:
        yield _Difference(ChangeKind.ROOM, a, b, after.receiver.room_id)
    if before.receiver.assistant_id != after.receiver.assistant_id:
        yield _Difference(ChangeKind.ASSISTANT, a, b, after.receiver.assistant_id or "—")


def _change(city: City, found: _Difference, classes: tuple[str, ...]) -> Change:
    at = found.before or found.after
    to = found.after or found.before
    assert at is not None, "a difference has a side"
    assert to is not None, "a difference has a side"
    values: dict[str, words.Value] = {
        "lesson": words.lesson(city, at),
        "classes": _named(city, classes),
        "day": words.weekday(to.weekday),
        "time": clock(minutes(city.period(to.hub_code, to.period).starts)),
        "weeks": words.Sentence(words.WEEKS[to.weeks]),
        "what": words.who(city, found.what),
    }
    whole, part = (words.Sentence(of[found.kind], values) for of in (_SENTENCES, _PARTS))
    return Change(found.kind, found.before, found.after, classes, whole, part)


def _when(change: Change) -> tuple[int, int, tuple[str, ...], str]:
    at = change.before or change.after
    assert at is not None, "a change has a side"
    return at.weekday, at.period, change.classes, change.kind


_SENTENCES = {
    ChangeKind.ADDED: "{classes}: {lesson} is new.",
    ChangeKind.REMOVED: "{classes}: {lesson} is no longer held.",
    ChangeKind.MOVED: "{classes}: {lesson} moves to {day} at {time}.",
    ChangeKind.SUBSTITUTED: "{classes}: {what} gives {lesson}.",
    ChangeKind.WEEKS: "{classes}: {lesson} is held in {weeks}.",
    ChangeKind.LEAD_ROOM: "{classes}: {lesson} is given in {what}.",
    ChangeKind.ROOM: "{classes} listen to {lesson} in {what}.",
    ChangeKind.ASSISTANT: "{classes}: {what} is there in {lesson}.",
}

_PARTS = {
    ChangeKind.ADDED: "is new",
    ChangeKind.REMOVED: "is no longer held",
    ChangeKind.MOVED: "moves to {day} at {time}",
    ChangeKind.SUBSTITUTED: "{what} gives it",
    ChangeKind.WEEKS: "is held in {weeks}",
    ChangeKind.LEAD_ROOM: "is given in {what}",
    ChangeKind.ROOM: "is listened to in {what}",
    ChangeKind.ASSISTANT: "{what} is there",
}
#: In which order the parts of a sentence follow each other.
_ORDER = tuple(_PARTS)
