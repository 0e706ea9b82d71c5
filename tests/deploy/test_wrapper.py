"""The command that operators call works with what the service works with."""

import os
import subprocess
from pathlib import Path

WRAPPER = Path(__file__).parents[2] / "deploy" / "bin" / "classroom-sync"


def _run(tmp_path: Path, *arguments: str) -> str:
    """What the program would see, as `env` tells it."""
    script = WRAPPER.read_text()
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho "$@"\nenv\n')
    program.chmod(0o755)
    for shipped, here in (
        ("/etc/classroom-sync", str(tmp_path)),
        ("runuser -u classroom-sync -- /opt/classroom-sync/bin/classroom-sync", str(program)),
    ):
        assert shipped in script
        script = script.replace(shipped, here)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(script)
    done = subprocess.run(
        ["sh", str(wrapper), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    return done.stdout


def test_it_has_the_services_configuration_and_passes_arguments_on(tmp_path: Path) -> None:
    out = _run(tmp_path, "account", "add", "li", "--name", "李 老师").splitlines()
    assert out[0] == "account add li --name 李 老师"
    assert f"CLASSROOM_SYNC_CONFIG={tmp_path}/config.toml" in out
    assert "CLASSROOM_SYNC_DATA_DIR=/var/lib/classroom-sync" in out


def test_it_has_the_services_secrets(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("CLASSROOM_SYNC_DATABASE_URL=postgresql://a\n")
    assert "CLASSROOM_SYNC_DATABASE_URL=postgresql://a" in _run(tmp_path).splitlines()


def test_it_can_be_executed() -> None:
    assert os.access(WRAPPER, os.X_OK)
