"""Presence against a simulated warehouse whose truth is known: better than its rivals, and as sure as it says."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from tests.benchmarks.presence.graded import reliability
from tests.benchmarks.presence.plot import FILE, drawn
from tests.benchmarks.presence.section import graded


@pytest.mark.parametrize("rate", [0.6, 0.8])
def test_it_is_right_more_often_than_a_window_and_smurf_and_as_sure_as_it_says(rate: float) -> None:
    found = graded(rate, (2,), 120, 500)
    ((ours, off),), ((window, window_off),), ((smurf, smurf_off),) = found.ours, found.window, found.smurf
    assert ours > max(window, smurf, 0.99)
    assert off < min(window_off, smurf_off) / 2
    told = reliability(found.chance, found.true, few=150)
    assert len(told) >= 3
    assert max(abs(said - came) for said, came, _ in told) <= 0.05


def test_the_plot_of_the_docs_shows_chances_that_come_true() -> None:
    assert drawn({"60% read": [(0.0, 0.0, 9), (1.0, 1.0, 9)]}).startswith("<svg")
    curves = re.findall(r'<polyline points="([^"]+)"', FILE.read_text())
    assert len(curves) == 5
    for curve in curves:
        xs, _ = zip(*(map(float, p.split(",")) for p in curve.split()), strict=True)
        assert all(a < b for a, b in pairwise(xs))
