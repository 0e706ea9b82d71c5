"""Calendar feeds, from the database to their text.

The register of events is gone through when something has changed, which is looked at once a minute
at most, by whichever process is asked first.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from classroom_sync.formats.feed import Feed, Wording, write
from classroom_sync.i18n import translator
from classroom_sync.pages.names import Names, read_names
from db import calendar, city, feeds, meetings, sessions, timetable
from db.feeds import FeedToken
from db.pool import Connection
from scheduler import feed
from scheduler.model import DEFAULT_ZONE, FeedEvent, Term
from scheduler.occurrences import expand

REFRESH_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=60)  # how long what is over stays in a feed


@dataclass(frozen=True, slots=True)
class FeedText:
    content: bytes
    etag: str
    changed_at: datetime | None  # of its newest event; None: there is none


def new_token() -> tuple[str, bytes]:
    """A fresh secret and its hash, which alone is stored."""
    token = secrets.token_urlsafe(32)
    return token, hash_of(token)


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def refresh(connection: Connection, now: datetime) -> int:
    """Bring what subscribers are told in step with timetable and sessions; how much changed."""
    refreshed_at, known_state = await feeds.take_register(connection)
    if refreshed_at is not None and timedelta(0) <= now - refreshed_at < REFRESH_EVERY:
        return 0
    terms = await _coming_terms(connection, now)
    if not terms:
        return 0
    zone = ZoneInfo(terms[0].zone)
    today = now.astimezone(zone).date()
    midnight = datetime.combine(today, time(), zone)
    last = terms[-1].ends_on
    state = await feeds.state(connection, midnight)
    changed: list[FeedEvent] = []
    if state != known_state:
        rooms = await city.rooms(connection)
        school_of = {room.id: room.school_code for room in rooms}
        groups = await city.class_groups(connection)
        school_of |= {group.id: group.school_code for group in groups}
        serves = {teacher.id: teacher.school_code for teacher in await city.teachers(connection)}
        versions = await timetable.versions_between(connection, today, last)
        schedules = await calendar.bells(connection)
        until = datetime.combine(last + timedelta(days=1), time(), zone)
        stored = await sessions.between(connection, midnight, until)
        titles = await meetings.titles(connection, [session.id for session in stored])
        told = await feeds.events_since(connection, midnight)

        def compare() -> list[FeedEvent]:
            occurrences = [
                occurrence
                for term in terms
                for occurrence in expand(term, versions, schedules, school_of, today, last)
            ]
            held = [session for session in stored if session.on_day >= today]
            return feed.reconcile(told, feed.wanted(held, occurrences, titles), now, uuid4)

        changed = await asyncio.to_thread(compare)  # a city's term takes a second
        await feeds.put_events(connection, changed, school_of, serves)
    await feeds.set_refreshed(connection, now, state)
    return len(changed)


async def _coming_terms(connection: Connection, now: datetime) -> list[Term]:
    """The terms that are on or to come, the earliest first."""
    return [
        term
        for term in await calendar.whole_terms(connection)
        if term.ends_on >= now.astimezone(ZoneInfo(term.zone)).date()
    ]


async def text_of(connection: Connection, token: FeedToken, now: datetime) -> FeedText:
    """A token's feed as iCalendar text."""
    names = await read_names(connection)
    terms = await _coming_terms(connection, now)
    since = now - KEPT
    events = await feeds.events_of(connection, token.scope, token.subject_id, since)
    rooms = [r.id for r in names.rooms.values() if r.school_code == token.subject_id]
    serving = [t.id for t in names.teachers.values() if t.school_code == token.subject_id]
    content = write(
        Feed(
            token.scope,
            token.subject_id,
            whose(names, token),
            frozenset(rooms),
            frozenset(serving),
        ),
        events,
        terms[0].zone if terms else DEFAULT_ZONE,
        min((e.entry.starts_at for e in events), default=datetime(now.year, 1, 1, tzinfo=UTC)),
        _wording(names, token.locale),
    )
    changed_at = max((event.changed_at for event in events), default=None)
    return FeedText(content, hashlib.sha256(content).hexdigest()[:32], changed_at)


def whose(names: Names, token: FeedToken) -> str:
    """Whose feed it is, as people say it."""
    match token.scope:
        case "teacher":
            return names.teacher(token.subject_id)
        case "room":
            return names.room(token.subject_id)
        case "class":
            return full_class(names, token.subject_id)
        case _:
            return names.school(token.subject_id)


def full_class(names: Names, class_id: str) -> str:
    """A class with its school: "春晖三（1）班"."""
    group = names.classes.get(class_id)
    return names.school(group.school_code) + group.name if group else ""


def _wording(names: Names, locale: str) -> Wording:
    translate = translator(locale)
    return Wording(
        subject=lambda slug: names.subject(slug, locale),
        group=lambda class_id: full_class(names, class_id),
        room=names.room,
        teacher=names.teacher,
        research=translate("Research meeting"),
        lead=translate("Lead"),
        receiving=translate("Receiving"),
        chair=translate("Chair"),
        members=translate("Called"),
    )
