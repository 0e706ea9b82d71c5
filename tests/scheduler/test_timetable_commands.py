"""`classroom-sync timetable`, from its arguments to its exit codes."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from classroom_sync.cli import app
from classroom_sync.timetable_commands import demo_plan
from scheduler.city import minutes
from scheduler.instances import generate
from scheduler.plan import NotAPlan, Plan, from_json, to_json
from scheduler.rules import Rules
from tests.scheduler.small_cities import HUB, city

RUN = CliRunner()


def test_a_plan_survives_its_file() -> None:
    plan = Plan(generate(3, 16), rules=Rules(weights={"spread": None, "lunch": 0}))
    assert plan.city.periods, "a look-up was made before writing"
    assert from_json(to_json(plan)) == plan
    assert minutes(from_json(to_json(plan)).city.bells[0].periods[0].starts) == 510


def test_what_is_not_a_plan_says_where() -> None:
    with pytest.raises(NotAPlan, match=r"^city: Field required"):
        from_json(b"{}")


def test_the_demo_timetable_is_checked(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["timetable", "check", "--json", "--lang", "en"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["lessons"]) == (1, 85)
    assert {c["rule"] for c in found["conflicts"] if c["hard"]} >= {"class_clash", "teacher_day"}


def test_solve_check_and_repair_follow_one_another(tmp_path: Path) -> None:
    asked, solved, mended = (
        tmp_path / name for name in ("asked.json", "solved.json", "mended.json")
    )
    asked.write_bytes(to_json(Plan(city())))
    result = RUN.invoke(
        app, ["timetable", "solve", str(asked), "--seconds", "5", "--out", str(solved), "--json"]
    )
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["unmet"], answer["proven_optimal"]) == (0, [], True)
    result = RUN.invoke(app, ["timetable", "check", str(solved), "--lang", "en"])
    assert result.exit_code == 0
    assert "2 lessons, 0 hard conflicts" in result.stdout
    ill = f"{HUB}-T1"
    arguments = ["timetable", "repair", str(solved), "--without", ill, "--out", str(mended)]
    result = RUN.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0
    [proposal] = json.loads(result.stdout)["proposals"]
    assert (proposal["moved"], proposal["proven_least"]) == (0, True)
    lessons = from_json(mended.read_bytes()).lessons
    assert ill not in {lesson.lead_teacher_id for lesson in lessons}


def test_a_limit_of_effort_gives_the_same_answer_and_the_clock_bounds_the_other(
    tmp_path: Path,
) -> None:
    """Too little effort for a proof, and so little time that the clock ends the search."""
    file = tmp_path / "plan.json"
    file.write_bytes(to_json(Plan(generate(2, 16))))

    def solved(*limit: str) -> dict[str, object]:
        result = RUN.invoke(app, ["timetable", "solve", str(file), *limit, "--json"])
        answer: dict[str, object] = json.loads(result.stdout)
        return {k: answer[k] for k in ("cost", "score", "lessons", "proven_optimal", "repeatable")}

    once, again = solved("--effort", "1"), solved("--effort", "1")
    assert once == again
    assert (once["proven_optimal"], once["repeatable"]) == (False, True)
    by_clock = solved("--seconds", "0.1")
    assert (by_clock["proven_optimal"], by_clock["repeatable"]) == (False, False)


def test_an_unmet_demand_is_an_exit_code_and_a_sentence(tmp_path: Path) -> None:
    within = city()
    nobody = replace(within, demands=(replace(within.demands[0], subject="art"),))
    file = tmp_path / "plan.json"
    file.write_bytes(to_json(Plan(nobody)))
    result = RUN.invoke(app, ["timetable", "solve", str(file), "--seconds", "5"])
    assert result.exit_code == 1
    assert "主校没有主讲教师能在任何节次承担这些课：Far301：美术，每周 1 节。" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "no-such-file.json"],
        ["check", "--lang", "fr"],
        ["repair", "--without", "nobody"],
        ["repair"],
    ],
)
def test_wrong_use_is_exit_code_2(arguments: list[str]) -> None:
    assert RUN.invoke(app, ["timetable", *arguments]).exit_code == 2


def test_a_repair_by_dates_is_a_proposal_a_week(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(to_json(demo_plan(date(2026, 10, 1))))
    dates = ["--since", "2026-10-15", "--until", "2026-10-20"]
    result = RUN.invoke(
        app, ["timetable", "repair", str(file), "--without", "2132999901-T01", *dates, "--json"]
    )
    proposals = json.loads(result.stdout)["proposals"]
    assert [p["week"] for p in proposals] == [7, 8]
    assert result.exit_code == int(any(p["lost"] for p in proposals))
