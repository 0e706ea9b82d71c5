"""`classroom-sync doctor`: every check in one go, without changing anything but the audit log."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime

from classroom_sync.doctor import machine, network, stored
from classroom_sync.doctor.findings import Finding, problem, skipped
from classroom_sync.reaching import reached
from classroom_sync.secrets import MEDIA_KEY, shared_secret
from classroom_sync.settings import Settings
from db import checks, nodes
from db.audit import Head
from db.embedded import running_dsn
from db.errors import DatabaseError
from db.pool import Connection, Pool
from scheduler.words import Sentence, Translate


async def examine(
    settings: Settings, url: str | None, remembered: Head | None, authority: str | None = None
) -> AsyncIterator[Finding]:
    """Each finding as soon as it is there. `url` is where people reach the site, `authority` a file
    of certificates to trust, `remembered` an earlier head of the audit log."""
    now = datetime.now(UTC)
    for finding in await asyncio.to_thread(lambda: list(machine.looked_at(settings, now))):
        yield finding
    here = running_dsn(settings.data_dir) is not None if settings.database_url is None else None
    if here is not None:
        yield await network.tcp_port(settings, here)
        yield network.udp_ports(settings, here)
    yield network.cookies(settings, url)
    yield await network.site(url)
    yield await network.certificate(url, now, authority)
    yield await network.education_account(settings)
    yield await network.turn(settings)
    if settings.database_url is None and not (settings.data_dir / "postgres").is_dir():
        yield skipped(
            "database", Sentence("There is no database yet: start the server, then look again.")
        )
        return
    try:
        async with reached(settings) as dsn:
            pool = await Pool.open(dsn, size=2)
            try:
                async with pool.connection() as connection:
                    async for finding in _of_database(connection, settings, here, remembered):
                        yield finding
            finally:
                await pool.close()
    except DatabaseError as error:
        yield problem(
            "database",
            Sentence("The database can't be used: {why}", {"why": str(error)}),
            Sentence("Without it no lesson begins; those that are on go on."),
        )


async def _of_database(
    connection: Connection, settings: Settings, here: bool | None, remembered: Head | None
) -> AsyncIterator[Finding]:
    before = datetime.now(UTC)
    server = await checks.server(connection)
    yield stored.version(server)
    yield stored.clock(server, before, datetime.now(UTC))
    yield stored.connections(server)
    schema = stored.schema(*await checks.unapplied(connection))
    yield schema
    if schema.advice is not None:
        yield skipped("rest", Sentence("The rest is looked at when the schema is right."))
        return
    now = datetime.now(UTC)
    living = await nodes.live(connection)
    running = here if here is not None else bool(living)
    yield await network.media_path(living, await shared_secret(connection, MEDIA_KEY), now)
    async for finding in stored.looked_at(connection, settings, now, living, running, remembered):
        yield finding


def as_json(finding: Finding, say: "dict[str, Translate]") -> dict[str, object]:
    """A finding in every language of `say` (locale → translation)."""
    told = {name: finding.said.say(translate, name) for name, translate in say.items()}
    advice = finding.advice
    found = asdict(finding) | {"state": finding.state.value, "said": told, "advice": None}
    if advice is not None:
        found["advice"] = {name: advice.say(translate, name) for name, translate in say.items()}
    return found
