"""Web sessions: signed-in browsers of accounts, and the screens of paired room devices."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("web_sessions")


class Stage(StrEnum):
    """What is still to be done before a session is anybody's."""

    FULL = "full"  # nothing
    SECOND_FACTOR = "second_factor"  # a code
    ENROLMENT = "enrolment"  # a second factor is asked for, and there is none yet


@dataclass(frozen=True, slots=True)
class WebSession:
    """A signed-in browser: of an account, or of a paired room device (`room_id`)."""

    id: UUID  # names it without giving it away; its media tokens bear it
    token_hash: bytes
    csrf: str
    created_at: datetime
    seen_at: datetime
    stage: Stage
    by_identity: bool  # signed in with the city's education account
    teaching_until: datetime | None
    account_id: UUID | None
    device_id: UUID | None
    room_id: str | None
    revoked_at: datetime | None  # the device
    disabled_at: datetime | None  # the account
    password_set_at: datetime | None
    login: str | None
    name: str | None
    role: str | None
    school_code: str | None
    teacher_id: str | None
    user_agent: str  # of its browser when last seen; empty before


async def add(
    connection: Connection,
    *,
    token_hash: bytes,
    csrf: str,
    at: datetime,
    account_id: UUID | None = None,
    device_id: UUID | None = None,
    stage: Stage = Stage.FULL,
    by_identity: bool = False,
) -> None:
    await _sql.add(
        connection,
        token_hash=token_hash,
        account_id=account_id,
        device_id=device_id,
        csrf=csrf,
        at=at,
        stage=stage.value,
        by_identity=by_identity,
    )


async def by_token(connection: Connection, token_hash: bytes) -> WebSession | None:
    row = await _sql.by_token(connection, token_hash=token_hash)
    return None if row is None else value(WebSession, row)


async def by_ids(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, WebSession]:
    """Those of them that have not ended."""
    rows = _sql.by_ids(connection, ids=list(ids))
    return {row["id"]: value(WebSession, row) async for row in rows}


async def of_account(connection: Connection, account_id: UUID) -> list[WebSession]:
    """The sessions of an account, the one last seen first."""
    return [
        value(WebSession, row) async for row in _sql.of_account(connection, account_id=account_id)
    ]


async def touch(connection: Connection, token_hash: bytes, at: datetime) -> None:
    await _sql.touch(connection, token_hash=token_hash, at=at)


async def touch_teaching(
    connection: Connection, session_id: UUID, at: datetime, until: datetime
) -> None:
    """Somebody takes part in a lesson with it: no limit holds until then."""
    await _sql.touch_teaching(connection, id=session_id, at=at, until=until)


async def rotate(connection: Connection, session_id: UUID, fresh_hash: bytes, stage: Stage) -> None:
    """Give a session another secret, and another stage; the old secret is good no more."""
    await _sql.rotate(connection, id=session_id, fresh_hash=fresh_hash, stage=stage.value)


async def end(connection: Connection, token_hash: bytes) -> None:
    await _sql.end(connection, token_hash=token_hash)


async def end_one(connection: Connection, session_id: UUID, account_id: UUID) -> bool:
    """Whether a session of that account was ended by this call."""
    return bool(await _sql.end_one(connection, id=session_id, account_id=account_id))


async def end_all(connection: Connection, account_id: UUID, but: UUID | None = None) -> None:
    """Sign an account out everywhere, or everywhere but here."""
    await _sql.end_all(connection, account_id=account_id, but=but)


async def sweep(
    connection: Connection,
    at: datetime,
    idle_since: datetime,
    begun_since: datetime,
    but: Iterable[UUID] = (),
) -> None:
    """Remove the sessions of accounts that have idled out, or were begun too long ago."""
    await _sql.sweep(
        connection, at=at, idle_since=idle_since, begun_since=begun_since, but=list(but)
    )


async def note_user_agent(connection: Connection, token_hash: bytes, user_agent: str) -> None:
    await _sql.note_user_agent(connection, token_hash=token_hash, user_agent=user_agent)


async def user_agents(connection: Connection, since: datetime) -> dict[str, int]:
    """User agents of accounts seen since an instant and of paired screens → how many of each."""
    rows = _sql.user_agents(connection, since=since)
    return {row["user_agent"]: row["browsers"] async for row in rows}
