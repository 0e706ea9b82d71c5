"""Recordings in the database: how they move along, and that none ends as nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from db import calendar, recordings
from db.pool import Connection, Pool
from scheduler.model import Term
from scheduler.recording import (
    BEGINNINGS,
    TRANSITIONS,
    Cause,
    Chapter,
    Part,
    RecordingState,
    Segment,
    SegmentState,
    Track,
    delete_after,
)
from tests.worlds import NOON, build, lesson, plan

END = NOON + timedelta(minutes=40)
FILES = recordings.Files(
    (
        Part(Track.MAIN, 1, 0, 2_400_000, 900, "video/webm", "a/main-1.webm"),
        Part(Track.SCREEN, 1, 60_000, 30_000, 100, "video/webm", "a/screen-1.webm"),
    ),
    "a/poster.jpg",
    (Chapter(0, "a/0.jpg"), Chapter(300_000, "a/300.jpg")),
    (0, 50, 100),
)


async def _begin(connection: Connection, session_id: UUID | None) -> UUID | None:
    return await recordings.begin(
        connection,
        session_id=session_id,
        made_by="account:x",
        started_at=NOON,
        delete_after=NOON + timedelta(days=30),
        title="Song",
    )


async def _begun(connection: Connection) -> UUID:
    await build(connection)
    planned = await plan(connection, lesson())
    recording_id = await _begin(connection, planned.session_id)
    assert recording_id is not None
    return recording_id


async def test_states_move_only_as_the_scheduler_says(pool: Pool) -> None:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT from_state, to_state FROM recording_transitions")
    assert {(a, b) for a, b in rows} == {(a.value, b.value) for a, b in TRANSITIONS}


async def test_every_state_leads_to_an_ending_and_none_leads_back_to_a_beginning() -> None:
    assert not {b for _, b in TRANSITIONS} & BEGINNINGS
    reaches = {RecordingState.DELETED}
    for _ in RecordingState:
        reaches |= {a for a, b in TRANSITIONS if b in reaches}
    assert reaches == set(RecordingState)


@pytest.mark.parametrize("state", sorted(set(RecordingState) - BEGINNINGS))
async def test_a_recording_cannot_be_born_finished(pool: Pool, state: str) -> None:
    async with pool.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="cannot begin as"):
            await connection.execute(
                "INSERT INTO recordings (made_by, state, cause, started_at, ended_at)"
                " VALUES ('system', $1, 'x', now(), now())",
                state,
            )


@pytest.mark.parametrize(
    "change",
    [
        "state = 'failed', ended_at = now()",  # without a cause
        "state = 'ready', ended_at = now()",  # without a file
        "state = 'deleted', ended_at = now()",
    ],
)
async def test_no_recording_ends_as_nothing(pool: Pool, change: str) -> None:
    async with pool.transaction() as connection:
        recording_id = await _begun(connection)
        assert await recordings.stop(connection, recording_id, END)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(f"UPDATE recordings SET {change} WHERE id = $1", recording_id)


async def test_the_application_cannot_make_a_recording_vanish(pool: Pool) -> None:
    async with pool.connection() as connection:
        for table in ("recordings", "recording_segments"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"DELETE FROM {table}")


async def test_a_session_is_recorded_once_at_a_time(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        first = await _begin(connection, planned.session_id)
        assert first is not None
        assert await _begin(connection, planned.session_id) is None
        assert await recordings.stop(connection, first, END)
        assert not await recordings.stop(connection, first, END)
        second = await _begin(connection, planned.session_id)
        found = await recordings.recordings_of_session(connection, planned.session_id)
        assert [r.id for r in found] == [first, second]


async def test_a_recording_is_ready_with_its_files_then_deleted_without(pool: Pool) -> None:
    async with pool.transaction() as connection:
        recording_id = await _begun(connection)
        assert await recordings.stop(connection, recording_id, END, Cause.DISK_FULL)
        assert await recordings.finish(connection, recording_id, FILES, END)
        ready = await recordings.recording(connection, recording_id)
        assert ready is not None
        assert (ready.state, ready.cause) == (RecordingState.READY, "disk_full")
        assert (ready.bytes, ready.duration_ms, ready.mime) == (1000, 2_400_000, "video/webm")
        assert (ready.storage_key, ready.waveform) == ("a/main-1.webm", (0, 50, 100))
        assert tuple(await recordings.parts_of(connection, recording_id)) == FILES.parts
        assert tuple(await recordings.chapters_of(connection, recording_id)) == FILES.chapters

        cut = replace(FILES, parts=FILES.parts[:1], chapters=())
        assert not await recordings.replace_files(connection, recording_id, cut, "another")
        assert await recordings.replace_files(connection, recording_id, cut, "a/main-1.webm")
        assert tuple(await recordings.parts_of(connection, recording_id)) == FILES.parts[:1]

        assert await recordings.past_retention(connection, NOON + timedelta(days=29)) == []
        [due] = await recordings.past_retention(connection, NOON + timedelta(days=30))
        assert due.id == recording_id
        assert await recordings.delete(connection, recording_id)
        gone = await recordings.recording(connection, recording_id)
        assert gone is not None
        assert (gone.state, gone.storage_key) == (RecordingState.DELETED, None)
        assert await recordings.parts_of(connection, recording_id) == []
        assert await recordings.chapters_of(connection, recording_id) == []


async def test_what_failed_says_why_and_can_be_tried_again(pool: Pool) -> None:
    async with pool.transaction() as connection:
        recording_id = await _begun(connection)
        assert await recordings.fail(connection, recording_id, Cause.NO_MEDIA, END)
        failed = await recordings.recording(connection, recording_id)
        assert failed is not None
        assert (failed.state, failed.cause) == (RecordingState.FAILED, "no_media")
        assert failed.ended_at == END
        assert await recordings.join_again(connection, recording_id)
        assert await recordings.finish(connection, recording_id, FILES, END)


async def test_an_upload_has_no_session_and_becomes_ready(pool: Pool) -> None:
    async with pool.transaction() as connection:
        upload = await _begin(connection, None)
        assert upload is not None
        assert await recordings.finish(connection, upload, FILES, END)
        made = await recordings.newest(connection, teacher_id="nobody", actor="account:x")
        assert [(r.id, r.session_id, r.state) for r in made] == [
            (upload, None, RecordingState.READY)
        ]


async def test_a_segment_told_twice_counts_once_and_one_given_up_may_come_after_all(
    pool: Pool,
) -> None:
    async with pool.transaction() as connection:
        recording_id = await _begun(connection)
        begun = Segment(
            uuid4(), recording_id, uuid4(), Track.MAIN, NOON, SegmentState.WRITING, 0, None
        )
        stored = replace(begun, state=SegmentState.STORED, bytes=7, storage_key="k")
        await recordings.put_segment(connection, begun)
        assert await recordings.missing(connection, recording_id) == 1
        await recordings.give_up_segments(connection, recording_id)
        assert await recordings.missing(connection, recording_id) == 0
        await recordings.put_segment(connection, stored)
        await recordings.put_segment(connection, begun)  # told late, by a spool
        assert await recordings.segments_of(connection, recording_id) == [stored]
        await recordings.segments_joined(connection, recording_id, [stored.id])
        await recordings.put_segment(connection, stored)
        [joined] = await recordings.segments_of(connection, recording_id)
        assert joined.state is SegmentState.JOINED


async def test_recordings_of_lessons_that_are_over_are_found(pool: Pool) -> None:
    async with pool.transaction() as connection:
        recording_id = await _begun(connection)
        assert await recordings.orphans(connection) == []
        await connection.execute("UPDATE sessions SET state = 'cancelled', cancel_cause = 'school'")
        assert [r.id for r in await recordings.orphans(connection)] == [recording_id]


async def test_the_school_year_ends_with_its_last_known_term(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)  # the autumn term: 1 September to 22 January
        autumn = date(2027, 1, 22)
        assert await recordings.year_ends(connection, date(2026, 9, 7)) == autumn
        spring = Term(
            "s", "Spring", "Asia/Shanghai", date(2027, 2, 15), date(2027, 2, 22), date(2027, 7, 2)
        )
        await calendar.add_term(connection, spring)
        assert await recordings.year_ends(connection, date(2026, 9, 7)) == date(2027, 7, 2)
        assert await recordings.year_ends(connection, date(2027, 3, 1)) == date(2027, 7, 2)
        assert await recordings.year_ends(connection, date(2027, 9, 1)) is None


def test_a_raw_recording_is_kept_for_days_and_a_published_one_for_the_year() -> None:
    made = datetime(2026, 9, 7, 4, 0, tzinfo=UTC)

    def kept(*, published: bool, year_ends: date | None) -> datetime:
        return delete_after(
            made, published=published, raw_days=30, year_ends=year_ends, zone="Asia/Shanghai"
        )

    days = datetime(2026, 10, 7, 4, 0, tzinfo=UTC)
    assert kept(published=False, year_ends=date(2027, 7, 2)) == days
    assert kept(published=True, year_ends=None) == days
    assert kept(published=True, year_ends=date(2026, 9, 10)) == days
    assert kept(published=True, year_ends=date(2027, 7, 2)) == datetime(
        2027, 7, 2, 16, 0, tzinfo=UTC
    )
