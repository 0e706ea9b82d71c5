"""What a session takes from a receiving class's day (DOMAIN, Time 2)."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, product

from scheduler.board import Board, PlannedLink, grouped, share_weeks
from scheduler.city import City, ShiftDecision, minutes
from scheduler.rules.rule import Limit, Rule, Rules


class ShiftRefused(Rule):
    key = "shift_refused"
    alone = True
    requirement = "No shift that {who} refused"
    sentence = "{who} refused the shift of this lesson on {day} at {time}: {lessons}."
    mend = "Move the lesson to a period whose shift the school accepts, or ask it again."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for link in board.links:
            said = _decision(board.city, link)
            if said is not None and not said.approved:
                yield Limit((link,), 0, link.school_code, link.weeks)


class ShiftNotApproved(Rule):
    key = "shift_not_approved"
    weight = 1
    requirement = "Shifts that {who} has approved"
    sentence = "{who} has not approved the shift of this lesson on {day} at {time}: {lessons}."
    mend = "Ask the school's administrator to approve the shift."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for link in board.links:
            if _is_shifted(board.city, link) and _decision(board.city, link) is None:
                yield Limit((link,), 0, link.school_code, link.weeks)


class DisplacedTooMuch(Rule):
    key = "displaced_too_much"
    alone = True
    requirement = "A lesson displaces at most {limit} periods of {who}"
    sentence = "{lessons} displaces {count} periods of {who} on {day}; {limit} are allowed."
    mend = "Move the lesson to a period whose bells lie closer to the school's own."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        yield from _displacing(board, rules.displaced_periods)


class Displaced(Rule):
    key = "displaced"
    weight = 2
    requirement = "A lesson displaces one period of {who}, not more"
    sentence = "{lessons} displaces {count} periods of {who} on {day}."
    mend = "A period whose bells lie closer to the school's own would displace fewer."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        yield from _displacing(board, 1)


class Lunch(Rule):
    key = "lunch"
    alone = True
    requirement = "{who} has its lunch break"
    sentence = "{who} has less than {note} minutes for lunch on {day}: {lessons}."
    mend = "Move a lesson away from the school's noon break."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for class_id, links in board.by_class.items():
            noon = _noon(board.city, links[0].school_code)
            if noon is None:
                continue
            opens, closes = noon
            touching = [k for k in links if k.starts < closes and k.ends > opens]
            for day in grouped(touching, lambda k: k.weekday).values():
                spans = grouped(day, lambda k: (k.starts, k.ends))
                for eaten in _too_much(opens, closes, sorted(spans), rules.lunch_minutes):
                    for together in product(*(spans[span] for span in eaten)):
                        if all(share_weeks(a.weeks, b.weeks) for a, b in pairwise(together)):
                            yield Limit(
                                together,
                                len(together) - 1,
                                class_id,
                                together[0].weeks,
                                note=str(rules.lunch_minutes),
                            )


def _displacing(board: Board, at_most: int) -> Iterator[Limit]:
    for link in board.links:
        if len(link.displaced) > at_most:
            yield Limit((link,), at_most, link.class_id, link.weeks, loads=(len(link.displaced),))


def _decision(city: City, link: PlannedLink) -> ShiftDecision | None:
    at = link.session
    return city.decision(link.school_code, at.hub_code, at.weekday, at.period)


def _is_shifted(city: City, link: PlannedLink) -> bool:
    """Whether the session is not simply one of the school's own periods."""
    at = link.session
    return not any(
        (minutes(p.starts), minutes(p.ends)) == (at.starts, at.ends)
        for p in city.periods[link.school_code].values()
    )


def _noon(city: City, school_code: str) -> tuple[int, int] | None:
    """The longest gap between two of a school's periods."""
    bells = sorted(city.periods[school_code].values(), key=lambda p: p.starts)
    gaps = [(minutes(a.ends), minutes(b.starts)) for a, b in pairwise(bells)]
    return max(gaps, key=lambda gap: gap[1] - gap[0], default=None)


def _too_much(
    opens: int, closes: int, spans: Sequence[tuple[int, int]], wanted: int
) -> Iterator[tuple[tuple[int, int], ...]]:
    """The smallest sets of spans that leave no unbroken stretch of `wanted` minutes."""
    found: list[set[tuple[int, int]]] = []
    wanted = min(wanted, closes - opens)  # a school with a shorter noon keeps all of it
    for size in range(1, len(spans) + 1):
        for some in combinations(spans, size):
            if not any(smaller <= set(some) for smaller in found) and (
                _longest_rest(opens, closes, some) < wanted
            ):
                found.append(set(some))
                yield some


def _longest_rest(opens: int, closes: int, taken: Sequence[tuple[int, int]]) -> int:
    longest, free_from = 0, opens
    for starts, ends in sorted(taken):
        longest = max(longest, starts - free_from)
        free_from = max(free_from, ends)
    return max(longest, closes - free_from)
