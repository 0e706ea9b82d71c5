"""Who is seen and heard in which slot of a player, decided without renegotiation.

Video: the first slot is the *main picture* (whoever has the floor, else the lead; a screen before a
camera); the others hold everyone else, each where it was before, so that tiles don't jump about.
Audio: the lead and the floor always, then the loudest; a newcomer must be clearly louder than whom
it replaces. A participant never gets itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from media.feeds import Feed
from media.specs import Source

_CLEARLY = 6.0  # dB: how much louder a newcomer must be
_SILENT = 100.0  # -dBov


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed that may be shown or played."""

    feed: Feed
    floor: bool = False
    muted: bool = False

    @property
    def pinned(self) -> bool:
        return self.feed.lead or self.floor


def _rank(candidate: Candidate) -> tuple[bool, bool, bool, int]:
    feed = candidate.feed
    return (
        not candidate.floor,
        not (feed.shows is Source.SCREEN and feed.lead),
        not feed.lead,
        feed.key,
    )


def video(candidates: Sequence[Candidate], before: Sequence[Feed | None]) -> list[Feed | None]:
    """What each video slot shows, given what it showed `before` (same length)."""
    ranked = sorted(candidates, key=_rank)
    if not before or not ranked:
        return [None] * len(before)
    main, rest = ranked[0].feed, [c.feed for c in ranked[1 : len(before)]]
    shown: list[Feed | None] = [None] * len(before)
    shown[0] = main
    homeless = []
    for feed in rest:
        try:
            at = before.index(feed, 1)
        except ValueError:
            homeless.append(feed)
        else:
            shown[at] = feed
    free = (at for at in range(1, len(before)) if shown[at] is None)
    for feed, at in zip(homeless, free, strict=False):
        shown[at] = feed
    return shown


def audio(candidates: Sequence[Candidate], before: Sequence[Feed | None]) -> list[Feed | None]:
    """What each audio slot plays, given what it played `before` (same length)."""
    audible = [c for c in candidates if not c.muted]
    pinned = [c.feed for c in sorted(audible, key=_rank) if c.pinned]
    others = {c.feed.key: c.feed for c in audible if not c.pinned}
    chosen = pinned[: len(before)]
    kept = [f for f in before if f is not None and f.key in others]
    room = len(before) - len(chosen)
    kept = sorted(kept, key=lambda f: f.level)[:room]
    newcomers = sorted(
        (f for f in others.values() if f not in kept), key=lambda f: (f.level, f.key)
    )
    for feed in newcomers:
        if len(kept) < room:
            kept.append(feed)
        elif kept and feed.level < _SILENT and feed.level + _CLEARLY < kept[-1].level:
            kept[-1] = feed
            kept.sort(key=lambda f: f.level)
    chosen += kept
    played: list[Feed | None] = [f if f in chosen else None for f in before]
    homeless = [f for f in chosen if f not in played]
    for at in range(len(played)):
        if played[at] is None and homeless:
            played[at] = homeless.pop(0)
    return played
