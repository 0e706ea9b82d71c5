"""`classroom-sync account`: who may sign in. The first administrator of a city is made here."""

import json
import os
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
        from classroom_sync import people

        _, path = await people.make(
            connection,
            login=login,
            name=name,
            role=role,
            school=school,
            teacher=teacher,
            now=datetime.now(UTC),
            actor="system",
            command_of_user=os.getuid(),
        )
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


@app.command("reset-factor", epilog="Example: classroom-sync account reset-factor li")
def reset_factor(
    login: Annotated[str, typer.Argument(help="Name that it signs in with.")],
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Remove the second factor of somebody who lost phone and recovery codes, and sign them out."""

    async def work(connection: "Connection") -> dict[str, Any]:
        from classroom_sync import second_factor
        from classroom_sync.errors import Refused
        from db import accounts

        account = await accounts.account_by_login(connection, login.strip())
        if account is None:
            raise Refused(404, "There is no such account: see the list of people.")
        await second_factor.reset(connection, account, "system", command_of_user=os.getuid())
        return {"login": account.login}

    done = in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work)
    said = f"{done['login']} signs in with the password alone"
    typer.echo(json.dumps(done) if as_json else said)
