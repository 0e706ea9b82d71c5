"""The search for the largest load that holds: what it tries, believes and says; and the rota that
keeps a load generator's time."""

from media.bench import Measurement, Options, Plan, run
from media.bench.comparison import OURS
from media.bench.measure import Generator
from media.bench.rota import Rota
from media.bench.search import search

_FINE = {"forwarded": 1000, "delivered": 1.0, "latency_p50_ms": 0.5, "latency_p99_ms": 2.0}


class _Machine:
    """Carries `most`; what else is asked of it fails, and the `noisy` attempts too."""

    def __init__(self, most: int, noisy: tuple[int, ...] = ()) -> None:
        self.asked: list[int] = []
        self._most, self._noisy = most, noisy

    def measure(self, multiple: int) -> Measurement:
        attempt = len(self.asked)
        self.asked.append(multiple)
        loss = 0.2 if multiple > self._most or attempt in self._noisy else 0.0
        return Measurement(f"city×{multiple}", "ours", loss=loss, **_FINE)  # type: ignore[arg-type]  # floats and ints by name


def test_search_doubles_then_halves_and_says_what_gave_out() -> None:
    machine = _Machine(most=10)
    found = search(machine.measure, 1, 64)
    assert (found.largest, found.gave_out) == (10, "city×11: loss 20.00%")
    assert machine.asked == [1, 2, 4, 8, 16, 16, 12, 12, 10, 11, 11]
    assert len(found.tried) == len(machine.asked)


def test_one_noisy_measurement_is_not_believed() -> None:
    machine = _Machine(most=4, noisy=(1,))
    assert search(machine.measure, 1, 4).largest == 4
    assert machine.asked == [1, 2, 2, 4]


def test_search_ends_at_the_limit_and_at_nothing() -> None:
    assert search(_Machine(most=99).measure, 3, 10).largest == 10
    assert search(_Machine(most=99).measure, 3, 10).gave_out == ""
    assert search(_Machine(most=0).measure, 4, 10).largest == 0


def test_what_gave_out_is_named() -> None:
    def of(**changed: object) -> tuple[str, ...]:
        return Measurement("city", "ours", **{**_FINE, **changed}).gave_out  # type: ignore[arg-type]  # as above

    assert of() == ()
    assert of(loss=0.0009) == ()
    assert of(loss=0.001) == ("loss 0.10%",)
    assert of(delivered=0.9) == ("90% delivered",)
    assert of(latency_p99_ms=5.04) == ("latency p99 5.0 ms",)
    assert of(generator=Generator(late_p99_ms=21.0)) == ("the load generator was late (p99 21 ms)",)
    assert of(sampled=9, different=2) == ("2 packets are not what was sent",)
    assert of(gone=3) == ("3 peers were dropped",)
    assert of(error="no answer", loss=1.0) == ("no answer",)


def test_rooms_are_spread_over_nodes_and_all_is_delivered() -> None:
    plan = Plan(seconds=1.5, warm_up=1.0)
    options = Options(scenarios=("city",), systems=(OURS,), nodes=2, plan=plan)
    measurement = run(options).measurements[0]
    assert (measurement.error, measurement.unreadable, measurement.different) == ("", 0, 0)
    assert measurement.subscribers == 48
    assert measurement.forwarded > 1000


def test_rota_keeps_each_interval_and_tells_how_late_it_was() -> None:
    rota, late = Rota(10), []
    done: list[tuple[str, int]] = []
    rota.add(5, lambda at: done.append(("a", at)))
    rota.add(2, lambda at: done.append(("b", at)))
    rota.run(1, late)
    assert (done, rota.next(100)) == ([], 2)
    rota.run(16, late)
    assert done == [("b", 2), ("a", 5), ("b", 12), ("a", 15)]
    assert late == [14, 11, 4, 1]
    assert (rota.next(100), rota.next(20)) == (22, 20)


def test_who_fell_far_behind_leaves_out_what_he_missed() -> None:
    rota, late = Rota(10), []
    done: list[int] = []
    rota.add(0, done.append)
    rota.add(1, done.append)
    rota.run(51, late)
    assert done == [0, 1, 11, 21, 31, 41, 51]
    assert (late[0], rota.next(99)) == (51, 61)
    rota.run(61, late)
    assert done[7:] == [61, 61]
