"""`classroom-sync timetable` on a server's database, as people type it."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from db import drafts, sessions, timetable
from db.embedded import EmbeddedPostgres, running_dsn
from db.pool import Pool
from scheduler.model import Demand, Weeks
from tests.worlds import FAR, HUB, NEAR, TERM, build, lesson, publish

TODAY = datetime.now(ZoneInfo(TERM.zone)).date()
_MONDAY = TODAY - timedelta(days=TODAY.weekday())
NEXT_MONDAY = _MONDAY + timedelta(days=7)


async def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a timetable command."""

    def do() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "classroom_sync", "timetable", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200"},
        )

    done = await asyncio.to_thread(do)
    return done.returncode, done.stdout, done.stderr


async def said(dsn: str, *arguments: str) -> tuple[int, Any]:
    code, out, error = await run(*arguments, "--json", "--lang", "en", "--database-url", dsn)
    assert out, error
    return code, json.loads(out)


@pytest.fixture
async def city(pool: Pool) -> Pool:
    """A term that is under way: version 1 holds, version 2 is a draft that breaks hard rules."""
    async with pool.transaction() as connection:
        await build(connection)
        since = _MONDAY - timedelta(weeks=4)
        await connection.execute(
            "UPDATE terms SET week1_monday = $1, starts_on = $1, ends_on = $2",
            since,
            since + timedelta(weeks=20),
        )
        wanted = [Demand(f"{s}-301", "music", 1, Weeks.ALL) for s in (FAR, NEAR)]
        await timetable.add_demands(connection, TERM.id, wanted)
        await publish(connection, lesson(1), since=_MONDAY)
        await timetable.add_draft(connection, TERM.id, [lesson(1), lesson(1, weeks=Weeks.ODD)])
    return pool


async def versions(pool: Pool) -> list[tuple[int, str, date | None]]:
    async with pool.connection() as connection:
        found = await drafts.versions(connection, TERM.id)
    return [(v.number, v.state, v.valid_from) for v in found]


async def test_a_draft_or_what_holds_is_checked(city: Pool, dsn: str) -> None:
    code, found = await said(dsn, "check", "--draft", "2")
    assert (code, found["version"], found["lessons"]) == (1, 2, 2)
    assert {c["rule"] for c in found["conflicts"] if c["hard"]} >= {"teacher_clash", "class_clash"}
    code, found = await said(dsn, "check")
    assert (code, found["version"], found["hard"]) == (0, 1, 0)


async def test_a_solved_timetable_becomes_a_draft_and_is_published(city: Pool, dsn: str) -> None:
    async with city.transaction() as connection:
        [draft] = [v for v in await drafts.versions(connection, TERM.id) if v.number == 2]
        await drafts.set_weights(connection, draft.id, {"few_sessions": 4})
    code, found = await said(dsn, "solve", "--draft", "2", "--seconds", "5")
    assert (code, found["draft"], found["unmet"], found["score"]["few_sessions"]) == (0, 3, [], 8)
    tomorrow = TODAY + timedelta(days=1)
    code, answer = await said(dsn, "publish", "3", "--from", str(tomorrow))
    assert (code, answer) == (0, {"version": 3, "valid_from": str(tomorrow), "said": []})
    assert await versions(city) == [
        (3, "published", tomorrow),
        (2, "draft", None),
        (1, "superseded", _MONDAY),
    ]
    async with city.connection() as connection:
        rows = await connection.fetch("SELECT actor, action FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [("system", "draft_solved"), ("system", "published")]


@pytest.mark.parametrize(
    ("version", "since", "code", "sentence"),
    [
        ("2", TODAY, 1, "Conflicts that break hard rules"),
        ("1", TODAY, 1, "This version is published and cannot change"),
        ("2", TODAY - timedelta(days=2), 2, "what has happened stays as it was"),
        ("9", TODAY, 2, "There is no such timetable version"),
    ],
)
async def test_publishing_has_the_checks_of_the_page(
    city: Pool, dsn: str, version: str, since: date, code: int, sentence: str
) -> None:
    before = await versions(city)
    wish = ("publish", version, "--from", str(since), "--lang", "en", "--database-url", dsn)
    found, _, error = await run(*wish)
    assert (found, sentence in error) == (code, True), error
    assert await versions(city) == before


async def test_hard_conflicts_are_published_only_if_one_insists(city: Pool, dsn: str) -> None:
    wish = ("publish", "2", "--from", str(NEXT_MONDAY), "--despite-conflicts")
    code, _ = await said(dsn, *wish)
    assert (code, (await versions(city))[0]) == (0, (2, "published", NEXT_MONDAY))


async def test_a_repair_is_proposed_and_accepted_on_the_dates_it_names(
    city: Pool, dsn: str
) -> None:
    wish = ("repair", "--without", f"{HUB}-T1", "--since", str(NEXT_MONDAY))
    code, found = await said(dsn, *wish)
    [proposal] = found["proposals"]
    assert (code, proposal["substituted"], found["accepted"]) == (0, 1, None)
    assert await leads(city) == []
    code, found = await said(dsn, *wish, "--accept")
    assert found["accepted"] == [
        f"On {NEXT_MONDAY}: far3(1): Lead 2 gives Monday 08:30 Music (Lead 1)."
    ]
    assert await leads(city) == [f"{HUB}-T2"]
    code, found = await said(dsn, *wish, "--accept")
    assert (code, found["accepted"], found["proposals"][0]["changes"]) == (0, [], [])


async def leads(pool: Pool) -> list[str | None]:
    """Who leads next Monday."""
    since = datetime.combine(NEXT_MONDAY, datetime.min.time(), UTC) - timedelta(hours=8)
    async with pool.connection() as connection:
        found = await sessions.between(connection, since, since + timedelta(days=1))
    return [p.teacher_id for s in found for p in s.participants if p.role == "lead"]


async def test_a_running_server_is_reached_by_its_data_directory(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data_dir = Path(postgres.dsn.split("host=")[1]).parent
    assert running_dsn(data_dir) == postgres.dsn
    code, _, error = await run("check", "--data-dir", str(data_dir), "--lang", "en")
    assert (code, "There is no term yet" in error) == (1, True), error
    assert running_dsn(tmp_path_factory.mktemp("empty")) is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("check", "plan.json", "--draft", "1"), "either a plan file or a database"),
        (("check", "--draft", "7"), "There is no such timetable version"),
        (("repair", "--without", f"{HUB}-T1", "--accept"), "--accept needs --since"),
        (("repair", "--without", "nobody"), "names a teacher or a room"),
        (("publish", "2"), "--from"),
    ],
)
async def test_wrong_use_is_said(
    city: Pool, dsn: str, arguments: tuple[str, ...], sentence: str
) -> None:
    code, _, error = await run(*arguments, "--lang", "en", "--database-url", dsn)
    assert (code, sentence in error) == (2, True), error


@pytest.mark.parametrize("command", ["check", "solve", "publish", "repair"])
async def test_help_ends_with_an_example(command: str) -> None:
    code, out, _ = await run(command, "--help")
    assert (code, f"Example: classroom-sync timetable {command}" in out) == (0, True)
