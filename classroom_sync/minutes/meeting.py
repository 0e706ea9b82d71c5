"""The minutes of a teaching-research meeting: read from what is stored, and made a document of."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from classroom_sync import markdown
from classroom_sync.i18n import Translate
from classroom_sync.meetings import zone_on
from classroom_sync.minutes.document import (
    Block,
    Bullets,
    Document,
    Grid,
    Paragraph,
    Section,
    Subheading,
)
from classroom_sync.pages.names import Names
from db import plans, presence, recordings
from db.pool import Connection
from scheduler.meeting import Attendee, Meeting, Minutes, Note, NoteKind, PlanVersion, discussed
from scheduler.model import AttendanceStatus, ParticipantRole, Session
from scheduler.recording import Recording, RecordingState


async def read_minutes(
    connection: Connection, names: Names, session: Session, meeting: Meeting, now: datetime
) -> Minutes:
    """The minutes as they stand `now`; names are those of `names`, the subject its slug."""
    plan = await plans.plan(connection, meeting.plan_id)
    assert plan is not None, "plans are not deleted"
    attendees = []
    for participant in session.participants:
        if participant.teacher_id is None:
            continue
        teacher = names.teachers[participant.teacher_id]
        found = await presence.attendance_of(connection, participant.id)
        attendees.append(
            Attendee(
                teacher.name,
                names.school(teacher.school_code),
                participant.role,
                found.status if found else None,
                found.seconds if found else 0,
                found.intervals if found else (),
            )
        )
    return Minutes(
        title=meeting.title,
        subject=session.subject or "",
        grade=meeting.grade,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        live_at=session.live_at,
        closed_at=session.closed_at,
        zone=await zone_on(connection, session.on_day),
        attendees=tuple(attendees),
        agenda=discussed(meeting, session.closed_at or now),
        notes=tuple(note for note in meeting.notes if note.item_id is None),
        plan_title=plan.title,
        versions=tuple(await plans.versions(connection, plan.id)),
        recordings=tuple(await recordings.recordings_of_session(connection, session.id)),
    )


def document_of(minutes: Minutes, subject: str, translate: Translate, locale: str) -> Document:
    """The minutes as a document in one language; `subject` in its words."""
    subtitle = translate("Minutes of a teaching-research meeting")
    return Document(
        locale=locale,
        title=minutes.title,
        subtitle=subtitle,
        facts=tuple(_facts(minutes, subject, translate)),
        sections=tuple(
            Section(heading, blocks)
            for heading, blocks in (
                (translate("Attendance"), (_attendance(minutes, translate),)),
                (translate("Decisions"), _said(minutes.decisions)),
                (translate("Agenda"), tuple(_agenda(minutes, translate))),
                (translate("Notes"), _said(_notes(minutes.notes))),
                (translate("Lesson plan"), tuple(_plan(minutes, translate))),
            )
            if blocks
        ),
        dated=minutes.closed_at or minutes.versions[-1].saved_at,
        footer=f"{minutes.title} · {subtitle}",
    )


def whole_minutes(lasted: timedelta | int) -> str:
    """A length in minutes, to a tenth."""
    seconds = lasted.total_seconds() if isinstance(lasted, timedelta) else lasted
    return f"{seconds / 60:.1f}"


def _facts(minutes: Minutes, subject: str, translate: Translate) -> Iterator[tuple[str, str]]:
    zone = ZoneInfo(minutes.zone)
    begins, ends = (at.astimezone(zone) for at in (minutes.starts_at, minutes.ends_at))
    yield translate("Planned time"), f"{begins:%Y-%m-%d %H:%M}–{ends:%H:%M} ({minutes.zone})"
    if minutes.live_at is not None and minutes.closed_at is not None:
        held = [at.astimezone(zone) for at in (minutes.live_at, minutes.closed_at)]
        yield translate("Time held"), f"{held[0]:%H:%M}–{held[1]:%H:%M}"
    for each in minutes.recordings:
        yield translate("Recording"), _recorded(each, zone, translate)
    if subject:
        yield translate("Subject"), subject
    if minutes.grade is not None:
        yield translate("Grade"), str(minutes.grade)


def _recorded(recording: Recording, zone: ZoneInfo, translate: Translate) -> str:
    """From when to when, and what became of it."""
    words = {
        RecordingState.RECORDING: translate("being recorded"),
        RecordingState.JOINING: translate("being put together"),
        RecordingState.READY: translate("ready"),
        RecordingState.FAILED: translate("failed"),
        RecordingState.DELETED: translate("deleted"),
    }
    begun = f"{recording.started_at.astimezone(zone):%H:%M}–"
    ended = f"{recording.ended_at.astimezone(zone):%H:%M}" if recording.ended_at else ""
    return f"{begun}{ended} ({words[recording.state]})"


def _attendance(minutes: Minutes, translate: Translate) -> Grid:
    words = {
        AttendanceStatus.FULL: translate("full"),
        AttendanceStatus.PARTIAL: translate("partial"),
        AttendanceStatus.ABSENT: translate("absent"),
        AttendanceStatus.EXCUSED: translate("excused"),
    }
    return Grid(
        (
            translate("Teacher"),
            translate("School"),
            translate("Attendance"),
            translate("Minutes"),
        ),
        tuple(
            (
                a.name + (f" ({translate('Chair')})" if a.role is ParticipantRole.LEAD else ""),
                a.school,
                words[a.status] if a.status in words else translate("not settled yet"),
                whole_minutes(a.seconds),
            )
            for a in minutes.attendees
        ),
    )


def _agenda(minutes: Minutes, translate: Translate) -> Iterator[Block]:
    if not minutes.agenda:
        return
    yield Grid(
        (translate("Item"), translate("Planned minutes"), translate("Minutes spent")),
        tuple(
            (
                f"{d.item.position}. {d.item.title}",
                str(d.item.minutes) if d.item.minutes else "—",
                whole_minutes(d.spent),
            )
            for d in minutes.agenda
        ),
    )
    for each in minutes.agenda:
        notes = _notes(each.notes)
        if notes:
            yield Subheading(f"{each.item.position}. {each.item.title}")
            yield Bullets(_lines(notes))


def _notes(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(note for note in notes if note.kind is NoteKind.NOTE)


def _said(notes: tuple[Note, ...]) -> tuple[Block, ...]:
    return (Bullets(_lines(notes)),) if notes else ()


def _lines(notes: Iterable[Note]) -> tuple[str, ...]:
    return tuple(f"{note.text} — {note.author}" for note in notes)


def _plan(minutes: Minutes, translate: Translate) -> Iterator[Block]:
    newest = minutes.plan
    if newest.number == 1 and not newest.text.strip():
        return
    yield Paragraph(minutes.plan_title)
    items: list[str] = []
    for kind, words in markdown.blocks(newest.text):
        if kind == "item":
            items.append(words)
            continue
        if items:
            yield Bullets(tuple(items))
            items = []
        yield Subheading(words) if kind == "heading" else Paragraph(words)
    if items:
        yield Bullets(tuple(items))
    yield Grid(
        (translate("Version"), translate("Author"), translate("Saved")),
        tuple(_version(v, minutes.zone) for v in minutes.versions),
    )


def _version(version: PlanVersion, zone: str) -> tuple[str, str, str]:
    at = version.saved_at.astimezone(ZoneInfo(zone))
    return str(version.number), version.author, f"{at:%Y-%m-%d %H:%M}"
