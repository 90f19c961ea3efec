"""The law of proofs: whatever comes first, and however often it is told, a line and its ledger end alike."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.deliveries.proof import Said
from domain.stock.quantities import Quantity
from operations.orders.decide import StepTold
from operations.orders.record import tell
from operations.proofs.record import Key, ProofTold, correct_proof, prove
from store.db import queries
from tests.integration.operations.test_order_laws import BIN, EVERYBODY, LAX, NAMED, NOW, STAGE, TRUCK, Book

N = Quantity
STEPS = {"pick": (BIN, STAGE, 1, 6), "load": (STAGE, TRUCK, 2, 6)}
PROOFS = {
    "first": ProofTold(Key("phone", "b", 1), NOW + 3000, (Said("A", 1, N(3), damaged=N(1), reason="wet"),)),
    "second": ProofTold(Key("phone", "b", 2), NOW + 4000, (Said("A", 1, N(1), refused=N(1), reason="late"),)),
    "nobody": ProofTold(Key("phone", "b", 3), NOW + 2500, exception="closed", orders=("A",)),
}


class Round(Book):
    """An order that a shipment carries."""

    named = {**NAMED, **queries("proofs")}  # noqa: RUF012 - nobody changes it

    def begin(self) -> None:
        super().begin()
        self.connection.execute(
            "insert into shipment_order (tenant_id, shipment_id, order_id, stop_id, added_by) "
            "select o.tenant_id, t.shipment_id, o.id, t.id, 'ann' from customer_order o "
            "join stop t on t.name = 'S-1-2' "
            "where o.name = 'A' and o.tenant_id = t.tenant_id"
        )

    def told(self, what: str) -> Any:
        if what in STEPS:
            source, target, at, quantity = STEPS[what]
            step = StepTold(
                what, 1, what, Quantity(quantity), "", NOW + at * 1000, "", source, target, "", "why", "person", True
            )
            return self.do(tell("A", [step], NOW + 9000, "ann", EVERYBODY, late=True))
        proof = PROOFS[what]
        asked = hashlib.sha256(repr(proof).encode()).digest()
        return self.do(prove("S-1", "S-1-2", proof, asked, NOW + 9000, "driver:mika"))

    def end(self) -> Any:
        (line, _) = self.facts()
        balances = self.connection.execute(
            "select p.kind, sum(b.quantity) as n from ledger_balance b join ledger_place p on p.id = b.place_id "
            "group by 1 having sum(b.quantity) <> 0 order by 1"
        ).fetchall()
        return line["stages"], line["waiting"], [(row["kind"], row["n"]) for row in balances]


@pytest.fixture(scope="module")
def book(kept_database: str) -> Any:
    found = Round(kept_database)
    yield found
    found.connection.close()
    found.world.close()


ALL = [*STEPS, *PROOFS]
ENDED: Any = ({"delivered": "4", "returning": "2"}, {}, [("site", N(3)), ("vehicle", N(2))])


@LAX
@given(st.permutations(ALL), st.lists(st.sampled_from(ALL), max_size=4))
def test_any_order_and_doubles_end_alike(book: Round, order: list[str], twice: list[str]) -> None:
    book.begin()
    for what in [*order, *twice]:
        book.told(what)
    book.check()
    assert book.end() == ENDED


@LAX
@given(st.permutations(ALL), st.integers(0, 4))
def test_a_correction_ends_alike_wherever_it_falls(book: Round, order: list[str], at: int) -> None:
    book.begin()
    kept: Any = None
    corrected = False
    for n, what in enumerate(order):
        found = book.told(what)
        kept = found if what == "first" else kept
        if kept and not corrected and n >= at:
            right = ProofTold(Key("", "", 0), NOW + 3000, (Said("A", 1, N(4)),))
            book.do(correct_proof(kept.id, 1, right, "recounted", NOW + 9000, "ann"))
            corrected = True
    if not corrected:
        right = ProofTold(Key("", "", 0), NOW + 3000, (Said("A", 1, N(4)),))
        book.do(correct_proof(kept.id, 1, right, "recounted", NOW + 9000, "ann"))
    assert book.end() == ({"delivered": "5", "returning": "1"}, {}, [("site", N(3)), ("vehicle", N(1))])
