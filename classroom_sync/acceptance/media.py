"""The media of an acceptance test: a room of its own on a media node, which is no lesson.

The test's page publishes as the *sender* and plays its own media back as the *listener*: a
participant never gets itself. Evidence of such a room is kept apart from that of lessons, so that
no test can ever count as one.
"""

from uuid import UUID, uuid5

_PREFIX = "test-"


def media_room(test_id: UUID) -> str:
    """The name of a test's room on its media node, and in the paths of WHIP and WHEP."""
    return f"{_PREFIX}{test_id}"


def room_test(room: str) -> UUID | None:
    """The test whose room that is; None: it is a lesson's, or nothing."""
    if not room.startswith(_PREFIX):
        return None
    try:
        return UUID(room.removeprefix(_PREFIX))
    except ValueError:
        return None


def sender(test_id: UUID) -> UUID:
    """The participant as whom the page of a test publishes."""
    return uuid5(test_id, "sender")


def listener(test_id: UUID) -> UUID:
    """The participant as whom it plays."""
    return uuid5(test_id, "listener")
