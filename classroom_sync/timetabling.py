"""The city as rules and solver take it, read from the database; and the check of whole versions."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from classroom_sync.errors import Refused
from classroom_sync.exchange import day_within
from db import calendar, city, drafts, timetable
from db.pool import Connection
from scheduler import rules
from scheduler.bells import NoBells
from scheduler.calendar import runs_in
from scheduler.city import City, bells_on
from scheduler.model import Lesson, Term
from scheduler.rules import OFF, Conflict, Rules

RULES = Rules()  # DOMAIN's assumed numbers


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with lessons, and what they cost by soft rule in a fortnight."""

    conflicts: tuple[Conflict, ...]
    score: dict[str, int]

    @property
    def hard(self) -> tuple[Conflict, ...]:
        return tuple(c for c in self.conflicts if c.hard)


async def need_term(connection: Connection) -> Term:
    """The latest term. Raises Refused (409) when there is none."""
    term = await calendar.latest_term(connection)
    if term is None:
        raise Refused(409, "There is no term yet: an administrator must enter the calendar.")
    return term


async def read_city(connection: Connection, term: Term, on: date) -> City:
    """Everything a timetable of a term is judged by, with the bells of one day."""
    return City(
        schools=tuple(await city.schools(connection)),
        rooms=tuple(await city.rooms(connection)),
        teachers=tuple(await city.teachers(connection)),
        classes=tuple(await city.class_groups(connection)),
        bells=bells_on(await calendar.bells(connection), on),
        demands=await drafts.demands(connection, term.id),
        busy=await timetable.busy_times(connection, term.id),
        decisions=await drafts.decisions(connection, term.id),
        subjects=tuple(await city.subjects(connection)),
    )


async def city_now(connection: Connection, term: Term, now: datetime) -> City:
    """The city with today's bells, or those of the term's nearest day."""
    return await read_city(connection, term, day_within(term, now))


SOFT = {rule.key: rule.weight for rule in rules.RULES if rule.weight is not None}  # own weights


def weights_in(by: Rules) -> dict[str, int]:
    """Every soft rule's weight."""
    return {key: by.weights.get(key, own) or OFF for key, own in SOFT.items()}


async def rules_of(connection: Connection, version_id: UUID) -> Rules:
    """The rules that a version is judged by: with the weights it has been given."""
    return replace(RULES, weights=await drafts.weights(connection, version_id))


async def check(of: City, lessons: Sequence[Lesson], by: Rules = RULES) -> Checked:
    """Conflicts and score of a version. Lessons of different ranges of weeks do not meet: each
    stretch of the term in which the same lessons are held is checked, and costs are its worst's.

    Beside the event loop. Raises Refused (409) where a school of the lessons has no such bell.
    """
    try:
        return await asyncio.to_thread(check_now, of, lessons, by)
    except NoBells:
        raise Refused(
            409, "A lesson is in a period that its school's bells do not have: move or remove it."
        ) from None


def check_now(of: City, lessons: Sequence[Lesson], by: Rules = RULES) -> Checked:
    """As `check`, at once. Raises bells.NoBells."""
    found: dict[tuple[object, ...], Conflict] = {}
    worst: dict[str, int] = {}
    for held in _stretches(lessons):
        for conflict in rules.check(of, held, by):
            ids = tuple(k.id for k in conflict.lessons)
            found.setdefault((conflict.rule, conflict.about, ids, conflict.weeks), conflict)
        score = rules.score(of, held, by)
        if sum(score.values()) >= sum(worst.values()):
            worst = score
    return Checked(tuple(sorted(found.values(), key=lambda c: not c.hard)), worst)


def broken_by(of: City, before: Sequence[Lesson], after: Sequence[Lesson]) -> Conflict | None:
    """A hard rule that `after` breaks more than `before` did, if there is one."""
    known = Counter[tuple[str, str]]()
    for conflict in rules.check(of, before, RULES):
        known[conflict.rule, conflict.about] += conflict.excess
    for conflict in rules.check(of, after, RULES):
        known[conflict.rule, conflict.about] -= conflict.excess
        if conflict.hard and known[conflict.rule, conflict.about] < 0:
            return conflict
    return None


def _stretches(lessons: Sequence[Lesson]) -> list[list[Lesson]]:
    """The lessons of each run of weeks between which no range begins or ends; a run of one week
    holds nothing of the other parity."""
    starts = {1} | {k.week_from for k in lessons if k.week_from}
    starts |= {k.week_until + 1 for k in lessons if k.week_until}
    found = []
    for week in sorted(starts):
        weeks = (week,) if week + 1 in starts else (week, week + 1)  # both kinds of weeks
        found.append([k for k in lessons if any(runs_in(k, each) for each in weeks)])
    return found


def today(term: Term, now: datetime) -> date:
    """The date of an instant where the term's schools are."""
    return now.astimezone(ZoneInfo(term.zone)).date()
