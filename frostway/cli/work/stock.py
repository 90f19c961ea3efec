"""What `frostway stock` does in a stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from domain.stock.quantities import text_of
from domain.times import rfc3339, to_us
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect, queries
from store.registry import Registry

_ANY: dict[str, Any] = dict.fromkeys(
    ("product", "lot", "places", "unit", "kind", "reference", "since", "until", "names", "before", "before_id")
)


class Verified(NamedTuple):
    """How many moves and balances there are, and those that are not what they should be."""

    moves: int
    lines: int
    differences: list[str]


def moves(
    data: Path | None, settings: Settings, tenant: str, sku: str | None, site: str | None, limit: int
) -> list[str]:
    """Moves as lines, the newest first."""
    with _reading(data, settings) as connection:
        asked = _asked(connection, tenant, sku, site)
        rows = _rows(connection, "moves", {**_ANY, **asked, "limit": limit})
    return [
        f"{rfc3339(to_us(row['moved_at']))}  {row['id']}  {row['kind']}"
        f"{'' if row['entry'] == 'move' else ' (' + row['entry'] + ' of ' + row['corrects'] + ')'}  "
        f"{text_of(row['quantity'])} {row['base_unit']} {row['sku']}{' lot ' + row['lot'] if row['lot'] else ''}  "
        f"{_place(row, 'from_')} -> {_place(row, 'to_')}  {row['actor']}"
        f"{'  ' + row['reason'] if row['reason'] else ''}"
        for row in rows
    ]


def balance(
    data: Path | None, settings: Settings, tenant: str, sku: str | None, site: str | None, limit: int
) -> list[str]:
    """Lines of the ledger as they are now."""
    with _reading(data, settings) as connection:
        asked = _asked(connection, tenant, sku, site)
        narrowed = {"unit": None, "search": None, "expires_by": None, "low": False, "empty": False}
        page = {**narrowed, "a": 0, "b": 0, "c": 0, "d": "", "limit": limit}
        rows = _rows(connection, "levels", {**asked, **page})
    return [f"{_line(row)}  {text_of(row['quantity'])} {row['base_unit']}" for row in rows]


def verify(data: Path | None, settings: Settings, tenant: str) -> Verified:
    """All balances of a tenant, reckoned anew."""
    with _reading(data, settings) as connection:
        values = {"tenant": Registry(connection, tenant).tenant_id}
        wrong = _rows(connection, "reckoned", values)
        size = _rows(connection, "ledger_size", values)[0]
    found = [f"{_line(row)}  is {text_of(row['kept'])}, its moves {text_of(row['reckoned'])}" for row in wrong]
    return Verified(size["moves"], size["lines"], found)


@contextmanager
def _reading(data: Path | None, settings: Settings) -> Iterator[psycopg.Connection]:
    with connect(find(data, settings).database_url, "stock") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            yield connection


def _asked(connection: psycopg.Connection, tenant: str, sku: str | None, site: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {"tenant": Registry(connection, tenant).tenant_id}
    keys = _rows(connection, "keys_asked", {**values, "sku": sku, "lot": None})[0]
    places = None
    if site is not None:
        names = {"site": site, "zone": None, "bin": None, "vehicle": None}
        places = [row["id"] for row in _rows(connection, "places_matching", {**values, **names})]
    return {**values, **keys, "places": places}


def _rows(connection: psycopg.Connection, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(queries("ledger")[query], values).fetchall()


def _place(row: dict[str, Any], side: str = "") -> str:
    names = [row[f"{side}{part}"] for part in ("site", "zone", "bin", "vehicle")]
    return "/".join(filter(None, names)) or str(row.get(f"{side}kind", ""))


def _line(row: dict[str, Any]) -> str:
    more = "".join((f" lot {row['lot']}" if row["lot"] else "", f" in {row['unit']}" if row["unit"] else ""))
    return f"{_place(row)}  {row['sku']}{more}"
