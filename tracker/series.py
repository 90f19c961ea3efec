"""The fold of temperatures: excursions per probe, the state people see, and the facts and alerts that follow."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from domain.readings import I64, WRONG_TIME, Flag, TemperatureBatch
from domain.times import rfc3339, to_us
from store.tracking import TrackingStore
from tracker import carries
from tracker.checkpoints import Rests
from tracker.late import mark_late
from tracker.outcome import ExcursionFact, Outcome, known
from tracker.registry import Profile, Registry
from tracker.rules import temperature
from tracker.rules.scan import NEVER, Carry, Runs

NOT_SEEN = int(np.iinfo(np.int64).min // 2)
NOT_USED = int(WRONG_TIME | Flag.SENTINEL)
PACKER = carries.Packer(temperature.VERSION, (Carry.empty(),), (lambda e: e // 2,))


class Probe(NamedTuple):
    """A probe as people see it."""

    device_id: int
    name: str
    t_us: int
    temp_c: float
    humidity_pct: float | None


class OpenExcursion(NamedTuple):
    """An excursion without an end that stands in the store."""

    id: int
    revision: int
    start_us: int
    alarm_us: int
    extreme_c: float


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

    def load(self, store: TrackingStore) -> None:
        """Reads state and open excursions; probes whose carry another version wrote are `unreadable`."""
        states = store.rows("series_states")
        names = store.labels([r[0] for r in states])
        for probe_id, device_id, time, temp_c, humidity, _ in states:
            self._know(probe_id, Probe(device_id, names.get(probe_id, "?"), to_us(time), temp_c, humidity))
        self.unreadable = [r[0] for r in states if not PACKER.knows(r[5])]
        self.keep(PACKER.unpack(r[5] for r in states if PACKER.knows(r[5]))[0])
        self.rests.load(store)
        for eid, revision, probe, kind, start, alarm, extreme in store.rows("open_excursions"):
            self.open[probe, kind] = OpenExcursion(
                eid, revision, to_us(start), to_us(alarm) if alarm else NEVER, extreme
            )

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

    def step(self, registry: Registry, store: TrackingStore, batch: TemperatureBatch, out: Outcome) -> None:
        """Folds a batch of admitted temperatures."""
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        order = used[np.lexsort((batch.seq[used], batch.time_us[used], batch.probe_id[used]))]
        probe = batch.probe_id[order].astype(np.int64)
        if not len(probe):
            return
        touched, first = np.unique(probe, return_index=True)
        newest = np.array([self.last.get(p, NOT_SEEN) for p in touched.tolist()])
        late = batch.time_us[order] <= np.repeat(newest, np.diff(np.append(first, len(probe))))
        device = batch.device_id[order].astype(np.int64)
        if late.any():
            newest = np.repeat(newest, np.diff(np.append(first, len(probe))))[late]
            mark_late(registry, "series", probe[late], batch.time_us[order][late], device[late], newest, out)
            order, probe, device = order[~late], probe[~late], device[~late]
        if not len(probe):
            return
        limits, touched = limits_of(registry, device), np.unique(probe)
        fresh, runs = temperature.step(self.carried(touched), probe, batch.time_us[order], batch.temp_c[order], limits)
        self.keep(fresh)
        last = np.searchsorted(probe, touched, "right") - 1
        self._see(store, touched.tolist(), batch.take(order[last]))
        out.excursions += self.facts(registry, runs)
        self._describe(registry, touched, batch.received_us[order[last]], fresh, out)

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

    def _describe(self, registry: Registry, touched: I64, received_us: I64, fresh: Carry, out: Outcome) -> None:
        """The row of every touched probe, and the change of the vehicle or site it is in."""
        packed, probes = PACKER.pack(touched, (fresh,)), touched.tolist()
        for p, heard_us, carry in zip(probes, received_us.tolist(), packed, strict=True):
            self._row(registry, p, carry, heard_us, out)
        self.rests.due(touched, np.array([self.last[p] for p in probes]), packed, out)
        devices = (registry.devices.get(self.probes[p].device_id) for p in probes)
        for home, device in {device.home: device for device in devices if device}.items():
            self._announce(registry, home, device.tenant_id, out)

    def _row(self, registry: Registry, probe_id: int, carry: bytes, received_us: int, out: Outcome) -> None:
        probe = self.probes[probe_id]
        device = registry.devices.get(probe.device_id)
        if device is None:
            return
        profile = registry.profile_of(probe.device_id)
        state = temperature.state_of(probe.temp_c, profile.low_c, profile.high_c)
        out.series_rows.append(
            (
                probe_id,
                device.tenant_id,
                probe.device_id,
                probe.t_us,
                received_us,
                probe.temp_c,
                probe.humidity_pct,
                state,
                carry,
            )
        )

    def describe_carry(self, registry: Registry, probe_id: int, carry: Carry, received_us: int, out: Outcome) -> None:
        """The row of a probe that was folded again."""
        self._row(registry, probe_id, PACKER.pack(np.array([probe_id]), (carry,))[0], received_us, out)

    def announce(self, registry: Registry, device_id: int, out: Outcome) -> None:
        """Tells the temperatures of the vehicle or site that a device is in."""
        if device := registry.devices.get(device_id):
            self._announce(registry, device.home, device.tenant_id, out)

    def _announce(self, registry: Registry, home: tuple[str, int], tenant_id: int, out: Outcome) -> None:
        kind, home_id = home
        place = {"vehicle": registry.vehicles, "site": registry.sites}.get(kind, {}).get(home_id)
        if place is not None:
            out.change(tenant_id, f"{kind}s", place.name, "merge", {"temps": self.temps(registry, home)})

    def temps(self, registry: Registry, home: tuple[str, int]) -> list[dict[str, Any]]:
        """All probes of a vehicle or site as people see them."""
        found = []
        for device_id in registry.in_home.get(home, ()):
            device, profile = registry.devices[device_id], registry.profile_of(device_id)
            for p in self.of_device.get(device_id, ()):
                probe = self.probes[p]
                found.append(
                    {
                        "device": device.name,
                        "probe": probe.name,
                        "t": rfc3339(probe.t_us),
                        "temp_c": round(probe.temp_c, 2),
                        "humidity_pct": probe.humidity_pct,
                        "low_c": known(profile.low_c),
                        "high_c": known(profile.high_c),
                        "state": temperature.state_of(probe.temp_c, profile.low_c, profile.high_c),
                    }
                )
        return sorted(found, key=lambda t: (t["device"], t["probe"]))


def absolute(profile: Profile, kind: int, beyond_c: float) -> tuple[float, float]:
    """The limit, and the temperature that is so many degrees beyond it."""
    if kind == temperature.ABOVE:
        return profile.high_c, profile.high_c + beyond_c
    return profile.low_c, profile.low_c - beyond_c
