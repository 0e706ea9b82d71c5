"""Receiving schools as the registers had them in some days: what was said then, whatever is now.

A school, class or teacher that was there in any of the days counts for them, with what was said
last of them: as the figures over them do, which have each class and each teacher once.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class RegisteredSchool:
    """A receiving school: its hub, the enrolment of its classes, and how many teachers it has."""

    code: str
    hub_code: str | None
    enrolment: int
    teachers: int


@dataclass(frozen=True, slots=True)
class SchoolSaid:
    """What was said of a receiving school for the days from one on, until (not with) another."""

    code: str
    hub_code: str | None
    retired_on: date | None  # not there from this day on
    holds_from: date
    holds_until: date | None


@dataclass(frozen=True, slots=True)
class PeopleSaid:
    """The same of classes and teachers of a school, added up."""

    school_code: str
    enrolment: int
    teachers: int
    retired_on: date | None
    holds_from: date
    holds_until: date | None


class SchoolRegister:
    """The receiving schools of any days; days that see the same of it are looked at once."""

    def __init__(self, schools: Sequence[SchoolSaid], people: Sequence[PeopleSaid]) -> None:
        self._schools = schools
        self._people = people
        said: list[SchoolSaid | PeopleSaid] = [*schools, *people]
        self._changes = sorted({s.holds_from for s in said})
        self._ends = sorted({s.retired_on for s in said if s.retired_on is not None})
        self._found: dict[tuple[int, int], tuple[RegisteredSchool, ...]] = {}

    def between(self, since: date, until: date) -> tuple[RegisteredSchool, ...]:
        """Schools that were there in any of these days, by code."""
        same = (bisect_right(self._ends, since), bisect_right(self._changes, until))
        if same not in self._found:
            self._found[same] = self._between(since, until)
        return self._found[same]

    def _between(self, since: date, until: date) -> tuple[RegisteredSchool, ...]:
        enrolment: dict[str, int] = {}
        teachers: dict[str, int] = {}
        for each in self._people:
            if _counts(each, since, until):
                code = each.school_code
                enrolment[code] = enrolment.get(code, 0) + each.enrolment
                teachers[code] = teachers.get(code, 0) + each.teachers
        return tuple(
            RegisteredSchool(s.code, s.hub_code, enrolment.get(s.code, 0), teachers.get(s.code, 0))
            for s in self._schools
            if _counts(s, since, until)
        )


def _counts(said: SchoolSaid | PeopleSaid, since: date, until: date) -> bool:
    """Whether it is what was last said of the days, of something that had not left before them."""
    return (
        said.holds_from <= until
        and (said.holds_until is None or until < said.holds_until)
        and (said.retired_on is None or said.retired_on > since)
    )
