"""A classroom's side of targeted push in /api/v1: what was sent to it, and its receipts."""

from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Literal
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from classroom_sync.api.pushes import AnswerData, QuestionData, asked, progress_of
from classroom_sync.api.registry import endpoint
from classroom_sync.keys import LOCALE, NOW, POOL, VISITOR
from classroom_sync.pages.names import Names, read_names
from classroom_sync.permissions import Action
from db import marks, pushes
from db.pool import Connection
from db.pushes import File, Push, Target, Told
from scheduler.questions import MOST_QUESTIONS, Answer, fit
from scheduler.receipts import Progress, Receipt, ReceiptKind, Understood
from scheduler.watched import union

_MOST = 200  # receipts of one request
_RANGES = 500  # of one receipt
_MAX_MS = 24 * 3600 * 1000


class SentClass(BaseModel):
    id: str
    name: str
    opened: bool
    watched: bool
    share: float
    answered: bool


class SentFile(BaseModel):
    """A file of what was sent. A recording's `starts_ms` is its place in the lesson."""

    address: str
    track: Literal["main", "screen"]
    starts_ms: int
    duration_ms: int | None
    media_type: str
    size: int
    tag: str = Field(description="changes with the content")


class SentItem(BaseModel):
    """`size` and `tag` are null when it can't be had any more, and `files` are none. The files of a
    recording are its picture and sound, then the shared screen, each in order of time."""

    push: UUID
    kind: Literal["lesson", "slides", "worksheet"]
    title: str
    subject: str
    teacher: str
    note: str
    sent_on: date
    due_on: date
    media_type: str | None
    size: int | None
    duration_ms: int | None
    tag: str | None = Field(description="changes with the content")
    files: list[SentFile]
    questions: list[QuestionData]
    classes: list[SentClass]


class RoomSent(BaseModel):
    items: list[SentItem]


class RoomReceipt(BaseModel, extra="forbid"):
    id: UUID = Field(description="made by the classroom's computer: a repetition changes nothing")
    push: UUID
    class_id: str = Field(max_length=64)
    kind: ReceiptKind
    at: AwareDatetime
    played: list[tuple[int, int]] = Field(
        default=[], max_length=_RANGES, description="ranges of a recording, in milliseconds"
    )
    note: str = Field(default="", max_length=1000)
    understood: Understood | None = None
    answers: list[AnswerData] = Field(
        default=[], max_length=MOST_QUESTIONS, description="to the questions, in their order"
    )


class RoomReceipts(BaseModel, extra="forbid"):
    receipts: list[RoomReceipt] = Field(max_length=_MOST)


class ReceiptsTaken(BaseModel):
    """`known`: may be forgotten by the sender; `refused`: will never be taken, and may be too."""

    known: list[UUID]
    refused: list[UUID]


@endpoint(
    "GET",
    "/room/sent",
    "What was sent to the classes of this room",
    action=Action.RECEIVE,
    answer=RoomSent,
)
async def list_sent(request: web.Request) -> RoomSent:
    async with request.app[POOL].connection() as connection:
        return await sent_to(connection, need_room(request), request[LOCALE])


def need_room(request: web.Request) -> str:
    """The room of the paired screen that asks."""
    room_id = request[VISITOR].room_id
    assert room_id is not None, "only paired screens have the right to receive"
    return room_id


async def sent_to(connection: Connection, room_id: str, locale: str) -> RoomSent:
    """What a room's screen shows; names and titles in its language."""
    found = await pushes.sent_to_room(connection, room_id)
    here = await pushes.targets_of_room(connection, room_id)
    done = await progress_of(connection, found)
    files = await pushes.files_of(connection, [each.id for each in found])
    names = await read_names(connection)
    return RoomSent(
        items=[
            _item(
                each,
                _files(each, files.get(each.id, ())),
                [(c, done[each.id, c]) for c in each.class_ids if (each.id, c) in here],
                names,
                locale,
            )
            for each in found
        ]
    )


def _files(push: Push, files: tuple[File, ...]) -> list[SentFile]:
    """What a classroom's computer fetches. The first file has the address of the whole."""
    whole = f"/room/sent/{push.id}/content"
    if push.tag is None:
        return []
    if push.source == "upload":
        assert push.size is not None, "it is kept"
        return [
            SentFile(
                address=whole,
                track="main",
                starts_ms=0,
                duration_ms=push.duration_ms,
                media_type=push.media_type,
                size=push.size,
                tag=push.tag,
            )
        ]
    return [
        SentFile(
            address=f"{whole}/{file.track}/{file.number}" if number else whole,
            track="main" if file.track == files[0].track else "screen",
            starts_ms=file.starts_ms,
            duration_ms=file.duration_ms,
            media_type=file.mime,
            size=file.bytes,
            tag=file.tag,
        )
        for number, file in enumerate(files)
    ]


def _item(
    push: Push,
    files: list[SentFile],
    classes: list[tuple[str, Progress]],
    names: Names,
    locale: str,
) -> SentItem:
    subject = names.subject(push.subject, locale)
    return SentItem.model_validate(
        {
            "push": push.id,
            "kind": push.kind,
            "title": _title(push, subject),
            "subject": subject,
            "teacher": names.teacher(push.teacher_id),
            "note": push.note,
            "sent_on": push.sent_on,
            "due_on": push.due_on,
            "media_type": push.media_type,
            "size": push.size if push.tag is not None else None,
            "duration_ms": push.duration_ms,
            "tag": push.tag,
            "files": files,
            "questions": asked(push),
            "classes": [
                SentClass(
                    id=class_id,
                    name=names.group(class_id),
                    opened=of.opened_at is not None,
                    watched=of.watched,
                    share=of.share,
                    answered=bool(of.answers),
                )
                for class_id, of in classes
            ],
        }
    )


def _title(push: Push, subject: str) -> str:
    """As people say it: a file's name without its suffix; the subject and day of a recording."""
    name = PurePosixPath(push.title).stem if push.source == "upload" else push.title
    return name or f"{subject} {push.made_on.isoformat()}"


@endpoint(
    "POST",
    "/room/receipts",
    "What happened in this room with what was sent to it; as often as it takes to be told",
    action=Action.RECEIVE,
    body=RoomReceipts,
    answer=ReceiptsTaken,
)
async def take_receipts(request: web.Request, body: RoomReceipts) -> ReceiptsTaken:
    visitor, now = request[VISITOR], request.app[NOW]()
    known, refused = [], []
    async with request.app[POOL].transaction() as connection:
        here = await pushes.targets_of_room(connection, need_room(request))
        # In one order for all, so that two screens of a class never wait for each other.
        for each in sorted(body.receipts, key=lambda r: (r.push, r.class_id)):
            played = union((max(0, start), min(end, _MAX_MS)) for start, end in each.played)
            target = here.get((each.push, each.class_id))
            if target is None or not _is_whole(
                receipt := _receipt(each, played, target, now), target
            ):
                refused.append(each.id)
                continue
            told = Told(each.push, each.class_id, receipt)
            if await pushes.add_receipt(connection, told, visitor.actor, now):
                await _note(connection, visitor.actor, told)
            known.append(each.id)
    return ReceiptsTaken(known=known, refused=refused)


def _is_whole(receipt: Receipt, target: Target) -> bool:
    """Whether it says what its kind has to say: something played, answers to what was asked."""
    if receipt.kind is ReceiptKind.ANSWERED:
        return bool(receipt.answers) and fit(target.questions, receipt.answers)
    return (receipt.kind is ReceiptKind.PLAYED) == bool(receipt.played) and not receipt.answers


def _receipt(
    told: RoomReceipt, played: tuple[tuple[int, int], ...], target: Target, now: datetime
) -> Receipt:
    """The classroom's clock is believed between the sending and now."""
    feedback = told.kind is ReceiptKind.FEEDBACK
    return Receipt(
        at=max(target.sent_at, min(told.at, now)),
        id=told.id,
        kind=told.kind,
        played=played,
        note=told.note.strip() if feedback else "",
        understood=(told.understood or "") if feedback else "",
        answers=tuple(Answer(tuple(a.counts), a.text.strip()) for a in told.answers),
    )


async def _note(connection: Connection, actor: str, told: Told) -> None:
    """Every view is in the audit log, also one that was told of later."""
    if told.receipt.kind is ReceiptKind.OPENED:
        await marks.add_audit(
            connection,
            actor,
            "push_opened",
            f"push:{told.push_id}",
            class_id=told.class_id,
            at=told.receipt.at.isoformat(),
        )
