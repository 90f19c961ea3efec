"""What all parts of one API process share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.database import Database
from api.http.callers import Callers
from api.http.doorman import Doorman
from api.http.metrics import Metrics
from api.http.places import Downloads, Shares, places_for_files
from api.http.rates import Rates
from api.http.refusals import Refusals
from api.http.ways import Ways
from api.oidc.provider import Provider
from api.oidc.words import OidcConfig
from domain.facts import AnyKind
from serving.origins import LOOPBACK, Hosts


@dataclass(frozen=True)
class ApiConfig:
    """What the API has to know; the caller takes it from its settings.

    `facts` are the kinds of facts it shows, as whoever decides them declares them. `cookie_secure` is None to
    follow the address the caller used. `public_origin` (`https://host`, or several) is what users type when a proxy
    stands before us; empty: the request's own. `trusted_proxies` are the addresses and networks whose
    X-Forwarded-For and -Proto count; `request_rate` requests a second may one caller send, 0: any; `allowed_hosts`
    further names a request may be meant for. `mqtt_hash` makes the broker's form of a device's password; without it
    no credentials are given out. `on_devices_changed` is called after a device was added, `on_device_login` with
    its user and its password (None: it has none any more), `ways` when it is asked where devices find us.
    `metrics_port`: where /metrics is served on loopback without a token; 0: nowhere. `sealing_secret` seals the
    addresses of channels; without it there are none.
    """

    database_url: str
    facts: tuple[AnyKind, ...] = ()
    map_style: str = ""
    demo: bool = False
    version: str = ""
    cookie_secure: bool | None = None
    public_origin: str = ""
    trusted_proxies: str = LOOPBACK
    allowed_hosts: str = ""
    metrics_port: int = 0
    sealing_secret: str = field(default="", repr=False)
    http_connections_max: int = 2000
    sockets_per_user_max: int = 20
    sockets_per_tenant_max: int = 500
    request_rate: float = 100.0
    tenant: str = "main"
    oidc: OidcConfig | None = None
    mqtt_hash: Callable[[str], str] | None = field(default=None, repr=False)
    on_devices_changed: Callable[[], None] | None = field(default=None, repr=False)
    on_device_login: Callable[[str, str | None], None] | None = field(default=None, repr=False)
    ways: Callable[[], Ways] | None = field(default=None, repr=False)
    session_hours: float = 24 * 7
    share_days: float = 14
    connections_max: int = 10


@dataclass
class Storage:
    """What was found when it was last tried whether anything can be stored; good until a monotonic second."""

    found: str = "ok"
    fresh_until: float = 0.0


@dataclass(frozen=True)
class Context:
    """One running API."""

    config: ApiConfig
    database: Database
    metrics: Metrics
    hosts: Hosts
    refusals: Refusals
    rates: Rates
    callers: Callers
    oidc: Provider | None = None
    doorman: Doorman = field(default_factory=Doorman)
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))  # each takes 19 MiB
    downloads: Downloads = field(default_factory=Downloads)
    imports: Downloads = field(default_factory=places_for_files)
    shares: Shares = field(default_factory=Shares)
    storage: Storage = field(default_factory=Storage)


def context_of(connection: HTTPConnection) -> Context:
    """The context of the app that serves a request or socket."""
    return cast("Context", connection.app.state.context)


def context_in(app: FastAPI) -> Context:
    """The context of an app."""
    return cast("Context", app.state.context)


def address_of(connection: HTTPConnection) -> str:
    """Who is calling, as far as the network tells."""
    return connection.client.host if connection.client else ""
