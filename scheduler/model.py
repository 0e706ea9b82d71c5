"""The values everything speaks in: the glossary as types.

Frozen and small. `db` returns them, pages and reports read them; no shape is written twice.
Instants are timezone-aware UTC `datetime`s; bells are naive local `time`s of the term's zone.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

DEFAULT_ZONE = "Asia/Shanghai"  # where no term says otherwise


class SchoolRole(StrEnum):
    HUB = "hub"
    RECEIVING = "receiving"


class RoomKind(StrEnum):
    """Room types of the Jiangsu guidance: lead 主讲, interactive 互动听讲, cloud 云终端听讲."""

    LEAD = "lead"
    INTERACTIVE = "interactive"
    CLOUD = "cloud"


class RoomStatus(StrEnum):
    PLANNED = "planned"
    INSTALLED = "installed"
    ACCEPTED = "accepted"
    RETIRED = "retired"


class Weeks(StrEnum):
    """In which teaching weeks a lesson is held 单双周."""

    ALL = "all"
    ODD = "odd"
    EVEN = "even"


class SessionKind(StrEnum):
    LIVE_LESSON = "live_lesson"
    RESEARCH = "research"


class SessionState(StrEnum):
    SCHEDULED = "scheduled"
    OPEN = "open"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"
    MISSED = "missed"


class ParticipantRole(StrEnum):
    LEAD = "lead"
    RECEIVING = "receiving"
    OBSERVER = "observer"
    MEMBER = "member"  # a teacher who was called to a research meeting; its chair is the lead


class AttendanceStatus(StrEnum):
    FULL = "full"
    PARTIAL = "partial"
    ABSENT = "absent"
    MADE_UP = "made_up"
    EXCUSED = "excused"


@dataclass(frozen=True, slots=True)
class School:
    code: str  # 学校标识码, 10 digits
    name: str
    short_name: str
    role: SchoolRole
    hub_code: str | None
    uplink_mbit: int
    retired_on: date | None = None  # it takes part in nothing new


@dataclass(frozen=True, slots=True)
class Room:
    id: str
    school_code: str
    name: str
    kind: RoomKind
    phase: int
    status: RoomStatus
    installed_on: date | None
    accepted_on: date | None


@dataclass(frozen=True, slots=True)
class RoomTarget:
    deadline: date
    rooms: int
    source: str


@dataclass(frozen=True, slots=True)
class Subject:
    slug: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Teacher:
    id: str
    school_code: str
    name: str
    role: str  # "lead" | "assistant"
    subjects: tuple[str, ...]
    max_lessons_per_day: int
    retired_on: date | None = None  # has left


@dataclass(frozen=True, slots=True)
class ClassGroup:
    id: str
    school_code: str
    name: str
    grade: int
    enrolment: int
    retired_on: date | None = None  # has left school, or was merged into another


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that departs from "weekdays are school days": a holiday, or a make-up workday."""

    day: date
    acts_as: date | None  # a make-up workday 调休 runs that date's timetable; None: a holiday
    note: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    id: str
    name: str
    zone: str  # IANA name
    week1_monday: date
    starts_on: date
    ends_on: date  # inclusive
    days: tuple[CalendarDay, ...] = ()


@dataclass(frozen=True, slots=True)
class BellPeriod:
    """In one that is `by_hand` nobody but a person puts a lesson."""

    period: int
    starts: time
    ends: time
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class BellSchedule:
    """A school's bells from a date on, until its next schedule's `valid_from`."""

    school_code: str
    valid_from: date
    periods: tuple[BellPeriod, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    class_id: str
    subject: str
    lessons_per_week: int
    weeks: Weeks


@dataclass(frozen=True, slots=True)
class BusyTime:
    """A weekly period in which a school keeps a teacher or a class (one of the two) for itself."""

    teacher_id: str | None
    class_id: str | None
    weekday: int
    period: int  # of the school's own bells
    reason: str


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiving room of a lesson, with its class and the assistant who is with it."""

    room_id: str
    class_id: str
    assistant_id: str | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """One weekly entry of a timetable version; `period` is of the hub's bells."""

    id: UUID
    weekday: int  # ISO: 1 Monday … 7 Sunday
    period: int
    weeks: Weeks
    subject: str
    lead_teacher_id: str
    lead_room_id: str
    hub_code: str  # the school of the lead room
    interactive: bool
    receivers: tuple[Receiver, ...]
    week_from: int | None = None  # first teaching week it is held in; None: the term's first
    week_until: int | None = None  # last; None: the term's last


@dataclass(frozen=True, slots=True)
class TimetableVersion:
    id: UUID
    term_id: str
    number: int
    state: str  # "draft" | "published" | "superseded"
    valid_from: date | None
    valid_until: date | None
    lessons: tuple[Lesson, ...]
    published_at: datetime | None = None  # it makes no sessions before this instant


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A lesson on one date, before it is stored as a session."""

    lesson: Lesson
    day: date
    starts_at: datetime
    ends_at: datetime
    shifts: tuple[tuple[str, datetime, datetime], ...]  # receiving room id, class busy from, until


@dataclass(frozen=True, slots=True)
class Participant:
    id: UUID
    session_id: UUID
    role: ParticipantRole
    room_id: str | None
    class_id: str | None
    teacher_id: str | None
    busy_from: datetime | None = None
    busy_until: datetime | None = None
    muted: bool = False  # kept from everyone by the lead teacher
    push_to_talk: bool = False  # heard only while somebody there holds the button
    node_id: UUID | None = None  # the media node it is on; None: its session's
    makes_up_id: UUID | None = None  # the link of its class that this one makes up for


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    kind: SessionKind
    lesson_id: UUID | None
    on_day: date
    subject: str | None
    starts_at: datetime
    ends_at: datetime
    interactive: bool
    state: SessionState
    cancel_cause: str | None
    opened_at: datetime | None
    live_at: datetime | None
    closed_at: datetime | None
    node_id: UUID | None
    floor_participant_id: UUID | None
    participants: tuple[Participant, ...]

    def media_role(self, role: ParticipantRole) -> ParticipantRole:
        """What a participant with a role is to the media plane: in a meeting nobody leads."""
        return ParticipantRole.MEMBER if self.kind is SessionKind.RESEARCH else role


@dataclass(frozen=True, slots=True)
class EvidenceSlice:
    """What the media plane saw of one participant in [from_at, to_at): enough to judge presence."""

    participant_id: UUID
    from_at: datetime
    to_at: datetime
    sent_decodable: bool
    received_decodable: bool
    reason: str | None = None  # on a connection's last slice: left, lost, replaced, ended, stopped
    delay_ms: float | None = None  # one way: half of the round trip, where it was measured
    loss: float | None = None  # share of packets, of the worse direction


@dataclass(frozen=True, slots=True)
class PresenceInterval:
    """An interval during which media of a participant really flowed 在线区间."""

    from_at: datetime
    to_at: datetime
    reason: str | None  # why it closed; None while it goes on or when evidence just stopped


@dataclass(frozen=True, slots=True)
class HeadCount:
    participant_id: UUID
    expected: int
    present: int
    counted_by: str
    counted_at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Attendance:
    """What became of one link (session x receiving room) and its class. DOMAIN 8."""

    participant_id: UUID
    session_id: UUID
    status: AttendanceStatus
    valid: bool
    seconds: int  # presence within the planned range
    planned_seconds: int
    interruptions: int
    expected: int | None  # None: no head count came in
    present: int | None
    took_floor: bool
    cause: str | None
    rules_version: str
    intervals: tuple[PresenceInterval, ...] = ()
    makeup_due_on: date | None = None  # last day to make up for it; None: nothing is due
    made_up_on: date | None = None
    made_up_by: UUID | None = None  # the link, or the push, that made up for it
    delay_p95_ms: float | None = None  # one way; None: no round trip was measured
    loss_p95: float | None = None  # share of packets
    evidence_seen: int = 0  # rows it was derived from: more of them make it stale
    counts_seen: int = 0  # head counts


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """What a calendar feed says of one dated lesson or meeting."""

    lesson_id: UUID | None
    session_id: UUID | None  # None: not planned as a session yet
    kind: SessionKind
    on_day: date
    subject: str | None
    starts_at: datetime
    ends_at: datetime
    lead_teacher_id: str | None
    lead_room_id: str | None
    receivers: tuple[Receiver, ...]
    cancelled: bool
    title: str = ""  # of a meeting
    members: tuple[str, ...] = ()  # teachers who were called to it, beside its chair


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An entry as subscribers know it (RFC 5545): its UID never changes, `sequence` rises with each
    change."""

    uid: UUID
    entry: FeedEntry
    sequence: int
    created_at: datetime
    changed_at: datetime
