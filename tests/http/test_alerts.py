"""Alerts and digests over a real database, and webhooks to a real server."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from classroom_sync.closing import derive_attendance
from classroom_sync.settings import BadSettings, load
from classroom_sync.watch import Watch
from classroom_sync.webhooks import GIVEN_UP_AFTER, Sender, key_of, signature
from db import alerts, digests, presence, sessions, webhooks
from media.evidence import Evidence
from scheduler.alerts import AlertRules
from scheduler.attendance import AttendanceRules
from tests.http.conftest import Site, sign_in
from tests.worlds import FAR, HUB, MONDAY, NOON, plan
from tests.worlds import lesson as lesson_of_the_week

SECRET = "a secret of sixteen letters"
FAR_ROOM = f"{FAR}-R1"
BY_ITSELF = {"X-Unattended": "1"}  # as the page asks


@dataclass
class Lesson:
    """The site's lesson, begun; evidence comes as the test says."""

    site: Site
    begins: datetime
    watch: Watch
    node: UUID = field(default_factory=uuid4)
    seq: int = 0

    async def flows(self, who: UUID, until: float, since: float = 0) -> None:
        """Media of a participant, in slices of 5 s from one second of the lesson to another."""
        rows = []
        at = since
        while at < until:
            self.seq += 1
            rows.append((self.seq, self._slice(who, at, min(at + 5, until))))
            at += 5
        async with self.site.pool.transaction() as connection:
            await presence.add_evidence(connection, self.node, rows)

    def _slice(self, who: UUID, since: float, until: float) -> Evidence:
        return Evidence(
            room=str(self.site.planned.session_id),
            participant=str(who),
            from_at=self.begins + timedelta(seconds=since),
            to_at=self.begins + timedelta(seconds=until),
            sent_decodable=True,
            received_decodable=True,
            packets_in=1,
            bytes_in=1,
            packets_out=1,
            bytes_out=1,
            lost_in=0,
            lost_out=0,
            jitter_ms=0.0,
            rtt_ms=None,
            reason=None,
        )

    async def look(self, second: float) -> list[tuple[str, str | None]]:
        """Look at a second of the lesson: (room, why closed) of every alert so far."""
        self.site.now = self.begins + timedelta(seconds=second)
        await self.watch.look()
        async with self.site.pool.connection() as connection:
            found = await alerts.since(connection, self.begins - timedelta(days=1))
        return sorted((a.room_id, a.closed_why) for a in found)

    async def messages(self) -> list[dict[str, Any]]:
        async with self.site.pool.connection() as connection:
            rows = await connection.fetch("SELECT body FROM webhook_messages ORDER BY made_at, id")
        return [json.loads(row["body"]) for row in rows]


@pytest.fixture
async def lesson(site: Site) -> Lesson:
    begins = site.now + timedelta(minutes=5)
    watch = Watch(site.pool, lambda: site.now, AlertRules(), time(18), tell=True)
    return Lesson(site, begins, watch)


async def test_a_dark_room_is_told_of_once_within_a_minute_and_closed_when_it_is_back(
    lesson: Lesson,
) -> None:
    lead, far = lesson.site.planned.lead, lesson.site.planned.receiving
    await lesson.flows(lead, 300)
    await lesson.flows(far, 100)
    assert await lesson.look(139) == []
    assert await lesson.look(145) == [(FAR_ROOM, None)]  # 45 s after it went dark
    assert await lesson.look(150) == [(FAR_ROOM, None)]
    await lesson.flows(far, 165, since=152)
    assert await lesson.look(166) == [(FAR_ROOM, "back")]
    found = await lesson.messages()
    assert [(m["type"], m["data"]["room"], m["data"]["times"]) for m in found] == [
        ("room.dark", "far Room 1", 1),
        ("room.back", "far Room 1", 1),
    ]
    assert found[0]["data"]["dark_since"] == (lesson.begins + timedelta(seconds=100)).isoformat()
    # The same room in the same lesson once more: the same alert, for the second time.
    assert await lesson.look(210) == [(FAR_ROOM, None)]
    assert [m["data"]["times"] for m in await lesson.messages()] == [1, 1, 2]


async def test_a_lesson_that_nobody_came_to_has_one_alert_a_room(lesson: Lesson) -> None:
    assert await lesson.look(-60) == []
    both = [(f"{HUB}-R1", None), (FAR_ROOM, None)]
    assert await lesson.look(41) == both
    assert await lesson.look(100) == both
    assert len(await lesson.messages()) == 2


async def test_alerts_end_with_their_lesson(lesson: Lesson) -> None:
    await lesson.look(100)
    async with lesson.site.pool.transaction() as connection:
        await sessions.cancel(
            connection, lesson.site.planned.session_id, lesson.site.now, "network"
        )
    assert {why for _, why in await lesson.look(101)} == {"ended"}


async def test_two_leaders_at_once_tell_nothing_twice(lesson: Lesson) -> None:
    lesson.site.now = lesson.begins + timedelta(seconds=100)
    await asyncio.gather(lesson.watch.look(), lesson.watch.look(), lesson.watch.look())
    kinds = [(m["type"], m["data"]["room_id"]) for m in await lesson.messages()]
    assert sorted(kinds) == sorted([("room.dark", FAR_ROOM), ("room.dark", f"{HUB}-R1")])


async def test_the_administrators_page_shows_alerts_and_asks_for_them_unattended(
    lesson: Lesson,
) -> None:
    site = lesson.site
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "admin")
        async with browser.get("/admin") as response:
            assert "Rooms that are dark" not in await response.text()
        await lesson.look(100)
        async with browser.get("/admin/alerts", headers=BY_ITSELF) as response:
            text = await response.text()
        assert "Rooms that are dark while their lesson should be live" in text
        assert "far Room 1" in text
        async with browser.get("/api/v1/alerts") as response:
            found = (await response.json())["alerts"]
        assert {a["room_id"] for a in found} == {FAR_ROOM, f"{HUB}-R1"}
        async with browser.get("/admin/alerts", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/admin")
        # Asking for half an hour without anybody there does not keep a visitor signed in.
        for _ in range(31):
            site.now += timedelta(minutes=1)
            async with browser.get("/admin/alerts", headers=BY_ITSELF) as response:
                status = response.status
        assert status == 401


async def test_a_schools_administrator_sees_that_schools_alerts(lesson: Lesson) -> None:
    await lesson.look(100)
    async with lesson.site.browser() as browser:
        await sign_in(browser, "far-admin")
        async with browser.get("/api/v1/alerts") as response:
            found = (await response.json())["alerts"]
        async with browser.get("/admin/alerts", headers=BY_ITSELF) as response:
            text = await response.text()
    assert [a["room_id"] for a in found] == [FAR_ROOM]
    assert "hub Room 1" not in text


# ── webhooks ─────────────────────────────────────────────────────────────────────────────


@dataclass
class Receiver:
    """Somebody's server; `answers` are given in turn, then 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.text()))
        self.came.set()
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def receiving(*answers: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(answers=list(answers))
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def _message(site: Site, body: str = '{"type":"digest"}') -> None:
    async with site.pool.transaction() as connection:
        await webhooks.add(connection, "digest", body, site.now)


async def _round(site: Site, url: str) -> int:
    sender = Sender(site.pool, url, SECRET, lambda: site.now)
    async with aiohttp.ClientSession() as http:
        return await sender.send_due(http)


async def test_a_message_arrives_signed_as_the_specification_says(site: Site) -> None:
    await _message(site, '{"type":"digest","name":"春晖"}')
    async with receiving() as receiver:
        assert await _round(site, receiver.url) == 1
        assert await _round(site, receiver.url) == 0
    [(headers, body)] = receiver.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    wanted = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert json.loads(body)["name"] == "春晖"


def test_the_signature_is_that_of_the_specifications_example() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_fails_is_tried_again_after_longer_and_longer_pauses(site: Site) -> None:
    await _message(site)
    pauses = []
    async with receiving(500, 500, 302, 429, 500, 500, 500, 500, 500, 500, 500) as receiver:
        for _ in range(11):
            assert await _round(site, receiver.url) == 1
            tried = site.now
            async with site.pool.connection() as connection:
                due = await connection.fetchval("SELECT next_at FROM webhook_messages")
            site.now = due - timedelta(milliseconds=1)
            assert await _round(site, receiver.url) == 0
            site.now = due
            pauses.append((due - tried).total_seconds())
        assert await _round(site, receiver.url) == 1
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    async with site.pool.connection() as connection:
        state = await webhooks.state(connection, site.now - timedelta(days=1))
    assert (state.waiting, state.given_up, state.last_delivered_at) == (0, 0, site.now)


async def test_a_message_is_given_up_after_a_day_or_when_the_receiver_is_gone(site: Site) -> None:
    async with receiving(410, 500) as receiver:
        await _message(site)
        await _round(site, receiver.url)
        await _message(site)
        site.now += GIVEN_UP_AFTER + timedelta(seconds=1)
        await _round(site, receiver.url)
        site.now += timedelta(hours=1)
        assert await _round(site, receiver.url) == 0
    async with site.pool.connection() as connection:
        state = await webhooks.state(connection, site.now - timedelta(days=3))
    assert (state.waiting, state.given_up) == (0, 2)


async def test_a_receiver_that_is_not_there_is_a_problem_that_the_page_names(site: Site) -> None:
    await _message(site)
    async with receiving() as receiver:
        url = receiver.url
    await _round(site, url)
    async with site.pool.connection() as connection:
        state = await webhooks.state(connection, site.now - timedelta(days=1))
    assert state.waiting == 1
    assert "Connect call failed" in (state.problem or "")


async def test_an_alert_reaches_the_receiver_by_the_running_sender(lesson: Lesson) -> None:
    await lesson.look(100)
    async with receiving() as receiver:
        sender = Sender(lesson.site.pool, receiver.url, SECRET, lambda: lesson.site.now)
        running = asyncio.create_task(sender.run())
        try:
            async with asyncio.timeout(10):
                await receiver.came.wait()
        finally:
            running.cancel()
            await asyncio.wait([running])
    assert json.loads(receiver.got[0][1])["type"] == "room.dark"


def test_a_webhook_without_a_secret_is_no_configuration() -> None:
    with pytest.raises(BadSettings, match="webhook-secret is needed"):
        load(webhook_url="https://example.cn/hook")
    with pytest.raises(BadSettings):
        load(webhook_url="https://example.cn/hook", webhook_secret="short")
    with pytest.raises(BadSettings):
        load(webhook_url="file:///etc/passwd", webhook_secret=SECRET)


# ── the digest ───────────────────────────────────────────────────────────────────────────


async def test_the_digest_is_made_once_in_the_evening_however_many_make_it(site: Site) -> None:
    watch = Watch(site.pool, lambda: site.now, AlertRules(), time(18), tell=True)
    async with site.pool.transaction() as connection:
        planned = await plan(connection, lesson_of_the_week(), NOON)
        await sessions.open_session(connection, planned.session_id, NOON)
    site.now = NOON + timedelta(seconds=100)
    await watch.look()
    async with site.pool.transaction() as connection:
        await sessions.miss(connection, planned.session_id, NOON + timedelta(minutes=40))
        await derive_attendance(connection, planned.session_id, AttendanceRules())
    site.now = NOON + timedelta(hours=6)  # 18:00 in Shanghai
    await asyncio.gather(*(watch.make_digests() for _ in range(3)))
    await watch.make_digests()
    async with site.pool.connection() as connection:
        rows = await connection.fetch("SELECT body FROM webhook_messages WHERE kind = 'digest'")
        found = await digests.digest(connection, MONDAY)
    assert found is not None
    assert [json.loads(row["body"])["data"] for row in rows] == [found.content]
    assert found.content["sessions"] == {"planned": 1, "held": 0, "not_held": 1, "cancelled": 0}
    assert found.content["links"] == {"absent": 1}
    assert {(d["room"], d["closed_at"]) for d in found.content["dark"]} == {
        ("hub Room 1", None),
        ("far Room 1", None),
    }
    [owed] = found.content["makeup_due"]
    assert (owed["room"], owed["class"], owed["cause"], owed["due_by"], owed["overdue"]) == (
        "far Room 1",
        "3(1)",
        "not_held",
        "2026-09-21",
        False,
    )
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "admin")
        async with browser.get(f"/admin/digest?day={MONDAY}") as response:
            text = await response.text()
        async with browser.get(f"/api/v1/digests/{MONDAY}") as response:
            assert (await response.json())["content"] == found.content
        async with browser.get("/admin/digest?day=tomorrow") as response:
            assert response.status == 422
    assert "still dark" in text
    assert "2026-09-21" in text


async def test_before_the_evening_there_is_no_digest(site: Site) -> None:
    watch = Watch(site.pool, lambda: site.now, AlertRules(), time(23, 59, 59), tell=True)
    site.now = datetime(2026, 9, 7, 10, 0, tzinfo=site.now.tzinfo)
    await watch.make_digests()
    async with site.pool.connection() as connection:
        assert await digests.days(connection) == []
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "admin")
        async with browser.get("/admin/digest") as response:
            assert "There is no digest of this day." in await response.text()
