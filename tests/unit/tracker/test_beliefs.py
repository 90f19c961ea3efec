"""Speed and ignition that contradict the way: what a truck did is found whatever its fields say."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.folds.scan import NEVER
from tests.examples import examples
from tracker.rules import beliefs, trips

S = 1_000_000
DEG = 1 / 111_195  # of latitude per metre
DRIVES = ((900, 2_100), (3_900, 5_400), (7_200, 7_800))  # seconds; parked before, between and after
ALL_S = 10_000


def day(rng, step_s, noise_m, *, mps=14.0):
    """Fixes of a truck on a road with bends and lights: times, metres north and east, the speed it has."""
    fine = np.arange(0, ALL_S + 1.0)
    speed = np.zeros(len(fine))
    for begin, end in DRIVES:
        mine = (fine >= begin) & (fine < end)
        ramp = np.minimum(np.minimum(fine - begin, end - fine) / 20, 1).clip(0, 1)
        speed[mine] = (mps * ramp * (0.8 + 0.3 * np.sin(fine / 37)))[mine]
        light = (begin + end) // 2
        speed[(fine >= light) & (fine < light + 45)] = 0.0
    heading = np.cumsum(speed * 0.0006 * np.sin(fine / 90))
    north, east = (np.cumsum(speed * turn(heading)) for turn in (np.cos, np.sin))
    t = np.arange(rng.integers(0, step_s), ALL_S, step_s)
    at = t.astype(int)
    shift = rng.normal(0, noise_m, (2, len(t)))
    return (
        t,
        north[at] + shift[0],
        east[at] + shift[1],
        (speed[at] + rng.normal(0, 0.1, len(t)) * (speed[at] > 0)).clip(0),
    )


def way_m(t0, t1, mps=14.0):
    rng = np.random.default_rng(0)
    t, north, east, _ = day(rng, 1, 0.0, mps=mps)
    mine = (t >= t0) & (t <= t1)
    return np.hypot(np.diff(north[mine]), np.diff(east[mine])).sum()


def rows(t, north, east, speed, ignition=-1, vehicle=1):
    n = len(t)
    lat = 60 + north * DEG
    return trips.Rows(
        np.full(n, vehicle),
        (t * S).astype(np.int64),
        lat,
        25 + east * DEG / np.cos(np.radians(60.0)),
        np.full(n, 5.0),
        np.broadcast_to(np.asarray(speed, float), (n,)).copy(),
        np.broadcast_to(np.asarray(ignition, np.int8), (n,)).copy(),
        np.full(n, np.nan),
    )


def frozen(t, speed):
    """It keeps the last speed of the drive."""
    driving = np.flatnonzero(speed >= 1.5)
    held = np.maximum.accumulate(np.where(speed >= 1.5, np.arange(len(t)), -1))
    return np.where(held < 0, speed, speed[np.where(held < 0, driving[0], held)])


SPEEDS = {
    "true": lambda t, v: v,
    "none": lambda t, v: np.full(len(t), np.nan),
    "always 0": lambda t, v: np.zeros(len(t)),
    "always 0.4": lambda t, v: np.full(len(t), 0.4),
    "always 1": lambda t, v: np.full(len(t), 1.0),
    "always 13.7": lambda t, v: np.full(len(t), 13.7),
    "always 2": lambda t, v: np.full(len(t), 2.0),
    "frozen after parking": frozen,
    "km/h": lambda t, v: 3.6 * v,
    "knots": lambda t, v: 1.944 * v,
    "m/s taken for km/h": lambda t, v: v / 3.6,
    "m/s taken for knots": lambda t, v: v / 1.944,
}
ENGINES = {
    "none": lambda t: np.full(len(t), -1),
    "true": lambda t: np.any([(t >= a - 60) & (t < b + 60) for a, b in DRIVES], axis=0).astype(int),
    "always off": lambda t: np.zeros(len(t), int),
    "always on": lambda t: np.ones(len(t), int),
}
UNITS = ("km/h", "knots", "m/s taken for km/h", "m/s taken for knots")


def trips_of(segments):
    mine = segments.take(segments.kind == trips.TRIP)
    return list(zip(mine.start_us / S, mine.end_us / S, mine.distance_mm / 1e3, mine.speed_max_mps, strict=True))


@pytest.mark.parametrize("noise_m", [0.0, 5.0])
@pytest.mark.parametrize("step_s", [5, 10, 20, 30, 60])
@pytest.mark.parametrize("engine", sorted(ENGINES))
@pytest.mark.parametrize("kind", sorted(SPEEDS))
def test_speed_and_ignition_that_contradict_the_way_do_not_change_what_was_driven(kind, engine, step_s, noise_m):
    rng = np.random.default_rng(step_s)
    t, north, east, speed = day(rng, step_s, noise_m)
    found = trips_of(trips.evaluate(rows(t, north, east, SPEEDS[kind](t, speed), ENGINES[engine](t))))
    assert len(found) == len(DRIVES)
    slack_s = 150 + 2 * step_s
    for n, ((start, end, metres, fastest), (begin, until)) in enumerate(zip(found, DRIVES, strict=True)):
        assert start == pytest.approx(begin, abs=slack_s)
        assert end == pytest.approx(until, abs=slack_s)
        least, most = (0.85, 1.15) if n or kind not in UNITS else (0.6, 2.0)  # the first drive teaches
        assert least * way_m(begin, until) <= metres <= most * way_m(begin, until)
        if n:
            assert fastest < 2 * 15.4


def marks_of(step_s, kind="true", engine="none", north=None, **more):
    rng = np.random.default_rng(step_s)
    t, at, east, speed = day(rng, step_s, 3.0)
    fixes = rows(t, at if north is None else north, east, SPEEDS[kind](t, speed), ENGINES[engine](t))
    return t, trips.judged(trips.Carry.empty(), fixes, **more)[2]


@pytest.mark.parametrize("step_s", [5, 10, 20, 30, 60])
def test_fields_that_tell_the_truth_are_believed(step_s):
    for engine in ("none", "true"):
        _, said = marks_of(step_s, engine=engine)
        assert np.mean(said & beliefs.SPEED != 0) < 0.01
        assert not (said & (beliefs.IGNITION | beliefs.CARRIED)).any()


@pytest.mark.parametrize("step_s", [5, 10, 30, 60])
@pytest.mark.parametrize("kind", sorted({*SPEEDS} - {"true", "none"}))
def test_a_speed_that_lies_is_marked_as_not_believed(kind, step_s):
    t, said = marks_of(step_s, kind)
    last = (t > DRIVES[2][0] + 200) & (t < DRIVES[2][1]) if kind != "frozen after parking" else t > DRIVES[2][1] + 300
    assert np.mean(said[last] & beliefs.SPEED != 0) > 0.95


@pytest.mark.parametrize("step_s", [5, 10, 30, 60])
def test_an_ignition_whose_wire_is_not_connected_is_marked_as_not_believed(step_s):
    t, said = marks_of(step_s, engine="always off")
    assert (said[t > DRIVES[1][0]] & beliefs.IGNITION != 0).all()
    assert not (said & beliefs.CARRIED).any()


def test_an_engine_that_is_on_for_days_idles_no_longer():
    t = np.arange(0, 5 * 86_400, 60)
    ((stop,),) = (trips.evaluate(rows(t, t * 0.0, t * 0.0, 0.0, 1)).idle_us / S,)
    assert stop == pytest.approx(86_400, abs=60)
    _, _, said = trips.judged(trips.Carry.empty(), rows(t, t * 0.0, t * 0.0, 0.0, 1))
    assert ((said & beliefs.IGNITION != 0) == (t > 86_400)).all()


@pytest.mark.parametrize("speed", [0.0, 8.0, np.nan], ids=["says 0", "says its speed", "says nothing"])
@pytest.mark.parametrize("step_s", [5, 10, 30, 60])
def test_a_ferry_and_a_tow_are_carried_and_a_drive_is_not(step_s, speed):
    """Driven aboard with the engine on, over the water with it off, and on again."""
    t = np.arange(0, 7_200, step_s)
    mps = np.select([t < 600, t < 1_200, t < 1_800, t < 5_400, t < 6_000], [0.0, 14.0, 0.0, 8.0, 0.0], 14.0)
    north = np.cumsum(mps * step_s)
    off = (t >= 1_200) & (t < 6_000)
    fixes = rows(t, north, north * 0, np.where(off & (mps > 0), speed, mps), np.where(off, 0, 1))
    _, segments, said = trips.judged(trips.Carry.empty(), fixes)
    carried = said & beliefs.CARRIED != 0
    assert carried[(t > 2_000) & (t < 5_350)].all()
    assert not carried[(t < 1_800) | (t > 5_700)].any()
    assert not (said & beliefs.IGNITION).any()
    mine = segments.take(segments.kind == trips.TRIP)
    assert mine.carried_mm.sum() / 1e6 == pytest.approx(8.0 * 3.6, rel=0.06)
    assert (mine.carried_mm <= mine.distance_mm).all()
    assert mine.carried_mm[0] == mine.carried_mm[-1] == 0


def test_a_truck_that_is_parked_with_the_engine_off_is_not_carried_by_glitches():
    rng = np.random.default_rng(3)
    t = np.arange(0, 500_000, 10)
    north, east = rng.normal(0, 15, (2, len(t)))
    wild, angle = rng.random(len(t)) < 0.02, rng.uniform(0, 2 * np.pi, len(t))
    north[wild] += 220 * np.cos(angle[wild])
    east[wild] += 220 * np.sin(angle[wild])
    _, segments, said = trips.judged(trips.Carry.empty(), rows(t, north, east, 0.2, 0))
    assert segments.kind.tolist() == [trips.STOP]
    assert segments.distance_mm.tolist() == [0]
    assert not (said & (beliefs.IGNITION | beliefs.CARRIED)).any()


faults = st.tuples(
    st.sampled_from(sorted(SPEEDS)), st.sampled_from(sorted(ENGINES)), st.sampled_from([5, 10, 30, 60, 90])
)


@given(st.lists(faults, min_size=1, max_size=2), st.integers(0, 10**6), st.lists(st.floats(0, 1), max_size=6))
@settings(deadline=None, max_examples=examples(40))
def test_doubts_obey_the_law_of_the_fold(some, seed, cuts):
    """Any chunking of several vehicles' days gives the same segments, carries and marks."""
    rng = np.random.default_rng(seed)
    parts = []
    for vehicle, (kind, engine, step_s) in enumerate(some, 1):
        t, north, east, speed = day(rng, step_s, 8.0)
        keep = rng.random(len(t)) < 0.95
        engine_says = np.where(rng.random(len(t)) < 0.2, -1, ENGINES[engine](t))
        parts.append((t[keep], rows(t, north, east, SPEEDS[kind](t, speed), engine_says, vehicle), keep))
    names = [f.name for f in fields(trips.Rows)]
    times = np.concatenate([t for t, *_ in parts])
    whole = trips.Rows(*(np.concatenate([getattr(r, n)[keep] for _, r, keep in parts]) for n in names))
    after, segments, said = trips.judged(trips.Carry.empty(), whole)
    carry, pieces, found = trips.Carry.empty(), np.zeros(len(times), np.int8), {}
    edges = [-1.0, *sorted(c * ALL_S for c in cuts), ALL_S + 1.0]
    for low, high in pairwise(edges):
        mine = (times > low) & (times <= high)
        fresh, some_segments, pieces[mine] = trips.judged(carry, trips.Rows(*(getattr(whole, n)[mine] for n in names)))
        carry = carry.updated(fresh) if mine.any() else carry
        told = [f.name for f in fields(some_segments) if f.name != "began_here"]
        for row in zip(*(getattr(some_segments, n).tolist() for n in told), strict=True):
            found[row[0], row[2]] = [repr(v) for v in row]
    told = [f.name for f in fields(segments) if f.name != "began_here"]
    wanted = [[repr(v) for v in row] for row in zip(*(getattr(segments, n).tolist() for n in told), strict=True)]
    assert sorted(found.values()) == sorted(wanted)
    assert (pieces == said).all()
    for f in fields(carry):
        assert getattr(carry, f.name).tobytes() == getattr(after, f.name).tobytes(), f.name
    assert (segments.end_us[segments.end_us != NEVER] >= segments.start_us[segments.end_us != NEVER]).all()
