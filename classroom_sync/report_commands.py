"""`classroom-sync report coverage`: the report that the page exports, from the command line.

It reads the server's database, whether the server runs or not. The same --as-of gives the same
bytes.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from classroom_sync.errors import CannotStart, Refused
from classroom_sync.reaching import (
    DatabaseUrl,
    DataDir,
    failed,
    known_language,
    pooled,
    settings_of,
    wrong_use,
)
from scheduler.indicators.values import Dimension

if TYPE_CHECKING:
    from classroom_sync.reports.exports import Form
    from classroom_sync.reports.reading import Found, Wanted
    from classroom_sync.settings import Settings

app = typer.Typer(help="Reports as files.", no_args_is_help=True)

_DAY = ["%Y-%m-%d"]
_STDOUT = "-"


@app.callback()
def report() -> None:
    """Reports as files."""


@app.command(
    epilog="Example: classroom-sync report coverage --since 2026-09-01 --by school "
    "--format pdf --output coverage.pdf"
)
def coverage(
    output: Annotated[str, typer.Option(help="File to write; - is standard output.")],
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="First day.  [default: the term's]")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Last day.  [default: today]")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="What was known then: 2026-10-14T18:00:00+08:00.  [default: now]"),
    ] = None,
    of: Annotated[
        str, typer.Option(help="city, or one part of it: school:2132000004, subject:music …")
    ] = "city",
    by: Annotated[Dimension, typer.Option(help="What figures are told apart by.")] = (
        Dimension.SCHOOL
    ),
    form: Annotated[
        str | None,
        typer.Option("--format", help="xlsx, pdf, csv or json.  [default: as FILE ends]"),
    ] = None,
    lang: Annotated[str, typer.Option(help="zh-CN or en.")] = "zh-CN",
    as_json: Annotated[
        bool, typer.Option("--json", help="Say what was written as JSON, on standard error.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the sixteen indicators with their trend, breakdown, definitions and rules."""
    from classroom_sync.reports.exports import make
    from classroom_sync.reports.reading import Wanted
    from db.errors import DatabaseError

    chosen = _form(form, output)
    known_language(lang)
    if output != _STDOUT and not Path(output).absolute().parent.is_dir():
        wrong_use(f"there is no directory {Path(output).parent}")
    wanted = Wanted(
        since=since.date() if since else None,
        until=until.date() if until else None,
        as_of=_instant(as_of),
        of=of,
        by=by,
    )
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    try:
        found = uvloop.run(_read(settings, wanted, chosen))
        content = make(found, chosen, lang)
        if output == _STDOUT:
            sys.stdout.buffer.write(content)
        else:
            Path(output).write_bytes(content)
    except Refused as error:
        wrong_use(str(error))
    except (CannotStart, DatabaseError, OSError) as error:
        failed(str(error))
    if as_json:
        said = {"file": output, "bytes": len(content), "as_of": found.report.as_of.isoformat()}
        typer.echo(json.dumps(said), err=True)
    elif output != _STDOUT:
        typer.echo(f"{output}: {len(content)} bytes")


def _form(given: str | None, output: str) -> "Form":
    from classroom_sync.reports.exports import Form

    name = given or Path(output).suffix.removeprefix(".").lower()
    try:
        return Form(name)
    except ValueError:
        wrong_use(f"--format is one of {', '.join(Form)}; {output} does not end in one of them")


def _instant(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        wrong_use(f"--as-of is a time with a zone, 2026-10-14T18:00:00+08:00, not {text}")


async def _read(settings: "Settings", wanted: "Wanted", form: "Form") -> "Found":
    from classroom_sync.reports.exports import about
    from classroom_sync.reports.reading import read_report
    from db import marks

    async with pooled(settings) as pool, pool.connection() as connection:
        found = await read_report(
            connection,
            wanted,
            datetime.now(UTC),
            settings.attendance_rules,
            settings.indicator_rules,
        )
        await marks.add_audit(
            connection,
            "system",
            "report_exported",
            about(found),
            format=form.value,
            by=found.by.value,
            as_of=found.report.as_of.isoformat(),
            command_of_user=os.getuid(),
        )
        return found
