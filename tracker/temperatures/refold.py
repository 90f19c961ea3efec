"""The late lane of probes: a probe whose past got a reading is folded again, and its excursions revised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from domain.cold_chain.bands import Stays
from domain.folds.scan import NEVER, last_words
from domain.readings import Flag
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.checkpoints import PORTION, Refold, begin_from
from tracker.engine.registry import Registry
from tracker.engine.revisions import Reported, match
from tracker.engine.step import Step
from tracker.temperatures.facts import EXCURSION, ExcursionFact
from tracker.temperatures.fold import fold
from tracker.temperatures.profiles import beyond, side
from tracker.temperatures.rows import LANE, TemperatureRows
from tracker.temperatures.state import NOT_USED, PACKER, Folded, ProbeTables


class ProbeRefold(Refold):
    """A probe on its way to the present."""

    def __init__(
        self,
        probes: ProbeTables,
        registry: Registry,
        store: TrackingStore,
        probe_id: int,
        since: datetime,
        horizon: datetime,
    ) -> None:
        start = begin_from(store, LANE, probe_id, since, PACKER.knows)
        super().__init__(LANE, probe_id, since, start[0] if start else to_us(horizon))
        self._probes, self._registry, self._store = probes, registry, store
        self._probe = probes.probes[probe_id]
        self._folded = Folded.unpack([start[1]]) if start else Folded.empty()
        stays = self._folded.bands.stays
        opened = stays.take(stays.inside)
        told = (self._group(e, t) for e, t in zip(opened.entity.tolist(), opened.start_us.tolist(), strict=True))
        self._open_then: set[tuple[int | str, int]] = set(zip(told, opened.start_us.tolist(), strict=True))
        self._stays: list[Stays] = []
        self._received_us = 0

    def advance(self) -> bool:
        """Folds the next portion; False when the present is reached."""
        device_id = self._probe.device_id
        asked = {"device": device_id, "since": from_us(self.reached_us), "probe": self.entity}
        found, more = self._store.history("temp", asked, PORTION)
        if not len(found["time"]):
            return False
        self.reached_us = int(found["time"][-1])
        self._received_us = max(self._received_us, int(found["received_at"].max()))
        keep = found["flags"] & NOT_USED == 0
        t_us, temp_c = found["time"][keep], found["temp_c"][keep]
        if len(t_us):
            device = np.full(len(t_us), device_id, np.int64)
            series = np.full(len(t_us), self.entity, np.int64)
            profiles = self._probes.profiles(self._registry)
            still = found["flags"][keep] & int(Flag.STUCK) != 0
            self._folded, stays, _ = fold(self._folded, profiles, device, series, t_us, temp_c, still)
            self._stays.append(stays)
            self.keep(int(t_us[-1]), self._folded.pack(np.array([self.entity]))[0])
        return more

    def goes_on(self, registry: Registry) -> bool:
        """Whether its limits are the same."""
        device_id, before = self._probe.device_id, self._registry
        self._registry = registry
        return registry.history_of(device_id) == before.history_of(device_id)

    def _group(self, entity: int, start_us: int) -> str:
        """What is compared with what was told: the side and the name of a band."""
        band = self._probes.profiles(self._registry).held(self._probe.device_id, entity, start_us).band
        return f"{side(band)} {band.name}"

    def revised(self) -> list[ExcursionFact]:
        """What is to be said of the probe's excursions that was not said before."""
        stays, now = last_words(self._stays), list[tuple[int | str, int, int]]()
        for e, a, b in zip(stays.entity.tolist(), stays.start_us.tolist(), stays.end_us.tolist(), strict=True):
            now.append((self._group(e, a), a, b))
        before = [_reported(r) for r in self._store.rows("excursions_since", self.entity, from_us(self.begun_us))]
        before = [t for t in before if t.end_us > self.begun_us or (t.group, t.start_us) in self._open_then]
        facts: list[ExcursionFact] = []
        for pair in match(now, before):
            reported = pair.before
            if pair.now is not None:
                fact = self._excursion(pair.now, stays, reported)
                if reported is None or _content(reported) != _content(fact):
                    facts.append(fact)
            elif reported is not None:
                facts.append(self._gone(reported))
        return facts

    def _excursion(self, index: int, stays: Stays, reported: Reported | None) -> ExcursionFact:
        """One stay as a fact: a new one, or the next revision of what was told before."""
        profiles, probe = self._probes.profiles(self._registry), self._probe
        start_us = int(stays.start_us[index])
        held = profiles.held(probe.device_id, int(stays.entity[index]), start_us)
        return ExcursionFact(
            reported.id if reported else 0,
            reported.revision + 1 if reported else 1,
            self.entity,
            side(held.band),
            held.band.limit_c,
            start_us,
            int(stays.end_us[index]),
            int(stays.alarm_us[index]),
            beyond(held.band, float(stays.extreme[index])),
            int(stays.samples[index]),
            probe.temp_c,
            held.band.name,
            held.band.severity,
            held.version,
            str(reported.rest[8]) if reported else "",
            int(reported.rest[9]) if reported else NEVER,
        )

    def _gone(self, reported: Reported) -> ExcursionFact:
        """What was told is no longer so."""
        alarm, extreme, samples, limit, kind, band, severity, version, held, until = reported.rest
        extreme, samples = (limit, 0) if extreme is None else (extreme, samples)
        span, rest = (reported.start_us, reported.end_us), (alarm, extreme, samples, self._probe.temp_c)
        gone = (reported.id, reported.revision + 1, self.entity, kind, limit)
        return ExcursionFact(*gone, *span, *rest, band, severity, version, held, until, retracted=True)

    def finish(self, step: Step) -> None:
        """Arrived: the probe's facts, its carry and its checkpoints are what was found on the way."""
        probes = self._probes
        self._probe = probes.probes[self.entity]
        step.part(TemperatureRows).devices.append(self._probe.device_id)
        if not self._stays:
            return
        step.facts(EXCURSION).extend(self.revised())
        probes.keep(self._folded)
        probes.describe_again(self._registry, self.entity, self._received_us, step)
        self.arrived(probes.checkpoints, step)


def _reported(row: Sequence[Any]) -> Reported:
    start, end, alarm = (to_us(v) if v else NEVER for v in row[3:6])
    held = (row[12] or "", to_us(row[13]) if row[13] else NEVER)
    return Reported(row[0], row[1], f"{row[2]} {row[9]}", start, end, (alarm, *row[6:9], row[2], *row[9:12], *held))


def _content(fact: Reported | ExcursionFact) -> tuple[float, ...]:
    """What a revision is made for; the extreme and the samples of an open excursion grow, and are told when it ends."""
    rest = fact.rest[:3] if isinstance(fact, Reported) else (fact.alarm_us, fact.extreme_c, fact.samples)
    span = (fact.start_us, fact.end_us)
    return (*span, rest[0]) if fact.end_us == NEVER else (*span, *rest)
