"""The load as one thing: workers started, told, and their counts added up."""

import multiprocessing
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from types import TracebackType

from media.bench import worker
from media.bench.receiver import Arrivals
from media.bench.scenarios import Scenario
from media.bench.sdp import SignallingFailed
from media.bench.signalling import Target
from media.bench.worker import Command, Reply, Work

_PATIENCE = 300.0  # seconds for all peers of a worker to connect
SAMPLES_PER_SECOND = 250  # packets each worker opens; the rest are counted
PACKETS_PER_SECOND = 350  # of one publisher, about


@dataclass(slots=True)
class Counts:
    """Sums over all peers, of one measurement."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    sent: dict[int, int] = field(default_factory=dict)
    unsent: int = 0
    nacks: int = 0
    keyframe_requests: int = 0
    gone: int = 0
    cpu: list[float] = field(default_factory=list)  # seconds, of each worker
    late: list[int] = field(default_factory=list)


class Load:
    """Peers of one scenario against one target. Used as a context manager, so that no process
    outlives it; every method raises SignallingFailed where the target fails a peer."""

    def __init__(
        self,
        target: Target,
        scenario: Scenario,
        *,
        workers: int,
        seed: int,
        profile: str,
        offload: bool,
        transport_cc: bool,
        cpus: tuple[int, ...] = (),
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Pipe] = []
        self._processes: list[BaseProcess] = []
        self._scenario = scenario
        publishers, subscribers = list(scenario.publishers), list(scenario.subscribers)
        rng = random.Random(seed)  # noqa: S311 - a reproducible, even share for each worker
        rng.shuffle(publishers)
        rng.shuffle(subscribers)
        for i in range(workers):
            work = Work(
                target,
                tuple(publishers[i::workers]),
                tuple(subscribers[i::workers]),
                seed,
                profile,
                offload,
                transport_cc,
                cpus,
            )
            ours, theirs = context.Pipe()
            process = context.Process(
                target=worker.main, args=(work, theirs, os.getpid()), daemon=True
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> "Load":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            try:
                pipe.send(Command("stop"))
            except OSError:
                continue  # that worker is gone already
        for process in self._processes:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()

    def connect(self) -> None:
        """Publishers first (a lesson nobody gives cannot be watched), then subscribers; media
        flows when all are connected."""
        self._tell(Command("publish"))
        self._tell(Command("play"))
        self._tell(Command("start"))

    def begin(self) -> None:
        """Start counting."""
        forwarded = PACKETS_PER_SECOND * sum(self._scenario.viewers().values())
        every = max(1, forwarded // (SAMPLES_PER_SECOND * len(self._pipes)))
        self._tell(Command("begin", every))

    def end(self) -> Counts:
        """Stop counting; what was counted."""
        counts = Counts()
        for reply in self._tell(Command("end")):
            counts.arrivals.add(reply.arrivals)
            counts.sent |= reply.sent
            counts.unsent += reply.unsent
            counts.nacks += reply.nacks
            counts.keyframe_requests += reply.keyframe_requests
            counts.gone += reply.gone
            counts.cpu.append(reply.cpu)
            counts.late += reply.late
        return counts

    def _tell(self, command: Command) -> Sequence[Reply]:
        for pipe in self._pipes:
            pipe.send(command)
        replies = []
        for pipe in self._pipes:
            if not pipe.poll(_PATIENCE):
                raise SignallingFailed(f"a worker does not answer {command.name}")
            try:
                replies.append(pipe.recv())
            except EOFError:
                raise SignallingFailed(f"a worker died of {command.name}") from None
        errors = [reply.error for reply in replies if reply.error]
        if errors:
            raise SignallingFailed("; ".join(errors))
        return replies
