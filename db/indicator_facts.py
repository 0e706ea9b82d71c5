"""The facts that indicators are made of: read in one snapshot, added up by the database."""

import contextlib
import itertools
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from db import calendar, city
from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.indicators.facts import (
    Need,
    RegisteredRoom,
    Registers,
    Tally,
)
from scheduler.indicators.formulas import counts_lead_rooms
from scheduler.indicators.schools import PeopleSaid, RegisteredSchool, SchoolRegister, SchoolSaid
from scheduler.indicators.values import Cut, Dimension, IndicatorRules
from scheduler.indicators.weeks import SchoolWeek, counted_weeks, normal
from scheduler.model import DEFAULT_ZONE, Term

_sql = named("indicators")

_COUNTED = frozenset(field.name for field in fields(Tally))
WEEK = "week"  # what else figures are told apart by: calendar weeks, for the trend
_ROLLED = (WEEK, Dimension.CITY, Dimension.SCHOOL)  # what of the city roll-ups have

#: Terms, the earliest first, each with the numbers of its exam weeks.
Terms: TypeAlias = tuple[tuple[Term, frozenset[int]], ...]
Tallies: TypeAlias = Mapping[str, Tally]


@contextlib.asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """One unchanging view of the database, unless the caller's transaction already is one."""
    nested = connection.is_in_transaction()
    isolation = None if nested else "repeatable_read"
    async with connection.transaction(isolation=isolation, readonly=not nested):  # type: ignore[arg-type]  # stubs want a literal
        await _sql.plan_for_these_arguments(connection)
        yield


def local_day(terms: Terms, as_of: datetime) -> date:
    """The city's date at an instant: by the zone of its latest term."""
    zones = [term.zone for term, _ in terms]
    return as_of.astimezone(ZoneInfo(zones[-1] if zones else DEFAULT_ZONE)).date()


async def read_terms(connection: Connection) -> Terms:
    return tuple(
        [
            (term, await calendar.exam_weeks(connection, term.id))
            for term in await calendar.whole_terms(connection)
        ]
    )


async def read_registers(
    connection: Connection,
    cut: Cut,
    terms: Terms,
    as_of: datetime,
) -> Registers:
    """What the whole city's denominators are taken from, as known at an instant: rooms of its day,
    schools of the period."""
    since, until = period(cut)
    day = local_day(terms, as_of)
    register = await _school_register(connection, as_of)

    def schools_of(first: date, last: date) -> tuple[RegisteredSchool, ...]:
        return register.between(max(since, first), min(until, day, last))

    return Registers(
        rooms=tuple(
            [
                value(RegisteredRoom, row)
                async for row in _sql.registered_rooms(connection, as_of=as_of)
            ]
        ),
        schools=schools_of(since, until),
        needs=tuple([value(Need, row) async for row in _sql.needs(connection, day=day)]),
        weeks=counted_weeks(terms, since, min(until, day)),
        targets=tuple(await city.targets(connection)),
        schools_of=schools_of,
    )


async def _school_register(connection: Connection, as_of: datetime) -> SchoolRegister:
    schools = _sql.receiving_schools(connection, as_of=as_of)
    people = _sql.school_people(connection, as_of=as_of)
    return SchoolRegister(
        [value(SchoolSaid, row) async for row in schools],
        [value(PeopleSaid, row) async for row in people],
    )


def period(cut: Cut) -> tuple[date, date]:
    """First and last day: of a cut by month, those of its month that are in the period."""
    if cut.dimension is not Dimension.MONTH:
        return cut.since, cut.until
    first = date.fromisoformat(f"{cut.key}-01")
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return max(cut.since, first), min(cut.until, last)


def asked(cut: Cut, as_of: datetime) -> dict[str, Any]:
    """What every query of facts is asked with: a month is a shorter period of the city."""
    since, until = period(cut)
    whole_city = cut.dimension is Dimension.MONTH
    return {
        "dimension": Dimension.CITY if whole_city else cut.dimension,
        "key": "" if whole_city else cut.key,
        "as_of": as_of,
        "since": since,
        "until": until,
    }


def whole_weeks(asked_with: Mapping[str, Any]) -> dict[str, Any]:
    """The same, from the Monday on of the week in which the period begins."""
    return {**asked_with, "since": asked_with["since"] - timedelta(days=6)}


class Reading:
    """The tallies of one cut in one snapshot."""

    def __init__(
        self,
        connection: Connection,
        cut: Cut,
        as_of: datetime,
        day: date,
        choices: IndicatorRules,
        registers: Registers,
    ) -> None:
        self._connection = connection
        self._cut = cut
        self._day = day
        self._choices = choices
        self._registers = registers
        self._asked = asked(cut, as_of)
        self._school_weeks: list[SchoolWeek] | None = None
        self._rolled: dict[str, dict[str, dict[str, int]]] | None = None

    async def tallies(self, by: str) -> Tallies:
        """Key → tally, for every value of `by` that anything happened for."""
        merged: Mapping[str, dict[str, int]] = defaultdict(dict)
        if self._asked["dimension"] is Dimension.CITY and by in _ROLLED:
            if self._rolled is None:
                self._rolled = await self._read_rolled()
            merged = self._rolled[by]
        else:
            where = {"by": by, **self._asked}
            held_to = self._held_to(Dimension.MONTH if by == WEEK else Dimension(by))
            for found in (
                _sql.link_tallies(self._connection, **where, **held_to),
                _sql.people(self._connection, **where),
                _sql.research_tallies(self._connection, **where),
                _sql.push_tallies(self._connection, **where),
            ):
                async for row in found:
                    merged[row["key"]] |= _numbers(row)
            if by in (WEEK, Dimension.CITY, Dimension.SCHOOL, Dimension.MONTH):
                for key, (used, regular) in (await self._normal_use(by)).items():
                    merged[key] |= {"school_weeks": used, "regular_schools": regular}
        return {key: Tally(**numbers) for key, numbers in merged.items()}

    def _held_to(self, told: Dimension) -> dict[str, Any]:
        """What figures are held to: a day, limits, and whether rooms that lead count."""
        return {
            "day": self._day,
            "delay_limit": self._choices.delay_limit_ms,
            "loss_limit": self._choices.loss_limit,
            "lead_rooms": counts_lead_rooms(self._choices, self._cut.dimension, told),
        }

    async def _read_rolled(self) -> dict[str, dict[str, dict[str, int]]]:
        """By what is told apart → key → numbers, of the city, its weeks and its schools."""
        since, until = self._asked["since"], self._asked["until"]
        weeks = await self._weeks(since, until)
        blocks = [
            row["block"]
            async for row in _sql.whole_blocks(
                self._connection, since=since, until=until, whole=weeks.whole
            )
        ]
        in_blocks = {block + timedelta(weeks=n) for block in blocks for n in range(8)}
        rows = _sql.rolled_tallies(
            self._connection,
            as_of=self._asked["as_of"],
            since=since,
            until=until,
            whole=weeks.whole,
            rest=weeks.rest,
            blocks=blocks,
            single=[monday for monday in weeks.whole if monday not in in_blocks],
            **self._held_to(Dimension.CITY),
        )
        found: dict[str, dict[str, dict[str, int]]] = {by: defaultdict(dict) for by in _ROLLED}
        async for row in rows:
            found[row["told"]][row["key"]] = _numbers(row)
        around = await self._weeks_around()
        used = _sql.rolled_normal_use(
            self._connection,
            as_of=self._asked["as_of"],
            whole=around.whole,
            rest=around.rest,
            counted=[week.monday for week in self._registers.weeks],
            links=self._choices.regular_links,
            share=self._choices.regular_share,
        )
        async for row in used:
            found[row["told"]][row["key"]] |= _numbers(row)
        return found

    async def _normal_use(self, by: str) -> dict[str, tuple[int, int]]:
        """Key → school-weeks in normal use, regular schools."""
        if self._school_weeks is None:
            self._school_weeks = await self._read_school_weeks()
        weeks = self._registers.weeks
        if by == Dimension.SCHOOL:
            used, regular = normal(self._school_weeks, weeks, self._choices)
            of_school = Counter(each.school_code for each in used)
            return {code: (number, int(code in regular)) for code, number in of_school.items()}
        groups = {"": weeks}
        if by == WEEK:
            groups = {week.monday.isoformat(): (week,) for week in weeks}
        elif by == Dimension.MONTH:
            months = sorted({week.last_day.isoformat()[:7] for week in weeks})
            groups = {m: self._registers.of(Dimension.MONTH, m).weeks for m in months}
        by_monday = defaultdict(list)
        for each in self._school_weeks:
            by_monday[each.monday].append(each)
        found = {}
        for key, of in groups.items():
            theirs = itertools.chain.from_iterable(by_monday[week.monday] for week in of)
            used, regular = normal(theirs, of, self._choices)
            found[key] = (len(used), len(regular))
        return found

    async def _weeks(self, since: date, until: date) -> "_Weeks":
        """The calendar weeks of a period that have begun."""
        whole = [
            row["monday"]
            async for row in _sql.whole_weeks(
                self._connection,
                as_of=self._asked["as_of"],
                since=since,
                until=until,
                delay_limit=self._choices.delay_limit_ms,
                loss_limit=self._choices.loss_limit,
            )
        ]
        monday = since - timedelta(days=since.weekday())
        number = (min(until, self._day) - monday).days // 7 + 1
        begun = {monday + timedelta(weeks=n) for n in range(number)}
        rest = _sql.weeks_with_lessons(self._connection, mondays=sorted(begun.difference(whole)))
        return _Weeks(whole, [row["monday"] async for row in rest])

    async def _weeks_around(self) -> "_Weeks":
        """The same with all days of the first and the last week."""
        since, until = self._asked["since"], self._asked["until"]
        return await self._weeks(
            since - timedelta(days=since.weekday()), until + timedelta(days=6 - until.weekday())
        )

    async def _read_school_weeks(self) -> list[SchoolWeek]:
        if self._asked["dimension"] is not Dimension.CITY:
            found = _sql.school_weeks(self._connection, **whole_weeks(self._asked))
        else:
            weeks = await self._weeks_around()
            found = _sql.rolled_school_weeks(
                self._connection, as_of=self._asked["as_of"], **weeks._asdict()
            )
        # There are thousands of them.
        return [SchoolWeek(row["school_code"], row["monday"], row["links"]) async for row in found]


def _numbers(row: Mapping[str, Any]) -> dict[str, int]:
    """The fields of a tally that a row has."""
    return {name: int(n or 0) for name, n in row.items() if name in _COUNTED}


class _Weeks(NamedTuple):
    """Mondays of weeks: rolled up, and not."""

    whole: list[date]
    rest: list[date]
