"""Bands of temperature profiles: against a slow, plain definition, the rows of WHO PQS, and windows of USP."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.cold_chain import bands, sensors
from domain.cold_chain.bands import Rules, State
from domain.cold_chain.kinetic import Kinetic, b_kelvin, mkt_c, of_series
from domain.cold_chain.profile import Band, Mkt, TemperatureProfile, plain
from domain.cold_chain.recordings import evaluate
from domain.folds.scan import NEVER, Carry, scan
from tests.examples import examples

S = 1_000_000
H = 3600 * S
GAP = 40
RESETS = [95, 180, 181, 300]
BANDS = [
    Band("above", ">", 0.0, 50e-6, clear_c=1.0),
    Band("at", ">=", 0.0, 50e-6, clear_c=0.0),
    Band("low", "<=", -1.0, 0, clear_c=0.5),
    Band("ever", ">=", 1.0, 60e-6, "cumulative", clear_c=0.0),
    Band("shipment", ">", 0.0, 40e-6, "cumulative", "shipment", clear_c=1.0),
    Band("rolling", ">", 0.0, 40e-6, "cumulative", "rolling", window_s=100e-6, clear_c=0.0),
]
SMALL = TemperatureProfile(bands=tuple(BANDS), max_interval_s=GAP * 1e-6)


def obvious(band, rows):
    """Stays of one band by a plain loop over a series, and a walk over every microsecond for the alarm."""
    side = 1 if band.above else -1
    prev, stays, pieces = None, [], []
    going = None
    for t, c in rows:
        x = side * (c - band.limit_c)
        met = x >= 0 if band.inclusive else x > 0
        gap = prev is None or t - prev[0] > GAP
        if going is None and met:
            start = t
            if not gap and prev[1] <= 0:
                start = prev[0] + round((t - prev[0]) * (-prev[1] / (x - prev[1])))
            going = [start, NEVER, 0]
            stays.append(going)
            pieces.append((start, t, going))
        elif going is not None:
            over = not met and x <= -band.clear_c
            end = t
            if over and not gap:
                end = prev[0] + round((t - prev[0]) * min(max((prev[1] + band.clear_c) / (prev[1] - x), 0), 1))
            if gap:
                going[2] += t - prev[0]
            else:
                pieces.append((prev[0], end, going))
            if over:
                going[1], going = end, None
        prev = (t, x)
    return [(s[0], s[1], first_alarm(band, pieces, s), s[2]) for s in stays]


def first_alarm(band, pieces, stay):
    counted = [p for p in pieces if band.mode == "cumulative" or p[2] is stay]
    ticks = np.array([k for lo, hi, _ in counted for k in range(lo, hi)])
    for lo, hi, _ in (p for p in pieces if p[2] is stay):
        for now in range(lo, hi + 1):
            since = -1
            if band.reset == "shipment":
                since = max([r for r in RESETS if r < now or r == now == lo], default=-1)
            if band.reset == "rolling":
                since = now - round(band.window_s * S)
            if ((ticks >= since) & (ticks < now)).sum() >= round(band.for_s * S):
                return now
    return NEVER


series = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([-5.0, -2.0, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 4.0])),
    max_size=40,
    unique_by=lambda r: r[0],
).map(sorted)


def told(rules, some, stays):
    found = {}
    for i in range(len(stays)):
        band = rules.band_of(0, int(stays.entity[i]))
        row = (stays.start_us[i], stays.end_us[i], stays.alarm_us[i], stays.unknown_us[i])
        found.setdefault((int(stays.entity[i]) >> 32, band.name), []).append(tuple(map(int, row)))
    return found


@given(st.dictionaries(st.integers(1, 4), series, max_size=3))
@settings(deadline=None, max_examples=examples(150))
def test_stays_and_alarms_are_those_of_the_plain_definition(some):
    rules = Rules.of([SMALL])
    rows = sorted((s, t, c) for s, found in some.items() for t, c in found)
    if not rows:
        return
    whose, t, c = (np.array(column) for column in zip(*rows, strict=True))
    resets = {"shipment": (np.repeat(sorted(some), len(RESETS)), np.tile(RESETS, len(some)))}
    _, stays = bands.step(State.empty(), rules, whose * 0, whose, t, c, resets=resets)
    wanted = {(s, b.name): obvious(b, found) for s, found in some.items() for b in BANDS}
    assert told(rules, some, stays) == {key: found for key, found in wanted.items() if found}


@given(st.lists(st.tuples(st.integers(1, 900), st.sampled_from([1.0, 2.0, 5.0, 8.0, 8.5, 9.0, 7.7])), max_size=40))
@settings(deadline=None)
def test_a_plain_profile_says_what_two_limits_said(steps):
    t = np.cumsum([s for s, _ in steps], dtype=np.int64) * S
    c = np.array([c for _, c in steps], float)
    whose = np.full(len(t), 7)
    sides = np.repeat([0, 1], len(t))
    x, both = np.concatenate([c - 8.0, 2.0 - c]), np.concatenate([t, t])
    _, runs = scan(Carry.empty(), sides, both, x, h=0.3, for_us=600 * S, gap_us=800 * S)
    rules = Rules.of([plain(2.0, 8.0, 600.0, 0.3, 800.0)])
    _, stays = bands.step(State.empty(), rules, whose * 0, whose, t, c)
    same = ("start_us", "end_us", "known_us", "extreme", "samples", "began_here")
    assert [getattr(runs, n).tolist() for n in same] == [getattr(stays, n).tolist() for n in same]
    assert runs.lasted_at_us.tolist() == stays.alarm_us.tolist()
    assert runs.entity.tolist() == (stays.entity % 2**32).tolist()


# ---------------------------------------------------------------- WHO PQS
TYPE_1 = TemperatureProfile(
    bands=(
        Band("45 °C", ">=", 45.0, 3600, clear_c=0.0),
        Band("30 °C", ">=", 30.0, 36_000, "cumulative", clear_c=0.0),
        Band("-0.5 °C", "<=", -0.5, 3600, severity="warning", clear_c=0.0),
    )
)
REFRIGERATOR = TemperatureProfile(
    bands=(Band("8 °C", ">", 8.0, 36_000, clear_c=0.0), Band("-0.5 °C", "<=", -0.5, 3600, clear_c=0.0))
)


def recording(*parts, every_s=300):
    """Hours at a temperature, one after the other, each from its first instant: readings of one time at the turns."""
    t, c, now = [], [], 0
    for hours, temp_c in parts:
        mine = np.append(np.arange(0, round(hours * H), every_s * S), round(hours * H))
        t.append(now + mine)
        c.append(np.full(len(mine), float(temp_c)))
        now += round(hours * H)
    return np.concatenate(t), np.concatenate(c)


def alarms(profile, *parts):
    found = evaluate(profile, *recording(*parts))
    return {result.band.name: [at / H for at in result.alarms_us] for result in found.bands if result.alarms_us}


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([(1, 20), (1, 45), (1, 20)], {"45 °C": [2.0]}),
        ([(1, 20), (0.99, 45), (1, 20)], {}),
        ([(1, 20), (2, 44.999), (1, 20)], {}),
        ([(1, 20), (0.6, 46), (0.1, 20), (0.6, 46), (1, 20)], {}),  # one event, not the sum of two
        ([(4, 30), (5, 20), (5.9, 30), (1, 20)], {}),
        ([(4, 30), (5, 20), (6, 30), (1, 20)], {"30 °C": [15.0]}),
        ([(4, 30), (5, 20), (7, 30), (1, 20), (1, 31)], {"30 °C": [15.0, 17.0]}),
        ([(10, 29.999)], {}),
        ([(2, 5), (1, -0.5), (1, 5)], {"-0.5 °C": [3.0]}),
        ([(2, 5), (9, -0.4), (1, 5)], {}),
    ],
)
def test_shipping_indicator_of_type_1(parts, wanted):
    assert alarms(TYPE_1, *parts) == wanted


def test_shipping_indicator_of_type_2_counts_30_and_10_apart():
    more = Band("10 °C", ">=", 10.0, 72_000, "cumulative", clear_c=0.0)
    type_2 = replace(TYPE_1, bands=(*TYPE_1.bands[:2], more))
    assert alarms(type_2, (12, 10), (3, 5), (9, 30), (2, 5)) == {"10 °C": [23.0]}
    assert alarms(type_2, (12, 9.9), (3, 5), (11, 30), (2, 5)) == {"30 °C": [25.0]}


def test_refrigerator_logger_takes_8_itself_for_good():
    assert alarms(REFRIGERATOR, (1, 5), (20, 8), (1, 5)) == {}
    assert alarms(REFRIGERATOR, (1, 5), (10, 8.1), (1, 5)) == {"8 °C": [11.0]}


def test_the_alarm_is_interpolated_and_known_before_the_next_reading():
    profile = TemperatureProfile(bands=(Band("warm", ">", 8.0, 600, clear_c=0.0),), max_interval_s=3600)
    (found,) = evaluate(profile, np.array([0, 1000, 2000]) * S, np.array([6.0, 10.0, 10.0])).bands
    assert [(s.start_us // S, s.alarm_us // S) for s in found.stays] == [(500, 1100)]


def test_a_gap_pauses_clears_nothing_and_is_told():
    profile = TemperatureProfile(bands=(Band("warm", ">", 8.0, 1200, clear_c=0.0),), max_interval_s=600)
    (stay,) = evaluate(profile, np.array([0, 600, 9000, 9600, 9900]) * S, np.full(5, 9.0)).bands[0].stays
    assert (stay.end_us, stay.alarm_us, stay.known_s, stay.unknown_s) == (None, 9600 * S, 1500, 8400)


def test_a_daily_count_begins_anew_in_the_hour_of_its_zone_also_when_clocks_change():
    band = Band("day", ">", 8.0, 3 * 3600, "cumulative", "daily", "06:00", clear_c=0.0)
    profile = TemperatureProfile(bands=(band,), tz="Europe/Helsinki")
    at = 1_774_742_400  # 2026-03-29T00:00Z: 02:00 in Helsinki, and at three it is four: 06:00 is 03:00Z
    t, c = recording((1, 5), (2, 9), (1.5, 9), (1, 5))
    (found,) = evaluate(profile, t + at * S, c).bands
    assert found.alarms_us == ()
    (found,) = evaluate(replace(profile, tz="UTC"), t + at * S, c).bands
    assert [a / S - at for a in found.alarms_us] == [4 * 3600]


# ---------------------------------------------------------------- MKT, USP
@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([(24, 25)], 25.000000),
        ([(12, 20), (12, 30)], 26.259887),
        ([(23, 5), (1, 20)], 6.550752),
        ([(18, 5), (6, 14)], 8.285216),
        ([(717, 22), (3, 29)], 22.043175),
        ([(29 * 24, 24), (24, 40)], 25.260230),
        ([(29.5 * 24, 24), (12, 40)], 24.651153),
    ],
)
def test_mean_kinetic_temperatures_of_known_answer(parts, wanted):
    assert evaluate(TemperatureProfile(), *recording(*parts)).mkt_c == pytest.approx(wanted, abs=1e-6)


CCT = TemperatureProfile(
    2.0, 8.0, (Band("above", ">", 8.0, 86_400, clear_c=0.0), Band("over 15", ">", 15.0, 0)), Mkt(8.0, 86_400)
)


@pytest.mark.parametrize(
    ("parts", "window_c", "verdict"),
    [
        ([(30, 5), (1, 14), (30, 5)], None, "pass"),
        ([(30, 5), (6, 14), (30, 5)], 8.285216, "fail"),
        ([(18, 5), (6, 14)], 8.285216, "fail"),
        ([(23, 5), (1, 20)], 6.550752, "fail"),  # MKT alone is not the rule
    ],
)
def test_windows_of_usp_for_controlled_cold(parts, window_c, verdict):
    found = evaluate(CCT, *recording(*parts))
    assert found.verdict == verdict
    assert found.mkt_window.end_us - found.mkt_window.start_us == 24 * H
    assert not found.mkt_window.partial
    if window_c is not None:
        assert found.mkt_window.mkt_c == pytest.approx(window_c, abs=1e-6)


def test_placements_of_the_window_differ_and_any_is_the_strictest():
    crt = replace(CCT, bands=(Band("above", ">", 30.0, 90_000),), mkt=Mkt(25.0, 30 * 86_400))
    t, c = recording((30 * 24, 20), (24, 40), (30 * 24, 24))
    found = {
        p: evaluate(replace(crt, mkt=replace(crt.mkt, placement=p)), t, c) for p in ("any", "ends_at", "starts_at")
    }
    value = {p: e.mkt_window.mkt_c for p, e in found.items()}
    assert value["starts_at"] == pytest.approx(25.260230, abs=1e-6) == value["any"]
    assert value["ends_at"] < 23
    assert (found["any"].verdict, found["ends_at"].verdict) == ("fail", "pass")
    assert evaluate(crt, *recording((24, 24), (2, 31), (24, 24))).mkt_window.partial


def test_a_window_is_the_warmest_of_all_that_a_plain_search_finds():
    rng = np.random.default_rng(5)
    t = np.cumsum(rng.integers(60, 900, 600)) * S
    c = 6 + 4 * np.sin(t / 9e9) + rng.normal(0, 1, 600)
    found = evaluate(CCT, t, c).mkt_window
    stays = [s for b in evaluate(CCT, t, c).bands for s in b.stays]
    best = -np.inf
    for stay in stays:
        a, b = stay.start_us, min(stay.end_us or t[-1], t[-1])
        for end in np.linspace(min(b, a + 24 * H), max(b, a + 24 * H), 400):
            if t[0] + 24 * H <= end <= t[-1]:
                grid = np.linspace(end - 24 * H, end, 4000)
                best = max(best, mkt_c(of_series(grid.astype(np.int64), np.interp(grid, t, c), 1e4, H), 1e4))
    assert best - 0.02 < found.mkt_c < best + 0.05


def test_a_million_readings_merged_in_any_order_are_the_batch():
    rng = np.random.default_rng(7)
    n, b_k = 1_000_000, b_kelvin()
    t = np.cumsum(rng.integers(1, 90, n)) * S
    c = rng.uniform(-25, 40, n)
    batch = of_series(t, c, b_k, 60 * S)
    cuts = np.sort(rng.choice(n - 1, 500, replace=False)) + 1
    parts = [of_series(t[a : b + 1], c[a : b + 1], b_k, 60 * S) for a, b in pairwise([0, *cuts.tolist(), n - 1])]
    merged = Kinetic()
    for i in rng.permutation(len(parts)):
        merged = merged.merge(parts[i])
    assert merged == batch
    assert abs(mkt_c(merged, b_k) - mkt_c(batch, b_k)) < 1e-9


# ---------------------------------------------------------------- verdicts
WARM = TemperatureProfile(2.0, 8.0, (Band("warm", ">", 8.0, 600, clear_c=0.0),), max_interval_s=900)


def test_accuracy_decides_too():
    t, c = recording((2, 5), (1, 8.3), (2, 5))
    assert [evaluate(WARM, t, c, accuracy_c=u).verdict for u in (0.0, 0.2, 0.5)] == ["fail", "fail", "indeterminate"]
    t, c = recording((2, 5), (1, 7.8), (2, 5))
    found = evaluate(WARM, t, c, accuracy_c=0.5)
    assert (found.verdict, found.reasons) == ("indeterminate", ("band", "accuracy"))
    assert evaluate(WARM, t, c, accuracy_c=0.1).verdict == "pass"


def test_unknown_time_is_charged_as_the_profile_says():
    t, c = recording((2, 5), (0.1, 8.5), (2, 5))
    hole = (t < 2.05 * H) | (t > 2.6 * H)  # it ends warm, and begins cold
    found = evaluate(WARM, t[hole], c[hole])
    assert (found.verdict, found.reasons) == ("indeterminate", ("band", "gaps", "coverage"))
    assert found.bands[0].worst_case_s > found.bands[0].used_s + 1500
    kind = replace(WARM, gap_charge="colder_side", coverage=0.5)
    assert evaluate(kind, t[hole], c[hole]).verdict == "pass"
    assert evaluate(replace(WARM, coverage=0.5, gap_charge="nothing"), t[hole], c[hole]).verdict == "pass"


def test_silence_at_either_end_is_unknown_time_too():
    t, c = recording((2, 5))
    found = evaluate(WARM, t, c, since_us=-2 * H, until_us=3 * H)
    assert (found.known_s, found.unknown_s, found.verdict) == (7200, 3 * 3600, "indeterminate")
    assert evaluate(WARM, t, c).verdict == "pass"


def test_nothing_measured_is_no_verdict():
    none = np.empty(0)
    assert evaluate(WARM, none.astype(np.int64), none).reasons == ("no_data",)
    assert evaluate(WARM, np.array([1, 2]), np.array([85.0, -127.0])).verdict == "indeterminate"


@pytest.mark.parametrize("code", sensors.SENTINELS_C)
def test_an_error_code_is_a_fault_and_starts_nothing(code):
    t, c = recording((2, 5), every_s=60)
    c[40:45] = code
    found = evaluate(TemperatureProfile(bands=(Band("a", ">", 8.0, 0), Band("b", "<", 2.0, 0))), t, c)
    assert [(f.kind, f.samples) for f in found.faults] == [("error_code", 5)]
    assert [b.stays for b in found.bands] == [(), ()]


def test_one_impossible_sample_starts_nothing_and_two_are_believed():
    t, c = recording((2, 5), every_s=60)
    once = evaluate(replace(WARM, bands=(Band("a", ">", 8.0, 0),)), t, np.where(np.arange(len(c)) == 50, 60.0, c))
    assert once.bands[0].stays == ()
    assert once.faults[0].kind == "impossible"
    more = np.isin(np.arange(len(c)), [50, 51, 52])
    twice = evaluate(replace(WARM, bands=(Band("a", ">", 8.0, 0),)), t, np.where(more, 60.0, c))
    assert len(twice.bands[0].alarms_us) == 1


def test_a_probe_that_stands_still_is_a_fault_unless_it_always_did():
    rng = np.random.default_rng(1)
    t, c = recording((72, 5), every_s=300)
    moving = np.round(c + rng.normal(0, 0.2, len(c)), 1)
    frozen = np.where((t > 24 * H) & (t < 60 * H), 9.0, moving)
    found = evaluate(WARM, t, frozen)
    assert [f.kind for f in found.faults] == ["stuck"]
    assert found.bands[0].stays == ()
    assert evaluate(WARM, t, c).faults == ()
