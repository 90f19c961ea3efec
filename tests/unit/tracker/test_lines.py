"""Where vehicles are along their planned lines."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracker.rules.lines
from domain.geo import distance_m
from tests.examples import examples
from tracker.rules.lines import Lines, Place

KM = 1 / 111.195  # degrees of latitude


def line(*points):
    return np.array([[lon, lat] for lat, lon in points], dtype=float)


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.floats(0, 0.01))
def test_progress_never_goes_back_and_never_leaves_its_line(seed, vertices, noise):
    rng = np.random.default_rng(seed)
    begin = np.array([24.9, 60.2])
    shapes = [begin + np.cumsum(rng.normal(0, 0.01, (vertices + k, 2)), axis=0) for k in range(3)]
    lines, which = Lines.of(shapes), np.arange(3)
    last = lines.begin(which)
    for share in np.linspace(0, 1, 12):
        at = np.array([shape[int(share * (len(shape) - 1))] for shape in shapes]) + rng.normal(0, noise, (3, 2))
        found = lines.project(which, at[:, 1], at[:, 0], last)
        assert (found.way_m >= last.way_m).all()
        assert (found.way_m <= lines.length_m(which) + 1e-6).all()
        assert (found.segment >= last.segment).all()
        assert (found.segment < lines.start[which + 1] - 1).all()
        last = found


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(2, 300), st.floats(1e-5, 0.05)), min_size=1, max_size=4),
    st.sampled_from([0.0, 60.2, 84.0]),
    st.sampled_from([24.9, 179.99]),
    st.floats(0, 0.5),
    st.sampled_from([2e3, 2e4, np.inf]),
)
@settings(deadline=None, max_examples=examples(60))
def test_what_is_left_out_of_a_line_is_never_what_is_nearest(seed, shape, lat, lon, off, ahead_m):
    """Groups of segments that are too far away are not looked at: all are looked at when one group has them all."""
    rng = np.random.default_rng(seed)
    shapes = [np.array([lon, lat]) + np.cumsum(rng.normal(step / 4, step, (n, 2)), axis=0) for n, step in shape]
    lines, which = Lines.of(shapes), np.arange(len(shapes))
    at = [np.array([s[int(share * (len(s) - 1))] for s in shapes]) for share in (0.1, 0.3, 0.9)]
    at = [each + rng.normal(0, off, each.shape) for each in at]

    def found():
        last = lines.begin(which)
        for each in at:
            yield lines.find(which, each[:, 1], each[:, 0], last)
            last = lines.project(which, each[:, 1], each[:, 0], last, ahead_m)
            yield last

    some = list(found())
    with patch.object(tracker.rules.lines, "GROUP", 10**6):
        every = list(found())
    for one, other in zip(some, every, strict=True):
        assert [column.tolist() for column in one] == [column.tolist() for column in other]


def test_a_vehicle_on_its_line_is_found_where_it_is_however_far_it_went() -> None:
    shape = line(*[(60 + i * KM / 10, 25 + 0.0001 * (i % 3)) for i in range(400)])
    lines, which = Lines.of([shape]), np.zeros(1, np.int64)
    last = lines.begin(which)
    for vertex in (1, 3, 4, 30, 31, 390):  # within the first window, the second, and beyond both
        last = lines.project(which, shape[vertex, 1:], shape[vertex, :1], last)
        assert last.off_m[0] < 51, "of passages about as near the first counts"
        assert last.way_m[0] == pytest.approx(lines.way_m[vertex], abs=52)


def test_a_line_that_comes_back_past_itself_is_not_cut_short() -> None:
    out = [(60 + i * KM, 25.0) for i in range(11)]
    back = [(lat, 25.0005) for lat, _ in reversed(out)]  # 28 m beside it
    lines, which = Lines.of([line(*out, *back)]), np.zeros(1, np.int64)
    lat, lon = np.array([60 + 2.5 * KM]), np.array([25.0005])
    near = lines.project(which, lat, lon, lines.begin(which))
    assert near.way_m[0] == pytest.approx(2_500, abs=10), "the first passage counts"
    far = lines.project(which, lat, np.array([25.01]), lines.begin(which), 3_500.0)
    assert far.way_m[0] <= 3_500, "nor is it looked for further ahead than it can have come"
    turned = lines.project(which, np.array([60 + 10 * KM]), np.array([25.0]), near)
    assert lines.project(which, lat, lon, turned).way_m[0] == pytest.approx(17_530, abs=40)


def test_many_lines_answer_as_each_alone_and_across_180_degrees() -> None:
    shapes = [line((0, 179.9), (0, -179.9)), line((10, 20), (10, 20.1), (10.1, 20.1))]
    lat, lon = np.array([0.001, 10.05]), np.array([-179.95, 20.1])
    both = Lines.of(shapes)
    found = both.project(np.arange(2), lat, lon, both.begin(np.arange(2)))
    for i, shape in enumerate(shapes):
        one = Lines.of([shape])
        alone = one.project(np.zeros(1, np.int64), lat[i : i + 1], lon[i : i + 1], one.begin(np.zeros(1, np.int64)))
        assert found.way_m[i] == pytest.approx(alone.way_m[0])
    assert found.way_m[0] == pytest.approx(float(distance_m(0, 179.9, 0, -179.95)), rel=1e-3)


def test_planned_time_is_interpolated_on_each_line_and_unknown_without_durations() -> None:
    shapes = [line((0, 0), (0, 0.1)), line((0, 0), (0, 0.1), (0, 0.3))]
    lines = Lines.of(shapes, [None, np.array([0.0, 100.0, 400.0])])
    way = lines.length_m(np.array([1, 1, 0])) * [1 / 6, 2 / 3, 0.5]
    segment = lines.start[[1, 1, 0]] + [0, 1, 0]
    found = lines.time_of_s(Place(segment, way, np.zeros(3)))
    assert found[:2] == pytest.approx([50, 250])
    assert np.isnan(found[2])


@pytest.mark.parametrize("shape", [line((0, 0)), np.empty((0, 2))])
def test_a_line_has_two_points(shape) -> None:
    with pytest.raises(ValueError, match="two positions"):
        Lines.of([shape])
