"""The cells vehicles have been in find whoever may have a visit at a fence, and when it may begin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules import geofence
from tracker.rules.cells import CELLS_MOST, Entered, Fixes, covered, earliest, entered
from tracker.rules.fences import COLUMNS, Fence, Fences, cells_of

S = 1_000_000
NOTHING = float("nan")
SPREAD = (0.001, 0.01, 0.05)


def walk(seed: int, lat: float, lon: float, n: int = 60) -> tuple[np.ndarray, ...]:
    """Ways of three vehicles about a place, with fixes from a second to twenty minutes apart."""
    rng = np.random.default_rng(seed)
    vehicle = np.repeat([1, 2, 5], n)
    t_us = np.cumsum(rng.choice([1, 20, 120, 290, 1_200], len(vehicle))) * S
    step = rng.normal(0, rng.choice(SPREAD), (2, len(vehicle)))
    lats = np.clip(lat + np.cumsum(step[0]) / 3, -89.99, 89.99)
    lons = (lon + np.cumsum(step[1]) / 3 + 540) % 360 - 180
    return vehicle, t_us, lats, lons


def ways(vehicle: np.ndarray, t_us: np.ndarray, lat: np.ndarray, lon: np.ndarray, parts: int = 1) -> Entered:
    """The cells of some fixes, in so many steps, each from where the one before ended."""
    found, at = [], {int(v): (0, NOTHING, NOTHING) for v in vehicle}
    for rows in np.array_split(np.argsort(t_us, kind="stable"), parts):
        mine = np.sort(rows)
        first = mine[np.append(True, vehicle[mine][1:] != vehicle[mine][:-1])]
        last = Fixes(*(np.array(c) for c in zip(*(at[int(v)] for v in vehicle[first]), strict=True)))
        found.append(entered(vehicle[mine], Fixes(t_us[mine], lat[mine], lon[mine]), last))
        at |= {int(vehicle[i]): (t_us[i], lat[i], lon[i]) for i in mine}
    return earliest(found)


places = st.tuples(st.floats(-85, 85), st.sampled_from([0.0, 25.0, 179.99, -180.0]), st.integers(0, 10_000))


@given(place=places, radius_m=st.floats(30, 3_000), shape=st.integers(0, 2))
def test_who_has_a_visit_was_in_a_cell_of_the_fence_before_it_was_decided(
    place: tuple[float, float, int], radius_m: float, shape: int
) -> None:
    vehicle, t_us, lat, lon = walk(place[2], place[0], place[1])
    east = 0.004 / np.cos(np.radians(place[0]))
    ring = [[place[1] + east * x, place[0] + 0.004 * y] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
    fence = (
        Fence(7, place[0], place[1], radius_m),
        Fence(7, place[0], place[1], radius_m, [ring]),
        Fence(7, place[0], place[1], min(radius_m, 500.0), None, [ring[0], ring[2]]),
    )[shape]
    fences = Fences([fence])
    where, found = covered(fences), ways(vehicle, t_us, lat, lon)
    assert where is not None
    rows = geofence.Rows(vehicle, t_us, lat, lon, np.full(len(t_us), 5.0))
    visits = geofence.evaluate(fences, rows)
    for key, start_us in zip(visits.entity.tolist(), visits.start_us.tolist(), strict=True):
        mine = (found.vehicle == key >> geofence.SHIFT) & np.isin(found.cell, where)
        of = t_us[vehicle == key >> geofence.SHIFT]
        assert mine.any()
        assert found.t_us[mine].min() <= of[of >= start_us].min()


@given(place=places, parts=st.integers(1, 20))
def test_cells_are_the_same_in_any_number_of_steps(place: tuple[float, float, int], parts: int) -> None:
    rows = walk(place[2], place[0], place[1])
    whole, some = ways(*rows), ways(*rows, parts)
    assert [c.tolist() for c in whole] == [c.tolist() for c in some]


def test_a_place_has_the_cell_of_a_box_without_extent() -> None:
    lat = np.array([90.0, -90.0, 0.0, 0.0, 60.1])
    lon = np.array([180.0, -180.0, 180.0, -180.0, 24.9])
    none = np.full(5, NOTHING)
    found = entered(np.arange(5), Fixes(np.arange(5), lat, lon), Fixes(np.zeros(5, np.int64), none, none))
    assert found.cell.tolist() == cells_of(1, lat, lat, lon, lon)[1].tolist()


@pytest.mark.parametrize("fence", [Fence(1, 89.99, 0, 500), Fence(1, 0, 0, 100_000_0)])
def test_a_fence_over_too_many_cells_covers_everything(fence: Fence) -> None:
    assert covered(Fences([fence])) is None
    assert COLUMNS[1] * COLUMNS[1] / 2 > CELLS_MOST


def test_no_fence_covers_nothing() -> None:
    found = covered(Fences([]))
    assert found is not None
    assert len(found) == 0
