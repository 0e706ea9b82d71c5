"""Calendar feeds: what subscribers have been told, and the addresses that may be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import FeedEntry, FeedEvent, Receiver, SessionKind

_sql = named("feeds")


@dataclass(frozen=True, slots=True)
class FeedToken:
    """An address that reads one feed; its secret is stored as a hash only."""

    id: UUID
    scope: str  # "teacher" | "room" | "class" | "school"
    subject_id: str
    locale: str
    made_by: UUID
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


async def take_register(connection: Connection) -> tuple[datetime | None, str | None]:
    """Lock the register until the transaction ends; when the events were last gone through, and
    the state that they were found in."""
    row = await _sql.take_register(connection)
    return row["refreshed_at"], row["state"]


async def state(connection: Connection, since: datetime) -> str:
    """A hash of all that events since an instant follow from."""
    found: str = await _sql.state(connection, since=since)
    return found


async def set_refreshed(connection: Connection, at: datetime, state: str) -> None:
    await _sql.set_refreshed(connection, at=at, state=state)


async def events_since(connection: Connection, since: datetime) -> list[FeedEvent]:
    """Every event that starts at an instant or later."""
    return [_event(row) async for row in _sql.events_since(connection, since=since)]


async def events_of(
    connection: Connection, scope: str, subject_id: str, since: datetime
) -> list[FeedEvent]:
    """One feed's events that end after an instant, by start."""
    rows = _sql.events_of(connection, who=f"{scope}:{subject_id}", since=since)
    return [_event(row) async for row in rows]


async def put_events(
    connection: Connection,
    events: Iterable[FeedEvent],
    school_of: Mapping[str, str],
    school_of_teacher: Mapping[str, str],
) -> None:
    """Store new and changed events. `school_of` gives the school of a room or class."""
    rows = [_columns(event, school_of, school_of_teacher) for event in events]
    await _sql.put_event(connection, rows)


def _columns(
    event: FeedEvent, school_of: Mapping[str, str], school_of_teacher: Mapping[str, str]
) -> dict[str, object]:
    entry = event.entry
    return {
        "uid": event.uid,
        "lesson_id": entry.lesson_id,
        "session_id": entry.session_id,
        "kind": entry.kind,
        "on_day": entry.on_day,
        "subject": entry.subject,
        "starts_at": entry.starts_at,
        "ends_at": entry.ends_at,
        "lead_teacher_id": entry.lead_teacher_id,
        "lead_room_id": entry.lead_room_id,
        "receivers": [[r.room_id, r.class_id, r.assistant_id] for r in entry.receivers],
        "cancelled": entry.cancelled,
        "title": entry.title,
        "members": list(entry.members),
        "sequence": event.sequence,
        "created_at": event.created_at,
        "changed_at": event.changed_at,
        "who": _who(entry, school_of, school_of_teacher),
    }


def _who(
    entry: FeedEntry, school_of: Mapping[str, str], school_of_teacher: Mapping[str, str]
) -> list[str]:
    """The feeds that an event is in. A lesson is its rooms' and classes' schools', a meeting, which
    has no room, its teachers'."""
    rooms = [entry.lead_room_id, *(r.room_id for r in entry.receivers)]
    teachers = [entry.lead_teacher_id, *(r.assistant_id for r in entry.receivers), *entry.members]
    classes = [r.class_id for r in entry.receivers]
    schools = {school_of[each] for each in (*rooms, *classes) if each and each in school_of}
    if entry.kind is SessionKind.RESEARCH:
        serves = school_of_teacher
        schools = {serves[each] for each in teachers if each and each in serves}
    found = {f"room:{room}" for room in rooms if room}
    found |= {f"teacher:{teacher}" for teacher in teachers if teacher}
    found |= {f"class:{group}" for group in classes}
    return sorted(found | {f"school:{code}" for code in schools})


def _event(row: Any) -> FeedEvent:
    receivers = tuple(Receiver(*each) for each in row["receivers"])
    entry = value(FeedEntry, row, receivers=receivers)
    return value(FeedEvent, row, entry=entry)


async def add_token(
    connection: Connection,
    token_hash: bytes,
    scope: str,
    subject_id: str,
    locale: str,
    made_by: UUID,
    at: datetime,
) -> UUID:
    token_id: UUID = await _sql.add_token(
        connection,
        token_hash=token_hash,
        scope=scope,
        subject_id=subject_id,
        locale=locale,
        made_by=made_by,
        made_at=at,
    )
    return token_id


async def token(connection: Connection, token_hash: bytes) -> FeedToken | None:
    """The address a secret stands for, unless it was revoked."""
    row = await _sql.token(connection, token_hash=token_hash)
    return None if row is None else value(FeedToken, row)


async def tokens_of(connection: Connection, account_id: UUID) -> list[FeedToken]:
    """The addresses an account has made and not revoked."""
    return [value(FeedToken, row) async for row in _sql.tokens_of(connection, made_by=account_id)]


async def all_tokens(connection: Connection) -> list[tuple[FeedToken, str]]:
    """The addresses that are not revoked, each with the login of the account that made it."""
    rows = _sql.all_tokens(connection)
    return [(value(FeedToken, row), row["login"]) async for row in rows]


async def use_token(connection: Connection, token_id: UUID, at: datetime) -> None:
    await _sql.use_token(connection, id=token_id, at=at)


async def revoke_token(
    connection: Connection, token_id: UUID, account_id: UUID, at: datetime
) -> bool:
    """Whether an address of this account was revoked by this call."""
    return bool(await _sql.revoke_token(connection, id=token_id, made_by=account_id, at=at))
