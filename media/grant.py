"""What a token allows: values that whoever passes requests on needs without the media plane."""

from dataclasses import dataclass, field
from typing import Literal

from media.specs import Source


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows, in names that are opaque here. Who is `unseen` only watches: of them
    there is no evidence, and few connections each. A `node` plays what a participant sends, to pass
    it on to rooms of its own."""

    room: str
    participant: str
    direction: Literal["publish", "subscribe"]
    role: Literal["lead", "receiving", "observer", "member", "node"]
    stream: Source = Source.CAMERA
    unseen: bool = False
    holder: str = field(default="", compare=False)  # with whose rights it ends; "": nobody's
