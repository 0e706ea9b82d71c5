"""The demo city with a lesson that is on now.

The first start loads the city and publishes its weekly timetable from today on, with a lesson that
is on now. A later start holds an extra class where that lesson is over. `demo.json` holds for
programs what the screen says to people.
"""

import json
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from classroom_sync import tokens
from classroom_sync.auth import hash_password, pairing_code
from classroom_sync.demo_city.lesson import lesson_for
from classroom_sync.demo_city.meeting import meeting_for
from classroom_sync.demo_city.people import keep_account, more_people
from classroom_sync.live import Live
from classroom_sync.secrets import MEDIA_KEY, shared_secret
from classroom_sync.server import serve
from classroom_sync.settings import Settings
from classroom_sync.tokens import MediaToken
from db import accounts, calendar, city, sessions
from db.pool import Connection, Pool
from scheduler.model import (
    ParticipantRole,
    Session,
    SessionState,
    Teacher,
)
from scheduler.session import Action, Due

_CODE_LIFETIME = timedelta(days=7)
_A_MINUTE = timedelta(minutes=1)


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
        self._others: list[str] = []  # what they sign in with
        self._cut_short = False  # by midnight: bells don't ring over it

    async def prepare(self, pool: Pool, live: Live) -> None:
        now = datetime.now(ZoneInfo("UTC")).replace(microsecond=0)
        async with pool.transaction() as connection:
            before = _read(self._file)
            session_id = await lesson_for(connection, before, now, self._length)
            session = await sessions.session(connection, session_id)
            assert session is not None, "it was just planned"
            await meeting_for(connection, session, now)
            self._cut_short = session.ends_at - session.starts_at < self._length - _A_MINUTE
            known = before.get("accounts", {})
            named = await _accounts(connection, session, known)
            same = await hash_password(named["teacher"]["password"])
            printed = {account["login"] for account in named.values()}
            self._others = await more_people(connection, same, but=printed, anew=not known)
            self._content = {
                "accounts": named,
                "rooms": await _rooms(connection, session, now),
                "live_session": await _live_session(connection, session, now),
            }
        if session.state is SessionState.SCHEDULED:  # before the clock comes to it after all others
            await live.perform(Due(session, Action.OPEN, now))

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
        names |= {"admin": "管理员 admin", "bureau": "教育局 bureau", "observer": "督导 observer"}
        for role, account in self._content["accounts"].items():
            table.add_row(names[role], f"{account['login']}  /  {account['password']}")
        table.add_row(
            f"其他 {len(self._others)} 人 more people",
            f"{', '.join(self._others[:: max(1, len(self._others) // 3)])} …\n"
            "密码与教师相同，名单见管理员的“人员”页 "
            "the teacher's password; all are on the administrator's page *People*",
        )
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
        if self._cut_short:
            self._console.print(
                "这节课到当地零点为止，零点之后再启动可得到完整的一节课。 "
                "This lesson ends at local midnight; start again after it for a whole one."
            )
        self._console.print(f"[dim]{self._file} · Ctrl-C 停止 stops[/dim]\n")


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
        "observer": ("observer", "市督导", "observer", None),
    }
    found = {}
    for kind, (login, name, role, teacher_id) in wanted.items():
        remembered = next((a["password"] for a in known.values() if a.get("login") == login), None)
        password = remembered or _password()
        school = people[teacher_id].school_code if teacher_id else None
        hashed = await hash_password(password)
        who = (login, name, role, school, teacher_id)
        await keep_account(connection, *who, hashed, anew=remembered is None)
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
