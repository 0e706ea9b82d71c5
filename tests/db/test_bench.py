"""The made past holds together, and the bench says what it measured."""

import asyncio
import json
import sys

import asyncpg

from db import rollups
from db.bench.generate import Size, fill, terms
from db.pool import Pool

SMALL = Size(seed=3, cities=1, years=1, weeks=2, intervals=2)


async def test_a_made_past_keeps_the_rules_of_the_database_and_its_roll_ups(
    dsn: str, pool: Pool
) -> None:
    await fill(dsn, SMALL, lambda _: None)
    owner = await asyncpg.connect(dsn)
    twice = await owner.fetchval(
        "SELECT count(*) FROM (SELECT FROM participants p JOIN sessions s ON s.id = p.session_id,"
        " LATERAL (VALUES ('room', p.room_id), ('teacher', p.teacher_id), ('class', p.class_id))"
        " AS r (kind, id) WHERE r.id IS NOT NULL GROUP BY r.kind, r.id, s.starts_at"
        " HAVING count(*) > 1) t"
    )
    lost = await owner.fetchval(
        "SELECT count(*) FROM participants p"
        " LEFT JOIN sessions s ON s.id = p.session_id LEFT JOIN rooms r ON r.id = p.room_id"
        " LEFT JOIN teachers t ON t.id = p.teacher_id LEFT JOIN class_groups c ON c.id = p.class_id"
        " WHERE s.id IS NULL OR (r.id IS NULL) <> (p.room_id IS NULL)"
        " OR (t.id IS NULL) <> (p.teacher_id IS NULL) OR (c.id IS NULL) <> (p.class_id IS NULL)"
    )
    links = await owner.fetchval("SELECT count(*) FROM link_facts")
    together = await owner.fetchval(
        "SELECT count(*) FROM presence a JOIN presence b USING (participant_id, revision)"
        " WHERE a.from_at < b.from_at AND b.from_at < a.to_at"
    )
    await owner.close()
    assert (twice, lost, together) == (0, 0, 0)
    assert links == 2 * 10 * 28 * 8  # two terms of ten days, 28 rooms, eight periods
    made = terms(SMALL)
    async with pool.connection() as connection:
        first, last = made[0].starts_on, made[-1].ends_on
        assert await rollups.check_rollups(connection, first, last) == ()
        assert await rollups.changed(connection, last) == []


async def test_the_command_prints_what_it_measured() -> None:
    command = ["-m", "classroom_sync", "bench", "reports", "--cities", "1", "--years", "1"]
    command += ["--scale", "0.1", "--intervals", "1", "--repeats", "1", "--rows", "2000"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await asyncio.wait_for(process.communicate(), 300)
    assert process.returncode == 0, said.decode()
    [run] = json.loads(out)["runs"]
    assert run["rows"]["rooms"] == 48
    assert all(timed["cpu"] > 0 for timed in run["reports"].values())
    assert {"dashboard with pictures, all years", "PDF, all years"} <= run["reports"].keys()
    assert all(held > 0 for held in run["memory_mb"].values())
    assert run["ingest"]["rows_per_second"] > 0
    assert "| dashboard, term" in said.decode()
