"""The whole product as a system under test: `classroom-sync demo`, with all that belongs to it.

Control process, media node and embedded PostgreSQL count. Peers publish as the lead and play as the
rooms of the demo's live lesson, with the tokens that `demo.json` names.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

from media.bench.processes import started
from media.bench.sdp import SignallingFailed
from media.bench.systems import Running
from media.bench.whip import Endpoint, OneLesson

_START = 60.0  # seconds; the first start makes a database


@contextmanager
def whole(cpus: tuple[int, ...] = ()) -> Iterator[Running]:
    """The product serving its demo city from an empty data directory. Raises SignallingFailed."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "classroom_sync", "demo", "--data-dir", name]
        command += ["--port", "0", "--udp-port", "0", "--nodes", "1"]
        # Not SIGKILL: it could not stop its database then.
        with started(command, cpus, stdout=DEVNULL, ending=signal.SIGTERM) as process:
            lesson = _wait_for(folder / "demo.json", process)["live_session"]
            lead, *rooms = (each["id"] for each in lesson["participants"])
            whip, whep = (
                {p["participant"]: Endpoint(p["url"], p["token"]) for p in lesson[kind]}
                for kind in ("whip", "whep")
            )
            target = OneLesson(whip[lead], tuple(whep[room] for room in rooms))
            database = (folder / "postgres" / "postmaster.pid").read_text().split()[0]
            yield Running("whole product", process.pid, target, (int(database),))


def _wait_for(file: Path, process: Popen[str]) -> Any:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if file.exists():  # whole or not at all
            return json.loads(file.read_text())
        if process.poll() is not None:
            raise SignallingFailed(f"the demo ended with {process.returncode} instead of serving")
        time.sleep(0.1)
    raise SignallingFailed(f"the demo did not start in {_START:.0f} s")
