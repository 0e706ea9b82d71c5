"""Teaching-research meetings over the API: called, changed, written in, and what is refused."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import docx
import pypdf
import pytest
from aiohttp import ClientSession

from classroom_sync.feeds import hash_of, text_of
from classroom_sync.feeds import refresh as refresh_feeds
from db import accounts, feeds, meetings, nodes, plans, sessions
from db.changes import Taken
from db.meetings import Call
from db.nodes import MediaNodeRow
from scheduler.model import ParticipantRole, Receiver, SessionState
from tests.http.conftest import PASSWORD_HASH, Site, sign_in
from tests.worlds import FAR, HUB, NEAR
from tests.worlds import lesson as planned_lesson
from tests.worlds import plan as store

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHAIR, HELPER, NEIGHBOUR = f"{HUB}-T1", f"{FAR}-T1", f"{NEAR}-T1"


@dataclass
class Person:
    """Somebody signed in."""

    browser: ClientSession
    csrf: str

    async def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        """Status, and what the answer says."""
        asked = {"X-CSRF-Token": self.csrf, "Accept": "application/json", **headers}
        json = {} if body is None else {"json": body}
        async with self.browser.request(method, path, headers=asked, **json) as answer:  # type: ignore[arg-type]
            said = await answer.json() if "json" in answer.content_type else await answer.read()
            return answer.status, said

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        return await self.ask("POST", f"/api/v1{path}", body)

    async def change(self, path: str, body: object) -> tuple[int, Any]:
        """Change the meeting of a path, on top of the version that is there now."""
        async with self.browser.get(path) as answer:
            tag = answer.headers.get("ETag", '"1"')
        return await self.ask("PUT", path, body, **{"If-Match": tag})


@asynccontextmanager
async def person(site: Site, login: str) -> AsyncIterator[Person]:
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        yield Person(browser, await sign_in(browser, login))


@pytest.fixture
async def neighbour(site: Site) -> None:
    """An account for the teacher of the third school."""
    async with site.pool.transaction() as connection:
        await accounts.add_account(
            connection,
            login="neighbour",
            name="neighbour",
            password_hash=PASSWORD_HASH,
            role="teacher",
            school_code=NEAR,
            teacher_id=NEIGHBOUR,
        )


def call(at: datetime, *members: str, minutes: int = 60, **more: object) -> dict[str, object]:
    """A meeting as it is asked for, at an instant."""
    local = at.astimezone(SHANGHAI)
    return {
        "title": "三年级音乐集体备课",
        "subject": "music",
        "grade": 3,
        "day": local.date().isoformat(),
        "starts": local.strftime("%H:%M:%S"),
        "minutes": minutes,
        "members": list(members or (HELPER, NEIGHBOUR)),
        "agenda": [{"title": "回顾", "minutes": 10}, {"title": "Rhythm <b>"}],
        **more,
    }


def later(site: Site, **ahead: float) -> datetime:
    """A minute after the lesson that is on; not on a Monday, which has another."""
    at = (site.now + timedelta(hours=2) + timedelta(**ahead)).replace(second=0, microsecond=0)
    ends_on = (at + timedelta(hours=4)).astimezone(SHANGHAI)
    return (
        at
        if 1 not in (at.astimezone(SHANGHAI).isoweekday(), ends_on.isoweekday())
        else (at + timedelta(days=2))
    )


async def begun(site: Site, who: Person, **more: object) -> UUID:
    """A meeting whose doors are open."""
    at = later(site)
    status, made = await who.post("/meetings", call(at, **more))
    assert status == 200, made
    await _open(site, UUID(made["session"]))
    return UUID(made["session"])


async def _open(site: Site, session_id: UUID) -> None:
    async with site.pool.connection() as connection:
        await sessions.open_session(connection, session_id, site.now)
    await site.live.read_again(session_id)


async def test_a_teacher_calls_a_meeting_that_everybody_called_finds(
    site: Site, neighbour: None
) -> None:
    at = later(site)
    async with person(site, "lead") as lead, person(site, "neighbour") as called:
        status, made = await lead.post("/meetings", call(at))
        assert status == 200, made
        status, found = await called.ask("GET", f"/api/v1/meetings/{made['session']}")
        assert status == 200
        assert (found["title"], found["chair"], found["state"]) == (
            "三年级音乐集体备课",
            CHAIR,
            "scheduled",
        )
        assert sorted(found["members"]) == [HELPER, NEIGHBOUR]
        assert datetime.fromisoformat(found["starts_at"]) == at
        assert [(i["title"], i["minutes"]) for i in found["agenda"]] == [
            ("回顾", 10),
            ("Rhythm <b>", None),
        ]
        _, listed = await called.ask("GET", "/api/v1/meetings")
        assert [m["session"] for m in listed["meetings"]] == [made["session"]]
        for path in ("/teacher", "/meetings", f"/meetings/{made['session']}"):
            _, page = await called.ask("GET", path, Accept="text/html")
            assert "三年级音乐集体备课" in page.decode(), path
        assert "Rhythm &lt;b&gt;" in page.decode()
        assert "Asia/Shanghai" in page.decode()
    async with site.pool.transaction() as connection:
        session = await sessions.session(connection, UUID(made["session"]))
        assert session is not None
        assert sorted((p.role, p.teacher_id) for p in session.participants) == [
            (ParticipantRole.LEAD, CHAIR),
            (ParticipantRole.MEMBER, HELPER),
            (ParticipantRole.MEMBER, NEIGHBOUR),
        ]


async def test_a_meeting_is_in_the_calendar_of_everybody_called(site: Site) -> None:
    async with person(site, "lead") as lead:
        _, made = await lead.post("/meetings", call(later(site)))
    async with site.pool.transaction() as connection:
        account = await accounts.account_by_login(connection, "lead")
        assert account is not None
        await feeds.add_token(
            connection, hash_of("x"), "teacher", NEIGHBOUR, "en", account.id, site.now
        )
        token = await feeds.token(connection, hash_of("x"))
        assert token is not None
        await refresh_feeds(connection, site.now)
        text = (await text_of(connection, token, site.now)).content.decode().replace("\r\n ", "")
    assert "SUMMARY:Research meeting 三年级音乐集体备课" in text
    assert "Chair: Lead 1\\nCalled: Helper Helper" in text
    async with person(site, "lead") as lead:
        status, _ = await lead.post(
            f"/meetings/{made['session']}/cancellation", {"cause": "school"}
        )
        assert status == 204
    site.now += timedelta(minutes=2)
    async with site.pool.transaction() as connection:
        await refresh_feeds(connection, site.now)
        text = (await text_of(connection, token, site.now)).content.decode()
    assert "STATUS:CANCELLED" in text


async def test_a_meeting_is_in_the_calendars_of_the_schools_that_were_called(site: Site) -> None:
    async with person(site, "lead") as lead:
        _, made = await lead.post("/meetings", call(later(site), HELPER))
        path = f"/api/v1/meetings/{made['session']}"

        async def said_to(school: str) -> str:
            async with site.pool.transaction() as connection:
                account = await accounts.account_by_login(connection, "admin")
                assert account is not None
                key = hash_of(f"{school}{site.now}")
                await feeds.add_token(connection, key, "school", school, "en", account.id, site.now)
                token = await feeds.token(connection, key)
                assert token is not None
                await refresh_feeds(connection, site.now)
                text = (await text_of(connection, token, site.now)).content.decode()
            events = text.replace("\r\n ", "").split("BEGIN:VEVENT")
            return next((event for event in events if "三年级音乐集体备课" in event), "")

        for school in (HUB, FAR):
            assert "STATUS:CONFIRMED" in await said_to(school)
        assert await said_to(NEAR) == ""
        site.now += timedelta(minutes=2)
        assert (await lead.change(path, call(later(site, days=1), NEIGHBOUR)))[0] == 204
        assert "STATUS:CONFIRMED" in await said_to(NEAR)
        assert "STATUS:CANCELLED" in await said_to(FAR)  # nobody of that school is called any more


async def test_who_is_taken_is_named_with_what_takes_them(site: Site, neighbour: None) -> None:
    at = later(site)
    async with person(site, "lead") as lead, person(site, "admin") as admin:
        in_lesson = call(site.now + timedelta(minutes=20))
        status, problem = await lead.post("/meetings", in_lesson)
        assert status == 409
        assert "Lead 1 – Music" in problem["detail"]
        assert "Helper – Music" in problem["detail"]

        _, made = await lead.post("/meetings", call(at))
        other = call(at + timedelta(minutes=59), NEIGHBOUR, chair=f"{HUB}-T2")
        status, problem = await admin.post("/meetings", other)
        assert status == 409
        begins, ends = (
            each.astimezone(SHANGHAI).strftime("%H:%M") for each in (at, at + timedelta(hours=1))
        )
        assert f"Helper – 三年级音乐集体备课 {begins}–{ends}" in problem["detail"]
        after = call(at + timedelta(minutes=60), NEIGHBOUR, chair=f"{HUB}-T2")
        assert (await admin.post("/meetings", after))[0] == 200

        # A meeting is not in its own way; moved onto another it is refused.
        path = f"/api/v1/meetings/{made['session']}"
        longer = call(at - timedelta(minutes=10))
        assert (await lead.change(path, longer))[0] == 204
        assert (await lead.change(path, call(at + timedelta(minutes=30))))[0] == 409


async def test_the_database_keeps_a_teacher_in_one_meeting_whatever_is_asked(site: Site) -> None:
    async with site.pool.transaction() as connection:
        at = later(site)
        one, other = [
            Call("x", None, None, at.date(), at, at + timedelta(hours=1), chair, (HELPER,), ())
            for chair in (CHAIR, f"{HUB}-T2")
        ]
        plan = await plans.add(
            connection, title="x", subject=None, text="", made_by="x", author="x", at=at
        )
        await meetings.add(connection, one, plan, "x")
        with pytest.raises(Taken):
            async with connection.transaction():
                await meetings.add(connection, other, plan, "x")


@pytest.mark.parametrize(
    ("login", "change", "status"),
    [
        ("lead", {"members": [f"{HUB}-T2"]}, 422),  # of one school
        ("lead", {"members": [CHAIR]}, 422),
        ("lead", {"members": []}, 422),
        ("lead", {"members": ["nobody"]}, 422),
        ("lead", {"subject": "alchemy"}, 422),
        ("lead", {"title": "  "}, 422),
        ("lead", {"minutes": 4}, 422),
        ("lead", {"day": "2020-01-01"}, 422),
        ("lead", {"day": "2199-01-01"}, 422),
        ("lead", {"day": "tomorrow"}, 422),
        ("lead", {"chair": f"{HUB}-T2"}, 403),
        ("lead", {"plan": str(uuid4())}, 404),
        ("lead", {"agenda": [{"title": ""}]}, 422),
        ("admin", {}, 422),  # without a chair
        ("far-admin", {"chair": CHAIR}, 403),
        ("far-admin", {"chair": HELPER, "members": [CHAIR]}, 200),
        ("bureau", {"chair": CHAIR}, 403),
    ],
)
async def test_who_may_call_whom_for_when(
    site: Site, login: str, change: dict[str, object], status: int
) -> None:
    async with person(site, login) as visitor:
        found, said = await visitor.post("/meetings", {**call(later(site)), **change})
        assert found == status, said


async def test_only_who_manages_a_meeting_changes_it_and_others_do_not_see_it(
    site: Site, neighbour: None
) -> None:
    async with person(site, "lead") as lead:
        _, made = await lead.post("/meetings", call(later(site), HELPER))
    path = f"/api/v1/meetings/{made['session']}"
    changed = call(later(site), HELPER, title="二次备课", agenda=[])
    for login, seen, changes in (
        ("helper", 200, 403),
        ("neighbour", 403, 403),
        ("far-admin", 200, 403),
        ("bureau", 200, 403),
        ("admin", 200, 204),
        ("lead", 200, 204),
    ):
        async with person(site, login) as visitor:
            assert (await visitor.ask("GET", path))[0] == seen, login
            assert (await visitor.change(path, changed))[0] == changes, login
            page = f"/meetings/{made['session']}"
            assert (await visitor.ask("GET", page, Accept="text/html"))[0] == seen, login
    async with person(site, "lead") as lead:
        _, found = await lead.ask("GET", path)
        assert (found["title"], found["agenda"]) == ("二次备课", [])
        for nothing in (str(uuid4()), str(site.planned.session_id), "x"):
            assert (await lead.change(f"/api/v1/meetings/{nothing}", changed))[0] == 404
        assert (await lead.ask("GET", f"/api/v1/meetings/{site.planned.session_id}"))[0] == 404


async def test_once_the_doors_are_open_time_and_people_stay(site: Site, neighbour: None) -> None:
    async with person(site, "lead") as lead:
        session_id, at = await begun(site, lead, members=[HELPER]), later(site)
        path = f"/api/v1/meetings/{session_id}"
        assert (await lead.change(path, call(at, HELPER, minutes=90)))[0] == 409
        assert (await lead.change(path, call(at, NEIGHBOUR)))[0] == 409
        assert (await lead.change(path, call(at, HELPER, NEIGHBOUR, agenda=[])))[0] == 204
        _, found = await lead.ask("GET", path)
        assert (sorted(found["members"]), found["agenda"]) == ([HELPER, NEIGHBOUR], [])
    places = (await site.live.need(session_id)).places.values()
    assert {p.participant.teacher_id for p in places} == {CHAIR, HELPER, NEIGHBOUR}


async def test_the_agenda_is_taken_up_by_the_chair_and_notes_are_kept(site: Site) -> None:
    async with person(site, "lead") as lead, person(site, "helper") as helper:
        at = later(site)
        _, made = await lead.post("/meetings", call(at, HELPER))
        path = f"/meetings/{made['session']}"
        _, found = await lead.ask("GET", f"/api/v1{path}")
        first, second = (item["id"] for item in found["agenda"])
        assert (await lead.post(f"{path}/turn", {"item": first}))[0] == 409  # not under way
        await _open(site, UUID(made["session"]))

        assert (await helper.post(f"{path}/turn", {"item": first}))[0] == 403
        assert (await lead.post(f"{path}/turn", {"item": str(uuid4())}))[0] == 422
        for item, minutes in ((first, 4), (first, 1), (second, 7), (first, 2), (None, 0)):
            assert (await lead.post(f"{path}/turn", {"item": item}))[0] == 204
            site.now += timedelta(minutes=minutes)
        decided = {"kind": "decision", "text": "每周一次", "item": second}
        assert (await helper.post(f"{path}/notes", decided))[0] == 204
        assert (await lead.post(f"{path}/notes", {"kind": "note", "text": " a note "}))[0] == 204
        for wrong in (
            {"kind": "note", "text": " "},
            {"kind": "note", "text": "x" * 2001},
            {"kind": "rumour", "text": "x"},
            {"kind": "note", "text": "x", "item": str(uuid4())},
        ):
            assert (await lead.post(f"{path}/notes", wrong))[0] == 422, wrong
        _, found = await helper.ask("GET", f"/api/v1{path}")
        assert [t["item"] for t in found["turns"]] == [first, second, first, None]
        assert [(n["kind"], n["text"], n["item"], n["author"]) for n in found["notes"]] == [
            ("decision", "每周一次", second, "Helper（far）"),
            ("note", "a note", None, "Lead 1（hub）"),
        ]
        state = (await site.live.need(UUID(made["session"]))).meeting
        assert state is not None
        assert (state.item, state.turns, state.notes, state.plan_version) == (None, 4, 2, 1)

        # What was discussed stays on the agenda; what was not may be taken off.
        kept = call(at, HELPER, agenda=[{"id": second, "title": "Rhythm"}])
        assert (await lead.change(f"/api/v1{path}", kept))[0] == 409

        # The minutes say it all, in every form.
        _, text = await lead.ask("GET", f"{path}/minutes?as=md")
        written = text.decode()
        assert "| 1. 回顾 | 10 | 7.0 |" in written
        assert "| 2. Rhythm \\<b\\> | — | 7.0 |" in written
        assert "- 每周一次 — Helper（far）" in written
        _, file = await lead.ask("GET", f"{path}/minutes?as=pdf")
        paper = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file)).pages)
        assert "每周一次" in paper
        _, file = await lead.ask("GET", f"{path}/minutes?as=docx")
        opened = docx.Document(io.BytesIO(file))
        assert "每周一次 — Helper（far）" in [p.text for p in opened.paragraphs]
        cells = [[c.text for c in row.cells] for row in opened.tables[1].rows]
        assert cells[1:] == [["1. 回顾", "10", "7.0"], ["2. Rhythm <b>", "—", "7.0"]]
        assert (await lead.ask("GET", f"{path}/minutes?as=exe"))[0] == 422
    site.now += timedelta(days=4)
    async with person(site, "lead") as lead:
        assert (await lead.post(f"{path}/notes", {"kind": "note", "text": "x"}))[0] == 409


async def test_a_plan_is_saved_by_versions_and_nothing_of_two_writers_is_lost(site: Site) -> None:
    async with person(site, "lead") as lead, person(site, "helper") as helper:
        _, made = await lead.post("/meetings", call(later(site), HELPER))
        _, meeting = await lead.ask("GET", f"/api/v1/meetings/{made['session']}")
        path = f"/api/v1/plans/{meeting['plan']}"
        async with lead.browser.get(path) as answer:
            assert answer.headers["ETag"] == '"1"'
        assert (await lead.ask("PUT", path, {"text": "x"}))[0] == 428
        one = "# 目标\n\n- 听\n"
        status, saved = await lead.ask("PUT", path, {"text": one}, **{"If-Match": '"1"'})
        assert (status, saved["version"], saved["author"]) == (200, 2, "Lead 1（hub）")
        two = one + "- <script>alert(1)</script> [x](javascript:alert(1))\n"
        status, said = await helper.ask("PUT", path, {"text": two}, **{"If-Match": '"1"'})
        assert status == 412
        assert (said["version"], said["author"], said["text"]) == (2, "Lead 1（hub）", one)
        assert [(line["change"], line["text"]) for line in said["changed"]] == [
            ("added", "# 目标"),
            ("added", ""),
            ("added", "- 听"),
        ]
        assert "version 2 meanwhile" in said["detail"]
        status, saved = await helper.ask("PUT", path, {"text": two}, **{"If-Match": '"2"'})
        assert (status, saved["version"]) == (200, 3)
        assert "<script" not in saved["html"]
        assert 'href="javascript' not in saved["html"]
        again, same = await helper.ask("PUT", path, {"text": two}, **{"If-Match": '"3"'})
        assert (again, same["version"]) == (200, 3)  # nothing was changed: no version
        _, diff = await lead.ask("GET", f"{path}/diff?old=2&new=3")
        assert [line["change"] for line in diff["lines"]] == ["same"] * 3 + ["added"]
        restored = {"version": 2}
        status, back = await lead.ask(
            "POST", f"{path}/restoration", restored, **{"If-Match": '"3"'}
        )
        assert (status, back["version"], back["restores"], back["text"]) == (200, 4, 2, one)
        assert [v["version"] for v in back["versions"]] == [1, 2, 3, 4]
        assert (await lead.ask("GET", f"{path}/versions/3"))[1] == {"text": two}
        for tag in ('"3"', "W/x", '"99999999999"', "*"):
            assert (await lead.ask("PUT", path, {"text": "y"}, **{"If-Match": tag}))[0] == 412
        for method, at, body, status in (
            ("GET", "/versions/9", None, 404),
            ("GET", "/versions/x", None, 404),
            ("GET", "/diff?old=1", None, 422),
            ("GET", "/diff?old=1&new=9", None, 404),
            ("POST", "/restoration", {"version": 9}, 404),
            ("PUT", "", {"text": "x" * 60_001}, 422),
        ):
            found, _ = await lead.ask(method, path + at, body, **{"If-Match": '"4"'})
            assert found == status, at
    async with person(site, "other") as stranger:
        assert (await stranger.ask("GET", path))[0] == 403
        assert (await stranger.ask("PUT", path, {"text": "x"}, **{"If-Match": '"4"'}))[0] == 403
    async with person(site, "bureau") as bureau:
        assert (await bureau.ask("GET", path))[0] == 200
        assert (await bureau.ask("PUT", path, {"text": "x"}, **{"If-Match": '"4"'}))[0] == 403


async def test_a_plan_goes_on_in_another_meeting_and_is_for_a_lesson(site: Site) -> None:
    async with person(site, "lead") as lead, person(site, "admin") as admin:
        _, made = await lead.post("/meetings", call(later(site), HELPER))
        _, meeting = await lead.ask("GET", f"/api/v1/meetings/{made['session']}")
        plan = meeting["plan"]
        again = call(later(site, days=1), HELPER, plan=plan)
        _, next_one = await lead.post("/meetings", again)
        _, other = await lead.ask("GET", f"/api/v1/meetings/{next_one['session']}")
        assert other["plan"] == plan
        path = f"/api/v1/plans/{plan}/lesson"
        lesson = str(site.planned.session_id)
        assert (await lead.ask("PUT", path, {"session": lesson}))[0] == 204
        assert (await lead.ask("PUT", path, {"session": made["session"]}))[0] == 422
        async with site.pool.transaction() as connection:  # of nobody who was called
            others = await store(
                connection,
                planned_lesson(
                    period=3,
                    teacher=f"{HUB}-T2",
                    room=f"{HUB}-R2",
                    receivers=(Receiver(f"{NEAR}-R1", f"{NEAR}-301", None),),
                ),
                site.now + timedelta(minutes=5),
            )
        assert (await lead.ask("PUT", path, {"session": str(others.session_id)}))[0] == 422
        assert (await admin.ask("PUT", path, {"session": None}))[0] == 403
        _, page = await lead.ask("GET", f"/meetings/{made['session']}/plan", Accept="text/html")
        assert f'value="&quot;{lesson}&quot;" selected' in page.decode()


async def test_a_meeting_begins_when_one_sends_and_another_is_there(site: Site) -> None:
    async with person(site, "lead") as lead:
        session_id = await begun(site, lead, members=[HELPER])
    node = uuid4()
    async with site.pool.transaction() as connection:
        row = MediaNodeRow(node, "test", "http://127.0.0.1:1", None, 1)
        await nodes.register(connection, row, timedelta(minutes=5))
        await sessions.place(connection, session_id, node)
    await site.live.refresh(session_id)
    live = await site.live.need(session_id)
    member = next(p.id for p in live.session.participants if p.role is ParticipantRole.MEMBER)
    chair = next(p.id for p in live.session.participants if p.role is ParticipantRole.LEAD)

    async def event(kind: str, who: UUID, **more: object) -> None:
        told = {"event": kind, "room": str(session_id), "participant": str(who), **more}
        await site.live.on_node_event(node, told)

    await event("participant_connected", member, direction="publish")
    await event("publishing", member, stream="camera", live=True)
    assert live.session.state is SessionState.OPEN  # one alone is no meeting
    await event("participant_connected", chair, direction="subscribe")
    assert live.session.state is SessionState.LIVE
    async with person(site, "helper") as helper:
        status, token = await helper.post(
            f"/sessions/{session_id}/tokens", {"direction": "publish", "stream": "screen"}
        )
        assert (status, token["participant"]) == (200, str(member))
        _, page = await helper.ask("GET", f"/meetings/{session_id}", Accept="text/html")
        assert 'id="tiles"' in page.decode()
        assert 'id="end"' not in page.decode()
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        async with browser.ws_connect(f"/ws/sessions/{session_id}") as socket:
            await socket.receive_json(timeout=5)
            await socket.send_json({"do": "devices", "off": ["camera"]})
            state = await socket.receive_json(timeout=5)
            assert {p["id"]: p["off"] for p in state["participants"]} == {
                str(chair): ["camera"],
                str(member): [],
            }
            await socket.send_json({"do": "devices", "off": ["toaster"]})
            assert (await socket.receive_json(timeout=5))["type"] == "refused"


async def test_two_who_change_a_meeting_lose_nothing(site: Site) -> None:
    at = later(site)
    async with person(site, "lead") as lead, person(site, "admin") as admin:
        _, made = await lead.post("/meetings", call(at, HELPER))
        path = f"/api/v1/meetings/{made['session']}"
        async with lead.browser.get(path) as answer:
            tag, first = answer.headers["ETag"], await answer.json()
        assert (tag, first["version"]) == ('"1"', 1)
        agenda = first["agenda"]
        mine = call(at, HELPER, agenda=[*agenda, {"title": "mine"}])
        theirs = call(at, HELPER, title="theirs", agenda=[*agenda, {"title": "theirs"}])
        assert (await lead.ask("PUT", path, mine))[0] == 428
        async with admin.browser.put(
            path, json=theirs, headers={"X-CSRF-Token": admin.csrf, "If-Match": tag}
        ) as answer:
            assert (answer.status, answer.headers["ETag"]) == (204, '"2"')
        status, said = await lead.ask("PUT", path, mine, **{"If-Match": tag})
        assert status == 412
        assert "meanwhile" in said["detail"]
        assert (said["meeting"]["version"], said["meeting"]["title"]) == (2, "theirs")
        assert [i["title"] for i in said["meeting"]["agenda"]] == ["回顾", "Rhythm <b>", "theirs"]
        for wrong in ('"3"', "W/x", "*"):
            assert (await lead.ask("PUT", path, mine, **{"If-Match": wrong}))[0] == 412
        both = call(at, HELPER, agenda=[*said["meeting"]["agenda"], {"title": "mine"}])
        assert (await lead.ask("PUT", path, both, **{"If-Match": '"2"'}))[0] == 204
        _, found = await lead.ask("GET", path)
        assert [i["title"] for i in found["agenda"]] == ["回顾", "Rhythm <b>", "theirs", "mine"]
        saves = [lead.ask("PUT", path, both, **{"If-Match": '"3"'}) for _ in range(4)]
        assert sorted(s for s, _ in await asyncio.gather(*saves)) == [204, 412, 412, 412]


async def test_a_meeting_that_was_cancelled_says_so_and_frees_its_teachers(site: Site) -> None:
    at = later(site)
    async with person(site, "lead") as lead, person(site, "helper") as helper:
        _, made = await lead.post("/meetings", call(at, HELPER))
        path = f"/meetings/{made['session']}/cancellation"
        assert (await helper.post(path, {"cause": "school"}))[0] == 403
        assert (await lead.post(path, {"cause": "weather"}))[0] == 422
        assert (await lead.post(path, {"cause": "network"}))[0] == 204
        assert (await lead.post(path, {"cause": "network"}))[0] == 409
        _, page = await lead.ask("GET", f"/meetings/{made['session']}", Accept="text/html")
        assert "cancelled for the network" in page.decode()
        assert (await lead.post("/meetings", call(at, HELPER)))[0] == 200


async def test_a_call_right_now_opens_the_doors(site: Site, neighbour: None) -> None:
    async with person(site, "admin") as admin:
        soon = site.now.astimezone(UTC) + timedelta(minutes=9)
        status, made = await admin.post("/meetings", call(soon, NEIGHBOUR, chair=f"{HUB}-T2"))
        assert status == 200, made
        _, found = await admin.ask("GET", f"/api/v1/meetings/{made['session']}")
        assert found["state"] == "open"
        page = f"/meetings/{made['session']}"
        _, text = await admin.ask("GET", page, Accept="text/html")
        assert 'id="tiles"' not in text.decode()  # who was not called looks on
        assert (await admin.ask("GET", f"{page}/change", Accept="text/html"))[0] == 200


async def test_many_look_at_many_meetings_when_the_server_has_just_started(
    site: Site, neighbour: None
) -> None:
    async with person(site, "lead") as lead:
        made = []
        for hours in range(1, 30):
            status, answer = await lead.post(
                "/meetings", call(later(site, hours=hours), minutes=30)
            )
            assert status in (200, 409), answer  # taken by a lesson of that day
            made += [answer["session"]] if status == 200 else []
        assert len(made) > 12, "more than there are connections"
        paths = [f"/api/v1/meetings/{session}" for session in made] * 3
        await asyncio.gather(*(lead.ask("GET", path) for path in paths))  # all connections are made
        site.live._sessions.clear()
        found = await asyncio.gather(*(lead.ask("GET", path) for path in paths))
        assert {status for status, _ in found} == {200}


@pytest.mark.parametrize(
    "change",
    [
        {"title": "a\0b"},
        {"title": "a\ud800b"},
        {"agenda": [{"title": "\0"}]},
        {"day": "9999-12-31", "starts": "23:59:00"},
        {"day": "0001-01-01", "starts": "00:00:00"},
        {"starts": "14:30:00+05:00"},
    ],
)
async def test_what_can_be_no_meeting_is_refused(site: Site, change: dict[str, object]) -> None:
    async with person(site, "lead") as lead:
        status, answer = await lead.post("/meetings", call(later(site)) | change)
        assert status == 422, answer


async def test_an_item_that_is_taken_up_by_many_clicks_is_taken_up_once(
    site: Site, neighbour: None
) -> None:
    async with person(site, "lead") as lead:
        session_id = await begun(site, lead)
        path = f"/meetings/{session_id}"
        _, meeting = await lead.ask("GET", f"/api/v1{path}")
        item = meeting["agenda"][0]["id"]
        clicks = [lead.post(f"{path}/turn", {"item": item}) for _ in range(10)]
        assert {status for status, _ in await asyncio.gather(*clicks)} == {204}
        _, meeting = await lead.ask("GET", f"/api/v1{path}")
        assert [turn["item"] for turn in meeting["turns"]] == [item]
