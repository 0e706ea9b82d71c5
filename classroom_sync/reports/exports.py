"""A report as a file: which forms there are, what they are called, and making one."""

from enum import StrEnum

from classroom_sync.reports import csv, json, official, xlsx
from classroom_sync.reports.document import document
from classroom_sync.reports.labels import labels
from classroom_sync.reports.reading import Found
from scheduler.indicators.values import Dimension


class Form(StrEnum):
    XLSX = "xlsx"
    PDF = "pdf"
    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.PDF: "application/pdf",
    Form.CSV: "text/csv",
    Form.JSON: "application/json",
}


def make(found: Found, form: Form, locale: str) -> bytes:
    """The file's bytes: the same for the same report; blocks, so use a thread."""
    report, label, zone = found.report, labels(found.names, locale), found.term.zone
    match form:
        case Form.CSV:
            return csv.write(report, label, locale)
        case Form.JSON:
            return json.write(report, label)
        case Form.XLSX:
            return xlsx.write(document(report, label, zone, locale), report.as_of)
        case Form.PDF:
            return official.write(report, document(report, label, zone, locale), label, zone)


def file_name(found: Found, form: Form) -> str:
    """ "coverage-2026-09-01-2026-11-24.xlsx"; with the part of the city where it is not whole."""
    cut = found.report.cut
    part = "" if cut.dimension is Dimension.CITY else f"-{cut.dimension.value}-{cut.key}"
    return f"coverage{part}-{cut.since}-{cut.until}.{form.value}"


def about(found: Found) -> str:
    """What an entry of the audit log says was seen."""
    cut = found.report.cut
    part = cut.dimension.value + (f":{cut.key}" if cut.key else "")
    return f"coverage:{part}:{cut.since}:{cut.until}"
