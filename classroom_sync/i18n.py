"""Simplified Chinese and English: message ids are English sentences, the catalogue is a .po file.

The catalogue is read at start: there is no compiled file to forget. Which language: `?lang=`, then
the cookie, then the browser's; Chinese where nothing is said.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib.resources import files

from aiohttp import web
from babel.messages.pofile import read_po

from classroom_sync.keys import LOCALE, TRANSLATE

LOCALES = ("zh-CN", "en")
COOKIE = "lang"

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
    path = files("classroom_sync") / "locale" / "zh_CN" / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        found = [m for m in read_po(file, locale="zh_CN") if m.id and m.string]
    return {_last(m.id): _first(m.string) for m in found}


def _last(of: str | Sequence[str]) -> str:
    return of if isinstance(of, str) else of[-1]


def _first(of: str | Sequence[str] | None) -> str:
    assert of is not None, "only what has a text was taken"
    return of if isinstance(of, str) else of[0]


def locale_of(request: web.Request) -> str:
    """The language to answer in."""
    for asked in (request.query.get("lang"), request.cookies.get(COOKIE)):
        if asked in LOCALES:
            return asked
    for part in request.headers.get("Accept-Language", "").split(","):
        tag = part.partition(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return LOCALES[0]


@web.middleware
async def localized(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give the request its language; `?lang=` is remembered."""
    locale = locale_of(request)
    request[LOCALE] = locale
    request[TRANSLATE] = translator(locale)
    response = await handler(request)
    if request.query.get("lang") in LOCALES and not response.prepared:
        response.set_cookie(COOKIE, locale, max_age=365 * 86400, samesite="Lax", httponly=True)
    return response
