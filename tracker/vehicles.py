"""The fold of positions: quality, motion and visits of vehicles, and the row and change of each touched vehicle."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import orjson

from domain.readings import F64, I64, Bool, Flag, PositionBatch
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker import carries
from tracker.outcome import Outcome, VisitFact, instant, text, tidy
from tracker.registry import Registry
from tracker.rules import geofence, motion, quality
from tracker.rules.scan import NEVER, Carry, Runs, no_runs

NOT_USED = int(Flag.FUTURE | Flag.NULL_ISLAND | Flag.INACCURATE)


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


class OpenVisit(NamedTuple):
    """A visit without an end that stands in the store."""

    id: int
    revision: int
    entered_us: int


@dataclass
class VehicleState:
    """What the fold carries. Replaced as a whole after a commit, never changed in place."""

    fixes: quality.Fixes = field(default_factory=carries.no_fixes)
    motion: Carry = field(default_factory=Carry.empty)
    visits: Carry = field(default_factory=Carry.empty)


@dataclass
class Rows:
    """Positions of vehicles, sorted by vehicle and time; the columns the rules want."""

    vehicle: I64
    t_us: I64
    received_us: I64
    device: I64
    lat: F64
    lon: F64
    speed_mps: F64
    heading_deg: F64
    accuracy_m: F64
    flags: I64

    def take(self, index: I64 | Bool) -> Rows:
        """Rows by index or mask."""
        return Rows(*(getattr(self, name)[index] for name in Rows.__dataclass_fields__))


@dataclass
class Folded:
    """The state after some rows, the rows that were good, and the runs touched."""

    state: VehicleState
    rows: Rows
    jumps: Bool
    motion_runs: Runs
    visit_runs: Runs


def fold(registry: Registry, state: VehicleState, rows: Rows) -> Folded:
    """The rules over rows newer than the state, which has carries of any vehicles, these rows' among them or not."""
    vehicles = np.unique(rows.vehicle)
    before = carries.fixes_of(state.fixes, vehicles)
    after, jumps = quality.step(before, rows.vehicle, rows.t_us, rows.lat, rows.lon)
    good = rows.take(~jumps)
    at = np.searchsorted(vehicles, good.vehicle)
    last = (before.t_us[at], before.lat[at], before.lon[at])
    speed = motion.speeds(good.vehicle, good.t_us, good.lat, good.lon, good.speed_mps, last)
    good.speed_mps = speed
    moving, motion_runs = motion.step(state.motion, good.vehicle, good.t_us, speed)
    have = ~np.isnan(before.lat)
    prior = (vehicles[have], before.t_us[have], before.lat[have], before.lon[have])
    visits, visit_runs = _visits(registry, state, good, prior)
    return Folded(
        VehicleState(
            carries.updated_fixes(state.fixes, after),
            carries.updated(state.motion, moving, moving.entity),
            carries.updated(
                state.visits, visits, state.visits.entity[np.isin(geofence.unpair(state.visits.entity)[0], vehicles)]
            ),
        ),
        good,
        jumps,
        motion_runs,
        visit_runs,
    )


def _visits(
    registry: Registry, state: VehicleState, rows: Rows, prior: tuple[I64, I64, F64, F64]
) -> tuple[Carry, Runs]:
    """Visits of each tenant's vehicles at its own sites."""
    tenant_of = np.array(
        [registry.vehicles[int(v)].tenant_id if int(v) in registry.vehicles else 0 for v in np.unique(rows.vehicle)]
    )
    tenant = (
        tenant_of[np.searchsorted(np.unique(rows.vehicle), rows.vehicle)]
        if len(rows.vehicle)
        else np.empty(0, np.int64)
    )
    found: list[tuple[Carry, Runs]] = []
    for each in np.unique(tenant):
        fences = registry.fences.get(int(each))
        if fences is None:
            continue
        mine = rows.take(tenant == each) if (tenant != each).any() else rows
        carry = state.visits.take(np.isin(geofence.unpair(state.visits.entity)[0], mine.vehicle))
        found.append(geofence.step(fences, carry, prior, mine.vehicle, mine.t_us, mine.lat, mine.lon, mine.accuracy_m))
    if not found:
        return Carry.empty(), no_runs()
    if len(found) == 1:
        return found[0]
    carry = found[0][0]
    for other, _ in found[1:]:
        carry = geofence.join(carry, other)
    return carry, Runs(*(np.concatenate([getattr(r, n) for _, r in found]) for n in Runs.__dataclass_fields__))


class Vehicles:
    """Vehicles of the partitions we own."""

    def __init__(self) -> None:
        self.state = VehicleState()
        self.views: dict[int, View] = {}
        self.open: dict[int, OpenVisit] = {}

    def load(self, store: TrackingStore) -> None:
        """Reads state and open visits."""
        fixes, moving, visits = [], [], []
        for r in store.rows("vehicle_states"):
            kept = orjson.loads(r[13])
            fixes.append([r[0], *kept["fix"]])
            moving += kept["motion"]
            visits += kept["visits"]
            nan = float("nan")
            speed, heading, accuracy = (nan if v is None else v for v in r[6:9])
            self.views[r[0]] = View(
                to_us(r[1]), to_us(r[2]), r[3], r[4], r[5], speed, heading, accuracy, r[9], r[10], to_us(r[11]), r[12]
            )
        if fixes:
            self.state = VehicleState(
                carries.fixes_from(fixes),
                carries.carry_from(moving),
                carries.carry_from(visits),
            )
        for vid, revision, vehicle, site, entered in store.rows("open_visits"):
            key = int(geofence.pair(np.array([vehicle]), np.array([site]))[0])
            self.open[key] = OpenVisit(vid, revision, to_us(entered))

    # ------------------------------------------------------------ live
    def step(self, registry: Registry, batch: PositionBatch, out: Outcome) -> tuple[PositionBatch, Folded | None]:
        """Folds a batch; returns it with the jumps flagged, and what to keep once it is committed."""
        rows, source = rows_of(registry, batch)
        if not len(rows.vehicle):
            return batch, None
        before = carries.fixes_of(self.state.fixes, rows.vehicle)
        late = rows.t_us <= np.maximum(before.t_us, before.doubt_t_us)
        if late.any():
            mark_late(registry, "vehicle", rows.vehicle[late], rows.t_us[late], rows.device[late], out)
            rows, source = rows.take(~late), source[~late]
        if not len(rows.vehicle):
            return batch, None
        folded = fold(registry, self.state, rows)
        if folded.jumps.any():
            flags = batch.flags.copy()
            flags[source[folded.jumps]] |= Flag.TELEPORT
            batch = replace(batch, flags=flags)
        out.visits += self.facts(folded.visit_runs)
        self.describe(registry, folded, out)
        return batch, folded

    def charge(self, out: Outcome) -> None:
        """Batteries that were told in this step."""
        for vehicle_id, ratio in out.batteries.items():
            if vehicle_id in self.views:
                self.views[vehicle_id] = self.views[vehicle_id]._replace(battery=ratio)

    def facts(self, runs: Runs) -> list[VisitFact]:
        """Visits that have begun or ended, of runs of at least two fixes."""
        found: list[VisitFact] = []
        vehicle, site = geofence.unpair(runs.entity)
        for i in np.flatnonzero(runs.samples >= geofence.SAMPLES_MIN):
            key, end = int(runs.entity[i]), int(runs.end_us[i])
            is_open = None if runs.began_here[i] else self.open.get(key)
            if is_open is None:
                found.append(VisitFact(0, 1, key, int(vehicle[i]), int(site[i]), int(runs.start_us[i]), end))
            elif end != NEVER:
                found.append(
                    VisitFact(
                        is_open.id, is_open.revision + 1, key, int(vehicle[i]), int(site[i]), is_open.entered_us, end
                    )
                )
        return found

    def describe(self, registry: Registry, folded: Folded, out: Outcome) -> None:
        """The row and the change of every vehicle that has a new good fix."""
        rows, state = folded.rows, folded.state
        if not len(rows.vehicle):
            return
        vehicles = np.unique(rows.vehicle)
        last = np.searchsorted(rows.vehicle, vehicles, "right") - 1
        fixes = carries.fixes_of(state.fixes, vehicles)
        moving = state.motion.take(np.isin(state.motion.entity, vehicles))
        ended = {
            int(e): int(t)
            for e, t in zip(folded.motion_runs.entity, folded.motion_runs.end_us, strict=True)
            if t != NEVER
        }
        inside: dict[int, list[list[float]]] = {}
        for visit in carries.rows_of(state.visits.take(np.isin(geofence.unpair(state.visits.entity)[0], vehicles))):
            inside.setdefault(int(visit[0]) >> geofence.SHIFT, []).append(visit)
        columns = [getattr(rows, n)[last].tolist() for n in Rows.__dataclass_fields__]
        fix_rows = zip(*(getattr(fixes, n).tolist() for n in quality.Fixes.__dataclass_fields__), strict=True)
        for row, fix, move in zip(zip(*columns, strict=True), fix_rows, carries.rows_of(moving), strict=True):
            vehicle_id = int(row[0])
            visits = inside.get(vehicle_id, [])
            self._describe_one(registry, vehicle_id, row, list(fix[1:]), move, visits, ended.get(vehicle_id), out)

    def _describe_one(
        self,
        registry: Registry,
        vehicle_id: int,
        row: tuple[Any, ...],
        fix: list[float],
        move: list[float],
        visits: list[list[float]],
        ended_us: int | None,
        out: Outcome,
    ) -> None:
        _, t_us, received_us, device_id, lat, lon, speed, heading, accuracy, flags = row
        old = self.views.get(vehicle_id)
        status = "moving" if move[3] else "stopped" if speed == speed else "unknown"  # noqa: PLR0124
        if move[3]:
            since = int(move[4])
        elif ended_us is not None:
            since = ended_us
        else:
            since = old.since_us if old and old.status == status else t_us
        view = View(
            t_us,
            received_us,
            device_id,
            lat,
            lon,
            speed,
            heading,
            accuracy,
            flags,
            status,
            since,
            out.batteries.get(vehicle_id, old.battery if old else None),
        )
        self.views[vehicle_id] = view
        owner = registry.vehicles.get(vehicle_id)
        if owner is None:
            return
        out.vehicle_rows.append(
            (
                vehicle_id,
                owner.tenant_id,
                from_us(t_us),
                from_us(received_us),
                device_id,
                lat,
                lon,
                _null(speed),
                _null(heading),
                _null(accuracy),
                flags,
                status,
                instant(since),
                view.battery,
                carries.dump({"fix": fix, "motion": [move], "visits": visits}),
            )
        )
        out.change(owner.tenant_id, "vehicles", owner.name, "merge", changed(registry, view, visits))


def rows_of(registry: Registry, batch: PositionBatch) -> tuple[Rows, I64]:
    """Usable positions of vehicles, sorted by vehicle and time, and the batch's row each comes from."""
    vehicle = registry.vehicle_of[batch.device_id.clip(0, len(registry.vehicle_of) - 1)].astype(np.int64)
    used = np.flatnonzero((vehicle > 0) & (batch.flags & NOT_USED == 0))
    order = used[np.lexsort((batch.seq[used], batch.device_id[used], batch.time_us[used], vehicle[used]))]
    return Rows(
        vehicle[order],
        batch.time_us[order],
        batch.received_us[order],
        batch.device_id[order].astype(np.int64),
        batch.lat[order],
        batch.lon[order],
        batch.speed_mps[order].astype(np.float64),
        batch.heading_deg[order].astype(np.float64),
        batch.accuracy_m[order].astype(np.float64),
        batch.flags[order].astype(np.int64),
    ), order


def mark_late(registry: Registry, kind: str, entity: I64, t_us: I64, device: I64, out: Outcome) -> None:
    """Late readings came for these entities: they are to be folded again from the earliest."""
    earliest: dict[int, tuple[int, int]] = {}
    for e, t, d in zip(entity.tolist(), t_us.tolist(), device.tolist(), strict=True):
        if e not in earliest or t < earliest[e][0]:
            earliest[e] = (t, d)
    out.dirty += [(kind, e, registry.devices[d].partition, from_us(t)) for e, (t, d) in sorted(earliest.items())]


def changed(registry: Registry, view: View, visits: list[list[float]]) -> dict[str, Any]:
    """The keys of the vehicle's public shape that a new fix changes."""
    return {
        "t": text(view.t_us),
        "received_at": text(view.received_us),
        "lat": round(view.lat, 7),
        "lon": round(view.lon, 7),
        "speed_mps": tidy(view.speed_mps, 2),
        "heading_deg": tidy(view.heading_deg, 1),
        "accuracy_m": tidy(view.accuracy_m, 1),
        "flags": Flag.names(view.flags),
        "status": view.status,
        "status_since": text(view.since_us),
        "site": site_of(registry, visits),
    }


def site_of(registry: Registry, visits: list[list[float]]) -> str | None:
    """Name of the site of the newest visit that is sure."""
    sure = [row for row in visits if row[7] >= geofence.SAMPLES_MIN]
    if not sure:
        return None
    _, site = geofence.unpair(np.array([int(max(sure, key=lambda r: r[4])[0])]))
    found = registry.sites.get(int(site[0]))
    return found.name if found else None


def _null(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124
