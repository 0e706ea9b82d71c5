"""A week of a timetable version as a grid: whose it is, what is wrong in it, and what it costs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from classroom_sync.api.timetable import lesson_data
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.pages.dated_week import Dated, WeekOnDates, period_of, read_dated_week
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Role
from classroom_sync.timetabling import (
    RULES,
    SOFT,
    Checked,
    check,
    read_city,
    rules_of,
    today,
    weights_in,
)
from db import drafts
from scheduler import rules, words
from scheduler.calendar import runs_in, week_of
from scheduler.city import City
from scheduler.model import (
    BellPeriod,
    Lesson,
    RoomKind,
    SchoolRole,
    Term,
    TimetableVersion,
)
from scheduler.rules import Conflict

VIEWS = ("all", "school", "room", "teacher", "class")

#: Lesson id → whether a hard rule is broken; what is wrong and what would mend it, in words.
_Told = dict[UUID, list[tuple[bool, tuple[str, str]]]]

_SENTENCES = {  # soft rules as parts of a score
    "broadcast": "Classes beyond the interactive ones",
    "shift_not_approved": "Shifts nobody has approved",
    "displaced": "Own periods displaced beyond the first",
    "more_than_demanded": "Lessons nobody asked for",
    "no_assistant": "Classes without an assistant",
    "spread": "A subject on two days running",
    "few_sessions": "Sessions held: classes should share them",
}


@dataclass(frozen=True, slots=True)
class View:
    """Whose week is shown: `kind` of VIEWS, `of` the id; `hub` gives the bells."""

    kind: str
    of: str
    hub: str


@dataclass(frozen=True, slots=True)
class Part:
    """A soft rule as a part of the score. `own` is the weight it has by itself."""

    rule: str
    label: str
    weight: int
    own: int
    cost: int  # in a fortnight


@dataclass(frozen=True, slots=True)
class Slot:
    """A lesson in the grid, with what is wrong with it in the reader's words."""

    lesson: Lesson
    locked: bool
    data: str  # JSON, as the API takes it
    hard: tuple[tuple[str, str], ...]  # what is wrong, what would mend it
    soft: tuple[tuple[str, str], ...]
    dated: Dated | None = None  # what its date made of it
    faded: bool = False  # of a day that it is not held on, as no version held then

    @property
    def casts(self) -> tuple[Lesson, ...]:
        """Those who are in it by the timetable, and on its date."""
        return (self.lesson,) if self.dated is None else (self.lesson, self.dated.held)


def may_edit(request: web.Request) -> bool:
    """Whether the visitor may change timetables: an administrator of the whole city."""
    visitor = request[VISITOR]
    return visitor.role is Role.ADMIN and visitor.school_code is None


async def grid(
    request: web.Request,
    term: Term,
    monday: date,
    found: TimetableVersion | None,
    tab: str,
    holding: Sequence[TimetableVersion] = (),
) -> web.StreamResponse:
    """A week of a version as a page, by whose week it is; `tab` is the one it is under. With the
    published versions `holding` in it, it is shown as its dates have it."""
    on = min(max(monday + timedelta(days=6), term.starts_on), term.ends_on)
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        of = await read_city(connection, term, on)
        locked: frozenset[UUID] = frozenset()
        by = RULES
        if found is not None:
            locked = await drafts.locked(connection, found.id)
            by = await rules_of(connection, found.id)
        dated = None
        if holding:
            dated = await read_dated_week(connection, term, monday, holding, of.periods, now)
    hubs = [s for s in names.schools.values() if s.role is SchoolRole.HUB]
    if not hubs:
        raise Refused(409, "There is no hub school yet: import the schools first.")
    view = _view(request, names)
    checked = await check(of, found.lessons, by) if found else Checked((), {})
    number = week_of(term, monday)
    periods = _periods(of, view.hub)
    told = _wrong(request, checked.conflicts)
    cells: dict[tuple[int, int], list[Slot]] = {}
    if dated is not None:
        for weekday, period, slot in _on_dates(dated, periods, term.zone, told, locked):
            if any(_concerns(each, view, names) for each in slot.casts):
                cells.setdefault((weekday, period), []).append(slot)
    else:
        for k in found.lessons if found else ():
            if runs_in(k, number) and _concerns(k, view, names):
                cells.setdefault((k.weekday, k.period), []).append(_slot(k, told, locked))
    weekdays = sorted({1, 2, 3, 4, 5, *(weekday for weekday, _ in cells)})
    say = _sayer(request)
    return await page(
        request,
        "admin_timetable.html",
        tab=tab,
        term=term,
        version=found,
        editable=found is not None and found.state == "draft" and may_edit(request),
        today=today(term, now),
        tomorrow=max(today(term, now) + timedelta(days=1), term.starts_on),
        names=names,
        hubs=hubs,
        view=view,
        views=VIEWS,
        choices=_choices(names, view.kind, request[LOCALE]),
        periods=periods,
        cells=cells,
        columns={c.day: c for c in dated.columns} if dated is not None else {},
        monday=monday,
        number=number,
        weeks=week_of(term, term.ends_on),
        weekdays=weekdays,
        beside=any(period == 0 for _, period in cells),
        may_edit=may_edit(request),
        dates={n: monday + timedelta(days=n - 1) for n in weekdays},
        before=monday - timedelta(days=7),
        after=monday + timedelta(days=7),
        hard=len(checked.hard),
        soft=len(checked.conflicts) - len(checked.hard),
        elsewhere=[(say(c.sentence), say(c.mend)) for c in checked.hard],
        score=[
            Part(
                rule,
                request[TRANSLATE](_SENTENCES[rule]),
                weight,
                SOFT[rule] or 0,
                checked.score.get(rule, 0),
            )
            for rule, weight in weights_in(by).items()
        ],
        total=sum(checked.score.values()),
        unmet=[
            say(words.demand(of, u.demand, u.lessons))
            for u in (rules.unmet(of, found.lessons) if found else ())
        ],
        form=_form(of, view.hub, names, request[LOCALE]) if found else None,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        zone=term.zone,
    )


def _view(request: web.Request, names: Names) -> View:
    kind = request.query.get("view", "all")
    if kind not in VIEWS:
        raise Refused(422, "A week is shown by all, school, room, teacher or class.")
    schools = {
        "all": {s.code: s.code for s in names.schools.values() if s.role is SchoolRole.HUB},
        "school": {code: code for code in names.schools},
        "room": {r.id: r.school_code for r in names.rooms.values()},
        "teacher": {t.id: t.school_code for t in names.teachers.values()},
        "class": {g.id: g.school_code for g in names.classes.values()},
    }[kind]
    if not schools:
        raise Refused(409, "There is nothing of this kind yet: import the registers first.")
    asked = request.query.get("of") or request.query.get("hub") or ""
    of = asked if asked in schools else next(iter(schools))
    school = names.schools[schools[of]]
    return View(kind, of, school.hub_code or school.code)


def _concerns(lesson: Lesson, view: View, names: Names) -> bool:
    match view.kind:
        case "all":
            return names.rooms[lesson.lead_room_id].school_code == view.of
        case "school":
            rooms = (lesson.lead_room_id, *(r.room_id for r in lesson.receivers))
            return any(names.rooms[room].school_code == view.of for room in rooms)
        case "room":
            return view.of in (lesson.lead_room_id, *(r.room_id for r in lesson.receivers))
        case "teacher":
            return view.of in (lesson.lead_teacher_id, *(r.assistant_id for r in lesson.receivers))
        case _:
            return view.of in [r.class_id for r in lesson.receivers]


def _wrong(request: web.Request, conflicts: Sequence[Conflict]) -> _Told:
    say = _sayer(request)
    wrong: _Told = {}
    for conflict in conflicts:
        told = (conflict.hard, (say(conflict.sentence), say(conflict.mend)))
        for lesson in conflict.lessons:
            wrong.setdefault(lesson.id, []).append(told)
    return wrong


def _slot(lesson: Lesson, wrong: _Told, locked: frozenset[UUID]) -> Slot:
    return Slot(
        lesson,
        lesson.id in locked,
        lesson_data(lesson, locked=lesson.id in locked).model_dump_json(),
        tuple(told for hard, told in wrong.get(lesson.id, ()) if hard),
        tuple(told for hard, told in wrong.get(lesson.id, ()) if not hard),
    )


def _on_dates(
    week: WeekOnDates,
    periods: Sequence[BellPeriod],
    zone: str,
    wrong: _Told,
    locked: frozenset[UUID],
) -> Iterator[tuple[int, int, Slot]]:
    """Weekday and period of each slot; period 0 is between the bells."""
    for column in week.columns:
        for lesson in week.lessons[column.day]:
            key = (lesson.id, column.day)
            dated = week.of_lesson.get(key)
            faded = dated is None and (not column.ruled or key in week.never_held)
            slot = replace(_slot(lesson, wrong, locked), dated=dated, faded=faded)
            yield column.day.isoweekday(), lesson.period, slot
    for dated in week.others:
        slot = Slot(dated.held, False, "", (), (), dated)
        yield dated.session.on_day.isoweekday(), period_of(dated, periods, zone), slot


def _sayer(request: web.Request) -> Any:
    def say(sentence: words.Sentence) -> str:
        return sentence.say(request[TRANSLATE], request[LOCALE])

    return say


def _periods(of: City, hub: str) -> tuple[BellPeriod, ...]:
    return tuple(sorted(of.periods.get(hub, {}).values(), key=lambda p: p.period))


def _choices(names: Names, kind: str, locale: str) -> list[tuple[str, str]]:
    """What can be chosen in a view: id and label, by school."""
    schools = sorted(names.schools.values(), key=lambda s: s.code)
    found = {
        "all": [(s.code, s.short_name) for s in schools if s.role is SchoolRole.HUB],
        "school": [(s.code, s.short_name) for s in schools],
        "room": [(r.id, names.room(r.id)) for r in names.rooms.values()],
        "teacher": [
            (t.id, f"{names.school(t.school_code)} {t.name}") for t in names.teachers.values()
        ],
        "class": [
            (g.id, f"{names.school(g.school_code)} {g.name}") for g in names.classes.values()
        ],
    }
    return found[kind]


def _form(of: City, hub: str, names: Names, locale: str) -> dict[str, list[tuple[str, str]]]:
    """What a lesson of a hub is made of: id and label of each choice."""
    theirs = {s.code for s in of.schools if s.hub_code == hub and s.retired_on is None}
    there = [t for t in of.teachers if t.retired_on is None]
    return {
        "periods": [(str(p.period), f"{p.period} ({p.starts:%H:%M})") for p in _periods(of, hub)],
        "subjects": [(s.slug, names.subject(s.slug, locale)) for s in of.subjects],
        "teachers": [(t.id, t.name) for t in there if t.school_code == hub and t.role == "lead"],
        "lead_rooms": [
            (r.id, r.name) for r in of.rooms if r.school_code == hub and r.kind is RoomKind.LEAD
        ],
        "classes": [
            (g.id, f"{names.school(g.school_code)} {g.name}")
            for g in of.classes
            if g.school_code in theirs and g.retired_on is None
        ],
        "rooms": [(r.id, names.room(r.id)) for r in of.rooms if r.school_code in theirs],
        "assistants": [
            (t.id, f"{names.school(t.school_code)} {t.name}")
            for t in there
            if t.school_code in theirs
        ],
    }


def monday_of(text: str | None, otherwise: date) -> date:
    """The Monday of a day given as text. Raises Refused (422)."""
    try:
        day = date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise Refused(422, "A week is given by a date such as 2026-09-07.") from None
    return day - timedelta(days=day.weekday())
