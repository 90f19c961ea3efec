"""The rules over positions, in one fold: quality, trips, visits and lines of any vehicles, from what they carried."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from domain.folds.scan import Carry, Runs, no_runs, segment_starts
from domain.folds.table import among, previous, ranges, take
from domain.geo import distance_m
from domain.readings import F64, I8, I64, WRONG_TIME, Bool, Flag, PositionBatch
from tracker.engine import carries
from tracker.engine.registry import Registry
from tracker.rules import beliefs, cells, geofence, motion, off_route, quality, trips
from tracker.rules.stretches import Segments

NOT_USED = int(WRONG_TIME | Flag.NULL_ISLAND | Flag.INACCURATE | Flag.SWAPPED | Flag.UNDECIDED)
NOT_SEEN = int(np.iinfo(np.int64).min // 2)
SPEED_GAP_S = 600.0
NO_FENCES = geofence.Fences([])
ALL_DOUBTS = int(Flag.SPEED_DOUBTED | Flag.IGNITION_DOUBTED | Flag.CARRIED)
DOUBTS = np.array(
    [
        (said & beliefs.SPEED != 0) * Flag.SPEED_DOUBTED
        | (said & beliefs.IGNITION != 0) * Flag.IGNITION_DOUBTED
        | (said & beliefs.CARRIED != 0) * Flag.CARRIED
        for said in range(8)
    ],
    dtype=np.int64,
)


def no_fixes() -> quality.Fixes:
    """No vehicles."""
    i, f = np.empty(0, np.int64), np.empty(0)
    return quality.Fixes(i, i, f, f, i, f, f)


@dataclass
class VehicleState:
    """What the fold carries from row to row, of some vehicles."""

    fixes: quality.Fixes = field(default_factory=no_fixes)
    trips: trips.Carry = field(default_factory=trips.Carry.empty)
    last: geofence.Last = field(default_factory=geofence.Last.empty)
    visits: geofence.Pairs = field(default_factory=geofence.Pairs.empty)
    off: Carry = field(default_factory=Carry.empty)
    """By `geofence.pair` of a vehicle and its shipment."""

    def parts(self) -> tuple[carries.Columns, ...]:
        """For `PACKER`."""
        return self.fixes, self.trips, self.last, self.visits, self.off


def _vehicle_of(pair: I64) -> I64:
    return pair >> geofence.SHIFT


PACKER = carries.Packer(
    1_000_000 * off_route.VERSION + 1000 * trips.VERSION + geofence.VERSION,
    VehicleState().parts(),
    (lambda e: e, lambda e: e, lambda e: e, _vehicle_of, _vehicle_of),
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
    odometer_m: F64
    ignition: I8

    def take(self, index: I64 | Bool) -> Rows:
        """Rows by index or mask."""
        return take(self, index)


@dataclass
class Folded:
    """The state of the rows' vehicles after them, the rows that were good, and the runs touched."""

    vehicles: I64
    state: VehicleState
    rows: Rows
    jumps: Bool
    doubts: I64
    """Flags of the good rows: fields that are not believed, and who is carried."""
    segments: Segments
    visit_runs: geofence.Visits
    off_runs: Runs
    cells: cells.Entered


def rows_of(registry: Registry, batch: PositionBatch) -> tuple[Rows, I64]:
    """Usable positions of vehicles, sorted by vehicle and time, and the batch's row each comes from."""
    vehicle = registry.where.vehicles(batch.device_id, batch.time_us)
    used = np.flatnonzero((vehicle > 0) & (batch.flags & NOT_USED == 0))
    keys = (batch.received_us, batch.seq, batch.device_id, batch.time_us, vehicle)
    order = used[np.lexsort([key[used] for key in keys])]
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
        batch.odometer_m[order],
        batch.ignition[order],
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


def fold(registry: Registry, state: VehicleState, rows: Rows, corridor: off_route.Limits) -> Folded:
    """The rules over rows newer than the state, which is of these rows' vehicles and of no others."""
    starts = np.flatnonzero(np.append(True, rows.vehicle[1:] != rows.vehicle[:-1]))
    vehicles = rows.vehicle[starts]
    before = fixes_for(state.fixes, vehicles)
    after, jumps = quality.step(before, rows.vehicle, rows.t_us, rows.lat, rows.lon)
    good = rows.take(~jumps) if jumps.any() else rows
    driven, segments, said = trips.judged(
        state.trips,
        trips.Rows(
            good.vehicle,
            good.t_us,
            good.lat,
            good.lon,
            good.accuracy_m,
            good.speed_mps,
            good.ignition,
            good.odometer_m,
        ),
        motion.limits_of(registry.class_of(good.vehicle[segment_starts(good.vehicle)])),
    )
    silent = ~among(state.trips.entity, driven.entity)  # every row of theirs was a jump
    driven = carries.joined(driven, state.trips.take(silent)) if silent.any() else driven
    visits, visit_runs = _visits(registry, state, good)
    off, off_runs = _off_route(registry, state, good, corridor)
    places = _cells(before, vehicles, good)
    at = np.searchsorted(vehicles, good.vehicle)
    doubts = DOUBTS[said]
    good.flags = (good.flags & ~ALL_DOUBTS) | doubts
    good.speed_mps = np.where(doubts & Flag.SPEED_DOUBTED != 0, np.nan, good.speed_mps)
    good.speed_mps = speeds(good, (before.t_us[at], before.lat[at], before.lon[at]))
    state = VehicleState(after, driven, *visits, off)
    return Folded(vehicles, state, good, jumps, doubts, segments, visit_runs, off_runs, places)


def _cells(before: quality.Fixes, vehicles: I64, rows: Rows) -> cells.Entered:
    """Where vehicles have come, coarsely: a fence that is changed finds them."""
    at = np.searchsorted(vehicles, rows.vehicle[segment_starts(rows.vehicle)])
    last = cells.Fixes(before.t_us[at], before.lat[at], before.lon[at])
    return cells.entered(rows.vehicle, cells.Fixes(rows.t_us, rows.lat, rows.lon), last)


def speeds(rows: Rows, last: tuple[I64, F64, F64]) -> F64:
    """Speed to be shown, metres per second: the receiver's, else by the way since the fix before; `last`: a first's."""
    first = segment_starts(rows.vehicle)
    t0, lat0, lon0 = previous(rows.t_us), previous(rows.lat), previous(rows.lon)
    t0[first], lat0[first], lon0[first] = (column[first] for column in last)
    seconds = (rows.t_us - t0) / 1e6
    derived = np.full(len(seconds), np.nan)
    i = np.flatnonzero(np.isnan(rows.speed_mps) & (seconds > 0) & (seconds < SPEED_GAP_S))
    derived[i] = distance_m(lat0[i], lon0[i], rows.lat[i], rows.lon[i]) / seconds[i]
    return np.where(np.isnan(rows.speed_mps), derived, rows.speed_mps)


def _off_route(registry: Registry, state: VehicleState, rows: Rows, limits: off_route.Limits) -> tuple[Carry, Runs]:
    """Runs beyond the corridors of the shipments' lines, whether the shipments are under way or not."""
    lined = registry.lined
    if not len(lined.keys):
        return Carry.empty(), no_runs()
    low, high = (np.searchsorted(lined.keys, v << geofence.SHIFT) for v in (rows.vehicle, rows.vehicle + 1))
    which = ranges(low, high)
    row = np.repeat(np.arange(len(rows.vehicle)), high - low)
    order = np.argsort(which, kind="stable")
    which, row = which[order], row[order]
    aboard = rows.t_us[row] > lined.since_us[which]
    key, row = lined.keys[which[aboard]], row[aboard]
    after, runs = off_route.step(
        state.off,
        lined.lines,
        off_route.Rows(key, rows.t_us[row], rows.lat[row], rows.lon[row], rows.accuracy_m[row]),
        limits,
    )
    kept = among(state.off.entity, lined.keys) & ~among(state.off.entity, after.entity)
    return carries.joined(after, state.off.take(kept)), runs


def _visits(registry: Registry, state: VehicleState, rows: Rows) -> tuple[geofence.Carry, geofence.Visits]:
    """Visits of each tenant's vehicles at its own sites."""
    tenant = registry.vehicle_tenant[rows.vehicle.clip(0, len(registry.vehicle_tenant) - 1)]
    carried = geofence.Carry(state.last, state.visits)
    kept, visits = carried, [geofence.Visits.empty()]
    for each in np.unique(tenant).tolist():
        mine = rows.take(tenant == each) if (tenant != each).any() else rows
        fixes = geofence.Rows(mine.vehicle, mine.t_us, mine.lat, mine.lon, mine.accuracy_m)
        fresh, found = geofence.step(registry.fences.get(each, NO_FENCES), carried, fixes)
        kept = kept.updated(fresh)
        visits.append(found)
    return kept, geofence.joined(*visits)
