"""The network between pages and a media node: its UDP port gone, and packets lost."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.held import lessons_held
from tests.chaos.measured import Measured
from tests.weak.namespaces import Namespace, command, namespaces

pytestmark = pytest.mark.network

_GONE_FOR = 14.0  # seconds
_LOSS = 30  # percent


def _udp(inside: Namespace, verdict: str) -> None:
    """What becomes of UDP in a namespace: an nft statement, or "" for nothing."""
    rule = f"meta l4proto udp {verdict}" if verdict else ""
    rules = (
        "table inet fault { }\ndelete table inet fault\ntable inet fault {\n chain in {\n"
        f"  type filter hook input priority 0\n  {rule}\n }}\n}}\n"
    )
    command(*inside.command("nft", "-f", "-"), said=rules)


async def test_a_port_that_is_gone_and_packets_that_are_lost(
    tmp_path: Path, said: Callable[[Measured], None], pytestconfig: pytest.Config
) -> None:
    lossy_for = 60.0 * pytestconfig.getoption("minutes", 0.0) or 12.0
    with namespaces("faults") as (inside,), inside.entered():
        async with lessons_held(tmp_path, 2, record=False) as held:

            async def port_gone() -> None:
                _udp(inside, "drop")
                await asyncio.sleep(_GONE_FOR)
                assert not any(page.connected for page in held.hall.rooms)
                _udp(inside, "")

            async def lossy() -> None:
                _udp(inside, f"numgen random mod 100 < {_LOSS} drop")
                await asyncio.sleep(lossy_for)
                _udp(inside, "")

            await held.through(f"the UDP port gone for {_GONE_FOR:.0f} s", port_gone)
            await held.through(f"{_LOSS} % of packets lost for {lossy_for:.0f} s", lossy)
            measured = await held.end()
    said(measured)
    measured.judge()
    assert max(measured.faults[1].dark) < lossy_for / 4  # sound goes on
