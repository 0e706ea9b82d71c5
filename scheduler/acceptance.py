"""The acceptance test of a room: what is measured, what is asked of it, and the judgement.

The room's browser measures what only it can (camera, microphone, echo, what it receives); the media
node and the server say what they saw of the same test, and where both speak, the worse of the two
is judged. Thresholds are DOMAIN's (Room acceptance); those it leaves open are marked (A).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite
from statistics import median
from typing import ClassVar, Literal
from uuid import UUID

from scheduler.model import RoomKind


class Figure(StrEnum):
    """What is measured, in the order of the certificate."""

    CAMERA_LINES = "camera_lines"
    CAMERA_RATE = "camera_rate"
    MICROPHONE_LEVEL = "microphone_level"
    NOISE_FLOOR = "noise_floor"
    ECHO_DELAY = "echo_delay"
    ECHO_RETURN_LOSS = "echo_return_loss"
    THROUGHPUT_UP = "throughput_up"
    THROUGHPUT_DOWN = "throughput_down"
    MEDIA_SHARE = "media_share"
    ROUND_TRIP = "round_trip"
    DELAY = "delay"
    JITTER = "jitter"
    LOSS_UP = "loss_up"
    LOSS_DOWN = "loss_down"
    RECONNECT = "reconnect"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict
    LIMIT = "limit"  # it will do, and should be better
    FAIL = "fail"


class Source(StrEnum):
    """Whose figure is judged."""

    BROWSER = "browser"
    NODE = "node"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Unit:
    """How a figure is written: `digits` after the point, to which it is rounded and judged."""

    symbol: str
    digits: int
    more_is_better: bool


UNITS: Mapping[Figure, Unit] = {
    Figure.CAMERA_LINES: Unit("p", 0, True),
    Figure.CAMERA_RATE: Unit("fps", 0, True),
    Figure.MICROPHONE_LEVEL: Unit("dBFS", 1, True),
    Figure.NOISE_FLOOR: Unit("dBFS", 1, False),
    Figure.ECHO_DELAY: Unit("ms", 0, False),
    Figure.ECHO_RETURN_LOSS: Unit("dB", 1, True),
    Figure.THROUGHPUT_UP: Unit("Mbit/s", 1, True),
    Figure.THROUGHPUT_DOWN: Unit("Mbit/s", 1, True),
    Figure.MEDIA_SHARE: Unit("%", 0, True),
    Figure.ROUND_TRIP: Unit("ms", 0, False),
    Figure.DELAY: Unit("ms", 0, False),
    Figure.JITTER: Unit("ms", 1, False),
    Figure.LOSS_UP: Unit("%", 2, False),
    Figure.LOSS_DOWN: Unit("%", 2, False),
    Figure.RECONNECT: Unit("s", 1, False),
}

_DEVICES = frozenset(
    {
        Figure.CAMERA_LINES,
        Figure.CAMERA_RATE,
        Figure.MICROPHONE_LEVEL,
        Figure.NOISE_FLOOR,
        Figure.ECHO_DELAY,
        Figure.ECHO_RETURN_LOSS,
    }
)
_ECHO = frozenset({Figure.ECHO_DELAY, Figure.ECHO_RETURN_LOSS})


@dataclass(frozen=True, slots=True)
class Band:
    """Up to `good` a figure passes; between it and `limit` it is at its limit; beyond, it fails."""

    good: float
    limit: float


@dataclass(frozen=True)
class AcceptanceRules:
    """What is asked of a room; the defaults are DOMAIN's, (A) where it has none."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    version: str = "2026-1"
    camera_lines_lead: Band = Band(1080, 1080)
    camera_lines: Band = Band(720, 720)
    camera_rate: Band = Band(25, 25)  # frames per second
    microphone_level: Band = Band(-35, -45)  # (A) dBFS of the loudest tenth, someone speaking
    noise_floor: Band = Band(-50, -40)  # (A) dBFS of the quietest tenth
    echo_delay: Band = Band(250, 500)  # (A) ms from loudspeaker to microphone
    echo_return_loss: Band = Band(20, 6)  # (A) dB from what is played to what is picked up
    throughput_lead: Band = Band(20, 20)  # Mbit/s, each way
    throughput: Band = Band(10, 10)
    media_share: Band = Band(90, 80)  # (A) % of the time with picture and sound both ways
    round_trip: Band = Band(200, 400)  # ms to the media node and back: a lesson's network path
    delay: Band = Band(200, 400)  # ms by way of the node until it is played, one way of a lesson
    jitter: Band = Band(50, 50)  # ms
    loss: Band = Band(1, 5)  # %
    reconnect: Band = Band(10, 10)  # s

    def band(self, figure: Figure, kind: RoomKind) -> Band:
        """What is asked of a figure in a kind of room."""
        lead = kind is RoomKind.LEAD
        match figure:
            case Figure.CAMERA_LINES:
                return self.camera_lines_lead if lead else self.camera_lines
            case Figure.THROUGHPUT_UP | Figure.THROUGHPUT_DOWN:
                return self.throughput_lead if lead else self.throughput
            case Figure.LOSS_UP | Figure.LOSS_DOWN:
                return self.loss
            case _:
                found: Band = getattr(self, figure.value)
                return found


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bulk data that the server took or gave; `direction` as the room sees it."""

    direction: Literal["up", "down"]
    bytes: int
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class NodeSlice:
    """What the media node saw of one side of the test for some seconds."""

    participant_id: UUID
    from_at: datetime
    to_at: datetime
    sent_decodable: bool
    received_decodable: bool
    packets_in: int
    packets_out: int
    lost_in: int
    lost_out: int
    jitter_ms: float
    rtt_ms: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What others than the browser say of the test: figures by who saw them."""

    figures: Mapping[Figure, tuple[float, Source]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure against its thresholds. `value` None: it could not be measured."""

    figure: Figure
    value: float | None
    source: Source
    band: Band
    verdict: Verdict


def figures_of(kind: RoomKind) -> tuple[Figure, ...]:
    """What is measured in a kind of room: one that only listens needs neither eye nor ear."""
    return tuple(f for f in Figure if kind is not RoomKind.CLOUD or f not in _DEVICES)


def throughput(transfers: Iterable[Transfer], direction: str) -> float | None:
    """Mbit/s of the transfers of one direction, which may overlap; None: there were none."""
    found = [t for t in transfers if t.direction == direction]
    if not found:
        return None
    lasted = (max(t.to_at for t in found) - min(t.from_at for t in found)).total_seconds()
    return sum(t.bytes for t in found) * 8 / 1e6 / lasted if lasted > 0 else None


def seen_by_others(
    slices: Sequence[NodeSlice],
    transfers: Sequence[Transfer],
    sender: UUID,
    listener: UUID,
    seconds: float,
) -> Seen:
    """What the media node and the server saw; `seconds` is how long media should have flowed.

    Nothing seen at all is a share of 0 %: a test that no media node knows of can't be passed.
    """
    found: dict[Figure, tuple[float, Source]] = {}
    sent = [s for s in slices if s.participant_id == sender]
    heard = [s for s in slices if s.participant_id == listener]
    both = min(
        sum((s.to_at - s.from_at).total_seconds() for s in sent if s.sent_decodable),
        sum((s.to_at - s.from_at).total_seconds() for s in heard if s.received_decodable),
    )
    found[Figure.MEDIA_SHARE] = (min(100.0, 100 * both / seconds), Source.NODE)
    came, missed = sum(s.packets_in for s in sent), sum(s.lost_in for s in sent)
    if came + missed > 0:
        found[Figure.LOSS_UP] = (100 * missed / (came + missed), Source.NODE)
    gone, astray = sum(s.packets_out for s in heard), sum(s.lost_out for s in heard)
    if gone > 0:
        found[Figure.LOSS_DOWN] = (min(100.0, 100 * astray / gone), Source.NODE)
    if jitters := [s.jitter_ms for s in sent if s.packets_in > 0]:
        found[Figure.JITTER] = (median(jitters), Source.NODE)
    if trips := [s.rtt_ms for s in heard if s.rtt_ms is not None]:
        found[Figure.ROUND_TRIP] = (median(trips), Source.NODE)
    for figure, direction in (
        (Figure.THROUGHPUT_UP, "up"),
        (Figure.THROUGHPUT_DOWN, "down"),
    ):
        rate = throughput(transfers, direction)
        found[figure] = (rate if rate is not None else 0.0, Source.SERVER)
    return Seen(found)


def judge(
    reported: Mapping[Figure, float | None], seen: Seen, kind: RoomKind, rules: AcceptanceRules
) -> tuple[Judged, ...]:
    """Every figure of the room against its thresholds, the worse of two sayings where there are
    two. What was not measured fails, except an echo: none that can be heard is as it should be, or
    a loudspeaker that is off, so it is at its limit."""
    return tuple(_judged(f, reported.get(f), seen, kind, rules) for f in figures_of(kind))


def _judged(
    figure: Figure, said: float | None, seen: Seen, kind: RoomKind, rules: AcceptanceRules
) -> Judged:
    unit, band = UNITS[figure], rules.band(figure, kind)
    value, source = said, Source.BROWSER
    if figure in seen.figures:
        other, who = seen.figures[figure]
        worse = value is None or (other < value if unit.more_is_better else other > value)
        if worse:
            value, source = other, who
    if value is None or not isfinite(value):
        verdict = Verdict.LIMIT if figure in _ECHO and value is None else Verdict.FAIL
        return Judged(figure, None, source, band, verdict)
    value = round(value, unit.digits)
    return Judged(figure, value, source, band, _against(value, band, unit))


def _against(value: float, band: Band, unit: Unit) -> Verdict:
    sign = 1 if unit.more_is_better else -1
    if sign * value >= sign * band.good:
        return Verdict.PASS
    return Verdict.LIMIT if sign * value >= sign * band.limit else Verdict.FAIL


def passed(judged: Iterable[Judged]) -> bool:
    """A room passes when nothing fails."""
    return all(each.verdict is not Verdict.FAIL for each in judged)
