"""The laws of fulfilment in a real database: whatever people, portals and telephones do, in whatever order it is told.

`pytest tests/integration/operations/test_fulfilment_laws.py --hypothesis-profile=long` tries many days instead of few.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from domain.deliveries.proof import Said
from domain.refusal import CannotError
from domain.stock.moves import Place
from domain.times import from_us, rfc3339
from firmware_sim.dock import sscc_of
from operations.allocation.record import allocate
from operations.counts.record import Seen, count
from operations.loading.record import DockingTold, LoadTold, SealTold, dock, load, seal, unload
from operations.order_parts.record import PartTold, SplitTold, split
from operations.orders.decide import StepTold
from operations.orders.record import LineTold, OrderTold, add_order, cancel
from operations.proofs.record import Key, ProofTold, correct_proof
from operations.recalls.record import lift, recall
from operations.returns.record import LineBack, Receipt, announce, decide, receive
from operations.shipment_orders.record import carry
from operations.stock.decide import Told as MoveTold
from operations.stock.record import record
from operations.substitutes.record import substitute
from operations.unit_of_work import Script
from operations.waves.record import WaveTold, begin, finish, give, plan
from store.db import queries
from tests.databases import copied
from tests.integration.operations.elsewhere import corrected_there, facts_of, orders_of
from tests.integration.operations.fulfilment import (
    BINS,
    EVERYBODY,
    LOTS,
    MINUTE_US,
    RETURNS,
    SHIPMENTS,
    STAGE,
    Floor,
    N,
    check,
    ended,
)

UNITS = [sscc_of(n) for n in (1, 2, 3)]
BRANCH = queries("shipment_orders")
WHICH, MANY = st.integers(0, 11), st.integers(1, 6)
ORDERS_MAX = 5
BREAKS = st.sampled_from([False, False, False, True])


class Fulfilment(RuleBasedStateMachine):
    """People at a warehouse with two trucks. What cannot be is refused, and has changed nothing."""

    floor: ClassVar[Floor]
    elsewhere: ClassVar[Floor]
    steps: ClassVar[int] = 0
    taken: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.floor.begin()
        self.names = iter(range(1, 10_000))
        self.barred: set[str] = set()
        self.told: list[Callable[[], Script[Any]]] = []
        self.proofs: list[tuple[Any, str, ProofTold]] = []
        self.happened: list[Callable[[Floor], Any]] = []
        """Proofs and what corrects them, as they are told elsewhere."""
        for n in range(2):
            self.accept([4, 3], late=n > 0, truck=n, breaks=False)

    # ------------------------------------------------------------ how a command is given
    def command(self, script: Callable[[], Script[Any]], breaks: bool = False, *, keyed: bool = True) -> Any:
        """Given, perhaps after it was broken off; None: it was refused, and has changed nothing."""
        floor = self.floor
        floor.now_us += MINUTE_US
        Fulfilment.steps += 1
        if breaks:
            floor.broken(script())
        before = floor.picture()
        try:
            found = floor.do(script())
        except CannotError as error:
            assert error.conflict or error.missing or "no order that fits" in str(error), error  # noqa: PT017
            assert floor.picture() == before, "refused, and yet something has changed"
            return None
        Fulfilment.taken += 1
        if keyed:
            self.told.append(script)
        return found

    def name(self, of: str) -> str:
        return f"{of}{next(self.names)}"

    def one(self, found: Sequence[Any], which: int) -> Any:
        return found[which % len(found)] if found else None

    def step(self, row: Any, kind: str, quantity: int, breaks: bool, **more: Any) -> Any:
        """A step of an order's line; of no more than the row has."""
        at_us = self.floor.now_us + MINUTE_US
        least = min(N(quantity), row["quantity"]) if "quantity" in row else N(quantity)
        told = StepTold(self.name(kind), row["seq"], kind, least, "", at_us, reason="why", **more)
        return self.command(lambda: self.floor.tell(row["name"], told), breaks)

    # ------------------------------------------------------------ orders
    @rule(many=st.lists(MANY, min_size=1, max_size=2), late=st.booleans(), truck=WHICH, breaks=BREAKS)
    def accept(self, many: list[int], late: bool, truck: int, breaks: bool) -> None:
        if len(self.floor.orders()) >= ORDERS_MAX:
            return
        name = self.name("SO-")
        lines = tuple(LineTold(sku, N(n)) for sku, n in zip(("MILK", "NUTS"), many, strict=False))
        window = (None, self.floor.now_us + 86_400_000_000)
        told = OrderTold(name, "shop" if late else "ward", "dc-1", lines, "", f"PO {name}", 0, window)
        if self.command(lambda: add_order(told, self.floor.now_us, "ann"), breaks):
            self.put_on(sorted(SHIPMENTS)[truck % 2], [name])

    @rule(truck=WHICH, which=st.sets(WHICH, max_size=2))
    def carried_otherwise(self, truck: int, which: set[int]) -> None:
        orders = [row["name"] for row in self.floor.orders()]
        self.put_on(sorted(SHIPMENTS)[truck % 2], sorted({self.one(orders, n) for n in which} if orders else ()))

    def put_on(self, shipment: str, names: Sequence[str]) -> None:
        on = self.floor.rows("on", shipment)
        wanted = dict.fromkeys([row["name"] for row in on], 2) | dict.fromkeys(names, 2)
        try:
            self.floor.do(carry(shipment, wanted, "ann"), BRANCH)
        except CannotError as error:
            assert error.conflict  # noqa: PT017
            return
        self.floor.papers(shipment)

    @rule(which=WHICH, priority=st.integers(-1, 1), behind=st.integers(0, 1))
    def change(self, which: int, priority: int, behind: int) -> None:
        order = self.one(self.floor.orders(), which)
        if order:
            values = {"priority": priority, "window_start": None, "window_end": None, "note": "changed"}
            version = order["version"] - behind
            done = self.floor.ask("change_order", name=order["name"], version=version, **values)
            assert bool(done) == (behind == 0), "whoever has not seen the last change is told"

    @rule(which=WHICH, breaks=BREAKS)
    def allocate(self, which: int, breaks: bool) -> None:
        if order := self.one(self.floor.orders(), which):
            script = lambda: allocate(order["name"], self.floor.now_us, "ann", EVERYBODY)  # noqa: E731
            self.command(script, breaks, keyed=False)

    @rule(killed=st.booleans())
    def wave(self, killed: bool) -> None:
        """Released in several transactions: whoever is killed between them leaves it to the next."""
        told = WaveTold("dc-1", "all", "orders", {"orders": 5}, due_by=rfc3339(self.floor.now_us + 2 * 86_400_000_000))
        for name in self.command(lambda: plan(told, "ann"), keyed=False) or ():
            self.command(lambda name=name: begin(name, None, "ann"), keyed=False)  # type: ignore[misc]
            script = lambda name=name: give(name, self.floor.now_us, "ann", EVERYBODY)  # type: ignore[misc] # noqa: E731
            if killed:
                self.floor.broken(script())
            while self.floor.do(script()):
                pass
            assert self.floor.do(finish(name))

    @rule(which=WHICH, breaks=BREAKS)
    def cancel(self, which: int, breaks: bool) -> None:
        if order := self.one(self.floor.orders(), which):
            script = lambda: cancel(order["name"], "why", self.floor.now_us, "ann", EVERYBODY)  # noqa: E731
            self.command(script, breaks, keyed=False)

    @rule(which=WHICH, kind=st.sampled_from(["close_short", "reopen", "deallocate"]), many=MANY)
    def decide(self, which: int, kind: str, many: int) -> None:
        if line := self.one(self.floor.rows("lines"), which):
            self.step(line, kind, many, breaks=False)

    @rule(which=WHICH, many=MANY, breaks=BREAKS)
    def split(self, which: int, many: int, breaks: bool) -> None:
        """Units of a line go to an order of their own; all orders together want what they wanted."""
        line = self.one(
            [row for row in self.floor.rows("lines") if {"open", "allocated"} & row["stages"].keys()], which
        )
        if line and len(self.floor.orders()) < 2 * ORDERS_MAX:
            name, told = line["name"], SplitTold(self.name("SO-"), (PartTold(line["seq"], N(many)),))
            before = self.wanted()
            self.command(lambda: split(name, told, self.floor.now_us, "ann", EVERYBODY), breaks)
            assert self.wanted() == before, "a split orders or cancels something"

    @rule(which=WHICH, many=MANY, breaks=BREAKS)
    def substitute(self, which: int, many: int, breaks: bool) -> None:
        """Two packs of nuts are sent for each carton of milk that is not to be had."""
        line = self.one([row for row in self.floor.rows("lines") if row["sku"] == "MILK"], which)
        if not line:
            return
        step, part = self.name("instead"), PartTold(line["seq"], N(many))
        script = lambda: substitute(line["name"], step, part, "NUTS", self.floor.now_us, "ann", EVERYBODY)  # noqa: E731
        before = self.wanted()
        if self.command(script, breaks):
            before["MILK"] -= many
            before["NUTS"] += 2 * many
        assert self.wanted() == +before

    def wanted(self) -> Counter[str]:
        """How much of each product is ordered and not cancelled."""
        found: Counter[str] = Counter()
        for row in self.floor.rows("lines"):
            found[row["sku"]] += sum(int(n) for stage, n in row["stages"].items() if stage != "cancelled")
        return +found

    @rule(lot=st.sampled_from(["M-1", "M-2"]), breaks=BREAKS)
    def recall(self, lot: str, breaks: bool) -> None:
        """Nobody is promised a lot that is recalled; later somebody finds that it was another one."""
        floor = self.floor
        if self.command(lambda: recall(lot, "why", floor.now_us, "ann"), breaks, keyed=False):
            self.barred.add(lot)
        assert not [row for row in floor.claims("allocated") if row["lot"] in self.barred], "a recalled lot is promised"

    @precondition(lambda self: self.barred)
    @rule()
    def lift(self) -> None:
        assert self.floor.do(lift(self.barred.pop()))

    # ------------------------------------------------------------ goods
    @rule(sku=st.sampled_from(sorted(LOTS)), lot=WHICH, at=WHICH, many=MANY, breaks=BREAKS)
    def receive(self, sku: str, lot: int, at: int, many: int, breaks: bool) -> None:
        told = MoveTold(
            self.name("in"), "receive", sku, N(many), "", self.floor.now_us, self.one(LOTS[sku], lot), None,
            self.one(BINS, at),
        )  # fmt: skip
        self.command(lambda: record([told], self.floor.now_us, "ann"), breaks)

    @rule(which=WHICH, many=st.integers(0, 7))
    def recount(self, which: int, many: int) -> None:
        """A bin is found to have another number of something; orders that were promised more get others."""
        floor = self.floor
        if not (spot := self.one(floor.rows("bins"), which)):
            return
        (task,) = floor.rows("count", floor.world.tenant_id, spot["place_id"], spot["product_id"])
        lines = floor.rows("bin lines", spot["place_id"], spot["product_id"])
        seen = [Seen(N((many + n) % 8), "", "", row["lot"], row["unit"]) for n, row in enumerate(lines)]
        floor.now_us += MINUTE_US
        floor.do(count(task["id"], seen, floor.now_us, floor.now_us, "eve", settle=True))

    @rule(which=WHICH)
    def fail(self, which: int) -> None:
        """A logger's file comes late: a lot was too warm. What orders have of it is taken back, others are given."""
        floor, lot = self.floor, self.one(("M-1", "M-2"), which)
        floor.rows("failed", floor.world.tenant_id, self.name("LOGGED-"), lot)
        floor.mend()
        assert not [row for row in floor.claims("allocated") if row["lot"] == lot], "goods that failed are promised"

    @rule(which=WHICH, many=MANY, breaks=BREAKS)
    def pick(self, which: int, many: int, breaks: bool) -> None:
        """What was promised, or less of it."""
        if row := self.one(self.floor.claims("allocated"), which):
            ends = {"source_place": row["at"], "target_place": STAGE}
            self.step(row, "pick", many, breaks, lot=row["lot"], handling_unit=row["unit"], **ends)
        else:
            self.allocate(which, breaks)

    @rule(which=WHICH, at=WHICH, lot=WHICH, many=MANY)
    def pick_elsewhere(self, which: int, at: int, lot: int, many: int) -> None:
        """From where nobody said, perhaps what is another order's."""
        if line := self.one(self.floor.rows("lines"), which):
            ends = {"source_place": self.one(BINS, at), "target_place": STAGE}
            row = {"name": line["name"], "seq": line["seq"]}
            self.step(row, "pick", many, breaks=False, lot=self.one(LOTS[line["sku"]], lot), **ends)

    @rule(which=WHICH, at=WHICH, many=MANY)
    def put_back(self, which: int, at: int, many: int) -> None:
        if row := self.one(self.floor.claims("picked"), which):
            ends = {"source_place": row["at"], "target_place": self.one(BINS, at)}
            self.step(row, "put_back", many, breaks=False, lot=row["lot"], handling_unit=row["unit"], **ends)

    @rule(which=WHICH, unit=st.sampled_from(UNITS), many=MANY, breaks=BREAKS)
    def pack(self, which: int, unit: str, many: int, breaks: bool) -> None:
        row = self.one(self.floor.claims("picked"), which)
        if row and not row["unit"]:
            self.step(row, "pack", many, breaks, lot=row["lot"], source_place=row["at"], handling_unit=unit)
        else:
            self.pick(which, many, breaks)

    @rule(which=WHICH, many=MANY)
    def unpack(self, which: int, many: int) -> None:
        row = self.one(self.floor.claims("packed"), which)
        if row and row["unit"]:
            self.step(
                row, "unpack", many, breaks=False, lot=row["lot"], source_place=row["at"], handling_unit=row["unit"]
            )

    # ------------------------------------------------------------ on board
    @rule(truck=WHICH, over=st.booleans())
    def docked(self, truck: int, over: bool) -> None:
        floor, door = self.floor, truck % 2 + 1
        ends = from_us(floor.now_us) if over else None
        began = from_us(floor.first_us)
        told = DockingTold(f"D-{door}", "dc-1", f"door-{door}", f"truck-0{door}", began, ends)
        self.command(lambda: dock(told, floor.now_us, "ann"), keyed=False)

    @rule(which=WHICH, shipment=st.sampled_from(sorted(SHIPMENTS)), misread=st.booleans())
    def carry_out(self, which: int, shipment: str, misread: bool) -> None:
        """A unit goes through the gate; what the portal is sure of is confirmed."""
        packed = [row for row in self.floor.claims("packed") if row["unit"]]
        if row := self.one(packed, which):
            self.floor.pass_the_door(row["unit"], f"door-{shipment[-1]}", misread=misread)
            self.floor.look()
            self.confirm(shipment, LoadTold(self.name("load"), verified=True))
        else:
            self.pack(which, UNITS[which % 3], 3, breaks=False)

    @rule(which=WHICH, breaks=BREAKS, other=st.sampled_from([False, False, True]))
    def scan_in(self, which: int, breaks: bool, other: bool) -> None:
        if row := self.one([row for row in self.floor.claims("packed") if row["unit"] and row["shipment"]], which):
            (wrong,) = SHIPMENTS.keys() - {row["shipment"]}
            shipment = wrong if other else row["shipment"]
            self.confirm(shipment, LoadTold(self.name("load"), scanned=(row["unit"],)), breaks)
        else:
            self.pack(which, UNITS[which % 3], 3, breaks)

    def confirm(self, shipment: str, told: LoadTold, breaks: bool = False) -> None:
        if self.command(lambda: load(shipment, told, self.floor.now_us, "ann", EVERYBODY), breaks):
            self.floor.papers(shipment)

    @rule(which=WHICH, many=MANY, loose=st.booleans())
    def put_on_board(self, which: int, many: int, loose: bool) -> None:
        """By a step of the order: what is in no unit, too."""
        row = self.one(self.floor.claims("picked" if loose else "packed"), which)
        if row and row["shipment"]:
            ends = {"source_place": row["at"], "target_place": Place("vehicle", vehicle=SHIPMENTS[row["shipment"]])}
            self.step(row, "load", many, breaks=False, lot=row["lot"], handling_unit=row["unit"], **ends)

    @rule(which=WHICH, whole=st.booleans(), many=MANY)
    def take_off(self, which: int, whole: bool, many: int) -> None:
        if not (row := self.one([row for row in self.floor.aboard() if row["shipment"]], which)):
            return
        if whole and row["unit"]:
            name, step = row["shipment"], self.name("off")
            script = lambda: unload(name, row["unit"], step, "why", self.floor.now_us, "ann", EVERYBODY)  # noqa: E731
            if self.command(script, keyed=False):
                self.floor.papers(name)
        else:
            ends = {"source_place": Place("vehicle", vehicle=row["vehicle"]), "target_place": STAGE}
            self.step(row, "unload", many, breaks=False, lot=row["lot"], handling_unit=row["unit"], **ends)

    @rule(shipment=st.sampled_from(sorted(SHIPMENTS)))
    def depart(self, shipment: str) -> None:
        """Sealed: receivers are told what is on board, what is not is left with a reason."""
        floor = self.floor
        behind = {row["unit"] for row in floor.claims("packed") if row["shipment"] == shipment and row["unit"]}
        told = LoadTold(self.name("left"), left=tuple((unit, "no room") for unit in sorted(behind)))
        if behind:
            self.command(lambda: load(shipment, told, floor.now_us, "ann", EVERYBODY))
        at = from_us(floor.now_us)
        self.command(lambda: seal(shipment, SealTold(("1",), at, "why"), at, floor.now_us, "ann"), keyed=False)
        if [row for row in floor.aboard() if row["shipment"] == shipment]:
            floor.papers(shipment)

    # ------------------------------------------------------------ at the customer's
    @rule(which=WHICH, parts=st.tuples(*[st.integers(0, 3)] * 4), early=st.booleans(), breaks=BREAKS)
    def prove(self, which: int, parts: tuple[int, ...], early: bool, breaks: bool) -> None:
        """Of what is on board; or of what is only packed, as its loading is not told yet."""
        ways = ("loaded", "packed") if early else ("loaded",)
        row = self.one([row for row in self.floor.aboard(*ways) if row["shipment"]], which)
        if not row:
            self.scan_in(which, breaks, other=False)
            return
        shipment, said = row["shipment"], self.said(row, parts)
        key = Key("phone", "b", next(self.names))
        told = ProofTold(key, self.floor.now_us - MINUTE_US * (5 if early else 0), *said)
        asked = hashlib.sha256(repr(told).encode()).digest()
        kept = self.command(lambda: self.floor.prove(shipment, told, asked), breaks)
        if kept:
            self.proofs.append((kept, shipment, told))
            self.happened.append(lambda floor: floor.do(floor.prove(shipment, told, asked)).id)

    def said(self, row: Any, parts: Sequence[int]) -> tuple[tuple[Said, ...], str, tuple[str, ...]]:
        """So many accepted, short, damaged and refused as there are; nothing of it: nobody was there."""
        left, found = row["quantity"], []
        for part in parts:
            found.append(min(N(part), left))
            left -= found[-1]
        if not any(found):
            return (), "nobody_there", (row["name"],)
        return (Said(row["name"], row["seq"], *found, "why", row["unit"], row["lot"]),), "", ()

    @precondition(lambda self: self.proofs)
    @rule(which=WHICH, parts=st.tuples(*[st.integers(0, 3)] * 4), breaks=BREAKS)
    def correct(self, which: int, parts: tuple[int, ...], breaks: bool) -> None:
        at = which % len(self.proofs)
        kept, shipment, before = self.proofs[at]
        if not before.lines:
            return
        line = before.lines[0]
        row = {"name": line.order, "seq": line.line, "quantity": line.total, "unit": line.handling_unit}
        row["lot"] = line.lot
        told = ProofTold(Key("", "", 0), before.at_us, *self.said(row, parts))
        script = lambda: correct_proof(kept.id, kept.revision, told, "recounted", self.floor.now_us, "ann")  # noqa: E731
        if now := self.command(script, breaks):
            self.proofs[at] = (
                now,
                shipment,
                ProofTold(before.key, before.at_us, told.lines, told.exception, told.orders),
            )
            self.happened.append(lambda floor: corrected_there(floor, before.key, now.revision - 1, told))

    @rule(which=WHICH, many=MANY, breaks=BREAKS)
    def send_back(self, which: int, many: int, breaks: bool) -> None:
        """Announced, received at once, and decided; or ridden back, as it was refused."""
        floor = self.floor
        back = [row for row in floor.aboard("returning") if row["vehicle"]]
        lines = [row for row in floor.rows("lines") if "delivered" in row["stages"]]
        row = self.one([*back, *lines], which)
        if not row:
            return
        origin = "returning" if row in back else "delivered"
        name, lot = self.name("RMA-"), row.get("lot") or self.one(LOTS[row["sku"]], which)
        line = LineBack(row["seq"], N(many), "why", origin)
        if self.command(lambda: announce(name, row["name"], [line], "", "ann"), breaks) is None and not self.returned(
            name
        ):
            return
        got = Receipt(
            1, N(many), RETURNS, floor.now_us + MINUTE_US, lot, row.get("vehicle") or "", row.get("unit") or ""
        )
        self.command(lambda: receive(name, got, floor.now_us, "ann"), breaks)
        way = self.one(["restock", "rework", "destroy", ""], which)
        if way:
            to = BINS[0] if way == "restock" else None
            self.command(lambda: decide(name, 1, way, "why", to, floor.now_us, "ann"), keyed=False)

    def returned(self, name: str) -> bool:
        return bool(self.floor.connection.execute("select from goods_return where name = %s", (name,)).fetchall())

    # ------------------------------------------------------------ told again
    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 1000))
    def again(self, which: int) -> None:
        """A command is repeated with its key: it changes nothing."""
        before = self.floor.picture()
        with suppress(CannotError):  # what it rests on may be otherwise by now
            self.floor.do(self.one(self.told, which)())
        assert self.floor.picture() == before, "told again it has changed something"

    @invariant()
    def holds(self) -> None:
        self.floor.mend()
        check(self.floor)

    def teardown(self) -> None:
        """6: the facts are told in another database, in any order and some of them twice: it ends alike."""
        facts = [*facts_of(self.floor), *self.happened]
        if len(facts) < 5:
            return
        rng, ends = random.Random(len(facts)), []
        for n in range(2):
            there = self.elsewhere
            there.begin()
            there.now_us = self.floor.now_us + MINUTE_US
            orders_of(self.floor, there)
            again = [*facts, *facts[::3]]
            if n:
                rng.shuffle(again)
            while again:
                again = [fact for fact in again if fact(there) is False]
            check(there)
            ends.append(ended(there))
        assert ends[0] == ends[1], "6: told in another order it has come to something else"
        assert ends[0][2] == ended(self.floor)[2], "6: the ledger there is another one"


@pytest.fixture(scope="module")
def floors(postgres: Any, template: str) -> Iterator[None]:
    with (
        copied(postgres.dsn, template) as here, copied(postgres.dsn, template) as there,
        closing(Floor(here)) as Fulfilment.floor, closing(Floor(there)) as Fulfilment.elsewhere,
    ):  # fmt: skip
        Fulfilment.elsewhere.first_us = Fulfilment.floor.first_us
        yield


@pytest.mark.usefixtures("floors")
def test_nothing_is_lost_doubled_or_given_twice_whatever_is_done_and_told() -> None:
    days = max(settings.default.max_examples // 5, 1)
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Fulfilment,
            settings=settings(
                max_examples=days, stateful_step_count=30 if days < 100 else 60, deadline=None,
                suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
            ),
        )  # fmt: skip
    finally:
        print(f"{Fulfilment.steps} commands, {Fulfilment.taken} of them taken in")
