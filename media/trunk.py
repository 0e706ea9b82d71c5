"""What another node pulls of a room: one source of one participant, every layer as it comes.

A trunk is a player whose slots show layers, not pictures: the node behind it forwards them to rooms
of its own, and chooses for each of these by itself. Between two nodes no line is too weak, so
nothing is left out; what the other node asks for again (NACK, key frames) it gets as a player does.
"""

from collections.abc import Iterable, Mapping

from media.delivery import Slot
from media.feeds import Feed
from media.player import CHOOSE_EVERY, Player
from media.rtcp import Packet
from media.specs import Kind


class Trunk(Player):
    """See the module. Its slots of video are as many as layers can be pulled."""

    def carry(self, feeds: Iterable[Feed]) -> None:
        """Find what is pulled among all there is; nothing, while it does not come."""
        found: dict[Kind, Feed] = {}
        for feed in feeds:
            if (feed.participant, feed.shows) == self.spec.pulls:
                found[feed.kind] = feed  # the newest, where one is being replaced
        for slot in self.slots:
            slot.put(found.get(slot.spec.kind))

    def choose(self, now: float) -> list[Slot]:
        """Aim a slot at each layer; one that has its layer keeps it, so that it goes on."""
        self._chosen_at = now
        changed = []
        for slots in (self.videos, self.audios):
            layers = slots[0].source.layers(now) if slots and slots[0].source is not None else []
            kept = {slot.target for slot in slots if slot.target in layers}
            free = [layer for layer in layers if layer not in kept]
            for slot in slots:
                if slot.target in layers:
                    continue
                if slot.aim(free.pop(0) if free else None, now):
                    changed.append(slot)
        return changed

    def heard(self, report: Packet, now: float) -> None:
        """What it says of the line changes nothing."""

    def show_at(self, widths: Mapping[str, int]) -> None:
        """Nothing is shown."""

    def padding(self, now: float) -> list[bytes]:
        """The line needs no probing."""
        return []

    def due(self, now: float) -> bool:
        return now - self._chosen_at >= CHOOSE_EVERY
