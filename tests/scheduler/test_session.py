"""What is due when, at any instant it is asked."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.model import Session, SessionKind, SessionState
from scheduler.session import TRANSITIONS, Action, due

NOON = datetime(2026, 9, 7, 4, tzinfo=UTC)
S, A = SessionState, Action

SCHEDULED = Session(
    uuid4(),
    SessionKind.LIVE_LESSON,
    uuid4(),
    date(2026, 9, 7),
    "music",
    NOON,
    NOON + timedelta(minutes=40),
    True,
    S.SCHEDULED,
    None,
    None,
    None,
    None,
    None,
    None,
    (),
)


@pytest.mark.parametrize(
    ("state", "minute", "action"),
    [
        (S.SCHEDULED, -11, None),
        (S.SCHEDULED, -10, A.OPEN),
        (S.SCHEDULED, 39, A.OPEN),  # after a restart: there still is a lesson to be held
        (S.SCHEDULED, 40, A.MISS),  # the machine was off for all of it
        (S.OPEN, 39, None),
        (S.OPEN, 40, A.MISS),
        (S.LIVE, 49, None),
        (S.LIVE, 50, A.END),
        (S.ENDED, 500, None),
        (S.MISSED, 500, None),
        (S.CANCELLED, 500, None),
    ],
)
def test_what_is_due(state: SessionState, minute: int, action: Action | None) -> None:
    found = due([replace(SCHEDULED, state=state)], NOON + timedelta(minutes=minute))
    assert [d.action for d in found] == ([action] if action else [])


@given(st.lists(st.integers(-60, 120), min_size=1), st.booleans())
def test_whenever_the_clock_is_asked_the_session_ends_the_same(
    minutes: list[int], lead_came: bool
) -> None:
    """Any schedule of wake-ups, as after crashes and clock steps, reaches the same end."""
    into = {A.OPEN: S.OPEN, A.END: S.ENDED, A.MISS: S.MISSED}
    session = SCHEDULED
    for minute in [*sorted(minutes), 200, 200]:
        for item in due([session], NOON + timedelta(minutes=minute)):
            assert (session.state, into[item.action]) in TRANSITIONS
            session = replace(session, state=into[item.action])
        if session.state is S.OPEN and lead_came and minute < 40:
            session = replace(session, state=S.LIVE)
    opened_in_time = any(-10 <= m < 40 for m in minutes)
    assert session.state is (S.ENDED if opened_in_time and lead_came else S.MISSED)
