"""People and how they get in: accounts of the city, or of an administrator's own school."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from classroom_sync import auth, passwords, people, second_factor
from classroom_sync.access import identifier, kept_account
from classroom_sync.addresses import origin
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action, Role
from db import accounts, factors, marks, web_sessions
from db.accounts import Account
from db.pool import Connection

Login = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{1,59}$", to_lower=True)
]
AccountRole = Literal["bureau", "admin", "teacher", "observer"]


class AccountOut(BaseModel):
    id: UUID
    login: str
    name: str
    role: AccountRole
    school: str | None = Field(description="its code; none: the whole city")
    teacher: str | None
    locked_until: datetime | None
    disabled_at: datetime | None
    second_factor_since: datetime | None
    identity: bool = Field(description="the city's education account is bound to it")
    seen_at: datetime | None


class Accounts(BaseModel):
    accounts: list[AccountOut]


class AccountIn(BaseModel, extra="forbid"):
    login: Login
    name: str = Field(min_length=1, max_length=60)
    role: AccountRole
    school: str | None = Field(None, pattern=r"^[0-9]{10}$", description="none: the whole city")
    teacher: str | None = Field(
        None, min_length=1, max_length=60, description="id in the register, for that role"
    )


class PasswordLink(BaseModel):
    """A link is shown this once; the server keeps its hash."""

    account: UUID
    url: str
    until: datetime
    said: list[str]


async def kept_accounts(request: web.Request, connection: Connection) -> list[AccountOut]:
    """The accounts that the visitor keeps, by login."""
    own = request[VISITOR].school_code
    states = await accounts.states(connection, own)
    return [
        AccountOut(
            id=a.id,
            login=a.login,
            name=a.name,
            role=a.role,  # type: ignore[arg-type]  # the table allows no other
            school=a.school_code,
            teacher=a.teacher_id,
            locked_until=a.locked_until,
            disabled_at=a.disabled_at,
            second_factor_since=states[a.id].second_factor_since,
            identity=states[a.id].bound,
            seen_at=states[a.id].seen_at,
        )
        for a in await accounts.all_accounts(connection)
        if own is None or a.school_code == own
    ]


@endpoint(
    "GET",
    "/accounts",
    "The accounts that one keeps",
    action=Action.KEEP_PEOPLE,
    answer=Accounts,
)
async def list_accounts(request: web.Request) -> Accounts:
    async with request.app[POOL].connection() as connection:
        return Accounts(accounts=await kept_accounts(request, connection))


@endpoint(
    "POST",
    "/accounts",
    "A new account, and a link with which its owner sets a password",
    action=Action.KEEP_PEOPLE,
    body=AccountIn,
    answer=PasswordLink,
)
async def make_account(request: web.Request, body: AccountIn) -> PasswordLink:
    visitor, now = request[VISITOR], request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        if visitor.school_code is not None and body.role not in ("admin", "teacher"):
            raise Refused(403, "A school has administrators and teachers; the city has the others.")
        school = body.school or visitor.school_code
        account_id, path = await people.make(
            connection,
            login=body.login,
            name=body.name,
            role=Role(body.role),
            school=school,
            teacher=body.teacher,
            now=now,
            actor=visitor.actor,
        )
        await kept_account(request, connection, account_id)  # what is refused was not made
        return _link(request, account_id, path, now)


def _link(request: web.Request, account_id: UUID, path: str, now: datetime) -> PasswordLink:
    url = origin(request) + path
    return PasswordLink(account=account_id, url=url, until=now + passwords.LIFETIME, said=[url])


@endpoint(
    "POST",
    "/accounts/{account}/password-links",
    "A link that sets the account's password once; earlier ones end",
    action=Action.KEEP_PEOPLE,
    answer=PasswordLink,
)
async def make_password_link(request: web.Request) -> PasswordLink:
    now = request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        account = await _kept_of_another(request, connection)
        if account.disabled_at is not None:
            raise Refused(409, "This account is disabled: enable it first.")
        path = await passwords.make_link(connection, account.id, now, request[VISITOR].actor)
    return _link(request, account.id, path, now)


async def _kept(request: web.Request, connection: Connection) -> Account:
    return await kept_account(request, connection, identifier(request.match_info["account"]))


async def _kept_of_another(request: web.Request, connection: Connection) -> Account:
    """As `_kept`, where one's own asks for a proof that it is one's own: whoever finds a browser
    signed in must not get hold of the account by it. Raises Refused (409) for one's own."""
    account = await _kept(request, connection)
    if account.id == request[VISITOR].account_id:
        raise Refused(
            409,
            "This is your own account: use the page of your account, which asks for your password, "
            "or ask another administrator.",
        )
    return account


class AccountChange(BaseModel, extra="forbid"):
    disabled: bool


@endpoint(
    "POST",
    "/accounts/{account}/state",
    "Disable an account, which signs it out everywhere, or enable it again",
    action=Action.KEEP_PEOPLE,
    body=AccountChange,
)
async def change_account(request: web.Request, body: AccountChange) -> None:
    visitor, account_id = request[VISITOR], identifier(request.match_info["account"])
    actor = visitor.actor
    assert visitor.account_id is not None, "only accounts keep people"
    async with request.app[POOL].transaction() as connection:
        await accounts.hold(connection, visitor.account_id, account_id)
        own = await accounts.account(connection, visitor.account_id)
        assert own is not None, "accounts are never removed"
        auth.refuse_disabled(own)  # by the other, just now: of two one stays
        account = await kept_account(request, connection, account_id)
        if account.id == own.id:
            raise Refused(409, "This is your own account: another administrator may disable it.")
        if body.disabled:
            await people.disable(connection, account, request.app[NOW](), actor)
        else:
            await people.enable(connection, account, actor)


@endpoint(
    "POST",
    "/accounts/{account}/unlock",
    "End the lock that too many wrong passwords brought about",
    action=Action.KEEP_PEOPLE,
)
async def unlock_account(request: web.Request) -> None:
    async with request.app[POOL].transaction() as connection:
        account = await _kept_of_another(request, connection)
        await people.unlock(connection, account, request[VISITOR].actor)


@endpoint(
    "DELETE",
    "/accounts/{account}/second-factor",
    "Remove the second factor of somebody else who lost it; signs the account out everywhere",
    action=Action.KEEP_PEOPLE,
)
async def reset_second_factor(request: web.Request) -> None:
    async with request.app[POOL].transaction() as connection:
        account = await _kept_of_another(request, connection)
        await second_factor.reset(connection, account, request[VISITOR].actor)


@endpoint(
    "DELETE",
    "/accounts/{account}/identity",
    "Release an account from the city's education account that was bound to it",
    action=Action.KEEP_PEOPLE,
)
async def release_identity(request: web.Request) -> None:
    async with request.app[POOL].transaction() as connection:
        account = await _kept(request, connection)
        if not await factors.release(connection, account.id):
            raise Refused(409, "No education account is bound to this one.")
        about = f"account:{account.id}"
        await marks.add_audit(connection, request[VISITOR].actor, "identity_released", about)


@endpoint(
    "DELETE",
    "/accounts/{account}/sessions",
    "Sign an account out everywhere",
    action=Action.KEEP_PEOPLE,
)
async def sign_account_out(request: web.Request) -> None:
    async with request.app[POOL].transaction() as connection:
        account = await _kept(request, connection)
        await web_sessions.end_all(connection, account.id)
        about = f"account:{account.id}"
        await marks.add_audit(connection, request[VISITOR].actor, "signed_out_everywhere", about)
