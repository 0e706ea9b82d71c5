"""The registers in /api/v1: schools, teachers and classes, entered, changed and retired.

Nobody is removed: who is retired stands in what was held, and takes part in nothing new. Whoever is
in a lesson still to come is taken out of the timetable first.
"""

from dataclasses import replace
from datetime import date, datetime
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import own_school, whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.timetabling import need_term, today
from db import city, marks, registers, timetable
from db.pool import Connection
from scheduler.model import ClassGroup, Lesson, School, SchoolRole, Teacher

_FOR_EVER = date(9999, 12, 31)


class SchoolData(BaseModel, extra="forbid"):
    name: str = Field(min_length=1, max_length=80)
    short_name: str = Field(min_length=1, max_length=20)
    role: Literal["hub", "receiving"]
    hub_code: str | None = Field(default=None, max_length=10, description="of a receiving school")
    uplink_mbit: int = Field(ge=1, le=100_000)


class TeacherData(BaseModel, extra="forbid"):
    name: str = Field(min_length=1, max_length=40)
    role: Literal["lead", "assistant"]
    subjects: list[str] = Field(default=[], max_length=20)
    max_lessons_per_day: int = Field(default=3, ge=1, le=8)


class ClassData(BaseModel, extra="forbid"):
    name: str = Field(min_length=1, max_length=40)
    grade: int = Field(ge=1, le=9)
    enrolment: int = Field(ge=0, le=200)


class Entered(BaseModel):
    id: str


class Retirement(BaseModel, extra="forbid"):
    retired: bool


@endpoint(
    "PUT",
    "/schools/{school}",
    "Enter a school by its ten-digit code 学校标识码, or change it",
    action=Action.KEEP_REGISTERS,
    body=SchoolData,
)
async def put_school(request: web.Request, body: SchoolData) -> None:
    whole_city(request)
    code = request.match_info["school"]
    if len(code) != 10 or not (code.isascii() and code.isdigit()):
        raise Refused(422, "A school's code has ten digits.")
    async with request.app[POOL].transaction() as connection:
        schools = {s.code: s for s in await city.schools(connection)}
        known, hub = schools.get(code), schools.get(body.hub_code or "")
        if known is not None and known.role != body.role:
            raise Refused(409, "A school stays a hub or a receiving school: its lessons say so.")
        if body.role == "receiving" and (hub is None or hub.role is not SchoolRole.HUB):
            raise Refused(422, "A receiving school has a hub school: choose one.")
        if body.role == "hub" and body.hub_code is not None:
            raise Refused(422, "A hub school has no hub of its own.")
        school = School(code, **body.model_dump() | {"role": SchoolRole(body.role)})
        await registers.put(connection, [school], [], [], request.app[NOW]())
        await _note(connection, request, "school_entered", f"school:{code}", body)


@endpoint(
    "POST",
    "/schools/{school}/teachers",
    "Enter a teacher",
    action=Action.KEEP_REGISTERS,
    body=TeacherData,
    answer=Entered,
)
async def add_teacher(request: web.Request, body: TeacherData) -> Entered:
    async with request.app[POOL].transaction() as connection:
        school = await _school(connection, request)
        taken = {t.id for t in await city.teachers(connection)}
        teacher = await _teacher(connection, _next(f"{school}-T", taken), school, body)
        await registers.put(connection, [], [teacher], [], request.app[NOW]())
        await _note(connection, request, "teacher_entered", f"teacher:{teacher.id}", body)
    return Entered(id=teacher.id)


@endpoint(
    "PUT",
    "/teachers/{teacher}",
    "Change a teacher",
    action=Action.KEEP_REGISTERS,
    body=TeacherData,
)
async def change_teacher(request: web.Request, body: TeacherData) -> None:
    async with request.app[POOL].transaction() as connection:
        known = await _known_teacher(connection, request)
        changed = await _teacher(connection, known.id, known.school_code, body)
        await registers.put(connection, [], [changed], [], request.app[NOW]())
        await _note(connection, request, "teacher_changed", f"teacher:{known.id}", body)


@endpoint(
    "POST",
    "/schools/{school}/classes",
    "Enter a class",
    action=Action.KEEP_REGISTERS,
    body=ClassData,
    answer=Entered,
)
async def add_class(request: web.Request, body: ClassData) -> Entered:
    async with request.app[POOL].transaction() as connection:
        school = await _school(connection, request)
        taken = {g.id for g in await city.class_groups(connection)}
        group = ClassGroup(_next(f"{school}-C", taken), school, **body.model_dump())
        await _put_class(connection, group, request.app[NOW]())
        await _note(connection, request, "class_entered", f"class:{group.id}", body)
    return Entered(id=group.id)


@endpoint(
    "PUT",
    "/classes/{class}",
    "Change a class",
    action=Action.KEEP_REGISTERS,
    body=ClassData,
)
async def change_class(request: web.Request, body: ClassData) -> None:
    async with request.app[POOL].transaction() as connection:
        known = await _known_class(connection, request)
        await _put_class(connection, replace(known, **body.model_dump()), request.app[NOW]())
        await _note(connection, request, "class_changed", f"class:{known.id}", body)


@endpoint(
    "POST",
    "/schools/{school}/retirement",
    "Close a school, or open it again",
    action=Action.KEEP_REGISTERS,
    body=Retirement,
)
async def retire_school(request: web.Request, body: Retirement) -> None:
    whole_city(request)
    async with request.app[POOL].transaction() as connection:
        code = await _school(connection, request)
        school = next(s for s in await city.schools(connection) if s.code == code)
        await _retire(connection, request, school, body)


@endpoint(
    "POST",
    "/teachers/{teacher}/retirement",
    "A teacher has left, or is back",
    action=Action.KEEP_REGISTERS,
    body=Retirement,
)
async def retire_teacher(request: web.Request, body: Retirement) -> None:
    async with request.app[POOL].transaction() as connection:
        await _retire(connection, request, await _known_teacher(connection, request), body)


@endpoint(
    "POST",
    "/classes/{class}/retirement",
    "A class has left school, or is back",
    action=Action.KEEP_REGISTERS,
    body=Retirement,
)
async def retire_class(request: web.Request, body: Retirement) -> None:
    async with request.app[POOL].transaction() as connection:
        await _retire(connection, request, await _known_class(connection, request), body)


async def _retire(
    connection: Connection,
    request: web.Request,
    of: School | Teacher | ClassGroup,
    wish: Retirement,
) -> None:
    """Raises Refused (409) where they are in lessons still to come."""
    now = request.app[NOW]()
    this_day = today(await need_term(connection), now)
    who = of.code if isinstance(of, School) else of.id
    if wish.retired:
        schools = {r.id: r.school_code for r in await city.rooms(connection)}
        held = [
            lesson
            for version in await timetable.versions_between(connection, this_day, _FOR_EVER)
            for lesson in version.lessons
            if who in _all_in(lesson, schools)
        ]
        if held:
            raise Refused(
                409,
                "{name} is in the published timetable (lessons: {count}): publish one without "
                "them first.",
                name=of.name,
                count=len(held),
            )
    await registers.retire(connection, of, this_day if wish.retired else None, now)
    await _note(connection, request, "retired" if wish.retired else "brought_back", who, wish)


def _all_in(lesson: Lesson, school_of_room: dict[str, str]) -> set[str | None]:
    """Ids of the teachers, classes and schools in a lesson."""
    found: set[str | None] = {lesson.lead_teacher_id, lesson.hub_code}
    for r in lesson.receivers:
        found |= {r.class_id, r.assistant_id, school_of_room[r.room_id]}
    return found


async def _school(connection: Connection, request: web.Request) -> str:
    code = request.match_info["school"]
    own_school(request, code)
    if code not in [s.code for s in await city.schools(connection)]:
        raise Refused(404, "There is no such school.")
    return code


async def _known_teacher(connection: Connection, request: web.Request) -> Teacher:
    wanted = request.match_info["teacher"]
    for each in await city.teachers(connection):
        if each.id == wanted:
            own_school(request, each.school_code)
            return each
    raise Refused(404, "There is no such teacher or class.")


async def _known_class(connection: Connection, request: web.Request) -> ClassGroup:
    wanted = request.match_info["class"]
    for each in await city.class_groups(connection):
        if each.id == wanted:
            own_school(request, each.school_code)
            return each
    raise Refused(404, "There is no such teacher or class.")


async def _teacher(
    connection: Connection, teacher_id: str, school: str, body: TeacherData
) -> Teacher:
    known = {s.slug for s in await city.subjects(connection)}
    if not known.issuperset(body.subjects):
        raise Refused(422, "There is no such subject.")
    if body.role == "lead" and not body.subjects:
        raise Refused(422, "A lead teacher teaches a subject: choose at least one.")
    return Teacher(
        teacher_id,
        school,
        body.name,
        body.role,
        tuple(dict.fromkeys(body.subjects)),
        body.max_lessons_per_day,
    )


async def _put_class(connection: Connection, group: ClassGroup, at: datetime) -> None:
    try:
        await registers.put(connection, [], [], [group], at)
    except registers.NameTaken:
        raise Refused(409, "The school has a class of this name already.") from None


def _next(prefix: str, taken: set[str]) -> str:
    """The first free id of a prefix and a number."""
    number = 1
    while f"{prefix}{number:02}" in taken:
        number += 1
    return f"{prefix}{number:02}"


async def _note(
    connection: Connection, request: web.Request, action: str, about: str, body: BaseModel
) -> None:
    await marks.add_audit(
        connection, request[VISITOR].actor, action, about, **body.model_dump(mode="json")
    )
