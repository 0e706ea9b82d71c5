"""A publisher's media: frames on time, sender reports, and key frames when asked for."""

import random
import struct
import time
from collections.abc import Sequence
from contextlib import suppress

import pylibsrtp
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)

from media.bench import payloads
from media.bench.connection import Connection
from media.bench.datagrams import Outgoing
from media.bench.payloads import Frame, Pool
from media.bench.protection import Buffer
from media.bench.scenarios import Publisher
from media.bench.sdp import AUDIO_LEVEL_ID, OPUS, VP8

SECOND = 1_000_000_000
REPORT_INTERVAL = SECOND
_KEYFRAME_REQUESTS = (1, 4)  # PLI, FIR
_NTP_EPOCH = 2_208_988_800
_HEADER = struct.Struct("!BBHII")
_LEVEL = struct.pack("!HHBBH", 0xBEDE, 1, AUDIO_LEVEL_ID << 4, 0x80 | 30, 0)  # voice, -30 dBov


def ssrc_of(number: int, kind: str) -> int:
    """SSRC of a publisher's stream."""
    return 0x10000 + 2 * number + (kind == "video")


class _Stream:
    """Counters of one RTP stream."""

    __slots__ = ("clock", "extension", "index", "octets", "payload_type", "ssrc", "start")

    def __init__(
        self, ssrc: int, payload_type: int, clock: int, start: int, extension: bytes
    ) -> None:
        self.ssrc, self.payload_type, self.clock = ssrc, payload_type, clock
        self.start, self.extension = start, extension
        self.index = 0  # packets sent
        self.octets = 0


class Sender:
    """Sends what is due. `out` and `buffer` (the same memory) are shared by a worker's senders;
    `segmented` sends are cheaper for the kernel, and look the same to who receives them."""

    def __init__(
        self,
        publisher: Publisher,
        connection: Connection,
        pool: Pool,
        out: Outgoing,
        buffer: Buffer,
        *,
        segmented: bool,
        seed: int,
        now: int,
    ) -> None:
        self.publisher = publisher
        self.connection, self._pool = connection, pool
        self._out, self._buffer, self._segmented = out, buffer, segmented
        self._rng = random.Random(f"{seed}/{publisher.number}")  # noqa: S311 - a reproducible load
        first = self._rng.randrange(0x8000)
        number = publisher.number
        self._video = _Stream(ssrc_of(number, "video"), VP8, payloads.VIDEO_CLOCK, first, b"")
        self._audio = _Stream(ssrc_of(number, "audio"), OPUS, payloads.AUDIO_CLOCK, first, _LEVEL)
        self._frames = 0
        self._last_key = -payloads.KEY_INTERVAL
        self._key_wanted = False
        self._opus = payloads.opus_frame()
        self._began = now
        self._next_video = now + self._rng.randrange(SECOND // payloads.FRAME_RATE)
        self._next_audio = now + self._rng.randrange(SECOND // payloads.AUDIO_RATE)
        self._next_report = now + self._rng.randrange(REPORT_INTERVAL)
        self.unsent = 0  # datagrams the kernel did not take
        self.keyframe_requests = 0
        self.nacks = 0

    @property
    def sent(self) -> int:
        """Packets sent so far, both kinds."""
        return self._video.index + self._audio.index

    def due(self) -> int:
        """When there is something to send next (monotonic nanoseconds)."""
        return min(self._next_video, self._next_audio, self._next_report)

    def tick(self, now: int) -> None:
        """Send everything due by `now`."""
        while self._next_audio <= now:
            self._send(self._audio, self._opus, self._next_audio)
            self._next_audio += SECOND // payloads.AUDIO_RATE
        while self._next_video <= now:
            key = self._key_wanted or self._frames - self._last_key >= payloads.KEY_INTERVAL
            if key:
                self._key_wanted, self._last_key = False, self._frames
            frame = payloads.vp8_frame(self._rng, self._frames, key)
            self._frames += 1
            self._send(self._video, frame, self._next_video)
            self._next_video += SECOND // payloads.FRAME_RATE
        if self._next_report <= now:
            self._report(now)
            self._next_report += REPORT_INTERVAL

    def _timestamp(self, stream: _Stream, at: int) -> int:
        return (stream.start + (at - self._began) * stream.clock // SECOND) & 0xFFFFFFFF

    def _send(self, stream: _Stream, frame: Frame, at: int) -> None:
        view, session, count = self._out.view, self.connection.send, len(frame.heads)
        timestamp, extension = self._timestamp(stream, at), stream.extension
        first, kind = 0x90 if extension else 0x80, stream.payload_type
        size = _HEADER.size + len(extension) + frame.size
        sent, base = time.time_ns(), 0
        for i, head in enumerate(frame.heads):
            index = stream.index + i
            if i == count - 1 and stream is self._video:
                kind |= 0x80  # the marker: last packet of its frame
            number = (stream.start + index) & 0xFFFF
            _HEADER.pack_into(view, base, first, kind, number, timestamp, stream.ssrc)
            start = base + _HEADER.size
            body = start + len(extension) + len(head)
            view[start:body] = extension + head
            self._pool.write(view, body, base + size, frame.size, stream.ssrc, index, sent)
            base += self._buffer.protect(session, base, size)
        stream.index += count
        stream.octets += count * frame.size
        taken = self._out.send(
            self.connection.socket, base // count, count, segmented=self._segmented
        )
        self.unsent += count - taken

    def _report(self, now: int) -> None:
        wall = time.time_ns()
        ntp = ((wall // SECOND + _NTP_EPOCH) << 32) | (wall % SECOND << 32) // SECOND
        for stream in (self._audio, self._video):
            info = RtcpSenderInfo(
                ntp_timestamp=ntp,
                rtp_timestamp=self._timestamp(stream, now),
                packet_count=stream.index & 0xFFFFFFFF,
                octet_count=stream.octets & 0xFFFFFFFF,
            )
            report = bytes(RtcpSrPacket(ssrc=stream.ssrc, sender_info=info))
            with suppress(OSError):
                self.connection.socket.send(self.connection.send.protect_rtcp(report))

    def read(self) -> None:
        """Read what came from the server: checks, and feedback."""
        while True:
            try:
                data = self.connection.socket.recv(2048)
            except OSError:
                return
            if data[:1] < b"\x04":
                self.connection.answer_check(data)
            elif data[:1] >= b"\x80":
                with suppress(pylibsrtp.Error, ValueError):
                    plain = self.connection.receive.unprotect_rtcp(data)
                    self._feedback(RtcpPacket.parse(plain))

    def _feedback(self, packets: Sequence[object]) -> None:
        for packet in packets:
            if isinstance(packet, RtcpPsfbPacket) and packet.fmt in _KEYFRAME_REQUESTS:
                self.keyframe_requests += 1
                self._key_wanted = True
            elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == 1:
                self.nacks += len(packet.lost)
