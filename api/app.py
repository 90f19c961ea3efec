"""The API as one ASGI app: `create_app` puts the rooms together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import (
    alerts,
    assignments,
    device_profiles,
    eta,
    exports,
    facts,
    fleet,
    lifecycle,
    limits,
    mending,
    ops,
    pages,
    problems,
    public,
    quarantine,
    registry,
    session,
    shipments,
    socket,
    stock,
    temperature,
    tokens,
    trips,
)
from api.context import ApiConfig, Context
from api.database import Database
from api.live import Hub
from api.metrics import Metrics
from api.middleware import Guard
from api.openapi import describe
from api.refusals import Refusals
from serving.origins import Hosts, public_origins, split

__all__ = ["ApiConfig", "create_app"]

BASE = "/api/v1"
ROOMS = (
    session, fleet, trips, registry, lifecycle, assignments, limits, device_profiles, stock, shipments, alerts,
    temperature, facts, eta, exports, quarantine, mending, tokens, public,
)  # fmt: skip


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    context: Context = app.state.context
    await context.database.open()
    context.hub.start()
    context.refusals.start()
    try:
        yield
    finally:
        await context.hub.stop()
        await context.refusals.stop()
        await context.database.close()


def _operation_id(route: APIRoute) -> str:
    return route.name


def create_app(config: ApiConfig) -> FastAPI:
    """The API over one database; it connects when it starts to serve, and says in /readyz whether it could.

    Raises:
        OriginError: a setting that names origins or networks does not.
    """
    app = FastAPI(
        title="Frostway",
        version=config.version or "0",
        description="Where everything is, how cold it is, how much is left, and when it arrives.",
        lifespan=_life,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )
    metrics = Metrics()
    database = Database(config.database_url, connections_max=config.connections_max)
    hosts = Hosts(public_origins(config.public_origin), frozenset(split(config.allowed_hosts.lower())))
    app.state.context = Context(
        config, database, Hub(database, metrics), metrics, hosts, Refusals(database, metrics, config.tenant)
    )
    app.state.doors = socket.Doors()
    problems.install(app)
    app.add_middleware(Guard, metrics=metrics, map_style=config.map_style, hosts=hosts)
    for room in ROOMS:
        app.include_router(room.router, prefix=BASE)
    for router in (socket.router, ops.router, pages.router):
        app.include_router(router)
    pages.mount_pages(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app
