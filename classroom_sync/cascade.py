"""A lesson on several media nodes: which room is on which, and what each node pulls from another.

The session's own node is the hub: the lead is there, and whatever is to be seen everywhere passes
it. Rooms beyond what one node shall carry are on branches. A branch pulls the lead, and whoever has
the floor, from the hub; the hub pulls from a branch the rooms there that send. Nothing is pulled
that a node has of its own, so nothing goes in circles. Pure, but for the commands at the end.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from classroom_sync import tokens
from classroom_sync.node_links import NodeAway, NodeLinks
from classroom_sync.tokens import MediaToken
from scheduler.model import Participant, ParticipantRole

if TYPE_CHECKING:
    from classroom_sync.live_session import LiveSession


def spread(
    people: Sequence[Participant], nodes: Sequence[UUID], most: int
) -> tuple[UUID | None, dict[UUID, UUID | None]]:
    """The hub for a session, and for each participant the branch it is on (None: the hub), so that
    a node has `most` rooms at the most, or else all nodes equally many. `nodes` are the living
    ones, that with the least to do first."""
    if not nodes:
        return None, {}
    rooms = [p.id for p in people if p.role is ParticipantRole.RECEIVING]
    count = min(len(nodes), max(1, -(-len(rooms) // most)))
    share = -(-len(rooms) // count)
    placed: dict[UUID, UUID | None] = {p.id: None for p in people}
    for number, room in enumerate(rooms):
        placed[room] = nodes[number // share] if number >= share else None
    return nodes[0], placed


def mend(
    people: Sequence[Participant], hub: UUID, nodes: Sequence[UUID], living: frozenset[UUID]
) -> dict[UUID, UUID | None]:
    """Where rooms go whose branch is not `living`: to the branches that are left and the hub in
    turn, else to the hub alone. `nodes` as for `spread`."""
    left = [n for n in nodes if n != hub]
    turn: list[UUID | None] = [*left, None]
    stray = [p.id for p in people if p.node_id is not None and p.node_id not in living]
    return {room: turn[number % len(turn)] for number, room in enumerate(stray)}


@dataclass(frozen=True, slots=True)
class Pull:
    """What `node` shall pull from `origin`: one source of one participant."""

    node: UUID
    origin: UUID
    participant: UUID
    stream: str
    lead: bool


def pulls(live: "LiveSession") -> Iterator[Pull]:
    """All that a session's nodes must pull just now."""
    hub = live.session.node_id
    branches = live.nodes - {hub}
    if hub is None or not branches:
        return
    for place in live.places.values():
        who = place.participant
        lead = who.role is ParticipantRole.LEAD
        on = live.node_of(who.id)
        sends = {s for p, s in live.told_at(on).publishing if p == who.id}
        everywhere = lead or who.id == live.session.floor_participant_id
        for stream in sorted({"camera", "screen"} if lead else sends):
            if on is not None and on != hub:
                yield Pull(hub, on, who.id, stream, lead)
            for branch in sorted(branches - {on}):
                if everywhere:
                    yield Pull(branch, hub, who.id, stream, lead)


class Cascade:
    """Tells nodes what to pull. What one was told last is not told again while it is linked."""

    def __init__(self, links: NodeLinks, media_key: bytes) -> None:
        self._links = links
        self._media_key = media_key

    async def tell(self, live: "LiveSession", now: datetime) -> None:
        """Tell each node of a session what has changed for it."""
        wanted = list(pulls(live))
        for node in live.nodes | set(live.pulled):
            mine = frozenset(pull for pull in wanted if pull.node == node)
            if live.pulled.get(node, frozenset()) == mine or node not in self._links.connected:
                continue
            live.pulled[node] = mine
            with contextlib.suppress(NodeAway):  # it is told when it is linked again
                await self._links.command(
                    node,
                    "pull",
                    room=str(live.session.id),
                    pulls=[self._message(live, pull, now) for pull in mine],
                )

    def _message(self, live: "LiveSession", pull: Pull, now: datetime) -> dict[str, Any]:
        token = MediaToken(
            live.session.id,
            pull.participant,
            "subscribe",
            "node",
            pull.stream,  # type: ignore[arg-type]  # as a node said it
        )
        return {
            "participant": str(pull.participant),
            "stream": pull.stream,
            "lead": pull.lead,
            "url": f"{self._links.url(pull.origin)}/whep/{live.session.id}",
            "token": tokens.issue(self._media_key, token, now),
        }
