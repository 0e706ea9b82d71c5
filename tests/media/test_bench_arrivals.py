"""Transport-wide feedback as the bench's viewers send it, read back by the draft's own rules."""

import struct

import pytest

from media.bench.arrivals import ArrivalLog, sequence_of

_MS = 1_000_000


def _read(packet: bytes) -> list[tuple[int, float | None]]:
    """(sequence, arrival in ms) for each packet that a report names."""
    head, kind, words, *_, base, count, clock = struct.unpack_from("!BBHIIHHI", packet)
    assert (head & 0x1F, kind, 4 * (words + 1)) == (15, 205, len(packet))
    position, symbols = 20, list[int]()
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", packet, position)
        position += 2
        if chunk & 0x8000:
            assert chunk & 0x4000, "two-bit symbols"
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
    at, found = (clock >> 8) * 64.0, list[tuple[int, float | None]]()
    for i, symbol in enumerate(symbols[:count]):
        if symbol:
            (delta,) = struct.unpack_from("!B" if symbol == 1 else "!h", packet, position)
            position += symbol
            at += delta / 4
        found.append((base + i & 0xFFFF, at if symbol else None))
    padding = packet[-1] if head & 0x20 else 0
    assert position + padding == len(packet)
    return found


def _reported(log: ArrivalLog) -> list[tuple[int, float | None]]:
    packet = log.report(1, 2)
    assert packet is not None
    return _read(packet)


def test_arrivals_and_gaps_are_told_once() -> None:
    log = ArrivalLog()
    assert (log.began, log.report(1, 2)) == (False, None)
    for sequence, at in ((7, 100), (8, 101), (11, 180), (10, 181)):
        log.add(sequence, at * _MS)
    assert _reported(log) == [(7, 100), (8, 101), (9, None), (10, 181), (11, 180)]
    assert log.report(1, 2) is None
    log.add(9, 300 * _MS)  # too late: it was told to be missing
    log.add(12, 301 * _MS)
    assert _reported(log) == [(12, 301)]


@pytest.mark.parametrize("lost", [{3}, set(range(20, 60)), set(range(1, 250, 3))])
def test_long_reports_wrap_and_name_every_packet(lost: set[int]) -> None:
    log = ArrivalLog()
    sent = {(65_400 + i) & 0xFFFF: None if i in lost else 50.0 + i for i in range(300)}
    for sequence, at in sent.items():
        if at is not None:
            log.add(sequence, int(at * _MS))
    assert dict(_reported(log)) == sent


def test_sequence_is_found_behind_other_extensions() -> None:
    level_and_sequence = struct.pack("!HHBBBHxx", 0xBEDE, 2, 1 << 4, 0x80 | 30, 3 << 4 | 1, 4711)
    packet = bytearray(b"\xff" + b"\x91" + bytes(11 + 4) + level_and_sequence + bytes(20))
    assert sequence_of(memoryview(packet), 1, 3) == 4711
    assert sequence_of(memoryview(packet), 1, 5) is None
