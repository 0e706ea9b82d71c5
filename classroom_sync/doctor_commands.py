"""`classroom-sync doctor` on the command line."""

import json
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from classroom_sync.reaching import DatabaseUrl, DataDir, known_language, settings_of, wrong_use

app = typer.Typer()

_MARKS = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[red]✗[/]", "skipped": "–"}


@app.command(
    "doctor",
    epilog="Example: classroom-sync doctor --url https://school.example.cn --lang en --json",
)
def doctor(
    url: Annotated[
        str | None, typer.Option(help="Where people reach the site: its certificate is looked at.")
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(help="File of certificates to trust, for a site of one's own CA.")
    ] = None,
    audit_head: Annotated[
        str | None, typer.Option(help="A head of the audit log that was noted: it must be in it.")
    ] = None,
    lang: Annotated[str, typer.Option(help="zh-CN or en.")] = "zh-CN",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, in both languages.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Look for what goes wrong at a school's server, and say what to do.

    Exit code 1 where there is a problem; a warning alone is 0.
    """
    from classroom_sync.doctor import command
    from classroom_sync.doctor.findings import State
    from classroom_sync.i18n import LOCALES, translator
    from db.audit import Head

    known_language(lang)
    if authority is not None and not authority.is_file():
        wrong_use(f"there is no file {authority}")
    try:
        remembered = Head.read(audit_head) if audit_head is not None else None
    except ValueError:
        wrong_use("--audit-head is as doctor told it: a position, a colon, 64 hexadecimal digits")
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    translate = {name: translator(name) for name in LOCALES}
    console = Console()
    found = []

    async def run() -> None:
        trusted = str(authority) if authority is not None else None
        async for finding in command.examine(settings, url, remembered, trusted):
            found.append(finding)
            if as_json:
                continue
            said = finding.said.say(translate[lang], lang)
            console.print(_MARKS[finding.state], end=" ")
            console.print(f"{finding.check}: {said}", markup=False, highlight=False)
            if finding.advice is not None:
                advice = finding.advice.say(translate[lang], lang)
                console.print(f"    → {advice}", markup=False, highlight=False)

    uvloop.run(run())
    counts = {state.value: sum(f.state is state for f in found) for state in State}
    if as_json:
        told = [command.as_json(finding, translate) for finding in found]
        typer.echo(json.dumps({"findings": told, "counts": counts}, ensure_ascii=False, indent=1))
    if counts["problem"]:
        raise typer.Exit(1)
