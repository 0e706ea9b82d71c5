"""A research meeting in the demo's coming days, so that a new user finds one."""

from datetime import datetime, time, timedelta
from itertools import product
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from classroom_sync.meetings import taken, zone_on
from classroom_sync.pages.names import read_names
from db import meetings, plans
from db.meetings import Call
from db.pool import Connection
from scheduler import bells
from scheduler.meeting import AgendaItem
from scheduler.model import ParticipantRole, Session

_LENGTH = timedelta(minutes=60)
_DAYS = range(1, 8)  # from now on
_STARTS = (time(15, 50), time(16, 30), time(19))
_BY = "system"
_AGENDA = (("上一课的反思 Looking back at the last lesson", 15), ("下一课的教案 The next plan", 35))
_PLAN = """# 教学目标 Aims

- 两校学生能一起读节奏 Pupils of both schools read the rhythm together

# 过程 Steps

1. 导入 Opening (5 min)
2. 同步练习 Practice together (25 min)
3. 小结 Summing up (10 min)
"""


async def meeting_for(connection: Connection, lesson: Session, now: datetime) -> UUID | None:
    """A meeting of the teachers of a lesson in the next days, chaired by its lead; None where the
    lead is called to one already, or nobody finds the time."""
    chair = next(
        (p.teacher_id for p in lesson.participants if p.role is ParticipantRole.LEAD), None
    )
    members = tuple(
        p.teacher_id
        for p in lesson.participants
        if p.role is ParticipantRole.RECEIVING and p.teacher_id is not None
    )
    until = now + timedelta(days=_DAYS.stop)
    if chair is None or not members:
        return None
    if await meetings.between(connection, now, until, teacher_id=chair):
        return None
    names = await read_names(connection)
    for ahead, starts in product(_DAYS, _STARTS):
        call = await _call(connection, lesson, chair, members, now + timedelta(days=ahead), starts)
        if await taken(connection, names, call, now):
            continue
        plan_id = await plans.add(
            connection,
            title=call.title,
            subject=call.subject,
            text=_PLAN,
            made_by=_BY,
            author=names.teacher(chair),
            at=now,
        )
        return await meetings.add(connection, call, plan_id, _BY)
    return None


async def _call(
    connection: Connection,
    lesson: Session,
    chair: str,
    members: tuple[str, ...],
    on: datetime,
    starts: time,
) -> Call:
    zone = await zone_on(connection, on.date())
    day = on.astimezone(ZoneInfo(zone)).date()
    starts_at = bells.instant(day, starts, zone)
    return Call(
        title="集体备课 Planning together",
        subject=lesson.subject,
        grade=None,
        on_day=day,
        starts_at=starts_at,
        ends_at=starts_at + _LENGTH,
        chair=chair,
        members=members,
        agenda=tuple(
            AgendaItem(uuid4(), position, title, minutes)
            for position, (title, minutes) in enumerate(_AGENDA, start=1)
        ),
    )
