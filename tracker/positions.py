"""The rules over positions, in one fold: quality, motion and visits of any vehicles, from what they carried before."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from domain.readings import F64, I64, WRONG_TIME, Bool, Flag, PositionBatch
from tracker import carries
from tracker.registry import Registry
from tracker.rules import geofence, motion, quality
from tracker.rules.scan import Carry, Runs

NOT_USED = int(WRONG_TIME | Flag.NULL_ISLAND | Flag.INACCURATE | Flag.SWAPPED)
NOT_SEEN = int(np.iinfo(np.int64).min // 2)


def no_fixes() -> quality.Fixes:
    """No vehicles."""
    i, f = np.empty(0, np.int64), np.empty(0)
    return quality.Fixes(i, i, f, f, i, f, f)


@dataclass
class VehicleState:
    """What the fold carries from row to row, of some vehicles."""

    fixes: quality.Fixes = field(default_factory=no_fixes)
    motion: Carry = field(default_factory=Carry.empty)
    last: geofence.Last = field(default_factory=geofence.Last.empty)
    visits: geofence.Pairs = field(default_factory=geofence.Pairs.empty)


PACKER = carries.Packer(
    1000 * motion.VERSION + geofence.VERSION,
    (no_fixes(), Carry.empty(), geofence.Last.empty(), geofence.Pairs.empty()),
    (lambda e: e, lambda e: e, lambda e: e, lambda e: geofence.unpair(e)[0]),
)


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
    """The state of the rows' vehicles after them, the rows that were good, and the runs touched."""

    vehicles: I64
    state: VehicleState
    rows: Rows
    jumps: Bool
    motion_runs: Runs
    visit_runs: geofence.Visits


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


def fixes_for(fixes: quality.Fixes, vehicles: I64) -> quality.Fixes:
    """A row for each of these vehicles (sorted, unique); an unknown one where there is none."""
    if len(fixes.entity) == len(vehicles):
        return fixes
    n = len(vehicles)
    never, nan = np.full(n, NOT_SEEN), np.full(n, np.nan)
    out = quality.Fixes(vehicles, never, nan, nan.copy(), never.copy(), nan.copy(), nan.copy())
    at = np.searchsorted(vehicles, fixes.entity)
    for name in quality.Fixes.__dataclass_fields__:
        getattr(out, name)[at] = getattr(fixes, name)
    return out


def fold(registry: Registry, state: VehicleState, rows: Rows) -> Folded:
    """The rules over rows newer than the state, which is of these rows' vehicles and of no others."""
    starts = np.flatnonzero(np.append(True, rows.vehicle[1:] != rows.vehicle[:-1]))
    vehicles = rows.vehicle[starts]
    before = fixes_for(state.fixes, vehicles)
    after, jumps = quality.step(before, rows.vehicle, rows.t_us, rows.lat, rows.lon)
    good = rows.take(~jumps) if jumps.any() else rows
    at = np.searchsorted(vehicles, good.vehicle)
    last = (before.t_us[at], before.lat[at], before.lon[at])
    good.speed_mps = motion.speeds(good.vehicle, good.t_us, good.lat, good.lon, good.speed_mps, last)
    moving, motion_runs = motion.step(state.motion, good.vehicle, good.t_us, good.speed_mps)
    visits, visit_runs = _visits(registry, state, good)
    silent = ~np.isin(state.motion.entity, moving.entity)  # every row of theirs was a jump
    kept = carries.joined(moving, state.motion.take(silent)) if silent.any() else moving
    return Folded(vehicles, VehicleState(after, kept, *visits), good, jumps, motion_runs, visit_runs)


def _visits(registry: Registry, state: VehicleState, rows: Rows) -> tuple[geofence.Carry, geofence.Visits]:
    """Visits of each tenant's vehicles at its own sites."""
    tenant = registry.vehicle_tenant[rows.vehicle.clip(0, len(registry.vehicle_tenant) - 1)]
    carried = geofence.Carry(state.last, state.visits)
    kept, visits = carried, [geofence.Visits.empty()]
    for each in np.unique(tenant).tolist():
        if (fences := registry.fences.get(each)) is not None:
            mine = rows.take(tenant == each) if (tenant != each).any() else rows
            fixes = geofence.Rows(mine.vehicle, mine.t_us, mine.lat, mine.lon, mine.accuracy_m)
            fresh, found = geofence.step(fences, carried, fixes)
            kept = kept.updated(fresh)
            visits.append(found)
    return kept, geofence.joined(*visits)
