"""Lines of the lists behind figures, and the cutting of lists into pages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from scheduler.indicators.values import Behind, Listed, Page


class NoSuchFigure(Exception):
    """No indicator of this number has such a measure, or it has no such side in this cut."""


def part(lines: Iterable[Behind], after: str | None, limit: int) -> Page:
    """The page after the line of an id; the first one where there is no such line."""
    ordered = list(lines)
    start = next((n + 1 for n, line in enumerate(ordered) if line.id == after), 0)
    shown = ordered[start : start + limit]
    return Page(tuple(shown), shown[-1].id if start + limit < len(ordered) else None)


def before(after: str | None) -> tuple[datetime | None, UUID | None]:
    """The instant and the id that a line's id is made of. Raises NoSuchFigure."""
    if after is None:
        return None, None
    at, _, number = after.partition("|")
    try:
        instant, found = datetime.fromisoformat(at), UUID(number)
    except ValueError:
        raise NoSuchFigure from None
    if instant.tzinfo is None:
        raise NoSuchFigure
    return instant, found


def link(row: Any) -> Behind:
    """A line for a link, from a row of db/queries/behind.sql."""
    return Behind(
        Listed.LINK,
        f"{row['starts_at'].isoformat()}|{row['participant_id']}",
        row["amount"],
        participant_id=row["participant_id"],
        session_id=row["session_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        school_code=row["school_code"],
        room_id=row["room_id"],
        class_id=row["class_id"],
        teacher_id=row["lead_teacher_id"],
        subject=row["subject"],
        grade=row["grade"],
        status=row["status"],
        cause=row["cause"],
        seconds=row["seconds"],
        planned_seconds=row["planned_seconds"],
        expected=row["expected"],
        present=row["present"],
    )


def cut_off(lines: list[Behind], limit: int) -> Page:
    """A page of the lines read, one more of which means that the list goes on."""
    shown = lines[:limit]
    return Page(tuple(shown), shown[-1].id if len(lines) > limit else None)


def newest(row: Any | None) -> dict[str, Any]:
    """The newest link that made something count."""
    if row is None:
        return {}
    return {name: row[name] for name in ("participant_id", "session_id", "starts_at", "ends_at")}


def researcher(row: Any, listed: Listed = Listed.TEACHER, name: str | None = None) -> Behind:
    """A line for a teacher in a research meeting."""
    return Behind(
        listed,
        name or row["teacher_id"],
        1,
        participant_id=row["participant_id"],
        session_id=row["session_id"],
        starts_at=row["starts_at"],
        school_code=row["school_code"],
        teacher_id=row["teacher_id"],
    )
