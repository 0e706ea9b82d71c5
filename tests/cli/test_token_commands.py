"""`classroom-sync token` as an operator types it, on a database that a server uses meanwhile."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from classroom_sync import __version__, feeds, passwords
from classroom_sync.auth import check_sign_in
from classroom_sync.entry_rules import EntryRules
from classroom_sync.limits import Strangers
from classroom_sync.secrets import MEDIA_KEY, shared_secret
from classroom_sync.tokens import MediaToken, verify
from db import accounts, audit, withdrawals
from db import feeds as stored
from db.pool import Pool
from tests.worlds import HUB, Planned, build, lesson, plan

_BASE = ("--base-url", "https://school.example.cn/")


async def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""

    def do() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "classroom_sync", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200"},
        )

    done = await asyncio.to_thread(do)
    return done.returncode, done.stdout, done.stderr


async def made(dsn: str, *arguments: str) -> Any:
    code, out, error = await run("token", *arguments, "--json", "--database-url", dsn)
    assert code == 0, error
    return json.loads(out)


@pytest.fixture
async def planned(pool: Pool) -> Planned:
    async with pool.transaction() as connection:
        await build(connection)
        found = await plan(connection, lesson())
        await accounts.add_account(
            connection, login="chen", name="Chen", password_hash="", role="bureau"
        )
    return found


async def _actions(pool: Pool) -> list[str]:
    async with pool.connection() as connection:
        assert (await audit.verify(connection)).fault is None
        rows = await connection.fetch("SELECT action FROM audit ORDER BY id")
    return [row["action"] for row in rows]


async def test_the_version_is_told() -> None:
    assert await run("--version") == (0, f"{__version__}\n", "")


async def test_a_media_token_is_that_participants_for_as_long_as_was_said(
    dsn: str, pool: Pool, planned: Planned
) -> None:
    ids = (str(planned.session_id), str(planned.receiving))
    before = datetime.now(UTC)
    told = await made(dsn, "media", *ids, "--direction", "subscribe", "--minutes", "5", *_BASE)
    assert told["url"] == f"https://school.example.cn/whep/{planned.session_id}"
    until = datetime.fromisoformat(told["until"])
    assert before + timedelta(minutes=5) <= until <= datetime.now(UTC) + timedelta(minutes=5)
    async with pool.connection() as connection:
        key = await shared_secret(connection, MEDIA_KEY)
    assert verify(key, told["token"], until - timedelta(seconds=2)) == MediaToken(
        planned.session_id,
        planned.receiving,
        "subscribe",
        "receiving",
        holder=UUID(told["id"]),
    )
    lead = await made(dsn, "media", ids[0], str(planned.lead), "--stream", "screen")
    assert lead["url"] == f"/whip/{planned.session_id}/{planned.lead}"
    assert verify(key, lead["token"], before).stream == "screen"
    listed = (await made(dsn, "list"))["media"]
    assert [(t["id"], t["stream"]) for t in listed] == [
        (lead["id"], "screen"),
        (told["id"], "camera"),
    ]
    assert (await run("token", "revoke", told["id"], "--database-url", dsn))[0] == 0
    assert [t["id"] for t in (await made(dsn, "list"))["media"]] == [lead["id"]]
    async with pool.connection() as connection:
        assert set(await withdrawals.withdrawn(connection, before)) == {UUID(told["id"])}
    made_twice = ["media_token_made", "media_token_made"]
    assert await _actions(pool) == [*made_twice, "media_token_revoked"]


async def test_a_calendar_address_is_made_listed_and_revoked(
    dsn: str, pool: Pool, planned: Planned
) -> None:
    told = await made(dsn, "calendar", f"teacher:{HUB}-T1", "--by", "chen", *_BASE)
    secret = told["url"].removeprefix("https://school.example.cn/calendar/").removesuffix(".ics")
    async with pool.connection() as connection:
        found = await stored.token(connection, feeds.hash_of(secret))
    assert found is not None
    assert (found.id, found.scope, found.subject_id) == (
        UUID(told["id"]),
        "teacher",
        f"{HUB}-T1",
    )
    [listed] = (await made(dsn, "list"))["calendars"]
    assert (listed["id"], listed["by"], listed["used_at"]) == (told["id"], "chen", None)
    revoke = ("token", "revoke", told["id"], "--database-url", dsn)
    assert (await run(*revoke))[0] == 0
    async with pool.connection() as connection:
        assert await stored.token(connection, feeds.hash_of(secret)) is None
    code, _, error = await run(*revoke)
    assert (code, "there is no calendar address" in error) == (2, True)
    assert await _actions(pool) == ["feed_made", "feed_revoked"]


async def test_a_password_link_sets_a_password(dsn: str, pool: Pool, planned: Planned) -> None:
    told = await made(dsn, "password", "chen", "--hours", "1")
    token = told["url"].removeprefix("/password/")
    now = datetime.now(UTC)
    async with pool.transaction() as connection:
        await passwords.set_by_link(connection, token, "Bamboo-flute-7", now)
    found = await check_sign_in(pool, Strangers(), "chen", "Bamboo-flute-7", now, EntryRules())
    assert found.login == "chen"
    assert await _actions(pool) == ["password_link_made", "password_set"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("password", "nobody"), "there is no account nobody"),
        (("calendar", "teacher:nobody", "--by", "chen"), "there is no teacher:nobody"),
        (("calendar", f"city:{HUB}", "--by", "chen"), f"there is no city:{HUB}"),
        (
            ("calendar", f"school:{HUB}", "--by", "chen", "--lang", "fr"),
            "--lang is zh-CN or en, not fr",
        ),
        (("media", str(uuid4()), str(uuid4())), "there is no participant"),
        (("media", "x", str(uuid4())), "valid UUID"),
        (("revoke", str(uuid4())), "there is no calendar address"),
    ],
)
async def test_wrong_use_is_told_and_makes_nothing(
    dsn: str, pool: Pool, planned: Planned, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, error = await run("token", *arguments, "--database-url", dsn)
    assert (code, out) == (2, "")
    assert sentence in error
    assert await _actions(pool) == []
