"""What a publisher shows in one track: its streams as layers of one picture, or one sound."""

from dataclasses import dataclass, field

from media.reception import Stream
from media.specs import Kind, Source, TrackSpec

STALE = 2.0  # seconds without a packet after which a feed shows nothing
SILENCE = 127.0  # -dBov
RESUME = 4.0  # seconds a layer that was put to rest may take to come again when it is wanted


@dataclass(slots=True, eq=False)
class Feed:
    """One track of a publisher. `key` is its place in the order of arrival. `resting` holds the
    RIDs that the publisher was told not to send, and `wanted_at` when one was last wanted back."""

    key: int
    track: TrackSpec
    publisher: str  # resource id
    participant: str
    lead: bool
    shows: Source
    streams: list[Stream] = field(default_factory=list)
    resting: frozenset[str] = frozenset()
    wanted_at: dict[str, float] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return self.track.kind

    @property
    def level(self) -> float:
        """Smoothed audio level, -dBov: 0 is loudest."""
        return min((s.state.level for s in self.streams), default=SILENCE)

    def flowing(self, now: float) -> bool:
        """Whether something decodable comes."""
        return any(s.keyed and now - s.state.last_at <= STALE for s in self.streams)

    def layers(self, now: float) -> list[Stream]:
        """The streams that can be had, smallest picture first: those that come, and those that
        rest on our word and are not overdue."""
        return sorted(
            (s for s in self.streams if now - s.state.last_at <= STALE or self._resumable(s, now)),
            key=lambda s: (s.size or (0, 0), s.bitrate, s.key),
        )

    def _resumable(self, stream: Stream, now: float) -> bool:
        wanted_at = self.wanted_at.get(stream.rid)
        if wanted_at is not None:
            return now - wanted_at <= RESUME
        return stream.rid in self.resting

    def newest(self) -> Stream | None:
        """The stream that a packet came of last."""
        return max(self.streams, key=lambda s: s.state.last_at, default=None)
