"""What kinds of files come in and go out."""

from enum import StrEnum


class FileKind(StrEnum):
    """What a file that comes in can be."""

    GRID = "grid"
    LIST = "list"
    ONEROSTER = "oneroster"


class Export(StrEnum):
    """What can be taken out."""

    GRID = "grid"
    LIST = "list"
    ONEROSTER = "oneroster"
    FET = "fet"


#: File name ending and media type of each export.
MEDIA = {
    Export.GRID: ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    Export.LIST: ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    Export.ONEROSTER: ("zip", "application/zip"),
    Export.FET: ("fet", "application/xml"),
}
