"""The city's rubric for observations, by its versions."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.observation import Criterion, Rubric, Scale

_sql = named("rubrics")


async def rubrics(connection: Connection) -> list[Rubric]:
    """All versions, the one that holds last."""
    criteria: dict[int, list[Criterion]] = defaultdict(list)
    async for row in _sql.criteria(connection):
        criteria[row["rubric"]].append(value(Criterion, row))
    return [
        value(Rubric, row, criteria=tuple(criteria[row["number"]]))
        async for row in _sql.rubrics(connection)
    ]


async def current(connection: Connection) -> Rubric:
    """The version that holds; the first is there since the schema is."""
    return (await rubrics(connection))[-1]


async def add(
    connection: Connection,
    *,
    after: int,
    title_zh: str,
    title_en: str,
    scale: Scale,
    criteria: Sequence[Criterion],
    made_by: str,
    at: datetime,
) -> int | None:
    """A new version, whose weights must add up to 100: its number. None where another has followed
    `after` already. In the caller's transaction."""
    number: int | None = await _sql.add(
        connection,
        after=after,
        title_zh=title_zh,
        title_en=title_en,
        scale=scale,
        made_by=made_by,
        at=at,
    )
    if number is not None:
        for criterion in criteria:
            await _sql.add_criterion(
                connection,
                rubric=number,
                position=criterion.position,
                name_zh=criterion.name_zh,
                name_en=criterion.name_en,
                hint_zh=criterion.hint_zh,
                hint_en=criterion.hint_en,
                weight=criterion.weight,
            )
    return number
