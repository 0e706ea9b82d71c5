"""What goes wrong, said once: problem details on the API (RFC 9457), a sentence on a page.

Domain errors are raised where they are found and turned into responses here, in one middleware.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import structlog
from aiohttp import web
from pydantic import ValidationError

from classroom_sync.errors import NO_SUCH_PAGE, Refused
from classroom_sync.keys import TRANSLATE
from classroom_sync.node_links import NodeAway
from db.errors import Unreachable, Unwritable

log = structlog.get_logger()

_KEPT_HEADERS = ("retry-after", "allow", "www-authenticate")


def problem(
    status: int,
    title: str | None = None,
    detail: str = "",
    headers: dict[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> web.Response:
    """An RFC 9457 response; `more` are its extension members (3.2)."""
    body = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return web.json_response(
        body | dict(more or {}),
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )


def wants_page(request: web.Request) -> bool:
    """Whether whoever asks reads pages; programs get problem details."""
    program = ("/api/", "/whip/", "/whep/", "/media/", "/ws/")
    return not request.path.startswith(program) and "text/html" in request.headers.get("Accept", "")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error that reaches the outside passes here."""
    try:
        return await handler(request)
    except Refused as error:
        return await _say(request, error.status, error.sentence, error.values, error.headers)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        sentence = "The request has wrong values: {problems}"
        return await _say(request, 422, sentence, {"problems": found})
    except Unwritable:
        problems = "a text holds U+0000 or half of a surrogate pair"
        sentence = "The request has wrong values: {problems}"
        return await _say(request, 422, sentence, {"problems": problems})
    except (Unreachable, NodeAway) as error:
        log.warning("away", path=request.path, cause=str(error))
        sentence = "The server is catching its breath: try again in a few seconds."
        return await _say(request, 503, sentence, {}, {"Retry-After": "3"})
    except web.HTTPException as error:
        if error.status < 400:
            raise
        sentence = {
            404: NO_SUCH_PAGE,
            405: "This can't be done here.",
            413: "That is larger than can be taken here.",
        }.get(error.status, error.reason)
        return await _say(request, error.status, sentence, {}, dict(error.headers))
    except Exception:
        log.exception("request failed", path=request.path, method=request.method)
        sentence = "Something went wrong here; it has been noted. Try again in a moment."
        return await _say(request, 500, sentence, {})


async def _say(
    request: web.Request,
    status: int,
    sentence: str,
    values: dict[str, object],
    headers: dict[str, str] | None = None,
) -> web.StreamResponse:
    translate = request.get(TRANSLATE) or (lambda text: text)
    detail = translate(sentence).format(**values) if values else translate(sentence)
    kept = {k: v for k, v in (headers or {}).items() if k.lower() in _KEPT_HEADERS}
    if wants_page(request):
        from classroom_sync.pages.rendering import page

        response = await page(request, "error.html", status=status, code=status, detail=detail)
        response.headers.update(kept)
        return response
    return problem(status, detail=detail, headers=kept)
