"""Units of an order that go another way: what is taken off one line is ordered on another in the same transaction.

Lines are never copied: the first one's units are cancelled with where they went, the new line says for which it stands.
Statements are those of `store/queries/order_parts.sql`, `orders.sql` and what goods are given by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.orders.stages import STEPS, Told
from domain.refusal import CannotError
from domain.stock.quantities import Quantity, text_of
from domain.times import rfc3339, to_us
from operations.allocation.record import allocate
from operations.orders.decide import LineNow, OpenOrder, StepTold, kept, opened, step_row
from operations.orders.record import LINES_MAX, LineTold, entered
from operations.stock.decide import products_of
from operations.unit_of_work import Script, Statement


class PartTold(NamedTuple):
    """So much of a line; in its product's base unit, when no unit is said."""

    line: int
    quantity: Quantity
    unit: str = ""


class SplitTold(NamedTuple):
    """An order of what another one wants: what is None is as there, and what `window` does not name."""

    name: str
    parts: tuple[PartTold, ...]
    ship_to: str | None = None
    window: Mapping[str, int | None] | None = None
    priority: int | None = None
    note: str | None = None
    version: int | None = None


def split(name: str, given: SplitTold, now_us: int, by: str, who: frozenset[str]) -> Script[bool]:
    """Units of an order that nobody has picked go to an order of their own; whether they had not yet.

    They are open there, and given goods at once where they had some.

    Raises:
        CannotError: there is no such order, line or place, or too few units that nobody has picked; another order has
            its name.
    """
    order = yield from opened(name)
    may_cancel(who)
    if len({part.line for part in given.parts}) < len(given.parts) or not 1 <= len(given.parts) <= LINES_MAX:
        raise CannotError(f"lines: each line once, {LINES_MAX} at most")
    asked = {"order": order.row["id"], "name": given.name, "ship_to": given.ship_to}
    (keys,) = yield Statement("split_names", asked)
    if given.ship_to is not None and keys["ship_to_id"] is None:
        raise CannotError(f"ship_to: the customer has no {given.ship_to}; add it first")
    lines = yield from _lines(order, given)
    if keys["known"]:
        yield from _same(order, given.name, lines)
        return False
    still(order, given.version)
    rows, had_goods = [], False
    for row in lines:
        line, quantity = order.lines[row["of"]], row["base"]
        had_goods |= quantity > line.line.stages["open"]
        told_as = f"~/{given.name}/{row['seq']}"  # no order's name has a slash
        rows.append(taken_off(order, line, quantity, (told_as, f"split to {given.name}"), now_us))
    made = yield Statement("add_split", {
        "order": order.row["id"], "name": given.name, "ship_to": keys["ship_to_id"], "priority": given.priority,
        "note": given.note, "by": by, "ordered_at": rfc3339(now_us), **_window(order, given.window or {}),
    })  # fmt: skip
    if not made:
        raise CannotError(f"id: there is another order {given.name}; choose another name", conflict=True)
    kept_rows = [{name: value for name, value in row.items() if name not in ("of", "base")} for row in lines]
    yield Statement("add_parts", {"order": made[0]["id"], "rows": json.dumps(kept_rows)})
    yield from kept(order, rows, by)
    if had_goods and who & STEPS["allocate"].who:
        yield from allocate(given.name, now_us, by, who)
    return True


def may_cancel(who: frozenset[str]) -> None:
    """Whoever takes units off may cancel them.

    Raises:
        CannotError: who asks may not.
    """
    if not who & STEPS["cancel"].who:
        raise CannotError(f"cancel is for {', '.join(sorted(STEPS['cancel'].who))}", conflict=True)


def still(order: OpenOrder, version: int | None) -> None:
    """Nobody has changed it since.

    Raises:
        CannotError: somebody has.
    """
    if version is not None and version != order.row["version"]:
        raise CannotError(f"it is at version {order.row['version']} by now: look again", conflict=True)


def _window(order: OpenOrder, said: Mapping[str, int | None]) -> dict[str, str | None]:
    """As it is said, else as it was.

    Raises:
        CannotError: it ends before it begins.
    """
    names = ("window_start", "window_end")
    was = {name: None if order.row[name] is None else to_us(order.row[name]) for name in names}
    start, end = ({**was, **said}[name] for name in names)
    if start is not None and end is not None and end < start:
        raise CannotError("window_end: it is before window_start")
    return {name: None if at is None else rfc3339(at) for name, at in zip(names, (start, end), strict=True)}


def _lines(order: OpenOrder, given: SplitTold) -> Script[list[dict[str, Any]]]:
    """New lines; `of` is the number of the line they stand for, `base` how many base units they are."""
    for n, part in enumerate(given.parts):
        if part.line not in order.lines:
            raise CannotError(f"lines.{n}.line: there is no {part.line}, they go from 1 to {len(order.lines)}")
    products = yield from products_of({order.lines[part.line].sku for part in given.parts})
    found = []
    for seq, part in enumerate(given.parts, 1):
        line = order.lines[part.line]
        row = entered(seq, LineTold(line.sku, part.quantity, part.unit), products[line.sku])
        found.append({**row, "stands_for": line.key, "of": part.line, "base": Quantity(row["quantity"])})
    return found


def _same(order: OpenOrder, name: str, lines: list[dict[str, Any]]) -> Script[None]:
    """The same name is the same split only when it takes the same.

    Raises:
        CannotError: it is another order.
    """
    rows = yield Statement("parts_of", {"order": order.row["id"], "name": name})
    if [(row["stands_for"], row["quantity"]) for row in rows] != [(row["stands_for"], row["base"]) for row in lines]:
        raise CannotError(f"id: there is another order {name}; choose another name", conflict=True)


def taken_off(order: OpenOrder, line: LineNow, quantity: Quantity, why: tuple[str, str], now_us: int) -> dict[str, Any]:
    """Units of a line that are to be had no more; `why`: the step's id, and its reason.

    Raises:
        CannotError: there are not so many that nobody has picked.
    """
    stages = line.line.stages
    there = stages["open"] + stages["allocated"]
    if quantity > there:
        raise CannotError(
            f"line {line.seq}: of {line.sku} nobody has picked {text_of(there)} yet, not {text_of(quantity)}; take "
            "less, or put back what was picked",
            conflict=True,
        )
    told = Told(why[0], "cancel", order.decided_at(now_us), quantity)
    line.add(told, (None, None))
    return step_row(StepTold(told.id, line.seq, "cancel", quantity, reason=why[1]), line, told, 0, (None, None))
