"""A simulated fleet of reefers, and how good it is told beforehand that one will be too warm for too long.

Heat by Newton's law (walls, door, evaporator, heater), a thermostat, probes that lag, noise, readings that are lost.
No two trucks are alike. A third of them fails in one of five ways in the middle of it. It shares nothing with the rule:
the alarms that count are those of the excursions' own rule. Constants of the rule were fitted on `TUNED`, figures are
of the others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from domain.cold_chain import bands
from domain.cold_chain.profile import plain
from domain.folds.scan import NEVER, segment_starts
from tests.benchmarks.figures import Figure
from tracker.rules import breach

S = 1_000_000
HIGH_C, FOR_S = 8.0, 600
STEP_S = 10.0
TUNED, HELD_OUT = (1, 11), (2, 3, 4)
KINDS = ("sound", "compressor off", "compressor off, vents open", "door ajar", "set point wrong", "slow drift")
COMPRESSOR = (1, 2)


@dataclass(frozen=True)
class Fleet:
    """Readings of all trucks with what was known at each; what failed and when."""

    rows: breach.Rows
    kind: np.ndarray
    fails_us: np.ndarray
    days: float

    @property
    def truck_days(self) -> float:
        return len(self.kind) * self.days


def simulate(trucks: int, seed: int, days: float = 2.0, failing: float = 0.35) -> Fleet:
    """A fleet; the same for the same seed."""
    r, n = np.random.default_rng(seed), trucks
    steps, long_s = int(days * 86_400 / STEP_S), days * 86_400
    wall_s, cool_s, coil_c = r.uniform(8e3, 2e4, n), r.uniform(1000, 2500, n), r.uniform(-18, -8, n)
    set_c, band_c, door_s = r.uniform(3, 5, n), r.uniform(0.4, 1.0, n), r.uniform(1500, 5000, n)
    mean_c, swing_c = r.uniform(8, 30, n), r.uniform(2, 7, n)
    lag_s, noise_c = r.uniform(40, 150, n), r.uniform(0.03, 0.15, n)
    offset_c, draught = r.uniform(-0.3, 0.4, n), r.uniform(0, 0.06, n)
    phase_s, defrost_s, heater_s = r.uniform(0, 6 * 3600, n), r.uniform(360, 720, n), r.uniform(6e3, 1.2e4, n)
    door = _doors(r, n, steps, long_s, days)
    kind = np.where(r.random(n) < failing, r.integers(1, len(KINDS), n), 0)
    fails_s = r.uniform(0.3, 0.85, n) * long_s
    leak_s, ajar_s, fading = r.uniform(1500, 8000, n), r.uniform(2500, 6000, n), r.uniform(1.5, 5, n)
    air_c, cooling = set_c.copy(), np.zeros(n, np.bool_)
    probe_c = air_c + offset_c
    seen_c, defrosts = np.empty((n, steps), np.float32), np.empty((n, steps), np.bool_)
    for k in range(steps):
        t = k * STEP_S
        bad = (t >= fails_s) & (kind > 0)
        off = bad & np.isin(kind, COMPRESSOR)
        outside_c = mean_c + swing_c * np.cos(2 * np.pi * (t / 3600 - 15) / 24)
        wanted_c = np.where(bad & (kind == 4), 10.5, set_c)
        cooling = np.where(air_c > wanted_c + band_c, True, np.where(air_c < wanted_c - band_c, False, cooling))
        defrosting = (t + phase_s) % (6 * 3600) < defrost_s
        on = cooling & ~defrosting & ~off
        weak = np.where(bad & (kind == 5), 1 + fading * np.maximum(t - fails_s, 0) / 3600, 1)
        open_now = door[:, k]
        in_ps = 1 / wall_s + open_now / door_s + (bad & (kind == 3)) / ajar_s + (bad & (kind == 2)) / leak_s
        heat_ps = (defrosting & ~open_now & ~off) / heater_s
        out_ps = on / (cool_s * weak)
        total = in_ps + heat_ps + out_ps
        settles_c = (in_ps * outside_c + heat_ps * 25 + out_ps * coil_c) / total
        air_c = settles_c + (air_c - settles_c) * np.exp(-total * STEP_S)
        near_c = air_c + offset_c + np.where(on, -0.3, 0) + open_now * draught * (outside_c - air_c)
        probe_c = probe_c + (near_c - probe_c) * (1 - np.exp(-STEP_S / lag_s))
        seen_c[:, k], defrosts[:, k] = probe_c, defrosting
    taken = _taken(r, n, steps)
    of, at = np.nonzero(taken)
    temp_c = np.round(seen_c[of, at] + noise_c[of] * r.standard_normal(len(of)), 2).astype(np.float64)
    t_us = np.rint(at * STEP_S * S).astype(np.int64)
    told_c = np.where((kind[of] == 4) & (t_us >= fails_s[of] * S), 10.5, set_c[of])
    rows = breach.Rows(
        of.astype(np.int64), t_us, temp_c, np.full(len(of), HIGH_C), np.full(len(of), FOR_S * S),
        _last(door[of, at], of, t_us), _last(defrosts[of, at], of, t_us), told_c, np.full(len(of), -1),
    )  # fmt: skip
    return Fleet(rows, kind, (fails_s * S).astype(np.int64), days)


def _doors(r: np.random.Generator, n: int, steps: int, long_s: float, days: float) -> np.ndarray:
    """Doors, some nine times a day for some minutes."""
    door = np.zeros((n, steps), np.bool_)
    for truck, times in enumerate(r.poisson(9 * days, n).tolist()):
        for begins_s in r.uniform(0, long_s, times):
            ends_s = begins_s + r.lognormal(np.log(150), 0.6)
            door[truck, int(begins_s / STEP_S) : int(ends_s / STEP_S) + 1] = True
    return door


def _taken(r: np.random.Generator, n: int, steps: int) -> np.ndarray:
    """Which steps are read: every 30 s to 5 min by truck, one in fifty lost."""
    every = (r.choice([30, 60, 60, 120, 300], n) / STEP_S).astype(np.int64)
    offset = (r.random(n) * every).astype(np.int64)
    due = (np.arange(steps)[None, :] - offset[:, None]) % every[:, None] == 0
    return np.asarray(due & (r.random((n, steps)) > 0.02))


def _last(flag: np.ndarray, of: np.ndarray, t_us: np.ndarray) -> np.ndarray:
    """When it was last so, by truck."""
    at = np.maximum.accumulate(np.where(flag | segment_starts(of), np.arange(len(of)), 0))
    return np.where(flag[at], t_us[at], breach.LONG_AGO)


@dataclass(frozen=True)
class Graded:
    """What came of forecasts: of each alarm how long before it was told (minutes, NaN: not), and what was in vain."""

    lead_min: np.ndarray
    kind: np.ndarray
    """Of the truck of each alarm."""
    inside: np.ndarray
    """Whether the alarm came between the ends that were told, of those that were."""
    vain: np.ndarray
    """Trucks of forecasts behind which no alarm came."""

    @property
    def recall(self) -> float:
        return float(np.mean(self.lead_min > 0))

    def lead_of(self, *kinds: int) -> np.ndarray:
        """Minutes by which these were told, 0 for what was not."""
        return np.nan_to_num(self.lead_min[np.isin(self.kind, kinds)])


def alarms(fleet: Fleet) -> tuple[np.ndarray, ...]:
    """Truck, alarm, begin and end of every excursion that lasted, by the rule of excursions."""
    rows, profile = fleet.rows, plain(None, HIGH_C, FOR_S, 0.3, 900)
    of = np.zeros(len(rows.t_us), np.int64)
    _, stays = bands.step(bands.State.empty(), bands.Rules.of([profile]), of, rows.entity, rows.t_us, rows.temp_c)
    some = stays.take(stays.alarm_us != NEVER)
    return bands.series_of(some.entity), some.alarm_us, some.start_us, some.end_us


def grade(fleet: Fleet, told: breach.Forecasts) -> Graded:
    """Every alarm against the forecast that was standing when it came."""
    lead, inside, used = [], [], np.zeros(len(told), np.bool_)
    trucks, alarm_us, start_us, end_us = alarms(fleet)
    for truck, at, begins, ends in zip(trucks, alarm_us, start_us, end_us, strict=True):
        of = told.entity == truck
        standing = np.flatnonzero(of & (told.start_us < at) & (told.end_us >= at - 60 * S))
        lead.append((at - told.start_us[standing[0]]) / (60 * S) if len(standing) else np.nan)
        used |= of & (told.start_us < ends) & (told.end_us >= begins)
        if len(standing):
            inside.append(told.p10_us[standing[0]] <= at <= told.p90_us[standing[0]])
    return Graded(np.array(lead), fleet.kind[trucks], np.array(inside), told.entity[~used])


def measure(folder: Path) -> list[Figure]:
    """The figures of the fleets that nothing was fitted to."""
    del folder
    graded, rates, truck_days = [], [], 0.0
    for seed in HELD_OUT:
        fleet = simulate(500, seed)
        begun = time.perf_counter()
        _, told = breach.step(breach.Trend.empty(), fleet.rows)
        rates.append(len(fleet.rows.t_us) / (time.perf_counter() - begun))
        graded.append(grade(fleet, told))
        truck_days += fleet.truck_days
    lead = np.concatenate([g.lead_of(*COMPRESSOR) for g in graded])
    vain = 100 * sum(len(g.vain) for g in graded) / truck_days
    by_kind = {KINDS[k]: float(np.median(np.concatenate([g.lead_of(k) for g in graded]))) for k in range(1, len(KINDS))}
    of = f"{truck_days:,.0f} truck-days"
    return [
        Figure(f"too warm too long, told before: share of alarms, {of}", "", [g.recall for g in graded], goal=0.9),
        Figure("the same, compressor failures: median minutes before", "min", [float(np.median(lead))], goal=15,
               details_are="median minutes by failure", details=by_kind),
        Figure("the same, in vain in 100 truck-days", "", [vain], goal=1.0, smaller_is_better=True),
        Figure("the same, alarm between the ends that were told (0.8 is wanted)", "",
               [float(np.mean(np.concatenate([g.inside for g in graded])))]),
        Figure("forecasts of breaches, one core", "readings/s", rates),
    ]  # fmt: skip
