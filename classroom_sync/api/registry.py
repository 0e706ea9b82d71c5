"""One declaration per endpoint: the route, its checks and its OpenAPI 3.1 description.

See docs/decisions/0003-openapi.md.
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from classroom_sync import __version__
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.permissions import Action

_LOCAL_TIME = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"

_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")

M = TypeVar("M", bound=BaseModel)
Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str
    handler: Handler
    summary: str
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    action: Action | None  # None: anyone
    files: tuple[str, ...]  # media types of the file that is answered with


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    summary: str,
    *,
    action: Action | None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    files: tuple[str, ...] = (),
) -> Callable[[Handler], Handler]:
    """Declare `handler(request, [body], [query]) -> answer` at /api/v1`path`."""

    def declare(handler: Handler) -> Handler:
        ENDPOINTS.append(
            Endpoint(method, "/api/v1" + path, handler, summary, body, query, answer, action, files)
        )
        return handler

    return declare


def _bound(item: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        given: list[Any] = []
        if item.body is not None:
            given.append(item.body.model_validate(await _json(request)))
        if item.query is not None:
            given.append(item.query.model_validate(dict(request.query)))
        found = await item.handler(request, *given)
        if isinstance(found, web.StreamResponse):
            return found
        if found is None:
            return web.Response(status=204)
        return web.Response(text=found.model_dump_json(), content_type="application/json")

    return handle if item.action is None else requires(item.action)(handle)


async def _json(request: web.Request) -> Any:
    if request.content_type != "application/json":
        raise Refused(415, "The body must be application/json.")
    try:
        found = json.loads(await request.text())
        unwritable = _unwritable(found)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "The body is not JSON.") from error
    if unwritable:
        problems = "a text holds U+0000 or half of a surrogate pair"
        raise Refused(422, "The request has wrong values: {problems}", problems=problems)
    return found


def _unwritable(value: Any) -> bool:
    """Whether there is a text in it that JSON can hold and a database can't."""
    if isinstance(value, str):
        return _NO_CHARACTER.search(value) is not None
    if isinstance(value, dict):
        return any(_unwritable(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(_unwritable(each) for each in value)


def add_routes(app: web.Application) -> None:
    """Mount every declared endpoint and the description of them all."""
    from classroom_sync.api import (  # noqa: F401 - their declarations fill ENDPOINTS
        acceptance,
        accounts,
        alerts,
        bells,
        busy,
        calendar,
        calendar_days,
        changes,
        demands,
        device_check,
        given,
        invitations,
        meetings,
        needs,
        observation_comments,
        observations,
        plans,
        publication,
        pushes,
        receipts,
        recordings,
        registers,
        repair,
        reports,
        rooms,
        rubric,
        shifts,
        solver,
        timetable,
        v1,
        visits,
        weeks,
        weights,
    )

    for item in ENDPOINTS:
        app.router.add_route(item.method, item.path, _bound(item))
    app.router.add_get("/api/openapi.json", _description)
    app.router.add_route("*", "/api/{rest:.*}", _nothing)


async def _nothing(_request: web.Request) -> web.StreamResponse:
    raise Refused(404, "There is no such address in the API: see /api/openapi.json.")


async def _description(_request: web.Request) -> web.Response:
    return web.json_response(openapi())


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the endpoints."""
    models = {m for e in ENDPOINTS for m in (e.body, e.query, e.answer) if m is not None}
    _, schemas = models_json_schema(
        [(m, "validation") for m in sorted(models, key=lambda m: m.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    components = schemas.get("$defs", {})
    components["Problem"] = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail"],
    }
    _tell_local_times(components)
    paths: dict[str, Any] = {}
    for item in ENDPOINTS:
        paths.setdefault(item.path, {})[item.method.lower()] = _operation(item)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Classroom Sync", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
            },
        },
    }


def _tell_local_times(schema: Any) -> None:
    """JSON Schema's format "time" has a zone (RFC 3339); ours are local ones, such as 08:30."""
    if isinstance(schema, dict):
        if schema.get("format") == "time":
            schema["pattern"] = _LOCAL_TIME
            del schema["format"]
        for inner in schema.values():
            _tell_local_times(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _tell_local_times(inner)


def _file(media_type: str) -> dict[str, Any]:
    """The schema of a file that is answered with: JSON is read, anything else is bytes."""
    if media_type.endswith("json"):
        return {"schema": {}}
    return {"schema": {"type": "string", "format": "binary"}}


def _operation(item: Endpoint) -> dict[str, Any]:
    problem = {
        "description": "What is wrong, and what to do",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    answers: dict[str, Any] = {"4XX": problem, "503": problem}
    if item.files:
        files = {media_type: _file(media_type) for media_type in item.files}
        answers["200"] = {"description": "Done", "content": files}
    elif item.answer is None:
        answers["204"] = {"description": "Done"}
    else:
        answers["200"] = {
            "description": "Done",
            "content": {"application/json": {"schema": _ref(item.answer)}},
        }
    operation: dict[str, Any] = {
        "summary": item.summary,
        "operationId": item.handler.__name__,
        "responses": answers,
        "security": [] if item.action is None else [{"session": []}],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _path_names(item.path)
        ],
    }
    if item.action is not None:
        operation["description"] = f"Needs the permission `{item.action}`."
    if item.query is not None:
        schema = item.query.model_json_schema(ref_template="#/components/schemas/{model}")
        operation["parameters"] += [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                "schema": value,
            }
            for name, value in schema["properties"].items()
        ]
    if item.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(item.body)}},
        }
    return operation


def _path_names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
