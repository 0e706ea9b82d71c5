"""A room's seconds: what flowed for each participant, totalled and judged into its ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime

from media.evidence import Counts, Evidence, Ledger
from media.player import Player
from media.publisher import Publisher

_LONGEST = 2.0  # seconds that one look at what flows can speak for
_SLACK = 0.5  # seconds that the two clocks may differ over them


class Tally:
    """The seconds of one participant. `since` is where the current one began, Unix seconds."""

    def __init__(self, room: str, participant: str, since: float, now: float) -> None:
        self._judged_at = now
        self.ledger = Ledger(room, participant)
        self._since = since
        self._totals: tuple[int, ...] = (0, 0, 0, 0, 0, 0)

    def judge(
        self, publishers: Sequence[Publisher], players: Sequence[Player], now: float, wall: float
    ) -> list[Evidence]:
        """Close the current second, with what flowed in it over the participant's resources; what
        evidence is finished by it."""
        counts, self._totals = self._counted(publishers, players)
        lasted = min(_LONGEST, now - self._judged_at)
        self._judged_at = now
        if wall - self._since > lasted + _SLACK:  # suspended, or the clock was set on
            judged = datetime.fromtimestamp(wall - lasted, UTC)
            self.ledger.second(
                datetime.fromtimestamp(self._since, UTC),
                judged,
                sent=False,
                delivered={},
                counts=Counts(),
            )
            self._since = wall - lasted
        self.ledger.second(
            datetime.fromtimestamp(self._since, UTC),
            datetime.fromtimestamp(wall, UTC),
            sent=any(p.decodable(now) for p in publishers),
            delivered={k: v for p in players for k, v in p.delivering(now).items()},
            counts=counts,
        )
        self._since = wall
        return self.ledger.take()

    def look(
        self, publishers: Sequence[Publisher], players: Sequence[Player], now: float, wall: float
    ) -> None:
        """Note what has flowed in the current second so far."""
        if wall - self._since > _LONGEST:
            return  # judging will say how much of it can be spoken for
        counts, _ = self._counted(publishers, players)
        self.ledger.look(
            datetime.fromtimestamp(self._since, UTC),
            datetime.fromtimestamp(wall, UTC),
            sent=any(p.decodable(now) for p in publishers),
            delivered={k: v for p in players for k, v in p.delivering(now).items()},
            counts=counts,
        )

    def _counted(
        self, publishers: Sequence[Publisher], players: Sequence[Player]
    ) -> tuple[Counts, tuple[int, ...]]:
        """What came and went in the current second, and the totals at this instant."""
        streams = [s for p in publishers for s in p.streams.values()]
        out = [slot for p in players for slot in p.slots]
        totals = (
            sum(s.state.received for s in streams),
            sum(s.state.octets for s in streams),
            sum(s.state.packets for s in out),
            sum(s.state.octets for s in out),
            sum(s.lost for s in streams),
            sum(s.lost for s in out),
        )
        # A resource that ended took its totals along: what is left can't be less than nothing.
        grown = [max(0, new - old) for new, old in zip(totals, self._totals, strict=True)]
        rtts = [s.rtt for s in out if s.rtt is not None]
        jitters = [s.state.jitter / s.payload.clock_rate for s in streams]
        counts = Counts(*grown)
        counts.jitter_ms = max(jitters, default=0.0) * 1000
        counts.rtt_ms = max(rtts) * 1000 if rtts else None
        return counts, totals

    def close(self, reason: str) -> list[Evidence]:
        """The last resource ended; the evidence that was left."""
        self.ledger.close(reason)
        return self.ledger.take()
