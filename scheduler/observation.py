"""Observation of lessons 听课评课: the rubric, what observers mark, and what their marks add up to.

A mark is on the rubric's scale; a score is of 100: each mark as a part of the highest one, weighted
(so all ones on the scale of five are 20). What was submitted stays; a correction replaces it, and
an observation *stands* until one that corrects it is submitted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from uuid import UUID

from scheduler.recording import Recording

WHOLE = 100  # what the weights of a rubric add up to


class Scale(StrEnum):
    """Which marks there are: 1 to 5, or 0 to 100."""

    FIVE = "five"
    HUNDRED = "hundred"

    @property
    def lowest(self) -> int:
        return 1 if self is Scale.FIVE else 0

    @property
    def highest(self) -> int:
        return 5 if self is Scale.FIVE else 100


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a rubric, in both languages; `weight` of 100."""

    position: int
    name_zh: str
    name_en: str
    hint_zh: str
    hint_en: str
    weight: int

    def name(self, locale: str) -> str:
        return self.name_zh if locale.startswith("zh") else self.name_en

    def hint(self, locale: str) -> str:
        return self.hint_zh if locale.startswith("zh") else self.hint_en


@dataclass(frozen=True, slots=True)
class Rubric:
    """One version of the city's rubric, never changed; the one with the largest number holds."""

    number: int
    title_zh: str
    title_en: str
    scale: Scale
    made_by: str
    made_at: datetime
    criteria: tuple[Criterion, ...]

    def title(self, locale: str) -> str:
        return self.title_zh if locale.startswith("zh") else self.title_en


@dataclass(frozen=True, slots=True)
class Mark:
    """What an observer gave a criterion (None: nothing yet), and noted to it."""

    position: int
    mark: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Observer:
    """Who observed; `school` is its short name, None of the whole city."""

    account_id: UUID
    login: str
    name: str
    role: str
    school: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What one observer wrote of a session, a draft until it is submitted; `score` is of 100."""

    id: UUID
    session_id: UUID
    observer: Observer
    rubric: int
    corrects_id: UUID | None
    remark: str
    begun_at: datetime
    saved_at: datetime
    submitted_at: datetime | None
    score: float | None
    marks: tuple[Mark, ...]

    def mark(self, position: int) -> Mark:
        """What a criterion has got."""
        found = (mark for mark in self.marks if mark.position == position)
        return next(found, Mark(position, None, ""))


@dataclass(frozen=True, slots=True)
class Comment:
    """Something said about the instant `at` of a session, or in answer to what was."""

    id: UUID
    session_id: UUID
    observer: Observer
    at: datetime
    answers_id: UUID | None
    text: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """Some values in short; `deviation` is that of the sample, None for fewer than two."""

    count: int
    mean: float
    deviation: float | None
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What the observations by one version of the rubric come to: each criterion on its scale, and
    the scores of 100."""

    rubric: Rubric
    criteria: tuple[tuple[Criterion, Spread], ...]
    score: Spread


def unmarked(rubric: Rubric, marks: Iterable[Mark]) -> tuple[Criterion, ...]:
    """The criteria that have no mark yet."""
    marked = {mark.position for mark in marks if mark.mark is not None}
    return tuple(c for c in rubric.criteria if c.position not in marked)


def score(rubric: Rubric, marks: Iterable[Mark]) -> float:
    """The weighted score, of 100, of marks that are complete."""
    given = {mark.position: mark.mark for mark in marks}
    total = 0.0
    for criterion in rubric.criteria:
        mark = given.get(criterion.position)
        assert mark is not None, "whoever asks has looked for what is unmarked"
        total += criterion.weight * mark / rubric.scale.highest
    return total


def standing(observations: Iterable[Observation]) -> list[Observation]:
    """Those submitted that no submitted one corrects, in the order in which they are given."""
    submitted = [o for o in observations if o.submitted_at is not None]
    corrected = {o.corrects_id for o in submitted}
    return [o for o in submitted if o.id not in corrected]


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    count = len(values)
    mean = sum(values) / count
    squares = sum((value - mean) ** 2 for value in values)
    deviation = sqrt(squares / (count - 1)) if count > 1 else None
    return Spread(count, mean, deviation, min(values), max(values))


def summarize(rubrics: Iterable[Rubric], observations: Iterable[Observation]) -> list[Summary]:
    """One summary for each version of the rubric that observations which stand were made with, the
    newest version first: marks by different rubrics are never put together."""
    stand = standing(observations)
    found = []
    for rubric in sorted(rubrics, key=lambda r: r.number, reverse=True):
        those = [o for o in stand if o.rubric == rubric.number]
        if not those:
            continue
        criteria = []
        for criterion in rubric.criteria:
            marks = [o.mark(criterion.position).mark for o in those]
            criteria.append((criterion, spread([m for m in marks if m is not None])))
        scores = spread([o.score for o in those if o.score is not None])
        found.append(Summary(rubric, tuple(criteria), scores))
    return found


def place(recording: Recording, at: datetime) -> int | None:
    """The millisecond of a recording that shows an instant; None where it has none, because it
    began later, ended earlier, or was cut."""
    if recording.zero_at is None or recording.duration_ms is None:
        return None
    ms = round((at - recording.zero_at) / timedelta(milliseconds=1))
    return ms if 0 <= ms <= recording.duration_ms else None


def instant(recording: Recording, ms: int) -> datetime | None:
    """What instant a millisecond of a recording shows; None where that is not known."""
    if recording.zero_at is None:
        return None
    return recording.zero_at + timedelta(milliseconds=ms)
