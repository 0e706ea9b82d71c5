"""Every route of the application, by every kind of visitor: what the table allows, and on whose.

The routes are those that the application serves, so that one without an entry here fails. `OPEN`
says of each that names no action why not; `OBJECTS` of each that names an object whose it must be.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from classroom_sync.api.registry import ENDPOINTS
from classroom_sync.permissions import TABLE, Action, Role
from db import (
    acceptance,
    accounts,
    busy,
    comments,
    feeds,
    invitations,
    meetings,
    observations,
    plans,
    pushes,
    recordings,
    sessions,
    uploads,
    withdrawals,
)
from db.accounts import Account
from db.meetings import Call
from db.pool import Connection
from scheduler.model import BusyTime, Receiver
from tests.http.conftest import PASSWORD_HASH, Site, pair_room, sign_in
from tests.worlds import FAR, HUB, NEAR, TERM, Planned, lesson, plan

#: Visitor → role, and the login or the room that is paired; lead, helper, far-admin and room belong
#: to the lesson between the hub and the school FAR, the other teacher and room to one with NEAR;
#: the teachers to a meeting too. Lead and other are invited to observe each other's lesson.
VISITORS: dict[str, tuple[Role | None, str]] = {
    "nobody": (None, ""),
    "bureau": (Role.BUREAU, "bureau"),
    "admin": (Role.ADMIN, "admin"),
    "far-admin": (Role.ADMIN, "far-admin"),
    "hub-admin": (Role.ADMIN, "hub-admin"),
    "lead": (Role.TEACHER, "lead"),
    "helper": (Role.TEACHER, "helper"),
    "other": (Role.TEACHER, "other"),
    "observer": (Role.OBSERVER, "observer"),
    "room": (Role.ROOM, f"{FAR}-R1"),
    "other-room": (Role.ROOM, f"{NEAR}-R1"),
}

#: Routes that ask for no action, and what guards them.
OPEN = {
    "/": "leads to one's own front door",
    "/login": "signs in",
    "/login/code": "needs the password first",
    "/logout": "ends one's own session",
    "/second-factor": "needs a sign-in, or the password first",
    "/second-factor/secret": "needs a sign-in, or the password first",
    "/oidc/begin": "signs in",
    "/oidc/callback": "needs what the browser keeps of the attempt",
    "/oidc/leave": "leads to the provider",
    "/pair": "needs a code",
    "/password/{token}": "the address is the secret",
    "/calendar/{token}.ics": "the address is the secret",
    "/certificates/{test}": "a certificate is shown to whoever has it in hand",
    "/certificates/{test}.json": "a certificate is shown to whoever has it in hand",
    "/wall/{token}": "the address is the secret",
    "/healthz": "tells of no person",
    "/readyz": "tells of no person",
    "/metrics": "tells of no person",
    "/api/openapi.json": "tells of no person",
    "/api/{rest}": "says that nothing is there",
    "/api/v1/sign-in": "signs in",
    "/api/v1/pairings": "needs a code",
    "/whip/{session}/{participant}": "needs a media token",
    "/whep/{session}": "needs a media token",
    "/media/{node}/{resource}": "needs a media token",
    "/ws/sessions/{session}": "looks for the visitor's seat in the lesson",
    "/static": "what pages are made of",
}


class Whose(Enum):
    """Whose an object must be for a visitor that the table lets through."""

    ANYBODYS = "anybody's"  # what the whole city knows: names, rooms, the timetable
    CITYS = "city's"  # changed by an administrator of the whole city alone
    SCHOOLS = "school's"  # an administrator's own school's
    LESSONS = (
        "lesson's"  # who takes part; who sees the city, and an administrator of a school in it
    )
    LEADS = "lead's"  # the lead teacher's alone
    TAKERS = "taker's"  # who takes part alone
    ROOMS = "room's"  # the room's own, and of its school
    MAKERS = (
        "maker's"  # of who led the lesson; of an administrator of the city, or of a school in it
    )
    ACCOUNTS = "account's"  # one's own account's alone
    CHAIRS = "chair's"  # the teacher's who leads or sent it, their school's administrator's
    OBSERVABLE = "observable"  # whoever may watch unseen: the city, schools in it, the invited
    REVIEWED = "reviewed"  # the same and the lead teacher's
    INVITERS = "inviters'"  # the lead teacher's, the bureau's, administrators' who may observe
    WRITERS = "writer's"  # the observer's alone who wrote it


#: Path → whose its object is. For one path it is the same whatever the method, but for those below.
OBJECTS = {
    "/account/sessions/{web_session}/end": Whose.ACCOUNTS,
    "/admin/export/{what}": Whose.CITYS,
    "/admin/import/{import}": Whose.CITYS,
    "/admin/rooms/{room}": Whose.ANYBODYS,
    "/admin/rooms/{room}/pairing-codes": Whose.SCHOOLS,
    "/admin/timetable/versions/{version}": Whose.ANYBODYS,
    "/api/v1/acceptance-tests/{test}": Whose.ROOMS,
    "/api/v1/acceptance-tests/{test}/begin": Whose.ROOMS,
    "/api/v1/acceptance-tests/{test}/result": Whose.ROOMS,
    "/api/v1/accounts/{account}/identity": Whose.SCHOOLS,
    "/api/v1/accounts/{account}/password-links": Whose.SCHOOLS,
    "/api/v1/accounts/{account}/second-factor": Whose.SCHOOLS,
    "/api/v1/accounts/{account}/sessions": Whose.SCHOOLS,
    "/api/v1/accounts/{account}/state": Whose.SCHOOLS,
    "/api/v1/accounts/{account}/unlock": Whose.SCHOOLS,
    "/api/v1/busy-times/{busy}": Whose.SCHOOLS,
    "/api/v1/calendar/terms/{term}": Whose.CITYS,
    "/api/v1/calendar/terms/{term}/days/{day}": Whose.CITYS,
    "/api/v1/calendar/terms/{term}/days/{day}/effect": Whose.ANYBODYS,
    "/api/v1/calendar/terms/{term}/exam-weeks/{week}": Whose.CITYS,
    "/api/v1/calendar/terms/{term}/official-days": Whose.CITYS,
    "/api/v1/calendars/{feed}": Whose.SCHOOLS,
    "/api/v1/classes/{class}": Whose.SCHOOLS,
    "/api/v1/classes/{class}/retirement": Whose.SCHOOLS,
    "/api/v1/devices/{device}": Whose.SCHOOLS,
    "/api/v1/digests/{day}": Whose.ANYBODYS,
    "/api/v1/media-tokens/{token}": Whose.SCHOOLS,
    "/api/v1/meetings/{session}": Whose.LESSONS,
    "/api/v1/meetings/{session}/cancellation": Whose.CHAIRS,
    "/api/v1/meetings/{session}/notes": Whose.TAKERS,
    "/api/v1/meetings/{session}/turn": Whose.LEADS,
    "/api/v1/observations/{observation}": Whose.WRITERS,
    "/api/v1/observations/{observation}/submission": Whose.WRITERS,
    "/api/v1/plans/{plan}": Whose.LESSONS,
    "/api/v1/plans/{plan}/diff": Whose.LESSONS,
    "/api/v1/plans/{plan}/lesson": Whose.TAKERS,
    "/api/v1/plans/{plan}/preview": Whose.TAKERS,
    "/api/v1/plans/{plan}/restoration": Whose.TAKERS,
    "/api/v1/plans/{plan}/versions/{number}": Whose.LESSONS,
    "/api/v1/push-rules/{rule}": Whose.CITYS,
    "/api/v1/pushes/{push}": Whose.CHAIRS,
    "/api/v1/pushes/{push}/withdrawal": Whose.CHAIRS,
    "/api/v1/recordings/{recording}": Whose.MAKERS,
    "/api/v1/recordings/{recording}/cut": Whose.MAKERS,
    "/api/v1/recordings/{recording}/joining": Whose.MAKERS,
    "/api/v1/recordings/{recording}/publication": Whose.MAKERS,
    "/api/v1/rooms/{room}/acceptance-tests": Whose.ROOMS,
    "/api/v1/rooms/{room}/life": Whose.ANYBODYS,
    "/api/v1/rooms/{room}/note": Whose.CITYS,
    "/api/v1/rooms/{room}/pairing-codes": Whose.SCHOOLS,
    "/api/v1/rooms/{room}/status": Whose.CITYS,
    "/api/v1/schools/{school}": Whose.CITYS,
    "/api/v1/schools/{school}/bells/{day}": Whose.SCHOOLS,
    "/api/v1/schools/{school}/classes": Whose.SCHOOLS,
    "/api/v1/schools/{school}/retirement": Whose.CITYS,
    "/api/v1/schools/{school}/teachers": Whose.SCHOOLS,
    "/api/v1/sessions/{session}": Whose.LESSONS,
    "/api/v1/sessions/{session}/cancellation": Whose.CITYS,
    "/api/v1/sessions/{session}/comments": Whose.REVIEWED,
    "/api/v1/sessions/{session}/device-check": Whose.TAKERS,
    "/api/v1/sessions/{session}/end": Whose.LEADS,
    "/api/v1/sessions/{session}/head-counts": Whose.LESSONS,
    "/api/v1/sessions/{session}/invitations": Whose.INVITERS,
    "/api/v1/sessions/{session}/invitations/{teacher}": Whose.INVITERS,
    "/api/v1/sessions/{session}/make-up": Whose.CITYS,
    "/api/v1/sessions/{session}/observations": Whose.REVIEWED,
    "/api/v1/sessions/{session}/recording": Whose.LEADS,
    "/api/v1/sessions/{session}/substitution": Whose.CITYS,
    "/api/v1/sessions/{session}/tokens": Whose.TAKERS,
    "/api/v1/sessions/{session}/visits": Whose.OBSERVABLE,
    "/api/v1/teachers/{teacher}": Whose.SCHOOLS,
    "/api/v1/teachers/{teacher}/retirement": Whose.SCHOOLS,
    "/api/v1/timetable/versions/{version}": Whose.CITYS,
    "/api/v1/timetable/versions/{version}/changes": Whose.CITYS,
    "/api/v1/timetable/versions/{version}/publication": Whose.CITYS,
    "/api/v1/timetable/versions/{version}/publication/preview": Whose.CITYS,
    "/api/v1/timetable/versions/{version}/weeks": Whose.CITYS,
    "/api/v1/timetable/versions/{version}/weights": Whose.CITYS,
    "/api/v1/uploads/{upload}": Whose.LEADS,
    "/bureau/links/{participant}": Whose.LESSONS,
    "/calendar/{feed}/revoke": Whose.ACCOUNTS,
    "/certificates/{test}.pdf": Whose.ANYBODYS,  # as the page of the same
    "/meetings/{session}": Whose.LESSONS,
    "/meetings/{session}/change": Whose.CHAIRS,
    "/meetings/{session}/minutes": Whose.LESSONS,
    "/meetings/{session}/plan": Whose.LESSONS,
    "/observe/{session}": Whose.OBSERVABLE,
    "/observe/{session}/minutes.{form}": Whose.REVIEWED,
    "/observe/{session}/record": Whose.REVIEWED,
    "/recordings/{recording}": Whose.REVIEWED,
    "/recordings/{recording}/chapters/{ms}": Whose.REVIEWED,
    "/recordings/{recording}/media/{track}/{number}": Whose.REVIEWED,
    "/recordings/{recording}/poster": Whose.REVIEWED,
    "/room/acceptance/{test}/download": Whose.ROOMS,
    "/room/acceptance/{test}/upload": Whose.ROOMS,
    "/room/sent/{push}/content": Whose.ROOMS,
    "/room/sent/{push}/content/{track}/{number}": Whose.ROOMS,
    "/sent/{push}/content": Whose.CHAIRS,
    "/teacher/sessions/{session}": Whose.LEADS,
    "/uploads/{upload}": Whose.LEADS,
}
#: Where it depends on the method: reading what only the city's administrator changes, and the
#: meeting that only its chair does; an observation is begun by those who may observe.
BY_METHOD = {
    ("GET", "/api/v1/calendar/terms/{term}"): Whose.ANYBODYS,
    ("GET", "/api/v1/timetable/versions/{version}"): Whose.ANYBODYS,
    ("PUT", "/api/v1/meetings/{session}"): Whose.CHAIRS,
    ("GET", "/api/v1/recordings/{recording}"): Whose.REVIEWED,
    ("PUT", "/api/v1/plans/{plan}"): Whose.TAKERS,
    ("POST", "/api/v1/sessions/{session}/observations"): Whose.OBSERVABLE,
}
#: Of these nothing is there, whoever asks.
NOT_THERE = {
    "/account/sessions/{web_session}/end",
    "/admin/import/{import}",
    "/api/v1/calendar/terms/{term}/days/{day}",
    "/api/v1/calendar/terms/{term}/exam-weeks/{week}",
    "/api/v1/digests/{day}",
    "/api/v1/push-rules/{rule}",
    "/api/v1/schools/{school}/bells/{day}",
    "/certificates/{test}.pdf",
    "/room/sent/{push}/content/{track}/{number}",  # an upload has no such files
}
#: Names in paths that are of something else in these.
NAMED_OTHERWISE = {
    "/meetings/{session}": {"session": "meeting"},
    "/invitations/{teacher}": {"teacher": "invited"},
}


@dataclass(frozen=True)
class Route:
    method: str
    path: str  # with its names in braces
    action: Action | None

    @property
    def names_an_object(self) -> bool:
        return "{" in self.path


def _routes(site: Site) -> Iterator[Route]:
    """What the application serves."""
    actions = {(e.method, e.path): e.action for e in ENDPOINTS}
    for route in site.app.router.routes():
        assert route.resource is not None
        info = route.resource.get_info()
        path = info.get("path") or info.get("formatter") or str(info["prefix"])
        if route.method == "HEAD":
            continue  # as GET
        action = actions.get((route.method, path)) or getattr(route.handler, "action", None)
        yield Route(route.method, path, action)


def _example(schema: dict[str, Any], known: dict[str, Any], values: dict[str, str]) -> Any:
    """The smallest value that a JSON schema lets through."""
    if "$ref" in schema:
        return _example(known[schema["$ref"].rsplit("/", 1)[1]], known, values)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], known, values)
    kind = schema.get("type")
    if kind == "object":
        needed = schema.get("required", ())
        return {
            n: values.get(n) or _example(schema["properties"][n], known, values) for n in needed
        }
    if kind == "array":
        return [_example(schema["items"], known, values) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        forms = {"uuid": str(uuid4()), "date": "2026-12-24", "time": "10:00:00"}
        forms["date-time"] = "2026-12-24T10:00:00+08:00"
        return forms.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
    return {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.0)}.get(
        str(kind), False
    )


def _bodies(values: dict[str, str]) -> dict[tuple[str, str], Any]:
    """A body that is understood, for every endpoint that takes one."""
    found = {}
    for endpoint in ENDPOINTS:
        if endpoint.body is not None:
            schema = endpoint.body.model_json_schema()
            found[endpoint.method, endpoint.path] = _example(
                schema, schema.get("$defs", {}), values
            )
    found["POST", "/api/v1/sessions/{session}/comments"]["answers"] = values["comment"]
    found["POST", "/api/v1/plans/{plan}/restoration"]["version"] = 1
    return found


#: What is needed beside the path.
_QUERIES = {("GET", "/api/v1/plans/{plan}/diff"): {"old": "1", "new": "1"}}


def _named_otherwise(route: Route, values: dict[str, str]) -> dict[str, str]:
    found = {}
    for part, names in NAMED_OTHERWISE.items():
        if part in route.path:
            found |= {name: values[of] for name, of in names.items()}
    return found


@dataclass
class Objects:
    """Values of the names in paths, and of fields of the same name in bodies."""

    own: dict[str, str]  # of the lesson between the hub and FAR
    foreign: dict[str, str]  # of the one between the hub's other teacher and NEAR


async def _build(site: Site) -> Objects:
    """The same of everything twice, in two lessons that share nobody but the hub."""
    async with site.pool.transaction() as connection:
        await accounts.add_account(
            connection,
            login="hub-admin",
            name="hub-admin",
            password_hash=PASSWORD_HASH,
            role="admin",
            school_code=HUB,
            teacher_id=None,
        )
        other = lesson(
            period=3,
            teacher=f"{HUB}-T2",
            room=f"{HUB}-R2",
            receivers=(Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),),
        )
        near = await plan(connection, other, site.now + timedelta(minutes=5))
        await sessions.open_session(connection, near.session_id, site.now)
        far = site.planned
        shared = {
            "term": TERM.id,
            "day": "2026-12-24",
            "week": "20",
            "what": "grid",
            "track": "main",
            "number": "1",
            "ms": "0",
            "version": str(await _version(connection)),
            "form": "md",
            "why": "a mistake",
            "rule": str(uuid4()),
            "import": str(uuid4()),
        }
        own = await _of(connection, site.now, FAR, far, "lead", "helper", "observer", "other")
        foreign = await _of(connection, site.now, NEAR, near, "other", "guest", "bureau", "lead")
    return Objects(shared | own, shared | foreign)


async def _version(connection: Connection) -> UUID:
    found: UUID = await connection.fetchval("SELECT id FROM timetable_versions LIMIT 1")
    return found


async def _of(
    connection: Connection,
    now: datetime,
    school: str,
    planned: Planned,
    teacher: str,
    helper: str,
    observer: str,
    guest: str,
) -> dict[str, str]:
    """`observer` wrote an observation of the lesson and a comment, `guest` is invited to it."""
    session_id = planned.session_id
    taught = await _account(connection, teacher)
    helps = await _account(connection, helper)
    observes = await _account(connection, observer)
    invited = await _account(connection, guest)
    assert invited.teacher_id is not None
    await invitations.invite(connection, session_id, invited.teacher_id, f"account:{teacher}", now)
    observation = await observations.begin(connection, session_id, observes.id, now)
    comment = uuid4()
    await comments.add(
        connection,
        comment,
        session_id=session_id,
        account_id=observes.id,
        at=now,
        answers_id=None,
        text="a",
        made_at=now,
    )
    plan_id, meeting_id = await _meeting(connection, now, taught, helps)
    recording_id = await recordings.begin(
        connection,
        session_id=session_id,
        made_by=f"account:{teacher}",
        started_at=now,
        delete_after=now + timedelta(days=30),
        title="Song",
    )
    assert recording_id is not None
    upload = uploads.Upload(
        uuid4(), taught.id, str(taught.teacher_id), HUB, "slides", "a", "music", "a/b", 9, now
    )
    await uploads.add(connection, upload)
    sent = pushes.Item(
        upload.id,
        "upload",
        "slides",
        "a",
        "music",
        now.date(),
        upload.teacher_id,
        HUB,
        None,
        "a/b",
        9,
        None,
        "",
        "",
    )
    push_id = await pushes.add(
        connection,
        sent,
        {f"{school}-301": None},
        note="",
        rule_id=None,
        sent_by=f"account:{teacher}",
        sent_at=now,
        sent_on=now.date(),
        due_on=now.date(),
        watched_share=0.8,
    )
    test_id = uuid4()
    await acceptance.ask(connection, test_id, f"{school}-R1", "system", now, None)
    kept = BusyTime(f"{school}-T1", None, 5, 2, "")
    device = await accounts.add_device(connection, f"{school}-R1", now)
    token = await withdrawals.add_media_token(
        connection,
        session_id=session_id,
        participant_id=planned.receiving,
        direction="publish",
        stream="camera",
        made_by="system",
        made_at=now,
        until=now + timedelta(hours=1),
    )
    feed = await feeds.add_token(
        connection, uuid4().bytes, "teacher", f"{school}-T1", "en", helps.id, now
    )
    return {
        "session": str(session_id),
        "participant": str(planned.receiving),
        "meeting": str(meeting_id),
        "plan": str(plan_id),
        "observation": str(observation.id),
        "comment": str(comment),
        "invited": invited.teacher_id,
        "room": f"{school}-R1",
        "school": school,
        "school_code": school,
        "teacher": f"{school}-T1",
        "class": f"{school}-301",
        "account": str(helps.id),
        "device": str(device),
        "token": str(token),
        "feed": str(feed),
        "recording": str(recording_id),
        "upload": str(upload.id),
        "push": str(push_id),
        "test": str(test_id),
        "busy": str(await busy.add(connection, TERM.id, kept)),
        "web_session": str(uuid4()),
        "lead": str(planned.lead),
    }


async def _account(connection: Connection, login: str) -> Account:
    found = await accounts.account_by_login(connection, login)
    assert found is not None, login
    return found


async def _meeting(
    connection: Connection, now: datetime, chair: Account, member: Account
) -> tuple[UUID, UUID]:
    """A meeting after the lessons, and its lesson plan: the plan's id and the meeting's."""
    assert chair.teacher_id is not None
    assert member.teacher_id is not None
    by = f"account:{chair.login}"
    plan_id = await plans.add(
        connection, title="a", subject="music", text="a", made_by=by, author="a", at=now
    )
    starts_at = now + timedelta(hours=2)
    ends_at = starts_at + timedelta(hours=1)
    called = Call(
        title="a",
        subject="music",
        grade=3,
        on_day=starts_at.date(),
        starts_at=starts_at,
        ends_at=ends_at,
        chair=chair.teacher_id,
        members=(member.teacher_id,),
        agenda=(),
    )
    return plan_id, await meetings.add(connection, called, plan_id, by)


#: Visitors whose it is, of those that the table lets through: the own lesson's, the foreign one's.
_OWNERS: dict[Whose, tuple[set[str], set[str]]] = {
    Whose.SCHOOLS: ({"admin", "far-admin"}, {"admin"}),
    Whose.LESSONS: (
        {"lead", "helper", "room", "admin", "bureau", "far-admin", "hub-admin"},
        {"other", "other-room", "admin", "bureau", "hub-admin"},
    ),
    Whose.LEADS: ({"lead"}, {"other"}),
    Whose.TAKERS: ({"lead", "helper", "room"}, {"other", "other-room"}),
    Whose.ROOMS: (
        {"room", "admin", "bureau", "far-admin"},
        {"other-room", "admin", "bureau"},
    ),
    Whose.MAKERS: ({"lead", "admin", "far-admin", "hub-admin"}, {"other", "admin", "hub-admin"}),
    Whose.ACCOUNTS: ({"helper"}, set()),
    Whose.CHAIRS: ({"lead", "admin", "hub-admin"}, {"other", "admin", "hub-admin"}),
    Whose.OBSERVABLE: (
        {"bureau", "admin", "far-admin", "hub-admin", "observer", "other"},
        {"bureau", "admin", "hub-admin", "observer", "lead"},
    ),
    Whose.REVIEWED: (
        {"bureau", "admin", "far-admin", "hub-admin", "observer", "other", "lead"},
        {"bureau", "admin", "hub-admin", "observer", "lead", "other"},
    ),
    Whose.INVITERS: (
        {"lead", "bureau", "admin", "far-admin", "hub-admin"},
        {"other", "bureau", "admin", "hub-admin"},
    ),
    Whose.WRITERS: ({"observer"}, {"bureau"}),
}


def _may(route: Route, visitor: str, *, own: bool) -> bool:
    """Whether a visitor reaches the object of a route: the own lesson's, or the foreign one's."""
    role, _ = VISITORS[visitor]
    if role is None or route.action is None or role not in TABLE[route.action]:
        return False
    whose = BY_METHOD.get((route.method, route.path)) or OBJECTS[route.path]
    if whose is Whose.ANYBODYS:
        return True
    if whose is Whose.CITYS:
        return visitor not in ("far-admin", "hub-admin")
    return visitor in _OWNERS[whose][0 if own else 1]


async def test_every_route_is_guarded_or_says_why_not(site: Site) -> None:
    routes = list(_routes(site))
    assert {r.path for r in routes if r.action is None} == OPEN.keys()
    named = {r.path for r in routes if r.action is not None and r.names_an_object}
    assert named == OBJECTS.keys()


@pytest.mark.parametrize("visitor", VISITORS)
async def test_the_table_holds_on_every_route_and_object(site: Site, visitor: str) -> None:
    """Objects of others first, which changes nothing; then one's own, by whoever owns them."""
    objects = await _build(site)
    role, name = VISITORS[visitor]
    async with site.browser() as browser:
        csrf = ""
        if role is Role.ROOM:
            csrf = await pair_room(site, browser, name, "CCCC4444")
        elif role is not None:
            csrf = await sign_in(browser, name)
        wrong = []
        for values, own in ((objects.foreign, False), (objects.own, True)):
            bodies = _bodies(values)
            for route in _ordered(site):
                if route.action is None:
                    continue
                status = await _asked(browser, route, values, bodies, csrf)
                if not _as_it_should(route, visitor, status, own=own):
                    whose = "own" if own else "foreign"
                    wrong.append(f"{route.method} {route.path} {whose}: {status}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("visitor", VISITORS)
async def test_a_lessons_and_a_meetings_state_is_told_to_those_whose_it_is(
    site: Site, visitor: str
) -> None:
    """A request without an upgrade gets as far as a seat: 400 where there is one."""
    objects = await _build(site)
    role, name = VISITORS[visitor]
    found = {}
    async with site.browser() as browser:
        if role is Role.ROOM:
            await pair_room(site, browser, name, "CCCC4444")
        elif role is not None:
            await sign_in(browser, name)
        for whose, values in (("own", objects.own), ("foreign", objects.foreign)):
            for what in ("session", "meeting"):
                path = f"/ws/sessions/{values[what]}"
                async with browser.get(path, headers={"Accept": "application/json"}) as response:
                    found[what, whose] = response.status
    owners = _OWNERS[Whose.LESSONS]
    expected = {}
    for number, whose in enumerate(("own", "foreign")):
        for what in ("session", "meeting"):
            sits = visitor in owners[number] and not (what == "meeting" and role is Role.ROOM)
            expected[what, whose] = 401 if role is None else 400 if sits else 403
    assert found == expected


def _ordered(site: Site) -> list[Route]:
    """What ends the visitor's own session, or removes what others ask for, last."""
    found = [r for r in _routes(site) if r.path != "/account/sign-out-everywhere"]
    ends = ("DELETE", "/retirement", "/cancellation", "/state", "/end", "/sessions/{web_session}")
    return sorted(found, key=lambda r: any(e in r.method + r.path for e in ends))


async def _asked(
    browser: aiohttp.ClientSession,
    route: Route,
    values: dict[str, str],
    bodies: dict[tuple[str, str], Any],
    csrf: str,
) -> int:
    headers = {"X-CSRF-Token": csrf, "Accept": "application/json", "Tus-Resumable": "1.0.0"}
    headers["Content-Type"] = "application/json"
    body = bodies.get((route.method, route.path), {})
    if route.path == "/uploads/{upload}":  # a piece of a file
        headers |= {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        headers |= {"X-HTTP-Method-Override": "PATCH"}
    if "/plans/" in route.path:
        headers["If-Match"] = '"1"'
    async with browser.request(
        route.method,
        route.path.format(**values | _named_otherwise(route, values)),
        params=_QUERIES.get((route.method, route.path), {}),
        headers=headers,
        data=json.dumps(body),
        allow_redirects=False,
    ) as response:
        return response.status  # a stream would never end


def _as_it_should(route: Route, visitor: str, status: int, *, own: bool) -> bool:
    role, _ = VISITORS[visitor]
    assert route.action is not None
    if status >= 500 and status != 503:
        return False
    if role is None:
        return status == 401
    if role not in TABLE[route.action]:
        return status == 403
    if not route.names_an_object or route.method == "OPTIONS":
        return status != 401
    if _may(route, visitor, own=own):
        return status not in (401, 403) and (status != 404 or route.path in NOT_THERE)
    return status in (403, 404)
