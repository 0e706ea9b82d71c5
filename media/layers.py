"""Which layer of each feed a player gets, within what its path carries.

The budget is spent in *steps*: first the lowest layer of every slot, the largest picture's first,
so that all have a picture before any has a better one; then, in the order of importance, one layer
up at a time, never to a layer larger than what covers the shown size. What doesn't fit is passed
over.

A choice that no longer fits is lowered at once. It is raised only with a margin, not before a
pause has passed since it was last lowered; the pause doubles while raises prove too bold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MARGIN = 1.15  # budget over need, for a step up
_COVERS = 0.9  # of the shown width: a layer this wide is wide enough
_PAUSE = 3.0  # seconds from a step down to the next step up
_LONGEST_PAUSE = 48.0
_RELIT_AFTER = 1 / 3  # of that pause, until a dark slot may be lit
_BOLD = 10.0  # seconds within which a step down shows that the step up was too bold


class Layer(NamedTuple):
    """One encoding of a feed: `bitrate` in bits/s (0: it isn't flowing now and can't be chosen),
    `width` in pixels (0: unknown)."""

    key: int
    bitrate: float
    width: int


@dataclass(frozen=True, slots=True)
class Ask:
    """What one slot would show: `layers` from low to high (none: nothing to show), the `width` it
    is shown at in pixels (0: unknown), its `priority` (lowest is served first; 0 is the
    largest picture's), and `current`, the key last chosen for it."""

    layers: tuple[Layer, ...]
    width: int = 0
    priority: int = 0
    current: int | None = None


class _Step(NamedTuple):
    """To raise `slot` from one level below to `level`, which costs `more`; sorts by precedence."""

    raises: bool  # False: it gives the slot its lowest layer
    priority: int
    level: int
    slot: int
    more: float


def _useful(ask: Ask) -> list[Layer]:
    """The layers that flow, up to the first that covers the width shown."""
    useful: list[Layer] = []
    for layer in ask.layers:
        if layer.bitrate > 0:
            useful.append(layer)
            if ask.width and layer.width >= ask.width * _COVERS:
                break
    return useful


def _steps(useful: Sequence[Sequence[Layer]], asks: Sequence[Ask]) -> list[_Step]:
    steps = []
    for slot, (layers, ask) in enumerate(zip(useful, asks, strict=True)):
        below = 0.0
        for level, layer in enumerate(layers):
            steps.append(_Step(level > 0, ask.priority, level, slot, layer.bitrate - below))
            below = layer.bitrate
    return sorted(steps)


def _levels(useful: Sequence[Sequence[Layer]], asks: Sequence[Ask]) -> list[int]:
    """Level of each slot's current layer, -1 for none; one that is no longer useful counts as the
    best that is below it (or the lowest)."""
    levels = []
    for layers, ask in zip(useful, asks, strict=True):
        at = next((at for at, layer in enumerate(ask.layers) if layer.key == ask.current), None)
        if at is None or not layers:
            levels.append(-1)
        else:
            levels.append(max(0, sum(layer in layers for layer in ask.layers[: at + 1]) - 1))
    return levels


def _fill(steps: Sequence[_Step], budget: float, limits: Sequence[int]) -> list[int]:
    """The levels that `budget` buys, none above its limit."""
    levels = [-1] * len(limits)
    left = budget
    for _, _, level, slot, more in steps:
        if levels[slot] == level - 1 and level <= limits[slot] and more <= left:
            levels[slot] = level
            left -= more
    return levels


def _cost(useful: Sequence[Sequence[Layer]], levels: Sequence[int]) -> float:
    return sum(
        layers[level].bitrate for layers, level in zip(useful, levels, strict=True) if level >= 0
    )


def _worth(steps: Sequence[_Step], levels: Sequence[int]) -> list[bool]:
    """Which steps are taken, by precedence: the greater list is the better choice."""
    return [levels[step.slot] >= step.level for step in steps]


def next_wanted(asks: Sequence[Ask]) -> float:
    """The budget, in bits/s, with which `Chooser.choose` would take the next step up from what is
    current; 0 when there is none to take."""
    useful = [_useful(ask) for ask in asks]
    levels = _levels(useful, asks)
    for step in _steps(useful, asks):
        if levels[step.slot] == step.level - 1:
            return (_cost(useful, levels) + step.more) * MARGIN
    return 0.0


class Chooser:
    """The choice for one player, with what keeps it from swinging."""

    def __init__(self) -> None:
        self._lowered_at = float("-inf")
        self._raised_at = float("-inf")
        self._blamed = False  # the last step up, for being too bold
        self._pause = _PAUSE
        self._dark: set[int] = set()  # first layer's key of feeds that were not affordable

    def choose(self, asks: Sequence[Ask], budget: float, now: float) -> list[int | None]:
        """The key for each slot, None for those without picture, at most `budget` bits/s in all
        (what sound needs is already taken off). `now` in seconds, never decreasing. Give each key
        back as `current` next time, whether or not the switch has happened yet."""
        useful = [_useful(ask) for ask in asks]
        steps = _steps(useful, asks)
        before = _levels(useful, asks)
        # A feed that is new in its slot takes its lowest layer without waiting.
        held = [
            0 if level < 0 and layers and ask.layers[0].key not in self._dark else level
            for level, layers, ask in zip(before, useful, asks, strict=True)
        ]
        levels = held
        if _cost(useful, held) > budget:
            levels = _fill(steps, budget, held)
            if any(level < old for level, old in zip(levels, before, strict=True)):
                self._lower(now)
        else:
            levels = self._raised(useful, steps, held, budget, now)
        self._dark = {
            ask.layers[0].key
            for ask, layers, level in zip(asks, useful, levels, strict=True)
            if layers and level < 0
        }
        return [
            layers[level].key if level >= 0 else None
            for layers, level in zip(useful, levels, strict=True)
        ]

    def _lower(self, now: float) -> None:
        if now - self._raised_at >= max(_BOLD, 2 * self._pause):
            self._pause = _PAUSE
        elif not self._blamed:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self._blamed = True
        self._lowered_at = now

    def _raised(
        self,
        useful: Sequence[Sequence[Layer]],
        steps: Sequence[_Step],
        held: list[int],
        budget: float,
        now: float,
    ) -> list[int]:
        since = now - self._lowered_at
        if since < self._pause * _RELIT_AFTER:
            return held
        limits = [len(layers) - 1 for layers in useful]
        if since < self._pause:  # only light what is dark
            limits = [min(max(0, level), top) for level, top in zip(held, limits, strict=True)]
        levels = _fill(steps, budget / MARGIN, limits)
        if _worth(steps, levels) <= _worth(steps, held):
            return held
        self._raised_at, self._blamed = now, False
        return levels
