"""The city's names as schools write them: which teacher, room, class or subject a text means.

Full-width and half-width forms are one, and so are spaces, case, and the ways of writing a class:
三（1）班, 三年级1班, 3(1), 三1班. A school's name may stand before a room or a class.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scheduler.model import ClassGroup, Room, School, Subject, Teacher

NUMERALS = {name: number for number, name in enumerate("一二三四五六七八九十", start=1)}
_CLASS = re.compile(
    r"([1-9]|[一二三四五六七八九])(?:年级)?(?:\(([0-9]{1,2}|[一二三四五六七八九十])\)"
    r"|([0-9]{1,2}|[一二三四五六七八九十]))班?"
)
_CLASS_AT_END = re.compile(rf"(.*?)(?:{_CLASS.pattern})")
_LONGEST = 80  # characters of a text that is taken apart
_SEVERAL = re.compile(r"(.*?)\(([0-9]{1,2}(?:[、,][0-9]{1,2})+)\)班?")
_NUMBER = re.compile(r"\(([0-9]{1,2}|[一二三四五六七八九十])\)班?|([0-9]{1,2})班")
_LIKE_A_CLASS = re.compile(rf"(?:{_CLASS.pattern})|.*班|class .*")
_LIKE_A_ROOM = re.compile(r".*(?:室|课堂|机房|[^a-z]room.*|^room.*)[0-9]*")
_LIKE_A_TEACHER = re.compile(r".*(?:老师|教师|^mr\.?|^ms\.?|^mrs\.?).*")


def plain(text: str) -> str:
    """Full-width digits, letters and brackets as their ASCII forms; spaces removed."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def folded(text: str) -> str:
    """What two writings of one name have in common."""
    return plain(text).lower()


def _class_key(text: str) -> str:
    """A class's name in one way of writing: "春晖三年级1班" → "春晖3(1)"."""
    key = folded(text)
    matched = _CLASS_AT_END.fullmatch(key)
    if matched is None:
        return key
    grade, number = (
        str(NUMERALS.get(part, part)) for part in (matched[2], matched[3] or matched[4])
    )
    return f"{matched[1]}{grade}({int(number)})"


@dataclass(frozen=True, slots=True)
class Names:
    """The registers a file's names are looked up in."""

    schools: tuple[School, ...]
    rooms: tuple[Room, ...]
    teachers: tuple[Teacher, ...]
    classes: tuple[ClassGroup, ...]
    subjects: tuple[Subject, ...]


class Vocabulary:
    """Looks names up. Every answer is all that a text may mean: none, one, or several."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.school = {school.code: school for school in names.schools}
        self._subjects: defaultdict[str, list[Subject]] = defaultdict(list)
        self._teachers: defaultdict[str, list[Teacher]] = defaultdict(list)
        self._rooms: defaultdict[str, list[Room]] = defaultdict(list)
        self._classes: defaultdict[str, list[ClassGroup]] = defaultdict(list)
        for subject in names.subjects:
            for key in {folded(k) for k in (subject.slug, subject.name_zh, subject.name_en)}:
                self._subjects[key].append(subject)
        for teacher in names.teachers:
            for key in {folded(k) for k in (teacher.id, *self._names_of(teacher))}:
                self._teachers[key].append(teacher)
        for room in names.rooms:
            for key in {folded(k) for k in (room.id, *self._names_of(room))}:
                self._rooms[key].append(room)
        for group in names.classes:
            for key in {folded(group.id), *map(_class_key, self._names_of(group))}:
                self._classes[key].append(group)

    def _names_of(self, of: Teacher | Room | ClassGroup) -> Iterable[str]:
        school = self.school[of.school_code]
        return (of.name, school.short_name + of.name, school.name + of.name)

    def subjects(self, text: str) -> list[Subject]:
        return self._subjects.get(folded(text), [])

    def teachers(self, text: str) -> list[Teacher]:
        return self._teachers.get(folded(text), [])

    def rooms(self, text: str) -> list[Room]:
        return self._rooms.get(folded(text), [])

    def classes(self, text: str) -> list[ClassGroup]:
        return self._classes.get(_class_key(text), []) or self._classes.get(folded(text), [])

    def meant(self, text: str) -> Sequence[Subject | ClassGroup | Room | Teacher]:
        """All that a text may mean of the first register that knows it: a name that is a subject's
        is never a class's, one that is a class's never a room's, and so on."""
        return self.subjects(text) or self.classes(text) or self.rooms(text) or self.teachers(text)

    def knows(self, text: str) -> bool:
        return bool(self.meant(text))

    def parts(self, text: str, before: str = "") -> list[str]:
        """The known names that a text is made of, if it is made of such alone: "音乐 王老师",
        "音乐（王老师）", "音乐王老师", "三（1、2）班", and after a class "（2）班"; else none."""
        if len(text) > _LONGEST:
            return []
        for apart in (self._classes_in(text, before), *_taken_apart(text)):
            if found := self._each_known(part for part in apart if part != text):
                return found
        for at in range(1, len(text)):
            if self.subjects(text[:at]) and (rest := self._each_known([text[at:].strip()])):
                return [text[:at], *rest]
        return []

    def _each_known(self, apart: Iterable[str]) -> list[str]:
        found: list[str] = []
        for part in apart:
            known = [part] if self.knows(part) else self.parts(part)
            if not known:
                return []
            found += known
        return found

    def _classes_in(self, text: str, before: str) -> list[str]:
        """Classes of one grade whose numbers alone are listed, or that follow one of that grade."""
        key = folded(text)
        if several := _SEVERAL.fullmatch(key):
            return [f"{several[1]}({number})班" for number in re.split("[、,]", several[2])]
        number = _NUMBER.fullmatch(key)
        grade = _CLASS_AT_END.fullmatch(folded(before))
        if number and grade:
            return [f"{grade[1]}{grade[2]}({number[1] or number[2]})班"]
        return []

    def whose(self, title: str) -> Sequence[Room | Teacher | ClassGroup]:
        """Whose timetable a sheet's title says that it is: all that the longest name in it may
        mean."""
        key = folded(title)
        found: list[tuple[int, Sequence[Room | Teacher | ClassGroup]]] = []
        for index in (self._rooms, self._teachers):
            found += [(len(name), meant) for name, meant in index.items() if _contains(key, name)]
        group = _class_key(key.removesuffix("课表").removesuffix("课程表"))
        if group in self._classes:
            found.append((len(group), self._classes[group]))
        return max(found, key=lambda f: f[0], default=(0, ()))[1]


def _taken_apart(text: str) -> Iterable[list[str]]:
    """A text at its spaces, and at its brackets."""
    yield text.split()
    yield [part.strip() for part in re.split(r"[()]", plain(text)) if part.strip()]


def _contains(text: str, name: str) -> bool:
    """Whether a name stands in a text, and not as the beginning of a longer number."""
    at = text.find(name)
    while at >= 0:
        after = text[at + len(name) : at + len(name) + 1]
        if not (after.isdigit() and name[-1:].isdigit()):
            return True
        at = text.find(name, at + 1)
    return False


def looks_like(text: str) -> str:
    """What an unknown text was probably meant to be: "class", "room", "teacher" or "subject"."""
    key = folded(text)
    if _LIKE_A_CLASS.fullmatch(key):
        return "class"
    if _LIKE_A_ROOM.fullmatch(key):
        return "room"
    return "teacher" if _LIKE_A_TEACHER.fullmatch(key) else "subject"
