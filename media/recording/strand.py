"""What passes from a room to its recorder."""

from typing import NamedTuple

from media.specs import Codec, Source


class Strand(NamedTuple):
    """What was read of one stream. `packets` are (unwrapped number, packet) in ascending order; a
    gap in the numbers is a loss. `guest` is the participant it is of, empty for the lead. `newest`
    is the RTP timestamp of the newest packet that came, and
    when; `report` the newest sender report: (NTP seconds, RTP timestamp, when it came). Times
    without a name are monotonic seconds."""

    source: Source
    publisher: str
    stream: int
    codec: Codec
    clock_rate: int
    packets: tuple[tuple[int, bytes], ...]
    newest: tuple[int, float]
    report: tuple[float, int, float] | None
    guest: str = ""
