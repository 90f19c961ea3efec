"""Derives facts again on a stack's database and compares them with those that stand."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import track

from domain.times import from_us, parse_rfc3339
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import find
from store.link import Link
from store.tenants import UnknownTenantError
from tracker.config import TrackerConfig
from tracker.engine.verify import Verdict, Verifier
from tracker.families import FAMILIES


def verify(data: Path | None, settings: Settings, tenant: str, vehicle: str | None, since: str | None) -> Verdict:
    """Facts of a tenant, or of one vehicle, from the beginning or from a time on.

    Raises:
        Failure: no such vehicle, or a time that cannot be read.
        UnknownTenantError: no such tenant.
    """
    try:
        begin = from_us(parse_rfc3339(since)) if since else None
    except ValueError as error:
        raise Failure(f"--since {since}: {error}") from error
    stack = find(data, settings)
    verdict = Verdict()
    link = Link(stack.database_url, "verify", threading.Event())
    try:
        link.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        link.connection.read_only = True
        with link.connection.transaction():
            off_route = (settings.off_route_m, settings.off_route_minutes)
            config = TrackerConfig(stack.database_url, off_route_m=off_route[0], off_route_minutes=off_route[1])
            verifier = Verifier(link, config, FAMILIES)
            try:
                found = verifier.entities(tenant, vehicle)
            except LookupError as error:
                raise UnknownTenantError(tenant) from error
            if vehicle and not any(kind == "vehicle" for kind, _ in found):
                raise Failure(f"{vehicle}: no such vehicle, or it has no position yet")
            shown = track(found, "deriving", console=Console(stderr=True), transient=True)
            for kind, entity in shown:
                verifier.check(kind, entity, begin, verdict)
    finally:
        link.close()
    return verdict
