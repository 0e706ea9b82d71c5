"""A WHEP resource in a room: its slots, and what its line can carry of what they ask for."""

from collections.abc import Mapping, Sequence
from random import Random

from media.allowance import Allowance
from media.bandwidth import Estimator
from media.delivery import Slot
from media.events import Shown
from media.feedback import TransportFeedback, acknowledged
from media.layers import MARGIN, Ask, Chooser, Layer, next_wanted
from media.plane import CACHE, Plane
from media.publisher import RECENT
from media.reception import Stream
from media.rtcp import Packet, ReceiverReport, Remb, SenderReport
from media.specs import Extension, Kind, SubscriberSpec

CHOOSE_EVERY = 0.25  # seconds between choices of layers
_UNKNOWN = 200_000.0  # bits/s a stream is taken to have before it was measured
_REPEATS = 0.25  # of the line's bitrate may go into retransmissions
_REPEAT_BURST = 0.5  # seconds of that at once
_PROBES = 40  # packets of padding in one tick, at most
_HOLD_AT_MOST = 2.0  # seconds without any picture for a queue to drain
_NEARLY = 0.6  # of a layer's bitrate
_DARK_AFTER = 3.0  # seconds that a line must be too weak for any picture before there is none


class Player:
    """See the module. `random` chooses the first numbers of its slots."""

    def __init__(self, spec: SubscriberSpec, plane: Plane, random: Random, now: float) -> None:
        self.spec = spec
        self.link = plane.link(spec.resource_id)
        self.slots = [
            Slot.make(
                plane,
                self.link,
                slot,
                spec.resource_id,
                (random.randrange(1, 1 << 15), random.getrandbits(31), random.getrandbits(16)),
            )
            for slot in spec.slots
        ]
        self.videos = [s for s in self.slots if s.spec.kind is Kind.VIDEO]
        self.audios = [s for s in self.slots if s.spec.kind is Kind.AUDIO]
        self.by_ssrc = {slot.spec.ssrc: slot for slot in self.slots}
        self.mapping: tuple[Shown, ...] = ()
        self.estimator = Estimator(now)
        self._chooser = Chooser()
        self._chosen_at = self._padded_at = now
        self._draining = self._holds = False  # a queue is drained; by no picture meanwhile
        self._held_at = now
        self._enough_at = now  # for the largest picture's smallest layer
        self._measured = (now, 0)
        self._sending = 0.0  # bits/s
        self._wanted = 0.0  # bits/s, with the next layer up; 0: there is none
        self._repeats = Allowance(0.0, 0.0)  # bytes; what it grows by follows the line
        self._told = any(
            "goog-remb" in p.feedback or Extension.TRANSPORT_CC in dict(s.spec.extensions)
            for s in self.videos
            for p in s.spec.payloads
        )

    # ── what it says ─────────────────────────────────────────────────────────────────────

    def heard(self, report: Packet, now: float) -> None:
        """Take what an RTCP packet says of the line."""
        if isinstance(report, TransportFeedback):
            link = self.link
            newest = (link.sequence - 1) & 0xFFFF
            packets = acknowledged(report, newest, link.sent_at, link.sent_size)
            self.estimator.on_feedback(packets, now)
        elif isinstance(report, Remb):
            self.estimator.on_remb(report.bitrate, now)
        elif isinstance(report, SenderReport | ReceiverReport):
            ssrcs = {s.spec.ssrc for s in self.videos} or set(self.by_ssrc)
            lost = [b.fraction_lost / 256 for b in report.blocks if b.ssrc in ssrcs]
            if lost:
                self.estimator.on_loss(sum(lost) / len(lost), now)

    def repeat(self, slot: Slot, sequences: Sequence[int], now: float) -> list[bytes]:
        """Answer a NACK, within what retransmissions may cost."""
        rate = _REPEATS * self.estimator.bitrate(now) / 8
        self._repeats.rate, self._repeats.burst = rate, rate * _REPEAT_BURST
        found: list[bytes] = []
        newest = slot.munger.highest
        for sequence in dict.fromkeys(s for s in sequences if (newest - s) & 0xFFFF < CACHE):
            data = slot.repeat(sequence, now, lambda size: self._repeats.take(size, now))
            if data is not None:
                found.append(data)
        return found

    # ── what it gets ─────────────────────────────────────────────────────────────────────

    def show_at(self, widths: Mapping[str, int]) -> None:
        """The page shows the slots with these mids so many pixels wide."""
        for slot in self.videos:
            slot.width = widths.get(slot.spec.mid, slot.width)

    def choose(self, now: float) -> list[Slot]:
        """Aim each slot at the layer that fits its size and the line; the slots that changed."""
        self._chosen_at = now
        layers = [slot.source.layers(now) if slot.source else [] for slot in self.videos]
        self._mind_queue(layers, now)
        if not self._holds and self._settled(layers, now):
            return []
        chosen = self._chooser.choose(self._asks(layers), self._budget(layers, now), now)
        if self._holds:
            chosen = [None] * len(chosen)
        changed = []
        for slot, found, key in zip(self.videos, layers, chosen, strict=True):
            if slot.aim(next((s for s in found if s.key == key), None), now):
                changed.append(slot)
        changed += [s for s in self.audios if s.aim(s.source.newest() if s.source else None, now)]
        more = next_wanted(self._asks(layers)) if self._told else 0.0
        self._wanted = more + self._sound() if more else 0.0
        return changed

    def _mind_queue(self, layers: Sequence[Sequence[Stream]], now: float) -> None:
        """When the line has become so narrow that a long queue stands before it, no picture is sent
        until the queue has drained: a smaller layer's key frame would be lost at its end."""
        draining = self._told and self.estimator.draining
        if draining and not self._draining:
            targets = [slot.target for slot in self.videos]
            lowest = [found[0] if found else None for found in layers]
            self._holds = targets != lowest  # the smallest are not in the way
            self._held_at = now
        elif not draining or now - self._held_at > _HOLD_AT_MOST:
            self._holds = False
        self._draining = draining

    def _settled(self, layers: Sequence[Sequence[Stream]], now: float) -> bool:
        """Whether every slot shows all there is of its feed, and the line carries it."""
        need = 0.0
        for slot, found in zip(self.videos, layers, strict=True):
            if len(found) > 1 or slot.target is not (found[0] if found else None):
                return False
            need += found[0].bitrate if found else 0.0
        for slot in self.audios:
            if slot.target is not (slot.source.newest() if slot.source is not None else None):
                return False
        return not self._wanted and self._budget(layers, now) >= need

    def due(self, now: float) -> bool:
        """Whether it is time to choose again."""
        return now - self._chosen_at >= CHOOSE_EVERY

    def _by_importance(self) -> list[int]:
        """The video slots' numbers: the one that the page shows largest first (a shared screen may
        be, while a class has the floor); in their own order where it did not say."""
        numbers = range(len(self.videos))
        if not all(slot.width for slot in self.videos if slot.source is not None):
            return list(numbers)
        return sorted(numbers, key=lambda n: (self.videos[n].source is None, -self.videos[n].width))

    def _asks(self, layers: Sequence[Sequence[Stream]]) -> list[Ask]:
        rank = {number: at for at, number in enumerate(self._by_importance())}
        return [
            Ask(
                tuple(
                    Layer(s.key, s.bitrate or _UNKNOWN, s.size[0] if s.size else 0) for s in found
                ),
                slot.width,
                rank[number],
                slot.target.key if slot.target is not None else None,
            )
            for number, (slot, found) in enumerate(zip(self.videos, layers, strict=True))
        ]

    def _budget(self, layers: Sequence[Sequence[Stream]], now: float) -> float:
        """Bits/s for pictures: what the line carries, less sound. The largest picture's smallest
        layer is afforded until the line has been far too weak for it for some time: an estimate
        that is a little too low is more likely than a line that is."""
        if not self._told:
            return float("inf")
        budget = max(0.0, self.estimator.bitrate(now) - self._sound())
        first = next(iter(self._by_importance()), None)
        smallest = layers[first][0] if first is not None and layers[first] else None
        least = (smallest.bitrate or _UNKNOWN) if smallest is not None else 0.0
        showing = first is not None and self.videos[first].target is not None
        if budget >= _NEARLY * least or (showing and self.estimator.clear):
            self._enough_at = now
        if not self.estimator.limited or now - self._enough_at < _DARK_AFTER:
            return max(budget, MARGIN * least)
        return budget

    def _sound(self) -> float:
        return sum(
            slot.target.bitrate * (2 if slot.state.red_type else 1)
            for slot in self.audios
            if slot.target is not None
        )

    def padding(self, now: float) -> list[bytes]:
        """What to send besides, to find out whether the line carries the next layer."""
        if not self._told or (not self._wanted and now - self._padded_at < CHOOSE_EVERY):
            return []
        self._padded_at = now
        sent = sum(slot.state.octets + 40 * slot.state.packets for slot in self.slots)
        since, before = self._measured
        if now - since >= 0.5:
            self._sending = (sent - before) * 8 / (now - since)
            self._measured = (now, sent)
        size = self.estimator.padding(self._sending, self._wanted, now)
        found: list[bytes] = []
        carrier = next((s for s in self.videos if s.munger.started), None)
        while size > 0 and carrier is not None and len(found) < _PROBES:
            data = carrier.probe(now)
            if data is None:
                break
            found.append(data)
            size -= len(data)
        return found

    # ── how it is ────────────────────────────────────────────────────────────────────────

    def delivering(self, now: float) -> dict[int, int]:
        """SSRC → outgoing sequence number of the slots something was sent on just now."""
        return {
            slot.spec.ssrc: slot.munger.highest
            for slot in self.slots
            if slot.munger.started and now - slot.state.sent_at <= RECENT
        }

    def shown(self) -> tuple[Shown, ...]:
        """What is in each slot now."""
        return tuple(
            Shown(slot.spec.mid, slot.spec.kind)
            if slot.source is None
            else Shown(
                slot.spec.mid,
                slot.spec.kind,
                slot.source.participant,
                slot.source.shows,
                dark=slot.spec.kind is Kind.VIDEO and slot.target is None and not self._holds,
            )
            for slot in self.slots
        )
