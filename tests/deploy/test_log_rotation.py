"""The log rotation, done by logrotate itself on a log of its own."""

import getpass
import grp
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "logrotate" / "classroom-sync"


def test_a_log_is_rotated_in_place_and_kept_for_six_months(tmp_path: Path) -> None:
    program = shutil.which("logrotate", path=os.environ["PATH"] + ":/usr/sbin")
    assert program is not None, "tests/setup-system.sh installs logrotate"
    log = tmp_path / "postgres" / "log"
    log.parent.mkdir()
    log.write_text("a line\n")
    text = CONFIGURATION.read_text()
    assert int(text.partition("rotate ")[2].split()[0]) >= 180
    text = text.replace("/var/lib/classroom-sync", str(tmp_path))
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    text = text.replace("su classroom-sync classroom-sync", f"su {user} {group}")
    configuration = tmp_path / "configuration"
    configuration.write_text(text)
    configuration.chmod(0o644)
    with log.open("a") as held:
        done = subprocess.run(
            [program, "--force", "--state", str(tmp_path / "state"), str(configuration)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        held.write("and on\n")
    assert (log.parent / "log.1").read_text() == "a line\n"
    assert log.read_text() == "and on\n"
