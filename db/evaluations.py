"""Sessions that were evaluated 评课 (DOMAIN 14)."""

from uuid import UUID

from db.pool import Connection
from db.queries import named

_sql = named("evaluations")


async def add_evaluation(
    connection: Connection, session_id: UUID, evaluated_by: str, score: float
) -> UUID:
    """Keep an evaluation of a session, `score` from 0 to 100; its id. There may be several."""
    found: UUID = await _sql.add_evaluation(
        connection, session_id=session_id, evaluated_by=evaluated_by, score=score
    )
    return found
