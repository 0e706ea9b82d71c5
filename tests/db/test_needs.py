"""Declared needs and evaluations: what is kept of them."""

from dataclasses import replace
from datetime import date

import pytest

from db import evaluations, needs
from db.needs import DeclaredNeed, NotDeclarable
from db.pool import Pool
from tests.worlds import FAR, build, lesson, plan

NEED = DeclaredNeed(FAR, "music", 3, date(2026, 9, 1), "account:x")


async def test_a_need_is_declared_once_and_withdrawn_from_a_day_on(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        assert await needs.declare(connection, NEED)
        assert not await needs.declare(connection, NEED)
        assert await needs.declared(connection, FAR) == (NEED,)
        assert not await needs.withdraw(connection, FAR, "music", 3, NEED.declared_on)
        assert await needs.withdraw(connection, FAR, "music", 3, date(2026, 10, 1))
        assert not await needs.withdraw(connection, FAR, "music", 3, date(2026, 10, 1))
        assert await needs.declared(connection, FAR) == ()
        again = replace(NEED, declared_on=date(2026, 11, 1))
        assert await needs.declare(connection, again)
        assert await needs.declared(connection, FAR) == (again,)


@pytest.mark.parametrize(
    "wrong", [replace(NEED, subject="alchemy"), replace(NEED, school_code="2132999999")]
)
async def test_what_does_not_exist_cannot_be_needed(pool: Pool, wrong: DeclaredNeed) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        with pytest.raises(NotDeclarable):
            await needs.declare(connection, wrong)
        assert await needs.declared(connection, FAR) == ()  # the transaction goes on


async def test_a_session_may_be_evaluated_more_than_once(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        first = await evaluations.add_evaluation(connection, planned.session_id, "account:x", 80)
        second = await evaluations.add_evaluation(connection, planned.session_id, "account:y", 90.5)
    assert first != second
