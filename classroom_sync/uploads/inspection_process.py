"""The process that looks into one uploaded file: its path and media type as arguments, JSON out.

It gives itself little memory and processor time before it reads a byte, and may write nothing. A
file is good when it is what its name says, whole, and can be shown in a classroom.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from classroom_sync.uploads.inspection_documents import office, pdf
from classroom_sync.uploads.inspection_video import video
from classroom_sync.uploads.kinds import DOCX, MP4, PDF, PPTX, WEBM
from classroom_sync.uploads.unfit import Unfit

_MEMORY = 1536 * 2**20
_SECONDS = 120  # of processor time


def main() -> None:
    """Entry point of the process."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    path, media_type = Path(sys.argv[1]), sys.argv[2]
    os.environ.clear()
    try:
        answer = inspect(path, media_type)
    except Unfit as error:
        answer = {"unfit": str(error)}
    sys.stdout.write(json.dumps(answer))


def inspect(path: Path, media_type: str) -> dict[str, Any]:
    """`{"duration_ms": …}` of a video, `{"pages": …}` of a document. Raises Unfit."""
    return _LOOKS[media_type](path)


_LOOKS: dict[str, Callable[[Path], dict[str, Any]]] = {
    MP4.media_type: lambda path: video(path, "mov"),
    WEBM.media_type: lambda path: video(path, "matroska"),
    PDF.media_type: pdf,
    PPTX.media_type: lambda path: office(path, "ppt/presentation.xml", PPTX.media_type),
    DOCX.media_type: lambda path: office(path, "word/document.xml", DOCX.media_type),
}

if __name__ == "__main__":
    main()
