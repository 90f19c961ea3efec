"""Breaches: that a probe will be beyond a limit for too long, told before it is, and graded by what came of it.

A forecast is what was known when it was told: late readings do not change it. What they make of the excursion decides
how it is graded while it stands. A door or a defrosting that is learned of late and explains the rise takes it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import orjson
import psycopg

from domain.cold_chain.profile import Band, TemperatureProfile
from domain.facts import AnyKind, Fact, Word
from domain.folds.scan import NEVER
from domain.readings import F64, I64, Batch, TemperatureBatch
from domain.times import to_us
from tracker.breaches.context import Context, Was
from tracker.breaches.facts import BREACH_FORECAST, BreachForecast
from tracker.engine import carries, facts
from tracker.engine.family import Engine, Family
from tracker.engine.registry import Registry
from tracker.engine.step import Step
from tracker.rules import breach
from tracker.rules.breach import CAUSES, Forecasts, Rows, Trend
from tracker.temperatures.family import Temperatures
from tracker.temperatures.rows import TemperatureRows
from tracker.temperatures.state import NOT_USED

SIDES = ("above", "below")
PACKER = carries.Packer(breach.VERSION, (Trend.empty(),), (lambda e: e // 2,))
NAN = float("nan")
EXPLAINS_US = {"door": breach.DOOR_CLOSED_S * breach.S, "defrost": breach.DEFROSTED_S * breach.S}
EXPLAINED = ("door_open", "defrost")
"""Causes of forecasts that reckon with it already."""


Side = tuple[int, str]
"""A probe, and `above` or `below`."""
MATTERS_US, MATTERS_SHARE = 120_000_000, 0.15
"""By so much, or so much of what is left, another time is expected before it is told anew."""


class Curve(NamedTuple):
    """What a forecast is drawn from: the temperature at a moment, and when the alarm is expected as seen from there.

    The limit is crossed `for_us` before the alarm.
    """

    at_us: int
    temp_c: float
    for_us: int
    p10_us: int
    p50_us: int
    p90_us: int

    def differs(self, before_us: int | None) -> bool:
        """Whether that is news to who expects it at another time."""
        if before_us is None:
            return True
        moved_us = abs(self.p50_us - before_us)
        return moved_us >= max(MATTERS_US, MATTERS_SHARE * (before_us - self.at_us))


class Told(NamedTuple):
    """A forecast that stands in the store, and where it is."""

    id: int
    fact: BreachForecast
    tenant_id: int
    device_id: int
    vehicle_id: int
    probe: str


@dataclass
class BreachRows:
    """What a step decides of breaches.

    `curves` are of what is foretold here, or of which another time is expected now by enough to matter; `renewed` those
    of forecasts that were told before.
    """

    touched: list[int] = field(default_factory=list)
    """Probes whose carry is another."""
    written: list[Told] = field(default_factory=list)
    """The forecasts of the step, once they are written."""
    curves: dict[Side, Curve] = field(default_factory=dict)
    renewed: list[tuple[Told, Curve]] = field(default_factory=list)


class Limits:
    """The limit of each side of each version of each profile, as columns: that of the band which alarms first."""

    def __init__(self, profiles: Sequence[TemperatureProfile]) -> None:
        found = [[_first(p, above=above) for p in profiles] for above in (True, False)]
        self.limit_c = np.array([[b.limit_c if b else NAN for b in side] for side in found])
        self.for_us = np.array([[round(b.for_s * 1e6) if b else 0 for b in side] for side in found], np.int64)


def _first(profile: TemperatureProfile, *, above: bool) -> Band | None:
    """The band of one stay nearest to the inside, the critical ones first."""
    bands = [b for b in profile.bands if b.above == above and b.mode == "consecutive" and b.severity != "info"]
    order = {"critical": 0, "warning": 1}
    return min(bands, key=lambda b: (order[b.severity], b.limit_c if above else -b.limit_c), default=None)


class Breaches(Family):
    """Forecasts for the probes of the partitions we own."""

    name: ClassVar[str] = "breaches"
    streams: ClassVar[tuple[str, ...]] = ("temp", "door", "status")
    after: ClassVar[tuple[str, ...]] = ("temperatures",)
    kinds: ClassVar[tuple[AnyKind, ...]] = (BREACH_FORECAST,)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._table = carries.Table(Trend.empty())
        self._open: dict[Side, BreachForecast] = {}
        self._expected_us: dict[Side, int] = {}
        """When the alarm is expected, as it was told last."""
        self._context = Context()
        self._limits: tuple[Registry, Limits] | None = None

    def load(self) -> None:
        """Reads carries and open forecasts; a carry of another version begins anew."""
        store = self.engine.store
        self._context.load(store.rows("breach_contexts"))
        packed = [row[0] for row in store.rows("breach_states") if PACKER.knows(row[0])]
        self._table.put(PACKER.unpack(packed)[0])
        for fact_id, revision, probe, kind, cause, limit_c, expected, *times in store.rows("open_breach_forecasts"):
            start_us, p10_us, p50_us, p90_us = map(to_us, times)
            told = (fact_id, revision, probe, kind, cause, limit_c, start_us, NEVER, p10_us, p50_us, p90_us)
            self._open[probe, kind] = BreachForecast(*told)
            if expected is not None:
                self._expected_us[probe, kind] = to_us(expected)

    # ------------------------------------------------------------ readings
    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """What readings say of the time to come."""
        registry = self.engine.registry
        for stream in ("door", "status"):
            if stream in batches:
                self._take_back(self._context.hear(batches[stream], registry, self.engine.store), step)
        batch = batches.get("temp")
        if not isinstance(batch, TemperatureBatch) or (batch.flags & NOT_USED != 0).all():
            return
        rows = self._rows(registry, batch)
        known = self._table.of(np.unique(rows.entity))
        newest = known.of(np.unique(rows.entity)).t_us[np.unique(rows.entity, return_inverse=True)[1]]
        fresh, found = breach.step(known, rows.take(rows.t_us > newest))
        if not len(fresh):
            return
        self._table.put(fresh)
        rows_of = step.part(BreachRows)
        rows_of.touched = sorted({*rows_of.touched, *np.unique(fresh.entity // 2).tolist()})
        step.facts(BREACH_FORECAST).extend(self._forecasts(found, rows))
        self._renew(found, step)

    def _take_back(self, late: Sequence[Was], step: Step) -> None:
        """Forecasts that would not have been told, had it been known that a door was open, or that it defrosted."""
        registry, probes = self.engine.registry, self.engine.family(Temperatures).tables.probes
        for (probe, kind), told in list(self._open.items()) if late else ():
            device = registry.devices.get(probes[probe].device_id) if probe in probes else None
            mine = [was for was in late if device is not None and was.home == device.home]
            if told.cause in EXPLAINED or not any(
                was.at_us <= told.start_us <= was.at_us + EXPLAINS_US[was.what] for was in mine
            ):
                continue
            trend = self._table.of(np.array([probe * 2 + SIDES.index(kind)]))
            if not len(trend) or trend.inside_us[0] < told.start_us:
                continue  # it was beyond the limit by then, whatever the reason
            self._table.put(replace(trend, active=np.zeros(1, np.bool_), calm_us=trend.t_us))
            end_us = max(int(trend.t_us[0]), told.start_us)
            step.facts(BREACH_FORECAST).append(told._replace(revision=told.revision + 1, end_us=end_us, retracted=True))
            step.part(BreachRows).touched.append(probe)

    def _rows(self, registry: Registry, batch: TemperatureBatch) -> Rows:
        """The readings, once for each limit, with what was known at each."""
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        used = used[np.lexsort((batch.received_us[used], batch.seq[used], batch.time_us[used], batch.probe_id[used]))]
        device, t_us = batch.device_id[used].astype(np.int64), batch.time_us[used]
        profiles = self.engine.family(Temperatures).tables.profiles(registry)
        if self._limits is None or self._limits[0] is not registry:
            self._limits = registry, Limits(profiles.profiles)
        limits, place = self._limits[1], profiles.index(device, t_us)
        door_us, defrost_us, set_point_c, cooling = self._context.at(registry, device, t_us)
        parts = []
        for side, sign in enumerate((1.0, -1.0)):
            entity = batch.probe_id[used].astype(np.int64) * 2 + side
            temp_c, limit_c = sign * batch.temp_c[used].astype(np.float64), sign * limits.limit_c[side][place]
            known = (door_us, defrost_us, sign * set_point_c, cooling)
            rows = Rows(entity, t_us, temp_c, limit_c, limits.for_us[side][place], *known)
            parts.append(rows.take(~np.isnan(limit_c) | self._going(entity)))
        both = Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        return both.take(np.argsort(both.entity, kind="stable"))

    def _going(self, entity: I64) -> np.ndarray:
        """Of which a forecast is open."""
        going = [probe * 2 + SIDES.index(kind) for probe, kind in self._open]
        return np.isin(entity, going) if going else np.zeros(len(entity), np.bool_)

    def _forecasts(self, found: Forecasts, rows: Rows) -> list[BreachForecast]:
        """Forecasts that have begun or ended."""
        limit_c: F64 = rows.limit_c[np.searchsorted(rows.entity, found.entity, "right") - 1]
        told: list[BreachForecast] = []
        for i in range(len(found)):
            probe, side = divmod(int(found.entity[i]), 2)
            end_us = int(found.end_us[i])
            is_open = None if found.began_here[i] else self._open.get((probe, SIDES[side]))
            if is_open is not None:
                if end_us != NEVER:
                    told.append(is_open._replace(revision=is_open.revision + 1, end_us=end_us))
                continue
            limit, cause = float(limit_c[i]) * (-1 if side else 1), CAUSES[int(found.cause[i])]
            start_us, *expected = (int(c[i]) for c in (found.start_us, found.p10_us, found.p50_us, found.p90_us))
            p10_us, p50_us, p90_us = expected
            new = (0, 1, probe, SIDES[side], cause, limit, start_us, end_us, p10_us, p50_us, p90_us)
            told.append(BreachForecast(*new))
        return sorted(told, key=lambda f: f.end_us == NEVER)  # the place of an open one is free before another takes it

    def _renew(self, found: Forecasts, step: Step) -> None:
        """What is expected otherwise by now than it was told: the newest sign of the step says so."""
        curves = step.part(BreachRows).curves
        for i in np.flatnonzero((found.end_us == NEVER) & (found.newest_us != breach.LONG_AGO)).tolist():
            probe, side = divmod(int(found.entity[i]), 2)
            key, times = (probe, SIDES[side]), (int(c[i]) for c in (found.soon_us, found.middle_us, found.late_us))
            line_c = float(found.line_c[i]) * (-1 if side else 1)
            curve = Curve(int(found.newest_us[i]), round(line_c, 3), int(found.for_us[i]), *times)
            if curve.differs(None if found.began_here[i] else self._expected_us.get(key)):
                curves[key], self._expected_us[key] = curve, curve.p50_us

    # ------------------------------------------------------------ what is written
    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """Carries and forecasts; one that ends is graded by the excursion that stands."""
        registry, rows = self.engine.registry, step.part(BreachRows)
        tables = self.engine.family(Temperatures).tables
        owner = {p: tables.probes[p].device_id for p in rows.touched if p in tables.probes}
        probes = [p for p, device in owner.items() if device in registry.devices]
        if probes:
            of = np.array(probes, np.int64)
            packed = PACKER.pack(of, (self._table.between(of * 2, of * 2 + 2),))
            tenants = [registry.devices[owner[p]].tenant_id for p in probes]
            self.engine.store.columns(cursor, "put_breach_states", (probes, tenants, packed))
        if said := self._context.changed():
            kinds, homes, of_tenants, kept = zip(*said, strict=True)
            texts = [orjson.dumps(each).decode() for each in kept]
            columns = (list(kinds), list(homes), list(of_tenants), texts)
            self.engine.store.columns(cursor, "put_breach_contexts", columns)
        alarms = self._alarms(step)
        found = []
        for f in step.facts(BREACH_FORECAST):
            device = registry.devices.get(tables.probes[f.probe_id].device_id)
            if device is None:
                continue
            alarm_us = alarms.get((f.probe_id, f.kind), NEVER) if f.end_us != NEVER else NEVER
            fact = f._replace(alarm_us=alarm_us if alarm_us >= f.start_us else NEVER)
            of_probe = (device.tenant_id, device.id, device.vehicle_id, tables.probes[f.probe_id].name)
            found.append(Told(f.id, fact, *of_probe))
        ids = facts.put(cursor, BREACH_FORECAST, [self._word(t) for t in found], step)
        rows.written = [t._replace(id=fact_id) for t, fact_id in zip(found, ids, strict=True)]
        for told in rows.written:
            f, key = told.fact, (told.fact.probe_id, told.fact.kind)
            if f.end_us == NEVER:
                self._open[key] = f._replace(id=told.id)
            elif (still := self._open.get(key)) and still.id == told.id:
                del self._open[key]
        fresh = {t.id for t in rows.written}
        for (probe, kind), curve in rows.curves.items():
            is_open, device = self._open.get((probe, kind)), registry.devices.get(tables.probes[probe].device_id)
            if is_open is None or is_open.id in fresh or device is None or curve.p90_us <= step.now_us:
                continue
            of_probe = (device.tenant_id, device.id, device.vehicle_id, tables.probes[probe].name)
            rows.renewed.append((Told(is_open.id, is_open, *of_probe), curve))

    def _alarms(self, step: Step) -> dict[tuple[int, str], int]:
        """When probes alarmed on a side: the newest alarm that stands open, or was decided in this step."""
        found: dict[tuple[int, str], int] = {}
        is_open = self.engine.family(Temperatures).tables.open.items()
        told = [(e.fact.probe_id, e.fact.kind, e.fact.alarm_us) for e in step.part(TemperatureRows).written]
        for probe, kind, alarm_us in [*((p, k, o.alarm_us) for (p, k, _), o in is_open), *told]:
            if alarm_us != NEVER:
                found[probe, kind] = max(alarm_us, found.get((probe, kind), alarm_us))
        return found

    def _word(self, told: Told) -> Word:
        f = told.fact
        times: tuple[Any, ...] = (f.start_us, f.end_us, f.p10_us, f.p50_us, f.p90_us, f.alarm_us)
        values = (told.device_id, f.probe_id, f.kind, f.cause, f.limit_c, *times)
        about = (self.engine.registry.devices[told.device_id].name, told.probe, f.kind)
        return Word(f.id, f.revision, told.tenant_id, values, about, f.start_us, f.end_us, f.retracted)

    # ------------------------------------------------------------ proof
    def title(self, kind: AnyKind, fact: Fact) -> str:
        """A forecast in a few words."""
        return f"forecast of probe {fact.probe_id}" if isinstance(fact, BreachForecast) else kind.name
