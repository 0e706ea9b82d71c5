"""What is said and asked in a lesson beside its sound: chat, the worksheet's address, polls.

Each change is written before anybody is told, so that a reload, a crash or another control process
finds it again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from classroom_sync.errors import Refused
from classroom_sync.limits import TokenBuckets
from db import talk
from db.pool import Connection, Pool
from db.talk import Said
from scheduler import poll as polls
from scheduler.poll import Poll, PollMove, PollProblem

LONGEST = 500  # characters of one message
KEPT = 100  # messages that a page gets


@dataclass
class Talk:
    """What is known of one session's talk. `said` holds the newest KEPT messages; `told` counts
    all that were said since it was read, so that each page can be given what is new to it."""

    said: list[Said] = field(default_factory=list)
    told: int = 0
    worksheet: str = ""
    poll: Poll | None = None
    known: set[UUID] = field(default_factory=set)  # every message that was said so far

    def __post_init__(self) -> None:
        self.known.update(message.id for message in self.said)

    def add(self, message: Said) -> None:
        """Once, however often it comes and in whatever order."""
        if message.id not in self.known:
            self.known.add(message.id)
            self.said = [*self.said, message][-KEPT:]
            self.told += 1

    def take(self, stored: "Talk") -> None:
        """What is stored, some of it perhaps written by another control process."""
        for message in stored.said:
            self.add(message)
        self.worksheet, self.poll = stored.worksheet, stored.poll

    def since(self, told: int) -> list[Said]:
        """What was said after a page had been told so many."""
        new = self.told - told
        return self.said[-new:] if new > 0 else []


async def read_talk(connection: Connection, session_id: UUID) -> Talk:
    """A session's talk as it is stored."""
    said = await talk.last_messages(connection, session_id, KEPT)
    return Talk(
        said,
        len(said),
        await talk.worksheet(connection, session_id),
        await talk.shown_poll(connection, session_id),
    )


class LessonTalk:
    """What people do in the talk of a session under way. Raises Refused, and Unreachable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._pace = TokenBuckets(rate=1.0, burst=10.0)  # messages and answers of a participant

    async def say(self, session_id: UUID, of: Talk, participant_id: UUID, text: str) -> None:
        """A message to everybody in the lesson."""
        body = text.strip()
        if not body:
            raise Refused(422, "Write something first.")
        self._keep_pace(participant_id)
        async with self._pool.connection() as connection:
            of.add(await talk.add_message(connection, session_id, participant_id, "said", body))

    async def put_worksheet(
        self, session_id: UUID, of: Talk, participant_id: UUID, url: str
    ) -> None:
        """The address of the worksheet that every room is to open; '' takes it away."""
        body = url.strip()
        if body and not _is_web_address(body):
            raise Refused(422, "A worksheet has an address that begins with https:// or http://.")
        self._keep_pace(participant_id)
        async with self._pool.connection() as connection:
            await talk.add_message(connection, session_id, participant_id, "worksheet", body)
        of.worksheet = body

    async def open_poll(self, session_id: UUID, of: Talk, question: str, options: int) -> None:
        poll = _allowed(polls.opened, uuid4(), question.strip(), options)
        async with self._pool.transaction() as connection:
            if await talk.polls_held(connection, session_id) >= polls.MOST_IN_A_LESSON:
                raise Refused(409, "This lesson has had as many polls as it can have.")
            if not await talk.add_poll(connection, session_id, poll):
                raise Refused(409, "A poll is on already: put it away first.")
        of.poll = poll

    async def move_poll(self, session_id: UUID, of: Talk, move: PollMove) -> None:
        """Close, reopen or put away the poll that is shown."""
        poll = _shown(of)
        moved = _allowed(poll.moved, move)
        async with self._pool.connection() as connection:
            if not await talk.move_poll(connection, poll, moved.state):
                of.poll = await talk.shown_poll(connection, session_id)
                raise Refused(409, "The poll has moved on meanwhile: look again.")
        of.poll = None if moved.state is polls.PollState.AWAY else moved

    async def answer(self, of: Talk, participant_id: UUID, heads: Sequence[int]) -> None:
        """How many hands of a class are up for each option."""
        poll = _allowed(_shown(of).answered, participant_id, heads)
        self._keep_pace(participant_id)
        async with self._pool.connection() as connection:
            taken = await talk.add_answer(connection, poll.id, participant_id, tuple(heads))
        if not taken:
            raise Refused(409, "This poll takes no answers now.")
        if of.poll is not None and of.poll.id == poll.id:  # not put away meanwhile
            of.poll = replace(of.poll, answers={**of.poll.answers, participant_id: tuple(heads)})

    def _keep_pace(self, participant_id: UUID) -> None:
        if self._pace.take(participant_id, time.monotonic()):
            raise Refused(429, "That was too fast: wait a moment.")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _shown(of: Talk) -> Poll:
    if of.poll is None:
        raise Refused(409, "No poll is on now.")
    return of.poll


def _allowed(make: Any, *arguments: Any) -> Poll:
    try:
        found: Poll = make(*arguments)
    except PollProblem as error:
        raise Refused(422, str(error)) from error
    return found


def talk_view(of: Talk) -> dict[str, Any]:
    """The part of the state message that is about talk (docs/protocol.md), but for messages."""
    poll = of.poll
    return {
        "worksheet": of.worksheet or None,
        "poll": None
        if poll is None
        else {
            "id": str(poll.id),
            "question": poll.question,
            "options": poll.options,
            "state": poll.state.value,
            "counts": poll.counts,
            "answers": {str(p): heads for p, heads in poll.answers.items()},
        },
    }


def said_view(messages: Sequence[Said]) -> dict[str, Any]:
    """Messages as pages get them."""
    return {
        "type": "said",
        "messages": [
            {
                "id": str(m.id),
                "participant": str(m.participant_id),
                "text": m.body,
                "at": m.at.isoformat(),
            }
            for m in messages
        ],
    }
