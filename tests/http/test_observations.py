"""Observations 听课评课: written, submitted, corrected, summarized, commented on, exported."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
from docx import Document
from pypdf import PdfReader

from db import invitations, marks, presence, recordings, rubrics, sessions
from media.evidence import Evidence
from tests.http.conftest import Site, pair_room, sign_in
from tests.http.studios import studio_of
from tests.worlds import FAR, NEAR

FULL = {"marks": {str(n): 4 for n in range(1, 7)}}  # of the rubric that a new server has: 80


@dataclass
class Person:
    """Somebody's signed-in browser."""

    browser: aiohttp.ClientSession
    csrf: str
    session: UUID

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"X-CSRF-Token": self.csrf, "Accept-Language": "en"}
        async with self.browser.request(
            method, f"/api/v1{path}", headers=headers, json=body
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def of_session(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return await self.ask(method, f"/sessions/{self.session}/{path}", body)

    async def begin(self) -> str:
        status, found = await self.of_session("POST", "observations")
        assert status == 200, found
        return str(found["id"])

    async def submit(self, changes: dict[str, Any] = FULL) -> dict[str, Any]:
        made = await self.begin()
        assert (await self.ask("PATCH", f"/observations/{made}", changes))[0] == 200
        status, found = await self.ask("POST", f"/observations/{made}/submission")
        assert status == 200, found
        return dict(found)

    async def page(self, path: str) -> tuple[int, str]:
        async with self.browser.get(path, headers={"Accept-Language": "en"}) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def person(site: Site, login: str) -> AsyncIterator[Person]:
    async with site.browser() as browser:
        yield Person(browser, await sign_in(browser, login), site.planned.session_id)


@pytest.fixture
async def lesson(site: Site) -> Site:
    """A lesson that is live, to which a teacher of a school that takes no part is invited."""
    async with site.pool.transaction() as connection:
        await sessions.go_live(connection, site.planned.session_id, site.now)
        await invitations.invite(
            connection, site.planned.session_id, f"{NEAR}-T1", "account:lead", site.now
        )
    return site


async def test_a_draft_is_saved_by_what_has_changed_and_submitted_for_good(lesson: Site) -> None:
    async with person(lesson, "guest") as guest, person(lesson, "observer") as other:
        made = await guest.begin()
        assert await guest.begin() == made  # also from another tab
        path = f"/observations/{made}"
        await guest.ask("PATCH", path, {"marks": {"1": 5, "2": 3}, "notes": {"1": "Clear."}})
        _, saved = await guest.ask("PATCH", path, {"marks": {"2": None}, "remark": "Well done."})
        assert saved["marks"][:2] == [
            {"position": 1, "mark": 5, "note": "Clear."},
            {"position": 2, "mark": None, "note": ""},
        ]
        assert (saved["remark"], saved["submitted_at"]) == ("Well done.", None)

        status, said = await guest.ask("POST", f"{path}/submission")
        assert (status, said["detail"]) == (
            422,
            "Criteria without a mark: 5. Give each one, then submit.",
        )
        for wrong in (
            {"marks": {"1": 6}},
            {"marks": {"1": 0}},
            {"marks": {"7": 1}},
            {"notes": {"9": "x"}},
        ):
            assert (await guest.ask("PATCH", path, wrong))[0] == 422, wrong
        assert (await other.ask("PATCH", path, FULL))[0] == 404
        assert (await guest.ask("PATCH", f"/observations/{uuid4()}", FULL))[0] == 404

        await guest.ask("PATCH", path, FULL)
        status, submitted = await guest.ask("POST", f"{path}/submission")
        assert (status, submitted["score"]) == (200, 80)
        assert (await guest.ask("PATCH", path, {"marks": {"1": 1}}))[0] == 409
        assert (await guest.ask("POST", f"{path}/submission"))[0] == 409

        # A correction begins with what was submitted, and replaces it when it is submitted itself.
        again = await guest.begin()
        assert again != made
        _, kept = await guest.ask("PATCH", f"/observations/{again}", {"marks": {"1": 5}})
        assert (kept["corrects"], [m["mark"] for m in kept["marks"]]) == (made, [5, 4, 4, 4, 4, 4])
        _, listed = await guest.of_session("GET", "observations")
        assert [o["id"] for o in listed["observations"]] == [made]
        await guest.ask("POST", f"/observations/{again}/submission")
        _, listed = await guest.of_session("GET", "observations")
        assert [(o["id"], o["score"]) for o in listed["observations"]] == [(again, 83)]
        assert listed["summaries"][0]["score"]["count"] == 1


async def test_the_database_lets_nothing_that_was_submitted_change(lesson: Site, dsn: str) -> None:
    async with person(lesson, "bureau") as bureau:
        made = await bureau.submit()
    owner = await asyncpg.connect(dsn)
    try:
        for change in (
            "UPDATE observations SET remark = 'x' WHERE id = $1",
            "UPDATE observation_marks SET mark = 1 WHERE observation_id = $1",
            "INSERT INTO observation_marks (observation_id, rubric, position) VALUES ($1, 1, 1)",
        ):
            with pytest.raises(asyncpg.CheckViolationError, match="submitted"):
                await owner.execute(change, UUID(made["id"]))
        with pytest.raises(asyncpg.CheckViolationError, match="100"):
            await owner.execute(
                "WITH r AS (INSERT INTO rubrics (number, title_zh, title_en, scale, made_by)"
                " VALUES (2, 'x', 'x', 'five', 'x'))"
                " INSERT INTO rubric_criteria (rubric, position, name_zh, name_en, weight)"
                " VALUES (1, 9, 'x', 'x', 50)"
            )
    finally:
        await owner.close()


async def test_scores_of_each_are_for_the_lead_and_those_above_and_means_for_all(
    lesson: Site,
) -> None:
    async with (
        person(lesson, "guest") as guest,
        person(lesson, "observer") as observer,
        person(lesson, "lead") as lead,
        person(lesson, "bureau") as bureau,
        person(lesson, "far-admin") as far,
        person(lesson, "near-admin") as near,
        person(lesson, "helper") as helper,
        person(lesson, "other") as other,
    ):
        await guest.submit({"marks": {str(n): 2 for n in range(1, 7)}, "remark": "From the guest."})
        await observer.submit()
        for who, seen in ((guest, 1), (observer, 1), (lead, 2), (bureau, 2), (far, 2)):
            status, found = await who.of_session("GET", "observations")
            assert status == 200
            assert len(found["observations"]) == seen
            [summary] = found["summaries"]
            goals = summary["criteria"][0]
            assert (goals["name_en"], goals["mean"], goals["count"]) == ("Goals", 3, 2)
            assert (goals["lowest"], goals["highest"]) == (2, 4)
            assert summary["score"]["mean"] == pytest.approx(60)
            status, page = await who.page(f"/observe/{lesson.planned.session_id}/record")
            assert status == 200
            assert ("From the guest." in page) == (who is guest or seen == 2)
        for who in (near, helper, other):
            assert (await who.of_session("GET", "observations"))[0] == 403
            assert (await who.of_session("GET", "comments"))[0] == 403
            assert (await who.of_session("POST", "observations"))[0] == 403
            assert (await who.page(f"/observe/{lesson.planned.session_id}/record"))[0] == 403
            assert (await who.page(f"/observe/{lesson.planned.session_id}/minutes.md"))[0] == 403
        assert (await lead.of_session("POST", "observations"))[0] == 403  # of their own lesson


async def test_who_is_invited_no_longer_can_write_no_longer(lesson: Site) -> None:
    async with person(lesson, "guest") as guest, person(lesson, "lead") as lead:
        made = await guest.begin()
        for login, status in (("observer", 403), ("near-admin", 403), ("helper", 403)):
            async with person(lesson, login) as somebody:
                body = {"teacher": f"{NEAR}-T1"}
                assert (await somebody.of_session("POST", "invitations", body))[0] == status
        for body, status in (
            ({"teacher": "nobody"}, 404),
            ({"teacher": f"{FAR}-T1"}, 409),  # takes part
            ({"teacher": f"{NEAR}-T1"}, 204),  # is invited already
        ):
            assert (await lead.of_session("POST", "invitations", body))[0] == status
        assert (await lead.of_session("DELETE", f"invitations/{NEAR}-T1"))[0] == 204
        assert (await lead.of_session("DELETE", f"invitations/{NEAR}-T1"))[0] == 404
        assert (await guest.ask("PATCH", f"/observations/{made}", FULL))[0] == 403
        assert (await lead.of_session("POST", "invitations", {"teacher": f"{NEAR}-T1"}))[0] == 204
        assert (await guest.ask("PATCH", f"/observations/{made}", FULL))[0] == 200


async def test_a_lesson_that_was_not_held_is_not_evaluated(site: Site) -> None:
    async with person(site, "bureau") as bureau:
        made = await bureau.begin()  # its doors are open
        await bureau.ask("PATCH", f"/observations/{made}", FULL)
        assert (await bureau.ask("POST", f"/observations/{made}/submission"))[0] == 409
        async with site.pool.transaction() as connection:
            await sessions.miss(connection, site.planned.session_id, site.now)
        assert (await bureau.ask("POST", f"/observations/{made}/submission"))[0] == 409
        async with person(site, "observer") as observer:
            assert (await observer.of_session("POST", "observations"))[0] == 409
            about = {"id": str(uuid4()), "text": "x"}
            assert (await observer.of_session("POST", "comments", about))[0] == 409


RUBRIC = {
    "after": 1,
    "title_zh": "新量表",
    "title_en": "New rubric",
    "scale": "hundred",
    "criteria": [
        {"name_zh": "目标", "name_en": "Goals", "weight": 30},
        {"name_zh": "效果", "name_en": "Effect", "hint_en": "What they learnt.", "weight": 70},
    ],
}


async def test_the_city_changes_the_rubric_and_what_was_made_by_the_old_one_keeps_it(
    lesson: Site,
) -> None:
    wrong: list[dict[str, Any]] = [
        RUBRIC | {"criteria": []},
        RUBRIC | {"criteria": RUBRIC["criteria"][:1]},  # type: ignore[index]
        RUBRIC | {"criteria": [c | {"name_en": "Same"} for c in RUBRIC["criteria"]]},  # type: ignore[attr-defined]
        RUBRIC | {"title_zh": "  "},
        RUBRIC | {"scale": "ten"},
        RUBRIC | {"criteria": [{"name_zh": "目标", "name_en": "Goals", "weight": 100.5}]},
    ]
    async with person(lesson, "bureau") as bureau, person(lesson, "guest") as guest:
        _, holds = await guest.ask("GET", "/rubric")
        assert (holds["number"], len(holds["criteria"])) == (1, 6)
        assert sum(c["weight"] for c in holds["criteria"]) == 100
        old = await guest.begin()
        for body in wrong:
            assert (await bureau.ask("POST", "/rubric", body))[0] == 422, body
        for login in ("far-admin", "observer", "guest"):
            async with person(lesson, login) as somebody:
                assert (await somebody.ask("POST", "/rubric", RUBRIC))[0] == 403
        status, made = await bureau.ask("POST", "/rubric", RUBRIC)
        assert (status, made["number"]) == (200, 2)
        assert (await bureau.ask("POST", "/rubric", RUBRIC))[0] == 409  # it has moved on
        async with lesson.pool.connection() as connection:
            assert [r.number for r in await rubrics.rubrics(connection)] == [1, 2]

        assert (await guest.ask("PATCH", f"/observations/{old}", FULL))[1]["rubric"] == 1
        await guest.ask("POST", f"/observations/{old}/submission")
        by_new = await bureau.submit({"marks": {"1": 90, "2": 80}})
        assert (by_new["rubric"], by_new["score"]) == (2, pytest.approx(83))
        _, found = await bureau.of_session("GET", "observations")
        assert [(s["rubric"], s["score"]["count"]) for s in found["summaries"]] == [(2, 1), (1, 1)]
        status, page = await bureau.page("/observe/rubric")
        assert status == 200
        assert "What they learnt." in page


async def _comment(who: Person, text: str, **more: Any) -> tuple[int, Any]:
    return await who.of_session("POST", "comments", {"id": str(uuid4()), "text": text} | more)


async def test_a_comment_of_the_lesson_is_at_its_second_of_the_recording_also_after_a_cut(
    lesson: Site, tmp_path: Path
) -> None:
    async with (
        studio_of(lesson, tmp_path) as studio,
        person(lesson, "observer") as observer,
        person(lesson, "lead") as lead,
        person(lesson, "guest") as guest,
    ):
        recording = await studio.ready(seconds=12)
        async with lesson.pool.connection() as connection:
            found = await recordings.recording(connection, recording)
        assert found is not None
        assert found.zero_at is not None
        lesson.now = found.zero_at + timedelta(seconds=60)
        async with lesson.pool.transaction() as connection:  # the doors opened well before
            await connection.execute(
                "UPDATE sessions SET opened_at = $1", found.zero_at - timedelta(minutes=1)
            )
        _, said = await _comment(observer, "Good question <b>!</b>", ago_ms=53_000)
        [one] = said["comments"]
        assert (one["recording"], one["at_ms"]) == (str(recording), 7000)
        sent = {"id": one["id"], "text": "Good question <b>!</b>", "ago_ms": 53_000}
        _, twice = await observer.of_session("POST", "comments", sent)  # the line had broken
        assert len(twice["comments"]) == 1
        assert (await guest.of_session("POST", "comments", sent))[0] == 409

        # On the recording itself; an answer; what has no place.
        status, _ = await _comment(guest, "Here.", recording=str(recording), at_ms=3000)
        assert status == 200
        _, said = await _comment(lead, "Thank you.", answers=one["id"])
        before = await _comment(observer, "Before it was recorded.", ago_ms=90_000)
        told = [(c["text"], c["at_ms"], c["answers"]) for c in before[1]["comments"]]
        assert told == [
            ("Before it was recorded.", None, None),
            ("Here.", 3000, None),
            ("Good question <b>!</b>", 7000, None),
            ("Thank you.", 7000, one["id"]),
        ]
        for who, text, more, status in (
            (lead, "A comment of the lead's own", {}, 403),
            (observer, "  ", {}, 422),
            (observer, "Too early", {"ago_ms": 600_000}, 422),
            (observer, "No such", {"recording": str(uuid4())}, 404),
            (observer, "No such", {"answers": str(uuid4())}, 404),
            (lead, "An answer to an answer", {"answers": said["comments"][-1]["id"]}, 404),
        ):
            assert (await _comment(who, text, **more))[0] == status, text

        # The lead teacher cuts the beginning off: comments keep to what they are about.
        path = f"/recordings/{recording}/cut"
        assert (await lead.ask("POST", path, {"from_seconds": 2, "to_seconds": 11}))[0] == 204
        async with lesson.pool.connection() as connection:
            cut = await recordings.recording(connection, recording)
        assert cut is not None
        assert cut.zero_at is not None
        gone = round((cut.zero_at - found.zero_at).total_seconds() * 1000)
        assert gone >= 2000
        _, after = await guest.of_session("GET", "comments")
        places = {c["text"]: c["at_ms"] for c in after["comments"]}
        assert places["Good question <b>!</b>"] == 7000 - gone
        assert places["Here."] == (3000 - gone if gone <= 3000 else None)

        # Who observes may watch it, which is in the audit log; whose lesson it is not, may not.
        for login, status in (
            ("observer", 200),
            ("guest", 200),
            ("bureau", 200),
            ("far-admin", 200),
            ("near-admin", 403),
            ("helper", 403),
        ):
            async with person(lesson, login) as somebody:
                for address in ("", "/media/main/1", "/poster"):
                    async with somebody.browser.get(f"/recordings/{recording}{address}") as found_:
                        assert found_.status == status, (login, address)
        status, page = await guest.page(f"/recordings/{recording}")
        assert 'id="observation"' in page
        assert "/cut" not in page
        assert "/publication" not in page
        for path in (f"/recordings/{recording}/cut", f"/recordings/{recording}/publication"):
            body = {"published": True} if "publication" in path else {"to_seconds": 5}
            assert (await guest.ask("POST", path, body))[0] == 403


async def test_minutes_come_in_three_forms_with_the_same_bytes_for_the_same_data(
    lesson: Site,
) -> None:
    base = f"/observe/{lesson.planned.session_id}/minutes"
    async with (
        person(lesson, "guest") as guest,
        person(lesson, "observer") as observer,
        person(lesson, "lead") as lead,
    ):
        await guest.submit(
            FULL | {"notes": {"1": "Clear | *goals*"}, "remark": "Well done.\nGo\x07 on."}
        )
        await observer.submit({"marks": {str(n): 2 for n in range(1, 7)}})
        await _comment(guest, "看这里 <script>")

        async def file(who: Person, form: str, language: str) -> bytes:
            async with who.browser.get(
                f"{base}.{form}", headers={"Accept-Language": language}
            ) as answer:
                assert answer.status == 200, await answer.text()
                assert f".{form}" in answer.headers["Content-Disposition"]
                return await answer.read()

        for language, title in (("en", "Minutes of observation"), ("zh-CN", "听课评课记录")):
            made = {form: await file(lead, form, language) for form in ("md", "docx", "pdf")}
            assert made == {form: await file(lead, form, language) for form in made}
            text = made["md"].decode()
            document = Document(io.BytesIO(made["docx"]))
            written = "\n".join(
                [p.text for p in document.paragraphs]
                + [c.text for t in document.tables for r in t.rows for c in r.cells]
            )
            pages = PdfReader(io.BytesIO(made["pdf"])).pages
            typeset = "".join(p.extract_text() for p in pages)
            for words in (title, "guest", "60.00", "看这里"):
                assert words in text, words
                assert words in written, words
                assert words.replace(" ", "") in typeset.replace(" ", "").replace("\n", ""), words
            assert "Clear \\| \\*goals\\*" in text
            assert "\\<script\\>" in text
            dates = {e.date_time for e in zipfile.ZipFile(io.BytesIO(made["docx"])).infolist()}
            assert dates == {(1980, 1, 1, 0, 0, 0)}
        mine = (await file(guest, "md", "en")).decode()
        assert "Well done." in mine
        assert "observer" not in mine  # whose marks are not for the guest
        assert (await guest.page(f"{base}.odt"))[0] == 404
    async with lesson.pool.connection() as connection:
        exported = await connection.fetch(
            "SELECT actor FROM audit WHERE action = 'minutes_exported' ORDER BY id"
        )
    assert len(exported) == 13
    assert exported[-1]["actor"] == "account:guest"


async def _measure(who: Person, day: date, as_of: datetime) -> tuple[float, float]:
    """Indicator 14 of a day: sessions evaluated, valid sessions."""
    period = urlencode({"since": day, "until": day, "as_of": as_of.isoformat()})
    status, found = await who.ask("GET", f"/coverage?{period}")
    assert status == 200, found
    [measure] = next(i for i in found["indicators"] if i["number"] == 14)["measures"]
    return measure["numerator"], measure["denominator"]


async def test_an_observation_submitted_is_in_the_figure_of_evaluated_lessons(
    lesson: Site,
) -> None:
    async with lesson.pool.transaction() as connection:
        session = await sessions.session(connection, lesson.planned.session_id)
        assert session is not None
        rows = [
            Evidence(
                room=str(session.id),
                participant=str(participant),
                from_at=session.starts_at,
                to_at=session.ends_at,
                sent_decodable=True,
                received_decodable=True,
                packets_in=1,
                bytes_in=1,
                packets_out=1,
                bytes_out=1,
                lost_in=0,
                lost_out=0,
                jitter_ms=1.0,
                rtt_ms=None,
                reason=None,
            )
            for participant in (lesson.planned.lead, lesson.planned.receiving)
        ]
        await presence.add_evidence(connection, uuid4(), list(enumerate(rows, start=1)))
        await marks.add_interaction(connection, session.id, lesson.planned.receiving, "floor_given")
        await marks.add_head_count(connection, lesson.planned.receiving, 40, 40, "account:helper")
    lesson.now = session.ends_at
    await lesson.live.end(session.id, "account:lead")
    as_of = lesson.now + timedelta(minutes=1)
    async with person(lesson, "bureau") as bureau, person(lesson, "guest") as guest:
        assert await _measure(bureau, session.on_day, as_of) == (0, 1)
        made = await guest.begin()
        await guest.ask("PATCH", f"/observations/{made}", FULL)
        assert await _measure(bureau, session.on_day, as_of) == (0, 1)  # a draft is no evaluation
        await guest.ask("POST", f"/observations/{made}/submission")
        await bureau.submit()
        assert await _measure(bureau, session.on_day, as_of) == (1, 1)
    async with lesson.pool.connection() as connection:
        kept = await connection.fetch(
            "SELECT evaluated_by, score FROM evaluations WHERE observation_id IS NOT NULL"
            " ORDER BY evaluated_at"
        )
    assert [(r["evaluated_by"], r["score"]) for r in kept] == [
        ("account:guest", 80),
        ("account:bureau", 80),
    ]


async def test_a_room_has_no_part_in_observation(lesson: Site) -> None:
    async with lesson.browser() as room:
        csrf = await pair_room(lesson, room, f"{FAR}-R1", "AAAA2222")
        screen = Person(room, csrf, lesson.planned.session_id)
        for method, path in (
            ("POST", "observations"),
            ("GET", "observations"),
            ("GET", "comments"),
            ("POST", "invitations"),
        ):
            assert (await screen.of_session(method, path, {}))[0] == 403
