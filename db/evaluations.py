"""Sessions that were evaluated 评课 (DOMAIN 14)."""

from uuid import UUID

from db.pool import Connection
from db.queries import named

_sql = named("evaluations")


async def add_evaluation(
    connection: Connection,
    session_id: UUID,
    evaluated_by: str,
    score: float,
    observation_id: UUID | None = None,
) -> UUID:
    """Keep an evaluation of a session, `score` from 0 to 100; its id. There may be several. It has
    the observation that it is of, unless it comes from elsewhere."""
    found: UUID = await _sql.add_evaluation(
        connection,
        session_id=session_id,
        evaluated_by=evaluated_by,
        score=score,
        observation_id=observation_id,
    )
    return found
