"""Lines of a file that are lines of orders, gathered into orders: those of one order stand below one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from api.resources.shared.imports import cells
from api.resources.shared.imports.files import Columns, Thing
from api.resources.shared.imports.seen import Seen

LINES_MAX = 1000
SAME = ("customer", "ship_to", "site", "reference", "priority", "window_start", "window_end", "note")
OF_LINE = ("sku", "quantity", "unit")
COLUMNS = Columns(
    {
        "order": cells.text,
        **dict.fromkeys(("customer", "ship_to", "site", "reference"), cells.text),
        "priority": cells.number,
        **dict.fromkeys(("window_start", "window_end"), cells.time),
        "note": cells.text,
        "sku": cells.text,
        "quantity": cells.number,
        "unit": cells.text,
    },
    needed=("order", "sku", "quantity"),
    aliases={
        "id": "order", "order_id": "order", "order_number": "order", "po": "reference", "po_number": "reference",
        "article": "sku", "product": "sku", "item": "sku", "qty": "quantity", "uom": "unit", "warehouse": "site",
        "from": "window_start", "to": "window_end", "due": "window_end", "deliver_by": "window_end",
    },
)  # fmt: skip


def gathered(things: Iterator[Thing]) -> Iterator[Thing]:
    """Orders; what is one already (JSON) stays as it is. Of an order with wrong lines, each of those is a thing."""
    seen = Seen()
    for name, lines in groupby(things, _name_of):
        if name is None:
            yield from lines
            continue
        if not name:
            yield from (Thing(line.at, {}, line.faults or {"order": cells.MISSING}) for line in lines)
            continue
        yield from _order(name, lines, seen)


def _name_of(thing: Thing) -> str | None:
    """The name of an order of which this is a line; None: it is an order, empty: it has none."""
    if "lines" in thing.values:
        return None
    found = thing.values.get("order")
    return found if isinstance(found, str) else ""


def _order(name: str, lines: Iterator[Thing], seen: Seen) -> Iterator[Thing]:
    found: list[Thing] = []
    wrong: list[Thing] = []
    for count, line in enumerate(lines, 1):
        found = found or [line]
        first = found[0]
        if line is first and (before := seen.add(name, line.at)):
            said = f"{name} stands in line {before} already: put its lines below one another"
            yield Thing(line.at, {"id": name}, {"order": said})
            return
        faults = line.faults or _faults(first, line)
        if count == LINES_MAX + 1:
            faults = {"order": f"an order has {LINES_MAX} lines at most"}
        if faults and count <= LINES_MAX + 1:
            wrong.append(Thing(line.at, {"id": name}, faults))
        elif line is not first and count <= LINES_MAX:
            found.append(line)
    if wrong:
        yield from wrong
        return
    head = {key: value for key in SAME if (value := found[0].values.get(key)) is not None}
    parts = [{key: value for key in OF_LINE if (value := each.values.get(key)) is not None} for each in found]
    yield Thing(found[0].at, {"id": name, **head, "lines": parts}, {}, [each.at for each in found])


def _faults(first: Thing, line: Thing) -> dict[str, str]:
    for key in ("sku", "quantity"):
        if line.values.get(key) is None:
            return {key: cells.MISSING}
    if isinstance(how_many := line.values["quantity"], int | float) and how_many <= 0:
        return {"quantity": "write how many, more than nothing"}
    for key in SAME:
        said = line.values.get(key)
        if said is not None and said != first.values.get(key):
            return {key: f"line {first.at} says otherwise of this order: repeat it, or leave it out"}
    return {}
