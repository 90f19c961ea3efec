"""The one transaction of an order: its row is locked, what is told is judged, goods and book move together.

Statements are those of `store/queries/orders.sql` and `stock.sql`. Whoever changes an order locks it first, then its
products in the order of their keys, then balances: so that two never wait for one another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from domain.orders.claims import HELD, Claim, Spot, Spots, claims_of
from domain.orders.stages import HAPPENED, IN_UNITS, STEPS, StageError, Told, may
from domain.refusal import CannotError
from domain.stock.moves import MoveError, Place, units_of
from domain.stock.quantities import Quantity, text_of
from domain.times import rfc3339
from operations.orders.decide import (
    Done,
    LineNow,
    OpenOrder,
    StepTold,
    kept,
    kept_all,
    opened,
    opened_all,
    step_row,
    to_ms,
)
from operations.stock.decide import CLOCKS_US, Product, lots_of, places_of, products_of
from operations.stock.decide import Told as MoveTold
from operations.stock.record import exchange
from operations.unit_of_work import Script, Statement

NONE = Quantity(0)
LINES_MAX = 1000


class LineTold(NamedTuple):
    """What is ordered of a product; in its base unit, when no unit is said."""

    sku: str
    quantity: Quantity
    unit: str = ""


class OrderTold(NamedTuple):
    """An order as somebody tells it, with names."""

    name: str
    customer: str
    site: str
    lines: tuple[LineTold, ...]
    ship_to: str = ""
    reference: str = ""
    priority: int = 0
    window: tuple[int | None, int | None] = (None, None)
    note: str = ""
    ordered_at_us: int | None = None


def add_order(given: OrderTold, now_us: int, by: str) -> Script[str]:
    """Takes an order in; the name of the one that is there already, where the customer's reference is known.

    Raises:
        CannotError: it names what is not there, or another order has its name.
    """
    if not 1 <= len(given.lines) <= LINES_MAX:
        raise CannotError(f"lines: {len(given.lines)} are not between 1 and {LINES_MAX}")
    asked = {"customer": given.customer, "ship_to": given.ship_to, "site": given.site, "reference": given.reference}
    rows = yield Statement("order_names", asked)
    if not rows:
        raise CannotError(f"customer: there is no {given.customer}; add it first")
    keys = rows[0]
    if keys["site_id"] is None:
        raise CannotError(f"site: there is no {given.site}; add it first")
    if given.ship_to and keys["ship_to_id"] is None:
        raise CannotError(f"ship_to: {given.customer} has no {given.ship_to}; add it first")
    products = yield from products_of({line.sku for line in given.lines})
    lines = [entered(n, line, products[line.sku]) for n, line in enumerate(given.lines, 1)]
    if keys["known"]:
        yield from _same_lines(keys["known"], lines, given.reference)
        return str(keys["known"])
    start, end = (None if at is None else rfc3339(at) for at in given.window)
    ordered_at_us = now_us if given.ordered_at_us is None else given.ordered_at_us
    rows = yield Statement("add_order", {
        "name": given.name, "customer_id": keys["customer_id"], "ship_to_id": keys["ship_to_id"],
        "site_id": keys["site_id"], "reference": given.reference, "priority": given.priority, "window_start": start,
        "window_end": end, "note": given.note, "ordered_at": rfc3339(ordered_at_us), "by": by,
    })  # fmt: skip
    if not rows:
        raise CannotError(f"id: there is another order {given.name}; choose another name", conflict=True)
    yield Statement("add_lines", {"order": rows[0]["id"], "rows": json.dumps(lines)})
    return given.name


def entered(seq: int, line: LineTold, product: Product) -> dict[str, Any]:
    """A new line as it is kept, its quantity in base units.

    Raises:
        CannotError: the product has no such unit, or it is nothing.
    """
    unit = line.unit or product.units.base
    base = _base(line.quantity, unit, product, f"lines.{seq}")
    if base <= 0:
        raise CannotError(f"lines.{seq}: {line.quantity} of {line.sku} is nothing")
    return {
        "seq": seq, "product": product.id, "quantity": text_of(base), "entered_quantity": text_of(line.quantity),
        "entered_unit": unit,
    }  # fmt: skip


def _base(quantity: Quantity, unit: str, product: Product, where: str) -> Quantity:
    try:
        return product.units.to_base(quantity, unit)
    except ValueError as error:
        raise CannotError(f"{where}: {error}") from None


def _same_lines(name: str, lines: Sequence[Mapping[str, Any]], reference: str) -> Script[None]:
    """The same reference is the same order only when it wants the same.

    Raises:
        CannotError: it wants something else.
    """
    order = yield from opened(name)
    wanted = [(line["product"], line["quantity"]) for line in lines]
    own = {line.key for line in order.lines.values()}  # nobody ordered a substitute
    there = [line for line in order.lines.values() if line.stands_for not in own]
    if wanted != [(line.product, text_of(line.ordered)) for line in there]:
        raise CannotError(
            f"reference: {reference} is that of {name}, which wants something else; change that one", conflict=True
        )


def tell(
    name: str, given: Sequence[StepTold], now_us: int, by: str, who: frozenset[str], *, late: bool = False
) -> Script[Done]:
    """Moves units of an order on; goods, allocations and book in one.

    `late`: what happened already, told in any order; it is not refused for what it rests on, but waits for it.

    Raises:
        CannotError: there is no such order or line, or it cannot be; nothing of it is taken in.
    """
    return (yield from tell_all({name: given}, now_us, by, who, late=late))[name]


class Beside(NamedTuple):
    """What goes with steps: ids of steps that were not so, and why; moves of their goods that are no steps."""

    gone: frozenset[str] = frozenset()
    why: str = ""
    moves: tuple[MoveTold, ...] = ()


NOTHING = Beside()


def tell_all(
    given: Mapping[str, Sequence[StepTold]], now_us: int, by: str, who: frozenset[str], *, late: bool = False,
    beside: Beside = NOTHING,
) -> Script[dict[str, Done]]:  # fmt: skip
    """The same of several orders at once, by name: orders, products and balances are each locked in their order.

    Steps that are `gone` are folded no more, their moves of the ledger are reversed; all stay to be read.

    Raises:
        CannotError: there is no such order or line, or it cannot be; nothing of it is taken in.
    """
    orders = {order.row["name"]: order for order in (yield from opened_all(list(given)))}
    if lost := sorted(given.keys() - orders.keys()):
        raise CannotError(f"there is no order {lost[0]}", missing=True)
    for name, order in orders.items():
        _in_order(order, given[name], now_us)
    gone = _without(orders.values(), beside.gone)
    if gone:
        yield Statement("withdraw_steps", {"ids": [told.id for told in gone], "by": by, "why": beside.why})
    products = yield from products_of({orders[name].lines[s.line].sku for name in given for s in given[name]})
    new: dict[str, list[StepTold]] = {}
    for name, order in orders.items():
        quantities = {s.id: _quantity(s, products[order.lines[s.line].sku]) for s in given[name]}
        new[name] = [
            step._replace(quantity=quantities[step.id], unit="")
            for step in (yield from _not_known(order, given[name], quantities))
        ]
    changed, moves = yield from _taken_in({orders[name]: steps for name, steps in new.items()}, now_us, who, late=late)
    back = [told.id for told in gone if STEPS[told.kind].move]
    if moves or back or (beside.moves and changed):
        yield from exchange(back, beside.why, [*moves, *beside.moves], now_us, by)
    done = {name: Done((), order.row["version"]) for name, order in orders.items()}
    wanted = [(order, rows) for order, rows in changed if rows or gone]
    if wanted:
        kept = yield from kept_all(wanted, by)
        done |= {order.row["name"]: each for (order, _), each in zip(wanted, kept, strict=True)}
    return done


def _without(orders: Iterable[OpenOrder], ids: frozenset[str]) -> list[Told]:
    """Folds steps no more; those that were told."""
    gone = []
    for line in (line for order in orders for line in order.lines.values()):
        gone += [told for told in line.told if told.id in ids]
        line.told = [told for told in line.told if told.id not in ids]
    return sorted(gone, key=lambda told: told.id)


Rows = list[tuple[OpenOrder, list[dict[str, Any]]]]


def _taken_in(
    new: Mapping[OpenOrder, Sequence[StepTold]], now_us: int, who: frozenset[str], *, late: bool
) -> Script[tuple[Rows, list[MoveTold]]]:
    """Steps that nobody has told before, judged one after the other: rows of each order, and moves of the ledger."""
    steps = [(order.lines[step.line], step) for order in new for step in new[order]]
    lots = yield from lots_of({step.lot for _, step in steps if step.lot})
    places = yield from places_of({p for _, step in steps for p in (step.source_place, step.target_place) if p})
    picked = sorted({line.product for line, step in steps if step.kind == "pick"})
    if picked and not late:
        yield Statement("lock_products", {"products": picked})
    found: Rows = []
    moves: list[MoveTold] = []
    for order in new:
        rows: list[dict[str, Any]] = []
        for step in new[order]:
            line = order.lines[step.line]
            at_us = to_ms(now_us if step.at_us is None else step.at_us)
            told = Told(step.id, step.kind, at_us, step.quantity, step.handling_unit)
            _judge(line, told, who, late=late)
            lot, of = lots.get(step.lot, (0, line.product))
            if of != line.product:
                raise CannotError(f"{step.id}: lot {step.lot} is of another product than {line.sku}")
            moves += _moves(order.row["name"], step, line, step.quantity, told.at_us)
            spots = _spots(step, lot, places)
            yield from _not_anothers(line, told, spots[0], late=late)
            if not (late or step.allow_negative):
                _its_own(line, told, spots[0])
            line.add(told, spots)
            rows.append(step_row(step, line, told, lot, spots))
        found.append((order, rows))
    return found, moves


def _judge(line: LineNow, told: Told, who: frozenset[str], *, late: bool) -> None:
    if told.kind == "allocate":
        raise CannotError(f"{told.id}: goods are given to orders by allocating the order, which sees what others have")
    try:
        if late and told.kind in HAPPENED and who & STEPS[told.kind].who and told.quantity > 0:
            return
        may(line.line, told.kind, told.quantity, who)
    except StageError as error:
        raise CannotError(f"{told.id}: line {line.seq}: {error}", conflict=told.kind in STEPS) from None


def _spots(step: StepTold, lot: int, places: Mapping[Place, int]) -> Spots:
    """Where its goods were, and are then; `pack` and `unpack` change what they are in and not where they are."""
    ends = step.source_place, step.target_place
    if step.kind in ("pack", "unpack"):
        ends = ends[0] or ends[1], ends[1] or ends[0]
    if STEPS[step.kind].target in HELD and ends[1] is None:
        raise CannotError(f"{step.id}: to: where are they then? {step.kind} says so")
    try:
        inside = units_of(step.kind, step.handling_unit)
    except MoveError as error:
        raise CannotError(f"{step.id}: {error}") from None
    first, second = (
        Spot(places[place], lot, unit) if place else None for place, unit in zip(ends, inside, strict=True)
    )
    return first, second


def _not_anothers(line: LineNow, told: Told, spot: Spot | None, *, late: bool) -> Script[None]:
    """Nobody picks what another order has; what happened already has happened.

    Raises:
        CannotError: there is not so much that is free.
    """
    if told.kind != "pick" or spot is None or late:
        return
    row = {"n": 0, "line": line.key, "product": line.product, **spot._asdict()}
    (found,) = yield Statement("spots", {"rows": json.dumps([row])})
    if found["on_hold"]:
        raise CannotError(f"{told.id}: {spot.unit} is on hold: nobody has decided on it", conflict=True)
    if found["recalled"]:
        raise CannotError(f"{told.id}: lot {found['recalled']} is recalled: take another", conflict=True)
    free = found["quantity"] - found["others"]
    if found["others"] and told.quantity > free:
        raise CannotError(
            f"{told.id}: {text_of(max(free, NONE))} of {line.sku} there are not another order's, not "
            f"{text_of(told.quantity)}; allocate this one, and pick where it says",
            conflict=True,
        )


def _its_own(line: LineNow, told: Told, spot: Spot | None) -> None:
    """Goods that were picked for a line are those that go on with it: in the unit, of the lot, where they were put.

    Raises:
        CannotError: it has not so many there.
    """
    now, step, unit = line.line, STEPS[told.kind], told.units[0]
    there = sum((now.units.get((source, unit), NONE) for source in step.sources if source in IN_UNITS), NONE)
    if spot is not None and set(step.sources) <= set(HELD) and told.kind != "deallocate":
        claims = claims_of(now.shifts, line.spots)
        there = sum((claims.get(Claim(source, spot), NONE) for source in step.sources), NONE)
    elif step.sources != ("loaded",) or not step.move:  # who refuses goods need not know what they are in
        return
    if told.quantity > there:
        where = f"in {unit}" if unit else "loose"
        raise CannotError(
            f"{told.id}: of {line.sku} line {line.seq} has {text_of(there)} {where} there, not "
            f"{text_of(told.quantity)}; say where it took them from, in which unit and of which lot",
            conflict=True,
        )


def _moves(name: str, step: StepTold, line: LineNow, quantity: Quantity, at_us: int) -> list[MoveTold]:
    """What the ledger is told of a step; nothing where nothing is carried."""
    kind = STEPS[step.kind].move
    if not kind:
        return []
    return [
        MoveTold(
            step.id, kind, line.sku, quantity, "", at_us, step.lot, step.source_place, step.target_place,
            step.handling_unit, step.reason, name, _source(step.source), step.allow_negative, {"order_line": line.seq},
        )
    ]  # fmt: skip


def _source(source: str) -> str:
    return {"rule": "order"}.get(source, source)


def cancel(name: str, reason: str, now_us: int, by: str, who: frozenset[str]) -> Script[Done]:
    """Takes back all of an order that nobody has picked yet.

    Raises:
        CannotError: there is no such order, who asks may not, or nothing of it can be cancelled any more.
    """
    order = yield from opened(name)
    rows = []
    for line in order.lines.values():
        stages = line.line.stages
        quantity = stages["open"] + stages["allocated"]
        if not quantity:
            continue
        told = Told(f"~{name}-{order.row['version']}-{line.seq}", "cancel", order.decided_at(now_us), quantity)
        _judge(line, told, who, late=False)
        step = StepTold(told.id, line.seq, "cancel", quantity, reason=reason)
        line.add(told, (None, None))
        rows.append(step_row(step, line, told, 0, (None, None)))
    if not rows:
        raise CannotError(
            "nothing of it can be cancelled: put back what was picked, or refuse it at the stop", conflict=True
        )
    return (yield from kept(order, rows, by))


def _quantity(step: StepTold, product: Product) -> Quantity:
    return _base(step.quantity, step.unit or product.units.base, product, step.id)


def _in_order(order: OpenOrder, given: Sequence[StepTold], now_us: int) -> None:
    for step in given:
        if step.line not in order.lines:
            raise CannotError(f"{step.id}: line: there is no {step.line}, they go from 1 to {len(order.lines)}")
        if step.at_us is not None and step.at_us > now_us + CLOCKS_US:
            raise CannotError(f"{step.id}: at: it is in the future; tell it when it has happened")


def _not_known(
    order: OpenOrder, given: Sequence[StepTold], quantities: Mapping[str, Quantity]
) -> Script[list[StepTold]]:
    """Steps that were not told before.

    Raises:
        CannotError: another step has the id of one of them.
    """
    rows = yield Statement("steps_known", {"ids": [step.id for step in given]})
    known = {row["client_id"]: row for row in rows}
    for step in given:
        row = known.get(step.id)
        said = order.lines[step.line].key, step.kind, quantities[step.id]
        if row and ((row["line_id"], row["kind"], row["quantity"]) != said or row["withdrawn_at"]):
            raise CannotError(f"id: another step is {step.id}; each needs its own", conflict=True)
    return [step for step in given if step.id not in known]
