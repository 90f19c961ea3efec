"""The one transaction of movements: lock, read all that has to do with them, judge, write what they come to.

Statements are those of `store/queries/handling.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from domain.handling_units.history import Unit, history
from domain.handling_units.movements import Movement, RefusedError, refuse
from domain.handling_units.told import body_of, changed, lots_of, movement_of, part_rows, stay_rows, unit_rows
from domain.times import rfc3339
from operations.unit_of_work import Script, Statement

PIECE_MAX = 10_000
"""Movements of units that have to do with one another."""


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
