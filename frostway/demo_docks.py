"""A day at the dock of the simulated fleet: trucks of carriers until now, and what is booked until evening."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from domain.refusal import CannotError
from domain.times import to_us
from firmware_sim.model import World
from frostway.demo_ask import ACTOR, Ask
from frostway.demo_stock import CENTRE
from operations.docks.record import AppointmentTold, StateTold, book, tell

FILES = ("docks",)
TERMS = {"free_min": 60, "rate_per_h": Decimal(45), "currency": "EUR", "step_min": 15}
STEP = timedelta(minutes=15)
EARLIER = ((-26.0, 20, 6, 58, 8), (-25.0, 12, 20, 41, 4), (-23.5, 30, 2, 75, 11), (-5.0, 24, 25, 64, 6),
           (-4.0, 9, 5, 33, 3), (-3.5, 33, 45, 86, 14), (-2.0, 16, 10, 50, 5))  # fmt: skip
"""Begin in hours from now, pallets, minutes of waiting, at the door and on the way out: what trucks took."""


class Coming(NamedTuple):
    """An appointment of the rest of the day."""

    hours: float
    minutes: int
    direction: str
    door: str | None
    truck: str
    goods: str
    temp_class: str
    pallets: int
    vehicle: str | None = None


COMING = (
    Coming(0.75, 60, "inbound", "door-1", "NRD-31", "dairy", "chilled", 22),
    Coming(1.25, 45, "inbound", "door-1", "BLT-07", "paper goods", "ambient", 14),
    Coming(1.5, 45, "outbound", "door-2", "", "for stores", "chilled", 12, "truck-03"),
    Coming(3.0, 60, "inbound", "door-2", "NRD-18", "fish", "chilled", 26),
    Coming(3.5, 45, "outbound", None, "", "for stores", "chilled", 10, "truck-06"),
    Coming(5.0, 75, "inbound", "door-1", "BLT-12", "frozen vegetables", "frozen", 30),
    Coming(22.0, 60, "inbound", "door-1", "NRD-31", "dairy", "chilled", 20),
)
"""The first two want the same door at once, and one any door: there is something to propose."""


def bring_docks(ask: Ask, world: World, now: datetime) -> None:
    """What is paid for waiting, and the appointments of a day."""
    (site,) = ask.rows("docks", "site", site=CENTRE)
    ask.rows("docks", "put_terms", site=site["key"], carrier=None, by=ACTOR, **TERMS)
    vehicles = {vehicle.id for vehicle in world.vehicles}
    first = 101 + ask.rows("docks", "count_booked_by", by=ACTOR)[0]["count"]
    for n, (told, states) in enumerate(_day(now, vehicles), first):
        ask.do(book(told._replace(id=f"DOCK-{n}"), ACTOR, anyway=True), FILES)
        for state, at in states:
            ask.do(tell(f"DOCK-{n}", StateTold(state, at), "booked", to_us(now), ACTOR), FILES)


def _day(now: datetime, vehicles: set[str]) -> Iterator[tuple[AppointmentTold, list[tuple[Any, datetime]]]]:
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    start -= timedelta(minutes=start.minute % 15)
    for n, (hours, pallets, wait, stood, out) in enumerate(EARLIER):
        begin = start + timedelta(hours=hours)
        arrived = begin + timedelta(minutes=(-10, 0, 5)[n % 3])
        docked, left = arrived + timedelta(minutes=wait), arrived + timedelta(minutes=wait + stood + out)
        truck = ("NRD-31", "BLT-07", "NRD-18")[n % 3]
        told = _told(begin, 60, "inbound", ("door-1", "door-2")[n % 2], truck, "dairy", "chilled", pallets)
        yield told, [("arrived", arrived), ("docked", docked), ("left", left)]
    begin = start - timedelta(minutes=30)
    now_there = _told(begin, 60, "inbound", "door-2", "BLT-44", "cheese", "chilled", 18)
    yield now_there, [("arrived", begin), ("docked", begin + timedelta(minutes=8))]
    for each in COMING:
        if each.vehicle is not None and each.vehicle not in vehicles:
            continue
        begin = start + timedelta(hours=each.hours)
        told = _told(
            begin, each.minutes, each.direction, each.door, each.truck, each.goods, each.temp_class, each.pallets
        )
        yield told._replace(vehicle=each.vehicle), []


def _told(
    begin: datetime, minutes: int, direction: str, door: str | None, truck: str, goods: str, temp_class: str,
    pallets: int,
) -> AppointmentTold:  # fmt: skip
    carrier = "baltic" if truck.startswith("BLT") else "nordic" if truck else None
    return AppointmentTold(
        "", CENTRE, direction, begin, begin + timedelta(minutes=minutes), door, None, None, carrier, truck, goods,
        temp_class, pallets,
    )  # fmt: skip


def take_docks_away(ask: Ask) -> None:
    """What is still booked is called off, and waiting costs nothing."""
    now_us = to_us(datetime.now(UTC))
    for row in ask.rows("docks", "booked_by", by=ACTOR):
        told = StateTold("cancelled", reason="the simulated fleet was removed")
        try:
            ask.do(tell(row["id"], told, "booked", now_us, ACTOR), FILES)
        except CannotError:  # somebody has called it off already
            continue
    ask.rows("docks", "drop_terms_by", by=ACTOR)
