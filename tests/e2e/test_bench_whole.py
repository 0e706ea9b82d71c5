"""The bench on the whole product: its control process, node and database are what is counted."""

import os

from media.bench import Options, Plan, run
from media.bench.comparison import WHOLE
from media.bench.processes import tree
from media.bench.whole import whole


def test_whole_product_forwards_and_only_where_one_lesson_is_all() -> None:
    plan = Plan(seconds=2.0, warm_up=1.0)
    result = run(Options(scenarios=("1→3", "city"), systems=(WHOLE,), plan=plan))
    assert [m.scenario for m in result.measurements] == ["1→3"]
    measurement = result.measurements[0]
    assert measurement.error == ""
    assert measurement.forwarded > 3 * 200 * plan.seconds
    assert (measurement.different, measurement.unreadable) == (0, 0)


def test_database_is_counted_and_everything_ends_with_the_bench() -> None:
    with whole() as running:
        assert len(running.others) == 1
        database = list(tree(running.others[0]))
        product = list(tree(running.pid))
        assert len(database) > 1
        assert len(product) > 1  # control process and node
        assert not set(database) & set(product)
        assert running.cost().exact > 0
    assert [pid for pid in (*database, *product) if os.path.exists(f"/proc/{pid}")] == []
