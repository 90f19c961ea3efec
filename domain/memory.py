"""Memory that was needed once and is not any more, given back to the system."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # not glibc
        return None


def give_back() -> bool:
    """Whether the allocator has given free pages back. It keeps those of a burst for ever unless it is asked.

    Takes some milliseconds: for when nobody waits.
    """
    trim = _trim()
    return bool(trim is not None and trim(0))
