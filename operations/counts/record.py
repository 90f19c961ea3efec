"""A count: what somebody saw, line by line, beside what the ledger says of that moment; settled by adjusting moves.

Statements are those of `store/queries/counts.sql` and `stock.sql`. Balances are locked before tasks, as by all writers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.refusal import CannotError
from domain.stock.moves import ADJUSTMENT, NOTHING, Change, Line, Place
from domain.stock.quantities import Quantity, text_of
from domain.times import rfc3339, to_us
from operations.stock.decide import Entry, Told, understood
from operations.stock.record import add, write
from operations.unit_of_work import Row, Script, Statement

REASON = "counted"


class Seen(NamedTuple):
    """How many there are of a lot, or of none, in a bin of the place, in a handling unit or loose."""

    quantity: Quantity
    unit: str = ""
    bin: str = ""
    lot: str = ""
    handling_unit: str = ""


class Counted(NamedTuple):
    """What a count came to: moves that were written, and the lines with their differences."""

    moves: tuple[str, ...]
    lines: tuple[Mapping[str, Any], ...]


def count(
    task_id: int, seen: Sequence[Seen], at_us: int | None, now_us: int, by: str, *, settle: bool, reason: str = ""
) -> Script[Counted]:
    """Writes down what was seen, and with `settle` makes the ledger say so.

    Raises:
        CannotError: there is no such task, it is over, or lines of the ledger are not spoken of.
    """
    task = yield from _task(task_id)
    at = now_us if at_us is None else at_us
    told = [
        Told(
            f"~count-{task_id}-{now_us}-{n}", "count", task["sku"], each.quantity, each.unit, at, each.lot,
            None, _place(task, each.bin), each.handling_unit, reason, evidence={"count_task": task_id},
        )
        for n, each in enumerate(seen)
    ]  # fmt: skip
    entries, inner = yield from understood(told, now_us)
    yield from _check_lines(task, entries)
    yield from write(entries, inner, by)
    lines = [_kept(entry) for entry in entries]
    lines = yield from _compared(task["product_id"], lines, at)
    moves = [entry.move.id for entry in entries]
    if settle:
        moves += yield from _adjust(task, lines, at, now_us, by, reason or REASON)
    values = {"id": task_id, "at": rfc3339(at), "by": by, "counts": json.dumps(lines), "reason": reason}
    if not (yield Statement("counted", {**values, "state": "settled" if settle else "counted"})):
        raise CannotError("somebody else has settled or dismissed it just now", conflict=True)
    return Counted(tuple(moves), tuple(lines))


def settle_count(task_id: int, now_us: int, by: str, reason: str = "") -> Script[Counted]:
    """Makes the ledger say what was counted; what happened since stays.

    Raises:
        CannotError: there is no such task, or it was not counted.
    """
    task = yield from _task(task_id)
    if task["state"] != "counted":
        raise CannotError("it was not counted yet", conflict=True)
    at = to_us(task["counted_at"])
    lines = yield from _compared(task["product_id"], task["counts"], at)
    moves = yield from _adjust(task, lines, at, now_us, by, reason or REASON)
    if not (yield Statement("settled", {"id": task_id, "by": by, "counts": json.dumps(lines), "reason": reason})):
        raise CannotError("somebody else has settled or dismissed it just now", conflict=True)
    return Counted(tuple(moves), tuple(lines))


def _task(task_id: int) -> Script[Row]:
    rows = yield Statement("task", {"id": task_id})
    if not rows:
        raise CannotError("there is no such task", missing=True)
    if rows[0]["state"] in ("settled", "dismissed"):
        raise CannotError(f"it is {rows[0]['state']}; ask for another count", conflict=True)
    return rows[0]


def _place(task: Row, bin_code: str) -> Place:
    if bin_code and (task["kind"] != "site" or task["bin"] not in ("", bin_code)):
        raise CannotError(f"bin: {bin_code} is not where the task is")
    return Place(task["kind"], task["site"], task["zone"], task["bin"] or bin_code, task["vehicle"])


def _check_lines(task: Row, entries: Sequence[Entry]) -> Script[None]:
    """Each line that the ledger has is spoken of, once: what is not there is counted as 0, not forgotten."""
    said = [entry.move.put for entry in entries]
    if len(set(said)) < len(said):
        raise CannotError("lines: each bin, lot and handling unit once")
    rows = yield Statement("lines_there", {"place": task["place_id"], "product": task["product_id"]})
    known = {Line(row["place"], task["product_id"], row["lot"], row["unit"]): row for row in rows}
    forgotten = [row for line, row in known.items() if line not in said]
    if forgotten:
        words = "; ".join(_words(row, task["base_unit"]) for row in forgotten[:6])
        raise CannotError(f"lines: the ledger has more there: {words}. Say how many you see of each, 0 for none")


def _words(row: Row, unit: str) -> str:
    where = f"bin {row['bin']}" if row["bin"] else "no bin"
    more = "".join(
        (f", lot {row['lot_code']}" if row["lot_code"] else ", no lot", f", in {row['unit']}" if row["unit"] else "")
    )
    return f"{text_of(row['quantity'])} {unit} in {where}{more}"


def _kept(entry: Entry) -> dict[str, Any]:
    move, place = entry.move, entry.told.target_place
    return {
        "place": move.target,
        "lot_id": move.lot,
        "bin": place.bin if place else "",
        "lot": entry.told.lot,
        "handling_unit": move.to_unit,
        "counted": text_of(move.quantity),
    }


def _compared(product: int, lines: Sequence[Mapping[str, Any]], at_us: int) -> Script[list[dict[str, Any]]]:
    """With what the ledger says of the moment of the count: what it says now, less what happened since."""
    keys = sorted(_line(product, each) for each in lines)
    now = yield from add([Change(key, NOTHING, at_us, None, None, at_us) for key in keys])
    after = yield Statement(
        "changes_after", {"product": product, "places": sorted({key.place for key in keys}), "at": rfc3339(at_us)}
    )
    since = {(row["place"], row["lot"], row["unit"]): row["delta"] for row in after}
    found = []
    for each in lines:
        key = _line(product, each)
        expected = now[key].quantity - since.get((key.place, key.lot, key.unit), NOTHING)
        found.append({**each, "ledger": text_of(expected), "difference": text_of(Quantity(each["counted"]) - expected)})
    return found


def _line(product: int, each: Mapping[str, Any]) -> Line:
    return Line(each["place"], product, each["lot_id"], each["handling_unit"])


def _adjust(
    task: Row, lines: Sequence[Mapping[str, Any]], at_us: int, now_us: int, by: str, reason: str
) -> Script[list[str]]:
    """What was found or missed, at the time of the count, with the count as its evidence."""
    told = []
    for n, each in enumerate(lines):
        off = Quantity(each["difference"])
        if off == 0:
            continue
        place = _place(task, each["bin"])
        evidence = {
            "count_task": task["id"],
            "counted": each["counted"],
            "ledger": each["ledger"],
            "at": rfc3339(at_us),
        }
        told.append(
            Told(
                f"~settle-{task['id']}-{now_us}-{n}", "adjust", task["sku"], abs(off), "", at_us, each["lot"],
                ADJUSTMENT if off > 0 else place, place if off > 0 else ADJUSTMENT, each["handling_unit"],
                reason, allow_negative=True, evidence=evidence,
            )
        )  # fmt: skip
    if not told:
        return []
    entries, inner = yield from understood(told, now_us)
    yield from write(entries, inner, by)
    return [entry.move.id for entry in entries]
