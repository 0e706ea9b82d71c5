"""What a media node tells of its rooms to whoever controls it (docs/protocol.md)."""

from dataclasses import dataclass

from media import events


@dataclass(frozen=True, slots=True)
class ParticipantConnected:
    room: str
    participant: str
    direction: str  # publish or subscribe
    unseen: bool = False  # an observer


@dataclass(frozen=True, slots=True)
class ParticipantGone:
    room: str
    participant: str
    direction: str
    reason: str  # left, lost, replaced, ended, stopped
    resource_id: str


@dataclass(frozen=True, slots=True)
class Publishing:
    """A participant's stream can be decoded now, or no longer."""

    room: str
    participant: str
    stream: str  # camera or screen
    live: bool


@dataclass(frozen=True, slots=True)
class SlotsMapped:
    """What is in each slot of a player: m-line id, kind, participant and stream (or null), and
    whether its picture is dark because the line can't carry it."""

    room: str
    participant: str
    resource_id: str
    slots: tuple[tuple[str, str, str | None, str | None, bool], ...]


@dataclass(frozen=True, slots=True)
class LayersWanted:
    """The simulcast layers of a participant's stream that somebody watches."""

    room: str
    participant: str
    stream: str
    rids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A room is recorded under this id, with the `others` beside the lead or without; or (None) no
    longer, `cause` telling why where it ended by itself."""

    room: str
    recording: str | None
    ended: str | None = None  # the id of what was recorded until now
    cause: str | None = None
    others: bool = False


NodeEvent = (
    ParticipantConnected | ParticipantGone | Publishing | SlotsMapped | LayersWanted | Recording
)


def from_room(
    room: str, output: events.PublisherLive | events.MappingChanged | events.LayersWanted
) -> NodeEvent:
    """A room's output as the node tells it."""
    if isinstance(output, events.PublisherLive):
        return Publishing(room, output.participant, output.source.value, output.live)
    if isinstance(output, events.LayersWanted):
        return LayersWanted(room, output.participant, output.source.value, output.rids)
    return SlotsMapped(
        room,
        output.participant,
        output.resource_id,
        tuple(
            (
                shown.mid,
                shown.kind.value,
                shown.participant,
                shown.source.value if shown.source else None,
                shown.dark,
            )
            for shown in output.slots
        ),
    )
