"""The smallest server around media nodes: their HTTP face, and a word for every token.

It prints one line of JSON as `systems.ours` wants it, and stops on SIGTERM. A token here *is* the
participant and role it grants, so it must listen on nothing but the loopback.

With several nodes each is a process of its own, as in the product; the first process then answers
POSTs with 307 to the node of the room, which is the one with the fewest rooms when the room opens.

With `--record` every room is recorded into a folder, where each node also keeps a file of how many
bytes of RTP its leads have sent.
"""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, cast
from uuid import NAMESPACE_URL, uuid4, uuid5

import uvloop
from aiohttp import web

from media.grant import Grant
from media.http import Unauthorized, routes
from media.node import MediaNode, spare_the_collector
from media.node_events import NodeEvent, ParticipantConnected
from media.recording.recorder import Recorder

_HOST = "127.0.0.1"
_ROLES = ("lead", "receiving", "observer")
WIRE = ".wire"  # ends the name of a file with a number of bytes
_TOKEN = "{participant}~{role}"  # noqa: S105 - how a token is made, not one


async def _authorize(token: str, direction: str, room: str, participant: str | None) -> Grant:
    name, _, role = token.partition("~")
    if role not in _ROLES or participant not in (None, name):
        raise Unauthorized("a token here is participant~role")
    return Grant(
        room,
        name,
        cast("Literal['publish', 'subscribe']", direction),
        cast("Literal['lead', 'receiving', 'observer']", role),
    )


async def _serve(app: web.Application, *, with_parent: bool) -> None:
    """Serve until told to stop, or until standard input closes."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, _HOST, 0).start()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    if with_parent:
        loop.add_reader(sys.stdin.fileno(), stopped.set)
    said = {"url": f"http://{_HOST}:{runner.addresses[0][1]}", "token": _TOKEN}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await runner.cleanup()


async def _node(*, with_parent: bool, record: Path | None) -> None:
    recorder = None
    if record is not None:
        recorder = Recorder(record, str(uuid4()), lambda _: None, floor=0)

    def heard(event: NodeEvent) -> None:
        if isinstance(event, ParticipantConnected) and event.direction == "publish" and recorder:
            node.record(event.room, str(uuid5(NAMESPACE_URL, event.room)))

    node = MediaNode(
        host=_HOST,
        udp_port=0,
        public_address=None,
        on_evidence=lambda _: None,
        on_event=heard,
        recorder=recorder,
    )
    await node.start()
    spare_the_collector()
    counting = asyncio.create_task(_count(node, record)) if record is not None else None

    async def state(request: web.Request) -> web.Response:
        """What the process holds; with `?objects=1`, Python objects too, which takes a moment."""
        said = {**node.snapshot(), "tasks": len(asyncio.all_tasks()), "pid": os.getpid()}
        if request.query.get("objects"):
            gc.collect()
            said["objects"] = len(gc.get_objects())
        return web.json_response(said)

    app = web.Application()
    app.add_routes([*routes(node, _authorize), web.get("/state", state)])
    await _serve(app, with_parent=with_parent)
    if counting is not None:
        counting.cancel()
    await node.stop()
    if recorder is not None:
        await recorder.close()


async def _count(node: MediaNode, folder: Path) -> None:
    """Write down each half second what has come from the leads."""
    while True:
        octets = sum(
            stream.state.octets
            for room in node._rooms.values()
            for publisher in room._publishers.values()
            if publisher.spec.lead
            for stream in publisher.streams.values()
        )
        new = folder / f"{os.getpid()}.new"
        new.write_text(str(octets))
        new.rename(folder / f"{os.getpid()}{WIRE}")  # read by another process
        await asyncio.sleep(0.5)


async def _front(nodes: int, record: Path | None) -> None:
    async with AsyncExitStack() as stack:
        started = await asyncio.gather(*(_start_node(stack, record) for _ in range(nodes)))
        rooms = dict.fromkeys(started, 0)
        placed: dict[str, str] = {}

        async def redirect(request: web.Request) -> web.Response:
            room = request.match_info["room"]
            if room not in placed:
                placed[room] = min(rooms, key=lambda url: rooms[url])
                rooms[placed[room]] += 1
            raise web.HTTPTemporaryRedirect(placed[room] + request.path_qs)

        app = web.Application()
        app.add_routes([web.post("/whip/{room}/{participant}", redirect)])
        app.add_routes([web.post("/whep/{room}", redirect)])
        await _serve(app, with_parent=False)


async def _start_node(stack: AsyncExitStack, record: Path | None) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.bench.server",
        "--with-parent",
        *(("--record", str(record)) if record is not None else ()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None, "it was asked for"
    assert process.stdout is not None, "it was asked for"
    stack.push_async_callback(process.wait)
    stack.callback(process.stdin.close)
    url: str = json.loads(await process.stdout.readline())["url"]
    return url


def main() -> None:
    """Entry point of `python -m media.bench.server`."""
    parser = argparse.ArgumentParser(prog="python -m media.bench.server", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, help="media node processes")
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin closes")
    parser.add_argument("--record", type=Path, help="record every room into this folder")
    args = parser.parse_args()
    nodes: int = args.nodes
    alone = nodes == 1
    uvloop.run(
        _node(with_parent=args.with_parent, record=args.record)
        if alone
        else _front(nodes, args.record)
    )


if __name__ == "__main__":
    main()
