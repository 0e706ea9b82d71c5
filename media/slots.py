"""Who is seen and heard in which slot of a player, decided without renegotiation.

Video: the first slot is the *main picture* (whoever has the floor, else the lead; a screen before a
camera); the others hold everyone else, each where it was before, so that tiles don't jump about.
Where nobody leads, as in a meeting, whoever has the floor and every screen come first, and then the
loudest, as many as there are slots.
Audio: the lead and the floor always, then the loudest; a newcomer must be clearly louder than whom
it replaces. A participant never gets itself.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from media.feeds import Feed
from media.specs import Source

_CLEARLY = 6.0  # dB: how much louder a newcomer must be
_SILENT = 100.0  # -dBov


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed that may be shown or played. `level`: how loud its participant is, -dBov."""

    feed: Feed
    level: float
    floor: bool = False
    muted: bool = False

    @property
    def pinned(self) -> bool:
        return self.feed.lead or self.floor


def _rank(candidate: Candidate, led: bool = True) -> tuple[bool, bool, bool, int]:
    feed = candidate.feed
    return (
        not candidate.floor,
        not (feed.shows is Source.SCREEN and (feed.lead or not led)),
        not feed.lead,
        feed.key,
    )


def video(candidates: Sequence[Candidate], before: Sequence[Feed | None]) -> list[Feed | None]:
    """What each video slot shows, given what it showed `before` (same length)."""
    if not before or not candidates:
        return [None] * len(before)
    if any(c.feed.lead for c in candidates):
        ranked = [c.feed for c in sorted(candidates, key=_rank)]
        return _settled(ranked[0], ranked[: len(before)], before)
    first = [c for c in candidates if c.floor or c.feed.shows is Source.SCREEN]
    pinned = [c.feed for c in sorted(first, key=lambda c: _rank(c, led=False))][: len(before)]
    others = [c for c in candidates if c not in first]
    chosen = pinned + _loudest(others, before, len(before) - len(pinned))
    stays = next((f for f in before[:1] if f is not None and f in chosen), chosen[0])
    return _settled(pinned[0] if pinned else stays, chosen, before)


def _settled(
    main: Feed, chosen: Collection[Feed], before: Sequence[Feed | None]
) -> list[Feed | None]:
    """The main picture in the first slot, the others where they were, newcomers where there is
    room."""
    rest = [feed for feed in chosen if feed is not main]
    shown: list[Feed | None] = [main, *(f if f in rest else None for f in before[1:])]
    return _housed([feed for feed in rest if feed not in shown], shown)


def _housed(homeless: list[Feed], places: list[Feed | None]) -> list[Feed | None]:
    """The places, with those who have none in what is free, from the first on."""
    waiting = iter(homeless)
    return [next(waiting, None) if feed is None else feed for feed in places]


def _loudest(
    candidates: Sequence[Candidate], before: Sequence[Feed | None], room: int
) -> list[Feed]:
    """At most `room` feeds, those that are there already first: a newcomer must be clearly louder
    than the quietest of them."""
    kept = [c for feed in before for c in candidates if c.feed is feed]
    kept = sorted(kept, key=lambda c: c.level)[:room]
    newcomers = sorted(
        (c for c in candidates if c not in kept), key=lambda c: (c.level, c.feed.key)
    )
    for each in newcomers:
        if len(kept) < room:
            kept.append(each)
        elif kept and each.level < _SILENT and each.level + _CLEARLY < kept[-1].level:
            kept[-1] = each
            kept.sort(key=lambda c: c.level)
    return [c.feed for c in kept]


def audio(candidates: Sequence[Candidate], before: Sequence[Feed | None]) -> list[Feed | None]:
    """What each audio slot plays, given what it played `before` (same length)."""
    audible = [c for c in candidates if not c.muted]
    chosen = [c.feed for c in sorted(audible, key=_rank) if c.pinned][: len(before)]
    others = [c for c in audible if not c.pinned]
    chosen += _loudest(others, before, len(before) - len(chosen))
    played: list[Feed | None] = [f if f in chosen else None for f in before]
    return _housed([f for f in chosen if f not in played], played)
