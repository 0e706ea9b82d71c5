"""Chat, worksheet and polls over the session's WebSocket, and what of them outlasts a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from classroom_sync.live import Live
from classroom_sync.live_session import view
from classroom_sync.talk import KEPT, Talk
from db import talk
from db.talk import Said
from scheduler.poll import PollState, opened
from tests.http.conftest import Site, pair_room, place, sign_in
from tests.worlds import FAR


@dataclass
class Seated:
    """Somebody's page in the lesson: its socket, and the newest state and messages it was told."""

    socket: aiohttp.ClientWebSocketResponse

    async def send(self, do: str, **values: Any) -> None:
        await self.socket.send_json({"do": do, **values})

    async def told(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind."""
        async with asyncio.timeout(5):
            while True:
                message: dict[str, Any] = await self.socket.receive_json()
                if message["type"] == kind:
                    return message

    async def until(self, key: str, wanted: Any) -> dict[str, Any]:
        """The first state in which a field is as wanted."""
        while True:
            state = await self.told("state")
            if state[key] == wanted:
                return state

    async def refused(self) -> str:
        return str((await self.told("refused"))["detail"])


@pytest.fixture
async def people(site: Site) -> AsyncIterator[tuple[Seated, Seated]]:
    """The lead and the receiving room, both looking at the lesson."""
    async with AsyncExitStack() as stack:
        lead = await stack.enter_async_context(site.browser(**{"Accept-Language": "en"}))
        room = await stack.enter_async_context(site.browser(**{"Accept-Language": "en"}))
        await sign_in(lead, "lead")
        await pair_room(site, room, f"{FAR}-R1", "TALKTALK")
        path = f"/ws/sessions/{site.planned.session_id}"
        yield (
            Seated(await stack.enter_async_context(lead.ws_connect(path))),
            Seated(await stack.enter_async_context(room.ws_connect(path))),
        )


async def restarted(site: Site) -> dict[str, Any]:
    """The state that a server which has just started tells."""
    fresh = Live(site.pool, site.links, lambda: site.now)
    return view(await fresh.need(site.planned.session_id))


async def test_what_is_said_reaches_everybody_once_and_those_who_come_later(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, room = people
    await room.send("say", text="  We can't read the board. ")
    for each in people:
        [message] = (await each.told("said"))["messages"]
        assert message["text"] == "We can't read the board."
        assert message["participant"] == str(site.planned.receiving)
    await lead.send("say", text="Better now?")
    assert [m["text"] for m in (await room.told("said"))["messages"]] == ["Better now?"]
    async with site.browser() as browser:
        await sign_in(browser, "helper")
        async with browser.ws_connect(f"/ws/sessions/{site.planned.session_id}") as socket:
            said = await Seated(socket).told("said")
    assert [m["text"] for m in said["messages"]] == ["We can't read the board.", "Better now?"]


async def test_a_page_gets_the_newest_messages_in_their_order(site: Site) -> None:
    session, lead = site.planned.session_id, site.planned.lead
    async with site.pool.connection() as connection:
        for n in range(KEPT + 3):
            await talk.add_message(connection, session, lead, "said", str(n))
        found = await talk.last_messages(connection, session, KEPT)
    assert [m.body for m in found] == [str(n) for n in range(3, KEPT + 3)]


def test_what_came_in_another_order_than_it_was_written_is_told_once() -> None:
    now = datetime.now(UTC)
    written = [Said(UUID(int=n), UUID(int=0), str(n), now) for n in range(KEPT + 10)]
    here = Talk()
    here.add(written[1])
    here.take(Talk(written[:2]))  # another control process was the first to write
    for n in range(2, len(written)):
        here.take(Talk(written[: n + 1][-KEPT:]))
        here.add(written[n])  # its own, that it has just been told of
    assert here.told == len(written)


async def test_an_empty_message_and_too_many_are_refused(people: tuple[Seated, Seated]) -> None:
    _, room = people
    await room.send("say", text="   ")
    assert await room.refused() == "Write something first."
    for n in range(11):
        await room.send("say", text=str(n))
    assert await room.refused() == "That was too fast: wait a moment."
    await room.send("say", text="no\0end")
    assert (await room.refused()).startswith("The page sent something that is not understood")


async def test_the_worksheet_is_the_leads_and_outlasts_a_restart(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, room = people
    await room.send("worksheet", text="https://example.cn/sheet.pdf")
    assert await room.refused() == "Only the lead teacher may do this."
    for bad in ("javascript:alert(1)", "sheet.pdf", "http://", "http://[x"):
        await lead.send("worksheet", text=bad)
        assert (await lead.refused()).startswith("A worksheet has an address")
    await lead.send("worksheet", text="https://example.cn/sheet.pdf")
    await room.until("worksheet", "https://example.cn/sheet.pdf")
    assert (await restarted(site))["worksheet"] == "https://example.cn/sheet.pdf"
    await lead.send("worksheet", text="")
    await room.until("worksheet", None)
    assert (await restarted(site))["worksheet"] is None


async def test_a_poll_is_opened_answered_closed_reopened_and_put_away(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, room = people
    far = str(site.planned.receiving)
    await room.send("poll", text="", options=4)
    assert await room.refused() == "Only the lead teacher may do this."
    await lead.send("poll", text="Which key?", options=4)
    poll = await _poll(room, state="open")
    assert (poll["question"], poll["options"]) == ("Which key?", 4)

    await room.send("answer", heads=[1, 12, 0, 3])
    await lead.send("answer", heads=[0, 5, 0, 0])
    poll = await _poll(lead, counts=[1, 17, 0, 3])
    assert poll["answers"][far] == [1, 12, 0, 3]
    assert (await restarted(site))["poll"]["counts"] == (1, 17, 0, 3)

    await lead.send("move_poll", move="close")
    await _poll(room, state="closed")
    await room.send("answer", heads=[0, 0, 0, 9])
    assert await room.refused() == "This poll takes no answers now."
    await lead.send("move_poll", move="close")
    assert await lead.refused() == "The poll has moved on meanwhile: look again."
    await lead.send("move_poll", move="reopen")
    await _poll(room, state="open")
    await room.send("answer", heads=[0, 13, 0, 3])
    await _poll(room, counts=[0, 18, 0, 3])
    await lead.send("move_poll", move="put_away")
    await room.until("poll", None)
    assert (await restarted(site))["poll"] is None
    await lead.send("move_poll", move="close")
    assert await lead.refused() == "No poll is on now."


async def _poll(page: Seated, **wanted: Any) -> dict[str, Any]:
    """The poll that is shown, once it is as wanted."""
    while True:
        poll: dict[str, Any] | None = (await page.told("state"))["poll"]
        if poll and all(poll[name] == value for name, value in wanted.items()):
            return poll


async def test_one_poll_is_on_at_a_time_and_bad_ones_are_refused(
    people: tuple[Seated, Seated],
) -> None:
    lead, room = people
    await lead.send("poll", text="", options=1)
    assert await lead.refused() == "A poll has 2 to 6 options."
    await lead.send("poll", text="x" * 201, options=2)
    assert await lead.refused() == "A question has at most 200 characters."
    await lead.send("poll", text="", options=2)
    await lead.send("poll", text="", options=2)
    assert await lead.refused() == "A poll is on already: put it away first."
    await room.send("answer", heads=[1, 2, 3])
    assert await room.refused() == "Give one head count per option, at most 500 together."


async def test_a_poll_closed_elsewhere_takes_no_answer_and_is_not_closed_twice(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, room = people
    await lead.send("poll", text="", options=2)
    shown = await _poll(room, state="open")
    async with site.pool.connection() as connection:  # as another control process would
        poll = await talk.shown_poll(connection, site.planned.session_id)
        assert poll is not None
        assert str(poll.id) == shown["id"]
        assert await talk.move_poll(connection, poll, PollState.CLOSED)
        assert not await talk.move_poll(connection, poll, PollState.CLOSED)
    await room.send("answer", heads=[1, 2])
    assert await room.refused() == "This poll takes no answers now."
    await lead.send("move_poll", move="close")
    assert await lead.refused() == "The poll has moved on meanwhile: look again."
    assert (await lead.told("state"))["poll"]["state"] == "closed"


async def test_a_lesson_has_so_many_polls_and_no_more(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, _ = people
    async with site.pool.connection() as connection:
        for _n in range(50):
            poll = opened(uuid4(), "", 2)
            assert await talk.add_poll(connection, site.planned.session_id, poll)
            assert await talk.move_poll(connection, poll, PollState.AWAY)
    await lead.send("poll", text="", options=2)
    assert await lead.refused() == "This lesson has had as many polls as it can have."


async def test_help_is_ended_by_the_lead_or_by_the_room_itself(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, room = people
    for ends, about in ((lead, {"participant": str(site.planned.receiving)}), (room, {})):
        await room.send("help")
        await _room_in(lead, help=True)
        await ends.send("end_help", **about)
        await _room_in(lead, help=False)
    [receiving] = [p for p in (await restarted(site))["participants"] if p["role"] == "receiving"]
    assert not receiving["help"]


async def test_a_rooms_findings_and_its_push_to_talk_are_told_to_the_lead(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, room = people
    await room.send("findings", findings=["loss_up", "echo"])
    await _room_in(lead, findings=["echo", "loss_up"])
    await room.send("findings", findings=["the moon"])
    assert "not understood" in await room.refused()
    await room.send("push_to_talk", on=True)
    assert await room.refused() == "Only the lead teacher may do this."
    await lead.send("push_to_talk", participant=str(site.planned.receiving), on=True)
    await _room_in(room, push_to_talk=True)
    await lead.send("push_to_talk", participant=str(site.planned.receiving), on=False)
    await _room_in(room, push_to_talk=False)


async def _room_in(page: Seated, **wanted: Any) -> None:
    """Until the receiving room is told as wanted."""
    while True:
        state = await page.told("state")
        [found] = [p for p in state["participants"] if p["role"] == "receiving"]
        if all(found[name] == value for name, value in wanted.items()):
            return


async def test_the_lead_is_told_which_media_of_theirs_was_replaced(
    site: Site, people: tuple[Seated, Seated]
) -> None:
    lead, room = people
    node = await place(site)
    gone = {
        "event": "participant_gone",
        "room": str(site.planned.session_id),
        "participant": str(site.planned.lead),
        "direction": "publish",
        "reason": "replaced",
    }
    await site.live.on_node_event(node, {**gone, "resource_id": "first"})
    await site.live.on_node_event(node, {**gone, "reason": "left", "resource_id": "second"})
    await lead.until("replaced", ["first"])
    assert (await room.told("state"))["replaced"] == []


async def test_a_device_check_is_on_the_lessons_node_and_is_no_part_of_it(site: Site) -> None:
    session = site.planned.session_id
    async with site.browser() as browser:
        csrf = await sign_in(browser, "lead")
        path = f"/api/v1/sessions/{session}/device-check"
        async with browser.post(path, headers={"X-CSRF-Token": csrf}) as response:
            assert response.status == 200
            check = await response.json()
    assert check["publish"]["url"].startswith(f"/whip/check-{session}-")
    assert (
        check["play"]["url"]
        == check["publish"]["url"].replace("/whip/", "/whep/").rpartition("/")[0]
    )
    before = await restarted(site)
    room = check["play"]["url"].rpartition("/")[2]
    event = {"event": "publishing", "room": room, "participant": str(site.planned.lead)}
    await site.live.on_node_event(uuid4(), {**event, "stream": "camera", "live": True})
    assert view(await site.live.need(session)) == before
    async with site.browser() as browser:
        csrf = await sign_in(browser, "other")
        async with browser.post(path, headers={"X-CSRF-Token": csrf}) as response:
            assert response.status == 403
