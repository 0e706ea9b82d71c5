"""A small city with some weeks behind it, from a seed; and its figures, counted one by one.

The counting goes by DOMAIN's words over plain lists and shares nothing with the code under test.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from db import calendar, city
from db.pool import Connection
from scheduler.model import (
    CalendarDay,
    ClassGroup,
    Room,
    RoomKind,
    RoomStatus,
    RoomTarget,
    School,
    SchoolRole,
    Subject,
    Teacher,
    Term,
)

ZONE = ZoneInfo("Asia/Shanghai")
HUBS = ("2132000001", "2132000002")
RECEIVING = ("2132000011", "2132000012", "2132000013")
HUB_OF = {code: HUBS[n % 2] for n, code in enumerate(RECEIVING)}
TERM = Term(
    "t",
    "Autumn",
    "Asia/Shanghai",
    date(2026, 8, 31),
    date(2026, 9, 1),
    date(2027, 1, 22),
    (CalendarDay(date(2026, 10, 1), None), CalendarDay(date(2026, 10, 2), None)),
)
EXAM_WEEK = 4
SINCE, UNTIL = date(2026, 9, 1), date(2026, 10, 14)
AS_OF = datetime(2026, 10, 14, 18, 0, tzinfo=ZONE)
TODAY = AS_OF.date()
TARGETS = (RoomTarget(date(2020, 12, 31), 4, "seed"), RoomTarget(date(2026, 12, 31), 9, "seed"))


@dataclass(slots=True)
class L:
    """A link as the counting sees it."""

    session: UUID
    participant: UUID
    day: date
    starts: datetime
    state: str
    cancel: str | None
    interactive: bool
    subject: str
    grade: int
    klass: str
    room: str
    phase: int
    school: str
    assistant: str
    lead_room: str
    lead: str
    hub: str
    evaluated: bool
    makeup_of: UUID | None  # a link of the same class
    status: str
    valid: bool
    lasted: bool
    seconds: int
    interruptions: int
    expected: int | None
    present: int | None
    floor: bool
    cause: str | None
    due_on: date | None
    made_on: date | None
    delay: float | None
    loss: float | None

    @property
    def due(self) -> bool:
        return self.cancel not in ("calendar", "bureau") and self.makeup_of is None


@dataclass(slots=True)
class Meeting:
    session: UUID
    day: date
    seconds: int
    attended: list[tuple[str, str]]  # teacher, school


@dataclass(slots=True)
class World:
    rooms: dict[str, Room]
    classes: dict[str, ClassGroup]
    teachers: list[Teacher]
    links: list[L]
    meetings: list[Meeting]
    needs: set[tuple[str, str, int]]
    made_up: set[UUID]  # sessions that have a make-up


def _schools() -> list[School]:
    found = [School(c, f"Hub {c[-1]}", f"h{c[-1]}", SchoolRole.HUB, None, 100) for c in HUBS]
    found += [
        School(c, f"School {c[-1]}", f"s{c[-1]}", SchoolRole.RECEIVING, HUB_OF[c], 20)
        for c in RECEIVING
    ]
    return found


def _rooms() -> list[Room]:
    found = []
    for n, code in enumerate((*HUBS, *RECEIVING)):
        for r in (1, 2):
            status = RoomStatus.INSTALLED if (n, r) == (3, 2) else RoomStatus.ACCEPTED
            accepted = date(2020 + 2 * n, 12, 1) if status is RoomStatus.ACCEPTED else None
            kind = RoomKind.LEAD if code in HUBS else RoomKind.INTERACTIVE
            accepted = min(accepted, date(2026, 9, 15)) if accepted else None
            found.append(
                Room(f"{code}-R{r}", code, f"R{r}", kind, r, status, date(2020, 11, 1), accepted)
            )
    return found


async def build(connection: Connection, seed: int) -> World:
    """Store a city with six weeks of lessons, and hand out what was stored."""
    rng = random.Random(seed)
    rooms, subjects = _rooms(), ["music", "art"]
    teachers = [Teacher(f"{c}-T{n}", c, f"T{n}", "lead", (), 3) for c in HUBS for n in (1, 2)]
    teachers += [
        Teacher(f"{c}-T{n}", c, f"T{n}", "assistant", (), 3) for c in RECEIVING for n in (1, 2, 3)
    ]
    classes = [ClassGroup(f"{c}-{g}01", c, f"{g}(1)", g, 30 + g) for c in RECEIVING for g in (3, 4)]
    await city.add_schools(connection, _schools())
    await city.add_rooms(connection, rooms)
    await city.add_targets(connection, TARGETS)
    await city.add_subjects(connection, [Subject(s, s, s) for s in subjects])
    await city.add_teachers(connection, teachers)
    await city.add_class_groups(connection, classes)
    await calendar.add_term(connection, TERM)
    await connection.execute("INSERT INTO exam_weeks VALUES ('t', $1)", EXAM_WEEK)
    needs = {(c, s, g) for c in RECEIVING for s in subjects for g in (3, 4) if rng.random() < 0.6}
    for school, subject, grade in sorted(needs):
        await connection.execute(
            "INSERT INTO declared_needs VALUES ($1, $2, $3, '2026-09-01', 'x')",
            school,
            subject,
            grade,
        )
    world = World(
        {r.id: r for r in rooms}, {c.id: c for c in classes}, teachers, [], [], needs, set()
    )
    day = SINCE
    while day <= UNTIL:
        if day.isoweekday() <= 5 and day not in {d.day for d in TERM.days}:
            for hub in HUBS:
                if rng.random() < 0.8:
                    await _lesson(connection, rng, world, day, hub)
        day += timedelta(days=1)
    for n in range(4):
        await _meeting(connection, rng, world, SINCE + timedelta(days=9 * n + 1))
    return world


async def _lesson(
    connection: Connection, rng: random.Random, world: World, day: date, hub: str
) -> None:
    starts = datetime.combine(day, time(9), ZONE)
    session, subject = uuid4(), rng.choice(["music", "art"])
    state = rng.choices(["ended", "missed", "cancelled"], [8, 1, 1])[0]
    cancel = (
        rng.choice(["calendar", "bureau", "school", "network"]) if state == "cancelled" else None
    )
    interactive, evaluated = rng.random() < 0.7, state == "ended" and rng.random() < 0.3
    before = [link for link in world.links if link.hub == hub and link.due_on and not link.made_on]
    originals = {
        link.session
        for link in rng.sample(before, min(len(before), rng.randint(1, 3)))
        if link.session not in world.made_up
    }
    if state != "ended" or rng.random() < 0.7:
        originals = set()
    world.made_up |= originals
    await connection.execute(
        "INSERT INTO sessions (id, kind, on_day, subject, starts_at, ends_at, interactive, state,"
        " cancel_cause, live_at, closed_at)"
        " VALUES ($1, 'live_lesson', $2, $3, $4, $5, $6, $7, $8, $4, $9)",
        session,
        day,
        subject,
        starts,
        starts + timedelta(minutes=40),
        interactive,
        state,
        cancel,
        starts + timedelta(minutes=41),
    )
    lead, lead_room = f"{hub}-T{rng.randint(1, 2)}", f"{hub}-R{rng.randint(1, 2)}"
    await connection.execute(
        "INSERT INTO participants (session_id, role, room_id, teacher_id)"
        " VALUES ($1, 'lead', $2, $3)",
        session,
        lead_room,
        lead,
    )
    if evaluated:
        await connection.execute(
            "INSERT INTO evaluations (session_id, evaluated_by, evaluated_at, score)"
            " VALUES ($1, 'x', $2, 80)",
            session,
            starts + timedelta(hours=1),
        )
    mine = [c for c in RECEIVING if HUB_OF[c] == hub]
    for school in rng.sample(mine, rng.randint(1, len(mine))):
        klass = world.classes[f"{school}-{rng.choice([3, 4])}01"]
        room = world.rooms[f"{school}-R{rng.randint(1, 2)}"]
        of_class = (o for o in world.links if o.session in originals and o.klass == klass.id)
        original = next(of_class, None)
        link = _outcome(
            rng,
            L(
                session=session,
                participant=uuid4(),
                day=day,
                starts=starts,
                state=state,
                cancel=cancel,
                interactive=interactive,
                subject=subject,
                grade=klass.grade,
                klass=klass.id,
                room=room.id,
                phase=room.phase,
                school=school,
                assistant=f"{school}-T{rng.randint(1, 2)}",
                lead_room=lead_room,
                lead=lead,
                hub=hub,
                evaluated=evaluated,
                makeup_of=original.participant if original else None,
                status="",
                valid=False,
                lasted=False,
                seconds=0,
                interruptions=0,
                expected=None,
                present=None,
                floor=rng.random() < 0.8,
                cause=None,
                due_on=None,
                made_on=None,
                delay=None,
                loss=None,
            ),
            klass.enrolment,
        )
        world.links.append(link)
        await _store(connection, link)


def _outcome(rng: random.Random, link: L, enrolment: int) -> L:
    if link.state == "ended":
        link.seconds = rng.choice([0, 600, 1500, 2000, 2300, 2400])
        link.interruptions = rng.choice([0, 0, 1]) if link.seconds else 0
        if link.seconds and rng.random() < 0.8:
            link.delay, link.loss = rng.choice([50.0, 390.0, 410.0]), rng.choice([0.0, 0.04, 0.06])
        if rng.random() < 0.9:
            link.expected = enrolment
            link.present = enrolment - rng.randint(0, 5)
    if link.state == "cancelled":
        link.status, link.cause = "excused", link.cancel
    elif link.state == "missed":
        link.status, link.cause = "absent", "not_held"
    elif link.seconds < 1920:
        link.status = "partial" if link.seconds >= 1200 else "absent"
        link.cause = "too_short"
    else:
        link.lasted = True
        link.cause = (
            "no_head_count"
            if link.expected is None
            else "no_interaction"
            if link.interactive and not link.floor
            else None
        )
        link.status = "partial" if link.cause else "full"
    if not link.lasted and link.due:
        link.due_on = link.day + timedelta(days=14)
        if rng.random() < 0.5:
            link.made_on = link.day + timedelta(days=rng.choice([3, 10, 16]))
            link.status = "made_up"
            link.expected, link.present = enrolment, enrolment - 1
    link.valid = link.status in ("full", "made_up")
    return link


async def _store(connection: Connection, link: L) -> None:
    await connection.execute(
        "INSERT INTO participants (id, session_id, role, room_id, class_id, teacher_id,"
        " makes_up_id) VALUES ($1, $2, 'receiving', $3, $4, $5, $6)",
        link.participant,
        link.session,
        link.room,
        link.klass,
        link.assistant,
        link.makeup_of,
    )
    await _attendance(
        connection,
        link.participant,
        link.session,
        link.status,
        link.starts,
        valid=link.valid,
        seconds=link.seconds,
        interruptions=link.interruptions,
        expected=link.expected,
        present=link.present,
        took_floor=link.floor,
        cause=link.cause,
        makeup_due_on=link.due_on,
        made_up_on=link.made_on,
        delay_p95_ms=link.delay,
        loss_p95=link.loss,
    )


async def _attendance(
    connection: Connection,
    participant: UUID,
    session: UUID,
    status: str,
    starts: datetime,
    **values: object,
) -> None:
    columns = {
        "valid": False,
        "seconds": 0,
        "interruptions": 0,
        "took_floor": False,
        "planned_seconds": 2400,
        "rules_version": "test",
    } | values
    names = ", ".join(columns)
    places = ", ".join(f"${n}" for n in range(6, 6 + len(columns)))
    await connection.execute(
        "INSERT INTO attendance (participant_id, session_id, revision, status, derived_at,"
        f" {names})"
        f" VALUES ($1, $2, $3, $4, $5, {places})",
        participant,
        session,
        1,
        status,
        starts + timedelta(minutes=42),
        *columns.values(),
    )


async def _meeting(connection: Connection, rng: random.Random, world: World, day: date) -> None:
    starts = datetime.combine(day, time(15), ZONE)
    meeting = Meeting(uuid4(), day, rng.choice([3600, 5400]), [])
    await connection.execute(
        "INSERT INTO sessions (id, kind, on_day, starts_at, ends_at, state, live_at, closed_at)"
        " VALUES ($1, 'research', $2, $3, $4, 'ended', $3, $5)",
        meeting.session,
        day,
        starts,
        starts + timedelta(hours=2),
        starts + timedelta(seconds=meeting.seconds),
    )
    for teacher in rng.sample(world.teachers, 4):
        participant = uuid4()
        await connection.execute(
            "INSERT INTO participants (id, session_id, role, teacher_id)"
            " VALUES ($1, $2, 'observer', $3)",
            participant,
            meeting.session,
            teacher.id,
        )
        status = rng.choice(["full", "partial", "absent"])
        await _attendance(connection, participant, meeting.session, status, starts)
        if status != "absent":
            meeting.attended.append((teacher.id, teacher.school_code))
    world.meetings.append(meeting)


Figures = dict[tuple[int, str], tuple[float, float | None]]


def _teaching_weeks() -> list[tuple[date, date]]:
    """Mondays without exams whose last teaching day is over by the end, and that day."""
    found = {}
    day = TERM.starts_on
    while day <= TERM.ends_on:
        if day.isoweekday() <= 5 and day not in {d.day for d in TERM.days}:
            monday = day - timedelta(days=day.weekday())
            found[monday] = day
        day += timedelta(days=1)
    exams = TERM.week1_monday + timedelta(weeks=EXAM_WEEK - 1)
    return [(m, last) for m, last in found.items() if m != exams and SINCE <= last <= TODAY]


def count(
    world: World,
    keep: Callable[[L], bool] = lambda _: True,
    *,
    school: str | None = None,
    month: str | None = None,
) -> Figures:
    """All that can be counted of the due links that are kept; of a school or a month if named."""
    due = [x for x in world.links if x.due and keep(x)]
    valid = [x for x in due if x.valid]
    schools = [school] if school else list(RECEIVING)
    weeks = [w for w in _teaching_weeks() if month is None or w[1].isoformat()[:7] == month]
    of_week = Counter(
        (x.school, x.day - timedelta(days=x.day.weekday()))
        for x in world.links
        if x.due and x.valid and x.school in schools
    )
    used_weeks = [(s, m) for s in schools for m, _ in weeks if of_week[s, m] >= 1]
    regular = [s for s in schools if sum(u[0] == s for u in used_weeks) >= 0.8 * len(weeks)]
    rooms = [r for r in world.rooms.values() if school is None or r.school_code == school]
    accepted = [r for r in rooms if r.accepted_on is not None]
    used = {x.room for x in valid} | ({x.lead_room for x in valid} if school is None else set())
    largest: dict[str, int] = {}
    for x in valid:
        largest[x.klass] = max(largest.get(x.klass, 0), x.present or 0)
    needs = {n for n in world.needs if school is None or n[0] == school}
    met = {(x.school, x.subject, x.grade) for x in valid} & needs
    long = [x for x in due if x.interactive and x.lasted]
    past = [x for x in due if x.due_on and x.due_on < TODAY]
    measured = [x for x in due if x.delay is not None]
    sessions = {x.session for x in valid}
    meetings = [m for m in world.meetings if month is None or m.day.isoformat()[:7] == month]
    if school is not None:
        meetings = [m for m in meetings if any(s == school for _, s in m.attended)]
    attended = [(m.session, t, s) for m in meetings for t, s in m.attended if school in (None, s)]
    leads, helpers = {x.lead for x in valid}, {x.assistant for x in valid}
    researchers = {t for _, t, _ in attended}
    found: Figures = {
        (2, "school_coverage"): (len({x.school for x in valid}), len(schools)),
        (3, "room_use"): (len(used & {r.id for r in accepted}), len(accepted)),
        (4, "delivery"): (len(valid), len(due)),
        (5, "led"): (len(sessions), None),
        (5, "received"): (len(valid), None),
        (6, "lead"): (len(leads), None),
        (6, "assistant"): (len(helpers), None),
        (6, "researcher"): (len(researchers), None),
        (6, "union"): (len(leads | helpers | researchers), None),
        (7, "pupils"): (sum(largest.values()), None),
        (7, "times"): (sum(x.present or 0 for x in valid), None),
        (7, "reach"): (
            sum(largest.values()),
            sum(c.enrolment for c in world.classes.values() if c.school_code in schools),
        ),
        (8, "attendance"): (
            sum(x.present or 0 for x in due if x.expected is not None),
            sum(x.expected or 0 for x in due),
        ),
        (9, "weeks"): (len(used_weeks), len(schools) * len(weeks)),
        (9, "regular"): (len(regular), len(schools)),
        (10, "subject_coverage"): (len(met), len(needs)),
        (11, "interaction"): (sum(x.floor for x in long), len(long)),
        (12, "interrupted"): (
            sum(x.seconds > 0 and x.interruptions > 0 for x in due),
            sum(x.seconds > 0 for x in due),
        ),
        (12, "made_up"): (
            sum(x.made_on <= x.due_on for x in past if x.made_on and x.due_on),
            len(past),
        ),
        (13, "quality"): (
            sum((x.delay or 0) <= 400 and (x.loss or 0) <= 0.05 for x in measured),
            len(measured),
        ),
        (14, "evaluation"): (len({x.session for x in valid if x.evaluated}), len(sessions)),
        (15, "activities"): (len(meetings), None),
        (15, "hours"): (round(sum(m.seconds for m in meetings) / 3600, 2), None),
        (15, "attendances"): (len(attended), None),
        (15, "teachers"): (
            len({t for _, t, s in attended if s in RECEIVING}),
            sum(t.school_code in schools for t in world.teachers),
        ),
        (16, "packages"): (0, None),
        (16, "fetched"): (0, 0),
        (16, "opened"): (0, 0),
        (16, "watched"): (0, 0),
    }
    if school is not None:
        found[1, "accepted"] = (len(accepted), len(rooms))
    elif month is None:
        for target in TARGETS:
            by_then = sum(
                r.accepted_on is not None and r.accepted_on <= min(target.deadline, TODAY)
                for r in rooms
            )
            found[1, f"target_{target.deadline}"] = (by_then, target.rooms)
    return found


def only(figures: Figures, numbers: Iterable[int]) -> Figures:
    """The figures of some indicators."""
    wanted = set(numbers)
    return {key: value for key, value in figures.items() if key[0] in wanted}
