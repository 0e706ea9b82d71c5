"""The accounts of people: made, locked out and let in again by the administrator who keeps them."""

import secrets
from datetime import datetime
from uuid import UUID

from classroom_sync import passwords
from classroom_sync.auth import hash_password
from classroom_sync.errors import Refused
from classroom_sync.pages.names import read_names
from classroom_sync.permissions import Role
from db import accounts, marks, web_sessions
from db.accounts import Account
from db.pool import Connection


async def make(
    connection: Connection,
    *,
    login: str,
    name: str,
    role: Role,
    school: str | None,
    teacher: str | None,
    now: datetime,
    actor: str,
    **detail: object,
) -> tuple[UUID, str]:
    """A new account, and the path of the link with which its owner sets a password within a day.

    A teacher's school is that of the register. Raises Refused: 404, 409, 422. `detail` goes into
    the audit log.
    """
    if role is Role.ROOM:
        raise Refused(422, "A classroom's screen is paired with a code, and has no account.")
    if (role is Role.TEACHER) != (teacher is not None):
        raise Refused(422, "A teacher's account says which teacher of the register it is of.")
    plain = login.strip().lower()
    names = await read_names(connection)
    if await accounts.account_by_login(connection, plain) is not None:
        raise Refused(409, "There is an account {login} already.", login=plain)
    if school is not None and school not in names.schools:
        raise Refused(404, "There is no such school: see the list of schools.")
    found = names.teachers.get(teacher or "")
    if teacher is not None and found is None:
        raise Refused(404, "There is no such teacher: enter or import the registers first.")
    account_id = await accounts.add_account(
        connection,
        login=plain,
        name=name,
        password_hash=await hash_password(secrets.token_urlsafe(32)),  # nobody knows it
        role=role.value,
        school_code=found.school_code if found is not None else school,
        teacher_id=teacher,
    )
    about = f"account:{account_id}"
    await marks.add_audit(connection, actor, "account_made", about, role=role.value, **detail)
    return account_id, await passwords.make_link(connection, account_id, now, actor)


async def disable(connection: Connection, account: Account, now: datetime, actor: str) -> None:
    """Nobody gets in with the account any more, and whoever is in is put out. Raises Refused
    (409)."""
    if not await accounts.disable(connection, account.id, now):
        raise Refused(409, "This account is disabled already.")
    await web_sessions.end_all(connection, account.id)
    await marks.add_audit(connection, actor, "account_disabled", f"account:{account.id}")


async def enable(connection: Connection, account: Account, actor: str) -> None:
    """Let in again. Raises Refused (409)."""
    if not await accounts.enable(connection, account.id):
        raise Refused(409, "This account is not disabled.")
    await marks.add_audit(connection, actor, "account_enabled", f"account:{account.id}")


async def unlock(connection: Connection, account: Account, actor: str) -> None:
    """End the lock that wrong passwords brought about."""
    await accounts.sign_in_succeeded(connection, account.id)
    await marks.add_audit(connection, actor, "account_unlocked", f"account:{account.id}")
