"""Gives a program the comparison's clock: it stands still until it is set, so that what is decided when is repeatable.

Python imports this at its start, when the folder is on its path. What must not stand still (waiting for a lock or a
socket) has taken the real clock by name before.
"""

import mmap
import os
import struct
import time

_CLOCK = os.environ.get("COMPARE_CLOCK")
if _CLOCK:
    # These take the real clock by name.
    import asyncio  # noqa: F401
    import concurrent.futures  # noqa: F401
    import queue  # noqa: F401
    import subprocess  # noqa: F401
    import threading  # noqa: F401

    import psycopg

    with open(_CLOCK, "r+b") as _file:  # noqa: PTH123
        _map = mmap.mmap(_file.fileno(), 32)
    _MOMENT = struct.Struct("<q")
    _WAITING, _HELD = 16, 17

    def _now_us() -> int:
        """The moment, microseconds; how often it was asked for stands behind it."""
        _MOMENT.pack_into(_map, 8, _MOMENT.unpack_from(_map, 8)[0] + 1)
        return int(_MOMENT.unpack_from(_map, 0)[0])

    _notifies = psycopg.Connection.notifies

    def _waiting(self, *, timeout=None, stop_after=None):
        """The loop has nothing to do: the clock is set now, never in the middle of a turn."""
        if not timeout:
            yield from _notifies(self, timeout=timeout, stop_after=stop_after)
            return
        _map[_WAITING] = 1
        try:
            yield from _notifies(self, timeout=timeout, stop_after=stop_after)
        finally:
            _map[_WAITING] = 0
            while _map[_HELD]:
                time.sleep(0.0002)

    time.time_ns = lambda: _now_us() * 1000
    if os.environ.get("COMPARE_STILL"):  # not where an event loop runs: its timers would never come
        time.monotonic = lambda: _MOMENT.unpack_from(_map, 0)[0] / 1e6
        psycopg.Connection.notifies = _waiting
