"""What rooms and lines can carry: acceptance, number of rooms, receivers of a session, uplink."""

from collections.abc import Iterator, Sequence

from scheduler.board import Board, Item, PlannedLink, PlannedSession, crowds, share_weeks
from scheduler.city import City, Reservation
from scheduler.model import Room, RoomKind, RoomStatus
from scheduler.rules.rule import Limit, Rule, Rules


class RoomNotAccepted(Rule):
    key = "room_not_accepted"
    alone = True
    requirement = "{who} is accepted before lessons are held in it"
    sentence = "{who} is not accepted: {lessons} on {day} at {time}."
    mend = "Choose an accepted room, or record the acceptance of this one."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for room_id, items in board.by_room.items():
            room = board.city.room.get(room_id)
            if room is None or room.status is not RoomStatus.ACCEPTED:
                yield from (Limit((item,), 0, room_id, item.weeks) for item in items)


class RoomOfWrongKind(Rule):
    key = "room_of_wrong_kind"
    alone = True
    requirement = "{who} is used for what it is equipped for"
    sentence = "{who} is not equipped for its part in this lesson on {day} at {time}: {lessons}."
    mend = "Lead from a lead room; let a class that takes part actively sit in an interactive room."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for room_id, items in board.by_room.items():
            room = board.city.room.get(room_id)
            for item in items:
                if room is not None and not _suits(room, item):
                    yield Limit((item,), 0, room_id, item.weeks)


class RoomsAtOnce(Rule):
    key = "rooms_at_once"
    requirement = "{who} has {limit} accepted rooms"
    sentence = "{who} would need {count} rooms on {day} at {time} and has {limit}: {lessons}."
    mend = "Move one of the lessons, or accept another room of the school."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        """Rooms not named yet are counted only; those of one kind are alike."""
        sides: list[tuple[RoomKind, str, Sequence[PlannedSession | PlannedLink]]] = [
            *((RoomKind.LEAD, code, items) for code, items in board.by_hub.items()),
            *((RoomKind.INTERACTIVE, code, items) for code, items in board.by_school.items()),
        ]
        for kind, code, items in sides:
            rooms = board.city.accepted_rooms.get((code, kind), ())
            for weeks, crowd in crowds([i for i in items if i.room_id is None]):
                free = sum(not _taken_beside(board, room, crowd) for room in rooms)
                yield Limit(crowd, free, code, weeks)


class Receivers(Rule):
    key = "receivers"
    requirement = "At most {limit} classes join a session of {who}"
    sentence = "{count} classes join one session on {day} at {time}; {limit} may: {lessons}."
    mend = "Split the session, or allow more receiving rooms (as a broadcast) in the settings."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        """A locked broadcast is one that somebody chose."""
        for limit in _joining(board, rules.interactive_receivers, rules.receivers):
            if all(session.interactive for session in limit.given):
                yield limit


class Broadcast(Rule):
    key = "broadcast"
    weight = 5
    requirement = "Sessions of {who} are interactive"
    sentence = "{count} classes join one session on {day} at {time}: {lessons} is a broadcast."
    mend = "With {limit} classes or fewer the session would be interactive."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        allowed = rules.receivers > rules.interactive_receivers
        for limit in _joining(board, rules.interactive_receivers, rules.interactive_receivers):
            if allowed or limit.given[0].lesson is not None:
                yield limit


class Uplink(Rule):
    key = "uplink"
    requirement = "{who} sends at most {limit} Mbit/s at once"
    sentence = "{who} would send {count} Mbit/s on {day} at {time}; its line allows {limit}."
    mend = "Move one of the lessons, or enter the school's faster line."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for code, school in board.city.school.items():
            sending: list[Item] = [*board.by_hub.get(code, ())]
            sending += [k for k in board.by_school.get(code, ()) if k.session.interactive]
            for weeks, crowd in crowds(sending):
                loads = [
                    rules.lead_mbit if isinstance(item, PlannedSession) else rules.receiving_mbit
                    for item in crowd
                ]
                yield Limit(crowd, school.uplink_mbit, code, weeks, loads)


def _joining(board: Board, planned: int, possible: int) -> Iterator[Limit]:
    """Each crowd that has to find its places in the same sessions, the smaller ones first."""
    smaller: dict[PlannedSession, Limit] = {}
    for sessions, links in sorted(board.by_joined.items(), key=lambda found: len(found[0])):
        limit = Limit(
            links,
            possible if sessions[0].lesson is None else planned,
            sessions[0].teacher_id or sessions[0].hub_code,
            links[0].weeks,
            given=sessions,
            beyond=tuple(smaller[one] for one in sessions if one in smaller),
        )
        if len(sessions) == 1:
            smaller[sessions[0]] = limit
        yield limit


def _suits(room: Room, item: PlannedSession | PlannedLink) -> bool:
    if isinstance(item, PlannedSession):
        return room.kind is RoomKind.LEAD
    if item.session.interactive:
        return room.kind is RoomKind.INTERACTIVE
    return room.kind is not RoomKind.LEAD


def _taken_beside(board: Board, room: Room, crowd: Sequence[PlannedSession | PlannedLink]) -> bool:
    """Whether a room is taken while any of these items is on, so that it can't be counted on."""
    starts, ends = min(i.starts for i in crowd), max(i.ends for i in crowd)
    return any(
        other.weekday == crowd[0].weekday
        and other.starts < ends
        and starts < other.ends
        and any(share_weeks(other.weeks, item.weeks) for item in crowd)
        for other in (*board.by_room.get(room.id, ()), *_reserved(board.city, room.id))
    )


def _reserved(city: City, room_id: str) -> Sequence[Reservation]:
    return city.reserved_for.get(room_id, ())
