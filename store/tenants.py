"""Tenants. A name that is mistyped makes none: a tenant is added, and everything else refuses one it does not know."""

from __future__ import annotations

from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from domain.names import NAME
from store.db import queries

FIRST = "main"
"""The tenant that every database has, from the schema's first step on."""


class RegistryError(ValueError):
    """What was asked for does not fit the registry; the message says how to mend it."""


class UnknownTenantError(RegistryError):
    """There is no tenant of this name."""

    def __init__(self, name: str) -> None:
        add = f", `frostway tenant add {name}` makes it" if NAME.match(name) else ""
        super().__init__(f"no tenant {name!r}: `frostway tenant list` shows them{add}")


class Tenant(NamedTuple):
    """A tenant and how many devices it has."""

    name: str
    devices: int


def tenant_key(connection: psycopg.Connection, name: str) -> int:
    """Key of a tenant.

    Raises:
        UnknownTenantError: there is none of this name.
    """
    row = None
    if NAME.match(name):
        row = connection.execute(queries("registry")["tenant"], {"name": name}).fetchone()
    if row is None:
        raise UnknownTenantError(name)
    return int(row[0])


def add_tenant(connection: psycopg.Connection, name: str) -> int:
    """Makes a tenant; its key.

    Raises:
        RegistryError: the name is none, or there is a tenant of this name.
    """
    if not NAME.match(name):
        raise RegistryError(f"tenant {name!r}: a name is a-z, 0-9, - and _, at most 64 characters, no - or _ first")
    row = connection.execute(queries("registry")["add_tenant"], {"name": name}).fetchone()
    if row is None:
        raise RegistryError(f"there is a tenant {name!r} already: `frostway tenant list` shows them")
    return int(row[0])


def tenants(connection: psycopg.Connection) -> list[Tenant]:
    """All tenants by name."""
    with connection.cursor(row_factory=class_row(Tenant)) as cursor:
        return cursor.execute(queries("registry")["tenants"]).fetchall()
