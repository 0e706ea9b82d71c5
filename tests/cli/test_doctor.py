"""`classroom-sync doctor`: each thing that goes wrong is made to go wrong, and found."""

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from classroom_sync.doctor import machine, network, stored
from classroom_sync.doctor.findings import State
from classroom_sync.settings import load
from db import accounts, checks, marks
from db.checks import Server
from db.pool import Pool
from db.webhooks import Deliveries
from tests.deploy.certificates import certify
from tests.worlds import build, lesson, plan

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
GIB = 1024**3


async def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of doctor."""

    def do() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "classroom_sync", "doctor", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200", **environment},
        )

    done = await asyncio.to_thread(do)
    return done.returncode, done.stdout, done.stderr


def _states(out: str) -> dict[str, str]:
    return {each["check"]: each["state"] for each in json.loads(out)["findings"]}


async def test_a_database_that_is_well_has_twenty_checks_and_no_problem(
    dsn: str, pool: Pool, tmp_path: Path
) -> None:
    async with pool.transaction() as connection:
        await marks.add_audit(connection, "system", "backup_made", "backup:x")
    code, out, error = await run(
        "--json", "--database-url", dsn, "--data-dir", str(tmp_path), "--lang", "en"
    )
    told = json.loads(out)
    assert (code, told["counts"]["problem"]) == (0, 0), (told, error)
    assert len(told["findings"]) >= 20
    states = _states(out)
    for name in ("postgresql", "schema", "clock_skew", "audit_log", "append_only", "backup"):
        assert states[name] == "good", name
    for each in told["findings"]:
        assert set(each["said"]) == {"zh-CN", "en"}
        assert (each["advice"] is None) == (each["state"] in ("good", "skipped"))


async def test_a_tampered_audit_log_is_a_problem_that_is_told_in_chinese(
    dsn: str, pool: Pool, tmp_path: Path
) -> None:
    async with pool.transaction() as connection:
        await marks.add_audit(connection, "account:a", "recording_viewed", "recording:1")
    superuser = await asyncpg.connect(dsn)
    await superuser.execute("UPDATE audit SET actor = 'account:b'")
    await superuser.close()
    code, out, _ = await run("--database-url", dsn, "--data-dir", str(tmp_path))
    assert code == 1
    assert "审计日志被篡改：entry 1 (position 1) was changed after it was sealed" in out
    assert "请保持数据库原状" in out


async def test_a_noted_head_that_is_not_in_the_log_is_a_problem(
    dsn: str, pool: Pool, tmp_path: Path
) -> None:
    async with pool.transaction() as connection:
        await marks.add_audit(connection, "account:a", "recording_viewed", "recording:1")
    noted = ("--audit-head", "1:" + "ab" * 32)
    code, out, _ = await run(*noted, "--json", "--database-url", dsn, "--data-dir", str(tmp_path))
    assert (code, _states(out)["audit_log"]) == (1, "problem")


async def test_a_database_of_a_newer_version_is_looked_at_no_further(
    dsn: str, tmp_path: Path
) -> None:
    owner = await asyncpg.connect(dsn)
    await owner.execute("INSERT INTO schema_migrations VALUES ('9999_future', 'x')")
    await owner.close()
    code, out, _ = await run("--json", "--database-url", dsn, "--data-dir", str(tmp_path))
    states = _states(out)
    assert (code, states["schema"], states["rest"]) == (1, "problem", "skipped")
    assert "audit_log" not in states


async def test_a_database_that_is_away_is_a_problem_among_the_others(tmp_path: Path) -> None:
    away = "postgresql://postgres@127.0.0.1:1/cs"
    code, out, _ = await run("--json", "--database-url", away, "--data-dir", str(tmp_path))
    states = _states(out)
    assert (code, states["database"], states["fonts"]) == (1, "problem", "good")


async def test_a_place_without_a_database_stays_as_it_is(tmp_path: Path) -> None:
    code, out, _ = await run(
        "--json", "--data-dir", str(tmp_path), CLASSROOM_SYNC_PORT="0", CLASSROOM_SYNC_UDP_PORT="0"
    )
    assert (code, _states(out)["database"]) == (0, "skipped")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--lang", "fr"), "--lang is zh-CN or en"),
        (("--audit-head", "1"), "--audit-head is as doctor told it"),
        (("--authority", "/nowhere.pem"), "there is no file /nowhere.pem"),
    ],
)
async def test_wrong_use_is_told(arguments: tuple[str, ...], sentence: str) -> None:
    code, out, error = await run(*arguments)
    assert (code, out) == (2, "")
    assert sentence in error


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (machine.disk(1 * GIB, 2 * GIB), State.PROBLEM),
        (machine.disk(9 * GIB, 2 * GIB), State.WARNING),
        (machine.disk(10 * GIB, 2 * GIB), State.GOOD),
        (machine.processor(4.1, 4), State.WARNING),
        (machine.processor(4.0, 4), State.GOOD),
        (machine.memory(500 * 1024**2, 2), State.WARNING),
        (machine.memory(601 * 1024**2, 2), State.GOOD),
        (machine.open_files(1024), State.WARNING),
        (machine.open_files(-1), State.GOOD),
        (machine.open_files(4096), State.GOOD),
        (machine.udp_buffers(212_992), State.WARNING),
        (machine.udp_buffers(4 * 1024**2), State.GOOD),
        (machine.udp_buffers(None), State.SKIPPED),
        (machine.synchronised(5), State.WARNING),
        (machine.synchronised(0), State.GOOD),
        (machine.synchronised(None), State.SKIPPED),
        (machine.holidays(datetime(2025, 5, 1, tzinfo=UTC)), State.GOOD),
        (machine.holidays(datetime(2099, 12, 1, tzinfo=UTC)), State.WARNING),
        (machine.addresses(load(host="0.0.0.0")), State.WARNING),
        (machine.addresses(load(host="0.0.0.0", public_address="192.0.2.1")), State.GOOD),
        (machine.fonts(), State.GOOD),
        (machine.time_zone(), State.GOOD),
        (machine.event_loop(), State.GOOD),
        (network.cookies(load(host="0.0.0.0"), None), State.WARNING),
        (network.cookies(load(), "https://school.example.cn"), State.WARNING),
        (network.cookies(load(), None), State.GOOD),
        (network.cookies(load(secure_cookies=True), None), State.GOOD),
        (stored.nodes([], running=True), State.PROBLEM),
        (stored.nodes([], running=False), State.SKIPPED),
        (stored.leader(False, running=True), State.PROBLEM),
        (stored.leader(False, running=False), State.SKIPPED),
        (stored.leader(True, running=True), State.GOOD),
        (stored.lessons(checks.Lessons(5, 1), running=True), State.PROBLEM),
        (stored.lessons(checks.Lessons(5, 1), running=False), State.GOOD),
        (stored.lessons(checks.Lessons(0, 0), running=True), State.WARNING),
        (stored.administrators(0), State.WARNING),
        (stored.administrators(1), State.GOOD),
        (stored.screens(["near 1"]), State.WARNING),
        (stored.screens([]), State.GOOD),
        (stored.alarms(Deliveries(0, 1, None, None), "https://x"), State.WARNING),
        (stored.alarms(Deliveries(1, 0, None, "away"), "https://x"), State.WARNING),
        (stored.alarms(Deliveries(1, 0, None, None), "https://x"), State.GOOD),
        (stored.alarms(Deliveries(0, 0, None, None), None), State.SKIPPED),
        (stored.backup(None, NOW), State.WARNING),
        (stored.backup(NOW - timedelta(days=3), NOW), State.WARNING),
        (stored.backup(NOW - timedelta(days=1), NOW), State.GOOD),
        (stored.recordings(checks.Recordings(1, 0)), State.WARNING),
        (stored.recordings(checks.Recordings(0, 1)), State.WARNING),
        (stored.recordings(checks.Recordings(0, 0)), State.GOOD),
        (stored.schema(["0026_x"], []), State.PROBLEM),
        (stored.append_only(["audit"]), State.PROBLEM),
    ],
    ids=lambda value: value.check if hasattr(value, "check") else str(value),
)
def test_a_check_tells_right_from_wrong(found: Any, state: State) -> None:
    assert found.state is state
    assert (found.advice is None) == (state in (State.GOOD, State.SKIPPED))


def _server(**changed: Any) -> Server:
    values = {"number": 180004, "version": "18.4", "now": NOW, "connections_allowed": 100}
    values |= {"connections": 5, "checksums": True, "size": 1}
    return Server(**(values | changed))


def test_an_old_database_or_one_that_is_full_or_off_is_found() -> None:
    assert stored.version(_server()).state is State.GOOD
    assert stored.version(_server(number=170009)).state is State.PROBLEM
    assert stored.connections(_server()).state is State.GOOD
    assert stored.connections(_server(connections=81)).state is State.WARNING
    before, after = NOW, NOW + timedelta(seconds=3)
    assert stored.clock(_server(now=NOW + timedelta(seconds=2)), before, after).state is State.GOOD
    ahead = stored.clock(_server(now=NOW + timedelta(hours=1)), before, after)
    behind = stored.clock(_server(now=NOW - timedelta(seconds=2)), before, after)
    assert (ahead.state, behind.state) == (State.PROBLEM, State.PROBLEM)
    assert "3597.0 s" in ahead.said.say()


@pytest.mark.parametrize(
    ("agent", "old"),
    [
        (
            "Mozilla/5.0 (X11) Chrome/156.0.0.0 Safari/537.36",
            None,
        ),
        ("Mozilla/5.0 (Windows NT 6.1) Chrome/109.0.0.0 Safari/537.36 Edg/109.0", None),
        ("Mozilla/5.0 (Windows NT 6.1) Chrome/86.0.4240.198 Safari/537.36", "Chrome, Edge 86"),
        ("Mozilla/5.0 (Windows NT 6.1; rv:102.0) Gecko/20100101 Firefox/102.0", "Firefox 102"),
        ("Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Firefox/140.0", None),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/15.6 Safari/605.1.15", "Safari 15"),
        ("Mozilla/5.0 (iPad) AppleWebKit/605.1.15 Version/17.2 Mobile/15E148 Safari/604.1", None),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer"),
        ("python-aiohttp/3.14", None),
    ],
)
def test_browsers_are_told_apart_by_age(agent: str, old: str | None) -> None:
    found = stored.browsers({agent: 2})
    if old is None:
        assert found.state is State.GOOD
    else:
        assert found.state is State.WARNING
        assert f"{old} (2)" in found.said.say()


def test_a_taken_port_is_found() -> None:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", 0))
        port = udp.getsockname()[1]
        settings = load(port=tcp.getsockname()[1], udp_port=port, nodes=1)
        found = asyncio.run(network.tcp_port(settings, running=False))
        assert found.state is State.PROBLEM
        assert asyncio.run(network.tcp_port(settings, running=True)).state is State.GOOD
        found = network.udp_ports(settings, running=False)
        assert (found.state, str(port) in found.said.say()) == (State.PROBLEM, True)
    assert asyncio.run(network.tcp_port(settings, running=True)).state is State.PROBLEM
    assert asyncio.run(network.tcp_port(settings, running=False)).state is State.GOOD
    assert network.udp_ports(settings, running=False).state is State.GOOD


def test_a_directory_that_is_no_directory_is_found(tmp_path: Path) -> None:
    assert machine.data_directory(tmp_path / "new" / "one").state is State.GOOD
    (tmp_path / "file").touch()
    assert machine.data_directory(tmp_path / "file").state is State.PROBLEM


def test_folders_on_other_disks_are_looked_at(tmp_path: Path) -> None:
    assert list(machine.other_folders(load(recording_store="s3://bucket/x"))) == []
    (tmp_path / "file").touch()
    settings = load(recording_store=str(tmp_path / "new"), upload_dir=tmp_path / "file")
    found = {each.check: each.state for each in machine.other_folders(settings)}
    assert found == {"recording_folder": State.GOOD, "upload_folder": State.PROBLEM}
    full = machine.folder("recording_folder", tmp_path, 1 << 60)
    assert full.state is State.PROBLEM


async def test_an_education_account_that_is_away_is_found(tmp_path: Path) -> None:
    assert (await network.education_account(load())).state is State.SKIPPED
    secret = tmp_path / "secret"
    secret.write_text("s")
    away = load(
        oidc_issuer="http://127.0.0.1:1", oidc_client_id="c", oidc_client_secret_file=secret
    )
    found = await network.education_account(away)
    assert (found.state, "127.0.0.1:1" in found.said.say()) == (State.PROBLEM, True)


async def test_rooms_that_nobody_paired_and_a_city_without_administrator_are_found(
    pool: Pool,
) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson(), NOW + timedelta(days=1))
        week = (NOW, NOW + timedelta(days=7))
        assert await checks.rooms_without_screen(connection, *week) == ["far Room 1"]
        assert await checks.rooms_without_screen(connection, NOW, NOW) == []
        room = await connection.fetchval(
            "SELECT room_id FROM participants WHERE id = $1", planned.receiving
        )
        await accounts.add_device(connection, room, NOW)
        assert await checks.rooms_without_screen(connection, *week) == []
        assert await checks.administrators(connection) == 0


def test_evidence_that_waits_for_long_is_found(tmp_path: Path) -> None:
    assert stored.spool(tmp_path / "none", NOW).state is State.GOOD
    waiting = tmp_path / "evidence"
    waiting.touch()
    os.utime(waiting, (NOW.timestamp(), NOW.timestamp()))
    assert stored.spool(tmp_path, NOW + timedelta(minutes=59)).state is State.GOOD
    assert stored.spool(tmp_path, NOW + timedelta(minutes=61)).state is State.WARNING


async def test_a_store_that_refuses_is_found(tmp_path: Path) -> None:
    assert (await stored.store(load(recording_store=str(tmp_path)))).state is State.GOOD


@pytest.mark.parametrize(
    ("days", "trusted", "state"),
    [(90, True, State.GOOD), (5, True, State.WARNING), (90, False, State.PROBLEM)],
)
async def test_a_certificate_is_looked_at_as_browsers_do(
    tmp_path: Path, days: int, trusted: bool, state: State
) -> None:
    certify(tmp_path, days)
    pem = tmp_path / "fullchain.pem"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, tmp_path / "privkey.pem")

    async def hang_up(_reader: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await network.certificate(
            f"https://localhost:{port}", datetime.now(UTC), str(pem) if trusted else None
        )
    assert found.state is state, found


async def test_no_certificate_is_skipped_and_nobody_there_is_a_problem() -> None:
    assert (await network.certificate(None, NOW)).state is State.SKIPPED
    assert (await network.certificate("https://127.0.0.1:1", NOW)).state is State.PROBLEM
    assert (await network.site("http://127.0.0.1:1")).state is State.PROBLEM
    assert (await network.site(None)).state is State.SKIPPED


async def test_a_turn_server_that_is_gone_is_found() -> None:
    urls = ("turn:127.0.0.1:1?transport=tcp", "stun:127.0.0.1:1")
    found = await network.turn(load(ice_servers=urls, turn_secret="s" * 16))
    assert (found.state, urls[0] in found.said.say()) == (State.PROBLEM, True)
    assert (await network.turn(load())).state is State.SKIPPED


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """A server of its own, with one media node: its URL and its data directory."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "classroom_sync",
        "serve",
        *("--port", "0", "--udp-port", "0", "--nodes", "1", "--data-dir", str(tmp_path / "data")),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(120):
        while b"is at " not in (line := await process.stderr.readline()):
            assert line, "it ended"
    url = line.decode().rsplit(" ", 1)[1].strip()
    reading = asyncio.create_task(process.stderr.read())
    try:
        yield url, tmp_path / "data"
    finally:
        process.terminate()
        await process.wait()
        await reading
        shutil.rmtree(tmp_path / "data", ignore_errors=True)


async def test_a_running_server_is_reached_the_way_that_media_goes(
    server: tuple[str, Path],
) -> None:
    url, data_dir = server
    port = url.rsplit(":", 1)[1].strip("/")
    async with asyncio.timeout(100):
        while True:
            code, out, error = await run(
                *("--json", "--data-dir", str(data_dir), "--url", url),
                CLASSROOM_SYNC_PORT=port,
                CLASSROOM_SYNC_UDP_PORT="0",
            )
            states = _states(out)
            if states["media_path"] != "skipped" and states["site"] == "good":
                break  # the node has its lease
    assert code == 0, (out, error)
    for name in ("media_path", "nodes", "leader", "tcp_port", "site"):
        assert states[name] == "good", name


async def test_lessons_that_nobody_opened_are_counted(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await plan(connection, lesson())
        start = datetime(2026, 9, 7, 4, tzinfo=UTC)
        week = (start - timedelta(hours=1), start + timedelta(days=7))
        early = await checks.lessons(connection, *week, start - timedelta(minutes=1))
        late = await checks.lessons(connection, *week, start + timedelta(minutes=1))
    assert (early, late) == (checks.Lessons(1, 0), checks.Lessons(1, 1))
