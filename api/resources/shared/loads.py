"""Seals and temperatures of loads as they are shown."""

from __future__ import annotations

from typing_extensions import TypedDict

from api.database import Row
from api.http.jsons import Time, when


class ProbeCooling(TypedDict):
    """A probe of a vehicle: its last word within a quarter of an hour, null: none; and what its goods need."""

    device: str
    probe: str
    temp_c: float | None
    at: Time | None
    low_c: float | None
    high_c: float | None
    verdict: str


class LoadSeal(TypedDict):
    """Seals that were put on (`sealed`) or looked at (`checked`); `temperatures` as they were as it was sealed."""

    kind: str
    numbers: list[str]
    at: Time | None
    temperatures: list[ProbeCooling]
    reason: str
    told_at: Time | None
    told_by: str


def seal_shape(row: Row) -> LoadSeal:
    """From a row of `seals`."""
    return {
        "kind": row["kind"],
        "numbers": row["numbers"],
        "at": when(row["at"]),
        "temperatures": row["temperatures"],
        "reason": row["reason"],
        "told_at": when(row["told_at"]),
        "told_by": row["told_by"],
    }
