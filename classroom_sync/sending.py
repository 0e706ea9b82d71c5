"""What is sent to classes, by hand and by rule, changed and taken back; who may be sent what."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from classroom_sync.auth import Visitor
from classroom_sync.errors import Refused
from classroom_sync.permissions import Role
from db import calendar, city, marks, pushes
from db.pool import Connection
from db.pushes import Item, Push
from scheduler import push as rules
from scheduler.attendance import AttendanceRules
from scheduler.model import DEFAULT_ZONE, ClassGroup, Term
from scheduler.questions import Question

log = structlog.get_logger()

DUE_DAYS = 5  # school days until what is sent by hand is due, unless told otherwise
_BY_RULE = "system"


def today(term: Term | None, now: datetime) -> date:
    """The local date of the term's zone."""
    return now.astimezone(ZoneInfo(term.zone if term is not None else DEFAULT_ZONE)).date()


async def term_now(connection: Connection, now: datetime) -> Term | None:
    """The term that is on, if one is."""
    return await calendar.term_on(connection, now.astimezone(ZoneInfo(DEFAULT_ZONE)).date())


async def classes_of_hub(connection: Connection, hub_code: str) -> list[ClassGroup]:
    """Whom a hub's lessons may be sent to: the classes of its receiving schools."""
    schools = {s.code for s in await city.schools(connection) if s.hub_code == hub_code}
    return [c for c in await city.class_groups(connection) if c.school_code in schools]


def may_send(visitor: Visitor, item: Item) -> bool:
    """A teacher sends what is theirs, an administrator what is of their school or (of the whole
    city) anything."""
    if visitor.role is Role.TEACHER:
        return visitor.teacher_id == item.teacher_id
    return visitor.role is Role.ADMIN and visitor.school_code in (None, item.hub_code)


async def may_follow(connection: Connection, visitor: Visitor, push: Push) -> bool:
    """Who may see what came of a push: whom feedback goes to, and those who administer them."""
    if visitor.role is Role.TEACHER:
        return visitor.teacher_id == push.teacher_id
    if visitor.role is not Role.ADMIN:
        return False
    if visitor.school_code is None:
        return True
    people = await city.teachers(connection)
    return any(t.id == push.teacher_id and t.school_code == visitor.school_code for t in people)


async def send_by_hand(
    connection: Connection,
    visitor: Visitor,
    item_id: UUID,
    class_ids: Iterable[str],
    note: str,
    due: date | None,
    questions: Sequence[Question],
    watched_share: float,
    now: datetime,
) -> UUID:
    """Send an item to classes, with questions to them; the push. In the caller's transaction.

    Raises Refused: 404 for what is not there or not the visitor's, 422 for classes or a date that
    it can't be sent to, and for questions that can't be asked.
    """
    item = await pushes.item(connection, item_id)
    if item is None or not may_send(visitor, item):
        raise Refused(404, "There is no such lesson or file of yours to send.")
    chosen = sorted(set(class_ids))
    allowed = {c.id for c in await classes_of_hub(connection, item.hub_code)}
    if not chosen or not allowed.issuperset(chosen):
        raise Refused(422, "Choose classes of the schools that your school assists.")
    if not all(question.is_whole for question in questions):
        raise Refused(
            422,
            "A question has a text, and 2 to 8 different options if it has any; right is one of "
            "them, or several where any of several may be chosen.",
        )
    term = await term_now(connection, now)
    on = today(term, now)
    due = due or rules.due_on(term, on, DUE_DAYS)
    _not_over(due, on)
    push_id = await pushes.add(
        connection,
        item,
        dict.fromkeys(chosen, None),
        note=note.strip(),
        rule_id=None,
        sent_by=visitor.actor,
        sent_at=now,
        sent_on=on,
        due_on=due,
        watched_share=watched_share,
        questions=questions,
    )
    await marks.add_audit(
        connection,
        visitor.actor,
        "push_sent",
        f"push:{push_id}",
        item=str(item.id),
        classes=chosen,
        due_on=due.isoformat(),
    )
    return push_id


def _not_over(due: date, on: date) -> None:
    if due < on:
        raise Refused(422, "The due date is over: choose today or a later day.")


async def change(
    connection: Connection, visitor: Visitor, push: Push, note: str, due: date, now: datetime
) -> None:
    """Give a push another note and due date. In the caller's transaction. Raises Refused:
    409, 422.

    A due date is put to today or later, so that what was watched in time stays in time.
    """
    if due != push.due_on:
        _not_over(due, today(await term_now(connection, now), now))
    if not await pushes.change(connection, push.id, note=note.strip(), due_on=due):
        raise _taken_back()
    await marks.add_audit(
        connection,
        visitor.actor,
        "push_changed",
        f"push:{push.id}",
        due_on=due.isoformat(),
        due_on_before=push.due_on.isoformat(),
        note_before=push.note,
    )


async def take_back(
    connection: Connection, visitor: Visitor, push: Push, why: str, now: datetime
) -> None:
    """Take a push back, for a cause. In the caller's transaction. Raises Refused (409, 422)."""
    if not why.strip():
        raise Refused(422, "Say why it is taken back: the classes' teachers will ask.")
    if not await pushes.withdraw(connection, push.id, at=now, by=visitor.actor, why=why.strip()):
        raise _taken_back()
    await marks.add_audit(
        connection, visitor.actor, "push_withdrawn", f"push:{push.id}", why=why.strip()
    )


def _taken_back() -> Refused:
    return Refused(409, "This was taken back already.")


async def send_by_rule(
    connection: Connection, now: datetime, attendance: AttendanceRules, watched_share: float
) -> list[UUID]:
    """Send all that the rules in force say; the pushes. In the caller's transaction. `attendance`
    tells who missed a lesson, `watched_share` from when on it is watched.

    Run as often as one likes, by however many processes: nobody is sent the same twice.
    """
    in_force = await pushes.rules_locked(connection)
    if not in_force:
        return []
    term = await term_now(connection, now)
    on = today(term, now)
    decided = rules.sendings(
        in_force,
        await pushes.materials(connection),
        await pushes.missed(connection, attendance.valid_share),
        await pushes.target_classes(connection),
        await pushes.sent_pairs(connection),
        await pushes.last_weekly(connection),
        term,
        on,
    )
    packets: dict[tuple[UUID, UUID, date], dict[str, UUID | None]] = defaultdict(dict)
    for each in decided:
        packets[each.rule_id, each.material_id, each.due_on][each.class_id] = each.participant_id
    made = []
    for (rule_id, item_id, due), targets in packets.items():
        item = await pushes.item(connection, item_id)
        assert item is not None, "it was read in this transaction"
        push_id = await pushes.add(
            connection,
            item,
            targets,
            note="",
            rule_id=rule_id,
            sent_by=_BY_RULE,
            sent_at=now,
            sent_on=on,
            due_on=due,
            watched_share=watched_share,
        )
        await marks.add_audit(
            connection,
            _BY_RULE,
            "push_sent",
            f"push:{push_id}",
            item=str(item_id),
            classes=sorted(targets),
            rule=str(rule_id),
            due_on=due.isoformat(),
        )
        made.append(push_id)
    if made:
        log.info("sent by rule", pushes=len(made))
    return made
