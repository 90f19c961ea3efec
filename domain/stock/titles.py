"""What an alert of stock is called. Pages and messages say it in their own words, by the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isinf
from typing import Any

BASIS = {"ledger": "by the ledger", "sensors": "by sensors"}
MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0


def title(kind: str, stock: Mapping[str, Any], out: Sequence[float] | None) -> str:
    """Figure, range, and by what.

    >>> stock = {"label": "Milk", "quantity": 3.0, "base_unit": "piece", "reorder_point": 8.0, "basis": "ledger"}
    >>> title("low_stock", stock | {"doubt": None}, None)
    'Low stock of Milk: 3 left, reorder at 8, by the ledger'
    >>> title("stock_out", {**stock, "doubt": "unsure", "basis": "sensors"}, (36e3, 100e3, 172.8e3))
    'Milk will be out in about 1 d 4 h (10 h to 2 d), by sensors; to be counted'
    """
    by = BASIS[stock["basis"]] + ("; to be counted" if stock["doubt"] else "")
    if kind == "low_stock":
        left = amount(stock["quantity"], stock["base_unit"])
        point = stock["reorder_point"]
        return f"Low stock of {stock['label']}: {left} left{'' if point is None else f', reorder at {point:g}'}, {by}"
    if kind == "stock_out":
        if stock["quantity"] <= 0 or out is None:
            return f"Out of stock: {stock['label']}, {by}"
        early, middle, late = (span(s) for s in out)
        reach = f"{early} to {late}" if late else f"not before {early}"
        return f"{stock['label']} will be out in about {middle} ({reach}), {by}"
    lots: Sequence[Mapping[str, Any]] = stock["expiring"]
    if not lots:
        return f"{stock['label']} expires unused, {by}"
    first, more = lots[0], len(lots) - 1
    left = amount(sum(each["quantity"] for each in lots), stock["base_unit"])
    of = f"lot {first['lot']}" + (f" and {more} more" if more else "")
    day = f", best before {first['best_before'][:10]}" if first["best_before"] else ""
    return f"{stock['label']} expires unused: {left} of {of}{day}, {by}"


def amount(quantity: float, unit: str) -> str:
    """So much; pieces go without saying.

    >>> amount(3.0, "piece"), amount(2.5, "kg")
    ('3', '2.5 kg')
    """
    return f"{quantity:g}" if unit == "piece" else f"{quantity:g} {unit}"


def span(seconds: float) -> str:
    """About so long; empty: without an end.

    >>> [span(s) for s in (120.0, 2_500.0, 9_000.0, 100_000.0, 900_000.0)]
    ['less than 10 min', '40 min', '2 h', '1 d 4 h', '10 d']
    """
    if isinf(seconds):
        return ""
    if seconds < 600:
        return "less than 10 min"
    if seconds < 55 * MINUTE_S:
        return f"{round(seconds / 600) * 10} min"
    hours = max(round(seconds / HOUR_S - 0.01), 1)
    if hours < 24:
        return f"{hours} h"
    if hours >= 7 * 24:
        return f"{round(seconds / DAY_S)} d"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
