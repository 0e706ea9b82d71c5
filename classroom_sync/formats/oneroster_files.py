"""The files of a OneRoster 1.2 CSV exchange (1EdTech, CSV binding): one zip, read within bounds.

Only whole sets ("bulk") are exchanged. A row is known by its file and line, so that an error can
be found in the file.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from classroom_sync.formats.sentences import Place, Sentence, UnreadableFile

#: Columns as the CSV binding has them, in its order. Ours come after, as `metadata.…`.
COLUMNS: dict[str, tuple[str, ...]] = {
    "academicSessions": (
        *("sourcedId", "status", "dateLastModified", "title", "type", "startDate", "endDate"),
        *("parentSourcedId", "schoolYear"),
    ),
    "orgs": (
        *("sourcedId", "status", "dateLastModified", "name", "type", "identifier"),
        "parentSourcedId",
    ),
    "users": (
        *("sourcedId", "status", "dateLastModified", "enabledUser", "username", "userIds"),
        *("givenName", "familyName", "middleName", "identifier", "email", "sms", "phone"),
        *("agentSourcedIds", "grades", "password", "userMasterIdentifier"),
        *("resourceSourcedIds", "preferredGivenName", "preferredMiddleName"),
        *("preferredFamilyName", "primaryOrgSourcedId", "pronouns"),
    ),
    "roles": (
        *("sourcedId", "status", "dateLastModified", "userSourcedId", "roleType", "role"),
        *("beginDate", "endDate", "orgSourcedId", "userProfileSourcedId"),
    ),
    "courses": (
        *("sourcedId", "status", "dateLastModified", "schoolYearSourcedId", "title"),
        *("courseCode", "grades", "orgSourcedId", "subjects", "subjectCodes"),
    ),
    "classes": (
        *("sourcedId", "status", "dateLastModified", "title", "grades", "courseSourcedId"),
        *("classCode", "classType", "location", "schoolSourcedId", "termSourcedIds"),
        *("subjects", "subjectCodes", "periods"),
    ),
    "enrollments": (
        *("sourcedId", "status", "dateLastModified", "classSourcedId", "schoolSourcedId"),
        *("userSourcedId", "role", "primary", "beginDate", "endDate"),
    ),
}
_ABSENT = (
    *("categories", "classResources", "courseResources", "demographics"),
    *("lineItemLearningObjectiveIds", "lineItems", "lineItemScoreScales", "resources"),
    *("resultLearningObjectiveIds", "results", "resultScoreScales", "scoreScales"),
    *("userProfiles", "userResources"),
)
_REQUIRED = ("orgs", "users", "classes")
_MAX_PART = 24 * 2**20
_MAX_ROWS = 200_000
_MAX_FIELD = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file by its columns; a column that the file lacks is empty."""

    file: str
    line: int
    values: Mapping[str, str]
    columns: tuple[str, ...]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "").strip()

    def parts(self, column: str) -> list[str]:
        return [part.strip() for part in self[column].split(",") if part.strip()]

    def place(self, column: str) -> Place:
        at = self.columns.index(column) + 1 if column in self.columns else 1
        return Place(self.file, self.line, at)


def is_oneroster(content: bytes) -> bool:
    """Whether a file is a zip with a OneRoster manifest."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "manifest.csv" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def read_files(content: bytes) -> dict[str, list[Row]]:
    """Every file that this server reads, by name without ".csv". Raises UnreadableFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            manifest = {r["propertyName"]: r["value"] for r in _rows(archive, "manifest")}
            _check(manifest)
            given = [n for n in COLUMNS if manifest.get(f"file.{n}", "absent") == "bulk"]
            missing = [n for n in _REQUIRED if n not in given]
            if missing:
                raise UnreadableFile(
                    Sentence(
                        "The manifest says that {files} is absent: schools, people and classes "
                        "are exchanged together.",
                        {"files": ", ".join(f"{n}.csv" for n in missing)},
                    )
                )
            return {name: _rows(archive, name) if name in given else [] for name in COLUMNS}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise UnreadableFile(
            Sentence("This is not a OneRoster zip file, or it is damaged.")
        ) from None


def _check(manifest: Mapping[str, str]) -> None:
    if not manifest.get("oneroster.version", "").startswith("1.2"):
        raise UnreadableFile(
            Sentence(
                "The manifest says OneRoster {version}; export version 1.2.",
                {"version": manifest.get("oneroster.version", "?")[:20]},
            )
        )
    changes = [n for n in COLUMNS if manifest.get(f"file.{n}") == "delta"]
    if changes:
        raise UnreadableFile(
            Sentence(
                "{files} holds only changes (delta); export the whole set (bulk).",
                {"files": ", ".join(f"{n}.csv" for n in changes)},
            )
        )


def _rows(archive: zipfile.ZipFile, name: str) -> list[Row]:
    file = f"{name}.csv"
    try:
        part = archive.getinfo(file)
    except KeyError:
        raise UnreadableFile(
            Sentence("{file} is missing from the zip file.", {"file": file})
        ) from None
    if part.file_size > _MAX_PART:
        raise UnreadableFile(Sentence("{file} is too large.", {"file": file}))
    try:
        text = archive.read(part).decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = tuple(next(lines, []))
        rows: list[Row] = []
        for values in lines:
            if len(rows) >= _MAX_ROWS:
                raise UnreadableFile(Sentence("{file} is too large.", {"file": file}))
            if values:
                cut = [value[:_MAX_FIELD] for value in values]
                named = dict(zip(columns, cut, strict=False))
                rows.append(Row(file, lines.line_num, named, columns))
        return rows
    except (UnicodeDecodeError, csv.Error):
        raise UnreadableFile(
            Sentence("{file} is not UTF-8 text with commas.", {"file": file})
        ) from None


def write_files(files: Mapping[str, Sequence[Mapping[str, str]]], made_at: datetime) -> bytes:
    """A zip of the files with its manifest; the same bytes for the same rows and time."""
    out = io.BytesIO()
    manifest = [("manifest.version", "1.0"), ("oneroster.version", "1.2")]
    states = {name: "bulk" if name in files else "absent" for name in (*COLUMNS, *_ABSENT)}
    manifest += [(f"file.{name}", states[name]) for name in sorted(states)]
    manifest += [("source.systemName", "Classroom Sync"), ("source.systemCode", "classroom-sync")]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "manifest", ("propertyName", "value"), manifest, made_at)
        for name, rows in files.items():
            ours = sorted({column for row in rows for column in row} - set(COLUMNS[name]))
            columns = (*COLUMNS[name], *ours)
            values = ([row.get(column, "") for column in columns] for row in rows)
            _add(archive, name, columns, values, made_at)
    return out.getvalue()


def _add(
    archive: zipfile.ZipFile,
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    made_at: datetime,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    part = zipfile.ZipInfo(f"{name}.csv", made_at.timetuple()[:6])
    part.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(part, text.getvalue().encode())
