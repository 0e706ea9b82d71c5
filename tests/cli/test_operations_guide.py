"""docs/operations.md names commands, options, files and checks that exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from classroom_sync import doctor
from classroom_sync.cli import app

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/operations.md").read_text()
COMMANDS = sorted(
    {
        line.strip()
        for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("classroom-sync ")
    }
)


def _command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and the words after it."""
    found: Any = typer.main.get_command(app)
    while words and hasattr(found, "commands"):
        found, words = found.commands[words[0]], words[1:]
    return found, words


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_guide_can_be_given(line: str) -> None:
    command, words = _command(shlex.split(line)[1:])
    options = {name: p for p in command.params for name in p.opts if name.startswith("--")}
    given = [word for word in words if word.startswith("--")]
    assert set(given) <= options.keys()
    taken = sum(1 for name in given if not options[name].is_flag)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    assert len(words) - len(given) - taken == len(arguments)


def test_the_guide_shows_the_commands_of_operators() -> None:
    assert {line.split()[1] for line in COMMANDS} == {
        "account",
        "backup",
        "doctor",
        "drain",
        "restore",
        "token",
    }


def test_files_that_the_guide_names_exist() -> None:
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", GUIDE))
    assert len(named) > 5
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    links = re.findall(r"\]\((\w[\w-]*\.md)\)", GUIDE)
    assert [name for name in links if not (ROOT / "docs" / name).exists()] == []


def test_checks_that_the_guide_names_exist() -> None:
    folder = Path(str(doctor.__file__)).parent
    code = "".join(path.read_text() for path in folder.glob("*.py"))
    checks = set(re.findall(r'(?:good|problem|warning|skipped)\(\s*"(\w+)"', code))
    assert len(checks) > 25
    table = GUIDE[GUIDE.index("## 11") :]
    assert set(re.findall(r"\*(\w+_\w+|leader|lessons|disk|browsers)\*", table)) <= checks
