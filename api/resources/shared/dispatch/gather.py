"""What a plan is made from: orders, vehicles and trips of the store as the planner's work."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.problems import Problem
from domain.geo import distance_m
from planning.dispatch.opening import Spans, open_spans, within
from planning.dispatch.travel import Travel, Trip, learned
from planning.dispatch.work import JOBS_MAX, TRUCKS_MAX, Goods, Job, Room, Truck
from planning.emissions.factors import SHIPPED
from store.db import queries

TRIPS_MAX, TRIPS_OF = 5_000, timedelta(days=90)
LITRES_PER_KM, USUAL_KMH, REEFER = 0.28, 60.0, 1.12
"""What a lorry burns of which nobody told; at which pace an hour's fuel is meant; what cooling adds (ISO 14083)."""
DIESEL_KG = next(each.wtw_kg for each in SHIPPED if each.kind == "diesel_b7")


class Excluded(TypedDict):
    """An order that is in no plan: `no_place`, `closed`, `not_today`, `other_shipment`, `vehicle_out` or `not_open`."""

    order: str
    reason: str
    about: str


class Note(TypedDict):
    """What is not known and not counted of an order or vehicle, or what else to know of it."""

    about: str
    what: str
    more: str


@dataclass
class Costs:
    """What vehicles cost."""

    fixed: float = 80.0
    per_km: float = 0.9
    per_hour: float = 35.0


class Day(NamedTuple):
    """The span of a plan, at a site."""

    day: date
    tz: str
    begin_s: int
    end_s: int


@dataclass
class Gathered:
    """Jobs and trucks, and what is said beside."""

    jobs: list[Job] = field(default_factory=list)
    trucks: list[Truck] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def exclude(self, order: str, reason: str, about: str = "") -> None:
        """An order that is not planned."""
        self.excluded.append({"order": order, "reason": reason, "about": about})

    def note(self, about: str, what: str, more: str = "") -> None:
        """What one should know."""
        self.notes.append({"about": about, "what": what, "more": more})


def day_of(day: date, tz: str, begin: str, end: str) -> Day:
    """From the time of day at which vehicles may leave to that at which they must be home."""
    zone = ZoneInfo(tz)
    spans = [int(datetime.combine(day, time.fromisoformat(each), zone).timestamp()) for each in (begin, end)]
    return Day(day, tz, spans[0], spans[1] if spans[1] > spans[0] else spans[1] + 86_400)


def moment(at_s: int) -> datetime:
    """A time of the planner as one of the database."""
    return datetime.fromtimestamp(at_s, ZoneInfo("UTC"))


async def site_row(session: Session, name: str) -> Row:
    """The site that vehicles start from.

    Raises:
        Problem: 422, there is none.
    """
    row = await session.row(queries("dispatch")["site_of"], site=name)
    if row is None:
        raise Problem(422, f"site: there is no {name}; add it first")
    return row


async def travel_of(session: Session, tz: str, now: datetime) -> Travel:
    """What the tenant's trips teach of ways."""
    rows = await session.rows(queries("dispatch")["trips_driven"], since=now - TRIPS_OF, limit=TRIPS_MAX)
    offset = ZoneInfo(tz).utcoffset(now.replace(tzinfo=None)) or timedelta()
    return await asyncio.to_thread(_learned, rows, int(offset.total_seconds()))


def _learned(rows: Sequence[Row], offset_s: int) -> Travel:
    names = ("start_lat", "start_lon", "end_lat", "end_lon")
    ends = np.array([[row[name] for name in names] for row in rows], dtype=np.float64).reshape(-1, 4)
    crow = distance_m(*ends.T)
    pairs = zip(rows, np.atleast_1d(crow).tolist(), strict=True)
    return learned([Trip(far, row["distance_m"], row["seconds"], row["began_s"]) for row, far in pairs], offset_s)


# ------------------------------------------------------------ orders
async def order_rows(session: Session, site: int, until_s: int, names: Sequence[str] | None) -> list[Row]:
    """Rows of orders to plan.

    Raises:
        Problem: 422, they are too many.
    """
    rows = await session.rows(
        queries("dispatch")["orders_to_plan"], site=site, until=moment(until_s),
        names=None if names is None else list(names), limit=JOBS_MAX + 1,
    )  # fmt: skip
    if len(rows) > JOBS_MAX:
        raise Problem(422, f"orders: more than {JOBS_MAX} are due; name those to plan, or plan by site")
    return rows


async def jobs_of(session: Session, rows: Sequence[Row], day: Day, found: Gathered) -> None:
    """Puts jobs of rows into what is found; those that cannot be brought that day beside it."""
    keys = [row["key"] for row in rows]
    goods: dict[int, list[Row]] = defaultdict(list)
    for each in await session.rows(queries("dispatch")["goods_to_plan"], orders=keys) if keys else ():
        goods[each["order_id"]].append(each)
    for row in rows:
        job = job_of(row, goods[row["key"]], day, found)
        if job is not None:
            found.jobs.append(job)


def job_of(row: Row, goods: Sequence[Row], day: Day, found: Gathered) -> Job | None:
    """An order as the planner has it; None: it cannot be brought that day, and `found` says why."""
    if row["lat"] is None:
        found.exclude(row["id"], "no_place")
        return None
    windows = _windows(row, day, found)
    if not windows:
        return None
    unknown = tuple(word for word, no in (("mass", "no_mass"), ("size", "no_size")) if any(each[no] for each in goods))
    for word in unknown:
        found.note(row["id"], word)
    parts = tuple(
        Goods(each["temp_class"], each["kg"] or 0.0, each["m3"] or 0.0, each["pallets"] or 0.0) for each in goods
    )
    return Job(
        row["id"], row["customer"], row["ship_to_label"] or row["customer_label"] or row["customer"],
        f"{row['customer']}/{row['ship_to']}", row["lat"], row["lon"], windows, int(row["service_s"]), parts,
        row["priority"], version=row["version"], unknown=unknown,
    )  # fmt: skip


def _windows(row: Row, day: Day, found: Gathered) -> Spans:
    start, end = (None if row[name] is None else int(row[name].timestamp()) for name in ("window_start", "window_end"))
    if start is not None and start > day.end_s:
        found.exclude(row["id"], "not_today")
        return ()
    spans = open_spans(row["opening"], row["tz"], day.begin_s, day.end_s)
    if not spans:
        found.exclude(row["id"], "closed")
        return ()
    if end is not None and end < day.begin_s:
        found.note(row["id"], "overdue")
        return spans
    promised = within(spans, start, end)
    if not promised:
        found.exclude(row["id"], "not_open")
    return promised


# ------------------------------------------------------------ vehicles
async def vehicle_rows(session: Session, day: Day, names: Sequence[str] | None) -> list[Row]:
    """Rows of vehicles.

    Raises:
        Problem: 422, one is not there, or they are too many.
    """
    rows = await session.rows(
        queries("dispatch")["vehicles_to_plan"], since=moment(day.begin_s), until=moment(day.end_s),
        names=None if names is None else list(names), limit=TRUCKS_MAX + 1,
    )  # fmt: skip
    if lost := set(names or ()) - {row["id"] for row in rows}:
        raise Problem(422, f"vehicles: there is no {min(lost)}, or it is retired")
    if len(rows) > TRUCKS_MAX:
        raise Problem(422, f"vehicles: more than {TRUCKS_MAX}; name those to plan with")
    return rows


def truck_of(row: Row, site: Row, day: Day, costs: Costs, rule: Any, found: Gathered, now_s: int = 0) -> Truck:
    """A vehicle that starts at the site; what nobody has told of it is said."""
    rooms = tuple(Room(**each) for each in row["rooms"] or ())
    room = Room(None, row["kg"], row["m3"], row["pallets"])
    if not rooms and (room.kg, room.m3, room.pallets) == (None, None, None):
        found.note(row["id"], "capacity")
    emitted = _kgco2e_per_km(row, cold=any(each.temp_class != "ambient" for each in rooms))
    if emitted is None:
        found.note(row["id"], "co2e", row["fuel_type"] or "")
    return Truck(
        row["id"], row["label"], site["lat"], site["lon"], site["lat"], site["lon"], max(day.begin_s, now_s), day.end_s,
        room, rooms, costs.fixed, costs.per_km, costs.per_hour, rule=rule, kgco2e_per_km=emitted,
    )  # fmt: skip


def _kgco2e_per_km(row: Mapping[str, Any], *, cold: bool) -> float | None:
    """By the one factor that is shipped; other fuels have none here."""
    if row["fuel_type"] not in (None, "diesel"):
        return None
    litres = row["nominal_fuel_lph"] / USUAL_KMH if row["nominal_fuel_lph"] else LITRES_PER_KM
    return float(litres * DIESEL_KG * (REEFER if cold else 1.0))
