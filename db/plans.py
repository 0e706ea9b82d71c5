"""Lesson plans 教案 and their versions: every save is one, and none is ever changed."""

from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.meeting import LessonPlan, PlanVersion

_sql = named("plans")


class Stale(Exception):
    """Somebody saved the plan meanwhile: `current` is the newest version."""

    def __init__(self, current: PlanVersion) -> None:
        super().__init__(f"version {current.number} was saved meanwhile")
        self.current = current


async def add(
    connection: Connection,
    *,
    title: str,
    subject: str | None,
    text: str,
    made_by: str,
    author: str,
    at: datetime,
) -> UUID:
    """A new plan with its first version; its id."""
    plan_id: UUID = await _sql.add_plan(
        connection, title=title, subject=subject, made_by=made_by, at=at
    )
    await _sql.add_version(
        connection,
        plan_id=plan_id,
        number=1,
        text=text,
        saved_by=made_by,
        author=author,
        at=at,
        restores=None,
    )
    return plan_id


async def plan(connection: Connection, plan_id: UUID) -> LessonPlan | None:
    row = await _sql.plan(connection, id=plan_id)
    return None if row is None else value(LessonPlan, row)


async def versions(connection: Connection, plan_id: UUID) -> list[PlanVersion]:
    """All versions, oldest first."""
    return [value(PlanVersion, row) async for row in _sql.versions(connection, plan_id=plan_id)]


async def version(connection: Connection, plan_id: UUID, number: int) -> PlanVersion | None:
    row = await _sql.version(connection, plan_id=plan_id, number=number)
    return None if row is None else value(PlanVersion, row)


async def newest(connection: Connection, plan_id: UUID) -> PlanVersion:
    """The version that holds; every plan has one."""
    return value(PlanVersion, await _sql.newest(connection, plan_id=plan_id))


async def save(
    connection: Connection,
    plan_id: UUID,
    base: int,
    text: str,
    *,
    saved_by: str,
    author: str,
    at: datetime,
    restores: int | None = None,
) -> PlanVersion:
    """A new version, written on top of version `base`; in the caller's transaction.

    A text that is that of the newest version already makes no version. Raises Stale.
    """
    await _sql.hold_plan(connection, id=plan_id)
    current = await newest(connection, plan_id)
    if current.number != base:
        raise Stale(current)
    if current.text == text:
        return current
    await _sql.add_version(
        connection,
        plan_id=plan_id,
        number=base + 1,
        text=text,
        saved_by=saved_by,
        author=author,
        at=at,
        restores=restores,
    )
    return PlanVersion(base + 1, text, author, at, restores)


async def attach(connection: Connection, plan_id: UUID, for_session_id: UUID | None) -> None:
    """Say for which dated lesson a plan is; None: for none."""
    await _sql.attach(connection, id=plan_id, for_session_id=for_session_id)


async def of_teacher(connection: Connection, teacher_id: str) -> list[LessonPlan]:
    """Plans of the meetings that a teacher was called to, the newest first."""
    found = _sql.plans_of_teacher(connection, teacher_id=teacher_id)
    return [value(LessonPlan, row) async for row in found]
