"""Observers: who may watch which lesson, what its pages are told, and what the log keeps of it."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from classroom_sync import tokens
from classroom_sync.limits import TokenBuckets
from classroom_sync.observation.visits import LEASE, MOST
from db import accounts, invitations, sessions
from tests.http.conftest import MEDIA_KEY, Site, pair_room, place, sign_in
from tests.http.test_meetings import begun, person
from tests.worlds import FAR, HUB, NEAR


async def _audit(site: Site) -> list[tuple[str, str, dict[str, Any]]]:
    async with site.pool.connection() as connection:
        rows = await connection.fetch(
            "SELECT actor, action, detail FROM audit WHERE action LIKE 'observer%' ORDER BY id"
        )
    found = []
    for row in rows:
        detail = row["detail"]
        detail = json.loads(detail) if isinstance(detail, str) else dict(detail)
        found.append((row["actor"], row["action"], detail))
    return found


async def _begin(
    site: Site, browser: aiohttp.ClientSession, csrf: str, session: UUID | None = None, **more: str
) -> tuple[int, dict[str, Any]]:
    path = f"/api/v1/sessions/{session or site.planned.session_id}/visits"
    async with browser.post(path, headers={"X-CSRF-Token": csrf, **more}) as response:
        return response.status, await response.json()


async def _told(site: Site, visit: str, event: str, **more: Any) -> None:
    """What a media node says of an observer's connection."""
    live = await site.live.need(site.planned.session_id)
    node = live.session.node_id or await place(site)
    message = {"event": event, "room": str(site.planned.session_id), "participant": visit}
    await site.live.on_node_event(node, message | {"direction": "subscribe"} | more)


async def test_a_visit_is_for_those_whose_lesson_it_is_to_watch(site: Site) -> None:
    for login, status in (
        ("bureau", 200),
        ("admin", 200),
        ("far-admin", 200),  # whose school takes part
        ("near-admin", 403),
        ("observer", 200),
        ("guest", 403),  # a teacher who is not invited
        ("lead", 403),
        ("helper", 403),
    ):
        before = len(await _audit(site))
        async with site.browser() as browser:
            csrf = await sign_in(browser, login)
            found, said = await _begin(site, browser, csrf)
            assert found == status, login
            async with browser.get(f"/observe/{site.planned.session_id}") as response:
                assert response.status == status, login
        audit = (await _audit(site))[before:]
        if status == 200:
            token = tokens.verify(MEDIA_KEY, said["token"], site.now)
            assert (token.direction, token.role, token.unseen) == ("subscribe", "observer", True)
            assert token.session_id == site.planned.session_id
            assert said["url"] == f"/whep/{site.planned.session_id}"
            [(actor, action, detail)] = audit
            assert (actor, action) == (f"account:{login}", "observer_came")
            assert detail == {"visit": said["visit"], "address": "127.0.0.1"}
        else:
            assert audit == []


async def test_an_invited_teacher_of_another_school_observes_and_one_who_takes_part_does_not(
    site: Site,
) -> None:
    async with site.pool.transaction() as connection:
        for teacher in (f"{NEAR}-T1", f"{FAR}-T1"):
            await invitations.invite(
                connection, site.planned.session_id, teacher, "account:lead", site.now
            )
    for login, status in (("guest", 200), ("helper", 403)):
        async with site.browser() as browser:
            csrf = await sign_in(browser, login)
            assert (await _begin(site, browser, csrf))[0] == status, login
            async with browser.get("/observe") as response:
                listed = str(site.planned.session_id) in await response.text()
            assert listed == (status == 200)


async def test_a_room_and_a_stranger_do_not_observe(site: Site) -> None:
    async with site.browser() as room, site.browser() as stranger:
        csrf = await pair_room(site, room, f"{FAR}-R1", "AAAA2222")
        assert (await _begin(site, room, csrf))[0] == 403
        assert (await _begin(site, stranger, ""))[0] == 401


async def test_only_a_lesson_under_way_can_be_visited(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "bureau")
        assert (await _begin(site, browser, csrf, uuid4()))[0] == 404
        async with site.pool.transaction() as connection:
            await sessions.cancel(connection, site.planned.session_id, site.now, "school")
        assert (await _begin(site, browser, csrf))[0] == 409
    assert await _audit(site) == []


async def test_a_visit_is_shown_to_the_lessons_pages_and_not_among_its_participants(
    site: Site,
) -> None:
    path = f"/ws/sessions/{site.planned.session_id}"
    async with site.browser() as watcher, site.browser() as lead, site.browser() as room:
        csrf = await sign_in(watcher, "far-admin")
        await sign_in(lead, "lead")
        await pair_room(site, room, f"{FAR}-R1", "AAAA2222")
        _, given = await _begin(site, watcher, csrf)
        async with (
            lead.ws_connect(path) as teaching,
            room.ws_connect(path) as listening,
            watcher.ws_connect(f"{path}?visit={given['visit']}") as watching,
        ):
            for socket in (teaching, listening, watching):
                assert (await socket.receive_json(timeout=5))["observers"] == 0
            await _told(site, given["visit"], "participant_connected", unseen=True)
            slots = [["0", "video", str(site.planned.lead), "camera", False]]
            await _told(site, given["visit"], "slots_mapped", slots=slots)
            seen = await teaching.receive_json(timeout=5)
            assert (seen["observers"], seen["observed_by"]) == (
                1,
                [{"role": "admin", "school": "far"}],
            )
            heard = await listening.receive_json(timeout=5)
            assert heard["observers"] == 1
            assert "observed_by" not in heard
            assert {p["id"] for p in heard["participants"]} == {
                str(site.planned.lead),
                str(site.planned.receiving),
            }
            assert not any(p["watching"] for p in heard["participants"])
            mine = await watching.receive_json(timeout=5)
            assert (mine["you"], mine["slots"][0]["participant"]) == (None, str(site.planned.lead))
            assert seen["slots"] == heard["slots"] == []  # of the observer's own player

            await watching.send_json({"do": "hand"})
            assert (await watching.receive_json(timeout=5))["type"] == "refused"
            await _told(site, given["visit"], "participant_gone", reason="left")
            assert (await teaching.receive_json(timeout=5))["observers"] == 0


async def test_somebody_elses_visit_gives_no_slots(site: Site) -> None:
    path = f"/ws/sessions/{site.planned.session_id}"
    async with site.browser() as bureau, site.browser() as observer, site.browser() as near:
        _, given = await _begin(site, bureau, await sign_in(bureau, "bureau"))
        await sign_in(observer, "observer")
        await sign_in(near, "near-admin")
        await _told(site, given["visit"], "participant_connected", unseen=True)
        slots = [["0", "video", str(site.planned.lead), "camera", False]]
        await _told(site, given["visit"], "slots_mapped", slots=slots)
        async with observer.ws_connect(f"{path}?visit={given['visit']}") as socket:
            assert (await socket.receive_json(timeout=5))["slots"] == []
            await socket.send_json({"do": "sizes", "sizes": {"0": 320}})
            assert (await socket.receive_json(timeout=5))["type"] == "refused"
        for browser, asked in ((near, given["visit"]), (observer, "nonsense")):
            async with browser.get(f"{path}?visit={asked}") as response:
                assert response.status == (403 if browser is near else 404)


async def test_who_takes_no_part_and_is_no_observer_is_not_shown(site: Site) -> None:
    await _told(site, str(uuid4()), "participant_connected")
    live = await site.live.need(site.planned.session_id)
    assert live.observers == {}


async def test_a_visit_goes_on_over_connections_and_its_end_is_in_the_log(site: Site) -> None:
    begun = site.now
    async with site.browser() as browser:
        csrf = await sign_in(browser, "bureau")
        _, first = await _begin(site, browser, csrf)
        await _told(site, first["visit"], "participant_connected", unseen=True)
        site.now += LEASE * 3
        await site.live.keep_visits()
        await _told(site, first["visit"], "participant_gone", reason="lost")
        site.now += LEASE / 2
        _, again = await _begin(site, browser, csrf)
        assert again["visit"] == first["visit"]
        await site.live.keep_visits()
        assert [action for _, action, _ in await _audit(site)] == ["observer_came"]

        last = site.now
        site.now += LEASE + timedelta(seconds=1)
        await site.live.keep_visits()
        await site.live.keep_visits()
        [_, (actor, action, detail)] = await _audit(site)
        assert (actor, action) == ("account:bureau", "observer_left")
        assert detail == {
            "visit": first["visit"],
            "address": "127.0.0.1",
            "since": begun.isoformat(),
            "until": last.isoformat(),
        }

        # A token that is still good, used after all: the visit begins anew, in the log too.
        await _told(site, first["visit"], "participant_connected", unseen=True)
        await site.live.keep_visits()
        assert [action for _, action, _ in await _audit(site)][2:] == ["observer_came"]
        _, later = await _begin(site, browser, csrf)
        assert later["visit"] == first["visit"]


async def test_a_visit_from_another_address_is_another_visit(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "bureau")
        _, one = await _begin(site, browser, csrf)
        _, other = await _begin(site, browser, csrf, **{"X-Forwarded-For": "203.0.113.7"})
    assert one["visit"] != other["visit"]
    assert [d["address"] for _, _, d in await _audit(site)] == ["127.0.0.1", "203.0.113.7"]


async def test_so_many_observe_a_lesson_and_no_more(site: Site) -> None:
    async with site.pool.transaction() as connection:
        for number in range(MOST):
            account = await accounts.add_account(
                connection, login=f"o{number}", name="o", password_hash="-", role="observer"
            )
            await connection.execute(
                "INSERT INTO observer_visits (session_id, account_id, address, begun_at, seen_at)"
                " VALUES ($1, $2, '::1', $3, $3)",
                site.planned.session_id,
                account,
                site.now,
            )
    async with site.browser() as browser:
        csrf = await sign_in(browser, "bureau")
        assert (await _begin(site, browser, csrf))[0] == 429
        site.now += LEASE  # those are gone
        assert (await _begin(site, browser, csrf))[0] == 200


async def test_who_begins_visits_all_the_time_is_told_to_wait(site: Site) -> None:
    site.limits.observer = TokenBuckets(rate=0.001, burst=3)
    for login in ("bureau", "observer"):  # each has its own
        async with site.browser() as browser:
            csrf = await sign_in(browser, login)
            statuses = [(await _begin(site, browser, csrf))[0] for _ in range(4)]
        assert statuses == [200, 200, 200, 429]


async def test_the_observers_front_door_lists_what_is_on(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        form = {"login": "observer", "password": "Right-1234"}
        async with browser.post("/login", data=form) as response:
            assert response.url.path == "/observe"
            page = await response.text()
    assert f"/observe/{site.planned.session_id}" in page
    assert HUB not in page  # names, not codes


async def test_a_meeting_is_not_observed(site: Site) -> None:
    """Its pages would tell nobody there of an observer."""
    async with person(site, "lead") as lead:
        meeting = await begun(site, lead, members=[f"{FAR}-T1"])
    for login in ("bureau", "admin", "far-admin", "observer"):
        async with person(site, login) as watcher:
            asked = f"/api/v1/sessions/{meeting}"
            for method, path in (
                ("POST", f"{asked}/visits"),
                ("POST", f"{asked}/observations"),
                ("GET", f"{asked}/comments"),
                ("GET", f"/observe/{meeting}"),
                ("GET", f"/ws/sessions/{meeting}?visit={uuid4()}"),
            ):
                assert (await watcher.ask(method, path))[0] == 404, (login, path)
            _, listed = await watcher.ask("GET", "/observe", Accept="text/html")
            assert str(meeting) not in listed.decode()
            assert str(site.planned.session_id) in listed.decode()
    assert await _audit(site) == []
