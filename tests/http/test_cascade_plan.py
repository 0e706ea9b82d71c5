"""Which room of a lesson is on which media node, and what each node pulls from another."""

from uuid import UUID, uuid4

import pytest

from classroom_sync.cascade import Pull, mend, pulls, spread
from classroom_sync.live_session import LiveSession, Place
from scheduler.model import Participant, ParticipantRole, Session, SessionKind, SessionState
from tests.worlds import MONDAY, NOON

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def _people(rooms: int) -> tuple[Participant, ...]:
    session = uuid4()
    lead = Participant(uuid4(), session, ParticipantRole.LEAD, "hub", None, "t")
    return lead, *(
        Participant(uuid4(), session, ParticipantRole.RECEIVING, f"r{n}", "c", None)
        for n in range(rooms)
    )


@pytest.mark.parametrize(
    ("rooms", "nodes", "most", "sizes"),
    [
        (3, (A, B, C), 24, [3, 0, 0]),
        (24, (A, B, C), 24, [24, 0, 0]),
        (25, (A, B, C), 24, [13, 12, 0]),
        (48, (A, B, C), 24, [24, 24, 0]),
        (48, (A, B, C), 16, [16, 16, 16]),
        (100, (A, B), 16, [50, 50]),
        (0, (A, B), 16, [0, 0]),
    ],
)
def test_rooms_are_spread_where_they_are_many(
    rooms: int, nodes: tuple[UUID, ...], most: int, sizes: list[int]
) -> None:
    people = _people(rooms)
    hub, placed = spread(people, nodes, most)
    assert hub == A
    on = [placed[p.id] or hub for p in people[1:]]
    assert [on.count(node) for node in nodes] == sizes
    assert placed[people[0].id] is None, "the lead is at the hub"


def test_without_a_node_there_is_no_place() -> None:
    assert spread(_people(3), (), 24) == (None, {})


def test_rooms_of_a_lost_branch_go_to_those_that_are_left() -> None:
    people = _people(4)
    on = [people[0], *(_on(p, n) for p, n in zip(people[1:], (B, B, C, None), strict=True))]
    moved = mend(on, A, [A, C], frozenset({A, C}))
    assert moved == {people[1].id: C, people[2].id: None}
    assert mend(on, A, [A], frozenset({A})) == {p.id: None for p in people[1:4]}


def _on(of: Participant, node: UUID | None) -> Participant:
    return Participant(
        of.id, of.session_id, of.role, of.room_id, of.class_id, of.teacher_id, node_id=node
    )


def _live(people: tuple[Participant, ...], floor: UUID | None = None) -> LiveSession:
    session = Session(
        people[0].session_id,
        SessionKind.LIVE_LESSON,
        None,
        MONDAY,
        "music",
        NOON,
        NOON,
        False,
        SessionState.LIVE,
        None,
        NOON,
        NOON,
        None,
        A,
        floor,
        people,
    )
    places = {p.id: Place(p, "", "", "", "", 0, listen_only=False, school_code="") for p in people}
    return LiveSession(session, places)


def test_a_lesson_on_one_node_pulls_nothing() -> None:
    assert list(pulls(_live(_people(3)))) == []


def test_branches_pull_the_lead_and_whoever_has_the_floor_by_way_of_the_hub() -> None:
    lead, *rooms = _people(3)
    here, there, yonder = rooms[0], _on(rooms[1], B), _on(rooms[2], C)
    live = _live((lead, here, there, yonder), floor=there.id)
    live.media_at(B).publishing.add((there.id, "camera"))
    live.media_at(C).publishing.add((yonder.id, "camera"))
    live.media_at(A).publishing.add((here.id, "camera"))
    of_lead = {Pull(n, A, lead.id, s, True) for n in (B, C) for s in ("camera", "screen")}
    to_hub = {Pull(A, B, there.id, "camera", False), Pull(A, C, yonder.id, "camera", False)}
    onward = {Pull(C, A, there.id, "camera", False)}
    assert set(pulls(live)) == of_lead | to_hub | onward


def test_no_node_pulls_what_it_has_of_its_own() -> None:
    lead, *rooms = _people(2)
    there = [_on(room, B) for room in rooms]
    live = _live((lead, *there), floor=there[0].id)
    for room in there:
        live.media_at(B).publishing.add((room.id, "camera"))
    for pull in pulls(live):
        assert live.node_of(pull.participant) != pull.node
        assert pull.node != pull.origin
