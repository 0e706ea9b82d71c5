"""Who watches unseen: gets pictures and sound, leaves no evidence, and has few connections."""

import random
from dataclasses import replace

import pytest

from media.admission import Admission, Limits
from media.errors import Overloaded
from media.events import SendRtp
from media.evidence import Evidence
from media.room import Room
from media.rtcp import ReceiverReport, ReportBlock, build
from tests.media.packets import Microphone, publisher, subscriber


def test_who_watches_unseen_has_few_connections() -> None:
    admission = Admission(Limits(of_unseen=2, waiting_of_participant=8))
    for number in range(2):
        admission.admit(f"w{number}", "room", "visit", unseen=True)
        admission.connected(f"w{number}")
    with pytest.raises(Overloaded):
        admission.admit("w2", "room", "visit", unseen=True)
    admission.admit("p", "room", "pupils")
    admission.gone("w0")
    admission.admit("w2", "room", "visit", unseen=True)


def test_what_flows_to_an_unseen_player_is_no_evidence() -> None:
    room, microphone = Room("r", random=random.Random(1)), Microphone(12)
    now, wall, heard, evidence = 100.0, 1_800_000_000.0, set(), []
    room.add_publisher(publisher("a", audio=12), now, wall)
    players = [subscriber("pupils"), replace(subscriber("visit", ssrc=7000), unseen=True)]
    for player in players:
        room.add_subscriber(player, now, wall)
    for step in range(10 * 50):
        now, wall = now + 0.02, wall + 0.02
        room.on_rtp("a>", microphone.next(), now)
        room.tick(now, wall)
        while room.outputs:
            output = room.outputs.popleft()
            if isinstance(output, SendRtp):
                heard.add(output.resource_id)
            elif isinstance(output, Evidence):
                evidence.append(output)
        if step % 50 == 0:
            for player in players:
                block = ReportBlock(player.slots[0].ssrc, 0, 0, 2**16, 0, 0, 0)
                report = build([ReceiverReport(1, (block,))])
                room.on_rtcp(player.resource_id, report, now, wall)
    for player in players:
        room.remove(player.resource_id, "left", now, wall)
    evidence += [output for output in room.outputs if isinstance(output, Evidence)]
    assert heard == {">pupils", ">visit"}
    assert {e.participant for e in evidence} == {"a", "pupils"}
    assert room.resources() == [("a>", "a", True)]
