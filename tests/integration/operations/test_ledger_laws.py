"""The ledger in a real database: what its laws say of any sequence, and of many who write at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from domain.refusal import CannotError
from domain.stock.balances import balances, totals
from domain.stock.moves import Line, Move, Place
from domain.times import to_us
from operations.counts.record import Seen, count
from operations.stock.decide import Told
from operations.stock.record import Recorded, correct, record
from operations.unit_of_work import Script, Statement, T, run
from store.db import connect, queries
from tests.examples import examples
from tests.integration.api.seed import World

ROOM, DOCK, TRUCK = Place("site", "store-1", "chiller"), Place("site", "dc-1"), Place("vehicle", vehicle="truck-01")
HOUR = 3_600_000_000
NOW = to_us(datetime.now(UTC)) // 1000 * 1000
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    found = World(kept_database)
    found.furnish()
    yield found
    found.close()


@pytest.fixture(scope="module")
def connection(kept_database: str, world: World) -> Iterator[psycopg.Connection]:
    with connect(kept_database, "test") as found:
        yield found


def perform(connection: psycopg.Connection, tenant: int, script: Script[T]) -> T:
    named = {**queries("stock"), **queries("counts")}

    def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(named[statement.query], {"tenant": tenant, **statement.values})
            return cursor.fetchall() if cursor.description else []

    with connection.transaction():
        return run(script, execute)


def product(world: World) -> str:
    sku = f"LAW-{next(NUMBERS)}"
    world.registry.put_product(sku, label=sku)
    world.run(
        "insert into lot (tenant_id, code, product_id, declared_by) select %s, %s, id, 'x' from product where sku = %s",
        world.tenant_id, f"L-{sku}", sku,
    )  # fmt: skip
    return sku


def inner(connection: psycopg.Connection, tenant: int) -> set[int]:
    rows = connection.execute(
        "select id from ledger_place where tenant_id = %s and kind in ('site', 'vehicle')", (tenant,)
    ).fetchall()
    return {row[0] for row in rows}


def kept(connection: psycopg.Connection, sku: str) -> dict[Line, Decimal]:
    rows = connection.execute(
        "select place_id, product_id, coalesce(lot_id, 0), unit, quantity from ledger_balance "
        "where quantity <> 0 and product_id = (select id from product where sku = %s)",
        (sku,),
    ).fetchall()  # fmt: skip
    return {Line(*row[:4]): row[4] for row in rows}


def written(connection: psycopg.Connection, sku: str) -> list[Move]:
    rows = connection.execute(
        "select client_id, kind, moved_at, product_id, coalesce(lot_id, 0), from_place, to_place, from_unit, to_unit, "
        "quantity, entry from ledger_move where product_id = (select id from product where sku = %s) order by id",
        (sku,),
    ).fetchall()  # fmt: skip
    return [Move(row[0], row[1], to_us(row[2]), *row[3:]) for row in rows]


WAYS: Mapping[str, tuple[Place | None, Place | None]] = {
    "receive": (None, ROOM), "move": (ROOM, DOCK), "load": (ROOM, TRUCK), "unload": (TRUCK, ROOM),
    "deliver": (TRUCK, None), "return": (None, DOCK), "adjust": (DOCK, None), "pack": (ROOM, None),
    "unpack": (ROOM, None), "waste": (ROOM, None), "pick": (ROOM, DOCK), "count": (ROOM, None),
}  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("receive", *WAYS)),
        st.integers(1, 40_000), st.integers(0, 48), st.booleans(), st.sampled_from(("", "U1")), st.booleans(),
        st.integers(0, 12),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_store_keeps_what_the_plain_definition_says_whatever_is_told(
    world: World, connection: psycopg.Connection, steps: list[tuple[Any, ...]]
) -> None:
    sku, taken = product(world), []
    for n, (kind, thousandths, hours, of_lot, unit, sensor, back) in enumerate(steps):
        told = Told(
            f"{sku}-{n}", kind, sku, Decimal(thousandths) / 1000, "", NOW - hours * HOUR, f"L-{sku}" if of_lot else "",
            *WAYS[kind], unit or ("U1" if "pack" in kind else ""), "why", source="sensor" if sensor else "person",
        )  # fmt: skip
        try:
            perform(connection, world.tenant_id, record([told], NOW, "ann"))
            taken.append(told)
            assert perform(connection, world.tenant_id, record([told], NOW, "ann")) == Recorded((), ())
            if back < len(taken):
                instead = replace(taken[back], id=f"{told.id}-right", quantity=told.quantity, source="sensor")
                perform(connection, world.tenant_id, correct(taken[back].id, "wrong", instead, NOW, "ann"))
        except CannotError as error:
            assert error.conflict, error  # noqa: PT017 -- the others are faults of this test
    moves, ours = written(connection, sku), inner(connection, world.tenant_id)
    there = kept(connection, sku)
    assert there == balances(moves, ours)
    for (_, lot), total in totals(moves, ours).items():
        assert sum((q for line, q in there.items() if line.lot == lot), Decimal(0)) == total.there
    sensors = {m.id for m in moves} - {t.id for t in taken if t.source == "person"}
    if not sensors:
        assert all(quantity > 0 for quantity in there.values())


def test_two_people_and_a_sensor_at_one_bin_lose_nothing_and_never_wait_for_each_other(
    world: World, kept_database: str, connection: psycopg.Connection
) -> None:
    skus = [product(world) for _ in range(3)]
    start = [Told(f"{sku}-0", "receive", sku, Decimal(100), target_place=ROOM) for sku in skus]
    perform(connection, world.tenant_id, record(start, NOW, "ann"))

    def person(name: str) -> int:
        refused = 0
        with connect(kept_database, name) as own:
            for n in range(25):
                order = skus if n % 2 else skus[::-1]
                batch = [
                    Told(f"{sku}-{name}-{n}", "move", sku, Decimal("2.5"), source_place=ROOM, target_place=DOCK)
                    for sku in order
                ]
                try:
                    perform(own, world.tenant_id, record(batch, NOW, name))
                except CannotError:
                    refused += 1
        return refused

    def sensor() -> None:
        with connect(kept_database, "sensor") as own:
            for n in range(25):
                order = skus[::-1] if n % 3 else skus
                batch = [
                    Told(f"{sku}-sensor-{n}", "pick", sku, Decimal(1), source_place=ROOM, target_place=DOCK,
                         source="sensor") for sku in order
                ]  # fmt: skip
                perform(own, world.tenant_id, record(batch, NOW, "sensor"))

    def counter() -> None:
        with connect(kept_database, "counter") as own:
            for sku in skus * 3:
                row = own.execute(
                    "insert into count_task (tenant_id, place_id, product_id, cause, ledger_quantity, opened_by) "
                    "select b.tenant_id, b.place_id, b.product_id, 'asked', 0, 'x' from ledger_balance b "
                    "join ledger_place l on l.id = b.place_id and l.zone_id is not null "
                    "join product p on p.id = b.product_id and p.sku = %s on conflict do nothing returning id", (sku,)
                ).fetchone()  # fmt: skip
                if row:
                    seen = [Seen(Decimal(50))]
                    perform(own, world.tenant_id, count(row[0], seen, NOW, NOW, "eve", settle=True))

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(person, "ann"), pool.submit(person, "bob"), pool.submit(sensor), pool.submit(counter)]
        refused = work[0].result() + work[1].result()
        for each in work:
            each.result()
    for sku in skus:
        there = kept(connection, sku)
        assert there == balances(written(connection, sku), inner(connection, world.tenant_id))
        moved = Decimal("2.5") * (50 - refused) + 25
        assert sum(quantity for line, quantity in there.items() if line.place == _dock(connection, world)) == moved


def _dock(connection: psycopg.Connection, world: World) -> int:
    row = connection.execute(
        "select id from ledger_place where tenant_id = %s and site_id = %s and zone_id is null",
        (world.tenant_id, world.ids["dc-1"]),
    ).fetchone()
    assert row
    return int(row[0])
