"""The watch over lessons that should be live, and the digest in the evening.

Runs on the clock's leader. What it finds is written in one transaction with the messages that tell
of it; the database keeps one alert a lesson and room and one digest a day, so that two leaders for
a moment tell nothing twice.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from classroom_sync.pages.names import Names, read_names
from classroom_sync.settings import Settings
from classroom_sync.webhooks import Sender
from db import alerts, calendar, digests, sessions, webhooks
from db.alerts import Alert
from db.errors import Unreachable
from db.pool import Connection, Pool
from scheduler.alerts import AlertRules, changes, dark
from scheduler.digest import Digest, digest, due

log = structlog.get_logger()

LOOK_EVERY = 5.0  # seconds
_SPOOLED = 15.0  # seconds after the database was away in which evidence may still be on its way
_OWED_SINCE = timedelta(days=60)  # how far back make-ups are looked for


class Watch:
    """One look at a time; `tell` False: nobody is told by webhook."""

    def __init__(
        self,
        pool: Pool,
        now: Callable[[], datetime],
        rules: AlertRules,
        digest_at: time,
        *,
        tell: bool,
    ) -> None:
        self._pool = pool
        self._now = now
        self._rules = rules
        self._digest_at = digest_at
        self._tell = tell

    async def run(self) -> None:
        while True:
            pause = LOOK_EVERY
            try:
                await self.look()
                await self.make_digests()
            except Unreachable as error:
                log.warning("lessons not watched", cause=str(error))
                pause = _SPOOLED
            except Exception as error:  # the clock beside goes on, and so does the watch
                log.exception("lessons not watched", cause=str(error))
            await asyncio.sleep(pause)

    async def look(self) -> None:
        """Open and close alerts by what is so now."""
        now = self._now()
        async with self._pool.transaction() as connection:
            seats = await alerts.seats(connection, now)
            standing = [(a.session_id, a.room_id) for a in await alerts.standing(connection)]
            found = changes(dark(seats, now, self._rules), seats, standing, now)
            opened = [await alerts.open_alert(connection, d, now) for d in found.opened]
            closed = [
                await alerts.close_alert(connection, session_id, room_id, why, now)
                for why, over in (("back", found.back), ("ended", found.ended))
                for session_id, room_id in over
            ]
            told = [("room.dark", a) for a in opened if a] + [("room.back", a) for a in closed if a]
            for kind, alert in told:
                log.info(kind, room=alert.room_id, session=str(alert.session_id))
            if told and self._tell:
                names = await read_names(connection)
                for kind, alert in told:
                    body = await _alert_body(connection, names, kind, alert, now)
                    await webhooks.add(connection, kind, body, now)

    async def make_digests(self) -> None:
        """Make the digests that are due."""
        now = self._now()
        async with self._pool.connection() as connection:
            terms = await calendar.terms(connection)
            done = await digests.made_since(connection, now.date() - timedelta(days=2))
        for zone, day in due(terms, now, self._digest_at, done):
            async with self._pool.transaction() as connection:
                content = await make_digest(connection, zone, day)
                if await digests.add(connection, zone, day, now, content) and self._tell:
                    body = _body("digest", content, now)
                    await webhooks.add(connection, "digest", body, now)
            log.info("digest made", zone=zone, day=day.isoformat())


async def make_digest(connection: Connection, zone: str, day: date) -> dict[str, Any]:
    """The digest of a day, as JSON's types, with the names people know things by."""
    midnight = datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
    found = digest(
        zone,
        day,
        await sessions.between(connection, midnight, midnight + timedelta(days=1)),
        await alerts.links(connection, day - _OWED_SINCE, day),
        await alerts.dark_rooms(connection, day),
    )
    return _content(found, await read_names(connection))


def _content(found: Digest, names: Names) -> dict[str, Any]:
    return {
        "zone": found.zone,
        "day": found.day.isoformat(),
        "sessions": {
            "planned": found.planned,
            "held": found.held,
            "not_held": found.not_held,
            "cancelled": found.cancelled,
        },
        "links": dict(found.links),
        "dark": [_plain(asdict(d)) | {"room": names.room(d.room_id)} for d in found.dark],
        "makeup_due": [
            {
                "session_id": str(o.link.session_id),
                "participant_id": str(o.link.participant_id),
                "on_day": o.link.on_day.isoformat(),
                "subject": o.link.subject,
                "room_id": o.link.room_id,
                "room": names.room(o.link.room_id),
                "class": names.group(o.link.class_id),
                "cause": o.link.cause,
                "due_by": o.due_on.isoformat(),
                "overdue": o.overdue,
            }
            for o in found.owed
        ],
    }


async def _alert_body(
    connection: Connection, names: Names, kind: str, alert: Alert, now: datetime
) -> str:
    session = await sessions.session(connection, alert.session_id)
    assert session is not None, "sessions that have an alert are not deleted"
    subject = names.subjects.get(session.subject or "")
    data = _plain(asdict(alert)) | {
        "room": names.room(alert.room_id),
        "subject": subject.name_zh if subject else None,
        "starts_at": session.starts_at.isoformat(),
        "ends_at": session.ends_at.isoformat(),
    }
    return _body(kind, data, now)


def _body(kind: str, data: dict[str, Any], now: datetime) -> str:
    """A message as the Standard Webhooks specification lays it out."""
    content = {"type": kind, "timestamp": now.isoformat(), "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """With instants and ids as JSON has them."""
    plain = (str, int, float, bool, type(None))
    return {
        k: v if isinstance(v, plain) else v.isoformat() if isinstance(v, datetime) else str(v)
        for k, v in values.items()
    }


async def watch(pool: Pool, settings: Settings, now: Callable[[], datetime]) -> None:
    """Watch, make digests, and send what others are told, until cancelled."""
    secret = settings.webhook_secret
    tells = settings.webhook_url is not None and secret is not None
    rules = AlertRules(timedelta(seconds=settings.dark_after))
    watching = Watch(pool, now, rules, settings.digest_at, tell=tells)
    async with asyncio.TaskGroup() as group:
        group.create_task(watching.run())
        if settings.webhook_url is not None and secret is not None:
            sender = Sender(pool, settings.webhook_url, secret.get_secret_value(), now)
            group.create_task(sender.run())
