"""What a finished session is worth: its attendance, derived from evidence and stored.

Derived again whenever evidence or a head count comes later; every derivation is a new revision.
"""

from collections import defaultdict
from uuid import UUID

from db import marks, presence, sessions
from db.pool import Connection
from scheduler.attendance import AttendanceRules, derive
from scheduler.model import Attendance, EvidenceSlice, HeadCount, ParticipantRole


async def derive_attendance(
    connection: Connection, session_id: UUID, rules: AttendanceRules
) -> list[Attendance]:
    """Store a new revision for each link of a session; in the caller's transaction."""
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
    found = []
    for participant in session.participants:
        if participant.role is ParticipantRole.RECEIVING:
            attendance = derive(
                session,
                participant,
                slices[participant.id],
                counts[participant.id],
                took_floor=participant.id in spoke,
                rules=rules,
            )
            await presence.add_attendance(connection, attendance)
            found.append(attendance)
    return found
