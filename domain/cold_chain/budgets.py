"""What goods have used of what they may be exposed to, over all the places they were in: their stability budget.

Where several probes measure a place and nobody says which of them the goods were at, the warmest counts for warmth
and the coldest for cold, so that no way through the place was worse; a profile that aggregates says otherwise. Time in
no measured place is unknown, and charged as the profile says (`gap_charge`), however short it was.

    known_used_s         time in a band that was measured, with what was declared to be used before
    worst_case_used_s    the same with unknown time charged
    remaining_s          what the worst case leaves of the allowance; of a band of one stay, beside the longest stay
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from domain.cold_chain import kinetic
from domain.cold_chain.compartments import combine
from domain.cold_chain.profile import Aggregation, Band, TemperatureProfile
from domain.cold_chain.recordings import NO_GAP_S, S_US, BandResult, Evaluation, Verdict, charged, evaluate
from domain.readings import F64, I64, Bool

VERSION = 1
STAYS_MAX = 50  # of a band, that are told
BUDGETS = ("never", "shipment", "phase")
"""Counts that go on as long as there are goods: a shipment's end is no end of them."""
Series = tuple[I64, F64, Bool]


class Measured(NamedTuple):
    """A stay in a measured place, and what its probes measured then and a little before and after; sound readings."""

    since_us: int
    until_us: int
    probes: Sequence[tuple[I64, F64]]


class Kinetic(NamedTuple):
    """So many seconds at a storage temperature, and those used before."""

    store_c: float
    budget_s: float
    before_s: float = 0.0
    delta_h_kj_per_mol: float = kinetic.DELTA_H_KJ_PER_MOL


class BandBudget(NamedTuple):
    """Of one band; `remaining_s` is None where the count has no end (daily, rolling) or nothing was ever measured."""

    band: Band
    before_s: float
    known_used_s: float
    worst_case_used_s: float | None
    remaining_s: float | None
    verdict: Verdict
    stays: tuple[tuple[int, int | None, float], ...]
    """The last of those observed: since, until, seconds."""


class KineticBudget(NamedTuple):
    """Seconds at the storage temperature."""

    of: Kinetic
    known_used_s: float
    worst_case_used_s: float | None
    remaining_s: float | None
    verdict: Verdict


class Budget(NamedTuple):
    """What goods have used, and whether that is too much."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """As those of a recording; `used_before`: what was declared to be used alone is too much."""
    known_s: float
    unknown_s: float
    min_c: float
    max_c: float
    bands: tuple[BandBudget, ...]
    kinetic: KineticBudget | None

    @property
    def share(self) -> float | None:
        """What is left of the budget that is nearest its end, from 1 to 0; None when nobody can say."""
        rests = [(b.remaining_s, b.band.for_s) for b in self.bands if b.remaining_s is not None]
        if self.kinetic and self.kinetic.remaining_s is not None:
            rests.append((self.kinetic.remaining_s, self.kinetic.of.budget_s))
        if self.verdict == "fail":
            return 0.0
        return min((min(1.0, rest / whole) if whole else 1.0 for rest, whole in rests), default=None)


class _Way(NamedTuple):
    """One way to look at it: off by so much, by the warmest or the coldest."""

    found: Evaluation
    burnt_s: tuple[float, float] | None


def budget(
    profile: TemperatureProfile,
    stays: Sequence[Measured],
    since_us: int,
    until_us: int,
    before_s: Mapping[str, float] | None = None,
    of: Kinetic | None = None,
) -> Budget:
    """The budget of goods from `since_us` to `until_us`, of which they were in these places, in order of time."""
    before = before_s or {}
    offs = (-profile.accuracy_c, 0.0, profile.accuracy_c) if profile.accuracy_c else (0.0,)
    warm = _series(profile, stays, since_us, until_us, "warmest")
    cold = _series(profile, stays, since_us, until_us, "coldest")
    same = len(warm[0]) == len(cold[0]) and bool((warm[1] == cold[1]).all())
    ways: dict[float, tuple[_Way, _Way]] = {}
    for off in offs:
        first = _look(profile, warm, since_us, until_us, off, of)
        ways[off] = first, first if same else _look(profile, cold, since_us, until_us, off, of)
    bands = tuple(_band(band, n, ways, before.get(band.name, 0.0)) for n, band in enumerate(profile.bands))
    burn = _burnt(of, {off: both[0] for off, both in ways.items()}) if of else None
    read = ways[0.0]
    verdict, reasons = _verdict(ways, bands, burn)
    return Budget(
        verdict,
        reasons,
        min(each.found.known_s for each in read),
        max(each.found.unknown_s for each in read),
        read[1].found.min_c,
        read[0].found.max_c,
        bands,
        burn,
    )


def _series(
    profile: TemperatureProfile, stays: Sequence[Measured], since_us: int, until_us: int, side: Aggregation
) -> Series:
    """What goods were exposed to, as one series, with the value at each end of a stay where there is one."""
    gap_us = round(profile.max_interval_s * S_US)
    ts, cs, torn, reached = [], [], [], since_us
    broken = False
    for stay in stays:
        broken |= stay.since_us > reached
        t, c = _of_one(profile, stay, side, gap_us)
        reached = stay.until_us
        if len(t):
            ts.append(t)
            cs.append(c)
            torn.append(np.concatenate([[broken], np.zeros(len(t) - 1, np.bool_)]))
            broken = False
    torn.append(np.array([broken or until_us > reached]))
    t = np.concatenate(ts) if ts else np.empty(0, np.int64)
    return t, np.concatenate(cs) if cs else np.empty(0), np.concatenate(torn).astype(np.bool_)


def _of_one(profile: TemperatureProfile, stay: Measured, side: Aggregation, gap_us: int) -> tuple[I64, F64]:
    probes = [(t, c) for t, c in stay.probes if len(t)]
    if not probes:
        return np.empty(0, np.int64), np.empty(0)
    t, c = probes[0]
    if len(probes) > 1:
        each = np.repeat(np.arange(len(probes)), [len(t) for t, _ in probes])
        how = side if profile.aggregation == "each" else profile.aggregation
        all_t, all_c = (np.concatenate(column) for column in zip(*probes, strict=True))
        one = combine(each, all_t, all_c, how, gap_us)
        t, c = one.t_us, one.temp_c
    return _between(t, c, stay.since_us, stay.until_us, gap_us)


def _between(t: I64, c: F64, since_us: int, until_us: int, gap_us: int) -> tuple[I64, F64]:
    """A part of a series, with what the straight line says at both ends where neither lies in a hole."""
    inside = (t >= since_us) & (t <= until_us)
    cut_t, cut_c = t[inside], c[inside]
    for edge, first in ((since_us, True), (until_us, False)):
        at = int(np.searchsorted(t, edge))
        if 0 < at < len(t) and t[at] != edge and t[at] - t[at - 1] <= gap_us:
            value = np.interp(edge, t[at - 1 : at + 1], c[at - 1 : at + 1])
            ends = ([edge], cut_t) if first else (cut_t, [edge])
            cut_t = np.concatenate(ends).astype(np.int64)
            cut_c = np.concatenate(([value], cut_c) if first else (cut_c, [value]))
    return cut_t, cut_c


def _look(
    profile: TemperatureProfile, series: Series, since_us: int, until_us: int, off_c: float, of: Kinetic | None
) -> _Way:
    t, c, torn = series
    found = evaluate(profile, t, c + off_c, since_us=since_us, until_us=until_us, accuracy_c=0.0, sound=True, torn=torn)
    if of is None or not len(t):
        return _Way(found, (0.0, 0.0) if of else None)
    b_k = kinetic.b_kelvin(of.delta_h_kj_per_mol)
    gap_us = round(profile.max_interval_s * S_US)
    high, low, _ = kinetic.intervals(t, c + off_c, b_k, gap_us)
    held = ~torn[1:-1]
    known = kinetic.Kinetic(kinetic.total_of((high * held).sum(), (low * held).sum()))
    worst = known
    if profile.gap_charge != "nothing":
        all_t, all_c = charged(profile, t, c + off_c, (since_us, until_us), torn)
        worst = kinetic.of_series(all_t, all_c, b_k, round(NO_GAP_S * S_US))
    return _Way(found, (kinetic.burn_s(known, b_k, of.store_c), kinetic.burn_s(worst, b_k, of.store_c)))


def _band(band: Band, n: int, ways: Mapping[float, tuple[_Way, _Way]], before_s: float) -> BandBudget:
    results = {off: both[0 if band.above else 1].found.bands[n] for off, both in ways.items()}
    measured = bool(ways[0.0][0].found.samples)
    sums = band.mode == "cumulative" and band.reset in BUDGETS
    before = before_s if sums else 0.0
    here = results[0.0]
    known, worst = before + here.used_s, before + here.worst_case_s
    remaining = None
    if sums:
        remaining = band.for_s - worst
    elif band.mode == "consecutive":
        remaining = band.for_s - here.worst_longest_s
    elif here.verdict == "fail":
        remaining = 0.0
    return BandBudget(
        band,
        before,
        known,
        worst if measured else None,
        None if remaining is None or (not measured and not before) else max(0.0, remaining),
        _word([_failed(band, r, before if sums else 0.0, measured=measured) for r in results.values()]),
        tuple((s.start_us, s.end_us, s.known_s) for s in here.stays[-STAYS_MAX:]),
    )


def _failed(band: Band, result: BandResult, before_s: float, *, measured: bool) -> tuple[bool, bool]:
    """Whether it alarms in what is known, and in the worst case."""
    if band.mode == "cumulative" and before_s:
        known = before_s + result.used_s >= band.for_s
        return known, known or before_s + result.worst_case_s >= band.for_s
    if not measured:
        return False, True
    return result.verdict == "fail", result.verdict != "pass"


def _burnt(of: Kinetic, ways: Mapping[float, _Way]) -> KineticBudget:
    measured = bool(ways[0.0].found.samples)
    failed = []
    for way in ways.values():
        known, worst = (of.before_s + burnt for burnt in way.burnt_s or (0.0, 0.0))
        failed.append((known >= of.budget_s, worst >= of.budget_s or not measured))
    known, worst = (of.before_s + burnt for burnt in ways[0.0].burnt_s or (0.0, 0.0))
    rest = max(0.0, of.budget_s - worst) if measured else None
    return KineticBudget(of, known, worst if measured else None, rest, _word(failed))


def _word(failed: Sequence[tuple[bool, bool]]) -> Verdict:
    """Of each way to look at it whether it is too much as known and in the worst case."""
    if all(known for known, _ in failed):
        return "fail"
    return "indeterminate" if any(worst for _, worst in failed) else "pass"


def _verdict(
    ways: Mapping[float, tuple[_Way, _Way]], bands: Sequence[BandBudget], burn: KineticBudget | None
) -> tuple[Verdict, tuple[str, ...]]:
    """Of all together: fails when one does, whichever way the sensor is off; passes when all do and enough is known."""
    mkt = []
    for both in ways.values():
        over = [way.found for way in both if "mkt" in way.found.reasons]
        mkt.append((any(f.verdict == "fail" for f in over), bool(over)))
    limits = [*(b.verdict for b in bands), *([burn.verdict] if burn else []), _word(mkt)]
    sure = {reason for both in ways.values() for way in both for reason in way.found.reasons}
    reasons = []
    if "fail" in limits:
        reasons = ["band"] if any(b.verdict == "fail" for b in bands) else []
        reasons += ["kinetic"] if burn and burn.verdict == "fail" else []
        reasons += ["mkt"] if _word(mkt) == "fail" else []
        if any(b.verdict == "fail" and 0 < b.band.for_s <= b.before_s for b in bands):
            reasons.append("used_before")
        return "fail", tuple(reasons)
    reasons = [word for word in ("coverage", "no_data") if word in sure]
    if "indeterminate" in limits and "no_data" not in sure:
        reasons.append("accuracy" if len(ways) > 1 and _only_accuracy(ways) else "gaps")
    return ("indeterminate" if reasons else "pass"), tuple(reasons)


def _only_accuracy(ways: Mapping[float, tuple[_Way, _Way]]) -> bool:
    """Whether all is known, so that only the sensors' accuracy leaves a doubt."""
    return not any(way.found.unknown_s for both in ways.values() for way in both)
