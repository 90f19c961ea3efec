"""The fold of temperatures: excursions per probe, the state people see, and the facts and alerts that follow."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from domain.readings import I64, WRONG_TIME, Flag, TemperatureBatch
from domain.times import to_us
from store.tracking import TrackingStore
from tracker.engine import carries
from tracker.engine.checkpoints import Rests
from tracker.engine.late import mark_late, undecided
from tracker.engine.registry import Profile, Registry
from tracker.engine.step import ExcursionFact, Outcome, known
from tracker.rules import temperature
from tracker.rules.scan import NEVER, Carry, Runs
from tracker.temperatures.probe_views import Cards, Probe

NOT_SEEN = int(np.iinfo(np.int64).min // 2)
NOT_USED = int(WRONG_TIME | Flag.SENTINEL | Flag.UNDECIDED)
PACKER = carries.Packer(temperature.VERSION, (Carry.empty(),), (lambda e: e // 2,))


class OpenExcursion(NamedTuple):
    """An excursion without an end that stands in the store."""

    id: int
    revision: int
    start_us: int
    alarm_us: int


def limits_of(registry: Registry, device: I64) -> temperature.Limits:
    """Limits per row, from each row's device."""
    devices, inverse = np.unique(device, return_inverse=True)
    profiles = [registry.profile_of(int(d)) for d in devices]

    def column(name: str, kind: type) -> np.ndarray[Any, Any]:
        return np.array([getattr(p, name) for p in profiles], dtype=kind)[inverse]

    return temperature.Limits(
        column("low_c", np.float64),
        column("high_c", np.float64),
        column("hysteresis_c", np.float64),
        column("for_us", np.int64),
        column("max_interval_us", np.int64),
    )


class Series:
    """Probes of the partitions we own."""

    def __init__(self) -> None:
        self._carry = carries.Table(Carry.empty())
        self.rests = Rests("series")
        self.unreadable: list[int] = []
        self.last: dict[int, int] = {}
        self.probes: dict[int, Probe] = {}
        self.of_device: dict[int, list[int]] = {}
        self.open: dict[tuple[int, str], OpenExcursion] = {}
        self._cards = Cards(self.probes, self.of_device)

    def load(self, store: TrackingStore) -> None:
        """Reads state and open excursions; probes whose carry another version wrote are `unreadable`."""
        states = store.rows("series_states")
        names = store.labels([r[0] for r in states])
        for probe_id, device_id, time, temp_c, humidity, _ in states:
            self._know(probe_id, Probe(device_id, names.get(probe_id, "?"), to_us(time), temp_c, humidity))
        self.unreadable = [r[0] for r in states if not PACKER.knows(r[5])]
        self.keep(PACKER.unpack(r[5] for r in states if PACKER.knows(r[5]))[0])
        self.rests.load(store)
        for eid, revision, probe, kind, start, alarm in store.rows("open_excursions"):
            self.open[probe, kind] = OpenExcursion(eid, revision, to_us(start), to_us(alarm) if alarm else NEVER)

    def _know(self, probe_id: int, probe: Probe) -> None:
        if probe_id not in self.probes:
            self.of_device.setdefault(probe.device_id, []).append(probe_id)
        self.probes[probe_id] = probe
        self.last[probe_id] = probe.t_us

    def carried(self, probes: I64) -> Carry:
        """What the fold carries of these probes (sorted, unique)."""
        return self._carry.between(probes * 2, probes * 2 + 2)

    def keep(self, carry: Carry) -> None:
        """Puts what the fold carries in the place of what it carried."""
        self._carry.put(carry)

    def step(self, registry: Registry, store: TrackingStore, batch: TemperatureBatch, out: Outcome) -> TemperatureBatch:
        """Folds a batch of admitted temperatures; returns it with those flagged that come too late."""
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        order = used[np.lexsort((batch.received_us[used], batch.seq[used], batch.time_us[used], batch.probe_id[used]))]
        probe = batch.probe_id[order].astype(np.int64)
        if not len(probe):
            return batch
        touched, first = np.unique(probe, return_index=True)
        newest = np.array([self.last.get(p, NOT_SEEN) for p in touched.tolist()])
        late = batch.time_us[order] <= np.repeat(newest, np.diff(np.append(first, len(probe))))
        device = batch.device_id[order].astype(np.int64)
        if late.any():
            newest = np.repeat(newest, np.diff(np.append(first, len(probe))))[late]
            too_late = mark_late(registry, "series", probe[late], batch.time_us[order][late], device[late], newest, out)
            batch = undecided(batch, order[late][too_late])
            order, probe, device = order[~late], probe[~late], device[~late]
        if not len(probe):
            return batch
        limits, touched = limits_of(registry, device), np.unique(probe)
        fresh, runs = temperature.step(self.carried(touched), probe, batch.time_us[order], batch.temp_c[order], limits)
        self.keep(fresh)
        last = np.searchsorted(probe, touched, "right") - 1
        newest_of = batch.take(order[last])
        self._see(store, touched.tolist(), newest_of)
        out.excursions += self.facts(registry, runs)
        self._describe(registry, touched, newest_of, limits.take(last), fresh, out)
        return batch

    def _see(self, store: TrackingStore, touched: list[int], newest: TemperatureBatch) -> None:
        """The newest readings of probes."""
        unknown = [p for p in touched if p not in self.probes]
        names = store.labels(unknown) if unknown else {}
        columns = (newest.device_id, newest.time_us, newest.temp_c, newest.humidity_pct.astype(np.float64))
        for p, device_id, t_us, temp_c, humidity in zip(touched, *(c.tolist() for c in columns), strict=True):
            name = self.probes[p].name if p in self.probes else names.get(p, "?")
            self._know(p, Probe(device_id, name, t_us, temp_c, known(humidity)))

    def facts(self, registry: Registry, runs: Runs) -> list[ExcursionFact]:
        """Excursions that have begun, alarmed, grown worse or ended."""
        found: list[ExcursionFact] = []
        for i in range(len(runs)):
            probe_id, kind = divmod(int(runs.entity[i]), 2)
            name = temperature.KINDS[kind]
            probe = self.probes[probe_id]
            is_open = None if runs.began_here[i] else self.open.get((probe_id, name))
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

    def _describe(
        self,
        registry: Registry,
        touched: I64,
        newest: TemperatureBatch,
        limits: temperature.Limits,
        fresh: Carry,
        out: Outcome,
    ) -> None:
        """The row of every touched probe, and the change of the vehicle or site it is in."""
        packed = PACKER.pack(touched, (fresh,))
        states = temperature.states(newest.temp_c, limits)
        tenant = registry.tenant_of[newest.device_id.clip(0, len(registry.tenant_of) - 1)]
        here = np.flatnonzero(tenant)
        columns = (
            touched,
            tenant,
            newest.device_id,
            newest.time_us,
            newest.received_us,
            newest.temp_c,
            newest.humidity_pct,
        )
        texts = [[column[i] for i in here.tolist()] for column in (states, packed)]
        out.series_columns.append((*(c[here] for c in columns), *texts))
        self.rests.due(touched, newest.time_us, packed, out)
        self._cards.tell(registry, touched, newest.time_us, newest.temp_c, states, out)

    def describe_carry(self, registry: Registry, probe_id: int, carry: Carry, received_us: int, out: Outcome) -> None:
        """The row of a probe that was folded again."""
        probe = self.probes[probe_id]
        device = registry.devices.get(probe.device_id)
        if device is None:
            return
        profile = registry.profile_of(probe.device_id)
        state = temperature.state_of(probe.temp_c, profile.low_c, profile.high_c)
        row = (probe_id, device.tenant_id, device.id, probe.t_us, received_us, probe.temp_c, probe.humidity_pct, state)
        out.series_columns.append([[value] for value in (*row, *PACKER.pack(np.array([probe_id]), (carry,)))])


def absolute(profile: Profile, kind: int, beyond_c: float) -> tuple[float, float]:
    """The limit, and the temperature that is so many degrees beyond it."""
    if kind == temperature.ABOVE:
        return profile.high_c, profile.high_c + beyond_c
    return profile.low_c, profile.low_c - beyond_c
