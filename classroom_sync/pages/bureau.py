"""The bureau's door: the dashboard, and the same for a wall."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import ValidationError

from classroom_sync import wall_address
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages import dashboard
from classroom_sync.pages.families import BY, read_families
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.reports import definitions, document, pictures
from classroom_sync.reports.exports import Form
from classroom_sync.reports.labels import labels
from classroom_sync.reports.reading import Found, Wanted, read_cut, read_report
from classroom_sync.secrets import shared_secret
from db import accounts, marks
from db.pool import Connection
from scheduler.indicators.values import Dimension

routes = web.RouteTableDef()

#: How long a view stands on the wall, and after how long it reads its figures anew, in seconds.
VIEW_SECONDS = 15
REFRESH_SECONDS = 60


def wanted(request: web.Request) -> Wanted:
    """The form's fields; those left empty are not given. Raises Refused."""
    return _wanted({name: text for name, text in request.query.items() if text})


def _wanted(given: Mapping[str, str]) -> Wanted:
    try:
        return Wanted.model_validate({n: given[n] for n in Wanted.model_fields if n in given})
    except ValidationError:
        raise Refused(
            422, "The form can't be read: dates are written 2026-09-01, parts come from the list."
        ) from None


async def _read(
    request: web.Request, connection: Connection, asked: Wanted, beside: Collection[Dimension] = ()
) -> Found:
    rules, choices = request.app[LIVE].rules, request.app[SETTINGS].indicator_rules
    return await read_report(connection, asked, request.app[NOW](), rules, choices, beside)


def _start(request: web.Request) -> int:
    """The first line of the table that is asked for."""
    text = request.query.get("start", "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _values(
    request: web.Request, found: Found, shape: dashboard.Shape, start: int = 0
) -> dict[str, Any]:
    locale, report = request[LOCALE], found.report
    label = labels(found.names, locale)
    return {
        "zone": found.term.zone,
        "term": found.term,
        "report": report,
        "board": dashboard.dashboard(
            found, dashboard.scope(found, label, locale), locale, shape, start
        ),
    }


@routes.get("/bureau")
@requires(Action.SEE_COVERAGE)
async def coverage(request: web.Request) -> web.StreamResponse:
    """The sixteen indicators of a period and a part of the city, told apart by a dimension."""
    async with request.app[POOL].connection() as connection:
        found = await _read(request, connection, wanted(request))
    locale, report = request[LOCALE], found.report
    today = report.as_of.astimezone(ZoneInfo(found.term.zone)).date()
    cut = report.cut
    return await page(
        request,
        "bureau.html",
        **_values(request, found, dashboard.LAPTOP, _start(request)),
        of=cut.dimension.value + (f":{cut.key}" if cut.key else ""),
        by=found.by.value,
        choices=dashboard.choices(found, locale),
        breakdowns=dashboard.breakdowns(locale),
        periods=dashboard.periods(found.term, today, locale),
        forms=list(Form),
        burn_up_table=document.burn_up(report, locale),
        week_table=document.trend(report, locale, pictures.TREND),
        definitions=document.defined(report, locale),
        thresholds=[t.said(locale) for t in definitions.thresholds(report.rules, report.choices)],
    )


@routes.get("/bureau/wall")
@requires(Action.SEE_COVERAGE)
async def wall(request: web.Request) -> web.StreamResponse:
    """The dashboard for a screen that nobody touches: views turn, figures renew themselves."""
    async with request.app[POOL].connection() as connection:
        return await _wall(request, connection, wanted(request))


@routes.post("/bureau/wall")
@requires(Action.SEE_COVERAGE)
async def new_wall(request: web.Request) -> web.StreamResponse:
    """A wall that needs nobody to sign it in: leads to its address."""
    visitor, now = request[VISITOR], request.app[NOW]()
    form = {name: str(text) for name, text in (await request.post()).items()}
    asked = _wanted({name: form[name] for name in ("of", "by") if name in form})
    assert visitor.account_id is not None, "only accounts see coverage"
    async with request.app[POOL].transaction() as connection:
        await read_cut(connection, asked, now)
        account = await accounts.account(connection, visitor.account_id)
        assert account is not None, "it has just asked"
        key = await shared_secret(connection, wall_address.KEY)
        token = wall_address.issue(key, account, asked.of, asked.by.value, now)
        await marks.add_audit(connection, visitor.actor, "wall_opened", f"coverage:{asked.of}")
    raise web.HTTPSeeOther(f"/wall/{token}")


@routes.get("/wall/{token}")
async def wall_by_address(request: web.Request) -> web.StreamResponse:
    """The wall, for whoever has its address."""
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        key = await shared_secret(connection, wall_address.KEY)
        try:
            address = wall_address.verify(key, request.match_info["token"], now)
        except wall_address.BadAddress:
            raise _no_wall() from None
        if not address.good_for(await accounts.account(connection, address.account_id)):
            raise _no_wall()
        asked = Wanted(of=address.of, by=Dimension(address.by))
        return await _wall(request, connection, asked)


def _no_wall() -> Refused:
    return Refused(
        404, "This wall's address is not good any more: open a new one from the coverage page."
    )


async def _wall(request: web.Request, connection: Connection, asked: Wanted) -> web.Response:
    """A wall of the whole city has a view for each hub with its schools."""
    whole = asked.of == Dimension.CITY
    found = await _read(request, connection, asked, BY if whole else ())
    names, zone = found.names, found.term.zone
    families = await read_families(connection, found.report, zone, names) if whole else []
    shown = replace(found.report, breakdowns=found.report.breakdowns[:1])
    return await page(
        request,
        "bureau_wall.html",
        **_values(request, replace(found, report=shown), dashboard.WALL),
        names=names,
        families=families,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        view_seconds=VIEW_SECONDS,
        refresh_seconds=REFRESH_SECONDS,
    )
