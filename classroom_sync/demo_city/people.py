"""Accounts of the demo for the people whom a newcomer meets on its pages."""

from collections.abc import Collection
from itertools import groupby

from db import accounts, city
from db.pool import Connection
from scheduler.model import Teacher

_ASSISTANTS = 2  # of each school: the others are left for trying to make an account


async def keep_account(
    connection: Connection,
    login: str,
    name: str,
    role: str,
    school: str | None,
    teacher_id: str | None,
    password_hash: str,
    *,
    anew: bool,
) -> None:
    """An account, made where there is none; `anew`: one that is there gets the password too."""
    account = await accounts.account_by_login(connection, login)
    if account is None:
        await accounts.add_account(
            connection,
            login=login,
            name=name,
            password_hash=password_hash,
            role=role,
            school_code=school,
            teacher_id=teacher_id,
        )
    elif anew:
        await accounts.set_password(connection, account.id, password_hash)


async def more_people(
    connection: Connection, password_hash: str, *, but: Collection[str], anew: bool
) -> list[str]:
    """Whoever leads at a hub, some assistants of each receiving school, and each school's
    administrator, each made once; returns what they sign in with. One password lets all of them
    in, `but` those who have one of their own: `anew` gives it to those that are there too."""
    people = sorted(await city.teachers(connection), key=lambda t: (t.school_code, t.role, t.id))
    there: list[Teacher] = []
    for (_, role), some in groupby(people, key=lambda t: (t.school_code, t.role)):
        there += list(some)[: None if role == "lead" else _ASSISTANTS]
    wanted: list[tuple[str, str, str, str, str | None]] = [
        (t.id.lower(), t.name, "teacher", t.school_code, t.id) for t in there
    ]
    wanted += [
        (f"{s.code}-admin", f"{s.short_name} 管理员", "admin", s.code, None)
        for s in await city.schools(connection)
    ]
    wanted = [each for each in wanted if each[0] not in but]
    for each in wanted:
        await keep_account(connection, *each, password_hash, anew=anew)
    return [login for login, *_ in wanted]
