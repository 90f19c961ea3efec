"""What is said of the temperature of a shipment's goods: one shape for REST, the feed and the customer's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from domain.digits import shown
from domain.times import rfc3339, to_us


class Verdict(TypedDict):
    """Temperature of the goods while under way: `in_range`, `excursion`, `indeterminate` or `no_data`."""

    verdict: str
    min_c: float | None
    max_c: float | None
    last_c: float | None
    last_at: str | None


def verdict(row: Mapping[str, Any] | None) -> Verdict:
    """From a row of `shipment_temperatures`; without readings no verdict, without limits or with gaps no sure one.

    >>> verdict(None)["verdict"]
    'no_data'
    """
    if row is None:
        return {"verdict": "no_data", "min_c": None, "max_c": None, "last_c": None, "last_at": None}
    word = "in_range"
    if row["excursion"]:
        word = "excursion"
    elif row["unknown"] or (row["low_c"] is None and row["high_c"] is None):
        word = "indeterminate"
    return {
        "verdict": word,
        "min_c": shown("min_c", row["min_c"]),
        "max_c": shown("max_c", row["max_c"]),
        "last_c": shown("last_c", row["last_c"]),
        "last_at": rfc3339(to_us(row["last_at"])) if row["last_at"] else None,
    }
