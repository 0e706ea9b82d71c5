"""What was sent is changed, taken back, answered: over a real port, by everybody it concerns."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from db import recordings
from scheduler.recording import Part, Track
from tests.http.conftest import Site
from tests.http.test_pushes import (
    CONTENT,
    FAR_CLASS,
    NEAR_CLASS,
    Visit,
    audited,
    kept,
    receipt,
    screen,
    send,
    visit,
    wish,
)
from tests.worlds import NEAR

ASKED = [
    {"kind": "single", "text": " Which <key>? ", "options": ["C", "<img src=x>"]},
    {"kind": "text", "text": "What was hard?", "options": []},
]
ANSWERS = [{"counts": [4, 20], "text": ""}, {"counts": [], "text": "<script>alert(1)</script>"}]


async def in_parts(site: Site) -> UUID:
    """A recording in two parts and with its shared screen, whose files are kept."""
    folder = site.uploads.parent / "recordings"
    folder.mkdir(exist_ok=True)
    async with site.pool.transaction() as connection:
        recording_id = await recordings.begin(
            connection,
            session_id=site.planned.session_id,
            made_by="system",
            started_at=site.now,
            delete_after=None,
        )
        assert recording_id is not None
        await recordings.stop(connection, recording_id, site.now)
        parts = (
            Part(Track.MAIN, 1, 0, 40_000, 100, "video/webm", "one.webm"),
            Part(Track.MAIN, 2, 60_000, 40_000, 200, "video/mp4", "two.mp4"),
            Part(Track.SCREEN, 1, 10_000, 20_000, 50, "video/webm", "screen.webm"),
        )
        for part in parts:
            (folder / part.storage_key).write_bytes(CONTENT[: part.bytes])
        files = recordings.Files(parts)
        await recordings.finish(connection, recording_id, files, site.now)
    return recording_id


async def listed(room: Visit) -> list[dict[str, Any]]:
    return list((await room.done("GET", "/room/sent"))["items"])


async def test_all_files_of_a_recording_are_listed_and_served_to_the_room(site: Site) -> None:
    push = await send(site, await in_parts(site), FAR_CLASS)
    async with site.browser() as wall, site.browser() as elsewhere:
        room = await screen(site, wall)
        await screen(site, elsewhere, NEAR)
        [got] = await listed(room)
        whole = f"/room/sent/{push}/content"
        assert (got["size"], got["duration_ms"], got["media_type"]) == (350, 100_000, "video/webm")
        assert [(f["address"], f["track"], f["starts_ms"], f["size"]) for f in got["files"]] == [
            (whole, "main", 0, 100),
            (f"{whole}/main/2", "main", 60_000, 200),
            (f"{whole}/screen/1", "screen", 10_000, 50),
        ]
        for file in got["files"]:
            async with wall.get(file["address"], headers={"Range": "bytes=10-19"}) as response:
                assert (response.status, await response.read()) == (206, CONTENT[10:20])
                assert response.headers["Content-Type"] == file["media_type"]
                assert response.headers["Content-Range"] == f"bytes 10-19/{file['size']}"
            async with elsewhere.get(file["address"]) as response:
                assert response.status == 404
        for nothing in ("main/3", "screen/2", "room/1", "main/x"):
            async with wall.get(f"{whole}/{nothing}") as response:
                assert response.status == 404


async def test_what_is_taken_back_goes_from_the_rooms_list_and_its_receipts_stay(
    site: Site,
) -> None:
    push = await send(site, await kept(site, duration_ms=100_000), FAR_CLASS)
    async with site.browser() as wall, site.browser() as desk:
        room, teacher = await screen(site, wall), await visit(desk, "lead")
        await room.done(
            "POST", "/room/receipts", {"receipts": [receipt(push, "played", (0, 100_000))]}
        )
        path = f"/pushes/{push}/withdrawal"
        assert (await teacher.ask("POST", path, {"why": "  "}))[0] == 422
        assert (await teacher.ask("POST", path, {"why": "x" * 301}))[0] == 422
        await teacher.done("POST", path, {"why": " The wrong lesson "})
        status, said = await teacher.ask("POST", path, {"why": "again"})
        assert (status, said["detail"]) == (409, "This was taken back already.")
        assert await listed(room) == []
        async with wall.get(f"/room/sent/{push}/content") as response:
            assert response.status == 410
        late = receipt(push, "feedback", note="we had begun")
        taken = await room.done("POST", "/room/receipts", {"receipts": [late]})
        assert taken["known"] == [late["id"]]
        [seen] = (await teacher.done("GET", "/pushes"))["pushes"]
        assert seen["withdrawn_why"] == "The wrong lesson"
        assert seen["withdrawn_at"] is not None
        [far] = seen["classes"]
        assert (far["watched"], far["feedback"]) == (True, ["we had begun"])
        change = {"note": "", "due_on": (site.now + timedelta(days=2)).date().isoformat()}
        assert (await teacher.ask("PUT", f"/pushes/{push}", change))[0] == 409
    assert await audited(site, "push_withdrawn") == [f"push:{push}"]


async def test_note_and_due_date_are_changed_and_never_to_the_past(site: Site) -> None:
    push = await send(site, await kept(site), FAR_CLASS)
    due = (site.now + timedelta(days=20)).date().isoformat()
    async with site.browser() as wall, site.browser() as desk:
        room, teacher = await screen(site, wall), await visit(desk, "lead")
        await teacher.done("PUT", f"/pushes/{push}", {"note": " Sing it twice ", "due_on": due})
        [got] = await listed(room)
        assert (got["note"], got["due_on"]) == ("Sing it twice", due)
        over = {"note": "", "due_on": "2020-01-01"}
        assert (await teacher.ask("PUT", f"/pushes/{push}", over))[0] == 422
        site.now += timedelta(days=30)  # it is overdue: its note can be changed all the same
        teacher = await visit(desk, "lead")
        await teacher.done("PUT", f"/pushes/{push}", {"note": "Too late", "due_on": due})
    async with site.pool.connection() as connection:
        noted = await connection.fetchval(
            "SELECT detail FROM audit WHERE action = 'push_changed' ORDER BY at LIMIT 1"
        )
    assert noted["due_on"] == due


async def test_only_who_follows_a_push_changes_it_or_takes_it_back(site: Site) -> None:
    item = await kept(site)
    change = {"note": "", "due_on": (site.now + timedelta(days=3)).date().isoformat()}
    expected = {"lead": 204, "admin": 204, "other": 404, "far-admin": 404, "bureau": 403}
    for login, status in expected.items():
        push = await send(site, item, FAR_CLASS)
        async with site.browser() as browser:
            person = await visit(browser, login)
            assert (await person.ask("PUT", f"/pushes/{push}", change))[0] == status
            path = f"/pushes/{push}/withdrawal"
            assert (await person.ask("POST", path, {"why": "x"}))[0] == status, login


async def test_a_class_answers_once_however_often_it_tells(site: Site) -> None:
    item = await kept(site)
    async with site.browser() as wall, site.browser() as desk:
        room, teacher = await screen(site, wall), await visit(desk, "lead")
        asked = wish(item, FAR_CLASS, NEAR_CLASS, questions=ASKED)
        push = (await teacher.done("POST", "/pushes", asked))["id"]
        [got] = await listed(room)
        survey = [{**question, "right": []} for question in ASKED]
        assert got["questions"] == [{**survey[0], "text": "Which <key>?"}, survey[1]]
        assert got["classes"][0]["answered"] is False
        first = receipt(push, "answered", answers=[{"counts": [1, 1]}, {"text": "first"}])
        site.now += timedelta(minutes=1)
        told = receipt(push, "answered", answers=ANSWERS, at=site.now.isoformat())
        for part in ([first], [told], [told, first]):
            taken = await room.done("POST", "/room/receipts", {"receipts": part})
            assert taken["refused"] == []
        assert (await listed(room))[0]["classes"][0]["answered"] is True
        [seen] = (await teacher.done("GET", "/pushes"))["pushes"]
        assert [c["answers"] for c in seen["classes"]] == [ANSWERS, []]
        assert seen["watched_share"] == 0.8
        desk.headers["Accept"] = "text/html"
        async with desk.get("/sent") as response:
            shown = await response.text()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "&lt;img src=x&gt;" in shown


async def test_answers_are_marked_by_what_is_right_and_a_survey_is_not(site: Site) -> None:
    item = await kept(site)
    quiz = [
        {"kind": "single", "text": "1 + 1 = ?", "options": ["1", "2"], "right": [1]},
        {"kind": "multiple", "text": "odd", "options": ["1", "2", "3"], "right": [0, 2]},
        {"kind": "single", "text": "liked it?", "options": ["yes", "no"]},
        {"kind": "text", "text": "why?"},
    ]
    told = [{"counts": [4, 30]}, {"counts": [20, 3, 25]}, {"counts": [9, 1]}, {"text": "so"}]
    async with site.browser() as wall, site.browser() as desk:
        room, teacher = await screen(site, wall), await visit(desk, "lead")
        asked = wish(item, FAR_CLASS, NEAR_CLASS, questions=quiz)
        push = (await teacher.done("POST", "/pushes", asked))["id"]
        [got] = await listed(room)
        assert [q["right"] for q in got["questions"]] == [[1], [0, 2], [], []]
        answered = receipt(push, "answered", answers=told)
        await room.done("POST", "/room/receipts", {"receipts": [answered]})
        [seen] = (await teacher.done("GET", "/pushes"))["pushes"]
        assert [c["marked"] for c in seen["classes"]] == [
            [{"right": 30, "hands": 34}, {"right": 45, "hands": 48}, None, None],
            [],
        ]
        desk.headers["Accept"] = "text/html"
        async with desk.get("/sent") as response:
            shown = await response.text()
        assert shown.count("34 次中 30 次") == 2  # the class, and all together
        assert shown.count("48 次中 45 次") == 2


async def test_answers_that_fit_no_questions_are_never_taken(site: Site) -> None:
    item = await kept(site)
    async with site.browser() as wall, site.browser() as desk:
        room, teacher = await screen(site, wall), await visit(desk, "lead")
        asked = wish(item, FAR_CLASS, questions=ASKED)
        push = (await teacher.done("POST", "/pushes", asked))["id"]
        wrong = [
            receipt(push, "answered", answers=answers)
            for answers in (
                [],
                ANSWERS[:1],
                ANSWERS[::-1],
                [{"counts": [1, 2, 3]}, {"text": ""}],
                [{"counts": [1, 2], "text": "x"}, {"text": ""}],
            )
        ]
        wrong.append(receipt(push, "opened", answers=ANSWERS))
        taken = await room.done("POST", "/room/receipts", {"receipts": wrong})
        assert taken == {"known": [], "refused": [w["id"] for w in wrong]}
        for counts in ([-1, 2], [501, 0], [1] * 9):
            body = {"receipts": [receipt(push, "answered", answers=[{"counts": counts}])]}
            assert (await room.ask("POST", "/room/receipts", body))[0] == 422


async def test_questions_that_cannot_be_asked_are_refused_with_a_sentence(site: Site) -> None:
    item = await kept(site)
    text = {"kind": "text", "text": "?", "options": []}
    async with site.browser() as desk:
        teacher = await visit(desk, "lead")
        for questions in (
            [{"kind": "single", "text": "?", "options": ["a"]}],
            [{"kind": "single", "text": "  ", "options": ["a", "b"]}],
            [{"kind": "multiple", "text": "?", "options": ["a", " a "]}],
            [{"kind": "text", "text": "?", "options": ["a", "b"]}],
            [{"kind": "essay", "text": "?", "options": []}],
            [{"kind": "single", "text": "?", "options": ["a", "b"], "right": [0, 1]}],
            [{"kind": "multiple", "text": "?", "options": ["a", "b"], "right": [2]}],
            [{"kind": "multiple", "text": "?", "options": ["a", "b"], "right": [-1]}],
            [{"kind": "text", "text": "?", "options": [], "right": [0]}],
            [{**text, "text": "?" * 301}],
            [text] * 11,
            [{"kind": "single", "text": "?", "options": [str(n) for n in range(9)]}],
        ):
            asked = wish(item, FAR_CLASS, questions=questions)
            status, said = await teacher.ask("POST", "/pushes", asked)
            assert (status, bool(said["detail"])) == (422, True), questions
        assert (await teacher.done("GET", "/pushes"))["pushes"] == []
