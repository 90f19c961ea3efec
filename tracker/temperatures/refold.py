"""The late lane of probes: a probe whose past got a reading is folded again, and its excursions revised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.checkpoints import PORTION, Refold, begin_from
from tracker.engine.registry import Profile, Registry
from tracker.engine.revisions import Reported, match
from tracker.engine.step import Step
from tracker.rules import temperature
from tracker.rules.scan import NEVER, Carry, Runs, last_words
from tracker.temperatures.facts import EXCURSION, ExcursionFact
from tracker.temperatures.rows import LANE, TemperatureRows
from tracker.temperatures.state import NOT_USED, PACKER, ProbeTables, absolute, limits_of


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
        self._carry: Carry = PACKER.unpack([start[1]])[0] if start else Carry.empty()
        opened = self._carry.take(self._carry.inside)
        kinds = [temperature.KINDS[e % 2] for e in opened.entity.tolist()]
        self._open_then: set[tuple[int | str, int]] = set(zip(kinds, opened.start_us.tolist(), strict=True))
        self._runs: list[Runs] = []
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
            limits = limits_of(self._registry, np.full(len(t_us), device_id, np.int64))
            series = np.full(len(t_us), self.entity, np.int64)
            self._carry, runs = temperature.step(self._carry, series, t_us, temp_c, limits)
            self._runs.append(runs)
            self.keep(int(t_us[-1]), PACKER.pack(np.array([self.entity]), (self._carry,))[0])
        return more

    def goes_on(self, registry: Registry) -> bool:
        """Whether its limits are the same."""
        device_id, before = self._probe.device_id, self._registry
        self._registry = registry
        return repr(registry.profile_of(device_id)) == repr(before.profile_of(device_id))  # a limit may be NaN: none

    def revised(self) -> list[ExcursionFact]:
        """What is to be said of the probe's excursions that was not said before."""
        registry, probe = self._registry, self._probe
        runs, profile = last_words(self._runs), registry.profile_of(probe.device_id)
        now: list[tuple[int | str, int, int]] = [
            (temperature.KINDS[e % 2], a, b)
            for e, a, b in zip(runs.entity.tolist(), runs.start_us.tolist(), runs.end_us.tolist(), strict=True)
        ]
        before = [_reported(r) for r in self._store.rows("excursions_since", self.entity, from_us(self.begun_us))]
        before = [t for t in before if t.end_us > self.begun_us or (t.group, t.start_us) in self._open_then]
        facts: list[ExcursionFact] = []
        for pair in match(now, before):
            reported = pair.before
            if pair.now is not None:
                fact = _excursion(pair.now, now, runs, reported, profile, self.entity, probe.temp_c)
                if reported is None or _content(reported) != _content(fact):
                    facts.append(fact)
            elif reported is not None:
                alarm, extreme, samples, limit = reported.rest
                extreme, samples = (limit, 0) if extreme is None else (extreme, samples)
                span, rest = (reported.start_us, reported.end_us), (alarm, extreme, samples, probe.temp_c)
                gone = (reported.id, reported.revision + 1, self.entity, str(reported.group), limit)
                facts.append(ExcursionFact(*gone, *span, *rest, retracted=True))
        return facts

    def finish(self, step: Step) -> None:
        """Arrived: the probe's facts, its carry and its checkpoints are what was found on the way."""
        probes = self._probes
        self._probe = probes.probes[self.entity]
        step.part(TemperatureRows).devices.append(self._probe.device_id)
        if not self._runs:
            return
        step.facts(EXCURSION).extend(self.revised())
        probes.keep(self._carry)
        probes.describe_carry(self._registry, self.entity, self._carry, self._received_us, step)
        self.arrived(probes.checkpoints, step)


def _reported(row: Sequence[Any]) -> Reported:
    start, end, alarm = (to_us(v) if v else NEVER for v in row[3:6])
    return Reported(row[0], row[1], str(row[2]), start, end, (alarm, *row[6:9]))


def _excursion(
    index: int,
    now: Sequence[tuple[int | str, int, int]],
    runs: Runs,
    reported: Reported | None,
    profile: Profile,
    probe_id: int,
    last_c: float,
) -> ExcursionFact:
    """One run as a fact: a new one, or the next revision of what was told before."""
    kind, start, end = now[index]
    limit, extreme = absolute(profile, int(runs.entity[index]) % 2, float(runs.extreme[index]))
    return ExcursionFact(
        reported.id if reported else 0,
        reported.revision + 1 if reported else 1,
        probe_id,
        str(kind),
        limit,
        start,
        end,
        int(runs.lasted_at_us[index]),
        extreme,
        int(runs.samples[index]),
        last_c,
    )


def _content(fact: Reported | ExcursionFact) -> tuple[float, ...]:
    """What a revision is made for; the extreme and the samples of an open excursion grow, and are told when it ends."""
    rest = fact.rest[:3] if isinstance(fact, Reported) else (fact.alarm_us, fact.extreme_c, fact.samples)
    span = (fact.start_us, fact.end_us)
    return (*span, rest[0]) if fact.end_us == NEVER else (*span, *rest)
