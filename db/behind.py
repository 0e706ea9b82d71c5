"""The list behind one side of a figure, page by page, each line with the way to its evidence.

The amounts of a list add up to its figure: a test holds every list to that.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from db.behind_lines import (
    NoSuchFigure,
    before,
    cut_off,
    link,
    newest,
    part,
    researcher,
)
from db.indicator_facts import (
    Terms,
    asked,
    local_day,
    read_registers,
    read_terms,
    snapshot,
    whole_weeks,
)
from db.pool import Connection
from db.queries import named
from scheduler.indicators.facts import Registers
from scheduler.indicators.formulas import counts_lead_rooms, meaning
from scheduler.indicators.values import (
    Behind,
    Cut,
    IndicatorRules,
    Listed,
    Page,
    Side,
)
from scheduler.indicators.weeks import SchoolWeek, normal

__all__ = ["NoSuchFigure", "rows_behind"]

_sql = named("behind")
_facts = named("indicators")

_N, _D = Side.NUMERATOR, Side.DENOMINATOR

#: (indicator, measure, side) → which links, by the name that db/queries/behind.sql gives them.
_LINKS: Mapping[tuple[int, str, Side], str] = {
    (4, "delivery", _N): "valid",
    (4, "delivery", _D): "due",
    (5, "received", _N): "valid",
    (7, "times", _N): "pupil_times",
    (8, "attendance", _N): "present",
    (8, "attendance", _D): "expected",
    (11, "interaction", _N): "responded",
    (11, "interaction", _D): "interactive",
    (12, "interrupted", _N): "interrupted",
    (12, "interrupted", _D): "started",
    (12, "made_up", _N): "makeups_in_time",
    (12, "made_up", _D): "makeups_required",
    (13, "quality", _N): "within_limits",
    (13, "quality", _D): "measured",
}
#: The same of sessions → whether only those that were evaluated.
_SESSIONS: Mapping[tuple[int, str, Side], bool] = {
    (5, "led", _N): False,
    (14, "evaluation", _N): True,
    (14, "evaluation", _D): False,
}


async def rows_behind(
    connection: Connection,
    cut: Cut,
    as_of: datetime,
    indicator: int,
    measure: str,
    side: Side,
    after: str | None = None,
    limit: int = 100,
    choices: IndicatorRules | None = None,
) -> Page:
    """The lines behind one side of a measure, from `after` on (a page's `after`; None: the first).

    Where heads are counted (8), links that were there without a head count are listed with the
    amount 0. Raises NoSuchFigure.
    """
    choices = choices or IndicatorRules()
    figure = (indicator, measure, side)
    if indicator not in meaning(cut.dimension, cut.key):
        raise NoSuchFigure
    async with snapshot(connection):
        terms = await read_terms(connection)
        listing = _Listing(connection, cut, as_of, terms, choices)
        if figure in _LINKS:
            return await listing.links(_LINKS[figure], after, limit)
        if figure in _SESSIONS:
            return await listing.sessions(_SESSIONS[figure], after, limit)
        registers = await read_registers(connection, cut, terms, as_of)
        lines = await listing.small(figure, registers.of(cut.dimension, cut.key))
    return part(lines, after, limit)


class _Listing:
    """The lists of one cut in one snapshot."""

    def __init__(
        self,
        connection: Connection,
        cut: Cut,
        as_of: datetime,
        terms: Terms,
        choices: IndicatorRules,
    ) -> None:
        self._connection = connection
        self._cut = cut
        self._asked = asked(cut, as_of)
        self._choices = choices
        self.day = local_day(terms, as_of)

    async def links(self, what: str, after: str | None, limit: int) -> Page:
        earlier, earlier_id = before(after)
        found = _sql.links(
            self._connection,
            **self._asked,
            what=what,
            day=self.day,
            delay_limit=self._choices.delay_limit_ms,
            loss_limit=self._choices.loss_limit,
            before=earlier,
            before_id=earlier_id,
            count=limit + 1,
        )
        return cut_off([link(row) async for row in found], limit)

    async def sessions(self, evaluated: bool, after: str | None, limit: int) -> Page:
        earlier, earlier_id = before(after)
        found = _sql.lessons(
            self._connection,
            **self._asked,
            evaluated=evaluated,
            before=earlier,
            before_id=earlier_id,
            count=limit + 1,
        )
        lines = [
            Behind(
                Listed.SESSION,
                f"{row['starts_at'].isoformat()}|{row['session_id']}",
                1,
                participant_id=row["participant_id"],
                session_id=row["session_id"],
                starts_at=row["starts_at"],
                ends_at=row["ends_at"],
                school_code=row["hub_code"],
                room_id=row["lead_room_id"],
                teacher_id=row["lead_teacher_id"],
                subject=row["subject"],
            )
            async for row in found
        ]
        return cut_off(lines, limit)

    async def small(self, figure: tuple[int, str, Side], registers: Registers) -> list[Behind]:
        """Lists as long as registers, or a period's meetings, are. Raises NoSuchFigure."""
        match figure:
            case (1, measure, side):
                return self._built(measure, side, registers)
            case (2, "school_coverage", side):
                return await self._schools(side, registers)
            case (3, "room_use", side):
                return await self._rooms(side, registers)
            case (6, "lead" | "assistant" | "researcher" | "union" as did, Side.NUMERATOR):
                return await self._teachers(did)
            case (7, "pupils" | "reach", Side.NUMERATOR):
                return await self._classes()
            case (7, "reach", Side.DENOMINATOR):
                return [
                    Behind(Listed.SCHOOL, s.code, s.enrolment, school_code=s.code)
                    for s in registers.schools
                ]
            case (9, "weeks" | "regular" as measure, side):
                return await self._weeks(measure, side, registers)
            case (10, "subject_coverage", side):
                return await self._needs(side, registers)
            case (15, measure, side):
                return await self._research(measure, side, registers)
            case (16, measure, side):
                return await self._pushes(measure, side)
        raise NoSuchFigure

    def _built(self, measure: str, side: Side, registers: Registers) -> list[Behind]:
        rooms = [r for r in registers.rooms if self._choices.hub_rooms_count or not r.hub]
        last = self.day
        if measure != "accepted":
            targets = {f"target_{t.deadline.isoformat()}": t for t in registers.targets}
            if measure not in targets:
                raise NoSuchFigure
            target = targets[measure]
            if side is _D:
                return [Behind(Listed.TOTAL, measure, target.rooms, day=target.deadline)]
            if target is not registers.targets[-1]:
                last = min(last, target.deadline)
        return [
            Behind(
                Listed.ROOM,
                r.id,
                1,
                school_code=r.school_code,
                room_id=r.id,
                day=r.counts_from,
            )
            for r in rooms
            if side is _D or (r.counts_from is not None and r.counts_from <= last)
        ]

    async def _reached(self, kind: str) -> dict[str, Any]:
        found = _sql.reached(self._connection, **self._asked, kind=kind)
        return {row["id"]: row async for row in found}

    async def _schools(self, side: Side, registers: Registers) -> list[Behind]:
        reached = await self._reached("school")
        return [
            Behind(Listed.SCHOOL, s.code, 1, school_code=s.code, **newest(reached.get(s.code)))
            for s in registers.schools
            if side is _D or s.code in reached
        ]

    async def _rooms(self, side: Side, registers: Registers) -> list[Behind]:
        used = await self._reached("room")
        lead_rooms = counts_lead_rooms(self._choices, self._cut.dimension)
        return [
            Behind(
                Listed.ROOM,
                r.id,
                1,
                school_code=r.school_code,
                room_id=r.id,
                day=r.counts_from,
                **newest(used.get(r.id)),
            )
            for r in registers.rooms
            if r.counts_from is not None
            and r.counts_from <= self.day
            and (lead_rooms or not r.hub)
            and (side is _D or r.id in used)
        ]

    async def _teachers(self, did: str) -> list[Behind]:
        found: dict[str, Behind] = {}
        for kind in ("lead", "assistant"):
            if did in (kind, "union"):
                for teacher, row in (await self._reached(kind)).items():
                    found[teacher] = Behind(
                        Listed.TEACHER, teacher, 1, teacher_id=teacher, **newest(row)
                    )
        if did in ("researcher", "union"):
            for row in await self._meetings():
                if row["attended"] and row["teacher_id"] not in found:
                    found[row["teacher_id"]] = researcher(row)
        return [found[teacher] for teacher in sorted(found)]

    async def _classes(self) -> list[Behind]:
        return [
            Behind(
                Listed.CLASS,
                class_id,
                row["most"] or 0,
                school_code=row["school_code"],
                class_id=class_id,
                **newest(row),
            )
            for class_id, row in (await self._reached("class")).items()
        ]

    async def _weeks(self, measure: str, side: Side, registers: Registers) -> list[Behind]:
        found = _facts.school_weeks(self._connection, **whole_weeks(self._asked))
        school_weeks = [
            SchoolWeek(row["school_code"], row["monday"], row["links"]) async for row in found
        ]
        used, regular = normal(school_weeks, registers.weeks, self._choices)
        if measure == "regular":
            return [
                Behind(Listed.SCHOOL, s.code, 1, school_code=s.code)
                for s in registers.schools
                if s.code in regular or (side is _D and registers.weeks)
            ]
        in_use = {(u.school_code, u.monday) for u in used}
        reached = await self._reached("school_week")
        return [
            Behind(
                Listed.SCHOOL_WEEK,
                f"{s.code}/{week.monday}",
                1,
                school_code=s.code,
                day=week.monday,
                **newest(reached.get(f"{s.code}/{week.monday}")),
            )
            for s in registers.schools
            for week in registers.weeks
            if side is _D or (s.code, week.monday) in in_use
        ]

    async def _needs(self, side: Side, registers: Registers) -> list[Behind]:
        reached = await self._reached("subject_grade")
        lines = []
        for need in registers.needs:
            name = f"{need.school_code}/{need.subject}/{need.grade}"
            if side is _D or name in reached:
                lines.append(
                    Behind(
                        Listed.SUBJECT_GRADE,
                        name,
                        1,
                        school_code=need.school_code,
                        subject=need.subject,
                        grade=need.grade,
                        **newest(reached.get(name)),
                    )
                )
        return lines

    async def _meetings(self) -> Sequence[Any]:
        return [row async for row in _sql.meetings(self._connection, **self._asked)]

    async def _research(self, measure: str, side: Side, registers: Registers) -> list[Behind]:
        if (measure, side) == ("teachers", _D):
            schools = {s.code for s in registers.schools}
            found = _facts.teachers_of_period(
                self._connection,
                since=self._asked["since"],
                until=min(self._asked["until"], self.day),
                as_of=self._asked["as_of"],
            )
            return [
                Behind(
                    Listed.TEACHER,
                    row["id"],
                    1,
                    teacher_id=row["id"],
                    school_code=row["school_code"],
                )
                async for row in found
                if row["school_code"] in schools
            ]
        if side is _D:
            raise NoSuchFigure
        rows = await self._meetings()
        attended = [row for row in rows if row["attended"]]
        match measure:
            case "activities" | "hours":
                held = {row["session_id"]: row for row in rows}
                return [
                    Behind(
                        Listed.SESSION,
                        str(session_id),
                        1 if measure == "activities" else row["seconds"] / 3600,
                        session_id=session_id,
                        starts_at=row["starts_at"],
                        seconds=row["seconds"],
                    )
                    for session_id, row in held.items()
                ]
            case "attendances":
                return [
                    researcher(row, Listed.ATTENDANCE, str(row["participant_id"]))
                    for row in attended
                ]
            case "teachers":
                latest = {r["teacher_id"]: r for r in reversed(attended) if r["receiving"]}
                return [researcher(latest[teacher]) for teacher in sorted(latest)]
        raise NoSuchFigure

    async def _pushes(self, measure: str, side: Side) -> list[Behind]:
        rows = [row async for row in _sql.pushed(self._connection, **self._asked)]
        if (measure, side) == ("packages", _N):
            sent = {row["push_id"]: row["sent_on"] for row in rows}
            return [Behind(Listed.PACKAGE, str(push), 1, day=day) for push, day in sent.items()]
        if measure not in ("fetched", "opened", "watched"):
            raise NoSuchFigure
        return [
            Behind(
                Listed.TARGET,
                f"{row['push_id']}/{row['class_id']}",
                1,
                participant_id=row["source_session_participant"],
                school_code=row["school_code"],
                class_id=row["class_id"],
                day=row["sent_on"],
            )
            for row in rows
            if side is _D or row[measure]
        ]
