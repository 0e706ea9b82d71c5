"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).

A feedback says for each transport-wide sequence number from `base` on whether it arrived, and when,
in ticks of 250 µs. Both directions are here: as a sender we read it, as a receiver we write it.
"""

import struct
from dataclasses import dataclass

from media.rtp import MalformedPacket

TICK = 0.00025  # seconds per delta unit
REFERENCE = 256  # ticks (64 ms) per unit of the reference time
_NOT_RECEIVED, _SMALL, _LARGE = 0, 1, 2
MAX_STATUSES = 4096  # more than a second of any stream we forward


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
    """Read what follows the two SSRCs. Raises MalformedPacket; reads at most MAX_STATUSES."""
    if len(body) < 8:
        raise MalformedPacket("transport feedback cut short")
    base, total = struct.unpack_from("!HH", body)
    if total > MAX_STATUSES:
        raise MalformedPacket("transport feedback on too many packets")
    reference, count = int.from_bytes(body[4:7], "big", signed=True), body[7]
    statuses: list[int] = []
    at = 8
    while len(statuses) < total:
        if at + 2 > len(body):
            raise MalformedPacket("transport feedback status chunks")
        chunk = body[at] << 8 | body[at + 1]
        at += 2
        statuses.extend(_chunk(chunk, total - len(statuses)))
    time = reference * REFERENCE
    arrivals: list[int | None] = []
    for status in statuses:
        if status == _SMALL and at < len(body):
            time += body[at]
            at += 1
        elif status == _LARGE and at + 1 < len(body):
            time += int.from_bytes(body[at : at + 2], "big", signed=True)
            at += 2
        elif status != _NOT_RECEIVED:
            raise MalformedPacket("transport feedback deltas")
        arrivals.append(None if status == _NOT_RECEIVED else time)
    return TransportFeedback(sender, media, base, count, tuple(arrivals))


def _chunk(chunk: int, wanted: int) -> list[int]:
    if not chunk & 0x8000:  # run length
        return [chunk >> 13 & 3] * min(chunk & 0x1FFF, wanted)
    if chunk & 0x4000:  # seven two-bit symbols
        symbols = [chunk >> shift & 3 for shift in range(12, -2, -2)]
    else:
        symbols = [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return symbols[:wanted]


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
