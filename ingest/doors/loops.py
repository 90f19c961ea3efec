"""The event loop of a door."""

from __future__ import annotations

import asyncio
import sys


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, which waits, reads and writes in C; Python's own where there is none."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415  only who opens a door pays for it

    return uvloop.new_event_loop()
