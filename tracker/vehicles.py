"""The fold of positions: quality, motion and visits of vehicles, and the row and change of each touched vehicle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import orjson

from domain.readings import F64, I64, WRONG_TIME, Bool, Flag, PositionBatch
from domain.times import from_us, rfc3339_all, to_us
from store.tracking import TrackingStore
from tracker import carries
from tracker.outcome import Outcome, VisitFact
from tracker.registry import Registry
from tracker.rules import geofence, motion, quality
from tracker.rules.scan import NEVER, Carry, Runs, no_runs

NOT_USED = int(WRONG_TIME | Flag.NULL_ISLAND | Flag.INACCURATE | Flag.SWAPPED)


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
        newest = rows.take(np.searchsorted(rows.vehicle, vehicles, "right") - 1)
        moving = carries.rows_of(state.motion.take(np.isin(state.motion.entity, vehicles)))
        over = folded.motion_runs.end_us != NEVER
        ended = dict(
            zip(folded.motion_runs.entity[over].tolist(), folded.motion_runs.end_us[over].tolist(), strict=True)
        )
        inside: dict[int, list[list[float]]] = {}
        for visit in carries.rows_of(state.visits.take(np.isin(geofence.unpair(state.visits.entity)[0], vehicles))):
            inside.setdefault(int(visit[0]) >> geofence.SHIFT, []).append(visit)
        fixes = carries.rows_of(carries.fixes_of(state.fixes, vehicles))
        views = list(self._views(vehicles, newest, moving, ended, out))
        since = rfc3339_all(np.array([view.since_us for view in views], dtype=np.int64))
        for view, fix, move, shown, since_text in zip(views, fixes, moving, _shown(newest), since, strict=True):
            vehicle_id = int(move[0])
            self.views[vehicle_id] = view
            if (owner := registry.vehicles.get(vehicle_id)) is None:
                continue
            visits = inside.get(vehicle_id, [])
            carry = carries.dump({"fix": fix[1:], "motion": [move], "visits": visits})
            out.vehicle_rows.append((vehicle_id, owner.tenant_id, *view, carry))
            shown["status"], shown["status_since"] = view.status, since_text
            shown["site"] = site_of(registry, visits) if visits else None
            out.change(owner.tenant_id, "vehicles", owner.name, "merge", shown)

    def _views(
        self, vehicles: I64, newest: Rows, moving: list[list[float]], ended: Mapping[int, int], out: Outcome
    ) -> Iterator[View]:
        """The views of vehicles after their newest fix."""
        columns = [getattr(newest, n).tolist() for n in Rows.__dataclass_fields__ if n != "vehicle"]
        for vehicle_id, move, row in zip(vehicles.tolist(), moving, zip(*columns, strict=True), strict=True):
            old = self.views.get(vehicle_id)
            speed = row[5]
            status = "moving" if move[3] else "stopped" if speed == speed else "unknown"  # noqa: PLR0124
            if move[3]:
                since = int(move[4])
            elif (since := ended.get(vehicle_id, -1)) < 0:
                since = old.since_us if old and old.status == status else row[0]
            battery = out.batteries.get(vehicle_id, old.battery if old else None)
            yield View._make((*row, status, since, battery))


def _shown(newest: Rows) -> Iterator[dict[str, Any]]:
    """The keys of the vehicles' public shape that their newest fixes give; NaN becomes null in the text."""
    rounded = zip(
        rfc3339_all(newest.t_us),
        rfc3339_all(newest.received_us),
        np.round(newest.lat, 7).tolist(),
        np.round(newest.lon, 7).tolist(),
        np.round(newest.speed_mps, 2).tolist(),
        np.round(newest.heading_deg, 1).tolist(),
        np.round(newest.accuracy_m, 1).tolist(),
        newest.flags.tolist(),
        strict=True,
    )
    for t, received_at, lat, lon, speed_mps, heading_deg, accuracy_m, flags in rounded:
        yield {
            "t": t,
            "received_at": received_at,
            "lat": lat,
            "lon": lon,
            "speed_mps": speed_mps,
            "heading_deg": heading_deg,
            "accuracy_m": accuracy_m,
            "flags": Flag.names(flags),
        }


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


def site_of(registry: Registry, visits: list[list[float]]) -> str | None:
    """Name of the site of the newest visit that is sure."""
    sure = [row for row in visits if row[7] >= geofence.SAMPLES_MIN]
    if not sure:
        return None
    found = registry.sites.get(geofence.site_in(int(max(sure, key=lambda r: r[4])[0])))
    return found.name if found else None
