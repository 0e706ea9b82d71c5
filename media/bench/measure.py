"""One measurement of one system under one scenario, as numbers."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from media.bench import bare, processes
from media.bench.load import Counts, Load
from media.bench.processes import Cost
from media.bench.scenarios import Scenario
from media.bench.systems import Running

HOLDS_LOSS = 0.001
HOLDS_LATENCY = 5.0  # ms, at p99
HOLDS_DELIVERED = 0.98  # of what the viewers should get; the rest is the edges of the measurement
HOLDS_LATE = 20.0  # ms, at p99: a generator that sends later does not make the load it is to make


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: seconds of warm-up and of measuring, workers of the load generator, the SRTP
    profile peers offer ("gcm" or "cm"), whether they hand bursts to the kernel and take them from
    it in one piece, as a network card with segmentation offload does, whether viewers offer
    transport-wide feedback beside REMB, CPUs of the peers (empty: any)."""

    seconds: float = 10.0
    warm_up: float = 3.0
    seed: int = 1
    workers: int = 2
    srtp: str = "gcm"
    offload: bool = True
    transport_cc: bool = False
    peer_cpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Generator:
    """How the load generator itself did: CPU seconds per second of each worker, microseconds of
    it per packet sent or received, how late its sends were (ms, p99), datagrams its kernel did not
    take. High values say that the figures beside them are of the generator, not of the server."""

    cores: tuple[float, ...] = ()
    cpu_us: float = 0.0
    late_p99_ms: float = 0.0
    unsent: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """`forwarded` packets reached the peers out of `packets_in` from the publishers; `delivered` is
    their share of what the scenario asks for. CPU is microseconds per forwarded packet, of all
    processes of the system; `cores` is CPU seconds per second. Latencies are milliseconds from
    the publisher's send to the kernel's receive stamp at the viewer. Of `sampled` packets that were
    opened, `different` were not what was sent, byte for byte, and `unreadable` not authentic.
    `gone` peers had no answer to their STUN checks any more: the system had dropped them."""

    scenario: str
    system: str
    error: str = ""
    publishers: int = 0
    subscribers: int = 0
    seconds: float = 0.0
    packets_in: int = 0
    forwarded: int = 0
    delivered: float = 0.0
    cpu_us: float = 0.0
    cpu_user_us: float = 0.0
    cpu_system_us: float = 0.0
    cores: float = 0.0
    loss: float = 0.0
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    peak_rss_mb: float = 0.0
    sampled: int = 0
    different: int = 0
    unreadable: int = 0
    nacks: int = 0
    keyframe_requests: int = 0
    gone: int = 0
    generator: Generator = field(default_factory=Generator)

    @property
    def holds(self) -> bool:
        """Whether viewers would not notice: hardly any loss, no lag, nothing left out."""
        return not self.gave_out

    @property
    def gave_out(self) -> tuple[str, ...]:
        """What is not as it should be, in words; empty where it holds."""
        if self.error:
            return (self.error,)
        found = []
        if self.generator.late_p99_ms > HOLDS_LATE:
            late = self.generator.late_p99_ms
            found.append(f"the load generator was late (p99 {late:.0f} ms)")
        if self.loss >= HOLDS_LOSS:
            found.append(f"loss {self.loss:.2%}")
        if self.delivered < HOLDS_DELIVERED:
            found.append(f"{self.delivered:.0%} delivered")
        if self.gone:
            found.append(f"{self.gone} peers were dropped")
        if self.latency_p99_ms is None:
            found.append("no packet could be opened")
        elif self.latency_p99_ms >= HOLDS_LATENCY:
            found.append(f"latency p99 {self.latency_p99_ms:.1f} ms")
        if self.different or self.unreadable:
            found.append(f"{self.different + self.unreadable} packets are not what was sent")
        return tuple(found)


def percentile(values: Sequence[int], share: float) -> float:
    """The nearest-rank percentile of `values` in nanoseconds, as milliseconds; 0 of nothing."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] / 1e6


def forwarding(running: Running, scenario: Scenario, plan: Plan) -> Measurement:
    """Put the load on a system and measure. Raises SignallingFailed."""
    with Load(
        running.target,
        scenario,
        workers=plan.workers,
        seed=plan.seed,
        profile=plan.srtp,
        offload=plan.offload,
        transport_cc=plan.transport_cc,
        cpus=plan.peer_cpus,
    ) as load:
        load.connect()
        time.sleep(plan.warm_up)
        load.begin()
        began, before = time.monotonic(), running.cost()
        time.sleep(plan.seconds)
        ended, after = time.monotonic(), running.cost()
        counts = load.end()
    return result(running.name, scenario, counts, after.since(before), ended - began)


def result(
    system: str, scenario: Scenario, counts: Counts, cost: Cost, seconds: float
) -> Measurement:
    """The figures of one measurement."""
    arrivals, viewers = counts.arrivals, scenario.viewers()
    expected = sum(sent * viewers[number] for number, sent in counts.sent.items())
    per_packet = 1e6 / max(1, arrivals.received)
    return Measurement(
        scenario=scenario.name,
        system=system,
        publishers=len(scenario.publishers),
        subscribers=len(scenario.subscribers),
        seconds=seconds,
        packets_in=sum(counts.sent.values()),
        forwarded=arrivals.received,
        delivered=arrivals.received / max(1, expected),
        cpu_us=cost.exact * per_packet,
        cpu_user_us=cost.user * per_packet,
        cpu_system_us=cost.system * per_packet,
        cores=cost.exact / seconds,
        loss=arrivals.lost / max(1, arrivals.received + arrivals.lost),
        latency_p50_ms=percentile(arrivals.latencies, 0.5) if arrivals.latencies else None,
        latency_p99_ms=percentile(arrivals.latencies, 0.99) if arrivals.latencies else None,
        peak_rss_mb=cost.peak_rss / 1e6,
        sampled=arrivals.sampled,
        different=arrivals.different,
        unreadable=arrivals.unreadable,
        nacks=counts.nacks,
        keyframe_requests=counts.keyframe_requests,
        gone=counts.gone,
        generator=Generator(
            tuple(cpu / seconds for cpu in counts.cpu),
            1e6 * sum(counts.cpu) / max(1, arrivals.received + sum(counts.sent.values())),
            percentile(counts.late, 0.99),
            counts.unsent,
        ),
    )


def sends(scenario: Scenario, plan: Plan, how: bare.How) -> Measurement:
    """The bare cost of sending the scenario's packets."""
    with bare.sending(scenario, how, seed=plan.seed) as (pid, sink):
        sink.count(min(1.0, plan.warm_up))
        began, before = time.monotonic(), processes.cost(pid)
        arrived = sink.count(plan.seconds)
        ended, after = time.monotonic(), processes.cost(pid)
    cost, seconds = after.since(before), ended - began
    per_packet = 1e6 / max(1, arrived)
    return Measurement(
        scenario=scenario.name,
        system=f"bare {how.value}",
        publishers=len(scenario.publishers),
        subscribers=len(scenario.subscribers),
        seconds=seconds,
        forwarded=arrived,
        delivered=1.0,
        cpu_us=cost.exact * per_packet,
        cpu_user_us=cost.user * per_packet,
        cpu_system_us=cost.system * per_packet,
        cores=cost.exact / seconds,
        peak_rss_mb=cost.peak_rss / 1e6,
    )
