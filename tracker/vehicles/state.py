"""Vehicles as people see them: what the fold carries of all of them, their newest good fix, their open visits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from domain.digits import shown_all
from domain.folds.scan import Carry
from domain.folds.table import among
from domain.readings import F64, I64, Flag
from domain.times import rfc3339_all, to_us
from store.tracking import TrackingStore
from tracker.engine import carries
from tracker.engine.checkpoints import CheckpointsDue
from tracker.engine.registry import Registry
from tracker.engine.step import Step
from tracker.rules import cells, geofence, off_route, trips
from tracker.rules.stretches import WIDTH
from tracker.vehicles import off_route as off_line
from tracker.vehicles import segments
from tracker.vehicles.positions import PACKER, Folded, Rows, VehicleState, no_fixes
from tracker.vehicles.rows import LANE, VehicleRows

UNKNOWN, STOPPED, MOVING = 0, 1, 2
NO_BATTERIES: Mapping[int, float] = MappingProxyType({})
STATUSES = ("unknown", "stopped", "moving")


class View(NamedTuple):
    """A vehicle as people see it: its newest good fix and what follows from it."""

    t_us: int
    received_us: int
    device_id: int
    lat: float
    lon: float
    speed_mps: float
    heading_deg: float
    accuracy_m: float
    flags: int
    status: str
    since_us: int
    battery: float | None = None


@dataclass
class Views:
    """The views of many vehicles; `battery` is NaN when it is not known, `status` a place in `STATUSES`."""

    entity: I64
    t_us: I64
    received_us: I64
    device: I64
    lat: F64
    lon: F64
    speed_mps: F64
    heading_deg: F64
    accuracy_m: F64
    flags: I64
    status: I64
    since_us: I64
    battery: F64

    @classmethod
    def empty(cls) -> Views:
        """No vehicles."""
        i, f = np.empty(0, np.int64), np.empty(0)
        return cls(i, i, i, i, f, f, f, f, f, i, i, i, f)


class OpenVisit(NamedTuple):
    """A visit without an end that stands in the store."""

    id: int
    revision: int
    entered_us: int


class VehicleTables:
    """What is known of the vehicles of the partitions we own, as tables."""

    def __init__(self, corridor: off_route.Limits) -> None:
        self.corridor = corridor
        self._fixes = carries.Table(no_fixes())
        self._trips = carries.Table(trips.Carry.empty())
        self._last = carries.Table(geofence.Last.empty())
        self._visits = carries.Table(geofence.Pairs.empty())
        self._off = carries.Table(Carry.empty())
        self._views = carries.Table(Views.empty())
        self.checkpoints = CheckpointsDue(LANE)
        self.open: dict[int, OpenVisit] = {}
        self.open_trips: dict[int, segments.OpenTrip] = {}
        self.unreadable: list[int] = []
        self.refenced: set[int] = set()
        """Tenants of fences that have changed lately."""

    def load(self, store: TrackingStore) -> None:
        """Reads state and open visits; vehicles whose carry another version wrote are `unreadable`."""
        rows = store.rows("vehicle_states")
        known = [r for r in rows if PACKER.knows(r[13])]
        self.unreadable = [r[0] for r in rows if not PACKER.knows(r[13])]
        self.keep(VehicleState(*PACKER.unpack(r[13] for r in known)))
        nan = float("nan")
        columns = list(zip(*(r[:13] for r in sorted(rows)), strict=True))
        if columns:
            for at in (1, 2, 11):
                columns[at] = tuple(to_us(v) for v in columns[at])
            for at in (6, 7, 8, 12):
                columns[at] = tuple(nan if v is None else v for v in columns[at])
            columns[10] = tuple(STATUSES.index(v) for v in columns[10])
            dtypes = [c.dtype for c in (getattr(Views.empty(), n) for n in Views.__dataclass_fields__)]
            self._views.put(Views(*(np.array(c, dtype=d) for c, d in zip(columns, dtypes, strict=True))))
        self.checkpoints.load(store)
        for vid, revision, vehicle, site, entered in store.rows("open_visits"):
            key = int(geofence.pair(np.array([vehicle]), np.array([site]))[0])
            self.open[key] = OpenVisit(vid, revision, to_us(entered))
        for vehicle, trip, revision in store.rows("open_trips"):
            self.open_trips[vehicle] = segments.OpenTrip(trip, revision)

    # ------------------------------------------------------------ what the fold carries
    def carried(self, vehicles: I64) -> VehicleState:
        """The state of these vehicles (sorted, unique)."""
        low, high = vehicles << geofence.SHIFT, (vehicles + 1) << geofence.SHIFT
        return VehicleState(
            self._fixes.of(vehicles),
            self._trips.of(vehicles),
            self._last.of(vehicles),
            self._visits.between(low, high),
            self._off.between(low, high),
        )

    def keep(self, state: VehicleState, vehicles: I64 | None = None) -> None:
        """Puts the state of these vehicles in the place of what they had."""
        if vehicles is not None:
            for table, fresh in ((self._visits, state.visits), (self._off, state.off)):
                had = table.between(vehicles << geofence.SHIFT, (vehicles + 1) << geofence.SHIFT).entity
                table.drop(had[~among(had, fresh.entity)])
        self._fixes.put(state.fixes)
        self._trips.put(state.trips)
        self._last.put(state.last)
        self._visits.put(state.visits)
        self._off.put(state.off)

    def forget(self, registry: Registry, vehicle_id: int, step: Step) -> None:
        """Nothing is known of a vehicle after all: its readings were another's."""
        one = np.array([vehicle_id], dtype=np.int64)
        for table in (self._fixes, self._trips, self._last, self._views):
            table.drop(one)
        for pairs in (self._visits, self._off):
            pairs.drop(pairs.between(one << geofence.SHIFT, (one + 1) << geofence.SHIFT).entity)
        step.part(VehicleRows).unknown.append(vehicle_id)
        if (owner := registry.vehicles.get(vehicle_id)) is not None:
            nothing = dict.fromkeys(
                ("t", "received_at", "lat", "lon", "speed_mps", "heading_deg", "accuracy_m", "site")
            )
            nothing |= {"status_since": None}
            step.change(owner.tenant_id, "vehicles", owner.name, "merge", {**nothing, "flags": [], "status": "unknown"})

    def off_route_now(self, key: int) -> off_line.OffRouteRuns:
        """A vehicle that is beyond the corridor of a shipment's line now, for long enough."""
        return off_line.going_on(self._off.of(np.array([key])), key)

    def view(self, vehicle_id: int) -> View | None:
        """One vehicle as people see it."""
        found = self._views.of(np.array([vehicle_id]))
        if not len(found.entity):
            return None
        row = [getattr(found, n)[0].item() for n in Views.__dataclass_fields__][1:]
        battery = row[11] if row[11] == row[11] else None
        return View._make([*row[:9], STATUSES[row[9]], row[10], battery])

    def newest_us(self, vehicles: Iterable[int]) -> dict[int, int]:
        """Event time of the newest good fix of each of these vehicles that has one."""
        found = self._views.of(np.array(sorted(vehicles), dtype=np.int64))
        return dict(zip(found.entity.tolist(), found.t_us.tolist(), strict=True))

    def seen(self, vehicles: I64) -> Views:
        """The views of those of these vehicles that have one, sorted."""
        return self._views.of(vehicles)

    # ------------------------------------------------------------ as people see them
    def charge(self, batteries: Mapping[int, float]) -> None:
        """Batteries of vehicles that were reported."""
        if batteries:
            charged = self._views.of(np.array(sorted(batteries), dtype=np.int64))
            charged.battery = np.array([batteries[v] for v in charged.entity.tolist()], dtype=np.float64)
            self._views.put(charged)

    def describe(
        self, registry: Registry, folded: Folded, step: Step, batteries: Mapping[int, float] = NO_BATTERIES
    ) -> I64:
        """The row and the change of every vehicle that has a new good fix; returns those vehicles."""
        rows = folded.rows
        if not len(rows.vehicle):
            return rows.vehicle
        last = np.append(np.flatnonzero(rows.vehicle[1:] != rows.vehicle[:-1]), len(rows.vehicle) - 1)
        newest = rows.take(last)
        vehicles = newest.vehicle
        views = self._seen(vehicles, newest, folded, batteries)
        self._views.put(views)
        tenant = registry.vehicle_tenant[vehicles.clip(0, len(registry.vehicle_tenant) - 1)]
        packed = PACKER.pack(vehicles, folded.state.parts())
        columns = [getattr(views, n) for n in Views.__dataclass_fields__]
        status = [STATUSES[s] for s in views.status.tolist()]
        totals = segments.running(folded.segments, vehicles)
        step.part(VehicleRows).states.append(
            (columns[0], tenant, *columns[1:10], status, *columns[11:], *totals, packed)
        )
        inside = self._places(registry, folded.state.visits)
        fields = _shown(views, status)
        fields["site"] = [inside.get(v) for v in vehicles.tolist()]
        owners = [registry.vehicles.get(v) for v in vehicles.tolist()]
        if None in owners:
            known = [i for i, owner in enumerate(owners) if owner is not None]
            fields = {name: [column[i] for i in known] for name, column in fields.items()}
        names = [owner.name for owner in owners if owner is not None]
        tenants = [owner.tenant_id for owner in owners if owner is not None]
        step.change_many("vehicles", tenants, names, fields)
        return vehicles

    def _seen(self, vehicles: I64, newest: Rows, folded: Folded, batteries: Mapping[int, float]) -> Views:
        """The views of vehicles after their newest fix."""
        driven = folded.state.trips.of(vehicles)
        undecided = (driven.kind == trips.NONE) & (driven.sign != -1)
        status = np.where(driven.moving, MOVING, np.where(undecided, UNKNOWN, STOPPED))
        since = np.where(driven.moving, driven.go_us, driven.marks[:, trips.SINCE * WIDTH])
        battery = np.full(len(vehicles), np.nan)
        old = self._views.of(vehicles)
        battery[np.searchsorted(vehicles, old.entity)] = old.battery
        if batteries:
            reported = [batteries.get(v, np.nan) for v in vehicles.tolist()]
            battery = np.where(np.isnan(reported), battery, reported)
        return Views(
            vehicles,
            newest.t_us,
            newest.received_us,
            newest.device,
            newest.lat,
            newest.lon,
            newest.speed_mps,
            newest.heading_deg,
            newest.accuracy_m,
            newest.flags,
            status,
            since,
            battery,
        )

    @staticmethod
    def _places(registry: Registry, visits: geofence.Pairs) -> dict[int, str]:
        """Name of the site of the newest visit that is sure, of each vehicle that has one."""
        found: dict[int, str] = {}
        sure = visits.inside & visits.told
        vehicle, site = geofence.unpair(visits.entity[sure])
        order = np.argsort(visits.entered_us[sure], kind="stable")
        for v, s in zip(vehicle[order].tolist(), site[order].tolist(), strict=True):
            if (known := registry.sites.get(s)) is not None:
                found[v] = known.name
            else:
                found.pop(v, None)
        return found


def been_in(registry: Registry, entered: cells.Entered, step: Step) -> None:
    """Cells that vehicles came into, to be kept."""
    if len(entered.vehicle):
        tenant = registry.vehicle_tenant[entered.vehicle.clip(0, len(registry.vehicle_tenant) - 1)]
        step.part(VehicleRows).cells.append((tenant, *entered))


def _shown(views: Views, status: list[str]) -> dict[str, list[Any]]:
    """The fields of the vehicles' public shape that their newest fixes give; NaN becomes null in the text."""
    return {
        "t": rfc3339_all(views.t_us),
        "received_at": rfc3339_all(views.received_us),
        "lat": shown_all("lat", views.lat),
        "lon": shown_all("lon", views.lon),
        "speed_mps": shown_all("speed_mps", views.speed_mps),
        "heading_deg": shown_all("heading_deg", views.heading_deg),
        "accuracy_m": shown_all("accuracy_m", views.accuracy_m),
        "flags": [Flag.names(flags) if flags else [] for flags in views.flags.tolist()],
        "status": status,
        "status_since": rfc3339_all(views.since_us),
    }
