"""The acceptance test on the room's own screen, the bulk data it moves, and the certificates."""

import asyncio
import os
import time
from datetime import timedelta
from typing import Literal
from uuid import UUID

from aiohttp import web

from classroom_sync.acceptance import certificate, run, words
from classroom_sync.acceptance.certificate import Certificate, Signed
from classroom_sync.access import identifier
from classroom_sync.addresses import origin
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, SETTINGS, TRANSLATE, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from classroom_sync.reports.acceptance import certificate_pdf
from classroom_sync.secrets import CERTIFICATE_KEY, shared_secret
from db import acceptance
from scheduler.acceptance import Transfer
from scheduler.model import RoomStatus

routes = web.RouteTableDef()

MAX_UPLOAD = 32 * 1024 * 1024  # bytes of one request
_MAX_TRANSFERS = 2000  # of one test
_CHUNK = 256 * 1024
_LONGEST = 30.0  # seconds of one download


@routes.get("/room/acceptance")
@requires(Action.RUN_TEST)
async def test_page(request: web.Request) -> web.StreamResponse:
    """The page that measures; it begins by itself where an administrator has asked for a test."""
    room_id, now = request[VISITOR].room_id or "", request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        waiting = await acceptance.waiting(connection, room_id, now - run.GOOD_FOR)
        tests = await acceptance.of_room(connection, room_id, 1)
    return await page(
        request,
        "room_acceptance.html",
        names=names,
        room=names.rooms[room_id],
        waiting=waiting,
        last=next((t for t in tests if t.finished_at is not None), None),
        seconds=request.app[SETTINGS].acceptance_seconds,
        testable=names.rooms[room_id].status in (RoomStatus.INSTALLED, RoomStatus.ACCEPTED),
    )


async def _may_transfer(request: web.Request) -> UUID:
    test_id = identifier(request.match_info["test"])
    async with request.app[POOL].connection() as connection:
        await run.running_test(request, connection, test_id)
        if await acceptance.transfer_count(connection, test_id) >= _MAX_TRANSFERS:
            raise Refused(429, "This acceptance test has moved enough data.")
    return test_id


async def _keep(
    request: web.Request, test_id: UUID, direction: Literal["up", "down"], moved: int, begun: float
) -> None:
    """Note a transfer that began at `begun` of the monotonic clock."""
    lasted = timedelta(seconds=time.monotonic() - begun)
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        transfer = Transfer(direction, moved, now - lasted, now)
        await acceptance.add_transfer(connection, test_id, transfer)


@routes.post("/room/acceptance/{test}/upload")
@requires(Action.RUN_TEST)
async def upload(request: web.Request) -> web.StreamResponse:
    """Take bulk data and throw it away; the server counts it from its first byte to its last."""
    test_id = await _may_transfer(request)
    if (request.content_length or 0) > MAX_UPLOAD:
        raise Refused(413, "That is larger than can be taken here.")
    begun, moved = time.monotonic(), 0
    async for chunk in request.content.iter_any():
        moved += len(chunk)
        if moved > MAX_UPLOAD:
            raise Refused(413, "That is larger than can be taken here.")
    await _keep(request, test_id, "up", moved, begun)
    return web.Response(status=204)


@routes.get("/room/acceptance/{test}/download")
@requires(Action.RUN_TEST)
async def download(request: web.Request) -> web.StreamResponse:
    """Give bulk data that can't be compressed, for `?seconds=` or until the room has enough."""
    test_id = await _may_transfer(request)
    try:
        seconds = min(_LONGEST, max(0.1, float(request.query.get("seconds", "5"))))
    except ValueError:
        raise Refused(422, "The page sent something that is not understood: reload it.") from None
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    await response.prepare(request)
    chunk = os.urandom(_CHUNK)
    begun, moved = time.monotonic(), 0
    try:
        while time.monotonic() - begun < seconds:
            await response.write(chunk)
            moved += _CHUNK
    except ConnectionResetError:
        pass  # the room has enough
    finally:
        await asyncio.shield(_keep(request, test_id, "down", moved, begun))
    return response


async def _certified(request: web.Request) -> tuple[Certificate, Signed, bool]:
    """A test's certificate as stored, and whether its signature holds. Raises Refused (404)."""
    test_id = identifier(request.match_info["test"])
    async with request.app[POOL].connection() as connection:
        test = await run.need_test(connection, test_id)
        key = certificate.signing_key(await shared_secret(connection, CERTIFICATE_KEY))
    if test.certificate is None or test.signature is None or test.key_id is None:
        raise Refused(404, "This acceptance test has no certificate yet: let it finish.")
    signed = Signed(test.certificate, test.signature, test.key_id)
    return certificate.read(signed.text), signed, certificate.holds(signed, key)


@routes.get("/certificates/{test}.json")
async def certificate_json(request: web.Request) -> web.StreamResponse:
    """What a program needs to check a certificate by itself."""
    _, signed, holds = await _certified(request)
    async with request.app[POOL].connection() as connection:
        key = certificate.signing_key(await shared_secret(connection, CERTIFICATE_KEY))
    return web.json_response(
        {
            "certificate": signed.text,
            "signature": signed.signature,
            "key": certificate.public_key(key),
            "holds": holds,
        }
    )


@routes.get("/certificates/{test}.pdf")
@requires(Action.SEE_TEST)
async def certificate_paper(request: web.Request) -> web.StreamResponse:
    found, signed, holds = await _certified(request)
    if not holds:
        raise Refused(409, "The signature of this certificate does not hold: it was changed.")
    url = f"{origin(request)}/certificates/{found.test_id}"
    made = await asyncio.to_thread(
        certificate_pdf, found, signed, url, request[TRANSLATE], request[LOCALE]
    )
    return web.Response(
        body=made,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="acceptance-{found.test_id}.pdf"'},
    )


@routes.get("/certificates/{test}")
async def certificate_page(request: web.Request) -> web.StreamResponse:
    """A certificate and whether it holds, for whoever has the paper: its id can't be guessed."""
    found, signed, holds = await _certified(request)
    return await page(
        request,
        "certificate.html",
        found=found,
        signed=signed,
        holds=holds,
        words=words,
        in_room=request[VISITOR].role is Role.ROOM,
    )
