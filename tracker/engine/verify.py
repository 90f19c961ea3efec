"""Proof after the fact: what the stored readings say, derived anew by the same code, against the facts that stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from domain.times import from_us, rfc3339
from store.link import Link
from store.tracking import TrackingStore
from tracker.engine.checkpoints import Again
from tracker.engine.registry import Registry
from tracker.engine.step import DeviationFact, ExcursionFact, TripFact, VisitFact
from tracker.rules import off_route
from tracker.rules.scan import NEVER
from tracker.shipments.off_route import Routes
from tracker.temperatures.family import Series
from tracker.temperatures.refold import SeriesAgain
from tracker.vehicles.family import Vehicles
from tracker.vehicles.refold import VehicleAgain

KIND_WORDS = {"trip": "trip", "stop": "stop", "unknown": "gap"}


@dataclass
class Verdict:
    """What was derived anew: entities, readings' last time, and one line for each fact that does not agree."""

    vehicles: int = 0
    probes: int = 0
    waiting: int = 0
    """Entities with late readings that are to be folded again anyway."""
    differences: list[str] = field(default_factory=list)


class Verifier:
    """Reads one consistent picture of the database and derives its facts again. Writes nothing."""

    def __init__(self, link: Link, corridor: off_route.Limits) -> None:
        """`link` is in a transaction that sees one picture; `corridor` as the tracker has it."""
        self._store, self._corridor = TrackingStore(link), corridor
        self._routes = Routes(self._store, corridor)
        self._registry = Registry.load(self._store, 1)
        self._vehicles, self._series = Vehicles(corridor), Series()
        self._vehicles.load(self._store)
        self._series.load(self._store)
        self._waiting = {(str(kind), int(entity)) for kind, entity in self._store.rows("all_dirty")}

    def entities(self, tenant: str, vehicle: str | None) -> list[tuple[str, int]]:
        """Vehicles and probes of a tenant that have readings; those of one vehicle when it is named.

        Raises:
            LookupError: no such tenant.
        """
        registry = self._registry
        tenant_id = next((int(key) for (key,) in self._store.rows("tenant", tenant)), 0)
        if not tenant_id:
            raise LookupError(tenant)
        mine = {v: site.name for v, site in registry.vehicles.items() if site.tenant_id == tenant_id}
        found = [
            ("vehicle", v) for v, name in mine.items() if vehicle in (None, name) and self._vehicles.view(v) is not None
        ]
        for probe_id, probe in self._series.probes.items():
            device = registry.devices.get(probe.device_id)
            if device and device.tenant_id == tenant_id and vehicle in (None, mine.get(device.vehicle_id)):
                found.append(("series", probe_id))
        return found

    def check(self, kind: str, entity: int, since: datetime | None, verdict: Verdict) -> None:
        """Derives the facts of an entity again: all of them, or those since the checkpoint before a time."""
        verdict.vehicles += kind == "vehicle"
        verdict.probes += kind == "series"
        if (kind, entity) in self._waiting:
            verdict.waiting += 1
            return
        way = self._way(kind, entity, since or from_us(0))
        while way.advance():
            pass
        if isinstance(way, VehicleAgain):
            verdict.differences += self._visits(way.revised())
            verdict.differences += self._trips(way.trips())
            verdict.differences += self._off_route(self._routes.compare(self._registry, way.strays()))
        elif isinstance(way, SeriesAgain):
            verdict.differences += self._excursions(way.revised())

    def _way(self, kind: str, entity: int, since: datetime) -> Again:
        if kind == "vehicle":
            return VehicleAgain(self._registry, self._store, entity, since, from_us(0), self._corridor)
        return SeriesAgain(self._registry, self._store, entity, self._series.probes[entity], since, from_us(0))

    def _visits(self, facts: list[VisitFact]) -> Iterator[str]:
        for fact in facts:
            vehicle = self._registry.vehicles[fact.vehicle_id].name
            site = self._registry.sites.get(fact.site_id)
            where = site.name if site else f"stop {-fact.site_id}" if fact.site_id < 0 else "a site that is no more"
            yield _line(f"visit of {vehicle} at {where}", fact.id, fact.entered_us, fact.left_us, gone=fact.retracted)

    def _trips(self, facts: list[TripFact]) -> Iterator[str]:
        for fact in facts:
            what = f"{KIND_WORDS[fact.kind]} of {self._registry.vehicles[fact.vehicle_id].name}"
            yield _line(what, fact.id, fact.start_us, fact.end_us, gone=fact.retracted)

    def _off_route(self, facts: list[DeviationFact]) -> Iterator[str]:
        names = {s.id: s.name for s in self._registry.lined.shipments.values()}
        for fact in facts:
            what = f"off route of shipment {names[fact.shipment_id]}"
            yield _line(what, fact.id, fact.start_us, fact.end_us, gone=fact.retracted)

    def _excursions(self, facts: list[ExcursionFact]) -> Iterator[str]:
        for fact in facts:
            probe = self._series.probes[fact.probe_id]
            device = self._registry.devices[probe.device_id].name
            what = f"excursion {fact.kind} of {device} {probe.name}"
            yield _line(what, fact.id, fact.start_us, fact.end_us, gone=fact.retracted)


def _line(what: str, fact_id: int, start_us: int, end_us: int, *, gone: bool) -> str:
    span = f"{rfc3339(start_us)} to {rfc3339(end_us) if end_us != NEVER else 'now'}"
    if gone:
        return f"{what}: fact {fact_id} ({span}) stands, the readings do not give it"
    stands = f"fact {fact_id} stands otherwise" if fact_id else "nothing stands"
    return f"{what}: the readings give {span}, {stands}"
