"""`classroom-sync account`: who may sign in. The first administrator of a city is made here."""

import json
import os
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from classroom_sync.permissions import Role
from classroom_sync.reaching import (
    DatabaseUrl,
    DataDir,
    Json,
    in_transaction,
    settings_of,
    wrong_use,
)

if TYPE_CHECKING:
    from db.pool import Connection

app = typer.Typer(help="Who may sign in.", no_args_is_help=True)


@app.command(
    "add",
    epilog="Example: classroom-sync account add li --name 李老师 --role admin "
    "--base-url https://school.example.cn",
)
def add(
    login: Annotated[str, typer.Argument(help="Name to sign in with.")],
    name: Annotated[str, typer.Option(help="Name as people read it.")],
    role: Annotated[Role, typer.Option(help="What the account may do.")],
    school: Annotated[
        str | None, typer.Option(help="Code of the school of an admin.  [default: the whole city]")
    ] = None,
    teacher: Annotated[str | None, typer.Option(help="Id of the teacher, for that role.")] = None,
    base_url: Annotated[
        str, typer.Option(help="Where the server is reached, https://school.example.cn.")
    ] = "",
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make an account, and a link with which its owner sets a password within a day."""
    if role is Role.ROOM:
        wrong_use("a classroom's screen is paired with a code, and has no account")
    if (role is Role.TEACHER) != (teacher is not None):
        wrong_use("--teacher is for --role teacher, which needs it")

    async def work(connection: "Connection") -> dict[str, Any]:
        from classroom_sync import passwords
        from classroom_sync.auth import hash_password
        from classroom_sync.errors import Refused
        from classroom_sync.pages.names import read_names
        from db import accounts, marks

        names = await read_names(connection)
        if await accounts.account_by_login(connection, login) is not None:
            raise Refused(409, f"there is an account {login} already")
        if school is not None and school not in names.schools:
            raise Refused(404, f"there is no school {school}")
        if teacher is not None and teacher not in names.teachers:
            raise Refused(404, f"there is no teacher {teacher}: import the registers first")
        found = names.teachers.get(teacher or "")
        account_id = await accounts.add_account(
            connection,
            login=login.strip().lower(),
            name=name,
            password_hash=await hash_password(secrets.token_urlsafe(32)),  # nobody knows it
            role=role.value,
            school_code=found.school_code if found is not None else school,
            teacher_id=teacher,
        )
        about = f"account:{account_id}"
        await marks.add_audit(
            connection,
            "system",
            "account_made",
            about,
            role=role.value,
            command_of_user=os.getuid(),
        )
        path = await passwords.make_link(connection, account_id, datetime.now(UTC), "system")
        return {"login": login.strip().lower(), "url": base_url.rstrip("/") + path}

    made = in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work)
    if as_json:
        typer.echo(json.dumps(made, indent=1))
        return
    typer.echo(f"{made['login']} sets a password at {made['url']}")


@app.command("list", epilog="Example: classroom-sync account list --json")
def list_accounts(
    as_json: Json = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """The accounts, with what each may do."""

    async def work(connection: "Connection") -> list[dict[str, Any]]:
        from db import accounts

        kept = ("login", "name", "role", "school_code", "teacher_id")
        return [
            {name: text for name, text in asdict(account).items() if name in kept}
            for account in await accounts.all_accounts(connection)
        ]

    found = in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work)
    if as_json:
        typer.echo(json.dumps({"accounts": found}, ensure_ascii=False, indent=1))
        return
    for each in found:
        typer.echo("  ".join(str(text) for text in each.values() if text is not None))
