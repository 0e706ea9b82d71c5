"""Have a file looked into by a process of its own, and say in words why it is not taken."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from classroom_sync.errors import Refused

_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a good file is: how long a video plays, how many pages a document has."""

    duration_ms: int | None
    pages: int | None


async def inspect(path: Path, media_type: str) -> Found:
    """Look into a file. Raises Refused (422) with what is wrong about it and what to do."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "classroom_sync.uploads.inspection_process",
        str(path),
        media_type,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise Refused(422, _SENTENCES["heavy"]) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Refused(422, _SENTENCES["heavy"])
    answer = json.loads(said)
    if "unfit" in answer:
        raise Refused(422, _SENTENCES[answer["unfit"]])
    return Found(answer.get("duration_ms"), answer.get("pages"))


_SENTENCES = {
    "type": "The file is not what its name says: export it again as MP4, WebM, PDF, PPTX or DOCX.",
    "truncated": "The file is cut off: its end is missing. Copy or export it again, whole.",
    "broken": "The file is damaged: open it on your computer, and export it again.",
    "no_picture": "The video has no picture to be shown: export it again as MP4 (H.264, AAC).",
    "codec": "Classroom browsers don't play this kind of video: export it as MP4 (H.264, AAC).",
    "large": "The picture is larger than 4096 pixels: export the video in 1080p.",
    "long": "The file is longer than can be sent: at most 6 hours of video or 1000 pages.",
    "encrypted": "The file is protected by a password: remove it and send the file again.",
    "active": "The file holds a script, a macro or another file: save it without and send that.",
    "bomb": "The file unpacks to far more than slides need: make its pictures smaller.",
    "heavy": "The file takes too much memory or time to look into: export it again, simpler.",
}
