"""Bring the schema up to date: numbered SQL files, each applied once, in one transaction each.

An advisory lock makes it safe for several processes to start at once. Each file's checksum is kept:
a file that was changed after it was applied, or a database that knows a file this version lacks,
is refused with a sentence. See docs/decisions/0002-migrations-and-queries.md.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from db.errors import SchemaMismatch

_LOCK = 0x636C6173  # "clas": the advisory lock held while migrating


@dataclass(frozen=True, slots=True)
class Migration:
    name: str  # such as "0001_foundation"
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> tuple[Migration, ...]:
    """The migrations of this version, in order."""
    found = [f for f in (files("db") / "migrations").iterdir() if f.name.endswith(".sql")]
    return tuple(
        Migration(f.name.removesuffix(".sql"), f.read_text(encoding="utf-8"))
        for f in sorted(found, key=lambda f: f.name)
    )


async def migrate(
    connection: "asyncpg.Connection[asyncpg.Record]",
    migrations: tuple[Migration, ...] | None = None,
) -> list[str]:
    """Apply what is missing, as the database's owner; the names applied. Raises SchemaMismatch."""
    migrations = shipped() if migrations is None else migrations
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            " name text PRIMARY KEY, checksum text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = await connection.fetch("SELECT name, checksum FROM schema_migrations")
        applied = {row["name"]: row["checksum"] for row in rows}
        _check(applied, migrations)
        done = []
        for migration in migrations:
            if migration.name not in applied:
                async with connection.transaction():
                    await connection.execute(migration.sql)
                    await connection.execute(
                        "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)",
                        migration.name,
                        migration.checksum,
                    )
                done.append(migration.name)
        return done
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


def _check(applied: dict[str, str], migrations: tuple[Migration, ...]) -> None:
    known = {migration.name: migration.checksum for migration in migrations}
    unknown = sorted(applied.keys() - known.keys())
    if unknown:
        raise SchemaMismatch(
            f"the database was made by a newer version (it has {', '.join(unknown)}); "
            "start that version, or restore a backup"
        )
    changed = sorted(name for name, checksum in applied.items() if known[name] != checksum)
    if changed:
        raise SchemaMismatch(
            f"the schema files {', '.join(changed)} were changed after they were applied; "
            "install an unchanged release"
        )
