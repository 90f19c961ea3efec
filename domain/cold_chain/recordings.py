"""A whole recording against a profile: what reports of loggers' files, backtests and shipments' verdicts are made of.

pass            no band alarms and no limit of the MKT is passed, even with what is unknown charged as the profile
                says (`gap_charge`) and the sensor off by its accuracy either way
fail            one does, in what is known, whichever way the sensor is off
indeterminate   neither is sure, or too little is known (`coverage`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from domain.cold_chain import bands, windows
from domain.cold_chain.bands import Rules, State, Stays, key_of, series_of
from domain.cold_chain.counts import Instants
from domain.cold_chain.days import holds
from domain.cold_chain.kinetic import DELTA_H_KJ_PER_MOL, b_kelvin
from domain.cold_chain.profile import PHASES, Band, TemperatureProfile
from domain.cold_chain.sensors import Fault, faults
from domain.cold_chain.windows import MktWindow, Sums
from domain.folds.scan import NEVER
from domain.readings import F64, I64, Bool

Verdict = Literal["pass", "fail", "indeterminate"]
S_US = 1_000_000
NO_GAP_S = 1e12
KNOWN, WORST = 0, 1
COLDER, AS_READ, WARMER = 0, 1, 2


class Stay(NamedTuple):
    """A stay in a band; `end_us` is None when it had not ended with the recording, `alarm_us` when it was in time."""

    start_us: int
    end_us: int | None
    alarm_us: int | None
    known_s: float
    unknown_s: float
    extreme_c: float
    samples: int


class BandResult(NamedTuple):
    """What a recording says of one band; `worst_case_s` is the time in it with what is unknown charged."""

    band: Band
    stays: tuple[Stay, ...]
    used_s: float
    longest_s: float
    worst_case_s: float
    verdict: Verdict
    worst_longest_s: float = 0.0
    """As `longest_s`, in the worst case."""

    @property
    def alarms_us(self) -> tuple[int, ...]:
        """When its time was up, for each stay in which it was."""
        return tuple(stay.alarm_us for stay in self.stays if stay.alarm_us is not None)


class Evaluation(NamedTuple):
    """A recording against a profile. Without a reading that can be used the figures are NaN."""

    samples: int
    start_us: int
    end_us: int
    known_s: float
    unknown_s: float
    min_c: float
    max_c: float
    mkt_c: float
    """Of all that is known, weighted by time; no verdict rests on it alone."""
    mkt_window: MktWindow | None
    """The warmest window that contains an excursion, of a profile that limits the MKT."""
    delta_h_kj_per_mol: float
    bands: tuple[BandResult, ...]
    faults: tuple[Fault, ...]
    accuracy_c: float
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why it is not `pass`: `band`, `mkt`, `gaps`, `accuracy`, `coverage`, `no_data`."""

    @property
    def coverage(self) -> float:
        """Share of the time that is known."""
        whole = self.known_s + self.unknown_s
        return self.known_s / whole if whole else 0.0


def evaluate(
    profile: TemperatureProfile,
    t_us: I64,
    temp_c: F64,
    *,
    since_us: int | None = None,
    until_us: int | None = None,
    accuracy_c: float | None = None,
    resets: Mapping[str, Sequence[int]] | None = None,
    phases: Mapping[str, int] | None = None,
    sound: bool = False,
    torn: Bool | None = None,
) -> Evaluation:
    """Evaluates the readings of one probe, in any order.

    Args:
        profile: what the goods may be exposed to.
        t_us: event times.
        temp_c: degrees Celsius.
        since_us: when what is to be judged begins and `until_us` when it ends; else with the first and last reading.
        until_us: see there.
        accuracy_c: how far off the sensor may be; the profile's when nothing better is known.
        resets: instants of `shipment` and `phase` at which such counts begin anew.
        phases: since when the goods were in which phase; before the first of them in the one before it. Counts by
            phase begin anew with each.
        sound: the readings were looked through before: none is an error code, impossible or stuck.
        torn: of sound readings in order of time, whether nothing was measured between the one before (at first: the
            beginning) and it, however close they are; one more for the end.
    """
    t, c, found = _usable(t_us, temp_c, since_us, until_us, sound=sound)
    off_c = profile.accuracy_c if accuracy_c is None else accuracy_c
    if not len(t):
        return _nothing(profile, since_us, until_us, off_c, found)
    span = int(t[0]) if since_us is None else since_us, int(t[-1]) if until_us is None else until_us
    gap_us = round(profile.max_interval_s * S_US)
    dt = np.diff(np.concatenate([[span[0]], t, [span[1]]]))
    torn = np.zeros(len(t) + 1, np.bool_) if torn is None else torn
    unknown_us, whole_us = int(dt[(dt > gap_us) | torn].sum()), max(span[1] - span[0], 0)
    charged_t, charged_c = charged(profile, t, c, span, torn)
    told = {**(resets or {}), **({"phase": sorted(phases.values())} if phases else {})}
    stays = _stays(profile, [(t, c), (charged_t, charged_c)], off_c, told, phases or {}, torn[:-1])
    mkt, over = _mkt(profile, [(t, c), (charged_t, charged_c)], off_c, stays)
    broken = {way: bool((s.alarm_us != NEVER).any()) for way, s in stays.items()}
    coverage = (whole_us - unknown_us) / whole_us if whole_us else 1.0
    failed = {way: broken[way] or over[way] for way in broken}
    verdict = _verdict(failed, enough=coverage >= profile.coverage)
    delta_h = profile.mkt.delta_h_kj_per_mol if profile.mkt else DELTA_H_KJ_PER_MOL
    return Evaluation(
        samples=len(t),
        start_us=span[0],
        end_us=span[1],
        known_s=(whole_us - unknown_us) / S_US,
        unknown_s=unknown_us / S_US,
        min_c=float(c.min()),
        max_c=float(c.max()),
        mkt_c=windows.whole(t, c, b_kelvin(delta_h), gap_us),
        mkt_window=mkt,
        delta_h_kj_per_mol=delta_h,
        bands=tuple(_band(band, profile.tz, stays) for band in profile.bands),
        faults=found,
        accuracy_c=off_c,
        verdict=verdict,
        reasons=_reasons(verdict, broken, over, enough=coverage >= profile.coverage),
    )


def _usable(
    t_us: I64, temp_c: F64, since_us: int | None, until_us: int | None, *, sound: bool
) -> tuple[I64, F64, tuple[Fault, ...]]:
    """The readings of that time in order, without faults of the sensor, and those."""
    order = np.argsort(t_us, kind="stable")
    t, c = t_us[order], temp_c[order].astype(np.float64)
    inside = (
        (t >= (t[0] if since_us is None else since_us)) & (t <= (t[-1] if until_us is None else until_us))
        if len(t)
        else t > 0
    )
    t, c = t[inside], c[inside]
    out, found = (np.zeros(len(t), np.bool_), ()) if sound else faults(t, c)
    return t[~out], c[~out], found


Way = tuple[int, int]
"""What is known, or the worst case; colder, as read, or warmer."""
WAYS: tuple[Way, ...] = tuple((case, off) for case in (KNOWN, WORST) for off in (COLDER, AS_READ, WARMER))


def charged(profile: TemperatureProfile, t: I64, c: F64, span: tuple[int, int], torn: Bool) -> tuple[I64, F64]:
    """The readings, with two more at the ends of each gap: what unknown time is charged as. `torn` as of `evaluate`."""
    gap_us = round(profile.max_interval_s * S_US)
    if profile.gap_charge == "nothing":
        return t, c
    edge_t, edge_c = np.concatenate([[span[0]], t, [span[1]]]), np.concatenate([c[:1], c, c[-1:]])
    hole = np.flatnonzero((np.diff(edge_t) > gap_us) | (torn & (np.diff(edge_t) > 0)))
    worse = np.maximum if profile.gap_charge == "warmer_side" else np.minimum
    fill = worse(edge_c[hole], edge_c[hole + 1])
    at = np.concatenate([np.arange(len(t)) + 0.5, hole, hole + 0.25]) if len(hole) else np.arange(len(t)) + 0.5
    order = np.argsort(at, kind="stable")
    all_t = np.concatenate([t, edge_t[hole], edge_t[hole + 1]])
    return all_t[order], np.concatenate([c, fill, fill])[order]


def _stays(
    profile: TemperatureProfile,
    cases: Sequence[tuple[I64, F64]],
    off_c: float,
    told: Mapping[str, Sequence[int]],
    phases: Mapping[str, int],
    torn: Bool,
) -> dict[Way, Stays]:
    """The stays of each way to look at it: up to six series through one scan."""
    rules = Rules.of([profile, replace(profile, max_interval_s=NO_GAP_S)])
    filled = len(cases[WORST][0]) > len(cases[KNOWN][0])
    ways = [w for w in WAYS if (w[0] == KNOWN or filled) and (w[1] == AS_READ or off_c)]  # the others say the same
    sizes = [len(cases[case][0]) for case, _ in ways]
    series = np.repeat(np.arange(len(ways)), sizes)
    t = np.concatenate([cases[case][0] for case, _ in ways])
    c = np.concatenate([cases[case][1] + (off - AS_READ) * off_c for case, off in ways])
    of = np.repeat([int(case == WORST) for case, _ in ways], sizes)
    resets: dict[str, Instants] = {
        kind: (np.repeat(np.arange(len(ways)), len(at)), np.tile(np.sort(np.array(at, np.int64)), len(ways)))
        for kind, at in told.items()
    }
    applies = None if profile.schedule is None else holds(profile.schedule, profile.tz, t)
    phase = _phase(phases, t) if phases else None
    counted = None
    if torn.any():
        counted = np.concatenate(
            [np.ones(len(cases[k][0]), np.bool_) if k == WORST and filled else ~torn for k, _ in ways]
        )
    _, stays = bands.step(
        State.empty(), rules, of, series, t, c, resets=resets, applies=applies, phase=phase, counted=counted
    )
    whose = series_of(stays.entity)
    found = {way: stays.take(whose == i) for i, way in enumerate(ways)}
    return {(case, off): found[case if filled else KNOWN, off if off_c else AS_READ] for case, off in WAYS}


def _phase(phases: Mapping[str, int], t: I64) -> I64:
    """The phase of each instant, as its place in `PHASES`."""
    begun = sorted((at, PHASES.index(name)) for name, at in phases.items() if name in PHASES)
    places = np.array([max(begun[0][1] - 1, 0), *(place for _, place in begun)])
    return np.asarray(places[np.searchsorted([at for at, _ in begun], t, side="right")])


def _mkt(
    profile: TemperatureProfile, cases: Sequence[tuple[I64, F64]], off_c: float, stays: Mapping[Way, Stays]
) -> tuple[MktWindow | None, dict[Way, bool]]:
    """The warmest window that contains an excursion, as read; and in which ways to look at it one is too warm."""
    mkt, shown = profile.mkt, None
    over = dict.fromkeys(WAYS, False)
    if mkt is None:
        return None, over
    for case, off in WAYS:
        t, c = cases[case]
        gap_s = NO_GAP_S if case == WORST and profile.gap_charge != "nothing" else profile.max_interval_s
        sums = Sums.of(t, c + (off - AS_READ) * off_c, b_kelvin(mkt.delta_h_kj_per_mol), round(gap_s * S_US))
        here = stays[case, off]
        if (best := windows.warmest(sums, mkt, here.start_us, here.end_us)) is not None:
            over[case, off] = best.mkt_c > mkt.limit_c
            shown = best if (case, off) == (KNOWN, AS_READ) else shown
    return shown, over


def _band(band: Band, tz: str, stays: Mapping[Way, Stays]) -> BandResult:
    mine = {way: s.take((s.entity & ((1 << bands.KEY_BITS) - 1)) == key_of(band, tz)) for way, s in stays.items()}
    known, worst = mine[KNOWN, AS_READ], mine[WORST, AS_READ]
    told = tuple(
        Stay(
            start_us=start,
            end_us=None if end == NEVER else end,
            alarm_us=None if alarm == NEVER else alarm,
            known_s=lasted / S_US,
            unknown_s=unknown / S_US,
            extreme_c=band.limit_c + (extreme if band.above else -extreme),
            samples=samples,
        )
        for start, end, alarm, lasted, unknown, extreme, samples in zip(
            *(getattr(known, n).tolist() for n in ("start_us", "end_us", "alarm_us", "known_us", "unknown_us")),
            known.extreme.tolist(),
            known.samples.tolist(),
            strict=True,
        )
    )
    broken = {way: bool((s.alarm_us != NEVER).any()) for way, s in mine.items()}
    used_s, worst_s = (int(s.known_us.sum()) / S_US for s in (known, worst))
    longest_s, worst_longest_s = (int(s.known_us.max(initial=0)) / S_US for s in (known, worst))
    return BandResult(band, told, used_s, longest_s, worst_s, _verdict(broken, enough=True), worst_longest_s)


def _verdict(failed: Mapping[Way, bool], *, enough: bool) -> Verdict:
    if all(failed[KNOWN, off] for off in (COLDER, AS_READ, WARMER)):
        return "fail"
    return "pass" if enough and not any(failed.values()) else "indeterminate"


def _reasons(
    verdict: Verdict, broken: Mapping[Way, bool], over: Mapping[Way, bool], *, enough: bool
) -> tuple[str, ...]:
    ways = [(KNOWN, AS_READ)] if verdict == "fail" else list(WAYS)
    found = []
    if any(broken[way] for way in ways):
        found.append("band")
    if any(over[way] for way in ways):
        found.append("mkt")
    if verdict == "indeterminate":
        failed = {way: broken[way] or over[way] for way in WAYS}
        if any(failed[WORST, off] and not failed[KNOWN, off] for off in (COLDER, AS_READ, WARMER)):
            found.append("gaps")
        if len({failed[KNOWN, off] for off in (COLDER, AS_READ, WARMER)}) > 1:
            found.append("accuracy")
    return tuple(found if enough else [*found, "coverage"])


def _nothing(
    profile: TemperatureProfile, since_us: int | None, until_us: int | None, off_c: float, found: tuple[Fault, ...]
) -> Evaluation:
    nan = float("nan")
    start, end = since_us or 0, until_us or since_us or 0
    nothing = tuple(BandResult(band, (), 0.0, 0.0, 0.0, "indeterminate") for band in profile.bands)
    delta_h = profile.mkt.delta_h_kj_per_mol if profile.mkt else DELTA_H_KJ_PER_MOL
    unknown_s = max(end - start, 0) / S_US
    figures = (0, start, end, 0.0, unknown_s, nan, nan, nan, None, delta_h)
    return Evaluation(*figures, nothing, found, off_c, "indeterminate", ("no_data",))
