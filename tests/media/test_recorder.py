"""What is on disk of a lesson: real encodings through a room, its tap and the recorder's thread."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from media import rtp
from media.bench import sdp
from media.events import LayersWanted
from media.node_events import ParticipantConnected
from media.plane import Plane
from media.recording.names import read_name
from media.recording.news import News, RecordingStopped, SegmentClosed
from media.recording.recorder import Recorder
from media.room import Room
from media.rtp import Protocol
from media.specs import Codec, Extension, PublisherSpec, Source
from tests.media.encoded import Film, Voice
from tests.media.halls import VIDEO_SSRC, hall
from tests.media.stages import NODE, closed, lead, played, played_frames, shown_widths, staged


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.H264, Codec.AV1])
async def test_a_lesson_is_recorded_whole(
    recorder: Recorder, news: list[News], tmp_path: Path, codec: Codec
) -> None:
    stage = staged(recorder)
    stage.enter(codec)
    await stage.play(6)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    found = played(file)
    assert found.frames >= 6 * 25 - 2
    assert found.sounds >= 6 * 50 - 2
    assert abs(found.seconds - 6) < 0.2
    assert found.size == (320, 240)
    name = read_name(file.name)
    assert name is not None
    assert (name.recording, name.node, name.track) == (stage.recording, NODE, "main")
    assert abs(name.started_ms / 1000 - time.time() + time.monotonic() - 100) < 1


async def test_a_broken_picture_is_not_written_and_a_key_frame_is_asked_for(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    stage.enter()
    await stage.play(2.4)
    lost = stage.sent + 1
    stage.loses = lambda number: number == lost
    await stage.play(3.6)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    found = played(file)  # all of it can be decoded
    assert 0.5 < found.longest_still < 1.5  # the packet was waited for, then a key frame came
    assert found.sounds >= 6 * 50 - 2  # sound went on


async def test_a_packet_that_comes_again_in_time_is_in_its_place(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    act = stage.enter()
    await stage.play(1)
    assert act.film is not None
    late = act.film.frame()
    for data in late[1:]:
        stage.room.on_rtp(act.resource, data, stage.now)
    await stage.play(0.2)
    stage.room.on_rtp(act.resource, late[0], stage.now)
    await stage.play(1)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    found = played(file)
    assert found.frames == 25 + 1 + 5 + 25
    assert found.longest_still < 0.1


async def test_a_reconnect_goes_on_in_the_same_file_and_another_codec_in_the_next(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    first = stage.enter(Codec.VP8, "a>")
    await stage.play(2)
    await stage.leave(first, "lost")
    stage.now += 3
    again = stage.enter(Codec.VP8, "b>", ssrc=20, size=(160, 120))
    await stage.play(2)
    await stage.leave(again, "replaced")
    stage.enter(Codec.H264, "c>", ssrc=30)
    await stage.play(2)
    await recorder.end("r")
    vp8, h264 = closed(news, tmp_path)
    found = played(vp8)
    assert found.frames >= 4 * 25 - 4
    assert 2.9 < found.longest_still < 3.3  # time is kept
    assert played(h264).frames >= 2 * 25 - 2


async def test_new_parameter_sets_begin_a_new_segment(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    first = stage.enter(Codec.H264, "a>")
    await stage.play(1)
    await stage.leave(first)
    stage.enter(Codec.H264, "b>", ssrc=20, size=(160, 120))
    await stage.play(1)
    await recorder.end("r")
    assert [played(file).size for file in closed(news, tmp_path)] == [(320, 240), (160, 120)]


async def test_sound_alone_is_recorded_and_a_camera_that_comes_later_too(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    blind = stage.enter(None, "a>")
    await stage.play(4)
    await stage.leave(blind)
    stage.enter(Codec.VP8, "b>", ssrc=20)
    await stage.play(2)
    await recorder.end("r")
    sound, whole = (played(file) for file in closed(news, tmp_path))
    assert (sound.codec, sound.frames) == (None, 0)
    assert sound.sounds >= 4 * 50 - 2
    assert whole.frames >= 48


async def test_a_shared_screen_is_kept_beside_the_camera(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    stage.enter(Codec.VP8, "a>")
    await stage.play(1)
    screen = stage.enter(Codec.VP9, "s>", source=Source.SCREEN, ssrc=20, size=(160, 120))
    await stage.play(2)
    await stage.leave(screen)
    await stage.play(1)
    await recorder.end("r")
    [main] = closed(news, tmp_path)
    [shared] = closed(news, tmp_path, "screen")
    assert played(main).frames >= 98
    assert played(shared).frames >= 48
    begins = [read_name(p.name) for p in (main, shared)]
    assert begins[0] is not None
    assert begins[1] is not None
    assert abs(begins[1].started_ms - begins[0].started_ms - 1000) < 100


async def test_what_a_muted_lead_says_is_not_recorded(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    stage.enter()
    await stage.play(1)
    stage.room.set_muted("lead", True, stage.now)
    await stage.play(2)
    stage.room.set_muted("lead", False, stage.now)
    await stage.play(1)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    found = played(file)
    assert found.frames >= 98
    assert 2 * 50 - 6 <= found.sounds <= 2 * 50 + 6


async def test_nothing_is_recorded_before_it_is_wished_nor_after(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    stage.room.set_recorded(False, stage.now)
    stage.enter()
    await stage.play(1)
    assert list(tmp_path.iterdir()) == []
    stage.room.set_recorded(True, stage.now)
    await stage.play(1)
    stage.room.set_recorded(False, stage.now)
    await stage.play(5)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    assert played(file).seconds < 1.2


async def test_rooms_are_recorded_side_by_side(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stages = [staged(recorder, f"r{n}") for n in range(4)]
    for stage in stages:
        stage.enter()
    for _ in range(4):
        for stage in stages:
            await stage.play(0.5)
    await asyncio.gather(*(recorder.end(stage.room.id) for stage in stages))
    assert [played(f).frames >= 48 for f in closed(news, tmp_path)] == [True] * 4
    names = {read_name(f.name) for f in tmp_path.iterdir()}
    assert {n.recording for n in names if n} == {stage.recording for stage in stages}


async def test_the_best_layer_that_comes_is_recorded(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    small, large = Film(Codec.VP8, 11, 96, size=(160, 120)), Film(Codec.VP8, 12, 96)
    spec = lead(Codec.VP8, "a>")
    sound, picture = spec.tracks
    layers = replace(picture, ssrcs=(11, 12))
    stage.room.add_publisher(replace(spec, tracks=(sound, layers)), stage.now, 1e9)

    async def play(seconds: float, *films: Film) -> None:
        for _ in range(round(seconds * 25)):
            for film in films:
                for data in film.frame(key=film.ssrc in stage.pleas):
                    stage.room.on_rtp("a>", data, stage.now)
            stage.pleas.clear()
            await stage.play(1 / 25)

    await play(2, small, large)
    await play(3, small)  # its line has become too weak for the large one
    await play(4, small, large)
    await recorder.end("r")
    [file] = closed(news, tmp_path)
    found = played(file)
    assert found.longest_still < 1.5
    widths = shown_widths(file)
    assert widths[-1] == 320
    assert [w for w, before in zip(widths, [0, *widths], strict=False) if w != before] == [
        320,
        160,
        320,
    ]


async def test_a_layer_that_nobody_watches_does_not_rest_while_it_is_recorded() -> None:
    for recorded in (False, True):
        room = Room("r", random=Random(1), plane=Plane())
        spec = lead(Codec.VP8, "a>")
        layers = replace(
            spec.tracks[1], ssrcs=(), rids=("q", "f"), extensions=((Extension.RID, 4),)
        )
        room.add_publisher(replace(spec, tracks=(layers,)), 0.0, 1e9)
        room.set_recorded(recorded, 0.0)
        small = Film(Codec.VP8, 11, 96, size=(160, 120), rid=(4, "q"))
        large = Film(Codec.VP8, 12, 96, rid=(4, "f"))
        for number in range(250):
            for data in (*small.frame(), *large.frame()):
                room.on_rtp("a>", data, number / 25)
            room.tick(number / 25, 1e9)
        rested = [o.rids for o in room.outputs if isinstance(o, LayersWanted)]
        assert rested == ([] if recorded else [("q",)])


async def test_a_node_records_what_comes_over_its_socket(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    async with hall(recorder) as found:
        found.node.record("r", str(uuid4()))  # before anybody is there
        peer = await found.join("publish", "lead")
        await found.event(ParticipantConnected, participant="lead")
        player = await found.join("subscribe", "room")
        await found.event(ParticipantConnected, participant="room")
        film, voice = Film(Codec.VP8, VIDEO_SSRC, sdp.VP8), Voice(1, sdp.OPUS)
        for _ in range(75):
            for data in (voice.next(), voice.next(), *film.frame()):
                peer.send(data)
            await asyncio.sleep(0.04)
        await player.arrivals(Protocol.RTP)
        await found.node.end_recording("r")
        [file] = closed(news, tmp_path)
        recorded = played(file)
        assert recorded.frames >= 73
        assert recorded.sounds >= 146
        found.node.close_room("r")


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.H264, Codec.AV1])
async def test_pictures_that_are_none_cost_themselves_and_not_the_recording(
    recorder: Recorder, news: list[News], tmp_path: Path, codec: Codec
) -> None:
    stage = staged(recorder)
    act = stage.enter(codec)
    assert act.film is not None
    real = act.film.frame()[0]
    act.film.sequence, act.film.shown = 100, 0
    header = rtp.parse(real)
    stage.now += 1
    for number in range(30):  # key frames by their first bytes, rubbish by all others
        rubbish = Random(number).randbytes(300)
        head = rtp.header_bytes(True, 96, 50 + number, 3600 * number, header.ssrc)
        data = head + real[header.payload_start : header.payload_start + 8] + rubbish
        stage.room.on_rtp(act.resource, data, stage.now)
    act.film.sequence = 80
    await stage.play(3)
    await recorder.end("r")
    assert not any(isinstance(n, RecordingStopped) for n in news)
    assert played_frames(closed(news, tmp_path)[-1]) >= 70


# ── trouble ──────────────────────────────────────────────────────────────────────────────


def _guest(name: str, ssrc: int) -> PublisherSpec:
    return replace(lead(Codec.VP8, f"{name}>", ssrc=ssrc), participant=name, lead=False)


@pytest.mark.parametrize("others", [False, True])
async def test_other_classrooms_are_recorded_only_where_that_is_wished_each_in_its_own_file(
    recorder: Recorder, news: list[News], tmp_path: Path, others: bool
) -> None:
    near, far = str(uuid4()), str(uuid4())
    stage = staged(recorder)
    stage.room.set_recorded(False, stage.now)
    stage.room.set_recorded(True, stage.now, others=others)
    stage.enter(Codec.VP8, "a>")
    for name, ssrc in ((near, 20), (far, 30)):
        stage.admit(_guest(name, ssrc), Codec.VP8, ssrc)
    stage.room.set_muted(far, True, stage.now)
    await stage.play(3)
    await recorder.end("r")
    assert len(closed(news, tmp_path)) == 1
    tracks = {n.name.track for n in news if isinstance(n, SegmentClosed)}
    if not others:
        assert tracks == {"main"}
        return
    assert tracks == {"main", f"room-{near}", f"room-{far}"}
    for name, heard_of in ((near, True), (far, False)):
        [file] = closed(news, tmp_path, f"room-{name}")
        found = played(file)
        assert found.frames >= 3 * 25 - 2
        assert (found.sounds > 0) == heard_of
        read = read_name(file.name)
        assert read is not None
        assert read.track == f"room-{name}"
