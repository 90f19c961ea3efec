"""Every error as `application/problem+json` (RFC 9457), without anything of the inside."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import orjson
import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.http.pages import no_page
from api.turns import Busy
from domain.refusal import CannotError

log = logging.getLogger(__name__)

OR_CHANGED: dict[int | str, dict[str, Any]] = {200: {"description": "it was there, and is changed"}}
"""What a POST of something that may be there answers besides 201; the document gives it the same shape."""
MEDIA_TYPE = "application/problem+json"
CODES = (400, 401, 403, 404, 409, 422, 429, 503)


class Problem(HTTPException):
    """An answer that is not what was asked for; `detail` is a sentence for the one who asked."""

    def __init__(self, status: int, detail: str = "", headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(status, detail or HTTPStatus(status).phrase, headers)
        self.more = more


def not_found() -> Problem:
    """The one answer for what is not there and what belongs to somebody else."""
    return Problem(404, "there is nothing here")


@contextmanager
def refusing() -> Iterator[None]:
    """What is not taken in is a problem of the caller."""
    try:
        yield
    except CannotError as error:
        if error.missing:
            raise not_found() from None
        raise Problem(409 if error.conflict else 422, str(error)) from None


def answer(
    status: int, detail: str = "", headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
) -> Response:
    """A problem as a response."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **(more or {})}
    if detail and detail != body["title"]:
        body["detail"] = detail
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404 and not isinstance(error, Problem):
        if (page := no_page(request)) is not None:
            return page
        error = not_found()
    more = error.more if isinstance(error, Problem) else None
    return answer(error.status_code, error.detail, error.headers, more)


async def _invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = [
        {
            "in": str(e["loc"][0]),
            "field": ".".join(str(p) for p in e["loc"][1:]),
            "message": e["msg"].removeprefix("Value error, "),
        }
        for e in error.errors()[:20]
    ]
    first = found[0] if found else {"field": "", "message": "invalid"}
    detail = f"{first['field']}: {first['message']}" if first["field"] else str(first["message"])
    return answer(422, detail, more={"errors": found})


async def _busy(_: Request, error: Exception) -> Response:
    if isinstance(error, Busy) and error.own:
        return answer(429, "too many requests of your company are under way: wait for some", {"Retry-After": "2"})
    return answer(503, "too much is asked at once: try again soon", {"Retry-After": "2"})


async def _database(_: Request, error: Exception) -> Response:
    if isinstance(error, psycopg.errors.QueryCanceled):
        return answer(503, "this takes too long: ask for less at once", {"Retry-After": "5"})
    if isinstance(error, psycopg.errors.RestrictViolation):  # ours alone: what was named is retired
        return answer(409, error.diag.message_primary or "it is retired")
    if isinstance(error, psycopg.errors.UniqueViolation):
        return answer(409, "something else has this name or number already")
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return answer(422, "a value cannot be stored: check names (a-z, 0-9, -, _) and numbers")
    log.error("the database failed: %s", type(error).__name__, exc_info=error)
    if isinstance(error, PoolTimeout | psycopg.OperationalError):
        return answer(503, "the database cannot be reached just now", {"Retry-After": "5"})
    return answer(500, "this is our fault; the log of the server says more")


async def _bug(request: Request, _: Exception) -> Response:
    del request  # the traceback is logged by the server
    return answer(500, "this is our fault; the log of the server says more")


def install(app: FastAPI) -> None:
    """Makes every error of an app a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(Busy, _busy)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(Exception, _bug)


def key_of(text: str, digits: int = 18) -> int:
    """The number by which something is named in an address.

    Raises:
        Problem: 404 for what is no such number.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > digits:
        raise not_found()
    return int(text)
