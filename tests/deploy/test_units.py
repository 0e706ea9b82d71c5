"""The systemd units: systemd itself accepts them, and finds them hardened."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
_EXPOSURE = 20  # tenths, as systemd-analyze weighs what a service could still do: 0 to 100
_INSTALLED = "/opt/classroom-sync/bin/classroom-sync"


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with the program where it is on this machine, and an instance of each template."""
    program = str(Path(sys.executable).with_name("classroom-sync"))
    for unit in UNITS.iterdir():
        text = unit.read_text()
        assert unit.suffix == ".timer" or _INSTALLED in text
        for name in (unit.name, unit.name.replace("@.", "@8189.")):
            (tmp_path / name).write_text(text.replace(_INSTALLED, program))
    return tmp_path


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program is not None, "tests/setup-system.sh installs systemd"
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_finds_nothing_wrong(units: Path) -> None:
    found = [str(unit) for unit in units.iterdir() if "@." not in unit.name]
    assert len(found) == 5
    done = _analyze("verify", "--man=no", *found)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_what_is_wrong(units: Path) -> None:
    unit = units / "classroom-sync.service"
    unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHouse=yes"))
    assert "'ProtectHouse'" in _analyze("verify", "--man=no", str(unit)).stderr


@pytest.mark.parametrize(
    "name",
    [
        "classroom-sync.service",
        "classroom-sync-node@8189.service",
        "classroom-sync-backup.service",
        "classroom-sync-doctor.service",
    ],
)
def test_a_service_may_do_little_else(units: Path, name: str) -> None:
    done = _analyze(
        "security", "--offline=true", "--no-pager", f"--threshold={_EXPOSURE}", str(units / name)
    )
    assert done.returncode == 0, done.stdout
