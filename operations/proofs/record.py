"""The one transaction of a proof of delivery: kept as it was said, and told to its orders as what has happened.

Statements are those of `store/queries/proofs.sql`, `orders.sql` and `stock.sql`. Whoever tells or corrects a proof
locks its orders first, so that two never wait for one another there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.deliveries.proof import (
    CLOCK_AHEAD_US,
    Moved,
    Outcome,
    Position,
    ProofError,
    Said,
    away_m,
    moved,
    outcome,
    step_prefix,
)
from domain.refusal import CannotError
from domain.stock.moves import Place
from domain.stock.quantities import text_of
from domain.times import rfc3339
from operations.orders.decide import StepTold
from operations.orders.record import Beside, tell_all
from operations.unit_of_work import Row, Script, Statement

DRIVER = frozenset({"driver"})
LATE = "told by the driver, whatever was told before"


class Key(NamedTuple):
    """By which whoever made a proof knows it: which device, which start of it, its how-manieth."""

    device: str
    boot: str
    seq: int


@dataclass(frozen=True)
class ProofTold:
    """A proof as somebody tells it, with names.

    Attributes:
        orders: which orders it is of, when no line says so.
        body: what is kept as it was said: receiver, pictures, temperatures, remarks.
    """

    key: Key
    at_us: int
    lines: tuple[Said, ...] = ()
    exception: str = ""
    orders: tuple[str, ...] = ()
    position: Position | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def named(self) -> list[str]:
        """Orders that it speaks of."""
        return sorted({*self.orders, *(line.order for line in self.lines)})


class Kept(NamedTuple):
    """A proof as it is kept; `new`: it was not told before."""

    id: int
    revision: int
    outcome: Outcome
    orders: tuple[str, ...]
    new: bool


def prove(
    shipment: str, stop: str, told: ProofTold, asked: bytes, now_us: int, by: str, only: int | None = None
) -> Script[Kept]:
    """Keeps a proof, and tells its orders what it says, in whatever order all that comes.

    `asked` is the digest of what was told: the same again is answered as before. `only`: the key of the one shipment
    that who tells it may speak of.

    Raises:
        CannotError: another proof has its key, or it names what is not there.
    """
    where = yield from _stop(shipment, stop, only)
    rows = yield Statement("proof_known", told.key._asdict())
    if rows:
        return _again(rows[0], asked)
    what = _judged(told)
    orders = yield from _orders(where["shipment_id"], told.named)
    (customer,) = {row["customer_id"] for row in orders}
    rows = yield Statement("add_proof", {
        **told.key._asdict(), "shipment": where["shipment_id"], "stop": where["stop_id"], "stop_name": where["name"],
        "customer": customer, "asked": asked,
    })  # fmt: skip
    if not rows:  # the same was told twice at once, and the other one was quicker
        return _again((yield Statement("proof_known", told.key._asdict()))[0], asked)
    proof = rows[0]["id"]
    flags = _flags(told, where, orders, now_us)
    yield from _write(proof, 1, told, what, where, flags, "", by)
    steps = _steps(told, where, _prefix(told.key, 1), now_us)
    if steps:
        yield from tell_all(steps, now_us, by, DRIVER, late=True)
    return Kept(proof, 1, what, tuple(told.named), new=True)


def correct_proof(proof: int, revision: int, told: ProofTold, reason: str, now_us: int, by: str) -> Script[Kept]:
    """Says anew what came of a stop; what was said before is kept, and its steps are taken back.

    `told.key` is not looked at: it stays that of the device.

    Raises:
        CannotError: there is none, or somebody has corrected it since `revision`.
    """
    rows = yield Statement("proof_locked", {"id": proof})
    if not rows:
        raise CannotError("there is no such proof", missing=True)
    row = rows[0]
    if row["revision"] != revision:
        raise CannotError(f"revision: it is at {row['revision']} by now: look again", conflict=True)
    what = _judged(told)
    orders = yield from _orders(row["shipment_id"], told.named)
    if {each["customer_id"] for each in orders} != {row["customer_id"]}:
        raise CannotError("lines: a proof stays with the customer who signed it; tell another one for others")
    key = Key(row["device"], row["boot"], row["seq"])
    before = yield from _steps_before(proof, row)
    flags = _flags(told, row, orders, now_us)
    yield from _write(proof, revision + 1, told, what, row, flags, reason, by)
    gone = frozenset(step for steps in before.values() for step in steps)
    steps: dict[str, list[StepTold]] = {name: [] for name in before}
    steps |= _steps(told, row, _prefix(key, revision + 1), now_us)
    if steps:
        yield from tell_all(steps, now_us, by, DRIVER, late=True, beside=Beside(gone, reason))
    return Kept(proof, revision + 1, what, tuple(sorted({*told.named, *before})), new=True)


def _again(row: Row, asked: bytes) -> Kept:
    if bytes(row["asked"]) != asked:
        raise CannotError(
            f"seq: this device has told another proof as {row['boot']}.{row['seq']}; both are kept where they are: "
            "tell this one with a number of its own",
            conflict=True,
        )
    return Kept(row["id"], row["revision"], row["outcome"], tuple(row["orders"]), new=False)


def _stop(shipment: str, stop: str, only: int | None) -> Script[Row]:
    rows = yield Statement("stop_of_shipment", {"shipment": shipment, "stop": stop, "only": only})
    if not rows:
        raise CannotError("there is no such stop", missing=True)
    return rows[0]


def _judged(told: ProofTold) -> Outcome:
    try:
        return outcome(told.lines, told.exception)
    except ProofError as error:
        raise CannotError(str(error)) from None


def _orders(shipment: int, names: Sequence[str]) -> Script[Sequence[Row]]:
    """Orders that a proof speaks of, locked, those of one customer.

    Raises:
        CannotError: one is not on this shipment, or they are several customers'.
    """
    if not names:
        raise CannotError("orders: which of them? name those that nobody took")
    rows = yield Statement("orders_carried", {"shipment": shipment, "names": list(names)})
    found = {row["name"] for row in rows}
    if missing := [name for name in names if name not in found]:
        raise CannotError(f"order: {missing[0]} is not on this shipment; ask whoever plans it", conflict=True)
    if len({row["customer_id"] for row in rows}) > 1:
        raise CannotError("lines: each customer signs a proof of their own")
    return rows


def _flags(told: ProofTold, where: Row, orders: Sequence[Row], now_us: int) -> list[str]:
    """What is odd about it, and stops nobody."""
    flags = ["away"] if where["lat"] is not None and away_m(told.position, where)[1] else []
    flags += ["clock"] if told.at_us > now_us + CLOCK_AHEAD_US else []
    elsewhere = any(row["stop_id"] is not None and row["stop_id"] != where["stop_id"] for row in orders)
    return flags + (["elsewhere"] if elsewhere else [])


def _write(
    proof: int, revision: int, told: ProofTold, what: Outcome, where: Row, flags: list[str], reason: str, by: str
) -> Script[None]:
    metres = away_m(told.position, where)[0] if where["lat"] is not None else None
    position = told.position._asdict() if told.position else None
    rows = yield Statement("add_proof_revision", {
        "proof": proof, "revision": revision, "at": rfc3339(told.at_us), "by": by, "reason": reason, "outcome": what,
        "flags": flags, "distance_m": metres, "body": json.dumps({**told.body, "position": position}),
    })  # fmt: skip
    if not rows:
        raise CannotError("revision: somebody has corrected it just now; look again", conflict=True)
    lines = [
        {
            "n": n, "order": line.order, "seq": line.line, "handling_unit": line.handling_unit, "lot": line.lot,
            "accepted": text_of(line.accepted), "short": text_of(line.short), "damaged": text_of(line.damaged),
            "refused": text_of(line.refused), "reason": line.reason,
        }
        for n, line in enumerate(told.lines, 1)
    ]  # fmt: skip
    done = yield Statement("add_proof_lines", {"proof": proof, "revision": revision, "rows": json.dumps(lines)})
    if len(done) < len(lines):
        there = {row["n"] for row in done}
        line = next(each for n, each in enumerate(told.lines, 1) if n not in there)
        raise CannotError(f"lines: order {line.order} has no line {line.line}")
    yield Statement("set_proof_orders", {"proof": proof, "names": told.named})


def _prefix(key: Key, revision: int) -> str:
    """What ids of its steps begin with: the same for the same proof, whoever tells it."""
    return step_prefix([*key, revision])


def _steps(told: ProofTold, where: Row, prefix: str, now_us: int) -> dict[str, list[StepTold]]:
    """What each order is told: it happened, so that what it rests on may be told later."""
    found: dict[str, list[StepTold]] = {}
    if (lines := moved(told.lines)) and not where["vehicle"]:
        raise CannotError("the shipment has no vehicle: say first what carries it", conflict=True)
    for n, each in enumerate(lines, 1):
        found.setdefault(each.order, []).append(_step(each, f"{prefix}-{n}", where["vehicle"], min(told.at_us, now_us)))
    return found


def _step(each: Moved, name: str, vehicle: str, at_us: int) -> StepTold:
    place = Place("vehicle", vehicle=vehicle)
    delivered = each.kind == "deliver"
    return StepTold(
        name, each.line, each.kind, each.quantity, "", at_us, each.lot, place if delivered else None,
        None, each.handling_unit, each.reason or (LATE if delivered else ""), "person",
        delivered,
    )  # fmt: skip


def _steps_before(proof: int, row: Row) -> Script[dict[str, list[str]]]:
    """Which steps of which orders the revision before has told."""
    prefix = _prefix(Key(row["device"], row["boot"], row["seq"]), row["revision"])
    found: dict[str, list[str]] = {}
    for step in (yield Statement("steps_of_proof", {"proof": proof, "prefix": f"{prefix}-"})):
        found.setdefault(step["order"], []).append(step["id"])
    return found
