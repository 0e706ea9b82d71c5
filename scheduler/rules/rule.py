"""What a rule is: limits on what may be planned together, and the words for breaking them.

A rule reads a `Board` and yields limits: *of these items at most so many*. The checker lays out a
timetable and looks which limits are passed; the solver lays out everything possible and adds each
limit to its model. Hard limits must hold; what passes a soft one costs the rule's weight.

Costs count a fortnight: what is passed in every week counts twice, in odd or even weeks only, once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from scheduler.board import Board, Item, PlannedSession
from scheduler.model import Weeks

HARD: Final = None  # a weight: the rule must hold
OFF: Final = 0  # a weight: the rule does not matter


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers and weights a timetable is judged by; defaults of DOMAIN (assumed there).

    `weights` overrides a rule's own: HARD, OFF, or what one unit too many costs.
    """

    version: str = "2026-1"
    interactive_receivers: int = 3  # more is broadcast (DOMAIN, Time 4)
    receivers: int = 3  # the most of any session; above `interactive_receivers` allows broadcast
    class_lessons_a_day: int = 3
    displaced_periods: int = 2  # of a class, by one session
    lunch_minutes: int = 40  # unbroken, within the school's longest gap between two periods
    lead_mbit: int = 20  # of a school's uplink, for each session led
    receiving_mbit: int = 10  # and for each interactive link
    weights: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """Of `items` at most `at_most`, each counting one, or its load."""

    items: Sequence[Item]
    at_most: int
    about: str  # id of the teacher, class, room or school that is protected
    weeks: Weeks = Weeks.ALL
    loads: Sequence[int] | None = None
    note: str = ""  # why, where the data say so
    given: tuple[PlannedSession, ...] = ()  # the items join these: `at_most` to each of them
    beyond: "tuple[Limit, ...]" = ()  # what these count as too many is not counted again

    def passed_by(self, load: int, given: int = 1) -> int:
        """Units too many; for soft rules, what costs. `given` sessions are held of its own."""
        return max(0, load - self.at_most * (given if self.given else 1))

    @property
    def whole_load(self) -> int:
        return len(self.items) if self.loads is None else sum(self.loads)

    def weighed(self) -> Iterator[tuple[Item, int]]:
        """Each item with its load."""
        return zip(self.items, self.loads or [1] * len(self.items), strict=True)


class Rule:
    """One rule: its words, its weight, and its limits.

    The sentences may use {who} (the name of `about`), {day}, {time}, {count} and {limit} (the load
    and what is allowed of it), {note}, and {lessons}.
    """

    key: ClassVar[str]
    weight: ClassVar[int | None] = HARD
    requirement: ClassVar[str]  # what it asks, as a setting and in an explanation
    sentence: ClassVar[str]  # what is wrong
    mend: ClassVar[str]  # what would help
    tells: ClassVar[bool] = True  # False: it only adds to the score, nothing is wrong
    alone: ClassVar[bool] = False  # its limits can forbid one item: such need not be listed
    by_demand: ClassVar[bool] = False  # the solver's demands keep it already

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        raise NotImplementedError

    def weight_in(self, rules: Rules) -> int | None:
        return rules.weights.get(self.key, self.weight)
