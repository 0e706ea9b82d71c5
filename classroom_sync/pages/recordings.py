"""Recordings: the list of one's own, the page that plays one, and its files."""

from collections.abc import Callable
from uuid import UUID

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, POOL, SETTINGS, TRANSLATE, VISITOR, WORKS
from classroom_sync.observation.panel import read_panel
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from classroom_sync.playback import send
from classroom_sync.recording_access import note_view, ready_to_watch, watched_for
from classroom_sync.recording_list import read_list
from db import meetings, recordings, sessions
from scheduler.meeting import Meeting, NoteKind
from scheduler.model import Session, SessionKind
from scheduler.observation import place
from scheduler.recording import Part, Recording, RecordingState, Track

routes = web.RouteTableDef()


@routes.get("/recordings")
@requires(Action.KEEP_RECORDINGS)
async def listed(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        lines = await read_list(request, connection)
    return await page(
        request,
        "recordings.html",
        lines=lines,
        names=names,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        days=request.app[SETTINGS].recording_days,
    )


@routes.get("/recordings/{recording}")
@requires(Action.WATCH_RECORDINGS)
async def shown(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        found, keeps = await watched_for(request, connection)
        names = await read_names(connection)
        session = None
        if found.session_id is not None:
            session = await sessions.session(connection, found.session_id)
        parts = await recordings.parts_of(connection, found.id)
        chapters = await recordings.chapters_of(connection, found.id)
        meeting = await meetings.meeting(connection, session.id) if session else None
        panel = None
        if session is not None and session.kind is SessionKind.LIVE_LESSON:
            panel = await read_panel(connection, request[VISITOR], session)
    if found.state is RecordingState.READY:
        await note_view(request, found)
    return await page(
        request,
        "recording.html",
        recording=found,
        session=session,
        meeting=meeting,
        moments=_moments(found, meeting, request[TRANSLATE]) if meeting else [],
        lead=next((p for p in session.participants if p.role == "lead"), None) if session else None,
        names=names,
        subject=_title(found, session, meeting, names, request[LOCALE]),
        tracks=_tracks(found.id, parts, _names(session, names, request[TRANSLATE])),
        chapters=chapters,
        sendable=meeting is None,
        wave=_wave(found.waveform),
        keeps=keeps,
        panel=panel,
        media={f"/recordings/{found.id}/media/{p.track}/{p.number}": p.starts_ms for p in parts},
        may_try_again=request[VISITOR].role is Role.ADMIN,
    )


def _title(
    recording: Recording,
    session: Session | None,
    meeting: Meeting | None,
    names: Names,
    locale: str,
) -> str:
    """What a recording is of: a meeting's title, a lesson's subject, an upload's name."""
    if meeting is not None:
        return meeting.title
    return names.subject(session.subject, locale) if session else recording.title


def _moments(
    recording: Recording, meeting: Meeting, translate: Callable[[str], str]
) -> list[tuple[int, str]]:
    """What a meeting came to when, as far as its recording shows it: (millisecond, words)."""
    items = {item.id: item.title for item in meeting.agenda}
    said = [(turn.at, items[turn.item_id]) for turn in meeting.turns if turn.item_id is not None]
    said += [
        (note.written_at, f"{translate('Decision')}: {note.text}")
        for note in meeting.notes
        if note.kind is NoteKind.DECISION
    ]
    found = [(place(recording, at), words) for at, words in sorted(said)]
    return [(ms, words) for ms, words in found if ms is not None]


def _tracks(
    recording_id: UUID, parts: list[Part], name: Callable[[Part], str]
) -> list[dict[str, object]]:
    """What the page's player plays: the picture and sound first, each track's parts in order of
    time. Another classroom is heard as well: what its children say is in no other track."""
    shown: dict[tuple[Track, UUID | None], list[Part]] = {}
    for part in parts:
        shown.setdefault((part.track, part.participant_id), []).append(part)
    return [
        {
            "key": track.value if of is None else f"{track.value}-{of}",
            "name": name(found[0]),
            "sound": track is Track.ROOM,
            "parts": [
                {
                    "address": f"/recordings/{recording_id}/media/{part.track}/{part.number}",
                    "starts_ms": part.starts_ms,
                    "duration_ms": part.duration_ms,
                }
                for part in sorted(found, key=lambda part: part.starts_ms)
            ],
        }
        for (track, of), found in shown.items()
    ]


def _names(
    session: Session | None, names: Names, translate: Callable[[str], str]
) -> Callable[[Part], str]:
    """What to call the track of a part: a classroom, or a teacher in a meeting, by its name."""
    people = {p.id: p for p in session.participants} if session is not None else {}
    meets = session is not None and session.kind is SessionKind.RESEARCH

    def name(of: Part) -> str:
        if of.track is Track.MAIN:
            return translate("Who speaks") if meets else translate("Teacher's picture")
        if of.track is Track.SCREEN:
            return translate("Shared screen")
        whom = people.get(of.participant_id) if of.participant_id is not None else None
        if whom is None:
            return translate("Classroom")
        return names.room(whom.room_id) if whom.room_id else names.teacher(whom.teacher_id or "")

    return name


def _wave(loudness: tuple[int, ...]) -> str:
    """The waveform as an SVG path: 1 wide and 100 high for each span."""
    return "".join(f"M{n} {50 - v / 2:g}v{max(1, v):g}" for n, v in enumerate(loudness))


@routes.get("/recordings/{recording}/media/{track}/{number}")
@requires(Action.WATCH_RECORDINGS)
async def media(request: web.Request) -> web.StreamResponse:
    """A finished file, by ranges."""
    async with request.app[POOL].connection() as connection:
        found = await ready_to_watch(request, connection)
        parts = await recordings.parts_of(connection, found.id)
    asked = (request.match_info["track"], request.match_info["number"])
    part = next((p for p in parts if (p.track.value, str(p.number)) == asked), None)
    if part is None:
        raise Refused(404, "There is no such recording.")
    await note_view(request, found)
    return await send(request, request.app[WORKS].store, part.storage_key, part.mime)


@routes.get("/recordings/{recording}/poster")
@requires(Action.WATCH_RECORDINGS)
async def poster(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        found = await ready_to_watch(request, connection)
    if found.poster_key is None:
        raise Refused(404, "There is no such recording.")
    return await send(request, request.app[WORKS].store, found.poster_key, "image/jpeg")


@routes.get("/recordings/{recording}/chapters/{ms}")
@requires(Action.WATCH_RECORDINGS)
async def chapter(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        found = await ready_to_watch(request, connection)
        chapters = await recordings.chapters_of(connection, found.id)
    at = next((c for c in chapters if str(c.at_ms) == request.match_info["ms"]), None)
    if at is None:
        raise Refused(404, "There is no such recording.")
    return await send(request, request.app[WORKS].store, at.storage_key, "image/jpeg")
