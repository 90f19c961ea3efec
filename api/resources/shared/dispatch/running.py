"""A running day as the planner's work: vehicles are where they are, what is on board rides on, what is near stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from api.database import Row, Session
from api.http.problems import Problem
from api.resources.shared.dispatch.gather import (
    Costs,
    Day,
    Gathered,
    job_of,
    moment,
    order_rows,
    truck_of,
    vehicle_rows,
)
from planning.dispatch.work import TRUCKS_MAX, Goods, Job, Truck
from store.db import queries

HEARD = timedelta(minutes=30)
"""A position that is older says little of where a vehicle is."""


@dataclass
class Asked:
    """What of the running day is held: vehicles that are out, orders and shipments that stay, stops that are near."""

    out: frozenset[str]
    locked_orders: frozenset[str]
    locked_shipments: frozenset[str]
    near_s: int
    add_due: bool
    vehicles: list[str] | None


@dataclass
class Running(Gathered):
    """The same with how it was."""

    before: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    """Of each shipment the number of the last stop that stays as it is."""
    start: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class _Tour:
    """A shipment that is not over."""

    row: Row
    stops: Sequence[Row]
    kept: Sequence[Row]

    @property
    def to_come(self) -> list[tuple[str, int | None]]:
        """Its orders that are planned again, and when they were expected."""
        return [
            (order, None if stop["p50"] is None else int(stop["p50"].timestamp()))
            for stop in self.stops[len(self.kept) :]
            for order in stop["orders"] or ()
        ]


async def running(
    session: Session, site: Row, day: Day, now: datetime, asked: Asked, costs: Costs, rule: str
) -> Running:
    """The work of what is left of a day.

    Raises:
        Problem: 409, no shipment with orders of this site is under way or planned that day.
    """
    found, now_s = Running(), int(now.timestamp())
    tours = await _tours(session, site, day, now, asked, found)
    if not tours:
        raise Problem(409, f"no shipment of that day carries orders of {site['name']}; plan the day first")
    names = [order for tour in tours.values() for order, _ in tour.to_come]
    rows = {row["id"]: row for row in await order_rows(session, site["id"], day.end_s, names)}
    if asked.add_due:
        rows |= {row["id"]: row for row in await order_rows(session, site["id"], day.end_s, None)}
    goods: dict[int, list[Row]] = {}
    keys = [row["key"] for row in rows.values()]
    for each in await session.rows(queries("dispatch")["goods_to_plan"], orders=keys) if keys else ():
        goods.setdefault(each["order_id"], []).append(each)
    wanted = None if asked.vehicles is None else sorted({*asked.vehicles, *tours})
    vehicles = {row["id"]: row for row in await vehicle_rows(session, day, wanted)}
    for vehicle, row in vehicles.items():
        if vehicle in asked.out or (vehicle not in tours and row["busy"]):
            if vehicle not in asked.out:
                found.note(vehicle, "busy", row["busy"])
            continue
        truck = truck_of(row, site, day, costs, rule, found, now_s)
        found.trucks.append(_as_it_is(truck, row, tours[vehicle], now) if vehicle in tours else truck)
    _jobs(found, tours, rows, goods, day, asked)
    return found


async def _tours(
    session: Session, site: Row, day: Day, now: datetime, asked: Asked, found: Running
) -> dict[str, _Tour]:
    """By vehicle; one that has several shipments, or stops of no order, is left as it is."""
    q = queries("dispatch")
    span = {"since": moment(day.begin_s), "until": moment(day.end_s)}
    rows = await session.rows(q["shipments_running"], site=site["id"], limit=2 * TRUCKS_MAX, **span)
    stops: dict[int, list[Row]] = {}
    for stop in await session.rows(q["stops_running"], shipments=[row["key"] for row in rows]) if rows else ():
        stops.setdefault(stop["shipment_id"], []).append(stop)
    near, tours = now + timedelta(seconds=asked.near_s), {}
    several = {row["vehicle"] for row in rows if sum(each["vehicle"] == row["vehicle"] for each in rows) > 1}
    for row in rows:
        mine = stops.get(row["key"], [])
        last = max(
            (n for n, each in enumerate(mine, 1)
             if each["arrived_at"] is not None or (each["p50"] is not None and each["p50"] <= near)
             or (row["status"] == "in_transit" and each["site_id"] == site["id"] and n == 1)),
            default=0,
        )  # fmt: skip
        rest = mine[last:]
        if row["status"] == "planned" and last == 0 and rest and rest[0]["site_id"] == site["id"]:
            last, rest = 1, rest[1:]
        if row["vehicle"] in several or any(not each["orders"] for each in rest):
            found.note(row["vehicle"], "left_alone", row["id"])
            continue
        tours[row["vehicle"]] = _Tour(row, mine, mine[:last])
        found.kept[row["id"]] = last
    return tours


def _as_it_is(truck: Truck, row: Row, tour: _Tour, now: datetime) -> Truck:
    """Where it is, and from when on it goes on."""
    shipment, now_s = tour.row["id"], int(now.timestamp())
    if tour.row["status"] == "planned":
        return replace(truck, shipment=shipment, ready_s=max(truck.ready_s, now_s))
    lat, lon, ready = truck.lat, truck.lon, now_s
    waiting = [each for each in tour.kept if each["departed_at"] is None and each["orders"]]
    if waiting:
        last = waiting[-1]
        at = last["arrived_at"] or last["p50"] or now
        lat, lon, ready = last["lat"], last["lon"], max(now_s, int(at.timestamp()) + 600 * len(last["orders"]))
    elif row["lat"] is not None and row["time"] is not None and now - row["time"] < HEARD:
        lat, lon = row["lat"], row["lon"]
    elif tour.kept:
        lat, lon = tour.kept[-1]["lat"], tour.kept[-1]["lon"]
    return replace(
        truck, shipment=shipment, under_way=True, fixed_cost=0.0, lat=lat, lon=lon, ready_s=ready,
        back_s=max(truck.back_s, ready + 3600),
    )  # fmt: skip


def _jobs(
    found: Running, tours: dict[str, _Tour], rows: dict[str, Row], goods: dict[int, list[Row]], day: Day, asked: Asked
) -> None:
    of = {order: (vehicle, tour, at) for vehicle, tour in tours.items() for order, at in tour.to_come}
    trucks = {each.id for each in found.trucks}
    for name, row in rows.items():
        vehicle, tour, at = of.get(name, (None, None, None))
        aboard = tour is not None and (
            tour.row["status"] == "in_transit" and (row["loaded"] or vehicle not in asked.out)
        )
        if row["shipment"] is not None and tour is None:
            found.exclude(name, "other_shipment", row["shipment"])
            continue
        if vehicle is not None:
            found.before[name] = vehicle, at
        if aboard and vehicle not in trucks:
            found.exclude(name, "vehicle_out", vehicle or "")
            continue
        job = job_of(row, goods.get(row["key"], []), day, found)
        if job is None and not aboard:
            continue
        job = job or _anyway(row, goods.get(row["key"], []))
        if job is None:
            continue
        held = aboard or name in asked.locked_orders or (tour is not None and tour.row["id"] in asked.locked_shipments)
        mine = vehicle if vehicle in trucks else None
        found.jobs.append(replace(job, was=mine, vehicle=mine if held else None, aboard=aboard))
        if mine is not None:
            found.start.setdefault(mine, []).append(name)


def _anyway(row: Row, goods: Sequence[Row]) -> Job | None:
    """What is on board is brought, though nobody is said to be there."""
    if row["lat"] is None:
        return None
    parts: Any = tuple(Goods(g["temp_class"], g["kg"] or 0.0, g["m3"] or 0.0, g["pallets"] or 0.0) for g in goods)
    return Job(
        row["id"], row["customer"], row["ship_to_label"] or row["customer"], f"{row['customer']}/{row['ship_to']}",
        row["lat"], row["lon"], (), int(row["service_s"]), parts, row["priority"], version=row["version"],
    )  # fmt: skip
