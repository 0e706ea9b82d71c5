"""A week as its dates have it: what is still ahead, what is taken, and what a repair changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from scheduler.city import Reservation
from scheduler.dated import DatedChange, DatedLesson, WeekAhead, dated_changes, week_ahead
from scheduler.model import (
    CalendarDay,
    Lesson,
    Participant,
    ParticipantRole,
    Receiver,
    Session,
    SessionKind,
    SessionState,
    Term,
    TimetableVersion,
    Weeks,
)
from scheduler.outages import Outage
from scheduler.repair import repair
from scheduler.rules import Rules
from scheduler.solver import Search
from tests.scheduler.small_cities import FAR, HUB, NEAR, city
from tests.worlds import TERM, lesson

_MONDAY = date(2026, 9, 14)  # of week 3
_SUNDAY = datetime(2026, 9, 13, 4, 0, tzinfo=UTC)
_CITY = city()


def version(
    *lessons: Lesson, since: date = date(2026, 9, 1), until: date | None = None
) -> TimetableVersion:
    return TimetableVersion(uuid4(), TERM.id, 1, "published", since, until, lessons)


def held(of: Lesson | None, starts_at: datetime, state: str = "scheduled", **cast: str) -> Session:
    """A session of a lesson (None: of none), with another `lead` or `helper` if given."""
    lead = cast.get("lead", f"{HUB}-T1")
    helper = cast.get("helper", f"{FAR}-A1")
    session_id = uuid4()
    people = (
        Participant(uuid4(), session_id, ParticipantRole.LEAD, f"{HUB}-R1", None, lead),
        Participant(
            uuid4(), session_id, ParticipantRole.RECEIVING, f"{FAR}-R1", f"{FAR}-301", helper
        ),
    )
    return Session(
        session_id, SessionKind.LIVE_LESSON, of.id if of else None, starts_at.date(), "music",
        starts_at, starts_at + timedelta(minutes=40), True, SessionState(state), None, None, None,
        None, None, None, people,
    )  # fmt: skip


def at(hour: int, minute: int, day: date = _MONDAY) -> datetime:
    """A time in Shanghai."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def music(weekday: int = 1, period: int = 1, weeks: Weeks = Weeks.ALL) -> Lesson:
    receivers = (Receiver(f"{FAR}-R1", f"{FAR}-301", f"{FAR}-A1"),)
    return lesson(weekday, period, weeks, receivers=receivers)


def ahead(
    *versions: TimetableVersion,
    sessions: tuple[Session, ...] = (),
    now: datetime = _SUNDAY,
    term: Term = TERM,
    prefer: tuple[date, ...] = (),
) -> WeekAhead:
    return week_ahead(_CITY, term, versions, sessions, 3, now, prefer)


def test_only_what_is_held_that_week_and_has_not_begun_is_ahead() -> None:
    first, second, even = music(1, 1), music(1, 2), music(2, 1, Weeks.EVEN)
    late = replace(music(3), week_from=4)
    plan = version(first, second, even, late)
    assert ahead(plan).lessons == (first, second)
    assert ahead(plan, now=at(8, 29)).lessons == (first, second)
    assert ahead(plan, now=at(8, 30)).lessons == (second,)


def test_each_day_has_the_lessons_of_the_version_that_holds_on_it() -> None:
    old, new = music(1), music(3)
    wednesday = date(2026, 9, 16)
    versions = (
        version(old, music(4), until=wednesday - timedelta(days=1)),
        version(music(2), new, since=wednesday),
    )
    assert ahead(*versions).lessons == (old, new)


def test_a_cancelled_lesson_is_not_ahead_and_a_substituted_one_has_its_substitute() -> None:
    one, other = music(1, 1), music(1, 2)
    sessions = (
        held(one, at(8, 30), "cancelled"),
        held(other, at(9, 25), lead=f"{HUB}-T2", helper=f"{FAR}-A2"),
    )
    receivers = (Receiver(f"{FAR}-R1", f"{FAR}-301", f"{FAR}-A2"),)
    assert ahead(version(one, other), sessions=sessions).lessons == (
        replace(other, lead_teacher_id=f"{HUB}-T2", receivers=receivers),
    )


def test_a_class_outside_of_the_timetable_takes_its_people_and_rooms() -> None:
    taken = held(None, at(13, 0))
    found = ahead(version(music()), sessions=(taken,)).city.reservations
    who = [f"{HUB}-R1", f"{HUB}-T1", f"{FAR}-R1", f"{FAR}-301", f"{FAR}-A1"]
    assert found == tuple(
        Reservation(each, 1, 13 * 60, 13 * 60 + 40, Weeks.ALL, "2026-09-14 13:00–13:40")
        for each in who
    )


def test_no_time_that_has_passed_and_no_day_off_is_offered() -> None:
    holiday = CalendarDay(date(2026, 9, 16), None)
    week = ahead(
        version(music(5)), now=at(9, 0, date(2026, 9, 15)), term=replace(TERM, days=(holiday,))
    )
    blocked = {(b.school_code, b.weekday, b.period) for b in week.city.blocked}
    every = {1, 2, 3}
    assert blocked == {(HUB, day, n) for day in (1, 3, 6, 7) for n in every} | {(HUB, 2, 1)}


def test_a_makeup_workday_stands_for_its_weekday_where_it_is_asked_for() -> None:
    saturday = date(2026, 9, 19)
    term = replace(TERM, days=(CalendarDay(saturday, date(2026, 9, 16)),))
    assert ahead(term=term).days[3] == saturday
    assert ahead(term=term, prefer=(date(2026, 9, 16),)).days[3] == date(2026, 9, 16)


def test_a_lesson_keeps_its_session_where_it_stays_at_its_time() -> None:
    one, other = music(1, 1), replace(music(2, 1), lead_teacher_id=f"{HUB}-T2")
    week = ahead(version(one, other))
    substituted = replace(one, id=uuid4(), lead_teacher_id=f"{HUB}-T2")
    moved = replace(other, id=uuid4(), weekday=3)
    assert dated_changes(week, [substituted, moved]) == (
        DatedChange(
            DatedLesson(_MONDAY, one), DatedLesson(_MONDAY, replace(substituted, id=one.id))
        ),
        DatedChange(DatedLesson(date(2026, 9, 15), other), None),
        DatedChange(None, DatedLesson(date(2026, 9, 16), moved)),
    )
    assert [c.in_place for c in dated_changes(week, [substituted, moved])] == [True, False, False]


def test_of_two_lessons_that_become_one_the_teachers_own_goes_on() -> None:
    near = (Receiver(f"{NEAR}-R1", f"{NEAR}-301", None),)
    one = music(1, 1)
    other = replace(
        music(1, 1), lead_teacher_id=f"{HUB}-T2", lead_room_id=f"{HUB}-R2", receivers=near
    )
    together = replace(other, id=uuid4(), receivers=(*one.receivers, *near))
    first, second = dated_changes(ahead(version(one, other)), [together])
    assert first.was == DatedLesson(_MONDAY, other)
    assert first.in_place
    assert second == DatedChange(DatedLesson(_MONDAY, one), None)


def test_a_repair_of_what_is_ahead_moves_nothing_into_the_past() -> None:
    thursday = date(2026, 9, 17)
    week = ahead(version(music(4, 3)), now=at(12, 0, thursday))
    out = [Outage(f"{HUB}-T{n}", (4,)) for n in (1, 2)]
    found = repair(week.city, Rules(), week.lessons, out, Search(limit=5))
    assert (found.moved, [k.weekday for k in found.lessons]) == (1, [5])
