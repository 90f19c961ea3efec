"""A plan that is accepted becomes shipments, in one transaction: those that run are changed, others are made.

Statements are those of `store/queries/dispatch.sql` and `shipment_orders.sql`. Shipments are locked first, then orders.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.refusal import CannotError
from operations.shipment_orders.record import carry
from operations.unit_of_work import Script, Statement


class StopTold(NamedTuple):
    """A stop of a round: a place, its window (RFC 3339) and the orders that leave there."""

    label: str
    lat: float
    lon: float
    radius_m: float
    window_start: str | None
    window_end: str | None
    orders: tuple[str, ...]
    site: int | None = None


class RoundTold(NamedTuple):
    """A vehicle's round.

    Attributes:
        shipment: its name; `new`: it is to be made.
        kept: number of the last stop that stays as it is; its orders stay too.
        stops: those after that.
    """

    vehicle: str
    shipment: str
    new: bool
    kept: int
    stops: tuple[StopTold, ...]
    reference: str
    customer: str | None


def accept(rounds: Sequence[RoundTold], freed: Mapping[str, frozenset[str]], by: str) -> Script[list[str]]:
    """Makes and changes shipments; their names. `freed`: orders that leave shipments which are no round.

    Raises:
        CannotError: a vehicle or shipment is not there any more, has gone on, or an order is on another shipment.
    """
    names = [*(each.shipment for each in rounds if not each.new), *freed]
    keys: dict[str, int] = {}
    for row in (yield Statement("shipments_locked", {"names": names})) if names else ():
        if row["status"] not in ("planned", "in_transit"):
            raise CannotError(f"{row['name']} is {row['status']} by now: plan again", conflict=True)
        keys[row["name"]] = row["id"]
    if lost := [name for name in names if name not in keys]:
        raise CannotError(f"{lost[0]} is not there any more: plan again", conflict=True)
    yield from _not_gone_on(rounds)
    rows = yield Statement("vehicles_known", {"names": sorted({each.vehicle for each in rounds})})
    vehicles = {row["name"]: row["id"] for row in rows}
    stays = yield from _staying(keys)
    for shipment, orders in freed.items():
        yield from carry(shipment, {o: seq for o, seq in stays[shipment].items() if o not in orders}, by)
    # All that leaves a shipment first, so that none is on two.
    for each in rounds:
        if not each.new:
            mine = {order for stop in each.stops for order in stop.orders}
            held = {order: seq for order, seq in stays[each.shipment].items() if order in mine or _is_kept(seq, each)}
            yield from carry(each.shipment, held, by)
    for each in rounds:
        if each.new:
            keys[each.shipment] = yield from _made(each, vehicles)
        yield from _stops(each, keys[each.shipment])
        wanted: dict[str, int | None] = {
            order: seq for order, seq in stays.get(each.shipment, {}).items() if _is_kept(seq, each)
        }
        for seq, stop in enumerate(each.stops, each.kept + 1):
            wanted |= dict.fromkeys(stop.orders, seq)
        yield from carry(each.shipment, wanted, by)
    return [each.shipment for each in rounds]


def _is_kept(seq: int | None, each: RoundTold) -> bool:
    return seq is not None and seq <= each.kept


def _not_gone_on(rounds: Sequence[RoundTold]) -> Script[None]:
    kept = {each.shipment: each.kept for each in rounds if not each.new}
    for row in (yield Statement("stops_reached", {"names": list(kept)})) if kept else ():
        if row["seq"] > kept[row["shipment"]]:
            raise CannotError(f"{row['shipment']} has reached stop {row['seq']} meanwhile: plan again", conflict=True)


def _staying(keys: Mapping[str, int]) -> Script[dict[str, dict[str, int | None]]]:
    """Orders that shipments carry now, with the numbers of their stops."""
    found: dict[str, dict[str, int | None]] = {name: {} for name in keys}
    if keys:
        names = {key: name for name, key in keys.items()}
        for row in (yield Statement("of_shipments", {"shipments": list(names)})):
            found[names[row["shipment_id"]]][row["id"]] = row["stop"]
    return found


def _made(each: RoundTold, vehicles: Mapping[str, int]) -> Script[int]:
    if each.vehicle not in vehicles:
        raise CannotError(f"vehicle {each.vehicle} is not there any more, or retired: plan again", conflict=True)
    rows = yield Statement("make_shipment", {
        "name": each.shipment, "reference": each.reference, "customer": each.customer,
        "vehicle": vehicles[each.vehicle],
    })  # fmt: skip
    if not rows:
        raise CannotError(f"there is a shipment {each.shipment} already: rename it, or plan again", conflict=True)
    return int(rows[0]["id"])


def _stops(each: RoundTold, shipment: int) -> Script[None]:
    yield Statement("trim_stops", {"shipment": shipment, "seq": each.kept + 1})
    rows = [
        {
            "seq": seq, "name": f"{each.shipment}-{seq}", "label": stop.label, "site": stop.site, "lat": stop.lat,
            "lon": stop.lon, "radius_m": stop.radius_m, "window_start": stop.window_start,
            "window_end": stop.window_end,
        }
        for seq, stop in enumerate(each.stops, each.kept + 1)
    ]  # fmt: skip
    yield Statement("add_stops", {"shipment": shipment, "rows": json.dumps(rows)})
