"""The table of what a PATCH of a media resource may do, row by row."""

import pytest

from media.errors import PreconditionFailed, PreconditionRequired
from media.resource import IceSession, Patch


@pytest.mark.parametrize(
    ("if_match", "fresh", "outcome"),
    [
        (None, False, PreconditionRequired),
        (None, True, PreconditionRequired),
        ("", False, PreconditionRequired),
        ('"tag"', False, Patch.TRICKLE),
        ('"other", "tag"', False, Patch.TRICKLE),
        ('"of, two",W/"x" ,"tag"', False, Patch.TRICKLE),
        ('W/"tag", "other"', True, PreconditionFailed),
        ('"tag"', True, Patch.RESTART),
        ("*", True, Patch.RESTART),
        ('"*"', True, Patch.RESTART),
        ("*", False, Patch.TRICKLE),
        ('"other"', False, PreconditionFailed),
        ('"other"', True, PreconditionFailed),
        ('W/"tag"', False, PreconditionFailed),
        ("tag", False, PreconditionFailed),
    ],
)
def test_what_a_patch_is(if_match: str | None, fresh: bool, outcome: object) -> None:
    session = IceSession("ufrag", "password", "tag")
    given_now = ("new", "newer") if fresh else ("ufrag", "password")
    if isinstance(outcome, Patch):
        assert session.judge(if_match, *given_now) is outcome
    else:
        with pytest.raises(outcome):  # type: ignore[call-overload]
            session.judge(if_match, *given_now)
