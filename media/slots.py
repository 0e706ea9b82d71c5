"""Who is seen and heard in which slot of a player, decided without renegotiation.

Video: the first slot is the *main picture* (whoever has the floor, else the lead; a screen before a
camera); the others hold everyone else, each where it was before, so that tiles don't jump about.
Audio: the lead and the floor always, then the loudest; a newcomer must be clearly louder than whom
it replaces. A participant never gets itself.
"""

from collections.abc import Sequence

from media.reception import Stream

_CLEARLY = 6.0  # dB: how much louder a newcomer must be
_SILENT = 100.0  # -dBov


class Candidate:
    """A stream that may be shown: who sends it, and how it ranks."""

    __slots__ = ("floor", "lead", "muted", "participant", "screen", "stream")

    def __init__(
        self,
        stream: Stream,
        participant: str,
        *,
        lead: bool,
        floor: bool,
        screen: bool,
        muted: bool,
    ) -> None:
        self.stream = stream
        self.participant = participant
        self.lead = lead
        self.floor = floor
        self.screen = screen
        self.muted = muted


def _rank(candidate: Candidate) -> tuple[bool, bool, bool, int]:
    return (
        not candidate.floor,
        not (candidate.screen and candidate.lead),
        not candidate.lead,
        candidate.stream.key,
    )


def video(candidates: Sequence[Candidate], before: Sequence[Stream | None]) -> list[Stream | None]:
    """What each video slot shows, given what it showed `before` (same length)."""
    ranked = sorted(candidates, key=_rank)
    if not before or not ranked:
        return [None] * len(before)
    main, rest = ranked[0].stream, [c.stream for c in ranked[1 : len(before)]]
    shown: list[Stream | None] = [None] * len(before)
    shown[0] = main
    homeless = []
    for stream in rest:
        try:
            at = before.index(stream, 1)
        except ValueError:
            homeless.append(stream)
        else:
            shown[at] = stream
    free = (at for at in range(1, len(before)) if shown[at] is None)
    for stream, at in zip(homeless, free, strict=False):
        shown[at] = stream
    return shown


def audio(candidates: Sequence[Candidate], before: Sequence[Stream | None]) -> list[Stream | None]:
    """What each audio slot plays, given what it played `before` (same length)."""
    audible = [c for c in candidates if not c.muted]
    pinned = [c.stream for c in sorted(audible, key=_rank) if c.lead or c.floor]
    others = {c.stream.key: c.stream for c in audible if not (c.lead or c.floor)}
    chosen = pinned[: len(before)]
    kept = [s for s in before if s is not None and s.key in others]
    room = len(before) - len(chosen)
    kept = sorted(kept, key=lambda s: s.level)[:room]
    newcomers = sorted(
        (s for s in others.values() if s not in kept), key=lambda s: (s.level, s.key)
    )
    for stream in newcomers:
        if len(kept) < room:
            kept.append(stream)
        elif kept and stream.level < _SILENT and stream.level + _CLEARLY < kept[-1].level:
            kept[-1] = stream
            kept.sort(key=lambda s: s.level)
    chosen += kept
    played: list[Stream | None] = [s if s in chosen else None for s in before]
    homeless = [s for s in chosen if s not in played]
    for at in range(len(played)):
        if played[at] is None and homeless:
            played[at] = homeless.pop(0)
    return played
