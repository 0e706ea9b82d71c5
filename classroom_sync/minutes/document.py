"""A short document in plain values, which `writing` lays out as Markdown, PDF or DOCX.

All texts are ready to be read: translated, with times in words. Nothing in them is markup.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Subheading:
    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; every row has a cell for every head. `right`: columns that hold figures; `wide`: the
    one that gets the room that is left."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    wide: int = 0


Block = Paragraph | Subheading | Bullets | Grid


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """`facts` are (name, value) under the title; `dated` is the date of the file: the instant of
    the newest of what is in it."""

    locale: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    dated: datetime
    footer: str
