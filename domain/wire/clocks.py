"""Times of foreign formats: seconds since 1970 as numbers or text, and clocks of gateways that were never set."""

from __future__ import annotations

import math
from typing import Any

from domain.times import parse_rfc3339, unit_advice
from domain.wire.said import WireError
from domain.wire.words import as_number

MS_MAX = 2.0**52
_GATEWAY_EARLY_MS = 5 * 365 * 86_400_000.0
_GATEWAY_LATE_MS = 300_000.0


def milliseconds(value: Any, wanted: str, name: str) -> float:
    """Milliseconds since 1970 of a number or its text, in `wanted` (seconds or milliseconds), or of RFC 3339 text.

    Raises:
        WireError: `time_out_of_range`, naming the unit it seems to have; `malformed`.
    """
    number = as_number(value)
    if number is None and (written_ms := _written_ms(value)) is not None:
        return written_ms
    if number is None or math.isnan(number):
        raise WireError("malformed", f"{name}: {value!r:.40} is not a number of {wanted} since 1970")
    if advice := unit_advice(number, wanted, name):
        raise WireError("time_out_of_range", advice)
    t_ms = round(number * 1000.0, 3) if wanted == "seconds" else float(number)
    if abs(t_ms) >= MS_MAX:
        raise WireError("malformed", f"{name}: too large a number of {wanted} since 1970")
    return t_ms


def _written_ms(value: Any) -> float | None:
    try:
        return parse_rfc3339(value) / 1000
    except (TypeError, ValueError, OverflowError):
        return None


def believable(t_ms: float | None, received_ms: float) -> float | None:
    """The time at which a gateway says it heard a device without a clock; None when its clock cannot be right.

    Not set yet (uptime, 1970, 1980, 2000), a GPS week rollover behind or ahead: the time of receipt is nearer.

    >>> believable(188_000, 1_795_000_000_000), believable(1_794_999_000_000, 1_795_000_000_000)
    (None, 1794999000000)
    """
    if t_ms is None or not received_ms - _GATEWAY_EARLY_MS <= t_ms <= received_ms + _GATEWAY_LATE_MS:
        return None
    return t_ms
