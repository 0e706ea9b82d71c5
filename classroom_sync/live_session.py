"""One session as it is now, and the message that tells its pages."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from classroom_sync.cascade import Pull
from classroom_sync.live_media import NodeMedia
from classroom_sync.talk import Talk, talk_view
from db import meetings
from db.visits import Visit
from scheduler.meeting import has_begun
from scheduler.model import Participant, ParticipantRole, Session, SessionKind, SessionState

UNDER_WAY = (SessionState.OPEN, SessionState.LIVE)
_NOWHERE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Place:
    """One participant with the names people know it by."""

    participant: Participant
    room_name: str
    school_name: str
    class_name: str
    teacher_name: str
    enrolment: int
    listen_only: bool
    school_code: str  # of the room, else of who is there; "": of none


@dataclass
class LiveSession:
    """What is known of one session now. `session` and `places` are as last read."""

    session: Session
    places: dict[UUID, Place]
    media: dict[UUID, NodeMedia] = field(default_factory=dict)  # by node
    observers: dict[UUID, Visit | None] = field(default_factory=dict)  # None: not known who yet
    pulled: dict[UUID, frozenset[Pull]] = field(default_factory=dict)  # what each was told
    hands: list[UUID] = field(default_factory=list)  # in the order they went up
    helps: set[UUID] = field(default_factory=set)
    mutes: dict[UUID, bool] = field(default_factory=dict)  # not written yet
    off: dict[UUID, frozenset[str]] = field(default_factory=dict)  # own microphone, camera
    meeting: meetings.Present | None = None  # how things stand in it, if it is one
    heads: dict[UUID, tuple[int, int]] = field(default_factory=dict)  # expected, present
    recording: UUID | None = None
    recording_rooms: bool = False  # the pictures of the classrooms too
    recording_trouble: str | None = None  # why the last one ended by itself
    talk: Talk = field(default_factory=Talk)
    findings: dict[UUID, frozenset[str]] = field(default_factory=dict)  # as its page finds them
    watchers: set[asyncio.Event] = field(default_factory=set)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def changed(self) -> None:
        for watcher in self.watchers:
            watcher.set()

    def media_at(self, node_id: UUID) -> NodeMedia:
        """What a node tells, to be added to."""
        return self.media.setdefault(node_id, NodeMedia())

    def told_at(self, node_id: UUID | None) -> NodeMedia:
        """What a node has told."""
        return self.media.get(node_id or _NOWHERE) or NodeMedia()

    def told_of(self, participant_id: UUID | None) -> NodeMedia:
        """What the node has told that a participant is on."""
        return self.told_at(self.node_of(participant_id))

    def node_of(self, participant_id: UUID | None) -> UUID | None:
        """The node a participant is on: a branch, or the session's own."""
        place = self.places.get(participant_id or _NOWHERE)
        return (place.participant.node_id if place else None) or self.session.node_id

    @property
    def nodes(self) -> frozenset[UUID]:
        """The session's own node and its branches."""
        found = {place.participant.node_id for place in self.places.values()}
        return frozenset(n for n in (self.session.node_id, *found) if n is not None)

    @property
    def sending(self) -> set[UUID]:
        """Participants of whom a stream can be decoded, where they are."""
        return {p for p in self.places if any(q == p for q, _ in self.told_of(p).publishing)}

    @property
    def muted(self) -> set[UUID]:
        """Participants whose sound is kept from everyone."""
        return {
            participant_id
            for participant_id, place in self.places.items()
            if self.mutes.get(participant_id, place.participant.muted)
        }


def is_on(live: LiveSession) -> bool:
    """Whether those who are there make the session live: the lead sends, or a meeting has begun."""
    sending = live.sending
    if live.session.kind is SessionKind.RESEARCH:
        here = {p for p in live.places if any(p == q for q, _ in live.told_of(p).connections)}
        return has_begun(sending, sending | here)
    return any(live.places[p].participant.role is ParticipantRole.LEAD for p in sending)


def apply_mark(live: LiveSession, participant_id: UUID, kind: str) -> None:
    if kind == "hand_raised" and participant_id not in live.hands:
        live.hands.append(participant_id)
    elif kind in ("hand_lowered", "floor_given"):
        if participant_id in live.hands:
            live.hands.remove(participant_id)
        live.helps.discard(participant_id)
    elif kind == "help":
        live.helps.add(participant_id)
    elif kind == "help_ended":
        live.helps.discard(participant_id)


def view(live: LiveSession) -> dict[str, Any]:
    """The state message that pages get over their WebSocket (docs/protocol.md)."""
    session, muted = live.session, live.muted
    return {
        "type": "state",
        "session": str(session.id),
        "state": session.state.value,
        "node": str(session.node_id) if session.node_id else None,
        "starts_at": session.starts_at.isoformat(),
        "ends_at": session.ends_at.isoformat(),
        "floor": str(session.floor_participant_id) if session.floor_participant_id else None,
        "hands": [str(p) for p in live.hands],
        "observers": len({v.account_id if v else i for i, v in live.observers.items()}),
        "recording": live.recording is not None,
        "recording_rooms": live.recording is not None and live.recording_rooms,
        "recording_trouble": live.recording_trouble,
        **talk_view(live.talk),
        "meeting": _meeting(live.meeting),
        "participants": [
            {
                "id": str(place.participant.id),
                "role": place.participant.role.value,
                "room": place.room_name,
                "school": place.school_name,
                "class": place.class_name,
                "teacher": place.teacher_name,
                "publishing": sorted(
                    s
                    for p, s in live.told_of(place.participant.id).publishing
                    if p == place.participant.id
                ),
                "watching": live.told_of(place.participant.id).connections[
                    place.participant.id, "subscribe"
                ]
                > 0,
                "hand": place.participant.id in live.hands,
                "help": place.participant.id in live.helps,
                "muted": place.participant.id in muted,
                "off": sorted(live.off.get(place.participant.id, ())),
                "heads": live.heads.get(place.participant.id),
                "listen_only": place.listen_only,
                "findings": sorted(live.findings.get(place.participant.id, ())),
                "push_to_talk": place.participant.push_to_talk,
            }
            for place in live.places.values()
        ],
    }


def _meeting(found: meetings.Present | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "item": str(found.item) if found.item else None,
        "since": found.since.isoformat() if found.since else None,
        "turns": found.turns,
        "notes": found.notes,
        "plan_version": found.plan_version,
    }
