"""What is read of a room for its recording: the lead's camera and sound, its shared screen, and
where that is wished the cameras and sound of the others. Where nobody leads, whoever is in the
spotlight takes the lead's place.

Nothing is taken from the way of the packets. Each stream's cache for retransmission is read a
moment later, in order: what was late or asked for again is in its place by then. A gap is waited
for, then passed over. A picture that misses something is not read on until its next key frame,
which is asked for; another is asked for now and then, to have places that can be jumped to. Of
layers the best that comes is read; another takes its place at a key frame.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from media import codecs, rtp
from media.delivery import unix
from media.feeds import Feed
from media.plane import CACHE, Plane
from media.publisher import Publisher
from media.reception import Stream
from media.recording.spotlight import Place, Spotlight
from media.recording.strand import Strand
from media.rtp import MalformedPacket
from media.specs import Kind, Source

PATIENCE = 0.6  # seconds a missing packet is waited for: as long as it is asked for, and a little
_BEHIND = CACHE * 3 // 4  # packets: who lags further behind waits for none
KEY_EVERY = 10.0  # seconds: so far apart are the places that can be jumped to, or cut at
_FLOWS = 1.0  # seconds since its last packet within which a layer comes


@dataclass(slots=True)
class _Reader:
    """Reads one stream. `broken`: its picture can't be read on before a key frame."""

    stream: Stream
    broken: bool
    _next: int = 0  # number
    _waits_since: float | None = None
    _asked_at: float | None = None

    def wants(self, now: float) -> bool:
        """Whether a key frame is to be asked for: it is waited for, or is due again."""
        if self.stream.track.kind is Kind.AUDIO or now - self.stream.state.last_at > _FLOWS:
            return False
        if self._asked_at is None:
            self._asked_at = now
        due = self.broken or now - self._asked_at >= KEY_EVERY
        if due:
            self._asked_at = now
        return due

    def read(self, plane: Plane, now: float) -> list[tuple[int, bytes]]:
        """What can be read by now, in order."""
        state = self.stream.state
        if state.highest < 0:
            return []
        self._next = max(self._next, state.first)
        found: list[tuple[int, bytes]] = []
        if state.highest - self._next >= CACHE:
            self._lose(state.highest - CACHE + 1)
        while self._next <= state.highest:
            data = plane.kept(state, self._next)
            if data is None:
                if not self._passes(now):
                    break
                self._lose(self._next + 1, waits_since=self._waits_since)
                continue
            self._waits_since = None
            if self._may_follow(data):
                found.append((self._next, data))
            self._next += 1
        return found

    def lose(self) -> None:
        """What was read last has not been recorded."""
        self.broken = self.stream.track.kind is Kind.VIDEO

    def _lose(self, following: int, waits_since: float | None = None) -> None:
        self._next, self._waits_since = following, waits_since
        self.lose()

    def _passes(self, now: float) -> bool:
        """Whether the next is waited for no longer."""
        if self._waits_since is None:
            self._waits_since = now
        waited = now - self._waits_since >= PATIENCE
        return waited or self.stream.state.highest - self._next > _BEHIND

    def _may_follow(self, data: bytes) -> bool:
        payload = self.stream.payload
        try:
            header = rtp.parse(data)
        except MalformedPacket:
            return False
        if header.payload_type != payload.payload_type:
            self.lose()  # it was another codec then
            return False
        if self.broken:
            picture = codecs.read(payload.codec, data, header.payload_start, header.payload_end)
            self.broken = not picture.key_start
        return not self.broken


@dataclass(slots=True)
class Tap:
    """Reads one room, `others` too beside its lead; call `read` once when it is to begin, then with
    each tick. Whoever calls it has had the `spotlight` choose, where nobody leads."""

    plane: Plane
    others: bool = False
    spotlight: Spotlight | None = None  # where nobody leads
    _seen: dict[int, int] | None = None  # by stream, how far it was at the last reading
    _readers: dict[int | Place, _Reader] = field(default_factory=dict)  # by feed, or by place
    _coming: dict[int | Place, _Reader] = field(default_factory=dict)  # to take their places

    def read(
        self, publishers: Iterable[Publisher], muted: Collection[str], now: float
    ) -> list[Strand]:
        """What has come of those who are recorded; sound of those muted is left out."""
        strands: list[Strand] = []
        chosen = [publisher for publisher in publishers if self._chooses(publisher)]
        streams = [s for publisher in chosen for s in publisher.streams.values()]
        seen = {s.key: s.state.highest for s in streams}
        if self._seen is None:
            self._seen = seen  # what came before it was wished is not recorded
        if self.spotlight is not None:
            self._drop(seen)
        places: set[int | Place] = set()
        for place, feed in self.spotlight or ():
            places.add(place)
            found = self._read(place, feed, now)
            if found is not None:
                strands.append(_strand(feed, *found))
        for publisher in chosen:
            spec = publisher.spec
            if not spec.lead and not (self.others and spec.source is Source.CAMERA):
                continue
            for feed in publisher.feeds:
                places.add(feed.key)
                found = self._read(feed.key, feed, now)
                if found is None or (feed.kind is Kind.AUDIO and feed.participant in muted):
                    continue
                strands.append(_strand(feed, *found, guest="" if feed.lead else feed.participant))
        for gone in [place for place in self._readers if place not in places]:
            del self._readers[gone]
            self._coming.pop(gone, None)
        self._seen = seen
        return strands

    def _chooses(self, publisher: Publisher) -> bool:
        spec = publisher.spec
        if self.spotlight is not None or spec.lead:
            return True
        return self.others and spec.source is Source.CAMERA

    def _drop(self, there: Collection[int]) -> None:
        """Forget who reads streams that are gone."""
        for readers in (self._readers, self._coming):
            for place in [p for p, reader in readers.items() if reader.stream.key not in there]:
                del readers[place]

    def holds(self, feed: Feed) -> bool:
        """Whether the best layer of this picture is recorded, and must not rest."""
        return feed.lead or (self.spotlight is not None and self.spotlight.holds(feed))

    def lose(self) -> None:
        """What was read last could not be taken: every picture waits for a key frame."""
        for reader in self._readers.values():
            reader.lose()

    def wants(self, now: float) -> Iterator[Stream]:
        """Streams of which a key frame is to be asked for."""
        for reader in (*self._readers.values(), *self._coming.values()):
            if reader.wants(now):
                yield reader.stream

    def _read(
        self, place: int | Place, feed: Feed, now: float
    ) -> tuple[Stream, list[tuple[int, bytes]]] | None:
        """What has come for a place, of the best layer of its feed; of what was there before, a
        layer or another feed, until that has a key frame."""
        reader, best = self._readers.get(place), _best(feed, now)
        if best is not None and (reader is None or reader.stream is not best):
            coming = self._coming.get(place)
            if coming is None or coming.stream is not best:
                following = (self._seen or {}).get(best.key, -1) + 1
                coming = _Reader(best, feed.kind is Kind.VIDEO, following)
                self._coming[place] = coming
            packets = coming.read(self.plane, now)
            if packets or reader is None or feed.kind is Kind.AUDIO:
                self._readers[place] = coming
                del self._coming[place]
                return best, packets
        else:
            self._coming.pop(place, None)
        return (reader.stream, reader.read(self.plane, now)) if reader is not None else None


def _best(feed: Feed, now: float) -> Stream | None:
    """The layer to record: the largest that comes."""
    if feed.kind is Kind.AUDIO:
        return feed.newest()
    flowing = [s for s in feed.layers(now) if now - s.state.last_at <= _FLOWS]
    return flowing[-1] if flowing else None


def _strand(
    feed: Feed, stream: Stream, packets: list[tuple[int, bytes]], guest: str = ""
) -> Strand:
    report = stream.report
    return Strand(
        feed.shows,
        stream.publisher,
        stream.key,
        stream.payload.codec,
        stream.payload.clock_rate,
        tuple(packets),
        (stream.state.last_timestamp, stream.state.last_at),
        None if report is None else (unix(report.ntp), report.timestamp, stream.report_at),
        guest,
    )
