"""What goes wrong, as whoever finds it says it: `problem_details` makes responses of it, commands a
line and an exit code."""

import math
from typing import Self

NO_SUCH_PAGE = "There is no such page. Check the address, or go back to the start."


class CannotStart(Exception):
    """The program can't start; the message is a sentence that says what to do."""


class Refused(Exception):
    """A request that can't be done: `status` and a sentence (an English message id).

    `values` fill the sentence's `{names}` after translation.
    """

    def __init__(self, status: int, sentence: str, **values: object) -> None:
        super().__init__(sentence.format(**values) if values else sentence)
        self.status = status
        self.sentence = sentence
        self.values = values
        self.headers: dict[str, str] = {}

    def again_in(self, seconds: float) -> Self:
        """Say when it may be asked again (Retry-After)."""
        self.headers = {"Retry-After": str(math.ceil(seconds))}
        return self
