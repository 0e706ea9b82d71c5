"""A draft becomes the timetable from a day on; pages, API and commands publish by this."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from classroom_sync.errors import Refused
from classroom_sync.planning import Planned, plan
from classroom_sync.timetabling import check, city_now, today
from db import marks, timetable
from db.pool import Connection
from db.sessions import Clash
from scheduler import words
from scheduler.city import City
from scheduler.model import Term, TimetableVersion


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing replaced before it began, and what it could not keep, in words."""

    said: tuple[words.Sentence, ...]


class _Replaced:
    sentence = "Version {number}, planned from {day} on, is replaced and will not be held."


class _Clash:
    sentence = "On {day}: {lesson} clashes with another lesson and is not held."


async def publish(
    connection: Connection,
    term: Term,
    draft: TimetableVersion,
    valid_from: date,
    now: datetime,
    actor: str,
    *,
    despite_conflicts: bool = False,
) -> Published:
    """Publish a draft, plan its sessions, and carry over what was changed of single days.

    Raises Refused (409, 422): the caller's transaction ends with it.
    """
    if draft.state != "draft":
        raise _published()
    if valid_from < today(term, now):
        raise Refused(
            422, "A timetable holds from today on or later: what has happened stays as it was."
        )
    if not draft.lessons:
        raise Refused(422, "This draft has no lessons: nothing would be held.")
    of = await city_now(connection, term, now)
    hard = (await check(of, draft.lessons)).hard
    if hard and not despite_conflicts:
        raise Refused(
            409,
            "Conflicts that break hard rules: {count}. What clashes will not be held: mend them, "
            "or publish all the same.",
            count=len(hard),
        )
    try:
        replaced = await timetable.publish(connection, draft.id, draft.term_id, valid_from, now)
    except timetable.NoDraft:
        raise _published() from None
    planned = await plan(connection, now)
    await marks.add_audit(
        connection,
        actor,
        "published",
        f"timetable:{draft.id}",
        valid_from=valid_from.isoformat(),
        lost=len(planned.lost),
    )
    return Published((*map(_not_held, replaced), *_said(of, planned, draft)))


def _published() -> Refused:
    return Refused(
        409, "This version is published and cannot change: make a draft from it, and change that."
    )


def _not_held(version: timetable.Replaced) -> words.Sentence:
    values: dict[str, words.Value] = {"number": version.number, "day": str(version.valid_from)}
    return words.Sentence(_Replaced.sentence, values)


def _said(of: City, planned: Planned, draft: TimetableVersion) -> Iterator[words.Sentence]:
    ours = {lesson.id for lesson in draft.lessons}
    for lost in planned.lost:
        yield lost.sentence(of)
    yield from _clashes(of, (c for c in planned.clashes if c.occurrence.lesson.id in ours))


def _clashes(of: City, found: Iterable[Clash]) -> Iterator[words.Sentence]:
    for clash in found:
        values: dict[str, words.Value] = {
            "day": str(clash.occurrence.day),
            "lesson": words.lesson(of, clash.occurrence.lesson),
        }
        yield words.Sentence(_Clash.sentence, values)
