"""The one transaction of movements: lock, read all that has to do with them, judge, write what they come to.

Statements are those of `store/queries/handling.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.handling_units.history import Unit, history
from domain.handling_units.movements import NOTHING, Content, Kind, Movement, Place, RefusedError, amount, refuse
from domain.handling_units.told import PLACES, body_of, changed, lots_of, movement_of, part_rows, stay_rows, unit_rows
from domain.refusal import CannotError
from domain.times import rfc3339, to_us
from operations.unit_of_work import Script, Statement

PIECE_MAX = 10_000
"""Movements of units that have to do with one another."""


CLOCKS_US = 300 * 10**6
"""A caller's clock may be ahead of ours by so much."""


class Said(NamedTuple):
    """A movement as somebody tells it, with names of places (`kind`, name, zone or probe); no time: now."""

    id: str
    kind: Kind
    at_us: int | None
    unit: str
    others: tuple[str, ...] = ()
    contents: tuple[Content, ...] = ()
    place: tuple[str, str, str] | None = None
    reason: str = ""


class Taken(NamedTuple):
    """What became of movements: those that were not told before, and the units that are another thing than before."""

    new: tuple[str, ...]
    units: tuple[str, ...]


def take(given: Sequence[Said], now_us: int, by: str, *, dry_run: bool = False) -> Script[Taken]:
    """Takes in movements, all or none; one that is told again by its id changes nothing.

    Raises:
        CannotError: it cannot have happened, or another movement has its id, or it names what is not there.
    """
    yield Statement("lock", {})
    movements = yield from _resolved(given, now_us)
    new = yield from _not_known(given, movements)
    yield from _check_lots(new)
    names = [m.id for m in new]
    try:
        units = yield from tell(new, {each.id: each.reason for each in given}, by, dry_run=dry_run)
    except RefusedError as error:
        raise CannotError(why(error, names), conflict=True) from None
    return Taken(tuple(names), tuple(units))


def _resolved(given: Sequence[Said], now_us: int) -> Script[list[Movement]]:
    """With keys of places in the place of names, and times to the millisecond."""
    places = yield from _places([each.place for each in given if each.place])
    found = []
    for each in given:
        at_us = now_us if each.at_us is None else each.at_us
        if at_us > now_us + CLOCKS_US:
            raise CannotError(f"at: movement {each.id} is in the future; tell it when it has happened")
        place = places[each.place] if each.place else None
        at_us = at_us // 1000 * 1000
        found.append(Movement(each.id, each.kind, at_us, each.unit, each.others, each.contents, place))
    return found


def _places(given: Sequence[tuple[str, str, str]]) -> Script[dict[tuple[str, str, str], Place]]:
    if not given:
        return {}
    named = {f"{kind}s": sorted({name for k, name, _ in given if k == kind}) for kind in PLACES}
    rows = yield Statement("places_by_name", named)
    keys = {(r["kind"], r["name"]): r["id"] for r in rows}
    zones = {(r["name"], r["part"]): r["part_id"] for r in rows if r["kind"] == "site"}
    found = {}
    for kind, name, part in given:
        if (kind, name) not in keys:
            raise CannotError(f"{kind}: there is no {name}; add it first")
        if kind == "site" and part and (name, part) not in zones:
            raise CannotError(f"zone: {name} has no {part}; add it first")
        said = str(zones[name, part]) if kind == "site" and part else part
        found[kind, name, part] = Place(kind, str(keys[kind, name]), said)  # type: ignore[arg-type]
    return found


def _not_known(given: Sequence[Said], movements: Sequence[Movement]) -> Script[list[Movement]]:
    """Those that were not told before."""
    rows = yield Statement("movements_known", {"ids": [m.id for m in movements]})
    known = {row["client_id"]: row for row in rows}
    new = []
    for said, m in zip(given, movements, strict=True):
        row = known.get(m.id)
        if row is None:
            new.append(m)
            continue
        same = (row["kind"], tuple(row["units"]), row["body"]) == (m.kind, m.units, body_of(m))
        if not same or (said.at_us is not None and to_us(row["at"]) != m.at_us):
            raise CannotError(f"id: another movement is {m.id}; each needs its own", conflict=True)
        if row["voided_at"]:
            gone = f"id: {m.id} was taken back; what happened after all needs an id of its own"
            raise CannotError(gone, conflict=True)
    return new


def _check_lots(new: Sequence[Movement]) -> Script[None]:
    """Lots are there, and there is no more of them than there is."""
    codes = sorted({c.lot for m in new for c in m.contents})
    if not codes:
        return
    found = yield Statement("lot_keys", {"codes": codes})
    rows = {row["code"]: row for row in found}
    if missing := [code for code in codes if code not in rows]:
        raise CannotError(f"contents: there is no lot {missing[0]}; add it first")
    sums = yield Statement("told", {"codes": codes})
    told = {row["lot"]: amount(row["quantity"]) for row in sums}
    for m in new:
        for c in m.contents if m.kind == "commission" else ():
            told[c.lot] = told.get(c.lot, NOTHING) + c.quantity
            whole = rows[c.lot]["quantity"]
            if whole is not None and told[c.lot] > amount(whole):
                there = f"of lot {c.lot} there are {whole.normalize():f}, not {float(told[c.lot]):g}"
                raise CannotError(f"movement {m.id}: {there}", conflict=True)


def lock() -> Script[None]:
    """Movements of a tenant are taken one after the other."""
    yield Statement("lock", {})


def tell(new: Sequence[Movement], reasons: Mapping[str, str], by: str, *, dry_run: bool = False) -> Script[list[str]]:
    """Takes in movements that were not told before; the codes of the units that are another thing than before.

    Raises:
        RefusedError: one of all cannot have happened.
    """
    if not new:
        return []
    known = yield from _piece(new[0], sorted({code for m in new for code in m.units}))
    before, after = history(known), history([*known, *new])
    if dry_run:
        return [code for code in after if before.get(code) != after[code]]
    rows = [
        {
            "client_id": m.id,
            "kind": m.kind,
            "at": rfc3339(m.at_us),
            "units": m.units,
            "body": body_of(m),
            "reason": reasons.get(m.id, ""),
        }
        for m in new
    ]
    yield Statement("add_movements", {"rows": json.dumps(rows), "by": by})
    return (yield from _keep(before, after))


def take_back(movement: Movement, reason: str, by: str) -> Script[list[str]]:
    """One that is known did not happen.

    Raises:
        RefusedError: one after it could not have happened then.
    """
    known = yield from _piece(movement, sorted(set(movement.units)))
    before, after = history(known), history([m for m in known if m.id != movement.id])
    yield Statement("void_movement", {"id": movement.id, "reason": reason, "by": by})
    return (yield from _keep(before, after))


def why(error: RefusedError, new: Sequence[str] = ()) -> str:
    """A refusal in one sentence."""
    m = error.movement
    whose = f"movement {m.id}" if m.id in new else f"then movement {m.id} could not have happened"
    return f"{whose} ({m.kind} of {m.unit} at {rfc3339(m.at_us)}): {error.why}"


def _piece(movement: Movement, units: Sequence[str]) -> Script[list[Movement]]:
    rows = yield Statement("of_one_piece", {"units": list(units), "limit": PIECE_MAX + 1})
    if len(rows) > PIECE_MAX:
        refuse(movement, f"more than {PIECE_MAX} movements have to do with it: begin a unit with a new code")
    return [movement_of(row) for row in rows]


def _keep(before: Mapping[str, Unit], after: Mapping[str, Unit]) -> Script[list[str]]:
    """Keeps what movements come to where it is another thing than before."""
    found = changed(before, after)
    if found.gone:
        yield Statement("drop_units", {"codes": list(found.gone)})
    if found.stale:
        yield Statement("stale_units", {"codes": list(found.stale)})
    if not found.units:
        return list(found.gone)
    rows = yield Statement("put_units", _rows(unit_rows(found.units)))
    keys = {row["code"]: row["id"] for row in rows}
    if inside := [{"code": unit.code, "parent": unit.parent} for unit in found.units if unit.parent]:
        yield Statement("put_parents", _rows(inside))
    named = yield Statement("lot_keys", {"codes": lots_of(found.units)})
    lots = {row["code"]: row["id"] for row in named}
    yield Statement("drop_stays", {"units": list(keys.values())})
    yield Statement("drop_parts", {"units": list(keys.values())})
    yield Statement("put_stays", _rows(stay_rows(found.units, keys)))
    yield Statement("put_parts", _rows(part_rows(found.units, keys, lots)))
    return [*keys, *found.gone]


def _rows(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {"rows": json.dumps(rows)}
