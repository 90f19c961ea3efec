"""The one transaction of what comes back: never more than was delivered, and on hold until somebody has decided.

Statements are those of `store/queries/returns.sql`, `orders.sql` and `stock.sql`. The order is locked first, as by
whoever else changes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from domain.refusal import CannotError
from domain.stock.moves import Place
from domain.stock.quantities import Quantity, text_of
from domain.times import rfc3339
from operations.orders.decide import StepTold, opened
from operations.orders.record import Beside, tell, tell_all
from operations.stock.decide import Told as MoveTold
from operations.stock.decide import lots_of, places_of
from operations.stock.record import record
from operations.unit_of_work import Row, Script, Statement

NONE = Quantity(0)
SERVICE, LOADER = frozenset({"service"}), frozenset({"loader"})
DECISIONS = ("restock", "rework", "destroy")


class LineBack(NamedTuple):
    """Goods of an order's line that come back, in base units. `origin`: delivered, or returning (never taken)."""

    line: int
    quantity: Quantity
    reason: str
    origin: str = "delivered"
    condition: str = "unknown"


class Receipt(NamedTuple):
    """What came of an announced line. `vehicle` and `unit`: on what refused goods rode back, and in what."""

    seq: int
    quantity: Quantity
    place: Place
    at_us: int
    lot: str = ""
    vehicle: str = ""
    unit: str = ""
    condition: str = ""


def announce(name: str, order: str, lines: Sequence[LineBack], note: str, by: str) -> Script[None]:
    """Goods are to come back.

    Raises:
        CannotError: more than is there to come back, or another return has its name.
    """
    found = yield from opened(order)
    awaited = {
        (row["seq"], row["origin"]): row["quantity"] for row in (yield Statement("awaited", {"order": found.row["id"]}))
    }
    rows = []
    for n, back in enumerate(lines, 1):
        if back.line not in found.lines:
            raise CannotError(f"lines.{n}: line: there is no {back.line}, they go from 1 to {len(found.lines)}")
        line = found.lines[back.line]
        key = back.line, back.origin
        free = line.line.stages[back.origin] - awaited.get(key, NONE)  # type: ignore[index]
        if back.quantity > free:
            raise CannotError(
                f"lines.{n}: of line {back.line} {text_of(max(free, NONE))} {back.origin} can come back, not "
                f"{text_of(back.quantity)}",
                conflict=True,
            )
        awaited[key] = awaited.get(key, NONE) + back.quantity
        rows.append({
            "seq": n, "line": line.key, "origin": back.origin, "quantity": text_of(back.quantity),
            "condition": back.condition, "reason": back.reason,
        })  # fmt: skip
    done = yield Statement("add_return", {"name": name, "order": found.row["id"], "note": note, "by": by})
    if not done:
        raise CannotError(f"id: there is another return {name}; choose another name", conflict=True)
    yield Statement("add_return_lines", {"return": done[0]["id"], "rows": json.dumps(rows)})


def cancel(name: str) -> Script[None]:
    """Nothing is to come back any more.

    Raises:
        CannotError: there is no such return, it is cancelled, or some of it has come back.
    """
    rows = yield Statement("return_line", {"name": name, "seq": 1})
    if not rows:
        raise CannotError("there is no such return", missing=True)
    yield Statement("orders_locked", {"names": [rows[0]["order"]]})
    states = {row["state"] for row in (yield Statement("return_states", {"name": name}))}
    if states != {"announced"}:
        why = "it is cancelled already" if states == {"cancelled"} else "some of it has come back: decide on that"
        raise CannotError(why, conflict=True)
    yield Statement("cancel_return", {"name": name})


def hold_unit(name: str, seq: int) -> str:
    """The unit under which goods of a return lie on hold.

    >>> hold_unit("RMA-7", 2)
    'RET-RMA-7-2'
    """
    return f"RET-{name}-{seq}"


def receive(name: str, got: Receipt, now_us: int, by: str) -> Script[None]:
    """Goods are with us again: the order's step and the ledger's moves, into a unit on hold.

    Raises:
        CannotError: there is no such return or line, it came before, or more came than was announced.
    """
    line = yield from _line(name, got.seq, ("announced",))
    if not NONE < got.quantity <= line["quantity"]:
        raise CannotError(
            f"quantity: {text_of(line['quantity'])} were announced, not {text_of(got.quantity)}", conflict=True
        )
    unit, step = hold_unit(name, got.seq), f"ret-{line['return_id']}-{got.seq}"
    if line["origin"] == "delivered":
        told = StepTold(
            step, line["line"], "return", got.quantity, "", got.at_us, got.lot, None, got.place, unit, line["reason"]
        )
        yield from tell(line["order"], [told], now_us, by, SERVICE)
    else:
        if not got.vehicle:
            raise CannotError("vehicle: on which did the goods ride back?")
        source = Place("vehicle", vehicle=got.vehicle)
        told = StepTold(
            step, line["line"], "bring_back", got.quantity, "", got.at_us, got.lot, source, got.place, got.unit,
            line["reason"],
        )  # fmt: skip
        beside = Beside(moves=tuple(_into(line, got, step, unit)))
        yield from tell_all({line["order"]: [told]}, now_us, by, LOADER, beside=beside)
    places = yield from places_of({got.place})
    lots = yield from lots_of({got.lot} if got.lot else set())
    custody = "unbroken" if line["origin"] == "returning" else "indeterminate" if line["cold"] else "not_needed"
    yield Statement("set_received", {
        "id": line["id"], "received": text_of(got.quantity), "at": rfc3339(got.at_us), "by": by,
        "place": places[got.place], "lot": lots[got.lot][0] if got.lot else None, "unit": unit, "custody": custody,
        "condition": got.condition or line["condition"],
    })  # fmt: skip
    yield Statement("hold", {"unit": unit, "reason": f"{name}: {line['reason']}", "by": by})


def _into(line: Row, got: Receipt, step: str, unit: str) -> list[MoveTold]:
    """Out of the unit in which goods rode back, and into the one on hold."""
    about = {"sku": line["sku"], "quantity": got.quantity, "unit": "", "at_us": got.at_us, "lot": got.lot}
    moves = []
    if got.unit:
        moves.append(MoveTold(f"{step}-unpack", "unpack", **about, source_place=got.place, handling_unit=got.unit))
    moves.append(MoveTold(f"{step}-pack", "pack", **about, source_place=got.place, handling_unit=unit))
    return moves


def decide(name: str, seq: int, decision: str, why: str, to: Place | None, now_us: int, by: str) -> Script[None]:
    """What becomes of goods on hold. `rework` leaves them there: it is decided again.

    Raises:
        CannotError: there is no such line, it has not come, or it is decided.
    """
    line = yield from _line(name, seq, ("received",))
    if decision not in DECISIONS:
        raise CannotError(f"decision: {decision} is none of {', '.join(DECISIONS)}")
    place = Place("site", line["site"] or "", line["zone"] or "", line["bin"] or "")
    step = f"ret-{line['return_id']}-{seq}-{decision}"
    lot = line["lot"] or ""
    moves = []
    if decision == "restock":
        moves.append(MoveTold(
            f"{step}-unpack", "unpack", line["sku"], line["received"], "", now_us, lot, place, None, line["unit"], why
        ))  # fmt: skip
        if to is not None and to != place:
            moves.append(MoveTold(
                f"{step}-put", "put_away", line["sku"], line["received"], "", now_us + 1000, lot, place, to, "", why
            ))  # fmt: skip
    elif decision == "destroy":
        moves.append(MoveTold(
            f"{step}-waste", "waste", line["sku"], line["received"], "", now_us, lot, place, None, line["unit"], why
        ))  # fmt: skip
    if moves:
        yield from record(moves, now_us + 1000, by)
        yield Statement("release_hold", {"unit": line["unit"], "by": by, "why": f"{decision}: {why}"})
    state = "received" if decision == "rework" else "decided"
    yield Statement("set_decided", {"id": line["id"], "state": state, "decision": decision, "by": by, "why": why})


def _line(name: str, seq: int, states: Sequence[str]) -> Script[Row]:
    """A line of a return, with its order locked.

    Raises:
        CannotError: there is none, or it is in another state.
    """
    rows = yield Statement("return_line", {"name": name, "seq": seq})
    if not rows:
        raise CannotError("there is no such return", missing=True)
    yield Statement("orders_locked", {"names": [rows[0]["order"]]})
    (line,) = yield Statement("return_line", {"name": name, "seq": seq})
    if line["state"] not in states:
        raise CannotError(f"line {seq} is {line['state']} by now: look again", conflict=True)
    return line
