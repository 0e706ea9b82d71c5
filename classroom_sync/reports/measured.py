"""What `classroom-sync bench reports` makes of a report, as pages and exports do."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from classroom_sync.pages.dashboard import dashboard
from classroom_sync.reports.exports import Form, make
from classroom_sync.reports.reading import Found, Wanted, read_report
from db.bench.measure import Output
from db.pool import Connection
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, IndicatorRules

_LOCALE = "zh-CN"


async def _read(connection: Connection, cut: Cut, as_of: datetime) -> Found:
    wanted = Wanted(since=cut.since, until=cut.until, as_of=as_of)
    return await read_report(connection, wanted, as_of, AttendanceRules(), IndicatorRules())


async def _page(connection: Connection, cut: Cut, as_of: datetime) -> object:
    """All that the dashboard shows, with its pictures; its template only lays it out."""
    return dashboard(await _read(connection, cut, as_of), "", _LOCALE)


def _file(form: Form) -> Output:
    async def write(connection: Connection, cut: Cut, as_of: datetime) -> object:
        found = await _read(connection, cut, as_of)
        return await asyncio.to_thread(make, found, form, _LOCALE)

    return write


OUTPUTS: Mapping[str, Output] = {
    "dashboard with pictures": _page,
    **{form.value.upper(): _file(form) for form in Form},
}
