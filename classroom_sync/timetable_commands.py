"""`classroom-sync timetable`: check, solve and repair a plan in a JSON file, or the demo city's."""

import json
import signal
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from classroom_sync.i18n import LOCALES, translator
from scheduler import plan as plans
from scheduler import rules, words
from scheduler.plan import Plan

app = typer.Typer(
    help="Check, solve and repair a weekly timetable.",
    no_args_is_help=True,
    epilog="A plan is a JSON file; `bench timetable --write` and `--out` write them.",
)

PlanFile = Annotated[
    Path | None,
    typer.Argument(help="A plan as JSON.  [default: the demo city]", show_default=False),
]
Out = Annotated[Path | None, typer.Option(help="Write the plan with its new lessons there.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Lang = Annotated[str, typer.Option(help="zh-CN or en.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long to search, by the clock.")]
Seed = Annotated[int, typer.Option(help="Of several answers as good as each other, which one.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Solver workers.")]


@app.command(epilog="Example: classroom-sync timetable check plan.json --lang en")
def check(file: PlanFile = None, as_json: Json = False, lang: Lang = "zh-CN") -> None:
    """Say which rules a timetable breaks, and what would mend it. Exit 1 if a hard one."""
    plan, say = _plan(file), _sayer(lang)
    found = rules.check(plan.city, plan.lessons, plan.rules)
    unmet = list(rules.unmet(plan.city, plan.lessons))
    score = rules.score(plan.city, plan.lessons, plan.rules)
    hard = [conflict for conflict in found if conflict.hard]
    if as_json:
        _print_json(
            {
                "lessons": len(plan.lessons),
                "hard": len(hard),
                "conflicts": [
                    {
                        "rule": c.rule,
                        "hard": c.hard,
                        "about": c.about,
                        "weeks": c.weeks,
                        "lessons": [str(lesson.id) for lesson in c.lessons],
                        "cost": c.cost,
                        "sentence": say(c.sentence),
                        "mend": say(c.mend),
                    }
                    for c in found
                ],
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


@app.command(epilog="Example: classroom-sync timetable solve plan.json --seconds 60 --out new.json")
def solve(
    file: PlanFile = None,
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
) -> None:
    """Make a timetable from the demands. Ctrl-C stops, with the best kept. Exit 1 if some lesson
    is unmet. What is proven optimal in time is the same each time too; what the clock cuts short
    need not be, and says so."""
    from scheduler.solver import Progress, Search
    from scheduler.solver import solve as run

    plan, say, stop = _plan(file), _sayer(lang), threading.Event()
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
            locked=plan.lessons if lock else (),
            progress=show,
            stop=stop,
        )
    if out is not None:
        _write(out, plan, found.lessons)
    causes = [(u, u.cause.sentence(plan.city) if u.cause else None) for u in found.unmet]
    if as_json:
        _print_json(
            {
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
        )
    raise typer.Exit(1 if found.unmet or found.impossible else 0)


@app.command(
    epilog="Example: classroom-sync timetable repair plan.json --without 2132999901-T07 "
    "--since 2026-10-12 --until 2026-10-14"
)
def repair(
    file: PlanFile = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Id of a teacher or room that can't be had.")
    ] = None,
    weekday: Annotated[
        list[int] | None, typer.Option(min=1, max=7, help="On this weekday.  [default: all]")
    ] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    seconds: Seconds = 20,
    seed: Seed = 1,
    out: Out = None,
    as_json: Json = False,
    lang: Lang = "zh-CN",
) -> None:
    """Propose the least change when a teacher is ill or a room is down: every week, or in the weeks
    of some dates. Exit 1 if a lesson is lost."""
    from scheduler.repair import Outage, Proposal, held_in, outages
    from scheduler.repair import repair as run
    from scheduler.solver import Search

    plan, say = _plan(file), _sayer(lang)
    known = {*plan.city.teacher, *plan.city.room}
    if not without or not known.issuperset(without):
        _wrong("--without names a teacher or a room of the plan by its id")
    search = Search(limit=seconds, seed=seed, within=seconds)
    if since is None:
        outage = [Outage(who, tuple(weekday or range(1, 8))) for who in without]
        proposals: list[tuple[int | None, Proposal]] = [
            (None, run(plan.city, plan.rules, plan.lessons, outage, search))
        ]
    else:
        if plan.term is None:
            _wrong("--since needs a plan with a term")
        last = (until or since).date()
        weeks: dict[int, list[Outage]] = {}
        for who in without:
            for part in outages(plan.term, who, since.date(), last):
                weeks.setdefault(part.week, []).append(part.outage)
        proposals = [
            (week, run(plan.city, plan.rules, held_in(plan.lessons, week), outage, search))
            for week, outage in sorted(weeks.items())
        ]
    if out is not None and len(proposals) == 1:
        _write(out, plan, proposals[0][1].lessons)
    if as_json:
        _print_json(
            {
                "proposals": [
                    {
                        "week": week,
                        "moved": p.moved,
                        "substituted": p.substituted,
                        "lost": sum(u.lessons for u in p.lost),
                        "proven_least": p.proven,
                        "seconds": round(p.seconds, 3),
                        "changes": [say(change.sentence) for change in p.changes],
                        "causes": [say(u.cause.sentence(plan.city)) for u in p.lost if u.cause],
                    }
                    for week, p in proposals
                ]
            }
        )
    else:
        for week, p in proposals:
            if week is not None:
                typer.echo(f"Week {week}:")
            for change in p.changes:
                typer.echo(f"  {say(change.sentence)}")
            for short in p.lost:
                typer.echo(f"✗ {say(words.demand(plan.city, short.demand, short.lessons))}")
                if short.cause is not None:
                    typer.echo(f"  {say(short.cause.sentence(plan.city))}")
            proof = "proven least" if p.proven else "least found"
            typer.echo(
                f"{p.moved} moved ({proof}), {p.substituted} substituted, "
                f"{sum(u.lessons for u in p.lost)} lost, {p.seconds:.2f} s"
            )
    raise typer.Exit(1 if any(p.lost for _, p in proposals) else 0)


def demo_plan(today: date) -> Plan:
    """The demo city with its timetable, as a plan."""
    from classroom_sync.demo_city import city_on, read_city

    demo = read_city(today)
    return Plan(city_on(demo, today), demo.lessons, term=demo.term)


def _plan(file: Path | None) -> Plan:
    if file is None:
        return demo_plan(datetime.now(UTC).date())
    try:
        return plans.from_json(file.read_bytes())
    except (OSError, plans.NotAPlan) as error:
        _wrong(f"{file}: {error}")


def _write(out: Path, plan: Plan, lessons: tuple[Any, ...]) -> None:
    out.write_bytes(plans.to_json(Plan(plan.city, lessons, plan.rules, plan.term)))


def _sayer(lang: str) -> Callable[[words.Sentence], str]:
    if lang not in LOCALES:
        _wrong(f"--lang is one of {', '.join(LOCALES)}")
    translate = translator(lang)
    return lambda sentence: sentence.say(translate, lang)


def _print_score(score: dict[str, int]) -> None:
    table = Table("rule", "cost in a fortnight", box=None)
    for key, cost in score.items():
        table.add_row(key, str(cost))
    Console().print(table)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


def _wrong(sentence: str) -> NoReturn:
    typer.echo(f"classroom-sync: {sentence}", err=True)
    raise typer.Exit(2)
