"""Ids and the names people know them by, read once for a page."""

from dataclasses import dataclass
from datetime import date, datetime

from classroom_sync.i18n import LOCALES
from db import city
from db.pool import Connection
from scheduler.model import ClassGroup, Room, RoomStatus, School, Subject, Teacher


@dataclass(frozen=True, slots=True)
class Names:
    schools: dict[str, School]
    rooms: dict[str, Room]
    teachers: dict[str, Teacher]
    classes: dict[str, ClassGroup]
    subjects: dict[str, Subject]

    def school(self, code: str | None) -> str:
        return self.schools[code].short_name if code in self.schools else ""

    def room(self, room_id: str | None) -> str:
        """A room with its school: "春晖 直播课堂1"."""
        room = self.rooms.get(room_id or "")
        return f"{self.school(room.school_code)} {room.name}" if room else ""

    def group(self, class_id: str | None) -> str:
        return self.classes[class_id].name if class_id in self.classes else ""

    def teacher(self, teacher_id: str | None) -> str:
        return self.teachers[teacher_id].name if teacher_id in self.teachers else ""

    def by_school(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Each school's teachers and rooms as a list to choose from, hubs first: the school's name,
        then (id, label) of each who is there and each room that is in use."""
        found = []
        for school in sorted(self.schools.values(), key=lambda s: (s.hub_code or "", s.code)):
            of = [
                (t.id, t.name)
                for t in self.teachers.values()
                if t.school_code == school.code and t.retired_on is None
            ]
            of += [
                (r.id, r.name)
                for r in self.rooms.values()
                if r.school_code == school.code and r.status is RoomStatus.ACCEPTED
            ]
            if of and school.retired_on is None:
                found.append((school.short_name, of))
        return found

    def subject(self, slug: str | None, locale: str) -> str:
        subject = self.subjects.get(slug or "")
        if subject is None:
            return ""
        return subject.name_zh if locale == LOCALES[0] else subject.name_en


async def read_names(connection: Connection) -> Names:
    """All names of the city."""
    return Names(
        {s.code: s for s in await city.schools(connection)},
        {r.id: r for r in await city.rooms(connection)},
        {t.id: t for t in await city.teachers(connection)},
        {g.id: g for g in await city.class_groups(connection)},
        {s.slug: s for s in await city.subjects(connection)},
    )


async def read_names_on(connection: Connection, day: date, as_of: datetime) -> Names:
    """Names as the registers had them on a day, as known at an instant, without who was entered
    after it."""
    said = await city.registers_on(connection, day, as_of)
    return Names(
        {s.code: s for s in said.schools},
        {r.id: r for r in said.rooms},
        {t.id: t for t in said.teachers},
        {g.id: g for g in said.class_groups},
        {s.slug: s for s in await city.subjects(connection)},
    )
