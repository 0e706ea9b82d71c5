"""What a timetable file says before anybody asks who is meant: a weekday, a period, and words."""

from dataclasses import dataclass

from classroom_sync.formats.sentences import Place, Problem, Sentence


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a lesson and the cell in which it stands."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a grid, or one row of a list: a lesson, or several in odd and even weeks."""

    place: Place
    weekday: int  # ISO
    period: int
    tokens: tuple[Token, ...]
    titles: tuple[str, ...]  # what may say whose timetable this is: the sheet's name, lines above


@dataclass(frozen=True, slots=True)
class Entries:
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()  # what was seen and needs nothing


#: Why a cell with a formula is not read, and what would mend it.
FORMULA = (
    Sentence("The cell holds a formula, and what it shows may be out of date."),
    Sentence("Copy the sheet and paste its values only, then send that."),
)

#: A sheet of a timetable file that holds none itself.
NO_TIMETABLE = (
    Sentence("The sheet holds no timetable and was left out."),
    Sentence("Nothing needs to be done."),
)
