"""A finding: one thing that was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from scheduler.words import Sentence


class State(StrEnum):
    GOOD = "good"
    WARNING = "warning"  # works now, will not always, or not for everybody
    PROBLEM = "problem"  # does not work
    SKIPPED = "skipped"  # could not be looked at, for a reason that is said


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is its fixed name; `advice` says what to do, None where there is nothing to do."""

    check: str
    state: State
    said: Sentence
    advice: Sentence | None = None


def good(check: str, said: Sentence) -> Finding:
    return Finding(check, State.GOOD, said)


def warning(check: str, said: Sentence, advice: Sentence) -> Finding:
    return Finding(check, State.WARNING, said, advice)


def problem(check: str, said: Sentence, advice: Sentence) -> Finding:
    return Finding(check, State.PROBLEM, said, advice)


def skipped(check: str, said: Sentence) -> Finding:
    return Finding(check, State.SKIPPED, said)
