"""What an account signs in with beside its password: a second factor, recovery codes, and the
city's education account that stands for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("factors")


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """The secret of an account's time-based codes (RFC 6238)."""

    account_id: UUID
    secret: str  # base 32
    made_at: datetime
    confirmed_at: datetime | None  # None: no code was ever typed, it is not in use
    last_step: int  # of the newest code that was used


async def factor(connection: Connection, account_id: UUID) -> SecondFactor | None:
    row = await _sql.factor(connection, account_id=account_id)
    return None if row is None else value(SecondFactor, row)


async def begin(connection: Connection, account_id: UUID, secret: str, at: datetime) -> None:
    """Set a secret that is yet to be confirmed; one that is in use stays."""
    await _sql.begin(connection, account_id=account_id, secret=secret, at=at)


async def use_step(connection: Connection, account_id: UUID, step: int, at: datetime) -> bool:
    """Use a step's code up, and confirm the factor: False where it, or a later one, was used."""
    return bool(await _sql.use_step(connection, account_id=account_id, step=step, at=at))


async def remove(connection: Connection, account_id: UUID) -> bool:
    """Whether there was a second factor; its recovery codes go with it."""
    return bool(await _sql.remove(connection, account_id=account_id))


async def put_recovery_codes(
    connection: Connection, account_id: UUID, code_hashes: Iterable[bytes], at: datetime
) -> None:
    """Replace an account's recovery codes."""
    await _sql.drop_recovery_codes(connection, account_id=account_id)
    await _sql.add_recovery_code(
        connection, [{"code_hash": h, "account_id": account_id, "at": at} for h in code_hashes]
    )


async def use_recovery_code(
    connection: Connection, account_id: UUID, code_hash: bytes, at: datetime
) -> bool:
    """Use a recovery code up: False where it is none, or was used."""
    used = await _sql.use_recovery_code(
        connection, account_id=account_id, code_hash=code_hash, at=at
    )
    return bool(used)


async def recovery_codes_left(connection: Connection, account_id: UUID) -> int:
    left: int = await _sql.recovery_codes_left(connection, account_id=account_id)
    return left


async def bound_account(connection: Connection, issuer: str, subject: str) -> UUID | None:
    """The account that an issuer's subject is bound to."""
    found: UUID | None = await _sql.bound_account(connection, issuer=issuer, subject=subject)
    return found


async def bind(
    connection: Connection, issuer: str, subject: str, account_id: UUID, at: datetime
) -> bool:
    """Bind a subject to an account: False where either is bound already."""
    bound = await _sql.bind(
        connection, issuer=issuer, subject=subject, account_id=account_id, at=at
    )
    return bool(bound)


async def release(connection: Connection, account_id: UUID) -> bool:
    """Whether the account was bound to a subject, and is no more."""
    return bool(await _sql.release(connection, account_id=account_id))
