"""New passwords: what a good one is (DOMAIN 12), and the links that set one once.

A link goes to whoever lost a password, from an operator who may give it out. Its secret is stored
as a hash only. Using it signs the account out everywhere and unlocks it.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from classroom_sync import auth
from classroom_sync.auth import Visitor, hash_password
from classroom_sync.entry_rules import EntryRules
from classroom_sync.errors import Refused
from db import accounts, marks, sessions, web_sessions
from db.accounts import Account
from db.pool import Connection, Pool

LIFETIME = timedelta(hours=24)
_AT_ONCE = timedelta(minutes=15)  # to choose a new one in, after signing in with an old one
_TEACHES = timedelta(minutes=30)  # who leads or attends a lesson so soon is not kept from it
SHORTEST = 8  # characters
LONGEST = 200
_CLASSES = 3  # of small letters, capitals, digits, everything else


def check(password: str, login: str) -> None:
    """Raises Refused (422) with what is missing."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(422, "A password has {least} characters or more.", least=SHORTEST)
    classes = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    if sum(any(is_one(c) for c in password) for is_one in classes) < _CLASSES:
        raise Refused(
            422, "A password has three of these: small letters, capitals, digits, other signs."
        )
    if login.lower() in password.lower():
        raise Refused(422, "A password does not hold the name that it belongs to.")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def make_link(
    connection: Connection,
    account_id: UUID,
    now: datetime,
    actor: str,
    lifetime: timedelta = LIFETIME,
) -> str:
    """A path that sets the account's password once; earlier ones are good no more."""
    token = secrets.token_urlsafe(32)
    await accounts.add_password_link(connection, account_id, _hash(token), now, now + lifetime)
    await marks.add_audit(connection, actor, "password_link_made", f"account:{account_id}")
    return f"/password/{token}"


async def holder(connection: Connection, token: str, now: datetime) -> Account:
    """Whose password a link sets. Raises Refused (404)."""
    found = await accounts.password_link(connection, _hash(token), now)
    if found is None:
        raise _gone()
    return found


async def set_by_link(connection: Connection, token: str, password: str, now: datetime) -> None:
    """Use a link up. Raises Refused (404, or 422: then the link stays good)."""
    account = await holder(connection, token, now)
    check(password, account.login)
    await _check_other(account, password)
    hashed = await hash_password(password)
    if await accounts.use_password_link(connection, _hash(token), now) is None:
        raise _gone()
    await accounts.set_password(connection, account.id, hashed)
    await web_sessions.end_all(connection, account.id)
    about = f"account:{account.id}"
    await marks.add_audit(connection, f"account:{account.login}", "password_set", about)


async def _check_other(account: Account, password: str) -> None:
    if await auth.verifies(account.password_hash, password):
        raise Refused(422, "The new password is the present one: choose another.")


async def overdue(
    connection: Connection, account: Account, now: datetime, rules: EntryRules
) -> bool:
    """Whether an account has to choose a new password before it comes in. Whose lesson is on, or
    begins soon, does so next time."""
    until = rules.password_until(account.password_set_at)
    if until is None or now < until:
        return False
    if account.teacher_id is None:
        return True
    return not await sessions.of_teacher(connection, account.teacher_id, now, now + _TEACHES)


async def to_change(connection: Connection, account: Account, now: datetime) -> str:
    """Where somebody whose password is overdue chooses a new one."""
    actor = f"account:{account.login}"
    return await make_link(connection, account.id, now, actor, _AT_ONCE) + "?overdue"


async def check_own(
    pool: Pool, visitor: Visitor, password: str, now: datetime, rules: EntryRules
) -> Account:
    """The visitor's account, if that is its password. Raises Refused: 422, or 429 once it is
    locked."""
    assert visitor.account_id is not None, "only accounts have passwords"
    async with pool.connection() as connection:
        account = await accounts.account(connection, visitor.account_id)
    assert account is not None, "it is signed in"
    try:
        return await auth.check_password(pool, account, password, now, rules)
    except Refused as error:
        if error.status != 401:
            raise
        raise Refused(422, "Your present password is another one.") from error


async def change(connection: Connection, visitor: Visitor, account: Account, password: str) -> str:
    """Set an account's own new password and sign it out everywhere else; the cookie value with
    which this browser goes on. Raises Refused (422)."""
    check(password, account.login)
    await _check_other(account, password)
    assert visitor.session_id is not None, "who is signed in has a session"
    await accounts.set_password(connection, account.id, await hash_password(password))
    await web_sessions.end_all(connection, account.id, but=visitor.session_id)
    about = f"account:{account.id}"
    await marks.add_audit(connection, visitor.actor, "password_changed", about)
    return await auth.rotate(connection, visitor.session_id)


def _gone() -> Refused:
    return Refused(
        404, "This link is not good, or has been used. Ask your administrator for a new one."
    )
