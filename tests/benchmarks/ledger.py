"""The stock ledger beside a million moves: how long a level and a move take, and whether all comes to what is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
from psycopg.rows import dict_row

from domain.stock.moves import Place
from domain.times import to_us
from operations.stock.decide import Told
from operations.stock.record import record
from operations.unit_of_work import Script, Statement, T, run
from store.db import connect, queries
from store.registry import Registry
from tests.benchmarks.figures import Figure
from tests.benchmarks.stack import Databases

MOVES, PRODUCTS, SITES, ZONES, BINS, BINS_OF_PRODUCT = 1_000_000, 2_000, 20, 5, 10, 20
ASKED, TOLD, SEED = 300, 500, 3
LEVEL_GOAL_MS = 5.0
START = datetime(2026, 1, 1, tzinfo=UTC)
NO_PAGE = {
    "search": None,
    "expires_by": None,
    "low": False,
    "unit": None,
    "empty": False,
    "a": 0,
    "b": 0,
    "c": 0,
    "d": "",
}


def measure(server: Databases, *, moves: int = MOVES) -> list[Figure]:
    """All figures of one database."""
    with connect(server.create("ledger", "empty"), "bench") as connection:
        tenant = Registry(connection).tenant_id
        places = _furnish(connection, tenant)
        loaded_s = _load(connection, tenant, places, moves)
        connection.execute("vacuum analyze")
        found = _levels(connection, tenant, moves)
        found.append(_told(connection, tenant))
        began = time.monotonic()
        wrong = _rows(connection, "ledger", "reckoned", {"tenant": tenant})
        spent_s = time.monotonic() - began
        lines = _rows(connection, "ledger", "ledger_size", {"tenant": tenant})[0]["lines"]
    details = {"lines": lines, "of them another": len(wrong), "loading s": loaded_s}
    if wrong:
        raise AssertionError(f"{len(wrong)} balances are not what their moves come to: {wrong[:3]}")
    found.append(
        Figure("all balances reckoned anew", "s", [spent_s], details_are="balances", details=details,
               smaller_is_better=True)
    )  # fmt: skip
    return found


def _furnish(connection: psycopg.Connection, tenant: int) -> Sequence[int]:
    """Sites, zones, bins and products; keys of places, outer ones first."""
    connection.execute(
        "insert into site (tenant_id, name, label, kind, lat, lon) "
        "select %s, 'dc-' || n, 'Site', 'dc', 60, 24 from generate_series(1, %s) n",
        (tenant, SITES),
    )
    connection.execute(
        "insert into zone (tenant_id, site_id, name, label) select tenant_id, id, 'zone-' || n, 'Zone' "
        "from site, generate_series(1, %s) n",
        (ZONES,),
    )
    connection.execute(
        "insert into bin (tenant_id, site_id, zone_id, code) select tenant_id, site_id, id, name || '-' || n "
        "from zone, generate_series(1, %s) n",
        (BINS,),
    )
    connection.execute(
        "insert into product (tenant_id, sku, label) select %s, 'SKU-' || n, 'Product' from generate_series(1, %s) n",
        (tenant, PRODUCTS),
    )
    connection.execute(
        "insert into ledger_place (tenant_id, kind) select %s, unnest(array['supplier', 'customer'])", (tenant,)
    )
    connection.execute(
        "insert into ledger_place (tenant_id, kind, site_id, zone_id, bin_id) "
        "select tenant_id, 'site', site_id, zone_id, id from bin order by id"
    )
    return [row[0] for row in connection.execute("select id from ledger_place order by id").fetchall()]


def _load(connection: psycopg.Connection, tenant: int, places: Sequence[int], count: int) -> float:
    """So many moves by COPY, and balances that are reckoned here, in thousandths, by other means than SQL."""
    rng = np.random.default_rng(SEED)
    supplier, customer, *inner = places
    first = connection.execute("select min(id) from product").fetchone()
    product = rng.integers(0, PRODUCTS, count)
    of = np.asarray(inner)[(product[:, None] * 7 + rng.integers(0, BINS_OF_PRODUCT, (count, 2)) * 13) % len(inner)]
    kind = rng.choice(3, count, p=(0.4, 0.3, 0.3))
    source = np.where(kind == 0, supplier, of[:, 0])
    target = np.where(kind == 2, customer, np.where(of[:, 1] == of[:, 0], inner[0], of[:, 1]))
    target = np.where(kind == 0, of[:, 0], target)
    kind = np.where(source == target, 0, kind)
    source = np.where(kind == 0, supplier, source)
    quantity = rng.integers(1, 100_000, count)
    key = int(first[0]) if first else 0
    balance: dict[tuple[int, int], int] = {}
    began = time.monotonic()
    with connection.cursor() as cursor, cursor.copy(
        "copy ledger_move (tenant_id, client_id, kind, moved_at, recorded_at, product_id, from_place, to_place, "
        "quantity, entered_quantity, entered_unit, actor, source) from stdin"
    ) as copy:  # fmt: skip
        columns = (product.tolist(), source.tolist(), target.tolist(), kind.tolist(), quantity.tolist())
        for n, (p, a, b, k, q) in enumerate(zip(*columns, strict=True)):
            at, amount = START + timedelta(seconds=20 * n), f"{q / 1000:.3f}"
            name = ("receive", "move", "deliver")[k]
            copy.write_row((tenant, f"m{n}", name, at, at, key + p, a, b, amount, amount, "piece", "bench", "import"))
            balance[a, p] = balance.get((a, p), 0) - q
            balance[b, p] = balance.get((b, p), 0) + q
    with connection.cursor() as cursor, cursor.copy(
        "copy ledger_balance (place_id, product_id, tenant_id, quantity, moved_at, changed_at) from stdin"
    ) as copy:  # fmt: skip
        for (place, p), q in balance.items():
            if place not in (supplier, customer):
                copy.write_row((place, key + p, tenant, f"{Decimal(q) / 1000}", START, START))
    return time.monotonic() - began


def _levels(connection: psycopg.Connection, tenant: int, moves: int) -> list[Figure]:
    """The query of `GET /stock/ledger` with its keys, as the API asks it: places and keys first, then the lines."""
    rng = np.random.default_rng(SEED)

    def places(**names: str) -> list[int]:
        asked = {**dict.fromkeys(("site", "zone", "bin", "vehicle")), **names, "tenant": tenant}
        return [row["id"] for row in _rows(connection, "ledger", "places_matching", asked)]

    def product() -> int:
        asked = {"tenant": tenant, "sku": f"SKU-{rng.integers(1, PRODUCTS + 1)}", "lot": None}
        return int(_rows(connection, "ledger", "keys_asked", asked)[0]["product"])

    def where() -> dict[str, str]:
        return {"site": f"dc-{rng.integers(1, SITES + 1)}", "zone": f"zone-{rng.integers(1, ZONES + 1)}"}

    ways: Mapping[str, Any] = {
        "a product everywhere": lambda: {"product": product(), "places": None},
        "a product in a zone": lambda: {"product": product(), "places": places(**where())},
        "all of a zone": lambda: {"product": None, "places": places(**where())},
        "a page of everything": lambda: {"product": None, "places": None, "a": int(rng.integers(3, 900))},
    }
    found = []
    for name, way in ways.items():
        spent = []
        for _ in range(ASKED):
            began = time.monotonic()
            asked = {**NO_PAGE, **way(), "lot": None, "tenant": tenant, "limit": 201}
            _rows(connection, "ledger", "levels", asked)
            spent.append((time.monotonic() - began) * 1000)
        median, p99 = (float(np.quantile(spent, q)) for q in (0.5, 0.99))
        found.append(
            Figure(f"levels, {name}, beside {moves:,} moves", "ms", [median], goal=LEVEL_GOAL_MS,
                   details_are="ms", details={"p99": p99}, smaller_is_better=True)
        )  # fmt: skip
    return found


def _told(connection: psycopg.Connection, tenant: int) -> Figure:
    """Moves one by one through the whole transaction."""
    rng = np.random.default_rng(SEED)
    now_us = to_us(datetime.now(UTC))
    began = time.monotonic()
    for n in range(TOLD):
        site, zone = f"dc-{rng.integers(1, SITES + 1)}", f"zone-{rng.integers(1, ZONES + 1)}"
        place = Place("site", site, zone, f"{zone}-{rng.integers(1, BINS + 1)}")
        told = Told(f"told-{n}", "receive", f"SKU-{rng.integers(1, PRODUCTS + 1)}", Decimal("1.5"), target_place=place)
        _perform(connection, tenant, record([told], now_us, "bench"))
    return Figure("moves told one by one", "moves/s", [TOLD / (time.monotonic() - began)])


def _perform(connection: psycopg.Connection, tenant: int, script: Script[T]) -> T:
    def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
        return _rows(connection, "stock", statement.query, {"tenant": tenant, **statement.values})

    with connection.transaction():
        return run(script, execute)


def _rows(connection: psycopg.Connection, file: str, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(queries(file)[query], values)
        return cursor.fetchall() if cursor.description else []
