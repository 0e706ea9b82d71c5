"""The time of day by which evidence is written down: that of a clock nobody sets.

A machine's clock may be wrong for a while and be put right again. Evidence that followed it would
stand under the wrong hour, beside gaps in the right one. So the time of day is counted on from what
the clock said, and the clock is believed again once it has said another time for a minute.
"""

import time
from collections.abc import Callable

_FOLLOWED = 0.5  # seconds by which the clock may be off at once: it is being slewed
_BELIEVED = 60.0  # seconds for which it has to say another time before it is followed


class SteadyWall:
    """Unix seconds from two clocks: `told`, which can be set, and `counted`, which can't, also
    Unix seconds and seconds of any origin."""

    def __init__(self, told: float, counted: float) -> None:
        self._offset = told - counted
        self._other = self._offset  # what a clock that was set says
        self._other_since = counted

    def at(self, told: float, counted: float) -> float:
        """The time of day at the instant at which the clocks say this."""
        offset = told - counted
        if abs(offset - self._other) > _FOLLOWED:
            self._other_since = counted  # it was set just now
        self._other = offset
        if abs(offset - self._offset) <= _FOLLOWED or counted - self._other_since >= _BELIEVED:
            self._offset = offset
        return counted + self._offset


def steady_wall() -> Callable[[], float]:
    """The machine's, from now on: Unix seconds. It goes on while the machine is suspended, where
    the system counts that (CLOCK_BOOTTIME of Linux)."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    wall = SteadyWall(time.time(), time.clock_gettime(clock))
    return lambda: wall.at(time.time(), time.clock_gettime(clock))
