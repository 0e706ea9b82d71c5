"""The smallest server around a media node: its HTTP face, and a word for every token.

It prints one line of JSON as `systems.ours` wants it, and stops on SIGTERM. A token here *is* the
participant and role it grants, so it must listen on nothing but the loopback.
"""

import asyncio
import json
import signal
import sys
from typing import Literal, cast

import uvloop
from aiohttp import web

from media.http import Unauthorized, routes
from media.node import MediaNode
from media.peer import Grant

_HOST = "127.0.0.1"
_ROLES = ("lead", "receiving", "observer")


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


async def _serve() -> None:
    node = MediaNode(
        host=_HOST,
        udp_port=0,
        public_address=None,
        on_evidence=lambda _: None,
        on_event=lambda _: None,
    )
    await node.start()
    app = web.Application()
    app.add_routes(routes(node, _authorize))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, _HOST, 0).start()
    port = runner.addresses[0][1]
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    said = {"url": f"http://{_HOST}:{port}", "token": "{participant}~{role}"}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await node.stop()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_serve())
