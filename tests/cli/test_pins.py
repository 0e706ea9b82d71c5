"""constraints.txt pins every package that is installed for the project, at the version that is."""

import re
from importlib.metadata import distributions
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_NOT_OURS = {"classroom-sync", "pip", "setuptools", "wheel"}  # this, and what made the environment


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_installed_package_is_pinned_at_its_version() -> None:
    pinned = dict(
        line.split("==") for line in (_ROOT / "constraints.txt").read_text().split() if "==" in line
    )
    exact = {_plain(name): version for name, version in pinned.items()}
    assert len(exact) == len(pinned), "a package is pinned twice"
    installed = {_plain(d.metadata["Name"]): d.version for d in distributions()}
    loose = {n: v for n, v in installed.items() if n not in _NOT_OURS and exact.get(n) != v}
    assert loose == {}
