"""What a room tells its shell: packets to send, and what happened."""

from dataclasses import dataclass

from media.evidence import Evidence
from media.recording.strand import Strand
from media.specs import Kind, Source


@dataclass(frozen=True, slots=True)
class SendRtp:
    resource_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SendRtcp:
    resource_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PublisherLive:
    """A participant has begun (or ceased) to send something decodable; `relayed`: here, by way of
    the node that it is on."""

    participant: str
    source: Source
    live: bool
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What is in the slot `mid` of a player: a participant's source, or nothing (None). A *dark*
    one can't be had for now: the line is too weak for its picture."""

    mid: str
    kind: Kind
    participant: str | None = None
    source: Source | None = None
    dark: bool = False


@dataclass(frozen=True, slots=True)
class MappingChanged:
    """What is now in each slot of a player."""

    resource_id: str
    participant: str
    slots: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class LayersWanted:
    """The simulcast layers (RIDs) of a publisher that somebody watches; it may rest the others."""

    participant: str
    source: Source
    rids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was read of a room that is recorded."""

    strands: tuple[Strand, ...]


Output = SendRtp | SendRtcp | Evidence | PublisherLive | MappingChanged | LayersWanted | Recorded
