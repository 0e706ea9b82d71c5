"""What the `classroom-sync timetable` commands share: where their plan is, and how they speak.

A plan is a JSON file, or what a server's database holds (while the server runs or not), or the demo
city's.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer
import uvloop

from classroom_sync.i18n import translator
from classroom_sync.reaching import (
    PROBLEMS,
    WRONG_USE,
    known_language,
    pooled,
    settings_of,
    wrong_use,
)

if TYPE_CHECKING:
    from classroom_sync.settings import Settings
    from db.pool import Connection
    from scheduler.model import Term, TimetableVersion
    from scheduler.plan import Plan
    from scheduler.words import Sentence

PlanFile = Annotated[
    Path | None,
    typer.Argument(help="A plan as JSON.  [default: the demo city]", show_default=False),
]
Draft = Annotated[
    int | None,
    typer.Option("--draft", min=1, help="Number of a version in the database, not a plan."),
]
Lang = Annotated[str, typer.Option(help="zh-CN or en.")]

T = TypeVar("T")
Say = Callable[["Sentence"], str]


@dataclass(frozen=True, slots=True)
class Given:
    """A plan, and where it is from: `database` is None for a file's and the demo's."""

    plan: "Plan"
    database: "Settings | None" = None
    number: int | None = None  # of the version in the database
    locked: frozenset[UUID] = frozenset()  # lessons that the version's solver leaves alone


def given(
    file: Path | None,
    draft: int | None,
    data_dir: Path | None,
    database_url: str | None,
    lang: str,
    *,
    scratch: bool = False,
) -> Given:
    """The plan that is meant. In a database without `draft` it is the version that holds, or with
    `scratch` none at all: the demands alone."""
    from scheduler.plan import Plan

    if draft is None and data_dir is None and database_url is None:
        return Given(demo_plan(datetime.now(UTC).date()) if file is None else _read(file))
    if file is not None:
        wrong_use("either a plan file or a database is meant, not both")
    settings = settings_of(data_dir=data_dir, database_url=database_url)

    async def work(connection: "Connection", term: "Term") -> Given:
        from classroom_sync.timetabling import RULES, city_now, rules_of
        from db import drafts

        version = await version_of(connection, term, draft, scratch=scratch)
        of = await city_now(connection, term, datetime.now(UTC))
        if version is None:
            return Given(Plan(of, (), RULES, term), settings)
        return Given(
            Plan(of, version.lessons, await rules_of(connection, version.id), term),
            settings,
            version.number,
            await drafts.locked(connection, version.id),
        )

    return on_database(settings, lang, work)


async def version_of(
    connection: "Connection", term: "Term", number: int | None, *, scratch: bool = False
) -> "TimetableVersion | None":
    """The version of a number; without one, that which holds (none for `scratch`).

    Raises Refused (404).
    """
    from classroom_sync.errors import Refused
    from classroom_sync.exchange import day_within
    from db import drafts, timetable

    if number is None:
        if scratch:
            return None
        day = day_within(term, datetime.now(UTC))
        held = await timetable.versions_between(connection, day, day)
        return held[-1] if held else None
    for line in await drafts.versions(connection, term.id):
        if line.number == number:
            return await drafts.version(connection, line.id)
    raise Refused(404, "There is no such timetable version: it may have been thrown away.")


def on_database(
    settings: "Settings",
    lang: str,
    work: Callable[["Connection", "Term"], Awaitable[T]],
) -> T:
    """Do something in one transaction with the latest term. What is refused is said, and ends the
    command: 2 where the wish itself was wrong, else 1."""
    from classroom_sync.errors import CannotStart, Refused
    from db.errors import DatabaseError
    from scheduler.bells import NoBells

    translate = translator(lang)
    try:
        return uvloop.run(_connected(settings, work))
    except Refused as error:
        sentence = translate(error.sentence).format(**error.values)
        typer.echo(f"classroom-sync: {sentence}", err=True)
        raise typer.Exit(WRONG_USE if error.status in (404, 422) else PROBLEMS) from error
    except (CannotStart, DatabaseError, NoBells, OSError) as error:
        typer.echo(f"classroom-sync: {error}", err=True)
        raise typer.Exit(PROBLEMS) from error


async def _connected(
    settings: "Settings", work: Callable[["Connection", "Term"], Awaitable[T]]
) -> T:
    from classroom_sync.timetabling import need_term

    async with pooled(settings) as pool, pool.transaction() as connection:
        return await work(connection, await need_term(connection))


def demo_plan(today: date) -> "Plan":
    """The demo city with the timetable that its school office sent, as a plan."""
    from classroom_sync.demo_city import city_on, read_city
    from scheduler.plan import Plan

    demo = read_city(today)
    return Plan(city_on(demo, today), demo.lessons, term=demo.term)


def _read(file: Path) -> "Plan":
    from scheduler.plan import NotAPlan, from_json

    try:
        return from_json(file.read_bytes())
    except (OSError, NotAPlan) as error:
        wrong_use(f"{file}: {error}")


def write(out: Path, plan: "Plan", lessons: tuple[Any, ...]) -> None:
    """A plan with other lessons as a file."""
    from scheduler.plan import Plan, to_json

    out.write_bytes(to_json(Plan(plan.city, lessons, plan.rules, plan.term)))


def sayer(lang: str) -> Say:
    """Sentences in a language."""
    known_language(lang)
    translate = translator(lang)
    return lambda sentence: sentence.say(translate, lang)


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
