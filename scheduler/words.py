"""Sentences that can be said in each language: an English message id and the values for its gaps.

The application's catalogue translates the message ids; this package only chooses the words.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from scheduler.city import City, clock
from scheduler.model import Demand, Lesson, Weeks

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Name:
    """A name that data gives in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Names:
    """Several names, said one after another."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is a message id with {gaps}; `values` fill them."""

    text: str
    values: "Mapping[str, Value]" = field(default_factory=dict)

    def say(self, translate: Translate = str, locale: str = "en") -> str:
        """The sentence in a language; `translate` maps message ids to that language's text."""
        return translate(self.text).format(
            **{gap: _said(value, translate, locale) for gap, value in self.values.items()}
        )


Value = str | int | Name | Names | Sentence | tuple[Sentence, ...]


def comma(locale: str) -> str:
    """What parts the items of a list in a language."""
    return "、" if locale == "zh-CN" else ", "


def listed(names: Iterable[str], locale: str) -> str:
    """Names one after another, as the language parts them."""
    return comma(locale).join(names)


def _said(value: Value, translate: Translate, locale: str) -> str:
    if isinstance(value, Sentence):
        return value.say(translate, locale)
    if isinstance(value, tuple):
        return ("；" if locale == "zh-CN" else "; ").join(s.say(translate, locale) for s in value)
    if isinstance(value, Names):
        return listed(value.names, locale)
    if isinstance(value, Name):
        return value.zh if locale == "zh-CN" else value.en
    return str(value)


WEEKDAYS = {
    1: "Monday",
    2: "Tuesday",
    3: "Wednesday",
    4: "Thursday",
    5: "Friday",
    6: "Saturday",
    7: "Sunday",
}
WEEKS = {Weeks.ALL: "every week", Weeks.ODD: "odd weeks", Weeks.EVEN: "even weeks"}


def weekday(day: int) -> Sentence:
    return Sentence(WEEKDAYS[day])


class _Lesson:
    sentence = "{day} {time} {subject} ({teacher})"


def lesson(city: City, of: Lesson) -> Sentence:
    """A lesson by what people know it by: `Monday 08:30 Music (宋老师)`."""
    starts = city.period(of.hub_code, of.period).starts
    return Sentence(
        _Lesson.sentence,
        {
            "day": weekday(of.weekday),
            "time": clock(starts.hour * 60 + starts.minute),
            "subject": subject(city, of.subject),
            "teacher": who(city, of.lead_teacher_id),
        },
    )


class _Demand:
    sentence = "{who}: {subject}, {count} a week"


def demand(city: City, of: Demand, lessons: int) -> Sentence:
    """So many lessons a week of a demand."""
    return Sentence(
        _Demand.sentence,
        {
            "who": who(city, of.class_id),
            "subject": subject(city, of.subject),
            "count": lessons,
        },
    )


def subject(city: City, slug: str) -> Name:
    found = next((s for s in city.subjects if s.slug == slug), None)
    return Name(found.name_zh, found.name_en) if found else Name(slug, slug)


def who(city: City, of: str) -> str:
    """The name of a teacher, a class, a room or a school, by its id; the id when unknown."""
    if of in city.teacher:
        return city.teacher[of].name
    if of in city.school:
        return city.school[of].short_name
    within = city.class_group.get(of) or city.room.get(of)
    return f"{city.school[within.school_code].short_name}{within.name}" if within else of
