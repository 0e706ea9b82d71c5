"""What a publisher is told of its packets, and what a player's feedback says of ours."""

from hypothesis import given
from hypothesis import strategies as st

from media import rtcp
from media.feedback import HISTORY, TICK, Acked, Arrivals, TransportFeedback, acknowledged

ME, THEM = 1, 2


def said(feedbacks):
    """Number → arrival in ticks or None, as told in order by feedbacks that went over the wire."""
    heard = {}
    for feedback in rtcp.parse(rtcp.build(feedbacks)):
        for index, arrival in enumerate(feedback.arrivals):
            heard[(feedback.base + index) & 0xFFFF] = arrival
    return heard


def test_nothing_is_said_of_nothing():
    assert Arrivals().take(ME, THEM) == []


def test_a_gap_is_told_as_lost_and_the_next_feedback_goes_on_after_it():
    arrivals = Arrivals()
    for number, at in ((65534, 1.0), (65535, 1.001), (1, 1.01)):
        arrivals.add(number, at)
    assert arrivals.take(ME, THEM) == [
        TransportFeedback(ME, THEM, 65534, 0, (4000, 4004, None, 4040)),
    ]
    arrivals.add(3, 1.1)
    assert arrivals.take(ME, THEM) == [TransportFeedback(ME, THEM, 2, 1, (None, 4400))]
    assert arrivals.take(ME, THEM) == []


def test_a_packet_said_to_be_missing_is_told_again_when_it_comes():
    arrivals = Arrivals()
    for number in (10, 12, 13):
        arrivals.add(number, 1.0)
    arrivals.take(ME, THEM)
    arrivals.add(11, 1.05)
    arrivals.add(14, 1.05)
    assert arrivals.take(ME, THEM) == [TransportFeedback(ME, THEM, 11, 1, (4200, 4000, 4000, 4200))]


def test_a_repeated_packet_is_told_once():
    arrivals = Arrivals()
    arrivals.add(7, 1.0)
    arrivals.add(7, 1.5)
    assert arrivals.take(ME, THEM) == [TransportFeedback(ME, THEM, 7, 0, (4000,))]
    arrivals.add(7, 2.0)
    assert arrivals.take(ME, THEM) == []


def test_a_silence_longer_than_a_delta_starts_another_feedback():
    arrivals = Arrivals()
    for number, at in ((1, 1.0), (2, 20.0), (4, 20.001)):
        arrivals.add(number, at)
    assert arrivals.take(ME, THEM) == [
        TransportFeedback(ME, THEM, 1, 0, (4000,)),
        TransportFeedback(ME, THEM, 2, 1, (80000, None, 80004)),
    ]


def test_many_packets_are_told_in_several_feedbacks_that_fit_the_path():
    arrivals = Arrivals()
    for number in range(1800):
        arrivals.add(number, 10 + (number * 37 % 500) * 0.2)  # wild order: large deltas
    feedbacks = arrivals.take(ME, THEM)
    assert len(feedbacks) > 3
    assert max(len(rtcp.build([feedback])) for feedback in feedbacks) <= 1200
    assert sorted(said(feedbacks)) == list(range(1800))


def test_a_leap_in_numbers_is_left_out():
    arrivals = Arrivals()
    for number in (0, 20000, 40000, 60000):
        arrivals.add(number, 1.0)
    assert [(f.base, len(f.arrivals)) for f in arrivals.take(ME, THEM)] == [
        (0, 1),
        (20000, 1),
        (40000, 1),
        (60000, 1),
    ]


@given(st.lists(st.tuples(st.integers(0, 65535), st.floats(0, 1e6)), max_size=200))
def test_any_numbers_and_times_can_be_written(packets):
    arrivals = Arrivals()
    for index, (number, at) in enumerate(packets):
        arrivals.add(number, at)
        if index % 7 == 6:
            rtcp.build(arrivals.take(ME, THEM))
    feedbacks = arrivals.take(ME, THEM)
    assert rtcp.parse(rtcp.build(feedbacks) or rtcp.build([rtcp.Pli(1, 2)]))
    assert all(len(rtcp.build([feedback])) <= 1200 for feedback in feedbacks)


@given(
    first=st.integers(0, 65535),
    packets=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=300),
)
def test_every_packet_after_the_first_arrival_is_told_once(first, packets):
    arrivals, expected, heard, at = Arrivals(), {}, {}, 5.0
    for index, (lost, wait) in enumerate(packets):
        at += wait * 0.01
        number = (first + index) & 0xFFFF
        if not lost:
            arrivals.add(number, at)
            expected[number] = round(at / TICK)
        if index % 50 == 49:
            told = said(arrivals.take(ME, THEM)) if not lost else {}
            assert not heard.keys() & told.keys()
            heard |= told
    remaining = arrivals.take(ME, THEM)
    heard |= said(remaining) if remaining else {}
    assert {n: t for n, t in heard.items() if t is not None} == expected


class Sent:
    """What a sender remembers; packet n went out at n milliseconds with 100 + n % 50 bytes."""

    def __init__(self, numbers):
        self.at, self.size = [0.0] * HISTORY, [0] * HISTORY
        for number in numbers:
            self.at[number % HISTORY] = number / 1000
            self.size[number % HISTORY] = 100 + number % 50
        self.highest = number

    def hear(self, base, *arrivals):
        feedback = TransportFeedback(THEM, ME, base & 0xFFFF, 0, arrivals)
        return acknowledged(feedback, self.highest, self.at, self.size)


def test_feedback_is_joined_to_what_was_sent_over_the_wrap():
    sent = Sent(range(65500, 65540))
    assert sent.hear(65534, 4000, None, 6000) == [
        Acked(65.534, 1.0, 134),
        Acked(65.535, None, 135),
        Acked(65.536, 1.5, 136),
    ]


def test_what_was_said_before_is_not_counted_again():
    sent = Sent(range(20))
    sent.hear(10, 4000, None, 4000)
    assert sent.hear(10, 4000, None, 4000, None) == [Acked(0.013, None, 113)]


def test_a_packet_thought_lost_may_still_arrive():
    sent = Sent(range(20))
    assert sent.hear(10, None) == [Acked(0.010, None, 110)]
    assert sent.hear(10, 4000) == [Acked(0.010, 1.0, 110)]
    assert sent.hear(10, 4000) == []


def test_numbers_never_sent_or_long_forgotten_are_passed_over():
    sent = Sent(range(3000, 3000 + HISTORY))
    assert sent.hear(2998, 1, 2, 3) == [Acked(3.0, 3 * TICK, 100)]
    assert sent.hear(sent.highest, 1, 2, 3) == [
        Acked(sent.highest / 1000, TICK, 100 + sent.highest % 50)
    ]
    fresh = Sent(range(5))
    assert fresh.hear(65530, *(20 * n for n in range(20))) == [
        Acked(n / 1000, 20 * (n + 6) * TICK, 100 + n) for n in range(5)
    ]


def test_packets_sent_and_arrived_as_one_are_told_as_one():
    sent = Sent(range(5))  # a millisecond apart
    assert sent.hear(0, 1, 2, 3, None, 5) == [
        Acked(0.0, 2 * TICK, 201, 2),
        Acked(0.002, 3 * TICK, 102),
        Acked(0.003, None, 103),
        Acked(0.004, 5 * TICK, 104),
    ]
