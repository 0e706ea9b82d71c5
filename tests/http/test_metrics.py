"""/metrics: what it says, and that the alert rules and the dashboard name nothing else."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import yaml
from prometheus_client.parser import text_string_to_metric_families

from db import marks, nodes, pushes
from db.nodes import MediaNodeRow
from scheduler.recording import RecordingState
from tests.http.conftest import Site
from tests.http.test_pushes import FAR_CLASS, kept, recorded, send

DEPLOY = Path(__file__).parents[2] / "deploy"
_NAME = re.compile(r"\b((?:classroom_sync|process)_[a-z_]+)\b")


async def _read(site: Site) -> dict[str, float]:
    """Metric, or metric and labels → value."""
    async with site.browser() as browser, browser.get("/metrics") as response:
        text = await response.text()
    found = {}
    for family in text_string_to_metric_families(text):
        found[family.name] = 0.0
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[sample.name + (f"[{labels}]" if labels else "")] = sample.value
    return found


async def test_the_database_is_told_of_for_all_processes(site: Site) -> None:
    node = MediaNodeRow(UUID(int=7), "host7", "http://127.0.0.1:1", None, 8189)
    async with site.pool.transaction() as connection:
        await nodes.register(connection, node, timedelta(minutes=1))
        await nodes.renew(connection, node.id, timedelta(minutes=1), 1234.0)
    found = await _read(site)
    assert found["classroom_sync_database_up"] == 1
    assert found[f"classroom_sync_node_packets_per_second[host=host7,node={node.id}]"] == 1234
    assert found["classroom_sync_last_backup_time_seconds"] == 0
    assert found["classroom_sync_lessons_overdue"] == 0
    async with site.pool.transaction() as connection:
        await marks.add_audit(connection, "system", "backup_made", "backup:x")
    found = await _read(site)
    assert found["classroom_sync_last_backup_time_seconds"] > 0


async def test_recordings_uploads_pushes_and_disks_are_counted(site: Site) -> None:
    sheet = await kept(site)
    push = await send(site, sheet, FAR_CLASS)
    async with site.pool.transaction() as connection:
        await recorded(site, connection)
    found = await _read(site)
    states = {f"recordings[state={s}]": float(s == "ready") for s in RecordingState}
    states |= {
        f"uploads[state={s}]": float(s == "ready") for s in ("receiving", "ready", "refused")
    }
    states |= {"pushes[state=due]": 1.0, "pushes[state=overdue]": 0.0}
    assert {name: found[f"classroom_sync_{name}"] for name in states} == states
    for of in ("data", "uploads", "recordings"):
        free = found[f"classroom_sync_disk_free_bytes[of={of}]"]
        assert 0 < free < found[f"classroom_sync_disk_size_bytes[of={of}]"]
    site.now += timedelta(days=20)
    found = await _read(site)
    assert found["classroom_sync_pushes[state=overdue]"] == 1
    async with site.pool.transaction() as connection:
        await pushes.withdraw(connection, UUID(push), at=site.now, by="system", why="x")
    found = await _read(site)
    assert found["classroom_sync_pushes[state=overdue]"] == 0


async def test_without_the_database_the_rest_is_told(site: Site) -> None:
    await site.pool.close()
    found = await _read(site)
    assert found["classroom_sync_database_up"] == 0
    assert "classroom_sync_media_nodes" in found
    assert "classroom_sync_lessons_overdue" not in found


def _queries() -> Iterator[str]:
    for group in yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for test in yaml.safe_load((DEPLOY / "prometheus/rules_test.yml").read_text())["tests"]:
        yield from (series["series"] for series in test["input_series"])
    dashboard = json.loads((DEPLOY / "grafana/classroom-sync.json").read_text())
    yield from (t["expr"] for panel in dashboard["panels"] for t in panel["targets"])
    yield from (str(variable["query"]) for variable in dashboard["templating"]["list"])


async def test_rules_and_dashboard_name_metrics_that_exist_and_leave_none_out(site: Site) -> None:
    there = {name.partition("[")[0] for name in await _read(site)}
    named = {name for query in _queries() for name in _NAME.findall(query)}
    assert named - there == set()
    ours = {name for name in there if name.startswith("classroom_sync_")}
    assert ours - named == set()


def test_panels_do_not_lie_on_one_another() -> None:
    dashboard = json.loads((DEPLOY / "grafana/classroom-sync.json").read_text())
    places = [
        (x, y)
        for panel in dashboard["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(places) == len(set(places))
    assert all(x < 24 for x, _ in places)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
