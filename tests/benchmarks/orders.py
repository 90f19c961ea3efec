"""Orders: the board beside many open ones; how long a thousand take to be given goods, waved and routed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
from psycopg.rows import dict_row

from domain.orders.stages import ACTIVE
from domain.stock.moves import Place as StockPlace
from domain.times import to_us
from operations.order_files.record import judge_orders, write_orders
from operations.orders.record import LineTold, OrderTold
from operations.stock.decide import Told
from operations.stock.record import record
from operations.unit_of_work import Script, Statement, T, run
from operations.waves.record import WaveTold, begin, divide, finish, give, plan
from planning.picking.block import Block
from planning.picking.lists import Place, routed
from planning.waves.rounds import Cart, Goods, rounds_of
from store.db import connect, queries
from store.registry import Registry
from tests.benchmarks.figures import Figure
from tests.benchmarks.stack import Databases

ORDERS, ALLOCATED, LINES, PRODUCTS, LOTS = 10_000, 1_000, 10, 500, 4
AISLES, AISLE_M = 20, 40.0
PAGE, ASKED, BATCH, SEED = 201, 50, 500, 5
BOARD_GOAL_MS, ALLOCATION_GOAL_S = 100.0, 30.0
ANY = dict.fromkeys(("id", "customer", "site", "search", "after", "priority", "due"))


def measure(server: Databases, *, orders: int = ORDERS, allocated: int = ALLOCATED) -> list[Figure]:
    """All figures of one database."""
    rng = np.random.default_rng(SEED)
    with connect(server.create("orders", "empty"), "bench") as connection:
        tenant = Registry(connection).tenant_id
        now_us = to_us(datetime.now(UTC))
        _furnish(connection, tenant, now_us)
        began = time.monotonic()
        names = _taken_in(connection, tenant, rng, orders, now_us)
        taken_s = time.monotonic() - began
        connection.execute("vacuum analyze")
        return [
            Figure(f"orders of {LINES} lines taken in as a file", "orders/s", [orders / taken_s]),
            _board(connection, tenant, orders),
            _waved(connection, tenant, names[:allocated], now_us),
        ]


def _furnish(connection: psycopg.Connection, tenant: int, now_us: int) -> None:
    """A site with zones, a customer, products in lots that expire one after the other, more than is ordered."""
    connection.execute(
        "insert into site (tenant_id, name, label, kind, lat, lon) values (%s, 'dc-1', 'Site', 'dc', 60, 24)", (tenant,)
    )
    connection.execute(
        "insert into zone (tenant_id, site_id, name, label, aisles, aisle_length_m, aisle_pitch_m, depot) "
        "select tenant_id, id, 'zone-1', 'Zone', %s, %s, 3, %s from site",
        (AISLES, AISLE_M, AISLES / 2),
    )
    connection.execute(
        "insert into bin (tenant_id, site_id, zone_id, code, aisle, along_m) "
        "select tenant_id, site_id, id, 'B-' || p || '-' || l, (p * 7 + l) %% %s, (p * 13 + l * 3) %% 40 "
        "from zone, generate_series(1, %s) p, generate_series(1, %s) l",
        (AISLES, PRODUCTS, LOTS),
    )
    connection.execute("insert into customer (tenant_id, code) values (%s, 'c-1')", (tenant,))
    connection.execute(
        "insert into product (tenant_id, sku, label) select %s, 'SKU-' || n, 'Product' from generate_series(1, %s) n",
        (tenant, PRODUCTS),
    )
    connection.execute(
        "insert into lot (tenant_id, product_id, code, best_before, declared_by) "
        "select p.tenant_id, p.id, p.sku || '-L' || n, now() + make_interval(days => 10 * n), 'bench' "
        "from product p, generate_series(1, %s) n",
        (LOTS,),
    )
    for product in range(1, PRODUCTS + 1):
        moves = [
            Told(
                f"r-{product}-{lot}", "receive", f"SKU-{product}", Decimal(100_000), lot=f"SKU-{product}-L{lot}",
                target_place=StockPlace("site", "dc-1", "zone-1", f"B-{product}-{lot}"),
            )
            for lot in range(1, LOTS + 1)
        ]  # fmt: skip
        _perform(connection, tenant, record(moves, now_us, "bench"))


def _taken_in(connection: psycopg.Connection, tenant: int, rng: Any, count: int, now_us: int) -> list[str]:
    given = [
        OrderTold(
            f"SO-{n}", "c-1", "dc-1",
            tuple(
                LineTold(f"SKU-{sku}", Decimal(int(rng.integers(1, 50)))) for sku in rng.integers(1, PRODUCTS, LINES)
            ),
            reference=f"PO {n}", priority=int(rng.integers(-2, 3)),
            window=(None, now_us + int(timedelta(hours=int(rng.integers(1, 100))).total_seconds()) * 10**6),
        )
        for n in range(count)
    ]  # fmt: skip
    for first in range(0, count, BATCH):
        judged = _perform(connection, tenant, judge_orders(given[first : first + BATCH]))
        _perform(connection, tenant, write_orders(judged, now_us, "bench"))
    return [order.name for order in given]


def _board(connection: psycopg.Connection, tenant: int, orders: int) -> Figure:
    """The two queries of `GET /orders?status=todo`."""
    asked = {**ANY, "tenant": tenant, "statuses": list(ACTIVE), "limit": PAGE}
    spent = []
    for _ in range(ASKED):
        began = time.monotonic()
        rows = _rows(connection, "orders", asked)
        lines = _rows(connection, "lines_of", {"tenant": tenant, "orders": [row["key"] for row in rows]})
        spent.append((time.monotonic() - began) * 1000)
    if len(lines) != min(PAGE, orders) * LINES:
        raise AssertionError(f"the board has {len(lines)} lines")
    median, p99 = (float(np.quantile(spent, q)) for q in (0.5, 0.99))
    return Figure(f"the board beside {orders:,} open orders", "ms", [median], goal=BOARD_GOAL_MS,
                  details_are="ms", details={"p99": p99}, smaller_is_better=True)  # fmt: skip


def _waved(connection: psycopg.Connection, tenant: int, names: Sequence[str], now_us: int) -> Figure:
    """A wave of them: given goods, divided into rounds of a cart, each round walked the shortest way."""
    planner = frozenset({"planner"})
    began = time.monotonic()
    told = WaveTold("dc-1", "all", "orders", {"orders": 12, "lines": 120, "kg": 1e6}, tuple(names), name="wave")
    _perform(connection, tenant, plan(told, "bench"))
    _perform(connection, tenant, begin("wave", None, "bench"))
    while _perform(connection, tenant, give("wave", now_us, "bench", planner)):
        pass
    _perform(connection, tenant, finish("wave"))
    given_s = time.monotonic() - began
    rows = _rows(connection, "wave_goods", {"tenant": tenant, "name": "wave"})
    block = Block(AISLES, AISLE_M, 3.0, AISLES / 2)
    goods = [Goods(row["order"], row["zone"], row["aisle"], row["along_m"]) for row in rows]
    found = rounds_of(goods, {"dc-1/zone-1": block}, Cart(12, 120, 1e6))
    divided_s = time.monotonic() - began - given_s
    values = [{"seq": n, "walk_m": r.walk_m, "orders": r.orders} for n, r in enumerate(found.rounds, 1)]
    _perform(connection, tenant, divide("wave", values, found.walk_m, found.as_came_m))
    for each in found.rounds:
        picks = _rows(
            connection, "to_pick", {"tenant": tenant, "orders": list(each.orders), "zone": None, "limit": 5000}
        )
        routed([Place("dc-1/zone-1", row["aisle"], row["along_m"]) for row in picks], {"dc-1/zone-1": block})
    spent_s = time.monotonic() - began
    left = connection.execute(
        "select count(*) from customer_order where name = any(%s) and status <> 'allocated'", (list(names),)
    ).fetchone()
    if left != (0,):
        raise AssertionError(f"{left} orders were not given all goods")
    details = {"given": given_s, "divided": divided_s, "walked": spent_s - given_s - divided_s,
               "walk against as they came": found.walk_m / found.as_came_m}  # fmt: skip
    return Figure(f"{len(names):,} orders of {LINES} lines given goods, waved and routed", "s", [spent_s],
                  goal=ALLOCATION_GOAL_S, details_are="s", details=details, smaller_is_better=True)  # fmt: skip


def _perform(connection: psycopg.Connection, tenant: int, script: Script[T]) -> T:
    named = {**queries("availability"), **queries("stock"), **queries("orders"), **queries("waves")}

    def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(named[statement.query], {"tenant": tenant, **statement.values})
            return cursor.fetchall() if cursor.description else []

    with connection.transaction():
        return run(script, execute)


def _rows(connection: psycopg.Connection, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute({**queries("orders"), **queries("waves")}[query], values)
        return cursor.fetchall()
