"""What media nodes tell of a session: who is connected, who sends, what each player is shown.

Kept by node, because each node tells of itself alone and in its own order: a word of the node that
a session is leaving can't undo one of the node that it has come to.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

_KEPT = 8  # media resources of a participant that another one of theirs took the place of


@dataclass
class NodeMedia:
    """What one node has told of one session since it was linked."""

    connections: Counter[tuple[UUID, str]] = field(default_factory=Counter)  # with the direction
    publishing: set[tuple[UUID, str]] = field(default_factory=set)  # participant, stream
    slots: dict[UUID, list[dict[str, Any]]] = field(default_factory=dict)
    layers: dict[UUID, dict[str, list[str]]] = field(default_factory=dict)  # by stream, RIDs
    replaced: dict[UUID, list[str]] = field(default_factory=dict)  # media resources, last ones

    def take(self, participant_id: UUID, message: dict[str, Any]) -> None:
        """An event about a participant (docs/protocol.md)."""
        match message["event"]:
            case "participant_connected":
                self.connections[participant_id, message["direction"]] += 1
            case "participant_gone":
                self.connections[participant_id, message["direction"]] -= 1
                self.connections += Counter()  # drop zeros
                if message["direction"] == "publish":
                    self.layers.pop(participant_id, None)  # the next one begins with all
                    if message["reason"] == "replaced":
                        known = self.replaced.get(participant_id, [])
                        self.replaced[participant_id] = [*known, message["resource_id"]][-_KEPT:]
            case "publishing" if message["live"]:
                self.publishing.add((participant_id, message["stream"]))
            case "publishing":
                self.publishing.discard((participant_id, message["stream"]))
            case "slots_mapped":
                self.slots[participant_id] = [
                    {
                        "mid": mid,
                        "kind": slot_kind,
                        "participant": who,
                        "stream": stream,
                        "dark": dark,
                    }
                    for mid, slot_kind, who, stream, dark in message["slots"]
                ]
            case "layers_wanted":
                layers = self.layers.setdefault(participant_id, {})
                layers[message["stream"]] = list(message["rids"])
