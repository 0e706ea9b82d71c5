"""A repair's proposal in /api/v1: accepted in one step, all of it or nothing."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.api.timetable import ReceiverData
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.single_days import Broken, accept
from classroom_sync.timetabling import need_term
from scheduler import words
from scheduler.dated import DatedChange, DatedLesson
from scheduler.model import Lesson, Receiver, Weeks


class DatedLessonData(BaseModel, extra="forbid"):
    day: date
    period: int = Field(ge=1, le=20, description="of the hub's bells")
    subject: str = Field(max_length=64)
    lead_teacher_id: str = Field(max_length=64)
    lead_room_id: str = Field(max_length=64)
    interactive: bool = True
    receivers: list[ReceiverData] = Field(min_length=1, max_length=12)


class DatedChangeData(BaseModel, extra="forbid"):
    lesson: UUID | None = Field(None, description="the weekly lesson; none: a new one")
    was: DatedLessonData | None = Field(None, description="the lesson as it was looked at")
    becomes: DatedLessonData | None = Field(None, description="none: it is not held")


class DatedChanges(BaseModel, extra="forbid"):
    changes: list[DatedChangeData] = Field(min_length=1, max_length=500)


class AcceptedOut(BaseModel):
    said: list[str] = Field(description="what was done, in the reader's language")


@endpoint(
    "POST",
    "/timetable/repair/acceptance",
    "Change several dated lessons at once, as a repair proposes: all of it or nothing",
    action=Action.CHANGE_LESSONS,
    body=DatedChanges,
    answer=AcceptedOut,
)
async def accept_repair(request: web.Request, body: DatedChanges) -> AcceptedOut:
    whole_city(request)

    def say(sentence: words.Sentence) -> str:
        return sentence.say(request[TRANSLATE], request[LOCALE])

    live = request.app[LIVE]
    try:
        async with request.app[POOL].transaction() as connection:
            done = await accept(
                connection,
                await need_term(connection),
                [_change(each) for each in body.changes],
                request.app[NOW](),
                request[VISITOR].actor,
                live.rules,
            )
    except Broken as error:
        raise Refused(
            409, "This would break a rule now: {conflict}", conflict=say(error.sentence)
        ) from None
    for session in done.sessions:
        await live.read_again(session)
    return AcceptedOut(said=[say(each) for each in done.said])


def changes_data(found: Iterable[DatedChange]) -> list[DatedChangeData]:
    """Changes as the API takes them."""
    return [
        DatedChangeData(
            lesson=each.was.lesson.id if each.was is not None else None,
            was=_data(each.was),
            becomes=_data(each.becomes),
        )
        for each in found
    ]


def _data(dated: DatedLesson | None) -> DatedLessonData | None:
    if dated is None:
        return None
    lesson = dated.lesson
    receivers = [ReceiverData.model_validate(r) for r in lesson.receivers]
    return DatedLessonData(
        day=dated.day,
        period=lesson.period,
        subject=lesson.subject,
        lead_teacher_id=lesson.lead_teacher_id,
        lead_room_id=lesson.lead_room_id,
        interactive=lesson.interactive,
        receivers=receivers,
    )


def _change(data: DatedChangeData) -> DatedChange:
    if (data.lesson is None) != (data.was is None) or data.was is data.becomes:
        raise Refused(422, "A change names a lesson and how it was, or a new lesson.")
    return DatedChange(*(_dated(side, data.lesson) for side in (data.was, data.becomes)))


def _dated(data: DatedLessonData | None, lesson: UUID | None) -> DatedLesson | None:
    if data is None:
        return None
    held = Lesson(
        id=lesson or uuid4(),
        weekday=data.day.isoweekday(),  # of what the day runs, once that has been looked up
        period=data.period,
        weeks=Weeks.ALL,
        subject=data.subject,
        lead_teacher_id=data.lead_teacher_id,
        lead_room_id=data.lead_room_id,
        hub_code="",  # follows from the lead room
        interactive=data.interactive,
        receivers=tuple(Receiver(r.room_id, r.class_id, r.assistant_id) for r in data.receivers),
    )
    return DatedLesson(data.day, held)
