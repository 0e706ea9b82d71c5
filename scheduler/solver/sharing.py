"""From chosen links and duties to sessions: which classes share one, and who leads it.

The model has counted both, so there are enough. A class stays with the teacher it had where that
teacher still leads at the time.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scheduler.board import (
    Item,
    PlannedDuty,
    PlannedLink,
    PlannedSession,
    grouped,
    share_weeks,
)
from scheduler.model import Weeks
from scheduler.solver.problem import when

Had = Mapping[tuple[str, str, int, int], str]  # class, subject, weekday, period → its teacher


@dataclass(slots=True)
class Shared:
    """A session with the classes that join it, in odd or even weeks or in all."""

    of: PlannedSession  # one of those
    teacher_id: str = ""
    links: list[PlannedLink] = field(default_factory=list)

    @property
    def weeks(self) -> Weeks:
        """When anybody joins."""
        kinds = {link.weeks for link in self.links}
        return kinds.pop() if len(kinds) == 1 else Weeks.ALL

    def beside(self, link: PlannedLink) -> int:
        """How many join in the weeks of this link."""
        return max(
            sum(share_weeks(other.weeks, weeks) for other in self.links)
            for weeks in (Weeks.ODD, Weeks.EVEN)
            if share_weeks(weeks, link.weeks)
        )


def share(held: Mapping[Item, int], at_most: int, had: Had | None = None) -> list[Shared]:
    """The sessions of a solution with `at_most` classes each, more only where it has too few."""
    had = had or {}
    links = [k for k in held if isinstance(k, PlannedLink) and k.lesson is None]
    found: list[Shared] = []
    for joining in grouped(links, _place).values():
        listed = {s: None for link in joining for s in link.sessions}
        sessions = sorted(listed, key=lambda s: s.weeks is not Weeks.ALL)
        places = [Shared(s) for s in sessions for _ in range(held.get(s, 0))]
        for link in sorted(joining, key=lambda k: (k.weeks is not Weeks.ALL, _at(k) not in had)):
            _seat(link, [p for p in places if p.of in link.sessions], at_most, had)
        found += [place for place in places if place.links]
    leaders = [d for d, n in held.items() for _ in range(n) if isinstance(d, PlannedDuty)]
    duties = grouped(leaders, when)
    for at, together in grouped(found, lambda s: when(s.of)).items():
        _lead(together, [d.teacher_id for d in duties.get(at, ())], had)
    for one in found:
        if one.weeks is not one.of.weeks:  # nobody who needs it in all weeks
            one.of = next(s for s in one.links[0].sessions if s.weeks is one.weeks)
    return found


def used(held: Mapping[Item, int], shared: Iterable[Shared]) -> dict[Item, int]:
    """What of a solution somebody uses: its links, and the sessions that they share."""
    return {
        **{item: n for item, n in held.items() if isinstance(item, PlannedLink)},
        **{item: n for item, n in held.items() if item.lesson is not None},
        **Counter(one.of for one in shared),
    }


def _seat(link: PlannedLink, places: Sequence[Shared], at_most: int, had: Had) -> None:
    """With the teacher the class had, else where others are without such a wish."""
    mine = had.get(_at(link))

    def fit(place: Shared) -> tuple[bool, int, bool]:
        beside = place.beside(link)
        theirs = {had.get(_at(other)) for other in place.links}
        wanted = 0 if mine in theirs else 1 if not theirs else 2
        return beside >= at_most, beside if beside >= at_most else wanted, wanted > 0

    min(places, key=fit).links.append(link)


def _lead(sessions: Iterable[Shared], teachers: Sequence[str], had: Had) -> None:
    free = list(teachers)
    left = []
    for one in sessions:
        wished = [had[_at(link)] for link in one.links if had.get(_at(link)) in free]
        if wished:
            one.teacher_id = max(wished, key=wished.count)
            free.remove(one.teacher_id)
        else:
            left.append(one)
    for one, teacher in zip(left, free, strict=False):  # a leader may be free in the end
        one.teacher_id = teacher
    assert all(one.teacher_id for one in sessions), "a session is held with somebody who leads it"


def _place(link: PlannedLink) -> tuple[str, str, int, int, int]:
    at = link.session
    return at.hub_code, at.subject, at.grade, at.weekday, at.period


def _at(link: PlannedLink) -> tuple[str, str, int, int]:
    return link.class_id, link.subject, link.weekday, link.session.period
