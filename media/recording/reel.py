"""What goes into which file: the frames of one source, in segments, on one clock.

A segment begins with the first key frame, or with sound alone when no picture comes for a while. It
goes on over layers, losses, reconnects and replaced publishers as long as its header stays true: a
new codec, new H.264 parameter sets, or a first picture begin another.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from media.recording.depacketize import Assembler, Frame, parameter_sets
from media.recording.strand import Strand
from media.recording.timeline import PublisherClock, Timeline
from media.specs import Codec, Kind, Source

_ALONE = 1.5  # seconds after which sound begins without a picture
_MOST = 16  # streams, and publishers, remembered

_SOUND = frozenset({Codec.OPUS, Codec.RED})


class Picture(NamedTuple):
    """The video of a segment; `head` is its first key frame."""

    codec: Codec
    parameters: bytes  # H.264: SPS and PPS in Annex B
    head: bytes


@dataclass(frozen=True, slots=True)
class Begin:
    """A new file, whose timestamp 0 is the monotonic second `at`."""

    source: Source
    picture: Picture | None
    at: float


@dataclass(frozen=True, slots=True)
class Write:
    """A frame of the file begun last, `ms` after its beginning."""

    kind: Kind
    ms: int
    data: bytes
    key: bool


@dataclass(frozen=True, slots=True)
class End:
    """The file is complete."""


Step = Begin | Write | End


@dataclass(slots=True)
class _Strip:
    """One stream: its frames and their times."""

    codec: Codec
    assembler: Assembler
    timeline: Timeline


@dataclass(slots=True)
class Reel:
    """One source of one recording. `feed` what was read, in order; perform the steps."""

    source: Source
    _strips: OrderedDict[tuple[str, int], _Strip] = field(default_factory=OrderedDict)
    _clocks: OrderedDict[str, PublisherClock] = field(default_factory=OrderedDict)
    _waiting: list[tuple[float, Frame]] = field(default_factory=list)  # sound
    _picture: Picture | None = None
    _parameters: bytes = b""
    _began: float | None = None
    _last_ms: dict[Kind, int] = field(default_factory=dict)

    def feed(self, strands: Iterable[Strand]) -> Iterator[Step]:
        for strand in strands:
            strip = self._strip(strand)
            timestamp, at = strand.newest
            if at >= 0:
                strip.timeline.arrived(timestamp, at)
            if strand.report is not None:
                strip.timeline.reported(*strand.report)
            for number, packet in strand.packets:
                for frame in strip.assembler.take(number, packet):
                    when = strip.timeline.time(frame.timestamp)
                    if strand.codec in _SOUND:
                        yield from self._sound(when, frame)
                    else:
                        yield from self._show(strand.codec, when, frame)

    def end(self) -> Iterator[Step]:
        """Nothing more comes."""
        if self._began is None and self._waiting:
            yield from self._begin(None, self._waiting[0][0])
        if self._began is not None:
            self._began = None
            yield End()

    def refused(self) -> None:
        """The file begun last can't be made of its first picture: another one begins the next."""
        self._began = self._picture = None

    def _strip(self, strand: Strand) -> _Strip:
        name = (strand.publisher, strand.stream)
        strip = self._strips.get(name)
        if strip is None:
            clock = self._clocks.setdefault(strand.publisher, PublisherClock())
            timeline = Timeline(strand.clock_rate, clock)
            strip = self._strips[name] = _Strip(strand.codec, Assembler(strand.codec), timeline)
        elif strip.codec is not strand.codec:
            strip.codec, strip.assembler = strand.codec, Assembler(strand.codec)
        self._strips.move_to_end(name)  # who speaks now is not the one who is forgotten
        self._clocks.move_to_end(strand.publisher)
        for remembered in (self._strips, self._clocks):
            while len(remembered) > _MOST:
                remembered.popitem(last=False)
        return strip

    def _sound(self, when: float, frame: Frame) -> Iterator[Step]:
        if self._began is not None:
            yield from self._write(Kind.AUDIO, when, frame)
            return
        self._waiting.append((when, frame))
        if when - self._waiting[0][0] >= _ALONE:
            yield from self._begin(None, self._waiting[0][0])

    def _show(self, codec: Codec, when: float, frame: Frame) -> Iterator[Step]:
        if codec is Codec.H264:
            self._parameters = parameter_sets(frame.data) or self._parameters
        current = self._picture if self._began is not None else None
        if frame.key and not self._goes_on(current, codec):
            if codec is Codec.H264 and not self._parameters:
                return  # nothing can read it
            parameters = self._parameters if codec is Codec.H264 else b""
            yield from self._begin(Picture(codec, parameters, frame.data), when)
            current = self._picture
        if current is not None and current.codec is codec:
            yield from self._write(Kind.VIDEO, when, frame)

    def _goes_on(self, current: Picture | None, codec: Codec) -> bool:
        if current is None or current.codec is not codec:
            return False
        return codec is not Codec.H264 or current.parameters == self._parameters

    def _begin(self, picture: Picture | None, when: float) -> Iterator[Step]:
        if self._began is not None:
            yield End()
        sound, self._waiting = self._waiting, []
        if sound and picture is not None:
            when = min(when, sound[0][0])
        self._picture, self._began, self._last_ms = picture, when, {}
        yield Begin(self.source, picture, when)
        for at, frame in sound:
            yield from self._write(Kind.AUDIO, at, frame)

    def _write(self, kind: Kind, when: float, frame: Frame) -> Iterator[Step]:
        if self._began is None:
            return  # it was refused
        ms = round((when - self._began) * 1000)
        last = self._last_ms.get(kind, -1)
        if ms <= last:
            if last - ms > 1000:  # from before: another stream had gone on already
                return
            ms = last + 1
        self._last_ms[kind] = ms
        yield Write(kind, ms, frame.data, frame.key)
