"""Schools, people and classes as OneRoster 1.2 CSV.

What OneRoster has no field for travels in `metadata.classroomSync.…` columns. Pupils are counted
and nothing of them is kept: a class's head count suffices here (DOMAIN 10).

A teacher of a hub school leads, one of a receiving school assists, and so does an aide; a homeroom
is a class, and a scheduled class only says which subjects its teachers give.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from classroom_sync.formats.oneroster_files import Row, read_files, write_files
from classroom_sync.formats.sentences import Problem, Sentence
from classroom_sync.formats.vocabulary import Names, Vocabulary
from scheduler.model import ClassGroup, School, SchoolRole, Subject, Teacher, Term

_OURS = "metadata.classroomSync."
_CODE = re.compile(r"[0-9]{10}")
_CJK = re.compile(r"[\u3400-\u9fff]")
_STAFF = {"teacher": "lead", "aide": "assistant"}
_UPLINK_MBIT, _LESSONS_PER_DAY = 20, 3  # where neither file nor register says
_NO_NAME = "-"  # the binding wants both a given and a family name


@dataclass(frozen=True, slots=True)
class Roster:
    """What an import would put into the registers, and the rows that were not understood."""

    schools: tuple[School, ...]
    teachers: tuple[Teacher, ...]
    classes: tuple[ClassGroup, ...]
    pupils: int  # counted, not kept
    problems: tuple[Problem, ...]

    @property
    def whole(self) -> bool:
        return not self.problems


def read(content: bytes, known: Names) -> Roster:
    """Raises UnreadableFile."""
    return _Reading(read_files(content), known).roster()


class _Reading:
    """One set of files against the registers as they are."""

    def __init__(self, files: Mapping[str, list[Row]], known: Names) -> None:
        self._files = files
        self._known = known
        self._vocabulary = Vocabulary(known)
        self._problems: list[Problem] = []
        self._schools: dict[str, School] = {}  # by sourcedId

    def roster(self) -> Roster:
        self._read_schools()
        pupils = Counter(
            row["classSourcedId"] for row in self._files["enrollments"] if row["role"] == "student"
        )
        teachers = self._teachers()
        return Roster(
            tuple(self._schools.values()),
            tuple(teachers),
            tuple(self._classes(pupils)),
            sum(pupils.values()),
            tuple(self._problems),
        )

    def _say(self, row: Row, column: str, told: tuple[Sentence, Sentence]) -> None:
        self._problems.append(Problem(row.place(column), row[column], *told))

    def _read_schools(self) -> None:
        known = {school.code: school for school in self._known.schools}
        rows = [row for row in self._files["orgs"] if row["type"] == "school"]
        for row in rows:
            if row["sourcedId"] in self._schools:
                self._say(row, "sourcedId", _TWICE)
                continue
            code = row["identifier"] or row["sourcedId"]
            if not _CODE.fullmatch(code):
                self._say(row, "identifier", _NO_CODE)
                continue
            before = known.get(code)
            role = row[_OURS + "role"] or (before.role if before else "")
            hub = row[_OURS + "hub"] or (before.hub_code if before else None)
            if role not in ("hub", "receiving") or (role == "receiving") != bool(hub):
                self._say(row, _OURS + "role", _NO_ROLE)
                continue
            self._schools[row["sourcedId"]] = School(
                code,
                row["name"] or code,
                row[_OURS + "shortName"] or (before.short_name if before else row["name"] or code),
                SchoolRole(role),
                hub or None,
                _number(row[_OURS + "uplinkMbit"])
                or (before.uplink_mbit if before else _UPLINK_MBIT),
            )
        codes = {s.code for s in self._schools.values() if s.role is SchoolRole.HUB}
        codes |= {s.code for s in self._known.schools if s.role is SchoolRole.HUB}
        for row in rows:
            school = self._schools.get(row["sourcedId"])
            if school is not None and school.hub_code is not None and school.hub_code not in codes:
                self._say(row, _OURS + "hub", _NO_HUB)
                del self._schools[row["sourcedId"]]

    def _teachers(self) -> list[Teacher]:
        roles: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self._files["roles"]:
            roles[row["userSourcedId"]].append(row)
        subjects = self._subjects()
        known = {teacher.id: teacher for teacher in self._known.teachers}
        found: dict[str, Teacher] = {}
        for row in self._files["users"]:
            user = row["sourcedId"]
            own = sorted(
                (r for r in roles[user] if r["role"] in _STAFF),
                key=lambda r: r["roleType"] != "primary",
            )
            if not own:
                continue  # pupils, guardians and office staff are not kept
            if user in found:
                self._say(row, "sourcedId", _TWICE)
                continue
            school = self._schools.get(own[0]["orgSourcedId"])
            if school is None:
                self._say(own[0], "orgSourcedId", _NO_SCHOOL)
                continue
            name = _joined(row["givenName"], row["familyName"])
            if not name:
                self._say(row, "familyName", _NO_PERSON)
                continue
            leads = own[0]["role"] == "teacher" and school.role is SchoolRole.HUB
            before = known.get(user)
            found[user] = Teacher(
                user,
                school.code,
                name,
                "lead" if leads else "assistant",
                tuple(self._given(row)) or subjects.get(user, before.subjects if before else ()),
                _number(row[_OURS + "maxLessonsPerDay"])
                or (before.max_lessons_per_day if before else _LESSONS_PER_DAY),
            )
        return list(found.values())

    def _given(self, row: Row) -> list[str]:
        """The subjects that a teacher's own column names."""
        slugs = []
        for text in row.parts(_OURS + "subjects"):
            meant = self._vocabulary.subjects(text)
            if meant:
                slugs.append(meant[0].slug)
            else:
                self._say(row, _OURS + "subjects", _NO_SUBJECT)
        return slugs

    def _subjects(self) -> dict[str, tuple[str, ...]]:
        """Subjects by teacher, from the classes and courses they are enrolled in."""
        courses = {row["sourcedId"]: row for row in self._files["courses"]}
        taught: dict[str, list[str]] = {}
        for row in self._files["classes"]:
            course = courses.get(row["courseSourcedId"])
            texts = row.parts("subjects") or (course.parts("subjects") if course else [])
            texts = texts or ([course["title"]] if course else [])
            taught[row["sourcedId"]] = [
                meant[0].slug for text in texts if (meant := self._vocabulary.subjects(text))
            ]
        found: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for row in self._files["enrollments"]:
            if row["role"] == "teacher":
                found[row["userSourcedId"]] |= dict.fromkeys(taught.get(row["classSourcedId"], []))
        return {user: tuple(slugs) for user, slugs in found.items() if slugs}

    def _classes(self, pupils: Mapping[str, int]) -> list[ClassGroup]:
        known = {group.id: group for group in self._known.classes}
        found: dict[str, ClassGroup] = {}
        names: set[tuple[str, str]] = set()
        for row in self._files["classes"]:
            if row["classType"] != "homeroom":
                continue
            school = self._schools.get(row["schoolSourcedId"])
            if school is None:
                self._say(row, "schoolSourcedId", _NO_SCHOOL)
                continue
            grades = [g for text in row.parts("grades") if 1 <= (g := _number(text) or 0) <= 9]
            if len(grades) != 1:
                self._say(row, "grades", _NO_GRADE)
                continue
            if row["sourcedId"] in found or (school.code, row["title"]) in names:
                self._say(row, "title", _TWICE)
                continue
            names.add((school.code, row["title"]))
            before = known.get(row["sourcedId"])
            counted = pupils.get(row["sourcedId"]) or _number(row[_OURS + "enrolment"])
            enrolment = counted or (before.enrolment if before else 0)
            found[row["sourcedId"]] = ClassGroup(
                row["sourcedId"], school.code, row["title"], grades[0], enrolment
            )
        return list(found.values())


def write(names: Names, term: Term | None, made_at: datetime) -> bytes:
    """The registers as a OneRoster zip; `term` becomes the academic session."""
    sessions = [_session(term)] if term else []
    return write_files(
        {
            "academicSessions": sessions,
            "orgs": [_org(school) for school in names.schools],
            "users": [_user(teacher) for teacher in names.teachers],
            "roles": [_role(teacher) for teacher in names.teachers],
            "courses": [
                course | {"orgSourcedId": school.code}
                for school in names.schools[:1]  # the binding wants one; ours are the city's
                for course in (_HOMEROOM, *map(_course, names.subjects))
            ],
            "classes": [_class(group, term) for group in names.classes],
            "enrollments": [],
        },
        made_at,
    )


def _session(term: Term) -> dict[str, str]:
    return {
        "sourcedId": f"term-{term.id}",
        "title": term.name,
        "type": "term",
        "startDate": term.starts_on.isoformat(),
        "endDate": term.ends_on.isoformat(),
        "schoolYear": str(term.ends_on.year),
    }


def _org(school: School) -> dict[str, str]:
    return {
        "sourcedId": school.code,
        "name": school.name,
        "type": "school",
        "identifier": school.code,
        _OURS + "shortName": school.short_name,
        _OURS + "role": school.role,
        _OURS + "hub": school.hub_code or "",
        _OURS + "uplinkMbit": str(school.uplink_mbit),
    }


def _user(teacher: Teacher) -> dict[str, str]:
    given, family = _parted(teacher.name)
    return {
        "sourcedId": teacher.id,
        "enabledUser": "true",
        "username": teacher.id,
        "givenName": given,
        "familyName": family,
        "primaryOrgSourcedId": teacher.school_code,
        _OURS + "subjects": ",".join(teacher.subjects),
        _OURS + "maxLessonsPerDay": str(teacher.max_lessons_per_day),
    }


def _role(teacher: Teacher) -> dict[str, str]:
    return {
        "sourcedId": f"role-{teacher.id}",
        "userSourcedId": teacher.id,
        "roleType": "primary",
        "role": next(role for role, ours in _STAFF.items() if ours == teacher.role),
        "orgSourcedId": teacher.school_code,
    }


_HOMEROOM = {"sourcedId": "homeroom", "title": "班级"}  # the binding wants a course of each class


def _course(subject: Subject) -> dict[str, str]:
    return {
        "sourcedId": f"subject-{subject.slug}",
        "title": subject.name_zh,
        "courseCode": subject.slug,
        "subjects": subject.name_zh,
    }


def _class(group: ClassGroup, term: Term | None) -> dict[str, str]:
    return {
        "sourcedId": group.id,
        "title": group.name,
        "grades": f"{group.grade:02}",
        "courseSourcedId": _HOMEROOM["sourcedId"],
        "classType": "homeroom",
        "schoolSourcedId": group.school_code,
        "termSourcedIds": f"term-{term.id}" if term else "",
        _OURS + "enrolment": str(group.enrolment),
    }


def _number(text: str) -> int | None:
    """A small positive number, or None."""
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) and int(text) > 0 else None


def _joined(given: str, family: str) -> str:
    """A name as people say it: 王 + 芳 → 王芳, Ann + Lee → Ann Lee."""
    given, family = ("" if part == _NO_NAME else part for part in (given, family))
    if _CJK.search(given + family):
        return family + given
    return f"{given} {family}".strip()


def _parted(name: str) -> tuple[str, str]:
    """Given and family name, so that `_joined` gives the name back."""
    if _CJK.search(name):
        return name[1:] or _NO_NAME, name[:1]
    given, _, family = name.rpartition(" ")
    return (given, family) if given else (family, _NO_NAME)


_TWICE = (
    Sentence("The same id or name stands in an earlier row."),
    Sentence("Give each its own, or remove one row."),
)
_NO_CODE = (
    Sentence("A school is known by its national code of 10 digits."),
    Sentence("Write the school code 学校标识码 into the identifier column."),
)
_NO_ROLE = (
    Sentence("It is not known whether the school is a hub or a receiving school."),
    Sentence(
        "Add the columns metadata.classroomSync.role (hub or receiving) and "
        "metadata.classroomSync.hub (the hub's code)."
    ),
)
_NO_HUB = (
    Sentence("No hub school has this code."),
    Sentence("Correct the code, or add the hub school's row."),
)
_NO_SCHOOL = (
    Sentence("This refers to no school that was understood."),
    Sentence("Correct the reference, or mend the school's row in orgs.csv."),
)
_NO_PERSON = (
    Sentence("The person has no name."),
    Sentence("Fill in givenName and familyName."),
)
_NO_SUBJECT = (
    Sentence("One of the subjects is not known here."),
    Sentence("Use the subjects of the register, by their ids or names."),
)
_NO_GRADE = (
    Sentence("A class has one grade from 1 to 9."),
    Sentence("Write one grade, such as 03."),
)
