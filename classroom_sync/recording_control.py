"""Recordings of sessions under way: switched on and off, and what the nodes say of them.

The row of a recording in the database is the wish; a node carries it out. A node that takes a
session over is told what to record, and goes on with a new segment. While the database is away a
recording can be switched off all the same: its end is written when it is back.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from classroom_sync.errors import Refused
from classroom_sync.node_links import NodeAway, NodeLinks
from db import marks, recordings
from db.errors import Unreachable
from db.pool import Pool
from scheduler.model import SessionKind
from scheduler.recording import Recording

if TYPE_CHECKING:
    from classroom_sync.live_session import LiveSession

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RecordingRules:
    """Whether every lesson is recorded (else the lead teacher switches it on), whether classrooms'
    pictures may be too, and how long what is recorded is kept (DOMAIN 11)."""

    always: bool = False
    rooms: bool = False
    kept: timedelta = timedelta(days=30)


class RecordingControl:
    """See the module. `now` gives UTC."""

    def __init__(
        self, pool: Pool, links: NodeLinks, now: Callable[[], datetime], rules: RecordingRules
    ) -> None:
        self._pool = pool
        self._links = links
        self._now = now
        self.rules = rules
        self._ended: dict[UUID, str | None] = {}  # not written yet: cause

    def of(self, stored: Recording | None) -> UUID | None:
        """What is being recorded, by what the database has."""
        return stored.id if stored is not None and stored.id not in self._ended else None

    async def begin(self, live: "LiveSession", actor: str, *, rooms: bool = False) -> None:
        """Record a session, if it is not recorded already; with the pictures of its `rooms` only
        where that is allowed, which in a meeting, of teachers alone, it always is. Raises Refused
        (403)."""
        if live.recording is not None:
            return
        if rooms and not self.rules.rooms and live.session.kind is not SessionKind.RESEARCH:
            raise Refused(403, "Pictures of classrooms are not recorded here.")
        now, session_id = self._now(), live.session.id
        async with self._pool.transaction() as connection:
            begun = await recordings.begin(
                connection,
                session_id=session_id,
                made_by=actor,
                started_at=now,
                delete_after=now + self.rules.kept,
                with_rooms=rooms,
            )
            if begun is None:  # another control process was faster
                stored = await recordings.under_way_in(connection, session_id)
                begun, rooms = self.of(stored), stored is not None and stored.with_rooms
            else:
                about = f"recording:{begun}"
                await marks.add_audit(
                    connection,
                    actor,
                    "recording_begun",
                    about,
                    session=str(session_id),
                    rooms=rooms,
                )
        live.recording, live.recording_trouble = begun, None
        live.recording_rooms = rooms
        live.changed()
        with contextlib.suppress(NodeAway):  # the next node is told when it is there
            await self.restore(live)

    async def end(self, live: "LiveSession", actor: str) -> None:
        """Record a session no longer."""
        if live.recording is None:
            return
        ended, live.recording = live.recording, None
        live.changed()
        self._ended[ended] = None
        await self._stop_everywhere(live)
        async with self._pool.connection() as connection:
            await marks.add_audit(connection, actor, "recording_ended", f"recording:{ended}")
        await self.settle()

    async def restore(self, live: "LiveSession") -> None:
        """Tell a session's node what to record of it. Raises NodeAway."""
        if live.recording is not None and live.session.node_id is not None:
            await self._links.command(
                live.session.node_id,
                "record",
                room=str(live.session.id),
                recording=str(live.recording),
                others=live.recording_rooms,
                led=live.session.kind is not SessionKind.RESEARCH,
            )

    async def settle(self) -> None:
        """Write what has ended, as far as the database is there."""
        try:
            for recording_id, cause in list(self._ended.items()):
                async with self._pool.connection() as connection:
                    await recordings.stop(connection, recording_id, self._now(), cause)
                self._ended.pop(recording_id, None)
        except Unreachable as error:
            log.warning("end of a recording not written yet", cause=str(error))

    async def told(self, live: "LiveSession", node_id: UUID, message: dict[str, Any]) -> None:
        """A node says that it records a session, or no longer."""
        if message["recording"] is not None:
            live.recording = await self._wished(live, UUID(message["recording"]))
            live.recording_rooms = bool(message["others"])
            if live.recording is None:
                await self._stop_everywhere(live)  # it was switched off while the node was away
        elif message["cause"] is not None:
            ended = UUID(message["ended"])
            log.error("recording ended", recording=str(ended), cause=message["cause"])
            self._ended[ended] = message["cause"]
            if live.recording == ended:
                live.recording, live.recording_trouble = None, message["cause"]
            await self.settle()
        elif live.session.node_id == node_id and message["ended"] == str(live.recording):
            live.recording = await self._wished(live, None)  # switched off by another process
        live.changed()

    async def _wished(self, live: "LiveSession", told: UUID | None) -> UUID | None:
        """What is to be recorded of a session, where its node says that it records `told`."""
        if told is not None and told == live.recording:
            return told
        try:
            async with self._pool.connection() as connection:
                return self.of(await recordings.under_way_in(connection, live.session.id))
        except Unreachable:
            return None if told in self._ended else told

    async def _stop_everywhere(self, live: "LiveSession") -> None:
        """Tell every node: one that had the session before may still be at it."""
        for node_id in self._links.connected:
            with contextlib.suppress(NodeAway):
                room = str(live.session.id)
                await self._links.command(node_id, "record", room=room, recording=None)
