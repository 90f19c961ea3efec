"""The OpenAPI document: what FastAPI finds in the routes, and every refusal as the problem it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from api.http.auth import Needs
from api.http.problems import MEDIA_TYPE
from api.http.things import Things
from domain.permissions import Permission

Document = dict[str, Any]

PROBLEM: Document = {
    "title": "Problem",
    "description": "What is wrong and how to mend it (RFC 9457); of a field that is wrong, which, in `errors`.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "field", "message"],
                "properties": {"in": {"type": "string"}, "field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
WORDS = {
    400: (
        "Bad Request",
        "the request is not for this server, or contradicts itself",
        "Host: this server has no such name",
    ),
    401: ("Unauthorized", "nobody is signed in", "sign in, or send a token"),
    403: ("Forbidden", "the role does not allow it", "this needs the role dispatcher or admin"),
    404: ("Not Found", "it is not there, or somebody else's", "there is nothing here"),
    409: ("Conflict", "it contradicts what there is", "something else has this name or number already"),
    412: (
        "Precondition Failed",
        "it is not as `If-Match` or `If-None-Match` says",
        "it has been changed since you saw it: look again, then decide",
    ),
    413: ("Content Too Large", "the body is larger than this takes", "at most 1 MB"),
    422: ("Unprocessable Content", "a value cannot be right", "stops.0: a stop needs a site, or lat and lon"),
    429: ("Too Many Requests", "too often; `Retry-After` says when again", "too many attempts: wait a minute"),
    503: (
        "Service Unavailable",
        "the database is away; `Retry-After` says when again",
        "the database cannot be reached",
    ),
}
WRITES = frozenset({"post", "put", "patch", "delete"})
FIELDS: Document = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "names with commas between them: only these fields of each object are told, also those said to be "
    "required; 422 when there is no such field",
    "schema": {"type": "string", "maxLength": 2000},
}


def _condition(name: str, words: str) -> Document:
    return {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string"}}


IF_MATCH = _condition(
    "If-Match", "ETags: it is changed only while it has one of them, else 412; what lives is no part of it"
)
UNLESS_THERE = _condition("If-None-Match", "`*`: it is made only when it is not there yet, else 412")
ONCE = _condition(
    "Idempotency-Key", "16 to 128 characters that nobody can guess: sent again with it, it is not carried out again"
)
UNLESS_SAME = _condition("If-None-Match", "ETags: 304 when it has one of them still, and nothing about it lives")
TAGGED: Document = {"ETag": {"description": "of what people have set", "schema": {"type": "string"}}}


def _refusals(method: str, path: str, operation: Document) -> list[int]:
    """The statuses with which an operation may refuse.

    >>> _refusals("get", "/api/v1/vehicles/{vehicle_id}", {"security": [{}], "parameters": [{}]})
    [400, 401, 403, 404, 422, 429, 503]
    """
    found = {400, 429, 503}
    if operation.get("security"):
        found |= {401, 403}
    if "{" in path:
        found.add(404)
    if operation.get("parameters") or "requestBody" in operation:
        found.add(422)
    if method in WRITES:
        found |= {404, 409}
    if "requestBody" in operation:
        found.add(413)
    return sorted(found)


def operations_of(app: FastAPI) -> Iterator[tuple[str, str, APIRoute]]:
    """Path as the document has it, method, and route of all operations of an app."""
    for found in iter_route_contexts(app.routes):
        if isinstance(found.original_route, APIRoute):
            for method in found.original_route.methods or ():
                yield str(found.path_format), method, found.original_route


def permission_of(route: APIRoute) -> Permission | None:
    """What a caller of a route needs; None: nothing, or only to be signed in."""
    found = {each.call.permission for each in route.dependant.dependencies if isinstance(each.call, Needs)}
    return found.pop() if found else None


def _problem(status: int) -> Document:
    title, when, detail = WORDS[status]
    example = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return {
        "description": f"{title}: {when}",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def _describe_things(things: Things, path: str, method: str, operation: Document) -> None:
    """What an operation on one thing, or on a list, takes and tells besides: its ETag, conditions, fields."""
    responses, taken = operation["responses"], operation.setdefault("parameters", [])
    told = responses.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    shows = method == "get" and things.at(path) is not None
    if shows or (method == "get" and "/Items_" in told):
        taken.append(FIELDS)
    if shows:
        taken.append(UNLESS_SAME)
        responses["200"]["headers"] = TAGGED
        responses["304"] = {"description": "it is as the caller has it", "headers": TAGGED}
    elif (
        method in WRITES
        and not path.endswith("/import")
        and any(things.at(each) for each in (path, path.rpartition("/")[0], f"{path}/name"))
    ):
        taken.append(IF_MATCH)
        if method == "post" and things.at(f"{path}/name"):
            taken.append(UNLESS_THERE)
        responses["412"] = _problem(412)
    if method == "post" and operation.get("security") and not path.endswith("/import"):
        taken.append(ONCE)
    if not taken:
        del operation["parameters"]


def describe(app: FastAPI) -> Document:
    """The document of an app, made once."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        needed = {(path, method.lower()): permission_of(route) for path, method, route in operations_of(app)}
        for path, operations in found["paths"].items():
            for method, operation in operations.items():
                if permission := needed.get((path, method)):
                    operation["x-permission"] = permission
                responses = operation["responses"]
                responses.pop("422", None)
                for status in ("201", "202"):
                    if "200" in responses and "content" in responses.get(status, ()):
                        responses["200"]["content"] = responses[status]["content"]
                if path.startswith("/api/"):
                    _describe_things(app.state.things, path, method, operation)
                    refused = {*_refusals(method, path, operation), *(int(s) for s in responses if int(s) in WORDS)}
                    responses |= {str(status): _problem(status) for status in sorted(refused)}
        schemas = found["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = PROBLEM
        app.openapi_schema = found
    return app.openapi_schema
