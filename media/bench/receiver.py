"""A subscriber's media: count every packet, open a sample, report once a second."""

import random
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field

import pylibsrtp
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSourceInfo,
    RtcpSrPacket,
    pack_remb_fci,
)

from media.bench.arrivals import EXTENSION_ID, ArrivalLog, sequence_of
from media.bench.connection import Connection
from media.bench.datagrams import BATCH, SLOT, Incoming
from media.bench.payloads import Pool
from media.bench.protection import Buffer

_WORDS = struct.Struct("!BBHxxxxI")  # of an RTP header
_REMB = 20_000_000  # bit/s a receiver says it can take: its path is a loopback
_OWN_SSRC = 1  # of a receiver that sends nothing but reports


@dataclass(slots=True)
class Arrivals:
    """What arrived at some receivers during a measurement."""

    received: int = 0
    lost: int = 0  # by gaps in the sequence numbers of what left the server
    sampled: int = 0  # opened and compared
    different: int = 0  # of those, not what was sent
    unreadable: int = 0  # of those, not authentic
    latencies: list[int] = field(default_factory=list)  # ns, of those sampled
    streams: set[int] = field(default_factory=set)  # of publishers, as seen in those sampled

    def add(self, other: "Arrivals") -> None:
        """Take another's counts in."""
        self.received += other.received
        self.lost += other.lost
        self.sampled += other.sampled
        self.different += other.different
        self.unreadable += other.unreadable
        self.latencies += other.latencies
        self.streams |= other.streams


class _Stream:
    """One SSRC, with sequence numbers extended past 16 bits."""

    __slots__ = ("counted_from", "highest", "received", "report", "reported_at")

    def __init__(self, sequence: int) -> None:
        self.highest = sequence
        self.counted_from = sequence - 1
        self.received = 0
        self.report = self.reported_at = 0  # middle of the last sender report's NTP, and when

    def since_report(self, now: int) -> int:
        """In 1/65536 seconds; 0 where there was none."""
        return max(0, now - self.reported_at << 16) // 1_000_000_000 if self.report else 0

    def lost(self) -> int:
        return max(0, self.highest - self.counted_from - self.received)


class Receiver:
    """Reads one socket when told to. `incoming` and `buffer` (the same memory) are shared by a
    worker's receivers; `log` is of one that offers transport-wide feedback."""

    def __init__(
        self,
        connection: Connection,
        pool: Pool,
        incoming: Incoming,
        buffer: Buffer,
        *,
        seed: int,
        log: ArrivalLog | None = None,
    ) -> None:
        self.connection, self._pool, self._in, self._buffer = connection, pool, incoming, buffer
        self._fd = connection.socket.fileno()
        self.log = log
        self._rng = random.Random(seed)  # noqa: S311 - a reproducible sample
        self._streams: dict[int, _Stream] = {}
        self._arrivals = Arrivals()
        self._every = 1
        self._until_sample = 1

    @property
    def heard(self) -> bool:
        """Whether any media came."""
        return bool(self._streams)

    @property
    def received(self) -> int:
        """Packets since `begin`."""
        return sum(stream.received for stream in self._streams.values())

    def begin(self, every: int) -> None:
        """Count from now on, and open one packet in `every` (at random places)."""
        self.read()
        self._every, self._until_sample = every, 1
        self._arrivals = Arrivals()
        for stream in self._streams.values():
            stream.counted_from, stream.received = stream.highest, 0

    def end(self) -> Arrivals:
        """What arrived since `begin`."""
        self.read()
        for stream in self._streams.values():
            self._arrivals.received += stream.received
            self._arrivals.lost += stream.lost()
        return self._arrivals

    def read(self) -> None:
        """Take everything that waits in the socket."""
        incoming, streams, log = self._in, self._streams, self.log
        view, lengths, unpack = incoming.view, incoming.lengths, _WORDS.unpack_from
        while count := incoming.receive(self._fd):
            for i in range(count):
                start = i * SLOT
                end = start + lengths[i]
                segment = incoming.segment(i)
                for at in range(start, end, segment):
                    first, second, sequence, ssrc = unpack(view, at)
                    if not 128 <= first <= 191 or 192 <= second <= 223:
                        self._control(bytes(view[at : min(at + segment, end)]))
                        continue
                    try:
                        stream = streams[ssrc]
                    except KeyError:
                        stream = streams[ssrc] = _Stream(sequence)
                    step = (sequence - stream.highest) & 0xFFFF
                    if step < 0x8000:
                        stream.highest += step
                    stream.received += 1
                    if log is not None and first & 16:
                        number = sequence_of(view, at, EXTENSION_ID)
                        if number is not None:
                            log.add(number, incoming.stamp(i))
                    self._until_sample -= 1
                    if not self._until_sample:
                        self._open(at, min(segment, end - at), incoming.stamp(i))
            if count < BATCH:
                break

    def _open(self, at: int, length: int, stamp: int) -> None:
        self._until_sample = 1 + int(self._rng.random() * (2 * self._every - 1))
        size = self._buffer.unprotect(self.connection.receive, at, length)
        arrivals = self._arrivals
        arrivals.sampled += 1
        if size < 0:
            arrivals.unreadable += 1
            return
        packet = bytes(self._in.view[at : at + size])
        start = 12 + 4 * (packet[0] & 15)
        if packet[0] & 16:
            start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
        found = self._pool.check(packet[start:])
        if found is None:
            arrivals.different += 1
            return
        mark, same = found
        arrivals.different += not same
        arrivals.streams.add(mark.stream)
        arrivals.latencies.append(stamp - mark.sent)

    def _control(self, data: bytes) -> None:
        if data[:1] < b"\x04":
            self.connection.answer_check(data)
        elif data[:1] >= b"\x80":
            with suppress(pylibsrtp.Error, ValueError):
                for packet in RtcpPacket.parse(self.connection.receive.unprotect_rtcp(data)):
                    if isinstance(packet, RtcpSrPacket) and packet.ssrc in self._streams:
                        stream = self._streams[packet.ssrc]
                        stream.report = packet.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
                        stream.reported_at = time.monotonic_ns()

    def report(self, now: int) -> None:
        """Send receiver reports (RFC 3550, 6.4.2) and REMB for all streams; nothing was lost as far
        as they say, since what is measured is the server and not its answer to loss."""
        if not self._streams:
            return
        blocks = [
            RtcpReceiverInfo(
                ssrc=ssrc,
                fraction_lost=0,
                packets_lost=0,
                highest_sequence=stream.highest & 0xFFFFFFFF,
                jitter=0,
                lsr=stream.report,
                dlsr=stream.since_report(now),
            )
            for ssrc, stream in self._streams.items()
        ]
        compound = bytes(RtcpRrPacket(ssrc=_OWN_SSRC, reports=blocks[:31])) + bytes(
            RtcpSdesPacket([RtcpSourceInfo(ssrc=_OWN_SSRC, items=[(1, b"bench")])])
        )
        if self.log is None or not self.log.began:  # what browsers send where the other is had not
            remb = pack_remb_fci(_REMB, list(self._streams))
            compound += bytes(
                RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=_OWN_SSRC, media_ssrc=0, fci=remb)
            )
        self._send(compound)

    def report_arrivals(self, _at: int) -> None:
        """Send transport-wide feedback on what came since the last time."""
        feedback = self.log.report(_OWN_SSRC, next(iter(self._streams), 0)) if self.log else None
        if feedback is not None:
            self._send(feedback)

    def _send(self, packet: bytes) -> None:
        with suppress(OSError):
            self.connection.socket.send(self.connection.send.protect_rtcp(packet))
