"""A teaching-research meeting 在线帮扶教研: its agenda, its shared plan, its minutes, as values.

A meeting is a session of kind `research`. Its chair has the role lead, the other teachers who were
called are members. It is *live* once one of them sends and another is there; one alone is no
meeting. While it is on, at most one item of the agenda is under discussion; each change of that is
a `Turn`, from which the minutes spent on each item follow.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise, takewhile
from uuid import UUID

from scheduler.model import AttendanceStatus, ParticipantRole, PresenceInterval
from scheduler.recording import Recording

_MOST_LINES = 1500  # of a text that is compared line by line
_OFTEN = 10  # times that each of two texts has a line


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """`minutes` as planned; None: as long as it takes."""

    id: UUID
    position: int  # from 1
    title: str
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Turn:
    """From `at` on this item was under discussion; None: none was."""

    item_id: UUID | None
    at: datetime


class NoteKind(StrEnum):
    NOTE = "note"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote down in a meeting, about an item of the agenda or the whole."""

    id: UUID
    kind: NoteKind
    text: str
    item_id: UUID | None
    author: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One save of a lesson plan 教案, in Markdown; `restores`: the version that it brings back."""

    number: int  # from 1
    text: str
    author: str
    saved_at: datetime
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class LessonPlan:
    """`for_session_id`: the dated lesson it is for, if one was chosen."""

    id: UUID
    title: str
    subject: str | None
    for_session_id: UUID | None


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a research session is about; when, who and its state are the session's. `version` counts
    how often it was called otherwise."""

    session_id: UUID
    title: str
    grade: int | None
    plan_id: UUID
    called_by: str
    agenda: tuple[AgendaItem, ...]
    turns: tuple[Turn, ...]  # by time
    notes: tuple[Note, ...]  # by time
    version: int = 1


def has_begun(sending: Iterable[UUID], there: Iterable[UUID]) -> bool:
    """Whether those who are `there` (participants) make a meeting: one sends, another is there."""
    return any(True for _ in sending) and len(set(there)) > 1


def spent(turns: Sequence[Turn], until: datetime) -> dict[UUID, timedelta]:
    """Item → how long it was under discussion in all, up to `until`."""
    found: dict[UUID, timedelta] = {}
    for turn, later in pairwise((*turns, Turn(None, until))):
        if turn.item_id is not None:
            lasted = max(min(later.at, until) - turn.at, timedelta())
            found[turn.item_id] = found.get(turn.item_id, timedelta()) + lasted
    return found


class Change(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text beside another."""

    change: Change
    text: str


def compare(old: str, new: str) -> tuple[Line, ...]:
    """How `new` differs from `old`, line by line: all of both texts, what went before what came.

    It takes a moment whatever the texts are: lines that both have very often are the same only next
    to others that are, and of texts with more lines than anybody reads all between the first change
    and the last has gone and come.
    """
    before, after = old.splitlines(), new.splitlines()
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    found = [Line(Change.SAME, text) for text in before[:head]]
    found += _between(before[head : len(before) - tail], after[head : len(after) - tail])
    return (*found, *(Line(Change.SAME, text) for text in before[len(before) - tail :]))


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _between(before: list[str], after: list[str]) -> Iterator[Line]:
    """How lines differ from others, the first and the last of which are not the same."""
    here, there = Counter(before), Counter(after)
    often = {line for line in here if here[line] * there[line] > _OFTEN**2}
    matcher = difflib.SequenceMatcher(often.__contains__, autojunk=False)
    if len(before) * len(after) <= _MOST_LINES**2:
        matcher.set_seqs(before, after)
        changes = matcher.get_opcodes()
    else:
        changes = [("replace", 0, len(before), 0, len(after))]
    for _, a, b, c, d in changes:
        if before[a:b] == after[c:d]:
            yield from (Line(Change.SAME, text) for text in before[a:b])
            continue
        yield from (Line(Change.REMOVED, text) for text in before[a:b])
        yield from (Line(Change.ADDED, text) for text in after[c:d])


@dataclass(frozen=True, slots=True)
class Attendee:
    """A teacher who was called, and whether and how long they were there."""

    name: str
    school: str
    role: ParticipantRole  # lead: the chair
    status: AttendanceStatus | None  # None: not settled yet
    seconds: int
    intervals: tuple[PresenceInterval, ...] = ()


@dataclass(frozen=True, slots=True)
class Discussed:
    """An item of the agenda and what came of it."""

    item: AgendaItem
    spent: timedelta
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Minutes:
    """The minutes of a meeting: all that a page, a file or a program says of it afterwards.

    `notes` are those about no item; `plan` is the newest version, `versions` all, oldest first;
    `recordings` are those made of it, also such as failed or are deleted.
    """

    title: str
    subject: str
    grade: int | None
    starts_at: datetime  # as planned
    ends_at: datetime
    live_at: datetime | None  # as it was
    closed_at: datetime | None
    zone: str
    attendees: tuple[Attendee, ...]
    agenda: tuple[Discussed, ...]
    notes: tuple[Note, ...]
    plan_title: str
    versions: tuple[PlanVersion, ...]
    recordings: tuple[Recording, ...] = ()

    @property
    def plan(self) -> PlanVersion:
        return self.versions[-1]

    @property
    def decisions(self) -> tuple[Note, ...]:
        """All decisions, by time, whatever item they are about."""
        notes = (*self.notes, *(note for each in self.agenda for note in each.notes))
        found = [note for note in notes if note.kind is NoteKind.DECISION]
        return tuple(sorted(found, key=lambda note: (note.written_at, note.id)))


def discussed(meeting: Meeting, until: datetime) -> tuple[Discussed, ...]:
    """The agenda with the minutes spent and the notes of each item; `until`: the meeting's end."""
    lasted = spent(meeting.turns, until)
    return tuple(
        Discussed(
            item,
            lasted.get(item.id, timedelta()),
            tuple(note for note in meeting.notes if note.item_id == item.id),
        )
        for item in meeting.agenda
    )
