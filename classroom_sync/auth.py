"""Sign-in, web sessions, pairing: who is asking.

Passwords are hashed with Argon2id in a thread. A web session is a random cookie of which only the
SHA-256 is stored; it ends some time after it was last used, and some time after it began
(`EntryRules`), but a paired room screen stays until it is revoked. Where a second factor is asked
for, a session is nobody's until the code was right; then its cookie is replaced. Every unsafe
request carries the session's CSRF token.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from classroom_sync.addresses import address_of, counted_as
from classroom_sync.entry_rules import EntryRules
from classroom_sync.errors import Refused
from classroom_sync.keys import LIMITS, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.limits import Strangers
from classroom_sync.permissions import Action, Role, allowed
from classroom_sync.tokens import same
from db import accounts, city, factors, marks, web_sessions
from db.accounts import Account, PairingCode
from db.pool import Connection, Pool
from db.web_sessions import Stage, WebSession

UNFINISHED = timedelta(minutes=10)  # how long a sign-in may wait for its second factor
TOUCH_EVERY = timedelta(seconds=30)  # how exactly "last used" is kept
UNATTENDED = "X-Unattended"  # a page asks by itself: nobody is there, the session goes on idling
_LONGEST_AGENT = 300
PAIRING_LIFETIME = timedelta(minutes=15)
_CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that look alike

_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: an account, a paired room device, or (role None) nobody yet.

    `pending`: an account whose password was right and whose second factor is still to come.
    """

    role: Role | None
    csrf: str
    actor: str  # as the audit log names it
    name: str = ""
    account_id: UUID | None = None
    school_code: str | None = None
    teacher_id: str | None = None
    room_id: str | None = None
    session_id: UUID | None = None  # the web session
    token_hash: bytes | None = None
    by_identity: bool = False  # signed in with the city's education account
    password_set_at: datetime | None = None
    pending: WebSession | None = None


NOBODY = Visitor(None, "", "nobody")


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_hasher.hash, password)


async def verifies(password_hash: str, password: str) -> bool:
    """Whether a hash is of that password."""
    try:
        return await asyncio.to_thread(_hasher.verify, password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def count_try(request: web.Request) -> None:
    """One more attempt to get in from this address. Raises Refused (429)."""
    wait = request.app[LIMITS].entrance.take(counted_as(address_of(request)), time.monotonic())
    if wait:
        sentence = "Too many requests from here: wait a moment, then try again."
        raise Refused(429, sentence).again_in(wait)


def refuse_locked(account: Account, now: datetime) -> None:
    """Raises Refused (429) while an account is locked."""
    refuse_until(account.locked_until, now)


def refuse_until(locked_until: datetime | None, now: datetime) -> None:
    """Raises Refused (429) where that is still to come."""
    if locked_until is not None and locked_until > now:
        left = (locked_until - now).total_seconds()
        raise Refused(
            429,
            "Too many wrong passwords: this account is locked for {minutes} more minutes.",
            minutes=max(1, round(left / 60)),
        ).again_in(left)


def refuse_disabled(account: Account) -> None:
    """Raises Refused (403) where an account is disabled."""
    if account.disabled_at is not None:
        raise Refused(403, "This account is disabled: ask your administrator.")


async def take_try(
    connection: Connection, account: Account, now: datetime, rules: EntryRules
) -> bool:
    """Count a password or code of an account before it is looked at; whether it was the last that
    may be wrong. Who was right gives it back. Raises Refused (429) while the account is locked."""
    while True:
        until = now + rules.lock
        last = await accounts.take_try(connection, account.id, rules.failures, now, until)
        if last is not None:
            return last
        found = await accounts.account(connection, account.id)
        assert found is not None, "accounts are never removed"
        refuse_locked(found, now)  # it may have been unlocked just now


async def failed(connection: Connection, account: Account, what: str, *, last: bool) -> None:
    """Write down a wrong password or code of an account; `last`: it is locked now."""
    about = f"account:{account.login}"
    await marks.add_audit(connection, about, "sign_in_locked" if last else what, about)


async def check_sign_in(
    pool: Pool, strangers: Strangers, login: str, password: str, now: datetime, rules: EntryRules
) -> Account:
    """The account, if login and password are right and it is neither locked nor disabled. Raises
    Refused.

    What is wrong is not told apart. A login that does not exist takes as long, and is locked as
    others are.
    """
    plain = login.strip()
    async with pool.connection() as connection:
        account = await accounts.account_by_login(connection, plain)
    if account is None:
        refuse_until(strangers.take(plain.lower(), now, rules.failures, rules.lock), now)
        await hash_password(password)  # takes as long as to verify it
        raise _wrong()
    return await check_password(pool, account, password, now, rules)


async def check_password(
    pool: Pool, account: Account, password: str, now: datetime, rules: EntryRules
) -> Account:
    """The account, if that is its password and it is neither locked nor disabled. Raises Refused.

    While a password is looked at, which takes long by intent, no connection is held.
    """
    refuse_locked(account, now)  # as it was read: who comes late need not wait for its row
    async with pool.connection() as connection:
        last = await take_try(connection, account, now, rules)
    right = await verifies(account.password_hash, password)
    async with pool.connection() as connection:
        if not right:
            await failed(connection, account, "sign_in_failed", last=last)
            raise _wrong()
        await accounts.give_try_back(connection, account.id)
    refuse_disabled(account)
    return account


def _wrong() -> Refused:
    return Refused(401, "The name or the password is wrong.")


async def next_stage(
    connection: Connection, account: Account, rules: EntryRules, *, strong: bool = False
) -> Stage:
    """What is still to be done by an account that has proved who it is. `strong`: by more than one
    factor already."""
    if strong:
        return Stage.FULL
    factor = await factors.factor(connection, account.id)
    if factor is not None and factor.confirmed_at is not None:
        return Stage.SECOND_FACTOR
    return Stage.ENROLMENT if Role(account.role) in rules.second_factor else Stage.FULL


async def entered(connection: Connection, account: Account) -> None:
    """An account is signed in, with all that it takes: failures before count no more."""
    await accounts.sign_in_succeeded(connection, account.id)
    about = f"account:{account.login}"
    await marks.add_audit(connection, about, "signed_in", about)


def cookie_name(request: web.Request) -> str:
    """`__Host-` binds the cookie to this host, where HTTPS lets it."""
    return "__Host-session" if request.app[SETTINGS].secure_cookies else "session"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def begin(
    connection: Connection,
    now: datetime,
    *,
    account_id: UUID | None = None,
    device_id: UUID | None = None,
    stage: Stage = Stage.FULL,
    by_identity: bool = False,
    before: bytes | None = None,
) -> str:
    """A new web session; its cookie value. The one `before` it in the same browser ends."""
    if before is not None:
        await web_sessions.end(connection, before)
    token = secrets.token_urlsafe(32)
    await web_sessions.add(
        connection,
        token_hash=_hash(token),
        csrf=secrets.token_urlsafe(16),
        at=now,
        account_id=account_id,
        device_id=device_id,
        stage=stage,
        by_identity=by_identity,
    )
    return token


async def rotate(connection: Connection, session_id: UUID, stage: Stage = Stage.FULL) -> str:
    """Another cookie value for the same web session, whose rights have changed; the old one is
    good no more. Its CSRF token stays, so that the browser's other pages go on."""
    token = secrets.token_urlsafe(32)
    await web_sessions.rotate(connection, session_id, _hash(token), stage)
    return token


def presented(request: web.Request) -> bytes | None:
    """The hash of the session cookie that came with a request, good or not."""
    cookie = request.cookies.get(cookie_name(request))
    return _hash(cookie) if cookie else None


async def web_session(connection: Connection, token: str) -> WebSession | None:
    """The stored session of a cookie value."""
    return await web_sessions.by_token(connection, _hash(token))


async def csrf_of(connection: Connection, token: str) -> str:
    """The CSRF token of a session that was just begun."""
    found = await web_session(connection, token)
    assert found is not None, "it was just begun"
    return found.csrf


def give_cookie(
    request: web.Request, response: web.StreamResponse, token: str, *, lasting: bool = False
) -> None:
    """`lasting`: of a room device, which stays paired; others go when the browser is closed."""
    response.set_cookie(
        cookie_name(request),
        token,
        httponly=True,
        samesite="Lax",
        secure=request.app[SETTINGS].secure_cookies,
        max_age=10 * 365 * 86400 if lasting else None,
        path="/",
    )


def take_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """The browser forgets its session."""
    response.del_cookie(
        cookie_name(request), path="/", secure=request.app[SETTINGS].secure_cookies, httponly=True
    )


def pairing_code() -> str:
    """Eight letters and digits that can be read aloud."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


async def new_pairing_code(request: web.Request, room_id: str) -> PairingCode:
    """A new code for a room, good for a quarter of an hour. Raises Refused (403, 404).

    An administrator of one school pairs that school's rooms only.
    """
    visitor, now = request[VISITOR], request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        room = next((r for r in await city.rooms(connection) if r.id == room_id), None)
        if room is None:
            raise Refused(404, "There is no such room: see the list of rooms.")
        if visitor.school_code is not None and room.school_code != visitor.school_code:
            raise Refused(403, "This room belongs to another school.")
        code = PairingCode(pairing_code(), room_id, now + PAIRING_LIFETIME)
        await accounts.add_pairing_code(connection, code.code, room_id, code.expires_at)
        await marks.add_audit(connection, visitor.actor, "pairing_code_made", f"room:{room_id}")
    return code


async def pair(
    connection: Connection, code: str, now: datetime, before: bytes | None = None
) -> str:
    """Use a pairing code up and begin the device's web session; its cookie. Raises Refused."""
    plain = "".join(c for c in code.upper() if c.isalnum())[:32]
    room_id = await accounts.use_pairing_code(connection, plain, now)
    if room_id is None:
        raise Refused(
            404, "This code is not good, or has been used. Ask your administrator for a new one."
        )
    device_id = await accounts.add_device(connection, room_id, now)
    await marks.add_audit(connection, f"device:{device_id}", "paired", f"room:{room_id}")
    return await begin(connection, now, device_id=device_id, before=before)


def alive(found: WebSession, now: datetime, rules: EntryRules) -> bool:
    """Whether a web session that has not ended is still good."""
    if found.device_id is not None:
        return found.revoked_at is None
    if found.disabled_at is not None:
        return False
    if found.stage is not Stage.FULL:
        return now - found.created_at < UNFINISHED
    return rules.within_limits(found.created_at, found.seen_at, found.teaching_until, now)


def _visitor(found: WebSession) -> Visitor:
    if found.stage is not Stage.FULL:
        return Visitor(None, found.csrf, "nobody", token_hash=found.token_hash, pending=found)
    if found.device_id is not None:
        return Visitor(
            Role.ROOM,
            found.csrf,
            f"device:{found.device_id}",
            room_id=found.room_id,
            session_id=found.id,
            token_hash=found.token_hash,
        )
    return Visitor(
        Role(found.role or ""),
        found.csrf,
        f"account:{found.login}",
        name=found.name or "",
        account_id=found.account_id,
        school_code=found.school_code,
        teacher_id=found.teacher_id,
        session_id=found.id,
        token_hash=found.token_hash,
        by_identity=found.by_identity,
        password_set_at=found.password_set_at,
    )


#: Where the cookie is not looked at: media has its own tokens, and goes on without the database.
_WITHOUT_SESSION = ("/static/", "/whip/", "/whep/", "/media/", "/healthz")


@web.middleware
async def authenticated(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Find out who asks, and refuse unsafe requests without their CSRF token."""
    request[VISITOR] = NOBODY
    token_hash = presented(request)
    if token_hash is not None and not request.path.startswith(_WITHOUT_SESSION):
        now, rules = request.app[NOW](), request.app[SETTINGS].entry_rules
        async with request.app[POOL].connection() as connection:
            found = await web_sessions.by_token(connection, token_hash)
            if found is not None and alive(found, now, rules):
                request[VISITOR] = _visitor(found)
                unattended = UNATTENDED in request.headers
                if now - found.seen_at > TOUCH_EVERY and not unattended:
                    await web_sessions.touch(connection, token_hash, now)
                agent = _readable(request.headers.get("User-Agent", ""))[:_LONGEST_AGENT]
                if agent != found.user_agent:
                    await web_sessions.note_user_agent(connection, token_hash, agent)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        await _check_csrf(request)
    return await handler(request)


def _readable(header: str) -> str:
    """A header that a database can hold: bytes that are no text become question marks."""
    return header.encode(errors="replace").decode()


async def _check_csrf(request: web.Request) -> None:
    if request.path.startswith(("/whip/", "/whep/", "/media/")):
        return  # a Bearer token, which no other site can make a browser send
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise Refused(403, "This page has grown old: reload it and try again.")
    if not request[VISITOR].csrf:
        return  # nobody's: there is nothing that could be done in somebody's name
    given = request.headers.get("X-CSRF-Token", "")
    if not given and request.content_type == "application/x-www-form-urlencoded":
        given = str((await request.post()).get("csrf", ""))
    if not same(given, request[VISITOR].csrf):
        raise Refused(403, "This page has grown old: reload it and try again.")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def requires(action: Action) -> Callable[[Handler], Handler]:
    """Let only those through whom the table allows the action."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            role = request[VISITOR].role
            if role is None:
                raise Refused(401, "Please sign in first.")
            if not allowed(role, action):
                raise Refused(403, "Your account may not do this.")
            return await handler(request)

        marked: Any = guarded
        marked.action = action  # the role x action test walks the routes by it
        return guarded

    return decorate
