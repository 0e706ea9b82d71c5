"""Work on recordings in a process of its own: `python -m classroom_sync.recording_process`.

One line of input, a task as JSON; one line of output, its result. Frames are decoded here (for the
small pictures and the loudness), so it is of low priority: lessons under way come first.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from media.recording.cutting import cut
from media.recording.joining import Unreadable, join
from media.recording.pictures import chapters, poster, waveform
from scheduler.recording import Track

_NICE = 15
_CHAPTER = 300_000  # milliseconds
_POSTER = 60_000  # milliseconds into the lesson: by then the teacher is there
_SPANS = 400  # of the waveform


def main() -> None:
    os.nice(_NICE)
    task = json.loads(sys.stdin.readline())
    work = {"join": _join, "cut": _cut}[task["do"]]
    try:
        result = work(task, Path(task["directory"]))
    except Unreadable as error:
        result = {"unreadable": str(error)}
    sys.stdout.write(json.dumps(result) + "\n")


def _join(task: dict[str, Any], directory: Path) -> dict[str, Any]:
    """`segments`: by track, [path, Unix milliseconds of its beginning] of each."""
    parts: list[dict[str, Any]] = []
    for track in Track:
        segments = [(Path(path), ms) for path, ms in task["segments"].get(track.value, ())]
        if not segments:
            continue
        try:
            joined = join(segments, directory, track.value)
        except Unreadable:
            continue
        for number, part in enumerate(joined, start=1):
            made = _part(track.value, number, part.path, part.starts_ms, part.duration_ms)
            parts.append(made | {"mime": part.mime})
    if not parts:
        raise Unreadable("no segment has anything that can be played")
    zero = min(part["starts_ms"] for part in parts)
    for each in parts:
        each["starts_ms"] -= zero
    return _with_pictures(parts, directory)


def _cut(task: dict[str, Any], directory: Path) -> dict[str, Any]:
    """`parts` as in the result, whose paths are to be read; `from_ms` and `to_ms` on the
    recording's clock."""
    made: list[dict[str, Any]] = []
    zero: int | None = None
    for part in task["parts"]:
        source, starts = Path(part["path"]), part["starts_ms"]
        suffix = "mp4" if part["mime"] == "video/mp4" else "webm"
        target = directory / f"{part['track']}-{part['number']}-cut.{suffix}"
        since = zero if zero is not None else task["from_ms"]
        try:
            begins, duration = cut(source, target, since - starts, task["to_ms"] - starts)
        except Unreadable:
            continue
        begins += starts
        zero = begins if zero is None else zero
        number = 1 + sum(m["track"] == part["track"] for m in made)
        made.append(
            _part(part["track"], number, target, max(0, begins - zero), duration)
            | {"mime": part["mime"]}
        )
    if not made:
        raise Unreadable("nothing that can be played is left")
    return _with_pictures(made, directory)


def _part(track: str, number: int, path: Path, starts_ms: int, duration_ms: int) -> dict[str, Any]:
    return {
        "track": track,
        "number": number,
        "path": str(path),
        "starts_ms": starts_ms,
        "duration_ms": duration_ms,
        "bytes": path.stat().st_size,
    }


def _with_pictures(parts: Sequence[dict[str, Any]], directory: Path) -> dict[str, Any]:
    """The result: the parts, a poster, chapters on the recording's clock, and the loudness."""
    of = parts[0]
    film, duration = Path(of["path"]), of["duration_ms"]
    found: list[tuple[int, str]] = []
    for number, (ms, jpeg) in enumerate(chapters(film, duration, _CHAPTER)):
        path = directory / f"chapter-{number}.jpg"
        path.write_bytes(jpeg)
        found.append((of["starts_ms"] + ms, str(path)))
    picture = poster(film, min(_POSTER, duration // 2))
    front = directory / "poster.jpg"
    if picture is not None:
        front.write_bytes(picture)
    return {
        "parts": list(parts),
        "poster": str(front) if picture is not None else None,
        "chapters": found,
        "waveform": waveform(film, duration, _SPANS),
    }


if __name__ == "__main__":
    main()
