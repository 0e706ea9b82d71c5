"""The bench does what it says: it counts what was forwarded and compares what it opened. How fast
anything is, is not judged here."""

import json
import os
import random
import select
import subprocess
import sys
import time

import pytest

from media.bench import Measurement, Options, Plan, Result, processes, run
from media.bench.comparison import BARE, JANUS, OURS
from media.bench.datagrams import SLOT, Incoming, Outgoing, udp_socket
from media.bench.payloads import MAGIC, MARK, MARK_SIZE, Mark, Pool, vp8_frame
from media.bench.report import as_json, as_table, ratio
from media.bench.scenarios import city, one_to_many, parse
from media.bench.systems import janus_binary
from media.codecs import read
from media.specs import Codec

_SHORT = Plan(seconds=2.0, warm_up=1.0)
_KEYS = {
    "scenario",
    "system",
    "error",
    "publishers",
    "subscribers",
    "seconds",
    "packets_in",
    "forwarded",
    "delivered",
    "cpu_us",
    "cpu_user_us",
    "cpu_system_us",
    "cores",
    "loss",
    "latency_p50_ms",
    "latency_p99_ms",
    "peak_rss_mb",
    "sampled",
    "different",
    "unreadable",
    "nacks",
    "keyframe_requests",
    "gone",
    "generator",
    "holds",
    "gave_out",
    "cpu_of_janus",
}


@pytest.fixture(scope="module")
def measured() -> Result:
    systems = (OURS, JANUS, BARE) if janus_binary() else (OURS, BARE)
    return run(Options(scenarios=("1→2",), systems=systems, plan=_SHORT))


def test_every_system_forwards_all_it_is_given(measured: Result) -> None:
    assert [m.error for m in measured.measurements] == [""] * len(measured.measurements)
    for measurement in measured.measurements:
        assert measurement.forwarded > 2 * 200 * _SHORT.seconds
        assert measurement.delivered > 0.9
        assert measurement.cpu_us > 0
        assert measurement.peak_rss_mb > 1


def test_opened_payloads_are_those_that_were_sent(measured: Result) -> None:
    forwarders = [m for m in measured.measurements if not m.system.startswith("bare")]
    assert forwarders, "ours at least"
    for measurement in forwarders:
        assert measurement.sampled > 100
        assert (measurement.different, measurement.unreadable, measurement.gone) == (0, 0, 0)
        assert measurement.latency_p50_ms is not None
        assert measurement.latency_p50_ms > 0


def test_json_has_every_figure_the_table_is_made_of(measured: Result) -> None:
    said = json.loads(as_json(measured))
    outer = {"machine", "cpus", "plan", "measurements", "largest_multiple", "gave_out"}
    assert set(said) == outer
    assert [set(m) for m in said["measurements"]] == [_KEYS] * len(measured.measurements)
    assert as_table(measured).row_count == 1 + len(measured.measurements)


def test_ratio_is_to_the_cheapest_janus() -> None:
    mine, plain, loops = (
        Measurement("1→8", system, forwarded=1, cpu_us=cost)
        for system, cost in (("ours", 5.0), ("janus", 20.0), ("janus, 4 loops", 10.0))
    )
    assert ratio(mine, [mine, plain, loops]) == 0.5
    assert ratio(mine, [mine]) is None


def test_server_that_does_not_start_is_an_error_and_not_a_crash() -> None:
    command = (sys.executable, "-c", "print('no json')")
    plan = Plan(seconds=0.1, warm_up=0)
    result = run(Options(scenarios=("1→1",), systems=(OURS,), command=command, plan=plan))
    assert "did not start" in result.measurements[0].error


@pytest.mark.parametrize("name", ["2→3", "1→0", "town", "1→", "1→99999"])
def test_unknown_scenarios_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no such scenario"):
        parse(name)


def test_city_has_twelve_lessons_in_which_hub_and_rooms_see_each_other() -> None:
    scenario = city()
    assert len(scenario.publishers) == len(scenario.subscribers) == 48
    assert sum(scenario.viewers().values()) == 12 * (3 + 3)
    watched = {s.participant: len(s.watches) for s in scenario.subscribers[:4]}
    assert watched == {"hub": 3, "room-1": 1, "room-2": 1, "room-3": 1}
    assert len(city(10).publishers) == 480
    assert one_to_many(47).viewers() == {0: 47}


@pytest.mark.parametrize("key", [True, False])
def test_frames_are_equal_sized_packets_a_vp8_reader_understands(key: bool) -> None:
    frame = vp8_frame(random.Random(1), 300, key)
    first = read(Codec.VP8, frame.heads[0], 0, len(frame.heads[0]))
    assert (first.key_start, first.picture_id) == (key, 300)
    assert first.size == ((1280, 720) if key else None)
    assert not any(read(Codec.VP8, head, 0, len(head)).key_start for head in frame.heads[1:])


def test_a_changed_byte_is_seen_and_a_changed_descriptor_is_not() -> None:
    pool = Pool(7)
    payload = bytearray(200)
    place = pool.fill(memoryview(payload), 3, 9)
    MARK.pack_into(payload, 7, MAGIC, 3, 9, 123, len(payload), place + 7 + MARK_SIZE)
    assert pool.check(bytes(payload)) == (Mark(3, 9, 123), True)
    payload[2] ^= 1
    assert pool.check(bytes(payload)) == (Mark(3, 9, 123), True)
    payload[150] ^= 1
    assert pool.check(bytes(payload)) == (Mark(3, 9, 123), False)
    assert pool.check(bytes(payload[:120])) == (Mark(3, 9, 123), False)
    assert pool.check(b"\x80" * 200) is None


@pytest.mark.parametrize(("segmented", "joined"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_batches_keep_order_sizes_and_arrival_times(segmented: int, joined: int) -> None:
    sender, receiver = udp_socket(), udp_socket(joined=bool(joined))
    with sender, receiver:
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        out, into = Outgoing(), Incoming()
        for i in range(5):
            out.view[i * 30] = i
        for _ in range(2):  # the second time, what the first left in the headers must not matter
            before = time.time_ns()
            assert out.send(sender, 30, 5, segmented=bool(segmented)) == 5
            count = into.receive(receiver.fileno())
            assert count == (1 if segmented and joined else 5)
            found = [
                (into.view[at], into.segment(i), before <= into.stamp(i) <= time.time_ns())
                for i in range(count)
                for at in range(i * SLOT, i * SLOT + into.lengths[i], into.segment(i))
            ]
            assert found == [(i, 30, True) for i in range(5)]
        assert into.receive(receiver.fileno()) == 0


def test_no_process_outlives_a_bench_that_is_killed() -> None:
    bench = (sys.executable, "-m", "media.bench", "1→2", "--systems", "ours", "--seconds", "60")
    with subprocess.Popen(bench, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while len(family := list(processes.tree(process.pid))) < 4:  # server and two workers
                assert time.monotonic() < deadline, "it starts its processes"
                time.sleep(0.01)  # there is no event for another process's children
        finally:
            process.kill()
    watched = [os.pidfd_open(pid) for pid in family[1:] if os.path.exists(f"/proc/{pid}")]
    try:
        for pidfd in watched:
            assert select.select([pidfd], [], [], 5)[0], "it ends with the bench"
    finally:
        for pidfd in watched:
            os.close(pidfd)


def test_cost_counts_children_and_agrees_with_the_process_itself() -> None:
    burn = (
        "import os, sys, time\n"
        "child = os.fork()\n"
        "end = time.process_time() + 0.3\n"
        "while time.process_time() < end: pass\n"
        "if not child: sys.stdin.read(); os._exit(0)\n"
        "print('done', flush=True); sys.stdin.read(); os.waitpid(child, 0)\n"
    )
    command = (sys.executable, "-c", burn)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        assert len(list(processes.tree(process.pid))) == 2
        deadline = time.monotonic() + 5
        while (cost := processes.cost(process.pid)).exact < 0.6 and time.monotonic() < deadline:
            os.sched_yield()
        process.stdin.close()
    assert 0.6 <= cost.exact < 1.5
    assert abs(cost.user + cost.system - cost.exact) < 0.05


def test_a_scenario_that_there_is_not_is_refused_in_one_line() -> None:
    command = (sys.executable, "-m", "media.bench", "nonsense")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if "nonsense" in line]
    assert len(told) == 1
    assert "city" in told[0]
