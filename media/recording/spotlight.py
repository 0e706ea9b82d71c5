"""Whom a recording shows and plays where nobody leads, as in a meeting.

The picture is a plain player's main one (media/slots.py): whoever has the floor, else who speaks;
it stays for a moment, so that it does not jump. Sound is that of the loudest whoever has the floor,
and follows at once, so that a short question is heard. A shared screen has a file of its own, and
takes no picture's place: of several whoever has the floor, else the first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from media import slots
from media.feeds import Feed
from media.slots import Candidate
from media.specs import Kind, Source

_STAYS = 1.0  # seconds for which a picture stays at least

Place = tuple[Source, Kind]  # a file's picture, or its sound


@dataclass(slots=True)
class Spotlight:
    """`choose` with each tick; `shown` is who is in it now."""

    shown: dict[Place, Feed] = field(default_factory=dict)
    _looked_at: float = float("-inf")

    def choose(
        self, pictures: Iterable[Candidate], sounds: Iterable[Candidate], now: float
    ) -> None:
        """Decide anew, of everybody who sends something."""
        cameras, screens = _by_source(pictures)
        voices, tunes = _by_source(replace(each, floor=False) for each in sounds)
        current = self.shown.get((Source.CAMERA, Kind.VIDEO))
        if now - self._looked_at >= _STAYS or all(c.feed is not current for c in cameras):
            self._looked_at = now
            self._put((Source.CAMERA, Kind.VIDEO), slots.video(cameras, [current]))
        played = self.shown.get((Source.CAMERA, Kind.AUDIO))
        self._put((Source.CAMERA, Kind.AUDIO), slots.audio(voices, [played]))
        screen = self.shown.get((Source.SCREEN, Kind.VIDEO))
        self._put((Source.SCREEN, Kind.VIDEO), slots.video(screens, [screen]))
        screen = self.shown.get((Source.SCREEN, Kind.VIDEO))
        of_it = [c for c in tunes if screen is not None and c.feed.publisher == screen.publisher]
        self._put((Source.SCREEN, Kind.AUDIO), slots.audio(of_it, [None]))

    def holds(self, feed: Feed) -> bool:
        """Whether this is a picture that is recorded now."""
        return any(shown is feed for shown in self.shown.values())

    def __iter__(self) -> Iterator[tuple[Place, Feed]]:
        return iter(self.shown.items())

    def _put(self, place: Place, chosen: Sequence[Feed | None]) -> None:
        if chosen[0] is None:
            self.shown.pop(place, None)
        else:
            self.shown[place] = chosen[0]


def _by_source(found: Iterable[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Those that a camera or microphone sends, and those of shared screens."""
    cameras: list[Candidate] = []
    screens: list[Candidate] = []
    for each in found:
        (screens if each.feed.shows is Source.SCREEN else cameras).append(each)
    return cameras, screens
