"""The bureau's door: coverage, and the way from a figure down to the evidence under it."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.figures import measure_of, read_coverage, read_period
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, VISITOR
from classroom_sync.pages.charts import bars
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import indicators, marks, presence, sessions
from db.behind import NoSuchFigure
from scheduler.attendance import presence as merge_presence
from scheduler.indicators.values import Dimension, Side
from scheduler.model import ParticipantRole

routes = web.RouteTableDef()


@routes.get("/bureau")
@requires(Action.SEE_COVERAGE)
async def coverage(request: web.Request) -> web.StreamResponse:
    found = await read_coverage(request)
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
    built = [
        (target, found.measure(1, f"target_{target.deadline.isoformat()}"))
        for target in found.report.targets
    ]
    [(_, schools)] = found.report.breakdowns
    return await page(
        request,
        "bureau.html",
        zone=found.term.zone,
        term=found.term,
        report=found.report,
        measure=found.measure,
        built=built,
        schools=[(row.key, partial(measure_of, row.indicators)) for row in schools],
        names=names,
        rules=request.app[LIVE].rules,
        build_chart=bars(
            [
                (target.deadline.isoformat(), int(figure.numerator), target.rooms)
                for target, figure in built
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
    """The links behind delivery, page by page: of the city, or `?school=` of one school."""
    term, cut, now = await read_period(request)
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        school = request.query.get("school")
        if school is not None:
            if school not in names.schools:
                raise Refused(404, "There is no such school: see the list of schools.")
            cut = replace(cut, dimension=Dimension.SCHOOL, key=school)
        await marks.add_audit(
            connection, request[VISITOR].actor, "links_seen", f"school:{school or 'all'}"
        )
        try:
            found = await indicators.rows_behind(
                connection, cut, now, 4, "delivery", Side.DENOMINATOR, request.query.get("after")
            )
        except NoSuchFigure:
            raise Refused(
                404, "The list does not go on from there: go back to its beginning."
            ) from None
    return await page(
        request,
        "bureau_links.html",
        zone=term.zone,
        names=names,
        links=found.lines,
        after=found.after,
        school=names.schools.get(school or ""),
        cut=cut,
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
