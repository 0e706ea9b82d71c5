"""Getting in: sign-in, pairing, signing out, and the way to one's front door."""

from aiohttp import web

from classroom_sync import auth
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Role
from db import accounts

routes = web.RouteTableDef()

FRONT_DOORS = {
    Role.TEACHER: "/teacher",
    Role.ROOM: "/room",
    Role.ADMIN: "/admin",
    Role.BUREAU: "/bureau",
    Role.OBSERVER: "/observe",
}


@routes.get("/")
async def front(request: web.Request) -> web.StreamResponse:
    role = request[VISITOR].role
    raise web.HTTPSeeOther("/login" if role is None else FRONT_DOORS[role])


@routes.get("/login")
async def login_form(request: web.Request) -> web.StreamResponse:
    return await page(request, "login.html", problem="", login="")


@routes.post("/login")
async def login(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    now = request.app[NOW]()
    name = str(form.get("login", ""))[:100]
    try:
        async with request.app[POOL].connection() as connection:
            account = await auth.sign_in(connection, name, str(form.get("password", ""))[:200], now)
            token = await auth.begin(connection, now, account_id=account.id)
    except Refused as error:
        said = request[TRANSLATE](error.sentence).format(**error.values)
        return await page(request, "login.html", status=error.status, problem=said, login=name)
    response = web.HTTPSeeOther(FRONT_DOORS[Role(account.role)])
    auth.give_cookie(request, response, token)
    raise response


@routes.get("/pair")
async def pair_form(request: web.Request) -> web.StreamResponse:
    return await page(request, "pair.html", problem="", code=request.query.get("code", "")[:40])


@routes.post("/pair")
async def pair(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    code = str(form.get("code", ""))[:40]
    try:
        async with request.app[POOL].transaction() as connection:
            token = await auth.pair(connection, code, request.app[NOW]())
    except Refused as error:
        said = request[TRANSLATE](error.sentence)
        return await page(request, "pair.html", status=error.status, problem=said, code=code)
    response = web.HTTPSeeOther("/room")
    auth.give_cookie(request, response, token)
    raise response


@routes.post("/logout")
async def logout(request: web.Request) -> web.StreamResponse:
    token_hash = request[VISITOR].token_hash
    if token_hash is not None:
        async with request.app[POOL].connection() as connection:
            await accounts.end_web_session(connection, token_hash)
    response = web.HTTPSeeOther("/login")
    response.del_cookie(auth.cookie_name(request))
    raise response
