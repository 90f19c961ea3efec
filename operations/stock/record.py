"""The one transaction of stock: name, judge, write moves, add them to balances line after line, look for what is short.

Statements are those of `store/queries/stock.sql`. Every writer goes the same way (places, moves, balances, count tasks)
and touches each in the order of its key, so that two never wait for one another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from domain.refusal import CannotError
from domain.stock.counting import rank
from domain.stock.moves import NOTHING, OUT_OF_ORDER, Change, Line, Move, MoveError, Place, changes, reversal
from domain.stock.quantities import Quantity, text_of
from domain.times import rfc3339, to_us
from operations.stock.decide import Entry, Told, understood
from operations.unit_of_work import Script, Statement

DOUBT_AFTER_COUNT = 0.5
"""Of a number that was counted, when we hear later of what happened before."""


class After(NamedTuple):
    """What a line says: its number, and when it was counted last."""

    quantity: Quantity
    counted_at_us: int | None


class Recorded(NamedTuple):
    """What became of moves: those that were not told before, and the count tasks that they opened."""

    new: tuple[str, ...]
    count_tasks: tuple[int, ...]


def record(given: Sequence[Told], now_us: int, by: str) -> Script[Recorded]:
    """Takes in moves, all or none; one that is told again by its id changes nothing.

    Raises:
        CannotError: there is not so much, or another move has its id, or it names what is not there.
    """
    entries, inner = yield from understood(given, now_us)
    new = yield from _not_known(entries)
    if not new:
        return Recorded((), ())
    return (yield from write(new, inner, by))


def correct(
    name: str, reason: str, right: Told | None, now_us: int, by: str, entry_id: str = "", source: str = "person"
) -> Script[Recorded]:
    """Takes a move back, and says what happened instead: both are written, none is changed.

    `source` is whose word the taking back is, when nothing happened instead.

    Raises:
        CannotError: it is not there, was corrected before, is a count; or what came after it rests on it.
    """
    rows = yield Statement("moves_known", {"ids": [name]})
    if not rows:
        raise CannotError(f"there is no move {name}", missing=True)
    row = rows[0]
    back = _back(row, reason, right.source if right else source, entry_id)
    back = back._replace(told=replace(back.told, allow_negative=right.allow_negative if right else False))
    entries, inner = [back], _ours_of(row)
    if right is not None:
        at_us = back.move.moved_at_us if right.at_us is None else right.at_us
        instead = replace(right, at_us=at_us, reason=right.reason or reason)
        (entry,), more = yield from understood([instead], now_us)
        if (yield Statement("moves_known", {"ids": [right.id]})):
            raise CannotError(f"id: another move is {right.id}; each needs its own", conflict=True)
        entries.append(Entry(entry.move._replace(entry="replacement", corrects=name), entry.told, row["key"]))
        inner |= more
    return (yield from write(entries, inner, by))


def exchange(gone: Sequence[str], why: str, given: Sequence[Told], now_us: int, by: str) -> Script[Recorded]:
    """Takes moves of an order back and takes others in, in one go: so that balances are touched in their order.

    Raises:
        CannotError: one of those that are gone was corrected before; or as `record` does.
    """
    rows = (yield Statement("moves_known", {"ids": sorted(gone)})) if gone else ()
    entries = [_back(row, why, "order") for row in rows]
    inner = {place for row in rows for place in _ours_of(row)}
    more, ours = yield from understood(given, now_us)
    entries += yield from _not_known(more)
    if not entries:
        return Recorded((), ())
    return (yield from write(entries, inner | ours, by))


def _back(row: Mapping[str, Any], why: str, source: str, entry_id: str = "") -> Entry:
    """The entry that takes a known move back."""
    name = row["id"]
    if row["corrected"]:
        raise CannotError(f"{name} was corrected before; correct the move that stands in its place", conflict=True)
    try:
        back = reversal(_of_row(row), entry_id or f"~{name}")
    except MoveError as error:
        raise CannotError(str(error), conflict=True) from None
    told = Told(
        back.id, back.kind, "", Quantity(row["entered_quantity"]), row["entered_unit"], reason=why,
        reference=row["reference"], source=source,
    )  # fmt: skip
    return Entry(back, told, row["key"])


def _ours_of(row: Mapping[str, Any]) -> set[int]:
    ends = (row["from_place"], row["from_kind"]), (row["to_place"], row["to_kind"])
    return {place for place, kind in ends if _ours(kind)}


def write(entries: Sequence[Entry], inner: set[int], by: str) -> Script[Recorded]:
    """Writes entries that nobody has told before, and what they come to.

    Raises:
        CannotError: more is taken than is there, and nobody says why; or another was quicker with an id.
    """
    rows = yield Statement("add_moves", {"rows": json.dumps([_row(each) for each in entries]), "by": by})
    if len(rows) < len(entries):
        done = {row["client_id"] for row in rows}
        late = next(each.move for each in entries if each.move.id not in done)
        raise CannotError(f"{late.corrects or late.id} was told by somebody else just now; look again", conflict=True)
    found = changes([each.move for each in entries], inner)
    after = yield from add(found)
    asked = {**_contradicted(found, after), **(yield from _apart(entries, after))}
    asked |= yield from _short(entries, found, after)
    tasks: list[int] = []
    if asked:
        wanted = [{"place": place, "product": product, **asked[place, product]} for place, product in sorted(asked)]
        rows = yield Statement("open_counts", {"rows": json.dumps(wanted), "by": by})
        tasks = [row["id"] for row in rows]
    return Recorded(tuple(each.move.id for each in entries), tuple(tasks))


def add(found: Sequence[Change]) -> Script[dict[Line, After]]:
    """Adds changes to lines, in their order; what each line says after it."""
    if not found:
        return {}
    rows = [
        {
            **change.line._asdict(),
            "delta": text_of(change.delta),
            "moved_at": rfc3339(change.moved_at_us),
            "counted_at": None if change.counted_at_us is None else rfc3339(change.counted_at_us),
            "counted": None if change.counted is None else text_of(change.counted),
        }
        for change in found
    ]
    done = yield Statement("add_changes", {"rows": json.dumps(rows)})
    return {
        Line(row["place"], row["product"], row["lot"], row["unit"]): After(
            row["quantity"], None if row["counted_at"] is None else to_us(row["counted_at"])
        )
        for row in done
    }


Asked = dict[tuple[int, int], dict[str, Any]]


def _contradicted(found: Sequence[Change], after: Mapping[Line, After]) -> Asked:
    """Lines that were counted after what we hear only now: the count saw what it came to, so both cannot be right."""
    asked: Asked = {}
    for change in found:
        counted_at_us = after[change.line].counted_at_us
        if change.delta == 0 or counted_at_us is None or counted_at_us <= change.first_us:
            continue
        worth = {"value": text_of(abs(change.delta)), "doubt": DOUBT_AFTER_COUNT}
        ledger = text_of(after[change.line].quantity)
        asked[change.line.place, change.line.product] = {"cause": "difference", "ledger": ledger, **worth}
    return asked


def _short(entries: Sequence[Entry], found: Sequence[Change], after: Mapping[Line, After]) -> Script[Asked]:
    """Lines that say less than nothing now, when all who took from them may: they are to be counted."""
    lowest: dict[tuple[int, int], Quantity] = {}
    for change in found:
        left = after[change.line].quantity
        if change.delta >= 0 or left >= 0:
            continue
        taking = [each for each in entries if change.line == each.move.taken and each.move.kind != "count"]
        if strict := [each for each in taking if not (each.told.allow_negative or each.told.source in OUT_OF_ORDER)]:
            yield from _refuse(strict[-1], change.line, left)
        key = change.line.place, change.line.product
        lowest[key] = min(left, lowest.get(key, left))
    asked: Asked = {}
    for key, left in lowest.items():
        worth = rank(left, None, None, None)
        ledger = {"cause": "negative", "ledger": text_of(left)}
        asked[key] = {**ledger, "value": text_of(worth.value), "doubt": worth.doubt}
    return asked


def _apart(entries: Sequence[Entry], after: Mapping[Line, After]) -> Script[Asked]:
    """Units that would be at two places: refused, or to be counted where somebody tells it of what has happened."""
    put = {each.move.put: each for each in entries if each.move.to_unit and each.move.kind != "count"}
    put = {line: each for line, each in put.items() if line in after and line != each.move.taken}
    if not put:
        return {}
    rows = yield Statement("units_apart", {"units": sorted({line.unit for line in put})})
    places = {row["unit"]: row["places"] for row in rows}
    asked: Asked = {}
    for line, each in put.items():
        if line.unit not in places or after[line].quantity <= 0:
            continue
        if not _explained(each):
            raise CannotError(
                f"move {each.move.id}: {line.unit} would be at {' and at '.join(places[line.unit])}; a unit goes as a "
                "whole: move all that is in it at once, take some out of it first, or say allow_negative with a reason",
                conflict=True,
            )
        worth = {"value": text_of(each.move.quantity), "doubt": DOUBT_AFTER_COUNT}
        asked[line.place, line.product] = {"cause": "difference", "ledger": text_of(after[line].quantity), **worth}
    return asked


def _explained(entry: Entry) -> bool:
    """Whether it may contradict what the ledger says: it comes out of order, or somebody says why."""
    told = entry.told
    return told.allow_negative or told.source in OUT_OF_ORDER or (told.source == "order" and entry.corrects is not None)


def _refuse(entry: Entry, line: Line, left: Quantity) -> Script[None]:
    rows = yield Statement("there", {"place": line.place, "product": line.product})
    others = [
        f"{text_of(row['quantity'])} {_words(row['lot'] or '', row['unit'])}"
        for row in rows
        if (row["lot"] or "", row["unit"]) != (entry.told.lot, line.unit)
    ]
    more = f"; there too: {', '.join(others)}" if others else ""
    what = f"{entry.told.sku} {_words(entry.told.lot, line.unit)}" if entry.told.sku else "it"
    where = f" at {entry.told.source_place}" if entry.told.source_place else ""
    wanted = entry.move.quantity
    raise CannotError(
        f"move {entry.move.id}: of {what}{where} there are {text_of(max(left + wanted, NOTHING))}, "
        f"not {text_of(wanted)}{more}; tell first what brought it there, count, or say allow_negative with a reason",
        conflict=True,
    )


def _words(lot: str, unit: str) -> str:
    return " ".join(filter(None, (f"of lot {lot}" if lot else "of no lot", f"in {unit}" if unit else "")))


def _not_known(entries: Sequence[Entry]) -> Script[list[Entry]]:
    """Those that were not told before.

    Raises:
        CannotError: another move has the id of one of them.
    """
    rows = yield Statement("moves_known", {"ids": [each.move.id for each in entries]})
    known = {row["id"]: row for row in rows}
    new = []
    for each in entries:
        row = known.get(each.move.id)
        if row is None:
            new.append(each)
            continue
        was = _of_row(row)
        now = each.move._replace(entry=was.entry, known_at_us=0)
        if each.told.at_us is None:
            now = now._replace(moved_at_us=was.moved_at_us)
        if was != now:
            raise CannotError(f"id: another move is {each.move.id}; each needs its own", conflict=True)
    return new


def _of_row(row: Mapping[str, Any]) -> Move:
    return Move(
        row["id"], row["kind"], to_us(row["moved_at"]), row["product_id"], row["lot"], row["from_place"],
        row["to_place"], row["from_unit"], row["to_unit"], row["quantity"], row["entry"],
    )  # fmt: skip


def _ours(kind: str) -> bool:
    return Place(kind).inner


def _row(entry: Entry) -> dict[str, Any]:
    move, told = entry.move, entry.told
    return {
        "id": move.id,
        "kind": move.kind,
        "entry": move.entry,
        "corrects": entry.corrects,
        "moved_at": rfc3339(move.moved_at_us),
        "product": move.product,
        "lot": move.lot,
        "source_place": move.source,
        "target_place": move.target,
        "from_unit": move.from_unit,
        "to_unit": move.to_unit,
        "quantity": text_of(move.quantity),
        "entered_quantity": text_of(told.quantity),
        "entered_unit": told.unit,
        "source": told.source,
        "reason": told.reason,
        "reference": told.reference,
        "evidence": told.evidence,
    }
