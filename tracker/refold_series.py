"""The late lane of probes: a probe whose past got a reading is folded again, and its excursions revised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.checkpoints import begin_from, portions
from tracker.outcome import ExcursionFact, Outcome
from tracker.registry import Profile, Registry
from tracker.revisions import Told, match
from tracker.rules import temperature
from tracker.rules.scan import NEVER, Carry, Runs, last_words
from tracker.series import NOT_USED, PACKER, Probe, Series, absolute, limits_of


@dataclass
class Again:
    """A probe folded again: from when, what was open then, the runs, the carries to keep, the newest receipt."""

    begun_us: int
    open_then: set[tuple[int | str, int]]
    carry: Carry
    runs: Runs
    kept: list[tuple[int, bytes]]
    received_us: int


def again(
    registry: Registry, store: TrackingStore, probe_id: int, device_id: int, since: datetime, horizon: datetime
) -> Again | None:
    """Folds a probe's temperatures since the checkpoint before a time; None when there are none."""
    start = begin_from(store, "series", probe_id, since, horizon, PACKER.knows)
    begun_us = start[0] if start else to_us(horizon)
    carry: Carry = PACKER.unpack([start[1]])[0] if start else Carry.empty()
    opened = carry.take(carry.inside)
    kinds = [temperature.KINDS[e % 2] for e in opened.entity.tolist()]
    open_then: set[tuple[int | str, int]] = set(zip(kinds, opened.start_us.tolist(), strict=True))
    history = store.history("temp", (device_id, from_us(begun_us), probe_id))
    keep = history["flags"] & NOT_USED == 0
    t_us, temp_c = history["time"][keep], history["temp_c"][keep]
    if not len(t_us):
        return None
    runs: list[Runs] = []
    kept: list[tuple[int, bytes]] = []
    for part in portions(t_us):
        t, c = t_us[part], temp_c[part]
        limits = limits_of(registry, np.full(len(t), device_id, np.int64))
        carry, some = temperature.step(carry, np.full(len(t), probe_id, np.int64), t, c, limits)
        runs.append(some)
        kept.append((int(t[-1]), PACKER.pack(np.array([probe_id]), (carry,))[0]))
    return Again(begun_us, open_then, carry, last_words(runs), kept, int(history["received_at"].max()))


def revised(registry: Registry, store: TrackingStore, probe_id: int, probe: Probe, found: Again) -> list[ExcursionFact]:
    """What is to be said of a probe's excursions that was not said before."""
    runs, profile = found.runs, registry.profile_of(probe.device_id)
    now: list[tuple[int | str, int, int]] = [
        (temperature.KINDS[e % 2], a, b)
        for e, a, b in zip(runs.entity.tolist(), runs.start_us.tolist(), runs.end_us.tolist(), strict=True)
    ]
    before = [_told(r) for r in store.rows("excursions_since", probe_id, from_us(found.begun_us))]
    before = [t for t in before if t.end_us > found.begun_us or (t.group, t.start_us) in found.open_then]
    facts: list[ExcursionFact] = []
    for pair in match(now, before):
        told = pair.before
        if pair.now is not None:
            fact = _excursion(pair.now, now, runs, told, profile, probe_id, probe.temp_c)
            if told is None or told.rest[:3] != _rest(fact) or _span(told) != _span(fact):
                facts.append(fact)
        elif told is not None:
            alarm, extreme, samples, limit = told.rest
            span, rest = (told.start_us, told.end_us), (alarm, extreme, samples, probe.temp_c)
            gone = (told.id, told.revision + 1, probe_id, str(told.group), limit)
            facts.append(ExcursionFact(*gone, *span, *rest, retracted=True))
    return facts


def _told(row: Sequence[Any]) -> Told:
    start, end, alarm = (to_us(v) if v else NEVER for v in row[3:6])
    return Told(row[0], row[1], str(row[2]), start, end, (alarm, *row[6:9]))


def refold_series(
    registry: Registry,
    store: TrackingStore,
    series: Series,
    probe_id: int,
    since: datetime,
    horizon: datetime,
    out: Outcome,
) -> None:
    """A probe's excursions and carry from its temperatures since the checkpoint before a late one."""
    probe = series.probes[probe_id]
    found = again(registry, store, probe_id, probe.device_id, since, horizon)
    if found is None:
        return
    out.excursions += revised(registry, store, probe_id, probe, found)
    series.keep(found.carry)
    series.describe_carry(registry, probe_id, found.carry, found.received_us, out)
    out.forgotten.append(("series", probe_id, since))
    series.rests.again(probe_id, found.kept[:-1], found.begun_us, out)


def _excursion(
    index: int,
    now: Sequence[tuple[int | str, int, int]],
    runs: Runs,
    told: Told | None,
    profile: Profile,
    probe_id: int,
    last_c: float,
) -> ExcursionFact:
    """One run as a fact: a new one, or the next revision of what was told before."""
    kind, start, end = now[index]
    limit, extreme = absolute(profile, int(runs.entity[index]) % 2, float(runs.extreme[index]))
    return ExcursionFact(
        told.id if told else 0,
        told.revision + 1 if told else 1,
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


def _span(fact: Told | ExcursionFact) -> tuple[int, int]:
    return fact.start_us, fact.end_us


def _rest(fact: ExcursionFact) -> tuple[int, float, int]:
    return fact.alarm_us, fact.extreme_c, fact.samples
