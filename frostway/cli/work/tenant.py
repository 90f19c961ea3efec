"""Commands for tenants: add one, list them."""

from __future__ import annotations

from pathlib import Path

from frostway.cli.work.tables import print_table
from frostway.settings import Settings
from frostway.stack import WHO, find
from store import tenants
from store.db import connect
from store.registry import Registry


def add_tenant(data: Path | None, settings: Settings, name: str) -> None:
    """Makes a tenant.

    Raises:
        RegistryError: the name is none, or there is a tenant of this name.
    """
    with connect(find(data, settings).database_url, "tenant add") as connection, connection.transaction():
        tenants.add_tenant(connection, name)
        Registry(connection, name).audit(WHO, "tenant.create", name)


def print_tenants(data: Path | None, settings: Settings) -> None:
    """A table of tenants."""
    with connect(find(data, settings).database_url, "tenant list") as connection:
        found = tenants.tenants(connection)
    print_table(["tenant", "devices"], [[t.name, str(t.devices)] for t in found], "No tenants.")
