"""Lips and voice: what was at once is at once in the recording, whatever the clocks do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from media import rtcp
from media.plane import Plane
from media.recording.reel import Begin, Reel, Write
from media.recording.timeline import PublisherClock, Timeline
from media.room import Room
from media.rtcp import Nack, SenderReport
from media.specs import Kind
from tests.media.packets import packet, publisher, vp8_payload

NTP = 3_900_000_000.0  # what the publisher's clock says at second 0 of the test


@dataclass
class Lesson:
    """A lead whose three clocks all run at rates of their own, on a line that loses and delays.

    A frame's payload ends with the true time at which it was captured. Sound is captured at a
    clock `sound_ppm` fast and delayed by less than the picture, which takes 60 ms to encode."""

    loss: float
    seconds: float
    sound_ppm: float = 150.0
    picture_ppm: float = -100.0
    ntp_ppm: float = 40.0
    chance: Random = field(default_factory=lambda: Random(20))
    sent: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def ntp(self, at: float) -> float:
        return NTP + at * (1 + self.ntp_ppm / 1e6)

    def events(self) -> Iterator[tuple[float, float, str, int]]:
        """(when it is sent, when it was captured, what, number) in order."""
        rates = (
            ("sound", 50, 0.0, 0.005),
            ("picture", 10, 0.0, 0.06),
            ("picture report", 1, 0.9, 0.0),
            ("sound report", 0.2, 2.4, 0.0),
        )
        return iter(
            sorted(
                (number / rate + first + takes, number / rate + first, what, number)
                for what, rate, first, takes in rates
                for number in range(int(self.seconds * rate))
            )
        )

    def delay(self) -> float:
        return 0.03 + self.chance.expovariate(100)

    def stamp(self, what: str, at: float) -> int:
        """The RTP timestamp of an instant."""
        if what.startswith("sound"):
            return int(5000 + at * 48_000 * (1 + self.sound_ppm / 1e6)) & 0xFFFFFFFF
        return int(0xFFFF0000 + at * 90_000 * (1 + self.picture_ppm / 1e6)) & 0xFFFFFFFF


def _mark(at: float) -> bytes:
    return round(at * 1e6).to_bytes(8, "big")


def _record(lesson: Lesson) -> list[tuple[Kind, int, float]]:
    """Play a lesson into a room: (kind, milliseconds in the file, true time) of what was written,
    all in one segment."""
    room = Room("r", random=Random(1), plane=Plane())
    room.add_publisher(publisher("lead", video=2, audio=1, lead=True), 0.0, 1e9)
    room.set_recorded(True, 0.0)
    reels: list[Reel] = []
    written: list[tuple[Kind, int, float]] = []
    begun = 0

    def drain(arrivals: list[tuple[float, bytes]], now: float) -> None:
        nonlocal begun
        while room.outputs:
            output = room.outputs.popleft()
            if hasattr(output, "strands"):
                if not reels:
                    reels.append(Reel(output.strands[0].source))
                for step in reels[0].feed(output.strands):
                    if isinstance(step, Begin):
                        begun += 1
                    elif isinstance(step, Write):
                        true = int.from_bytes(step.data[-8:], "big") / 1e6
                        written.append((step.kind, step.ms, true))
            elif hasattr(output, "data"):
                for each in rtcp.parse(output.data):
                    if isinstance(each, Nack):
                        for sequence in each.sequences:
                            again = lesson.sent.get((each.media, sequence))
                            if again is not None and lesson.chance.random() > lesson.loss:
                                arrivals.append((now + 0.06 + lesson.delay(), again))

    arrivals: list[tuple[float, bytes]] = []
    reports: list[tuple[float, bytes]] = []
    tick = 0.0
    for sent, captured, what, number in lesson.events():
        while tick < sent:
            tick += 0.05
            due = sorted((a for a in arrivals if a[0] <= tick), key=lambda a: a[0])
            arrivals = [a for a in arrivals if a[0] > tick]
            for at, data in due:
                room.on_rtp("lead>", data, at)
            for at, data in [r for r in reports if r[0] <= tick]:
                room.on_rtcp("lead>", data, at, 1e9 + at)
            reports = [r for r in reports if r[0] > tick]
            room.tick(tick, 1e9 + tick)
            drain(arrivals, tick)
        if what == "sound":
            made = packet(
                _mark(captured),
                sequence=number,
                timestamp=lesson.stamp(what, captured),
                ssrc=1,
                payload_type=111,
            )
            ssrc = 1
        elif what == "picture":
            made = packet(
                vp8_payload(number & 0x7FFF, None, key=number % 20 == 0, body=_mark(captured)),
                sequence=number,
                timestamp=lesson.stamp(what, captured),
                ssrc=2,
                payload_type=96,
                marker=True,
            )
            ssrc = 2
        else:
            ssrc = 1 if what.startswith("sound") else 2
            ntp = int(lesson.ntp(sent) * (1 << 32))
            report = SenderReport(ssrc, ntp, lesson.stamp(what, sent), 1, 1)
            reports.append((sent + lesson.delay(), rtcp.build([report])))
            continue
        lesson.sent[ssrc, number & 0xFFFF] = made
        if lesson.chance.random() > lesson.loss:
            arrivals.append((sent + lesson.delay(), made))
    assert begun == 1
    return written


def _apart(written: list[tuple[Kind, int, float]], since: float, until: float) -> list[float]:
    """How much later pictures are shown than the sound of the same instant is heard, in ms."""
    sound = {round(true * 50): ms for kind, ms, true in written if kind is Kind.AUDIO}
    return [
        ms - sound[round(true * 50)]
        for kind, ms, true in written
        if kind is Kind.VIDEO and since <= true < until and round(true * 50) in sound
    ]


def test_lips_are_in_step_at_the_end_of_forty_minutes_with_two_percent_lost() -> None:
    written = _record(Lesson(loss=0.02, seconds=2400))
    at_the_end = _apart(written, 2340, 2400)
    assert len(at_the_end) > 400
    assert max(map(abs, at_the_end)) <= 80
    always = _apart(written, 0, 2400)
    assert len(always) > 20_000
    assert max(map(abs, always)) <= 80
    ends = max(ms for _, ms, true in written if true > 2399)
    assert abs(ends - 2_400_000) < 500  # the file is as long as the lesson was


def test_little_of_what_came_is_missing() -> None:
    written = _record(Lesson(loss=0.02, seconds=60))
    assert (
        sum(kind is Kind.AUDIO for kind, _, _ in written) >= 0.96 * 3000
    )  # nobody asks for sound again
    assert sum(kind is Kind.VIDEO for kind, _, _ in written) >= 0.97 * 600


def test_time_goes_on_evenly_over_a_report_that_corrects_it() -> None:
    clock = PublisherClock()
    timeline = Timeline(48_000, clock)
    timeline.arrived(0, 10.0)
    times = []
    for number in range(200):
        if number == 50:  # says that it was captured 150 ms earlier than its arrival tells
            timeline.reported(1000.0, number * 960, 11.0)
            clock.offset = -989.15
        times.append(timeline.time(number * 960))
    steps = [b - a for a, b in pairwise(times)]
    assert min(steps) >= 0.9 * 0.02 - 1e-9
    assert max(steps) <= 1.1 * 0.02 + 1e-9
    assert abs(times[-1] - (9.85 + 199 * 0.02)) < 1e-6


def test_a_timestamp_that_wraps_is_no_jump_and_a_restart_is_one() -> None:
    timeline = Timeline(90_000, PublisherClock())
    timeline.arrived(0xFFFFFFFF - 44_999, 5.0)
    assert abs(timeline.time(0xFFFFFFFF - 44_999) - 5.0) < 1e-6
    assert abs(timeline.time(45_000) - 6.0) < 1e-3


def test_clocks_that_are_set_in_the_middle_of_a_lesson_stop_no_time() -> None:
    timeline = Timeline(48_000, PublisherClock())
    times = []
    stamp, ntp = 0, 1000.0
    for number in range(1000):
        if number == 300:
            ntp -= 3600  # the publisher's clock is set
        if number == 600:
            stamp = (stamp - 5_000_000) & 0xFFFFFFFF  # its source begins anew
        at = number * 0.02
        timeline.arrived(stamp, at + 0.05)
        if number % 50 == 0:
            timeline.reported(ntp + at, stamp, at + 0.05)
        times.append(timeline.time(stamp))
        stamp = (stamp + 960) & 0xFFFFFFFF
    assert max(abs(b - a - 0.02) for a, b in pairwise(times)) < 0.1
