"""How long a peer is held on to: by its checks, and by authentic media where a check was lost."""

import asyncio

from media.ice import CHECKS_ALONE, CONSENT_TIMEOUT
from media.node_events import ParticipantGone
from tests.media.halls import hall, video


async def test_authentic_media_holds_a_peer_whose_checks_are_lost_for_seconds() -> None:
    async with hall() as school:
        lead, _ = await school.lesson()
        school.silent.add(lead.resource_id)

        async def media() -> None:
            number = 2
            while True:
                lead.send(video(number))
                number += 1
                await asyncio.sleep(0.04)

        sending = asyncio.create_task(media())
        gone = asyncio.create_task(school.event(ParticipantGone, within=20))
        try:
            ended, _ = await asyncio.wait([gone], timeout=8)  # seconds without a check
            assert not ended
        finally:
            sending.cancel()
        told = await gone  # now that it is silent altogether
        assert (told.participant, told.reason) == ("lead", "lost")


async def test_who_sends_nothing_but_checks_may_check_each_six_seconds() -> None:
    """RFC 7675, 5.1: 5 s, of which 0.8 to 1.2; libdatachannel sends no reports of what it plays."""
    async with hall() as school:
        _, (player,) = await school.lesson()
        school.silent.add(player.resource_id)
        gone = asyncio.create_task(school.event(ParticipantGone, within=30))
        ended, _ = await asyncio.wait([gone], timeout=CONSENT_TIMEOUT + 1.5)
        assert not ended
        player.connection.refresh_consent()
        began = asyncio.get_running_loop().time()
        told = await gone
        assert (told.participant, told.reason) == ("room 0", "lost")
        assert asyncio.get_running_loop().time() - began >= CHECKS_ALONE - 0.1
