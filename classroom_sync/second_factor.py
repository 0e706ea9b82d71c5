"""The second factor: time-based codes (RFC 6238) of an app on a phone, and recovery codes.

Six digits, a step of 30 seconds, SHA-1: what every such app knows. A code is good in its own step
and one before and after, for clocks that differ, and once. Recovery codes are stored as hashes and
are good once each. Wrong codes count like wrong passwords: too many lock the account.
"""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

import pyotp
import segno

from classroom_sync import auth
from classroom_sync.entry_rules import EntryRules
from classroom_sync.errors import Refused
from classroom_sync.tokens import same
from db import accounts, factors, marks, web_sessions
from db.accounts import Account
from db.factors import SecondFactor
from db.pool import Connection
from db.web_sessions import WebSession

STEP = 30  # seconds
RECOVERY_CODES = 8
_ISSUER = "Classroom Sync"
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that look alike
_CODE_LETTERS = 16  # 79 bits


async def begin(connection: Connection, account_id: UUID, now: datetime) -> None:
    """Make a fresh secret for an account to take into its app: one that was begun before, and may
    have been seen by somebody else, is good no more. Raises Refused (409) where one is in use."""
    await pending(connection, account_id, now)
    await factors.begin(connection, account_id, pyotp.random_base32(), now)


async def pending(connection: Connection, account_id: UUID, now: datetime) -> SecondFactor | None:
    """The secret that an account is about to take into its app; None: none was begun, or too long
    ago. Raises Refused (409) where one is in use."""
    found = await factors.factor(connection, account_id)
    if found is not None and found.confirmed_at is not None:
        raise Refused(409, "There is a second factor already: remove it first.")
    return found if found is not None and now - found.made_at < auth.UNFINISHED else None


def address(factor: SecondFactor, login: str) -> str:
    """What the QR code says (otpauth:)."""
    return pyotp.TOTP(factor.secret).provisioning_uri(name=login, issuer_name=_ISSUER)


def picture(text: str) -> str:
    """A QR code as an inline SVG without any style of its own."""
    made: str = segno.make(text, error="m").svg_inline(
        scale=5, border=3, dark="#000", light="#fff", omitsize=True
    )
    return made


def _step(now: datetime) -> int:
    return int(now.timestamp()) // STEP


async def _code_is_right(
    connection: Connection, factor: SecondFactor, code: str, now: datetime
) -> bool:
    codes = pyotp.TOTP(factor.secret)
    given = "".join(code.split())
    for step in range(_step(now) - 1, _step(now) + 2):
        if same(codes.generate_otp(step), given):
            return await factors.use_step(connection, factor.account_id, step, now)
    return False


async def confirm(connection: Connection, account: Account, code: str, now: datetime) -> list[str]:
    """Put a new secret to use by its first code; the recovery codes, shown this once.

    Raises Refused: 409, 422 (a wrong code, or too late), 429.
    """
    auth.refuse_locked(account, now)
    factor = await pending(connection, account.id, now)
    if factor is None:
        raise Refused(422, "This took too long: begin again.")
    if not await _code_is_right(connection, factor, code, now):
        raise _wrong(422)
    about = f"account:{account.id}"
    actor = f"account:{account.login}"
    await marks.add_audit(connection, actor, "second_factor_set", about)
    return await new_recovery_codes(connection, account, now)


async def new_recovery_codes(connection: Connection, account: Account, now: datetime) -> list[str]:
    """Fresh recovery codes in place of those before, in groups of four letters."""
    plain = [
        "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
        for _ in range(RECOVERY_CODES)
    ]
    await factors.put_recovery_codes(connection, account.id, map(_hash, plain), now)
    actor = f"account:{account.login}"
    await marks.add_audit(connection, actor, "recovery_codes_made", f"account:{account.id}")
    return ["-".join(code[at : at + 4] for at in range(0, _CODE_LETTERS, 4)) for code in plain]


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


async def _is_right(connection: Connection, account: Account, code: str, now: datetime) -> bool:
    """Whether that is a code of the account's app, or one of its recovery codes; it is used up."""
    factor = await factors.factor(connection, account.id)
    if factor is None or factor.confirmed_at is None:
        return False
    if await _code_is_right(connection, factor, code, now):
        return True
    plain = "".join(c for c in code.upper() if c.isalnum())[:32]
    if await factors.use_recovery_code(connection, account.id, _hash(plain), now):
        about = f"account:{account.login}"
        left = await factors.recovery_codes_left(connection, account.id)
        await marks.add_audit(connection, about, "recovery_code_used", about, left=left)
        return True
    return False


async def check(
    connection: Connection, account: Account, code: str, now: datetime, rules: EntryRules
) -> None:
    """Raises Refused: 401 for a wrong code, which counts; 429 once too many were. Outside of a
    transaction, as it counts before it looks."""
    auth.refuse_disabled(account)
    last = await auth.take_try(connection, account, now, rules)
    if not await _is_right(connection, account, code, now):
        await auth.failed(connection, account, "second_factor_failed", last=last)
        raise _wrong(401)
    await accounts.give_try_back(connection, account.id)


async def check_own(
    connection: Connection, account: Account, code: str, now: datetime, rules: EntryRules
) -> None:
    """As `check`, of who is signed in already and has a second factor: 409 where there is none,
    and 422 for a wrong code."""
    factor = await factors.factor(connection, account.id)
    if factor is None or factor.confirmed_at is None:
        raise Refused(409, "This account has no second factor.")
    try:
        await check(connection, account, code, now, rules)
    except Refused as error:
        raise (_wrong(422) if error.status == 401 else error) from error


def _wrong(status: int) -> Refused:
    return Refused(
        status, "This code is wrong, or was used already: take the next one that the app shows."
    )


async def account_of(connection: Connection, pending: WebSession) -> Account:
    """Whose sign-in waits for its second factor."""
    assert pending.account_id is not None, "devices need no second step"
    found = await accounts.account(connection, pending.account_id)
    assert found is not None, "accounts are never removed"
    return found


async def remove(connection: Connection, account: Account, actor: str, **detail: object) -> None:
    """The account's second factor and recovery codes are good no more. Raises Refused (409).
    `detail` goes into the audit log."""
    if not await factors.remove(connection, account.id):
        raise Refused(409, "This account has no second factor.")
    about = f"account:{account.id}"
    await marks.add_audit(connection, actor, "second_factor_removed", about, **detail)


async def reset(connection: Connection, account: Account, actor: str, **detail: object) -> None:
    """As `remove`, by an administrator: the account is signed out everywhere too."""
    await remove(connection, account, actor, **detail)
    await web_sessions.end_all(connection, account.id)
