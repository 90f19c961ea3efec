"""Temperatures: from probes' readings to the state people see, and excursions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

import numpy as np
import psycopg

from domain.facts import AnyKind, Fact, Word
from domain.readings import Batch, TemperatureBatch
from tracker.engine import facts
from tracker.engine.family import Engine, Family
from tracker.engine.late import mark_late, undecided
from tracker.engine.registry import Registry
from tracker.engine.step import Step
from tracker.rules import temperature
from tracker.rules.scan import NEVER, Runs
from tracker.temperatures.facts import EXCURSION, ExcursionFact
from tracker.temperatures.refold import ProbeRefold
from tracker.temperatures.rows import LANE, Excursion, TemperatureRows
from tracker.temperatures.state import NOT_SEEN, NOT_USED, OpenExcursion, ProbeTables, absolute, limits_of


class Temperatures(Family):
    """Probes of the partitions we own."""

    name: ClassVar[str] = "temperatures"
    streams: ClassVar[tuple[str, ...]] = ("temp",)
    kinds: ClassVar[tuple[AnyKind, ...]] = (EXCURSION,)
    lanes: ClassVar[tuple[str, ...]] = (LANE,)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.tables = ProbeTables()

    def load(self) -> None:
        """Reads state and open excursions."""
        self.tables.load(self.engine.store)

    def unreadable(self) -> Iterable[tuple[str, int]]:
        """Probes whose carry another version wrote."""
        return [(LANE, probe) for probe in self.tables.unreadable]

    # ------------------------------------------------------------ readings
    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """Folds temperatures; those that come too late are flagged."""
        batch = batches.get("temp")
        if isinstance(batch, TemperatureBatch):
            batches["temp"] = self._fold(batch, step)
            step.part(TemperatureRows).devices = np.unique(batch.device_id).tolist()

    def _fold(self, batch: TemperatureBatch, step: Step) -> TemperatureBatch:
        registry, tables = self.engine.registry, self.tables
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        order = used[np.lexsort((batch.received_us[used], batch.seq[used], batch.time_us[used], batch.probe_id[used]))]
        probe = batch.probe_id[order].astype(np.int64)
        if not len(probe):
            return batch
        touched, first = np.unique(probe, return_index=True)
        newest = np.array([tables.last.get(p, NOT_SEEN) for p in touched.tolist()])
        newest = np.repeat(newest, np.diff(np.append(first, len(probe))))
        late = (batch.time_us[order] <= newest) | self.engine.late.unreadable(LANE, probe)
        device = batch.device_id[order].astype(np.int64)
        if late.any():
            rows = (probe[late], batch.time_us[order][late], device[late], newest[late])
            too_late = mark_late(step, LANE, *rows, lambda d: registry.devices[d].partition)
            batch = undecided(batch, order[late][too_late])
            order, probe, device = order[~late], probe[~late], device[~late]
        if not len(probe):
            return batch
        limits, touched = limits_of(registry, device), np.unique(probe)
        fresh, runs = temperature.step(
            tables.carried(touched), probe, batch.time_us[order], batch.temp_c[order], limits
        )
        tables.keep(fresh)
        last = np.searchsorted(probe, touched, "right") - 1
        newest_of = batch.take(order[last])
        tables.see(self.engine.store, touched.tolist(), newest_of)
        step.facts(EXCURSION).extend(self.excursions(registry, runs))
        tables.describe(registry, touched, newest_of, limits.take(last), fresh, step)
        return batch

    def excursions(self, registry: Registry, runs: Runs) -> list[ExcursionFact]:
        """Excursions that have begun, alarmed, grown worse or ended."""
        found: list[ExcursionFact] = []
        for i in range(len(runs)):
            probe_id, kind = divmod(int(runs.entity[i]), 2)
            name = temperature.KINDS[kind]
            probe = self.tables.probes[probe_id]
            is_open = None if runs.began_here[i] else self.tables.open.get((probe_id, name))
            limit, extreme = absolute(registry.profile_of(probe.device_id), kind, float(runs.extreme[i]))
            alarm, end = int(runs.lasted_at_us[i]), int(runs.end_us[i])
            if is_open is None:
                found.append(
                    ExcursionFact(
                        0,
                        1,
                        probe_id,
                        name,
                        limit,
                        int(runs.start_us[i]),
                        end,
                        alarm,
                        extreme,
                        int(runs.samples[i]),
                        probe.temp_c,
                    )
                )
                continue
            amends = end != NEVER or alarm != is_open.alarm_us
            if amends or alarm != NEVER:
                found.append(
                    ExcursionFact(
                        is_open.id,
                        is_open.revision + amends,
                        probe_id,
                        name,
                        limit,
                        is_open.start_us,
                        end,
                        alarm,
                        extreme,
                        int(runs.samples[i]),
                        probe.temp_c,
                        amends=amends,
                    )
                )
        return found

    # ------------------------------------------------------------ the late lane
    def refold(self, lane: str, entity: int, since: datetime, horizon: datetime) -> ProbeRefold | None:
        """The way of a probe to the present."""
        del lane
        if entity not in self.tables.probes:
            return None
        return ProbeRefold(self.tables, self.engine.registry, self.engine.store, entity, since, horizon)

    def newest_us(self, lane: str, entity: int) -> int | None:
        """Event time of a probe's newest reading."""
        del lane
        probe = self.tables.probes.get(entity)
        return probe.t_us if probe else None

    # ------------------------------------------------------------ what is written
    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """State and excursions. How far an open excursion has come is written when it ends."""
        registry, rows, tables = self.engine.registry, step.part(TemperatureRows), self.tables
        for columns in rows.states:
            self.engine.store.columns(cursor, "put_series_states", columns)
        found = []
        for f in step.facts(EXCURSION):
            probe = tables.probes[f.probe_id]
            if (device := registry.devices.get(probe.device_id)) is not None:
                found.append(Excursion(f.id, f, device.tenant_id, device.id, device.vehicle_id, probe.name))
        amended = [e for e in found if e.fact.amends]
        ids = iter(facts.put(cursor, EXCURSION, [self._word(e) for e in amended], step))
        rows.written = [e._replace(id=next(ids)) if e.fact.amends else e for e in found]
        for e in rows.written:
            f, key = e.fact, (e.fact.probe_id, e.fact.kind)
            if f.end_us == NEVER and not f.retracted:
                tables.open[key] = OpenExcursion(e.id, f.revision, f.start_us, f.alarm_us)
            elif (still := tables.open.get(key)) and still.id == e.id:
                del tables.open[key]

    def _word(self, e: Excursion) -> Word:
        f, ended = e.fact, e.fact.end_us != NEVER
        values = (
            e.device_id,
            f.probe_id,
            f.kind,
            f.limit_c,
            f.start_us,
            f.end_us,
            f.alarm_us,
            f.extreme_c if ended else None,
            f.samples if ended else None,
        )
        about = (self.engine.registry.devices[e.device_id].name, e.probe, f.kind)
        return Word(f.id, f.revision, e.tenant_id, values, about, f.start_us, f.end_us, f.retracted)

    # ------------------------------------------------------------ proof
    def verifiable(self, tenant_id: int, vehicle_id: int | None) -> Iterator[tuple[str, int]]:
        """Probes of a tenant, or on one of its vehicles."""
        for probe_id, probe in self.tables.probes.items():
            device = self.engine.registry.devices.get(probe.device_id)
            if device and device.tenant_id == tenant_id and vehicle_id in (None, device.vehicle_id):
                yield LANE, probe_id

    def title(self, kind: AnyKind, fact: Fact) -> str:
        """An excursion in a few words."""
        if not isinstance(fact, ExcursionFact):
            return kind.name
        probe = self.tables.probes[fact.probe_id]
        return f"excursion {fact.kind} of {self.engine.registry.devices[probe.device_id].name} {probe.name}"
