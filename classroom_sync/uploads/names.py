"""What an upload may be called, and what its name claims that it is."""

import re
from pathlib import PurePosixPath

from classroom_sync.errors import Refused
from classroom_sync.uploads.kinds import TYPES, FileType, UploadKind

MAX_NAME = 120  # characters

_PATH = re.compile(r"[/\\]|^\.|^[A-Za-z]:|^~")
#: Control and format characters turn text around or hide it (C0, C1, U+202A…U+202E, U+2066…U+2069).
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def file_name(name: str) -> str:
    """The name as it may be shown. Raises Refused (422) with what is wrong about it.

    It never names a file on the server, where an upload is called by its id.
    """
    name = name.strip()
    if not name:
        raise Refused(422, "The file has no name: give it one and send it again.")
    if len(name) > MAX_NAME:
        raise Refused(
            422, "The file's name has more than {most} characters: shorten it.", most=MAX_NAME
        )
    if _PATH.search(name) or _UNSEEN.search(name):
        raise Refused(
            422, "The file's name holds a folder or unseen characters: give it a plain name."
        )
    if re.search(r"[<>&\"'`]", name):
        raise Refused(
            422, "The file's name holds signs of HTML (< > & quotes): give it a plain name."
        )
    return name


def file_type(name: str, kind: UploadKind) -> FileType:
    """The format that a name claims. Raises Refused (415) unless it is one of the kind's."""
    suffix = PurePosixPath(name).suffix.lower()
    found = next((t for t in TYPES[kind] if t.suffix == suffix), None)
    if found is None:
        raise Refused(
            415,
            "This can't be sent as such: a lesson is an MP4 or WebM video, slides are PDF or PPTX, "
            "a worksheet is PDF or DOCX.",
        )
    return found
