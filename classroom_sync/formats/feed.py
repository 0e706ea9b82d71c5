"""A calendar feed as iCalendar text (RFC 5545), the same bytes for the same events.

Times are local times of the term's zone with its VTIMEZONE, so that a bell keeps its wall clock
across a change of clocks whatever the subscriber's own zone rules say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vDuration

from scheduler.model import FeedEntry, FeedEvent, SessionKind

REFRESH = timedelta(minutes=30)  # how often subscribers are asked to look again


@dataclass(frozen=True, slots=True)
class Wording:
    """Names in the feed's language: by id, and the two words around them."""

    subject: Callable[[str | None], str]
    group: Callable[[str], str]
    room: Callable[[str | None], str]
    teacher: Callable[[str | None], str]
    research: str
    lead: str
    receiving: str
    chair: str
    members: str


@dataclass(frozen=True, slots=True)
class Feed:
    """Whose feed: `scope` is teacher, room, class or school; `rooms` and `teachers` are those of a
    school."""

    scope: str
    subject_id: str
    name: str
    rooms: frozenset[str] = frozenset()
    teachers: frozenset[str] = frozenset()


def write(
    feed: Feed, events: Sequence[FeedEvent], zone: str, since: datetime, wording: Wording
) -> bytes:
    """The feed's text; `since` is before all events."""
    calendar = Calendar()
    calendar.add("prodid", "-//Classroom Sync//Lessons//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", feed.name)
    calendar.add("x-wr-calname", feed.name)
    calendar.add("x-wr-timezone", zone)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    local = ZoneInfo(zone)
    last = max((event.entry.ends_at for event in events), default=since)
    calendar.add_component(
        Timezone.from_tzid(
            zone,
            first_date=since.astimezone(local).date() - timedelta(days=366),
            last_date=last.astimezone(local).date() + timedelta(days=366),
        )
    )
    for event in events:
        calendar.add_component(_event(feed, event, local, wording))
    text: bytes = calendar.to_ical()
    return text


def _event(feed: Feed, event: FeedEvent, zone: ZoneInfo, wording: Wording) -> Event:
    entry = event.entry
    held = not entry.cancelled and _concerns(feed, entry)
    made = Event()
    made.add("uid", f"{event.uid}@classroom-sync")
    made.add("dtstamp", event.changed_at.replace(microsecond=0))
    made.add("created", event.created_at.replace(microsecond=0))
    made.add("last-modified", event.changed_at.replace(microsecond=0))
    made.add("sequence", event.sequence)
    made.add("dtstart", entry.starts_at.astimezone(zone))
    made.add("dtend", entry.ends_at.astimezone(zone))
    made.add("summary", _summary(entry, wording))
    if places := _places(feed, entry):
        made.add("location", "、".join(wording.room(room) for room in places))
    made.add("description", _description(entry, wording))
    made.add("status", "CONFIRMED" if held else "CANCELLED")
    made.add("transp", "OPAQUE" if held else "TRANSPARENT")
    return made


def _concerns(feed: Feed, entry: FeedEntry) -> bool:
    """Whether the feed's own people are still in the event: who was substituted is not, and must
    hear so, since an event that only disappears may stay in their calendar."""
    match feed.scope:
        case "teacher":
            there = {entry.lead_teacher_id, *(r.assistant_id for r in entry.receivers)}
            there |= {*entry.members}
        case "class":
            there = {r.class_id for r in entry.receivers}
        case "school" if entry.kind is SessionKind.RESEARCH:
            return not feed.teachers.isdisjoint({entry.lead_teacher_id, *entry.members})
        case _:
            there = {entry.lead_room_id, *(r.room_id for r in entry.receivers)}
    mine = feed.rooms if feed.scope == "school" else {feed.subject_id}
    return not mine.isdisjoint(there)


def _summary(entry: FeedEntry, wording: Wording) -> str:
    title = wording.subject(entry.subject)
    if entry.kind is SessionKind.RESEARCH:
        title = " ".join(part for part in (wording.research, entry.title or title) if part)
    classes = "、".join(wording.group(r.class_id) for r in entry.receivers)
    return f"{title} · {classes}" if classes else title


def _places(feed: Feed, entry: FeedEntry) -> list[str]:
    """Where the feed's own people are: the lead room for whoever leads, else where they listen."""
    rooms = [entry.lead_room_id] if entry.lead_room_id else []
    receiving = [(r.room_id, r.class_id, r.assistant_id) for r in entry.receivers]
    match feed.scope:
        case "teacher" if entry.lead_teacher_id != feed.subject_id:
            own = [room for room, _, assistant in receiving if assistant == feed.subject_id]
        case "class":
            own = [room for room, group, _ in receiving if group == feed.subject_id]
        case "room":
            own = [feed.subject_id]
        case "school":
            own = [r for r in (*rooms, *(room for room, *_ in receiving)) if r in feed.rooms]
        case _:
            own = rooms
    return own or rooms


def _description(entry: FeedEntry, wording: Wording) -> str:
    lead = (wording.teacher(entry.lead_teacher_id), wording.room(entry.lead_room_id))
    meeting = entry.kind is SessionKind.RESEARCH
    lines: list[tuple[str, ...]] = [(wording.chair if meeting else wording.lead, *lead)]
    if entry.members:
        lines.append((wording.members, *map(wording.teacher, entry.members)))
    for r in entry.receivers:
        people = wording.teacher(r.assistant_id)
        lines.append(
            (wording.receiving, wording.group(r.class_id), wording.room(r.room_id), people)
        )
    return "\n".join(f"{of}: {' '.join(filter(None, words))}".strip() for of, *words in lines)
