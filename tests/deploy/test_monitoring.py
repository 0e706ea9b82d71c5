"""The alert rules, as Prometheus reads them (what they may name: tests/http/test_metrics.py)."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"


def _promtool(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program is not None, "tests/setup-system.sh installs prometheus"
    return subprocess.run(
        [program, *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_accepts(arguments: tuple[str, ...]) -> None:
    done = _promtool(PROMETHEUS, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_tells_nothing_fails_its_test(tmp_path: Path) -> None:
    for file in PROMETHEUS.iterdir():
        text = file.read_text().replace("classroom_sync_database_up == 0", "vector(0) == 1")
        (tmp_path / file.name).write_text(text)
    assert _promtool(tmp_path, "test", "rules", "rules_test.yml").returncode == 1
