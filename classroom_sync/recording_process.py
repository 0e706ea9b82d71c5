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
    """`segments`: [track, participant, [path, Unix milliseconds of its beginning] of each] of
    each that is shown. `beside`: parts as in the result, of the same recording, that these come to;
    `after`: milliseconds on its clock at which they begin. `zero_ms` of the result: where its clock
    stands at 0, in Unix milliseconds."""
    parts: list[dict[str, Any]] = []
    for track, participant, given in task["segments"]:
        segments = [(Path(path), ms) for path, ms in given]
        try:
            joined = join(
                segments, directory, track if participant is None else f"{track}-{participant}"
            )
        except Unreadable:
            continue
        for part in joined:
            number = 1 + sum(made["track"] == track for made in parts)
            made = _part(track, number, part.path, part.starts_ms, part.duration_ms)
            parts.append(made | {"mime": part.mime, "participant": participant})
    if not parts:
        raise Unreadable("no segment has anything that can be played")
    zero = min(part["starts_ms"] for part in parts) - task["after"]
    for each in parts:
        each["starts_ms"] -= zero
    return _with_pictures(parts, directory, task["beside"]) | {"zero_ms": zero}


def _cut(task: dict[str, Any], directory: Path) -> dict[str, Any]:
    """`parts` as in the result, whose paths are to be read; `from_ms` and `to_ms` on the
    recording's clock, as is `zero_ms` of the result, where the new clock stands at 0."""
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
            | {"mime": part["mime"], "participant": part["participant"]}
        )
    if not made:
        raise Unreadable("nothing that can be played is left")
    return _with_pictures(made, directory) | {"zero_ms": zero}


def _part(track: str, number: int, path: Path, starts_ms: int, duration_ms: int) -> dict[str, Any]:
    return {
        "track": track,
        "number": number,
        "path": str(path),
        "starts_ms": starts_ms,
        "duration_ms": duration_ms,
        "bytes": path.stat().st_size,
    }


def _with_pictures(
    parts: Sequence[dict[str, Any]], directory: Path, beside: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """The result: the parts, and of them with those beside a poster, chapters on the recording's
    clock, and the loudness over all of it."""
    every = sorted((*beside, *parts), key=lambda part: (part["track"], part["starts_ms"]))
    films = [part for part in every if part["track"] == every[0]["track"]]
    length = max(part["starts_ms"] + part["duration_ms"] for part in every)
    pictures: dict[int, str] = {}
    loudness = [0] * _SPANS
    front = None
    for film in films:
        path, starts, duration = Path(film["path"]), film["starts_ms"], film["duration_ms"]
        for ms, jpeg in chapters(path, duration, _CHAPTER):
            place = directory / f"chapter-{starts + ms}.jpg"
            place.write_bytes(jpeg)
            pictures.setdefault(starts + ms, str(place))
        if front is None:
            front = poster(path, min(_POSTER, duration // 2))
        first = min(_SPANS - 1, starts * _SPANS // length)
        spans = max(1, min(_SPANS - first, round(duration * _SPANS / length)))
        for n, loud in enumerate(waveform(path, duration, spans), start=first):
            loudness[n] = max(loudness[n], loud)
    if front is not None:
        (directory / "poster.jpg").write_bytes(front)
    return {
        "parts": list(parts),
        "poster": str(directory / "poster.jpg") if front is not None else None,
        "chapters": sorted(pictures.items()),
        "waveform": loudness if any(loudness) else [],
    }


if __name__ == "__main__":
    main()
