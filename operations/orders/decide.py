"""An order while one transaction works on it: read with its row locked, and kept with what came of it.

Statements are those of `store/queries/orders.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.orders.claims import Claim, Spot, Spots, claims_of
from domain.orders.stages import STAGES, Line, Told, fold, status
from domain.refusal import CannotError
from domain.stock.moves import Place, units_of
from domain.stock.quantities import Quantity, text_of
from domain.times import rfc3339, to_us
from operations.unit_of_work import Row, Script, Statement

NONE = Quantity(0)
MS_US = 1000


class StepTold(NamedTuple):
    """A step as somebody tells it. Places: whence goods are taken, to where they are put."""

    id: str
    line: int
    kind: str
    quantity: Quantity
    unit: str = ""
    at_us: int | None = None
    lot: str = ""
    source_place: Place | None = None
    target_place: Place | None = None
    handling_unit: str = ""
    reason: str = ""
    source: str = "person"
    allow_negative: bool = False
    evidence: Mapping[str, Any] | None = None


@dataclass
class LineNow:
    """A line while it is worked on."""

    key: int
    seq: int
    product: int
    sku: str
    ordered: Quantity
    expires: bool
    stands_for: int | None = None
    told: list[Told] = field(default_factory=list)
    spots: dict[str, Spots] = field(default_factory=dict)

    def add(self, told: Told, spots: Spots) -> None:
        """One step more."""
        self.told.append(told)
        self.spots[told.id] = spots

    @property
    def line(self) -> Line:
        """What it has come to."""
        return fold(self.ordered, self.told)


@dataclass(eq=False)
class OpenOrder:
    """An order that nobody else can change now."""

    row: Row
    lines: dict[int, LineNow]
    before: dict[tuple[int, Claim], Quantity]

    def decided_at(self, now_us: int) -> int:
        """When something is decided now: after all that was told, so that it comes after it when it is folded anew."""
        told = (each.at_us for line in self.lines.values() for each in line.told)
        return max([to_ms(now_us), *(at_us + MS_US for at_us in told if at_us >= to_ms(now_us))])


def to_ms(at_us: int) -> int:
    """To the millisecond, as it is kept: what is folded anew must come in the same order."""
    return at_us // MS_US * MS_US


class Done(NamedTuple):
    """What became of steps: those that were not told before."""

    new: tuple[str, ...]
    version: int


def opened(name: str) -> Script[OpenOrder]:
    """An order, locked.

    Raises:
        CannotError: there is none.
    """
    found = yield from opened_all([name])
    if not found:
        raise CannotError(f"there is no order {name}", missing=True)
    return found[0]


def opened_all(names: Sequence[str]) -> Script[list[OpenOrder]]:
    """Orders, locked in the order of their keys, so that two who want the same never wait for one another."""
    rows = yield Statement("orders_locked", {"names": list(names)})
    keys = [row["id"] for row in rows]
    lines: dict[int, dict[int, LineNow]] = {key: {} for key in keys}
    by_key: dict[int, LineNow] = {}
    for row in (yield Statement("order_lines_locked", {"orders": keys})) if keys else ():
        what = row["product_id"], row["sku"], row["quantity"], row["expires"], row["stands_for"]
        line = LineNow(row["id"], row["seq"], *what)
        lines[row["order_id"]][line.seq] = by_key[line.key] = line
    for row in (yield Statement("order_steps_told", {"orders": keys})) if keys else ():
        told = Told(row["client_id"], row["kind"], to_us(row["at"]), row["quantity"], row["handling_unit"])
        step = StepTold(told.id, 0, told.kind, told.quantity, handling_unit=row["handling_unit"])
        by_key[row["line_id"]].add(told, _kept_spots(step, row))
    before: dict[int, dict[tuple[int, Claim], Quantity]] = {key: {} for key in keys}
    for row in (yield Statement("claims", {"orders": keys})) if keys else ():
        claim = Claim(row["stage"], Spot(row["place"], row["lot"], row["unit"]))
        before[row["order_id"]][row["line"], claim] = row["quantity"]
    return [OpenOrder(row, lines[row["id"]], before[row["id"]]) for row in rows]


def _kept_spots(step: StepTold, row: Row) -> Spots:
    inside = units_of(step.kind, step.handling_unit)
    first, second = (
        None if row[name] is None else Spot(row[name], row["lot"], unit)
        for name, unit in zip(("place", "to_place"), inside, strict=True)
    )
    return first, second


def step_row(step: StepTold, line: LineNow, told: Told, lot: int, spots: Spots) -> dict[str, Any]:
    """A step as it is written."""
    first, second = (spot.place if spot else None for spot in spots)
    return {
        "line": line.key, "id": step.id, "kind": step.kind, "at": rfc3339(told.at_us),
        "quantity": text_of(told.quantity), "source": step.source, "reason": step.reason, "lot": lot, "place": first,
        "to_place": second, "handling_unit": step.handling_unit, "evidence": step.evidence,
    }  # fmt: skip


def kept(order: OpenOrder, rows: Sequence[Mapping[str, Any]], by: str) -> Script[Done]:
    """Writes steps, what lines have come to, and which goods are whose."""
    (done,) = yield from kept_all([(order, rows)], by)
    return done


def kept_all(changed: Sequence[tuple[OpenOrder, Sequence[Mapping[str, Any]]]], by: str) -> Script[list[Done]]:
    """The same of several orders at once."""
    steps = [row for _, rows in changed for row in rows]
    told = {row["client_id"] for row in (yield Statement("add_steps", {"rows": json.dumps(steps), "by": by}))}
    if len(told) < len(steps):
        raise CannotError("somebody else told one of them just now; look again", conflict=True)
    folded = [(order, {line.key: line.line for line in order.lines.values()}) for order, _ in changed]
    lines = [_line_row(key, line) for _, found in folded for key, line in found.items()]
    yield Statement("set_lines", {"rows": json.dumps(lines)})
    if claims := [row for order, found in folded for row in _changed_claims(order, found)]:
        yield Statement("drop_claims", {"rows": json.dumps(claims)})
        yield Statement("put_claims", {"rows": json.dumps(claims)})
    heads = [{"id": order.row["id"], "status": status(found.values())} for order, found in folded]
    versions = {row["id"]: row["version"] for row in (yield Statement("set_orders", {"rows": json.dumps(heads)}))}
    return [Done(tuple(row["id"] for row in rows), versions[order.row["id"]]) for order, rows in changed]


def _changed_claims(order: OpenOrder, lines: Mapping[int, Line]) -> Iterable[dict[str, Any]]:
    after = {
        (line.key, claim): quantity
        for line in order.lines.values()
        for claim, quantity in claims_of(lines[line.key].shifts, line.spots).items()
    }
    products = {line.key: line.product for line in order.lines.values()}
    for key, claim in sorted(after.keys() | order.before.keys()):
        quantity = after.get((key, claim), NONE)
        if quantity != order.before.get((key, claim), NONE):
            yield {
                "line": key, "stage": claim.stage, **claim.spot._asdict(), "product": products[key],
                "quantity": text_of(quantity),
            }  # fmt: skip


def _line_row(key: int, line: Line) -> dict[str, Any]:
    return {
        "id": key,
        "status": line.stage,
        "stages": {stage: text_of(line.stages[stage]) for stage in STAGES if line.stages[stage]},
        "waiting": {step: text_of(quantity) for step, quantity in line.waiting.items()},
    }
