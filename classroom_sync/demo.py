"""The demo city with a lesson that is on now.

The first start loads the city and publishes its weekly timetable from today on. Every start adds
one lesson that is on now, by the ordinary way: a bell period that begins now, a new timetable
version with one lesson more, and the clock that opens it. Where today holds no lessons, today is
made a make-up workday first.
"""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from classroom_sync import tokens
from classroom_sync.auth import hash_password, pairing_code
from classroom_sync.demo_city import City, read_city
from classroom_sync.live import Live
from classroom_sync.planning import plan_sessions
from classroom_sync.secrets import MEDIA_KEY, shared_secret
from classroom_sync.server import serve
from classroom_sync.settings import Settings
from classroom_sync.tokens import MediaToken
from db import accounts, calendar, city, sessions, timetable
from db.pool import Connection, Pool
from scheduler import bells as bell_times
from scheduler.calendar import teaching_day
from scheduler.model import (
    BellPeriod,
    CalendarDay,
    ClassGroup,
    Lesson,
    ParticipantRole,
    Receiver,
    Room,
    RoomKind,
    RoomStatus,
    Session,
    SessionState,
    Teacher,
    Term,
    Weeks,
)

_HUB = "2132999901"  # 太仓市城厢镇第四小学
_RECEIVING = 2  # rooms in the lesson that is on now
_CODE_LIFETIME = timedelta(days=7)
_FREE_MARGIN = timedelta(minutes=15)


class _NothingFree(Exception):
    """Every teacher or room of the demo hub is taken just now."""


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who and what is free for the lesson that is on now."""

    teacher: Teacher
    room: Room
    receivers: tuple[Receiver, ...]


async def demo(settings: Settings, lesson_minutes: float, console: Console) -> None:
    """Serve the demo city until told to stop. Raises CannotStart."""
    demonstration = _Demonstration(settings, timedelta(minutes=lesson_minutes), console)
    await serve(settings, demonstration.announce, demonstration.prepare)


class _Demonstration:
    def __init__(self, settings: Settings, length: timedelta, console: Console) -> None:
        self._file = settings.data_dir / "demo.json"
        self._length = length
        self._console = console
        self._content: dict[str, Any] = {}

    async def prepare(self, pool: Pool, live: Live) -> None:
        now = datetime.now(ZoneInfo("UTC")).replace(microsecond=0)
        async with pool.transaction() as connection:
            await _load_once(connection, read_city(_local(now, "Asia/Shanghai")), now)
            session_id = await _lesson_now(connection, now, self._length)
            session = await sessions.session(connection, session_id)
            assert session is not None, "it was just planned"
            known = _read(self._file).get("accounts", {})
            self._content = {
                "accounts": await _accounts(connection, session, known),
                "rooms": await _rooms(connection, session, now),
                "live_session": await _live_session(connection, session, now),
            }
        await live.get(session_id)

    def announce(self, url: str) -> None:
        live = self._content["live_session"]
        for each in (*live["whip"], *live["whep"]):
            each["url"] = url + each["url"]
        self._content = {"base_url": url, "pid": os.getpid(), **self._content}
        _write(self._file, self._content)
        self._say(url)

    def _say(self, url: str) -> None:
        table = Table(box=None, show_header=False, padding=(0, 2))
        table.add_row("[b]打开 Open[/b]", url)
        names = {"teacher": "教师 teacher", "assistant": "辅助教师 assistant"}
        names |= {"admin": "管理员 admin", "bureau": "教育局 bureau"}
        for role, account in self._content["accounts"].items():
            table.add_row(names[role], f"{account['login']}  /  {account['password']}")
        for room in self._content["rooms"]:
            table.add_row(
                f"{room['school']} {room['name']}", f"{url}/pair  →  [b]{room['pairing_code']}[/b]"
            )
        live = self._content["live_session"]
        self._console.print(
            f"\n[b]同步课堂演示 Classroom Sync demo[/b]: {live['title']}, "
            f"{live['from']}–{live['until']}"
        )
        self._console.print(table)
        self._console.print(f"[dim]{self._file} · Ctrl-C 停止 stops[/dim]\n")


def _local(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(file: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, and for its owner only: it holds passwords."""
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out, ensure_ascii=False, indent=2)
    draft.replace(file)


async def _load_once(connection: Connection, found: City, now: datetime) -> None:
    """Put the city into an empty database; a database with schools in it is left as it is."""
    if await city.schools(connection):
        return
    await city.add_schools(connection, found.schools)
    await city.add_rooms(connection, found.rooms)
    await city.add_targets(connection, found.targets)
    await city.add_subjects(connection, found.subjects)
    await city.add_teachers(connection, found.teachers)
    await city.add_class_groups(connection, found.classes)
    await calendar.add_term(connection, found.term)
    await calendar.add_bells(connection, found.bells)
    await timetable.add_demands(connection, found.term.id, found.demands)
    await timetable.add_busy_times(connection, found.term.id, found.busy)
    version = await timetable.add_draft(connection, found.term.id, found.lessons)
    today = _local(now, found.term.zone)
    await timetable.publish(connection, version, found.term.id, today, now)


async def _lesson_now(connection: Connection, now: datetime, length: timedelta) -> UUID:
    """A session that is on now, made from a timetable lesson; one that still is on is kept."""
    term = await calendar.latest_term(connection)
    assert term is not None, "loaded above"
    await plan_sessions(connection, now)
    for session in await sessions.between(connection, now, now + timedelta(minutes=1)):
        enough = session.ends_at - now > length / 2
        on = session.state in (SessionState.OPEN, SessionState.LIVE)
        if on and enough and session.starts_at <= now and _led_by(session, _HUB):
            return session.id
    today = _local(now, term.zone)
    teaching = teaching_day(term, today)
    if teaching is None:
        term = await _make_workday(connection, term, today)
        teaching = teaching_day(term, today)
        assert teaching is not None, "today is a make-up workday now"
    period = await _bell_now(connection, term, now, length)
    cast = await _free_cast(connection, now, now + length)
    lesson = Lesson(
        uuid4(),
        teaching.weekday,
        period,
        Weeks.ALL,
        cast.teacher.subjects[0],
        cast.teacher.id,
        cast.room.id,
        _HUB,
        interactive=True,
        receivers=cast.receivers,
    )
    standing = await timetable.versions_between(connection, today, today)
    version = await timetable.add_draft(
        connection, term.id, [*(standing[-1].lessons if standing else ()), lesson]
    )
    await timetable.publish(connection, version, term.id, today, now)
    await plan_sessions(connection, now)
    for session in await sessions.between(connection, now, now + timedelta(seconds=1)):
        if session.starts_at == now and _led_by(session, _HUB):
            return session.id
    raise AssertionError("the lesson that was just published makes a session")


def _led_by(session: Session, hub: str) -> bool:
    return any(
        p.role is ParticipantRole.LEAD and (p.room_id or "").startswith(hub)
        for p in session.participants
    )


async def _make_workday(connection: Connection, term: Term, today: date) -> Term:
    """Let today run the nearest weekday's timetable, or move into the term's range first."""
    weekday = today - timedelta(days=max(0, today.isoweekday() - 5))
    day = CalendarDay(today, weekday, "演示 demonstration")
    await calendar.set_day(connection, term.id, day)
    return replace(term, days=(*(d for d in term.days if d.day != today), day))


async def _bell_now(connection: Connection, term: Term, now: datetime, length: timedelta) -> int:
    """Add a bell period of the hub that begins now; its number."""
    zone = ZoneInfo(term.zone)
    schedules = await calendar.bells(connection)
    today = now.astimezone(zone).date()
    valid = bell_times.schedule_on(schedules, _HUB, today)
    starts = now.astimezone(zone).time()
    ends = (now + length).astimezone(zone).time()
    number = max(p.period for p in valid.periods) + 1
    added = BellPeriod(number, starts, ends)
    new = (added,) if valid.valid_from == today else (*valid.periods, added)
    await calendar.add_bells(connection, [replace(valid, valid_from=today, periods=new)])
    return number


async def _free_cast(connection: Connection, since: datetime, until: datetime) -> _Cast:
    """Teacher, rooms and classes of the demo hub that no session takes in the given time."""
    taken: set[str | None] = set()
    around = await sessions.between(connection, since - _FREE_MARGIN, until + _FREE_MARGIN)
    for session in around:
        if session.state in (SessionState.SCHEDULED, SessionState.OPEN, SessionState.LIVE):
            for p in session.participants:
                taken |= {p.room_id, p.class_id, p.teacher_id}
    teachers = [t for t in await city.teachers(connection) if t.id not in taken]
    rooms = [
        r
        for r in await city.rooms(connection)
        if r.id not in taken and r.status is RoomStatus.ACCEPTED
    ]
    groups = [g for g in await city.class_groups(connection) if g.id not in taken]
    schools = [s.code for s in await city.schools(connection) if s.hub_code == _HUB]
    leads = [t for t in teachers if t.school_code == _HUB and t.role == "lead"]
    lead_rooms = [r for r in rooms if r.school_code == _HUB and r.kind is RoomKind.LEAD]
    receivers = [
        receiver
        for code in schools
        for receiver in [_receiver(code, rooms, groups, teachers)]
        if receiver is not None
    ]
    if not leads or not lead_rooms or len(receivers) < _RECEIVING:
        raise _NothingFree(f"nobody is free at {since}")
    return _Cast(leads[0], lead_rooms[0], tuple(receivers[:_RECEIVING]))


def _receiver(
    school: str, rooms: Iterable[Room], groups: Iterable[ClassGroup], teachers: Iterable[Teacher]
) -> Receiver | None:
    room = next(
        (r for r in rooms if r.school_code == school and r.kind is RoomKind.INTERACTIVE), None
    )
    group = next((g for g in groups if g.school_code == school), None)
    assistant = next((t for t in teachers if t.school_code == school), None)
    if room is None or group is None:
        return None
    return Receiver(room.id, group.id, assistant.id if assistant else None)


def _password() -> str:
    """Random, but easy to type: three classes of characters (DOMAIN 12)."""
    letters = "abcdefghjkmnpqrstuvwxyz"
    word = "".join(secrets.choice(letters) for _ in range(6))
    return f"{word.capitalize()}-{secrets.randbelow(9000) + 1000}"


async def _accounts(
    connection: Connection, session: Session, known: dict[str, Any]
) -> dict[str, dict[str, str]]:
    """One account per role, made the first time; `known` passwords are kept while they hold."""
    lead = next(p for p in session.participants if p.role is ParticipantRole.LEAD)
    helper = next(p for p in session.participants if p.role is ParticipantRole.RECEIVING)
    people = {t.id: t for t in await city.teachers(connection)}
    wanted: dict[str, tuple[str, str, str, str | None]] = {
        "teacher": _teacher_account(people, lead.teacher_id),
        "assistant": _teacher_account(people, helper.teacher_id),
        "admin": ("admin", "市管理员", "admin", None),
        "bureau": ("bureau", "市教育局", "bureau", None),
    }
    found = {}
    for kind, (login, name, role, teacher_id) in wanted.items():
        remembered = next((a["password"] for a in known.values() if a.get("login") == login), None)
        password = remembered or _password()
        account = await accounts.account_by_login(connection, login)
        if account is None:
            await accounts.add_account(
                connection,
                login=login,
                name=name,
                password_hash=await hash_password(password),
                role=role,
                school_code=people[teacher_id].school_code if teacher_id else None,
                teacher_id=teacher_id,
            )
        elif remembered is None:
            await accounts.set_password(connection, account.id, await hash_password(password))
        found[kind] = {"login": login, "password": password}
    return found


def _teacher_account(
    people: dict[str, Teacher], teacher_id: str | None
) -> tuple[str, str, str, str | None]:
    assert teacher_id is not None, "the demo lesson has a lead and assistants"
    return teacher_id.lower(), people[teacher_id].name, "teacher", teacher_id


async def _rooms(connection: Connection, session: Session, now: datetime) -> list[dict[str, str]]:
    """The receiving rooms of the lesson, each with a fresh pairing code."""
    rooms = {r.id: r for r in await city.rooms(connection)}
    schools = {s.code: s for s in await city.schools(connection)}
    found = []
    for participant in session.participants:
        if participant.role is not ParticipantRole.RECEIVING or participant.room_id is None:
            continue
        room = rooms[participant.room_id]
        code = pairing_code()
        await accounts.add_pairing_code(connection, code, room.id, now + _CODE_LIFETIME)
        found.append(
            {
                "id": room.id,
                "name": room.name,
                "school": schools[room.school_code].short_name,
                "pairing_code": code,
            }
        )
    return found


async def _live_session(connection: Connection, session: Session, now: datetime) -> dict[str, Any]:
    """The lesson for programs: participants, and a WHIP and WHEP token for each."""
    key = await shared_secret(connection, MEDIA_KEY)
    names = {s.slug: s for s in await city.subjects(connection)}
    term = await calendar.latest_term(connection)
    assert term is not None, "loaded above"
    zone = ZoneInfo(term.zone)
    subject = names[session.subject or ""]

    def grant(participant_id: UUID, role: str, direction: tokens.Direction, url: str) -> Any:
        token = MediaToken(session.id, participant_id, direction, role)  # type: ignore[arg-type]  # a role's value
        text = tokens.issue(key, token, now, session.ends_at - now + timedelta(hours=1))
        return {"participant": str(participant_id), "url": url, "token": text}

    people = [(p.id, p.role.value) for p in session.participants]
    return {
        "id": str(session.id),
        "title": f"{subject.name_zh} {subject.name_en}",
        "from": session.starts_at.astimezone(zone).strftime("%H:%M"),
        "until": session.ends_at.astimezone(zone).strftime("%H:%M"),
        "participants": [
            {"id": str(p.id), "room": p.room_id, "role": p.role.value} for p in session.participants
        ],
        "whip": [grant(i, r, "publish", f"/whip/{session.id}/{i}") for i, r in people],
        "whep": [grant(i, r, "subscribe", f"/whep/{session.id}") for i, r in people],
    }
