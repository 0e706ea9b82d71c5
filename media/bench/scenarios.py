"""What a load looks like: who publishes and who watches whom. Pure values.

A scenario is a list of rooms (of the media node: one per lesson). In each, the hub's picture goes
to every receiving room; in a city the rooms publish too and the hub watches all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

HUB = "hub"
CITY_LESSONS = 12
CITY_ROOMS = 3


@dataclass(frozen=True, slots=True)
class Publisher:
    """One WHIP resource. `number` is unique in the run and travels inside every payload."""

    number: int
    room: str
    participant: str
    lead: bool


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One WHEP resource that is to show `watches` (numbers of publishers of the same room)."""

    number: int
    room: str
    participant: str
    watches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Publishers and subscribers of one measurement."""

    name: str
    publishers: tuple[Publisher, ...]
    subscribers: tuple[Subscriber, ...]

    def viewers(self) -> dict[int, int]:
        """How many subscribers watch each publisher, by number."""
        count = dict.fromkeys((publisher.number for publisher in self.publishers), 0)
        for subscriber in self.subscribers:
            for number in subscriber.watches:
                count[number] += 1
        return count


def one_to_many(viewers: int) -> Scenario:
    """One hub publishes, `viewers` rooms watch."""
    assert viewers > 0, "a lesson nobody watches forwards nothing"
    hub = Publisher(0, "lesson", HUB, lead=True)
    return Scenario(
        f"1→{viewers}",
        (hub,),
        tuple(Subscriber(i, "lesson", f"room-{i}", (0,)) for i in range(viewers)),
    )


def city(multiple: int = 1, lessons: int = CITY_LESSONS, rooms: int = CITY_ROOMS) -> Scenario:
    """`multiple` times `lessons` lessons of one hub and `rooms` rooms each, everyone publishing."""
    publishers: list[Publisher] = []
    subscribers: list[Subscriber] = []
    for lesson in range(multiple * lessons):
        name = f"lesson-{lesson}"
        first = len(publishers)
        publishers.append(Publisher(first, name, HUB, lead=True))
        publishers.extend(
            Publisher(first + room, name, f"room-{room}", lead=False)
            for room in range(1, rooms + 1)
        )
        for participant, watches in _watched(first, rooms):
            subscribers.append(Subscriber(len(subscribers), name, participant, watches))
    return Scenario(
        "city" if multiple == 1 else f"city×{multiple}", tuple(publishers), tuple(subscribers)
    )


def lessons(count: int) -> Scenario:
    """`count` lessons of one hub and one room that watches: as much to record as can be, and little
    else."""
    names = [f"lesson-{number}" for number in range(count)]
    return Scenario(
        f"{count} lessons",
        tuple(Publisher(n, name, HUB, lead=True) for n, name in enumerate(names)),
        tuple(Subscriber(n, name, "room", (n,)) for n, name in enumerate(names)),
    )


def _watched(hub: int, rooms: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield HUB, tuple(range(hub + 1, hub + rooms + 1))
    for room in range(1, rooms + 1):
        yield f"room-{room}", (hub,)


def parse(name: str, multiple: int = 1) -> Scenario:
    """`"1→N"` (or `1->N`, `1-N`, `1:N`), or `"city"` times `multiple`. Raises ValueError."""
    if name == "city":
        return city(multiple)
    one, _, many = name.replace("->", "-").replace("→", "-").replace(":", "-").partition("-")
    if one != "1" or not many.isdigit() or not 0 < int(many) < 10_000:
        raise ValueError(f"no such scenario: {name!r}; there is 1→N (or 1-N) and city")
    return one_to_many(int(many))
