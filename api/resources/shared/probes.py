"""Last temperatures of probes, as vehicles and sites show them."""

from __future__ import annotations

from typing_extensions import TypedDict

from api.database import Row
from api.http.jsons import Time, when
from domain.digits import shown


class Temp(TypedDict):
    """The last temperature of a probe, with its limits."""

    device: str
    probe: str
    t: Time | None
    temp_c: float
    humidity_pct: float | None
    low_c: float | None
    high_c: float | None
    state: str


def probe_shape(row: Row) -> Temp:
    """From a row of `temps`."""
    return {
        "device": row["device"],
        "probe": row["probe"],
        "t": when(row["time"]),
        "temp_c": shown("temp_c", row["temp_c"]),
        "humidity_pct": shown("humidity_pct", row["humidity_pct"]),
        "low_c": row["low_c"],
        "high_c": row["high_c"],
        "state": row["state"],
    }
