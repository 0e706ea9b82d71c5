"""Simplified Chinese and English: message ids are English sentences, the catalogue is a .po file.

The catalogue is read when it is first asked for: there is no compiled file to forget.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

LOCALES = ("zh-CN", "en")

Translate = Callable[[str], str]
#: From the message ids for one and for several, and how many there are, to the text.
Counting = Callable[[str, str, int], str]


@cache
def translator(locale: str) -> Translate:
    """A function from message id to text; an unknown id is its own text."""
    if locale == "en":
        return str
    catalogue = _catalogue()
    return lambda text: catalogue.get(text, text)


@cache
def counting(locale: str) -> Counting:
    """As gettext's ngettext: English tells one from several, Chinese does not."""
    if locale == "en":
        return lambda one, several, count: one if count == 1 else several
    catalogue = _catalogue()
    return lambda one, several, count: catalogue.get(several, several)


@cache
def _catalogue() -> dict[str, str]:
    """Message id to Chinese text; of a message with a plural, by the id for several."""
    from babel.messages.pofile import read_po

    path = files("classroom_sync") / "locale" / "zh_CN" / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        found = [m for m in read_po(file, locale="zh_CN") if m.id and m.string]
    return {_last(m.id): _first(m.string) for m in found}


def _last(of: str | Sequence[str]) -> str:
    return of if isinstance(of, str) else of[-1]


def _first(of: str | Sequence[str] | None) -> str:
    assert of is not None, "only what has a text was taken"
    return of if isinstance(of, str) else of[0]
