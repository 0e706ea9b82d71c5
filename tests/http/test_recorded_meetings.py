"""A meeting's recording: switched on by its chair, watched by those called, in its minutes."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from db import sessions
from scheduler.recording import RecordingState
from tests.http.conftest import Site, sign_in
from tests.http.studios import Studio, studio_of
from tests.http.test_meetings import HELPER, begun, person


@pytest.fixture
async def studio(site: Site, tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio_of(site, tmp_path) as made:
        yield made


async def _recorded(studio: Studio) -> tuple[UUID, UUID]:
    """A meeting of two teachers and its recording, which is ready; the item taken up meanwhile is
    the first of its agenda."""
    site = studio.site
    async with person(site, "lead") as lead:
        session_id = await begun(site, lead, members=[HELPER])
        recording = await studio.begin(session_id)
        await studio.film(recording)
        await studio.stop(recording)
        await studio.tend()
        row = await studio.row(recording)
        assert row.state is RecordingState.READY, row
        assert row.zero_at is not None
        path = f"/meetings/{session_id}"
        _, meeting = await lead.ask("GET", f"/api/v1{path}")
        now, site.now = site.now, row.zero_at
        assert (await lead.post(f"{path}/turn", {"item": meeting["agenda"][0]["id"]}))[0] == 204
        site.now = now
    return session_id, recording


async def test_the_chair_records_a_meeting_and_everybody_there_is_told(site: Site) -> None:
    async with person(site, "lead") as lead, person(site, "helper") as helper:
        session_id = await begun(site, lead, members=[HELPER])
        path = f"/sessions/{session_id}/recording"
        assert (await helper.post(path, {"on": True}))[0] == 403
        assert (await lead.post(path, {"on": True, "rooms": True}))[0] == 204
        async with helper.browser.ws_connect(f"/ws/sessions/{session_id}") as socket:
            state = await socket.receive_json(timeout=5)
            assert (state["recording"], state["recording_rooms"]) == (True, True)
            assert (await lead.post(path, {"on": False}))[0] == 204
            state = await socket.receive_json(timeout=5)
            assert (state["recording"], state["recording_rooms"]) == (False, False)
        for who, may in ((lead, True), (helper, False)):
            _, page = await who.ask("GET", f"/meetings/{session_id}", Accept="text/html")
            assert 'id="recordingsign"' in page.decode()
            assert ('id="recorddialog"' in page.decode()) is may


async def test_those_who_were_called_watch_it_and_only_the_chair_keeps_it(studio: Studio) -> None:
    session_id, recording = await _recorded(studio)
    page, film = f"/recordings/{recording}", f"/recordings/{recording}/media/main/1"
    cut = {"from_seconds": 0, "to_seconds": 2}
    for login, watches, keeps, listed in (
        ("lead", 200, 204, True),
        ("helper", 200, 403, True),
        ("admin", 200, 204, True),  # of the whole city
        ("other", 403, 403, False),
        ("far-admin", 403, 403, False),
        ("bureau", 403, 403, False),
        ("observer", 403, 403, False),
    ):
        async with person(studio.site, login) as visitor:
            for path in (page, film, f"{page}/poster"):
                assert (await visitor.ask("GET", path))[0] == watches, (login, path)
            assert (await visitor.ask("GET", f"/api/v1{page}"))[0] in (watches, 403), login
            assert (await visitor.post(f"{page}/cut", cut))[0] == keeps, login
            _, rows = await visitor.ask("GET", "/api/v1/recordings")
            found = [(r["id"], r["title"]) for r in rows.get("recordings", [])]
            expected = [(str(recording), "三年级音乐集体备课")] if listed else []
            assert found == expected, login
    async with studio.site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "helper")
        async with browser.get(page) as answer:
            shown = await answer.text()
    assert "三年级音乐集体备课" in shown
    assert "回顾" in shown  # what was taken up while it ran
    assert "Who speaks" in shown
    assert "Send to classes" not in shown
    assert "Delete for good" not in shown
    assert f'href="/meetings/{session_id}"' in shown


async def test_it_is_never_sent_to_classes(studio: Studio) -> None:
    _, recording = await _recorded(studio)
    async with person(studio.site, "lead") as lead:
        assert (await lead.post(f"/recordings/{recording}/publication", {"published": True}))[
            0
        ] == 204
        assert (await lead.ask("GET", "/api/v1/push-items"))[1]["items"] == []
        sent = {"item": str(recording), "classes": ["x"]}
        assert (await lead.post("/pushes", sent))[0] == 404
        _, page = await lead.ask("GET", f"/recordings/{recording}", Accept="text/html")
        assert "Send to classes" not in page.decode()


async def test_the_minutes_and_the_meetings_page_name_it(studio: Studio) -> None:
    session_id, recording = await _recorded(studio)
    site = studio.site
    async with site.pool.transaction() as connection:
        await sessions.go_live(connection, session_id, site.now)
    await site.live.refresh(session_id)
    await site.live.end(session_id, "system")
    link = f'href="/recordings/{recording}"'
    for login, links in (("lead", True), ("helper", True), ("bureau", False)):
        async with person(site, login) as visitor:
            _, page = await visitor.ask("GET", f"/meetings/{session_id}", Accept="text/html")
            assert (link in page.decode()) is links, login
            _, text = await visitor.ask("GET", f"/meetings/{session_id}/minutes?as=md")
            assert "(ready)" in text.decode(), login
    async with person(site, "lead") as lead:
        assert (await lead.ask("DELETE", f"/api/v1/recordings/{recording}"))[0] == 204
        _, text = await lead.ask("GET", f"/meetings/{session_id}/minutes?as=md")
        assert "(deleted)" in text.decode()
