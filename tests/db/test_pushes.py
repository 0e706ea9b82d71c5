"""Pushes and receipts in PostgreSQL: counted once, and judged there as the pure rules judge."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import accounts, indicators, presence, pushes, recordings, uploads
from db.pool import Connection, Pool
from db.pushes import Told
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, Side
from scheduler.model import Attendance, AttendanceStatus
from scheduler.push import MAKE_UP_DAYS, PushRule, RuleKind
from scheduler.questions import Question
from scheduler.receipts import Receipt, ReceiptKind, progress
from scheduler.recording import Part, Track
from tests.worlds import FAR, HUB, MONDAY, NEAR, NOON, Planned, build, lesson, plan

DURATION = 100_000  # ms
FAR_CLASS, NEAR_CLASS = f"{FAR}-301", f"{NEAR}-301"


async def recorded(connection: Connection, planned: Planned, *parts: Part) -> UUID:
    """A recording of a session, ready in one file unless told otherwise."""
    recording_id = await recordings.begin(
        connection,
        session_id=planned.session_id,
        made_by="system",
        started_at=NOON,
        delete_after=None,
    )
    assert recording_id is not None
    await recordings.stop(connection, recording_id, NOON + timedelta(minutes=40))
    part = Part(Track.MAIN, 1, 0, DURATION, 500, "video/webm", "lesson.webm")
    await recordings.finish(connection, recording_id, recordings.Files(parts or (part,)), NOON)
    return recording_id


async def uploaded(connection: Connection, kind: str = "worksheet") -> UUID:
    """An upload of the hub's first teacher that is ready."""
    account_id = await accounts.add_account(
        connection,
        login=f"t{uuid4().hex}",
        name="T",
        password_hash="x",
        role="teacher",
        school_code=HUB,
        teacher_id=f"{HUB}-T1",
    )
    upload = uploads.Upload(
        uuid4(), account_id, f"{HUB}-T1", HUB, kind, "a.pdf", "music", "application/pdf", 9, NOON
    )
    await uploads.add(connection, upload)
    duration = DURATION if kind == "lesson" else None
    assert await uploads.ready(
        connection, upload.id, digest=b"1", duration_ms=duration, pages=1, at=NOON
    )
    return upload.id


async def sent(
    connection: Connection,
    item_id: UUID,
    *classes: str,
    link: UUID | None = None,
    watched_share: float = 0.8,
    questions: Sequence[Question] = (),
) -> UUID:
    item = await pushes.item(connection, item_id)
    assert item is not None
    return await pushes.add(
        connection,
        item,
        dict.fromkeys(classes, link),
        note="",
        rule_id=None,
        sent_by="account:lead",
        sent_at=NOON,
        sent_on=MONDAY,
        due_on=MONDAY + timedelta(days=2),
        watched_share=watched_share,
        questions=questions,
    )


def receipt(kind: ReceiptKind, minutes: int = 1, *played: tuple[int, int]) -> Receipt:
    return Receipt(NOON + timedelta(minutes=minutes), uuid4(), kind, played)


async def tell(
    connection: Connection, push_id: UUID, class_id: str, *told: Receipt, late: int = 60
) -> list[bool]:
    received = NOON + timedelta(minutes=late)
    return [
        await pushes.add_receipt(connection, Told(push_id, class_id, each), "device:x", received)
        for each in told
    ]


async def facts(connection: Connection) -> list[tuple[object, ...]]:
    rows = await connection.fetch(
        "SELECT class_id, school_code, sent_on, fetched, opened, watched FROM push_facts"
        " ORDER BY class_id"
    )
    return [tuple(row) for row in rows]


async def test_what_is_ready_can_be_sent_and_nothing_else(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        recording_id = await recorded(connection, planned)
        upload_id = await uploaded(connection)
        half = uploads.Upload(
            uuid4(),
            (await uploads.upload(connection, upload_id)).made_by,  # type: ignore[union-attr]  # just made
            f"{HUB}-T1",
            HUB,
            "worksheet",
            "b.pdf",
            "music",
            "application/pdf",
            9,
            NOON,
        )
        await uploads.add(connection, half)
        found = await pushes.items(connection, teacher_id=f"{HUB}-T1")
        assert {i.id for i in found} == {recording_id, upload_id}
        assert await pushes.items(connection, teacher_id=f"{HUB}-T2") == []
        assert await pushes.item(connection, half.id) is None
        assert await uploads.refuse(connection, half.id, "why")
        assert not await uploads.ready(
            connection, half.id, digest=b"", duration_ms=None, pages=None, at=NOON
        )


async def test_a_receipt_told_twice_counts_once(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection), FAR_CLASS)
        opened = receipt(ReceiptKind.OPENED)
        assert await tell(connection, push_id, FAR_CLASS, opened, opened) == [True, False]
        assert await pushes.receipts_of(connection, [push_id]) == {(push_id, FAR_CLASS): [opened]}


async def test_receipts_are_only_ever_added(pool: Pool) -> None:
    async with pool.connection() as connection:
        for statement in ("UPDATE receipts SET note = 'x'", "DELETE FROM receipts"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_a_receipt_of_a_class_that_was_sent_nothing_is_impossible(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection), FAR_CLASS)
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await tell(connection, push_id, NEAR_CLASS, receipt(ReceiptKind.OPENED))


async def test_facts_name_every_target_and_what_it_did_first(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection), FAR_CLASS, NEAR_CLASS)
        await tell(connection, push_id, FAR_CLASS, receipt(ReceiptKind.FETCHED, 2))
        await tell(connection, push_id, FAR_CLASS, receipt(ReceiptKind.OPENED, 5))
        await tell(connection, push_id, FAR_CLASS, receipt(ReceiptKind.FETCHED, 9))
        at = [NOON + timedelta(minutes=m) for m in (2, 5)]
        assert await facts(connection) == [
            (FAR_CLASS, FAR, MONDAY, at[0], at[1], at[1]),
            (NEAR_CLASS, NEAR, MONDAY, None, None, None),
        ]


_told = st.lists(
    st.builds(
        Receipt,
        at=st.integers(0, 300).map(lambda s: NOON + timedelta(seconds=s)),
        id=st.uuids(version=4),
        kind=st.just(ReceiptKind.PLAYED),
        played=st.tuples(st.integers(0, 110_000), st.integers(1, 40_000)).map(
            lambda r: ((r[0], r[0] + r[1]),)
        ),
    )
    | st.builds(
        Receipt,
        at=st.integers(0, 300).map(lambda s: NOON + timedelta(seconds=s)),
        id=st.uuids(version=4),
        kind=st.sampled_from([ReceiptKind.FETCHED, ReceiptKind.OPENED, ReceiptKind.FEEDBACK]),
    ),
    max_size=12,
    unique_by=lambda r: r.id,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    told=_told,
    again=st.randoms(use_true_random=False),
    least=st.floats(0.01, 1.0) | st.sampled_from([0.55, 0.7, 0.8]),
)
async def test_the_database_judges_as_the_pure_rule_in_whatever_order_it_is_told(
    pool: Pool, told: list[Receipt], again: object, least: float
) -> None:
    async with pool.connection() as connection:
        undone = connection.transaction()
        await undone.start()
        await build(connection)
        item_id = await uploaded(connection, "lesson")
        push_id = await sent(connection, item_id, FAR_CLASS, watched_share=least)
        expected = progress(told, DURATION, least)
        shuffled = [*told, *told[:3]]
        again.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
        await tell(connection, push_id, FAR_CLASS, *shuffled)
        [row] = await facts(connection)
        assert row[3:] == (expected.fetched_at, expected.opened_at, expected.watched_at)
        stored = await pushes.receipts_of(connection, [push_id])
        assert progress(stored.get((push_id, FAR_CLASS), []), DURATION, least) == expected
        await undone.rollback()


async def test_what_was_known_at_an_instant_does_not_change_afterwards(pool: Pool) -> None:
    """A classroom tells late what it watched early."""
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection, "lesson"), FAR_CLASS)
        half = receipt(ReceiptKind.PLAYED, 10, (0, 50_000))
        rest = receipt(ReceiptKind.PLAYED, 5, (50_000, 100_000))
        await tell(connection, push_id, FAR_CLASS, half, late=20)
        await tell(connection, push_id, FAR_CLASS, rest, late=90)
        row = await connection.fetchrow("SELECT watched, watched_known FROM push_facts")
        assert row is not None
        assert tuple(row) == (NOON + timedelta(minutes=10), NOON + timedelta(minutes=90))


@pytest.mark.parametrize(
    ("minutes", "packages", "watched"), [(-1, 0, 0), (0, 1, 0), (89, 1, 0), (90, 1, 1)]
)
async def test_figures_as_of_an_instant_hold_what_was_sent_and_told_by_then(
    pool: Pool, minutes: int, packages: int, watched: int
) -> None:
    """Sent at NOON, watched in the next ten minutes, told after ninety."""
    cut, as_of = Cut(MONDAY, MONDAY), NOON + timedelta(minutes=minutes)
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection, "lesson"), FAR_CLASS)
        played = receipt(ReceiptKind.PLAYED, 10, (0, DURATION))
        await tell(connection, push_id, FAR_CLASS, played, late=90)
        found = await indicators.report(connection, cut, as_of, AttendanceRules())
        measures = {m.slug: m.numerator for m in found.indicators[15].measures}
        lists = {}
        for slug in ("packages", "watched"):
            page = await indicators.rows_behind(connection, cut, as_of, 16, slug, Side.NUMERATOR)
            lists[slug] = len(page.lines)
    assert (measures["packages"], measures["watched"]) == (packages, watched)
    assert lists == {"packages": packages, "watched": watched}


def _attendance(planned: Planned, seconds: int) -> Attendance:
    return Attendance(
        planned.receiving,
        planned.session_id,
        AttendanceStatus.PARTIAL if seconds >= 1200 else AttendanceStatus.ABSENT,
        False,
        seconds,
        2400,
        0,
        None,
        None,
        False,
        "too_short" if seconds < 1920 else "no_head_count",
        "test",
        (),
    )


@pytest.mark.parametrize(("seconds", "share"), [(0, 0.0), (1500, 0.625), (2000, None)])
async def test_links_below_the_valid_share_are_missed_and_those_without_a_count_are_not(
    pool: Pool, seconds: int, share: float | None
) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await presence.add_attendance(connection, _attendance(planned, seconds))
        assert await pushes.missed(connection, 0.8) == []  # nothing is recorded yet
        await recorded(connection, planned)
        found = await pushes.missed(connection, 0.8)
        assert [(m.participant_id, m.class_id, m.share) for m in found] == (
            [] if share is None else [(planned.receiving, FAR_CLASS, share)]
        )
        [material] = await pushes.materials(connection)
        assert (material.session_id, material.had_by, material.shared) == (
            planned.session_id,
            frozenset({FAR_CLASS}),
            False,
        )


async def test_a_room_has_the_classes_that_lessons_put_into_it(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        far_unplaced = await sent(connection, await uploaded(connection), FAR_CLASS)
        room, other = f"{FAR}-R1", f"{FAR}-R2"
        await connection.execute(
            "INSERT INTO rooms SELECT $1, school_code, 'Room 2', kind, phase, status, installed_on,"
            " accepted_on FROM rooms WHERE id = $2",
            other,
            room,
        )
        for each in (room, other):  # a class that is nowhere can be reached in every room
            assert [p.id for p in await pushes.sent_to_room(connection, each)] == [far_unplaced]
        await plan(connection, lesson())
        assert [p.id for p in await pushes.sent_to_room(connection, room)] == [far_unplaced]
        assert await pushes.sent_to_room(connection, other) == []
        assert await pushes.sent_to_room(connection, f"{NEAR}-R1") == []
        target = pushes.Target(far_unplaced, FAR_CLASS, NOON, ())
        assert await pushes.targets_of_room(connection, room) == {(far_unplaced, FAR_CLASS): target}


async def test_the_make_up_rule_is_there_until_it_is_ended(pool: Pool) -> None:
    async with pool.transaction() as connection:
        [rule] = await pushes.rules(connection)
        assert (rule.kind, rule.school_days) == (RuleKind.MAKE_UP, MAKE_UP_DAYS)
        await build(connection)
        weekly = PushRule(rule.id, RuleKind.WEEKLY, "music", (3, 4), 2, 5, date(2026, 9, 1))
        made = await pushes.add_rule(connection, weekly, "account:admin")
        assert [r.id for r in await pushes.rules_locked(connection)] == [rule.id, made]
        assert (await pushes.rules(connection))[1].grades == (3, 4)
        assert await pushes.end_rule(connection, rule.id, datetime.now().astimezone())
        assert not await pushes.end_rule(connection, rule.id, datetime.now().astimezone())
        assert [r.id for r in await pushes.rules(connection)] == [made]


async def test_a_push_outlives_its_recording(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        recording_id = await recorded(connection, planned)
        push_id = await sent(connection, recording_id, FAR_CLASS)
        found = await pushes.push(connection, push_id)
        assert found is not None
        assert (found.storage_key, found.duration_ms) == ("lesson.webm", DURATION)
        assert (found.subject, found.made_on, found.class_ids) == ("music", MONDAY, (FAR_CLASS,))
        await recordings.delete(connection, recording_id)
        left = await pushes.push(connection, push_id)
        assert left is not None
        assert (left.storage_key, left.tag, left.duration_ms) == (None, None, DURATION)


async def test_what_two_classrooms_tell_at_once_counts_together(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection, "lesson"), FAR_CLASS)

    async def classroom(*played: tuple[int, int]) -> None:
        async with pool.transaction() as connection:
            await tell(connection, push_id, FAR_CLASS, receipt(ReceiptKind.PLAYED, 1, *played))

    pieces = [((n * 10_000, n * 10_000 + 10_000),) for n in range(8)]
    await asyncio.gather(*(classroom(*piece) for piece in pieces))
    async with pool.connection() as connection:
        assert (await facts(connection))[0][-1] == NOON + timedelta(minutes=1)
        kept = await connection.fetch("SELECT * FROM push_progress")
        assert kept == await connection.fetch("SELECT * FROM push_judged")


async def test_a_recording_that_was_cut_is_measured_by_what_is_left(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        recording_id = await recorded(connection, planned)
        push_id = await sent(connection, recording_id, FAR_CLASS)
        await tell(connection, push_id, FAR_CLASS, receipt(ReceiptKind.PLAYED, 1, (0, 50_000)))
        assert (await facts(connection))[0][-1] is None
        await connection.execute("UPDATE recordings SET duration_ms = 60000")  # it was cut
        judged = (await facts(connection))[0][-1]
        assert judged == NOON + timedelta(minutes=1)
        await recordings.delete(connection, recording_id)
        assert (await facts(connection))[0][-1] == judged
        left = await pushes.push(connection, push_id)
        assert left is not None
        assert left.duration_ms == 60_000


async def test_an_upload_that_was_sent_cannot_be_deleted(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        kept, unsent = await uploaded(connection), await uploaded(connection)
        await sent(connection, kept, FAR_CLASS)
        assert [await uploads.delete(connection, each) for each in (kept, unsent)] == [False, True]
