"""Targeted push over a real port: who sends what to whom, what a classroom gets and tells."""

import hashlib
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from classroom_sync.sending import send_by_rule
from db import presence, pushes, recordings, uploads
from db.pool import Connection
from db.uploads import Upload
from scheduler.attendance import AttendanceRules
from scheduler.model import Attendance, AttendanceStatus
from scheduler.recording import Part, Track
from tests.http.conftest import Site, pair_room, sign_in
from tests.worlds import FAR, HUB, NEAR, NOON

RULES = AttendanceRules()
CONTENT = bytes(range(256)) * 40
FAR_CLASS, NEAR_CLASS = f"{FAR}-301", f"{NEAR}-301"


class Visit:
    """Somebody's browser, and what the server says to it."""

    def __init__(self, browser: aiohttp.ClientSession, csrf: str) -> None:
        self.browser = browser
        self.csrf = csrf

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        headers = {"X-CSRF-Token": self.csrf, "Accept-Language": "en"}
        async with self.browser.request(
            method, f"/api/v1{path}", headers=headers, json=body
        ) as response:
            text = await response.json() if response.status != 204 else None
            return response.status, text

    async def done(self, method: str, path: str, body: object = None) -> Any:
        status, said = await self.ask(method, path, body)
        assert status < 300, said
        return said


async def visit(browser: aiohttp.ClientSession, login: str) -> Visit:
    return Visit(browser, await sign_in(browser, login))


async def screen(site: Site, browser: aiohttp.ClientSession, school: str = FAR) -> Visit:
    return Visit(browser, await pair_room(site, browser, f"{school}-R1", f"{school[-4:]}AAAA"))


async def kept(site: Site, name: str = "sheet.pdf", duration_ms: int | None = None) -> UUID:
    """An upload of the first hub teacher that can be sent, with its file."""
    upload_id = uuid4()
    async with site.pool.transaction() as connection:
        account = await connection.fetchval("SELECT id FROM accounts WHERE login = 'lead'")
        kind, media = ("lesson", "video/mp4") if duration_ms else ("worksheet", "application/pdf")
        size = len(CONTENT)
        await uploads.add(
            connection,
            Upload(
                upload_id, account, f"{HUB}-T1", HUB, kind, name, "music", media, size, site.now
            ),
        )
        digest = hashlib.sha256(CONTENT).digest()
        await uploads.ready(
            connection, upload_id, digest=digest, duration_ms=duration_ms, pages=None, at=site.now
        )
    site.uploads.mkdir(exist_ok=True)
    (site.uploads / str(upload_id)).write_bytes(CONTENT)
    return upload_id


async def recorded(site: Site, connection: Connection, *, published: bool = False) -> UUID:
    recording_id = await recordings.begin(
        connection,
        session_id=site.planned.session_id,
        made_by="system",
        started_at=site.now,
        delete_after=None,
    )
    assert recording_id is not None
    await recordings.stop(connection, recording_id, site.now)
    part = Part(Track.MAIN, 1, 0, 100_000, 500, "video/webm", "lesson.webm")
    await recordings.finish(connection, recording_id, recordings.Files((part,)), site.now)
    if published:
        await recordings.publish(connection, recording_id, published=True, delete_after=None)
    return recording_id


async def by_rule(site: Site, connection: Connection) -> list[UUID]:
    return await send_by_rule(connection, site.now, RULES, 0.8)


def wish(item: UUID, *classes: str, **more: object) -> dict[str, object]:
    return {"item": str(item), "classes": list(classes), **more}


async def send(site: Site, item: UUID, *classes: str) -> str:
    async with site.browser() as browser:
        teacher = await visit(browser, "lead")
        return str((await teacher.done("POST", "/pushes", wish(item, *classes)))["id"])


def receipt(push: str, kind: str, *played: tuple[int, int], **more: object) -> dict[str, object]:
    told = {"id": str(uuid4()), "push": push, "class_id": FAR_CLASS, "kind": kind}
    return {**told, "at": "2026-01-01T00:00:00Z", "played": played, **more}


async def audited(site: Site, action: str) -> list[str]:
    async with site.pool.connection() as connection:
        rows = await connection.fetch("SELECT object FROM audit WHERE action = $1", action)
    return [row["object"] for row in rows]


async def test_a_teacher_sends_and_sees_what_became_of_it(site: Site) -> None:
    item = await kept(site, duration_ms=100_000)
    async with site.browser() as browser, site.browser() as wall:
        teacher, room = await visit(browser, "lead"), await screen(site, wall)
        [offered] = (await teacher.done("GET", "/push-items"))["items"]
        assert offered["id"] == str(item)
        due = (site.now + timedelta(days=9)).date().isoformat()
        asked = wish(item, FAR_CLASS, NEAR_CLASS, note=" Sing along ", due_on=due)
        push = (await teacher.done("POST", "/pushes", asked))["id"]
        [got] = (await room.done("GET", "/room/sent"))["items"]
        assert (got["push"], got["title"], got["note"]) == (push, "sheet", "Sing along")
        assert (got["due_on"], got["teacher"]) == (due, "Lead 1")
        assert [c["id"] for c in got["classes"]] == [FAR_CLASS]
        told = [
            receipt(push, "opened"),
            receipt(push, "played", (0, 50_000)),
            receipt(push, "played", (40_000, 81_000)),
            receipt(push, "feedback", note="  What is a clef? ", understood="most"),
        ]
        taken = await room.done("POST", "/room/receipts", {"receipts": told})
        assert taken == {"known": [t["id"] for t in told], "refused": []}
        [seen] = (await teacher.done("GET", "/pushes"))["pushes"]
        far, near = seen["classes"]
        assert far == {
            "class_id": FAR_CLASS,
            "fetched": True,
            "opened": True,
            "watched": True,
            "share": 0.81,
            "feedback": ["What is a clef?"],
            "answers": [],
            "marked": [],
        }
        assert (near["class_id"], near["fetched"], near["share"]) == (NEAR_CLASS, False, 0.0)
    assert await audited(site, "push_sent") == [f"push:{push}"]
    assert await audited(site, "push_opened") == [f"push:{push}"]


async def test_receipts_told_again_and_in_parts_count_once(site: Site) -> None:
    push = await send(site, await kept(site, duration_ms=100_000), FAR_CLASS)
    told = [receipt(push, "played", (n * 10_000, n * 10_000 + 9_000)) for n in range(5)]
    async with site.browser() as wall:
        room = await screen(site, wall)
        for part in (told[:3], told[1:], told, told[::-1]):
            taken = await room.done("POST", "/room/receipts", {"receipts": part})
            assert taken["refused"] == []
            assert taken["known"] == [t["id"] for t in part]
        [got] = (await room.done("GET", "/room/sent"))["items"]
    assert got["classes"][0]["share"] == pytest.approx(0.45)
    async with site.pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM receipts") == 5


async def test_a_room_tells_of_its_own_classes_only(site: Site) -> None:
    item = await kept(site, duration_ms=100_000)
    mine, others = await send(site, item, FAR_CLASS), await send(site, item, NEAR_CLASS)
    async with site.browser() as wall:
        room = await screen(site, wall)
        told = [
            receipt(others, "opened"),
            receipt(others, "opened", class_id=NEAR_CLASS),
            receipt(mine, "opened", class_id=NEAR_CLASS),
            receipt(str(uuid4()), "opened"),
            receipt(mine, "played"),  # of nothing
            receipt(mine, "opened", (0, 5)),
            receipt(mine, "opened"),
        ]
        taken = await room.done("POST", "/room/receipts", {"receipts": told})
        ids = [t["id"] for t in told]
        assert (taken["known"], set(taken["refused"])) == (ids[6:], set(ids[:6]))
        assert [i["push"] for i in (await room.done("GET", "/room/sent"))["items"]] == [mine]


@pytest.mark.parametrize(
    "body",
    [
        {"receipts": [{"id": "x"}]},
        {"receipts": [receipt("00000000-0000-0000-0000-000000000000", "eaten")]},
        {"receipts": [receipt("00000000-0000-0000-0000-000000000000", "opened", at="yesterday")]},
        {"receipts": [receipt("00000000-0000-0000-0000-000000000000", "opened")] * 201},
        {"receipts": [receipt("00000000-0000-0000-0000-000000000000", "opened", note="x" * 1001)]},
        {"receipts": [receipt("00000000-0000-0000-0000-000000000000", "played", *[(0, 1)] * 501)]},
    ],
)
async def test_receipts_out_of_bounds_are_refused_whole(site: Site, body: object) -> None:
    async with site.browser() as wall:
        room = await screen(site, wall)
        assert (await room.ask("POST", "/room/receipts", body))[0] == 422


async def test_a_classrooms_clock_is_believed_between_sending_and_now(site: Site) -> None:
    push = await send(site, await kept(site), FAR_CLASS)
    site.now += timedelta(minutes=1)
    far_ahead = receipt(push, "fetched", at="2099-01-01T00:00:00Z")
    long_ago = receipt(push, "opened", at="1999-01-01T00:00:00Z")
    async with site.browser() as wall:
        room = await screen(site, wall)
        await room.done("POST", "/room/receipts", {"receipts": [far_ahead, long_ago]})
    async with site.pool.connection() as connection:
        rows = await connection.fetch("SELECT kind, at FROM receipts ORDER BY kind")
    assert [tuple(r) for r in rows] == [
        ("fetched", site.now),
        ("opened", site.now - timedelta(minutes=1)),
    ]


async def test_only_what_is_ones_own_is_sent_and_only_to_schools_one_assists(site: Site) -> None:
    item = await kept(site)
    async with site.browser() as one, site.browser() as two, site.browser() as three:
        lead, other = await visit(one, "lead"), await visit(two, "other")
        admin = await visit(three, "admin")
        assert (await other.ask("POST", "/pushes", wish(item, FAR_CLASS)))[0] == 404
        assert (await other.done("GET", "/push-items"))["items"] == []
        assert (await lead.ask("POST", "/pushes", wish(item, f"{HUB}-301")))[0] == 422
        assert (await lead.ask("POST", "/pushes", wish(item, "nobody")))[0] == 422
        assert (await lead.ask("POST", "/pushes", wish(item)))[0] == 422
        assert (await lead.ask("POST", "/pushes", wish(uuid4(), FAR_CLASS)))[0] == 404
        over = wish(item, FAR_CLASS, due_on="2020-01-01")
        status, said = await lead.ask("POST", "/pushes", over)
        assert (status, said["detail"]) == (
            422,
            "The due date is over: choose today or a later day.",
        )
        assert (await admin.ask("POST", "/pushes", wish(item, FAR_CLASS)))[0] == 200
        assert (await other.done("GET", "/pushes"))["pushes"] == []
        assert len((await lead.done("GET", "/pushes"))["pushes"]) == 1  # the feedback is for them
    async with site.browser() as browser:
        elsewhere = await visit(browser, "far-admin")
        assert (await elsewhere.ask("POST", "/pushes", wish(item, FAR_CLASS)))[0] == 404
        assert (await elsewhere.done("GET", "/pushes"))["pushes"] == []


async def test_content_comes_in_ranges_to_those_it_was_sent_to(site: Site) -> None:
    push = await send(site, await kept(site, duration_ms=100_000), FAR_CLASS)
    path = f"/room/sent/{push}/content"
    async with site.browser() as wall, site.browser() as elsewhere:
        await screen(site, wall)
        await screen(site, elsewhere, NEAR)
        async with wall.get(path) as response:
            assert (response.status, await response.read()) == (200, CONTENT)
            assert response.headers["Content-Type"] == "video/mp4"
            assert response.headers["Accept-Ranges"] == "bytes"
            tag = response.headers["ETag"]
        for asked, first, last in (("0-99", 0, 99), ("100-", 100, 10239), ("-5", 10235, 10239)):
            headers = {"Range": f"bytes={asked}", "If-Match": tag}
            async with wall.get(path, headers=headers) as response:
                assert response.status == 206
                assert response.headers["Content-Range"] == f"bytes {first}-{last}/10240"
                assert await response.read() == CONTENT[first : last + 1]
        async with wall.get(path, headers={"Range": "bytes=20000-"}) as response:
            assert response.status == 416
        async with wall.get(path, headers={"Range": "bytes=9-", "If-Match": '"other"'}) as response:
            assert response.status == 412
        for stranger in (path, f"/room/sent/{uuid4()}/content", "/room/sent/x/content"):
            async with elsewhere.get(stranger) as response:
                assert response.status == 404
    viewed = await audited(site, "push_viewed")
    assert set(viewed) == {f"push:{push}"}
    assert len(viewed) == 2  # those from the beginning; what follows belongs to them


async def test_those_who_follow_a_push_may_look_at_it(site: Site) -> None:
    push = await send(site, await kept(site), FAR_CLASS)
    expected = {"lead": 200, "admin": 200, "other": 404, "helper": 404, "far-admin": 404}
    for login, status in {**expected, "bureau": 403}.items():
        async with site.browser() as browser:
            await sign_in(browser, login)
            async with browser.get(f"/sent/{push}/content") as response:
                assert response.status == status, login
                if status == 200:
                    assert response.headers["Content-Disposition"] == "inline"


async def test_a_recording_is_played_from_where_recordings_are_kept(site: Site) -> None:
    async with site.pool.transaction() as connection:
        recording_id = await recorded(site, connection)
    push = await send(site, recording_id, FAR_CLASS)
    folder = site.uploads.parent / "recordings"
    folder.mkdir()
    (folder / "lesson.webm").write_bytes(CONTENT)
    async with site.browser() as wall:
        await screen(site, wall)
        headers = {"Range": "bytes=10-19"}
        async with wall.get(f"/room/sent/{push}/content", headers=headers) as response:
            assert (response.status, await response.read()) == (206, CONTENT[10:20])
            assert response.headers["Content-Type"] == "video/webm"


async def test_what_is_not_kept_any_more_is_said_to_be_gone(site: Site) -> None:
    async with site.pool.transaction() as connection:
        recording_id = await recorded(site, connection)
    push = await send(site, recording_id, FAR_CLASS)
    async with site.pool.transaction() as connection:
        await recordings.delete(connection, recording_id)
    async with site.browser() as wall:
        room = await screen(site, wall)
        [got] = (await room.done("GET", "/room/sent"))["items"]
        assert (got["tag"], got["size"]) == (None, None)
        async with wall.get(f"/room/sent/{push}/content") as response:
            assert response.status == 410


async def _absent(site: Site, connection: Connection, seconds: int = 600) -> None:
    attendance = Attendance(
        site.planned.receiving,
        site.planned.session_id,
        AttendanceStatus.ABSENT,
        False,
        seconds,
        2400,
        0,
        None,
        None,
        False,
        "too_short",
        "test",
        (),
    )
    await presence.add_attendance(connection, attendance)


async def test_a_class_that_missed_a_lesson_gets_its_recording_by_itself_and_makes_it_up(
    site: Site,
) -> None:
    async with site.pool.transaction() as connection:
        await _absent(site, connection)
        assert await by_rule(site, connection) == []  # nothing was recorded
        await recorded(site, connection)
        [push] = await by_rule(site, connection)
        assert await by_rule(site, connection) == []
        sent = await pushes.push(connection, push)
        assert sent is not None
        assert (sent.class_ids, sent.teacher_id) == ((FAR_CLASS,), f"{HUB}-T1")
        assert sent.due_on > sent.sent_on
        assert await presence.makeups(connection, site.planned.session_id, "Asia/Shanghai") == {}
    async with site.browser() as wall:
        room = await screen(site, wall)
        told = [receipt(str(push), "played", (0, 80_000))]
        await room.done("POST", "/room/receipts", {"receipts": told})
    async with site.pool.connection() as connection:
        found = await presence.makeups(connection, site.planned.session_id, "Asia/Shanghai")
    assert found.keys() == {site.planned.receiving}


async def test_rules_are_made_and_ended_by_the_citys_administrator(site: Site) -> None:
    rule = {"kind": "subject", "subject": "music", "grades": [3], "school_days": 5}
    async with site.browser() as one, site.browser() as two:
        admin, school = await visit(one, "admin"), await visit(two, "far-admin")
        assert (await school.ask("POST", "/push-rules", rule))[0] == 403
        made = (await admin.done("POST", "/push-rules", rule))["id"]
        for wrong in (
            {**rule, "weekday": 2},
            {**rule, "kind": "weekly"},
            {**rule, "subject": None},
            {**rule, "subject": "alchemy"},
            {**rule, "grades": [12]},
            {**rule, "school_days": 0},
            {**rule, "kind": "daily"},
        ):
            assert (await admin.ask("POST", "/push-rules", wrong))[0] == 422, wrong
        assert [r["id"] for r in (await admin.done("GET", "/push-rules"))["rules"]][1:] == [made]
        await kept(site)
        async with site.pool.transaction() as connection:
            [push] = await by_rule(site, connection)
            sent = await pushes.push(connection, push)
            assert sent is not None
            assert sent.class_ids == (FAR_CLASS, NEAR_CLASS)
            assert str(sent.rule_id) == made
        await admin.done("DELETE", f"/push-rules/{made}")
        assert (await admin.ask("DELETE", f"/push-rules/{made}"))[0] == 404
        await kept(site)
        async with site.pool.transaction() as connection:
            assert await by_rule(site, connection) == []


async def test_a_weekly_plan_sends_one_a_week_from_its_weekday_on(site: Site) -> None:
    rule = {"kind": "weekly", "subject": "music", "grades": [3], "weekday": 3, "school_days": 4}
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    async with site.browser(**headers) as browser:
        await (await visit(browser, "admin")).done("POST", "/push-rules", rule)
        async with browser.get("/sent/rules") as response:
            assert "Wednesday" in await response.text()
    older, newer = await kept(site, "older.pdf"), await kept(site, "newer.pdf")
    sent: list[list[UUID]] = []
    async with site.pool.transaction() as connection:
        await connection.execute("UPDATE push_rules SET since = $1", date(2020, 1, 1))
        await connection.execute(
            "UPDATE uploads SET made_at = made_at - interval '9 days' WHERE id = $1", older
        )
        for days in (1, 2, 4, 8, 9, 9, 16):  # Tuesday, Wednesday, Friday, and so on in later weeks
            made = await send_by_rule(connection, NOON + timedelta(days=days), RULES, 0.8)
            found = [await pushes.push(connection, push) for push in made]
            assert all(p.class_ids == (FAR_CLASS, NEAR_CLASS) for p in found if p)
            sent.append([p.item_id for p in found if p])
    assert sent == [[], [older], [], [], [newer], [], []]


@pytest.mark.parametrize(("published", "classes"), [(False, None), (True, (NEAR_CLASS,))])
async def test_a_recording_goes_to_other_classes_by_rule_only_once_it_is_published(
    site: Site, published: bool, classes: tuple[str, ...] | None
) -> None:
    rule = {"kind": "subject", "subject": "music"}
    async with site.browser() as browser:
        await (await visit(browser, "admin")).done("POST", "/push-rules", rule)
    async with site.pool.transaction() as connection:
        await connection.execute("UPDATE push_rules SET since = $1", date(2020, 1, 1))
        await recorded(site, connection, published=published)
        sent = [await pushes.push(connection, p) for p in await by_rule(site, connection)]
    assert [p.class_ids for p in sent if p] == ([classes] if classes else [])


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
async def test_pages_show_what_was_sent_in_both_languages(site: Site, lang: str) -> None:
    item = await kept(site, "第一课 & co.pdf")
    push = await send(site, item, FAR_CLASS)
    words = {
        "zh-CN": ("推送给班级的课程", "推送给班级", "自动推送规则", "本班推送课程"),
        "en": ("Lessons sent to classes", "Send to classes", "What is sent by rule", "Lessons for"),
    }[lang]
    headers = {"Accept": "text/html", "Accept-Language": lang}

    async def text(browser: aiohttp.ClientSession, path: str) -> str:
        async with browser.get(path) as response:
            assert response.status == 200
            return await response.text()

    async with site.browser(**headers) as one, site.browser(**headers) as two:
        await sign_in(one, "admin")
        listed = await text(one, "/sent")
        assert words[0] in listed
        assert "第一课 &amp; co.pdf" in listed
        assert f"/sent/{push}/content" in listed
        assert words[1] in await text(one, "/sent/new")
        assert FAR_CLASS in await text(one, f"/sent/new?item={item}")
        assert words[2] in await text(one, "/sent/rules")
        await screen(site, two)
        assert words[3] in await text(two, "/room/sent")
        assert words[3] in await text(two, "/room")
        async with two.get("/room/worker.js") as response:
            assert response.headers["Service-Worker-Allowed"] == "/room"
