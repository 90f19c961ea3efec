"""How cold goods were kept from loading to hand-over, by the vehicle's probes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import TypedDict

from domain.cold_chain.kinetic import Kinetic, b_kelvin, mkt_c, of_series
from domain.digits import shown

CURVE_STEPS = 96


class Leg(TypedDict):
    """The leg of a hand-over. `verdict`: `in_range`, `excursion`, `indeterminate` or `no_data`.

    `gap_s`: how long nobody knows, of the probe that was silent longest; `mkt_c` of all probes together.
    """

    verdict: str
    probes: int
    min_c: float | None
    max_c: float | None
    mkt_c: float | None
    low_c: float | None
    high_c: float | None
    gap_s: int


NO_DATA: Leg = {
    "verdict": "no_data", "probes": 0, "min_c": None, "max_c": None, "mkt_c": None, "low_c": None, "high_c": None,
    "gap_s": 0,
}  # fmt: skip


def leg_of(rows: Iterable[Mapping[str, Any]]) -> Leg:
    """From rows of `leg_readings`.

    >>> row = {"time_s": [0.0, 600.0, 1200.0], "temp_c": [4.0, 5.0, 6.0], "since_s": 0.0, "until_s": 1200.0,
    ...        "gap_s": 900.0, "low_c": 2.0, "high_c": 8.0, "excursion": False}
    >>> leg_of([row])["verdict"], leg_of([row])["max_c"], leg_of([{**row, "until_s": 9000.0}])["verdict"]
    ('in_range', 6.0, 'indeterminate')
    """
    found = list(rows)
    if not found:
        return NO_DATA
    kinetic, b, gap_s, unknown = Kinetic(), b_kelvin(), 0.0, False
    for row in found:
        seconds = np.asarray(row["time_s"], np.float64)
        temp_c = np.asarray(row["temp_c"], np.float64)
        kinetic = kinetic.merge(of_series((seconds * 1e6).astype(np.int64), temp_c, b, int(row["gap_s"] * 1e6)))
        silent = np.diff(np.concatenate(([row["since_s"]], seconds, [row["until_s"]])))
        too_long = silent[silent > row["gap_s"]]
        unknown = unknown or bool(len(too_long))
        gap_s = max(gap_s, float(too_long.sum()))
    lows, highs = _known(found, "low_c"), _known(found, "high_c")
    verdict = "in_range"
    if any(row["excursion"] for row in found):
        verdict = "excursion"
    elif unknown or not (lows or highs):
        verdict = "indeterminate"
    mean = mkt_c(kinetic, b)
    return {
        "verdict": verdict,
        "probes": len(found),
        "min_c": shown("min_c", min(min(row["temp_c"]) for row in found)),
        "max_c": shown("max_c", max(max(row["temp_c"]) for row in found)),
        "mkt_c": None if np.isnan(mean) else shown("max_c", mean),
        "low_c": max(lows, default=None),
        "high_c": min(highs, default=None),
        "gap_s": round(gap_s),
    }


def _known(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [row[name] for row in rows if row[name] is not None]


def curve_of(rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float, float]]:
    """Lowest and highest of each step of time, all probes together: seconds since 1970, °C, °C."""
    if not rows:
        return []
    seconds = np.concatenate([np.asarray(row["time_s"], np.float64) for row in rows])
    temp_c = np.concatenate([np.asarray(row["temp_c"], np.float64) for row in rows])
    first, last = seconds.min(), seconds.max()
    step = np.minimum((seconds - first) / max(last - first, 1.0) * CURVE_STEPS, CURVE_STEPS - 1).astype(np.int64)
    found = []
    for each in np.unique(step):
        of = step == each
        found.append((float(seconds[of].min()), float(temp_c[of].min()), float(temp_c[of].max())))
    return found
