"""Silence: a device that has said nothing for too long. Missing is never taken for normal."""

from __future__ import annotations

from domain.readings import I64, Bool

VERSION = 1


def silent(last_us: I64, now_us: int, silence_us: int, listening_since_us: int) -> Bool:
    """Devices silent at `now_us`; what was sent before we listened is not held against them.

    >>> import numpy as np
    >>> silent(np.array([0, 95]), 100, 10, 0).tolist()
    [True, False]
    """
    return now_us - last_us.clip(min=listening_since_us) > silence_us
