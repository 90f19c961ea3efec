"""What people say of docks and loads, each in one transaction: orders' steps and the book move with what is confirmed.

Statements are those of `store/queries/loading.sql`, `orders.sql` and `stock.sql`. A shipment is locked first, then its
orders in the order of their keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.loading.cooling import Cooling, cooling
from domain.orders.stages import STEPS
from domain.refusal import CannotError
from domain.stock.moves import Place
from domain.stock.quantities import Quantity
from domain.times import rfc3339, to_us
from operations.orders.decide import StepTold
from operations.orders.record import tell_all
from operations.stock.decide import CLOCKS_US
from operations.unit_of_work import Row, Script, Statement

OPEN = ("planned", "in_transit")
NAMED_MAX = 5
MS_US = 1000


class DockingTold(NamedTuple):
    """A vehicle at a door as somebody tells it; `version`: only if nobody has changed it since."""

    id: str
    site: str
    door: str
    vehicle: str
    began_at: datetime
    ended_at: datetime | None = None
    shipments: tuple[str, ...] = ()
    version: int | None = None


def dock(given: DockingTold, now_us: int, by: str) -> Script[str]:
    """Tells or mends a docking: `created`, `changed`, or `same` when it was told before.

    Raises:
        CannotError: it names what is not there, is no door, or another stands there then.
    """
    if to_us(given.began_at) > now_us + CLOCKS_US:
        raise CannotError("began_at: it is in the future; tell it when the vehicle stands there")
    asked = {"site": given.site, "door": given.door, "vehicle": given.vehicle, "shipments": list(given.shipments)}
    rows = yield Statement("docking_names", asked)
    keys = _keys(given, rows)
    known = yield Statement("docking_locked", {"id": given.id})
    if known and given.version is not None and known[0]["version"] != given.version:
        raise CannotError(f"it is at version {known[0]['version']} by now: look again", conflict=True)
    values = {
        "id": given.id, "zone": keys["zone_id"], "vehicle": keys["vehicle_id"], "shipments": list(given.shipments),
        "began_at": given.began_at, "ended_at": given.ended_at, "by": by,
    }  # fmt: skip
    if known and _alike(known[0], values):
        return "same"
    beside = yield Statement("dockings_at_once", {k: v for k, v in values.items() if k not in ("shipments", "by")})
    if beside:
        other = beside[0]
        raise CannotError(
            f"{other['vehicle']} stood at {other['door']} then ({other['id']}): mend that one first", conflict=True
        )
    if known:
        yield Statement("change_docking", values)
        return "changed"
    if not (yield Statement("add_docking", values)):
        raise CannotError("somebody else told it just now; look again", conflict=True)
    return "created"


def _keys(given: DockingTold, rows: Sequence[Row]) -> Row:
    if not rows:
        raise CannotError(f"site: there is no {given.site}")
    keys = rows[0]
    if keys["zone_id"] is None:
        raise CannotError(f"door: {given.site} has no zone {given.door}; add it first")
    if keys["dock"] != "door":
        raise CannotError(f"door: {given.door} is no dock door; say so first (PUT /sites/…/zones/{given.door}/dock)")
    if keys["vehicle_id"] is None:
        raise CannotError(f"vehicle: there is no {given.vehicle}")
    if lost := [name for name in given.shipments if name not in keys["known"]]:
        raise CannotError(f"shipments: there is no {lost[0]}")
    return keys


def _alike(known: Row, values: Mapping[str, Any]) -> bool:
    names = {"zone_id": "zone", "vehicle_id": "vehicle", "shipments": "shipments", "began_at": "began_at"}
    same = all(known[mine] == values[its] for mine, its in names.items())
    return same and known["ended_at"] == values["ended_at"] and known["withdrawn_at"] is None


class Loaded(NamedTuple):
    """What was confirmed: units that went on board in the book, those left with a reason, and orders that changed."""

    loaded: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()


class LoadTold(NamedTuple):
    """What a person confirms of a load; `verified`: all that the portals are sure of; `left`: units with reasons."""

    id: str
    verified: bool = False
    scanned: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    at_us: int | None = None


def load(name: str, given: LoadTold, now_us: int, by: str, who: frozenset[str]) -> Script[Loaded]:
    """Puts units on board in the book; told again with the same id it changes nothing.

    Raises:
        CannotError: there is no such shipment, it is over or on no vehicle, a unit is not to go with it, who asks may
            not load; nothing of it is taken in.
    """
    shipment = yield from _open(name)
    if given.at_us is not None and given.at_us > now_us + CLOCKS_US:
        raise CannotError("at: it is in the future; tell it when it has happened")
    if not STEPS["load"].who & who:
        raise CannotError(f"loading is for {', '.join(sorted(STEPS['load'].who))}", conflict=True)
    packed = yield Statement("packed_units", {"shipment": shipment["id"]})
    aboard = {row["unit"] for row in (yield Statement("loaded_units", {"shipment": shipment["id"]}))}
    rows = yield Statement("units", {"shipment": shipment["id"]})
    said = {row["unit"]: row for row in rows if not row["retracted"]}
    marked = {row["unit"]: row for row in (yield Statement("marks", {"shipments": [shipment["id"]]}))}
    there = {row["unit"] for row in packed}
    sure = [unit for unit in sorted(there) if given.verified and unit in said and said[unit]["state"] == "loaded"]
    scanned = yield from _held(given.scanned, there | aboard)
    wanted = dict.fromkeys([*scanned, *sure])
    for unit in wanted:
        if unit not in there and unit not in aboard:
            yield from _not_its(name, unit)
    left = dict(given.left)
    if lost := [unit for unit in left if unit not in there]:
        raise CannotError(f"left: {lost[0]} is not to go with {name}, or is on board already")
    ready = [unit for unit in wanted if unit in there]
    packed_us = {row["unit"]: to_us(row["packed_at"]) for row in packed if row["packed_at"] is not None}
    times = {
        unit: max(_time(given, said.get(unit), unit in scanned, now_us), packed_us.get(unit, 0) + MS_US)
        for unit in ready
    }  # nothing is loaded before it is packed, whatever a clock says
    marks = [
        {
            "id": f"{given.id}/{unit}", "unit": unit, "kind": "scan" if unit in scanned else "portal",
            "at": rfc3339(times[unit]), "reason": "", "chance": said[unit]["chance"] if unit in said else None,
        }
        for unit in ready
    ]  # fmt: skip
    marks += [
        {"id": f"{given.id}/{unit}", "unit": unit, "kind": "left", "at": rfc3339(now_us), "reason": reason,
         "chance": None}
        for unit, reason in left.items() if unit not in marked or marked[unit]["reason"] != reason
    ]  # fmt: skip
    again = [row["unit"] for row in marks if row["unit"] in marked]
    if again:
        yield Statement("withdraw_marks", {"shipment": shipment["id"], "units": again, "by": by})
    done = yield Statement("add_marks", {"shipment": shipment["id"], "rows": json.dumps(marks), "by": by})
    if len(done) < len(marks):
        raise CannotError("id: something else was told by it; each needs its own", conflict=True)
    goods = [row for row in packed if row["unit"] in times]
    orders = yield from _steps(shipment, given.id, "load", goods, times, now_us, by, who)
    return Loaded(tuple(ready), tuple(row["unit"] for row in marks if row["kind"] == "left"), orders)


def _held(scanned: Sequence[str], known: set[str]) -> Script[list[str]]:
    """Units that were scanned; for one that nobody packed goods in, those of the shipment that it holds."""
    found: list[str] = []
    for unit in scanned:
        inside = () if unit in known else (yield Statement("units_inside", {"unit": unit}))
        found += [row["unit"] for row in inside if row["unit"] in known] or [unit]
    return found


def _time(given: LoadTold, said: Row | None, scanned: bool, now_us: int) -> int:  # noqa: FBT001
    if given.at_us is not None:
        return given.at_us
    at = said["loaded_at"] if said and not scanned else None
    return now_us if at is None else min(to_us(at), now_us)


def unload(
    name: str, unit: str, request: str, reason: str, now_us: int, by: str, who: frozenset[str]
) -> Script[Loaded]:
    """Takes back what was said of a unit: it is off the vehicle again, where it stood before; or not left any more.

    Raises:
        CannotError: nothing was said of it, or its goods are with the customer already.
    """
    shipment = yield from _open(name)
    goods = [row for row in (yield Statement("loaded_units", {"shipment": shipment["id"]})) if row["unit"] == unit]
    taken = yield Statement("withdraw_marks", {"shipment": shipment["id"], "units": [unit], "by": by})
    if not goods and not taken:
        raise CannotError(
            f"{unit} is not on board, and nobody has left it: there is nothing to take back", missing=True
        )
    times = {unit: max([now_us, *(to_us(row["loaded_at"]) + MS_US for row in goods)])}
    orders = yield from _steps(shipment, request, "unload", goods, times, now_us, by, who, reason)
    return Loaded((), (), orders)


def _open(name: str) -> Script[Row]:
    rows = yield Statement("shipment_locked", {"name": name})
    if not rows:
        raise CannotError(f"there is no shipment {name}", missing=True)
    shipment = rows[0]
    if shipment["status"] not in OPEN:
        raise CannotError(f"{name} is {shipment['status']}: what was loaded stays", conflict=True)
    if shipment["vehicle"] is None:
        raise CannotError(f"{name} is on no vehicle; say which first", conflict=True)
    return shipment


def _not_its(name: str, unit: str) -> Script[None]:
    others = yield Statement("unit_elsewhere", {"unit": unit})
    whose = f"it belongs to {others[0]['shipment']}" if others else "nobody has packed it for an order of it"
    raise CannotError(f"{unit} is not to go with {name}: {whose}", conflict=True)


def _steps(
    shipment: Row, request: str, kind: str, goods: Sequence[Row], times: Mapping[str, int], now_us: int, by: str,
    who: frozenset[str], reason: str = "",
) -> Script[tuple[str, ...]]:  # fmt: skip
    """Tells orders that their goods were loaded or unloaded; the names of those that changed."""
    vehicle = Place("vehicle", vehicle=shipment["vehicle"])
    orders: dict[str, list[StepTold]] = {}
    for n, row in enumerate(goods):
        stood = Place(row["kind"] or "site", row["site"], row["zone"], row["bin"], row["vehicle"])
        ends = (stood, vehicle) if kind == "load" else (vehicle, stood)
        step = StepTold(
            f"{request}/{row['unit']}/{row['seq']}.{n}", row["seq"], kind, Quantity(row["quantity"]), "",
            times[row["unit"]], row["lot"], *ends, row["unit"], reason,
        )  # fmt: skip
        orders.setdefault(row["order"], []).append(step)
    if not orders:
        return ()
    done = yield from tell_all(orders, now_us, by, who)
    return tuple(order for order in orders if done[order].new)


class SealTold(NamedTuple):
    """Numbers of seals; `reason`: why in spite of temperatures that are not right, or not known."""

    numbers: tuple[str, ...]
    at: datetime
    reason: str = ""


def cooled(shipment: Row, at: datetime, since: datetime) -> Script[Cooling]:
    """Whether a shipment's vehicle is pre-cooled at a time, by the readings since another."""
    probes = yield Statement("cooling", {"shipment": shipment["id"], "at": at, "since": since})
    (needs,) = yield Statement("cold_goods", {"shipment": shipment["id"]})
    return cooling(probes, needs["classes"], needs["compartments"], held=shipment["profile_id"] is not None, at=at)


def seal(name: str, given: SealTold, since: datetime, now_us: int, by: str) -> Script[Cooling]:
    """Seals a shipment's vehicle: all is on board or left with a reason, and it is as cold as its goods need.

    Raises:
        CannotError: a unit is missing, or it is too warm, too cold or unknown and no reason is given.
    """
    shipment = yield from _open(name)
    if to_us(given.at) > now_us + CLOCKS_US:
        raise CannotError("at: it is in the future; tell it when it is sealed")
    packed = yield Statement("packed_units", {"shipment": shipment["id"]})
    left = {row["unit"] for row in (yield Statement("marks", {"shipments": [shipment["id"]]})) if row["kind"] == "left"}
    if missing := sorted({row["unit"] for row in packed} - left):
        names = ", ".join(missing[:NAMED_MAX]) + (" …" if len(missing) > NAMED_MAX else "")
        raise CannotError(f"not on board: {names}; load it, or say why it is left", conflict=True)
    found = yield from cooled(shipment, given.at, since)
    if found.verdict not in ("right", "not_needed") and not given.reason:
        raise CannotError(f"{found.words}; cool it first, or give a reason", conflict=True)
    yield Statement("add_seal", {
        "shipment": shipment["id"], "kind": "sealed", "numbers": list(given.numbers), "at": given.at,
        "temperatures": json.dumps(found.shown()), "reason": given.reason, "by": by,
    })  # fmt: skip
    return found


def check_seal(name: str, given: SealTold, now_us: int, by: str) -> Script[tuple[list[str], list[str]]]:
    """Numbers of seals where it arrives: those that were not put on, and those that are not there.

    Raises:
        CannotError: there is no such shipment, or it was never sealed.
    """
    rows = yield Statement("shipment_locked", {"name": name})
    if not rows:
        raise CannotError(f"there is no shipment {name}", missing=True)
    if to_us(given.at) > now_us + CLOCKS_US:
        raise CannotError("at: it is in the future; tell it when you have looked")
    seals = yield Statement("seals", {"shipment": rows[0]["id"]})
    put_on = next((row["numbers"] for row in seals if row["kind"] == "sealed" and row["at"] <= given.at), None)
    if put_on is None:
        raise CannotError(f"{name} was not sealed before that: there is nothing to compare", conflict=True)
    yield Statement("add_seal", {
        "shipment": rows[0]["id"], "kind": "checked", "numbers": list(given.numbers), "at": given.at,
        "temperatures": "[]", "reason": given.reason, "by": by,
    })  # fmt: skip
    return sorted(set(given.numbers) - set(put_on)), sorted(set(put_on) - set(given.numbers))
