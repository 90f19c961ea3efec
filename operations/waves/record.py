"""The transactions of a wave: planned, given goods order by order, divided into rounds, taken by pickers, ended.

Statements are those of `store/queries/waves.sql`, and of orders and availability. Releasing takes several transactions:
whoever is killed amid it leaves a wave that is being released, and whoever comes next goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.refusal import CannotError
from operations.allocation.record import allocate_all
from operations.unit_of_work import Row, Script, Statement

ORDERS_MAX = 1000
AT_ONCE = 25
"""Orders that are given goods in one transaction: others have their turn between."""


class WaveTold(NamedTuple):
    """A wave as somebody asks for it; `orders` by name, else all that are due by `due_by` (RFC 3339)."""

    site: str
    by: str
    picking: str
    cart: Mapping[str, float]
    orders: tuple[str, ...] = ()
    due_by: str | None = None
    name: str = ""


def candidates(told: WaveTold) -> Script[list[Row]]:
    """Orders that can come into a wave, the most urgent first.

    Raises:
        CannotError: one that is named is not there, ships from elsewhere, is through, or is in another wave.
    """
    asked = {"site": told.site, "orders": list(told.orders) or None, "due_by": told.due_by, "limit": ORDERS_MAX + 1}
    rows = list((yield Statement("wave_candidates", asked)))
    if len(rows) > ORDERS_MAX:
        raise CannotError(f"orders: more than {ORDERS_MAX} fit; name a time, or divide them")
    if told.orders:
        found = {row["order"]: row for row in rows}
        for name in told.orders:
            if name not in found:
                raise CannotError(f"orders: there is no {name} at {told.site} that has anything left to be picked")
            if found[name]["wave"]:
                raise CannotError(f"orders: {name} is in {found[name]['wave']}; take it out there first", conflict=True)
    return [row for row in rows if not row["wave"]]


def grouped(rows: Sequence[Row], by: str) -> dict[str, list[Row]]:
    """Orders by what they have in common, in the order of the most urgent."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_common(row, by), []).append(row)
    return found


def _common(row: Row, by: str) -> str:
    if by == "shipment":
        return str(row["shipment"] or "no shipment")
    if by == "carrier":
        return str(row["carrier"] or "our own vehicles")
    if by == "customer":
        return str(row["customer"])
    if by == "due":
        return row["window_end"].strftime("due %Y-%m-%d %H:00 UTC") if row["window_end"] else "due at any time"
    return ""


def plan(told: WaveTold, by: str) -> Script[list[str]]:
    """Makes waves of what is asked for, one for each group; their names.

    Raises:
        CannotError: nothing fits, a name is taken, or an order has come into another wave just now.
    """
    groups = grouped((yield from candidates(told)), told.by)
    if not groups:
        raise CannotError("there is no order that fits and is in no wave; take orders in, or choose a later time")
    if told.name and len(groups) > 1:
        raise CannotError(f"id: these are {len(groups)} waves; leave the name away, or choose by: all")
    names = []
    for why, rows in groups.items():
        values = {"name": told.name, "site": told.site, "why": why, "picking": told.picking,
                  "cart": json.dumps(dict(told.cart)), "by": by}  # fmt: skip
        made = yield Statement("add_wave", values)
        if not made:
            raise CannotError(f"id: there is another wave {told.name}; choose another name", conflict=True)
        keys = [row["key"] for row in rows]
        yield Statement("leave_waves", {"orders": keys})
        taken = yield Statement("add_wave_orders", {"wave": made[0]["id"], "orders": keys})
        if len(taken) < len(rows):
            raise CannotError("somebody has put one of these orders into a wave just now; look again", conflict=True)
        names.append(str(made[0]["name"]))
    return names


def begin(name: str, version: int | None, by: str) -> Script[None]:
    """A wave is to be released; one that is being released goes on.

    Raises:
        CannotError: there is none, it is released or cancelled, or somebody has changed it since `version`.
    """
    row = yield from _locked(name)
    if row["status"] == "releasing":
        return
    if row["status"] != "planned":
        raise CannotError(f"{name} is {row['status']}", conflict=True)
    if version is not None and version != row["version"]:
        raise CannotError(f"it is at version {row['version']} by now: look again", conflict=True)
    yield Statement("begin_wave", {"wave": row["id"], "by": by})


def give(name: str, now_us: int, by: str, who: frozenset[str]) -> Script[list[str]]:
    """Gives the next orders of a wave goods; those that changed, none when all have had their turn."""
    rows = yield Statement("wave_next", {"name": name, "limit": AT_ONCE})
    if not rows:
        return []
    yield from allocate_all([row["order"] for row in rows], now_us, by, who)
    yield Statement("wave_given", {"wave": rows[0]["wave_id"], "orders": [row["order_id"] for row in rows]})
    return [row["order"] for row in rows]


def finish(name: str) -> Script[bool]:
    """A wave all of whose orders have had their turn is released; False: somebody else said so."""
    row = yield from _locked(name)
    if row["status"] != "releasing":
        return False
    yield Statement("end_release", {"wave": row["id"]})
    return True


def divide(
    name: str, rounds: Sequence[Mapping[str, Any]], walk_m: float, as_came_m: float, *, released: bool = False
) -> Script[bool]:
    """Writes the rounds of a released wave, in the place of those it had; `released`: it has just been.

    False: it was released in this moment, and somebody has taken a round already: that division holds.

    Raises:
        CannotError: there is none, it is not released, or somebody has taken one of its rounds.
    """
    row = yield from _locked(name)
    if row["status"] != "released":
        raise CannotError(f"{name} is {row['status']}; release it first", conflict=True)
    taken = yield Statement("rounds_taken", {"wave": row["id"]})
    if taken and released:
        return False
    if taken:
        raise CannotError(
            f"{taken[0]['picker']} has round {taken[0]['seq']}; rounds are divided before they are taken", conflict=True
        )
    yield Statement("drop_rounds", {"wave": row["id"]})
    yield Statement("add_rounds", {"wave": row["id"], "rows": json.dumps(rounds)})
    yield Statement("add_round_orders", {"wave": row["id"], "rows": json.dumps(rounds)})
    yield Statement("set_walks", {"wave": row["id"], "walk_m": walk_m, "as_came_m": as_came_m})
    return True


def take(name: str, seq: int, picker: str, *, back: bool, keeper: bool) -> Script[None]:
    """Somebody takes a round, or gives it back.

    Raises:
        CannotError: there is none, or somebody else has it.
    """
    yield from _locked(name)
    rows = yield Statement("round_there", {"name": name, "seq": seq})
    if not rows:
        raise CannotError(f"{name} has no round {seq}", missing=True)
    has = rows[0]["picker"]
    if has and has != picker and not (back and keeper):
        raise CannotError(f"{has} has this round; take another, or ask who plans to free it", conflict=True)
    yield Statement("take_round", {"wave": rows[0]["wave_id"], "seq": seq, "picker": None if back else picker})


def end(name: str, version: int | None, orders: Sequence[str] = ()) -> Script[None]:
    """Cancels a wave, or takes orders out of it. What they were given stays theirs.

    Raises:
        CannotError: there is none, it is cancelled, it is being released, or somebody has changed it.
    """
    row = yield from _locked(name)
    if row["status"] in ("cancelled", "releasing"):
        raise CannotError(f"{name} is {row['status']}", conflict=True)
    if version is not None and version != row["version"]:
        raise CannotError(f"it is at version {row['version']} by now: look again", conflict=True)
    dropped = yield Statement("drop_wave_orders", {"wave": row["id"], "orders": list(orders) or None})
    if orders and len(dropped) < len(set(orders)):
        raise CannotError(f"orders: not all of them are in {name}", conflict=True)
    yield Statement("change_wave", {"wave": row["id"], "cancel": not orders})


def _locked(name: str) -> Script[Row]:
    rows = yield Statement("wave_locked", {"name": name})
    if not rows:
        raise CannotError(f"there is no wave {name}", missing=True)
    return rows[0]
