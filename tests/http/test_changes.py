"""Single dated lessons: a substitute, a cancelled date, a make-up, a class right now."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from db import changes, city, presence, sessions
from db.changes import NewSession
from scheduler.model import Receiver, Session, Subject
from tests.http.conftest import Site
from tests.http.test_timetable_api import entered
from tests.worlds import FAR, HUB, NEAR, TERM

S = "/api/v1/sessions"
_FREE_CAST = {
    "subject": "music",
    "lead_teacher_id": f"{HUB}-T2",
    "lead_room_id": f"{HUB}-R2",
    "receivers": [{"room_id": f"{NEAR}-R1", "class_id": f"{NEAR}-301", "assistant_id": None}],
}


async def stored(site: Site, session_id: UUID | str) -> Session:
    async with site.pool.connection() as connection:
        found = await sessions.session(connection, UUID(str(session_id)))
    assert found is not None
    return found


async def audited(site: Site, action: str) -> list[dict[str, Any]]:
    async with site.pool.connection() as connection:
        rows = await connection.fetch("SELECT * FROM audit WHERE action = $1", action)
    return [dict(row) for row in rows]


async def test_a_substitute_leads_one_date_and_the_lesson_stays(site: Site) -> None:
    session = f"{S}/{site.planned.session_id}"
    lead = str(site.planned.lead)
    async with site.browser() as browser, site.browser() as other:
        admin = await entered(browser)
        await site.live.need(site.planned.session_id)  # pages have looked at it before
        wish = {"participant": lead, "teacher": f"{HUB}-T2"}
        await admin.done("POST", f"{session}/substitution", wish)
        await entered(other, "other")  # who now finds the lesson theirs
        async with other.get(session) as response:
            assert response.status == 200
        lessons = await admin.lessons(
            (await admin.done("GET", "/api/v1/timetable/versions"))["versions"][0]["id"]
        )
    assert [k["lead_teacher_id"] for k in lessons] == [f"{HUB}-T1"]
    [row] = await audited(site, "teacher_substituted")
    assert (row["actor"], row["detail"]["before"], row["detail"]["after"]) == (
        "account:admin",
        f"{HUB}-T1",
        f"{HUB}-T2",
    )


async def test_who_is_in_another_lesson_or_does_not_teach_the_subject_cannot_stand_in(
    site: Site,
) -> None:
    session = f"{S}/{site.planned.session_id}/substitution"
    lead = str(site.planned.lead)
    async with site.browser() as browser:
        admin = await entered(browser)
        site.now += timedelta(minutes=6)  # into the lesson
        await admin.done("POST", S, _FREE_CAST)
        for teacher, status, said in (
            (f"{HUB}-T2", 409, "This teacher is in another lesson at that time."),
            (f"{FAR}-T1", 422, "Helper does not teach this subject."),
            ("nobody", 422, "There is no such teacher or participant."),
        ):
            wish = {"participant": lead, "teacher": teacher}
            assert await admin.ask("POST", session, wish) == (status, _problem(status, said))
    [before] = [
        p for p in (await stored(site, site.planned.session_id)).participants if str(p.id) == lead
    ]
    assert before.teacher_id == f"{HUB}-T1"
    assert await audited(site, "teacher_substituted") == []


def _problem(status: int, said: str) -> dict[str, Any]:
    title = {409: "Conflict", 422: "Unprocessable Entity"}[status]
    return {"type": "about:blank", "title": title, "status": status, "detail": said}


async def test_a_cancelled_date_frees_its_rooms_and_its_links_are_told_why(site: Site) -> None:
    session = f"{S}/{site.planned.session_id}"
    async with site.browser() as browser:
        admin = await entered(browser)
        await admin.done("POST", f"{session}/cancellation", {"cause": "school"})
        status, answer = await admin.ask("POST", f"{session}/cancellation", {"cause": "school"})
        assert status == 409
        assert "stays as it was" in answer["detail"]
        same_cast = _FREE_CAST | {
            "lead_teacher_id": f"{HUB}-T1",
            "lead_room_id": f"{HUB}-R1",
            "receivers": [
                {"room_id": f"{FAR}-R1", "class_id": f"{FAR}-301", "assistant_id": f"{FAR}-T1"}
            ],
        }
        await admin.done("POST", S, same_cast)
    session_ = await stored(site, site.planned.session_id)
    assert (session_.state, session_.cancel_cause) == ("cancelled", "school")
    async with site.pool.connection() as connection:
        [link] = await presence.attendance_of_session(connection, session_.id)
    assert link.cause == "school"
    assert len(await audited(site, "session_cancelled")) == 1


async def test_a_live_lesson_is_neither_cancelled_nor_given_another_teacher(site: Site) -> None:
    session = f"{S}/{site.planned.session_id}"
    async with site.pool.transaction() as connection:
        assert await sessions.go_live(connection, site.planned.session_id, site.now)
    async with site.browser() as browser:
        admin = await entered(browser)
        wish = {"participant": str(site.planned.lead), "teacher": f"{HUB}-T2"}
        for path, body in (("cancellation", {"cause": "school"}), ("substitution", wish)):
            status, answer = await admin.ask("POST", f"{session}/{path}", body)
            assert status == 409
            assert answer["detail"] == "This lesson is under way or over: it stays as it was."
    assert (await stored(site, site.planned.session_id)).state == "live"


async def test_a_makeup_has_the_same_cast_is_busy_for_its_shift_and_there_is_one(
    site: Site,
) -> None:
    session = f"{S}/{site.planned.session_id}"
    zone = ZoneInfo(TERM.zone)
    day = (site.now.astimezone(zone) + timedelta(days=14)).date()  # the last that is planned
    wish = {"day": str(day), "starts": "09:25"}
    async with site.browser() as browser:
        admin = await entered(browser)
        status, _ = await admin.ask("POST", f"{session}/make-up", wish)
        assert status == 409  # it is still to be held
        await admin.done("POST", f"{session}/cancellation", {"cause": "network"})
        late = {"day": str(day + timedelta(days=1)), "starts": "09:25"}
        assert (await admin.ask("POST", f"{session}/make-up", late))[0] == 422
        made = (await admin.done("POST", f"{session}/make-up", wish))["session"]
        status, answer = await admin.ask("POST", f"{session}/make-up", wish | {"starts": "11:25"})
        assert (status, answer["detail"]) == (409, "This lesson has a make-up already.")
    new, old = await stored(site, made), await stored(site, site.planned.session_id)
    assert new.starts_at == datetime(day.year, day.month, day.day, 9, 25, tzinfo=zone)
    assert new.ends_at - new.starts_at == old.ends_at - old.starts_at
    cast = [(p.role, p.room_id, p.class_id, p.teacher_id) for p in new.participants]
    assert cast == [(p.role, p.room_id, p.class_id, p.teacher_id) for p in old.participants]
    [class_] = [p for p in new.participants if p.class_id is not None]
    assert class_.busy_from is not None
    assert class_.busy_from.astimezone(zone).strftime("%H:%M") == "09:15"  # its school's bell


async def near_too(site: Site) -> UUID:
    """A lesson of the near class at the time of the far one's, by the other lead."""
    old = await stored(site, site.planned.session_id)
    near = (Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),)
    async with site.pool.transaction() as connection:
        return await changes.add(
            connection,
            NewSession(
                old.on_day,
                old.starts_at,
                old.ends_at,
                "music",
                interactive=True,
                lead_teacher_id=f"{HUB}-T2",
                lead_room_id=f"{HUB}-R2",
                receivers=near,
            ),
        )


async def test_lessons_of_a_subject_are_made_up_together_and_each_has_its_makeup(
    site: Site,
) -> None:
    far, near = site.planned.session_id, await near_too(site)
    old = await stored(site, far)
    day = (site.now.astimezone(ZoneInfo(TERM.zone)) + timedelta(days=2)).date()
    wish = {"day": str(day), "starts": "09:25"}
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = await entered(browser)
        await admin.done("POST", f"{S}/{far}/cancellation", {"cause": "network"})
        together = wish | {"also": [str(near)]}
        status, answer = await admin.ask("POST", f"{S}/{far}/make-up", together)
        assert (status, answer["detail"]) == (
            409,
            "Only a lesson that was cancelled, missed or held is made up.",
        )
        await admin.done("POST", f"{S}/{near}/cancellation", {"cause": "school"})
        held_on = old.starts_at.astimezone(ZoneInfo(TERM.zone)).date()
        page = f"/admin/changes?day={held_on}&session={far}"
        async with browser.get(page) as response:
            form = (await response.text()).split('data-list="also"')[1].split("</fieldset>")[0]
        assert f'value="{near}"' in form
        assert str(far) not in form
        made = (await admin.done("POST", f"{S}/{far}/make-up", together))["session"]
        for each in (far, near):
            status, answer = await admin.ask("POST", f"{S}/{each}/make-up", wish)
            assert (status, answer["detail"]) == (409, "This lesson has a make-up already.")
        async with browser.get(page) as response:
            assert "A make-up is planned." in await response.text()
    new = await stored(site, made)
    assert sorted(p.class_id for p in new.participants if p.class_id) == [
        f"{FAR}-301",
        f"{NEAR}-301",
    ]
    async with site.pool.connection() as connection:
        found = await changes.makeups(connection, [far, near])
    assert found == {far: {f"{FAR}-301": new.id}, near: {f"{NEAR}-301": new.id}}
    [row] = await audited(site, "makeup_planned")
    assert row["detail"]["makes_up"] == [str(far), str(near)]


async def test_lessons_that_cannot_be_one_are_not_made_up_together(site: Site) -> None:
    old = await stored(site, site.planned.session_id)
    receivers = (Receiver(f"{FAR}-R1", f"{FAR}-301", None),)
    others = {}
    async with site.pool.transaction() as connection:
        await city.add_subjects(connection, [Subject("art", "美术", "Art")])
        for hours, subject in ((2, "music"), (4, "art")):
            starts = old.starts_at + timedelta(hours=hours)
            ends = starts + timedelta(minutes=40)
            others[subject] = await changes.add(
                connection,
                NewSession(
                    old.on_day,
                    starts,
                    ends,
                    subject,
                    interactive=True,
                    lead_teacher_id=f"{HUB}-T2",
                    lead_room_id=f"{HUB}-R2",
                    receivers=receivers,
                ),
            )
        for each in (old.id, *others.values()):
            await sessions.cancel(connection, each, site.now, "school")
    day = (site.now.astimezone(ZoneInfo(TERM.zone)) + timedelta(days=2)).date()
    async with site.browser() as browser:
        admin = await entered(browser)
        for subject, said in (
            ("music", "A class or a room is in two of these lessons: make them up one after the"),
            ("art", "Lessons that are made up together are of one subject."),
        ):
            wish = {"day": str(day), "starts": "09:25", "also": [str(others[subject])]}
            status, answer = await admin.ask("POST", f"{S}/{old.id}/make-up", wish)
            assert status == 422
            assert answer["detail"].startswith(said)


async def test_a_class_right_now_opens_its_doors_and_takes_only_what_is_free(site: Site) -> None:
    site.now += timedelta(minutes=6)  # the planned lesson is on
    until = site.now + timedelta(minutes=40)
    span = {"since": site.now.isoformat(), "until": until.isoformat()}
    async with site.browser() as browser:
        admin = await entered(browser)
        async with browser.get("/api/v1/free", params=span) as response:
            assert await response.json() == {
                "rooms": [f"{HUB}-R2", f"{NEAR}-R1"],
                "teachers": [f"{HUB}-T2", f"{NEAR}-T1"],
                "classes": [f"{HUB}-301", f"{NEAR}-301"],
            }
        made = (await admin.done("POST", S, _FREE_CAST))["session"]
        session = await stored(site, made)
        assert (session.state, session.starts_at, session.ends_at) == ("open", site.now, until)
        async with browser.get("/api/v1/free", params=span) as response:
            assert (await response.json())["rooms"] == []
        status, answer = await admin.ask("POST", S, _FREE_CAST)
        assert status == 409
        assert answer["detail"].startswith("A room, a teacher or a class is in another lesson")
        status, _ = await admin.ask("POST", S, _FREE_CAST | {"lead_room_id": "nowhere"})
        assert status == 422
    assert len(await audited(site, "ad_hoc_class")) == 1


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_days_page_offers_who_is_free_to_stand_in(site: Site, language: str) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": language}) as browser:
        await entered(browser)
        day = site.now.astimezone(ZoneInfo(TERM.zone)).date()
        path = f"/admin/changes?day={day}&session={site.planned.session_id}"
        async with browser.get(path) as response:
            text = await response.text()
        form = text.split('class="inline substitution"')[1].split("</form>")[0]
        assert f'value="{HUB}-T2"' in form
        assert f'value="{HUB}-T1"' not in form
