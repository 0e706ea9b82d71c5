"""From the weekly timetable to dated lessons.

On each teaching day the version valid on it is expanded; a version makes nothing that begins before
it was published, so that publishing never rewrites what already happened.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from scheduler import bells
from scheduler.calendar import teaching_days
from scheduler.model import BellSchedule, Lesson, Occurrence, Term, TimetableVersion


def expand(
    term: Term,
    versions: Iterable[TimetableVersion],
    schedules: Sequence[BellSchedule],
    school_of_room: Mapping[str, str],
    since: date,
    until: date,
) -> Iterator[Occurrence]:
    """Occurrences in [since, until] in order of day and start; `school_of_room` gives the school of
    each receiving room. Raises bells.NoBells."""
    versions = list(versions)
    for day in teaching_days(term, since, until):
        found = [
            occurrence(term, lesson, day.day, schedules, school_of_room)
            for version in versions
            if version.term_id == term.id and holds_on(version, day.day)
            for lesson in version.lessons
            if day.runs(lesson)
        ]
        published = {lesson.id: v.published_at for v in versions for lesson in v.lessons}
        for each in sorted(found, key=lambda o: (o.starts_at, o.lesson.lead_room_id)):
            earliest = published[each.lesson.id]
            if earliest is None or each.ends_at > earliest:
                yield each


def holds_on(version: TimetableVersion, day: date) -> bool:
    """Whether a version's lessons are those of a day."""
    return (
        version.valid_from is not None
        and version.valid_from <= day
        and (version.valid_until is None or day <= version.valid_until)
    )


def occurrence(
    term: Term,
    lesson: Lesson,
    day: date,
    schedules: Sequence[BellSchedule],
    school_of_room: Mapping[str, str],
) -> Occurrence:
    """A lesson on one date, with its classes' shifts. Raises bells.NoBells."""
    hub = bells.period(bells.schedule_on(schedules, lesson.hub_code, day), lesson.period)
    shifts = []
    for receiver in lesson.receivers:
        own = bells.schedule_on(schedules, school_of_room[receiver.room_id], day)
        shift = bells.shift(hub, own)
        shifts.append(
            (
                receiver.room_id,
                bells.instant(day, shift.busy_from, term.zone),
                bells.instant(day, shift.busy_until, term.zone),
            )
        )
    return Occurrence(
        lesson,
        day,
        bells.instant(day, hub.starts, term.zone),
        bells.instant(day, hub.ends, term.zone),
        tuple(shifts),
    )
