"""Vehicles: from positions to views, visits, trips, stops and gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import numpy as np
import psycopg

from domain.facts import AnyKind, Fact, Word
from domain.folds.scan import NEVER
from domain.readings import I64, Batch, Flag, PositionBatch
from domain.times import to_us
from tracker.config import TrackerConfig
from tracker.devices.family import DeviceRows
from tracker.engine import facts
from tracker.engine.family import Engine, Family
from tracker.engine.late import mark_late, undecided
from tracker.engine.step import Step
from tracker.rules import geofence, off_route
from tracker.vehicles import off_route as off_line
from tracker.vehicles import segments
from tracker.vehicles.corrections import Corrections
from tracker.vehicles.facts import TRIP, VISIT, TripFact, VisitFact
from tracker.vehicles.positions import PACKER, Folded, Rows, fixes_for, fold, rows_of
from tracker.vehicles.refold import VehicleRefold
from tracker.vehicles.rows import LANE, VehicleRows
from tracker.vehicles.state import OpenVisit, VehicleTables, been_in

KIND_WORDS = {"trip": "trip", "stop": "stop", "unknown": "gap"}


def corridor(config: TrackerConfig) -> off_route.Limits:
    """How far from its line, and for how long, a vehicle is off its route."""
    return off_route.Limits.of(config.off_route_m, config.off_route_minutes)


class Vehicles(Family):
    """Vehicles of the partitions we own."""

    name: ClassVar[str] = "vehicles"
    streams: ClassVar[tuple[str, ...]] = ("gps",)
    after: ClassVar[tuple[str, ...]] = ("devices",)
    kinds: ClassVar[tuple[AnyKind, ...]] = (VISIT, TRIP)
    lanes: ClassVar[tuple[str, ...]] = (LANE,)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.tables = VehicleTables(corridor(engine.config))
        self._corrections: Corrections | None = None

    # ------------------------------------------------------------ beginning
    def load(self) -> None:
        """Reads state and open facts."""
        self.tables.load(self.engine.store)

    def unreadable(self) -> Iterable[tuple[str, int]]:
        """Vehicles whose carry another version wrote."""
        return [(LANE, vehicle) for vehicle in self.tables.unreadable]

    def before_registry(self) -> None:
        """What of the registry was corrected by now concerns the past."""
        self._corrections = Corrections(self.engine.store, self.engine.owned(), self.engine.config.partitions)
        self.tables.refenced = self._corrections.tenants

    def registry_read(self) -> bool:
        """Vehicles of ours whose readings are others than before, or that were at a fence that is another, wait."""
        if self._corrections is None:
            return False
        corrected, self._corrections = self._corrections, None
        for vehicle_id, since in corrected.take(self.engine.registry):
            self.engine.late.wait(LANE, vehicle_id, since, 0, behind=True)
        return corrected.more

    # ------------------------------------------------------------ readings
    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """Folds positions; jumps and fields that are not believed are flagged."""
        batteries = step.part(DeviceRows).batteries
        self.tables.charge(batteries)
        batch = batches.get("gps")
        if isinstance(batch, PositionBatch):
            batches["gps"], step.part(VehicleRows).moved = self._fold(batch, step)

    def _fold(self, batch: PositionBatch, step: Step) -> tuple[PositionBatch, list[int]]:
        """Returns the batch with its flags, and the vehicles that have moved on."""
        registry, tables = self.engine.registry, self.tables
        rows, source = rows_of(registry, batch)
        foreign = ~registry.owns(rows.vehicle)
        if foreign.any():  # the device was on another tracker's vehicle then: that one folds it
            self._mark_late(rows.take(foreign), None, step)
            rows, source = rows.take(~foreign), source[~foreign]
        if not len(rows.vehicle):
            return batch, []
        vehicles = np.unique(rows.vehicle)
        carried = tables.carried(vehicles)
        before = fixes_for(carried.fixes, vehicles)
        newest = np.maximum(before.t_us, before.doubt_t_us)
        newest = newest[np.searchsorted(vehicles, rows.vehicle)]
        late = (rows.t_us <= newest) | self.engine.late.unreadable(LANE, rows.vehicle)
        if late.any():
            batch = undecided(batch, source[late][self._mark_late(rows.take(late), newest[late], step)])
            rows, source = rows.take(~late), source[~late]
            vehicles = np.unique(rows.vehicle)
            carried = tables.carried(vehicles)
        if not len(rows.vehicle):
            return batch, []
        folded = fold(registry, carried, rows, tables.corridor)
        if folded.jumps.any() or folded.doubts.any():
            flags = batch.flags.copy()
            flags[source[folded.jumps]] |= Flag.TELEPORT
            flags[source[~folded.jumps]] |= folded.doubts.astype(flags.dtype)
            batch = replace(batch, flags=flags)
        step.facts(VISIT).extend(self.visits(folded.visit_runs))
        step.facts(TRIP).extend(segments.news(folded.segments, tables.open_trips))
        step.part(VehicleRows).off_route += off_line.touched(folded.off_runs, folded.state.off)
        tables.keep(folded.state, folded.vehicles)
        been_in(registry, folded.cells, step)
        seen = tables.describe(registry, folded, step, step.part(DeviceRows).batteries)
        self._keep_checkpoints(folded, seen, step)
        return batch, seen.tolist()

    def _mark_late(self, rows: Rows, newest_us: I64 | None, step: Step) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        partition = self.engine.registry.vehicle_partition
        return mark_late(step, LANE, rows.vehicle, rows.t_us, rows.vehicle, newest_us, lambda v: int(partition[v]))

    def _keep_checkpoints(self, folded: Folded, seen: I64, step: Step) -> None:
        """Keeps carries as checkpoints when it is time, and those of vehicles that have only made jumps."""
        rows = step.part(VehicleRows)
        packed = rows.states[-1][-1] if len(seen) else []
        at = np.searchsorted(folded.vehicles, seen)
        fixes = folded.state.fixes
        self.tables.checkpoints.keep(seen, np.maximum(fixes.t_us, fixes.doubt_t_us)[at], packed, step)
        if len(seen) < len(folded.vehicles):
            others = np.setdiff1d(folded.vehicles, seen)
            carried = self.tables.carried(others)
            rows.carries += zip(others.tolist(), PACKER.pack(others, carried.parts()), strict=True)

    def visits(self, runs: geofence.Visits) -> list[VisitFact]:
        """Visits that have begun or ended."""
        found: list[VisitFact] = []
        is_told = self.tables.open
        news = runs.began_here | (runs.end_us != NEVER)
        going = np.flatnonzero(~news)
        untold = [i for i, key in zip(going.tolist(), runs.entity[going].tolist(), strict=True) if key not in is_told]
        vehicle, site = geofence.unpair(runs.entity)
        for i in sorted([*np.flatnonzero(news).tolist(), *untold]):
            key, end = int(runs.entity[i]), int(runs.end_us[i])
            is_open = None if runs.began_here[i] else is_told.get(key)
            of = (key, int(vehicle[i]), int(site[i]))
            if is_open is None:
                found.append(VisitFact(0, 1, *of, int(runs.start_us[i]), end))
            else:
                found.append(VisitFact(is_open.id, is_open.revision + 1, *of, is_open.entered_us, end))
        return found

    # ------------------------------------------------------------ the late lane
    def refold(self, lane: str, entity: int, since: datetime, horizon: datetime) -> VehicleRefold | None:
        """The way of a vehicle to the present."""
        del lane
        engine = self.engine
        if entity not in engine.registry.vehicles:
            return None
        return VehicleRefold(self.tables, engine.registry, engine.store, entity, since, horizon)

    def newest_us(self, lane: str, entity: int) -> int | None:
        """Event time of a vehicle's newest fix."""
        del lane
        if view := self.tables.view(entity):
            return view.t_us
        newest = self.engine.store.rows("newest_position", entity)[0][0]
        return to_us(newest) if newest else None

    # ------------------------------------------------------------ what is written
    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """State, cells, visits and trips."""
        store, rows = self.engine.store, step.part(VehicleRows)
        for columns in rows.states:
            store.columns(cursor, "put_vehicle_states", columns)
        for columns in rows.cells:
            store.columns(cursor, "put_vehicle_cells", columns)
        store.bulk(cursor, "put_vehicle_carries", rows.carries)
        store.bulk(cursor, "drop_vehicle_states", [(v,) for v in rows.unknown])
        store.bulk(cursor, "forget_unknown_cells", [(v,) for v in rows.whole])
        self._write_visits(cursor, step)
        self._write_trips(cursor, step)

    def _write_visits(self, cursor: psycopg.Cursor, step: Step) -> None:
        registry, is_told = self.engine.registry, self.tables.open
        visits = [
            f
            for f in step.facts(VISIT)
            if f.vehicle_id in registry.vehicles and registry.knows(f.vehicle_id, f.site_id)
        ]
        words = [self._visit_word(f) for f in visits]
        for fact, fact_id in zip(visits, facts.put(cursor, VISIT, words, step), strict=True):
            if fact.left_us == NEVER and not fact.retracted:
                is_told[fact.key] = OpenVisit(fact_id, fact.revision, fact.entered_us)
            elif (still := is_told.get(fact.key)) and still.id == fact_id:
                del is_told[fact.key]

    def _visit_word(self, f: VisitFact) -> Word:
        vehicle, site = self.engine.registry.vehicles[f.vehicle_id], self.engine.registry.sites.get(f.site_id)
        return Word(
            f.id,
            f.revision,
            vehicle.tenant_id,
            (f.vehicle_id, f.site_id, f.entered_us, f.left_us),
            (vehicle.name, site.name if site else None),
            f.entered_us,
            f.left_us,
            f.retracted,
        )

    def _write_trips(self, cursor: psycopg.Cursor, step: Step) -> None:
        vehicles, going = self.engine.registry.vehicles, self.tables.open_trips
        trips = [f for f in step.facts(TRIP) if f.vehicle_id in vehicles]
        words = []
        for f in trips:
            vehicle = vehicles[f.vehicle_id]
            values = (*f[2:6], *f.figures)
            about = (vehicle.name, f.kind)
            words.append(Word(f.id, f.revision, vehicle.tenant_id, values, about, f.start_us, f.end_us, f.retracted))
        for fact, fact_id in zip(trips, facts.put(cursor, TRIP, words, step), strict=True):
            if fact.end_us == NEVER and not fact.retracted:
                going[fact.vehicle_id] = segments.OpenTrip(fact_id, fact.revision)
            elif (still := going.get(fact.vehicle_id)) and still.id == fact_id:
                del going[fact.vehicle_id]

    # ------------------------------------------------------------ proof
    def verifiable(self, tenant_id: int, vehicle_id: int | None) -> Iterator[tuple[str, int]]:
        """Vehicles that have positions."""
        for vehicle, of in self.engine.registry.vehicles.items():
            mine = of.tenant_id == tenant_id and vehicle_id in (None, vehicle)
            if mine and self.tables.view(vehicle) is not None:
                yield LANE, vehicle

    def title(self, kind: AnyKind, fact: Fact) -> str:
        """A visit, trip, stop or gap in a few words."""
        registry = self.engine.registry
        if isinstance(fact, TripFact):
            return f"{KIND_WORDS[fact.kind]} of {registry.vehicles[fact.vehicle_id].name}"
        if not isinstance(fact, VisitFact):
            return kind.name
        site = registry.sites.get(fact.site_id)
        where = site.name if site else f"stop {-fact.site_id}" if fact.site_id < 0 else "a site that is no more"
        return f"visit of {registry.vehicles[fact.vehicle_id].name} at {where}"

    def span(self, kind: AnyKind, fact: Fact) -> tuple[int, int]:
        """When it began and ended."""
        return (fact.entered_us, fact.left_us) if isinstance(fact, VisitFact) else super().span(kind, fact)
