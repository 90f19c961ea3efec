"""Where devices were at the time of a reading: many at once give what the intervals say one by one."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.engine.whereabouts import EVER, FOR_EVER, NOWHERE, Place, Whereabouts

T = st.integers(0, 40)
places = st.builds(Place, st.integers(0, 3), st.just(0), st.just(0))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int, Place]]:
    """Intervals of a device that do not overlap, with gaps perhaps, since ever or from a time on."""
    cuts = sorted(draw(st.sets(T, max_size=5)))
    bounds = [EVER if draw(st.booleans()) else -1, *cuts, FOR_EVER]
    spans = [(a, b, draw(places)) for a, b in pairwise(bounds) if a < b]
    return [span for span in spans if span[2] != NOWHERE]


def at(history: list[tuple[int, int, Place]], t: int) -> Place:
    return next((place for since, until, place in history if since <= t < until), NOWHERE)


@given(
    st.dictionaries(st.integers(1, 6), histories(), max_size=5), st.lists(st.tuples(st.integers(0, 9), T), max_size=40)
)
def test_the_place_of_a_reading_is_that_of_its_time(
    devices: dict[int, list[tuple[int, int, Place]]], readings: list[tuple[int, int]]
) -> None:
    now = [(d, at(history, FOR_EVER - 1)) for d, history in devices.items()]
    moved = {d: h for d, h in devices.items() if len(h) != 1 or h[0][:2] != (EVER, FOR_EVER)}
    rows = [(d, *place, a, b) for d, h in sorted(moved.items()) for a, b, place in h]
    where = Whereabouts.of(now, rows)
    device = np.array([d for d, _ in readings], dtype=np.int32)
    t_us = np.array([t for _, t in readings], dtype=np.int64)
    wanted = [at(devices.get(d, []), t) for d, t in readings]
    assert where.vehicles(device, t_us).tolist() == [place.vehicle_id for place in wanted]
    assert [where.at(d, t) for d, t in readings] == wanted
