"""Laws of orders with their ledger: nothing lost, nothing given twice, and any order of telling ends alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from domain.orders.stages import STEPS, Told, fold
from domain.refusal import CannotError
from domain.stock.moves import Place
from domain.stock.quantities import Quantity
from domain.times import to_us
from operations.allocation.record import allocate
from operations.orders.decide import StepTold
from operations.orders.record import LineTold, OrderTold, add_order, cancel, tell
from operations.stock.decide import Told as MoveTold
from operations.stock.record import record
from operations.unit_of_work import Statement, run
from store.db import queries
from tests.integration.api.seed import World

NAMED = {**queries("availability"), **queries("stock"), **queries("orders")}
NOW = to_us(datetime(2026, 11, 25, 12, tzinfo=UTC))
EVERYBODY = frozenset({"planner", "picker", "loader", "driver", "service"})
BIN, STAGE, TRUCK = Place("site", "store-1", "chiller"), Place("site", "store-1"), Place("vehicle", vehicle="truck-01")
ENDS: Mapping[str, tuple[Place | None, Place | None]] = {
    "pick": (BIN, STAGE), "put_back": (STAGE, BIN), "pack": (STAGE, STAGE), "unpack": (STAGE, STAGE),
    "load": (STAGE, TRUCK), "unload": (TRUCK, STAGE), "deliver": (TRUCK, None), "bring_back": (TRUCK, STAGE),
    "return": (None, STAGE),
}  # fmt: skip


class Book:
    """Two orders and some milk, in a database that is put back afterwards."""

    named: Mapping[str, LiteralString] = NAMED

    def __init__(self, dsn: str) -> None:
        self.world = World(dsn)
        self.world.furnish()
        self.connection = psycopg.connect(dsn, row_factory=dict_row, options="-c timezone=UTC")
        self.count = 0

    def begin(self) -> None:
        self.connection.rollback()
        self.do(record([MoveTold("in", "receive", "MILK", Quantity(9), target_place=BIN)], NOW, "ann"))
        self.world_customer()
        for name in ("A", "B"):
            self.do(add_order(OrderTold(name, "c", "store-1", (LineTold("MILK", Quantity(6)),)), NOW, "ann"))

    def world_customer(self) -> None:
        self.run("put_customer", id="c", label="", min_life_days=0)

    def run(self, named: str, /, **values: Any) -> list[dict[str, Any]]:
        cursor = self.connection.execute(self.named[named], {"tenant": self.world.tenant_id, **values})
        return cursor.fetchall() if cursor.description else []

    def do(self, script: Any) -> Any:
        """All or nothing, as a request is."""

        def execute(statement: Statement) -> list[dict[str, Any]]:
            return self.run(statement.query, **statement.values)

        with self.connection.transaction():
            return run(script, execute)

    def tell(self, order: str, kind: str, quantity: int, *, late: bool = False, at: int = 0) -> None:
        self.count += 1
        source, target = ENDS.get(kind, (None, None))
        unit = "PAL" if kind in ("pack", "unpack") else ""
        step = StepTold(
            f"s{self.count}", 1, kind, Quantity(quantity), "", NOW + (at or self.count) * 1000, "", source, target,
            unit, "why", "person", True,
        )  # fmt: skip
        self.do(tell(order, [step], NOW, "ann", EVERYBODY, late=late))

    def facts(self) -> list[dict[str, Any]]:
        return self.connection.execute(
            "select o.name, l.id, l.quantity, l.stages, l.waiting from order_line l "
            "join customer_order o on o.id = l.order_id order by 1"
        ).fetchall()

    def check(self) -> None:
        """What must hold whatever was done."""
        for line in self.facts():
            stages = {stage: Quantity(n) for stage, n in line["stages"].items()}
            assert sum(stages.values()) == line["quantity"]
            held = self.connection.execute(
                "select stage, sum(quantity) as n from order_allocation where line_id = %s group by 1", (line["id"],)
            ).fetchall()
            assert {row["stage"]: row["n"] for row in held} == {
                stage: n for stage, n in stages.items() if stage in ("allocated", "picked", "packed")
            }
            told = self.connection.execute(
                "select client_id, kind, at, quantity, handling_unit from order_step where line_id = %s", (line["id"],)
            ).fetchall()
            anew = fold(
                line["quantity"],
                [Told(t["client_id"], t["kind"], to_us(t["at"]), t["quantity"], t["handling_unit"]) for t in told],
            )
            assert {stage: n for stage, n in anew.stages.items() if n} == stages, "told anew it is the same"


@pytest.fixture(scope="module")
def book(kept_database: str) -> Any:
    found = Book(kept_database)
    yield found
    found.connection.close()
    found.world.close()


DONE = st.sampled_from(["allocate", "cancel", *STEPS, "pick", "load"])
COMMANDS = st.lists(st.tuples(st.sampled_from(["A", "B"]), DONE, st.integers(1, 6)), max_size=12)
LAX = settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)


@LAX
@given(COMMANDS)
def test_nothing_is_lost_or_given_twice(book: Book, commands: list[tuple[str, str, int]]) -> None:
    book.begin()
    for order, kind, quantity in commands:
        try:
            if kind == "allocate":
                book.do(allocate(order, NOW, "ann", EVERYBODY))
            elif kind == "cancel":
                book.do(cancel(order, "why", NOW, "ann", EVERYBODY))
            else:
                book.tell(order, kind, quantity)
        except CannotError:
            pass
        book.check()
    over = book.connection.execute(
        "select a.place_id, sum(a.quantity) as claimed, (select sum(b.quantity) from ledger_balance b "
        "where b.place_id = a.place_id and b.product_id = a.product_id) as there from order_allocation a "
        "where a.stage = 'allocated' group by a.place_id, a.product_id"
    ).fetchall()
    assert all(row["claimed"] <= row["there"] for row in over), "more is promised than there is"


TELLING = [("pick", 5, 1), ("pack", 5, 2), ("load", 4, 3), ("deliver", 3, 4), ("refuse", 1, 5), ("bring_back", 1, 6)]


@LAX
@given(st.permutations(TELLING))
def test_any_order_of_telling_ends_alike(book: Book, told: list[tuple[str, int, int]]) -> None:
    book.begin()
    for kind, quantity, at in told:
        book.tell("A", kind, quantity, late=True, at=at)
    book.check()
    (line, _) = book.facts()
    assert line["stages"] == {"open": "1", "packed": "1", "delivered": "3", "returned": "1"}
    assert line["waiting"] == {}
