"""A server's upgrade with years of use behind it: an old schema, filled, is brought to this one."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from classroom_sync.auth import hash_password
from db import audit, rollups
from db.embedded import EmbeddedPostgres
from db.migrate import migrate, shipped
from db.pool import Pool, migrate_database
from tests.chaos.servers import serving

PASSWORD = "Bamboo-flute-7"
SINCE, UNTIL = date(2024, 9, 9), date(2024, 9, 15)
AS_OF = datetime(2024, 9, 20, tzinfo=UTC)
_HERE = Path(__file__).parent

#: What is added up from the rest, and may be added up anew: no row of these need stay.
DERIVED = ("rollup_", "changed_weeks", "makeup_links")

#: Columns that a later schema keeps elsewhere: (table, column) → where. Nothing else may go.
MOVED: dict[tuple[str, str], str] = {
    ("sessions", "makes_up_id"): "participants.makes_up_id, of each link that makes up for one",
    ("makeup_links", "class_id"): "the class of the link that it names since",
}

#: When a recording's row was last written: 0030 writes them all, to say when their clocks began.
WRITTEN_ANEW = ("recordings", "changed_at")

Rows = dict[str, list[str]]

_COLUMNS = """
SELECT c.relname AS table, array_agg(a.attname ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'schema_migrations'
GROUP BY c.relname
"""

#: What figures are made of, by the database's own functions: they have the same names since 0018.
_FIGURES = {
    "links": "SELECT to_jsonb(l) FROM links_as_of($1, $2, $3) l",
    "links known": "SELECT to_jsonb(l) FROM links_known($1, $2, $3) l",
    "sums": "SELECT to_jsonb(w) FROM week_sums($1, $2, $3, 400, 0.05) w",
    "make-ups": "SELECT to_jsonb(w) FROM week_makeups($1, $2, $3) w",
    "members": "SELECT to_jsonb(w) FROM week_members($1, $2, $3) w",
    "research": "SELECT to_jsonb(r) FROM research_as_of($1, $2, $3) r",
}


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database without any schema, as its owner."""
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("CREATE DATABASE older")
    yield postgres.dsn.replace("/postgres?", "/older?")
    await connection.execute("DROP DATABASE older WITH (FORCE)")
    await connection.close()


async def _columns(owner: Any) -> dict[str, list[str]]:
    found = {row["table"]: row["columns"] for row in await owner.fetch(_COLUMNS)}
    table, written = WRITTEN_ANEW
    if table in found:
        found[table].remove(written)
    return found


async def _rows(owner: Any, of: dict[str, list[str]]) -> Rows:
    """What stands in some columns of each table, whatever their types are called meanwhile."""
    found = {}
    for table, columns in sorted(of.items()):
        names = ", ".join(f'"{name}"' for name in columns)
        rows = await owner.fetch(f'SELECT CAST(jsonb_build_array({names}) AS text) FROM "{table}"')
        found[table] = sorted(row[0] for row in rows)
    return found


async def _figures(
    owner: Any, of: dict[str, list[str]] | None = None
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The rows that figures are made of, and the names of their columns; of the columns `of`."""
    names, found = {}, {}
    for what, query in _FIGURES.items():
        rows = [json.loads(row[0]) for row in await owner.fetch(query, AS_OF, SINCE, UNTIL)]
        assert rows, what
        names[what] = of[what] if of is not None else sorted(rows[0])
        found[what] = sorted(json.dumps([row[name] for name in names[what]]) for row in rows)
    return names, found


def _up_to(name: str) -> tuple[Any, ...]:
    return tuple(m for m in shipped() if m.name < name)


async def _filled(dsn: str) -> tuple[Any, dict[str, list[str]]]:
    """Fill the first schema and that of 0027; a connection, and the columns of then."""
    owner = await asyncpg.connect(dsn)
    await migrate(owner, _up_to("0002"))
    hashed = await hash_password(PASSWORD)
    first = (_HERE / "older_0001.sql").read_text().replace("$PASSWORD", f"'{hashed}'")
    await owner.execute(first)
    of_first = await _columns(owner)
    before = await _rows(owner, of_first)
    assert [table for table, rows in before.items() if not rows] == []
    await migrate(owner, _up_to("0028"))
    assert await _rows(owner, of_first) == before
    await owner.execute((_HERE / "older_0027.sql").read_text())
    columns = await _columns(owner)
    rows = await _rows(owner, columns)
    assert [table for table, rows in rows.items() if not rows] == ["changed_weeks"]
    return owner, columns


async def test_an_old_database_is_brought_to_this_schema_and_loses_nothing(
    empty: str, tmp_path: Path
) -> None:
    owner, columns = await _filled(empty)
    stays = {t: [c for c in names if (t, c) not in MOVED] for t, names in columns.items()}
    before = await _rows(owner, stays)
    names, figures = await _figures(owner)

    assert (await migrate_database(empty))[0].startswith("0028")

    after = await _columns(owner)
    gone = {(t, c) for t, names in columns.items() for c in names if c not in after.get(t, ())}
    assert gone == set(MOVED)
    for table, rows in (await _rows(owner, stays)).items():
        assert rows == before[table] or table.startswith(DERIVED), table
    made_up = await owner.fetch("SELECT participant_id, makes_up_id FROM makeup_links")
    assert [(str(a)[-3:], str(b)[-3:]) for a, b in made_up] == [("308", "305")]
    assert (await _figures(owner, names))[1] == figures

    # Every constraint is there and was looked at, and what is append-only or final still is.
    assert await owner.fetch("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
    for refused in (
        "UPDATE sessions SET state = 'live' WHERE on_day = '2024-09-09'",
        "UPDATE recordings SET state = 'recording' WHERE state = 'ready'",
        "UPDATE lessons SET period = 2",
        "INSERT INTO reservations SELECT uuidv7(), kind, resource_id, during FROM reservations",
        "INSERT INTO room_history (room_id, to_status, actor, why) VALUES ('X', 'planned', '', '')",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await owner.execute(refused)
    await owner.close()
    await _used(empty, tmp_path)


async def _used(dsn: str, tmp_path: Path) -> None:
    """The application works on it, as its own role, and people find what was theirs."""
    pool = await Pool.open(dsn, size=1)
    try:
        async with pool.connection() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("DELETE FROM evidence")
            verdict = await audit.verify(connection)
            assert (verdict.entries, verdict.fault) == (51, None)
            for monday in await rollups.changed(connection, date(2024, 10, 1)):
                await rollups.roll_up(connection, monday)
            await rollups.roll_up_blocks(connection, date(2025, 1, 1))
            assert await rollups.check_rollups(connection, SINCE, UNTIL) == ()
    finally:
        await pool.close()
    alone = ("--nodes", "0", "--database-url", dsn)
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        serving(tmp_path, *alone) as server,
        aiohttp.ClientSession(server.url, cookie_jar=jar, headers={"Accept": "text/html"}) as http,
    ):
        await _shown(http)


async def _shown(http: aiohttp.ClientSession) -> None:
    day = f"since={SINCE}&until={UNTIL}"
    held, recording = "00000000-0000-7000-8000-000000000303", "00000000-0000-7000-8000-000000000701"
    seen = {
        "bureau": {f"/bureau?{day}": "", f"/bureau/links/{held}": "向阳"},
        "admin": {"/admin/rooms": "云端教室", "/admin/registers": "第一小学"},
        "wang": {"/teacher": "王老师", f"/recordings/{recording}": "音乐", "/sent": "茉莉花"},
    }
    for login, pages in seen.items():
        who = {"login": login, "password": PASSWORD}
        async with http.post("/api/v1/sign-in", json=who) as response:
            assert response.status == 200, await response.text()
            headers = {"X-CSRF-Token": (await response.json())["csrf"]}
        for path, text in pages.items():
            async with http.get(path) as response:
                page = await response.text()
                assert response.status == 200, (path, page)
                assert text in page, path
        if login == "bureau":
            async with http.get(f"/api/v1/coverage?{day}&as_of=2024-09-20T00:00:00Z") as response:
                told = {i["slug"]: i["measures"] for i in (await response.json())["indicators"]}
            # Of three lessons that were due to a class one was whole, and one was made up for.
            assert [(m["numerator"], m["denominator"]) for m in told["delivery"]] == [(2, 3)]
        async with http.post("/logout", headers=headers) as response:
            assert response.status == 200
