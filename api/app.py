"""The API as one ASGI app: `create_app` puts the rooms together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI

from api.database import Database
from api.feed import events, links, socket
from api.feed.hub import Hub, hub_in
from api.feed.links import Links, links_in
from api.http import pages, problems
from api.http.auth import COOKIE
from api.http.callers import Callers
from api.http.context import ApiConfig, Context, context_in
from api.http.metrics import Metrics
from api.http.middleware import Guard
from api.http.once import Once
from api.http.openapi import describe, operations_of
from api.http.rates import Rates
from api.http.refusals import Refusals
from api.http.routes import take
from api.http.things import Things
from api.oidc.provider import Provider
from api.resources import (
    advice,
    alert_routes,
    alerts,
    antennas,
    arrival_times,
    assignments,
    audit,
    bins,
    brokers,
    calibrations,
    carrier_choices,
    carrier_lanes,
    carriers,
    cases,
    channels,
    commands,
    compartments,
    connecting,
    count_tasks,
    customer_browsers,
    customer_page,
    customer_stop,
    customers,
    demand,
    demo,
    device_profiles,
    devices,
    dispatch_plans,
    display,
    dock_appointments,
    dock_schedule,
    dock_turns,
    docks,
    docs,
    driver_links,
    epcis,
    epcis_queries,
    evidence,
    facts,
    fleets,
    goods_movements,
    hand_overs,
    handling_units,
    health,
    inventory_files,
    joining,
    kpi_digest,
    kpis,
    lifecycle,
    load_papers,
    loading,
    logger_files,
    mending,
    oidc,
    order_cartons,
    order_splits,
    orders,
    packagings,
    people,
    pick_evidence,
    pick_lists,
    product_substitutes,
    product_units,
    products,
    profile_backtests,
    promises,
    proofs,
    public,
    public_runs,
    purchase_orders,
    quarantine,
    readings,
    recalls,
    remarks,
    replenishment,
    reports,
    returns,
    roles,
    runs,
    sales,
    session,
    sessions,
    shares,
    shipment_orders,
    shipments,
    sites,
    stock,
    stock_activity,
    stock_availability,
    stock_found,
    stock_labels,
    stock_ledger,
    stock_moves,
    stock_outlook,
    storing,
    suppliers,
    temperature_profiles,
    temperature_series,
    tokens,
    traces,
    trips,
    vehicles,
    waves,
    web_push,
    webhooks,
)
from api.snapshots import topics
from serving.origins import Hosts, public_origins, split

__all__ = ["ApiConfig", "create_app"]

RESOURCES = (
    session, sessions, joining, people, roles, tokens, fleets, vehicles, compartments, trips, sites, devices,
    products,
    handling_units, goods_movements, recalls, traces, epcis, epcis_queries, inventory_files, lifecycle, assignments,
    temperature_profiles, profile_backtests, device_profiles, calibrations, antennas, connecting, commands,
    stock, stock_ledger, stock_moves, stock_availability, stock_outlook, stock_activity, stock_found, stock_labels,
    count_tasks, bins, advice, storing, product_units, customers, orders, pick_lists, pick_evidence, waves,
    packagings, order_cartons, order_splits, product_substitutes, promises,
    carriers, carrier_choices, carrier_lanes, demand, sales, suppliers, purchase_orders,
    replenishment, kpi_digest, kpis, remarks, hand_overs,
    shipments, shipment_orders, dispatch_plans, docks, dock_appointments, dock_schedule, dock_turns,
    loading, load_papers, shares, runs, proofs,
    driver_links, public_runs, returns, alerts, cases,
    temperature_series, logger_files, facts, evidence, arrival_times, readings,
    reports, quarantine, mending, webhooks, channels, alert_routes, web_push,
    brokers, public, customer_browsers, events, demo, display, audit,
)  # fmt: skip


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    context, hub = context_in(app), hub_in(app)
    await context.database.open()
    hub.start()
    links_in(app).start()
    context.refusals.start()
    try:
        yield
    finally:
        await links_in(app).stop()
        await hub.stop()
        await context.refusals.stop()
        await context.database.close()


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
        redirect_slashes=False,
    )
    metrics = Metrics()
    busy = metrics.refused.labels("busy")
    database = Database(config.database_url, connections_max=config.connections_max, refused=busy.inc)
    rates = Rates(config.request_rate, COOKIE)
    hosts = Hosts(public_origins(config.public_origin), frozenset(split(config.allowed_hosts.lower())))
    app.state.context = Context(
        config,
        database,
        metrics,
        hosts,
        Refusals(database, metrics, config.tenant),
        rates,
        Callers(database),
        Provider(config.oidc) if config.oidc else None,
    )
    app.state.hub = Hub(database, metrics, topics)
    app.state.links = Links(database)
    app.state.doors = socket.Doors()
    problems.install(app)
    app.add_middleware(Once, database=database, cookie=COOKIE)
    app.add_middleware(Guard, metrics=metrics, map_style=config.map_style, hosts=hosts, rates=rates)
    for resource in RESOURCES:
        take(app, resource.router if isinstance(resource.router, APIRouter) else resource.router(config.facts))
    customers = (customer_page.router, customer_stop.router)
    for router in (socket.router, links.router, health.router, docs.router, *customers, oidc.router, pages.router):
        take(app, router)
    pages.mount_pages(app)
    app.state.things = Things(partial(operations_of, app))
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app
