"""The check of a shipment's load: what is on the truck, what is missing, what does not belong, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from domain.loading.model import (
    CHANCES,
    DOUBT_MIN,
    EPOCH_US,
    FOREIGN_MIN,
    LEFT_MIN,
    LOADED_MIN,
    Chances,
    Dock,
    Evidence,
    Placed,
)
from domain.loading.nesting import Inside, spread
from domain.loading.places import places

State = Literal["expected", "loaded", "doubtful", "foreign", "wrong_truck", "left_behind"]
STATES: tuple[State, ...] = ("expected", "loaded", "doubtful", "foreign", "wrong_truck", "left_behind")
BLOCKERS_MAX = 20


class Wanted(NamedTuple):
    """A unit that a shipment is to carry, to be dropped at its stop of that number; 0: nobody said where."""

    unit: str
    shipment: str
    drop: int = 0


class UnitNow(NamedTuple):
    """A unit in the eyes of the check of a shipment.

    `chance`: that it is on the truck. `other`: the shipment that it belongs to (wrong_truck), or on whose truck it
    seems to be (expected). `blocked_by`: units of later drops that stand before it.
    """

    unit: str
    state: State
    chance: float
    drop: int = 0
    other: str = ""
    loaded_us: int | None = None
    by_scan: bool = False
    blocked_by: tuple[str, ...] = ()


def check(
    shipment: str,
    trucks: Mapping[str, int],
    wanted: Iterable[Wanted],
    dock: Dock,
    evidence: Evidence,
    until_us: int,
    chances: Chances = CHANCES,
    inside: Iterable[Inside] = (),
) -> list[UnitNow]:
    """The load of a shipment; `trucks`: of each shipment that is loaded there about then, the truck.

    `inside`: which units are in which; what is read of one is read of those that are wanted of it.

    A pure function of what is known, whatever order it came in. First what is wrong, then by drop and name.
    """
    truck = trucks[shipment]
    of = {each.unit: each for each in sorted(wanted, key=lambda w: (w.shipment != shipment, w.shipment, w.unit))[::-1]}
    evidence = spread(evidence, of.keys(), inside)
    owners: dict[str, int | None] = {unit: trucks.get(each.shipment) for unit, each in of.items()}
    for unit in {read.unit for read in evidence.reads} | {scan.unit for scan in evidence.scans}:
        owners.setdefault(unit, None)
    placed = places(dock, evidence, owners, until_us, chances)
    left_us = departed(evidence, truck)
    scanned = {scan.unit for scan in evidence.scans if scan.truck == truck and scan.at_us <= until_us}
    after = {
        read.unit
        for read in evidence.reads
        if left_us is not None and read.zone in dock.staging and left_us + EPOCH_US < read.at_us <= until_us
    }
    mates = {name for name, its in trucks.items() if its == truck}
    found = []
    for unit, owner in owners.items():
        where = placed.get(unit, Placed(unit, {}, 0.0, {}))
        now = _judged(unit, of.get(unit), shipment, mates, where, truck, (unit in scanned, unit in after))
        if now.state == "expected" and owner == truck:
            others = {its for its, share in where.on.items() if its != truck and share >= FOREIGN_MIN}
            now = now._replace(other=min((name for name, its in trucks.items() if its in others), default=""))
        if now.state != "expected" or (of.get(unit) and of[unit].shipment == shipment):
            found.append(now)
    return sorted(_ordered(found), key=lambda u: (STATES.index(u.state) in (0, 1), u.drop, u.unit))


def departed(evidence: Evidence, truck: int) -> int | None:
    """When the truck left the dock; None: it stands there, or never came."""
    ends = [stay.ended_us for stay in evidence.stays if stay.truck == truck]
    return None if not ends or None in ends else max(end for end in ends if end is not None)


def _judged(
    unit: str, wanted: Wanted | None, shipment: str, mates: set[str], where: Placed, truck: int, seen: tuple[bool, bool]
) -> UnitNow:
    chance = where.on.get(truck, 0.0)
    by_scan, after = seen
    stayed = after and chance <= 1 - LEFT_MIN
    loaded_us = where.entered_us.get(truck) if chance >= LOADED_MIN or by_scan else None
    if wanted is not None and wanted.shipment == shipment:
        if stayed:
            state: State = "left_behind"
        elif by_scan or chance >= LOADED_MIN:
            state = "loaded"
        else:
            state = "doubtful" if chance >= DOUBT_MIN else "expected"
        return UnitNow(unit, state, chance, wanted.drop, "", loaded_us, by_scan)
    if wanted is not None and wanted.shipment in mates:  # of another shipment on the same truck: that one tells of it
        return UnitNow(unit, "expected", chance)
    if chance < FOREIGN_MIN or stayed:
        return UnitNow(unit, "expected", chance)
    came = where.entered_us.get(truck)
    if wanted is None:
        return UnitNow(unit, "foreign", chance, loaded_us=came, by_scan=by_scan)
    return UnitNow(unit, "wrong_truck", chance, other=wanted.shipment, loaded_us=came, by_scan=by_scan)


def _ordered(units: Sequence[UnitNow]) -> list[UnitNow]:
    """What is dropped first is loaded last: names what stands in the way. Loaded within an epoch is loaded together."""
    on = [u for u in units if u.state == "loaded" and u.drop and u.loaded_us is not None]
    found = []
    for unit in units:
        if unit in on:
            before = sorted(
                other.unit
                for other in on
                if other.drop > unit.drop and (other.loaded_us or 0) - (unit.loaded_us or 0) > EPOCH_US
            )
            unit = unit._replace(blocked_by=tuple(before[:BLOCKERS_MAX]))  # noqa: PLW2901
        found.append(unit)
    return found
