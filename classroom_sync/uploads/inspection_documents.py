"""Are these whole slides or a whole worksheet, with nothing in them that runs?"""

import zipfile
import zlib
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject

from classroom_sync.uploads.unfit import Unfit

MAX_PAGES = 1_000
MAX_PARTS = 10_000
MAX_UNPACKED = 1024 * 2**20
_TAIL = 2048  # bytes at the end in which a PDF says where its index is


def pdf(path: Path) -> dict[str, Any]:
    """`{"pages": …}`. Raises Unfit."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if not file.read(8).startswith(b"%PDF-"):
            raise Unfit("type")
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    _, found, index = tail.rpartition(b"startxref")
    digits = index.strip().split(b"%", 1)[0].strip()
    if not found or b"%%EOF" not in index or not digits.isdigit() or int(digits) >= size:
        raise Unfit("truncated")
    try:
        reader = PdfReader(path)
        if reader.is_encrypted:
            raise Unfit("encrypted")
        if not 0 < len(reader.pages) <= MAX_PAGES:
            raise Unfit("long" if len(reader.pages) else "broken")
        if _runs(reader.root_object):
            raise Unfit("active")
        return {"pages": len(reader.pages)}
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unfit("broken") from None


def _runs(root: DictionaryObject) -> bool:
    """Scripts, programs to be started, or files within."""
    names = root.get("/Names")
    within = names.get_object() if names is not None else {}
    if isinstance(within, dict) and ("/JavaScript" in within or "/EmbeddedFiles" in within):
        return True
    action = root.get("/OpenAction")
    opened = action.get_object() if action is not None else {}
    kind = opened.get("/S") if isinstance(opened, dict) else None
    return "/AA" in root or kind in ("/JavaScript", "/Launch", "/SubmitForm", "/ImportData")


def office(path: Path, main_part: str, media_type: str) -> dict[str, Any]:
    """`{"pages": …}`: slides of a PPTX; null for a DOCX, which has no fixed pages. Raises Unfit."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            raise Unfit("truncated" if file.read(4) == b"PK\x03\x04" else "type")
    try:
        with zipfile.ZipFile(path) as archive:
            return _parts(archive, main_part, media_type)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, NotImplementedError):
        raise Unfit("broken") from None
    except RuntimeError:  # what zipfile says of an encrypted part
        raise Unfit("encrypted") from None


def _parts(archive: zipfile.ZipFile, main_part: str, media_type: str) -> dict[str, Any]:
    parts = archive.infolist()
    if len(parts) > MAX_PARTS or sum(p.file_size for p in parts) > MAX_UNPACKED:
        raise Unfit("bomb")
    names = [part.filename for part in parts]
    if any(n.startswith("/") or ".." in n.split("/") or "\\" in n or ":" in n for n in names):
        raise Unfit("broken")
    if any(n.lower().endswith(("vbaproject.bin", ".exe", ".vbs", ".js", ".bat")) for n in names):
        raise Unfit("active")
    if main_part not in names or "[Content_Types].xml" not in names:
        raise Unfit("type")
    if f"{media_type}.main+xml".encode() not in archive.read("[Content_Types].xml"):
        raise Unfit("type")
    for part in parts:  # zipfile gives no more than was declared, and checks it by its sum
        with archive.open(part) as stream:
            while stream.read(2**20):
                pass
    slides = [n for n in names if n.startswith("ppt/slides/slide")]
    if len(slides) > MAX_PAGES:
        raise Unfit("long")
    return {"pages": len(slides) or None}
