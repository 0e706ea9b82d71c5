"""Two control processes over one database: a page of either sees and does the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from db import notices, recordings, sessions
from db.pool import Pool
from scheduler.session import Action, Due
from tests.http.conftest import Site, add_accounts, pair_room, serving, sign_in
from tests.worlds import FAR, build, lesson, plan

_WITHIN = 10.0  # seconds


@dataclass
class Page:
    """A page with its socket open, and the state it was told last."""

    socket: aiohttp.ClientWebSocketResponse

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """The first state that has these values."""
        async with asyncio.timeout(_WITHIN):
            while True:
                state = await self.socket.receive_json()
                if state["type"] == "state" and all(
                    state.get(name) == value for name, value in wanted.items()
                ):
                    return dict(state)

    async def said(self) -> list[str]:
        """The messages that come next."""
        async with asyncio.timeout(_WITHIN):
            while (told := await self.socket.receive_json())["type"] != "said":
                pass
        return [message["text"] for message in told["messages"]]

    async def do(self, what: str, **values: Any) -> None:
        await self.socket.send_json({"do": what, **values})


@asynccontextmanager
async def _listening(dsn: str, site: Site) -> AsyncIterator[None]:
    told = {
        notices.SESSION_CHANGED: site.live.notices.told,
        notices.OF_PAGE: site.live.said_of_page,
    }

    async def anew() -> None:
        site.live.notices.anew()

    tasks = [
        asyncio.create_task(notices.follow(dsn, told, anew)),
        asyncio.create_task(site.live.notices.run()),
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.fixture
async def sites(dsn: str, pool: Pool, tmp_path: Path) -> AsyncIterator[tuple[Site, Site]]:
    now = datetime.now(UTC)
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson(), now + timedelta(minutes=5))
        await sessions.open_session(connection, planned.session_id, now)
    async with AsyncExitStack() as stack:
        await add_accounts(pool)
        first = await stack.enter_async_context(serving(pool, tmp_path / "a", planned, now))
        own = await Pool.open(dsn)
        stack.push_async_callback(own.close)
        second = await stack.enter_async_context(serving(own, tmp_path / "b", planned, now))
        for site in (first, second):
            await stack.enter_async_context(_listening(dsn, site))
        yield first, second


@asynccontextmanager
async def _teacher(site: Site) -> AsyncIterator[Page]:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        path = f"/ws/sessions/{site.planned.session_id}"
        async with browser.ws_connect(path) as socket:
            yield Page(socket)


@asynccontextmanager
async def _room(site: Site) -> AsyncIterator[Page]:
    async with site.browser() as browser:
        await pair_room(site, browser, f"{FAR}-R1", "123456")
        path = f"/ws/sessions/{site.planned.session_id}"
        async with browser.ws_connect(path) as socket:
            yield Page(socket)


def _of(state: dict[str, Any], participant: object) -> dict[str, Any]:
    [found] = [p for p in state["participants"] if p["id"] == str(participant)]
    return dict(found)


async def test_a_teacher_at_one_and_a_room_at_the_other_hold_a_lesson(
    sites: tuple[Site, Site],
) -> None:
    first, second = sites
    far = str(first.planned.receiving)
    async with _teacher(first) as teacher, _room(second) as room:
        await room.do("hand")
        await teacher.until(hands=[far])
        await teacher.do("floor", participant=far)
        state = await room.until(floor=far)
        assert state["hands"] == []
        await teacher.do("mute", participant=far, muted=True)
        while not _of(await room.until(floor=far), far)["muted"]:
            pass
        await room.do("heads", expected=40, present=38)
        while _of(await teacher.until(floor=far), far)["heads"] != [40, 38]:
            pass
        await teacher.do("floor", participant=None)
        await room.until(floor=None)
        # What one that came only now knows is what both know.
        async with _teacher(second) as other:
            me = _of(await other.until(floor=None), far)
            assert (me["muted"], me["heads"]) == (True, [40, 38])


async def test_what_is_said_asked_and_found_at_one_is_told_at_the_other(
    sites: tuple[Site, Site],
) -> None:
    first, second = sites
    far = str(first.planned.receiving)
    async with _teacher(first) as teacher, _room(second) as room:
        await teacher.until(worksheet=None)
        await room.until(worksheet=None)
        await teacher.do("say", text="Open your books")
        assert await room.said() == ["Open your books"]
        assert await teacher.said() == ["Open your books"]
        await teacher.do("worksheet", text="https://example.org/w.pdf")
        await room.until(worksheet="https://example.org/w.pdf")
        await teacher.do("poll", text="7 x 8?", options=3)
        while not (await room.until())["poll"]:
            pass
        await room.do("answer", heads=[1, 30, 2])
        while ((await teacher.until())["poll"] or {}).get("counts") != [1, 30, 2]:
            pass  # what it was told before
        await room.do("findings", findings=["echo"])
        while list(_of(await teacher.until(), far)["findings"]) != ["echo"]:
            pass
        await teacher.do("push_to_talk", participant=far, on=True)
        while not _of(await room.until(), far)["push_to_talk"]:
            pass


async def test_that_classrooms_are_recorded_is_told_at_every_process(
    sites: tuple[Site, Site],
) -> None:
    first, second = sites
    async with _teacher(first) as teacher, _room(second) as room:
        await room.until(recording=False, recording_rooms=False)
        async with first.pool.transaction() as connection:
            await recordings.begin(
                connection,
                session_id=first.planned.session_id,
                made_by="account:lead",
                started_at=first.now,
                delete_after=first.now + timedelta(days=30),
                title="",
                with_rooms=True,
            )
        for page in (teacher, room):
            await page.until(recording=True, recording_rooms=True)


async def test_the_clock_at_one_moves_the_pages_of_the_other(sites: tuple[Site, Site]) -> None:
    first, second = sites
    session_id = first.planned.session_id
    async with _room(second) as room:
        await room.until(state="open")
        live = await first.live.need(session_id)
        await first.live.perform(Due(live.session, Action.MISS, first.now))
        await room.until(state="missed")
        await room.do("hand")
        async with asyncio.timeout(_WITHIN):
            while (await room.socket.receive_json())["type"] != "refused":
                pass


async def test_what_was_written_while_one_could_not_listen_is_seen_after_it(
    dsn: str, sites: tuple[Site, Site]
) -> None:
    first, second = sites
    session_id, far = first.planned.session_id, first.planned.receiving
    await second.live.need(session_id)
    await first.live.mark(session_id, far, "hand_raised")
    second.live.notices.anew()  # as `follow` says when it listens again
    async with _teacher(second) as teacher:
        await teacher.until(hands=[str(far)])
