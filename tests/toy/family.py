"""Hours: from temperatures to how many a device measured in each hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

import numpy as np
import psycopg

from domain.facts import AnyKind, Fact, Word
from domain.folds.scan import NEVER
from domain.readings import WRONG_TIME, Batch, Flag, TemperatureBatch
from domain.times import from_us, to_us
from store.arrays import arrays
from store.tracking import TrackingStore
from tests.toy.facts import HOUR, HourFact
from tests.toy.rule import HOUR_US, VERSION, Carry, step
from tracker.engine import carries, facts
from tracker.engine.checkpoints import CheckpointsDue, Refold, begin_from
from tracker.engine.family import Engine, Family
from tracker.engine.late import mark_late, undecided
from tracker.engine.registry import Registry
from tracker.engine.revisions import Reported, match
from tracker.engine.step import Step

LANE = "device"
NOT_USED = int(WRONG_TIME | Flag.UNDECIDED)
NOT_SEEN = np.iinfo(np.int64).min // 2
PORTION = 100
PACKER = carries.Packer(VERSION, (Carry.empty(),), (lambda e: e,))
PUT = (
    "insert into hour_state select * from unnest(%s::int4[], %s::bytea[]) "
    "on conflict (device_id) do update set carry = excluded.carry"
)
OPEN = (
    "select device_id, id, revision, started_at from device_hour "
    "where superseded_at is null and not retracted and ended_at is null"
)
TOLD = (
    "select id, revision, started_at, ended_at, readings from device_hour where device_id = %s "
    "and (ended_at is null or ended_at > %s) and superseded_at is null and not retracted order by started_at"
)
READINGS = (
    "select time from reading_temperature where device_id = %s and time > %s and flags & %s = 0 "
    "order by time fetch first %s rows with ties"
)


class Hours(Family):
    """Hours of devices that measure temperatures."""

    name: ClassVar[str] = "hours"
    streams: ClassVar[tuple[str, ...]] = ("temp",)
    kinds: ClassVar[tuple[AnyKind, ...]] = (HOUR,)
    lanes: ClassVar[tuple[str, ...]] = (LANE,)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.carry = carries.Table(Carry.empty())
        self.checkpoints = CheckpointsDue(LANE)
        self.open: dict[int, tuple[int, int, int]] = {}
        self._unreadable: list[int] = []

    def load(self) -> None:
        store = self.engine.store
        rows = store.connection.execute("select device_id, carry from hour_state").fetchall()
        self._unreadable = [d for d, carry in rows if not PACKER.knows(carry)]
        self.carry.put(PACKER.unpack(carry for _, carry in rows if PACKER.knows(carry))[0])
        self.checkpoints.load(store)
        for device, fact_id, revision, start in store.connection.execute(OPEN):
            self.open[device] = (fact_id, revision, to_us(start))

    def unreadable(self) -> Iterable[tuple[str, int]]:
        return [(LANE, device) for device in self._unreadable]

    def step(self, batches: dict[str, Batch], step: Step) -> None:
        batch = batches.get("temp")
        if isinstance(batch, TemperatureBatch):
            batches["temp"] = self._fold(batch, step)

    def _fold(self, batch: TemperatureBatch, this: Step) -> TemperatureBatch:
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        order = used[np.lexsort((batch.time_us[used], batch.device_id[used]))]
        device, t_us = batch.device_id[order].astype(np.int64), batch.time_us[order]
        touched = np.unique(device)
        newest = np.full(len(touched), NOT_SEEN)
        carried = self.carry.of(touched)
        newest[np.searchsorted(touched, carried.entity)] = carried.t_us
        newest = newest[np.searchsorted(touched, device)]
        late = (t_us <= newest) | self.engine.late.unreadable(LANE, device)
        if late.any():
            partition = self.engine.registry.devices
            rows = (device[late], t_us[late], device[late], newest[late])
            too_late = mark_late(this, LANE, *rows, lambda d: partition[d].partition)
            batch = undecided(batch, order[late][too_late])
            device, t_us = device[~late], t_us[~late]
        if len(device):
            after, hours = step(self.carry.of(np.unique(device)), device, t_us)
            self.keep(after, this)
            columns = (hours.entity, hours.start_us, hours.end_us, hours.count, hours.began_here)
            for entity, start, end, count, began in zip(*(c.tolist() for c in columns), strict=True):
                reported = None if began else self.open.get(entity)
                if began or end != NEVER:
                    number = (reported[0], reported[1] + 1) if reported else (0, 1)
                    this.facts(HOUR).append(HourFact(*number, entity, start, end, count if end != NEVER else None))
        return batch

    def keep(self, carry: Carry, this: Step) -> None:
        self.carry.put(carry)
        packed = PACKER.pack(carry.entity, (carry,))
        this.part(HourRows).states += zip(carry.entity.tolist(), packed, strict=True)
        self.checkpoints.keep(carry.entity, carry.t_us, packed, this)

    def refold(self, lane: str, entity: int, since: datetime, horizon: datetime) -> DeviceRefold | None:
        return DeviceRefold(self, entity, since, horizon) if entity in self.engine.registry.devices else None

    def newest_us(self, lane: str, entity: int) -> int | None:
        found = self.carry.of(np.array([entity]))
        return int(found.t_us[0]) if len(found.entity) else None

    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        states = dict(step.part(HourRows).states)
        if states:
            cursor.execute(PUT, arrays(PUT, (list(states), list(states.values()))))
        devices = self.engine.registry.devices
        found = [f for f in step.facts(HOUR) if f.device_id in devices]
        words = []
        for f in found:
            device = devices[f.device_id]
            values = (f.device_id, f.start_us, f.end_us, f.readings)
            span = (f.start_us, f.end_us)
            words.append(Word(f.id, f.revision, device.tenant_id, values, (device.name,), *span, f.retracted))
        for f, fact_id in zip(found, facts.put(cursor, HOUR, words, step), strict=True):
            if f.end_us == NEVER and not f.retracted:
                self.open[f.device_id] = (fact_id, f.revision, f.start_us)
            elif self.open.get(f.device_id, (0,))[0] == fact_id:
                del self.open[f.device_id]

    def verifiable(self, tenant_id: int, vehicle_id: int | None) -> Iterator[tuple[str, int]]:
        for device_id in self.carry.rows.entity.tolist():
            device = self.engine.registry.devices.get(device_id)
            if device and device.tenant_id == tenant_id and vehicle_id in (None, device.vehicle_id):
                yield LANE, device_id

    def title(self, kind: AnyKind, fact: Fact) -> str:
        return f"hour of {self.engine.registry.devices[fact.device_id].name}"


class HourRows:
    """Carries to be kept."""

    def __init__(self) -> None:
        self.states: list[tuple[int, bytes]] = []


class DeviceRefold(Refold):
    """A device on its way to the present."""

    def __init__(self, hours: Hours, device: int, since: datetime, horizon: datetime) -> None:
        self._store: TrackingStore = hours.engine.store
        start = begin_from(self._store, LANE, device, since, PACKER.knows)
        super().__init__(LANE, device, since, start[0] if start else to_us(horizon))
        self._hours = hours
        self._carry: Carry = PACKER.unpack([start[1]])[0] if start else Carry.empty()
        self._first_us = int(self._carry.hour_us[0]) if start else self.begun_us
        self._found: dict[int, tuple[int, int]] = {}

    def advance(self) -> bool:
        asked = (self.entity, from_us(self.reached_us), NOT_USED, PORTION)
        t_us = np.array([to_us(t) for (t,) in self._store.connection.execute(READINGS, asked)], dtype=np.int64)
        if len(t_us):
            self.reached_us = int(t_us[-1])
            self._carry, hours = step(self._carry, np.full(len(t_us), self.entity), t_us)
            spans = (hours.start_us.tolist(), hours.end_us.tolist(), hours.count.tolist())
            self._found |= {start: (end, count) for start, end, count in zip(*spans, strict=True)}
            self.keep(self.reached_us, PACKER.pack(np.array([self.entity]), (self._carry,))[0])
        return len(t_us) >= PORTION

    def goes_on(self, registry: Registry) -> bool:
        return self.entity in registry.devices

    def finish(self, this: Step) -> None:
        if not self._found:
            return
        now = [(0, start, end) for start, (end, _) in sorted(self._found.items())]
        rows = self._store.connection.execute(TOLD, (self.entity, from_us(self._first_us)))
        before = [Reported(r[0], r[1], 0, to_us(r[2]), to_us(r[3]) if r[3] else NEVER, (r[4],)) for r in rows]
        before = [t for t in before if t.start_us >= self._first_us // HOUR_US * HOUR_US]
        for pair in match(now, before):
            reported = pair.before
            number = (reported.id, reported.revision + 1) if reported else (0, 1)
            if pair.now is None and reported is not None:
                gone = HourFact(
                    *number, self.entity, reported.start_us, reported.end_us, reported.rest[0], retracted=True
                )
                this.facts(HOUR).append(gone)
            elif pair.now is not None:
                _, start, end = now[pair.now]
                earlier = (start, end, self._found[start][1] if end != NEVER else None)
                if reported is None or (reported.start_us, reported.end_us, reported.rest[0]) != earlier:
                    this.facts(HOUR).append(HourFact(*number, self.entity, *earlier))
        self._hours.keep(self._carry, this)
        self.arrived(self._hours.checkpoints, this)
