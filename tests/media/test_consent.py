"""How long a peer is held on to: by its checks, and by authentic media where a check was lost."""

import asyncio

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
