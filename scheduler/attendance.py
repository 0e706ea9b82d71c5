"""What became of each link: from evidence to presence, from presence to attendance (DOMAIN 8, 9).

Everything here is a function of its arguments: any order, duplication or re-slicing of the same
evidence gives the same answer. A second without evidence is a second without presence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from scheduler.makeups import EXCUSING, MakeUp, holding, needed
from scheduler.model import (
    Attendance,
    AttendanceStatus,
    EvidenceSlice,
    HeadCount,
    Participant,
    ParticipantRole,
    PresenceInterval,
    Session,
    SessionKind,
    SessionState,
)
from scheduler.quality import p95

_SHORTEST = timedelta(seconds=1)  # that a meeting takes


@dataclass(frozen=True, slots=True)
class AttendanceRules:
    """Thresholds; they stand on every report that used them. Defaults of DOMAIN 8 and 9."""

    version: str = "2026-1"
    valid_share: float = 0.8  # of the planned minutes
    partial_share: float = 0.5
    merge_gap: timedelta = timedelta(seconds=10)  # shorter gaps are presence
    interruption: timedelta = timedelta(seconds=60)  # longer gaps interrupt
    makeup_school_days: int = 10  # to make up for a lesson


def presence(
    slices: Iterable[EvidenceSlice],
    role: ParticipantRole,
    *,
    interactive: bool,
    since: datetime,
    until: datetime,
    rules: AttendanceRules,
) -> tuple[PresenceInterval, ...]:
    """Intervals within [since, until) in which the participant was there.

    The lead is there while it sends something decodable; an interactive receiving room while it
    sends and the lesson reaches it; a listening room or an observer while the lesson reaches it; a
    teacher in a meeting while they send or are reached, as who has no camera attends too.
    """
    slices = list(slices)
    spans = sorted(
        (max(s.from_at, since), min(s.to_at, until))
        for s in slices
        if _there(s, role, interactive) and s.to_at > since and s.from_at < until
    )
    merged: list[list[datetime]] = []
    for start, end in spans:
        if merged and start - merged[-1][1] < rules.merge_gap:
            merged[-1][1] = max(merged[-1][1], end)
        elif start < end:
            merged.append([start, end])
    endings = sorted({(s.to_at, s.reason) for s in slices if s.reason})
    return tuple(
        PresenceInterval(start, end, _reason(end, endings, rules)) for start, end in merged
    )


def _reason(
    end: datetime, endings: Sequence[tuple[datetime, str]], rules: AttendanceRules
) -> str | None:
    """Why the connection ended that an interval ended with, if it ended at about that time."""
    return next((why for at, why in endings if end <= at < end + rules.merge_gap), None)


def _there(s: EvidenceSlice, role: ParticipantRole, interactive: bool) -> bool:
    if role is ParticipantRole.LEAD:
        return s.sent_decodable
    if role is ParticipantRole.RECEIVING and interactive:
        return s.sent_decodable and s.received_decodable
    if role is ParticipantRole.MEMBER:
        return s.sent_decodable or s.received_decodable
    return s.received_decodable


def newest_count(counts: Iterable[HeadCount]) -> HeadCount | None:
    """The head count that holds: the last one given."""
    return max(
        counts,
        key=lambda c: (c.counted_at, c.expected, c.present, c.counted_by, c.why),
        default=None,
    )


def _span(session: Session) -> tuple[datetime, datetime]:
    """From when to when a session's minutes count: as planned. No bell rings for a meeting: what it
    had before its planned beginning counts too, and once it was ended nothing was missed."""
    since, until = session.starts_at, session.ends_at
    if session.kind is SessionKind.RESEARCH and session.state is SessionState.ENDED:
        if session.live_at is not None:
            since = min(since, session.live_at)
        if session.closed_at is not None:
            until = min(until, session.closed_at)
    return since, until


def derive(
    session: Session,
    participant: Participant,
    slices: Sequence[EvidenceSlice],
    counts: Iterable[HeadCount],
    *,
    took_floor: bool,
    rules: AttendanceRules,
    makeup_due_on: date | None = None,
    makeups: Iterable[MakeUp] = (),
) -> Attendance:
    """The attendance of one link of a finished session; `slices` and `counts` are the link's own.

    `partial` with the cause `no_head_count` or `no_interaction` is a link that was there long
    enough but is not valid for want of these. A link that is not valid, and was not excused by
    calendar or bureau, is `made_up` once one of its `makeups` was held: then the head count is
    that of the make-up, and minutes and cause remain its own. `makeup_due_on` is the day by which
    a make-up is due should one be needed.

    Of a research meeting a participant is a link without class: minutes alone count, of those that
    were planned, or of those it took where that is less.
    """
    slices = list(slices)
    since, until = _span(session)
    intervals = presence(
        slices,
        session.media_role(participant.role),
        interactive=session.interactive,
        since=since,
        until=until,
        rules=rules,
    )
    planned = min(session.ends_at - session.starts_at, max(until - since, _SHORTEST))
    there = sum((i.to_at - i.from_at for i in intervals), timedelta())
    share = there / planned
    count = newest_count(counts)
    status, cause = _judge(session, share, count, took_floor=took_floor, rules=rules)
    owed = session.kind is SessionKind.LIVE_LESSON and needed(status, cause)
    made = None if status is AttendanceStatus.FULL or cause in EXCUSING else holding(makeups)
    expected, present = (count.expected, count.present) if count else (None, None)
    if made is not None:
        status, expected, present = AttendanceStatus.MADE_UP, made.expected, made.present
    delay, loss = p95(slices, since, until)
    return Attendance(
        participant_id=participant.id,
        session_id=session.id,
        status=status,
        valid=status in (AttendanceStatus.FULL, AttendanceStatus.MADE_UP),
        seconds=int(there.total_seconds()),
        planned_seconds=int(planned.total_seconds()),
        interruptions=_interruptions(intervals, rules),
        expected=expected,
        present=present,
        took_floor=took_floor,
        cause=cause,
        rules_version=rules.version,
        intervals=intervals,
        makeup_due_on=makeup_due_on if owed else None,
        made_up_on=made.on_day if made else None,
        made_up_by=made.by if made else None,
        delay_p95_ms=delay,
        loss_p95=loss,
    )


def _interruptions(intervals: Sequence[PresenceInterval], rules: AttendanceRules) -> int:
    return sum(
        later.from_at - earlier.to_at > rules.interruption for earlier, later in pairwise(intervals)
    )


def _judge(
    session: Session,
    share: float,
    count: HeadCount | None,
    *,
    took_floor: bool,
    rules: AttendanceRules,
) -> tuple[AttendanceStatus, str | None]:
    if session.state is SessionState.CANCELLED:
        return AttendanceStatus.EXCUSED, session.cancel_cause
    if session.state is SessionState.MISSED:
        return AttendanceStatus.ABSENT, "not_held"
    if share < rules.partial_share:
        return AttendanceStatus.ABSENT, "too_short" if share else "never_there"
    if share < rules.valid_share:
        return AttendanceStatus.PARTIAL, "too_short"
    if session.kind is SessionKind.RESEARCH:
        return AttendanceStatus.FULL, None
    if count is None:
        return AttendanceStatus.PARTIAL, "no_head_count"
    if session.interactive and not took_floor:
        return AttendanceStatus.PARTIAL, "no_interaction"
    return AttendanceStatus.FULL, None
