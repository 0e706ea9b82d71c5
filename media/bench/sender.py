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
from media.bench.payloads import MAGIC, MARK, Frame, Pool
from media.bench.protection import Buffer
from media.bench.scenarios import Publisher
from media.bench.sdp import AUDIO_LEVEL_ID, OPUS, VP8

SECOND = 1_000_000_000
_KEYFRAME_REQUESTS = (1, 4)  # PLI, FIR
_NTP_EPOCH = 2_208_988_800
_HEADER_SIZE = 12
_PACKING = [struct.Struct(f"!BBHII{lead}s{MARK.format[1:]}") for lead in range(24)]
_LEVEL = struct.pack("!HHBBH", 0xBEDE, 1, AUDIO_LEVEL_ID << 4, 0x80 | 30, 0)  # voice, -30 dBov


def ssrcs(number: int) -> dict[str, int]:
    """SSRC of each of a publisher's streams."""
    return {kind: 0x10000 + 2 * number + i for i, kind in enumerate(("audio", "video"))}


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
    """Sends what it is told is due. `out` and `buffer` (the same memory) are shared by a worker's
    senders; `segmented` sends are cheaper for the kernel, and look the same to who receives
    them."""

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
        own = ssrcs(publisher.number)
        self._video = _Stream(own["video"], VP8, payloads.VIDEO_CLOCK, first, b"")
        self._audio = _Stream(own["audio"], OPUS, payloads.AUDIO_CLOCK, first, _LEVEL)
        self._frames = 0
        # A key frame first, and then in a rhythm of its own.
        self._last_key = -self._rng.randrange(payloads.KEY_INTERVAL)
        self._key_wanted = True
        self._opus = payloads.opus_frame()
        self._began = now
        self.unsent = 0  # datagrams the kernel did not take
        self.keyframe_requests = 0
        self.nacks = 0

    @property
    def sent(self) -> int:
        """Packets sent so far, both kinds."""
        return self._video.index + self._audio.index

    def send_audio(self, at: int) -> None:
        """Send the packet due at `at` (monotonic nanoseconds), one of `payloads.AUDIO_RATE`."""
        self._send(self._audio, self._opus, at)

    def send_video(self, at: int) -> None:
        """Send the frame due at `at`, one of `payloads.FRAME_RATE`."""
        in_turn = self._frames - self._last_key >= payloads.KEY_INTERVAL
        key = in_turn or self._key_wanted
        self._key_wanted = False
        if in_turn:
            self._last_key = self._frames
        frame = payloads.vp8_frame(self._rng, self._frames, key)
        self._frames += 1
        self._send(self._video, frame, at)

    def _timestamp(self, stream: _Stream, at: int) -> int:
        return (stream.start + (at - self._began) * stream.clock // SECOND) & 0xFFFFFFFF

    def _send(self, stream: _Stream, frame: Frame, at: int) -> None:
        view, count, connection = self._out.view, len(frame.heads), self.connection
        first, kind = 0x90 if stream.extension else 0x80, stream.payload_type
        size = _HEADER_SIZE + len(stream.extension) + frame.size
        stride = size + connection.tag
        index, ssrc = stream.index, stream.ssrc
        timestamp, sent = self._timestamp(stream, at), time.time_ns()
        place = self._pool.fill(view[: stride * count], ssrc, index)
        base, last = 0, count - 1 if stream is self._video else count
        for i, head in enumerate(frame.heads):
            if i == last:
                kind |= 0x80  # the marker: last packet of its frame
            lead = stream.extension + head
            packing = _PACKING[len(lead)]
            number = (stream.start + index) & 0xFFFF
            body = place + base + packing.size
            packing.pack_into(
                view, base, first, kind, number, timestamp, ssrc, lead,
                MAGIC, ssrc, index, sent, frame.size, body,
            )  # fmt: skip
            index += 1
            base += stride
        self._buffer.protect(connection.send, count, size, stride)
        stream.index = index
        stream.octets += count * frame.size
        taken = self._out.send(connection.socket, stride, count, segmented=self._segmented)
        self.unsent += count - taken

    def report(self, now: int) -> None:
        """Send a sender report for each stream (RFC 3550, 6.4.1), once a second."""
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
