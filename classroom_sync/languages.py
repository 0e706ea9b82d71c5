"""Which language a request is answered in: `?lang=`, then the cookie, then the browser's; Chinese
where nothing is said."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from classroom_sync.i18n import LOCALES, translator
from classroom_sync.keys import LOCALE, TRANSLATE

COOKIE = "lang"


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
