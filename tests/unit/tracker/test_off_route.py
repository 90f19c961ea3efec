"""Off route: the distance is to the line, and any split of the rows gives the same runs."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from domain.folds.scan import NEVER, Carry
from domain.geo import local_m
from tracker.engine.carries import joined
from tracker.rules import off_route

S = 1_000_000


def path(coordinates):
    """From GeoJSON positions."""
    lon, lat = np.array(coordinates).T
    return off_route.Path(lat, lon)


LINES = {
    1: path([[25.0, 60.0], [25.2, 60.0], [25.2, 60.1]]),
    2: path([[179.9, -16.0], [-179.9, -16.0]]),
}


def step(carry, entity, t_s, lat, lon):
    columns = (np.asarray(entity, np.int64), np.asarray(t_s, np.int64) * S, np.asarray(lat), np.asarray(lon))
    rows = off_route.Rows(*columns, np.full(len(entity), np.nan))
    return off_route.step(carry, LINES, rows, off_route.Limits(500.0, 300 * S))


def test_the_distance_is_to_the_line_between_the_vertices_and_across_the_antimeridian():
    found = off_route.distance_to_lines_m(
        LINES,
        np.array([1, 1, 1, 2, 2, 3]),
        np.array([60.001, 60.05, 59.0, -16.001, -16.001, 60.0]),
        np.array([25.1, 25.21, 25.0, 180.0, -179.95, 25.0]),
    )
    assert found[[0, 1, 3, 4]] == pytest.approx([111.2, 555, 111.2, 111.2], rel=0.01)
    assert found[2] == pytest.approx(111_195, rel=0.01)
    assert np.isnan(found[5])


points = st.tuples(st.floats(59.9, 60.2), st.floats(24.9, 25.3))


@given(st.lists(points, min_size=2, max_size=6, unique=True), st.lists(points, min_size=1, max_size=8))
def test_it_agrees_with_shapely_in_the_plane_of_each_point(line, rows):
    ours = off_route.distance_to_lines_m(
        {5: path([[lon, lat] for lat, lon in line])},
        np.full(len(rows), 5),
        np.array([r[0] for r in rows]),
        np.array([r[1] for r in rows]),
    )
    for found, (lat, lon) in zip(ours, rows, strict=True):
        east, north = local_m(np.array([p[0] for p in line]), np.array([p[1] for p in line]), lat, lon)
        there = shapely.LineString(np.column_stack([east, north]))
        assert found == pytest.approx(shapely.distance(shapely.Point(0, 0), there), abs=0.01)


def test_a_simplified_line_is_nowhere_further_off_than_stated_and_much_shorter():
    rng = np.random.default_rng(4)
    lat = 60 + np.cumsum(rng.normal(0, 2e-5, 500))
    whole = off_route.Path(lat, 25 + np.linspace(0, 0.5, 500))
    short = whole.simplified()
    assert len(short.lat) < 100
    off = off_route.distance_to_lines_m({1: short}, np.ones(500, np.int64), whole.lat, whole.lon)
    assert 0 < off.max() <= off_route.ROUGH_M
    same = path([[25.0, 60.0], [25.2, 60.0]]).simplified()
    assert (same.lat.tolist(), same.lon.tolist()) == ([60.0, 60.0], [25.0, 25.2])


def test_many_rows_are_looked_at_in_bounded_portions(monkeypatch):
    rng = np.random.default_rng(3)
    entity, lat, lon = np.repeat([1, 2], 50), rng.uniform(59, 61, 100), rng.uniform(24, 26, 100)
    whole = off_route.distance_to_lines_m(LINES, entity, lat, lon)
    monkeypatch.setattr(off_route, "PAIRS_MAX", 7)
    assert off_route.distance_to_lines_m(LINES, entity, lat, lon).tolist() == whole.tolist()


def test_the_first_fix_of_each_half_minute_is_looked_at_however_the_rows_are_split():
    t = np.arange(0, 120, 7)
    columns = np.ones(len(t)), t, np.full(len(t), 60.1), np.full(len(t), 25.1)
    _, whole = step(Carry.empty(), *columns)
    assert whole.samples.tolist() == [4]
    carry = Carry.empty()
    for i in range(len(t)):
        fresh, _ = step(carry, *(c[i : i + 1] for c in columns))
        carry = fresh if len(fresh) else carry
    assert carry.samples.tolist() == [4]


def test_a_fix_less_accurate_than_the_corridor_is_wide_decides_nothing():
    t = np.arange(5) * 60 * S
    accuracy = np.array([5.0, np.nan, 501.0, 500.0, 5.0])
    rows = off_route.Rows(np.ones(5, np.int64), t, np.full(5, 60.1), np.full(5, 25.1), accuracy)
    carry, runs = off_route.step(Carry.empty(), LINES, rows, off_route.Limits())
    assert np.isnan(off_route.step(Carry.empty(), LINES, rows.take(np.array([2])), off_route.Limits())[0].x).all()
    assert (len(runs), runs.end_us.tolist()) == (1, [NEVER])
    assert np.isfinite(carry.x).all()


def test_a_detour_is_told_once_it_has_lasted_and_a_shortcut_is_not():
    t = np.arange(0, 1200, 60)
    lat = 60.0 + np.where((t >= 300) & (t < 900), 0.009, 0.0)
    _, runs = step(Carry.empty(), np.full(len(t), 1), t, lat, np.full(len(t), 25.1))
    assert len(runs) == 1
    assert runs.lasted_at_us[0] < runs.end_us[0] < NEVER
    assert 250 * S < runs.start_us[0] < 300 * S
    short = 60.0 + np.where((t >= 300) & (t < 540), 0.009, 0.0)
    _, runs = step(Carry.empty(), np.full(len(t), 1), t, short, np.full(len(t), 25.1))
    assert runs.lasted_at_us.tolist() == [NEVER]


fixes = st.tuples(st.integers(1, 3), st.integers(0, 90), st.sampled_from([0.0, 0.003, 0.0044, 0.006, 0.02]))


@given(
    st.lists(fixes, max_size=40, unique_by=lambda r: r[:2]),
    st.lists(st.integers(1, 90), max_size=5).map(sorted),
)
def test_any_split_gives_the_same_runs(rows, cuts):
    def reported(bounds):
        carry, latest = Carry.empty(), {}
        for low, high in zip([0, *bounds], [*bounds, 10**9], strict=True):
            part = sorted(r for r in rows if low <= r[1] < high)
            if part:
                entity, t, off = (np.array(c) for c in zip(*part, strict=True))
                fresh, runs = step(
                    carry, entity, t * 60, np.where(entity == 2, -16.0, 60.0) - off, np.where(entity == 2, 180.0, 25.1)
                )
                carry = joined(carry.take(~np.isin(carry.entity, fresh.entity)), fresh)
                for i in range(len(runs)):
                    latest[int(runs.entity[i]), int(runs.start_us[i])] = (
                        int(runs.end_us[i]), int(runs.lasted_at_us[i]), float(runs.extreme[i])
                    )  # fmt: skip
        return latest

    assert reported(cuts) == reported([])
