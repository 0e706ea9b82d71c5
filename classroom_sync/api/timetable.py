"""Timetable versions in /api/v1: made, changed with what would undo it, compared, published."""

from datetime import date
from typing import Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from classroom_sync.access import identifier, whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.timetabling import check, city_now, need_term, rules_of, weights_in
from db import drafts, marks, timetable
from db.pool import Connection
from scheduler import words
from scheduler.diff import diff
from scheduler.model import Lesson, Receiver, TimetableVersion, Weeks


class ReceiverData(BaseModel, extra="forbid"):
    model_config = ConfigDict(from_attributes=True)
    room_id: str = Field(max_length=64)
    class_id: str = Field(max_length=64)
    assistant_id: str | None = Field(None, max_length=64)


class LessonData(BaseModel, extra="forbid"):
    model_config = ConfigDict(from_attributes=True)
    id: UUID = Field(description="a new one for a new lesson: whoever adds it chooses it")
    weekday: int = Field(ge=1, le=7, description="ISO: 1 Monday … 7 Sunday")
    period: int = Field(ge=1, le=20, description="of the hub's bells")
    weeks: Literal["all", "odd", "even"] = "all"
    subject: str = Field(max_length=64)
    lead_teacher_id: str = Field(max_length=64)
    lead_room_id: str = Field(max_length=64)
    interactive: bool = True
    receivers: list[ReceiverData] = Field(max_length=12)
    week_from: int | None = Field(None, ge=1, le=60)
    week_until: int | None = Field(None, ge=1, le=60)
    locked: bool = Field(False, description="the solver leaves it as it is")


class Changes(BaseModel, extra="forbid"):
    """Lessons to put (new, or in place of those of the same id) and to remove."""

    put: list[LessonData] = Field(default=[], max_length=500)
    remove: list[UUID] = Field(default=[], max_length=500)


class Changed(BaseModel):
    undo: Changes = Field(description="post this to undo the change")


class VersionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    number: int
    state: str
    valid_from: date | None
    valid_until: date | None


class VersionsOut(BaseModel):
    versions: list[VersionOut]


class NewDraft(BaseModel, extra="forbid"):
    copy_of: UUID | None = Field(None, description="a version; none: an empty draft")


class ConflictOut(BaseModel):
    rule: str
    hard: bool
    lessons: list[UUID]
    sentence: str
    mend: str


class WholeVersion(VersionOut):
    lessons: list[LessonData]
    conflicts: list[ConflictOut]
    score: dict[str, int] = Field(description="cost of each soft rule in a fortnight")
    weights: dict[str, int] = Field(description="what one unit too many of each soft rule costs")


class Pair(BaseModel, extra="forbid"):
    old: UUID
    new: UUID


class Differences(BaseModel):
    sentences: list[str] = Field(description="what differs, in the reader's language")


def lesson_data(lesson: Lesson, *, locked: bool) -> LessonData:
    """A lesson as the API gives and takes it."""
    return LessonData.model_validate(
        {
            **{name: getattr(lesson, name) for name in LessonData.model_fields if name != "locked"},
            "weeks": lesson.weeks.value,
            "receivers": [ReceiverData.model_validate(r) for r in lesson.receivers],
            "locked": locked,
        }
    )


def _lesson(data: LessonData) -> Lesson:
    return Lesson(
        id=data.id,
        weekday=data.weekday,
        period=data.period,
        weeks=Weeks(data.weeks),
        subject=data.subject,
        lead_teacher_id=data.lead_teacher_id,
        lead_room_id=data.lead_room_id,
        hub_code="",  # follows from the lead room where it is read again
        interactive=data.interactive,
        receivers=tuple(Receiver(r.room_id, r.class_id, r.assistant_id) for r in data.receivers),
        week_from=data.week_from,
        week_until=data.week_until,
    )


async def need_version(connection: Connection, version_id: UUID) -> TimetableVersion:
    """Raises Refused (404)."""
    found = await drafts.version(connection, version_id)
    if found is None:
        raise Refused(404, "There is no such timetable version: it may have been thrown away.")
    return found


def _id(request: web.Request) -> UUID:
    return identifier(request.match_info["version"])


@endpoint(
    "GET",
    "/timetable/versions",
    "The term's timetable versions, the newest first",
    action=Action.SEE_CITY,
    answer=VersionsOut,
)
async def list_versions(request: web.Request) -> VersionsOut:
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        found = await drafts.versions(connection, term.id)
    return VersionsOut(versions=[VersionOut.model_validate(v) for v in found])


@endpoint(
    "POST",
    "/timetable/versions",
    "A new draft: empty, or a copy of a version",
    action=Action.EDIT_TIMETABLE,
    body=NewDraft,
    answer=VersionOut,
)
async def new_draft(request: web.Request, body: NewDraft) -> VersionOut:
    whole_city(request)
    async with request.app[POOL].transaction() as connection:
        term = await need_term(connection)
        if body.copy_of is None:
            made = await timetable.add_draft(connection, term.id, ())
        else:
            old = await need_version(connection, body.copy_of)
            made = await drafts.copy(connection, old.term_id, old.id)
        await note(connection, request, "draft_made", made, copy_of=str(body.copy_of))
        return VersionOut.model_validate(await need_version(connection, made))


@endpoint(
    "GET",
    "/timetable/versions/{version}",
    "One version with its lessons, what is wrong with them, and its score",
    action=Action.SEE_CITY,
    answer=WholeVersion,
)
async def get_version(request: web.Request) -> WholeVersion:
    async with request.app[POOL].connection() as connection:
        found = await need_version(connection, _id(request))
        locked = await drafts.locked(connection, found.id)
        term = await need_term(connection)
        by = await rules_of(connection, found.id)
        of = await city_now(connection, term, request.app[NOW]())
        checked = await check(of, found.lessons, by)

    def say(sentence: words.Sentence) -> str:
        return sentence.say(request[TRANSLATE], request[LOCALE])

    return WholeVersion(
        **VersionOut.model_validate(found).model_dump(),
        lessons=[lesson_data(k, locked=k.id in locked) for k in found.lessons],
        conflicts=[
            ConflictOut(
                rule=c.rule,
                hard=c.hard,
                lessons=[k.id for k in c.lessons],
                sentence=say(c.sentence),
                mend=say(c.mend),
            )
            for c in checked.conflicts
        ],
        score=checked.score,
        weights=weights_in(by),
    )


@endpoint(
    "POST",
    "/timetable/versions/{version}/changes",
    "Change a draft, all at once; the answer undoes it",
    action=Action.EDIT_TIMETABLE,
    body=Changes,
    answer=Changed,
)
async def change_draft(request: web.Request, body: Changes) -> Changed:
    whole_city(request)
    wanted = drafts.Change(
        put=tuple(map(_lesson, body.put)),
        locked=frozenset(k.id for k in body.put if k.locked),
        remove=tuple(body.remove),
    )
    async with request.app[POOL].transaction() as connection:
        undo = await apply(connection, request, _id(request), wanted)
        await note(
            connection,
            request,
            "draft_changed",
            _id(request),
            put=[str(k.id) for k in body.put],
            remove=[str(i) for i in body.remove],
        )
    return undo


async def apply(
    connection: Connection, request: web.Request, version_id: UUID, wanted: drafts.Change
) -> Changed:
    """Change a draft; what undoes it. Raises Refused (404, 409, 422), also where a lesson is in a
    period that does not ring."""
    try:
        undo = await drafts.change(connection, version_id, wanted)
    except drafts.NotADraft:
        raise published() from None
    except drafts.Unknown:
        raise Refused(
            422,
            "A lesson names a subject, teacher, room or class that there is not, or a room twice.",
        ) from None
    after = await need_version(connection, version_id)
    assert undo is not None, "there is this version"
    term = await need_term(connection)
    await check(await city_now(connection, term, request.app[NOW]()), after.lessons)
    return Changed(
        undo=Changes(
            put=[lesson_data(k, locked=k.id in undo.locked) for k in undo.put],
            remove=list(undo.remove),
        )
    )


@endpoint(
    "DELETE",
    "/timetable/versions/{version}",
    "Throw a draft away",
    action=Action.EDIT_TIMETABLE,
)
async def remove_draft(request: web.Request) -> None:
    whole_city(request)
    async with request.app[POOL].transaction() as connection:
        await need_version(connection, _id(request))
        if not await drafts.remove(connection, _id(request)):
            raise published()
        await note(connection, request, "draft_removed", _id(request))


@endpoint(
    "GET",
    "/timetable/comparison",
    "What differs between two versions, in words",
    action=Action.SEE_CITY,
    query=Pair,
    answer=Differences,
)
async def compare_versions(request: web.Request, query: Pair) -> Differences:
    async with request.app[POOL].connection() as connection:
        return Differences(sentences=await differences(connection, request, query.old, query.new))


async def differences(
    connection: Connection, request: web.Request, old: UUID, new: UUID
) -> list[str]:
    """What differs between two versions, in the reader's language."""
    before, after = await need_version(connection, old), await need_version(connection, new)
    of = await city_now(connection, await need_term(connection), request.app[NOW]())
    return [
        c.sentence.say(request[TRANSLATE], request[LOCALE])
        for c in diff(of, before.lessons, after.lessons)
    ]


def published() -> Refused:
    """A published version was to be changed."""
    return Refused(
        409, "This version is published and cannot change: make a draft from it, and change that."
    )


async def note(
    connection: Connection, request: web.Request, action: str, version: UUID, **detail: object
) -> None:
    """Write down who did what to a version."""
    await marks.add_audit(
        connection, request[VISITOR].actor, action, f"timetable:{version}", **detail
    )
