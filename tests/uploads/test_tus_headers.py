"""Names and tus headers, without a server."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom_sync.errors import Refused
from classroom_sync.uploads import tus
from classroom_sync.uploads.kinds import MP4, PDF, UploadKind
from classroom_sync.uploads.names import MAX_NAME, file_name, file_type

GB = 10**9


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "name", ["音乐 第3课.mp4", "  lesson.mp4 ", "a..b.mp4", "Lesson (final) v2.1.mp4", "é.pdf"]
)
def test_plain_names_are_kept(name: str) -> None:
    assert file_name(name) == name.strip()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "has no name"),
        ("   ", "has no name"),
        ("../../etc/passwd", "a folder or unseen"),
        ("..\\..\\windows\\x.mp4", "a folder or unseen"),
        ("C:lesson.mp4", "a folder or unseen"),
        ("/etc/passwd", "a folder or unseen"),
        (".htaccess", "a folder or unseen"),
        ("~root", "a folder or unseen"),
        ("lesson.mp4\0.html", "a folder or unseen"),
        ("lesson\r\nSet-Cookie: x.mp4", "a folder or unseen"),
        ("cod.\u202e4pm.exe", "a folder or unseen"),
        ("<script>alert(1)</script>.mp4", "a folder or unseen"),  # the slash is said first
        ("<img src=x onerror=alert(1)>.mp4", "signs of HTML"),
        ('"onload="x.mp4', "signs of HTML"),
        ("a&lt;b.mp4", "signs of HTML"),
        ("x" * (MAX_NAME + 1), "more than 120 characters"),
    ],
)
def test_tricks_in_names_are_refused_in_words(name: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        file_name(name)
    assert refused.value.status == 422


def test_each_kind_takes_its_own_formats() -> None:
    assert file_type("a.MP4", UploadKind.LESSON) is MP4
    assert file_type("a.pdf", UploadKind.SLIDES) is PDF
    for name, kind in (
        ("a.pdf", UploadKind.LESSON),
        ("a.mp4", UploadKind.SLIDES),
        ("a.pptm", UploadKind.SLIDES),
        ("a.exe", UploadKind.WORKSHEET),
        ("mp4", UploadKind.LESSON),
    ):
        with pytest.raises(Refused) as refused:
            file_type(name, kind)
        assert refused.value.status == 415


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 400),
        ("", 400),
        ("-1", 400),
        ("1e9", 400),
        ("١٢", 400),
        ("9" * 40, 400),
        ("0", 422),
        (str(20 * GB), 413),
        (str(2 * GB + 1), 413),
    ],
)
def test_lengths_that_are_not_taken(given: str | None, status: int) -> None:
    with pytest.raises(Refused) as refused:
        tus.length({} if given is None else {"Upload-Length": given}, 2 * GB)
    assert refused.value.status == status


def test_twenty_gigabytes_are_refused_in_words() -> None:
    with pytest.raises(Refused, match=r"20\.0 GB; the most that is taken is 2\.0 GB"):
        tus.length({"Upload-Length": str(20 * GB)}, 2 * GB)
    assert tus.length({"Upload-Length": str(2 * GB)}, 2 * GB) == 2 * GB
    assert [tus.in_words(n) for n in (999, 1000, 2_500_000)] == ["999 B", "1 KB", "2.5 MB"]


def test_metadata_is_read_as_the_protocol_writes_it() -> None:
    text = f"filename {_encoded('音乐.mp4')}, kind {_encoded('lesson')},flag"
    assert tus.metadata({"Upload-Metadata": text}) == {
        "filename": "音乐.mp4",
        "kind": "lesson",
        "flag": "",
    }
    assert tus.metadata({}) == {}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("filename ???", 400),
        ("filename /w==", 400),  # not UTF-8
        (f"a {_encoded('1')},a {_encoded('2')}", 400),
        ("ключ " + _encoded("1"), 400),
        ("a " + "A" * 5000, 413),
    ],
)
def test_metadata_that_is_not_read(text: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        tus.metadata({"Upload-Metadata": text})
    assert refused.value.status == status


def test_another_version_is_a_failed_precondition() -> None:
    tus.check_version({"Tus-Resumable": "1.0.0"})
    for headers in ({}, {"Tus-Resumable": "0.2.2"}):
        with pytest.raises(Refused) as refused:
            tus.check_version(headers)
        assert refused.value.status == 412


@given(st.text(max_size=300))
def test_whatever_a_name_is_it_is_kept_or_refused(name: str) -> None:
    with contextlib.suppress(Refused):
        kept = file_name(name)
        assert kept == name.strip()
        assert not set(kept) & set("/\\<>&\"'`\0\n\r")


@given(st.text(max_size=200), st.text(max_size=20))
def test_whatever_headers_say_they_are_read_or_refused(metadata: str, number: str) -> None:
    headers = {"Upload-Metadata": metadata, "Upload-Length": number, "Upload-Offset": number}
    for read in (tus.metadata, tus.offset, lambda h: tus.length(h, GB)):
        with contextlib.suppress(Refused):
            read(headers)  # type: ignore[operator]  # functions of headers
