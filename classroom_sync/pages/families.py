"""Each hub with the schools that it gives lessons to, as the bureau looks at them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time

from classroom_sync.pages.names import Names
from classroom_sync.reports import numbers, pictures
from classroom_sync.reports.document import Key, measures_of
from db import alerts, sessions
from db.pool import Connection
from db.sessions import LastLesson
from scheduler.bells import instant
from scheduler.indicators.values import Dimension, Measure, Report
from scheduler.model import RoomStatus, School, SchoolRole

BY = (Dimension.SCHOOL, Dimension.HUB)
_HOURS: dict[Dimension, Key] = {Dimension.SCHOOL: (5, "received"), Dimension.HUB: (5, "led")}


@dataclass(frozen=True, slots=True)
class Tile:
    """A school; `dark` are its rooms that are dark in a lesson just now."""

    school: School
    href: str
    accepted: int
    rooms: int  # without those that are retired
    ratio: float | None  # of what was due of it: what was held
    share: str
    sides: str
    hours: str | None
    last: LastLesson | None
    dark: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A hub with its receiving schools; `hub` is None for those that have none."""

    hub: Tile | None
    schools: tuple[Tile, ...]

    def __iter__(self) -> Iterator[Tile]:
        if self.hub:
            yield self.hub
        yield from self.schools


async def read_families(
    connection: Connection, report: Report, zone: str, names: Names, own: str | None = None
) -> list[Family]:
    """All schools that are not closed, from a report of the city that is told apart `BY` (too);
    whoever has an `own` school is told of dark rooms there only."""
    since = instant(report.cut.since, time(), zone)
    last = await sessions.last_of_schools(connection, since, report.as_of)
    dark: dict[str, set[str]] = {}
    for alert in await alerts.standing(connection):
        room = names.rooms.get(alert.room_id)  # None: it was entered since
        if room is not None and own in (None, room.school_code):
            dark.setdefault(room.school_code, set()).add(room.id)
    return list(_families(_tiles(report, names, last, dark)))


def _tiles(
    report: Report,
    names: Names,
    last: Mapping[str, LastLesson],
    dark: Mapping[str, Iterable[str]],
) -> list[Tile]:
    rows = {(d, row.key): measures_of(row.indicators) for d, rs in report.breakdowns for row in rs}
    period = f"since={report.cut.since}&until={report.cut.until}"
    found = []
    for school in names.schools.values():
        if school.retired_on is not None:
            continue
        of = Dimension.HUB if school.role is SchoolRole.HUB else Dimension.SCHOOL
        figures: Mapping[Key, Measure] = rows.get((of, school.code), {})
        due, hours = figures.get(pictures.DELIVERY), figures.get(_HOURS[of])
        rooms = [
            r
            for r in names.rooms.values()
            if r.school_code == school.code and r.status is not RoomStatus.RETIRED
        ]
        found.append(
            Tile(
                school,
                f"/bureau?of={of.value}:{school.code}&{period}",
                sum(r.status is RoomStatus.ACCEPTED for r in rooms),
                len(rooms),
                due.ratio if due else None,
                numbers.share(due.ratio if due else None),
                numbers.fraction(due) if due else "",
                numbers.plain(hours.numerator) if hours else None,
                last.get(school.code),
                tuple(sorted(dark.get(school.code, ()))),
            )
        )
    return found


def _families(tiles: Iterable[Tile]) -> Iterable[Family]:
    """Hubs in the order of the registers, each with its own; then schools without a hub."""
    tiles = list(tiles)
    hubs = [t for t in tiles if t.school.role is SchoolRole.HUB]
    for hub in hubs:
        yield Family(hub, tuple(t for t in tiles if t.school.hub_code == hub.school.code))
    known = {hub.school.code for hub in hubs}
    rest = [t for t in tiles if t not in hubs and t.school.hub_code not in known]
    if rest:
        yield Family(None, tuple(rest))
