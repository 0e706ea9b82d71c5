"""Observers who watch a session unseen 巡课: never in its lists, never unlogged.

A visit begins when a media token is issued for it and goes on as a lease: while media of it is
connected on a node, the clock's leader renews it. Where it is not renewed it has ended, at the
instant it was seen last; so neither a crash nor a lost page leaves one open. Both ends are in the
audit log: who, where from, from when to when. Media that is connected under a visit that had ended
(a token lives for some minutes) begins it anew, in the log too.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from classroom_sync.errors import Refused
from db import marks, visits
from db.errors import Unreachable
from db.pool import Connection, Pool
from db.visits import Visit

if TYPE_CHECKING:
    from classroom_sync.live_session import LiveSession

log = structlog.get_logger()

LEASE = timedelta(seconds=45)  # longer than a WHEP request may wait for the lead
MOST = 20  # accounts that may watch one session at once
TOKEN_LIFETIME = timedelta(minutes=10)  # a page asks for a fresh one each time it connects


async def begin(
    connection: Connection,
    session_id: UUID,
    account_id: UUID,
    actor: str,
    address: str,
    at: datetime,
) -> UUID:
    """Begin a visit, or go on with the one under way from that address; its id. In the caller's
    transaction. Raises Refused (429) while too many others watch."""
    await visits.hold(connection, session_id)
    here = await visits.under_way(connection, session_id)
    others = {v.account_id for v in here if at - v.seen_at < LEASE} - {account_id}
    if len(others) >= MOST:
        raise Refused(429, "Too many observers watch this lesson already: try again later.")
    visit_id, new = await visits.begin(connection, session_id, account_id, address, at)
    if new:
        await _note_coming(connection, actor, session_id, visit_id, address)
    return visit_id


async def keep(pool: Pool, here: Collection[UUID], at: datetime) -> None:
    """Renew the visits whose media is connected, begin those anew that had ended, and end those
    that are gone. Raises Unreachable."""
    async with pool.transaction() as connection:
        for visit in await visits.resume(connection, here, at):
            actor = f"account:{visit.login}"
            await _note_coming(connection, actor, visit.session_id, visit.id, visit.address)
        await visits.see(connection, here, at)
        for visit in await visits.end_unseen(connection, at - LEASE):
            await marks.add_audit(
                connection,
                f"account:{visit.login}",
                "observer_left",
                f"session:{visit.session_id}",
                visit=str(visit.id),
                address=visit.address,
                since=visit.begun_at.isoformat(),
                until=visit.seen_at.isoformat(),
            )


async def _note_coming(
    connection: Connection, actor: str, session_id: UUID, visit_id: UUID, address: str
) -> None:
    about, visit = f"session:{session_id}", str(visit_id)
    await marks.add_audit(connection, actor, "observer_came", about, visit=visit, address=address)


async def told(pool: Pool, live: "LiveSession", visit_id: UUID, message: dict[str, Any]) -> bool:
    """A node says something of somebody who takes no part: whether it is an observer, who is noted
    in `live.observers` when they connect."""
    if message["event"] == "participant_connected" and message.get("unseen"):
        live.observers.setdefault(visit_id, None)
        await recognize(pool, live)
    return visit_id in live.observers


async def recognize(pool: Pool, live: "LiveSession") -> None:
    """Find out who the observers of a session are, as far as the database is there."""
    strangers = [visit_id for visit_id, visit in live.observers.items() if visit is None]
    try:
        for visit_id in strangers:
            async with pool.connection() as connection:
                live.observers[visit_id] = await visits.visit(connection, visit_id)
    except Unreachable as error:
        log.warning("observer not known yet", cause=str(error))


def gone(live: "LiveSession") -> None:
    """Forget the observers none of whose media is connected to any node any more."""
    for visit_id in list(live.observers):
        if not any(m.connections[visit_id, "subscribe"] > 0 for m in live.media.values()):
            del live.observers[visit_id]
            for media in live.media.values():
                media.slots.pop(visit_id, None)


def described(found: Collection[Visit | None]) -> list[dict[str, str]]:
    """Who observes, as the lead teacher is told: role and school, "" for the whole city."""
    known = {(v.account_id, v.role, v.school or "") for v in found if v is not None}
    return [{"role": role, "school": school} for _, role, school in sorted(known, key=str)]
