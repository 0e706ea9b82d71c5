"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).

A feedback says for each transport-wide sequence number from `base` on whether it arrived, and when,
in ticks of 250 µs. Both directions are here: as a sender we read it (`acknowledged` joins it to
what was sent), as a receiver we write it (`Arrivals` collects what a publisher will be told).
"""

import struct
from collections.abc import Iterable, MutableSequence
from dataclasses import dataclass
from typing import NamedTuple

from media.rtp import MalformedPacket, unwrap

TICK = 0.00025  # seconds per delta unit
REFERENCE = 256  # ticks (64 ms) per unit of the reference time
_NOT_RECEIVED, _SMALL, _LARGE = 0, 1, 2
MAX_STATUSES = 4096  # more than a second of any stream we forward
HISTORY = 2048  # numbers remembered, sent or arrived; a power of two
_SENT_AS_ONE = 0.001  # seconds from the first packet of a burst
_ARRIVED_AS_ONE = 0.003
_LATE = 256  # numbers behind the newest reported one that may still come
_STATUSES_OF_ONE = 500  # written in one feedback: at most 20 + 500 * 16 / 7 bytes
_LARGEST_DELTA = 0x7FFF  # ticks, either way


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """`arrivals[i]` is when transport-wide number `base + i` arrived, in ticks of 250 µs on the
    receiver's clock (only differences mean anything), None where it did not; `count` is the 8-bit
    number of this feedback."""

    sender: int
    media: int
    base: int
    count: int
    arrivals: tuple[int | None, ...]


def parse_transport_feedback(sender: int, media: int, body: bytes) -> TransportFeedback:
    """Read what follows the two SSRCs. Raises MalformedPacket; reads at most MAX_STATUSES, in steps
    that the size of `body` bounds."""
    if len(body) < 8:
        raise MalformedPacket("transport feedback cut short")
    base, total = struct.unpack_from("!HH", body)
    if total > MAX_STATUSES:
        raise MalformedPacket("transport feedback on too many packets")
    reference, count = int.from_bytes(body[4:7], "big", signed=True), body[7]
    runs: list[tuple[int, int]] = []  # (status, packets)
    known, at = 0, 8
    while known < total:
        if at + 2 > len(body):
            raise MalformedPacket("transport feedback status chunks")
        chunk = body[at] << 8 | body[at + 1]
        at += 2
        for status, packets in _chunk(chunk):
            run = min(packets, total - known)
            if runs and runs[-1][0] == status:
                runs[-1] = status, runs[-1][1] + run
            else:
                runs.append((status, run))
            known += run
    time = reference * REFERENCE
    arrivals: list[int | None] = []
    for status, run in runs:
        if status == _NOT_RECEIVED:
            arrivals.extend([None] * run)  # two bytes may say this of thousands
            continue
        size = 1 if status == _SMALL else 2
        if status > _LARGE or at + size * run > len(body):
            raise MalformedPacket("transport feedback deltas")
        deltas: Iterable[int] = body[at : at + run]
        if size == 2:
            deltas = struct.unpack_from(f"!{run}h", body, at)
        arrivals += [time := time + delta for delta in deltas]
        at += size * run
    return TransportFeedback(sender, media, base, count, tuple(arrivals))


def _chunk(chunk: int) -> list[tuple[int, int]]:
    """The (status, packets) runs of one chunk."""
    if not chunk & 0x8000:  # run length
        return [(chunk >> 13 & 3, chunk & 0x1FFF)]
    if chunk & 0x4000:  # seven two-bit symbols
        return [(chunk >> shift & 3, 1) for shift in range(12, -2, -2)]
    return [(chunk >> shift & 1, 1) for shift in range(13, -1, -1)]


def transport_feedback_bytes(feedback: TransportFeedback) -> bytes:
    """What follows the two SSRCs, padded with zeros to whole words. Every arrival must lie within
    ±8.19 s of the one before it."""
    known = [arrival for arrival in feedback.arrivals if arrival is not None]
    reference = (known[0] if known else 0) // REFERENCE
    time = reference * REFERENCE
    statuses, deltas = [], bytearray()
    for arrival in feedback.arrivals:
        if arrival is None:
            statuses.append(_NOT_RECEIVED)
            continue
        delta = arrival - time
        time = arrival
        if 0 <= delta <= 255:
            statuses.append(_SMALL)
            deltas.append(delta)
        else:
            statuses.append(_LARGE)
            deltas += delta.to_bytes(2, "big", signed=True)
    head = struct.pack("!HH", feedback.base, len(statuses))
    head += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((feedback.count & 0xFF,))
    body = head + _chunks(statuses) + bytes(deltas)
    return body + bytes(-len(body) % 4)


def _chunks(statuses: list[int]) -> bytes:
    out = bytearray()
    at = 0
    while at < len(statuses):
        run = at
        while run < len(statuses) and statuses[run] == statuses[at] and run - at < 0x1FFF:
            run += 1
        if run - at >= 7 or run == len(statuses):
            chunk = statuses[at] << 13 | (run - at)
            at = run
        else:
            chunk = 0xC000
            for index, status in enumerate(statuses[at : at + 7]):
                chunk |= status << (12 - 2 * index)
            at += 7
        out += chunk.to_bytes(2, "big")
    return bytes(out)


class Acked(NamedTuple):
    """What became of one packet, or of several that were sent as one and arrived as one: `sent_at`
    in seconds of our clock, `arrived_at` in seconds of the receiver's, None: lost; `size` in bytes,
    as it counts for the path, of all `packets`."""

    sent_at: float
    arrived_at: float | None
    size: int
    packets: int = 1


def acknowledged(
    feedback: TransportFeedback,
    highest: int,
    sent_at: MutableSequence[float],
    sent_size: MutableSequence[int],
) -> list[Acked]:
    """What a feedback says of packets sent, in the order of their numbers.

    `highest` is the newest transport-wide number sent (16 bits or unwrapped). Number n was sent at
    `sent_at[n % HISTORY]` with `sent_size[n % HISTORY]` bytes, which the sender writes anew for
    each packet; a size of 0 means nothing was sent. What has been said is marked there (arrived: 0,
    lost: below 0), so that feedbacks that overlap count nothing twice; only one that was thought
    lost may still arrive. Numbers that were never sent, or too long ago, are passed over. Packets
    of one burst that took next to no time to arrive are told as one, at the time of the last."""
    packets: list[Acked] = []
    burst_sent = burst_arrived = first_arrived = 0.0
    burst_size = burst_packets = 0
    behind = (highest - feedback.base) & 0xFFFF  # how long before the newest the base was sent
    for arrival in feedback.arrivals:
        if behind < HISTORY:
            slot = (highest - behind) % HISTORY
            size = sent_size[slot]
            if arrival is not None and size:
                sent, arrived = sent_at[slot], arrival * TICK
                sent_size[slot] = 0
                if burst_packets and not (
                    0 <= sent - burst_sent <= _SENT_AS_ONE
                    and 0 <= arrived - first_arrived <= _ARRIVED_AS_ONE
                ):
                    packets.append(Acked(burst_sent, burst_arrived, burst_size, burst_packets))
                    burst_size = burst_packets = 0
                if not burst_packets:
                    burst_sent, first_arrived = sent, arrived
                burst_arrived = arrived
                burst_size += abs(size)
                burst_packets += 1
            elif arrival is None and size > 0:
                if burst_packets:
                    packets.append(Acked(burst_sent, burst_arrived, burst_size, burst_packets))
                    burst_size = burst_packets = 0
                packets.append(Acked(sent_at[slot], None, size))
                sent_size[slot] = -size
        behind = (behind - 1) & 0xFFFF
    if burst_packets:
        packets.append(Acked(burst_sent, burst_arrived, burst_size, burst_packets))
    return packets


class Arrivals:
    """Packets of one publisher, on their way into feedback. `add` each as it arrives; `take` every
    50 to 250 ms what has to be said since. A packet that comes late, after its number was said to
    be missing, is said again with what lies between."""

    def __init__(self) -> None:
        self._ticks: dict[int, int] = {}  # unwrapped number → arrival, in order of arrival
        self._highest = -1
        self._reported = -1  # all up to here has been said
        self._from: int | None = None  # lowest number that is new
        self._count = 0

    def add(self, number: int, now: float) -> None:
        """Transport-wide number `number` (16 bits) arrived at `now`, seconds on any clock."""
        ticks = self._ticks
        # From 65536 on, so that numbers from before the first one stay positive.
        extended = number + 0x10000 if self._highest < 0 else unwrap(number, self._highest)
        if extended in ticks or extended <= self._reported - _LATE:
            return
        if extended > self._highest:
            self._highest = extended
        if self._from is None or extended < self._from:
            self._from = extended
        ticks[extended] = round(now / TICK)
        if len(ticks) > HISTORY:
            del ticks[next(iter(ticks))]

    def take(self, sender: int, media: int) -> list[TransportFeedback]:
        """Feedback on what arrived since the last call, in SSRC `sender`'s name about `media`;
        empty when nothing did. It goes on in another one where it grows too large, where numbers
        jump by more than one holds (the gap is left out), or where packets lie too far apart."""
        if self._from is None:
            return []
        first = self._from if self._reported < 0 else min(self._from, self._reported + 1)
        ticks = self._ticks
        made: list[TransportFeedback] = []
        base, last = first, 0
        arrivals: list[int | None] = []
        for number in sorted(n for n in ticks if n >= first):
            tick = ticks[number]
            if number - base >= _STATUSES_OF_ONE or (
                arrivals and abs(tick - last) > _LARGEST_DELTA
            ):
                if arrivals:
                    made.append(self._feedback(sender, media, base, arrivals))
                    base += len(arrivals)
                if number - base >= _STATUSES_OF_ONE:
                    base = number
                arrivals = []
            arrivals.extend([None] * (number - base - len(arrivals)))
            arrivals.append(tick)
            last = tick
        made.append(self._feedback(sender, media, base, arrivals))
        self._reported, self._from = self._highest, None
        for number in [n for n in ticks if n <= self._reported - _LATE]:
            del ticks[number]
        return made

    def _feedback(
        self, sender: int, media: int, base: int, arrivals: list[int | None]
    ) -> TransportFeedback:
        count, self._count = self._count, (self._count + 1) & 0xFF
        return TransportFeedback(sender, media, base & 0xFFFF, count, tuple(arrivals))
