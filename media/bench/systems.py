"""The systems under test, as processes that live as long as a `with` block."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from media.bench.processes import Cost, cost, started
from media.bench.sdp import SignallingFailed
from media.bench.signalling import JanusApi, Target
from media.bench.whip import Lessons

_START = 20.0  # seconds
_JANUS_LIBRARIES = ("/usr/lib/{}/janus", "/usr/lib/janus", "/usr/local/lib/janus")


@dataclass(frozen=True, slots=True)
class Running:
    """A system that answers at `target`; its processes are `pid`, `others`, and what descends from
    them."""

    name: str
    pid: int
    target: Target
    others: tuple[int, ...] = ()

    def cost(self) -> Cost:
        """What it has cost so far."""
        return cost(self.pid, *self.others)


def server_command(nodes: int = 1) -> tuple[str, ...]:
    """The smallest server there is around media nodes; rooms are spread over several."""
    return (sys.executable, "-m", "media.bench.server", "--nodes", str(nodes))


@contextmanager
def ours(command: Sequence[str], cpus: tuple[int, ...] = ()) -> Iterator[Running]:
    """A WHIP/WHEP server started by `command`. It is to print one line of JSON when it listens:
    `{"url": "http://…", "token": "…"}`; the token may hold `{room}`, `{participant}` and `{role}`,
    to be filled in for each peer."""
    with started(command, cpus, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "it was asked for"
        line = process.stdout.readline()
        try:
            said = json.loads(line)
            target = Lessons(said["url"], said["token"])
        except (ValueError, KeyError, TypeError):
            raise SignallingFailed(f"{' '.join(command)} did not start: {line!r}") from None
        yield Running("classroom-sync", process.pid, target)


def janus_binary() -> str | None:
    """Where Janus is installed, if it is."""
    return shutil.which("janus")


@contextmanager
def janus(cpus: tuple[int, ...] = (), event_loops: int = 0) -> Iterator[Running]:
    """Janus with its videoroom and HTTP API on the loopback: ICE-lite, as a server on a public
    address runs, and no other plugin. `event_loops` is its setting of that name: 0, as it comes,
    is a thread for each connection; a few loops shared by all cost it less. Raises
    SignallingFailed."""
    binary = janus_binary()
    if binary is None:
        raise SignallingFailed("Janus is not installed")
    with tempfile.TemporaryDirectory(prefix="bench-janus-") as folder_name:
        folder = Path(folder_name)
        port = _free_port()
        _configure(folder, port, event_loops)
        command = [binary, "-F", folder_name, "-C", f"{folder_name}/janus.jcfg"]
        with started(
            command, cpus, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            _wait_for(port, process)
            target = JanusApi(f"http://127.0.0.1:{port}/janus")
            name = f"janus, {event_loops} loops" if event_loops else "janus"
            yield Running(name, process.pid, target)


def _configure(folder: Path, port: int, event_loops: int) -> None:
    libraries = _janus_libraries()
    for kind, library in (("plugins", "videoroom"), ("transports", "http")):
        (folder / kind).mkdir()
        file = f"libjanus_{library}.so"
        (folder / kind / file).symlink_to(libraries / kind / file)
    for kind in ("events", "loggers"):
        (folder / kind).mkdir()
    folders = "".join(
        f'{kind}_folder = "{folder / kind}"\n'
        for kind in ("plugins", "transports", "events", "loggers")
    )
    (folder / "janus.jcfg").write_text(
        f'general: {{\nconfigs_folder = "{folder}"\n{folders}debug_level = 2\n'
        f"session_timeout = 0\nevent_loops = {event_loops}\n}}\n"
        'nat: {\nice_lite = true\nice_enforce_list = "127."\n}\n'
    )
    (folder / "janus.transport.http.jcfg").write_text(
        f'general: {{\njson = "compact"\nhttp = true\nport = {port}\nip = "127.0.0.1"\n}}\n'
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: {\n}\n")


def _janus_libraries() -> Path:
    triplet = getattr(sys.implementation, "_multiarch", "")
    for pattern in _JANUS_LIBRARIES:
        folder = Path(pattern.format(triplet))
        if (folder / "plugins" / "libjanus_videoroom.so").exists():
            return folder
    raise SignallingFailed("Janus is installed without its videoroom plugin")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SignallingFailed(f"it ended with {process.returncode} instead of listening")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SignallingFailed(f"nothing listens on port {port}")
