"""What people say of appointments at docks, each in one transaction; statements are those of `store/queries/docks.sql`.

The site is locked first: of two who want the same door at the same time one gets it, and the other is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from domain.refusal import CannotError
from domain.times import from_us, to_us
from operations.stock.decide import CLOCKS_US
from operations.unit_of_work import Row, Script, Statement

LONGEST = timedelta(hours=24)
OVER = ("cancelled", "delivered")
KEPT = (
    "site_id", "zone_id", "direction", "shipment_id", "vehicle_id", "carrier_id", "truck", "goods", "temp_class",
    "begins_at", "ends_at", "pallets", "note",
)  # fmt: skip
Told = Literal["booked", "arrived", "docked", "left", "no_show", "cancelled"]
STEPS = ("arrived", "docked", "left")


class AppointmentTold(NamedTuple):
    """An appointment as somebody books it; without a door any will do. `version`: only if it is still that one."""

    id: str
    site: str
    direction: str
    begins_at: datetime
    ends_at: datetime
    door: str | None = None
    shipment: str | None = None
    vehicle: str | None = None
    carrier: str | None = None
    truck: str = ""
    goods: str = ""
    temp_class: str | None = None
    pallets: int | None = None
    note: str = ""
    version: int | None = None


class MoveTold(NamedTuple):
    """An appointment that goes to another door or time, as whoever moves it has seen it."""

    id: str
    door: str | None
    begins_at: datetime
    ends_at: datetime
    version: int


def book(given: AppointmentTold, by: str, *, anyway: bool = False) -> Script[str]:
    """Books or changes an appointment: `created`, `changed`, or `same`. `anyway`: although the door is taken.

    Raises:
        CannotError: it names what is not there, the door is taken, or somebody has changed it since.
    """
    if given.ends_at - given.begins_at > LONGEST:
        raise CannotError("ends_at: an appointment lasts a day at most; book the next one behind it")
    asked = {name: getattr(given, name) for name in ("site", "door", "shipment", "vehicle", "carrier")}
    keys = _keys(given, (yield Statement("appointment_names", asked)))
    known = yield Statement("appointment_locked", {"id": given.id})
    if known:
        _seen(given.id, known[0], given.version)
    names = [name for name in KEPT if not name.endswith("_id")]
    values = {**{name: getattr(given, name) for name in names}, **{name: keys[name] for name in KEPT if name in keys}}
    if known and known[0]["outcome"] is None and all(known[0][name] == values[name] for name in KEPT):
        return "same"
    if not anyway and values["zone_id"] is not None:
        yield from _free(values["zone_id"], [given.id], given.begins_at, given.ends_at)
    if known:
        yield Statement("change_appointment", {**values, "id": given.id, "by": by})
        return "changed"
    if not (yield Statement("add_appointment", {**values, "id": given.id, "by": by})):
        raise CannotError("somebody else booked it just now; look again", conflict=True)
    return "created"


def _keys(given: AppointmentTold, rows: Sequence[Row]) -> dict[str, Any]:
    if not rows:
        raise CannotError(f"site: there is no {given.site}")
    keys = rows[0]
    if given.door is not None:
        _door(given.site, given.door, keys)
    for name in ("shipment", "vehicle", "carrier"):
        if getattr(given, name) is not None and keys[f"{name}_id"] is None:
            raise CannotError(f"{name}: there is no {getattr(given, name)}")
    if keys["shipment_status"] in OVER:
        raise CannotError(f"shipment: {given.shipment} is {keys['shipment_status']}", conflict=True)
    return {name: keys[name] for name in ("site_id", "zone_id", "shipment_id", "vehicle_id", "carrier_id")}


def _door(site: str, door: str, keys: Row) -> None:
    if keys["zone_id"] is None:
        raise CannotError(f"door: {site} has no zone {door}; add it first")
    if keys["dock"] != "door":
        raise CannotError(f"door: {door} is no dock door; say so first (PUT /sites/{site}/zones/{door}/dock)")


def _seen(name: str, known: Row, version: int | None) -> None:
    if version is not None and known["version"] != version:
        raise CannotError(f"{name} is at version {known['version']} by now: look again", conflict=True)


def _free(zone: int, ids: list[str], begins_at: datetime, ends_at: datetime) -> Script[None]:
    values = {"zone": zone, "ids": ids, "begins_at": begins_at, "ends_at": ends_at}
    if beside := (yield Statement("at_once", values)):
        other = beside[0]
        raise CannotError(
            f"door: {other['id']} is at {other['door']} then; take another door or time, or say anyway", conflict=True
        )


def move(site: str, moves: Sequence[MoveTold], by: str) -> Script[int]:
    """Moves appointments of a site, all or none: what a proposal said, or somebody dragged.

    Raises:
        CannotError: one has changed since, is called off, or a door is taken by one that does not move.
    """
    zones: dict[str, int | None] = {}
    for each in moves:
        zones[each.id] = yield from _movable(site, each)
    yield from _apart(moves, zones)
    for each in moves:
        yield Statement("move_appointment", {
            "id": each.id, "zone": zones[each.id], "begins_at": each.begins_at, "ends_at": each.ends_at, "by": by,
        })  # fmt: skip
    return len(moves)


def _movable(site: str, each: MoveTold) -> Script[int | None]:
    """The key of the door where it goes."""
    if each.ends_at <= each.begins_at or each.ends_at - each.begins_at > LONGEST:
        raise CannotError(f"ends_at: {each.id} is to end after it begins, and to last a day at most")
    asked = {"site": site, "door": each.door, "shipment": None, "vehicle": None, "carrier": None}
    rows = yield Statement("appointment_names", asked)
    if not rows:
        raise CannotError(f"there is no {site}", missing=True)
    if each.door is not None:
        _door(site, each.door, rows[0])
    known = yield Statement("appointment_locked", {"id": each.id})
    if not known or known[0]["site_id"] != rows[0]["site_id"]:
        raise CannotError(f"id: {site} has no appointment {each.id}")
    _seen(each.id, known[0], each.version)
    if known[0]["outcome"] is not None:
        raise CannotError(f"{each.id} is {known[0]['outcome'].replace('_', ' ')}: book it again", conflict=True)
    zone: int | None = rows[0]["zone_id"]
    return zone


def _apart(moves: Sequence[MoveTold], zones: dict[str, int | None]) -> Script[None]:
    ids = [each.id for each in moves]
    for n, each in enumerate(moves):
        if (zone := zones[each.id]) is None:
            continue
        yield from _free(zone, ids, each.begins_at, each.ends_at)
        for other in moves[:n]:
            overlaps = other.begins_at < each.ends_at and each.begins_at < other.ends_at
            if zones[other.id] == zone and overlaps:
                raise CannotError(f"{other.id} and {each.id} are at {each.door} at once", conflict=True)


class StateTold(NamedTuple):
    """What somebody says of an appointment, and when it was so; `booked` takes back all that was said."""

    state: Told
    at: datetime | None = None
    reason: str = ""
    version: int | None = None


def tell(name: str, given: StateTold, seen: str, now_us: int, by: str) -> Script[bool]:
    """Says of an appointment how far it is; whether that is new. `seen`: how far it is by what was seen.

    Raises:
        CannotError: there is none, it is in the future, it came although it is said to be a no-show, or it is over.
    """
    rows = yield Statement("appointment_locked", {"id": name})
    if not rows:
        raise CannotError(f"there is no appointment {name}", missing=True)
    known, at = rows[0], given.at or from_us(now_us)
    _seen(name, known, given.version)
    if to_us(at) > now_us + CLOCKS_US:
        raise CannotError("at: it is in the future; tell it when it has happened")
    if given.state in ("no_show", "cancelled") and seen in STEPS:
        raise CannotError(f"{name} has {seen} already: it cannot be {given.state.replace('_', ' ')}", conflict=True)
    if known["outcome"] == "cancelled" and given.state != "booked":
        raise CannotError(f"{name} is cancelled: book it again first", conflict=True)
    values = _values(known, given, at)
    old = {"outcome": known["outcome"], **{f"{each}_at": known[f"told_{each}_at"] for each in STEPS}}
    if old == {key: value for key, value in values.items() if key != "why"}:
        return False
    yield Statement("tell_appointment", {**values, "id": name, "by": by})
    return True


def _values(known: Row, given: StateTold, at: datetime) -> dict[str, Any]:
    times = {f"{each}_at": known[f"told_{each}_at"] for each in STEPS}
    if given.state in ("no_show", "cancelled"):
        return {**times, "outcome": given.state, "why": given.reason}
    if given.state == "booked":
        return {**dict.fromkeys(times), "outcome": None, "why": ""}
    times[f"{given.state}_at"] = at
    told = [times[f"{each}_at"] for each in STEPS if times[f"{each}_at"] is not None]
    if told != sorted(told):
        raise CannotError("at: it arrives, docks and leaves in this order; look at the other times")
    return {**times, "outcome": None, "why": ""}
