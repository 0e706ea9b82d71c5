"""`classroom-sync import` and `classroom-sync export`: files in and out on the command line.

They work on the server's database, whether the server runs or not.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from classroom_sync.errors import CannotStart
from classroom_sync.formats.kinds import Export, FileKind
from classroom_sync.reaching import (
    DONE,
    PROBLEMS,
    DatabaseUrl,
    DataDir,
    failed,
    known_language,
    pooled,
    settings_of,
    wrong_use,
)

if TYPE_CHECKING:
    from classroom_sync.formats.oneroster import Roster
    from classroom_sync.formats.sentences import Problem
    from classroom_sync.formats.timetable_preview import Preview
    from classroom_sync.settings import Settings
    from db.pool import Connection
    from scheduler.model import Term

TermId = Annotated[str | None, typer.Option("--term", help="Id of the term.  [default: latest]")]
Json = Annotated[bool, typer.Option("--json", help="Say it as JSON, in both languages.")]

Work = Callable[["Connection", "Term | None"], Awaitable[int]]

app = typer.Typer()


@app.command(
    "import",
    epilog="Example: classroom-sync import timetable.xlsx --kind grid --dry-run --json",
)
def import_file(
    file: Annotated[Path, typer.Argument(help=".xlsx, .xls, .ods or .csv, or a OneRoster .zip.")],
    kind: Annotated[
        FileKind | None, typer.Option(help="What the file is.  [default: as it looks]")
    ] = None,
    term: TermId = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be imported.")] = False,
    partly: Annotated[
        bool, typer.Option("--partly", help="Import the rest though some was not understood.")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring in a timetable as a new draft, or schools, people and classes.

    Nothing is imported unless all of the file was understood, or --partly is given. Exit code 0:
    done, 1: problems were found, 2: wrong use.
    """
    from classroom_sync import exchange
    from classroom_sync.formats.oneroster import Roster
    from classroom_sync.formats.sentences import UnreadableFile
    from classroom_sync.formats.timetable_preview import accepted

    if not file.is_file():
        wrong_use(f"there is no file {file}")

    async def work(connection: "Connection", found_term: "Term | None") -> int:
        content, now = file.read_bytes(), datetime.now(UTC)
        try:
            found = await exchange.examine(connection, content, file.name, kind, found_term, now)
        except UnreadableFile as error:
            if not as_json:
                raise
            typer.echo(json.dumps({"refused": error.sentence.both()}, ensure_ascii=False))
            return PROBLEMS
        taken = not dry_run and (found.whole or partly)
        version = None
        if taken and isinstance(found, Roster):
            await exchange.take_roster(connection, found, now)
        elif taken and not isinstance(found, Roster):
            lessons = accepted(found, partly=partly)
            version = str(await exchange.take_lessons(connection, found_term, lessons))
        said = _summary(found) | {"imported": taken, "draft": version}
        typer.echo(json.dumps(said, ensure_ascii=False)) if as_json else _show(found, said)
        return DONE if found.whole or taken else PROBLEMS

    _run(work, term, data_dir, database_url)


@app.command("export", epilog="Example: classroom-sync export grid timetable.xlsx --on 2026-11-24")
def export_file(
    what: Annotated[Export, typer.Argument(help="What to take out.")],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    term: TermId = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day whose timetable it is.  [default: today]"),
    ] = None,
    week: Annotated[
        int | None,
        typer.Option(min=1, max=60, help="Teaching week, for fet."),
    ] = None,
    lang: Annotated[str, typer.Option(help="zh-CN or en.")] = "zh-CN",
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take out the published timetable (grid, list, fet), or schools, people and classes."""
    from classroom_sync import exchange

    known_language(lang)
    if not file.parent.is_dir():
        wrong_use(f"there is no directory {file.parent}")

    async def work(connection: "Connection", found_term: "Term | None") -> int:
        now = datetime.now(UTC)
        day = on.date() if on else None
        made = await exchange.export(connection, what, found_term, day, now, lang, week)
        file.write_bytes(made.content)
        said = {"file": str(file), "bytes": len(made.content), "lessons": made.lessons}
        typer.echo(json.dumps(said) if as_json else f"{file}: {len(made.content)} bytes")
        return DONE

    _run(work, term, data_dir, database_url)


def _run(
    work: Work,
    term: str | None,
    data_dir: Path | None,
    database_url: str | None,
) -> None:
    from classroom_sync.exchange import NoTerm
    from classroom_sync.formats.fet import TooFine
    from classroom_sync.formats.sentences import UnreadableFile
    from db.errors import DatabaseError
    from scheduler.bells import NoBells

    settings = settings_of(data_dir=data_dir, database_url=database_url)
    try:
        code: int = uvloop.run(_connected(settings, work, term))
    except NoTerm:
        wrong_use(f"there is no term {term}" if term else "there is no term yet: enter one first")
    except UnreadableFile as error:
        typer.echo(f"classroom-sync: {error.sentence.text('en')}", err=True)
        typer.echo(f"classroom-sync: {error.sentence.text('zh-CN')}", err=True)
        raise typer.Exit(PROBLEMS) from error
    except (CannotStart, DatabaseError, NoBells, TooFine, OSError) as error:
        failed(str(error))
    else:
        raise typer.Exit(code)


async def _connected(settings: "Settings", work: Work, term: str | None) -> int:
    from classroom_sync import exchange

    async with pooled(settings) as pool, pool.transaction() as connection:
        return await work(connection, await exchange.term_of(connection, term))


def _summary(found: "Preview | Roster") -> dict[str, object]:
    from classroom_sync.formats.oneroster import Roster

    problems = [_problem(problem) for problem in found.problems]
    if isinstance(found, Roster):
        return {
            "kind": FileKind.ONEROSTER,
            "schools": len(found.schools),
            "teachers": len(found.teachers),
            "classes": len(found.classes),
            "pupils_counted": found.pupils,
            "problems": problems,
        }
    return {
        "kind": found.kind,
        "lessons": len(found.lessons),
        "problems": problems,
        "notes": [_problem(note) for note in found.notes],
        "proposals": [
            {
                "sheet": proposal.place.sheet,
                "cell": proposal.place.cell,
                "class": proposal.class_id,
                "room": proposal.room_id,
                "assistant": proposal.assistant_id,
                "free": proposal.free,
            }
            for proposal in found.proposals
        ],
    }


def _problem(problem: "Problem") -> dict[str, object]:
    return {
        "sheet": problem.place.sheet,
        "row": problem.place.row,
        "column": problem.place.column,
        "cell": problem.place.cell,
        "text": problem.text,
        "why": problem.why.both(),
        "mend": problem.mend.both(),
    }


def _show(found: "Preview | Roster", said: dict[str, object]) -> None:
    from classroom_sync.formats.oneroster import Roster

    console = Console()
    counted = {k: v for k, v in said.items() if isinstance(v, (int, str)) and k != "imported"}
    console.print(", ".join(f"{name.replace('_', ' ')}: {v}" for name, v in counted.items()))
    if not isinstance(found, Roster) and found.proposals:
        console.print(f"receiving rooms proposed: {len(found.proposals)}")
    if found.problems:
        table = Table("sheet", "cell", "text", "why", "what would mend it")
        for p in found.problems:
            why, mend = (f"{s.text('en')}\n{s.text('zh-CN')}" for s in (p.why, p.mend))
            table.add_row(p.place.sheet, p.place.cell, p.text, why, mend)
        console.print(table)
    console.print("imported" if said["imported"] else "nothing was imported")
