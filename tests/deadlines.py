"""How long a test waits for an event before it gives up: never a measure of speed, so far longer than it ever takes."""

from __future__ import annotations

import os

GENEROUS = 10.0


def deadline(seconds: float) -> float:
    """`seconds` that are ample on a quiet machine, as many as are ample on this one now.

    A machine at load 20 with two cores is ten times as slow; who waits for an event that comes loses nothing by it.
    """
    return seconds * max(GENEROUS, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))
