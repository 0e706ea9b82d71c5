"""A small lesson of light peers that comes and goes: a hub that publishes, a room that watches."""

import asyncio
import time
from dataclasses import dataclass, field

from aiortc.rtcdtlstransport import RTCCertificate

from media.bench.connection import CONSENT, Connection
from media.bench.datagrams import Incoming, Outgoing
from media.bench.payloads import AUDIO_RATE, FRAME_RATE, Pool
from media.bench.protection import Buffer
from media.bench.receiver import Arrivals, Receiver
from media.bench.rota import Rota
from media.bench.scenarios import HUB, Publisher, Subscriber
from media.bench.sender import SECOND, Sender
from media.bench.whip import Endpoint, WhipWhep

PEERS = 2
_STEP = 0.01  # seconds between two looks at the clock
_PATIENCE = 5 * SECOND
_NEVER = 1 << 30  # packets before a second one is opened: the first tells whether keys are right


@dataclass
class Shared:
    """What peers of one process share: buffers, noise, certificate."""

    pool: Pool = field(default_factory=lambda: Pool(1))
    certificate: RTCCertificate = field(default_factory=RTCCertificate.generateCertificate)
    out: Outgoing = field(default_factory=Outgoing)
    into: Incoming = field(default_factory=Incoming)

    def __post_init__(self) -> None:
        self.out_buffer, self.into_buffer = Buffer(self.out), Buffer(self.into)


class Lesson:
    """One room, `number` of which no other has. `join`, `hold`, then `leave` once."""

    def __init__(self, http: WhipWhep, shared: Shared, number: int) -> None:
        self._http, self._shared = http, shared
        room = f"lesson-{number}"
        self._hub = Publisher(number, room, HUB, lead=True)
        self._viewer = Subscriber(number, room, "room", (number,))
        self._up, self._down = (
            Connection(shared.certificate, "gcm", joined=True) for _ in range(PEERS)
        )
        self._resources: list[Endpoint] = []

    async def join(self) -> None:
        """Connect both. Raises SignallingFailed."""
        self._resources.append(await self._http.publish(self._hub, self._up))
        self._resources.append(await self._http.play(self._viewer, self._down))

    async def hold(self, seconds: float) -> Arrivals:
        """Have media for so long, and until the viewer has some; what the viewer got."""
        shared, now = self._shared, time.monotonic_ns()
        end = now + int(seconds * SECOND)
        latest = end + _PATIENCE
        sender = Sender(
            self._hub,
            self._up,
            shared.pool,
            shared.out,
            shared.out_buffer,
            segmented=True,
            seed=1,
            now=now,
        )
        receiver = Receiver(self._down, shared.pool, shared.into, shared.into_buffer, seed=1)
        receiver.begin(_NEVER)
        video, audio = Rota(SECOND // FRAME_RATE), Rota(SECOND // AUDIO_RATE)
        reports, consent = Rota(SECOND), Rota(CONSENT)
        video.add(now, sender.send_video)
        audio.add(now, sender.send_audio)
        reports.add(now, sender.report)
        reports.add(now, receiver.report)
        for connection in (self._up, self._down):
            consent.add(now, connection.refresh_consent)
        while (now := time.monotonic_ns()) < (end if receiver.heard else latest):
            for rota in (video, audio, reports, consent):
                rota.run(now)
            sender.read()
            receiver.read()
            await asyncio.sleep(_STEP)
        return receiver.end()

    async def leave(self, *, silent: bool = False) -> None:
        """DELETE both resources, unless silent, and be gone. Raises SignallingFailed."""
        try:
            for resource in () if silent else self._resources:
                await self._http.leave(resource)
        finally:
            self._up.close()
            self._down.close()
