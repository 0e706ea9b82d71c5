"""The page behind a link for a new password; the link is the secret."""

from aiohttp import web

from classroom_sync import passwords
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, TRANSLATE
from classroom_sync.pages.rendering import page

routes = web.RouteTableDef()


@routes.get("/password/{token}")
async def form(request: web.Request) -> web.StreamResponse:
    return await _page(request)


@routes.post("/password/{token}")
async def set_password(request: web.Request) -> web.StreamResponse:
    given = await request.post()
    password = str(given.get("password", ""))
    try:
        if password != str(given.get("again", "")):
            raise Refused(422, "The two are not the same: type the new password twice.")
        async with request.app[POOL].transaction() as connection:
            token = request.match_info["token"]
            await passwords.set_by_link(connection, token, password, request.app[NOW]())
    except Refused as error:
        if error.status != 422:
            raise
        said = request[TRANSLATE](error.sentence).format(**error.values)
        return await _page(request, said, error.status)
    raise web.HTTPSeeOther("/login")


async def _page(request: web.Request, problem: str = "", status: int = 200) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        account = await passwords.holder(
            connection, request.match_info["token"], request.app[NOW]()
        )
    return await page(
        request,
        "password.html",
        status=status,
        problem=problem,
        account=account,
        action=request.path_qs,
        overdue="overdue" in request.query,
    )
