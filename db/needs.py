"""What schools declared they can't give in full: what subject coverage is held to (DOMAIN 10)."""

from dataclasses import dataclass
from datetime import date

import asyncpg

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("needs")


class NotDeclarable(Exception):
    """There is no such school or subject, or it was declared and withdrawn on one day."""


@dataclass(frozen=True, slots=True)
class DeclaredNeed:
    """A subject in a grade that a school can't give in full, and who said so when."""

    school_code: str
    subject: str
    grade: int
    declared_on: date
    declared_by: str


async def declare(connection: Connection, need: DeclaredNeed) -> bool:
    """Keep a declaration; whether it is news. Raises NotDeclarable."""
    try:
        async with connection.transaction():
            return bool(
                await _sql.declare_need(
                    connection,
                    school_code=need.school_code,
                    subject=need.subject,
                    grade=need.grade,
                    declared_on=need.declared_on,
                    declared_by=need.declared_by,
                )
            )
    except (asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError) as error:
        raise NotDeclarable from error


async def withdraw(
    connection: Connection, school_code: str, subject: str, grade: int, on: date
) -> bool:
    """The school gives it in full from a day on; whether it was declared before that day."""
    return bool(
        await _sql.withdraw_need(
            connection, school_code=school_code, subject=subject, grade=grade, withdrawn_on=on
        )
    )


async def declared(connection: Connection, school_code: str) -> tuple[DeclaredNeed, ...]:
    """What a school has declared and not withdrawn."""
    found = _sql.declared(connection, school_code=school_code)
    return tuple([value(DeclaredNeed, row) async for row in found])
