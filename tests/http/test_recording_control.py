"""Recording is switched on and off over the real link to a real node, and survives both ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from classroom_sync.errors import Refused
from classroom_sync.live import Live
from classroom_sync.live_session import view
from classroom_sync.node import ControlLinks
from classroom_sync.node_links import NodeAddress, NodeLinks
from classroom_sync.recording_control import RecordingRules
from classroom_sync.spool import EvidenceSpool, Rows
from db import nodes, recordings, sessions
from db.nodes import MediaNodeRow
from db.pool import Pool
from media.node import MediaNode
from media.node_events import Recording as RecordingEvent
from media.recording.news import News, RecordingStopped
from media.recording.recorder import Recorder
from scheduler.recording import Recording, RecordingState
from tests.worlds import Planned, build, lesson, plan


@dataclass
class Node:
    """A media node with its control face, at an address of its own."""

    id: UUID
    media: MediaNode
    recorder: Recorder
    address: NodeAddress
    news: list[News] = field(default_factory=list)

    def records(self) -> dict[str, str]:
        return dict(self.recorder.under_way())


@asynccontextmanager
async def node_at(directory: Path, *, floor: int = 0) -> AsyncIterator[Node]:
    async def write(node_id: UUID, rows: Rows) -> None:
        return None

    def heard(news: News) -> None:
        made.news.append(news)
        if isinstance(news, RecordingStopped):
            made.media.recording_stopped(news.room, news.recording, news.cause)

    node_id = uuid4()
    control: list[ControlLinks] = []
    recorder = Recorder(directory / "segments", str(node_id), heard, floor=floor)
    media = MediaNode(
        host="127.0.0.1",
        udp_port=0,
        public_address=None,
        on_evidence=lambda _: None,
        on_event=lambda event: [link.tell(event) for link in control] and None,
        recorder=recorder,
    )
    await media.start()
    spool = EvidenceSpool(node_id, directory / "spool", write, ())
    control.append(ControlLinks("key", media, spool))
    app = web.Application()
    app.router.add_get("/control", control[0].handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    made = Node(node_id, media, recorder, NodeAddress(node_id, url))
    try:
        yield made
    finally:
        await runner.cleanup()
        await media.stop()
        await recorder.close()


class Control(Live):
    """A control process's sessions, with its links in view."""

    def __init__(self, pool: Pool, links: NodeLinks, *more: Any, **options: Any) -> None:
        super().__init__(pool, links, *more, **options)
        self.links = links


@dataclass
class School:
    """A session that is open, and what control processes need."""

    pool: Pool
    planned: Planned
    nodes: list[NodeAddress] = field(default_factory=list)

    @asynccontextmanager
    async def control(self, rules: RecordingRules | None = None) -> AsyncIterator["Control"]:
        """A control process, linked to the nodes listed."""

        async def listed() -> list[NodeAddress]:
            return self.nodes

        async def on_event(node_id: UUID, message: dict[str, object]) -> None:
            await live.on_node_event(node_id, message)

        links = NodeLinks("key", listed, on_event)
        live = Control(self.pool, links, lambda: datetime.now(UTC), recording=rules)
        running = asyncio.create_task(links.run())
        try:
            yield live
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def place(self, node: Node) -> None:
        """List the node, and put the session on it."""
        self.nodes = [node.address]
        row = MediaNodeRow(node.id, "test", node.address.http_url, None, node.media.udp_port)
        async with self.pool.transaction() as connection:
            await nodes.register(connection, row, timedelta(minutes=5))
            await sessions.place(connection, self.planned.session_id, node.id)

    async def row(self) -> Recording:
        async with self.pool.connection() as connection:
            [found] = await recordings.recordings_of_session(connection, self.planned.session_id)
        return found

    async def audited(self) -> list[str]:
        async with self.pool.connection() as connection:
            rows = await connection.fetch(
                "SELECT action FROM audit WHERE object LIKE 'recording:%' ORDER BY id"
            )
        return [row["action"] for row in rows]


@pytest.fixture
async def school(pool: Pool) -> School:
    now = datetime.now(UTC)
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson(), now + timedelta(minutes=5))
        await sessions.open_session(connection, planned.session_id, now)
    return School(pool, planned)


async def _until(condition: object, within: float = 10.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)  # what crosses the link has no event here


async def _lead_sends(live: Live, school: School, node_id: UUID) -> None:
    """A media node tells that the lead's camera has begun to send."""
    publishing = {
        "event": "publishing",
        "room": str(school.planned.session_id),
        "participant": str(school.planned.lead),
        "stream": "camera",
        "live": True,
    }
    await live.on_node_event(node_id, publishing)


async def test_recording_is_off_until_it_is_switched_on_and_off_again(
    school: School, tmp_path: Path
) -> None:
    room = str(school.planned.session_id)
    async with node_at(tmp_path) as node:
        await school.place(node)
        async with school.control() as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            assert view(session)["recording"] is False
            assert node.records() == {}

            await live.record(session.session.id, "account:lead", on=True)
            await live.record(session.session.id, "account:lead", on=True)
            row = await school.row()
            assert (row.state, row.made_by) == (RecordingState.RECORDING, "account:lead")
            assert row.delete_after is not None
            assert row.delete_after - row.started_at == timedelta(days=30)
            assert view(session)["recording"] is True
            assert node.records() == {room: str(row.id)}

            await live.record(session.session.id, "account:lead", on=False)
            assert node.records() == {}
            assert view(session)["recording"] is False
            row = await school.row()
            assert (row.state, row.cause) == (RecordingState.JOINING, None)
    assert await school.audited() == ["recording_begun", "recording_ended"]


async def test_a_node_that_takes_the_session_over_goes_on_recording(
    school: School, tmp_path: Path
) -> None:
    room = str(school.planned.session_id)
    async with school.control() as live:
        session = await live.need(school.planned.session_id)
        async with node_at(tmp_path / "one") as one:
            await school.place(one)
            await live.read_again(school.planned.session_id)
            live.links.look_again()
            await _until(lambda: live.links.connected)
            await live.record(session.session.id, "account:lead", on=True)
            recording = (await school.row()).id
            assert one.records() == {room: str(recording)}
        async with node_at(tmp_path / "two") as two:
            await school.place(two)
            await live.read_again(school.planned.session_id)
            live.links.look_again()
            await _until(lambda: two.records() == {room: str(recording)})
        assert view(session)["recording"] is True


async def test_a_control_process_that_starts_anew_knows_what_is_recorded(
    school: School, tmp_path: Path
) -> None:
    async with node_at(tmp_path) as node:
        await school.place(node)
        async with school.control() as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            await live.record(session.session.id, "account:lead", on=True)
        async with school.control() as again:
            session = await again.need(school.planned.session_id)
            assert view(session)["recording"] is True


async def test_every_control_process_learns_of_it_from_the_node(
    school: School, tmp_path: Path
) -> None:
    async with node_at(tmp_path) as node:
        await school.place(node)
        async with school.control() as one, school.control() as two:
            here = await one.need(school.planned.session_id)
            there = await two.need(school.planned.session_id)
            await _until(lambda: one.links.connected)
            await _until(lambda: two.links.connected)
            await one.record(here.session.id, "account:lead", on=True)
            await _until(lambda: view(there)["recording"])
            await two.record(here.session.id, "account:lead", on=False)
            await _until(lambda: not view(here)["recording"])
            assert node.records() == {}


async def test_a_node_that_missed_that_it_was_switched_off_is_told(
    school: School, tmp_path: Path
) -> None:
    async with node_at(tmp_path) as node:
        await school.place(node)
        async with school.control() as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            await live.record(session.session.id, "account:lead", on=True)
        async with school.pool.connection() as connection:
            await recordings.stop(connection, (await school.row()).id, datetime.now(UTC))
        async with school.control() as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: node.records() == {})
            assert view(session)["recording"] is False


async def test_a_full_disk_ends_the_recording_and_the_pages_are_told(
    school: School, tmp_path: Path
) -> None:
    async with node_at(tmp_path, floor=1 << 60) as node:  # more than any disk has
        await school.place(node)
        async with school.control() as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            await live.record(session.session.id, "account:lead", on=True)
            node.recorder.put(str(session.session.id), [])  # it looks at the disk
            await _until(lambda: view(session)["recording_trouble"])
            assert view(session)["recording_trouble"] == "disk_full"
            assert view(session)["recording"] is False
            assert node.records() == {}
            row = await school.row()
            assert (row.state, row.cause) == (RecordingState.JOINING, "disk_full")
            await live.record(session.session.id, "account:lead", on=True)  # tried once more
            assert view(session)["recording_trouble"] is None


async def test_every_lesson_is_recorded_where_the_settings_say_so(
    school: School, tmp_path: Path
) -> None:
    async with node_at(tmp_path) as node:
        await school.place(node)
        async with school.control(RecordingRules(always=True, kept=timedelta(days=7))) as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            await _lead_sends(live, school, node.id)
            assert list(node.records()) == [str(session.session.id)]
            row = await school.row()
            assert (row.state, row.made_by) == (RecordingState.RECORDING, "system")
            assert row.delete_after is not None
            assert row.delete_after - row.started_at == timedelta(days=7)
            await live.end(session.session.id, "account:lead")
            assert node.records() == {}
            assert (await school.row()).state is RecordingState.JOINING


async def test_classrooms_pictures_are_recorded_only_where_it_is_allowed_and_wished(
    school: School, tmp_path: Path
) -> None:
    async with node_at(tmp_path) as node:
        await school.place(node)
        async with school.control() as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            with pytest.raises(Refused):
                await live.record(session.session.id, "account:lead", on=True, rooms=True)
            assert node.records() == {}
        async with school.control(RecordingRules(rooms=True)) as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            for rooms in (False, True):
                await live.record(session.session.id, "account:lead", on=True, rooms=rooms)
                assert view(session)["recording_rooms"] is rooms
                async with school.pool.connection() as connection:
                    row = await recordings.under_way_in(connection, session.session.id)
                assert row is not None
                assert row.with_rooms is rooms
                told = [e for e in node.media.present() if isinstance(e, RecordingEvent)]
                assert [e.others for e in told] == [rooms]
                async with school.control() as other:  # learns of it from database and node
                    there = await other.need(school.planned.session_id)
                    await _until(lambda there=there, other=other: other.links.connected)
                    assert view(there)["recording_rooms"] is rooms
                await live.record(session.session.id, "account:lead", on=False)
                assert view(session)["recording_rooms"] is False


@pytest.mark.parametrize("rooms", [False, True])
async def test_what_is_recorded_by_itself_has_the_classrooms_where_that_is_allowed(
    school: School, tmp_path: Path, rooms: bool
) -> None:
    async with node_at(tmp_path) as node:
        await school.place(node)
        async with school.control(RecordingRules(always=True, rooms=rooms)) as live:
            session = await live.need(school.planned.session_id)
            await _until(lambda: live.links.connected)
            await _lead_sends(live, school, node.id)
            row = await school.row()
            assert (row.made_by, row.with_rooms) == ("system", rooms)
            assert view(session)["recording_rooms"] is rooms
            told = [e for e in node.media.present() if isinstance(e, RecordingEvent)]
            assert [e.others for e in told] == [rooms]


async def test_a_lesson_that_is_over_is_not_recorded(school: School) -> None:
    async with school.pool.connection() as connection:
        await sessions.cancel(connection, school.planned.session_id, datetime.now(UTC), "school")
    async with school.control() as live:
        with pytest.raises(Refused):
            await live.record(school.planned.session_id, "account:lead", on=True)
