"""The bureau's door: the dashboard, and the same for a wall."""

from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import ValidationError

from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL
from classroom_sync.pages import dashboard
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.reports import definitions
from classroom_sync.reports.document import document
from classroom_sync.reports.exports import Form
from classroom_sync.reports.labels import labels
from classroom_sync.reports.reading import Found, Wanted, read_report

routes = web.RouteTableDef()

#: How long a view stands on the wall, and after how long it reads its figures anew, in seconds.
VIEW_SECONDS = 15
REFRESH_SECONDS = 60


def wanted(request: web.Request) -> Wanted:
    """The form's fields; those left empty are not given. Raises Refused."""
    given = {name: text for name, text in request.query.items() if text}
    try:
        return Wanted.model_validate({n: given[n] for n in Wanted.model_fields if n in given})
    except ValidationError:
        raise Refused(
            422, "The form can't be read: dates are written 2026-09-01, parts come from the list."
        ) from None


async def _read(request: web.Request) -> Found:
    async with request.app[POOL].connection() as connection:
        return await read_report(
            connection, wanted(request), request.app[NOW](), request.app[LIVE].rules
        )


def _values(request: web.Request, found: Found, shape: dashboard.Shape) -> dict[str, Any]:
    locale, report = request[LOCALE], found.report
    label = labels(found.names, locale)
    return {
        "zone": found.term.zone,
        "term": found.term,
        "report": report,
        "board": dashboard.dashboard(found, dashboard.scope(found, label, locale), locale, shape),
    }


@routes.get("/bureau")
@requires(Action.SEE_COVERAGE)
async def coverage(request: web.Request) -> web.StreamResponse:
    """The sixteen indicators of a period and a part of the city, told apart by a dimension."""
    found = await _read(request)
    locale, report = request[LOCALE], found.report
    label = labels(found.names, locale)
    today = report.as_of.astimezone(ZoneInfo(found.term.zone)).date()
    cut = report.cut
    return await page(
        request,
        "bureau.html",
        **_values(request, found, dashboard.LAPTOP),
        of=cut.dimension.value + (f":{cut.key}" if cut.key else ""),
        by=found.by.value,
        choices=dashboard.choices(found, locale),
        breakdowns=dashboard.breakdowns(locale),
        periods=dashboard.periods(found.term, today, locale),
        forms=list(Form),
        tables={t.slug: t for t in document(report, label, found.term.zone, locale).tables},
        thresholds=[t.said(locale) for t in definitions.thresholds(report.rules, report.choices)],
    )


@routes.get("/bureau/wall")
@requires(Action.SEE_COVERAGE)
async def wall(request: web.Request) -> web.StreamResponse:
    """The dashboard for a screen that nobody touches: views take turns, figures renew themselves,
    and asking for them keeps whoever opened it signed in."""
    return await page(
        request,
        "bureau_wall.html",
        **_values(request, await _read(request), dashboard.WALL),
        view_seconds=VIEW_SECONDS,
        refresh_seconds=REFRESH_SECONDS,
    )
