"""Accounts, paired room devices, links for new passwords, and the keys that processes share."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("accounts")


@dataclass(frozen=True, slots=True)
class Account:
    id: UUID
    login: str
    name: str
    password_hash: str
    role: str  # bureau, admin, teacher or observer
    school_code: str | None  # None: the whole city
    teacher_id: str | None
    locked_until: datetime | None
    disabled_at: datetime | None
    password_set_at: datetime


@dataclass(frozen=True, slots=True)
class AccountState:
    """What an account's own row does not tell."""

    second_factor_since: datetime | None
    bound: bool  # to the city's education account
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class PairingCode:
    code: str
    room_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RoomDevice:
    id: UUID
    room_id: str
    paired_at: datetime
    revoked_at: datetime | None


async def add_account(
    connection: Connection,
    *,
    login: str,
    name: str,
    password_hash: str,
    role: str,
    school_code: str | None = None,
    teacher_id: str | None = None,
) -> UUID:
    account_id: UUID = await _sql.add_account(
        connection,
        login=login,
        name=name,
        password_hash=password_hash,
        role=role,
        school_code=school_code,
        teacher_id=teacher_id,
    )
    return account_id


async def account_by_login(connection: Connection, login: str) -> Account | None:
    row = await _sql.account_by_login(connection, login=login)
    return None if row is None else value(Account, row)


async def account(connection: Connection, account_id: UUID) -> Account | None:
    row = await _sql.account(connection, id=account_id)
    return None if row is None else value(Account, row)


async def hold(connection: Connection, *ids: UUID) -> None:
    """Accounts that nobody else changes until this transaction ends."""
    await _sql.hold_accounts(connection, ids=list(ids))


async def all_accounts(connection: Connection) -> list[Account]:
    """Every account, by login."""
    return [value(Account, row) async for row in _sql.all_accounts(connection)]


async def disable(connection: Connection, account_id: UUID, at: datetime) -> bool:
    """Whether it was disabled by this call; the caller ends its web sessions."""
    return bool(await _sql.disable(connection, id=account_id, at=at))


async def enable(connection: Connection, account_id: UUID) -> bool:
    """Whether it was enabled by this call."""
    return bool(await _sql.enable(connection, id=account_id))


async def states(connection: Connection, school: str | None) -> dict[UUID, AccountState]:
    """Of the accounts of a school, or of all."""
    rows = _sql.states(connection, school=school)
    return {row["id"]: value(AccountState, row) async for row in rows}


async def set_password(connection: Connection, account_id: UUID, password_hash: str) -> None:
    await _sql.set_password(connection, id=account_id, password_hash=password_hash)


async def take_try(
    connection: Connection, account_id: UUID, limit: int, at: datetime, locked_until: datetime
) -> bool | None:
    """Count a password or code before it is looked at: whether it is the last one that may be
    wrong, and the account is locked from here on. None: it is locked, nothing may be looked at.

    Outside of a transaction, so that what is tried beside it sees it at once.
    """
    last: bool | None = await _sql.take_try(
        connection, id=account_id, limit=limit, at=at, locked_until=locked_until
    )
    return last


async def give_try_back(connection: Connection, account_id: UUID) -> None:
    """It was right: it counts no more, and locks nothing."""
    await _sql.give_try_back(connection, id=account_id)


async def sign_in_succeeded(connection: Connection, account_id: UUID) -> None:
    await _sql.sign_in_succeeded(connection, id=account_id)


async def add_pairing_code(
    connection: Connection, code: str, room_id: str, expires_at: datetime
) -> None:
    await _sql.add_pairing_code(connection, code=code, room_id=room_id, expires_at=expires_at)


async def use_pairing_code(connection: Connection, code: str, at: datetime) -> str | None:
    """Use a code up: the room it pairs with, or None if it is not good (any more)."""
    room_id: str | None = await _sql.use_pairing_code(connection, code=code, at=at)
    return room_id


async def open_pairing_codes(connection: Connection, at: datetime) -> list[PairingCode]:
    return [value(PairingCode, row) async for row in _sql.open_pairing_codes(connection, at=at)]


async def add_device(connection: Connection, room_id: str, at: datetime) -> UUID:
    device_id: UUID = await _sql.add_device(connection, room_id=room_id, at=at)
    return device_id


async def revoke_device(connection: Connection, device_id: UUID, at: datetime) -> str | None:
    """The room that it was paired with; None: it is not paired (any more)."""
    room_id: str | None = await _sql.revoke_device(connection, id=device_id, at=at)
    return room_id


async def devices(connection: Connection) -> list[RoomDevice]:
    return [value(RoomDevice, row) async for row in _sql.devices(connection)]


async def add_password_link(
    connection: Connection, account_id: UUID, token_hash: bytes, at: datetime, expires_at: datetime
) -> None:
    """A link for a new password; the account's earlier ones are good no more."""
    await _sql.add_password_link(
        connection, account_id=account_id, token_hash=token_hash, at=at, expires_at=expires_at
    )


async def password_link(connection: Connection, token_hash: bytes, at: datetime) -> Account | None:
    """Whose password a link sets, if it is good."""
    row = await _sql.password_link(connection, token_hash=token_hash, at=at)
    return None if row is None else value(Account, row)


async def use_password_link(connection: Connection, token_hash: bytes, at: datetime) -> UUID | None:
    """Use a link up: its account, or None if it is not good (any more)."""
    found: UUID | None = await _sql.use_password_link(connection, token_hash=token_hash, at=at)
    return found


async def secret(connection: Connection, name: str, fresh: bytes) -> bytes:
    """The shared secret of that name; `fresh` becomes it if there is none yet."""
    while True:
        found: bytes | None = await _sql.secret(connection, name=name, value=fresh)
        if found is not None:  # None: another process made it after this statement began
            return found
