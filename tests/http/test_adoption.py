"""A media node whose parent is gone: who starts next is its parent, and nobody else beside."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from classroom_sync.adoption import adopt, end, kinship, left_in
from classroom_sync.permissions import Role
from classroom_sync.secrets import CONTROL_KEY, shared_secret
from classroom_sync.settings import Settings
from db.pool import Pool

_ROLES = frozenset((Role.BUREAU, Role.ADMIN, Role.TEACHER, Role.OBSERVER))


async def test_a_node_that_lost_its_parent_has_one_again(
    pool: Pool, dsn: str, tmp_path: Path
) -> None:
    async with pool.connection() as connection:
        key = (await shared_secret(connection, CONTROL_KEY)).hex()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "classroom_sync", "node", "--udp-port", "0", "--parent", "kin"),
        *("--data-dir", str(tmp_path), "--database-url", dsn),
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None, "it was asked for"
    directory = tmp_path / "nodes"
    async with asyncio.timeout(60):
        while not left_in(directory):
            await asyncio.sleep(0.05)  # there is no event for another process's file
    process.stdin.close()
    adopted = await adopt(directory, ["stranger", "kin"], key)
    assert list(adopted) == [1]
    assert await adopt(directory, ["kin"], key) == {}  # it has a parent
    await end(adopted[1], 30)
    assert adopted[1].returncode is not None
    assert await process.wait() == 0
    assert left_in(directory) == []


def test_a_mark_differs_with_each_setting_and_between_no_two_processes() -> None:
    settings = Settings(second_factor_roles=_ROLES, turn_secret=SecretStr("one"))
    mark = kinship("key", settings, "beside")
    other = settings.model_copy(update={"turn_secret": SecretStr("two")})
    assert len({mark, kinship("other", settings, "beside"), kinship("key", other, "beside")}) == 3
    program = (
        "from classroom_sync.adoption import kinship; from classroom_sync.settings import *;"
        f"print(kinship('key', Settings(second_factor_roles='{','.join(_ROLES)}',"
        " turn_secret='one'), 'beside'))"
    )
    for seed in ("1", "2"):  # by which sets have their order
        said = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == mark
