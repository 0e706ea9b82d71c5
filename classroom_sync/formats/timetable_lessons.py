"""From the words of an entry to lessons: who and what is meant, or why it can't be told.

A word is a subject, a class, a room or a teacher of the city, or a mark; a second subject begins a
second lesson in the same period (odd and even weeks in one cell). What the words leave out the
sheet's title may give. A room or teacher of a receiving school that follows a class goes with that
class. Nothing is guessed: a name that may mean two is a problem that says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID, uuid5

from classroom_sync.formats.entries import Entry, Token
from classroom_sync.formats.marks import Marks, split_marks, written
from classroom_sync.formats.sentences import Place, Problem, Sentence
from classroom_sync.formats.vocabulary import Vocabulary, looks_like
from scheduler.model import (
    ClassGroup,
    Lesson,
    Receiver,
    Room,
    RoomKind,
    SchoolRole,
    Subject,
    Teacher,
    Weeks,
)

_IDS = UUID("6f1c2c0e-6a5e-4f0e-9d57-0c7a5f3a6b11")  # namespace: the same ids every time
_BROADCAST_FROM = 4  # DOMAIN 4: more than three receiving rooms is broadcast
_T = TypeVar("_T", Room, Teacher, ClassGroup)


@dataclass(frozen=True, slots=True)
class Listener:
    """A class that listens; room and assistant where the file names them."""

    group: ClassGroup
    room_id: str | None
    assistant_id: str | None


@dataclass(frozen=True, slots=True)
class Understood:
    """A lesson as the file has it. Receivers whose room the file does not name are in `listeners`
    only, until a room is proposed."""

    lesson: Lesson
    place: Place
    listeners: tuple[Listener, ...]


@dataclass
class _Words:
    """What was found for one lesson so far; each word with its token."""

    marks: Marks = field(default_factory=Marks)
    subject: Subject | None = None
    teachers: list[tuple[Token, list[Teacher]]] = field(default_factory=list)
    rooms: list[tuple[Token, list[Room]]] = field(default_factory=list)
    classes: list[tuple[Token, list[ClassGroup]]] = field(default_factory=list)
    with_class: list[tuple[list[Room], list[Teacher]]] = field(default_factory=list)


def understand(
    entry: Entry, vocabulary: Vocabulary
) -> tuple[list[Understood], list[Problem], list[Problem]]:
    """The lessons of an entry, what was not understood, and what was understood but is not kept.

    An entry with any problem gives no lesson: half a cell is not what its writer meant.
    """
    problems: list[Problem] = []
    notes: list[Problem] = []
    words = _lessons(entry, vocabulary, problems)
    if problems:  # a name that is not known leaves its place empty: once is enough to say so
        return [], problems, notes
    lessons = []
    for number, found in enumerate(words):
        understood = _Placing(entry, found, vocabulary, problems, notes).understood(number)
        if understood is not None:
            lessons.append(understood)
    return ([] if problems else lessons), problems, notes


def _lessons(entry: Entry, vocabulary: Vocabulary, problems: list[Problem]) -> list[_Words]:
    found = [_Words()]
    waiting = Marks()  # marks that stand before the subject they are about
    tokens = list(_known(entry.tokens, vocabulary))
    for token in tokens:
        marks, text = split_marks(token.text)
        current = found[-1]
        if not text:
            if current.marks and marks and current.classes:
                waiting |= marks
            else:
                current.marks |= marks
            continue
        if subjects := vocabulary.subjects(text):
            if current.subject is not None:
                current = _Words()
                found.append(current)
            current.subject = subjects[0]
            current.marks |= waiting
            waiting = Marks()
        elif classes := vocabulary.classes(text):
            current.classes.append((token, classes))
            current.with_class.append(([], []))
        elif rooms := vocabulary.rooms(text):
            _room_found(current, token, rooms)
        elif teachers := vocabulary.teachers(text):
            _teacher_found(current, token, teachers)
        else:
            problems.append(_unknown(Token(text, token.place)))
        current.marks |= marks
    return found


def _known(tokens: tuple[Token, ...], vocabulary: Vocabulary) -> Iterator[Token]:
    """Tokens, taken apart where they are not known as a whole but their parts are."""
    before = ""
    for token in tokens:
        marks, text = split_marks(token.text)
        if not text or vocabulary.knows(text):
            yield token
            before = text or before
            continue
        parts = vocabulary.parts(text, before)
        if not parts:
            yield token
            continue
        if marks:
            yield Token(written(marks), token.place)
        yield from (Token(part, token.place) for part in parts)
        before = parts[-1]


def _room_found(current: _Words, token: Token, rooms: list[Room]) -> None:
    if current.classes:
        schools = {group.school_code for group in current.classes[-1][1]}
        theirs = [r for r in rooms if r.school_code in schools]
        if theirs and not current.with_class[-1][0]:
            current.with_class[-1][0].extend(theirs)
            return
    current.rooms.append((token, rooms))


def _teacher_found(current: _Words, token: Token, teachers: list[Teacher]) -> None:
    if current.classes:
        schools = {group.school_code for group in current.classes[-1][1]}
        theirs = [t for t in teachers if t.school_code in schools]
        if theirs and not current.with_class[-1][1]:
            current.with_class[-1][1].extend(theirs)
            return
    current.teachers.append((token, teachers))


class _Placing:
    """One lesson's words, put together."""

    def __init__(
        self,
        entry: Entry,
        words: _Words,
        vocabulary: Vocabulary,
        problems: list[Problem],
        notes: list[Problem],
    ) -> None:
        self._entry = entry
        self._words = words
        self._vocabulary = vocabulary
        self._problems = problems
        self._notes = notes
        self._whose = [whose for title in entry.titles if (whose := vocabulary.whose(title))]

    def understood(self, number: int) -> Understood | None:
        before = len(self._problems)
        if self._words.subject is None:
            self._say(_NO_SUBJECT)
        pair = self._lead()
        listeners = self._listeners()
        if pair is None or self._words.subject is None or len(self._problems) > before:
            return None
        teacher, room = pair
        marks, entry = self._words.marks, self._entry
        interactive = marks.interactive
        receivers = tuple(
            Receiver(each.room_id, each.group.id, each.assistant_id)
            for each in listeners
            if each.room_id is not None
        )
        lesson = Lesson(
            id=uuid5(_IDS, f"{entry.place.sheet}!{entry.place.cell} {number} {entry.period}"),
            weekday=entry.weekday,
            period=entry.period,
            weeks=marks.weeks or Weeks.ALL,
            subject=self._words.subject.slug,
            lead_teacher_id=teacher.id,
            lead_room_id=room.id,
            hub_code=room.school_code,
            interactive=len(listeners) < _BROADCAST_FROM if interactive is None else interactive,
            receivers=receivers,
            week_from=marks.week_from,
            week_until=marks.week_until,
        )
        if lesson.week_from and lesson.week_until and lesson.week_from > lesson.week_until:
            self._say(_WEEKS_BACKWARDS)
            return None
        return Understood(lesson, entry.place, tuple(listeners))

    def _say(self, told: tuple[Sentence, Sentence], at: Token | None = None) -> None:
        text = at.text if at else "\n".join(token.text for token in self._entry.tokens)
        self._problems.append(Problem(at.place if at else self._entry.place, text, *told))

    def _lead(self) -> tuple[Teacher, Room] | None:
        """The lead teacher and room: both of one hub, from the words or the title."""
        hubs = {s.code for s in self._vocabulary.names.schools if s.role is SchoolRole.HUB}
        teachers = self._of_one(self._words.teachers, Teacher)
        rooms = self._of_one(self._words.rooms, Room)
        if teachers is None or rooms is None:
            return None
        if not teachers[1]:
            self._say(_NO_TEACHER)
            return None
        if not rooms[1]:
            self._say(_NO_ROOM)
            return None
        pairs = [
            (teacher, room)
            for teacher in teachers[1]
            for room in rooms[1]
            if teacher.school_code == room.school_code and room.school_code in hubs
        ]
        leading = [p for p in pairs if p[0].role == "lead" and p[1].kind is RoomKind.LEAD]
        if len(leading) == 1:
            return leading[0]
        if not leading:
            self._say(_NOT_ONE_SCHOOL, teachers[0] or rooms[0])
        elif len({teacher.id for teacher, _ in leading}) > 1:
            self._say(_SEVERAL, teachers[0])
        else:
            self._say(_SEVERAL, rooms[0])
        return None

    def _of_one(
        self, words: list[tuple[Token, list[_T]]], kind: type[_T]
    ) -> tuple[Token | None, list[_T]] | None:
        """The word of a kind and what it may mean, else what the title says; None: two words."""
        if len(words) > 1:
            self._say(_TOO_MANY, words[1][0])
            return None
        if words:
            return words[0]
        return None, self._by_title(kind)

    def _by_title(self, kind: type[_T]) -> list[_T]:
        """What the title nearest to the lesson says of a kind; all that it may mean."""
        said = [[w for w in whose if isinstance(w, kind)] for whose in self._whose]
        return next((found for found in reversed(said) if found), [])

    def _listeners(self) -> list[Listener]:
        words: list[tuple[Token | None, list[ClassGroup]]] = list(self._words.classes)
        with_class = self._words.with_class
        if not words:
            by_title = self._by_title(ClassGroup)
            words, with_class = ([(None, by_title)], [([], [])]) if by_title else ([], [])
        if not words:
            self._say(_NO_CLASS)
        found: list[Listener] = []
        for (token, groups), (rooms, people) in zip(words, with_class, strict=True):
            group = self._one_class(token, groups, rooms)
            if group is None:
                continue
            if any(each.group.id == group.id for each in found):
                self._say(_TWICE, token)
                continue
            own_rooms = [r for r in rooms if r.school_code == group.school_code]
            own_people = [t for t in people if t.school_code == group.school_code]
            if len(own_people) > 1:
                self._say(_SEVERAL, token)
                continue
            found.append(
                Listener(
                    group,
                    own_rooms[0].id if own_rooms else None,
                    own_people[0].id if own_people else None,
                )
            )
        return found

    def _one_class(
        self, token: Token | None, groups: list[ClassGroup], rooms: list[Room]
    ) -> ClassGroup | None:
        roles = {s.code: s.role for s in self._vocabulary.names.schools}
        listening = [g for g in groups if roles[g.school_code] is SchoolRole.RECEIVING]
        if not listening and token is not None:
            self._notes.append(Problem(token.place, token.text, *_HUB_CLASS))
            return None
        if len(listening) > 1 and rooms:
            schools = {room.school_code for room in rooms}
            listening = [g for g in listening if g.school_code in schools] or listening
        if len(listening) > 1:
            self._say(_SEVERAL, token)
            return None
        return listening[0] if listening else None


def _unknown(token: Token) -> Problem:
    return Problem(token.place, token.text, *_UNKNOWN[looks_like(token.text)])


_CHECK = Sentence("Correct the name, or enter it in the registers first.")
_UNKNOWN = {
    "class": (Sentence("No class has this name."), _CHECK),
    "room": (Sentence("No room has this name."), _CHECK),
    "teacher": (Sentence("No teacher has this name."), _CHECK),
    "subject": (Sentence("This is no subject, class, room or teacher of the city."), _CHECK),
}
_NO_SUBJECT = (
    Sentence("No subject is named."),
    Sentence("Write the subject first, then the teacher, then the classes."),
)
_NO_TEACHER = (
    Sentence("No lead teacher is named."),
    Sentence("Write the lead teacher's name below the subject."),
)
_NO_ROOM = (
    Sentence("No lead room is named, and the sheet's title names none."),
    Sentence("Write the lead room in the cell, or name the sheet after it."),
)
_NO_CLASS = (
    Sentence("No class that listens is named."),
    Sentence("Write the receiving classes below the teacher, separated by 、."),
)
_NOT_ONE_SCHOOL = (
    Sentence("Teacher and room are not a lead teacher and a lead room of one hub school."),
    Sentence("Check both names; the registers say who leads and which rooms are lead rooms."),
)
_SEVERAL = (
    Sentence("The name may mean more than one."),
    Sentence("Write the school's short name before it, or use its id."),
)
_TOO_MANY = (
    Sentence("There is a second teacher or room for one lesson."),
    Sentence("Keep the one who leads; write the other after its class if it is with that class."),
)
_TWICE = (
    Sentence("The class is named twice."),
    Sentence("Name each class once."),
)
_WEEKS_BACKWARDS = (
    Sentence("The range of weeks ends before it begins."),
    Sentence("Write the earlier week first, such as 3-10周."),
)
_HUB_CLASS = (
    Sentence("The class is of the hub school: it sits in the lead room and is not kept."),
    Sentence("Nothing needs to be done."),
)
