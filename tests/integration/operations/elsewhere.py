"""What happened on a floor, as it is told once more in another database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain.orders.stages import HAPPENED
from domain.stock.moves import Place
from domain.times import to_us
from operations.orders.decide import StepTold
from operations.orders.record import LineTold, OrderTold, add_order
from operations.proofs.record import Key, ProofTold, correct_proof
from operations.stock.decide import Told as MoveTold
from operations.stock.record import record
from tests.integration.operations.fulfilment import Floor, place


def corrected_there(floor: Floor, key: Key, revision: int, told: ProofTold) -> bool:
    """Corrections come in their order, and after what they correct: whoever makes one has seen it."""
    rows = floor.ask("proof_known", **key._asdict())
    if rows and rows[0]["revision"] == revision:
        floor.do(correct_proof(rows[0]["id"], revision, told, "recounted", floor.now_us, "ann"))
    return bool(rows) and rows[0]["revision"] >= revision


def orders_of(floor: Floor, there: Floor) -> None:
    """The same orders on the same shipments, in another database."""
    for order in floor.rows("orders told"):
        lines = tuple(LineTold(sku, n) for sku, n in zip(order["skus"], order["many"], strict=True))
        there.do(add_order(OrderTold(order["name"], order["code"], "dc-1", lines), there.now_us, "ann"))
    for row in floor.rows("carried"):
        there.rows("carry", row["name"], row["shipment"])


def facts_of(floor: Floor) -> list[Callable[[Floor], Any]]:
    """All that has happened, but for what proofs say: steps, and moves of the ledger that are of no order."""
    found: list[Callable[[Floor], Any]] = []
    for row in floor.rows("steps told", sorted(HAPPENED)):
        told = StepTold(
            row["id"], row["seq"], row["kind"], row["quantity"], "", to_us(row["at"]), row["lot"], *sides(row),
            row["handling_unit"], "told later", "person", True,
        )  # fmt: skip
        found.append(lambda there, name=row["name"], told=told: there.do(there.tell(name, told, late=True)))  # type: ignore[misc]
    for row in floor.rows("moves told"):
        move = MoveTold(
            row["id"], row["kind"], row["sku"], row["quantity"], "", to_us(row["at"]), row["lot"], *sides(row),
            row["handling_unit"], "told later", "", "person", True,
        )  # fmt: skip
        found.append(lambda there, move=move: there.do(record([move], there.now_us, "ann")))  # type: ignore[misc]
    return found


def sides(row: Any) -> tuple[Place | None, Place | None]:
    """Whence and to where."""
    names = ("kind", "site", "zone", "bin", "vehicle")
    ends = [{name: row[f"{side}_{name}"] for name in names} for side in ("from", "to")]
    first, second = (place(end) if end["kind"] else None for end in ends)
    return first, second
