"""One segment on disk: Matroska, complete up to the last second or two whatever happens.

A cluster holds half a second and is written whole; `sync` brings what was written onto the disk.
Whoever writes holds a lock on the file, so that those of dead processes can be told apart.
"""

import fcntl
import io
import os
import threading
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import structlog
from av.container import InputContainer

from media.recording.reel import Picture
from media.specs import Codec, Kind

log = structlog.get_logger()

_MILLISECONDS = Fraction(1, 1000)
_OPTIONS = {
    "cluster_time_limit": "500",  # milliseconds
    "max_interleave_delta": "200000",  # microseconds one track waits for the other
    "flush_packets": "1",
}
_FOURCC = {Codec.VP8: b"VP80", Codec.VP9: b"VP90", Codec.AV1: b"AV01"}


class BadPicture(Exception):
    """No file can be begun with this picture: it is not what its packets say."""


class _File(io.RawIOBase):
    """A file as PyAV writes it: whole buffers, and back to the head at the end."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        self.size = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        done = 0
        while done < len(view):
            done += os.write(self.descriptor, view[done:])
        self.size = max(self.size, self.tell())
        return done

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self.descriptor, offset, whence)

    def tell(self) -> int:
        return os.lseek(self.descriptor, 0, os.SEEK_CUR)

    def close(self) -> None:
        if not self.closed:
            os.close(self.descriptor)
        super().close()


class SegmentFile:
    """A segment being written. Every call may raise OSError: the disk is full, or broken."""

    def __init__(self, path: Path, picture: Picture | None) -> None:
        """A new file at `path`, with sound, and a picture if there is one. Raises BadPicture."""
        self.path = path
        with ExitStack() as stack:
            template = None
            if picture is not None:
                template = stack.enter_context(_first_frame(picture))
            self._file = _File(path)
            options = dict(_OPTIONS)
            self._container = av.open(self._file, "w", format="matroska", options=options)
            self._streams: dict[Kind, Any] = {}
            if template is not None:
                self._streams[Kind.VIDEO] = self._container.add_stream_from_template(
                    template.streams.video[0], opaque=True
                )
        self._streams[Kind.AUDIO] = self._container.add_stream("libopus", 48_000, layout="stereo")
        self._container.start_encoding()
        self._synced = 0
        self._closing = threading.Lock()  # a file is not closed while it is being synced

    @property
    def size(self) -> int:
        return self._file.size

    def write(self, kind: Kind, ms: int, data: bytes, *, key: bool) -> None:
        """A frame; one that is not what it should be is left out."""
        stream = self._streams.get(kind)
        if stream is None:
            return
        packet: av.Packet[Any] = av.Packet(data)
        packet.stream = stream
        packet.time_base = _MILLISECONDS
        packet.pts = packet.dts = ms
        packet.is_keyframe = key
        try:
            self._container.mux(packet)
        except OSError:
            raise
        except (av.FFmpegError, ValueError) as error:
            log.debug("frame left out", file=self.path.name, cause=str(error))

    def sync(self) -> None:
        """Bring what was written onto the disk; may be called in another thread."""
        with self._closing:
            size = self._file.size
            if size != self._synced and not self._file.closed:
                os.fdatasync(self._file.descriptor)
                self._synced = size

    def close(self) -> None:
        """Write the index and let the file go."""
        with self._closing:
            try:
                self._container.close()
                os.fsync(self._file.descriptor)
            finally:
                self._file.close()


def _first_frame(picture: Picture) -> InputContainer:
    """The first frame as a file of its own, from which the muxer learns what the header says.
    Raises BadPicture."""
    try:
        opened = _as_file(picture)
        context = opened.streams.video[0].codec_context
        if context.width and context.height:
            return opened
        opened.close()
    except (av.FFmpegError, IndexError) as error:
        raise BadPicture(str(error)) from error
    raise BadPicture("it has no size")


def _as_file(picture: Picture) -> InputContainer:
    if picture.codec is Codec.H264:
        return av.open(io.BytesIO(picture.head), "r", format="h264")
    head = b"DKIF" + (0).to_bytes(2, "little") + (32).to_bytes(2, "little")
    head += _FOURCC[picture.codec] + bytes(4) + (1000).to_bytes(4, "little")
    head += (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes(4)
    frame = len(picture.head).to_bytes(4, "little") + bytes(8) + picture.head
    return av.open(io.BytesIO(head + frame), "r", format="ivf")
