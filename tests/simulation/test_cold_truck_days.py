"""Truck-days of the thermal model with everything that fails: every excursion is raised once, none is invented.

In memory, without a broker or a database: what the box truly was is known to the second, what the probes said of it is
noisy, has holes, error codes and glitches, and is delivered in order, shuffled, in bursts and days late. A few days in
every run, a thousand by `make chaos` (`FROSTWAY_CHAOS_SECONDS` above 0).
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import pytest

from domain.cold_chain import bands, sensors
from domain.cold_chain.bands import Rules
from domain.cold_chain.chains import Alarmed, chains
from domain.cold_chain.profile import Band, TemperatureProfile
from domain.folds.scan import NEVER
from domain.readings import F64, I64, Bool
from firmware_sim.faults import rng_for
from firmware_sim.thermal import REEFER, STEP_S, Box
from tracker.temperatures.state import Folded

LONG = float(os.environ.get("FROSTWAY_CHAOS_SECONDS", "0")) > 0
DAYS = 1_000 if LONG else 16
SEED = int(os.environ.get("FROSTWAY_CHAOS_SEED", "7"))
S = 1_000_000
EVERY_S, STEPS = 60, round(86_400 / STEP_S)
WARM_C, HOT_C, WARM_S, HOT_S = 8.0, 12.0, 600.0, 300.0
NOISE_C, MARGIN_C = 0.05, 0.35
RULES = Rules.of(
    [
        TemperatureProfile(
            2.0,
            WARM_C,
            (
                Band("warm", ">", WARM_C, WARM_S, severity="warning"),
                Band("hot", ">=", HOT_C, HOT_S),
                Band("frost", "<", 0.0, 600),
                Band("an hour in a day", ">", WARM_C, 3600, "cumulative", "rolling", window_s=86_400),
                Band("ever", ">=", HOT_C, 1800, "cumulative"),
                Band("never", ">", 45.0, 0),
            ),
            max_interval_s=300,
        )
    ]
)
pytestmark = pytest.mark.timeout(3600)


class Day(NamedTuple):
    """A truck's day: the box every five seconds, and what the probe said, in order of time."""

    true_c: F64
    t_us: I64
    temp_c: F64
    heard: Bool
    """Whether a time of `true_c` lies between two readings that are close enough."""


def day(number: int) -> Day:
    """A day with stops, defrosts, and on most days a cooling that fails for a while; and a probe as probes are."""
    rng = rng_for(SEED, f"day/{number}")
    box = Box(REEFER, float(rng.uniform(3.5, 4.5)), ("rear",))
    fails = [(at, at + rng.uniform(300, 7200)) for at in rng.uniform(0, 80_000, int(rng.integers(0, 3)))]
    stops = [(at, at + rng.uniform(120, 900)) for at in rng.uniform(0, 86_400, 8)]
    defrost_from, outside = rng.uniform(900, REEFER.defrost_every_s), rng.uniform(5, 32)
    true_c = np.empty(STEPS)
    for step in range(STEPS):
        at = step * STEP_S
        box.step(
            STEP_S,
            outside,
            door_open=any(a <= at < b for a, b in stops),
            healthy=not any(a <= at < b for a, b in fails),
            defrost=at >= defrost_from and (at - defrost_from) % REEFER.defrost_every_s < REEFER.defrost_s,
        )
        true_c[step] = box.probes_c["rear"]
    at = np.arange(0, STEPS, round(EVERY_S / STEP_S))
    temp_c = np.round(true_c[at] + rng.normal(0, NOISE_C, len(at)), 2)
    kept = rng.random(len(at)) > 0.02
    for begin in rng.integers(0, len(at), int(rng.integers(0, 3))):
        kept[begin : begin + int(rng.integers(10, 60))] = False  # out of reach, and nothing kept
    odd = kept & (rng.random(len(at)) < 0.004)
    odd[1:] &= ~odd[:-1] & kept[:-1]
    odd[2:] &= ~odd[:-2]
    odd[0] = False  # the first sample of all is believed, and the second of two that are alike
    temp_c[odd] = rng.choice([85.0, -127.0, 327.67, 71.3], odd.sum())
    sound = kept & ~odd
    t_us = (at * STEP_S * S).astype(np.int64)
    near = np.interp(np.arange(STEPS) * STEP_S * S, t_us[sound], np.arange(sound.sum()))
    wide = np.append(np.diff(t_us[sound]) > 300 * S, False)
    return Day(true_c, t_us[kept], temp_c[kept], ~wide[np.floor(near).astype(int)])


class Lane:
    """Live and late readings of one probe, taken as the tracker does: from the checkpoint before the earliest."""

    def __init__(self) -> None:
        self._rows: dict[int, float] = {}
        self._kept: list[tuple[int, Folded]] = [(-1, Folded.empty())]
        self.stays: dict[tuple[int, int], tuple[int, int, float]] = {}

    def take(self, t_us: I64, temp_c: F64) -> None:
        """Some readings, in whatever order."""
        self._rows |= dict(zip(t_us.tolist(), temp_c.tolist(), strict=True))
        first = int(t_us.min())
        while self._kept[-1][0] >= first:
            self._kept.pop()
        since, folded = self._kept[-1]
        opened = folded.bands.stays
        inside = zip(opened.entity[opened.inside].tolist(), opened.start_us[opened.inside].tolist(), strict=True)
        still = set(inside)
        self.stays = {key: said for key, said in self.stays.items() if said[0] <= since and key not in still}
        t = np.array(sorted(k for k in self._rows if k > since), np.int64)
        for part in np.split(t, np.flatnonzero(np.diff(t // (6 * 3600 * S))) + 1):
            folded = self._step(folded, part)
            self._kept.append((int(part[-1]), folded))

    def _step(self, folded: Folded, t: I64) -> Folded:
        c, whose = np.array([self._rows[k] for k in t.tolist()]), np.zeros(len(t), np.int64)
        sound = ~sensors.error_codes(c)  # ingest flags them
        t, c, whose = t[sound], c[sound], whose[sound]
        if not len(t):
            return folded
        samples, out = sensors.step(folded.samples, whose, t, c)
        state, stays = bands.step(folded.bands, RULES, whose[~out], whose[~out], t[~out], c[~out])
        columns = (stays.entity, stays.start_us, stays.end_us, stays.alarm_us, stays.extreme)
        for entity, start, end, alarm, extreme in zip(*(column.tolist() for column in columns), strict=True):
            self.stays[entity, start] = (end, alarm, extreme)
        return Folded(samples, folded.bands.updated(state))


def deliveries(n: int, number: int) -> list[list[I64]]:
    """Ways to deliver readings: one after the other in portions, shuffled, in bursts of hours, the newest first."""
    rng = rng_for(SEED, f"way/{number}")
    hours = np.array_split(np.arange(n), 12)
    late = [h for i, h in enumerate(hours) if i % 3] + [h for i, h in enumerate(hours) if i % 3 == 0]
    return [
        np.array_split(np.arange(n), int(rng.integers(20, 60))),
        np.array_split(rng.permutation(n), 8),
        late,
        hours[::-1],
    ]


def stretches(which: Bool) -> list[tuple[int, int]]:
    """Begin and end of each stretch of truth, in steps."""
    edge = np.flatnonzero(np.diff(np.concatenate([[False], which, [False]]).astype(int)))
    return list(zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True))


def checked(found: Day, stays: dict[tuple[int, int], tuple[int, int, float]]) -> tuple[int, int]:
    """Alarms and what truly was; how many there had to be, and how many there were."""
    wanted = told = 0
    assert "never" not in {RULES.bands[RULES.by_key[0, entity % 2**32]].name for entity, _ in stays}
    for name, limit_c, for_s in (("warm", WARM_C, WARM_S), ("hot", HOT_C, HOT_S)):
        alarms = [
            (start, end, alarm)
            for (entity, start), (end, alarm, _) in stays.items()
            if RULES.bands[RULES.by_key[0, entity % 2**32]].name == name and alarm != NEVER
        ]
        told += len(alarms)
        for a, b in stretches((found.true_c > limit_c + MARGIN_C) & found.heard):
            if (b - a) * STEP_S > for_s + 2 * EVERY_S:
                wanted += 1
                over = [s for s, end, _ in alarms if s < b * STEP_S * S and end > a * STEP_S * S]
                assert len(over) == 1, (name, a * STEP_S, b * STEP_S, alarms)
        warm = found.true_c > limit_c - MARGIN_C
        for start, end, alarm in alarms:
            lasted = warm[round(start / S / STEP_S) : round(min(end, alarm) / S / STEP_S)]
            assert lasted.mean() > 0.95, (name, start / S, alarm / S)
            assert lasted.sum() * STEP_S > for_s - 2 * EVERY_S
    return wanted, told


def test_every_excursion_is_raised_once_none_is_invented_in_any_order_of_delivery() -> None:
    wanted = told = 0
    for number in range(DAYS):
        found = day(number)
        said = []
        ways = deliveries(len(found.t_us), number)
        for way in [ways[0], ways[1 + number % 3]] if LONG else ways:
            lane = Lane()
            for part in way:
                lane.take(found.t_us[part], found.temp_c[part])
            said.append(lane.stays)
        assert all(each == said[0] for each in said[1:]), number
        of_day = checked(found, said[0])
        wanted, told = wanted + of_day[0], told + of_day[1]
        alarmed = [
            Alarmed(i + 1, 0, "above", "critical", limit, start, end, alarm, 9.0)
            for i, ((entity, start), (end, alarm, _)) in enumerate(sorted(said[0].items()))
            if alarm != NEVER and (limit := RULES.bands[RULES.by_key[0, entity % 2**32]].limit_c) > 0
        ]
        people, _ = chains(alarmed, [])
        assert len(people) <= max(1, len(stretches(found.true_c > WARM_C - MARGIN_C)))
    assert wanted > DAYS / 4
    print(f"{DAYS} truck-days: {wanted} excursions that had to be raised were, {told} alarms in all")
