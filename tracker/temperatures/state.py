"""What is known of probes: what the fold carries of them, their newest readings, their open excursions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from domain.cold_chain import bands
from domain.cold_chain.bands import Counts, State, series_of, span_of
from domain.cold_chain.counts import Spans
from domain.cold_chain.sensors import Samples
from domain.folds.scan import NEVER, Carry
from domain.folds.table import among, take
from domain.readings import I64, WRONG_TIME, Flag, TemperatureBatch
from domain.times import to_us
from store.tracking import TrackingStore
from tracker.engine import carries
from tracker.engine.checkpoints import CheckpointsDue
from tracker.engine.registry import Registry
from tracker.engine.step import Step, known
from tracker.rules import temperature
from tracker.temperatures.probe_views import Probe, ProbeViews
from tracker.temperatures.profiles import Profiles, label_states
from tracker.temperatures.rows import LANE, TemperatureRows

NOT_SEEN = int(np.iinfo(np.int64).min // 2)
NOT_USED = int(WRONG_TIME | Flag.SENTINEL | Flag.UNDECIDED)
PACKER = carries.Packer(
    bands.VERSION,
    (Samples.empty(), Carry.empty(), Counts.empty(), Spans.empty()),
    (lambda e: e, series_of, series_of, series_of),
)


class Folded(NamedTuple):
    """What the fold carries of probes: their last samples, and the state of their bands."""

    samples: Samples
    bands: State

    @classmethod
    def empty(cls) -> Folded:
        """Of none."""
        return cls(Samples.empty(), State.empty())

    def pack(self, probes: I64) -> list[bytes]:
        """As bytes, of each of these probes (sorted, unique)."""
        stays, counts, spans = self.bands
        some = counts.take((counts.unknown_us != 0) | (counts.used_us != 0))  # of most there is nothing to tell
        return PACKER.pack(probes, (self.samples, stays, some, spans))

    @classmethod
    def unpack(cls, packed: Iterable[bytes]) -> Folded:
        """From bytes."""
        samples, stays, counts, spans = PACKER.unpack(packed)
        return cls(samples, State(stays, counts.of(stays.entity), spans))


class OpenExcursion(NamedTuple):
    """An excursion without an end that stands in the store."""

    id: int
    revision: int
    start_us: int
    alarm_us: int
    suppressed: str = ""
    suppressed_until_us: int = NEVER


class ProbeTables:
    """What is known of the probes of the partitions we own."""

    def __init__(self) -> None:
        self._samples = carries.Table(Samples.empty())
        self._stays = carries.Table(Carry.empty())
        self._counts = carries.Table(Counts.empty())
        self._spans = Spans.empty()
        self._profiles: Profiles | None = None
        self.checkpoints = CheckpointsDue(LANE)
        self.unreadable: list[int] = []
        self.last: dict[int, int] = {}
        self.probes: dict[int, Probe] = {}
        self.of_device: dict[int, list[int]] = {}
        self.open: dict[tuple[int, str, str], OpenExcursion] = {}
        self._views = ProbeViews(self.probes, self.of_device)

    def load(self, store: TrackingStore) -> None:
        """Reads state and open excursions; probes whose carry another version wrote are `unreadable`."""
        states = store.rows("series_states")
        names = store.labels([r[0] for r in states])
        for probe_id, device_id, time, temp_c, humidity, _ in states:
            self._know(probe_id, Probe(device_id, names.get(probe_id, "?"), to_us(time), temp_c, humidity))
        self.unreadable = [r[0] for r in states if not PACKER.knows(r[5])]
        self.keep(Folded.unpack(r[5] for r in states if PACKER.knows(r[5])))
        self.checkpoints.load(store)
        for eid, revision, probe, kind, start, alarm, band, suppressed, until in store.rows("open_excursions"):
            alarm_us, until_us = (to_us(at) if at else NEVER for at in (alarm, until))
            is_open = OpenExcursion(eid, revision, to_us(start), alarm_us, suppressed or "", until_us)
            self.open[probe, kind, band] = is_open

    def _know(self, probe_id: int, probe: Probe) -> None:
        if probe_id not in self.probes:
            self.of_device.setdefault(probe.device_id, []).append(probe_id)
        self.probes[probe_id] = probe
        self.last[probe_id] = probe.t_us

    def profiles(self, registry: Registry) -> Profiles:
        """The profiles of a registry, compiled once for each."""
        if self._profiles is None or self._profiles.registry is not registry:
            self._profiles = Profiles(registry)
        return self._profiles

    def carried(self, probes: I64) -> Folded:
        """What the fold carries of these probes (sorted, unique)."""
        spans = take(self._spans, among(series_of(self._spans.entity), probes))
        low, high = span_of(probes)
        state = State(self._stays.between(low, high), self._counts.between(low, high), spans)
        return Folded(self._samples.of(probes), state)

    def keep(self, folded: Folded) -> None:
        """Puts what the fold carries in the place of what it carried."""
        self._samples.put(folded.samples)
        stays, counts, spans = folded.bands
        self._stays.put(stays)
        self._counts.put(counts)
        if len(self._spans) or len(spans):
            self._spans = carries.joined(take(self._spans, ~among(self._spans.entity, stays.entity)), spans)

    def see(self, store: TrackingStore, touched: list[int], newest: TemperatureBatch) -> None:
        """The newest readings of probes."""
        unknown = [p for p in touched if p not in self.probes]
        names = store.labels(unknown) if unknown else {}
        columns = (newest.device_id, newest.time_us, newest.temp_c, newest.humidity_pct.astype(np.float64))
        for p, device_id, t_us, temp_c, humidity in zip(touched, *(c.tolist() for c in columns), strict=True):
            name = self.probes[p].name if p in self.probes else names.get(p, "?")
            self._know(p, Probe(device_id, name, t_us, temp_c, known(humidity)))

    def describe(self, registry: Registry, touched: I64, newest: TemperatureBatch, held: I64, step: Step) -> None:
        """The row of every touched probe, and the change of the vehicle or site it is in.

        `held` are the places of the profiles that the newest readings are held to.
        """
        packed = self.carried(touched).pack(touched)
        profiles = self.profiles(registry)
        states = label_states(newest.temp_c, profiles.low_c[held], profiles.high_c[held])
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

    def describe_again(self, registry: Registry, probe_id: int, received_us: int, step: Step) -> None:
        """The row of a probe that was folded again."""
        probe = self.probes[probe_id]
        device = registry.devices.get(probe.device_id)
        if device is None:
            return
        state = temperature.state_of(probe.temp_c, *self.profiles(registry).limits(device.id, probe.t_us))
        row = (probe_id, device.tenant_id, device.id, probe.t_us, received_us, probe.temp_c, probe.humidity_pct, state)
        one = np.array([probe_id])
        step.part(TemperatureRows).states.append([[value] for value in (*row, *self.carried(one).pack(one))])
