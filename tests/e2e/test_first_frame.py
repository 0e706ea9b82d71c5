"""`bench media --first-frame`: a real page, timed from its POST to its first picture. How long that
takes is for the bench to print, not for a test to judge."""

import asyncio
import json
import sys

import pytest

_PLAYS = 2
_STEPS = {"answered", "ice", "dtls", "packet", "frame"}


@pytest.mark.browser
async def test_page_has_a_picture_and_every_step_before_it() -> None:
    bench = (sys.executable, "-m", "classroom_sync", "bench", "media")
    arguments = ("--first-frame", str(_PLAYS), "--pause", "0.1", "--json")
    process = await asyncio.create_subprocess_exec(
        *bench, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, errors.decode()
    said = json.loads(out)
    assert len(said["runs"]) == _PLAYS
    for run in said["runs"]:
        assert set(run) == _STEPS
        assert 0 < run["answered"] <= min(run["dtls"], run["packet"])
        assert max(run["dtls"], run["packet"]) <= run["frame"]
    frames = [run["frame"] for run in said["runs"]]
    assert said["median_ms"]["frame"] == pytest.approx(sum(frames) / _PLAYS)


async def test_without_a_browser_it_says_what_to_install() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.bench",
        "--first-frame",
        "1",
        env={"PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert "apt install chromium" in errors.decode()
