"""What is not believed of an OpenID provider, or of who pretends to be it.

Tried over real sockets, with one that says whatever it is told to. The honest one is in
tests/e2e/test_education_account.py.
"""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from classroom_sync import identity_provider
from classroom_sync.identity_provider import ATTEMPT_LIFETIME, SKEW
from classroom_sync.settings import BadSettings, load
from db.pool import Pool
from tests.http.conftest import PASSWORD, Site, sign_in, small_site
from tests.http.test_sessions import _cookie, _status

_CLIENT = "classroom-sync"
_KEYS = [RSAKey.generate_key(2048, {"kid": f"k{n}", "use": "sig"}) for n in range(3)]
Claims = dict[str, Any]


@dataclass
class Provider:
    """`lie` changes the claims of the next ID token; `signed` the way it is signed."""

    url: str = ""
    nonce: str = ""
    name: str = "lead"
    published: list[RSAKey] = field(default_factory=lambda: [_KEYS[0]])
    lie: Callable[[Claims], None] = lambda claims: None
    signed: Callable[[Claims], str] = lambda claims: jwt.encode(
        {"alg": "RS256", "kid": "k0"}, claims, _KEYS[0]
    )
    described: dict[str, Any] = field(default_factory=dict)
    userinfo: Claims | None = None
    token_status: int = 200
    asked_for_keys: int = 0
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0

    async def describe(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize?tenant=1",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/me",
                **self.described,
            }
        )

    async def keys(self, _request: web.Request) -> web.Response:
        self.asked_for_keys += 1
        return web.json_response({"keys": [k.as_dict(private=False) for k in self.published]})

    async def token(self, request: web.Request) -> web.Response:
        self.forms.append({k: str(v) for k, v in (await request.post()).items()})
        self.authorizations.append(request.headers.get("Authorization", ""))
        claims: Claims = {
            "iss": self.url,
            "aud": _CLIENT,
            "sub": f"subject of {self.name}",
            "iat": self.now(),
            "exp": self.now() + 300,
            "nonce": self.nonce,
            "preferred_username": self.name,
        }
        self.lie(claims)
        body = {"access_token": "a", "token_type": "Bearer", "id_token": self.signed(claims)}
        return web.json_response(body, status=self.token_status)

    async def me(self, _request: web.Request) -> web.Response:
        return web.json_response(self.userinfo or {"error": "nothing"})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    found = Provider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", found.describe)
    app.router.add_get("/keys", found.keys)
    app.router.add_post("/token", found.token)
    app.router.add_get("/me", found.me)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def site(pool: Pool, tmp_path: Path, provider: Provider) -> AsyncIterator[Site]:
    secret = tmp_path / "secret"
    secret.write_text("se:cret\n")
    async with small_site(
        pool,
        tmp_path,
        oidc_issuer=provider.url,
        oidc_client_id=_CLIENT,
        oidc_client_secret_file=secret,
    ) as found:
        provider.now = lambda: found.now.timestamp()
        yield found


async def _come_back(
    site: Site, provider: Provider, browser: aiohttp.ClientSession, **answer: str
) -> tuple[int, str]:
    """Begin to sign in, and bring the provider's answer: status, and where it leads on to, or what
    is said."""
    async with browser.get("/oidc/begin", allow_redirects=False) as response:
        assert response.status == 303, await response.text()
        query = parse_qs(urlsplit(response.headers["Location"]).query)
    provider.nonce = query["nonce"][0]
    given = {"code": "c", "state": query["state"][0], "iss": provider.url} | answer
    async with browser.get(
        "/oidc/callback", params={k: v for k, v in given.items() if v}, allow_redirects=False
    ) as response:
        return response.status, response.headers.get("Location") or await response.text()


async def test_an_honest_answer_lets_in_and_binds_the_account(
    site: Site, provider: Provider
) -> None:
    async with site.browser() as browser:
        assert await _come_back(site, provider, browser) == (303, "/teacher")
        assert await _status(browser.get("/teacher")) == 200
        [form], [authorization] = provider.forms, provider.authorizations
        assert form["grant_type"] == "authorization_code"
        assert form["redirect_uri"] == f"{site.url}/oidc/callback"
        assert len(form["code_verifier"]) == 43
        plain = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert plain == "classroom-sync:se%3Acret"
    provider.name = "other"  # the person is called otherwise now, and is the same

    def same_subject(claims: Claims) -> None:
        claims["sub"] = "subject of lead"

    provider.lie = same_subject
    async with site.browser() as browser:
        assert await _come_back(site, provider, browser) == (303, "/teacher")
        async with browser.get("/account") as response:
            assert "lead" in await response.text()


async def test_a_name_that_went_over_to_somebody_else_does_not_take_the_account_along(
    site: Site, provider: Provider
) -> None:
    async with site.browser() as browser:
        await _come_back(site, provider, browser)

    def somebody_else(claims: Claims) -> None:
        claims["sub"] = "somebody else"

    provider.lie = somebody_else
    async with site.browser() as browser, site.browser() as admin:
        status, said = await _come_back(site, provider, browser)
        assert (status, "教育账号" in said) == (403, True)
        headers = {"X-CSRF-Token": await sign_in(admin, "admin")}
        async with admin.get("/api/v1/accounts") as response:
            [bound] = [a for a in (await response.json())["accounts"] if a["identity"]]
        assert bound["login"] == "lead"
        url = f"/api/v1/accounts/{bound['id']}/identity"
        assert await _status(admin.delete(url, headers=headers)) == 204
        assert await _status(admin.delete(url, headers=headers)) == 409
        assert await _come_back(site, provider, browser) == (303, "/teacher")


def _set(**claims: object) -> Callable[[Claims], None]:
    return lambda found: found.update(claims)


def _without(name: str) -> Callable[[Claims], None]:
    return lambda found: found.pop(name)


def _later(seconds: float, *names: str) -> Callable[[Claims], None]:
    return lambda found: found.update({n: found[n] + seconds for n in names})


_LIES = (
    _set(iss="https://evil.example"),
    _set(aud="another-client"),
    _set(aud=[_CLIENT, "another-client"]),
    _set(azp="another-client"),
    _set(aud=[]),
    _set(nonce="of another attempt"),
    _without("nonce"),
    _without("exp"),
    _without("iat"),
    _without("sub"),
    _set(sub=""),
    _set(sub=7),
    _set(exp="tomorrow"),
    _set(exp=True),
    _later(-300 - SKEW - 1, "exp"),
    _later(SKEW + 5, "iat"),
)


async def test_an_id_token_that_lies_is_not_believed(site: Site, provider: Provider) -> None:
    believed = []
    async with site.browser() as browser:
        for number, lie in enumerate(_LIES):
            provider.lie = lie
            if (await _come_back(site, provider, browser))[0] != 403:
                believed.append(number)
        assert [c for c in browser.cookie_jar if c.key == "session"] == []
    assert believed == []


async def test_clocks_may_differ_by_a_minute(site: Site, provider: Provider) -> None:
    for lie in (_later(-300 - SKEW + 5, "exp"), _later(SKEW - 5, "iat"), _set(aud=[_CLIENT])):
        provider.lie = lie
        async with site.browser() as browser:
            assert await _come_back(site, provider, browser) == (303, "/teacher")


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _unsigned(algorithm: str, claims: Claims) -> str:
    head = {"alg": algorithm, "kid": "k0"}
    return f"{_part(json.dumps(head).encode())}.{_part(json.dumps(claims).encode())}"


def _plain(claims: Claims) -> str:
    return _unsigned("none", claims) + "."


def _by_public_key(claims: Claims) -> str:
    """HS256 under the provider's public key: who takes the token's word for it falls for that."""
    text = _unsigned("HS256", claims)
    key = _KEYS[0].as_pem(private=False)
    return f"{text}.{_part(hmac.digest(key, text.encode(), 'sha256'))}"


def _by_another(claims: Claims) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k0"}, claims, _KEYS[1])


async def test_an_id_token_that_the_provider_has_not_signed_is_not_believed(
    site: Site, provider: Provider
) -> None:
    for signed in (_plain, _by_public_key, _by_another, lambda _: "no token", lambda _: ""):
        provider.signed = signed
        async with site.browser() as browser:
            assert (await _come_back(site, provider, browser))[0] == 403


async def test_new_keys_are_read_when_one_signs(
    site: Site, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_provider, "_KEYS_AGAIN", 0.0)
    async with site.browser() as browser:
        await _come_back(site, provider, browser)
        assert await _come_back(site, provider, browser) == (303, "/teacher")
        assert provider.asked_for_keys == 1
        provider.published = [_KEYS[2], _KEYS[0]]
        provider.signed = lambda c: jwt.encode({"alg": "RS256", "kid": "k2"}, c, _KEYS[2])
        assert await _come_back(site, provider, browser) == (303, "/teacher")
        assert provider.asked_for_keys == 2
        provider.published = [_KEYS[2]]
        provider.signed = lambda c: jwt.encode({"alg": "RS256", "kid": "k0"}, c, _KEYS[0])
        monkeypatch.setattr(identity_provider, "_KEYS_AGAIN", 60.0)
        assert await _come_back(site, provider, browser) == (303, "/teacher")  # still known here
        monkeypatch.setattr(identity_provider, "_KEYS_AGAIN", 0.0)
        provider.signed = lambda c: jwt.encode({"alg": "RS256", "kid": "k1"}, c, _KEYS[1])
        assert (await _come_back(site, provider, browser))[0] == 403


async def test_an_answer_that_is_none_is_not_redeemed(site: Site, provider: Provider) -> None:
    answers: tuple[dict[str, str], ...] = (
        {"state": "another"},
        {"state": ""},
        {"iss": "https://evil.example"},
        {"code": ""},
        {"code": "", "error": "access_denied", "error_description": "<script>"},
    )
    async with site.browser() as browser:
        for answer in answers:
            status, said = await _come_back(site, provider, browser, **answer)
            assert (status, "<script>" in said, provider.forms) == (403, False, [])


async def test_who_says_that_it_names_itself_must(site: Site, provider: Provider) -> None:
    provider.described = {"authorization_response_iss_parameter_supported": True}
    async with site.browser() as browser:
        assert (await _come_back(site, provider, browser, iss=""))[0] == 403
        assert await _come_back(site, provider, browser) == (303, "/teacher")


async def test_an_attempt_is_forgotten_and_can_not_be_forged(
    site: Site, provider: Provider
) -> None:
    async with site.browser() as browser:
        assert await _status(browser.get("/oidc/callback?code=c&state=s")) == 400
        async with browser.get("/oidc/begin", allow_redirects=False) as response:
            state = parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]
        site.now += ATTEMPT_LIFETIME + timedelta(seconds=1)
        assert await _status(browser.get(f"/oidc/callback?code=c&state={state}")) == 400
    forged = identity_provider.sealed(b"x" * 32, identity_provider.new_attempt(""), site.now)
    async with site.browser(Cookie=f"attempt={forged}") as browser:
        assert await _status(browser.get("/oidc/callback?code=c&state=s")) == 400
    assert provider.forms == []


async def test_the_claim_may_be_told_apart_from_the_id_token(
    site: Site, provider: Provider
) -> None:
    provider.lie = _without("preferred_username")
    async with site.browser() as browser:
        provider.userinfo = {"sub": "subject of lead", "preferred_username": "lead"}
        assert await _come_back(site, provider, browser) == (303, "/teacher")
        provider.userinfo = {"sub": "somebody else", "preferred_username": "admin"}
        assert (await _come_back(site, provider, browser))[0] == 403
        provider.lie = lambda c: (c.pop("preferred_username"), c.update(sub="new"))
        provider.userinfo = {"sub": "new"}
        status, said = await _come_back(site, provider, browser)
        assert (status, "管理员" in said) == (403, True)


@pytest.mark.parametrize("described", [{"issuer": "https://evil.example"}, {"jwks_uri": None}])
async def test_who_describes_itself_wrongly_is_not_gone_to(
    site: Site, provider: Provider, described: dict[str, Any]
) -> None:
    provider.described = described
    async with site.browser() as browser:
        assert await _status(browser.get("/oidc/begin", allow_redirects=False)) == 503


async def test_while_the_provider_is_away_people_are_told_and_passwords_work(
    site: Site, provider: Provider
) -> None:
    provider.token_status = 500
    async with site.browser() as browser:
        status, said = await _come_back(site, provider, browser)
        assert (status, "暂时无法连接教育账号" in said, 'name="password"' in said) == (
            503,
            True,
            True,
        )
        form = {"login": "lead", "password": PASSWORD, "next": "//evil.example"}
        async with browser.post("/login", data=form, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/teacher")


async def test_a_second_factor_is_asked_for_unless_the_provider_has(
    pool: Pool, tmp_path: Path, provider: Provider
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    async with small_site(
        pool,
        tmp_path,
        oidc_issuer=provider.url,
        oidc_client_id=_CLIENT,
        oidc_client_secret_file=secret,
        second_factor_roles="teacher",
    ) as site:
        provider.now = lambda: site.now.timestamp()
        async with site.browser() as browser:
            assert await _come_back(site, provider, browser) == (303, "/second-factor")
            assert await _status(browser.get("/teacher")) == 401
            provider.lie = _set(amr=["pwd", "otp", "mfa"])
            assert await _come_back(site, provider, browser) == (303, "/teacher")
            assert _cookie(browser).value


async def test_a_disabled_account_stays_out(site: Site, provider: Provider) -> None:
    async with site.browser() as browser, site.browser() as admin:
        await _come_back(site, provider, browser)
        headers = {"X-CSRF-Token": await sign_in(admin, "admin")}
        async with admin.get("/api/v1/accounts") as response:
            [bound] = [a for a in (await response.json())["accounts"] if a["identity"]]
        url = f"/api/v1/accounts/{bound['id']}/state"
        assert await _status(admin.post(url, json={"disabled": True}, headers=headers)) == 204
        assert await _status(browser.get("/teacher")) == 401
        assert (await _come_back(site, provider, browser))[0] == 403


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"oidc_issuer": "http://id.example.cn"}, "https"),
        ({"oidc_issuer": "https://id.example.cn"}, "oidc-client-id"),
        ({"oidc_issuer": "http://localhost.evil.example"}, "https"),
        ({"oidc_client_secret_file": "/no/such/file"}, "can't be read"),
        ({"second_factor_roles": "admin room"}, "paired"),
        ({"second_factor_roles": "king"}, "second-factor-roles"),
        ({"oidc_scopes": "profile"}, "oidc-scopes"),
    ],
)
def test_settings_that_can_not_work_are_refused(given: dict[str, str], wrong: str) -> None:
    with pytest.raises(BadSettings, match=wrong):
        load(**given)
