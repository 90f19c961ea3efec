"""Units of a line that are served by another product, as the product's substitutes say.

Statements are those of `store/queries/substitutes.sql` and of what else goes another way.
"""

from __future__ import annotations

import json

from domain.refusal import CannotError
from domain.stock.quantities import Quantity, text_of
from domain.stock.units import in_ratio
from operations.order_parts.record import PartTold, may_cancel, still, taken_off
from operations.orders.decide import kept, opened
from operations.orders.record import LINES_MAX, LineTold, entered
from operations.stock.decide import products_of
from operations.unit_of_work import Script, Statement


def substitute(
    name: str, step: str, part: PartTold, sku: str, now_us: int, by: str, who: frozenset[str], *,
    version: int | None = None,
) -> Script[bool]:  # fmt: skip
    """Cancels units of a line and orders another product instead, as a line of its own; whether it was not so yet.

    Raises:
        CannotError: there is no such order or line, the product may not stand for it, or there are too few units that
            nobody has picked.
    """
    order = yield from opened(name)
    may_cancel(who)
    line = order.lines.get(part.line)
    if line is None:
        raise CannotError(f"line: there is no {part.line}, they go from 1 to {len(order.lines)}")
    products = yield from products_of({line.sku})
    quantity = Quantity(
        entered(part.line, LineTold(line.sku, part.quantity, part.unit), products[line.sku])["quantity"]
    )
    why = f"substituted by {sku}"
    known = yield Statement("substitution_known", {"id": step})
    if known:
        said = tuple(known[0][name] for name in ("line_id", "kind", "quantity", "reason", "withdrawn_at"))
        if said != (line.key, "cancel", quantity, why, None):
            raise CannotError(f"id: another step is {step}; each needs its own", conflict=True)
        return False
    still(order, version)
    rows = yield Statement("substitute_of", {"product": line.product, "sku": sku})
    if not rows:
        raise CannotError(f"sku: {sku} may not be sent for {line.sku}; name it among its substitutes first")
    seq = max(order.lines) + 1
    if seq > LINES_MAX:
        raise CannotError(f"line: {name} has {LINES_MAX} lines already", conflict=True)
    numerator, denominator = rows[0]["numerator"], rows[0]["denominator"]
    found = in_ratio(quantity, numerator, denominator)
    if found is None:
        raise CannotError(
            f"quantity: {text_of(quantity)} of {line.sku} are no exact number of {sku}: take a multiple of "
            f"{text_of(denominator)}"
        )
    instead = text_of(found)
    new = {
        "seq": seq, "product": rows[0]["id"], "quantity": instead, "entered_quantity": instead,
        "entered_unit": rows[0]["base_unit"], "stands_for": line.key,
    }  # fmt: skip
    yield Statement("add_parts", {"order": order.row["id"], "rows": json.dumps([new])})
    order = yield from opened(name)  # with its new line
    cancelled = taken_off(order, order.lines[part.line], quantity, (step, why), now_us)
    yield from kept(order, [cancelled], by)
    return True
