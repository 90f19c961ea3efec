"""Temperatures: from probes' readings to the state people see, and excursions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

import numpy as np
import psycopg

from domain.cold_chain.bands import KEY_BITS, Stays
from domain.cold_chain.suppress import Said, held, spells
from domain.facts import AnyKind, Fact, Word
from domain.folds.scan import NEVER
from domain.readings import Batch, Flag, TemperatureBatch
from domain.times import from_us, to_us
from tracker.engine import facts
from tracker.engine.family import Engine, Family
from tracker.engine.late import mark_late, undecided
from tracker.engine.registry import Device, Registry
from tracker.engine.step import DAY_US, Step
from tracker.temperatures.facts import EXCURSION, ExcursionFact
from tracker.temperatures.faults import SensorFaults
from tracker.temperatures.fold import fold
from tracker.temperatures.profiles import beyond, side
from tracker.temperatures.refold import ProbeRefold
from tracker.temperatures.rows import LANE, Excursion, TemperatureRows
from tracker.temperatures.state import NOT_SEEN, NOT_USED, OpenExcursion, ProbeTables


class Temperatures(Family):
    """Probes of the partitions we own."""

    name: ClassVar[str] = "temperatures"
    streams: ClassVar[tuple[str, ...]] = ("temp",)
    kinds: ClassVar[tuple[AnyKind, ...]] = (EXCURSION,)
    lanes: ClassVar[tuple[str, ...]] = (LANE,)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.tables = ProbeTables()
        self._faults = SensorFaults()

    def load(self) -> None:
        """Reads state and open excursions."""
        self.tables.load(self.engine.store)
        self._faults.load(int(probe) for (probe,) in self.engine.store.rows("open_sensor_faults"))

    def unreadable(self) -> Iterable[tuple[str, int]]:
        """Probes whose carry another version wrote."""
        return [(LANE, probe) for probe in self.tables.unreadable]

    # ------------------------------------------------------------ readings
    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """Folds temperatures; those that come too late are flagged."""
        batch = batches.get("temp")
        if isinstance(batch, TemperatureBatch):
            batches["temp"] = self._fold(batch, step)
            rows = step.part(TemperatureRows)
            rows.devices = np.unique(batch.device_id).tolist()
            rows.faults = self._faults.step(batch)

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
        touched = np.unique(probe)
        t_us, still = batch.time_us[order], batch.flags[order] & int(Flag.STUCK) != 0
        fresh, stays, held = fold(
            tables.carried(touched), tables.profiles(registry), device, probe, t_us, batch.temp_c[order], still
        )
        tables.keep(fresh)
        last = np.searchsorted(probe, touched, "right") - 1
        newest_of = batch.take(order[last])
        tables.see(self.engine.store, touched.tolist(), newest_of)
        step.facts(EXCURSION).extend(self.excursions(registry, stays))
        tables.describe(registry, touched, newest_of, held[last], step)
        return batch

    def excursions(self, registry: Registry, stays: Stays) -> list[ExcursionFact]:
        """Excursions that have begun, alarmed, grown worse or ended."""
        found: list[ExcursionFact] = []
        profiles = self.tables.profiles(registry)
        for i in range(len(stays)):
            entity, start = int(stays.entity[i]), int(stays.start_us[i])
            probe_id = entity >> KEY_BITS
            probe = self.tables.probes[probe_id]
            held = profiles.held(probe.device_id, entity, start)
            band, kind = held.band, side(held.band)
            is_open = None if stays.began_here[i] else self.tables.open.get((probe_id, kind, band.name))
            alarm, end = int(stays.alarm_us[i]), int(stays.end_us[i])
            amends = is_open is None or end != NEVER or alarm != is_open.alarm_us
            if not amends and alarm == NEVER:
                continue
            found.append(
                ExcursionFact(
                    is_open.id if is_open else 0,
                    is_open.revision + amends if is_open else 1,
                    probe_id,
                    kind,
                    band.limit_c,
                    is_open.start_us if is_open else start,
                    end,
                    alarm,
                    beyond(band, float(stays.extreme[i])),
                    int(stays.samples[i]),
                    probe.temp_c,
                    band.name,
                    band.severity,
                    held.version,
                    amends=amends,
                )
            )
        return sorted(
            found, key=lambda f: f.end_us == NEVER
        )  # the place of an open one is free before another takes it

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
                fact = self._held_back(f, device, step)
                found.append(Excursion(fact.id, fact, device.tenant_id, device.id, device.vehicle_id, probe.name))
        amended = [e for e in found if e.fact.amends]
        ids = iter(facts.put(cursor, EXCURSION, [self._word(e) for e in amended], step))
        rows.written = [e._replace(id=next(ids)) if e.fact.amends else e for e in found]
        for e in rows.written:
            f, key = e.fact, (e.fact.probe_id, e.fact.kind, e.fact.band)
            if f.end_us == NEVER and not f.retracted:
                is_open = (e.id, f.revision, f.start_us, f.alarm_us, f.suppressed, f.suppressed_until_us)
                tables.open[key] = OpenExcursion(*is_open)
            elif (still := tables.open.get(key)) and still.id == e.id:
                del tables.open[key]

    def _held_back(self, fact: ExcursionFact, device: Device, step: Step) -> ExcursionFact:
        """An excursion with what holds its alarm back, where its profile lets something do so."""
        registry = self.engine.registry
        suppress = registry.history_of(device.id).at(fact.start_us).profile.suppress
        asks = suppress.door_open or suppress.defrost_s is not None or suppress.precondition_s
        if not asks or fact.alarm_us == NEVER or fact.retracted:
            return fact
        since, until = from_us(min(fact.start_us, fact.alarm_us) - DAY_US), from_us(max(step.now_us, fact.alarm_us))
        where = {"devices": registry.in_home.get(device.home, [device.id]), "since": since, "until": until}
        said = [
            Said(to_us(at), what, of, bool(on)) for at, what, of, on in self.engine.store.asked("suppressing", where)
        ]
        loaded_us = [s.since_us for s in registry.aboard.get(device.vehicle_id, ())]
        newest_us = max([self.tables.probes[fact.probe_id].t_us, *(s.at_us for s in said)])
        among = spells(said, suppress, loaded_us, newest_us)
        found = held(suppress, fact.start_us, fact.alarm_us, fact.end_us, among)
        reason, until_us = found or ("", NEVER)
        if until_us != NEVER and until_us > newest_us:
            until_us = NEVER  # it lasts
        is_open = self.tables.open.get((fact.probe_id, fact.kind, fact.band))
        known = (is_open.suppressed, is_open.suppressed_until_us) if is_open and is_open.id == fact.id else ("", NEVER)
        anew = not fact.amends and (reason, until_us) != known
        fact = fact._replace(suppressed=reason, suppressed_until_us=until_us)
        return fact._replace(amends=True, revision=fact.revision + 1) if anew else fact

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
            f.band,
            f.severity,
            f.profile_version,
            f.suppressed or None,
            f.suppressed_until_us,
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
        what = fact.kind if fact.band == fact.kind else f"{fact.kind} ({fact.band})"
        return f"excursion {what} of {self.engine.registry.devices[probe.device_id].name} {probe.name}"
