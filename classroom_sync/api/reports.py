"""The coverage report as a file, through /api/v1."""

import asyncio
from typing import Literal

from aiohttp import web
from pydantic import Field

from classroom_sync.api.registry import endpoint
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.reports.exports import MEDIA_TYPES, Form, about, file_name, make
from classroom_sync.reports.reading import Wanted, read_report
from db import marks


class ReportWanted(Wanted, frozen=True, extra="forbid"):
    format: Form = Field(Form.JSON, description="xlsx, pdf, csv or json")
    lang: Literal["zh-CN", "en"] | None = Field(
        None, description="language of the file; by default the reader's"
    )


@endpoint(
    "GET",
    "/reports/coverage",
    "The coverage report of a period as a workbook, PDF, CSV or JSON",
    action=Action.SEE_COVERAGE,
    query=ReportWanted,
    files=tuple(MEDIA_TYPES.values()),
)
async def get_coverage_report(request: web.Request, query: ReportWanted) -> web.StreamResponse:
    """The same `as_of` gives the same bytes."""
    async with request.app[POOL].connection() as connection:
        rules, choices = request.app[LIVE].rules, request.app[SETTINGS].indicator_rules
        found = await read_report(connection, query, request.app[NOW](), rules, choices)
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "report_exported",
            about(found),
            format=query.format.value,
            by=found.by.value,
            as_of=found.report.as_of.isoformat(),
        )
    content = await asyncio.to_thread(make, found, query.format, query.lang or request[LOCALE])
    name = file_name(found, query.format)
    return web.Response(
        body=content,
        content_type=MEDIA_TYPES[query.format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
