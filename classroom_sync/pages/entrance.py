"""Getting in: sign-in, its second step, pairing, signing out, and the way to one's front door."""

from datetime import datetime

from aiohttp import web

from classroom_sync import auth, passwords, second_factor
from classroom_sync.addresses import own_path
from classroom_sync.errors import Refused
from classroom_sync.keys import LIMITS, NOW, POOL, SETTINGS, TRANSLATE, VISITOR
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Role
from db import web_sessions
from db.accounts import Account
from db.pool import Connection
from db.web_sessions import Stage, WebSession

routes = web.RouteTableDef()

FRONT_DOORS = {
    Role.TEACHER: "/teacher",
    Role.ROOM: "/room",
    Role.ADMIN: "/admin",
    Role.BUREAU: "/bureau",
    Role.OBSERVER: "/observe",
}
_STEPS = {Stage.SECOND_FACTOR: "/login/code", Stage.ENROLMENT: "/second-factor"}


def said(request: web.Request, error: Refused) -> str:
    """What a refusal says, in the visitor's language, for a page that shows it in its place."""
    return request[TRANSLATE](error.sentence).format(**error.values)


@routes.get("/")
async def front(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    if visitor.pending is not None:
        raise web.HTTPSeeOther(_STEPS[visitor.pending.stage])
    raise web.HTTPSeeOther("/login" if visitor.role is None else FRONT_DOORS[visitor.role])


@routes.get("/login")
async def login_form(request: web.Request) -> web.StreamResponse:
    """`?next=` leads on to a page of this server; `?left` tells that one was signed out."""
    return await login_page(request, on=own_path(request.query.get("next", "")) or "")


async def login_page(
    request: web.Request,
    *,
    on: str = "",
    problem: str = "",
    status: int = 200,
    login: str = "",
) -> web.Response:
    """The page to sign in at; `problem` says why it did not go on."""
    settings = request.app[SETTINGS]
    return await page(
        request,
        "login.html",
        status=status,
        problem=problem,
        login=login,
        on=on,
        by_identity=settings.oidc_issuer is not None,
        left=request.query.get("left", "") if settings.oidc_issuer is not None else "",
    )


@routes.post("/login")
async def login(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    now, rules = request.app[NOW](), request.app[SETTINGS].entry_rules
    name = str(form.get("login", ""))[:100]
    on = own_path(str(form.get("next", ""))) or ""
    try:
        auth.count_try(request)
        password = str(form.get("password", ""))[:200]
        strangers = request.app[LIMITS].strangers
        account = await auth.check_sign_in(request.app[POOL], strangers, name, password, now, rules)
        async with request.app[POOL].connection() as connection:
            stage = await auth.next_stage(connection, account, rules)
            response = await enter(request, connection, account, now, stage, on=on)
    except Refused as error:
        answer = await login_page(
            request, on=on, problem=said(request, error), status=error.status, login=name
        )
        answer.headers.update(error.headers)
        return answer
    raise response


async def enter(
    request: web.Request,
    connection: Connection,
    account: Account,
    now: datetime,
    stage: Stage,
    *,
    on: str = "",
    by_identity: bool = False,
) -> web.HTTPSeeOther:
    """Begin the web session of an account that has proved who it is; the way on, to be raised. Who
    has to choose a new password first does not come in yet."""
    if stage is Stage.FULL and not by_identity:
        rules = request.app[SETTINGS].entry_rules
        if await passwords.overdue(connection, account, now, rules):
            return web.HTTPSeeOther(await passwords.to_change(connection, account, now))
    token = await auth.begin(
        connection,
        now,
        account_id=account.id,
        stage=stage,
        by_identity=by_identity,
        before=auth.presented(request),
    )
    if stage is Stage.FULL:
        await auth.entered(connection, account)
        response = web.HTTPSeeOther(on or FRONT_DOORS[Role(account.role)])
    else:
        if stage is Stage.ENROLMENT:
            await second_factor.begin(connection, account.id, now)
        response = web.HTTPSeeOther(_STEPS[stage])
    auth.give_cookie(request, response, token)
    return response


@routes.get("/login/code")
async def code_form(request: web.Request) -> web.StreamResponse:
    _waits_for_code(request)
    return await page(request, "login_code.html", problem="")


def _waits_for_code(request: web.Request) -> WebSession:
    """The session that waits for its code. Raises a redirect where none does."""
    pending = request[VISITOR].pending
    if pending is None or pending.stage is not Stage.SECOND_FACTOR:
        raise web.HTTPSeeOther("/")
    return pending


@routes.post("/login/code")
async def code(request: web.Request) -> web.StreamResponse:
    pending, now = _waits_for_code(request), request.app[NOW]()
    given = str((await request.post()).get("code", ""))[:40]
    try:
        auth.count_try(request)
        async with request.app[POOL].connection() as connection:
            account = await second_factor.account_of(connection, pending)
            rules = request.app[SETTINGS].entry_rules
            await second_factor.check(connection, account, given, now, rules)
            if await passwords.overdue(connection, account, now, rules):
                await web_sessions.end(connection, pending.token_hash)
                raise web.HTTPSeeOther(await passwords.to_change(connection, account, now))
            token = await auth.rotate(connection, pending.id)
            await auth.entered(connection, account)
    except Refused as error:
        answer = await page(
            request, "login_code.html", status=error.status, problem=said(request, error)
        )
        answer.headers.update(error.headers)
        return answer
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
        auth.count_try(request)
        async with request.app[POOL].transaction() as connection:
            before = auth.presented(request)
            token = await auth.pair(connection, code, request.app[NOW](), before)
    except Refused as error:
        answer = await page(
            request, "pair.html", status=error.status, problem=said(request, error), code=code
        )
        answer.headers.update(error.headers)
        return answer
    response = web.HTTPSeeOther("/room")
    auth.give_cookie(request, response, token, lasting=True)
    raise response


@routes.post("/logout")
async def logout(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    if visitor.token_hash is not None:
        async with request.app[POOL].connection() as connection:
            await web_sessions.end(connection, visitor.token_hash)
    response = web.HTTPSeeOther("/login?left=identity" if visitor.by_identity else "/login")
    auth.take_cookie(request, response)
    raise response
