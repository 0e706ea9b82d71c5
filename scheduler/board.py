"""A week laid out: what is planned, or what might be.

The checker lays out a timetable's lessons, the solver every session and link that could come to be.
A rule reads either in the same way, which is why the two cannot disagree.

What is alike is not told apart by the solver: sessions of one subject and grade at one time are a
single item of which there may be several, their teachers are items of their own (`PlannedDuty`),
and a class joins one of them, whichever.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

from scheduler.city import City, Reservation, minutes
from scheduler.model import Lesson, Weeks


@dataclass(frozen=True, slots=True, eq=False)
class PlannedSession:
    """A hub teacher's session in a period of the hub's bells, planned or possible. Of those only
    possible there may be several, and who leads them is for duties to say."""

    teacher_id: str  # "": not settled yet
    subject: str
    grade: int  # of its first class
    hub_code: str
    weekday: int
    period: int
    starts: int  # minutes since midnight
    ends: int
    weeks: Weeks
    interactive: bool = True
    room_id: str | None = None  # None: not named yet
    lesson: Lesson | None = None  # None: only possible


@dataclass(frozen=True, slots=True, eq=False)
class PlannedDuty:
    """A hub teacher who might lead a session of a subject in a period of the hub's bells."""

    teacher_id: str
    subject: str
    hub_code: str
    weekday: int
    period: int
    starts: int
    ends: int
    weeks: Weeks

    @property
    def lesson(self) -> Lesson | None:
        """None: only possible."""
        return None


@dataclass(frozen=True, slots=True, eq=False)
class PlannedLink:
    """A class that joins a session."""

    sessions: tuple[PlannedSession, ...]  # one of these: in odd weeks, of odd or of all weeks
    class_id: str
    school_code: str
    subject: str
    weekday: int
    starts: int  # the class is busy from, by its shift
    ends: int
    displaced: tuple[int, ...]
    weeks: Weeks
    room_id: str | None = None
    assistant_id: str | None = None
    lesson: Lesson | None = None

    @property
    def session(self) -> PlannedSession:
        return self.sessions[0]


Item = PlannedSession | PlannedDuty | PlannedLink


class _InWeeks(Protocol):
    @property
    def weeks(self) -> Weeks: ...


class _Timed(_InWeeks, Protocol):
    @property
    def weekday(self) -> int: ...
    @property
    def starts(self) -> int: ...
    @property
    def ends(self) -> int: ...


W = TypeVar("W", bound=_InWeeks)
T = TypeVar("T", bound=_Timed)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def share_weeks(one: Weeks, other: Weeks) -> bool:
    return Weeks.ALL in (one, other) or one is other


def by_weeks(items: Sequence[W]) -> list[tuple[Weeks, list[W]]]:
    """What meets in one kind of week: all, or odd and even apart where they differ."""
    if all(i.weeks is Weeks.ALL for i in items):
        return [(Weeks.ALL, list(items))]
    odd = [i for i in items if i.weeks is not Weeks.EVEN]
    even = [i for i in items if i.weeks is not Weeks.ODD]
    return [(weeks, found) for weeks, found in ((Weeks.ODD, odd), (Weeks.EVEN, even)) if found]


def crowds(items: Iterable[T]) -> Iterator[tuple[Weeks, list[T]]]:
    """The largest sets of items that are on at one moment, on one day, in one kind of week.

    Those of an interval graph: one may end whenever something ends after something began. Few
    spans occur, as bells are few, so spans are swept, not items.
    """
    for days in grouped(items, lambda i: i.weekday).values():
        for weeks, meeting in by_weeks(days):
            spans = grouped(meeting, lambda i: (i.starts, i.ends))
            on: list[tuple[int, int]] = []
            for span in sorted(spans):
                still = [other for other in on if other[1] > span[0]]
                if len(still) < len(on):
                    yield weeks, [item for some in on for item in spans[some]]
                on = [*still, span]
            if on:
                yield weeks, [item for some in on for item in spans[some]]


def grouped(items: Iterable[V], key: Callable[[V], K]) -> dict[K, list[V]]:
    found: defaultdict[K, list[V]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return dict(found)


@dataclass(frozen=True)
class Board:
    """Sessions and links of one week, planned or possible, with the groups that rules look at."""

    city: City
    sessions: tuple[PlannedSession, ...]
    links: tuple[PlannedLink, ...]
    duties: tuple[PlannedDuty, ...] = ()

    @cached_property
    def led(self) -> tuple[PlannedSession | PlannedDuty, ...]:
        """What is led by a teacher that is known."""
        return (*(s for s in self.sessions if s.teacher_id), *self.duties)

    @cached_property
    def by_teacher(self) -> dict[str, list[Item]]:
        """Teacher → what is led and the links assisted."""
        found: defaultdict[str, list[Item]] = defaultdict(list)
        for led in self.led:
            found[led.teacher_id].append(led)
        for link in self.links:
            if link.assistant_id is not None:
                found[link.assistant_id].append(link)
        return dict(found)

    @cached_property
    def by_class(self) -> dict[str, list[PlannedLink]]:
        return grouped(self.links, lambda link: link.class_id)

    @cached_property
    def by_class_and_subject(self) -> dict[tuple[str, str], list[PlannedLink]]:
        return grouped(self.links, lambda link: (link.class_id, link.subject))

    @cached_property
    def by_room(self) -> dict[str, list[PlannedSession | PlannedLink]]:
        """Named rooms only."""
        items: list[PlannedSession | PlannedLink] = [*self.sessions, *self.links]
        return grouped([i for i in items if i.room_id], lambda item: item.room_id or "")

    @cached_property
    def by_joined(self) -> dict[tuple[PlannedSession, ...], list[PlannedLink]]:
        """Sessions → the links that can join none but these.

        Where every such crowd finds places, every link does (Hall 1935): the sessions of all weeks
        that those of odd weeks may join as well are the only choice there is.
        """
        own = grouped(self.links, lambda link: link.sessions)
        found: dict[tuple[PlannedSession, ...], list[PlannedLink]] = {}
        for joined in own:
            within = [own.get((one,), []) for one in joined] if len(joined) > 1 else []
            found[joined] = [*own[joined], *(link for some in within for link in some)]
        return found

    @cached_property
    def by_hub(self) -> dict[str, list[PlannedSession]]:
        return grouped(self.sessions, lambda session: session.hub_code)

    @cached_property
    def by_school(self) -> dict[str, list[PlannedLink]]:
        return grouped(self.links, lambda link: link.school_code)


def lay_out(city: City, lessons: Iterable[Lesson]) -> Board:
    """A timetable's lessons as a board. Raises bells.NoBells, and KeyError for an unknown id."""
    sessions: list[PlannedSession] = []
    links: list[PlannedLink] = []
    for lesson in lessons:
        period = city.period(lesson.hub_code, lesson.period)
        grades = [city.class_group[r.class_id].grade for r in lesson.receivers]
        session = PlannedSession(
            teacher_id=lesson.lead_teacher_id,
            subject=lesson.subject,
            grade=grades[0] if grades else 0,
            hub_code=lesson.hub_code,
            weekday=lesson.weekday,
            period=lesson.period,
            starts=minutes(period.starts),
            ends=minutes(period.ends),
            weeks=lesson.weeks,
            interactive=lesson.interactive,
            room_id=lesson.lead_room_id,
            lesson=lesson,
        )
        sessions.append(session)
        for receiver in lesson.receivers:
            school = city.class_group[receiver.class_id].school_code
            shift = city.shift(lesson.hub_code, lesson.period, school)
            links.append(
                PlannedLink(
                    sessions=(session,),
                    class_id=receiver.class_id,
                    school_code=school,
                    subject=lesson.subject,
                    weekday=lesson.weekday,
                    starts=shift.starts,
                    ends=shift.ends,
                    displaced=shift.displaced,
                    weeks=lesson.weeks,
                    room_id=receiver.room_id,
                    assistant_id=receiver.assistant_id,
                    lesson=lesson,
                )
            )
    return Board(city, tuple(sessions), tuple(links))


def reservations(city: City, lessons: Iterable[Lesson], what: str) -> tuple[Reservation, ...]:
    """What lessons of another timetable take, so that this one is checked against it. `what` names
    that timetable in conflicts. Raises as `lay_out` does."""
    board = lay_out(city, lessons)
    taken: list[tuple[str | None, Item]] = []
    for session in board.sessions:
        taken += [(session.teacher_id, session), (session.room_id, session)]
    for link in board.links:
        taken += [(link.class_id, link), (link.room_id, link), (link.assistant_id, link)]
    return tuple(
        Reservation(who, item.weekday, item.starts, item.ends, item.weeks, what)
        for who, item in taken
        if who is not None
    )
