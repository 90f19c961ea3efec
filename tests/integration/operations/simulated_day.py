"""A day of fulfilment at the simulated dock: who does what, and what was told of it, to be told again elsewhere."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import numpy as np

from domain.times import from_us
from firmware_sim.dock import Day, Heard, sscc_of
from tests.integration.api.seed import World, rows
from tests.integration.operations.test_loading import Dock

STAGING, RETURNS, SPARE = ({"site": "dc-1", "zone": zone} for zone in ("staging", "returns", "spare"))
STOCK = (("MILK", "M-1", 0), ("MILK", "M-2", 1), ("MILK", "M-2", 2), ("BUTTER", "B-1", 3), ("BUTTER", "B-1", 4))
RARE = 4
SHORT, MISPLACED = 3, 5
"""The how-manieth pick finds one less than there should be, and is put where it does not belong."""
DECISIONS = frozenset({"allocate", "deallocate", "cancel", "close_short"})
LATER = ("pod-", "ret-", "clear-")
"""Steps of proofs and returns come with these; those that clear what stayed behind, after the trucks have left."""
Body = dict[str, Any]
Fact = Callable[["Yard"], object]


@dataclass(frozen=True)
class Line:
    """So much of a product in a unit; of which order and line, and where it goes."""

    order: str
    line: int
    sku: str
    quantity: int
    unit: str
    truck: int
    drop: int


@dataclass
class Told:
    """What was told: facts, true in any order; and decisions, in theirs."""

    day: list[Fact] = field(default_factory=list)
    evening: list[Fact] = field(default_factory=list)
    decided: list[tuple[str, Body]] = field(default_factory=list)


def ordered(true: Day, rng: np.random.Generator) -> list[Line]:
    """Orders of the pallets of both trucks, and of four more that a third one is to bring."""
    found = []
    for truck in range(2):
        for drop in sorted({p.drop for p in true.pallets if p.truck == truck}):
            units = [p.sscc for p in true.pallets if (p.truck, p.drop) == (truck, drop)]
            for n, unit in enumerate(units):
                sku, quantity = str(rng.choice(["MILK", "BUTTER"])), int(rng.integers(4, 12))
                name = f"SO-{truck + 1}{drop}{n // 3}"
                found.append(Line(name, n % 3 + 1, sku, quantity, unit, truck, drop))
    for n in range(4):
        sku, quantity = ("RARE", 10) if n == 3 else ("MILK", 5 + n)
        found.append(Line(f"DP-{n}", 1, sku, quantity, sscc_of(900_000_000 + n), 2, 0))
    return found


class Yard(Dock):
    """The dock with stock, customers and orders, in a database of its own."""

    def __init__(self, dsn: str, world: World, api: httpx.Client, true: Day, wanted: Sequence[Line]) -> None:
        self.wanted = wanted
        self.links: dict[str, str] = {}
        super().__init__(dsn, world, api, true)
        self.told = Told()
        self.numbers = count(1)
        self.have: dict[str, list[tuple[str, float]]] = defaultdict(list)
        """By unit: what was picked for it, of which lot."""
        self.furnished()

    def shipment(self, truck: int) -> None:
        """With its orders, later."""

    # ------------------------------------------------------------ what is there before
    def furnished(self) -> None:
        world = self.world
        for zone in ("chiller", "returns", "spare"):
            world.ids[zone] = world.registry.put_zone("dc-1", zone, zone)
        layout = {"aisles": 4, "aisle_length_m": 20, "aisle_pitch_m": 3, "depot": 1}
        assert self.put("/sites/dc-1/zones/chiller/layout", **layout) == 200
        for n in range(6):
            self.post("/sites/dc-1/bins", id=f"A-{n}", zone="chiller", aisle=n % 4, along_m=2.5 * n)
        for sku in ("BUTTER", "RARE", "GONE"):
            world.registry.put_product(sku, label=sku.title())
        world.run("update product set temp_class = 'chilled' where sku in ('MILK', 'BUTTER')")
        for days, (lot, sku) in enumerate((("M-1", "MILK"), ("M-2", "MILK"), ("B-1", "BUTTER"), ("R-1", "RARE"))):
            best = datetime.now(UTC) + timedelta(days=10 + days)
            self.post("/lots", id=lot, sku=sku, best_before=best.isoformat())
        for n in range(1, 5):
            world.run("update vehicle set load_capacity_kg = 1000 where name = %s", f"truck-{n:02d}")
            world.run(
                "update assignment set valid_from = now() - interval '1 day' where tenant_id = %s", world.tenant_id
            )
        world.run("update shipment set status = 'cancelled' where name = 'S-1'")
        for drop in (1, 2, 3):
            self.post("/customers", id=f"ward-{drop}")
        self.post("/customers", id="shops")
        for n in range(4):
            self.post("/customers/shops/ship-tos", id=f"shop-{n}", lat=60.2 + n / 50, lon=24.9)
        for name in dict.fromkeys(each.order for each in self.wanted):
            its = [each for each in self.wanted if each.order == name]
            whose: Body = {"customer": f"ward-{its[0].drop}"}
            if its[0].truck == 2:
                whose = {"customer": "shops", "ship_to": f"shop-{name[-1]}"}
            lines = [{"sku": each.sku, "quantity": each.quantity} for each in its]
            self.post("/orders", id=name, site="dc-1", lines=lines, **whose)
        self.post("/orders", id="GONE-1", customer="ward-1", site="dc-1", lines=[{"sku": "GONE", "quantity": 5}])
        self.post("/orders", id="CALLED-OFF", customer="ward-2", site="dc-1", lines=[{"sku": "BUTTER", "quantity": 3}])

    def carry(self, name: str, vehicle: str, orders: Mapping[str, int], stops: int) -> None:
        """A shipment with its orders, and a driver's link."""
        places = [{"name": f"Stop {n}", "lat": 60.1 + n / 10, "lon": 24.5} for n in range(1, stops)]
        self.post("/shipments", id=name, vehicle=vehicle, stops=[{"site": "dc-1"}, *places])
        carried = [{"order": order, "stop": stop} for order, stop in orders.items()]
        assert self.put(f"/shipments/{name}/orders", orders=carried) == 200
        self.link(name)

    def link(self, name: str) -> None:
        self.links[name] = self.post(f"/shipments/{name}/driver-links", driver="Mika")["token"]

    def stops(self, truck: int) -> dict[str, int]:
        return {each.order: each.drop + 1 for each in self.wanted if each.truck == truck}

    def left(self, name: str, truck: int) -> None:
        """The tracker saw it leave."""
        at = from_us(self.true.stood[truck].ended_ms * 1000)
        self.world.run("update shipment set started_at = %s where name = %s", at, name)

    # ------------------------------------------------------------ telling
    def decide(self, path: str, **body: Any) -> None:
        self.post(path, **body)
        self.told.decided.append((path, body))

    def prove(self, shipment: str, seq: int, body: Body) -> None:
        """By the driver's phone, without an account."""
        stop = self.api.get(f"/api/v1/shipments/{shipment}").json()["stops"][seq - 1]["stop_id"]
        path = f"/api/v1/public/runs/{self.links[shipment]}/stops/{stop}/deliveries"
        answer = httpx.post(f"{self.api.base_url}{path}", json=body)
        assert answer.status_code in (200, 201), answer.text

    def receive(self) -> None:
        """Half as much again as is ordered, in bins; of what is rare less."""
        for n, (sku, lot, place) in enumerate(STOCK):
            quantity = sum(each.quantity for each in self.wanted if each.sku == sku) // 2 + 5
            self.move(f"in-{n}", "receive", sku, lot, quantity, to={"site": "dc-1", "bin": f"A-{place}"})
        self.move("in-rare", "receive", "RARE", "R-1", RARE, to={"site": "dc-1", "bin": "A-5"})

    def move(self, name: str, kind: str, sku: str, lot: str, quantity: float, **more: Any) -> None:
        body = {"id": name, "kind": kind, "sku": sku, "lot": lot, "quantity": quantity, "at": stamp(), **more}
        self.post("/stock/moves", moves=[body])
        late = {"reason": "told late", **body, "allow_negative": True}
        self.told.day.append(lambda yard: yard.post("/stock/moves", moves=[late]))

    # ------------------------------------------------------------ picking and packing
    def pick_round(self, picker: httpx.Client, orders: Sequence[str]) -> None:
        """What a picker is led to; one pick is short, one is put back at a wrong place and taken from there."""
        found = picker.get("/api/v1/pick-list", params={"orders": ",".join(orders)}).json()["picks"]
        for pick in found:
            n, quantity, line = next(self.numbers), pick["quantity"], self.line(pick["order"], pick["line"])
            source = {key: value for key, value in pick["place"].items() if key != "kind"}
            about = {"line": line.line, "lot": pick["lot"]}
            if n == SHORT:
                quantity -= 1
            self.step(picker, line.order, f"p-{n}", "pick", quantity, about, **{"from": source, "to": STAGING})
            if n == SHORT:
                self.closed_short(line, 1, "one less at its place than there should be", given=True)
                about["reason"] = "not at its place"
                self.move(f"lost-{n}", "adjust", line.sku, pick["lot"], 1, **{"from": source, "reason": "counted"})
            if n == MISPLACED:
                self.step(picker, line.order, f"b-{n}", "put_back", quantity, about, **{"from": STAGING, "to": SPARE})
                self.step(picker, line.order, f"q-{n}", "pick", quantity, about, **{"from": SPARE, "to": STAGING})
            self.have[line.unit].append((pick["lot"], quantity))

    def pack(self, picker: httpx.Client) -> None:
        for unit, parts in self.have.items():
            line = self.of(unit)
            for n, (lot, quantity) in enumerate(parts):
                about = {"line": line.line, "lot": lot, "handling_unit": unit}
                self.step(picker, line.order, f"k-{unit}-{n}", "pack", quantity, about, **{"from": STAGING})

    def step(
        self, who: httpx.Client, order: str, name: str, kind: str, quantity: float, about: Body, **more: Any
    ) -> None:
        body = {"id": name, "kind": kind, "quantity": quantity, **about, **more}
        answer = who.post(f"/api/v1/orders/{order}/steps", json={"steps": [body]})
        assert answer.status_code == 200, answer.text

    def closed_short(self, line: Line, quantity: float, reason: str, *, given: bool = False) -> None:
        about = {"line": line.line, "reason": reason}
        n = next(self.numbers)
        if given:
            self.step(self.api, line.order, f"x-{n}", "deallocate", quantity, about)
        body = {"id": f"s-{n}", "kind": "close_short", "quantity": quantity, **about}
        self.decide(f"/orders/{line.order}/steps", steps=[body])

    def clear(self, unit: str) -> None:
        """What stayed behind goes back into stock, and nobody will send it."""
        line = self.of(unit)
        for n, (lot, quantity) in enumerate(self.have[unit]):
            about = {"line": line.line, "lot": lot, "from": STAGING}
            inside = {**about, "handling_unit": unit}
            self.step(self.api, line.order, f"clear-u-{unit}-{n}", "unpack", quantity, inside)
            self.step(self.api, line.order, f"clear-b-{unit}-{n}", "put_back", quantity, about, to=SPARE)
        self.closed_short(line, sum(quantity for _, quantity in self.have[unit]), "left behind at the dock")

    # ------------------------------------------------------------ coming back
    def bring_back(self, line: Line, vehicle: str) -> None:
        """What was refused, lot by lot: on hold, and destroyed by somebody."""
        for n, (lot, quantity) in enumerate(self.have[line.unit]):
            name = f"RMA-{line.order}-{line.line}-{n}"
            back = {"line": line.line, "quantity": quantity, "reason": "too warm", "origin": "returning"}
            self.decide("/returns", id=name, order=line.order, lines=[back])
            got = {"seq": 1, "quantity": quantity, "to": RETURNS, "lot": lot}
            self.decide(f"/returns/{name}/receipts", **got, vehicle=vehicle, handling_unit=line.unit)
            self.decide(f"/returns/{name}/decisions", seq=1, decision="destroy", reason="its cold chain failed")

    def send_back(self, line: Line) -> None:
        """A customer sends one piece back, which is sold again."""
        back = {"line": line.line, "quantity": 1, "reason": "one too many", "condition": "unopened"}
        self.decide("/returns", id="RMA-1", order=line.order, lines=[back])
        self.decide("/returns/RMA-1/receipts", seq=1, quantity=1, to=RETURNS, lot=self.have[line.unit][0][0])
        self.decide("/returns/RMA-1/decisions", seq=1, decision="restock", reason="never opened", to=SPARE)

    # ------------------------------------------------------------ on the road
    def warmed(self, truck: int) -> None:
        """The tracker found that its reefer was too warm."""
        left = from_us(self.true.stood[truck].ended_ms * 1000)
        world = self.world
        world.excursion(f"reefer-{truck + 1:02d}", "air", left + timedelta(minutes=14), None, 12.0)

    def refused(self, line: Line, warm: int) -> bool:
        """All that rides on after the first stop of the warm truck."""
        return line.truck == warm and line.drop > 1 and line.unit in self.true.loaded

    def proofs(self, relay: str, warm: int) -> list[Fact]:
        """What drivers' phones tell: of each order on board one; of one also that nobody was there at first."""
        at = self.stops_of(relay)
        found = []
        for seq, name in enumerate(dict.fromkeys(each.order for each in self.wanted), 1):
            its = [each for each in self.wanted if each.order == name]
            aboard = [each for each in its if each.truck == 2 or each.unit in self.true.loaded]
            truck, drop = its[0].truck, its[0].drop
            shipment, stop = (relay, at[name]) if truck == 2 else (f"L-{truck + 1}", drop + 1)
            left = from_us(self.true.stood[truck % 2].ended_ms * 1000)
            key = {"device": f"phone-{truck}", "boot": "b1", "at": (left + timedelta(minutes=10 * drop)).isoformat()}
            if name == "DP-2":
                nobody = {"seq": 99, "exception": "nobody_there", "orders": [name], "lines": []}
                found.append(proving(shipment, stop, {**key, **nobody}))
            lines = [
                {"order": name, "line": each.line, "handling_unit": each.unit, "lot": lot}
                | ({"refused": quantity, "reason": "too_warm"} if self.refused(each, warm) else {"accepted": quantity})
                for each in aboard for lot, quantity in self.have[each.unit]
            ]  # fmt: skip
            if lines:
                signed = {"receiver": "Anna", "unsigned": "gloves"}
                found.append(proving(shipment, stop, {**key, "seq": seq, "lines": lines, **signed}))
        return found

    def carried(self, shipment: str) -> list[Body]:
        return list(self.api.get(f"/api/v1/shipments/{shipment}").json()["orders"])

    def stops_of(self, shipment: str) -> dict[str, int]:
        return {each["id"]: each["stop"] for each in self.carried(shipment)}

    # ------------------------------------------------------------ what is known
    def of(self, unit: str) -> Line:
        return next(each for each in self.wanted if each.unit == unit)

    def line(self, order: str, line: int) -> Line:
        return next(each for each in self.wanted if (each.order, each.line) == (order, line))

    def orders(self) -> list[Body]:
        return list(self.api.get("/api/v1/orders", params={"limit": 200}).json()["items"])

    def steps(self, order: str) -> list[Body]:
        return list(self.api.get(f"/api/v1/orders/{order}/steps").json()["items"])

    def wrong(self, truck: int) -> dict[str, str]:
        """What the check of a truck says does not belong on it."""
        states = self.states(f"L-{truck + 1}")
        return {unit: state for unit, state in states.items() if state in ("foreign", "wrong_truck")}

    def steps_told(self) -> Iterator[tuple[str, Fact]]:
        """Steps as they stand in the book, as somebody would tell them late; with their ids."""
        for order in self.orders():
            for step in self.steps(order["id"]):
                if step["kind"] not in DECISIONS:
                    yield step["id"], late_step(order["id"], step)

    def ended(self) -> Body:
        """All that must be alike wherever the same was told."""
        proofs = self.api.get("/api/v1/proofs", params={"limit": 200}).json()["items"]
        legs = [self.api.get(f"/api/v1/proofs/{each['id']}").json()["leg"] for each in proofs]
        return {
            "stages": {
                order["id"]: [(line["stages"], line["waiting"]) for line in order["lines"]] for order in self.details()
            },
            "ledger": rows(self.dsn, LEDGER),
            "loads": [self.states(f"L-{truck + 1}") for truck in range(2)],
            "verdicts": sorted(
                (each["shipment"], each["orders"], each["outcome"], leg["verdict"], leg["max_c"])
                for each, leg in zip(proofs, legs, strict=True)
            ),
        }

    def details(self) -> list[Body]:
        return [self.api.get(f"/api/v1/orders/{order['id']}").json() for order in self.orders()]


def stamp() -> str:
    return datetime.now(UTC).isoformat()


def place_in(place: Body | None) -> Body | None:
    return place and {key: value for key, value in place.items() if key != "kind"}


def late_step(order: str, step: Body) -> Fact:
    """A step as it stands in the book, told by somebody who was there."""
    body = {
        "id": re.sub(r"[^\w.-]", "-", step["id"]), "line": step["line"], "kind": step["kind"],
        "quantity": step["quantity"], "at": step["at"], "lot": step["lot"], "handling_unit": step["handling_unit"],
        "from": place_in(step["place"]), "to": place_in(step["to"]), "reason": step["reason"] or "told late",
        "allow_negative": True,
    }  # fmt: skip
    told = {key: value for key, value in body.items() if value is not None}
    return lambda yard: yard.post(f"/orders/{order}/steps", steps=[told], late=True)


def proving(shipment: str, stop: int, body: Body) -> Fact:
    return lambda yard: yard.prove(shipment, stop, body)


def docking(truck: int) -> Fact:
    return lambda yard: yard.docked(truck, left=True)


def hearing(reads: list[Heard]) -> Fact:
    return lambda yard: yard.hear(reads)


def warming(device: str, at: datetime, temp_c: float) -> Fact:
    return lambda yard: yard.world.temperature(device, "air", at, temp_c)


LEDGER = (
    "select l.kind, s.name, z.name, n.code, v.name, p.sku, t.code, b.unit, b.quantity from ledger_balance b "
    "join ledger_place l on l.id = b.place_id join product p on p.id = b.product_id left join lot t on t.id = b.lot_id "
    "left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id left join bin n on n.id = l.bin_id "
    "left join vehicle v on v.id = l.vehicle_id where b.quantity <> 0 order by 1, 2, 3, 4, 5, 6, 7, 8, 9"
)
UNBALANCED = (
    "select l.kind, l.id, f.product_id, f.lot_id, sum(f.n) from ("
    "select to_place as place, product_id, lot_id, quantity as n from ledger_move union all "
    "select from_place, product_id, lot_id, -quantity from ledger_move union all "
    "select place_id, product_id, lot_id, -quantity from ledger_balance) f "
    "join ledger_place l on l.id = f.place where l.kind in ('site', 'vehicle') "
    "group by 1, 2, 3, 4 having sum(f.n) <> 0"
)
TWICE = (
    "select unit from ledger_balance where unit <> '' and quantity <> 0 group by 1 having count(distinct place_id) > 1"
)
OUTSIDE = (
    "select l.kind, p.sku, sum(case when m.to_place = l.id then m.quantity else -m.quantity end) from ledger_move m "
    "join ledger_place l on l.id in (m.from_place, m.to_place) join product p on p.id = m.product_id "
    "where l.kind not in ('site', 'vehicle') group by 1, 2 order by 1, 2"
)
