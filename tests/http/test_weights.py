"""A draft's own weights of soft rules: heeded by check and solver, kept by copies, reset."""

from typing import Any

import pytest

from classroom_sync.timetabling import SOFT
from db import timetable
from scheduler.model import Demand, Weeks
from scheduler.rules import RULES
from tests.http.conftest import Site
from tests.http.test_solver_api import R, finished
from tests.http.test_timetable_api import Admin, V, entered, lesson
from tests.worlds import FAR, NEAR, TERM


async def draft(admin: Admin) -> str:
    """One lesson, which costs 20 for its session, 2 for a shift and 2 as nobody asked for it."""
    version: str = (await admin.done("POST", V, {}))["id"]
    await admin.done("POST", f"{V}/{version}/changes", {"put": [lesson(2)]})
    return version


async def score(admin: Admin, version: str) -> dict[str, int]:
    found: dict[str, int] = (await admin.done("GET", f"{V}/{version}"))["score"]
    return {rule: cost for rule, cost in found.items() if cost}


async def test_weights_are_a_drafts_own_and_its_copies(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        one, other = await draft(admin), await draft(admin)
        before = await score(admin, one)
        assert before == {"few_sessions": 20, "more_than_demanded": 2, "shift_not_approved": 2}
        wish = {"weights": {"few_sessions": 3, "more_than_demanded": 0}}
        set_ = (await admin.done("PUT", f"{V}/{one}/weights", wish))["weights"]
        assert set_ == SOFT | wish["weights"]
        assert await score(admin, one) == {"few_sessions": 6, "shift_not_approved": 2}
        copy = (await admin.done("POST", V, {"copy_of": one}))["id"]
        assert await score(admin, copy) == {"few_sessions": 6, "shift_not_approved": 2}
        assert await score(admin, other) == before
        await admin.done("PUT", f"{V}/{one}/weights", {})
        assert await score(admin, one) == before
        await admin.done("DELETE", f"{V}/{copy}")


@pytest.mark.parametrize(
    "wrong", [{"teacher_clash": 3}, {"moon": 1}, {"spread": -1}, {"spread": None}]
)
async def test_hard_rules_have_no_weight(site: Site, wrong: dict[str, Any]) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = await draft(admin)
        assert (await admin.ask("PUT", f"{V}/{version}/weights", {"weights": wrong}))[0] == 422
        assert (await admin.done("GET", f"{V}/{version}"))["weights"] == SOFT


async def test_the_search_built_on_a_draft_uses_its_weights(site: Site) -> None:
    async with site.pool.transaction() as connection:
        wanted = [Demand(f"{s}-301", "music", 1, Weeks.ALL) for s in (FAR, NEAR)]
        await timetable.add_demands(connection, TERM.id, wanted)
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        alone = {"few_sessions": 3, "shift_not_approved": 0}
        await admin.done("PUT", f"{V}/{version}/weights", {"weights": alone})
        await admin.done("POST", R, {"base": version, "seconds": 5})
        run = await finished(browser)
        found = await admin.done("GET", f"{V}/{run['draft']}")
    assert found["weights"] == SOFT | alone
    assert {rule: cost for rule, cost in found["score"].items() if cost} == {"few_sessions": 6}
    assert run["best"] == 6


async def test_the_page_shows_each_part_with_its_weight(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = await entered(browser)
        version = await draft(admin)
        await admin.done("PUT", f"{V}/{version}/weights", {"weights": {"spread": 7}})
        async with browser.get(f"/admin/timetable/versions/{version}") as response:
            card = (await response.text()).split('id="score"')[1].split("</section>")[0]
    assert card.count('name="weights:') == sum(rule.weight is not None for rule in RULES)
    assert "A subject on two days running" in card
    assert 'value="7"' in card
    assert "<small>(1)</small>" in card  # its own weight
