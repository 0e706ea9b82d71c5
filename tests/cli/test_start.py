"""Each process imports its own work alone: others' large libraries take a second each to read."""

import json
import subprocess
import sys

import pytest

WEB = {"aiohttp", "jinja2", "pydantic_settings", "structlog"}
DATABASE = {"asyncpg", "aiosql"}
SOLVER = {"ortools", "highspy", "pandas", "numpy"}
MEDIA = {"aiortc", "av"}


@pytest.mark.parametrize(
    ("module", "others"),
    [
        pytest.param("classroom_sync.cli", WEB | DATABASE | SOLVER | MEDIA, id="a command's help"),
        pytest.param("classroom_sync.database", SOLVER | MEDIA | {"aiohttp"}, id="its database"),
        pytest.param("classroom_sync.server", SOLVER | MEDIA, id="the control process"),
        pytest.param("classroom_sync.spare", SOLVER | {"jinja2"}, id="a media node"),
        pytest.param("classroom_sync.solver_process", WEB | DATABASE | MEDIA, id="the solver"),
    ],
)
def test_a_process_does_not_import_what_only_others_need(module: str, others: set[str]) -> None:
    script = f"import json, sys, {module}; print(json.dumps([*sys.modules]))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert others.intersection(json.loads(run.stdout)) == set()
