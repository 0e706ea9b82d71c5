"""A media node whose parent is gone: who starts next is its parent, and nobody else beside."""

import asyncio
import sys
from pathlib import Path

from classroom_sync.adoption import adopt, end, left_in
from classroom_sync.secrets import CONTROL_KEY, shared_secret
from db.pool import Pool


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
