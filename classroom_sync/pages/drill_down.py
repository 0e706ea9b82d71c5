"""From a figure down: the list behind it, a link of it, its intervals, and the evidence under them.

Every step goes to the audit log.
"""

from datetime import datetime
from itertools import islice
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.bureau import wanted
from classroom_sync.pages.evidence import by_minute
from classroom_sync.pages.names import Names, read_names, read_names_on
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.reports import definitions
from classroom_sync.reports.document import DIMENSIONS
from classroom_sync.reports.labels import labels
from classroom_sync.reports.reading import read_cut
from db import indicators, marks, presence, sessions
from db.behind import NoSuchFigure
from db.pool import Connection
from scheduler.attendance import presence as merge_presence
from scheduler.indicators.values import Dimension, Side
from scheduler.model import ParticipantRole, RoomStatus, Session

routes = web.RouteTableDef()

RAW_ROWS = 300  # at once


@routes.get("/bureau/rooms")
@requires(Action.SEE_COVERAGE)
async def build(request: web.Request) -> web.StreamResponse:
    """All rooms, or those of `?school=`, with their life so far."""
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
    chosen = request.query.get("school")
    rooms = [r for r in names.rooms.values() if chosen in (None, r.school_code)]
    counts = [(s.value, sum(r.status is s for r in rooms)) for s in RoomStatus]
    return await page(
        request,
        "bureau_rooms.html",
        names=names,
        rooms=rooms,
        chosen=chosen,
        counts=[(status, count) for status, count in counts if count],
    )


@routes.get("/bureau/behind")
@requires(Action.SEE_COVERAGE)
async def behind(request: web.Request) -> web.StreamResponse:
    """The list behind one side of a measure, page by page."""
    number, slug, side = _figure(request)
    locale = request[LOCALE]
    async with request.app[POOL].connection() as connection:
        term, cut, as_of, names = await read_cut(connection, wanted(request), request.app[NOW]())
        after = request.query.get("after")
        try:
            defined = definitions.measure(number, slug)
            found = await indicators.rows_behind(
                connection,
                cut,
                as_of,
                number,
                slug,
                side,
                after,
                choices=request.app[SETTINGS].indicator_rules,
            )
        except (KeyError, NoSuchFigure):
            raise Refused(404, "There is no such list: go back to the figures.") from None
        part = cut.dimension.value + (f":{cut.key}" if cut.key else "")
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "list_seen",
            f"coverage:{part}:{cut.since}:{cut.until}",
            indicator=number,
            measure=slug,
            side=side.value,
        )
    label = labels(names, locale)
    counted = defined.counted if side is Side.NUMERATOR or defined.of is None else defined.of
    rest: dict[str, str] = {n: text for n, text in request.query.items() if n != "after"}
    period: dict[str, str] = {n: rest[n] for n in ("since", "until", "of") if n in rest}
    return await page(
        request,
        "bureau_behind.html",
        zone=term.zone,
        names=names,
        cut=cut,
        as_of=as_of,
        scope=label(cut.dimension, cut.key),
        dimension=DIMENSIONS[cut.dimension].said(locale),
        city=cut.dimension is Dimension.CITY,
        indicator=definitions.indicator(number).name.said(locale),
        number=number,
        measure=defined.name.said(locale),
        counted=counted.said(locale),
        units=defined.in_units_of.said(locale),
        lines=found.lines,
        listed=found.lines[0].listed.value if found.lines else "",
        more="?" + urlencode(rest | {"after": found.after}) if found.after else None,
        first="?" + urlencode(rest) if after else None,
        back="/bureau?" + urlencode(period),
        subject=lambda found: names.subject(found, locale),
    )


def _figure(request: web.Request) -> tuple[int, str, Side]:
    try:
        number = int(request.query.get("indicator", ""))
        side = Side(request.query.get("side", Side.NUMERATOR.value))
        slug = request.query.get("measure", "")
        definitions.indicator(number)
    except (ValueError, KeyError):
        raise Refused(404, "There is no such list: go back to the figures.") from None
    return number, slug[:40], side


@routes.get("/bureau/links/{participant}")
@requires(Action.SEE_COVERAGE)
async def link(request: web.Request) -> web.StreamResponse:
    """One link: its attendance, head counts, intervals, the evidence by the minute, and, with
    `?raw`, the rows of a minute as they were stored."""
    participant_id = identifier(request.match_info["participant"])
    async with request.app[POOL].connection() as connection:
        session = await sessions.session_of_participant(connection, participant_id)
        if session is None:
            raise Refused(404, "There is no such lesson: go back to the start and choose one.")
        names = await read_names_on(connection, session.on_day, request.app[NOW]())
        own = request[VISITOR].school_code
        if own is not None and own not in _taking_part(session, names):
            raise Refused(403, "This lesson is not one of yours.")
        attendance = await presence.attendance_of(connection, participant_id)
        slices = await presence.slices_of_session(connection, session.id)
        counts = await marks.head_counts_of_session(connection, session.id)
        since = _instant(request.query.get("since")) or session.starts_at
        until = _instant(request.query.get("until")) or session.ends_at
        rows = await presence.evidence_between(connection, participant_id, since, until)
        participant = next(p for p in session.participants if p.id == participant_id)
        made_up_by = await _lesson_of(connection, attendance.made_up_by if attendance else None)
        makes_up = await _lesson_of(connection, participant.makes_up_id)
        raw = "raw" in request.query
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "evidence_seen",
            f"participant:{participant_id}",
            since=since.isoformat(),
            until=until.isoformat(),
            raw=raw,
        )
    lead = next(p for p in session.participants if p.role is ParticipantRole.LEAD)
    rules = request.app[LIVE].rules
    intervals = (
        attendance.intervals
        if attendance
        else merge_presence(
            [s for s in slices if s.participant_id == participant_id],
            session.media_role(participant.role),
            interactive=session.interactive,
            since=session.starts_at,
            until=session.ends_at,
            rules=rules,
        )
    )
    return await page(
        request,
        "bureau_link.html",
        names=names,
        session=session,
        participant=participant,
        lead=lead,
        attendance=attendance,
        made_up_by=made_up_by,
        makes_up=makes_up,
        intervals=intervals,
        counts=[c for c in counts if c.participant_id == participant_id],
        minutes=by_minute(rows),
        rows=list(islice(rows, RAW_ROWS)) if raw else [],
        left_out=rows[RAW_ROWS].from_at if raw and len(rows) > RAW_ROWS else None,
        raw=raw,
        since=since,
        until=until,
        rules=rules,
        now=request.app[NOW](),
        subject=names.subject(session.subject, request[LOCALE]),
    )


async def _lesson_of(connection: Connection, link: UUID | None) -> Session | None:
    """The lesson that a link is of; None where no link has this id (but a push, perhaps)."""
    return None if link is None else await sessions.session_of_participant(connection, link)


def _taking_part(session: Session, names: Names) -> set[str]:
    """Codes of the schools whose rooms or teachers are in a session."""
    rooms = {names.rooms[p.room_id].school_code for p in session.participants if p.room_id}
    people = {p.teacher_id for p in session.participants if p.teacher_id}
    return rooms | {names.teachers[teacher].school_code for teacher in people}


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Refused(422, "Times need a zone, such as 2026-09-01T08:30:00+08:00.") from None
    if found is not None and found.tzinfo is None:
        raise Refused(422, "Times need a zone, such as 2026-09-01T08:30:00+08:00.")
    return found
