"""The bench of recording measures what it says: the same lessons, recorded and not."""

import json

from media.bench.measure import Plan
from media.bench.recording import as_json, as_table, recording_cost


def test_recorded_lessons_are_forwarded_whole_and_are_on_disk() -> None:
    cost = recording_cost(3, Plan(seconds=4, warm_up=2, workers=1), nodes=2)
    assert cost.files == 3
    for measured in (cost.forwarded, cost.recorded):
        assert measured.forwarded > 3 * 4 * 200
        assert (measured.different, measured.unreadable) == (0, 0)
    assert cost.wire_bytes > 3 * 4 * 100_000
    assert 0.6 < cost.disk_of_wire < 1.4  # the edges of four seconds count
    assert json.loads(as_json(cost))["files"] == 3
    assert as_table(cost).row_count == 2
