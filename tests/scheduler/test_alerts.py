"""Which rooms are dark, and what is told of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from scheduler.alerts import AlertRules, Dark, Seat, changes, dark
from scheduler.model import ParticipantRole, RoomKind
from tests.worlds import NOON

RULES = AlertRules()
LESSON = UUID(int=1)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seat(room: str = "far", **values: object) -> Seat:
    """An interactive receiving room in a lesson of 40 minutes from noon on."""
    plain = Seat(
        LESSON,
        UUID(int=len(room)),
        room,
        ParticipantRole.RECEIVING,
        RoomKind.INTERACTIVE,
        True,
        NOON,
        after(2400),
        None,
        None,
    )
    return replace(plain, **values)  # type: ignore[arg-type]  # fields of it, as the test names them


def lead(sent_until: datetime | None) -> Seat:
    return seat("hub", role=ParticipantRole.LEAD, kind=RoomKind.LEAD, sent_until=sent_until)


def names(seats: list[Seat], now: datetime) -> list[tuple[str, datetime]]:
    return [(d.seat.room_id, d.since) for d in dark(seats, now, RULES)]


def test_who_never_came_is_dark_from_the_bell_on() -> None:
    seats = [lead(after(100)), seat()]
    assert names(seats, after(39)) == []
    assert names(seats, after(40)) == [("far", NOON)]


def test_a_room_goes_dark_when_nothing_has_been_seen_for_a_while() -> None:
    seats = [lead(after(400)), seat(sent_until=after(300), received_until=after(310))]
    assert names(seats, after(339)) == []
    assert names(seats, after(340)) == [("far", after(300))]


def test_nobody_misses_what_the_lead_had_not_begun_to_send() -> None:
    late = replace(lead(after(1000)), sent_since=after(990))
    waiting = seat(sent_until=after(1000))
    assert names([late, waiting], after(1000)) == []
    assert names([late, replace(waiting, received_until=after(500))], after(1029)) == []
    assert names(
        [replace(late, sent_until=after(1031)), seat(sent_until=after(1031))], after(1031)
    ) == [("far", after(990))]
    listening = seat("cloud", kind=RoomKind.CLOUD)
    assert names([late, listening], after(1000)) == []


@pytest.mark.parametrize(
    ("values", "is_dark"),
    [
        ({"sent_until": after(1000), "received_until": after(1000)}, False),
        ({"sent_until": None, "received_until": after(1000)}, True),
        ({"sent_until": after(1000), "received_until": None}, True),
        ({"interactive": False, "received_until": after(1000)}, False),
        ({"kind": RoomKind.CLOUD, "received_until": after(1000)}, False),
        ({"kind": RoomKind.CLOUD, "sent_until": after(1000)}, True),
    ],
)
def test_a_room_is_there_as_its_lesson_asks(values: dict[str, object], is_dark: bool) -> None:
    assert bool(names([lead(after(1000)), seat(**values)], after(1001))) is is_dark


def test_while_the_lead_is_dark_the_others_are_not_blamed_for_it() -> None:
    seats = [
        lead(after(100)),
        seat("far", sent_until=after(500), received_until=after(100)),
        seat("listening", kind=RoomKind.CLOUD, received_until=after(100)),
        seat("gone", sent_until=after(100), received_until=after(100)),
    ]
    assert names(seats, after(501)) == [("gone", after(100)), ("hub", after(100))]


@pytest.mark.parametrize("now", [after(-1), after(2400), after(3000)])
def test_outside_of_the_bells_nobody_is_dark(now: datetime) -> None:
    assert names([lead(None), seat()], now) == []


def test_media_of_the_lobby_does_not_count_as_being_there() -> None:
    early = [lead(after(-5)), seat()]
    assert names(early, after(40)) == [("far", NOON), ("hub", NOON)]


def test_each_lesson_has_a_lead_of_its_own() -> None:
    other = UUID(int=2)
    seats = [
        lead(None),
        replace(lead(after(100)), session_id=other, room_id="hub2"),
        seat("far", session_id=other),
    ]
    assert names(seats, after(100)) == [("hub", NOON), ("far", NOON)]


def test_an_alert_is_opened_once_and_closed_when_its_room_is_back() -> None:
    seats = [lead(after(99)), seat()]
    found = dark(seats, after(100), RULES)
    assert changes(found, seats, [], after(100)).opened == (Dark(seats[1], NOON),)
    standing = [(LESSON, "far")]
    again = changes(found, seats, standing, after(101))
    assert (again.opened, again.back, again.ended) == ((), (), ())
    over = changes([], seats, standing, after(102))
    assert (over.opened, over.back, over.ended) == ((), ((LESSON, "far"),), ())


@pytest.mark.parametrize("seats", [[], [lead(None), seat(ends_at=after(50))]])
def test_an_alert_ends_with_its_lesson(seats: list[Seat]) -> None:
    over = changes([], seats, [(LESSON, "far")], after(100))
    assert (over.back, over.ended) == ((), ((LESSON, "far"),))
