"""What evidence credits: seconds that were looked at, in which media flowed. Virtual time."""

import random
from collections.abc import Callable

from media import rtp
from media.events import MappingChanged
from media.evidence import Evidence
from media.feeds import STALE
from media.room import Room
from tests.media.packets import Camera, Microphone, publisher, subscriber

WALL = 1_800_000_000.0


class Life:
    """A room, and all that it has put out, by kind. `wall` may be set by the test."""

    def __init__(self) -> None:
        self.room = Room("r", random=random.Random(1))
        self.now, self.wall = 100.0, WALL
        self.evidence: list[Evidence] = []
        self.mappings: list[MappingChanged] = []

    def drain(self) -> None:
        while self.room.outputs:
            output = self.room.outputs.popleft()
            if isinstance(output, Evidence):
                self.evidence.append(output)
            elif isinstance(output, MappingChanged):
                self.mappings.append(output)

    def run(self, seconds: float, packet: Callable[[], bytes]) -> None:
        """Fifty packets a second, each followed by a tick."""
        for _ in range(round(seconds * 50)):
            self.now += 0.02
            self.wall += 0.02
            self.room.on_rtp("a>", packet(), self.now)
            self.room.tick(self.now, self.wall)
            self.drain()

    def credited(self) -> float:
        """Seconds in which the publisher is said to have sent, once it has left."""
        self.room.remove("a>", "left", self.now, self.wall)
        self.drain()
        lasted = ((e.to_at - e.from_at).total_seconds() for e in self.evidence if e.sent_decodable)
        return sum(lasted)


def _speaks() -> Life:
    life = Life()
    life.room.add_publisher(publisher("a", audio=12), life.now, life.wall)
    return life


def _only_fills(camera: Camera) -> bytes:
    """The camera's next packet, of nothing but padding (RFC 3550, 5.1)."""
    data = bytearray(rtp.header_bytes(False, 96, camera.sequence, camera.timestamp, camera.ssrc))
    data[0] |= 0x20
    camera.sequence = (camera.sequence + 1) & 0xFFFF
    return bytes(data) + bytes(99) + bytes((100,))


def test_a_clock_that_is_set_on_by_an_hour_credits_no_hour() -> None:
    life, microphone = _speaks(), Microphone(12)
    life.run(5, microphone.next)
    life.wall += 3600
    life.run(5, microphone.next)
    assert 8 <= life.credited() <= 12


def test_a_minute_in_which_the_process_was_suspended_is_not_credited() -> None:
    life, microphone = _speaks(), Microphone(12)
    life.run(5, microphone.next)
    life.now += 60
    life.wall += 60
    life.run(1, microphone.next)
    assert 4 <= life.credited() <= 9


def test_time_is_credited_once_and_without_gaps_while_clocks_agree() -> None:
    life, microphone = _speaks(), Microphone(12)
    life.run(10, microphone.next)
    assert abs(life.credited() - 10) < 0.1


def _shows_one_picture() -> tuple[Life, Camera]:
    life, camera = Life(), Camera(11)
    life.room.add_publisher(publisher("a", video=11), life.now, life.wall)
    life.room.add_subscriber(subscriber("wall"), life.now, life.wall)
    for data in camera.frame(key=True):
        life.room.on_rtp("a>", data, life.now)
    life.drain()
    return life, camera


def test_padding_after_a_key_frame_is_not_credited_as_a_picture() -> None:
    life, camera = _shows_one_picture()
    life.run(60, lambda: _only_fills(camera))
    assert life.credited() <= 3


def test_padding_after_a_key_frame_keeps_no_slot() -> None:
    life, camera = _shows_one_picture()
    life.run(1, lambda: _only_fills(camera))
    assert "a" in {s.participant for s in life.mappings[-1].slots}
    life.run(STALE + 3, lambda: _only_fills(camera))
    assert "a" not in {s.participant for s in life.mappings[-1].slots}
