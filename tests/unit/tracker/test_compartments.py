"""Several probes as one: silent ones are left out and told, and the same against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cold_chain.compartments import combine
from domain.cold_chain.profile import Band, TemperatureProfile
from tracker.shipments.exposure import is_plain, together

S = 1_000_000
GAP = 50


def plainly(rows, at):
    """What each probe has at an instant, by a plain search."""
    found = []
    for probe in {p for p, _, _ in rows}:
        mine = sorted((t, c) for p, t, c in rows if p == probe)
        before = [r for r in mine if r[0] <= at]
        behind = [r for r in mine if r[0] >= at]
        if before and before[-1][0] == at:
            found.append(before[-1][1])
        elif before and behind and behind[0][0] - before[-1][0] <= GAP:
            (t0, c0), (t1, c1) = before[-1], behind[0]
            found.append(c0 + (c1 - c0) * (at - t0) / (t1 - t0))
    return found


readings = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 400), st.integers(-20, 20)),
    min_size=1,
    unique_by=lambda r: r[:2],
)


@given(readings)
def test_warmest_coldest_and_mean_are_those_of_a_plain_search(rows):
    probe, t, c = (np.array(column) for column in zip(*rows, strict=True))
    for how, of in (("warmest", max), ("coldest", min), ("mean", lambda v: sum(v) / len(v))):
        found = combine(probe, t, c.astype(float), how, GAP)
        assert found.t_us.tolist() == sorted(set(t.tolist()))
        assert found.temp_c.tolist() == pytest.approx([of(plainly(rows, at)) for at in found.t_us.tolist()])


def test_a_probe_that_is_silent_is_left_out_and_told():
    t = np.arange(0, 600, 10)
    probe = np.concatenate([np.full(60, 1), np.full(20, 2)])
    both_t, both_c = np.concatenate([t, t[:20]]), np.concatenate([np.full(60, 5.0), np.full(20, 9.0)])
    found = combine(probe, both_t, both_c, "warmest", GAP)
    assert found.temp_c.tolist() == [9.0] * 20 + [5.0] * 40
    assert found.silent_us == {1: 0, 2: 390}


def test_probes_of_a_device_are_one_for_a_profile_that_says_so_and_faults_are_no_warmth():
    profile = TemperatureProfile(2.0, 8.0, (Band("warm", ">", 8.0, 60, clear_c=0.0),), aggregation="mean")
    assert not is_plain(profile)
    t_us = (np.arange(0, 600, 60) * S).tolist()
    one = {"id": 1, "device_id": 2, "since_us": 0, "until_us": 540 * S, "time_us": t_us}
    warm = np.where(np.arange(10) == 4, 85.0, 9.0)
    rows = [{**one, "probe_id": 3, "temp_c": [5.0] * 10}, {**one, "probe_id": 4, "temp_c": warm.tolist()}]
    (found,) = together(rows, {(1, 2): profile})
    assert (found["probe_id"], set(found["temp_c"].tolist())) == (0, {7.0})
    assert together(rows, {(1, 2): TemperatureProfile()}) == rows
