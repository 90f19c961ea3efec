"""What is known of a device becomes another; where it is (`Registry.assign`) and its login are not touched."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from domain.names import foreign_id
from store.db import queries
from store.devices import ForeignIdTakenError
from store.registry import Registry
from store.tenants import RegistryError

PARTS = ("kind", "profile", "foreign_id", "gateway")


def change_device(
    connection: psycopg.Connection, registry: Registry, name: str, parts: Mapping[str, str | None]
) -> None:
    """Of a device `kind`, `profile`, `foreign_id` and `gateway` as far as they are named; None takes one away.

    Raises:
        RegistryError: no such device, profile or gateway, or a foreign id that another has.
    """
    external, gateway, profile = parts.get("foreign_id"), parts.get("gateway"), parts.get("profile")
    values = {
        "tenant": registry.tenant_id,
        "name": name,
        "parts": list(parts),
        "kind": parts.get("kind"),
        "profile": registry.profile(profile) if profile else None,
        "external_id": foreign_id(external) or None if external else None,
        "gateway": registry.gateway(gateway) if gateway else None,
    }
    try:
        row = connection.execute(queries("registry")["change_device"], values).fetchone()
    except psycopg.errors.UniqueViolation:
        raise RegistryError(f"foreign id {external!r} belongs to another device") from None
    if row is None:
        registry.refuse_known(name)
        raise RegistryError(f"no device {name!r}: `frostway device list` shows them")
    _, kept, behind = row
    if kept and not behind and registry.is_taken(kept):
        raise ForeignIdTakenError(kept)
    registry.notify()
