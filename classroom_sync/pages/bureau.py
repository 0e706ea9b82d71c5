"""The bureau's door: coverage, and the way from a figure down to the evidence under it."""

from datetime import datetime

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.figures import read_coverage
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, VISITOR
from classroom_sync.pages.charts import bars
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import marks, presence, sessions
from scheduler.attendance import presence as merge_presence
from scheduler.model import ParticipantRole

routes = web.RouteTableDef()


@routes.get("/bureau")
@requires(Action.SEE_COVERAGE)
async def coverage(request: web.Request) -> web.StreamResponse:
    report = await read_coverage(request)
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
    found = report.coverage
    return await page(
        request,
        "bureau.html",
        zone=report.term.zone,
        term=report.term,
        coverage=found,
        names=names,
        rules=request.app[LIVE].rules,
        build_chart=bars(
            [
                (b.target.deadline.isoformat(), b.figure.numerator, b.figure.denominator)
                for b in found.build
            ]
        ),
    )


@routes.get("/bureau/rooms")
@requires(Action.SEE_COVERAGE)
async def build(request: web.Request) -> web.StreamResponse:
    """The rooms behind indicator 1."""
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
    return await page(request, "bureau_rooms.html", names=names, rooms=names.rooms.values())


@routes.get("/bureau/links")
@requires(Action.SEE_COVERAGE)
async def links(request: web.Request) -> web.StreamResponse:
    """The links behind delivery: of the city, or `?school=` of one school."""
    report = await read_coverage(request)
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        school = request.query.get("school")
        if school is not None and school not in names.schools:
            raise Refused(404, "There is no such school: see the list of schools.")
        await marks.add_audit(
            connection, request[VISITOR].actor, "links_seen", f"school:{school or 'all'}"
        )
    shown = [
        link
        for link in report.links
        if link.due(report.coverage.as_of) and school in (None, link.school_code)
    ]
    return await page(
        request,
        "bureau_links.html",
        zone=report.term.zone,
        names=names,
        links=sorted(shown, key=lambda x: x.starts_at, reverse=True),
        school=names.schools.get(school or ""),
        coverage=report.coverage,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )


@routes.get("/bureau/links/{participant}")
@requires(Action.SEE_COVERAGE)
async def link(request: web.Request) -> web.StreamResponse:
    """One link: its attendance, head counts, intervals, and the evidence rows under an interval."""
    participant_id = identifier(request.match_info["participant"])
    async with request.app[POOL].connection() as connection:
        session = await sessions.session_of_participant(connection, participant_id)
        if session is None:
            raise Refused(404, "There is no such lesson: go back to the start and choose one.")
        names = await read_names(connection)
        attendance = await presence.attendance_of(connection, participant_id)
        slices = await presence.slices_of_session(connection, session.id)
        counts = await marks.head_counts_of_session(connection, session.id)
        since = _instant(request.query.get("since")) or session.starts_at
        until = _instant(request.query.get("until")) or session.ends_at
        rows = await presence.evidence_between(connection, participant_id, since, until)
        await marks.add_audit(
            connection, request[VISITOR].actor, "evidence_seen", f"participant:{participant_id}"
        )
    participant = next(p for p in session.participants if p.id == participant_id)
    lead = next(p for p in session.participants if p.role is ParticipantRole.LEAD)
    rules = request.app[LIVE].rules
    intervals = (
        attendance.intervals
        if attendance
        else merge_presence(
            [s for s in slices if s.participant_id == participant_id],
            participant.role,
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
        intervals=intervals,
        counts=[c for c in counts if c.participant_id == participant_id],
        rows=rows,
        since=since,
        until=until,
        rules=rules,
        now=request.app[NOW](),
        subject=names.subject(session.subject, request[LOCALE]),
    )


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Refused(422, "Times need a zone, such as 2026-09-01T08:30:00+08:00.") from None
    if found is not None and found.tzinfo is None:
        raise Refused(422, "Times need a zone, such as 2026-09-01T08:30:00+08:00.")
    return found
