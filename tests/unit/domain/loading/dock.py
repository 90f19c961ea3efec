"""Days of the simulated dock as evidence for the rule, and what truly happened."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from domain.epc import decode
from domain.loading.check import UnitNow, Wanted, check
from domain.loading.model import EPOCH_US, Dock, Evidence, Read, Stay
from firmware_sim.dock import Day

ZONES = {"staging": 1, "door-1": 2, "door-2": 3, "door-3": 4}
START_MS = 1_790_000_000_000


class Loads(NamedTuple):
    """A day as the rule has it."""

    wanted: list[Wanted]
    trucks: dict[str, int]
    dock: Dock
    evidence: Evidence


@cache
def _key(epc: str) -> str:
    return decode(epc).key


def shipment(truck: int) -> str:
    return f"S-{truck + 1}"


def loads(day: Day, *, strengths: bool = True) -> Loads:
    """What is known of a day; codes with a wrong bit are of no unit that anybody knows, or of none at all."""
    reads, awake = [], {zone: set[int]() for zone in ZONES.values()}
    for each in day.heard:
        zone = ZONES[each.zone]
        awake[zone].add(each.t_ms * 1000 // EPOCH_US)
        key = _key(each.epc)
        if key:
            reads.append(Read(each.t_ms * 1000, zone, each.antenna, key, each.rssi_dbm if strengths else None))
    first, last = (day.heard[n].t_ms * 1000 // EPOCH_US for n in (0, -1))
    awake = {zone: set(range(first, last + 1)) for zone in awake}
    stays = [Stay(s.truck, ZONES[s.door], s.began_ms * 1000, s.ended_ms * 1000) for s in day.stood]
    wanted = [Wanted(p.sscc, shipment(p.truck), p.drop) for p in day.pallets if p.truck >= 0]
    doors = frozenset(ZONES[s.door] for s in day.stood)
    trucks = {shipment(s.truck): s.truck for s in day.stood}
    return Loads(wanted, trucks, Dock(doors, frozenset({1}), {}, awake), Evidence(stays, reads))


def checked(known: Loads, name: str, until_us: int) -> dict[str, UnitNow]:
    """The check of a shipment, by unit."""
    found = check(name, known.trucks, known.wanted, known.dock, known.evidence, until_us)
    return {unit.unit: unit for unit in found}
