"""When each packet arrived, told to its sender: transport-wide feedback, the receiver's side.

draft-holmer-rmcat-transport-wide-cc-extensions-01: packets carry one sequence for all streams of a
transport in a header extension (which SRTP leaves readable), and the receiver reports the arrival
time of each in RTPFB packets of format 15.
"""

import struct
from collections.abc import Iterator

URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
EXTENSION_ID = 3  # as offered
_ONE_BYTE_HEADER = 0xBEDE  # RFC 8285, 4.2
_HEAD = struct.Struct("!BBHIIHHI")
_LONGEST = 1000  # packets in one report
_TICK = 250_000  # ns, of a delta
_REFERENCE = 64_000_000  # ns, of the reference time
_MISSING, _SMALL, _LARGE = 0, 1, 2  # symbols
_VECTOR = 7  # two-bit symbols in a status vector chunk


def sequence_of(view: memoryview, at: int, extension: int) -> int | None:
    """The transport-wide sequence number of the RTP packet at `at`, whose header has an extension
    there; None where it has no such element."""
    start = at + 12 + 4 * (view[at] & 15)
    profile, words = struct.unpack_from("!HH", view, start)
    position, end = start + 4, start + 4 + 4 * words
    while profile == _ONE_BYTE_HEADER and position < end:
        head = view[position]
        if head >> 4 == extension:
            return int.from_bytes(view[position + 1 : position + 3])
        position += 1 if head == 0 else 2 + (head & 15)  # 0 pads
    return None


class ArrivalLog:
    """Arrivals since the last report."""

    def __init__(self) -> None:
        self._arrived: dict[int, int] = {}  # extended sequence: nanoseconds
        self._next: int | None = None  # the first that no report has named
        self._highest = 0
        self._reports = 0

    @property
    def began(self) -> bool:
        """Whether any packet carried a sequence number."""
        return self._next is not None

    def add(self, sequence: int, at: int) -> None:
        """A packet arrived at `at` (nanoseconds of any one clock)."""
        if self._next is None:
            self._next = self._highest = sequence
        ahead = (sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
        extended = self._highest + ahead
        self._highest = max(self._highest, extended)
        if extended >= self._next:  # else it was reported as missing
            self._arrived[extended] = at

    def report(self, ssrc: int, media_ssrc: int) -> bytes | None:
        """An RTCP packet about all that is not reported yet; None where nothing came."""
        if self._next is None or not self._arrived:
            return None
        first = min(self._arrived) if self._highest - self._next >= _LONGEST else self._next
        last = min(self._highest, first + _LONGEST - 1)
        times = [self._arrived.get(sequence) for sequence in range(first, last + 1)]
        self._arrived = {s: at for s, at in self._arrived.items() if s > last}
        self._next = last + 1
        clock = next(at for at in times if at is not None) // _REFERENCE
        symbols, deltas = _deltas(times, clock * _REFERENCE)
        body = b"".join(_chunks(symbols)) + deltas
        padding = -len(body) % 4
        body += bytes(max(0, padding - 1)) + bytes([padding] if padding else [])
        head = _HEAD.pack(
            0x8F | (0x20 if padding else 0),
            205,
            (_HEAD.size + len(body)) // 4 - 1,
            ssrc,
            media_ssrc,
            first & 0xFFFF,
            len(times),
            (clock & 0xFFFFFF) << 8 | self._reports & 0xFF,
        )
        self._reports += 1
        return head + body


def _deltas(times: list[int | None], reference: int) -> tuple[list[int], bytes]:
    """Symbols, and the deltas of those that came, each from the one before as it was rounded."""
    symbols, deltas, told = [], bytearray(), reference
    for at in times:
        if at is None:
            symbols.append(_MISSING)
            continue
        delta = max(-0x8000, min(0x7FFF, (at - told) // _TICK))
        told += delta * _TICK
        symbols.append(_SMALL if 0 <= delta <= 0xFF else _LARGE)
        deltas += struct.pack("!B" if symbols[-1] == _SMALL else "!h", delta)
    return symbols, bytes(deltas)


def _chunks(symbols: list[int]) -> Iterator[bytes]:
    """Run lengths where they pay, vectors of two-bit symbols otherwise."""
    i = 0
    while i < len(symbols):
        run = 1
        while i + run < len(symbols) and symbols[i + run] == symbols[i]:
            run += 1
        if run >= _VECTOR or i + run == len(symbols):
            yield struct.pack("!H", symbols[i] << 13 | run)
            i += run
            continue
        word = 0xC000
        for place, symbol in enumerate(symbols[i : i + _VECTOR]):
            word |= symbol << 2 * (_VECTOR - 1 - place)
        yield struct.pack("!H", word)
        i += _VECTOR
