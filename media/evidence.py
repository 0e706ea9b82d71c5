"""What really flowed, cut into slices that can be trusted.

Each second of a participant is judged: did it send something decodable, and did something decodable
reach it. What was sent to it counts only once its receiver reports confirm that it arrived: each
second remembers how far each stream had been sent when it ended, waits for a report that covers it,
and what is never covered did not arrive. So neither a crash, nor a vanished browser, nor a line
that was down for a while can add presence.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

SLICE = timedelta(seconds=5)  # longest slice
CONFIRM_WITHIN = timedelta(
    seconds=6
)  # RTCP of an audio-only player comes every 5 s (RFC 3550, 6.2)
_LOOKS = 8  # that are remembered: those of the last two seconds


@dataclass(frozen=True, slots=True)
class Evidence:
    """One slice [from_at, to_at) of a participant, UTC, in one state throughout."""

    room: str
    participant: str
    from_at: datetime
    to_at: datetime
    sent_decodable: bool
    received_decodable: bool
    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    lost_in: int
    lost_out: int
    jitter_ms: float
    rtt_ms: float | None
    reason: str | None  # on a connection's last slice: left, lost, replaced, ended, stopped


@dataclass(slots=True)
class Counts:
    """What was counted since the last second was judged."""

    packets_in: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    lost_in: int = 0
    lost_out: int = 0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None


@dataclass(slots=True)
class _Waiting:
    """A judged second, or the beginning of one, and (SSRC → outgoing sequence number at its end) of
    what was sent in it."""

    evidence: Evidence
    marks: Mapping[int, int]
    confirmed: bool = False

    @property
    def arrived(self) -> Evidence:
        """What can be said if no report comes any more."""
        if self.confirmed:
            return self.evidence
        return replace(self.evidence, received_decodable=False)


class Ledger:
    """The seconds of one participant, and the slices made of them; drain with `take`."""

    def __init__(self, room: str, participant: str) -> None:
        self._room = room
        self._participant = participant
        self._waiting: deque[_Waiting] = deque()  # in order; the first is not decided yet
        self._begun: deque[_Waiting] = deque(maxlen=_LOOKS)  # seconds, as they were at looks
        self._open: Evidence | None = None
        self._done: list[Evidence] = []

    def second(
        self,
        from_at: datetime,
        to_at: datetime,
        *,
        sent: bool,
        delivered: Mapping[int, int],
        counts: Counts,
    ) -> None:
        """Judge [from_at, to_at). `delivered` names the SSRCs that something was sent to the
        participant on, each with the outgoing sequence number it has come to."""
        if from_at >= to_at:
            return  # the wall clock was set back: nothing can be said of this second
        self._waiting.append(self._of(from_at, to_at, sent, delivered, counts))
        self._decide(to_at)

    def look(
        self,
        from_at: datetime,
        to_at: datetime,
        *,
        sent: bool,
        delivered: Mapping[int, int],
        counts: Counts,
    ) -> None:
        """What can be said of the second that began at `from_at` and is not over: as `second`. It
        makes no slice, and is known if there is no time for one (`unfinished`)."""
        if from_at < to_at:
            self._begun.append(self._of(from_at, to_at, sent, delivered, counts))

    def _of(
        self,
        from_at: datetime,
        to_at: datetime,
        sent: bool,
        delivered: Mapping[int, int],
        counts: Counts,
    ) -> _Waiting:
        evidence = Evidence(
            self._room,
            self._participant,
            from_at,
            to_at,
            sent,
            bool(delivered),
            counts.packets_in,
            counts.bytes_in,
            counts.packets_out,
            counts.bytes_out,
            counts.lost_in,
            counts.lost_out,
            counts.jitter_ms,
            counts.rtt_ms,
            None,
        )
        return _Waiting(evidence, dict(delivered))

    def confirm(self, ssrc: int, after: int, up_to: int) -> None:
        """A receiver report: of what was sent on `ssrc`, most of (after, up_to] has arrived."""
        for waiting in (*self._waiting, *self._begun):
            if after < waiting.marks.get(ssrc, -1) <= up_to:
                waiting.confirmed = True
        self._decide(None)

    def _decide(self, now: datetime | None) -> None:
        """Settle seconds from the oldest on, as far as they can be; after a while, without."""
        while self._waiting:
            first = self._waiting[0]
            evidence = first.evidence
            if evidence.received_decodable and not first.confirmed:
                if now is None or evidence.to_at >= now - CONFIRM_WITHIN:
                    return
                evidence = replace(evidence, received_decodable=False)
            self._waiting.popleft()
            self._merge(evidence)

    def close(self, reason: str) -> None:
        """The participant's last connection ended; what was not confirmed did not arrive."""
        for waiting in self._waiting:
            self._merge(waiting.arrived)
        self._waiting.clear()
        if self._open is not None:
            self._done.append(replace(self._open, reason=reason))
            self._open = None

    def take(self) -> list[Evidence]:
        """Finished slices, once each."""
        done, self._done = self._done, []
        return done

    @property
    def unfinished(self) -> list[Evidence]:
        """What can be said beyond the slices that were taken, if nothing comes any more: what is to
        be taken, the slice that is being made, the seconds that wait, this second so far, and as
        much of an undecided one as was confirmed. They may overlap."""
        since = self._open.to_at if self._open is not None else datetime.min.replace(tzinfo=UTC)
        begun = [look for look in self._begun if look.evidence.from_at >= since]
        looks = begun[-1:] + [look for look in begun[:-1] if look.confirmed][-1:]
        found = [*self._done, *([self._open] if self._open is not None else [])]
        found += [each.arrived for each in (*self._waiting, *looks)]
        return [e for e in found if e.sent_decodable or e.received_decodable]

    def _merge(self, second: Evidence) -> None:
        last = self._open
        if last is not None and _continues(last, second):
            second = replace(
                second,
                from_at=last.from_at,
                packets_in=last.packets_in + second.packets_in,
                bytes_in=last.bytes_in + second.bytes_in,
                packets_out=last.packets_out + second.packets_out,
                bytes_out=last.bytes_out + second.bytes_out,
                lost_in=last.lost_in + second.lost_in,
                lost_out=last.lost_out + second.lost_out,
                jitter_ms=max(last.jitter_ms, second.jitter_ms),
                rtt_ms=second.rtt_ms if second.rtt_ms is not None else last.rtt_ms,
            )
        elif last is not None:
            self._done.append(last)
        self._open = second


def _continues(last: Evidence, second: Evidence) -> bool:
    return (
        last.to_at == second.from_at
        and last.sent_decodable == second.sent_decodable
        and last.received_decodable == second.received_decodable
        and second.to_at - last.from_at <= SLICE
    )
