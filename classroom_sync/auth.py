"""Sign-in, web sessions, pairing: who is asking.

Passwords are hashed with Argon2id in a thread. A web session is a random cookie of which only the
SHA-256 is stored; it ends 30 minutes after it was last used and 12 hours after it began (DOMAIN
12), but a paired room screen stays until it is revoked. Every unsafe request carries the session's
CSRF token.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, SETTINGS, VISITOR
from classroom_sync.permissions import Action, Role, allowed
from classroom_sync.tokens import same
from db import accounts, city, marks
from db.accounts import Account, PairingCode, WebSession
from db.pool import Connection

FAILURES = 5
LOCK = timedelta(minutes=30)
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH_EVERY = timedelta(seconds=30)  # how exactly "last used" is kept
UNATTENDED = "X-Unattended"  # a page asks by itself: nobody is there, the session goes on idling
_LONGEST_AGENT = 300
PAIRING_LIFETIME = timedelta(minutes=15)
_CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that look alike

_hasher = PasswordHasher()
_DUMMY = _hasher.hash("nobody has this password")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: an account, a paired room device, or (role None) nobody yet."""

    role: Role | None
    csrf: str
    actor: str  # as the audit log names it
    name: str = ""
    account_id: UUID | None = None
    school_code: str | None = None
    teacher_id: str | None = None
    room_id: str | None = None
    token_hash: bytes | None = None


NOBODY = Visitor(None, "", "nobody")


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_hasher.hash, password)


async def _verifies(password_hash: str, password: str) -> bool:
    try:
        return await asyncio.to_thread(_hasher.verify, password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def sign_in(connection: Connection, login: str, password: str, now: datetime) -> Account:
    """The account, if login and password are right and it is not locked. Raises Refused.

    What is wrong is not told apart, and takes as long for a login that does not exist.
    """
    wrong = "The name or the password is wrong."
    account = await accounts.account_by_login(connection, login.strip())
    if account is None:
        await _verifies(_DUMMY, password)
        raise Refused(401, wrong)
    if account.locked_until is not None and account.locked_until > now:
        raise Refused(
            429,
            "Too many wrong passwords: this account is locked for {minutes} more minutes.",
            minutes=max(1, round((account.locked_until - now).total_seconds() / 60)),
        )
    if not await _verifies(account.password_hash, password):
        locked = await accounts.sign_in_failed(connection, account.id, FAILURES, now + LOCK)
        await marks.add_audit(
            connection,
            f"account:{account.login}",
            "sign_in_locked" if locked and locked > now else "sign_in_failed",
            f"account:{account.login}",
        )
        raise Refused(401, wrong)
    await accounts.sign_in_succeeded(connection, account.id)
    await marks.add_audit(
        connection, f"account:{account.login}", "signed_in", f"account:{account.login}"
    )
    return account


def cookie_name(request: web.Request) -> str:
    """`__Host-` binds the cookie to this host, where HTTPS lets it."""
    return "__Host-session" if request.app[SETTINGS].secure_cookies else "session"


async def begin(
    connection: Connection,
    now: datetime,
    *,
    account_id: UUID | None = None,
    device_id: UUID | None = None,
) -> str:
    """A new web session; its cookie value."""
    token = secrets.token_urlsafe(32)
    await accounts.add_web_session(
        connection,
        token_hash=hashlib.sha256(token.encode()).digest(),
        csrf=secrets.token_urlsafe(16),
        at=now,
        account_id=account_id,
        device_id=device_id,
    )
    return token


async def web_session(connection: Connection, token: str) -> WebSession | None:
    """The stored session of a cookie value."""
    return await accounts.web_session(connection, hashlib.sha256(token.encode()).digest())


async def csrf_of(connection: Connection, token: str) -> str:
    """The CSRF token of a session that was just begun."""
    found = await web_session(connection, token)
    assert found is not None, "it was just begun"
    return found.csrf


def give_cookie(request: web.Request, response: web.StreamResponse, token: str) -> None:
    lasting = 10 * 365 * 86400  # a room device stays paired; an account's session ends by itself
    response.set_cookie(
        cookie_name(request),
        token,
        httponly=True,
        samesite="Lax",
        secure=request.app[SETTINGS].secure_cookies,
        max_age=lasting,
        path="/",
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


async def pair(connection: Connection, code: str, now: datetime) -> str:
    """Use a pairing code up and begin the device's web session; its cookie. Raises Refused."""
    plain = "".join(c for c in code.upper() if c.isalnum())[:32]
    room_id = await accounts.use_pairing_code(connection, plain, now)
    if room_id is None:
        raise Refused(
            404, "This code is not good, or has been used. Ask your administrator for a new one."
        )
    device_id = await accounts.add_device(connection, room_id, now)
    await marks.add_audit(connection, f"device:{device_id}", "paired", f"room:{room_id}")
    return await begin(connection, now, device_id=device_id)


def _alive(found: WebSession, now: datetime) -> bool:
    if found.device_id is not None:
        return found.revoked_at is None
    return now - found.seen_at < IDLE and now - found.created_at < ABSOLUTE


def _visitor(found: WebSession) -> Visitor:
    if found.device_id is not None:
        return Visitor(
            Role.ROOM,
            found.csrf,
            f"device:{found.device_id}",
            room_id=found.room_id,
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
        token_hash=found.token_hash,
    )


#: Where the cookie is not looked at: media has its own tokens, and goes on without the database.
_WITHOUT_SESSION = ("/static/", "/whip/", "/whep/", "/media/", "/healthz")


@web.middleware
async def authenticated(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Find out who asks, and refuse unsafe requests without their CSRF token."""
    request[VISITOR] = NOBODY
    cookie = request.cookies.get(cookie_name(request))
    if cookie and not request.path.startswith(_WITHOUT_SESSION):
        token_hash = hashlib.sha256(cookie.encode()).digest()
        now = request.app[NOW]()
        async with request.app[POOL].connection() as connection:
            found = await accounts.web_session(connection, token_hash)
            if found is not None and _alive(found, now):
                request[VISITOR] = _visitor(found)
                unattended = UNATTENDED in request.headers
                if now - found.seen_at > TOUCH_EVERY and not unattended:
                    await accounts.touch_web_session(connection, token_hash, now)
                agent = request.headers.get("User-Agent", "")[:_LONGEST_AGENT]
                if agent != found.user_agent:
                    await accounts.note_user_agent(connection, token_hash, agent)
    if request.method not in ("GET", "HEAD", "OPTIONS") and request[VISITOR].role is not None:
        await _check_csrf(request)
    return await handler(request)


async def _check_csrf(request: web.Request) -> None:
    if request.path.startswith(("/whip/", "/whep/", "/media/")):
        return  # a Bearer token, which no other site can make a browser send
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
