"""What became of a push in one class, from its receipts.

Receipts come late, twice and in any order, for a classroom's computer keeps them while its line is
down. So what they say together is a function of the set of them (a fold over a join: earliest
instants, unions of ranges), and replaying any part of it changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from scheduler.questions import Answer
from scheduler.watched import Ranges, share, within


class ReceiptKind(StrEnum):
    FETCHED = "fetched"  # whole on the classroom's computer
    OPENED = "opened"
    PLAYED = "played"  # ranges of it
    FEEDBACK = "feedback"  # a word back to the hub teacher
    ANSWERED = "answered"  # the questions that came with it


class Understood(StrEnum):
    """How much of the class could follow, as its assistant saw it."""

    ALL = "all"
    MOST = "most"
    FEW = "few"


@dataclass(frozen=True, slots=True, order=True)
class Receipt:
    """One thing that happened in a classroom, made once with an id of its own.

    `played` in milliseconds of the recording; `note` and `understood` belong to feedback, `answers`
    (to the questions, in their order) to what was answered.
    """

    at: datetime
    id: UUID
    kind: ReceiptKind
    played: Ranges = ()
    note: str = ""
    understood: str = ""  # a value of Understood, or empty
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """What a class has done with what it was sent; instants are those of the first time."""

    fetched_at: datetime | None  # what was opened has been fetched, at the latest then
    opened_at: datetime | None
    watched_at: datetime | None  # when the share was reached; of a document, when it was opened
    played: Ranges
    share: float  # of the recording; of a document 1.0 once it is opened
    feedback: tuple[Receipt, ...]  # in order of time
    answers: tuple[Answer, ...]  # what the class answered last; () until it does

    @property
    def watched(self) -> bool:
        return self.watched_at is not None


def progress(
    receipts: Iterable[Receipt], duration_ms: int | None, watched_share: float
) -> Progress:
    """What the receipts of one push and class say together.

    `duration_ms` is None for slides and worksheets, of which no more can be known than that they
    were opened; a recording is watched from `watched_share` of it on. Of two receipts with one id
    the first in order holds; of several answers the last.
    """
    once: dict[UUID, Receipt] = {}
    for receipt in sorted(set(receipts)):
        once.setdefault(receipt.id, receipt)
    ordered = sorted(once.values())
    opened = _first(ordered, ReceiptKind.OPENED, ReceiptKind.PLAYED)
    fetched = _first(ordered, ReceiptKind.FETCHED, ReceiptKind.OPENED, ReceiptKind.PLAYED)
    played: Ranges = ()
    watched_at = None
    if duration_ms is None:
        watched_at = opened
    else:
        for receipt in ordered:
            played = within((*played, *receipt.played), duration_ms)
            if watched_at is None and played and share(played, duration_ms) >= watched_share:
                watched_at = receipt.at
    return Progress(
        fetched_at=fetched,
        opened_at=opened,
        watched_at=watched_at,
        played=played,
        share=float(opened is not None) if duration_ms is None else share(played, duration_ms),
        feedback=tuple(r for r in ordered if r.kind is ReceiptKind.FEEDBACK),
        answers=next((r.answers for r in reversed(ordered) if r.kind is ReceiptKind.ANSWERED), ()),
    )


def _first(ordered: Iterable[Receipt], *kinds: ReceiptKind) -> datetime | None:
    return next((r.at for r in ordered if r.kind in kinds), None)
