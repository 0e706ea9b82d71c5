"""What really flowed, cut into slices that can be trusted.

Each second of a participant is judged: did it send something decodable, and did something decodable
reach it. What was sent to it counts only once its receiver reports confirm that it arrived: seconds
wait for that confirmation, and what is never confirmed did not arrive. So neither a crash nor a
vanished browser can add presence.
"""

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

SLICE = timedelta(seconds=5)  # longest slice
CONFIRM_WITHIN = timedelta(
    seconds=6
)  # RTCP of an audio-only player comes every 5 s (RFC 3550, 6.2)


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


class Ledger:
    """The seconds of one participant, and the slices made of them; drain with `take`."""

    def __init__(self, room: str, participant: str) -> None:
        self._room = room
        self._participant = participant
        self._waiting: deque[Evidence] = deque()  # judged, delivery not confirmed yet
        self._open: Evidence | None = None
        self._done: list[Evidence] = []

    def second(
        self, from_at: datetime, to_at: datetime, *, sent: bool, delivered: bool, counts: Counts
    ) -> None:
        """Judge [from_at, to_at); `delivered`: sent to the participant, arrival not confirmed."""
        if from_at >= to_at:
            return  # the wall clock was set back: nothing can be said of this second
        self._waiting.append(
            Evidence(
                self._room,
                self._participant,
                from_at,
                to_at,
                sent,
                delivered,
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
        )
        while self._waiting and not self._waiting[0].received_decodable:
            self._merge(self._waiting.popleft())
        while self._waiting and self._waiting[0].to_at < to_at - CONFIRM_WITHIN:
            self._merge(replace(self._waiting.popleft(), received_decodable=False))

    def confirm(self) -> None:
        """A receiver report shows that what was sent so far has arrived."""
        while self._waiting:
            self._merge(self._waiting.popleft())

    def close(self, reason: str) -> None:
        """The participant's last connection ended; what was not confirmed did not arrive."""
        while self._waiting:
            self._merge(replace(self._waiting.popleft(), received_decodable=False))
        if self._open is not None:
            self._done.append(replace(self._open, reason=reason))
            self._open = None

    def take(self) -> list[Evidence]:
        """Finished slices, once each."""
        done, self._done = self._done, []
        return done

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
