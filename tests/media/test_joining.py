"""Segments become files that play: joined, cut, and shown in small."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from media.recording.cutting import cut
from media.recording.joining import Joined, Unreadable, join
from media.recording.names import read_name
from media.recording.news import News
from media.recording.pictures import chapters, poster, waveform
from media.recording.recorder import Recorder
from media.specs import Codec
from tests.media.stages import NODE, Stage, closed, played, staged


@pytest.fixture
def news() -> list[News]:
    return []


@pytest.fixture
async def stage(tmp_path: Path, news: list[News]) -> AsyncIterator[Stage]:
    recorder = Recorder(tmp_path, NODE, news.append, floor=0)
    yield staged(recorder)
    await recorder.close()


def _segments(news: list[News], directory: Path) -> list[tuple[Path, int]]:
    found = []
    for path in closed(news, directory):
        name = read_name(path.name)
        assert name is not None
        found.append((path, name.started_ms))
    return found


async def _again(stage: Stage) -> None:
    """What a node's death does: the recording goes on in another file."""
    await stage.recorder.end("r")
    stage.recorder.begin("r", stage.recording)
    stage.room.not_recorded()


@pytest.mark.parametrize(
    ("codec", "mime"),
    [
        (Codec.VP8, "video/webm"),
        (Codec.VP9, "video/webm"),
        (Codec.AV1, "video/webm"),
        (Codec.H264, "video/mp4"),
    ],
)
async def test_what_two_nodes_wrote_becomes_one_file(
    stage: Stage, news: list[News], tmp_path: Path, codec: Codec, mime: str
) -> None:
    stage.enter(codec)
    await stage.play(3)
    await _again(stage)
    await stage.play(3)
    await stage.recorder.end("r")
    segments = _segments(news, tmp_path)
    assert len(segments) == 2
    [made] = join(segments[::-1], tmp_path, "main")
    assert (made.mime, made.starts_ms) == (mime, segments[0][1])
    found = played(made.path)
    assert abs(found.seconds - 6) < 0.2
    assert abs(made.duration_ms - 6000) < 200
    assert found.frames > 5.3 * 25
    assert found.sounds > 5.8 * 50
    assert found.longest_still < 0.7


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.AV1, Codec.H264])
async def test_another_ffmpeg_finds_nothing_to_complain_of(
    stage: Stage, news: list[News], tmp_path: Path, codec: Codec
) -> None:
    stage.enter(codec)
    await stage.play(3)
    await _again(stage)
    await stage.play(3)
    await stage.recorder.end("r")
    [made] = join(_segments(news, tmp_path), tmp_path, "main")
    for path in (made.path, *closed(news, tmp_path)):
        process = await asyncio.create_subprocess_exec(
            *(get_ffmpeg_exe(), "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert (process.returncode, said.decode()) == (0, "")


async def test_other_parameter_sets_make_a_part_of_their_own_and_sound_alone_does_not(
    stage: Stage, news: list[News], tmp_path: Path
) -> None:
    blind = stage.enter(None, "a>")
    await stage.play(3)
    await stage.leave(blind)
    first = stage.enter(Codec.H264, "b>", ssrc=20)
    await stage.play(1)
    await stage.leave(first)
    stage.enter(Codec.H264, "c>", ssrc=30, size=(160, 120))
    await stage.play(1)
    await stage.recorder.end("r")
    segments = _segments(news, tmp_path)
    assert len(segments) == 3
    one, two = join(segments, tmp_path, "main")
    assert (played(one.path).size, played(two.path).size) == ((320, 240), (160, 120))
    assert played(one.path).sounds > 3.8 * 50
    assert two.starts_ms == segments[2][1]


async def test_a_file_cut_short_gives_what_it_has_and_rubbish_nothing(
    stage: Stage, news: list[News], tmp_path: Path
) -> None:
    stage.enter()
    await stage.play(4)
    await stage.recorder.end("r")
    [(whole, starts)] = _segments(news, tmp_path)
    data = whole.read_bytes()
    short = tmp_path / "short.mkv"
    short.write_bytes(data[: len(data) // 2])
    rubbish = tmp_path / "rubbish.mkv"
    rubbish.write_bytes(b"no film" * 1000)
    empty = tmp_path / "empty.mkv"
    empty.write_bytes(b"")
    [made] = join([(rubbish, 0), (short, starts), (empty, 1)], tmp_path, "main")
    assert 0.5 < played(made.path).seconds < 3.9
    with pytest.raises(Unreadable):
        join([(rubbish, 0), (empty, 1)], tmp_path, "none")


async def test_segments_that_overlap_are_told_once(
    stage: Stage, news: list[News], tmp_path: Path
) -> None:
    stage.enter()
    await stage.play(3)
    await stage.recorder.end("r")
    [(path, starts)] = _segments(news, tmp_path)
    [made] = join([(path, starts), (path, starts + 1500)], tmp_path, "main")
    found = played(made.path)
    assert abs(found.seconds - 4.5) < 0.2
    assert found.sounds < 4.6 * 50


async def _film(stage: Stage, news: list[News], tmp_path: Path, codec: Codec) -> Joined:
    stage.enter(codec)
    await stage.play(25)
    await stage.recorder.end("r")
    [made] = join(_segments(news, tmp_path), tmp_path, "film")
    return made


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264])
async def test_start_and_end_are_cut_off_at_key_frames(
    stage: Stage, news: list[News], tmp_path: Path, codec: Codec
) -> None:
    made = await _film(stage, news, tmp_path, codec)
    target = tmp_path / f"cut{made.path.suffix}"
    begins, duration = cut(made.path, target, 3_000, 20_000)
    assert 3_000 <= begins <= 13_200  # there is a key frame at least each ten seconds
    found = played(target)
    assert abs(found.seconds * 1000 - duration) < 100
    assert abs(duration - (20_000 - begins)) < 100
    assert found.frames > (20 - begins / 1000) * 25 - 5
    with pytest.raises(Unreadable):
        cut(made.path, tmp_path / f"none{made.path.suffix}", 24_900, 25_000)


async def test_a_recording_has_pictures_and_a_loudness(
    stage: Stage, news: list[News], tmp_path: Path
) -> None:
    made = await _film(stage, news, tmp_path, Codec.VP8)
    picture = poster(made.path, 2_500)
    assert picture is not None
    with av.open(io.BytesIO(picture)) as container:
        opened: Any = container
        assert (opened.streams.video[0].width, opened.streams.video[0].height) == (480, 360)
    places = chapters(made.path, made.duration_ms, 5_000)
    assert [at for at, _ in places] == sorted({at for at, _ in places})
    assert places[0][0] == 0
    assert len(places) >= 3
    loud = waveform(made.path, made.duration_ms, 50)
    assert len(loud) == 50
    assert min(loud) > 20  # noise, everywhere
    assert max(loud) <= 100


async def test_sound_alone_has_no_picture(stage: Stage, news: list[News], tmp_path: Path) -> None:
    stage.enter(None)
    await stage.play(3)
    await stage.recorder.end("r")
    [made] = join(_segments(news, tmp_path), tmp_path, "main")
    assert made.mime == "audio/webm"
    assert poster(made.path, 0) is None
    assert chapters(made.path, made.duration_ms, 1000) == []
    assert len(waveform(made.path, made.duration_ms, 10)) == 10
