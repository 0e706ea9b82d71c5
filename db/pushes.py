"""What can be sent to classes, what was sent, and what came of it.

An *item* is a recording or an upload that is ready; a *push* is one item sent to classes with a
note and a due date; receipts are what happened in a classroom, and are only ever added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.push import Material, Missed, PushRule, TargetClass
from scheduler.questions import Answer, Question, QuestionKind
from scheduler.receipts import Receipt
from scheduler.recording import Track

_sql = named("pushes")

_MOST = 500


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be sent; `title` is empty for a recording that nobody has named."""

    id: UUID
    source: str  # "recording" | "upload"
    kind: str  # lesson, slides or worksheet
    title: str
    subject: str
    made_on: date
    teacher_id: str
    hub_code: str
    session_id: UUID | None
    media_type: str
    size: int  # bytes
    duration_ms: int | None  # of a video
    storage_key: str
    tag: str  # changes with the content


@dataclass(frozen=True, slots=True)
class Push:
    """One item sent to `class_ids`. `storage_key` and `tag` are None once it can't be had any more
    (retention), and so may `size` be. `duration_ms` is the video's when it was sent, or less if it
    was cut since; from `watched_share` of it on it is watched."""

    id: UUID
    rule_id: UUID | None
    teacher_id: str
    note: str
    sent_by: str
    sent_at: datetime
    sent_on: date
    due_on: date
    watched_share: float
    questions: tuple[Question, ...]
    withdrawn_at: datetime | None
    withdrawn_why: str | None
    item_id: UUID
    source: str
    kind: str
    title: str
    subject: str
    made_on: date
    media_type: str
    size: int | None
    duration_ms: int | None
    storage_key: str | None
    tag: str | None
    class_ids: tuple[str, ...]

    @property
    def plays(self) -> bool:
        return self.kind == "lesson"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a recording that was sent; `starts_ms` is its place on the recording's clock."""

    track: Track
    number: int
    starts_ms: int
    duration_ms: int
    bytes: int
    mime: str
    storage_key: str
    tag: str  # changes with the content


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt with the push and class that it is about."""

    push_id: UUID
    class_id: str
    receipt: Receipt


async def item(connection: Connection, item_id: UUID) -> Item | None:
    row = await _sql.item(connection, id=item_id)
    return None if row is None else value(Item, row)


async def items(
    connection: Connection, *, teacher_id: str | None = None, hub_code: str | None = None
) -> list[Item]:
    """What can be sent, the newest first: a teacher's own, a school's, or everything."""
    found = _sql.items(connection, teacher_id=teacher_id, hub_code=hub_code, most=_MOST)
    return [value(Item, row) async for row in found]


async def add(
    connection: Connection,
    sent: Item,
    targets: Mapping[str, UUID | None],
    *,
    note: str,
    rule_id: UUID | None,
    sent_by: str,
    sent_at: datetime,
    sent_on: date,
    due_on: date,
    watched_share: float,
    questions: Sequence[Question] = (),
) -> UUID:
    """Send an item to classes; `targets`: class → the link it makes up for, if any. In the caller's
    transaction."""
    push_id: UUID = await _sql.add(
        connection,
        recording_id=sent.id if sent.source == "recording" else None,
        upload_id=sent.id if sent.source == "upload" else None,
        rule_id=rule_id,
        teacher_id=sent.teacher_id,
        note=note,
        sent_by=sent_by,
        sent_at=sent_at,
        sent_on=sent_on,
        due_on=due_on,
        duration_ms=sent.duration_ms,
        watched_share=watched_share,
        questions=[asdict(question) for question in questions],
    )
    await _sql.add_target(
        connection,
        [
            {"push_id": push_id, "class_id": class_id, "participant_id": participant_id}
            for class_id, participant_id in targets.items()
        ],
    )
    return push_id


async def push(connection: Connection, push_id: UUID) -> Push | None:
    return next(iter(await _pushes(connection, id=push_id)), None)


async def sent_by_teacher(connection: Connection, teacher_id: str) -> list[Push]:
    """The newest first; also what rules sent of this teacher's lessons."""
    return await _pushes(connection, teacher_id=teacher_id)


async def sent_by_hub(connection: Connection, hub_code: str | None) -> list[Push]:
    """The newest first: of a hub's teachers, or (None) of the whole city."""
    return await _pushes(connection, hub_code=hub_code)


async def sent_to_room(connection: Connection, room_id: str) -> list[Push]:
    """What was sent to classes that use a room and not taken back, the newest first."""
    return await _pushes(connection, room_id=room_id)


async def _pushes(connection: Connection, **wanted: object) -> list[Push]:
    asked = {"id": None, "teacher_id": None, "hub_code": None, "room_id": None, **wanted}
    found = _sql.pushes(connection, **asked, most=_MOST)
    return [value(Push, row, questions=_questions(row["questions"])) async for row in found]


def _questions(stored: Iterable[Any]) -> tuple[Question, ...]:
    return tuple(
        Question(
            QuestionKind(each["kind"]),
            each["text"],
            tuple(each["options"]),
            tuple(each.get("right", ())),  # nobody could say so once
        )
        for each in stored
    )


async def files_of(
    connection: Connection, push_ids: Iterable[UUID]
) -> dict[UUID, tuple[File, ...]]:
    """The files of the recordings among what was sent: the picture and sound before the shared
    screen, each in order of time."""
    found: dict[UUID, list[File]] = {}
    async for row in _sql.files_of(connection, push_ids=list(push_ids)):
        found.setdefault(row["push_id"], []).append(value(File, row))
    return {push_id: tuple(files) for push_id, files in found.items()}


async def change(connection: Connection, push_id: UUID, *, note: str, due_on: date) -> bool:
    """Give a push another note and due date; False when it was taken back."""
    return bool(await _sql.change(connection, id=push_id, note=note, due_on=due_on))


async def withdraw(
    connection: Connection, push_id: UUID, *, at: datetime, by: str, why: str
) -> bool:
    """Take a push back; False when it was already. Its receipts stay, and more may come of what
    happened in classrooms that had not heard of it."""
    return bool(await _sql.withdraw(connection, id=push_id, at=at, by=by, why=why))


@dataclass(frozen=True, slots=True)
class Target:
    """A class that was sent something, as its room's screen needs to be judged."""

    push_id: UUID
    class_id: str
    sent_at: datetime
    questions: tuple[Question, ...]


async def targets_of_room(connection: Connection, room_id: str) -> dict[tuple[UUID, str], Target]:
    """What a room's screen may tell of, by push and class; also what was taken back."""
    found = _sql.targets_of_room(connection, room_id=room_id)
    return {
        (row["push_id"], row["class_id"]): value(
            Target, row, questions=_questions(row["questions"])
        )
        async for row in found
    }


async def add_receipt(
    connection: Connection, told: Told, actor: str, received_at: datetime
) -> bool:
    """Whether it was new; one that is known already changes nothing."""
    receipt = told.receipt
    return bool(
        await _sql.add_receipt(
            connection,
            id=receipt.id,
            push_id=told.push_id,
            class_id=told.class_id,
            kind=receipt.kind,
            at=receipt.at,
            played=[asyncpg.Range(start, end) for start, end in receipt.played],
            note=receipt.note,
            understood=receipt.understood,
            answers=[asdict(answer) for answer in receipt.answers] if receipt.answers else None,
            actor=actor,
            received_at=received_at,
        )
    )


async def receipts_of(
    connection: Connection, push_ids: Iterable[UUID]
) -> dict[tuple[UUID, str], list[Receipt]]:
    """Receipts by push and class."""
    found: dict[tuple[UUID, str], list[Receipt]] = {}
    async for row in _sql.receipts_of(connection, push_ids=list(push_ids)):
        key = (row["push_id"], row["class_id"])
        found.setdefault(key, []).append(_receipt(row))
    return found


def _receipt(row: Any) -> Receipt:
    played = tuple((each.lower, each.upper) for each in row["played"])
    answers = tuple(Answer(tuple(a["counts"]), a["text"]) for a in row["answers"] or ())
    return value(Receipt, row, played=played, answers=answers)


# ── Rules ───────────────────────────────────────────────────────────────────────────────


async def rules(connection: Connection) -> list[PushRule]:
    """Those in force."""
    return [value(PushRule, row) async for row in _sql.rules(connection)]


async def rules_locked(connection: Connection) -> list[PushRule]:
    """Those in force, held until the transaction ends: one process at a time sends by them."""
    return [value(PushRule, row) async for row in _sql.rules_locked(connection)]


async def add_rule(connection: Connection, rule: PushRule, made_by: str) -> UUID:
    """A new rule; its id is the database's."""
    made: UUID = await _sql.add_rule(
        connection,
        kind=rule.kind,
        subject=rule.subject,
        grades=list(rule.grades),
        weekday=rule.weekday,
        school_days=rule.school_days,
        since=rule.since,
        made_by=made_by,
    )
    return made


async def end_rule(connection: Connection, rule_id: UUID, at: datetime) -> bool:
    """Whether a rule was in force and is not any more."""
    return bool(await _sql.end_rule(connection, id=rule_id, at=at))


async def materials(connection: Connection) -> list[Material]:
    """What rules may send, the oldest first."""
    return [
        value(Material, row, had_by=frozenset(row["had_by"]))
        async for row in _sql.materials(connection)
    ]


async def missed(connection: Connection, share: float) -> list[Missed]:
    """Links of recorded lessons whose class was there for less than `share` of the time."""
    return [value(Missed, row) async for row in _sql.missed(connection, share=share)]


async def target_classes(connection: Connection) -> list[TargetClass]:
    """The classes of receiving schools."""
    return [value(TargetClass, row) async for row in _sql.target_classes(connection)]


async def sent_pairs(connection: Connection) -> frozenset[tuple[UUID, str]]:
    """Item and class of everything that was ever sent."""
    found = _sql.sent_pairs(connection)
    return frozenset([(row["item_id"], row["class_id"]) async for row in found])


async def last_weekly(connection: Connection) -> dict[tuple[UUID, str], date]:
    """When each weekly rule last sent a class something."""
    found = _sql.last_weekly(connection)
    return {(row["rule_id"], row["class_id"]): row["sent_on"] async for row in found}
