"""A warehouse with two trucks in a real database, and what must hold of it whatever was done: read by plain SQL."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from domain.loading.model import EPOCH_US
from domain.orders.stages import ACTIVE
from domain.refusal import CannotError
from domain.stock.moves import Place
from domain.stock.quantities import Quantity
from domain.times import from_us, to_us
from firmware_sim.dock import sscc96
from operations.allocation.record import mend
from operations.despatch.record import issue, tell_steps
from operations.loading.work import Look
from operations.orders.decide import StepTold
from operations.proofs.record import ProofTold, prove
from operations.stock.decide import Told as MoveTold
from operations.stock.record import record
from operations.unit_of_work import Script, Statement, T, run
from store.db import queries
from tests.integration.api.seed import World

NAMED: Mapping[str, LiteralString] = {
    **queries("availability"), **queries("proofs"), **queries("returns"),
    **queries("counts"), **queries("waves"), **queries("stock"), **queries("orders"), **queries("loading"),
    **queries("order_parts"), **queries("substitutes"), **queries("recalls"),
}  # fmt: skip
EVERYBODY = frozenset({"planner", "picker", "loader", "driver", "service", "rule", "program"})
BINS = tuple(Place("site", "dc-1", "shelf", f"A-{n}") for n in (1, 2))
STAGE, RETURNS = (Place("site", "dc-1", zone) for zone in ("stage", "returns"))
SHIPMENTS = {"S-1": "truck-01", "S-2": "truck-02"}
STOCK = (("MILK", "M-1", 0, 6), ("MILK", "M-2", 1, 8), ("NUTS", "", 0, 9))
LOTS = {"MILK": ("M-1", "M-2"), "NUTS": ("",)}
MINUTE_US = 60_000_000
N = Quantity


SQL: Mapping[str, Any] = dict(
    part.split("\n", 1) for part in Path(__file__).with_suffix(".sql").read_text().split("-- name: ")[1:]
)


class BrokenError(Exception):
    """The connection is lost before the end."""


class Floor:
    """Everything that is done here stands in one transaction, which the next day begins by taking back."""

    guest = False

    def __init__(self, dsn: str) -> None:
        self.world = world = World(dsn)
        world.furnish(vehicles=2)
        world.partitions(*(datetime.now(UTC) + timedelta(days=n) for n in (-2, 2)))
        for zone in ("shelf", "stage", "door-1", "door-2", "returns"):
            world.ids[zone] = world.registry.put_zone("dc-1", zone, zone)
        for zone, dock in (("stage", "staging"), ("door-1", "door"), ("door-2", "door")):
            world.run("update zone set dock = %s where id = %s", dock, world.ids[zone])
            world.device(f"reader-{zone}", "rfid", site="dc-1", zone=zone)
        world.run(
            "insert into bin (tenant_id, site_id, zone_id, code) select %s, %s, %s, code from unnest(%s::text[]) code",
            world.tenant_id, world.ids["dc-1"], world.ids["shelf"], [place.bin for place in BINS],
        )  # fmt: skip
        world.registry.put_product("NUTS", label="Nuts")
        for lot, days in (("M-1", 5), ("M-2", 30)):
            world.run(
                "insert into lot (tenant_id, code, product_id, declared_by, best_before) "
                "select %s, %s, id, 'x', now() + %s * interval '1 day' from product where sku = 'MILK'",
                world.tenant_id, lot, days,
            )  # fmt: skip
        stops = [
            {"seq": seq, "name": f"S-2-{seq}", "label": site, "site": site, "lat": 60.0, "lon": 24.0}
            for seq, site in ((1, "dc-1"), (2, "store-1"))
        ]
        world.registry.put_shipment(
            "S-2",
            reference="PO 2",
            vehicle="truck-02",
            customer="Shop",
            profile="chilled",
            stops=stops,
            planned_line=None,
        )
        self.connection = psycopg.connect(dsn, row_factory=dict_row, options="-c timezone=UTC")
        for code, days in (("ward", 0), ("shop", 10)):
            self.ask("put_customer", id=code, label="", min_life_days=days)
        (milk,) = self.ask("substituted", sku="MILK")
        instead = [{"sku": "NUTS", "numerator": 2, "denominator": 1}]
        self.ask("put_substitutes", product=milk["id"], rows=json.dumps(instead))
        self.rows("furnish")
        self.connection.commit()
        self.first_us = to_us(datetime.now(UTC)) // EPOCH_US * EPOCH_US - 360 * MINUTE_US
        self.now_us = self.first_us

    @classmethod
    def beside(cls, dsn: str, floor: Floor) -> Floor:
        """Somebody else at the same place, over a connection of their own."""
        found = cls.__new__(cls)
        found.guest = True
        found.world, found.now_us, found.first_us = floor.world, floor.now_us, floor.first_us
        found.connection = psycopg.connect(dsn, row_factory=dict_row, options="-c timezone=UTC", autocommit=True)
        return found

    def close(self) -> None:
        self.connection.close()
        if not self.guest:
            self.world.close()

    def begin(self) -> None:
        self.connection.rollback()
        self.connection.execute("select")
        self.now_us = self.first_us
        moves = [
            MoveTold(f"in-{n}", "receive", sku, N(quantity), "", self.now_us, lot, None, BINS[at])
            for n, (sku, lot, at, quantity) in enumerate(STOCK)
        ]
        self.do(record(moves, self.now_us, "ann"))

    # ------------------------------------------------------------ how things are done
    def ask(self, named: str, /, **values: Any) -> list[dict[str, Any]]:
        cursor = self.connection.execute(NAMED[named], {"tenant": self.world.tenant_id, **values})
        return cursor.fetchall() if cursor.description else []

    def rows(self, named: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query of the file beside."""
        cursor = self.connection.execute(SQL[named], values or None)
        return cursor.fetchall() if cursor.description else []

    def do(self, script: Script[T], named: Mapping[str, LiteralString] = NAMED) -> T:
        """All or nothing, as a request is."""

        def execute(statement: Statement) -> list[dict[str, Any]]:
            values = {"tenant": self.world.tenant_id, **statement.values}
            cursor = self.connection.execute(named[statement.query], values)
            return cursor.fetchall() if cursor.description else []

        with self.connection.transaction():
            return run(script, execute)

    def broken(self, script: Script[Any]) -> None:
        """As far as before the commit: nothing of it is there then."""
        before = self.picture()
        with suppress(BrokenError, CannotError), self.connection.transaction():
            self.do(script)
            raise BrokenError
        assert self.picture() == before, "something of what was broken off is there"

    def picture(self) -> str:
        """All that was told and has come of it, in one number."""
        (row,) = self.rows("picture")
        return str(row["picture"])

    def tell(self, order: str, given: StepTold, *, late: bool = False) -> Script[Any]:
        """As `POST /orders/{id}/steps` does."""
        return self.told(order, [given], late=late)

    def told(self, order: str, given: Sequence[StepTold], *, late: bool = False) -> Script[Any]:
        """The same of several steps."""
        return tell_steps(order, given, self.now_us, "ann", EVERYBODY, late=late)

    def prove(self, shipment: str, told: ProofTold, asked: bytes) -> Script[Any]:
        return prove(shipment, f"{shipment}-2", told, asked, self.now_us, "driver:mika")

    def mend(self) -> int:
        """What the operations do each minute."""
        found = self.ask("orders_to_mend")
        for row in found:
            self.do(mend(row["name"], self.now_us, "rule"))
        return len(found)

    def look(self) -> None:
        """What the operations do every three seconds."""
        Look(self.connection, self.world.tenant_id, from_us(self.now_us)).run()

    def pass_the_door(self, unit: str, door: str, *, misread: bool) -> None:
        """The readers hear a unit staged, in the gate, and then only silence."""
        tag = self.world.label("epc", self.world.tenant_id, sscc96(unit))
        at = self.now_us // EPOCH_US * EPOCH_US
        heard = [(at, "stage", 0, -55.0)] if not misread else []
        heard += [(at + EPOCH_US + n * 400_000, door, antenna, -50.0) for n in range(4) for antenna in (1, 2)]
        for at_us, zone, antenna, rssi in heard:
            self.rows("read", from_us(at_us), self.world.ids[f"reader-{zone}"], tag, antenna, rssi)
        self.now_us = at + 8 * EPOCH_US
        for zone in ("stage", "door-1", "door-2"):
            span = from_us(self.first_us), from_us(self.now_us)
            self.rows("awake", self.world.ids[zone], *span, self.world.tenant_id)

    def papers(self, shipment: str) -> None:
        """What the api does after goods went on board or off."""
        self.do(issue(shipment, from_us(self.now_us), first=False))

    # ------------------------------------------------------------ what there is to do something with
    def claims(self, stage: str) -> list[dict[str, Any]]:
        return [row | {"at": place(row)} for row in self.rows("claims", stage)]

    def aboard(self, *ways: str) -> list[dict[str, Any]]:
        """Units of lines that are on vehicles, or `packed` and to be; by shipment."""
        return self.rows("aboard", list(ways or ("loaded",)))

    def orders(self) -> list[dict[str, Any]]:
        return self.connection.execute("select name, version, status from customer_order order by id").fetchall()


def place(row: Mapping[str, Any]) -> Place:
    """From names of its parts."""
    return Place(row["kind"], *(row[name] or "" for name in ("site", "zone", "bin", "vehicle")))


# ---------------------------------------------------------------- what must hold
def check(floor: Floor) -> None:
    """The nine invariants, but for the sixth, which is told in another database."""
    for law in (name for name in SQL if name.startswith("law")):
        found = floor.rows(law)
        assert not found, f"{law}: {found[:4]}"
    for line in floor.rows("lines"):
        stages = {stage: N(n) for stage, n in line["stages"].items()}
        assert sum(stages.values()) == line["quantity"], "2: stages are what was ordered"
        assert min(stages.values()) > 0
        assert (line["status"] in ACTIVE) == bool(set(stages) & set(ACTIVE))
    documents(floor)


def documents(floor: Floor) -> None:
    """8: the last revision of a shipment's advice lists exactly what was loaded and not taken off again."""
    for advice in floor.rows("advices"):
        listed: Counter[tuple[str, ...]] = Counter()
        for each in advice["body"]["consignments"]:
            for unit in each["units"]:
                for line in unit["lines"]:
                    key = unit["handling_unit"] or "", line["order"], str(line["line"]), line["lot"] or ""
                    listed[key] += line["quantity"]
        loaded = {
            (row["unit"], row["name"], str(row["seq"]), row["lot"]): float(row["n"])
            for row in floor.rows("loaded", advice["shipment_id"])
        }
        assert listed == loaded, f"8: revision {advice['revision']}"


def ended(floor: Floor) -> Any:
    """What the floor has come to, by names: lines, whose goods are where, and what lies where, without counts."""
    lines = [(row["name"], row["seq"], row["stages"], row["waiting"]) for row in floor.rows("lines")]
    claims = sorted(
        (stage, row["name"], row["seq"], str(row["at"]), row["lot"], row["unit"], row["quantity"])
        for stage in ("allocated", "picked", "packed")
        for row in floor.claims(stage)
    )
    there: dict[tuple[str, ...], Quantity] = defaultdict(N)
    for row in floor.rows("there without counts"):
        there[str(place(row)), row["sku"], row["lot"], row["unit"]] += row["n"]
    return lines, claims, {key: n for key, n in there.items() if n}
