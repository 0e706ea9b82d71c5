"""A timetable file before it is imported: what was understood, what not, what has to be confirmed.

A grid seldom says where a class listens. It is proposed: an accepted room of the class's school
that its shift leaves free, interactive rooms before listen-only ones, with an assistant who is not
elsewhere then. Nothing is imported unless everything was understood, or the administrator says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from classroom_sync.formats import timetable_grid, timetable_list
from classroom_sync.formats.entries import Entries
from classroom_sync.formats.sentences import Place, Problem, Sentence, UnreadableFile
from classroom_sync.formats.spreadsheet import Sheet
from classroom_sync.formats.timetable_lessons import Listener, Understood, understand
from classroom_sync.formats.vocabulary import Names, Vocabulary
from scheduler import bells
from scheduler.model import BellSchedule, Lesson, Receiver, RoomKind, RoomStatus, Weeks


class Kind(StrEnum):
    """How a timetable is laid out."""

    GRID = "grid"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Where a class may listen, to be confirmed; `others` are its school's other accepted rooms."""

    place: Place
    class_id: str
    room_id: str
    assistant_id: str | None
    others: tuple[str, ...]
    free: bool  # whether nothing else in the file takes the room then


@dataclass(frozen=True, slots=True)
class PreviewLesson:
    """A lesson to be imported, its receiving rooms named or proposed."""

    lesson: Lesson
    place: Place


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. `notes` are understood and need nothing."""

    kind: Kind
    lessons: tuple[PreviewLesson, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    proposals: tuple[Proposal, ...]

    @property
    def whole(self) -> bool:
        return not self.problems


class NotWhole(Exception):
    """Part of the file was not understood, and nobody said to import the rest."""


def read(sheets: Sequence[Sheet], kind: Kind | None = None) -> tuple[Kind, Entries]:
    """What the sheets say, and as what they were read. Raises UnreadableFile."""
    if kind in (None, Kind.LIST) and (found := timetable_list.read(sheets)) is not None:
        return Kind.LIST, found
    if kind in (None, Kind.GRID) and (found := timetable_grid.read(sheets)) is not None:
        return Kind.GRID, found
    raise UnreadableFile(
        Sentence(
            "No timetable was found: a grid has a line of weekdays 星期一…, a list has headings "
            "星期, 节次 and 学科. Take a timetable out to see one, and write yours like it."
        )
    )


def preview(
    sheets: Sequence[Sheet],
    names: Names,
    schedules: Sequence[BellSchedule],
    on: date,
    kind: Kind | None = None,
) -> Preview:
    """What the sheets say, by the city's names and the bells of a day. Raises UnreadableFile."""
    kind, entries = read(sheets, kind)
    vocabulary = Vocabulary(names)
    problems, notes = list(entries.problems), list(entries.notes)
    understood: list[Understood] = []
    for entry in entries.entries:
        lessons, wrong, told = understand(entry, vocabulary)
        understood += lessons
        problems += wrong
        notes += told
    placing = _Rooms(names, schedules, on)
    lessons_placed = [placing.placed(each, problems) for each in understood]
    return Preview(
        kind,
        tuple(each for each in lessons_placed if each is not None),
        tuple(problems),
        tuple(notes),
        tuple(placing.proposals),
    )


def accepted(
    found: Preview,
    rooms: Mapping[tuple[Place, str], str] | None = None,
    *,
    partly: bool = False,
) -> tuple[Lesson, ...]:
    """The lessons to import. `rooms` are the administrator's choices by (cell, class), in place of
    what was proposed; `partly` lets the rest in though some was not understood.

    Raises NotWhole; ValueError for a chosen room that was not offered.
    """
    if not found.whole and not partly:
        raise NotWhole(f"{len(found.problems)} problems")
    chosen = dict(rooms or {})
    offered = {(p.place, p.class_id): (p.room_id, *p.others) for p in found.proposals}
    for key, room in chosen.items():
        if room not in offered.get(key, ()):
            raise ValueError(f"room {room} was not offered for class {key[1]} in {key[0].cell}")
    return tuple(
        replace(
            each.lesson,
            receivers=tuple(
                replace(r, room_id=chosen.get((each.place, r.class_id), r.room_id))
                for r in each.lesson.receivers
            ),
        )
        for each in found.lessons
    )


_Taken = tuple[str, int, Lesson, bells.Shift]


class _Rooms:
    """Receiving rooms and assistants, given out lesson by lesson."""

    def __init__(self, names: Names, schedules: Sequence[BellSchedule], on: date) -> None:
        self._listening = sorted(
            (
                room
                for room in names.rooms
                if room.status is RoomStatus.ACCEPTED and room.kind is not RoomKind.LEAD
            ),
            key=lambda room: room.kind is RoomKind.CLOUD,
        )
        self._assistants = [t for t in names.teachers if t.role == "assistant"]
        self._schedules = schedules
        self._on = on
        self._taken: list[_Taken] = []
        self.proposals: list[Proposal] = []

    def placed(self, found: Understood, problems: list[Problem]) -> PreviewLesson | None:
        lesson, receivers, wrong = found.lesson, [], []
        proposed: list[Proposal] = []
        try:
            schedule = bells.schedule_on(self._schedules, lesson.hub_code, self._on)
            hub = bells.period(schedule, lesson.period)
            for listener in found.listeners:
                own = bells.schedule_on(self._schedules, listener.group.school_code, self._on)
                receiver = self._receiver(found, listener, bells.shift(hub, own), proposed)
                if receiver is None:
                    wrong.append(Problem(found.place, listener.group.name, *_NO_ACCEPTED_ROOM))
                else:
                    receivers.append(receiver)
        except bells.NoBells:
            wrong.append(Problem(found.place, str(lesson.period), *_NO_BELLS))
        if wrong:
            problems += wrong
            return None
        self.proposals += proposed
        return PreviewLesson(replace(lesson, receivers=tuple(receivers)), found.place)

    def _receiver(
        self,
        found: Understood,
        listener: Listener,
        wanted: bells.Shift,
        proposed: list[Proposal],
    ) -> Receiver | None:
        school = listener.group.school_code
        rooms = [r.id for r in self._listening if r.school_code == school]
        people = [t.id for t in self._assistants if t.school_code == school]
        room, assistant = listener.room_id, listener.assistant_id
        if room is not None:
            for named in (room, assistant):
                if named is not None:
                    self._taken.append((named, found.lesson.weekday, found.lesson, wanted))
            return Receiver(room, listener.group.id, assistant)
        if not rooms:
            return None
        free = self._free(rooms, found.lesson, wanted)
        if assistant is None:
            assistant = self._free(people, found.lesson, wanted)
        room = free or rooms[0]
        others = tuple(r for r in rooms if r != room)
        proposed.append(
            Proposal(found.place, listener.group.id, room, assistant, others, free is not None)
        )
        return Receiver(room, listener.group.id, assistant)

    def _free(self, candidates: list[str], lesson: Lesson, wanted: bells.Shift) -> str | None:
        for candidate in candidates:
            if not any(
                who == candidate
                and weekday == lesson.weekday
                and _same_weeks(other, lesson)
                and shift.busy_from < wanted.busy_until
                and wanted.busy_from < shift.busy_until
                for who, weekday, other, shift in self._taken
            ):
                self._taken.append((candidate, lesson.weekday, lesson, wanted))
                return candidate
        return None


def _same_weeks(one: Lesson, other: Lesson) -> bool:
    """Whether two weekly lessons are ever held in one week."""
    if Weeks.ALL not in (one.weeks, other.weeks) and one.weeks is not other.weeks:
        return False
    first = max(one.week_from or 1, other.week_from or 1)
    last = min(one.week_until or 99, other.week_until or 99)
    return first <= last


_NO_ACCEPTED_ROOM = (
    Sentence("The class's school has no accepted room to listen in."),
    Sentence("Accept a room of that school first, or leave the class out."),
)
_NO_BELLS = (
    Sentence("The bells of the hub school or of a class's school have no such period."),
    Sentence("Enter the bells of both schools first, or correct the period."),
)
