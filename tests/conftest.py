"""A real PostgreSQL for the whole run, and a fresh, migrated database for each test."""

import itertools
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from db.embedded import EmbeddedPostgres
from db.pool import Pool, migrate_database

_TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The server; its owner may do anything."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("pg")) as server:
        yield server


def _dsn(server: EmbeddedPostgres, database: str) -> str:
    return server.dsn.replace("/postgres?", f"/{database}?")


@pytest.fixture(scope="session")
async def template(postgres: EmbeddedPostgres) -> str:
    """A database with the schema in it, to be copied. The server's files need not outlive the run:
    waiting for the disk takes longer than most tests."""
    connection = await asyncpg.connect(postgres.dsn)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        await connection.execute(f"ALTER SYSTEM SET {setting} = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    await connection.close()
    await migrate_database(_dsn(postgres, _TEMPLATE))
    return _TEMPLATE


_numbers = itertools.count(1)


@pytest.fixture
async def dsn(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database of the test's own, as its owner."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(postgres.dsn)
    # As files: block by block through the log takes three times as long.
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield _dsn(postgres, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """Connections as the application has them."""
    opened = await Pool.open(dsn)
    yield opened
    await opened.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], check=True)
    yield small
    subprocess.run(["umount", small], check=True)
