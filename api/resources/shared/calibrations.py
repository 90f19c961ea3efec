"""How a probe is calibrated."""

from __future__ import annotations

from datetime import datetime

import orjson
from typing_extensions import TypedDict

from api.http.jsons import when
from domain.profiles import CalibrationState, calibration_of
from domain.times import rfc3339, to_us


class ProbeCalibration(TypedDict):
    """How a probe is calibrated: what is added to what it measures, since when that is known, when it runs out.

    `state`: `valid`, `due_soon` (30 days at most), `overdue`, or `unknown` when no `due` is known.
    """

    offset_c: float
    calibrated: str | None
    due: str | None
    certificate: str
    accuracy_class: str
    state: CalibrationState
    since: str | None
    by: str | None


def shape(text: str | None, since: datetime | None, by: str | None, now: datetime) -> ProbeCalibration | None:
    """From what a device's profile keeps of a probe; null when that is nothing."""
    if text is None:
        return None
    kept = calibration_of("", orjson.loads(text))
    return {
        "offset_c": kept.offset_c,
        "calibrated": None if kept.calibrated_us is None else rfc3339(kept.calibrated_us),
        "due": None if kept.due_us is None else rfc3339(kept.due_us),
        "certificate": kept.certificate,
        "accuracy_class": kept.accuracy_class,
        "state": kept.state(to_us(now)),
        "since": when(since),
        "by": by,
    }
