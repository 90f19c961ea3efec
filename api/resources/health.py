"""For those who run it: health, readiness, metrics."""

from __future__ import annotations

import time

from fastapi import Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import DATABASE_ERRORS
from api.feed.hub import hub_of
from api.http.auth import bearer_of, who
from api.http.context import Context, context_of
from api.http.jsons import Json
from api.http.problems import Problem, answer
from api.http.routes import outside
from store.db import queries
from store.migrate import migrations

router = outside(tags=["operation"])
STORAGE_FRESH_S = 2.0


class Health(TypedDict):
    """`status` is `ok`, or the checks say what is not."""

    status: str
    checks: dict[str, str]


@router.get("/healthz", response_model=Health)
async def healthz() -> Json:
    """The process answers."""
    return Json({"status": "ok", "checks": {}})


@router.get("/readyz", response_model=Health)
async def readyz(request: Request) -> Response:
    """The database is there and can store, its schema is ours, the live feed runs; else 503 with what is missing."""
    context = context_of(request)
    checks = {"database": "ok", "schema": "ok", "live": "ok" if hub_of(request).healthy() else "does not run"}
    try:
        async with context.database.owner() as session:
            row = await session.row(queries("schema")["door_version"])
        have, want = (row or {}).get("version") or 0, len(migrations())
        if have != want:
            checks["schema"] = f"is version {have}, this program needs {want}"
    except DATABASE_ERRORS as error:
        state = getattr(error, "sqlstate", None)
        away = state is None
        checks["database" if away else "schema"] = (
            "cannot be reached" if away else "is not there: run `frostway migrate`"
        )
    if checks["database"] == "ok":
        checks["storage"] = await _storage(context)
    if all(found == "ok" for found in checks.values()):
        return Json({"status": "ok", "checks": checks})
    missing = ", ".join(f"{name} {found}" for name, found in checks.items() if found != "ok")
    return answer(503, missing, more={"checks": checks})


async def _storage(context: Context) -> str:
    """`ok` when a transaction that needs room on the disk can be committed; asked of the database at most every 2 s."""
    now = time.monotonic()
    if now < context.storage.fresh_until:
        return context.storage.found
    found = "ok"
    try:
        async with context.database.owner() as session:
            await session.row(queries("schema")["little_memory"])
            await session.row(queries("schema")["can_store"])
    except DATABASE_ERRORS as error:
        words = str(error).strip().split("\n")[0]
        found = f"nothing can be stored ({words}): make room on the database's disk, it goes on by itself"
    context.storage.found, context.storage.fresh_until = found, now + STORAGE_FRESH_S
    return found


async def _operator(request: Request) -> None:
    """Where a request comes from proves nothing: a proxy on this machine may pass on the whole world's."""
    caller = await who(context_of(request), bearer_of(request) or "", by_cookie=False)
    operators = context_of(request).config.tenant
    if caller is None or caller.role != "admin" or caller.tenant != operators:
        raise Problem(
            403,
            f"metrics are of all tenants: for the bearer token of an admin of the tenant {operators}; without one, on "
            "the port FROSTWAY_METRICS_PORT",
        )


@router.get("/metrics", dependencies=[Depends(_operator)], response_class=Response)
async def metrics(request: Request) -> Response:
    """Counters in Prometheus' text format, for admins of the first tenant; on its own port for this machine."""
    return Response(context_of(request).metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})
