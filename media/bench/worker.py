"""A process of bench peers: it connects them when told, keeps them going, and counts.

Told through a pipe by `load.Load`, one command at a time, each answered with a `Reply`.
"""

import asyncio
import gc
import os
import random
import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Literal

import aiohttp
import uvloop
from aiortc.rtcdtlstransport import RTCCertificate

from media.bench.arrivals import ArrivalLog
from media.bench.connection import CONSENT, Connection
from media.bench.datagrams import Incoming, Outgoing
from media.bench.payloads import AUDIO_RATE, FRAME_RATE, Pool
from media.bench.processes import die_with_parent
from media.bench.protection import Buffer
from media.bench.receiver import Arrivals, Receiver
from media.bench.rota import Action, Rota
from media.bench.scenarios import Publisher, Subscriber
from media.bench.sdp import SignallingFailed
from media.bench.sender import SECOND, Sender
from media.bench.signalling import Signalling, Target, client

TURN = 8_000_000  # ns; what peers do besides sending is spread over turns, so that none is long
READ_TURNS = 5  # between two readings of a socket: 40 ms; the kernel keeps the times
ARRIVALS = SECOND // 10  # ns between two reports of arrivals, as browsers send them
_CONNECTING_AT_ONCE = 4  # more would not be faster, and a server may limit who is half connected
_STARTING = 1.0  # second over which publishers begin
_NICE = 5  # real peers do not take turns with the server on its CPUs
_SHORTEST_SLEEP = 0.001  # seconds; what is less is a busy loop to the event loop's timers


@dataclass(frozen=True, slots=True)
class Work:
    """What one worker is to do, and on which CPUs (empty: any)."""

    target: Target
    publishers: tuple[Publisher, ...]
    subscribers: tuple[Subscriber, ...]
    seed: int
    profile: str
    offload: bool
    transport_cc: bool
    cpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """`publish` and `play` connect, `start` lets media flow; `begin` starts a measurement that
    opens one packet in `every`, `end` closes it."""

    name: Literal["publish", "play", "start", "begin", "end", "stop"]
    every: int = 1


@dataclass(slots=True)
class Reply:
    """`error` says what went wrong; the rest is of the measurement that `end` closed. `sent` is by
    publisher. `late` holds, in nanoseconds, how much after its time each turn of sending began: a
    load generator that is itself too slow shows there. `gone` peers had no answer to their checks
    any more. `cpu` is seconds of this worker."""

    error: str = ""
    arrivals: Arrivals = field(default_factory=Arrivals)
    sent: dict[int, int] = field(default_factory=dict)
    unsent: int = 0
    nacks: int = 0
    keyframe_requests: int = 0
    gone: int = 0
    cpu: float = 0.0
    late: list[int] = field(default_factory=list)


class _Worker:
    def __init__(self, work: Work, signalling: Signalling) -> None:
        self._work, self._signalling = work, signalling
        self._certificate = RTCCertificate.generateCertificate()
        self._pool = Pool(work.seed)
        self._rng = random.Random(work.seed)  # noqa: S311 - a reproducible load
        self._out, self._in = Outgoing(), Incoming()
        self._out_buffer, self._in_buffer = Buffer(self._out), Buffer(self._in)
        self._senders: list[Sender] = []
        self._video = Rota(SECOND // FRAME_RATE)
        self._audio = Rota(SECOND // AUDIO_RATE)
        self._reports = Rota(SECOND)
        self._consent = Rota(CONSENT)
        self._arrivals = Rota(ARRIVALS)
        self._receivers: list[Receiver] = []
        self._connections: list[Connection] = []
        self._before = Reply()
        self._late: list[int] = []

    async def obey(self, command: Command) -> Reply:
        """Carry one command out. What the system under test did not do is the reply's error."""
        match command.name:
            case "publish":
                return await _each(self._publish(p) for p in self._work.publishers)
            case "play":
                reply = await _each(self._play(s) for s in self._work.subscribers)
                gc.collect()
                gc.freeze()  # so that no later collection walks what stays for good
                return reply
            case "start":
                await self._start()
            case "begin":
                self._begin(command.every)
            case "end":
                return self._end()
        return Reply()

    def _connection(self) -> Connection:
        joined = self._work.offload
        connection = Connection(self._certificate, self._work.profile, joined=joined)
        self._connections.append(connection)
        return connection

    async def _publish(self, publisher: Publisher) -> None:
        connection = self._connection()
        await self._signalling.publish(publisher, connection)
        self._add(self._consent, connection.refresh_consent)
        sender = Sender(
            publisher,
            connection,
            self._pool,
            self._out,
            self._out_buffer,
            segmented=self._work.offload,
            seed=self._work.seed,
            now=time.monotonic_ns(),
        )
        self._senders.append(sender)

    async def _start(self) -> None:
        """Not before all are connected: a server that shakes hands and forwards at once does more
        than it is measured for. One after the other: their first key frames would be a flood."""
        for sender in self._senders:
            self._add(self._video, sender.send_video)
            self._add(self._audio, sender.send_audio)
            self._add(self._reports, sender.report)
            await asyncio.sleep(_STARTING / len(self._senders))

    def _add(self, rota: Rota, action: Action) -> None:
        rota.add(time.monotonic_ns() + self._rng.randrange(rota.interval), action)

    async def _play(self, subscriber: Subscriber) -> None:
        connection = self._connection()
        await self._signalling.play(subscriber, connection)
        receiver = Receiver(
            connection,
            self._pool,
            self._in,
            self._in_buffer,
            seed=self._work.seed + subscriber.number,
            log=ArrivalLog() if self._work.transport_cc else None,
        )
        self._receivers.append(receiver)
        self._add(self._consent, connection.refresh_consent)
        self._add(self._reports, receiver.report)
        if self._work.transport_cc:
            self._add(self._arrivals, receiver.report_arrivals)

    def _begin(self, every: int) -> None:
        for receiver in self._receivers:
            receiver.begin(every)
        self._before = self._counts()
        self._late.clear()

    def _end(self) -> Reply:
        after, before = self._counts(), self._before
        now = time.monotonic_ns()
        reply = Reply(
            gone=sum(connection.gone(now) for connection in self._connections),
            sent={number: count - before.sent[number] for number, count in after.sent.items()},
            unsent=after.unsent - before.unsent,
            nacks=after.nacks - before.nacks,
            keyframe_requests=after.keyframe_requests - before.keyframe_requests,
            cpu=after.cpu - before.cpu,
            late=list(self._late),
        )
        for receiver in self._receivers:
            reply.arrivals.add(receiver.end())
        return reply

    def _counts(self) -> Reply:
        return Reply(
            sent={sender.publisher.number: sender.sent for sender in self._senders},
            unsent=sum(sender.unsent for sender in self._senders),
            nacks=sum(sender.nacks for sender in self._senders),
            keyframe_requests=sum(sender.keyframe_requests for sender in self._senders),
            cpu=time.process_time(),
        )

    async def keep_going(self) -> None:
        """Send what is due, read what waits, report, keep consent; until cancelled."""
        turn, turn_at = 0, 0
        rotas = (self._audio, self._video)
        while True:
            for rota in rotas:
                rota.run(time.monotonic_ns(), self._late)
            for rota in (self._reports, self._consent, self._arrivals):
                rota.run(time.monotonic_ns())
            now = time.monotonic_ns()
            if now >= turn_at:
                turn, turn_at = turn + 1, now + TURN
                self._read(turn)
            wake = min(rota.next(turn_at) for rota in rotas)
            await asyncio.sleep(max(_SHORTEST_SLEEP, (wake - time.monotonic_ns()) / SECOND))

    def _read(self, turn: int) -> None:
        peers: list[Sender | Receiver] = [*self._senders, *self._receivers]
        for peer in peers[turn % READ_TURNS :: READ_TURNS]:
            peer.read()

    def close(self) -> None:
        """Let the sockets go."""
        for connection in self._connections:
            connection.close()


async def _each(connecting: Iterable[Awaitable[None]]) -> Reply:
    """Connect peers, a few at a time; the reply's error holds what went wrong with any of them."""
    limit = asyncio.Semaphore(_CONNECTING_AT_ONCE)
    errors: set[str] = set()

    async def one(peer: Awaitable[None]) -> None:
        async with limit:
            try:
                await peer
            except (SignallingFailed, aiohttp.ClientError, TimeoutError) as error:
                errors.add(str(error) or repr(error))

    async with asyncio.TaskGroup() as tasks:
        for peer in connecting:
            tasks.create_task(one(peer))
    return Reply(error="; ".join(sorted(errors)))


async def _serve(work: Work, pipe: Pipe) -> None:
    signalling = client(work.target, transport_cc=work.transport_cc)
    worker = _Worker(work, signalling)
    commands: asyncio.Queue[Command] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_reader(pipe.fileno(), lambda: commands.put_nowait(pipe.recv()))
    going = asyncio.create_task(worker.keep_going())
    try:
        while (command := await commands.get()).name != "stop":
            reply = await worker.obey(command)
            os.set_blocking(pipe.fileno(), True)  # the loop reads it; what is sent may be long
            pipe.send(reply)
            os.set_blocking(pipe.fileno(), False)
            if going.done():
                going.result()  # raises what stopped it
    finally:
        loop.remove_reader(pipe.fileno())
        going.cancel()
        await signalling.close()
        worker.close()


def main(work: Work, pipe: Pipe, parent: int) -> None:
    """Entry point of a child of the process `parent`."""
    die_with_parent(parent)
    os.nice(_NICE)
    if work.cpus:
        os.sched_setaffinity(0, work.cpus)
    uvloop.run(_serve(work, pipe))
