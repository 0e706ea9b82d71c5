"""From shared sessions to lessons with named rooms and assistants.

The model has counted rooms, so there is always one: in order of time, a room that is free suffices
(the conflicts of intervals on a line). Where odd and even weeks differ, a lesson of all weeks may
find each week a room but none in both; it then becomes one lesson of odd and one of even weeks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from scheduler.board import PlannedSession, share_weeks
from scheduler.city import City, minutes
from scheduler.model import BusyTime, Lesson, Receiver, RoomKind, Weeks
from scheduler.rules.rule import Rules
from scheduler.solver.sharing import Shared

_IDS = UUID("0f1d8a52-7a0b-4a8e-9d0e-5b8f5a1c7e33")  # namespace: the same lesson, the same id


@dataclass(frozen=True, slots=True)
class _Joining:
    class_id: str
    school: str
    starts: int
    ends: int


@dataclass(frozen=True, slots=True)
class _Unnamed:
    """A lesson without its rooms."""

    at: PlannedSession
    teacher_id: str
    weeks: Weeks
    joining: tuple[_Joining, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """The room or person that somebody had, by who it is and when: kept where it is free."""

    who: str  # class or lead teacher
    weekday: int
    period: int
    is_kept: str  # id of the room, or of the assistant


def name(
    city: City,
    rules: Rules,
    sessions: Iterable[Shared],
    locked: Sequence[Lesson] = (),
    wishes: Iterable[Wish] = (),
) -> tuple[Lesson, ...] | None:
    """The lessons of a solution, the locked ones as they were, in order of time.

    None when the rooms that locked lessons keep leave one without: only possible where the model
    did not know their names.
    """
    unnamed = sorted(
        (lesson for session in sessions for lesson in _lessons(session)),
        key=lambda u: (u.at.weekday, u.at.starts, u.teacher_id, u.weeks),
    )
    wished = {(w.who, w.weekday, w.period): w.is_kept for w in wishes}
    while True:
        places = _Places(city, locked, wished)
        named: list[Lesson] = []
        for lesson in unnamed:
            found = places.lesson(lesson, rules)
            if found is None:
                break
            named.append(found)
        if len(named) == len(unnamed):
            return tuple(sorted((*locked, *named), key=_order))
        stuck = unnamed[len(named)]
        if stuck.weeks is not Weeks.ALL:
            return None
        halves = [replace(stuck, weeks=weeks) for weeks in (Weeks.ODD, Weeks.EVEN)]
        unnamed[len(named) : len(named) + 1] = halves


def _lessons(session: Shared) -> Iterator[_Unnamed]:
    """Odd and even weeks as one where the same classes join."""
    odd, even = (
        tuple(
            sorted(
                (
                    _Joining(k.class_id, k.school_code, k.starts, k.ends)
                    for k in session.links
                    if share_weeks(k.weeks, weeks)
                ),
                key=lambda j: j.class_id,
            )
        )
        for weeks in (Weeks.ODD, Weeks.EVEN)
    )
    if odd == even:
        yield _Unnamed(session.of, session.teacher_id, Weeks.ALL, odd)
        return
    for weeks, joining in ((Weeks.ODD, odd), (Weeks.EVEN, even)):
        if joining:
            yield _Unnamed(session.of, session.teacher_id, weeks, joining)


def _order(lesson: Lesson) -> tuple[int, int, str, str, Weeks]:
    return lesson.weekday, lesson.period, lesson.hub_code, lesson.lead_room_id, lesson.weeks


class _Places:
    """Who and what is taken when, as lessons are named one after the other."""

    def __init__(
        self, city: City, locked: Sequence[Lesson], wished: dict[tuple[str, int, int], str]
    ) -> None:
        self._city = city
        self._wished = wished
        self._taken: defaultdict[str, list[tuple[int, int, int, Weeks]]] = defaultdict(list)
        self._a_day: Counter[tuple[str, int, Weeks]] = Counter()
        self._usual: dict[str, str] = {}  # class → room it was given last
        for lesson in locked:
            self._take_locked(lesson)
        for taken in city.reservations:
            self._take(taken.who, taken.weekday, taken.starts, taken.ends, taken.weeks)

    def lesson(self, of: _Unnamed, rules: Rules) -> Lesson | None:
        """The lesson with its rooms, which are then taken; None when one is missing."""
        at, city = of.at, self._city
        rooms = [r.id for r in city.accepted_rooms.get((at.hub_code, RoomKind.LEAD), ())]
        wish = self._wished.get((of.teacher_id, at.weekday, at.period))
        lead = self._free(rooms, wish, at.weekday, at.starts, at.ends, of.weeks)
        if lead is None:
            return None
        given: list[tuple[_Joining, str]] = []
        for joining in of.joining:
            kept = self._wished.get((joining.class_id, at.weekday, at.period))
            beside = {room for _, room in given}
            own = [
                r.id
                for r in city.accepted_rooms.get((joining.school, RoomKind.INTERACTIVE), ())
                if r.id not in beside
            ]
            room = self._free(
                own,
                kept or self._usual.get(joining.class_id),
                at.weekday,
                joining.starts,
                joining.ends,
                of.weeks,
            )
            if room is None:
                return None
            given.append((joining, room))
        self._take(lead, at.weekday, at.starts, at.ends, of.weeks)
        receivers = []
        for joining, room in given:
            self._take(room, at.weekday, joining.starts, joining.ends, of.weeks)
            self._usual[joining.class_id] = room
            receivers.append(Receiver(room, joining.class_id, self._assistant(of, joining)))
        return Lesson(
            id=uuid5(
                _IDS,
                f"{of.teacher_id}/{at.subject}/{at.grade}/{at.weekday}/{at.period}/{of.weeks}",
            ),
            weekday=at.weekday,
            period=at.period,
            weeks=of.weeks,
            subject=at.subject,
            lead_teacher_id=of.teacher_id,
            lead_room_id=lead,
            hub_code=at.hub_code,
            interactive=len(receivers) <= rules.interactive_receivers,
            receivers=tuple(receivers),
        )

    def _assistant(self, of: _Unnamed, joining: _Joining) -> str | None:
        """An assistant of the school who is free and may have another lesson that day."""
        weekday = of.at.weekday
        kinds = (Weeks.ODD, Weeks.EVEN) if of.weeks is Weeks.ALL else (of.weeks,)
        able = [
            t
            for t in self._city.teachers
            if t.school_code == joining.school
            and t.role == "assistant"
            and t.retired_on is None
            and all(self._a_day[t.id, weekday, w] < t.max_lessons_per_day for w in kinds)
            and not any(self._meets(joining, weekday, b) for b in self._city.busy_of.get(t.id, ()))
        ]
        able.sort(
            key=lambda t: sum(self._a_day[t.id, day, w] for day in range(1, 8) for w in kinds)
        )
        wish = self._wished.get((f"{joining.class_id}/assistant", weekday, of.at.period))
        found = self._free(
            [t.id for t in able], wish, weekday, joining.starts, joining.ends, of.weeks
        )
        if found is not None:
            self._take(found, weekday, joining.starts, joining.ends, of.weeks)
            for kind in kinds:
                self._a_day[found, weekday, kind] += 1
        return found

    def _meets(self, joining: _Joining, weekday: int, busy: BusyTime) -> bool:
        bell = self._city.periods[joining.school].get(busy.period)
        return (
            bell is not None
            and busy.weekday == weekday
            and minutes(bell.starts) < joining.ends
            and joining.starts < minutes(bell.ends)
        )

    def _free(
        self,
        among: Sequence[str],
        wish: str | None,
        weekday: int,
        starts: int,
        ends: int,
        weeks: Weeks,
    ) -> str | None:
        free = [
            who
            for who in among
            if not any(
                day == weekday and since < ends and starts < until and share_weeks(weeks, others)
                for day, since, until, others in self._taken[who]
            )
        ]
        return wish if wish in free else free[0] if free else None

    def _take(self, who: str, weekday: int, starts: int, ends: int, weeks: Weeks) -> None:
        self._taken[who].append((weekday, starts, ends, weeks))

    def _take_locked(self, lesson: Lesson) -> None:
        bell = self._city.period(lesson.hub_code, lesson.period)
        self._take(
            lesson.lead_room_id,
            lesson.weekday,
            minutes(bell.starts),
            minutes(bell.ends),
            lesson.weeks,
        )
        for receiver in lesson.receivers:
            school = self._city.class_group[receiver.class_id].school_code
            shift = self._city.shift(lesson.hub_code, lesson.period, school)
            for who in filter(None, (receiver.room_id, receiver.assistant_id)):
                self._take(who, lesson.weekday, shift.starts, shift.ends, lesson.weeks)
            for kind in (Weeks.ODD, Weeks.EVEN):
                if receiver.assistant_id and share_weeks(kind, lesson.weeks):
                    self._a_day[receiver.assistant_id, lesson.weekday, kind] += 1
