"""`classroom-sync token`: media tokens, calendar addresses and links for a new password.

A secret is shown once; the database keeps its hash, and the audit log that it was made. A media
token is not kept at all, but its id is, by which it is called back.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from classroom_sync.reaching import (
    DatabaseUrl,
    DataDir,
    Json,
    in_transaction,
    known_language,
    settings_of,
)

if TYPE_CHECKING:
    from classroom_sync.pages.names import Names
    from db.accounts import Account
    from db.pool import Connection

app = typer.Typer(help="Make and revoke tokens and links.", no_args_is_help=True)

_ACTOR = "system"


class _Direction(StrEnum):
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


class _Stream(StrEnum):
    CAMERA = "camera"
    SCREEN = "screen"


BaseUrl = Annotated[
    str, typer.Option(help="Where the server is reached, https://school.example.cn.")
]


@app.command(
    "media", epilog="Example: classroom-sync token media SESSION PARTICIPANT --minutes 60 --json"
)
def media(
    session: Annotated[UUID, typer.Argument(help="Id of the lesson.")],
    participant: Annotated[UUID, typer.Argument(help="Id of the room or person in it.")],
    direction: Annotated[_Direction, typer.Option(help="What it allows.")] = _Direction.PUBLISH,
    stream: Annotated[_Stream, typer.Option(help="What is published.")] = _Stream.CAMERA,
    minutes: Annotated[int, typer.Option(min=1, max=24 * 60, help="How long it is good.")] = 120,
    base_url: BaseUrl = "",
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """A token with which an encoder or a player takes one participant's place in a lesson."""

    async def work(connection: "Connection") -> dict[str, Any]:
        from classroom_sync import tokens
        from classroom_sync.errors import Refused
        from classroom_sync.secrets import MEDIA_KEY, shared_secret
        from db import marks, sessions, withdrawals

        found = await sessions.session(connection, session)
        seats = {p.id: found.media_role(p.role) for p in found.participants} if found else {}
        if participant not in seats:
            raise Refused(404, f"there is no participant {participant} in a session {session}")
        now = datetime.now(UTC)
        until = now + timedelta(minutes=minutes)
        made = await withdrawals.add_media_token(
            connection,
            session_id=session,
            participant_id=participant,
            direction=direction.value,
            stream=stream.value,
            made_by=_ACTOR,
            made_at=now,
            until=until,
        )
        claims = tokens.MediaToken(
            session,
            participant,
            direction.value,
            seats[participant].value,
            stream.value,
            holder=made,
        )
        key = await shared_secret(connection, MEDIA_KEY)
        text = tokens.issue(key, claims, now, until - now)
        about = f"participant:{participant}"
        await marks.add_audit(
            connection,
            _ACTOR,
            "media_token_made",
            about,
            direction=direction.value,
            until=until.isoformat(),
            command_of_user=os.getuid(),
        )
        publish = direction is _Direction.PUBLISH
        path = f"/whip/{session}/{participant}" if publish else f"/whep/{session}"
        return {
            "id": str(made),
            "url": _at(base_url, path),
            "token": text,
            "until": until.isoformat(),
        }

    _say(in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work), as_json)


@app.command(
    "calendar", epilog="Example: classroom-sync token calendar teacher:T-0012 --by ms-chen"
)
def calendar(
    whose: Annotated[str, typer.Argument(help="teacher:ID, room:ID, class:ID or school:CODE.")],
    by: Annotated[str, typer.Option(help="Name of the account that it belongs to.")],
    lang: Annotated[str, typer.Option(help="zh-CN or en.")] = "zh-CN",
    base_url: BaseUrl = "",
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """A calendar address that a phone or a computer subscribes to."""
    known_language(lang)

    async def work(connection: "Connection") -> dict[str, Any]:
        from classroom_sync import feeds
        from classroom_sync.errors import Refused
        from classroom_sync.pages.names import read_names
        from db import feeds as stored
        from db import marks

        account = await _account(connection, by)
        scope, _, subject_id = whose.partition(":")
        if subject_id not in _subjects(await read_names(connection), scope):
            raise Refused(404, f"there is no {whose}: teacher:, room:, class: or school: and an id")
        text, token_hash = feeds.new_token()
        now = datetime.now(UTC)
        made = await stored.add_token(
            connection, token_hash, scope, subject_id, lang, account.id, now
        )
        await marks.add_audit(connection, _ACTOR, "feed_made", whose, command_of_user=os.getuid())
        return {"id": str(made), "url": _at(base_url, f"/calendar/{text}.ics")}

    _say(in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work), as_json)


@app.command("list", epilog="Example: classroom-sync token list --json")
def list_tokens(
    as_json: Json = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Calendar addresses (whose, by whom, when last read) and media tokens made here that hold."""

    async def work(connection: "Connection") -> dict[str, list[dict[str, Any]]]:
        from db import feeds as stored
        from db import withdrawals

        calendars = [
            {
                "id": str(token.id),
                "whose": f"{token.scope}:{token.subject_id}",
                "by": login,
                "made_at": token.made_at.isoformat(),
                "used_at": token.used_at.isoformat() if token.used_at else None,
            }
            for token, login in await stored.all_tokens(connection)
        ]
        media = [
            {
                "id": str(token.id),
                "session": str(token.session_id),
                "participant": str(token.participant_id),
                "direction": token.direction,
                "stream": token.stream,
                "until": token.until.isoformat(),
            }
            for token in await withdrawals.media_tokens(connection, datetime.now(UTC))
        ]
        return {"calendars": calendars, "media": media}

    found = in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for each in found["calendars"]:
        typer.echo(f"{each['id']}  {each['whose']}  by {each['by']}, read {each['used_at']}")
    for each in found["media"]:
        said = f"{each['direction']} {each['stream']} of participant {each['participant']}"
        typer.echo(f"{each['id']}  {said}, until {each['until']}")


@app.command("revoke", epilog="Example: classroom-sync token revoke 0199a8f2-… (see token list)")
def revoke(
    token_id: Annotated[UUID, typer.Argument(help="Id of a calendar address or media token.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a calendar address, or a media token: its connection ends within seconds."""

    async def work(connection: "Connection") -> None:
        from classroom_sync.errors import Refused
        from db import feeds as stored
        from db import marks, withdrawals

        now = datetime.now(UTC)
        calendars = {token.id: token for token, _ in await stored.all_tokens(connection)}
        if token_id in calendars:
            await stored.revoke_token(connection, token_id, calendars[token_id].made_by, now)
            action, about = "feed_revoked", f"feed:{token_id}"
        elif await withdrawals.revoke_media_token(connection, token_id, now):
            action, about = "media_token_revoked", f"media_token:{token_id}"
        else:
            raise Refused(404, f"there is no calendar address or media token {token_id} (any more)")
        await marks.add_audit(connection, _ACTOR, action, about, command_of_user=os.getuid())

    in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work)
    typer.echo(f"revoked: {token_id}")


@app.command(
    "password",
    epilog="Example: classroom-sync token password ms-chen --base-url https://school.example.cn",
)
def password(
    login: Annotated[str, typer.Argument(help="Name that the account signs in with.")],
    hours: Annotated[int, typer.Option(min=1, max=7 * 24, help="How long it is good.")] = 24,
    base_url: BaseUrl = "",
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """A link that sets a new password once; earlier links of the account end."""

    async def work(connection: "Connection") -> dict[str, Any]:
        from classroom_sync import passwords

        account = await _account(connection, login)
        now, lifetime = datetime.now(UTC), timedelta(hours=hours)
        path = await passwords.make_link(connection, account.id, now, _ACTOR, lifetime)
        return {"url": _at(base_url, path), "until": (now + lifetime).isoformat()}

    _say(in_transaction(settings_of(data_dir=data_dir, database_url=database_url), work), as_json)


async def _account(connection: "Connection", login: str) -> "Account":
    from classroom_sync.errors import Refused
    from db import accounts

    found = await accounts.account_by_login(connection, login)
    if found is None:
        raise Refused(404, f"there is no account {login}")
    return found


def _subjects(names: "Names", scope: str) -> frozenset[str]:
    registers: dict[str, Any] = {
        "teacher": names.teachers,
        "room": names.rooms,
        "class": names.classes,
        "school": names.schools,
    }
    return frozenset(registers.get(scope, ()))


def _at(base_url: str, path: str) -> str:
    return base_url.rstrip("/") + path


def _say(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(made, indent=1))
        return
    for name, text in made.items():
        typer.echo(f"{name}: {text}")
