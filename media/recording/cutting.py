"""Cut the start and the end of a finished file off, without encoding anew.

A picture can only begin with a key frame: the first at or after the wished start is taken, so that
nothing that was to go stays. The end is exact to a frame.
"""

from contextlib import closing
from pathlib import Path

import av

from media.recording.joining import Muxing, Unreadable, muxing, packets
from media.specs import Kind


def cut(source: Path, target: Path, from_ms: int, to_ms: int) -> tuple[int, int]:
    """Write what is between two milliseconds of `source` into `target`, in the container of its
    suffix: (the millisecond at which it begins now, its duration in milliseconds).

    Raises Unreadable when nothing is left, OSError.
    """
    begins = _begins(source, from_ms)
    if begins is None or begins >= to_ms:
        raise Unreadable("nothing that can be played is left")
    try:
        with av.open(str(source), "r") as container:
            made: Muxing = muxing(target, target.suffix.removeprefix("."), [container])
            with closing(made.container):
                for kind, packet, ms in packets(container):
                    if begins <= ms < to_ms:
                        made.write(kind, packet, ms - begins)
    except av.FFmpegError as error:
        raise Unreadable(str(error)) from error
    return begins, made.duration_ms


def _begins(source: Path, from_ms: int) -> int | None:
    """Where a cut can begin; None where it can't."""
    if from_ms <= 0:
        return 0
    try:
        with av.open(str(source), "r") as container:
            of = Kind.VIDEO if container.streams.video else Kind.AUDIO
            for kind, packet, ms in packets(container):
                if kind is of and packet.is_keyframe and ms >= from_ms:
                    return ms
    except av.FFmpegError as error:
        raise Unreadable(str(error)) from error
    return None
