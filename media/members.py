"""Who is in a room, and what a room tells its shell."""

from dataclasses import dataclass

from media.delivery import Slot
from media.evidence import Evidence, Ledger
from media.reception import Stream
from media.specs import Kind, PublisherSpec, Source, SubscriberSpec

RECENT = 1.0  # seconds within which media must have flowed to be flowing


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
    """A participant has begun (or ceased) to send something decodable."""

    participant: str
    source: Source
    live: bool


@dataclass(frozen=True, slots=True)
class MappingChanged:
    """Who is now in each slot of a player: (mid, kind, participant and source, or None)."""

    resource_id: str
    participant: str
    slots: tuple[tuple[str, Kind, str | None, Source | None], ...]


Output = SendRtp | SendRtcp | Evidence | PublisherLive | MappingChanged


class Publisher:
    """A WHIP resource and its streams, found as their packets come."""

    def __init__(self, spec: PublisherSpec, ssrc: int) -> None:
        self.spec = spec
        self.ssrc = ssrc  # ours, in reports to it
        self.streams: dict[int, Stream] = {}
        self.rtx: dict[int, int] = {ssrc: media for t in spec.tracks for media, ssrc in t.rtx_ssrcs}
        self.live = False
        self.offset: float | None = None  # our wall clock less its NTP clock

    def decodable(self, now: float) -> bool:
        return any(s.keyed and now - s.last_at <= RECENT for s in self.streams.values())


class Subscriber:
    """A WHEP resource and its slots."""

    def __init__(self, spec: SubscriberSpec, made: list[Slot]) -> None:
        self.spec = spec
        self.slots = made
        self.by_ssrc = {slot.spec.ssrc: slot for slot in made}
        self.mapping: tuple[tuple[str, Kind, str | None, Source | None], ...] = ()

    def delivering(self, now: float) -> dict[int, int]:
        """SSRC → outgoing sequence number of the slots something was sent on just now."""
        return {
            slot.spec.ssrc: slot.munger.highest
            for slot in self.slots
            if slot.munger.started and now - slot.sent_at <= RECENT
        }


class Tally:
    """Totals of a participant when a second was last judged."""

    def __init__(self, ledger: Ledger, since: float) -> None:
        self.ledger = ledger
        self.since = since  # wall
        self.totals = (0, 0, 0, 0, 0, 0)
