"""Lessons, slides and worksheets, good and bad, made as they are needed."""

import io
import tempfile
import zipfile
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

_OFFICE = "application/vnd.openxmlformats-officedocument."


@cache
def video(
    seconds: int = 4,
    *,
    suffix: str = "mp4",
    codec: str | None = None,
    rate: int = 10,
    bits: int | None = None,
    **options: str,
) -> bytes:
    """A changing grey picture, or noise of about `bits` a second, with a tone; WebM is VP8 and
    Opus, MP4 H.264 and AAC."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        _write(path, seconds, suffix, codec, rate, bits, options)
        return path.read_bytes()


def _write(
    path: Path,
    seconds: int,
    suffix: str,
    codec: str | None,
    rate: int,
    bits: int | None,
    options: dict[str, str],
) -> None:
    noise = numpy.random.default_rng(1)
    with av.open(str(path), "w", format=suffix, options=options) as container:
        name = codec or ("libvpx" if suffix == "webm" else "libx264")
        picture = container.add_stream(name, rate=rate)
        picture.width, picture.height, picture.pix_fmt = 160, 96, "yuv420p"
        picture.gop_size = rate
        if bits:
            picture.bit_rate = bits
        sound = container.add_stream("libopus" if suffix == "webm" else "aac", rate=48000)
        for n in range(seconds * rate):
            grey = numpy.full((96, 160, 3), (n * 5) % 256, dtype=numpy.uint8)
            if bits:
                grey = noise.integers(0, 256, (96, 160, 3), dtype=numpy.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, rate)
            container.mux(picture.encode(frame))
        for n in range(0, seconds * 48000, 960):
            tone = numpy.sin(numpy.arange(n, n + 960) / 20).astype(numpy.float32)
            piece = av.AudioFrame.from_ndarray(tone[None, :] * 0.2, format="fltp", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = 48000, n, Fraction(1, 48000)
            container.mux(sound.encode(piece))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))


def pdf(pages: int = 2, *, opening: str = "", within: bool = False, password: str = "") -> bytes:
    """`opening`: what it does when it is opened, such as "/JavaScript"; `within`: a file in it."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    if opening:
        does = {NameObject("/S"): NameObject(opening), NameObject("/JS"): TextStringObject("x")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(does)
    if within:
        writer.add_attachment("run.exe", b"MZ")
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def office(suffix: str = "pptx", **more: bytes) -> bytes:
    """A PPTX or DOCX of the parts that matter; `more` are parts by name (`__` for a slash)."""
    kind = "presentationml.presentation" if suffix == "pptx" else "wordprocessingml.document"
    main = "ppt/presentation.xml" if suffix == "pptx" else "word/document.xml"
    types = f'<Types><Override PartName="/{main}" ContentType="{_OFFICE}{kind}.main+xml"/></Types>'
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr(main, "<p/>")
        if suffix == "pptx":
            archive.writestr("ppt/slides/slide1.xml", "<sld/>" * 1000)
        for name, content in more.items():
            archive.writestr(name.replace("__", "/"), content)
    return target.getvalue()
