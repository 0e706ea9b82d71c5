"""A make-up links to the original and counts once, whichever way it was given."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from classroom_sync.closing import derive_attendance
from db import alerts, changes, indicators, marks, presence, pushes, rollups, sessions
from db.changes import NewSession
from db.pool import Connection, Pool
from db.pushes import Told
from media.evidence import Evidence
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, Side
from scheduler.model import AttendanceStatus, Participant, ParticipantRole, Receiver
from scheduler.receipts import Receipt, ReceiptKind
from tests.db.test_pushes import DURATION, recorded, sent
from tests.worlds import FAR, HUB, NEAR, NOON, Planned, build, lesson, plan

RULES = AttendanceRules()
LATER = NOON + timedelta(days=30)
WEEK = Cut(date(2026, 9, 1), date(2026, 12, 31))
A = AttendanceStatus


async def held(
    connection: Connection, session_id: UUID, *, there: bool, but: str | None = None
) -> list[A]:
    """Let a lesson run; its receiving rooms, `but` that of a class, were there for all of it, or
    not at all."""
    session = await sessions.session(connection, session_id)
    assert session is not None
    await sessions.open_session(connection, session_id, session.starts_at)
    await sessions.go_live(connection, session_id, session.starts_at)
    for room in _receiving(session.participants):
        if not there or room.class_id == but:
            continue
        piece = Evidence(
            str(session_id),
            str(room.id),
            session.starts_at,
            session.ends_at,
            sent_decodable=True,
            received_decodable=True,
            packets_in=1000,
            bytes_in=1,
            packets_out=1000,
            bytes_out=1,
            lost_in=10,
            lost_out=20,
            jitter_ms=1,
            rtt_ms=80,
            reason=None,
        )
        await presence.add_evidence(connection, uuid4(), [(1, piece)])
        await marks.add_head_count(connection, room.id, 40, 31, "account:x")
        await marks.add_interaction(connection, session_id, room.id, "floor_given")
    await sessions.end(connection, session_id, session.ends_at)
    return [a.status for a in await derive_attendance(connection, session_id, RULES)]


def _receiving(participants: tuple[Participant, ...]) -> list[Participant]:
    return [p for p in participants if p.role is ParticipantRole.RECEIVING]


async def make_up(connection: Connection, starts: datetime, *originals: UUID) -> UUID:
    found = [await sessions.session(connection, each) for each in originals]
    links = [p for session in found if session for p in _receiving(session.participants)]
    return await changes.add(
        connection,
        NewSession(
            starts.date(),
            starts,
            starts + timedelta(minutes=40),
            "music",
            True,
            f"{HUB}-T1",
            f"{HUB}-R1",
            tuple(Receiver(p.room_id or "", p.class_id or "", None) for p in links),
            makes_up=tuple((p.class_id or "", p.id) for p in links),
        ),
    )


async def delivered(connection: Connection) -> tuple[dict[str, float], list[UUID | None]]:
    """Delivery, hours and make-ups, and the links that hours are counted from."""
    as_of = datetime(2026, 12, 31, tzinfo=UTC)
    found = await indicators.report(connection, WEEK, as_of + timedelta(days=400), RULES)
    measures = {m.slug: m for i in found.indicators for m in i.measures}
    page = await indicators.rows_behind(
        connection, WEEK, as_of + timedelta(days=400), 5, "received", Side.NUMERATOR
    )
    return {
        "delivered": measures["delivery"].numerator,
        "due": measures["delivery"].denominator or 0,
        "received": measures["received"].numerator,
        "required": measures["made_up"].denominator or 0,
        "in time": measures["made_up"].numerator,
    }, [line.participant_id for line in page.lines]


@pytest.mark.parametrize(("days", "in_time"), [(7, 1), (21, 0)])
async def test_a_make_up_lesson_settles_the_original_and_counts_once(
    pool: Pool, days: int, in_time: int
) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        assert await held(connection, planned.session_id, there=False) == [A.ABSENT]
        before, _ = await delivered(connection)
        assert before == {"delivered": 0, "due": 1, "received": 0, "required": 1, "in time": 0}
        makeup = await make_up(connection, NOON + timedelta(days=days), planned.session_id)
        assert await held(connection, makeup, there=True) == [A.FULL]
        after, links = await delivered(connection)
        original = await presence.attendance_of(connection, planned.receiving)
    assert after == {"delivered": 1, "due": 1, "received": 1, "required": 1, "in time": in_time}
    assert links == [planned.receiving]
    assert original is not None
    assert (original.status, original.cause) == (A.MADE_UP, "never_there")
    assert original.made_up_on == NOON.date() + timedelta(days=days)
    assert original.present == 31


async def test_a_make_up_that_is_not_valid_settles_nothing(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await held(connection, planned.session_id, there=False)
        makeup = await make_up(connection, NOON + timedelta(days=7), planned.session_id)
        assert await held(connection, makeup, there=False) == [A.ABSENT]
        after, _ = await delivered(connection)
    assert after == {"delivered": 0, "due": 1, "received": 0, "required": 1, "in time": 0}


async def test_a_make_up_for_a_valid_lesson_is_not_counted_beside_it(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        assert await held(connection, planned.session_id, there=True) == [A.FULL]
        makeup = await make_up(connection, NOON + timedelta(days=7), planned.session_id)
        assert await held(connection, makeup, there=True) == [A.FULL]
        after, links = await delivered(connection)
    assert (after["delivered"], after["due"], links) == (1, 1, [planned.receiving])


async def test_a_make_up_of_a_make_up_is_dated_by_the_day_it_was_held(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await held(connection, planned.session_id, there=False)
        first = await make_up(connection, NOON + timedelta(days=3), planned.session_id)
        await held(connection, first, there=False)
        second = await make_up(connection, NOON + timedelta(days=40), first)
        assert await held(connection, second, there=True) == [A.FULL]
        after, links = await delivered(connection)
        original = await presence.attendance_of(connection, planned.receiving)
    assert after == {"delivered": 1, "due": 1, "received": 1, "required": 1, "in time": 0}
    assert links == [planned.receiving]
    assert original is not None
    assert (original.status, original.made_up_on) == (A.MADE_UP, NOON.date() + timedelta(days=40))


@pytest.mark.parametrize("cause", ["calendar", "bureau"])
@pytest.mark.parametrize("excused_first", [True, False])
async def test_a_make_up_of_an_excused_lesson_counts_by_itself(
    pool: Pool, cause: str, *, excused_first: bool
) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())

        async def excuse() -> None:
            assert await sessions.cancel(connection, planned.session_id, NOON, cause)
            await derive_attendance(connection, planned.session_id, RULES)

        if excused_first:
            await excuse()
        makeup = await make_up(connection, NOON + timedelta(days=3), planned.session_id)
        assert await held(connection, makeup, there=True) == [A.FULL]
        if not excused_first:
            await excuse()
        after, links = await delivered(connection)
        session = await sessions.session(connection, makeup)
    assert session is not None
    assert after == {"delivered": 1, "due": 1, "received": 1, "required": 0, "in time": 0}
    assert links == [p.id for p in _receiving(session.participants)]


async def two_planned(connection: Connection) -> tuple[Planned, Planned]:
    """A lesson of the far school, and another of the near one."""
    await build(connection)
    near = (Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),)
    other = lesson(period=2, teacher=f"{HUB}-T2", room=f"{HUB}-R2", receivers=near)
    return await plan(connection, lesson()), await plan(connection, other)


async def statuses(connection: Connection, *links: UUID) -> list[A]:
    found = [await presence.attendance_of(connection, link) for link in links]
    return [a.status for a in found if a is not None]


@pytest.mark.parametrize(
    ("but", "after", "delivery"),
    [
        (None, [A.MADE_UP, A.MADE_UP], {"delivered": 2, "received": 2, "in time": 2}),
        (f"{NEAR}-301", [A.MADE_UP, A.EXCUSED], {"delivered": 1, "received": 1, "in time": 1}),
    ],
)
async def test_a_make_up_that_merges_two_lessons_makes_up_each_for_its_class(
    pool: Pool, but: str | None, after: list[A], delivery: dict[str, float]
) -> None:
    async with pool.transaction() as connection:
        far, near = await two_planned(connection)
        for each in (far, near):
            assert await sessions.cancel(connection, each.session_id, NOON, "school")
            await derive_attendance(connection, each.session_id, RULES)
        both = [far.session_id, near.session_id]
        makeup = await make_up(connection, NOON + timedelta(days=7), *both)
        await held(connection, makeup, there=True, but=but)
        figures, links = await delivered(connection)
        assert await statuses(connection, far.receiving, near.receiving) == after
        assert await presence.stale_sessions(connection, NOON - timedelta(days=1), LATER) == []
        assert await presence.made_up_for(connection, makeup) == sorted(both)
        monday, until = date(2026, 9, 7), date(2026, 9, 20)
        for week in (monday, monday + timedelta(days=7)):
            await rollups.roll_up(connection, week)
        assert await rollups.check_rollups(connection, monday, until) == ()
    assert figures == {"due": 2, "required": 2} | delivery
    assert set(links) == {far.receiving, near.receiving} - ({near.receiving} if but else set())


async def test_of_a_merged_make_up_only_the_link_of_an_excused_lesson_counts_by_itself(
    pool: Pool,
) -> None:
    async with pool.transaction() as connection:
        far, near = await two_planned(connection)
        for each, cause in ((far, "school"), (near, "calendar")):
            assert await sessions.cancel(connection, each.session_id, NOON, cause)
            await derive_attendance(connection, each.session_id, RULES)
        makeup = await make_up(
            connection, NOON + timedelta(days=7), far.session_id, near.session_id
        )
        await held(connection, makeup, there=True)
        figures, links = await delivered(connection)
        session = await sessions.session(connection, makeup)
        assert await rollups.check_rollups(connection, NOON.date(), LATER.date()) == ()
    assert session is not None
    assert figures == {"delivered": 2, "due": 2, "received": 2, "required": 1, "in time": 1}
    by_itself = [p.id for p in _receiving(session.participants) if p.class_id == f"{NEAR}-301"]
    assert set(links) == {far.receiving, *by_itself}


async def test_a_make_up_held_before_its_lessons_are_closed_settles_them_then(pool: Pool) -> None:
    async with pool.transaction() as connection:
        far, near = await two_planned(connection)
        makeup = await make_up(
            connection, NOON + timedelta(days=7), far.session_id, near.session_id
        )
        await held(connection, makeup, there=True)
        for each in (far, near):
            assert await sessions.miss(connection, each.session_id, NOON)
    async with pool.transaction() as connection:
        since = NOON - timedelta(days=1)
        both = [far.session_id, near.session_id]
        assert await presence.stale_sessions(connection, since, LATER) == sorted(both)
        for each in both:
            await derive_attendance(connection, each, RULES)
        assert await statuses(connection, far.receiving, near.receiving) == [A.MADE_UP] * 2


async def test_an_excused_make_up_passes_its_own_make_up_on_to_the_original(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await held(connection, planned.session_id, there=False)
        first = await make_up(connection, NOON + timedelta(days=3), planned.session_id)
        assert await sessions.cancel(connection, first, NOON + timedelta(days=2), "calendar")
        await derive_attendance(connection, first, RULES)
        second = await make_up(connection, NOON + timedelta(days=7), first)
        assert await held(connection, second, there=True) == [A.FULL]
        after, links = await delivered(connection)
    assert after == {"delivered": 1, "due": 1, "received": 1, "required": 1, "in time": 1}
    assert links == [planned.receiving]


async def test_delay_and_loss_of_a_link_come_from_its_evidence(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await held(connection, planned.session_id, there=True)
        found = await presence.attendance_of(connection, planned.receiving)
    assert found is not None
    assert found.delay_p95_ms == 40
    assert found.loss_p95 == pytest.approx(0.02)


async def test_a_watched_recording_makes_up_and_makes_the_original_stale(pool: Pool) -> None:
    watched = NOON + timedelta(days=3, hours=13)  # the day after, by the clocks of the city
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await held(connection, planned.session_id, there=False)
        recording_id = await recorded(connection, planned)
        push_id = await sent(connection, recording_id, f"{FAR}-301", link=planned.receiving)
        played = Receipt(watched, uuid4(), ReceiptKind.PLAYED, ((0, DURATION),))
        told = Told(push_id, f"{FAR}-301", played)
        await pushes.add_receipt(connection, told, "device:x", watched)
    async with pool.transaction() as connection:
        since = NOON - timedelta(days=1)
        assert await presence.stale_sessions(connection, since, watched) == [planned.session_id]
        await derive_attendance(connection, planned.session_id, RULES)
        assert await presence.stale_sessions(connection, since, watched) == []
        found = await presence.attendance_of(connection, planned.receiving)
        after, _ = await delivered(connection)
        report = await indicators.report(connection, WEEK, datetime(2027, 6, 1, tzinfo=UTC), RULES)
    assert found is not None
    assert (found.status, found.made_up_on) == (A.MADE_UP, date(2026, 9, 11))
    assert after == {"delivered": 1, "due": 1, "received": 1, "required": 1, "in time": 1}
    push = {m.slug: (m.numerator, m.denominator) for m in report.indicators[15].measures}
    assert push == {"packages": (1, None), "fetched": (1, 1), "opened": (1, 1), "watched": (1, 1)}


async def test_a_corrected_head_count_after_the_end_makes_a_new_revision(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await held(connection, planned.session_id, there=True)
    async with pool.transaction() as connection:
        await marks.add_head_count(connection, planned.receiving, 40, 30, "account:y", "one left")
    async with pool.transaction() as connection:
        since = NOON - timedelta(days=1)
        stale = await presence.newly_stale_sessions(connection, since, since)
        assert stale == [planned.session_id]
        await derive_attendance(connection, planned.session_id, RULES)
        assert await presence.newly_stale_sessions(connection, since, since) == []
        found = await presence.attendance_of(connection, planned.receiving)
        counts = await marks.head_counts_of_session(connection, planned.session_id)
    assert found is not None
    assert found.present == 30
    assert [(c.present, c.counted_by, c.why) for c in counts] == [
        (31, "account:x", ""),
        (30, "account:y", "one left"),
    ]


async def test_a_class_has_one_makeup_of_a_lesson_until_that_is_cancelled(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await sessions.cancel(connection, planned.session_id, NOON, "school")
        first = await make_up(connection, NOON + timedelta(days=1), planned.session_id)
    with pytest.raises(changes.Unknown):
        async with pool.transaction() as connection:
            await make_up(connection, NOON + timedelta(days=2), planned.session_id)
    async with pool.transaction() as connection:
        await sessions.cancel(connection, first, NOON, "school")
        second = await make_up(connection, NOON + timedelta(days=2), planned.session_id)
        found = await changes.makeups(connection, [planned.session_id])
    assert found == {planned.session_id: {f"{FAR}-301": second}}


@pytest.mark.parametrize("cause", ["calendar", "school"])
async def test_the_digest_says_what_is_owed_of_a_lesson_and_its_make_up(
    pool: Pool, cause: str
) -> None:
    """A make-up that was not held is owed by itself where calendar or bureau excused the lesson it
    was for, as it is due by itself then; else the lesson is owed, once."""
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        assert await sessions.cancel(connection, planned.session_id, NOON, cause)
        await derive_attendance(connection, planned.session_id, RULES)
        makeup = await make_up(connection, NOON + timedelta(days=3), planned.session_id)
        assert await held(connection, makeup, there=False) == [A.ABSENT]
        links = await alerts.links(connection, NOON.date(), NOON.date() + timedelta(days=3))
        figures, _ = await delivered(connection)
    owed = makeup if cause == "calendar" else planned.session_id
    assert [link.session_id for link in links if link.owed] == [owed]
    assert figures["required"] == 1
