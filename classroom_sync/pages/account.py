"""One's own account: password, second factor, where one is signed in, signing out everywhere."""

from datetime import datetime

from aiohttp import web

from classroom_sync import auth, browsers, passwords, second_factor
from classroom_sync.access import identifier
from classroom_sync.auth import Visitor, requires
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.entrance import FRONT_DOORS, said
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from db import accounts, factors, marks, web_sessions
from db.accounts import Account
from db.pool import Connection
from db.web_sessions import Stage

routes = web.RouteTableDef()


@routes.get("/account")
@requires(Action.KEEP_OWN_ACCOUNT)
async def own_account(request: web.Request) -> web.StreamResponse:
    return await _page(request)


async def _page(
    request: web.Request, *, problem: str = "", about: str = "", status: int = 200
) -> web.Response:
    """`about`: the form that the problem is in."""
    visitor, now, rules = request[VISITOR], request.app[NOW](), request.app[SETTINGS].entry_rules
    assert visitor.account_id is not None, "only accounts have the right"
    async with request.app[POOL].connection() as connection:
        account = await accounts.account(connection, visitor.account_id)
        sessions = await web_sessions.of_account(connection, visitor.account_id)
        factor = await factors.factor(connection, visitor.account_id)
        codes_left = await factors.recovery_codes_left(connection, visitor.account_id)
    assert account is not None, "it is signed in"
    return await page(
        request,
        "account.html",
        status=status,
        problem=problem,
        about=about,
        account=account,
        sessions=[s for s in sessions if auth.alive(s, now, rules) and s.stage is Stage.FULL],
        factor=factor if factor is not None and factor.confirmed_at is not None else None,
        codes_left=codes_left,
        asked_for=Role(account.role) in rules.second_factor,
        done=request.query.get("done", ""),
        named=browsers.named,
    )


def _on(done: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(f"/account?done={done}")


@routes.post("/account/password")
@requires(Action.KEEP_OWN_ACCOUNT)
async def change_password(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    fresh = str(form.get("password", ""))[:500]
    try:
        account = await _proved(request, str(form.get("present", "")))
        if fresh != str(form.get("again", "")):
            raise Refused(422, "The two are not the same: type the new password twice.")
        async with request.app[POOL].transaction() as connection:
            token = await passwords.change(connection, request[VISITOR], account, fresh)
    except Refused as error:
        return await _refused(request, error, "password")
    response = _on("password")
    auth.give_cookie(request, response, token)
    raise response


async def _proved(request: web.Request, password: str) -> Account:
    """The visitor's account, whose password was given once more. Raises Refused."""
    visitor, rules = request[VISITOR], request.app[SETTINGS].entry_rules
    auth.count_try(request)
    return await passwords.check_own(
        request.app[POOL], visitor, password[:200], request.app[NOW](), rules
    )


async def _proved_by_both(request: web.Request) -> Account:
    """As `_proved`, and by a code too, of the app or for recovery: who has only the password must
    not get round the second factor by removing it. Raises Refused."""
    form, rules = await request.post(), request.app[SETTINGS].entry_rules
    account = await _proved(request, str(form.get("present", "")))
    async with request.app[POOL].connection() as connection:
        code = str(form.get("code", ""))[:40]
        await second_factor.check_own(connection, account, code, request.app[NOW](), rules)
    return account


async def _refused(request: web.Request, error: Refused, about: str) -> web.Response:
    answer = await _page(request, problem=said(request, error), about=about, status=error.status)
    answer.headers.update(error.headers)
    return answer


@routes.post("/account/recovery-codes")
@requires(Action.KEEP_OWN_ACCOUNT)
async def new_codes(request: web.Request) -> web.StreamResponse:
    try:
        account = await _proved_by_both(request)
        async with request.app[POOL].transaction() as connection:
            codes = await second_factor.new_recovery_codes(connection, account, request.app[NOW]())
    except Refused as error:
        return await _refused(request, error, "factor")
    return await page(request, "recovery_codes.html", codes=codes, on="/account")


@routes.post("/account/second-factor/removal")
@requires(Action.KEEP_OWN_ACCOUNT)
async def remove_factor(request: web.Request) -> web.StreamResponse:
    """Where the role needs one, a new one is set up at once."""
    visitor = request[VISITOR]
    assert visitor.session_id is not None, "who is signed in has a session"
    try:
        account = await _proved_by_both(request)
        needed = Role(account.role) in request.app[SETTINGS].entry_rules.second_factor
        async with request.app[POOL].transaction() as connection:
            await second_factor.remove(connection, account, visitor.actor)
            if needed:
                await second_factor.begin(connection, account.id, request.app[NOW]())
            stage = Stage.ENROLMENT if needed else Stage.FULL
            token = await auth.rotate(connection, visitor.session_id, stage)
    except Refused as error:
        return await _refused(request, error, "factor")
    response = web.HTTPSeeOther("/second-factor") if needed else _on("removed")
    auth.give_cookie(request, response, token)
    raise response


@routes.post("/account/sessions/{web_session}/end")
@requires(Action.KEEP_OWN_ACCOUNT)
async def end_session(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    assert visitor.account_id is not None, "only accounts have the right"
    session_id = identifier(request.match_info["web_session"])
    async with request.app[POOL].transaction() as connection:
        if not await web_sessions.end_one(connection, session_id, visitor.account_id):
            raise Refused(404, "That browser is signed out already.")
        about = f"account:{visitor.account_id}"
        await marks.add_audit(connection, visitor.actor, "session_signed_out", about)
    raise _on("session")


@routes.post("/account/sign-out-everywhere")
@requires(Action.KEEP_OWN_ACCOUNT)
async def sign_out_everywhere(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    assert visitor.account_id is not None, "only accounts have the right"
    async with request.app[POOL].transaction() as connection:
        await web_sessions.end_all(connection, visitor.account_id)
        about = f"account:{visitor.account_id}"
        await marks.add_audit(connection, visitor.actor, "signed_out_everywhere", about)
    response = web.HTTPSeeOther("/login")
    auth.take_cookie(request, response)
    raise response


@routes.get("/second-factor")
async def enrolment(request: web.Request) -> web.StreamResponse:
    """The QR code to take into an app, once it was begun: for who is signed in, or may be only with
    one."""
    return await _enrolment(request)


@routes.post("/second-factor/secret")
async def begin_enrolment(request: web.Request) -> web.StreamResponse:
    """A fresh secret, which the page then shows."""
    async with request.app[POOL].transaction() as connection:
        account = await _enrolling(request, connection)
        await second_factor.begin(connection, account.id, request.app[NOW]())
    raise web.HTTPSeeOther("/second-factor")


async def _enrolling(request: web.Request, connection: Connection) -> Account:
    """Whose second factor is set up here. Raises Refused (401, 403), or a redirect."""
    visitor = request[VISITOR]
    if visitor.pending is not None:
        if visitor.pending.stage is not Stage.ENROLMENT:
            raise web.HTTPSeeOther("/")
        return await second_factor.account_of(connection, visitor.pending)
    if visitor.role is None:
        raise Refused(401, "Please sign in first.")
    if visitor.account_id is None:
        raise Refused(403, "Your account may not do this.")
    account = await accounts.account(connection, visitor.account_id)
    assert account is not None, "it is signed in"
    return account


def _needs_password(visitor: Visitor) -> bool:
    """Who has signed in a moment ago, or elsewhere, need not prove it again."""
    return visitor.pending is None and not visitor.by_identity


async def _enrolment(
    request: web.Request, problem: str = "", status: int = 200
) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        account = await _enrolling(request, connection)
        factor = await second_factor.pending(connection, account.id, request.app[NOW]())
    secret = factor.secret if factor is not None else ""
    return await page(
        request,
        "second_factor.html",
        status=status,
        problem=problem,
        picture=(
            second_factor.picture(second_factor.address(factor, account.login))
            if factor is not None
            else ""
        ),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        needs_password=_needs_password(request[VISITOR]),
        asked_for=request[VISITOR].pending is not None,
    )


@routes.post("/second-factor")
async def confirm(request: web.Request) -> web.StreamResponse:
    visitor, now = request[VISITOR], request.app[NOW]()
    form = await request.post()
    try:
        auth.count_try(request)
        if visitor.role is not None and visitor.account_id and _needs_password(visitor):
            await _proved(request, str(form.get("present", "")))
        async with request.app[POOL].transaction() as connection:
            account = await _enrolling(request, connection)
            given = str(form.get("code", ""))
            codes, token = await _confirmed(request, connection, account, now, given)
    except Refused as error:
        if error.status not in (422, 429):
            raise
        answer = await _enrolment(request, said(request, error), error.status)
        answer.headers.update(error.headers)
        return answer
    on = FRONT_DOORS[Role(account.role)] if visitor.pending is not None else "/account"
    response = await page(request, "recovery_codes.html", codes=codes, on=on)
    auth.give_cookie(request, response, token)
    return response


async def _confirmed(
    request: web.Request, connection: Connection, account: Account, now: datetime, code: str
) -> tuple[list[str], str]:
    """Recovery codes, and the cookie value of the session that now has its second factor."""
    visitor = request[VISITOR]
    codes = await second_factor.confirm(connection, account, code[:40], now)
    session_id = visitor.pending.id if visitor.pending is not None else visitor.session_id
    assert session_id is not None, "who enrols has a session"
    if visitor.pending is not None:
        await auth.entered(connection, account)
    return codes, await auth.rotate(connection, session_id)
