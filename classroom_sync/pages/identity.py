"""Signing in with the city's education account: to its provider, back from it, out there too."""

import structlog
from aiohttp import web

from classroom_sync import auth, identity_provider
from classroom_sync.addresses import origin, own_path
from classroom_sync.errors import NO_SUCH_PAGE, Refused
from classroom_sync.identity_provider import (
    ATTEMPT_KEY,
    ATTEMPT_LIFETIME,
    Attempt,
    IdentityProvider,
    NotBelieved,
    Person,
    ProviderAway,
)
from classroom_sync.keys import IDENTITY, NOW, POOL, SETTINGS
from classroom_sync.pages.entrance import enter, login_page, said
from classroom_sync.secrets import shared_secret
from db import accounts, factors, marks
from db.accounts import Account
from db.pool import Connection

log = structlog.get_logger()

routes = web.RouteTableDef()


def _provider(request: web.Request) -> IdentityProvider:
    provider = request.app[IDENTITY]
    if provider is None:
        raise Refused(404, NO_SUCH_PAGE)
    return provider


def _cookie(request: web.Request) -> str:
    return "__Host-attempt" if request.app[SETTINGS].secure_cookies else "attempt"


def _back(request: web.Request) -> str:
    return origin(request) + "/oidc/callback"


async def _refused(request: web.Request, error: Refused, on: str = "") -> web.Response:
    answer = await login_page(request, on=on, problem=said(request, error), status=error.status)
    answer.headers.update(error.headers)
    _forget(request, answer)
    return answer


def _away(error: ProviderAway) -> Refused:
    log.warning("education accounts are away", cause=str(error))
    return Refused(
        503,
        "The education account can't be reached just now: use the name and password of this "
        "server, or try again later.",
    ).again_in(10)


def _forget(request: web.Request, answer: web.StreamResponse) -> None:
    answer.del_cookie(
        _cookie(request), path="/", secure=request.app[SETTINGS].secure_cookies, httponly=True
    )


@routes.get("/oidc/begin")
async def begin(request: web.Request) -> web.StreamResponse:
    """To the provider; `?next=` is where to go on to afterwards, on this server."""
    provider, now = _provider(request), request.app[NOW]()
    on = own_path(request.query.get("next", "")) or ""
    attempt = identity_provider.new_attempt(on)
    try:
        auth.count_try(request)
        address = await provider.address(attempt, _back(request))
    except ProviderAway as error:
        return await _refused(request, _away(error), on)
    except Refused as error:
        return await _refused(request, error, on)
    async with request.app[POOL].connection() as connection:
        key = await shared_secret(connection, ATTEMPT_KEY)
    response = web.HTTPSeeOther(address)
    response.set_cookie(
        _cookie(request),
        identity_provider.sealed(key, attempt, now),
        httponly=True,
        samesite="Lax",
        secure=request.app[SETTINGS].secure_cookies,
        max_age=int(ATTEMPT_LIFETIME.total_seconds()),
        path="/",
    )
    raise response


@routes.get("/oidc/callback")
async def callback(request: web.Request) -> web.StreamResponse:
    """Back from the provider, with a code or with why there is none."""
    provider, now = _provider(request), request.app[NOW]()
    rules = request.app[SETTINGS].entry_rules
    try:
        auth.count_try(request)
        attempt = await _attempt(request)
        try:
            person = await provider.redeem(attempt, dict(request.query), _back(request), now)
        except ProviderAway as error:
            raise _away(error) from error
        except NotBelieved as error:
            log.warning("education account not believed", cause=str(error))
            raise Refused(
                403, "Signing in with the education account did not work: begin again."
            ) from error
        async with request.app[POOL].transaction() as connection:
            account = await _account_of(request, connection, provider.client.issuer, person)
            stage = await auth.next_stage(connection, account, rules, strong=person.strong)
            response = await enter(
                request, connection, account, now, stage, on=attempt.on, by_identity=True
            )
    except Refused as error:
        return await _refused(request, error)
    _forget(request, response)
    raise response


async def _attempt(request: web.Request) -> Attempt:
    """The attempt that this browser has begun. Raises Refused (400)."""
    async with request.app[POOL].connection() as connection:
        key = await shared_secret(connection, ATTEMPT_KEY)
    kept = request.cookies.get(_cookie(request), "")
    attempt = identity_provider.opened(key, kept, request.app[NOW]())
    if attempt is None:
        raise Refused(
            400, "This browser has not begun to sign in, or that took too long: begin again."
        )
    return attempt


async def _account_of(
    request: web.Request, connection: Connection, issuer: str, person: Person
) -> Account:
    """The account that a person is bound to, or is bound to now by the name of an account. Raises
    Refused (403)."""
    account_id = await factors.bound_account(connection, issuer, person.subject)
    if account_id is not None:
        account = await accounts.account(connection, account_id)
        assert account is not None, "accounts are never removed"
    else:
        found = await accounts.account_by_login(connection, (person.name or "").strip())
        if found is None:
            raise Refused(
                403,
                "There is no account for {name} here: ask the administrator of your school to "
                "make one.",
                name=person.name or "—",
            )
        account = found
        now = request.app[NOW]()
        if not await factors.bind(connection, issuer, person.subject, account.id, now):
            raise Refused(
                403,
                "This account is already used with another education account: ask your "
                "administrator to release it.",
            )
        about = f"account:{account.id}"
        await marks.add_audit(
            connection, f"account:{account.login}", "identity_bound", about, subject=person.subject
        )
    auth.refuse_disabled(account)
    return account


@routes.get("/oidc/leave")
async def leave(request: web.Request) -> web.StreamResponse:
    """To the provider, to sign out there too."""
    try:
        address = await _provider(request).leave(origin(request) + "/login")
    except ProviderAway as error:
        return await _refused(request, _away(error))
    raise web.HTTPSeeOther(address or "/login")
