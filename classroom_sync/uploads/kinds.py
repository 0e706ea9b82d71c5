"""What may be uploaded. This module imports nothing of ours: the inspecting process begins here."""

from dataclasses import dataclass
from enum import StrEnum


class UploadKind(StrEnum):
    LESSON = "lesson"
    SLIDES = "slides"
    WORKSHEET = "worksheet"


@dataclass(frozen=True, slots=True)
class FileType:
    """A format: how its files are called, and how they are sent to browsers."""

    suffix: str
    media_type: str


_OFFICE = "application/vnd.openxmlformats-officedocument."
MP4 = FileType(".mp4", "video/mp4")
WEBM = FileType(".webm", "video/webm")
PDF = FileType(".pdf", "application/pdf")
PPTX = FileType(".pptx", _OFFICE + "presentationml.presentation")
DOCX = FileType(".docx", _OFFICE + "wordprocessingml.document")

TYPES: dict[UploadKind, tuple[FileType, ...]] = {
    UploadKind.LESSON: (MP4, WEBM),
    UploadKind.SLIDES: (PDF, PPTX),
    UploadKind.WORKSHEET: (PDF, DOCX),
}
