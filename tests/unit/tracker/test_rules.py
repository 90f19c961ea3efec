"""The rules by themselves: fences, jumps, arrival times, receipts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.epc import check_digit, gtin_of
from domain.folds.scan import NEVER
from domain.geo import distance_m
from ingest.marks import SPANS_MAX, Mark, advance, runs_of
from tracker.engine.carries import Table
from tracker.rules import geofence, quality
from tracker.vehicles.positions import fixes_for, no_fixes

S = 1_000_000


def visits(fences, t_s, lat, lon, accuracy=np.nan, vehicle=1):
    n = len(t_s)
    columns = (np.asarray(lat, float), np.asarray(lon, float), np.full(n, accuracy))
    found = geofence.evaluate(fences, geofence.Rows(np.full(n, vehicle), np.asarray(t_s) * S, *columns))
    sites = geofence.unpair(found.entity)[1]
    return [tuple(map(int, v)) for v in zip(sites, found.start_us, found.end_us, strict=True)]


def test_noise_at_the_edge_of_a_fence_is_one_visit():
    fences = geofence.Fences([geofence.Fence(7, 60.0, 25.0, 150)])
    rng = np.random.default_rng(2)
    t = np.arange(0, 3600, 5)
    lat = 60.0 + (140 + rng.normal(0, 12, len(t))) / 111_195
    found = visits(fences, t, lat, np.full(len(t), 25.0))
    assert len(found) == 1
    assert found[0][2] == NEVER


def test_a_parked_truck_outside_with_noise_and_glitches_makes_no_visit():
    fences = geofence.Fences([geofence.Fence(7, 60.0, 25.0, 150)])
    rng = np.random.default_rng(3)
    t = np.arange(0, 100 * 3600, 60)
    lat = 60.0 + (400 + rng.normal(0, 15, len(t))) / 111_195
    lat[rng.random(len(t)) < 0.001] -= 300 / 111_195
    assert len(visits(fences, t, lat, np.full(len(t), 25.0))) <= 1


def test_crossing_times_lie_between_the_fixes():
    fences = geofence.Fences([geofence.Fence(7, 0.0, 0.0, 1000)])
    lon = np.array([2000, 500, -500, -2000, -3500]) / 111_195.0
    ((_, entered, left),) = visits(fences, [0, 60, 120, 180, 240], np.zeros(5), lon)
    assert entered / S == pytest.approx(40, abs=0.2)
    assert left / S == pytest.approx(120 + 60 * 700 / 1500, abs=0.2)


def test_a_fence_across_the_antimeridian_contains_both_sides():
    ring = [(179.99, -0.01), (-179.99, -0.01), (-179.99, 0.01), (179.99, 0.01), (179.99, -0.01)]
    for fence in (geofence.Fence(1, 0.0, 180.0, 1500), geofence.Fence(1, 0.0, 180.0, 1, ring)):
        fences = geofence.Fences([fence])
        found = visits(fences, [0, 60, 120, 180], np.zeros(4), [179.9, 179.995, -179.995, -179.9])
        assert len(found) == 1


def test_a_polygon_is_its_shape_and_not_its_circle():
    ring = [(25.0, 60.0), (25.02, 60.0), (25.02, 60.001), (25.0, 60.001), (25.0, 60.0)]
    fences = geofence.Fences([geofence.Fence(3, 60.0005, 25.01, 5000, ring)])
    inside = fences.metres_inside(np.array([0, 0]), np.array([60.0005, 60.004]), np.array([25.01, 25.01]))
    assert inside[0] == pytest.approx(55.6, rel=0.02)
    assert inside[1] < -300


def test_looking_at_many_fences_finds_the_same_as_looking_at_all():
    rng = np.random.default_rng(4)
    fences = geofence.Fences(
        [geofence.Fence(i + 1, *rng.uniform([59, 24], [61, 26]), rng.uniform(50, 4000)) for i in range(300)]
    )
    lat, lon = rng.uniform(59, 61, 2000), rng.uniform(24, 26, 2000)
    rows, fence, touches = fences.near(lat, lon, lat, lon)
    rows, fence = rows[touches], fence[touches]
    near = {
        (int(r), int(f))
        for r, f in zip(rows, fence, strict=True)
        if fences.metres_inside(np.array([f]), lat[[r]], lon[[r]])[0] > 0
    }
    every = {
        (r, f)
        for f in range(300)
        for r in np.flatnonzero(fences.metres_inside(np.full(2000, f), lat, lon) > 0).tolist()
    }
    assert near == every


@given(
    st.lists(
        st.tuples(st.integers(1, 500), st.sampled_from([0.0, 0.0005, 0.001, 3.0, -3.0])),
        min_size=1,
        max_size=25,
        unique_by=lambda r: r[0],
    ),
    st.integers(0, 25),
)
@settings(deadline=None)
def test_jumps_are_the_same_however_the_fixes_are_cut(rows, cut):
    rows = sorted(rows)
    t = np.array([r[0] for r in rows]) * 10 * S
    lat = 60 + np.array([r[1] for r in rows])
    one, lon = np.ones(len(rows), np.int64), np.full(len(rows), 25.0)

    def run(cuts):
        kept, out = Table(no_fixes()), []
        for part in np.split(np.arange(len(rows)), cuts):
            if len(part):
                carry = fixes_for(kept.of(np.array([1])), np.array([1]))
                after, bad = quality.step(carry, one[part], t[part], lat[part], lon[part])
                kept.put(after)
                out += bad.tolist()
        return out

    assert run([]) == run([cut]) == run(list(range(1, len(rows))))


def plain_jumps(t, lat):
    """The definition: a jump from the last good fix, unless it agrees with the doubtful one behind it."""

    def jump(a, b):
        far = float(distance_m(a[1], 25.0, b[1], 25.0))
        return far > quality.JUMP_M_MIN and far > quality.SPEED_MAX_MPS * max(abs(b[0] - a[0]) / S, 1.0)

    good, doubt, out = None, None, []
    for here in zip(t.tolist(), lat.tolist(), strict=True):
        out.append(good is not None and jump(good, here) and (doubt is None or jump(doubt, here)))
        good, doubt = (good, here) if out[-1] else (here, None)
    return out


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from([0.0, 0.0, 0.0005, 3.0, 3.0, -2.0])), min_size=1))
@settings(deadline=None)
def test_jumps_are_those_of_a_plain_loop(rows):
    t = np.cumsum([r[0] for r in rows]) * S
    lat = 60 + np.array([r[1] for r in rows])
    one, lon = np.ones(len(rows), np.int64), np.full(len(rows), 25.0)
    _, bad = quality.step(fixes_for(no_fixes(), np.array([1])), one, t, lat, lon)
    assert bad.tolist() == plain_jumps(t, lat)


def test_a_wrong_first_fix_does_not_condemn_the_good_ones():
    t = np.arange(101) * 5 * S
    lat = np.full(101, 60.0)
    lat[0] = 63.0
    _, bad = quality.step(fixes_for(no_fixes(), np.array([1])), np.ones(101, np.int64), t, lat, np.full(101, 25.0))
    assert bad[2:].sum() == 0


@pytest.mark.parametrize(
    ("epc", "gtin"),
    [
        ("3074257BF7194E4000001A85", "80614141123458"),
        ("3178E61C883950F59A000000", None),
        ("FF", None),
        ("3034257BF7194E4000001A8Z", None),
        ("301C257BF7194E4000001A85", None),
    ],
)
def test_an_sgtin_gives_its_gtin_and_nothing_else_does(epc, gtin):
    assert gtin_of(epc) == gtin


def test_every_bit_flipped_in_a_tag_is_another_code_or_refused():
    good = int("3074257BF7194E4000001A85", 16)
    for bit in range(96):
        found = gtin_of(f"{good ^ (1 << bit):024X}")
        assert found is None or (len(found) == 14 and check_digit(found[:-1]) == int(found[-1]))


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 9))
@settings(deadline=None)
def test_a_receipt_says_what_is_durable_without_a_hole_and_no_more(numbers, size):
    mark, have = Mark(), set()
    for low in range(0, len(numbers), size):
        part = np.array(numbers[low : low + size], dtype=np.int64)
        have |= set(part.tolist())
        mark = advance(mark, runs_of(part.tolist()))
        first = 0 if 0 in have else 1
        expected = first - 1
        while expected + 1 in have:
            expected += 1
        if mark.contiguous >= 0 or expected >= first:
            assert mark.contiguous == expected or (first == 1 and expected == 0 and mark.contiguous == -1)


def test_too_many_holes_are_forgotten_from_the_far_end():
    mark = advance(Mark(), [(i, i) for i in range(10, 3000, 2)])
    assert len(mark.spans) == SPANS_MAX
    assert mark.spans[0] == (10, 10)
