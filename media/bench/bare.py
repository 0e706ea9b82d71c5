"""What the socket sends alone cost: the packets of a scenario, neither received nor encrypted.

The floor under any forwarder on the same machine: with a `sendto` for each packet, with one
UDP_SEGMENT send for each frame and viewer, and with such sends that the viewers' sockets take in
one piece (UDP_GRO), so that the sender does not pay for cutting them.
"""

import multiprocessing
import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection as Pipe

from media.bench import payloads
from media.bench.datagrams import BATCH, UDP_SEGMENT, Incoming, udp_socket
from media.bench.payloads import Frame
from media.bench.processes import die_with_parent
from media.bench.scenarios import Scenario

_SECOND = 1_000_000_000
_SHORTEST_SLEEP = 0.001  # seconds, as in the load generator: what is due within it is sent together
_HEADER_AND_TAG = 28  # bytes RTP and AES-GCM add to a payload
_READ_INTERVAL = 0.02  # seconds
_SEGMENTS = 50  # in one send; the kernel takes 64 and 64 KiB


class How(Enum):
    """How packets are sent, as the table calls it."""

    EACH = "sendto"
    SEGMENTED = "UDP_SEGMENT"
    JOINED = "UDP_GRO"


@dataclass(slots=True)
class _Stream:
    due: int
    interval: int
    viewers: list[tuple[str, int]]
    frames: int = 0


class Sink:
    """Sockets that stand for the viewers of each publisher, drained and counted."""

    def __init__(self, scenario: Scenario, *, joined: bool) -> None:
        self._incoming = Incoming()
        self._sockets: list[socket.socket] = []
        self.addresses: list[list[tuple[str, int]]] = []
        for viewers in scenario.viewers().values():
            sockets = [udp_socket(joined=joined) for _ in range(viewers)]
            for sock in sockets:
                sock.bind(("127.0.0.1", 0))
            self._sockets += sockets
            self.addresses.append([sock.getsockname() for sock in sockets])

    def drain(self) -> int:
        """How many datagrams had come."""
        incoming, total = self._incoming, 0
        for sock in self._sockets:
            while count := incoming.receive(sock.fileno()):
                for i in range(count):
                    total += -(-incoming.lengths[i] // incoming.segment(i))
                if count < BATCH:
                    break
        return total

    def count(self, seconds: float) -> int:
        """Drain for a while; how many came."""
        end = time.monotonic() + seconds
        total = 0
        while time.monotonic() < end:
            time.sleep(_READ_INTERVAL)
            total += self.drain()
        return total

    def close(self) -> None:
        """Let the sockets go."""
        for sock in self._sockets:
            sock.close()


@contextmanager
def sending(scenario: Scenario, how: How, *, seed: int) -> Iterator[tuple[int, Sink]]:
    """A process that sends the scenario's packets as its frames fall due; its pid, and where they
    arrive."""
    sink = Sink(scenario, joined=how is How.JOINED)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, sink.addresses, how is not How.EACH, seed, os.getpid())
    process = context.Process(target=_send, args=arguments, daemon=True)
    process.start()
    assert process.pid is not None, "it was started"
    try:
        ours.recv()  # it has begun
        yield process.pid, sink
    finally:
        process.kill()
        process.join()
        sink.close()


def _send(
    pipe: Pipe, addresses: list[list[tuple[str, int]]], segmented: bool, seed: int, parent: int
) -> None:
    die_with_parent(parent)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rng = random.Random(seed)  # noqa: S311 - a reproducible load
    now = time.monotonic_ns()
    video, audio = _SECOND // payloads.FRAME_RATE, _SECOND // payloads.AUDIO_RATE
    streams = [
        _Stream(now + rng.randrange(interval), interval, viewers)
        for viewers in addresses
        for interval in (video, audio)
    ]
    opus = payloads.opus_frame()
    pipe.send(True)
    while True:
        now = time.monotonic_ns()
        for stream in streams:
            if stream.due > now:
                continue
            key = stream.frames % payloads.KEY_INTERVAL == 0
            is_video = stream.interval == video
            frame = payloads.vp8_frame(rng, stream.frames, key) if is_video else opus
            _one_frame(sock, frame, stream.viewers, segmented)
            stream.due += stream.interval
            stream.frames += 1
        wake = min(stream.due for stream in streams)
        time.sleep(max(_SHORTEST_SLEEP, (wake - time.monotonic_ns()) / _SECOND))


def _one_frame(
    sock: socket.socket, frame: Frame, viewers: list[tuple[str, int]], segmented: bool
) -> None:
    size, count = frame.size + _HEADER_AND_TAG, len(frame.heads)
    if not segmented:
        packet = bytes(size)
        for viewer in viewers:
            for _ in range(count):
                sock.sendto(packet, viewer)
        return
    option = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", size))]
    for start in range(0, count, _SEGMENTS):
        burst = [bytes(size * min(_SEGMENTS, count - start))]
        for viewer in viewers:
            sock.sendmsg(burst, option, 0, viewer)
