"""Coverage: the indicators of DOMAIN that can be computed from links, rooms and head counts.

Each is a numerator and a denominator with the ids behind both, so that a figure can be opened. A
zero denominator has no value and prints as "—".
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from scheduler.model import AttendanceStatus, Room, RoomStatus, RoomTarget, SessionState

#: Cancellations that leave the denominator of delivery (DOMAIN, indicator 4).
EXCUSING = frozenset({"calendar", "bureau"})
_FINISHED = (SessionState.ENDED, SessionState.MISSED, SessionState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Link:
    """One link with what became of it; attendance fields are None until it was derived."""

    participant_id: UUID
    session_id: UUID
    on_day: date
    starts_at: datetime
    ends_at: datetime
    state: SessionState
    cancel_cause: str | None
    interactive: bool
    subject: str | None
    room_id: str
    class_id: str
    teacher_id: str | None
    school_code: str
    lead_room_id: str
    lead_teacher_id: str | None
    hub_code: str
    enrolment: int
    status: AttendanceStatus | None
    valid: bool | None
    seconds: int | None
    planned_seconds: int | None
    interruptions: int | None
    expected: int | None
    present: int | None
    took_floor: bool | None
    cause: str | None
    rules_version: str | None

    def due(self, as_of: datetime) -> bool:
        """Whether it is over, held or not, and was to be held."""
        over = self.ends_at <= as_of or self.state in _FINISHED
        return over and self.cancel_cause not in EXCUSING

    @property
    def started(self) -> bool:
        return bool(self.seconds)


@dataclass(frozen=True, slots=True)
class Figure:
    """A numerator over a denominator; `counted` are the ids of the numerator, `of` of both."""

    numerator: int
    denominator: int
    counted: tuple[str, ...] = ()
    of: tuple[str, ...] = ()

    @property
    def ratio(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class TargetFigure:
    """Indicator 1 for one deadline: rooms accepted by it over the target, never capped; the last
    deadline's figure goes on counting rooms accepted after it."""

    target: RoomTarget
    figure: Figure


@dataclass(frozen=True, slots=True)
class SchoolCoverage:
    school_code: str
    delivery: Figure
    rooms: Figure  # accepted of all
    interruption: Figure
    attendance: Figure


@dataclass(frozen=True, slots=True)
class Coverage:
    """The figures of a period, as known at `as_of`."""

    since: date
    until: date
    as_of: datetime
    build: tuple[TargetFigure, ...]  # indicator 1
    school_coverage: Figure  # 2
    room_use: Figure  # 3
    delivery: Figure  # 4
    led_hours: int  # 5: valid sessions
    received_hours: int  # 5: valid links
    pupils: int  # 7: 受益学生
    pupil_times: int  # 7: 受益人次
    attendance: Figure  # 8
    interruption: Figure  # 12
    schools: tuple[SchoolCoverage, ...]


def derive(
    links: Sequence[Link],
    rooms: Sequence[Room],
    targets: Iterable[RoomTarget],
    receiving_schools: Sequence[str],
    *,
    since: date,
    until: date,
    as_of: datetime,
) -> Coverage:
    """Every figure of the period from its links (of live lessons) and all rooms of the city."""
    due = [link for link in links if link.due(as_of)]
    valid = [link for link in due if link.valid]
    accepted = [r for r in rooms if r.status is RoomStatus.ACCEPTED]
    by_school: dict[str, list[Link]] = defaultdict(list)
    for link in due:
        by_school[link.school_code].append(link)
    used = {link.room_id for link in valid} | {link.lead_room_id for link in valid}
    reached = {link.school_code for link in valid}
    largest: dict[str, int] = {}
    for link in valid:
        largest[link.class_id] = max(largest.get(link.class_id, 0), link.present or 0)
    return Coverage(
        since=since,
        until=until,
        as_of=as_of,
        build=_build(accepted, sorted(targets, key=lambda t: t.deadline), as_of),
        school_coverage=_share(receiving_schools, reached),
        room_use=_share([r.id for r in accepted], used),
        delivery=_delivery(due),
        led_hours=len({link.session_id for link in valid}),
        received_hours=len(valid),
        pupils=sum(largest.values()),
        pupil_times=sum(link.present or 0 for link in valid),
        attendance=_heads(due),
        interruption=_interruption(due),
        schools=tuple(
            SchoolCoverage(
                code,
                _delivery(by_school[code]),
                _share([r.id for r in rooms if r.school_code == code], {r.id for r in accepted}),
                _interruption(by_school[code]),
                _heads(by_school[code]),
            )
            for code in receiving_schools
        ),
    )


def _build(
    accepted: Sequence[Room], targets: Sequence[RoomTarget], as_of: datetime
) -> tuple[TargetFigure, ...]:
    found = []
    for target in targets:
        last = as_of.date() if target is targets[-1] else min(target.deadline, as_of.date())
        by_then = [r.id for r in accepted if r.accepted_on is not None and r.accepted_on <= last]
        found.append(TargetFigure(target, _figure(by_then, target.rooms)))
    return tuple(found)


def _figure(counted: Sequence[str], denominator: int) -> Figure:
    return Figure(len(counted), denominator, tuple(counted), tuple(counted))


def _share(of: Sequence[str], counted: set[str]) -> Figure:
    found = [each for each in of if each in counted]
    return Figure(len(found), len(of), tuple(found), tuple(of))


def _delivery(due: Sequence[Link]) -> Figure:
    held = {str(link.participant_id) for link in due if link.valid}
    return _share([str(link.participant_id) for link in due], held)


def _interruption(due: Sequence[Link]) -> Figure:
    started = [link for link in due if link.started]
    cut = {str(link.participant_id) for link in started if link.interruptions}
    return _share([str(link.participant_id) for link in started], cut)


def _heads(due: Sequence[Link]) -> Figure:
    """Indicator 8; links without a head count are left out (the drill-down lists them)."""
    counted = [link for link in due if link.expected is not None]
    ids = tuple(str(link.participant_id) for link in counted)
    return Figure(
        sum(link.present or 0 for link in counted),
        sum(link.expected or 0 for link in counted),
        ids,
        ids,
    )
