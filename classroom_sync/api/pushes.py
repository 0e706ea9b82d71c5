"""Targeted push in /api/v1: what is sent to classes, and by which rules."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from classroom_sync.access import identifier, whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.auth import Visitor
from classroom_sync.errors import NO_SUCH_PAGE, Refused
from classroom_sync.keys import NOW, POOL, SETTINGS, VISITOR
from classroom_sync.permissions import Action, Role
from classroom_sync.sending import (
    change,
    may_follow,
    send_by_hand,
    take_back,
    term_now,
    today,
)
from db import city, marks, pushes, uploads
from db.pool import Connection
from db.pushes import Push
from scheduler.push import PushRule, RuleKind
from scheduler.questions import (
    LONGEST,
    LONGEST_TEXT,
    MOST_OPTIONS,
    MOST_PUPILS,
    MOST_QUESTIONS,
    Question,
    QuestionKind,
    mark,
)
from scheduler.receipts import Progress, progress

Said = Annotated[str, StringConstraints(strip_whitespace=True)]


class QuestionData(BaseModel, extra="forbid"):
    """A question to a class, which answers together in front of one screen."""

    kind: QuestionKind
    text: Said = Field(max_length=LONGEST)
    options: list[Annotated[Said, Field(max_length=LONGEST)]] = Field(
        default=[],
        max_length=MOST_OPTIONS,
        description="to choose from; none for a text",
    )
    right: list[Annotated[int, Field(ge=0, lt=MOST_OPTIONS)]] = Field(
        default=[],
        max_length=MOST_OPTIONS,
        description="the places of the options that are right, from 0; none: it is a survey",
    )


class NewPush(BaseModel, extra="forbid"):
    item: UUID = Field(description="a recording or an upload that is ready")
    classes: list[str] = Field(min_length=1, max_length=200)
    note: str = Field(default="", max_length=1000)
    due_on: date | None = Field(default=None, description="none: in five school days")
    questions: list[QuestionData] = Field(default=[], max_length=MOST_QUESTIONS)


class ChangedPush(BaseModel, extra="forbid"):
    note: str = Field(default="", max_length=1000)
    due_on: date


class Withdrawal(BaseModel, extra="forbid"):
    why: str = Field(max_length=300)


class PushMade(BaseModel):
    id: UUID


class PushItem(BaseModel):
    id: UUID
    kind: Literal["lesson", "slides", "worksheet"]
    title: str
    subject: str
    made_on: date
    size: int
    duration_ms: int | None


class PushItems(BaseModel):
    items: list[PushItem]


class AnswerData(BaseModel, extra="forbid"):
    """`counts`: how many pupils chose each option; `text` where a text is asked."""

    counts: list[Annotated[int, Field(ge=0, le=MOST_PUPILS)]] = Field(
        default=[], max_length=MOST_OPTIONS
    )
    text: str = Field(default="", max_length=LONGEST_TEXT)


class MarkedData(BaseModel):
    """Of the `hands` that were raised for a question, those that were `right`."""

    right: int
    hands: int


class PushClass(BaseModel):
    class_id: str
    fetched: bool
    opened: bool
    watched: bool
    share: float = Field(description="of a recording, played at least once; 0 to 1")
    feedback: list[str]
    answers: list[AnswerData] = Field(
        description="to the questions, in their order; none until the class has answered"
    )
    marked: list[MarkedData | None] = Field(
        description="the answers, in their order; null where no answer is right"
    )


class PushData(BaseModel):
    id: UUID
    item: UUID
    kind: str
    title: str
    subject: str
    sent_on: date
    due_on: date
    note: str
    by_rule: UUID | None
    watched_share: float = Field(description="of a recording, from which on it is watched")
    questions: list[QuestionData]
    withdrawn_at: datetime | None = Field(description="when it was taken back, and why")
    withdrawn_why: str | None
    classes: list[PushClass]


class Pushes(BaseModel):
    pushes: list[PushData]


class UploadState(BaseModel):
    state: Literal["receiving", "ready", "refused", "deleted"]
    cause: str | None = Field(description="why it was refused, in English")


class NewPushRule(BaseModel, extra="forbid"):
    kind: RuleKind
    subject: str | None = Field(default=None, max_length=64)
    grades: list[int] = Field(default=[], max_length=9, description="none: all")
    weekday: int | None = Field(
        default=None, ge=1, le=7, description="weekly rules alone: from when"
    )
    school_days: int = Field(default=10, ge=1, le=60, description="until it is due")


class PushRuleData(NewPushRule):
    id: UUID
    since: date


class PushRules(BaseModel):
    rules: list[PushRuleData]


@endpoint(
    "GET",
    "/push-items",
    "Recordings and uploads that can be sent to classes, the newest first",
    action=Action.SEND,
    answer=PushItems,
)
async def list_items(request: web.Request) -> PushItems:
    visitor = request[VISITOR]
    async with request.app[POOL].connection() as connection:
        found = await pushes.items(
            connection, teacher_id=visitor.teacher_id, hub_code=visitor.school_code
        )
    return PushItems(items=[PushItem.model_validate(i, from_attributes=True) for i in found])


@endpoint(
    "POST",
    "/pushes",
    "Send a recording or an upload to classes",
    action=Action.SEND,
    body=NewPush,
    answer=PushMade,
)
async def send(request: web.Request, body: NewPush) -> PushMade:
    visitor, now = request[VISITOR], request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        made = await send_by_hand(
            connection,
            visitor,
            body.item,
            body.classes,
            body.note,
            body.due_on,
            [Question(q.kind, q.text, tuple(q.options), tuple(q.right)) for q in body.questions],
            request.app[SETTINGS].watched_share,
            now,
        )
    return PushMade(id=made)


@endpoint(
    "PUT",
    "/pushes/{push}",
    "Give what was sent another note and due date",
    action=Action.SEND,
    body=ChangedPush,
)
async def change_push(request: web.Request, body: ChangedPush) -> None:
    async with request.app[POOL].transaction() as connection:
        push = await followed_push(request, connection)
        now = request.app[NOW]()
        await change(connection, request[VISITOR], push, body.note, body.due_on, now)


@endpoint(
    "POST",
    "/pushes/{push}/withdrawal",
    "Take back what was sent; what classes have done with it stays",
    action=Action.SEND,
    body=Withdrawal,
)
async def withdraw_push(request: web.Request, body: Withdrawal) -> None:
    async with request.app[POOL].transaction() as connection:
        push = await followed_push(request, connection)
        await take_back(connection, request[VISITOR], push, body.why, request.app[NOW]())


@endpoint(
    "GET",
    "/pushes",
    "What was sent, the newest first, and what each class has done with it",
    action=Action.SEND,
    answer=Pushes,
)
async def list_pushes(request: web.Request) -> Pushes:
    async with request.app[POOL].connection() as connection:
        found = await followed(connection, request[VISITOR])
        done = await progress_of(connection, found)
    return Pushes(
        pushes=[
            PushData(
                id=p.id,
                item=p.item_id,
                kind=p.kind,
                title=p.title,
                subject=p.subject,
                sent_on=p.sent_on,
                due_on=p.due_on,
                note=p.note,
                by_rule=p.rule_id,
                watched_share=p.watched_share,
                questions=asked(p),
                withdrawn_at=p.withdrawn_at,
                withdrawn_why=p.withdrawn_why,
                classes=[_class(p, c, done[p.id, c]) for c in p.class_ids],
            )
            for p in found
        ]
    )


async def followed(connection: Connection, visitor: Visitor) -> list[Push]:
    """The pushes that a teacher or an administrator follows, the newest first."""
    if visitor.role is Role.TEACHER:
        assert visitor.teacher_id is not None, "the database gives every teacher's account one"
        return await pushes.sent_by_teacher(connection, visitor.teacher_id)
    return await pushes.sent_by_hub(connection, visitor.school_code)


async def followed_push(request: web.Request, connection: Connection) -> Push:
    """The push of the request's path, if the visitor follows it. Raises Refused (404)."""
    push = await pushes.push(connection, identifier(request.match_info["push"]))
    if push is None or not await may_follow(connection, request[VISITOR], push):
        raise Refused(404, NO_SUCH_PAGE)
    return push


async def progress_of(
    connection: Connection, found: list[Push]
) -> dict[tuple[UUID, str], Progress]:
    """What each class has done with each push."""
    told = await pushes.receipts_of(connection, [p.id for p in found])
    return {
        (p.id, c): progress(
            told.get((p.id, c), []), p.duration_ms if p.plays else None, p.watched_share
        )
        for p in found
        for c in p.class_ids
    }


def asked(push: Push) -> list[QuestionData]:
    """The questions of a push."""
    return [QuestionData.model_validate(q, from_attributes=True) for q in push.questions]


def _class(push: Push, class_id: str, done: Progress) -> PushClass:
    return PushClass(
        class_id=class_id,
        fetched=done.fetched_at is not None,
        opened=done.opened_at is not None,
        watched=done.watched,
        share=done.share,
        feedback=[r.note for r in done.feedback if r.note],
        answers=[AnswerData(counts=list(a.counts), text=a.text) for a in done.answers],
        marked=[
            MarkedData(right=found.right, hands=found.hands) if found is not None else None
            for found in map(mark, push.questions, done.answers)
        ],
    )


@endpoint(
    "GET",
    "/uploads/{upload}",
    "What became of an upload: it can be sent once it is ready",
    action=Action.UPLOAD,
    answer=UploadState,
)
async def upload_state(request: web.Request) -> UploadState:
    upload_id = identifier(request.match_info["upload"])
    async with request.app[POOL].connection() as connection:
        found = await uploads.upload(connection, upload_id)
    if found is None or found.teacher_id != request[VISITOR].teacher_id:
        raise Refused(404, "There is no such upload of yours.")
    return UploadState.model_validate(found, from_attributes=True)


@endpoint(
    "GET",
    "/push-rules",
    "What is sent by rule",
    action=Action.RULE_PUSHES,
    answer=PushRules,
)
async def list_rules(request: web.Request) -> PushRules:
    async with request.app[POOL].connection() as connection:
        found = await pushes.rules(connection)
    return PushRules(rules=[PushRuleData.model_validate(r, from_attributes=True) for r in found])


@endpoint(
    "POST",
    "/push-rules",
    "Send by rule from today on",
    action=Action.RULE_PUSHES,
    body=NewPushRule,
    answer=PushMade,
)
async def add_rule(request: web.Request, body: NewPushRule) -> PushMade:
    whole_city(request)
    visitor, now = request[VISITOR], request.app[NOW]()
    if (body.kind is RuleKind.WEEKLY) != (body.weekday is not None):
        raise Refused(422, "A weekly plan has a weekday; other rules have none.")
    if body.kind is not RuleKind.MAKE_UP and body.subject is None:
        raise Refused(422, "Choose a subject for this rule.")
    if not all(1 <= grade <= 9 for grade in body.grades):
        raise Refused(422, "Grades are numbers from 1 to 9.")
    async with request.app[POOL].transaction() as connection:
        if body.subject not in {None, *(s.slug for s in await city.subjects(connection))}:
            raise Refused(422, "There is no such subject: choose one of the list.")
        rule = PushRule(
            id=UUID(int=0),  # the database gives it one
            kind=body.kind,
            subject=body.subject,
            grades=tuple(sorted(set(body.grades))),
            weekday=body.weekday,
            school_days=body.school_days,
            since=today(await term_now(connection, now), now),
        )
        made = await pushes.add_rule(connection, rule, visitor.actor)
        await marks.add_audit(
            connection, visitor.actor, "push_rule_made", f"push_rule:{made}", kind=body.kind
        )
    return PushMade(id=made)


@endpoint(
    "DELETE",
    "/push-rules/{rule}",
    "Send no more by a rule; what was sent stays",
    action=Action.RULE_PUSHES,
)
async def end_rule(request: web.Request) -> None:
    whole_city(request)
    rule_id = identifier(request.match_info["rule"])
    async with request.app[POOL].transaction() as connection:
        if not await pushes.end_rule(connection, rule_id, request.app[NOW]()):
            raise Refused(404, NO_SUCH_PAGE)
        await marks.add_audit(
            connection, request[VISITOR].actor, "push_rule_ended", f"push_rule:{rule_id}"
        )
