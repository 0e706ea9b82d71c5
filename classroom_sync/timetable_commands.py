"""`classroom-sync timetable`: check, solve, publish and repair, in a plan file or a database."""

import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from classroom_sync import repair_command
from classroom_sync.command_plans import (
    Draft,
    Given,
    Lang,
    PlanFile,
    Say,
    demo_plan,
    given,
    on_database,
    print_json,
    sayer,
    version_of,
    write,
)
from classroom_sync.reaching import (
    DatabaseUrl,
    DataDir,
    Json,
    settings_of,
)
from scheduler import rules, words
from scheduler.rules import Conflict

if TYPE_CHECKING:
    from db.pool import Connection
    from scheduler.model import Term
    from scheduler.solver import Solution

__all__ = ["app", "demo_plan"]

app = typer.Typer(
    help="Check, solve, publish and repair a weekly timetable.",
    no_args_is_help=True,
    epilog="A plan is a JSON file; `bench timetable --write` and `--out` write them. With --draft, "
    "--data-dir or --database-url the plan is what a server's database holds.",
)

Out = Annotated[Path | None, typer.Option(help="Write the plan with its new lessons there.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long to search, by the clock.")]
Seed = Annotated[int, typer.Option(help="Of several answers as good as each other, which one.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Solver workers.")]


@app.command(
    epilog="Example: classroom-sync timetable check plan.json --lang en; or of version 3 of a "
    "running server: classroom-sync timetable check --draft 3 --data-dir data"
)
def check(
    file: PlanFile = None,
    draft: Draft = None,
    as_json: Json = False,
    lang: Lang = "zh-CN",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say which rules a timetable breaks, and what would mend it. Exit 1 if a hard one."""
    say = sayer(lang)
    meant = given(file, draft, data_dir, database_url, lang)
    plan = meant.plan
    found, score = _checked(meant)
    unmet = list(rules.unmet(plan.city, plan.lessons))
    hard = [conflict for conflict in found if conflict.hard]
    if as_json:
        print_json(
            {
                "version": meant.number,
                "lessons": len(plan.lessons),
                "hard": len(hard),
                "conflicts": [_conflict(c, say) for c in found],
                "unmet": sum(u.lessons for u in unmet),
                "score": score,
            }
        )
    else:
        for conflict in hard:
            typer.echo(f"✗ {say(conflict.sentence)}\n  → {say(conflict.mend)}")
        for short in unmet:
            typer.echo(f"✗ {say(words.demand(plan.city, short.demand, short.lessons))}")
        _print_score(score)
        typer.echo(f"{len(plan.lessons)} lessons, {len(hard)} hard conflicts")
    raise typer.Exit(1 if hard else 0)


def _checked(meant: Given) -> tuple[tuple[Conflict, ...], dict[str, int]]:
    """Conflicts and score: of a version in a database by stretches of weeks, as its page has it."""
    plan = meant.plan
    if meant.database is None:
        found = rules.check(plan.city, plan.lessons, plan.rules)
        return tuple(found), rules.score(plan.city, plan.lessons, plan.rules)
    from classroom_sync.timetabling import check_now

    checked = check_now(plan.city, plan.lessons, plan.rules)
    return checked.conflicts, checked.score


def _conflict(c: Conflict, say: Say) -> dict[str, object]:
    return {
        "rule": c.rule,
        "hard": c.hard,
        "about": c.about,
        "weeks": c.weeks,
        "lessons": [str(lesson.id) for lesson in c.lessons],
        "cost": c.cost,
        "sentence": say(c.sentence),
        "mend": say(c.mend),
    }


@app.command(
    epilog="Example: classroom-sync timetable solve plan.json --seconds 60 --out new.json; or, "
    "as a new draft: classroom-sync timetable solve --draft 3 --data-dir data"
)
def solve(
    file: PlanFile = None,
    draft: Draft = None,
    seconds: Seconds = 60,
    seed: Seed = 1,
    workers: Workers = 4,
    effort: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Instead of --seconds: how much to search, counted in the solvers' own steps "
            "(about a second each), so that the same seed gives the same answer on any machine.",
        ),
    ] = None,
    lock: Annotated[bool, typer.Option(help="Keep the plan's lessons as they are.")] = False,
    out: Out = None,
    as_json: Json = False,
    lang: Lang = "zh-CN",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a timetable from the demands. Ctrl-C stops, with the best kept. Exit 1 if some lesson
    is unmet. What is proven optimal in time is the same each time too; what the clock cuts short
    need not be, and says so.

    In a database the result becomes a new draft; --draft is the version to build on, by its weights
    and with its locked lessons.
    """
    from scheduler.solver import Progress, Search
    from scheduler.solver import solve as run

    say, stop = sayer(lang), threading.Event()
    meant = given(file, draft, data_dir, database_url, lang, scratch=True)
    plan = meant.plan
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    console = Console(stderr=True)
    with console.status("…") as status:

        def show(now: Progress) -> None:
            best = "—" if now.best is None else str(now.best)
            share = "—" if now.gap is None else f"{now.gap:.1%}"
            status.update(
                f"{now.seconds:.0f} s  {now.part} {now.parts_done}/{now.parts}  "
                f"best {best}  bound {now.bound}  gap {share}  unmet {now.missing}"
            )

        found = run(
            plan.city,
            plan.rules,
            Search(effort or seconds, seed, workers, repeatable=effort is not None),
            locked=[k for k in plan.lessons if lock or k.id in meant.locked],
            progress=show,
            stop=stop,
        )
    if out is not None:
        write(out, plan, found.lessons)
    number = _kept(meant, found, lang) if meant.database is not None else None
    causes = [(u, u.cause.sentence(plan.city) if u.cause else None) for u in found.unmet]
    if as_json:
        print_json(
            {
                "draft": number,
                "lessons": len(found.lessons),
                "proven_optimal": found.proven,
                "cost": found.best,
                "bound": found.bound,
                "score": found.score,
                "seconds": round(found.seconds, 3),
                "repeatable": found.repeatable,
                "unmet": [
                    {
                        "class": u.demand.class_id,
                        "subject": u.demand.subject,
                        "lessons": u.lessons,
                        "at_most": u.cause.fits if u.cause else None,
                        "of": u.cause.asked if u.cause else None,
                        "cause": say(cause) if cause else None,
                    }
                    for u, cause in causes
                ],
                "impossible": [say(core.sentence(plan.city)) for core in found.impossible],
            }
        )
    else:
        for core in found.impossible:
            typer.echo(f"✗ {say(core.sentence(plan.city))}")
        for short, cause in causes:
            typer.echo(f"✗ {say(words.demand(plan.city, short.demand, short.lessons))}")
            if cause is not None:
                typer.echo(f"  {say(cause)}")
        _print_score(found.score)
        proof = "proven optimal" if found.proven else f"no better than {found.bound}"
        typer.echo(
            f"{len(found.lessons)} lessons, {sum(u.lessons for u in found.unmet)} unmet, "
            f"cost {found.best} ({proof}), {found.seconds:.1f} s"
            f"{'' if found.repeatable else ', another run may differ'}"
            f"{'' if number is None else f', kept as draft {number}'}"
        )
    raise typer.Exit(1 if found.unmet or found.impossible else 0)


def _kept(meant: Given, found: "Solution", lang: str) -> int:
    """The number of the draft that a result became."""
    assert meant.database is not None, "only a database keeps drafts"

    async def work(connection: "Connection", term: "Term") -> int:
        from db import drafts, marks, timetable

        draft = await timetable.add_draft(connection, term.id, found.lessons, meant.locked)
        weights = {k: w for k, w in meant.plan.rules.weights.items() if w is not None}
        await drafts.set_weights(connection, draft, weights)
        await marks.add_audit(
            connection, "system", "draft_solved", f"timetable:{draft}", best=found.best
        )
        version = await drafts.version(connection, draft)
        assert version is not None, "it was just made"
        return version.number

    return on_database(meant.database, lang, work)


@app.command(epilog="Example: classroom-sync timetable publish 3 --from 2026-12-01 --data-dir data")
def publish(
    version: Annotated[int, typer.Argument(min=1, help="Number of the draft.")],
    valid_from: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="Today or later.")
    ],
    despite_conflicts: Annotated[
        bool, typer.Option("--despite-conflicts", help="Though hard rules are broken.")
    ] = False,
    as_json: Json = False,
    lang: Lang = "zh-CN",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Publish a draft of a server's database from a day on, with the checks of its page; say what
    clashes and what was changed of single days but could not be kept.

    Exit 1 if it was refused, 2 if there is no such draft or the day is wrong.
    """
    say = sayer(lang)

    async def work(connection: "Connection", term: "Term") -> tuple[str, ...]:
        from classroom_sync import publishing

        draft = await version_of(connection, term, version)
        assert draft is not None, "it was asked for by its number"
        done = await publishing.publish(
            connection,
            term,
            draft,
            valid_from.date(),
            datetime.now(UTC),
            "system",
            despite_conflicts=despite_conflicts,
        )
        return tuple(say(each) for each in done.said)

    said = on_database(settings_of(data_dir=data_dir, database_url=database_url), lang, work)
    if as_json:
        print_json({"version": version, "valid_from": f"{valid_from:%Y-%m-%d}", "said": said})
    else:
        for sentence in said:
            typer.echo(f"✗ {sentence}")
        typer.echo(f"version {version} holds from {valid_from:%Y-%m-%d} on")


def _print_score(score: dict[str, int]) -> None:
    table = Table("rule", "cost in a fortnight", box=None)
    for key, cost in score.items():
        table.add_row(key, str(cost))
    Console().print(table)


repair_command.add_to(app)
