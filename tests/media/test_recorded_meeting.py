"""What is on disk of a meeting, in which nobody leads: whoever is in the spotlight, and screens."""

import asyncio
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from random import Random
from uuid import uuid4

from media.bench import sdp
from media.events import LayersWanted
from media.node_events import ParticipantConnected
from media.plane import Plane
from media.recording.news import News, SegmentClosed
from media.recording.recorder import Recorder
from media.room import Room
from media.specs import Codec, Extension, Kind, PublisherSpec, Source
from tests.media.encoded import Film, Voice
from tests.media.halls import VIDEO_SSRC, hall
from tests.media.stages import Act, Stage, closed, lead, played, shown_widths, staged

LARGE, SMALL, TINY = (320, 240), (160, 120), (80, 60)
QUIET, LOUD = 90, 20  # -dBov


def member(name: str, ssrc: int, source: Source = Source.CAMERA) -> PublisherSpec:
    """A teacher's WHIP resource, whose microphone says how loud it is."""
    spec = lead(Codec.VP8, f"{name}/{source}>", source=source, ssrc=ssrc)
    tracks = [
        replace(track, extensions=((Extension.AUDIO_LEVEL, 1),) * (track.kind is Kind.AUDIO))
        for track in spec.tracks
    ]
    return replace(spec, participant=name, lead=False, tracks=tuple(tracks))


def _met(recorder: Recorder, *, others: bool = False) -> Stage:
    """A meeting that is recorded from now on."""
    stage = staged(recorder)
    stage.room.set_recorded(False, stage.now)
    stage.room.set_recorded(True, stage.now, others=others, led=False)
    return stage


def _enter(stage: Stage, name: str, ssrc: int, size: tuple[int, int], level: int = QUIET) -> Act:
    act = stage.admit(member(name, ssrc), Codec.VP8, ssrc, size)
    act.voice.level = level
    return act


def widths(file: Path) -> list[int]:
    """How wide the pictures of a file are, as they follow each other."""
    return [width for width, _ in groupby(shown_widths(file))]


async def test_who_speaks_is_the_picture_and_sound_goes_on(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = _met(recorder)
    one = _enter(stage, "one", 20, LARGE, LOUD)
    two = _enter(stage, "two", 30, SMALL)
    await stage.play(3)
    one.voice.level, two.voice.level = QUIET, LOUD
    await stage.play(3)
    one.voice.level = two.voice.level = QUIET  # silence moves nothing
    await stage.play(2)
    one.voice.level = LOUD
    await stage.play(3)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    found = played(file)
    assert widths(file) == [320, 160, 320]
    assert found.sounds >= 11 * 50 * 0.97
    assert found.longest_still < 0.5
    assert {n.name.track for n in news if isinstance(n, SegmentClosed)} == {"main"}


async def test_who_has_the_floor_is_the_picture_and_who_leaves_is_not(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = _met(recorder)
    _enter(stage, "loud", 20, LARGE, LOUD)
    quiet = _enter(stage, "quiet", 30, SMALL)
    await stage.play(2)
    stage.room.set_floor("quiet", stage.now)
    await stage.play(3)
    await stage.leave(quiet)
    await stage.play(2)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    assert widths(file) == [320, 160, 320]
    assert played(file).longest_still < 0.5


async def test_a_shared_screen_is_a_file_of_its_own_and_the_muted_are_not_heard(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = _met(recorder)
    _enter(stage, "one", 20, LARGE, LOUD)
    _enter(stage, "two", 30, SMALL)
    await stage.play(2)
    screen = stage.admit(member("two", 40, Source.SCREEN), Codec.VP8, 40, TINY)
    stage.room.set_muted("one", True, stage.now)
    stage.room.set_muted("two", True, stage.now)
    await stage.play(2)
    await stage.leave(screen)
    await stage.play(1)
    await recorder.end("r")
    [main], [shared] = closed(news, tmp_path), closed(news, tmp_path, "screen")
    assert played(main).frames >= 5 * 25 - 3
    assert 2 * 50 - 6 <= played(main).sounds <= 2 * 50 + 6
    assert widths(shared) == [80]
    assert played(shared).frames >= 2 * 25 - 6


async def test_everybody_is_a_track_beside_where_that_is_wished(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    names = [str(uuid4()), str(uuid4())]
    stage = _met(recorder, others=True)
    for number, name in enumerate(names):
        _enter(stage, name, 20 + 10 * number, LARGE, LOUD + number)
    await stage.play(3)
    await recorder.end("r")
    tracks = ["main", *(f"room-{name}" for name in names)]
    for track in tracks:
        [file] = closed(news, tmp_path, track)
        assert played(file).frames >= 3 * 25 - 3
        assert played(file).sounds >= 3 * 50 - 3


async def test_nobody_takes_the_place_of_a_lead_who_is_not_there(
    recorder: Recorder, tmp_path: Path
) -> None:
    stage = staged(recorder)
    _enter(stage, "classroom", 20, LARGE, LOUD)
    await stage.play(2)
    await recorder.end("r")
    assert list(tmp_path.iterdir()) == []


async def test_the_best_layer_of_who_speaks_does_not_rest() -> None:
    rested: dict[bool, list[tuple[str, tuple[str, ...]]]] = {}
    for recorded in (False, True):
        room = Room("r", random=Random(1), plane=Plane())
        films, voices = {}, {}
        for name, ssrc in (("one", 20), ("two", 30)):
            spec = member(name, ssrc)
            sound, picture = spec.tracks
            layers = replace(picture, ssrcs=(), rids=("q", "f"), extensions=((Extension.RID, 4),))
            room.add_publisher(replace(spec, tracks=(sound, layers)), 0.0, 1e9)
            voices[spec.resource_id] = Voice(ssrc, level=LOUD if name == "one" else QUIET)
            films[spec.resource_id] = [
                Film(Codec.VP8, ssrc + 1, 96, size=SMALL, rid=(4, "q")),
                Film(Codec.VP8, ssrc + 2, 96, rid=(4, "f")),
            ]
        room.set_recorded(recorded, 0.0, led=False)
        for number in range(250):
            for resource, voice in voices.items():
                for data in (
                    voice.next(),
                    voice.next(),
                    *(d for f in films[resource] for d in f.frame()),
                ):
                    room.on_rtp(resource, data, number / 25)
            room.tick(number / 25, 1e9)
        rested[recorded] = [
            (o.participant, o.rids) for o in room.outputs if isinstance(o, LayersWanted)
        ]
    assert sorted(rested[False]) == [("one", ("q",)), ("two", ("q",))]
    assert rested[True] == [("two", ("q",))]


async def test_a_node_records_a_meeting(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    async with hall(recorder) as found:
        found.node.record("r", str(uuid4()), led=False)  # before anybody is there
        peer = await found.join("publish", "teacher", role="member")
        await found.event(ParticipantConnected, participant="teacher")
        film, voice = Film(Codec.VP8, VIDEO_SSRC, sdp.VP8), Voice(1, sdp.OPUS)
        for _ in range(50):
            for data in (voice.next(), voice.next(), *film.frame()):
                peer.send(data)
            await asyncio.sleep(0.04)
        await found.node.end_recording("r")
        [file] = closed(news, tmp_path)
        assert played(file).frames >= 45
        assert played(file).sounds >= 90
