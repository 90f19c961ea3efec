"""Answers that show one thing, with its ETag and the fields asked for; changes made only if it is as one saw it.

An ETag stands for what people have set. What lives by itself (where a vehicle is, when somebody signed in) does not
change it, so such an answer is never said to be the same as before (304).
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import Any, NamedTuple

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import compile_path

from api.http.caller import Caller
from api.http.context import context_of
from api.http.jsons import Json
from api.http.middleware import AT_END
from api.http.problems import Problem
from api.turns import Turns
from store.db import queries

CONDITIONS_AT_ONCE = 2  # each holds a connection besides the one of the change itself
NAMES = ("id", "sku", "name")
FIELDS_MAX = 50


def etag(record: Any) -> str:
    """The tag of what people have set of a thing.

    >>> etag({"id": "dc-1"}) == etag({"id": "dc-1"}) != etag({"id": "dc-2"})
    True
    """
    return f'"{hashlib.sha256(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()[:20]}"'


def one(
    request: Request, shape: Mapping[str, Any], status: int = 200, *, live: Collection[str] = (), record: Any = None
) -> Json:
    """A thing. `live` are fields that change by themselves; `record`: what people have set, if it is not the rest."""
    kept = record if record is not None else {key: value for key, value in shape.items() if key not in live}
    headers = {"ETag": etag(kept)}
    if request.method == "GET" and not live and record is None and _among(headers["ETag"], request, "if-none-match"):
        return _Same(None, 304, headers)
    return Json(next(iter(only(request, [shape]))), status, headers)


class _Same(Json):
    """What the caller has is still so."""

    def render(self, content: Any) -> bytes:
        """Nothing."""
        del content
        return b""


def only(request: Request, items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Things with the fields that `fields` names, all when it names none.

    Raises:
        Problem: 422, they have no such field.
    """
    found, said = list(items), request.query_params.get("fields")
    if said is None or request.method != "GET":
        return found
    names = dict.fromkeys(said.split(",")[: FIELDS_MAX + 1])
    if len(names) > FIELDS_MAX:
        raise Problem(422, f"fields: {FIELDS_MAX} at most")
    for item in found[:1]:
        if unknown := [name for name in names if name not in item]:
            raise Problem(422, f"fields: there is no {unknown[0][:40]!r}, there are {', '.join(item)}")
    return [{name: item[name] for name in names} for item in found]


def _among(tag: str, request: Request, header: str) -> bool:
    said = request.headers.get(header, "")
    return said.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in said.split(",")}


class _Thing(NamedTuple):
    """A kind of thing: its address, and how it is shown."""

    path: re.Pattern[str]
    show: Callable[..., Any]


class Things:
    """What an app shows one of, and the locks by which changes of one of them come one after the other."""

    def __init__(self, operations: Callable[[], Iterable[tuple[str, str, APIRoute]]]) -> None:
        self._operations = operations
        self._locks: dict[tuple[int, str], list[Any]] = {}
        self._conditions = Turns(CONDITIONS_AT_ONCE, 1, patience_s=10.0, waiting=200, refused=lambda: None)

    @cached_property
    def _kinds(self) -> list[_Thing]:
        found = list(self._operations())
        single = {path for path, method, _ in found if method in ("PATCH", "PUT")}  # also what is one alone
        return [
            _Thing(compile_path(path)[0], route.endpoint)
            for path, method, route in found
            if method == "GET" and (path.endswith("}") or path in single) and _shows_one(route.endpoint)
        ]

    def at(self, path: str) -> tuple[Callable[..., Any], dict[str, str]] | None:
        """How the thing at an address is shown."""
        for kind in self._kinds:
            if (match := kind.path.match(path)) is not None:
                return kind.show, match.groupdict()
        return None

    @asynccontextmanager
    async def turn(self, key: tuple[int, str]) -> AsyncIterator[None]:
        """Changes of one thing, one after the other."""
        entry = self._locks.setdefault(key, [asyncio.Lock(), 0])
        entry[1] += 1
        try:
            async with entry[0]:
                yield
        finally:
            entry[1] -= 1
            if not entry[1]:
                self._locks.pop(key, None)

    @asynccontextmanager
    async def condition(self, request: Request, key: tuple[int, str]) -> AsyncIterator[None]:
        """As `turn`, among all processes of the API."""
        async with self._conditions.turn(key[0]), context_of(request).database.owner() as session:
            await session.run(queries("live")["one_at_a_time"], tenant=key[0], name=key[1])
            yield


def _shows_one(endpoint: Callable[..., Any]) -> bool:
    given = [p for p in inspect.signature(endpoint).parameters.values() if p.name not in ("request", "caller")]
    shown_to = "caller" in inspect.signature(endpoint).parameters
    return shown_to and all(p.annotation in ("str", str) for p in given)


async def hold(request: Request, caller: Caller) -> None:
    """Keeps changes of one thing apart until this one's answer is out, and checks If-Match and If-None-Match.

    Raises:
        Problem: 412, it is not as the caller saw it; 422, it cannot be told which thing is meant.
    """
    wanted, unless = request.headers.get("if-match"), request.headers.get("if-none-match")
    things: Things = request.app.state.things
    path = await _address(request, things)
    if path is None:
        if wanted or unless:
            raise Problem(422, "If-Match, If-None-Match: of what this changes there is no ETag")
        return
    at_end: AsyncExitStack = request.scope[AT_END]
    key = (caller.tenant_id, path)
    await at_end.enter_async_context(things.turn(key))
    if not wanted and not unless:
        return
    await at_end.enter_async_context(things.condition(request, key))
    tag = await _tag(request, caller, things, path)
    if wanted and (tag is None or not _among(tag, request, "if-match")):
        raise Problem(412, "it has been changed since you saw it: look again, then decide", etag=tag)
    if unless and tag is not None and _among(tag, request, "if-none-match"):
        raise Problem(412, "it is there already", etag=tag)


async def _address(request: Request, things: Things) -> str | None:
    """The address of the thing that a request changes: its own, the one above, or below by the name in the body."""
    path: str = request.scope["path"]
    for each in (path, path.rpartition("/")[0]):
        if things.at(each) is not None:
            return each
    if request.method != "POST" or not request.headers.get("content-type", "").startswith("application/json"):
        return None
    try:
        body = await request.json()
    except (ValueError, RecursionError):  # nested by the thousand
        return None  # what is wrong with it is said elsewhere
    name = next((body[key] for key in NAMES if isinstance(body.get(key), str)), "") if isinstance(body, dict) else ""
    below = f"{path}/{name}"
    return below if name and things.at(below) is not None else None


async def _tag(request: Request, caller: Caller, things: Things, path: str) -> str | None:
    """The ETag of the thing at an address; None: there is none."""
    found = things.at(path)
    assert found is not None  # noqa: S101 - `hold` has looked
    show, names = found
    try:
        shown: Response = await show(request=request, caller=caller, **names)
    except Problem as problem:
        if problem.status_code != 404:
            raise
        return None
    return shown.headers.get("etag")
