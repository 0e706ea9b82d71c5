"""What was changed of single days, carried over to a new version of the timetable.

Versions share no lesson ids. The lesson of the new version that is the same to those who attend it
has the same subject and the same classes on the same day, at whatever time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from scheduler import words
from scheduler.city import City
from scheduler.model import Lesson, Occurrence, Receiver


class Why(StrEnum):
    """Why a change of one day could not be carried over."""

    GONE = "gone"  # the new version has no such lesson on the day
    OTHERWISE = "otherwise"  # it has other people or rooms where the day had changed them
    TAKEN = "taken"  # who stands in is in another lesson then
    MADE_UP = "made_up"  # a cancelled lesson is gone, its make-up is not


@dataclass(frozen=True, slots=True)
class NotCarried:
    """A change that was lost: of a lesson of the old version, on a day."""

    day: date
    lesson: Lesson
    why: Why

    def sentence(self, city: City) -> words.Sentence:
        values: dict[str, words.Value] = {
            "day": str(self.day),
            "lesson": words.lesson(city, self.lesson),
        }
        return words.Sentence(_SENTENCES[self.why], values)


def same_lesson(old: Lesson, day: date, among: Iterable[Occurrence]) -> Occurrence | None:
    """The occurrence that is the old lesson's on a day: the nearest in time, if there are more."""
    found = [
        o
        for o in among
        if o.day == day and o.lesson.subject == old.subject and _classes(o.lesson) == _classes(old)
    ]
    return min(found, key=lambda o: abs(o.lesson.period - old.period), default=None)


def recast(old: Lesson, held: Lesson, new: Lesson) -> tuple[Lesson, bool]:
    """The new lesson with what a day changed of the old one (`held`); whether that is all of it.

    A person or room is replaced only where the new version has the one that was replaced.
    """
    whole = True

    def carried(was: str | None, became: str | None, now: str | None) -> str | None:
        nonlocal whole
        if was == became or now == became:
            return now
        if now == was:
            return became
        whole = False
        return now

    before = {r.class_id: r for r in old.receivers}
    after = {r.class_id: r for r in held.receivers}
    receivers = []
    for receiver in new.receivers:
        was, became = before[receiver.class_id], after.get(receiver.class_id)
        if became is None:
            continue  # the class did not attend on that day
        receivers.append(
            Receiver(
                carried(was.room_id, became.room_id, receiver.room_id) or receiver.room_id,
                receiver.class_id,
                carried(was.assistant_id, became.assistant_id, receiver.assistant_id),
            )
        )
    receivers += [r for r in held.receivers if r.class_id not in before]
    return (
        replace(
            new,
            lead_teacher_id=carried(old.lead_teacher_id, held.lead_teacher_id, new.lead_teacher_id)
            or new.lead_teacher_id,
            lead_room_id=carried(old.lead_room_id, held.lead_room_id, new.lead_room_id)
            or new.lead_room_id,
            receivers=tuple(receivers),
        ),
        whole,
    )


def _classes(lesson: Lesson) -> frozenset[str]:
    return frozenset(r.class_id for r in lesson.receivers)


_SENTENCES = {
    Why.GONE: "On {day}: what was changed of {lesson} is lost, as the new timetable does not hold "
    "it for these classes on that day.",
    Why.OTHERWISE: "On {day}: what was changed of {lesson} is lost, as the new timetable gives it "
    "to others.",
    Why.TAKEN: "On {day}: what was changed of {lesson} is lost, as somebody or something in it is "
    "in another lesson then.",
    Why.MADE_UP: "On {day}: {lesson} was cancelled and its make-up stays, though the new timetable "
    "does not hold it on that day.",
}
