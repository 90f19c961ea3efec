"""The digits that are shown do not depend on the way a value has taken."""

import numpy as np
import pytest

from domain.digits import DIGITS, SINGLE, shown, shown_all

RANGES = {"lat": 90, "lon": 180, "battery_ratio": 1, "confidence": 1, "late_probability": 1}


@pytest.mark.parametrize("name", sorted(DIGITS))
def test_a_value_is_shown_the_same_alone_in_a_column_and_from_its_shortest_text(name):
    rng = np.random.default_rng(11)
    values = rng.uniform(-1, 1, 20_000) * RANGES.get(name, 400)
    halves = (np.arange(-4000, 4000) + 0.5) / 10.0 ** DIGITS[name]
    values = np.concatenate([values, halves, values.round(DIGITS[name])])
    stored = values.astype(np.float32) if name in SINGLE else values
    column = shown_all(name, stored)
    assert [shown(name, v) for v in stored.tolist()] == column
    assert [shown(name, float(str(v))) for v in stored] == column
    assert max(len(repr(v).partition(".")[2]) for v in column if abs(v) >= 1e-3) <= DIGITS[name] + ("e" in repr(column))
