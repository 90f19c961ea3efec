"""What shelves and tags say of picks, kept with the step; what contradicts it asks for a count. The pick stands.

Statements are those of `store/queries/picking.sql`, and of orders where steps are told.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.orders.picked import (
    EPOCH_S,
    Heard,
    Shelf,
    Slot,
    Tag,
    Verdict,
    Weighing,
    agreement,
    named,
    taken,
    together,
    weighed,
)
from domain.readings import WRONG_TIME
from domain.refusal import CannotError
from domain.stock.moves import Place
from domain.times import rfc3339, to_us
from operations.despatch.record import tell_steps
from operations.orders.decide import Done, StepTold
from operations.unit_of_work import Row, Script, Statement

BEFORE_S, SETTLE_S, TAGS_S = 600, 30, 600
"""So long before a pick a shelf is looked at, so long after it a scale comes to rest, and tags go on to tell."""
SPAN_S = 4 * 3600
"""A pick takes no longer; what began before that is no pick at one place."""
WEIGHINGS_MAX, READS_MAX = 500, 20_000
DOUBT = 0.9
"""Of the ledger, where tags that were named as picked are still there."""


class Asked(NamedTuple):
    """A pick at a place since a moment; `done_us`: it is over, `next_us`: then the next one there began."""

    place: Place
    sku: str
    since_us: int
    now_us: int
    wanted: float
    done_us: int | None = None
    next_us: int | None = None


class Sensed(NamedTuple):
    """What sensors say of a pick."""

    shelf: Shelf
    tags: tuple[Tag, ...]
    base_unit: str


NOTHING = Sensed(Shelf(cause="no_sensor"), (), "")


def sensed(asked: Sequence[Asked]) -> Script[list[Sensed]]:
    """What shelves and tags say of picks, by all that is known of them now."""
    if not asked:
        return []
    places = [
        {"n": n, "site": each.place.site, "zone": each.place.zone, "bin": each.place.bin, "sku": each.sku}
        for n, each in enumerate(asked)
    ]
    found = {row["n"]: row for row in (yield Statement("pick_places", {"rows": json.dumps(places)}))}
    rows = [_row(n, asked[n], row) for n, row in found.items() if row["zone"] is not None]
    limits = {"before_s": BEFORE_S, "wrong": int(WRONG_TIME)}
    slots: dict[int, dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    heard: dict[int, list[Heard]] = defaultdict(list)
    if rows:
        shelves = [{**row, "until": row["rested"]} for row in rows]
        values = {"rows": json.dumps(shelves), "most": WEIGHINGS_MAX, **limits}
        for row in (yield Statement("pick_weighings", values)):
            slots[row["n"]][row["device"], row["slot"]].append(row)
        values = {"rows": json.dumps(rows), "most": READS_MAX, "epoch_s": EPOCH_S, **limits}
        for row in (yield Statement("pick_reads", values)):
            heard[row["n"]].append(Heard(row["epoch"], row["epc"], row["here"], row["zone"] or ""))
    return [_sensed(each, found.get(n), slots[n], heard[n]) for n, each in enumerate(asked)]


def _row(n: int, each: Asked, row: Row) -> dict[str, Any]:
    rested, until = each.now_us, each.now_us
    if each.done_us is not None:
        rested = min(rested, each.done_us + SETTLE_S * 10**6, each.next_us or each.now_us)
        until = min(until, each.done_us + TAGS_S * 10**6)
    return {
        "n": n, "site": row["site"], "zone": row["zone"], "bin": row["bin"], "product": row["product"],
        "since": rfc3339(each.since_us), "until": rfc3339(until + 1000), "rested": rfc3339(rested + 1000),
    }  # fmt: skip


def _sensed(each: Asked, place: Row | None, slots: dict[tuple[str, str], list[Row]], heard: list[Heard]) -> Sensed:
    if place is None:
        return NOTHING
    shelves = [
        Slot(
            name, rows[0]["fits"],
            tuple(Weighing(to_us(r["time"]), r["mass_kg"], r["item_count"]) for r in rows if r["time"] is not None),
        )
        for (_, name), rows in slots.items()
    ]  # fmt: skip
    shelf = weighed(shelves, place["unit_mass_kg"], each.since_us, shared=place["others"] > 0)
    tags = taken(heard, each.since_us, each.wanted, each.done_us)
    return Sensed(shelf, tuple(tags), place["base_unit"])


def verdict(found: Sensed, quantity: float, epcs: Sequence[str]) -> Verdict:
    """Whether what sensors say agrees with so many picked, and with these tags."""
    tags = [named(found.tags, epcs)] if epcs else []
    return together([agreement(found.shelf, quantity), *tags])


def tell_picks(
    name: str, given: Sequence[StepTold], now_us: int, by: str, who: frozenset[str], *, late: bool = False
) -> Script[Done]:
    """Moves units of an order on; with picks of which somebody says since when, what sensors say of them is kept.

    Raises:
        CannotError: there is no such order or line, or it cannot be; nothing of it is taken in.
    """
    looked = [step for step in given if (step.evidence or {}).get("since") and step.source_place]
    if not looked:
        return (yield from tell_steps(name, given, now_us, by, who, late=late))
    rows = yield Statement("steps_known", {"ids": [step.id for step in looked]})
    known = {row["client_id"] for row in rows}
    looked = [step for step in looked if step.id not in known]
    of = {row["seq"]: row for row in (yield Statement("line_products", {"name": name}))}
    asked, told = [], []
    for step in looked:
        if step.line in of:
            asked.append(_asked(step, of[step.line]["sku"], now_us))
            told.append(step)
    found = dict(zip((step.id for step in told), (yield from sensed(asked)), strict=True))
    units = {step.id: _base(step, of[step.line]) for step in told}
    kept = [_with(step, found[step.id], units[step.id]) if step.id in found else step for step in given]
    done = yield from tell_steps(name, kept, now_us, by, who, late=late)
    for step in told:
        if step.id in done.new:
            shelf = found[step.id].shelf
            if (step.evidence or {})["by"] == "weight" and shelf.cause:
                why = f"the shelf tells no number ({shelf.cause}); scan, or say that it was counted by hand"
                raise CannotError(f"{step.id}: evidence: {why}", conflict=True)
            yield from _contradicted(step, found[step.id], units[step.id], by)
    return done


def _asked(step: StepTold, sku: str, now_us: int) -> Asked:
    evidence = step.evidence or {}
    at_us = now_us if step.at_us is None else step.at_us
    since_us = _us(evidence["since"])
    if not at_us - SPAN_S * 10**6 <= since_us <= at_us:
        raise CannotError(f"{step.id}: evidence.since: it is not within {SPAN_S // 3600} h before the pick")
    assert step.source_place is not None  # noqa: S101 - for the type checker
    return Asked(step.source_place, sku, since_us, now_us, float(step.quantity), at_us)


def _base(step: StepTold, row: Row) -> float:
    """In base units; a unit that the product has not is refused where the step is."""
    if step.unit in ("", row["base_unit"]):
        return float(step.quantity)
    ratio = row["units"].get(step.unit)
    return float(step.quantity) * float(ratio[0]) / float(ratio[1]) if ratio else float(step.quantity)


def _with(step: StepTold, found: Sensed, quantity: float) -> StepTold:
    evidence = dict(step.evidence or {})
    shelf, epcs = found.shelf, evidence["epcs"]
    said = {
        "taken": shelf.taken, "quantity": shelf.quantity, "bound": shelf.bound, "sure": shelf.sure,
        "cause": shelf.cause, "tags": sum(tag.sure >= DOUBT for tag in found.tags),
        "verdict": verdict(found, quantity, epcs),
    }  # fmt: skip
    return step._replace(evidence={**evidence, "said": said})


def _contradicted(step: StepTold, found: Sensed, quantity: float, by: str) -> Script[None]:
    epcs = (step.evidence or {})["epcs"]
    if verdict(found, quantity, epcs) != "differs":
        return
    shelf = found.shelf
    weighs = agreement(shelf, quantity) == "differs" and shelf.taken is not None
    off = abs((shelf.taken or 0.0) - quantity) if weighs else 1.0
    yield Statement(
        "pick_contradicted", {"id": step.id, "off": off, "doubt": shelf.sure if weighs else DOUBT, "by": by}
    )


def _us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))
