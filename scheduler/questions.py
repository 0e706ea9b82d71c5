"""Questions to a class, and what a class answered: values that know nothing of where they are put.

A class answers together, in front of one screen: for a question with options its answer is how many
pupils chose each (a show of hands), for a short text one text. Where its author said which options
are right, answers are marked by it; a question without a right answer is a survey.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST_QUESTIONS = 10
MOST_OPTIONS = 8
LONGEST = 300  # characters of a question, or of an option
LONGEST_TEXT = 1000  # of an answer
MOST_PUPILS = 500  # who chose one option


class QuestionKind(StrEnum):
    SINGLE = "single"  # each pupil chooses one option
    MULTIPLE = "multiple"  # each chooses as many as they like
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Question:
    """`options` are those of a question that has some, else empty; `right` the places (from 0) of
    those that are right, none in a survey."""

    kind: QuestionKind
    text: str
    options: tuple[str, ...] = ()
    right: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it can be asked: it says something, within bounds, and has options to choose from
        exactly where its kind has some. Of options to choose one from at most one is right."""
        if not 0 < len(self.text) <= LONGEST:
            return False
        if self.kind is QuestionKind.TEXT:
            return not self.options and not self.right
        if self.kind is QuestionKind.SINGLE and len(self.right) > 1:
            return False
        if len(set(self.right)) != len(self.right) or not set(self.right) <= {
            *range(len(self.options))
        }:
            return False
        said = all(0 < len(option) <= LONGEST for option in self.options)
        return said and 2 <= len(set(self.options)) == len(self.options) <= MOST_OPTIONS


@dataclass(frozen=True, slots=True, order=True)
class Answer:
    """A class's answer to one question: `counts` of pupils for each option, or a `text`."""

    counts: tuple[int, ...] = ()
    text: str = ""

    def fits(self, question: Question) -> bool:
        """Whether it can be an answer to a question."""
        if question.kind is QuestionKind.TEXT:
            return not self.counts and len(self.text) <= LONGEST_TEXT
        within = all(0 <= count <= MOST_PUPILS for count in self.counts)
        return not self.text and within and len(self.counts) == len(question.options)


@dataclass(frozen=True, slots=True)
class Marked:
    """Of the `hands` that were raised for a question, those that were `right`."""

    right: int
    hands: int


def mark(question: Question, answer: Answer) -> Marked | None:
    """How many chose what is right; None for a survey. Where any of several may be chosen a pupil
    raises a hand for each, so hands are counted, not pupils."""
    if not question.right:
        return None
    return Marked(sum(answer.counts[place] for place in question.right), sum(answer.counts))


def fit(questions: Sequence[Question], answers: Sequence[Answer]) -> bool:
    """Whether these are answers to those questions, in their order."""
    return len(questions) == len(answers) and all(
        answer.fits(question) for question, answer in zip(questions, answers, strict=True)
    )


def together(questions: Sequence[Question], classes: Sequence[Sequence[Answer]]) -> list[Answer]:
    """What several classes chose, added up by question; texts are not added up."""
    return [
        Answer(
            tuple(
                sum(answers[number].counts[option] for answers in classes)
                for option in range(len(question.options))
            )
        )
        for number, question in enumerate(questions)
    ]
