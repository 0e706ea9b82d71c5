"""Is this a whole MP4 or WebM video that a classroom's browser plays?

The container's own structure is measured first, then every packet is read and the first picture
decoded. The demuxer is named by us, so that a text that calls itself a video can't have FFmpeg
open other files or addresses (playlists do).
"""

import os
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.error import FFmpegError

from classroom_sync.uploads.unfit import Unfit

#: What Chromium and Firefox decode everywhere, by FFmpeg's names.
VIDEO_CODECS = frozenset({"h264", "vp8", "vp9", "av1"})
AUDIO_CODECS = frozenset({"aac", "mp3", "opus", "vorbis", "flac"})
MAX_SIDE = 4096  # pixels
MAX_HOURS = 6
_MISSING = 2.0  # seconds that the last packets may lack of the declared duration
_MISSING_SHARE = 0.02
_EBML = b"\x1a\x45\xdf\xa3"


def video(path: Path, demuxer: str) -> dict[str, Any]:
    """`{"duration_ms": …}`. Raises Unfit."""
    with path.open("rb") as file:
        if demuxer == "mov":
            _boxes(file)
        elif file.read(4) != _EBML:
            raise Unfit("type")
    try:
        return _read(path, demuxer)
    except FFmpegError:
        raise Unfit("broken") from None


def _boxes(file: BinaryIO) -> None:
    """ISO 14496-12, 4.2: boxes of a size and a type, up to the last byte of the file."""
    end = file.seek(0, os.SEEK_END)
    at = 0
    seen: list[bytes] = []
    while at < end:
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            raise Unfit("truncated")
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if not seen and kind != b"ftyp":
            raise Unfit("type")
        if size == 1 and len(header) == 16:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = end - at
        if size < 8:
            raise Unfit("broken")
        seen.append(kind)
        at += size
        if len(seen) > 1_000_000:
            raise Unfit("broken")
    if at > end or b"moov" not in seen or b"mdat" not in seen:
        raise Unfit("truncated")


def _read(path: Path, demuxer: str) -> dict[str, Any]:
    options = {"protocol_whitelist": "file"}
    with av.open(
        str(path), format=demuxer, options=options, metadata_errors="replace"
    ) as container:
        if not container.streams.video:
            raise Unfit("no_picture")
        picture = container.streams.video[0]
        streams = (*container.streams.video, *container.streams.audio)
        for stream in streams:
            allowed = VIDEO_CODECS if stream.type == "video" else AUDIO_CODECS
            if stream.codec_context is None or stream.codec_context.name not in allowed:
                raise Unfit("codec")
        if max(picture.width, picture.height) > MAX_SIDE:
            raise Unfit("large")
        declared = (container.duration or 0) / av.time_base
        if declared > MAX_HOURS * 3600:
            raise Unfit("long")
        picture.codec_context.thread_count = 1
        decoded, last = False, 0.0
        for packet in container.demux(*streams):
            if packet.pts is None:
                continue
            if packet.time_base is not None:
                last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if not decoded and packet.stream is picture:
                decoded = bool(packet.decode())
        if not decoded and not picture.codec_context.decode(None):
            raise Unfit("no_picture")
        if declared - last > max(_MISSING, _MISSING_SHARE * declared):
            raise Unfit("truncated")
        return {"duration_ms": round(1000 * (last or declared))}
