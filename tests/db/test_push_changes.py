"""Pushes in several parts, changed, taken back, and with questions, in PostgreSQL."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import asyncpg
import pytest

from db import indicators, pushes, recordings, uploads
from db.pool import Pool
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut
from scheduler.questions import Answer, Question, QuestionKind
from scheduler.receipts import ReceiptKind
from scheduler.recording import Part, Track
from tests.db.test_pushes import (
    DURATION,
    FAR_CLASS,
    NEAR_CLASS,
    facts,
    receipt,
    recorded,
    sent,
    tell,
    uploaded,
)
from tests.worlds import FAR, MONDAY, NOON, build, lesson, plan


async def test_a_recording_of_several_parts_is_as_long_as_its_picture_and_sound(pool: Pool) -> None:
    """Parts in order of time, whatever their numbers; the shared screen after them."""
    parts = (
        Part(Track.MAIN, 1, 40_000, 60_000, 500, "video/mp4", "late.mp4"),
        Part(Track.MAIN, 2, 0, 30_000, 300, "video/webm", "early.webm"),
        Part(Track.SCREEN, 1, 10_000, 95_000, 70, "video/webm", "screen.webm"),
    )
    async with pool.transaction() as connection:
        await build(connection)
        recording_id = await recorded(connection, await plan(connection, lesson()), *parts)
        item = await pushes.item(connection, recording_id)
        assert item is not None
        assert (item.duration_ms, item.size) == (100_000, 870)
        push_id = await sent(connection, recording_id, FAR_CLASS)
        files = (await pushes.files_of(connection, [push_id, uuid4()]))[push_id]
        keys = [f.storage_key for f in files]
        assert keys == ["early.webm", "late.mp4", "screen.webm"]
        assert len({f.tag for f in files}) == 3
        await tell(connection, push_id, FAR_CLASS, receipt(ReceiptKind.PLAYED, 1, (0, 79_000)))
        assert (await facts(connection))[0][5] is None
        await tell(connection, push_id, FAR_CLASS, receipt(ReceiptKind.PLAYED, 2, (79_000, 80_000)))
        assert (await facts(connection))[0][5] == NOON + timedelta(minutes=2)
        await recordings.delete(connection, recording_id)
        assert await pushes.files_of(connection, [push_id]) == {}


async def test_what_was_taken_back_keeps_what_was_done_and_is_no_target_of_others(
    pool: Pool,
) -> None:
    """Two classes are sent a lesson; one watches it, then it is taken back."""
    back = NOON + timedelta(minutes=30)
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(
            connection, await uploaded(connection, "lesson"), FAR_CLASS, NEAR_CLASS
        )
        played = receipt(ReceiptKind.PLAYED, 5, (0, DURATION))
        await tell(connection, push_id, FAR_CLASS, played, late=10)
        asked = {"at": back, "by": "account:lead", "why": "wrong lesson"}
        assert await pushes.withdraw(connection, push_id, **asked)
        assert not await pushes.withdraw(connection, push_id, **asked)
        assert not await pushes.change(connection, push_id, note="x", due_on=MONDAY)
        assert await pushes.sent_to_room(connection, f"{FAR}-R1") == []
        assert len(await pushes.targets_of_room(connection, f"{FAR}-R1")) == 1  # may still tell
        found = {}
        for as_of in (back - timedelta(seconds=1), back + timedelta(hours=2)):
            report = await indicators.report(
                connection, Cut(MONDAY, MONDAY), as_of, AttendanceRules()
            )
            watched = report.indicators[15].measures[3]
            found[as_of > back] = (watched.numerator, watched.denominator)
        assert found == {False: (1, 2), True: (1, 1)}
        late = receipt(ReceiptKind.PLAYED, 20, (0, DURATION))  # happened before, told after
        await tell(connection, push_id, NEAR_CLASS, late, late=60)
        report = await indicators.report(
            connection, Cut(MONDAY, MONDAY), back + timedelta(hours=2), AttendanceRules()
        )
        assert report.indicators[15].measures[3].numerator == 2


async def test_what_was_taken_back_stays_back_and_only_its_words_can_change_before(
    pool: Pool,
) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection), FAR_CLASS)
        assert await pushes.change(connection, push_id, note="new", due_on=date(2026, 9, 20))
        changed = await pushes.push(connection, push_id)
        assert changed is not None
        assert (changed.note, changed.due_on) == ("new", date(2026, 9, 20))
        await pushes.withdraw(connection, push_id, at=NOON, by="account:lead", why="x")
    for statement, refused in (
        (
            "UPDATE pushes SET withdrawn_at = NULL, withdrawn_by = NULL, withdrawn_why = NULL",
            asyncpg.CheckViolationError,
        ),
        ("UPDATE pushes SET sent_at = now()", asyncpg.InsufficientPrivilegeError),
        ("UPDATE pushes SET watched_share = 0.1", asyncpg.InsufficientPrivilegeError),
        ("DELETE FROM pushes", asyncpg.InsufficientPrivilegeError),
    ):
        async with pool.connection() as connection:
            with pytest.raises(refused):
                await connection.execute(statement)


async def test_an_upload_that_was_taken_back_from_everybody_can_be_deleted(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        upload_id = await uploaded(connection)
        push_id = await sent(connection, upload_id, FAR_CLASS)
        assert not await uploads.delete(connection, upload_id)
        await pushes.withdraw(connection, push_id, at=NOON, by="account:lead", why="x")
        assert await uploads.delete(connection, upload_id)
        left = await pushes.push(connection, push_id)
        assert left is not None
        assert (left.tag, left.title) == (None, "a.pdf")


async def test_questions_and_answers_come_back_as_they_were(pool: Pool) -> None:
    asked = (
        Question(QuestionKind.SINGLE, "<b>Which?</b>", ("C", "G")),
        Question(QuestionKind.TEXT, "Why?"),
    )
    answers = (Answer((3, 20)), Answer(text="因为"))
    async with pool.transaction() as connection:
        await build(connection)
        push_id = await sent(connection, await uploaded(connection), FAR_CLASS, questions=asked)
        told = replace(receipt(ReceiptKind.ANSWERED), answers=answers)
        assert await tell(connection, push_id, FAR_CLASS, told, told) == [True, False]
        stored = await pushes.receipts_of(connection, [push_id])
        assert stored == {(push_id, FAR_CLASS): [told]}
        push = await pushes.push(connection, push_id)
        assert push is not None
        assert push.questions == asked
