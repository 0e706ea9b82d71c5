"""`classroom-sync account`: the first administrator of an empty city, and everybody after."""

import json
from datetime import UTC, datetime

import pytest

from classroom_sync import passwords
from classroom_sync.auth import check_sign_in
from classroom_sync.entry_rules import EntryRules
from classroom_sync.limits import Strangers
from db import accounts, factors
from db.pool import Pool
from tests.cli.test_token_commands import run
from tests.worlds import FAR, HUB, build

_GOOD = "Bamboo-flute-7"


async def test_the_first_administrator_comes_in(dsn: str, pool: Pool) -> None:
    who = ("account", "add", "Li", "--name", "李老师", "--role", "admin")
    code, out, error = await run(*who, "--json", "--database-url", dsn)
    assert code == 0, error
    made = json.loads(out)
    assert made["login"] == "li"
    now = datetime.now(UTC)
    async with pool.transaction() as connection:
        token = made["url"].removeprefix("/password/")
        await passwords.set_by_link(connection, token, _GOOD, now)
    account = await check_sign_in(pool, Strangers(), "li", _GOOD, now, EntryRules())
    assert (account.role, account.school_code, account.name) == ("admin", None, "李老师")
    code, _, error = await run(*who, "--database-url", dsn)
    assert (code, "There is an account li already" in error) == (2, True)


async def test_a_teacher_belongs_to_the_school_of_the_register(dsn: str, pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
    of = ("--name", "T", "--role", "teacher", "--teacher", f"{FAR}-T1", "--database-url", dsn)
    assert (await run("account", "add", "t1", *of))[0] == 0
    code, out, _ = await run("account", "list", "--json", "--database-url", dsn)
    assert code == 0
    assert json.loads(out)["accounts"] == [
        {
            "login": "t1",
            "name": "T",
            "role": "teacher",
            "school_code": FAR,
            "teacher_id": f"{FAR}-T1",
        }
    ]


async def test_a_lost_second_factor_is_removed_where_nobody_else_may(dsn: str, pool: Pool) -> None:
    who = ("account", "add", "li", "--name", "李老师", "--role", "admin", "--database-url", dsn)
    assert (await run(*who))[0] == 0
    reset = ("account", "reset-factor", "li", "--database-url", dsn)
    code, _, error = await run(*reset)
    assert (code, "This account has no second factor" in error) == (2, True)
    now = datetime.now(UTC)
    async with pool.transaction() as connection:
        account = await accounts.account_by_login(connection, "li")
        assert account is not None
        await factors.begin(connection, account.id, "A" * 32, now)
        assert await factors.use_step(connection, account.id, 1, now)
    code, out, error = await run(*reset)
    assert (code, "password alone" in out) == (0, True), error
    async with pool.connection() as connection:
        assert await factors.factor(connection, account.id) is None
    code, _, _ = await run("account", "reset-factor", "nobody", "--database-url", dsn)
    assert code == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--role", "teacher"), "--teacher is for --role teacher"),
        (("--role", "admin", "--teacher", f"{HUB}-T1"), "--teacher is for --role teacher"),
        (("--role", "room"), "is paired with a code"),
        (("--role", "teacher", "--teacher", "nobody"), "There is no such teacher"),
        (("--role", "admin", "--school", "0000000000"), "There is no such school"),
    ],
)
async def test_wrong_use_is_told_and_makes_nothing(
    dsn: str, pool: Pool, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, error = await run(
        "account", "add", "x", "--name", "X", *arguments, "--database-url", dsn
    )
    assert (code, out) == (2, "")
    assert sentence in error
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM accounts") == 0
