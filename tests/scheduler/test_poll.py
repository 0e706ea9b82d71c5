"""A poll in a lesson: what can be done when, what counts, and what is refused."""

from itertools import product
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.poll import (
    LONGEST_QUESTION,
    MOST_HEADS,
    TRANSITIONS,
    Poll,
    PollMove,
    PollProblem,
    PollState,
    opened,
)

FAR, NEAR = uuid4(), uuid4()


def poll(state: PollState = PollState.OPEN, options: int = 3) -> Poll:
    return Poll(uuid4(), "Which one?", options, state)


@pytest.mark.parametrize(("state", "move"), list(product(PollState, PollMove)))
def test_each_move_leads_where_the_table_says_or_is_refused(
    state: PollState, move: PollMove
) -> None:
    if (state, move) in TRANSITIONS:
        assert poll(state).moved(move).state is TRANSITIONS[state, move]
    else:
        with pytest.raises(PollProblem):
            poll(state).moved(move)


def test_a_class_answers_again_and_its_newest_answer_counts() -> None:
    found = poll().answered(FAR, (5, 10, 0)).answered(NEAR, (1, 1, 1)).answered(FAR, (0, 12, 3))
    assert found.answers == {FAR: (0, 12, 3), NEAR: (1, 1, 1)}
    assert found.counts == (1, 13, 4)


def test_closing_and_reopening_keeps_the_answers() -> None:
    found = poll().answered(FAR, (1, 2, 3)).moved(PollMove.CLOSE).moved(PollMove.REOPEN)
    assert found.answered(NEAR, (1, 0, 0)).counts == (2, 2, 3)


@pytest.mark.parametrize("state", [PollState.CLOSED, PollState.AWAY])
def test_no_answer_is_taken_once_it_is_closed(state: PollState) -> None:
    with pytest.raises(PollProblem):
        poll(state).answered(FAR, (1, 2, 3))


@pytest.mark.parametrize("heads", [(), (1, 2), (1, 2, 3, 4), (1, -1, 3), (MOST_HEADS, 1, 0)])
def test_an_answer_has_one_count_per_option_within_a_class(heads: tuple[int, ...]) -> None:
    with pytest.raises(PollProblem):
        poll().answered(FAR, heads)


@pytest.mark.parametrize(
    ("question", "options"), [("", 1), ("", 7), ("x" * (LONGEST_QUESTION + 1), 4)]
)
def test_a_poll_beyond_its_bounds_is_refused(question: str, options: int) -> None:
    with pytest.raises(PollProblem):
        opened(uuid4(), question, options)


@given(
    options=st.integers(2, 6),
    said=st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 80), max_size=8))),
)
def test_the_counts_are_those_of_the_newest_good_answers(
    options: int, said: list[tuple[int, list[int]]]
) -> None:
    found, newest = opened(uuid4(), "", options), {}
    for who, heads in said:
        participant = UUID(int=who)
        try:
            found = found.answered(participant, heads)
        except PollProblem:
            assert len(heads) != options or sum(heads) > MOST_HEADS
        else:
            newest[participant] = heads
    assert list(found.counts) == [sum(h[n] for h in newest.values()) for n in range(options)]
