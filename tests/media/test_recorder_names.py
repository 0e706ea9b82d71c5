"""What a recorder says and what its files are called, through pipes and file systems."""

import fcntl
import io
from pathlib import Path
from uuid import uuid4

import pytest

from media.recording.names import SegmentName, read_name
from media.recording.news import News, RecordingStopped, SegmentBegun, SegmentClosed
from media.recording.recorder import Recorder
from media.recording.segment import SegmentFile
from media.recording.strand import Strand
from media.recording.writer import heard, messages, pack, plain, said, unplain
from media.specs import Codec, Kind, Source
from tests.media.encoded import sounds
from tests.media.stages import NODE, played, staged


@pytest.mark.parametrize(
    "news",
    [
        7,
        SegmentBegun(SegmentName("a", "b", "c", "main", 5)),
        SegmentClosed(SegmentName("a", "b", "c", "screen", 5), 99),
        RecordingStopped("room", "recording", "disk_full"),
    ],
)
def test_news_are_heard_as_they_were_said(news: News | int) -> None:
    assert heard(said(news)) == news


def test_strands_go_through_the_pipe_and_half_a_message_is_none() -> None:
    strand = Strand(
        Source.SCREEN, "p", 7, Codec.H264, 90_000, ((1, b"x"), (3, b"y")), (9, 1.5), (2.0, 8, 1.0)
    )
    whole = pack("put", "r", plain([strand])) + pack("end", "r", 1)
    for cut in (0, 1, 5):
        pipe = io.BufferedReader(io.BytesIO(whole[: len(whole) - cut]))
        found = list(messages(pipe))
        assert unplain(found[0][2]) == [strand]
        assert len(found) == (2 if not cut else 1)


def test_a_name_says_all_and_no_other_file_has_one() -> None:
    name = SegmentName(str(uuid4()), str(uuid4()), NODE, "screen", 1_790_000_000_123)
    assert read_name(name.file) == name
    for other in ("x.mkv", name.file + "~", name.file.replace("screen", "side"), "../" + name.file):
        assert read_name(other) is None


def test_a_segment_is_locked_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    file = SegmentFile(path, None)
    for number, data in enumerate(sounds()[:60]):
        file.write(Kind.AUDIO, 20 * number, data, key=True)
    with path.open("rb") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.close()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert played(path).sounds == 60


async def test_a_recording_is_begun_once_however_often_it_is_asked_for(
    recorder: Recorder, news: list[News]
) -> None:
    stage = staged(recorder)
    stage.enter()
    await stage.play(1)
    recorder.begin("r", stage.recording)
    await stage.play(1)
    await recorder.end("r")
    await recorder.end("r")
    assert sum(isinstance(n, SegmentBegun) for n in news) == 1
