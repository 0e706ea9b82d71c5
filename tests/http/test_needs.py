"""Declared needs: a school's own word, kept with who gave it and when."""

from datetime import timedelta

import pytest

from tests.http.conftest import Site, sign_in
from tests.worlds import FAR, HUB, NEAR

N = "/api/v1/needs"


def need(school: str = FAR, **other: object) -> dict[str, object]:
    return {"school_code": school, "subject": "music", "grade": 3, "declared": True} | other


async def test_a_school_declares_and_withdraws_for_itself_alone(site: Site) -> None:
    async with site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "far-admin")}

        async def say(**other: object) -> int:
            async with browser.post(N, json=need(**other), headers=headers) as response:  # type: ignore[arg-type]  # as given
                return response.status

        assert await say() == 204
        assert await say(school=NEAR) == 403
        async with browser.get(N, params={"school": FAR}) as response:
            [found] = (await response.json())["needs"]
        assert (found["subject"], found["grade"]) == ("music", 3)
        assert await say(declared=False) == 409  # not on the day it was declared
        site.now += timedelta(days=1)
        headers |= {"X-CSRF-Token": await sign_in(browser, "far-admin")}
        assert await say(declared=False) == 204
        async with browser.get(N, params={"school": FAR}) as response:
            assert (await response.json())["needs"] == []
    async with site.pool.connection() as connection:
        rows = await connection.fetch("SELECT action FROM audit WHERE action LIKE 'need%'")
    assert [row["action"] for row in rows] == ["need_declared", "need_withdrawn"]


@pytest.mark.parametrize(
    "wrong", [{"school": HUB}, {"school": "0"}, {"subject": "alchemy"}, {"grade": 10}]
)
async def test_what_cannot_be_needed_is_refused(site: Site, wrong: dict[str, object]) -> None:
    async with site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "admin")}
        async with browser.post(N, json=need(**wrong), headers=headers) as response:  # type: ignore[arg-type]  # as given
            assert response.status == 422
