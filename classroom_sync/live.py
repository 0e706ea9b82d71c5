"""Sessions under way, as the pages see them: who is there, who has the floor, whose hand is up.

Joins the clock, the database, the media nodes and the pages. The database holds what must last
(state, floor, hands, mutes, head counts, evidence); what is here can be lost: after a restart it is
read again, and the nodes tell who is connected. What another control process writes is read again
when the database tells of it. While the database is away, lessons go on with what is here.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from classroom_sync.acceptance.media import is_no_lesson
from classroom_sync.cascade import Cascade, mend, spread
from classroom_sync.closing import derive_attendance
from classroom_sync.errors import Refused
from classroom_sync.live_notices import SessionNotices
from classroom_sync.live_session import UNDER_WAY, LiveSession, Place, apply_mark, is_on
from classroom_sync.node_links import NodeAway, NodeLinks
from classroom_sync.observation import visits
from classroom_sync.recording_control import RecordingControl, RecordingRules
from classroom_sync.talk import LessonTalk, read_talk
from db import marks, meetings, nodes, notices, presence, recordings, sessions
from db.errors import Unreachable
from db.pool import Connection, Pool
from scheduler.attendance import AttendanceRules, newest_count
from scheduler.model import ParticipantRole, Session, SessionKind, SessionState
from scheduler.session import Action, Due

log = structlog.get_logger()

_OVERLAP = timedelta(minutes=5)  # rows bear the time their transaction began; clocks differ
ROOMS_PER_NODE = 24  # of one lesson
_FINISHED_KEPT = 200  # finished sessions remembered, so that late pages learn that it is over


class Live:
    """All sessions under way. `now` gives UTC; `rules` judge attendance."""

    def __init__(
        self,
        pool: Pool,
        links: NodeLinks,
        now: Callable[[], datetime],
        rules: AttendanceRules | None = None,
        recording: RecordingRules | None = None,
        *,
        media_key: bytes = b"",
        rooms_per_node: int = ROOMS_PER_NODE,
    ) -> None:
        self._pool = pool
        self._links = links
        self._now = now
        self.rules = rules or AttendanceRules()
        self._derived_at: datetime | None = None  # from when on changes are still to be looked for
        self._unseen_until: datetime | None = None  # what ended before it is still to be looked at
        self.recordings = RecordingControl(pool, links, now, recording or RecordingRules())
        self.talk = LessonTalk(pool)
        self._sessions: dict[UUID, LiveSession] = {}
        self._cascade = Cascade(links, media_key)
        self._rooms_per_node = rooms_per_node
        self._reading = asyncio.Lock()
        self.notices = SessionNotices(self.refresh, lambda: self._sessions)

    # ── reading ──────────────────────────────────────────────────────────────────────────

    async def get(self, session_id: UUID) -> LiveSession | None:
        """A session, read from the database the first time. None if there is none."""
        if session_id in self._sessions:
            return self._sessions[session_id]
        async with self._reading:
            if session_id not in self._sessions:
                found = await self._read(session_id)
                if found is None:
                    return None
                self._sessions[session_id] = found
                self._forget_old()
        return self._sessions[session_id]

    def under_way(self) -> list[LiveSession]:
        """Sessions that are open or live, as far as they have been looked at."""
        return [s for s in self._sessions.values() if s.session.state in UNDER_WAY]

    async def need(self, session_id: UUID) -> LiveSession:
        """A session that must be there. Raises Refused (404)."""
        found = await self.get(session_id)
        if found is None:
            raise Refused(404, "There is no such lesson: go back to the start and choose one.")
        return found

    def _forget_old(self) -> None:
        finished = [
            i
            for i, s in self._sessions.items()
            if s.session.state not in UNDER_WAY and not s.watchers
        ]
        for session_id in finished[:-_FINISHED_KEPT]:
            del self._sessions[session_id]

    async def _read(self, session_id: UUID) -> LiveSession | None:
        async with self._pool.connection() as connection:
            session = await sessions.session(connection, session_id)
            if session is None:
                return None
            names = await sessions.names_of(connection, session_id)
            done = await marks.interactions_of_session(connection, session_id)
            counts = await marks.head_counts_of_session(connection, session_id)
            recorded = await recordings.under_way_in(connection, session_id)
            said = await read_talk(connection, session_id)
            meeting = await meetings.present(connection, session_id)
        places = {}
        for p in session.participants:
            known = names[p.id]
            places[p.id] = Place(
                p,
                known.room,
                known.school,
                known.class_group,
                known.teacher,
                known.enrolment,
                listen_only=p.role is ParticipantRole.RECEIVING
                and (not session.interactive or known.cloud),
                school_code=known.school_code,
            )
        found = LiveSession(session, places, meeting=meeting, talk=said)
        found.recording = self.recordings.of(recorded)
        found.recording_rooms = recorded is not None and recorded.with_rooms
        for mark in done:
            apply_mark(found, mark.participant_id, mark.kind)
        for participant_id in places:
            count = newest_count(c for c in counts if c.participant_id == participant_id)
            if count is not None:
                found.heads[participant_id] = (count.expected, count.present)
        return found

    async def refresh(self, session_id: UUID) -> None:
        """Read a session again, if it is known here: it has changed. Raises Unreachable."""
        async with self._reading:  # whoever reads it the first time may have read too early
            live = self._sessions.get(session_id)
        if live is not None:
            await self._reread(live)

    async def _reread(self, live: LiveSession) -> None:
        """Read a session again and tell its pages; one reading after the other, so that no older
        one is believed last."""
        async with live.reading:
            for participant_id, muted in list(live.mutes.items()):
                await self._write_mute(live, participant_id, muted=muted)
            found = await self._read(live.session.id)
            if found is None:  # one that was only planned, and is not any more
                self._sessions.pop(live.session.id, None)
                return
            live.session, live.places, live.heads = found.session, found.places, found.heads
            live.hands, live.helps = found.hands, found.helps
            live.recording, live.recording_rooms = found.recording, found.recording_rooms
            live.talk.take(found.talk)
            live.meeting = found.meeting
        live.changed()
        await self._cascade.tell(live, self._now())

    @contextlib.asynccontextmanager
    async def watch(self, session_id: UUID) -> AsyncIterator[tuple[LiveSession, asyncio.Event]]:
        """The session, and an event that is set whenever something about it changed."""
        live = await self.need(session_id)
        event = asyncio.Event()
        live.watchers.add(event)
        try:
            yield live, event
        finally:
            live.watchers.discard(event)

    # ── what the clock and the nodes do ──────────────────────────────────────────────────

    async def perform(self, due: Due) -> None:
        """One thing the clock found due."""
        live = await self.need(due.session.id)
        match due.action:
            case Action.OPEN:
                async with self._pool.transaction() as connection:
                    if await sessions.open_session(connection, live.session.id, self._now()):
                        await self.place(connection, live.session)
                await self._reread(live)
                await self._restore(live)
            case Action.END:
                await self.end(live.session.id, "system")
            case Action.MISS:
                async with self._pool.transaction() as connection:
                    moved = await sessions.miss(connection, live.session.id, self._now())
                    if moved:
                        await derive_attendance(connection, live.session.id, self.rules)
                await self._reread(live)
                if moved:
                    await self._close_media(live)

    async def place(self, connection: Connection, session: Session) -> bool:
        """Give a session a node, and branches where it has many rooms; False: there is none."""
        living = await nodes.by_load(connection)
        hub, placed = spread(session.participants, living, self._rooms_per_node)
        if hub is not None:
            await sessions.place(connection, session.id, hub)
            await sessions.branch(connection, placed)
        return hub is not None

    async def place_again(self) -> None:
        """Give sessions whose node is gone a living one, and rooms whose branch is; their pages
        rejoin by themselves."""
        answering = self._links.connected
        async with self._pool.transaction() as connection:
            placed = []
            for session_id in await nodes.unplaced_sessions(connection, answering):
                session = await sessions.session(connection, session_id)
                if session is None or not await self.place(connection, session):
                    break
                placed.append(session_id)
            for session_id in await nodes.unplaced_branches(connection, answering):
                session = await sessions.session(connection, session_id)
                if session is None or session.node_id is None:
                    continue
                by_load = await nodes.by_load(connection)
                living = frozenset(by_load) | answering
                moved = mend(session.participants, session.node_id, by_load, living)
                await sessions.branch(connection, moved)
                placed.append(session_id)
        for session_id in dict.fromkeys(placed):
            await self.moved(session_id)

    async def moved(self, session_id: UUID) -> None:
        """A session has been given another node, or some of its rooms: tell its pages, and the
        nodes."""
        live = await self.need(session_id)
        await self._reread(live)
        log.info("session placed", session=str(session_id), node=str(live.session.node_id))
        await self._restore(live)

    async def _restore(self, live: LiveSession) -> None:
        """Tell a session's nodes what they can't know: the floor, who is muted, what is recorded,
        what to pull."""
        with contextlib.suppress(NodeAway):
            await self._tell_floor(live)
        for participant_id in live.muted:
            with contextlib.suppress(NodeAway):
                await self._command(live, "mute", participant=str(participant_id), muted=True)
        with contextlib.suppress(NodeAway):
            await self.recordings.restore(live)
        await self._cascade.tell(live, self._now())

    async def _tell_floor(self, live: LiveSession) -> None:
        holder = live.session.floor_participant_id
        try:
            await self._command(live, "floor", participant=str(holder) if holder else None)
        finally:
            await self._cascade.tell(live, self._now())

    async def derive_late(self, since: datetime) -> None:
        """Derive again what late evidence, corrected head counts or make-ups have changed.

        Each time those are looked at that something was written about since the last time, and a
        day of those before the first time, backwards from then.
        """
        now = self._now()
        stale: list[UUID] = []
        async with self._pool.connection() as connection:
            if self._derived_at is not None:
                stale += await presence.newly_stale_sessions(connection, since, self._derived_at)
            unseen = self._unseen_until or now + timedelta(days=1)
            before = max(since, unseen - timedelta(days=1))
            if before < unseen:
                stale += await presence.stale_sessions(connection, before, unseen)
        for session_id in sorted(set(stale)):
            async with self._pool.transaction() as connection:
                await derive_attendance(connection, session_id, self.rules)
            log.info("attendance derived", session=str(session_id))
        self._derived_at, self._unseen_until = now - _OVERLAP, before

    async def on_node_event(self, node_id: UUID, message: dict[str, Any]) -> None:
        """An event of a media node (docs/protocol.md)."""
        kind = message["event"]
        if kind in ("connected", "gone"):
            for live in list(self._sessions.values()):
                live.pulled.pop(node_id, None)
                if live.media.pop(node_id, None) is not None:
                    visits.gone(live)
                    live.changed()
                if kind == "connected" and node_id in live.nodes:
                    await self._restore(live)
            return
        if is_no_lesson(message["room"]):
            return
        if kind == "recording":
            live_session = await self._told_of(message)
            if live_session is not None:
                await self.recordings.told(live_session, node_id, message)
            return
        live_session = await self._told_of(message)
        try:
            participant_id = UUID(message["participant"])
        except ValueError:
            return
        if live_session is None:
            return
        if participant_id not in live_session.places and not await visits.told(
            self._pool, live_session, participant_id, message
        ):
            return
        live_session.media_at(node_id).take(participant_id, message)
        visits.gone(live_session)
        if kind == "participant_gone":
            live_session.findings.pop(participant_id, None)
        live_session.changed()
        if kind == "publishing":
            await self._cascade.tell(live_session, self._now())
        if live_session.session.state is SessionState.OPEN and is_on(live_session):
            await self._go_live(live_session)

    async def _told_of(self, message: dict[str, Any]) -> LiveSession | None:
        """The session that a node's event is about, if it can be known."""
        try:
            return await self.get(UUID(message["room"]))
        except (ValueError, Unreachable) as error:
            log.warning("node event not understood", node_event=message["event"], cause=str(error))
            return None

    async def _go_live(self, live: LiveSession) -> None:
        try:
            async with self._pool.connection() as connection:
                await sessions.go_live(connection, live.session.id, self._now())
            await self._reread(live)
            if self.recordings.rules.always and live.session.kind is SessionKind.LIVE_LESSON:
                await self.recordings.begin(live, "system", rooms=self.recordings.rules.rooms)
        except Unreachable as error:
            log.warning("live, but not written yet", cause=str(error))

    async def keep_visits(self) -> None:
        """Renew the visits of observers whose media is connected, and end those that are gone."""
        sessions_here = list(self._sessions.values())
        here = {visit_id for live in sessions_here for visit_id in live.observers}
        await visits.keep(self._pool, here, self._now())
        for live in sessions_here:
            await visits.recognize(self._pool, live)

    async def settle_live(self) -> None:
        """Write `live` for sessions that began while the database was away."""
        for live in list(self._sessions.values()):
            if live.session.state is SessionState.OPEN and is_on(live):
                await self._go_live(live)
        await self.recordings.settle()

    # ── what people do ───────────────────────────────────────────────────────────────────

    async def end(self, session_id: UUID, actor: str) -> None:
        """End a live session: close its media, then derive its attendance."""
        live = await self.need(session_id)
        if live.session.state is not SessionState.LIVE:
            raise Refused(409, "This lesson is not under way.")
        await self._close_media(live)
        async with self._pool.transaction() as connection:
            if await sessions.end(connection, session_id, self._now()):
                await marks.add_audit(connection, actor, "session_ended", f"session:{session_id}")
                await derive_attendance(connection, session_id, self.rules)
            await recordings.stop_of_session(connection, session_id, self._now())
        live.recording = None
        await self._reread(live)

    async def cancel(self, session_id: UUID, cause: str, actor: str) -> None:
        """Cancel a session that is not live yet: its links are excused, its rooms are told.

        Raises Refused: 404, or 409 once it is live or over.
        """
        live = await self.need(session_id)
        async with self._pool.transaction() as connection:
            moved = await sessions.cancel(connection, session_id, self._now(), cause)
            if moved:
                await derive_attendance(connection, session_id, self.rules)
                await marks.add_audit(
                    connection, actor, "session_cancelled", f"session:{session_id}", cause=cause
                )
        if not moved:
            await self._reread(live)
            raise Refused(409, "This lesson is under way or over: it stays as it was.")
        await self.read_again(session_id)

    async def read_again(self, session_id: UUID) -> None:
        """A session has been cancelled, or who takes part in it changed: tell its pages, if it is
        known here; close the media of a cancelled one."""
        await self.refresh(session_id)
        live = self._sessions.get(session_id)
        cancelled = live is not None and live.session.state is SessionState.CANCELLED
        if live is not None and cancelled and live.session.node_id is not None:
            await self._close_media(live)

    async def record(self, session_id: UUID, actor: str, *, on: bool, rooms: bool = False) -> None:
        """Record the lead's picture and sound from now on (in a meeting who speaks), and the
        `rooms`' too; or no longer."""
        live = await self._under_way(session_id, None)
        if on:
            await self.recordings.begin(live, actor, rooms=rooms)
        else:
            await self.recordings.end(live, actor)

    async def _close_media(self, live: LiveSession) -> None:
        """Close the room on its node; it answers when its evidence has been written."""
        try:
            await self._command(live, "close", reason="ended")
        except NodeAway as error:
            log.warning("room not closed", session=str(live.session.id), cause=str(error))

    async def _command(self, live: LiveSession, command: str, **values: Any) -> None:
        """Send a command to each node of a session. Raises NodeAway if one of them is, once the
        others have answered."""
        if live.session.node_id is None:
            raise NodeAway("the session has no media node")
        room = str(live.session.id)
        sent = [self._links.command(node, command, room=room, **values) for node in live.nodes]
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    async def mark(self, session_id: UUID, participant_id: UUID, kind: str) -> None:
        """hand_raised, hand_lowered, help or help_ended of a participant."""
        live = await self._under_way(session_id, participant_id)
        await self._note(live, participant_id, kind)

    async def give_floor(self, session_id: UUID, participant_id: UUID | None) -> None:
        """Give the floor to a participant, or (None) take it back to the lead."""
        live = await self._under_way(session_id, participant_id)
        before = live.session.floor_participant_id
        if before == participant_id:
            return
        async with self._pool.transaction() as connection:
            await sessions.set_floor(connection, session_id, participant_id)
            if before is not None:
                await marks.add_interaction(connection, session_id, before, "floor_taken")
            if participant_id is not None:
                await marks.add_interaction(connection, session_id, participant_id, "floor_given")
        live.session = replace(live.session, floor_participant_id=participant_id)
        if participant_id is not None:
            apply_mark(live, participant_id, "floor_given")
        live.changed()
        await self._tell_floor(live)

    async def mute(self, session_id: UUID, participant_id: UUID, *, muted: bool) -> None:
        """Keep a participant's sound from everyone, or let it through again."""
        live = await self._under_way(session_id, participant_id)
        live.mutes[participant_id] = muted
        live.changed()
        try:
            await self._command(live, "mute", participant=str(participant_id), muted=muted)
        finally:
            with contextlib.suppress(Unreachable):  # written when the database is back
                await self._write_mute(live, participant_id, muted=muted)

    async def _write_mute(self, live: LiveSession, participant_id: UUID, *, muted: bool) -> None:
        async with self._pool.connection() as connection:
            await sessions.set_muted(connection, participant_id, muted=muted)
        place = live.places[participant_id]
        live.places[participant_id] = replace(
            place, participant=replace(place.participant, muted=muted)
        )
        if live.mutes.get(participant_id) is muted:
            del live.mutes[participant_id]

    async def let_push_to_talk(self, session_id: UUID, participant_id: UUID, *, on: bool) -> None:
        """Have a room's microphone open only while somebody there holds its button, or always."""
        live = await self._under_way(session_id, participant_id)
        async with self._pool.connection() as connection:
            await sessions.set_push_to_talk(connection, participant_id, on=on)
        await self._reread(live)

    async def find(self, session_id: UUID, participant_id: UUID, findings: Collection[str]) -> None:
        """What a participant's page finds wrong with its devices and its line."""
        live = await self._under_way(session_id, participant_id)
        await self._say_of_page(live, participant_id, "findings", findings)

    async def switch(self, session_id: UUID, participant_id: UUID, off: frozenset[str]) -> None:
        """A participant has switched some of its own devices ("microphone", "camera") off."""
        live = await self._under_way(session_id, participant_id)
        await self._say_of_page(live, participant_id, "off", off)

    async def _say_of_page(
        self, live: LiveSession, participant_id: UUID, what: str, values: Collection[str]
    ) -> None:
        """Tell the pages of every control process what a participant's page said of itself."""
        word = json.dumps([str(live.session.id), str(participant_id), what, sorted(set(values))])
        self.said_of_page(word)
        with contextlib.suppress(Unreachable):  # then pages of this process alone are told
            async with self._pool.connection() as connection:
                await notices.tell(connection, notices.OF_PAGE, word)

    def said_of_page(self, word: str) -> None:
        """What `_say_of_page` tells, in this process or in another."""
        session_id, participant_id, what, values = json.loads(word)
        live = self._sessions.get(UUID(session_id))
        if live is None:
            return
        of_all = live.findings if what == "findings" else live.off
        if of_all.get(UUID(participant_id), frozenset()) != frozenset(values):
            of_all[UUID(participant_id)] = frozenset(values)
            live.changed()

    async def show_at(self, session_id: UUID, participant_id: UUID, widths: dict[str, int]) -> None:
        """A participant's or observer's page shows its slots (by mid) so many pixels wide."""
        live = await self.need(session_id)
        if participant_id not in live.observers:
            await self._under_way(session_id, participant_id)
        node_id = live.node_of(participant_id)
        if node_id is not None:
            await self._links.command(
                node_id,
                "widths",
                room=str(session_id),
                participant=str(participant_id),
                widths=widths,
            )

    async def count_heads(
        self,
        session_id: UUID,
        participant_id: UUID,
        *,
        expected: int,
        present: int,
        by: str,
        why: str = "",
    ) -> None:
        """A head count 应到/实到; after the end it is a correction and the attendance follows."""
        live = await self.need(session_id)
        if participant_id not in live.places:
            raise Refused(404, "This room is not part of the lesson.")
        if present > expected:
            raise Refused(422, "More pupils are present than expected: check both numbers.")
        async with self._pool.transaction() as connection:
            await marks.add_head_count(connection, participant_id, expected, present, by, why)
            if live.session.state in (SessionState.ENDED, SessionState.MISSED):
                await derive_attendance(connection, session_id, self.rules)
        live.heads[participant_id] = (expected, present)
        live.changed()

    async def _under_way(self, session_id: UUID, participant_id: UUID | None) -> LiveSession:
        live = await self.need(session_id)
        if live.session.state not in UNDER_WAY:
            raise Refused(409, "This lesson is not under way.")
        if participant_id is not None and participant_id not in live.places:
            raise Refused(404, "This room is not part of the lesson.")
        return live

    async def _note(self, live: LiveSession, participant_id: UUID, kind: str) -> None:
        async with self._pool.connection() as connection:
            await marks.add_interaction(connection, live.session.id, participant_id, kind)
        apply_mark(live, participant_id, kind)
        live.changed()
