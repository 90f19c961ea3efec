"""Trucks at a dock: which stay and which docking belong to which appointment, and what their waiting costs. Pure.

Nothing is remembered: visits and dockings that are told late, amended or taken back give what they give now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, NamedTuple

EARLY, LATE = timedelta(hours=4), timedelta(hours=12)
"""A vehicle comes so long before its appointment at most, or after it; else it came for something else."""
State = Literal["booked", "arrived", "docked", "left", "no_show", "cancelled"]
CENT = Decimal("0.01")


class Stay(NamedTuple):
    """A vehicle on the site, from its geofence."""

    vehicle: int
    site: int
    began: datetime
    ended: datetime | None


class Docked(NamedTuple):
    """A vehicle at a door."""

    vehicle: int
    site: int
    door: str
    began: datetime
    ended: datetime | None
    name: str = ""


class Asked(NamedTuple):
    """An appointment as far as it is matched; cancelled ones are not asked."""

    key: int
    vehicle: int
    site: int
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Actual:
    """What happened, as far as it is known: gate in, at the door, off it, gate out."""

    arrived_at: datetime | None = None
    docked_at: datetime | None = None
    undocked_at: datetime | None = None
    left_at: datetime | None = None
    door: str | None = None
    docking: str | None = None


def matched(asked: Sequence[Asked], stays: Iterable[Stay], dockings: Iterable[Docked]) -> dict[int, Actual]:
    """What happened of each appointment: a docking or stay is of the nearest one of its vehicle at its site.

    A stay in which a vehicle docked is that docking's; one vehicle may unload and load in the same stay.
    """
    of: dict[tuple[int, int], list[Asked]] = {}
    for each in asked:
        of.setdefault((each.vehicle, each.site), []).append(each)
    docked: dict[int, list[Docked]] = {}
    for docking in sorted(dockings, key=lambda d: (d.began, d.door, d.name)):
        near = _nearest(of.get((docking.vehicle, docking.site), ()), docking.began, docking.began)
        if near is not None:
            docked.setdefault(near.key, []).append(docking)
    came: dict[int, Stay] = {}
    ordered = sorted(stays, key=lambda s: s.began)
    for stay in ordered:
        near = _nearest(of.get((stay.vehicle, stay.site), ()), stay.began, stay.ended)
        if near is None:
            continue
        other = came.get(near.key)
        if other is None or _far(near, stay.began, stay.ended) < _far(near, other.began, other.ended):
            came[near.key] = stay
    found = {}
    for each in asked:
        its = docked.get(each.key, [])
        if its:
            around = [s for s in ordered if (s.vehicle, s.site) == (each.vehicle, each.site) and _holds(s, its[0])]
            found[each.key] = _actual(around[-1] if around else None, its)
        elif each.key in came:
            found[each.key] = _actual(came[each.key], [])
    return found


class Round(NamedTuple):
    """What a vehicle did at a site between two gates, and by which dockings that is known."""

    vehicle: int
    site: int
    actual: Actual
    dockings: tuple[str, ...]


def rounds(stays: Iterable[Stay], dockings: Iterable[Docked]) -> list[Round]:
    """Dockings of one stay belong together; one that no stay holds stands alone."""
    ordered = sorted(stays, key=lambda s: s.began)
    of: dict[tuple[int, int, object], tuple[Stay | None, list[Docked]]] = {}
    for docking in sorted(dockings, key=lambda d: (d.began, d.door, d.name)):
        around = [s for s in ordered if (s.vehicle, s.site) == (docking.vehicle, docking.site) and _holds(s, docking)]
        stay = around[-1] if around else None
        key = (docking.vehicle, docking.site, stay.began if stay else docking.name)
        of.setdefault(key, (stay, []))[1].append(docking)
    return [
        Round(vehicle, site, _actual(stay, its), tuple(each.name for each in its))
        for (vehicle, site, _), (stay, its) in of.items()
    ]


def _actual(stay: Stay | None, dockings: Sequence[Docked]) -> Actual:
    gone = stay.ended if stay else None
    if not dockings:
        return Actual(stay.began if stay else None, left_at=gone)
    first, last = dockings[0], dockings[-1]
    arrived = min(stay.began, first.began) if stay else None
    return Actual(arrived, first.began, last.ended, gone, last.door, last.name)


def _holds(stay: Stay, docking: Docked) -> bool:
    return stay.began <= docking.began + timedelta(minutes=10) and (stay.ended is None or stay.ended > docking.began)


def _far(each: Asked, began: datetime, ended: datetime | None) -> timedelta:
    """How far from the begin of an appointment; nothing where it lies within."""
    if began > each.begins:
        return began - each.begins
    return max(each.begins - ended, timedelta(0)) if ended is not None else timedelta(0)


def _nearest(asked: Iterable[Asked], began: datetime, ended: datetime | None) -> Asked | None:
    fits = [
        each for each in asked if began <= each.ends + LATE and (ended is None or ended >= each.begins - EARLY)
    ]  # fmt: skip
    return min(fits, key=lambda each: (_far(each, began, ended), each.begins, each.key)) if fits else None


def state(outcome: str | None, actual: Actual) -> State:
    """How far an appointment is: what was seen goes before what was said of it; called off is called off.

    >>> state("no_show", Actual()), state(None, Actual())
    ('no_show', 'booked')
    """
    if outcome == "cancelled":
        return "cancelled"
    if actual.left_at is not None or actual.undocked_at is not None:
        return "left"
    if actual.docked_at is not None:
        return "docked"
    if actual.arrived_at is not None:
        return "arrived"
    return "no_show" if outcome == "no_show" else "booked"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a truck may stay for nothing, and what an hour costs then, counted in whole steps."""

    free_min: int
    rate_per_h: Decimal
    currency: str
    step_min: int = 15


@dataclass(frozen=True, slots=True)
class Turn:
    """A truck's way through the gate: minutes of each part that is over, and those beyond what is free."""

    waiting_min: float | None
    door_min: float | None
    leaving_min: float | None
    total_min: float | None
    detention_min: int | None
    cost: Decimal | None


def turn(actual: Actual, booked_at: datetime | None, terms: Terms | None, now: datetime) -> Turn:
    """What a truck's time was: one that comes early is free until its appointment, one that is still there goes on."""
    began = actual.arrived_at or actual.docked_at
    gone = actual.left_at or actual.undocked_at
    detained, cost = None, None
    if began is not None and terms is not None:
        clock = max(began, booked_at) if booked_at is not None else began
        over = _minutes(clock, max(gone or now, clock)) - terms.free_min
        detained = max(0, int(over))
        steps = -(-detained // terms.step_min)
        cost = (terms.rate_per_h * steps * terms.step_min / 60).quantize(CENT, ROUND_HALF_UP)
    return Turn(
        _span(actual.arrived_at, actual.docked_at), _span(actual.docked_at, actual.undocked_at),
        _span(actual.undocked_at, actual.left_at), _span(actual.arrived_at, actual.left_at), detained, cost,
    )  # fmt: skip


def _span(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else _minutes(begin, end)


def _minutes(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds() / 60
