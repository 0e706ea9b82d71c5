"""The media of a test: a room of its own on a media node, which is no lesson.

There are two: the acceptance test of a room, and the device check before a lesson, which is held on
the lesson's own node and leaves no evidence.

The test's page publishes as the *sender* and plays its own media back as the *listener*: a
participant never gets itself. Evidence of such a room is kept apart from that of lessons, so that
no test can ever count as one.
"""

from uuid import UUID, uuid5

_PREFIX = "test-"
_CHECK = "check-"


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


def check_room(session_id: UUID, participant_id: UUID) -> str:
    """The name of the room in which a participant of a session checks devices and line."""
    return f"{_CHECK}{session_id}-{participant_id.hex}"


def checked_session(room: str) -> UUID | None:
    """The session before which the check is held whose room that is; None: it is not a check's."""
    if not room.startswith(_CHECK):
        return None
    try:
        return UUID(room.removeprefix(_CHECK).rpartition("-")[0])
    except ValueError:
        return None


def is_no_lesson(room: str) -> bool:
    """Whether what happens in a room of a media node is a test's or a check's."""
    return room.startswith((_PREFIX, _CHECK))
