"""Where routes stand: each is made once, with its whole address, and every app takes it as it is.

`FastAPI.include_router` would make each anew for each app when it is first asked, and look for it twice each time.
"""

from __future__ import annotations

from enum import Enum

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

BASE = "/api/v1"


def _operation_id(route: APIRoute) -> str:
    return route.name


def resource(path: str = "", *, tags: list[str | Enum] | None = None) -> APIRouter:
    """Routes of the REST interface, below a path of it."""
    return APIRouter(prefix=BASE + path, tags=tags, generate_unique_id_function=_operation_id)


def outside(*, tags: list[str | Enum] | None = None) -> APIRouter:
    """Routes beside the REST interface; without a tag they stand in no description."""
    return APIRouter(tags=tags, include_in_schema=tags is not None, generate_unique_id_function=_operation_id)


def take(app: FastAPI, router: APIRouter) -> None:
    """Puts routes behind those that an app has."""
    app.router.routes.extend(router.routes)
