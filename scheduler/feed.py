"""What calendar feeds say, kept in step with the timetable: RFC 5545, 3.8.4.7 (UID) and 3.8.7.4
(SEQUENCE).

A subscriber's calendar knows an event by its UID alone. So an event that moves, changes its room or
gets a substitute must stay the same event, though a new timetable version stores it as a new
lesson; and one that is no longer held must say so, for what merely disappears stays in some
calendars for ever. Events are matched with what was said before from the surest likeness to the
weakest; what is left over is new, or cancelled. What has begun is not rewritten.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from scheduler.model import (
    FeedEntry,
    FeedEvent,
    Occurrence,
    ParticipantRole,
    Receiver,
    Session,
    SessionKind,
    SessionState,
)

_NOT_HELD = (SessionState.CANCELLED, SessionState.MISSED)


def of_session(session: Session, title: str = "") -> FeedEntry:
    """A stored session as an entry; `title` is a meeting's."""
    lead = next((p for p in session.participants if p.role is ParticipantRole.LEAD), None)
    receivers = [
        Receiver(p.room_id, p.class_id, p.teacher_id)
        for p in session.participants
        if p.role is ParticipantRole.RECEIVING and p.room_id and p.class_id
    ]
    return FeedEntry(
        session.lesson_id,
        session.id,
        session.kind,
        session.on_day,
        session.subject,
        session.starts_at,
        session.ends_at,
        lead.teacher_id if lead else None,
        lead.room_id if lead else None,
        _ordered(receivers),
        session.state in _NOT_HELD,
        title,
        tuple(
            sorted(
                p.teacher_id or "" for p in session.participants if p.role is ParticipantRole.MEMBER
            )
        ),
    )


def of_occurrence(occurrence: Occurrence) -> FeedEntry:
    """A lesson on a date that has no session yet."""
    lesson = occurrence.lesson
    return FeedEntry(
        lesson.id,
        None,
        SessionKind.LIVE_LESSON,
        occurrence.day,
        lesson.subject,
        occurrence.starts_at,
        occurrence.ends_at,
        lesson.lead_teacher_id,
        lesson.lead_room_id,
        _ordered(lesson.receivers),
        cancelled=False,
    )


def wanted(
    sessions: Iterable[Session],
    occurrences: Iterable[Occurrence],
    titles: Mapping[UUID, str] | None = None,
) -> list[FeedEntry]:
    """Every session, and every lesson that has none on its day, by start. `titles`: those of the
    sessions that are meetings."""
    named = titles or {}
    found = [of_session(session, named.get(session.id, "")) for session in sessions]
    stored = {(entry.lesson_id, entry.on_day) for entry in found}
    found += [of_occurrence(o) for o in occurrences if (o.lesson.id, o.day) not in stored]
    return sorted(found, key=lambda e: (e.starts_at, e.lead_room_id or "", str(e.lesson_id)))


def reconcile(
    known: Iterable[FeedEvent],
    entries: Iterable[FeedEntry],
    now: datetime,
    new_uid: Callable[[], UUID],
) -> list[FeedEvent]:
    """The events that are new or have changed since `known` was told."""
    told = list(known)
    matched: set[UUID] = set()
    left = list(entries)
    changed: list[FeedEvent] = []
    for likeness in _LIKENESSES:
        waiting: defaultdict[Hashable, deque[FeedEvent]] = defaultdict(deque)
        for event in told:
            if event.uid not in matched and _may_match(event, likeness):
                waiting[likeness(event.entry)].append(event)
        unlike = []
        for entry in left:
            key = likeness(entry)
            if key is None or not waiting[key]:
                unlike.append(entry)
                continue
            event = waiting[key].popleft()
            matched.add(event.uid)
            if _says_otherwise(event.entry, entry):
                changed.append(_next(event, entry, now))
            elif event.entry != entry:  # only ids changed: nothing that a subscriber sees
                changed.append(replace(event, entry=entry))
        left = unlike
    changed += [FeedEvent(new_uid(), entry, 0, now, now) for entry in left]
    changed += [
        _next(event, replace(event.entry, cancelled=True), now)
        for event in told
        if event.uid not in matched and not event.entry.cancelled and event.entry.starts_at > now
    ]
    return changed


def _next(event: FeedEvent, entry: FeedEntry, now: datetime) -> FeedEvent:
    at = max(now, event.changed_at)  # the machine's clock may have been set back
    return FeedEvent(event.uid, entry, event.sequence + 1, event.created_at, at)


def _ordered(receivers: Iterable[Receiver]) -> tuple[Receiver, ...]:
    return tuple(sorted(receivers, key=lambda r: (r.class_id, r.room_id)))


def _says_otherwise(one: FeedEntry, other: FeedEntry) -> bool:
    return replace(one, lesson_id=other.lesson_id, session_id=other.session_id) != other


def _classes(entry: FeedEntry) -> tuple[str, ...]:
    return tuple(receiver.class_id for receiver in entry.receivers)


def _same_session(e: FeedEntry) -> Hashable:
    return e.session_id


def _same_lesson(e: FeedEntry) -> Hashable:
    return None if e.lesson_id is None else (e.lesson_id, e.on_day)


def _same_but_for_ids(e: FeedEntry) -> Hashable:
    return (e.starts_at, e.subject, e.lead_teacher_id, e.lead_room_id, _classes(e))


def _moved_within_the_day(e: FeedEntry) -> Hashable:
    return (e.on_day, e.subject, e.lead_teacher_id, _classes(e))


def _other_people(e: FeedEntry) -> Hashable:
    return (e.starts_at, e.subject, e.lead_room_id)


def _other_room_and_teacher(e: FeedEntry) -> Hashable:
    return (e.starts_at, e.subject, _classes(e))


def _moved_within_the_week(e: FeedEntry) -> Hashable:
    return (e.on_day.isocalendar()[:2], e.subject, e.lead_teacher_id, _classes(e))


_LIKENESSES: tuple[Callable[[FeedEntry], Hashable], ...] = (
    _same_session,
    _same_lesson,
    _same_but_for_ids,
    _moved_within_the_day,
    _other_people,
    _other_room_and_teacher,
    _moved_within_the_week,
)


def _may_match(event: FeedEvent, likeness: Callable[[FeedEntry], Hashable]) -> bool:
    """A cancelled event comes back only as what it was."""
    return not event.entry.cancelled or likeness in _LIKENESSES[:3]
