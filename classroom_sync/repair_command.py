"""`classroom-sync timetable repair`: the least change, proposed and, in a database, accepted."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classroom_sync.command_plans import (
    Draft,
    Given,
    Lang,
    PlanFile,
    Say,
    given,
    on_database,
    print_json,
    sayer,
    write,
)
from classroom_sync.reaching import (
    PROBLEMS,
    DatabaseUrl,
    DataDir,
    Json,
    wrong_use,
)
from scheduler import words

if TYPE_CHECKING:
    from db.pool import Connection
    from scheduler.dated import WeekAhead
    from scheduler.model import Term
    from scheduler.plan import Plan
    from scheduler.repair import Proposal
    from scheduler.solver import Search


def add_to(app: typer.Typer) -> None:
    """Make it one of the commands."""
    app.command(
        epilog="Example: classroom-sync timetable repair plan.json --without 2132999901-T07 "
        "--since 2026-10-12 --until 2026-10-14; or on a running server: classroom-sync timetable "
        "repair --without 2132999901-T07 --since 2026-12-01 --data-dir data --accept"
    )(repair)


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
    draft: Draft = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Make the change in the database: all, or nothing.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to search.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Write the plan with its new lessons there.")
    ] = None,
    as_json: Json = False,
    lang: Lang = "zh-CN",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Propose the least change when a teacher is ill or a room is down: every week, or in the weeks
    of some dates. Exit 1 if a lesson is lost.

    In a database dates are meant as they stand: lessons that have begun, substitutes and extra
    classes count, unless a --draft is looked at.
    """
    from scheduler.solver import Search

    say = sayer(lang)
    meant = given(file, draft, data_dir, database_url, lang)
    plan = meant.plan
    known = {*plan.city.teacher, *plan.city.room}
    if not without or not known.issuperset(without):
        wrong_use("--without names a teacher or a room of the plan by its id")
    search = Search(limit=seconds, seed=seed, within=seconds)
    stored = meant.database is not None and draft is None and since is not None
    if accept and not stored:
        wrong_use("--accept needs --since and a database, and no --draft")
    last = (until or since or datetime.now(UTC)).date()
    accepted: list[str] | None = None
    if since is None:
        proposals = _weekly(plan, without, weekday, search)
    elif stored:
        weeks = _as_they_stand(meant, without, since.date(), last, search, lang)
        proposals = [(ahead.number, proposal) for ahead, proposal in weeks]
        if accept:
            accepted = _accept(meant, weeks, say, lang)
    else:
        proposals = _of_dates(plan, without, since.date(), last, search)
    if out is not None and len(proposals) == 1:
        write(out, plan, proposals[0][1].lessons)
    if as_json:
        told = [_told(plan, week, p, say) for week, p in proposals]
        print_json({"proposals": told, "accepted": accepted})
    else:
        _print(plan, proposals, say)
        for sentence in accepted or ():
            typer.echo(f"✓ {sentence}")
    raise typer.Exit(1 if any(p.lost for _, p in proposals) else 0)


def _weekly(
    plan: "Plan", without: Iterable[str], weekday: list[int] | None, search: "Search"
) -> "list[tuple[int | None, Proposal]]":
    from scheduler.outages import Outage
    from scheduler.repair import repair as run

    outage = [Outage(who, tuple(weekday or range(1, 8))) for who in without]
    return [(None, run(plan.city, plan.rules, plan.lessons, outage, search))]


def _of_dates(
    plan: "Plan", without: Iterable[str], since: date, until: date, search: "Search"
) -> "list[tuple[int | None, Proposal]]":
    from scheduler.outages import Outage, held_in, outages
    from scheduler.repair import repair as run

    if plan.term is None:
        wrong_use("--since needs a plan with a term")
    weeks: dict[int, list[Outage]] = {}
    for who in without:
        for part in outages(plan.term, who, since, until):
            weeks.setdefault(part.week, []).append(part.outage)
    return [
        (week, run(plan.city, plan.rules, held_in(plan.lessons, week), outage, search))
        for week, outage in sorted(weeks.items())
    ]


def _as_they_stand(
    meant: Given, without: list[str], since: date, until: date, search: "Search", lang: str
) -> "list[tuple[WeekAhead, Proposal]]":
    from scheduler.outages import WeekOutage, outages
    from scheduler.repair import repair as run

    assert meant.database is not None, "dates stand in a database"
    assert meant.plan.term is not None, "a database's plan has its term"
    now = datetime.now(UTC)
    parts: dict[int, list[WeekOutage]] = {}
    for who in without:
        for part in outages(meant.plan.term, who, max(since, now.date()), until):
            parts.setdefault(part.week, []).append(part)

    async def work(connection: "Connection", term: "Term") -> "list[WeekAhead]":
        from classroom_sync.single_days import read_week

        return [
            await read_week(connection, term, meant.plan.city, week, now, some[0].dates)
            for week, some in sorted(parts.items())
        ]

    return [
        (
            ahead,
            run(
                ahead.city,
                meant.plan.rules,
                ahead.lessons,
                [part.outage for part in parts[ahead.number]],
                search,
            ),
        )
        for ahead in on_database(meant.database, lang, work)
    ]


def _accept(
    meant: Given, weeks: "list[tuple[WeekAhead, Proposal]]", say: Say, lang: str
) -> list[str]:
    from classroom_sync.single_days import Broken
    from scheduler.attendance import AttendanceRules
    from scheduler.dated import dated_changes

    assert meant.database is not None, "only a database has dated lessons"
    steps = [step for ahead, p in weeks for step in dated_changes(ahead, p.lessons)]
    if not steps:
        return []

    async def work(connection: "Connection", term: "Term") -> list[str]:
        from classroom_sync.single_days import accept

        done = await accept(connection, term, steps, datetime.now(UTC), "system", AttendanceRules())
        return [say(each) for each in done.said]

    try:
        return on_database(meant.database, lang, work)
    except Broken as error:
        typer.echo(f"classroom-sync: {say(error.sentence)}", err=True)
        raise typer.Exit(PROBLEMS) from error


def _told(plan: "Plan", week: int | None, p: "Proposal", say: Say) -> dict[str, object]:
    from scheduler.diff import by_lesson

    return {
        "week": week,
        "moved": p.moved,
        "substituted": p.substituted,
        "lost": sum(u.lessons for u in p.lost),
        "proven_least": p.proven,
        "seconds": round(p.seconds, 3),
        "changes": [say(change.sentence) for change in by_lesson(plan.city, p.changes)],
        "causes": [say(u.cause.sentence(plan.city)) for u in p.lost if u.cause],
    }


def _print(plan: "Plan", proposals: "list[tuple[int | None, Proposal]]", say: Say) -> None:
    from scheduler.diff import by_lesson

    for week, p in proposals:
        if week is not None:
            typer.echo(f"Week {week}:")
        for change in by_lesson(plan.city, p.changes):
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
