"""What is known of probes: what the fold carries of them, their newest readings, their open excursions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from domain.readings import I64, WRONG_TIME, Flag, TemperatureBatch
from domain.times import to_us
from store.tracking import TrackingStore
from tracker.engine import carries
from tracker.engine.checkpoints import CheckpointsDue
from tracker.engine.registry import Profile, Registry
from tracker.engine.step import Step, known
from tracker.rules import temperature
from tracker.rules.scan import NEVER, Carry
from tracker.temperatures.probe_views import Probe, ProbeViews
from tracker.temperatures.rows import LANE, TemperatureRows

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


class ProbeTables:
    """What is known of the probes of the partitions we own."""

    def __init__(self) -> None:
        self._carry = carries.Table(Carry.empty())
        self.checkpoints = CheckpointsDue(LANE)
        self.unreadable: list[int] = []
        self.last: dict[int, int] = {}
        self.probes: dict[int, Probe] = {}
        self.of_device: dict[int, list[int]] = {}
        self.open: dict[tuple[int, str], OpenExcursion] = {}
        self._views = ProbeViews(self.probes, self.of_device)

    def load(self, store: TrackingStore) -> None:
        """Reads state and open excursions; probes whose carry another version wrote are `unreadable`."""
        states = store.rows("series_states")
        names = store.labels([r[0] for r in states])
        for probe_id, device_id, time, temp_c, humidity, _ in states:
            self._know(probe_id, Probe(device_id, names.get(probe_id, "?"), to_us(time), temp_c, humidity))
        self.unreadable = [r[0] for r in states if not PACKER.knows(r[5])]
        self.keep(PACKER.unpack(r[5] for r in states if PACKER.knows(r[5]))[0])
        self.checkpoints.load(store)
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

    def see(self, store: TrackingStore, touched: list[int], newest: TemperatureBatch) -> None:
        """The newest readings of probes."""
        unknown = [p for p in touched if p not in self.probes]
        names = store.labels(unknown) if unknown else {}
        columns = (newest.device_id, newest.time_us, newest.temp_c, newest.humidity_pct.astype(np.float64))
        for p, device_id, t_us, temp_c, humidity in zip(touched, *(c.tolist() for c in columns), strict=True):
            name = self.probes[p].name if p in self.probes else names.get(p, "?")
            self._know(p, Probe(device_id, name, t_us, temp_c, known(humidity)))

    def describe(
        self,
        registry: Registry,
        touched: I64,
        newest: TemperatureBatch,
        limits: temperature.Limits,
        fresh: Carry,
        step: Step,
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
        step.part(TemperatureRows).states.append((*(c[here] for c in columns), *texts))
        self.checkpoints.keep(touched, newest.time_us, packed, step)
        self._views.tell(registry, touched, newest.time_us, newest.temp_c, states, step)

    def describe_carry(self, registry: Registry, probe_id: int, carry: Carry, received_us: int, step: Step) -> None:
        """The row of a probe that was folded again."""
        probe = self.probes[probe_id]
        device = registry.devices.get(probe.device_id)
        if device is None:
            return
        profile = registry.profile_of(probe.device_id)
        state = temperature.state_of(probe.temp_c, profile.low_c, profile.high_c)
        row = (probe_id, device.tenant_id, device.id, probe.t_us, received_us, probe.temp_c, probe.humidity_pct, state)
        step.part(TemperatureRows).states.append(
            [[value] for value in (*row, *PACKER.pack(np.array([probe_id]), (carry,)))]
        )


def absolute(profile: Profile, kind: int, beyond_c: float) -> tuple[float, float]:
    """The limit, and the temperature that is so many degrees beyond it."""
    if kind == temperature.ABOVE:
        return profile.high_c, profile.high_c + beyond_c
    return profile.low_c, profile.low_c - beyond_c
