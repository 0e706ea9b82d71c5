"""The run of an acceptance test: asked for, taken up by the room's screen, finished once.

A test is asked for by the room itself or by an administrator; the room's screen takes it up and
measures; what it sends is judged together with what the media node and the server saw, signed, and
kept. A room that was only installed is accepted by the test it passes, in the same transaction.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID, uuid4

from aiohttp import web

from classroom_sync import room_moves
from classroom_sync.acceptance import certificate
from classroom_sync.acceptance.certificate import Certificate
from classroom_sync.acceptance.media import listener, media_room, sender
from classroom_sync.errors import Refused
from classroom_sync.keys import LINKS, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.permissions import Role
from classroom_sync.secrets import CERTIFICATE_KEY, shared_secret
from db import acceptance, marks, nodes, sessions
from db.acceptance import AcceptanceTest
from db.pool import Connection
from scheduler.acceptance import Figure, judge, passed, seen_by_others
from scheduler.model import Room, RoomStatus, SessionState

GOOD_FOR = timedelta(minutes=15)  # from being asked for to being taken up, and from then to its end
_AHEAD = timedelta(minutes=10)  # no test begins so shortly before a lesson
_MOST_AN_HOUR = 20  # tests of a room
_OVERRUN = timedelta(minutes=10)
MEDIA_PART = 0.5  # of the test's time: how long media flows before the cut
_UNFINISHED = (SessionState.SCHEDULED, SessionState.OPEN, SessionState.LIVE)


async def ask(request: web.Request, room_id: str) -> UUID:
    """Ask for a test of a room. Raises Refused: 403, 404, 409."""
    visitor, now = request[VISITOR], request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        room = await room_moves.need_room(connection, room_id)
        own = visitor.room_id == room_id if visitor.role is Role.ROOM else True
        if not own or visitor.school_code not in (None, room.school_code):
            raise Refused(403, "This room belongs to another school.")
        if room.status not in (RoomStatus.INSTALLED, RoomStatus.ACCEPTED):
            raise Refused(409, "Only a room that has been installed is tested.")
        coming = await sessions.of_room(connection, room_id, now - _OVERRUN, now + _AHEAD)
        for each in coming:
            if each.state is SessionState.LIVE or (
                each.state in _UNFINISHED and each.ends_at > now
            ):
                raise Refused(
                    409, "A lesson is on in this room or begins soon: test it afterwards."
                )
        lately = await acceptance.of_room(connection, room_id, _MOST_AN_HOUR)
        if sum(now - t.asked_at < timedelta(hours=1) for t in lately) >= _MOST_AN_HOUR:
            raise Refused(429, "This room has been tested too often: try again in an hour.")
        test_id = uuid4()
        node_id = await nodes.least_loaded(connection)
        await acceptance.ask(connection, test_id, room_id, visitor.actor, now, node_id)
        await marks.add_audit(
            connection, visitor.actor, "test_asked_for", f"room:{room_id}", test=str(test_id)
        )
    return test_id


async def begin(request: web.Request, test_id: UUID) -> Room:
    """The room's screen takes its test up; the room. Raises Refused: 403, 404, 409, 410."""
    now = request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        test = await own_test(request, connection, test_id)
        if now - test.asked_at > GOOD_FOR:
            raise Refused(410, "This acceptance test is over: start a new one.")
        if not await acceptance.begin(connection, test_id, now, request[VISITOR].actor):
            raise Refused(409, "This acceptance test has been taken up already: start a new one.")
        return await room_moves.need_room(connection, test.room_id)


async def need_test(connection: Connection, test_id: UUID) -> AcceptanceTest:
    """Any room's test. Raises Refused (404)."""
    test = await acceptance.read(connection, test_id)
    if test is None:
        raise Refused(404, "There is no such acceptance test: start a new one.")
    return test


async def visible_test(
    request: web.Request, connection: Connection, test_id: UUID
) -> AcceptanceTest:
    """A test that the visitor may read: of their room or school. Raises Refused: 403, 404."""
    if request[VISITOR].role is Role.ROOM:
        return await own_test(request, connection, test_id)
    test = await need_test(connection, test_id)
    room = await room_moves.need_room(connection, test.room_id)
    if request[VISITOR].school_code not in (None, room.school_code):
        raise Refused(403, "This room belongs to another school.")
    return test


async def own_test(request: web.Request, connection: Connection, test_id: UUID) -> AcceptanceTest:
    """A test of the visitor's own room. Raises Refused: 403, 404."""
    test = await need_test(connection, test_id)
    if request[VISITOR].room_id != test.room_id:
        raise Refused(403, "This acceptance test is another room's.")
    return test


async def running_test(
    request: web.Request, connection: Connection, test_id: UUID
) -> AcceptanceTest:
    """One that goes on in the visitor's own room. Raises Refused: 403, 404, 409, 410."""
    test = await own_test(request, connection, test_id)
    if test.begun_at is None:
        raise Refused(409, "This acceptance test has not begun: start it on the room's screen.")
    if test.finished_at is not None or request.app[NOW]() - test.begun_at > GOOD_FOR:
        raise Refused(410, "This acceptance test is over: start a new one.")
    return test


async def finish(
    request: web.Request, test_id: UUID, reported: Mapping[Figure, float | None]
) -> None:
    """Judge, sign and keep the figures of a test. Raises Refused: 403, 404, 409, 410; NodeAway."""
    now, settings = request.app[NOW](), request.app[SETTINGS]
    async with request.app[POOL].connection() as connection:
        test = await running_test(request, connection, test_id)
    await _close_media(request, test)
    async with request.app[POOL].transaction() as connection:
        room = await room_moves.need_room(connection, test.room_id)
        names = await read_names(connection)
        seen = seen_by_others(
            await acceptance.evidence(connection, test_id),
            await acceptance.transfers(connection, test_id),
            sender(test_id),
            listener(test_id),
            settings.acceptance_seconds * MEDIA_PART,
        )
        figures = judge(reported, seen, room.kind, settings.acceptance)
        found = Certificate(
            test_id=test_id,
            room_id=room.id,
            room=names.room(room.id),
            kind=room.kind.value,
            finished_at=now,
            seconds=settings.acceptance_seconds,
            rules_version=settings.acceptance.version,
            passed=passed(figures),
            figures=figures,
        )
        seed = await shared_secret(connection, CERTIFICATE_KEY)
        signed = await asyncio.to_thread(certificate.sign, found, certificate.signing_key(seed))
        if not await acceptance.finish(
            connection,
            test_id,
            now,
            passed=found.passed,
            certificate=signed.text,
            signature=signed.signature,
            key_id=signed.key_id,
        ):
            raise Refused(410, "This acceptance test is over: start a new one.")
        actor = request[VISITOR].actor
        await marks.add_audit(
            connection,
            actor,
            "test_passed" if found.passed else "test_failed",
            f"room:{room.id}",
            test=str(test_id),
        )
        if found.passed and room.status is RoomStatus.INSTALLED:
            await room_moves.move(
                connection,
                room.id,
                RoomStatus.ACCEPTED,
                on_day=None,
                now=now,
                actor=actor,
                why="",
                test_id=test_id,
            )


async def _close_media(request: web.Request, test: AcceptanceTest) -> None:
    """End the test's media; its node answers when what it saw has been written. A node that is gone
    has written what it could."""
    links = request.app[LINKS]
    if test.node_id is not None and links.url(test.node_id) is not None:
        await links.command(test.node_id, "close", room=media_room(test.id), reason="ended")
