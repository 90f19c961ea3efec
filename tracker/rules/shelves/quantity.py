"""A slot's quantity from masses that creep, shake and are leaned upon, and from counts.

    carry', changes = step(carry, rows)     rows sorted by slot and time; the same for any split of them

- Noise is the median difference of a slot's last twelve masses, on average over the hour before. A mass is the mean of
  so many of the last ones that noise could hardly make half a unit of it, two at least, more where they jumped of late,
  and only when these lie together: otherwise something shakes.
- The quantity becomes another one when the mass is clearly nearer to that whole number (`NEAR`); in between it stays.
- What an unchanged quantity weighs too much or too little is the offset. It follows once an hour of event time, by a
  bounded step, so hours are folded one after the other, those of all slots together, and rows within all at once.
- A count is believed at once; within ten seconds of another one, two of three must agree.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from domain.folds.table import previous
from domain.readings import F64, I64, Bool
from tracker.rules.shelves.carry import NEVER, NO_MASS, Rows, Slots, behind, last_true
from tracker.rules.shelves.units import common

MG = 1e6
MASS_MAX_KG = 2_000.0
"""No shelf weighs more: it is a fault of the sensor, and counts for nothing."""
NOISE_MG, NOISE_MIN_MG = 5_000.0, 500.0
"""Standard deviation of a mass before it is known, and the least."""
MEDIAN_OF_DIFFERENCES = 0.954
SURE_SD, STEADY_SD, STEADY = 6.0, 3.5, 0.1
"""A unit is so many deviations of the mean; steady masses lie within so many deviations, or a tenth of a unit."""
NEAR = 0.3
"""Nearer to a whole number than that decides."""
FOLLOW_MG, FOLLOW, FOLLOW_MAX = 2_000.0, 0.02, 0.1
"""An offset follows by 2 g an hour, or by 2 % of a unit where that is more, and never by more than 10 % of one."""
GAP_HOURS = 24
NOISE_MORE = 4.0
"""What noise is taken for grows so many times in an hour at most."""
RECENT = 6
"""As many masses as there are jumps in the last six differences, but one, must lie together: shelves shake, or sell."""
SHORT_US = 10_000_000
LEARN = 4
"""Of so many masses a level is made when the unit is not known."""
STEP_SD, STEP_MIN_MG = 8.0, 5_000.0
FOREIGN, MODEL_SD = 0.01, 0.05
"""How often something else lies there, and how far off a whole number of units is anyhow, in units."""
SURE_MAX = 0.99
"""However plain it is: once in a hundred times somebody is just taking something. Of a count, too."""
HOUR_US = 3_600_000_000


class Changes(NamedTuple):
    """Quantities that became others, between `before_us` (NEVER: not known) and `at_us`; `t_us`: when told."""

    slot: I64
    t_us: I64
    before_us: I64
    at_us: I64
    old: F64
    quantity: F64


class _Seen(NamedTuple):
    """What rows show, whatever a unit weighs. Of masses: means and ranges of the last 1, 2, … of them."""

    of: I64
    t_us: I64
    hour: I64
    pieces: F64
    counted: Bool
    noise: F64
    masses: F64
    masses_us: I64
    mean: F64
    spread: F64

    def take(self, index: I64) -> _Seen:
        columns: list[Any] = [column[index] for column in self]
        return _Seen(*columns)


def step(carry: Slots, product: I64, unit_kg: F64, rows: Rows) -> tuple[Slots, Changes]:
    """The slots after these rows, and what changed.

    Args:
        carry: of the slots of these rows, each once.
        product: by slot; 0: none.
        unit_kg: mass of a unit of it, NaN when nobody told.
        rows: weighings and counts; what no sensor can mean is passed over.
    """
    now = carry.take(np.arange(len(carry)))
    _told(now, product, unit_kg * MG)
    with np.errstate(invalid="ignore"):
        counts = rows.item_count >= 0
        weighs = ~counts & np.isnan(rows.item_count) & (np.abs(rows.mass_kg) <= MASS_MAX_KG)
    rows, weighs = rows.take(counts | weighs), weighs[counts | weighs]
    seen = _seen(now, rows, weighs)
    found: list[Changes] = []
    if len(rows.slot):
        new = (seen.of != previous(seen.of)) | (seen.hour != previous(seen.hour))
        new[0] = True
        block = np.cumsum(new) - 1
        rank = (block - block[np.searchsorted(seen.of, seen.of)]).astype(np.int64)
        order = np.argsort(rank, kind="stable")
        hours = np.split(order, np.flatnonzero(np.diff(rank[order])) + 1)
        found = [_hour(now, seen.take(each)) for each in hours]
    if not found:
        return now, Changes(*(np.empty(0, kind) for kind in ("i8", "i8", "i8", "i8", "f8", "f8")))
    changes: list[Any] = [np.concatenate(columns) for columns in zip(*found, strict=True)]
    order = np.lexsort((changes[1], changes[0]))
    return now, Changes(*(column[order] for column in changes))


def _told(now: Slots, product: I64, given: F64) -> None:
    """What people say of slots: another product begins anew; where its unit weighs otherwise the offset does."""
    given = np.where(given > 0, given, np.nan)
    other = now.product != product
    changed = other | ~((now.given == given) | (np.isnan(now.given) & np.isnan(given)))
    blank = Slots.blank(now.entity)
    for name in ("quantity", "confidence", "level", "steady", "steps", "steps_sd"):
        getattr(now, name)[other] = getattr(blank, name)[other]
    for name in ("offset", "residual", "followed", "unit_sd", "trust"):
        getattr(now, name)[changed] = getattr(blank, name)[changed]
    now.product[:] = product
    now.given[changed] = given[changed]
    now.unit[changed] = given[changed]


def _seen(now: Slots, rows: Rows, weighs: Bool) -> _Seen:
    of, n = np.searchsorted(now.entity, rows.slot), len(rows.slot)
    some = np.flatnonzero(weighs)
    masses, now.mass[:] = behind(now.mass, of[some], np.rint(rows.mass_kg[some] * MG).astype(np.int32))
    masses_us, now.mass_us[:] = behind(now.mass_us, of[some], rows.t_us[some])
    mass = np.where(masses == NO_MASS, np.nan, masses.astype(np.float64))
    apart = np.abs(np.diff(mass, axis=1))
    apart[np.isnan(apart)] = NOISE_MG * MEDIAN_OF_DIFFERENCES
    back = mass[:, ::-1]
    width = mass.shape[1]
    noise, whole = np.full(n, np.nan), np.full((4, n, width), np.nan)
    noise[some] = np.maximum(np.median(apart, axis=1) / MEDIAN_OF_DIFFERENCES, NOISE_MIN_MG)
    whole[0, some] = np.cumsum(back, axis=1) / np.arange(1, width + 1)
    whole[1, some] = np.maximum.accumulate(back, axis=1) - np.minimum.accumulate(back, axis=1)
    whole[2, some] = mass
    times = np.full((n, width), NEVER)
    times[some] = masses_us
    counted, some = np.zeros(n, np.bool_), np.flatnonzero(~weighs)
    count, count_us = rows.item_count[some], rows.t_us[some]
    before, now_count = _before(now.count, of[some], count)
    before_us, now_count_us = _before(now.count_us, of[some], count_us)
    now.count[:], now.count_us[:] = now_count, now_count_us
    near = (before == count[:, None]) & (count_us[:, None] - before_us <= SHORT_US)
    counted[some] = near.any(axis=1) | (count_us - before_us[:, -1] > SHORT_US)
    times[some, -3:] = np.column_stack([before_us, count_us])
    hour = rows.t_us // HOUR_US
    return _Seen(of, rows.t_us, hour, rows.item_count, counted, noise, whole[2], times, whole[0], whole[1])


def _before(carried: F64 | I64, of: I64, values: F64 | I64) -> tuple[F64 | I64, F64 | I64]:
    """The values before each row, as many as are carried."""
    padded = np.concatenate([carried[:, :1], carried], axis=1)
    rows, after = behind(padded, of, values)
    return rows[:, :-1], after[:, 1:]


def _hour(now: Slots, seen: _Seen) -> Changes:
    """An hour of some slots."""
    first = np.searchsorted(seen.of, seen.of)
    begins = np.unique(first)
    slot = seen.of[begins]
    _settle(now, slot, seen.hour[begins])
    last = np.append(begins[1:], len(first)) - 1
    seen = _usual(now, seen, slot, begins)
    unit, offset = now.unit[seen.of], now.offset[seen.of]
    with np.errstate(invalid="ignore"):
        mass, steady, need = _steady(seen, unit)
        units = (mass - offset) / unit
        whole = np.rint(units)
        decides = seen.counted | (steady & (np.abs(units - whole) <= NEAR) & (whole >= 0))
    at = last_true(decides, first)
    quantity = np.where(at >= 0, np.where(seen.counted, seen.pieces, whole)[at], now.quantity[seen.of])
    old = previous(quantity)
    old[begins] = now.quantity[slot]
    changed = np.flatnonzero(quantity != old)
    with np.errstate(invalid="ignore"):
        follows = steady & (quantity >= 0) & (np.abs(units - quantity) <= NEAR)
    over = np.rint(np.where(follows, mass - offset - quantity * unit, 0.0))
    now.residual[slot] += np.add.reduceat(over, begins)
    now.followed[slot] += np.add.reduceat(follows.astype(np.int32), begins)
    sure = _confidence(seen, units, quantity, unit, now.unit_sd[seen.of], need) * now.trust[seen.of] * SURE_MAX
    sure = np.where(seen.counted, SURE_MAX, sure)
    told = last_true((steady & (quantity >= 0)) | seen.counted, first)[last]
    now.confidence[slot] = np.where(told >= 0, sure[told], now.confidence[slot])
    now.quantity[slot] = quantity[last]
    _steps(now, seen, first, begins, last)
    before_us, at_us = _when(seen, changed, unit, offset, old, quantity)
    of = now.entity[seen.of[changed]]
    return Changes(of, seen.t_us[changed], before_us, at_us, old[changed], quantity[changed])


def _usual(now: Slots, seen: _Seen, slot: I64, begins: I64) -> _Seen:
    """With the noise of the hour before; what it is in this one is added up."""
    usual = now.noise[seen.of]
    weighs = ~np.isnan(seen.noise)
    noise = np.rint(np.where(weighs, np.fmin(seen.noise, NOISE_MORE * usual), 0.0))
    now.noises[slot] += np.add.reduceat(noise, begins)
    now.weighed[slot] += np.add.reduceat(weighs.astype(np.int32), begins)
    return seen._replace(noise=np.where(weighs & ~np.isnan(usual), usual, seen.noise))


def _steady(seen: _Seen, unit: F64) -> tuple[F64, Bool, I64]:
    """The mass of each row as a mean, whether it is steady, and of how many it is one."""
    apart = np.abs(np.diff(seen.masses[:, -RECENT - 1 :], axis=1))
    near = np.maximum(STEADY_SD * seen.noise, STEADY * unit)
    jumps = ((apart > near[:, None]).sum(axis=1) - 1).clip(2)
    width = seen.mean.shape[1]
    needed = np.nan_to_num(np.ceil((SURE_SD * seen.noise / unit) ** 2), nan=np.inf)
    need = np.maximum(needed.clip(2, width).astype(np.int64), jumps)
    row = np.arange(len(need))
    return seen.mean[row, need - 1], (needed <= width) & (seen.spread[row, need - 1] <= near), need


def _settle(now: Slots, slot: I64, hour: I64) -> None:
    """Where another hour begins the offset follows what was found in the last one; so does what is known of units."""
    begun = (now.hour[slot] != hour) & (now.hour[slot] != NEVER)
    some, hours = slot[begun], np.minimum(hour[begun] - now.hour[slot[begun]], GAP_HOURS)
    most = np.minimum(np.maximum(FOLLOW_MG, FOLLOW * now.unit[some]), FOLLOW_MAX * now.unit[some]) * hours
    mean = now.residual[some] / np.maximum(now.followed[some], 1)
    now.offset[some] += np.where(now.followed[some] > 0, np.clip(mean, -most, most), 0.0)
    now.residual[some], now.followed[some] = 0.0, 0
    heard = now.weighed[some] > 0
    noise = np.maximum(now.noises[some] / np.maximum(now.weighed[some], 1), NOISE_MIN_MG)
    now.noise[some] = np.where(heard, noise, now.noise[some])
    now.noises[some], now.weighed[some] = 0.0, 0
    now.hour[slot] = hour
    learns = some[np.isnan(now.given[some])]
    if len(learns):
        unit = common(now.steps[learns], now.steps_sd[learns])
        learns, unit = learns[unit.mass > 0], type(unit)(*(column[unit.mass > 0] for column in unit))
        now.unit[learns], now.unit_sd[learns], now.trust[learns] = unit


def _steps(now: Slots, seen: _Seen, first: I64, begins: I64, last: I64) -> None:
    """Keeps the steps between steady masses of slots whose unit nobody told."""
    weighs = ~np.isnan(seen.noise) & np.isnan(now.given[seen.of])
    if not weighs.any():
        return
    slot = seen.of[begins]
    level = seen.mean[:, LEARN - 1]
    with np.errstate(invalid="ignore"):
        steady = weighs & (seen.spread[:, LEARN - 1] <= STEADY_SD * seen.noise)
    at_weighed, at_steady = last_true(weighs, first), last_true(steady, first)
    shifted = [np.where(first == np.arange(len(first)), -1, previous(at)) for at in (at_weighed, at_steady)]
    was = np.where(shifted[0] >= 0, steady[shifted[0]], now.steady[seen.of].astype(np.bool_))
    base = np.where(shifted[1] >= 0, level[shifted[1]], now.level[seen.of])
    sd = seen.noise * np.sqrt(2.0 / LEARN)
    with np.errstate(invalid="ignore"):
        steps = np.flatnonzero(steady & ~was & (np.abs(level - base) > np.maximum(STEP_SD * sd, STEP_MIN_MG)))
    now.level[slot] = np.where(at_steady[last] >= 0, level[at_steady[last]], now.level[slot])
    now.steady[slot] = np.where(at_weighed[last] >= 0, steady[at_weighed[last]], now.steady[slot])
    of = np.searchsorted(slot, seen.of[steps])
    now.steps[slot] = behind(now.steps[slot], of, (level - base)[steps])[1]
    now.steps_sd[slot] = behind(now.steps_sd[slot], of, sd[steps])[1]


def _confidence(seen: _Seen, units: F64, quantity: F64, unit: F64, unit_sd: F64, need: I64) -> F64:
    """The chance that the quantity is right, by how far the mass is from it, and from its neighbours.

    Once in a hundred times something else lies there; then it is right in every second case.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(seen.noise**2 / need + (MODEL_SD * unit) ** 2 + (quantity * unit_sd) ** 2) / unit
        near = quantity[:, None] + np.arange(-2, 3)
        dense = np.exp(-0.5 * ((units[:, None] - near) / sd[:, None]) ** 2) / (sd[:, None] * np.sqrt(2 * np.pi))
        dense[near < 0] = 0.0
        mine, every = (1 - FOREIGN) * dense[:, 2], (1 - FOREIGN) * dense.sum(axis=1)
        return np.asarray(np.nan_to_num((mine + FOREIGN / 2) / (every + FOREIGN)))


def _when(seen: _Seen, changed: I64, unit: F64, offset: F64, old: F64, quantity: F64) -> tuple[I64, I64]:
    """Of changes: the last reading before, and the first after: those are nearer to the new quantity, unbroken."""
    times = seen.masses_us[changed]
    with np.errstate(invalid="ignore"):
        units = (seen.masses[changed] - offset[changed][:, None]) / unit[changed][:, None]
        after = np.abs(units - quantity[changed][:, None]) < np.abs(units - old[changed][:, None])
    after[:, -1] = True
    counts = seen.pieces[changed]
    short = ~np.isnan(counts) & (times[:, -1] - times[:, -2] <= SHORT_US)
    after[:, -2] |= short
    unbroken = np.logical_and.accumulate(after[:, ::-1], axis=1).sum(axis=1)
    width, row = times.shape[1], np.arange(len(changed))
    before = np.where(unbroken < width, times[row, (width - 1 - unbroken).clip(0)], NEVER)
    at = times[row, width - unbroken]
    at = np.where(at == NEVER, times[:, -1], at)
    return before, at
