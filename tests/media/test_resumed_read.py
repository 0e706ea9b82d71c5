"""The compiled socket waits for the rest of a frame; it reads on whatever happens then."""

import asyncio
from typing import Any

import pytest

from media.fastpath import CompiledSocket
from media.rtp import Protocol
from tests.media.halls import hall, video


async def test_an_exception_in_a_resumed_read_does_not_leave_the_socket_deaf(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exception is made: no way is known to bring one about."""
    async with hall() as school:
        lead, [player] = await school.lesson()
        node = school.node
        room, udp = node._rooms["r"], node._udp
        assert isinstance(udp, CompiledSocket)
        loop, take = asyncio.get_running_loop(), room.on_rtp
        raised: list[Any] = []

        def fail_once(resource_id: str, data: bytes, now: float) -> None:
            if udp._later is not None and not failed.is_set():
                failed.set()
                raise ZeroDivisionError
            take(resource_id, data, now)

        failed = asyncio.Event()
        monkeypatch.setattr(room, "on_rtp", fail_once)
        before = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: raised.append(context.get("exception")))
        try:
            begun = bytearray(video(2))
            begun[1] &= 0x7F  # no marker: the rest of the frame is waited for
            lead.send(bytes(begun))
            async with asyncio.timeout(5):
                while udp._later is None:
                    await asyncio.sleep(0)
                lead.send(video(4))  # a number is left out: this is for the rules
                await failed.wait()
                await asyncio.sleep(0)
        finally:
            loop.set_exception_handler(before)
        assert [type(error) for error in raised] == [ZeroDivisionError]
        lead.send(video(5, key=True, body=b"heard again"))
        async with asyncio.timeout(5):
            while not (await player.arrivals(Protocol.RTP)).endswith(b"heard again"):
                pass
