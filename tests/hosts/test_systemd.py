"""The units under a real systemd, with all that they forbid: what is killed, stopped and kept."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.chaos.servers import ready
from tests.hosts.machine import Machine, machine, missing

_SERVER = "classroom-sync.service"
_PATIENCE = 120.0  # seconds


@pytest.fixture(scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    """One for all tests, which go from what harms nothing to what ends it."""
    lacking = missing()
    if lacking is not None:
        pytest.fail(lacking, pytrace=False)
    async with machine(tmp_path_factory.mktemp("machine")) as found:
        yield found


async def nodes(host: Machine) -> set[int]:
    return {
        pid for pid, command in (await host.processes()).items() if "classroom_sync node" in command
    }


async def said(host: Machine) -> str:
    return await host.run("journalctl", "-u", "classroom-sync*", "-o", "cat", "--no-pager")


async def test_the_doctor_finds_it_well(host: Machine) -> None:
    await host.run("systemctl", "start", "classroom-sync-doctor.service")
    assert (await host.unit("classroom-sync-doctor.service"))["Result"] == "success"


async def test_a_server_that_is_killed_is_started_again_and_finds_its_nodes(host: Machine) -> None:
    before, media = await host.unit(_SERVER), await nodes(host)
    assert media
    assert before["NRestarts"] == "0"
    await host.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", _SERVER)
    async with asyncio.timeout(_PATIENCE):
        while (await host.unit(_SERVER))["NRestarts"] == "0":
            pass  # systemd waits two seconds
    await ready(host.url, 180)
    after = await host.unit(_SERVER)
    assert (after["NRestarts"], after["ActiveState"]) == ("1", "active"), await said(host)
    assert after["MainPID"] != before["MainPID"]
    assert await nodes(host) == media


async def test_a_backup_is_followed_and_ends_with_the_server(host: Machine) -> None:
    await host.run("systemctl", "start", "classroom-sync-backup.service")
    async with asyncio.timeout(_PATIENCE):
        while "backup_manifest" not in await host.run("find", "/var/backups/classroom-sync"):
            unit = await host.unit("classroom-sync-backup.service")
            assert (unit["ActiveState"], unit["NRestarts"]) == ("active", "0"), await said(host)
    await host.run("systemctl", "stop", _SERVER)
    for unit in (_SERVER, "classroom-sync-backup.service"):
        ended = await host.unit(unit)
        assert (ended["ActiveState"], ended["Result"]) == ("inactive", "success"), await said(host)


async def test_a_server_that_was_stopped_leaves_nothing_running(host: Machine) -> None:
    left = await host.run("sh", "-c", "ps -u classroom-sync -o pid=,args= || true")
    assert left.strip() == ""


async def test_it_starts_again_where_it_was_stopped(host: Machine) -> None:
    await host.run("systemctl", "start", _SERVER)
    await ready(host.url, 180)
    assert await nodes(host)
