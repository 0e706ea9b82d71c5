"""A bottleneck in virtual time, a player behind it that tells what arrived, and a sender before it
that chooses layers by that."""

import heapq
import random
from collections import deque
from dataclasses import replace
from itertools import pairwise

from media.bandwidth import Estimator
from media.feedback import HISTORY, Arrivals, acknowledged
from media.layers import Ask, Chooser, Layer, next_wanted


class Link:
    """One direction of a path: a drop-tail queue of `queue` bytes, drained at what `rates` say as
    (from second, bits/s), then `delay` seconds and up to `jitter` more, in order. `loss` is the
    chance that a packet is lost after the queue."""

    def __init__(self, rates, *, queue=64_000, delay=0.0, jitter=0.0, loss=0.0, seed=1):
        assert all(a[0] < b[0] for a, b in pairwise(rates))
        self.rates, self.queue, self.delay = rates, queue, delay
        self.jitter, self.loss = jitter, loss
        self._random = random.Random(seed)
        self._leaving = deque()  # (when it leaves the queue, size)
        self._queued = 0
        self._free_at = self._last = 0.0

    def send(self, size, now):
        """When a packet of `size` bytes sent now arrives; None: it doesn't."""
        while self._leaving and self._leaving[0][0] <= now:
            self._queued -= self._leaving.popleft()[1]
        if self._queued + size > self.queue:
            return None
        self._free_at = self._served(size * 8, max(now, self._free_at))
        self._leaving.append((self._free_at, size))
        self._queued += size
        if self._random.random() < self.loss:
            return None
        arrives = self._free_at + self.delay + self._random.uniform(0, self.jitter)
        self._last = max(self._last, arrives)
        return self._last

    def _served(self, bits, at):
        """When `bits` have left that begin to leave at `at`."""
        while True:
            rate = next(rate for since, rate in reversed(self.rates) if since <= at)
            change = next((since for since, _ in self.rates if since > at), float("inf"))
            if at + bits / rate <= change:
                return at + bits / rate
            bits -= rate * (change - at)
            at = change


class Path:
    """A link there, and `back` seconds until `hear` gets what the player sends every `interval`
    seconds. `delays` are (arrived at, seconds on the way) of all that arrived."""

    def __init__(self, link, hear, *, interval, back=0.04):
        self.link, self.hear, self.interval, self.back = link, hear, interval, back
        self.delays = []
        self._coming = []  # heap of (when, order, what, with what)
        self._order = 0
        self._at(interval, self._report)

    def _at(self, when, what, *given):
        self._order += 1
        heapq.heappush(self._coming, (when, self._order, what, given))

    def send(self, size, now):
        arrives = self.link.send(size, now)
        if arrives is not None:
            self._at(arrives, self._arrive, now, self.sent(size, now))
        else:
            self.sent(size, now)

    def run(self, until):
        """Let happen what happens up to `until`."""
        while self._coming and self._coming[0][0] <= until:
            now, _, what, given = heapq.heappop(self._coming)
            what(now, *given)

    def _arrive(self, now, sent, tag):
        self.delays.append((now, now - sent))
        self.arrived(tag, now)

    def _report(self, now):
        for said in self.reports(now):
            self._at(now + self.back, self.hear, said)
        self._at(now + self.interval, self._report)


class TransportPath(Path):
    """The player sends transport-wide feedback, by a clock of its own."""

    CLOCK = 1000.0  # its clock less ours

    def __init__(self, link, estimator, *, interval=0.1, **path):
        super().__init__(link, self._hear, interval=interval, **path)
        self._estimator = estimator
        self._arrivals = Arrivals()
        self._sent_at, self._sent_size = [0.0] * HISTORY, [0] * HISTORY
        self._number = 65_000

    def sent(self, size, now):
        self._number += 1
        self._sent_at[self._number % HISTORY] = now
        self._sent_size[self._number % HISTORY] = size
        return self._number & 0xFFFF

    def arrived(self, number, now):
        self._arrivals.add(number, now + self.CLOCK)

    def reports(self, now):
        return self._arrivals.take(1, 2)

    def _hear(self, now, feedback):
        packets = acknowledged(feedback, self._number, self._sent_at, self._sent_size)
        self._estimator.on_feedback(packets, now)


class ReportPath(Path):
    """The player sends a receiver report a second, and with `remb` what it thinks arrives at most:
    one and a half of what does, and where packets take longer and longer, less than that."""

    def __init__(self, link, estimator, *, remb, interval=1.0, **path):
        super().__init__(link, self._hear, interval=interval, **path)
        self._estimator, self._remb = estimator, remb
        self._sent = self._got = self._bytes = 0
        self._before = (0, 0)
        self._looked_at = 0

    def sent(self, size, now):
        self._sent += 1
        return size

    def arrived(self, size, now):
        self._got += 1
        self._bytes += size

    def reports(self, now):
        sent, got = self._sent - self._before[0], self._got - self._before[1]
        self._before = (self._sent, self._got)
        delays = [delay for _, delay in self.delays[self._looked_at :]]
        self._looked_at = len(self.delays)
        rate, self._bytes = self._bytes * 8 / self.interval, 0
        longer = bool(delays) and delays[-1] - min(delays) > 0.1
        return [(max(0.0, 1 - got / sent), rate * (0.85 if longer else 1.5))] if sent else []

    def _hear(self, now, said):
        loss, remb = said
        self._estimator.on_loss(loss, now)
        if self._remb:
            self._estimator.on_remb(remb, now)


class Forwarder:
    """Sound and one picture in three layers, sent to a player as its path allows. `chosen` are
    (second, key) of each change of mind."""

    SOUND = 40_000.0
    BITRATES = (150_000.0, 500_000.0, 1_500_000.0)
    KEY_AFTER = 0.15  # seconds from a choice to the key frame with which it is carried out

    def __init__(self, link, *, path=TransportPath, tick=0.05, start=1_000_000.0, **options):
        self.estimator = Estimator(0.0, start)
        self.path = path(link, self.estimator, **options)
        self.tick = tick
        self.now = 0.0
        self.chosen = []
        self.estimates = []  # (second, bits/s)
        self.sent = []  # (second, size)
        self.padded = 0  # bytes
        self._chooser = Chooser()
        self._ask = Ask(tuple(Layer(n, rate, 0) for n, rate in enumerate(self.BITRATES)))
        self._shown = None
        self._switch_at = None

    def live(self, until):
        """Sound every 20 ms, a frame every 40 ms, a decision every `tick`."""
        while self.now < until - 1e-9:
            milliseconds = round(self.now * 1000)
            self.path.run(self.now)
            if milliseconds % round(self.tick * 1000) == 0:
                self._decide()
            if milliseconds % 20 == 0:
                self._send(100)
            if milliseconds % 40 == 10:
                self._send_frame()
            self.now = (milliseconds + 10) / 1000

    def _decide(self):
        bitrate = self.estimator.bitrate(self.now)
        self.estimates.append((self.now, bitrate))
        (key,) = self._chooser.choose([self._ask], bitrate - self.SOUND, self.now)
        if key != self._ask.current:
            self._ask = replace(self._ask, current=key)
            self.chosen.append((self.now, key))
            self._switch_at = self.now + self.KEY_AFTER
            if key is None:
                self._shown = None
        picture = 0.0 if self._shown is None else self.BITRATES[self._shown]
        wanted = next_wanted([self._ask])
        padding = self.estimator.padding(
            self.SOUND + picture, self.SOUND + wanted if wanted else 0.0, self.now
        )
        self.padded += padding
        while padding > 0:
            self._send(min(padding, 1200))
            padding -= 1200

    def _send_frame(self):
        key = self._switch_at is not None and self.now >= self._switch_at
        if key:
            self._switch_at, self._shown = None, self._ask.current
        if self._shown is None:
            return
        left = int(self.BITRATES[self._shown] / 25 / 8) * (3 if key else 1)
        while left > 0:
            self._send(min(left, 1150))
            left -= 1150

    def _send(self, size):
        self.path.send(size, self.now)
        self.sent.append((self.now, size))

    def layers(self, since):
        """What is chosen at `since`, and what after it."""
        before = [key for at, key in self.chosen if at <= since]
        return before[-1:] + [key for at, key in self.chosen if at > since]

    def rate(self, since, until):
        """Bits/s sent in [since, until)."""
        return sum(size for at, size in self.sent if since <= at < until) * 8 / (until - since)

    def delays(self, since, until):
        """Seconds on the way of what arrived in [since, until), ascending."""
        return sorted(delay for at, delay in self.path.delays if since <= at < until)
