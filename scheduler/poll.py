"""A simple poll 答题 in a lesson: classes answer by show of hands, as a head count per option.

Theory of operation. The lead *opens* a poll; while it is open each class says how many hands were
up for each option, and may say so again: its newest answer counts. The lead *closes* it, may
*reopen* it (nothing is lost by closing too early), and *puts it away* once everybody has seen it.
A lesson shows one poll at a time.

    (OPEN, CLOSE) → CLOSED    (CLOSED, REOPEN) → OPEN    (OPEN | CLOSED, PUT_AWAY) → AWAY
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

FEWEST_OPTIONS, MOST_OPTIONS = 2, 6
MOST_HEADS = 500  # of one class, all options together
LONGEST_QUESTION = 200  # characters
MOST_IN_A_LESSON = 50


class PollState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    AWAY = "away"


class PollMove(StrEnum):
    CLOSE = "close"
    REOPEN = "reopen"
    PUT_AWAY = "put_away"


_S, _M = PollState, PollMove
TRANSITIONS: Mapping[tuple[PollState, PollMove], PollState] = MappingProxyType(
    {
        (_S.OPEN, _M.CLOSE): _S.CLOSED,
        (_S.CLOSED, _M.REOPEN): _S.OPEN,
        (_S.OPEN, _M.PUT_AWAY): _S.AWAY,
        (_S.CLOSED, _M.PUT_AWAY): _S.AWAY,
    }
)


class PollProblem(ValueError):
    """What was asked of a poll can't be done; the message is a sentence for people."""


_SENTENCES = {
    "options": "A poll has 2 to 6 options.",
    "question": "A question has at most 200 characters.",
    "closed": "This poll takes no answers now.",
    "heads": "Give one head count per option, at most 500 together.",
    "moved": "The poll has moved on meanwhile: look again.",
}


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll and its answers: participant → hands per option, in the order of the options."""

    id: UUID
    question: str
    options: int
    state: PollState = PollState.OPEN
    answers: Mapping[UUID, tuple[int, ...]] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[int, ...]:
        """Hands per option, of all classes together."""
        return tuple(sum(heads[n] for heads in self.answers.values()) for n in range(self.options))

    def moved(self, move: PollMove) -> "Poll":
        """The poll after a move. Raises PollProblem."""
        state = TRANSITIONS.get((self.state, move))
        if state is None:
            raise PollProblem(_SENTENCES["moved"])
        return replace(self, state=state)

    def answered(self, participant: UUID, heads: Sequence[int]) -> "Poll":
        """The poll with a class's answer in place of its earlier one. Raises PollProblem."""
        if self.state is not PollState.OPEN:
            raise PollProblem(_SENTENCES["closed"])
        if len(heads) != self.options or min(heads) < 0 or sum(heads) > MOST_HEADS:
            raise PollProblem(_SENTENCES["heads"])
        return replace(self, answers={**self.answers, participant: tuple(heads)})


def opened(poll_id: UUID, question: str, options: int) -> Poll:
    """A new poll. Raises PollProblem."""
    if not FEWEST_OPTIONS <= options <= MOST_OPTIONS:
        raise PollProblem(_SENTENCES["options"])
    if len(question) > LONGEST_QUESTION:
        raise PollProblem(_SENTENCES["question"])
    return Poll(poll_id, question, options)
