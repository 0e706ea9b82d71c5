"""What is in a file decides, whatever it is called: looked into by the bounded process itself."""

import asyncio
import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from classroom_sync.errors import Refused
from classroom_sync.uploads.inspection import Found, inspect
from classroom_sync.uploads.kinds import DOCX, MP4, PDF, PPTX, WEBM, FileType
from tests.uploads.files import office, pdf, video

_FRONT = {"movflags": "faststart"}
_PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


async def _said(tmp_path: Path, content: bytes, kind: FileType) -> str:
    """What is said of a file that is not taken."""
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(Refused) as refused:
        await inspect(path, kind.media_type)
    assert refused.value.status == 422
    return str(refused.value)


@pytest.mark.parametrize(
    ("make", "kind", "seconds"),
    [
        (partial(video, 4), MP4, 4.0),
        (partial(video, 4, **_FRONT), MP4, 4.0),
        (partial(video, 4, movflags="frag_keyframe+empty_moov"), MP4, 4.0),
        (partial(video, 4, suffix="webm"), WEBM, 4.0),
    ],
)
async def test_whole_videos_are_taken_with_their_duration(
    tmp_path: Path, make: Callable[[], bytes], kind: FileType, seconds: float
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(make())
    found = await inspect(path, kind.media_type)
    assert found.duration_ms is not None
    assert found.duration_ms / 1000 == pytest.approx(seconds, abs=0.3)


@pytest.mark.parametrize(
    ("make", "kind", "pages"),
    [(partial(pdf, 3), PDF, 3), (office, PPTX, 1), (partial(office, "docx"), DOCX, None)],
)
async def test_whole_documents_are_taken_with_their_pages(
    tmp_path: Path, make: Callable[[], bytes], kind: FileType, pages: int | None
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(make())
    assert (await inspect(path, kind.media_type)).pages == pages


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("options", [{}, _FRONT])
async def test_a_truncated_mp4_is_cut_off(
    tmp_path: Path, options: dict[str, str], share: float
) -> None:
    """With its index at the end it lacks the index; with the index in front, pictures."""
    whole = video(4, **options)
    said = await _said(tmp_path, whole[: int(len(whole) * share)], MP4)
    assert said.startswith("The file is cut off")


async def test_a_truncated_webm_is_cut_off(tmp_path: Path) -> None:
    whole = video(20, suffix="webm")
    assert (await _said(tmp_path, whole[: len(whole) // 2], WEBM)).startswith("The file is cut off")


@pytest.mark.parametrize("kind", [MP4, WEBM, PDF, PPTX, DOCX])
@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><script>alert(1)</script>",
        b"MZ\x90\0" + bytes(5000),
        b"\x89PNG\r\n\x1a\n" + bytes(5000),
        _PLAYLIST,
        bytes(4096),
        b"\xff",
    ],
)
async def test_what_is_something_else_is_not_taken(
    tmp_path: Path, content: bytes, kind: FileType
) -> None:
    said = await _said(tmp_path, content, kind)
    assert said.startswith(("The file is not what its name says", "The file is cut off"))


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (partial(video, 2, suffix="webm"), MP4, "The file is not what its name says"),
        (partial(video, 2), WEBM, "The file is not what its name says"),
        (partial(video, 2, codec="mpeg4"), MP4, "Classroom browsers don't play"),
        (partial(pdf, 1), PPTX, "The file is not what its name says"),
        (partial(office, "docx"), PPTX, "The file is not what its name says"),
        (office, DOCX, "The file is not what its name says"),
        (lambda: pdf(3)[:-200], PDF, "The file is cut off"),
        (lambda: office()[:-30], PPTX, "The file is cut off"),
        (partial(pdf, 1, opening="/JavaScript"), PDF, "The file holds a script"),
        (partial(pdf, 1, opening="/Launch"), PDF, "The file holds a script"),
        (partial(pdf, 1, within=True), PDF, "The file holds a script"),
        (partial(pdf, 1, password="secret"), PDF, "The file is protected by a password"),
        (partial(office, ppt__vbaProject_bin=b"x"), PPTX, ""),
        (partial(office, **{"ppt__vbaProject.bin": b"x"}), PPTX, "The file holds a script"),
        (partial(office, **{"..__..__etc__passwd": b"x"}), PPTX, "The file is damaged"),
    ],
)
async def test_unfit_files_are_refused_with_the_reason(
    tmp_path: Path, make: Callable[[], bytes], kind: FileType, says: str
) -> None:
    if not says:  # a part that only looks like a macro by a part of its name
        path = tmp_path / "upload"
        path.write_bytes(make())
        assert (await inspect(path, kind.media_type)).pages == 1
        return
    assert (await _said(tmp_path, make(), kind)).startswith(says)


async def test_an_archive_that_unpacks_to_far_too_much_is_refused_unread(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(9):
            with archive.open(f"{n}", "w", force_zip64=True) as part:
                for _ in range(128):
                    part.write(bytes(2**20))
    assert (await _said(tmp_path, target.getvalue(), PPTX)).startswith("The file unpacks to far")


async def test_a_damaged_sum_is_found(tmp_path: Path) -> None:
    content = bytearray(office("docx", **{"word__media__a.png": b"0123456789" * 5}))
    at = content.index(b"word/media/a.png") + len("word/media/a.png")
    content[at] ^= 0xFF
    assert (await _said(tmp_path, bytes(content), DOCX)).startswith("The file is damaged")


async def test_damage_within_a_video_ends_in_a_sentence(tmp_path: Path) -> None:
    """Wherever it is, the look ends: taken with fewer pictures, or refused."""
    whole = video(4, **_FRONT)
    for at in range(40, 1500, 97):
        damaged = bytearray(whole)
        damaged[at : at + 8] = b"\xff" * 8
        path = tmp_path / "upload"
        path.write_bytes(damaged)
        outcome = await asyncio.gather(inspect(path, MP4.media_type), return_exceptions=True)
        assert isinstance(outcome[0], Found | Refused), outcome
