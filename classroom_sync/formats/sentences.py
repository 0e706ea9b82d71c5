"""What an importer has to say: a sentence in both languages, and the cell it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from classroom_sync.i18n import LOCALES, translator


@dataclass(frozen=True, slots=True)
class Sentence:
    """An English message id, and what fills its `{names}` after translation."""

    id: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, locale: str = "en") -> str:
        translated = translator(locale)(self.id)
        return translated.format(**self.values) if self.values else translated

    def both(self) -> dict[str, str]:
        """Locale → text, for JSON."""
        return {locale: self.text(locale) for locale in LOCALES}


class UnreadableFile(Exception):
    """A file that can't be read at all; `sentence` says why and what to do."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence.text())
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of a file; `row` and `column` count from 1 as spreadsheets do."""

    sheet: str  # for a CSV file: its name
    row: int
    column: int

    @property
    def cell(self) -> str:
        """Such as "C4"."""
        return column_letters(self.column) + str(self.row)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not understood: where, what is written there, why, and what would mend."""

    place: Place
    text: str
    why: Sentence
    mend: Sentence


def column_letters(column: int) -> str:
    """1 → "A", 27 → "AA"."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
