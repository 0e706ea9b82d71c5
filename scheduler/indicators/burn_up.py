"""Rooms against dates: how many counted on each day, and where the line goes if nothing changes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from math import ceil

from scheduler.indicators.values import BurnUpPoint
from scheduler.model import RoomTarget

_FAR = 3653  # days: no forecast goes further than ten years


def burn_up(
    accepted_on: Iterable[date], targets: Sequence[RoomTarget], today: date
) -> tuple[BurnUpPoint, ...]:
    """Points of the line, by day: each day on which rooms were accepted, each deadline, today.

    While the last target is not met the line goes on as a forecast, at the mean rate since the
    first acceptance, to the deadlines still to come and to the day on which the target would be
    met, ten years on at most. Without an acceptance there is no rate, and no forecast.
    """
    by_day = Counter(day for day in accepted_on if day <= today)
    days = {*by_day, today, *(t.deadline for t in targets if t.deadline <= today)}
    points, rooms = [], 0
    for day in sorted(days):
        rooms += by_day[day]
        points.append(BurnUpPoint(day, rooms, forecast=False))
    most = max((t.rooms for t in targets), default=0)
    if not by_day or rooms >= most:
        return tuple(points)
    rate = rooms / ((today - min(by_day)).days + 1)  # rooms a day
    reached = today + timedelta(days=min(_FAR, ceil((most - rooms) / rate)))
    ahead = {reached, *(t.deadline for t in targets if today < t.deadline < reached)}
    points += [
        BurnUpPoint(day, min(most, rooms + int(rate * (day - today).days)), forecast=True)
        for day in sorted(ahead)
    ]
    return tuple(points)
