"""`classroom-sync report coverage` as people type it, on a real database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from classroom_sync.reports import exports
from classroom_sync.reports.reading import Wanted, read_report
from db.pool import Pool
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Dimension, IndicatorRules
from tests import indicator_world
from tests.indicator_world import AS_OF, SINCE, UNTIL

AT = ("--since", str(SINCE), "--until", str(UNTIL), "--as-of", AS_OF.isoformat())


@pytest.fixture
async def city(pool: Pool) -> Pool:
    async with pool.transaction() as connection:
        await indicator_world.build(connection, seed=3)
    return pool


def run(dsn: str, *arguments: str) -> tuple[int, bytes, str]:
    """Exit code, standard output and standard error of `report coverage` on a database."""
    command = (sys.executable, "-m", "classroom_sync", "report", "coverage")
    done = subprocess.run(
        [*command, *arguments, "--database-url", dsn],
        capture_output=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200"},
    )
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.parametrize("form", list(exports.Form))
async def test_the_file_is_the_one_that_the_page_exports(
    city: Pool, dsn: str, tmp_path: Path, form: exports.Form
) -> None:
    wanted = Wanted(since=SINCE, until=UNTIL, as_of=AS_OF, by=Dimension.SUBJECT)
    async with city.connection() as connection:
        found = await read_report(connection, wanted, AS_OF, AttendanceRules(), IndicatorRules())
    file = tmp_path / f"coverage.{form.value}"
    code, out, error = run(dsn, *AT, "--by", "subject", "--output", str(file))
    assert (code, error) == (0, "")
    assert file.read_bytes() == exports.make(found, form, "zh-CN")
    assert out.decode() == f"{file}: {file.stat().st_size} bytes\n"


async def test_standard_output_holds_the_file_alone(city: Pool, dsn: str) -> None:
    code, out, error = run(dsn, *AT, "--format", "json", "--output", "-", "--json")
    assert code == 0
    assert json.loads(out)["until"] == str(UNTIL)
    assert json.loads(error) == {"file": "-", "bytes": len(out), "as_of": AS_OF.isoformat()}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--output", "coverage.doc"), "--format is one of"),
        (("--output", "coverage.pdf", "--format", "doc"), "--format is one of"),
        (("--output", "nowhere/coverage.pdf"), "there is no directory nowhere"),
        (("--output", "coverage.pdf", "--of", "school:nobody"), "no such part of the city"),
        (("--output", "coverage.pdf", "--as-of", "2026-10-01T00:00"), "Times need a zone"),
        (("--output", "coverage.pdf", "--as-of", "then"), "--as-of is a time"),
        (("--output", "coverage.pdf", "--lang", "fr"), "--lang is zh-CN or en, not fr"),
        (("--output", "c.pdf", "--since", "2001-01-01"), "ten years at most"),
        (("--output", "c.pdf", "--since", "1000-01-01"), "the years 2000 to 2199"),
        (("--output", "c.pdf", "--since", "2026-10-02", "--until", "2026-10-01"), "ends before"),
    ],
)
async def test_wrong_use_is_told_and_writes_nothing(
    city: Pool, dsn: str, arguments: tuple[str, ...], why: str
) -> None:
    code, out, error = run(dsn, *arguments)
    assert (code, out) == (2, b"")
    assert why in error
    assert not Path(arguments[1]).exists()


async def test_an_export_is_in_the_audit_log(city: Pool, dsn: str, tmp_path: Path) -> None:
    run(dsn, *AT, "--output", str(tmp_path / "c.csv"))
    async with city.connection() as connection:
        rows = await connection.fetch(
            "SELECT actor, object, detail FROM audit WHERE action = 'report_exported'"
        )
    [row] = rows
    assert (row["actor"], row["object"]) == ("system", f"coverage:city:{SINCE}:{UNTIL}")
    assert row["detail"]["format"] == "csv"


async def test_a_database_without_a_term_has_no_report(dsn: str) -> None:
    code, _, error = run(dsn, "--output", "-", "--format", "csv")
    assert code == 2
    assert "There is no term yet" in error
