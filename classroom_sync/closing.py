"""What a finished session is worth: its attendance, derived from evidence and stored.

Derived again whenever evidence, a head count or a make-up comes later; every derivation is a new
revision. A make-up's own derivation brings the lessons up to date that it makes up for, and where
such a one is a make-up too, those before it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from db import calendar, marks, presence, sessions
from db.pool import Connection
from scheduler.attendance import AttendanceRules, derive
from scheduler.makeups import deadline
from scheduler.model import (
    DEFAULT_ZONE,
    Attendance,
    EvidenceSlice,
    HeadCount,
    Participant,
    ParticipantRole,
    Session,
    SessionKind,
    Term,
)


async def derive_attendance(
    connection: Connection, session_id: UUID, rules: AttendanceRules
) -> list[Attendance]:
    """Store a new revision for each link of a session; in the caller's transaction."""
    found = await _derive(connection, session_id, rules)
    for original in await presence.made_up_for(connection, session_id):
        session = await sessions.session(connection, original)
        if session is not None and session.closed_at is not None:
            await _derive(connection, original, rules)
    return found


async def _derive(
    connection: Connection, session_id: UUID, rules: AttendanceRules
) -> list[Attendance]:
    await presence.hold(connection, session_id)
    session = await sessions.session(connection, session_id)
    assert session is not None, "only stored sessions end"
    slices: dict[UUID, list[EvidenceSlice]] = defaultdict(list)
    for piece in await presence.slices_of_session(connection, session_id):
        slices[piece.participant_id].append(piece)
    counts: dict[UUID, list[HeadCount]] = defaultdict(list)
    for count in await marks.head_counts_of_session(connection, session_id):
        counts[count.participant_id].append(count)
    spoke = {
        mark.participant_id
        for mark in await marks.interactions_of_session(connection, session_id)
        if mark.kind == "floor_given"
    }
    terms = await _terms(connection, session)
    zone = terms[0].zone if terms else DEFAULT_ZONE
    makeups = await presence.makeups(connection, session_id, zone)
    due_on = deadline(terms, session.on_day, rules.makeup_school_days)
    found = []
    for participant in session.participants:
        if not _is_link(session, participant):
            continue
        seen, counted = slices[participant.id], counts[participant.id]
        attendance = derive(
            session,
            participant,
            seen,
            counted,
            took_floor=participant.id in spoke,
            rules=rules,
            makeup_due_on=due_on,
            makeups=makeups.get(participant.id, ()),
        )
        attendance = replace(attendance, evidence_seen=len(seen), counts_seen=len(counted))
        await presence.add_attendance(connection, attendance)
        found.append(attendance)
    return found


def _is_link(session: Session, participant: Participant) -> bool:
    """Whether a participant's attendance counts: a receiving room's, a teacher's in a meeting."""
    if session.kind is SessionKind.RESEARCH:
        return participant.teacher_id is not None
    return participant.role is ParticipantRole.RECEIVING


async def _terms(connection: Connection, session: Session) -> Sequence[Term]:
    """The terms in which a make-up may lie, the session's own first, with their departing days."""
    terms = await calendar.whole_terms(connection)
    return [term for term in terms if term.ends_on >= session.on_day]
