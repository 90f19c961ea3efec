"""Plans are made by a process of their own, two at a time: no request waits for a computation."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.http.problems import Problem
from planning.dispatch.work import WORK, Work

log = logging.getLogger(__name__)
AT_ONCE = 2
GRACE_S = 20.0
"""So long after its seconds a search is ended: it starts, repairs, and writes."""


@dataclass
class _Places:
    """How many plans are being made."""

    taken: int = 0
    processes: set[asyncio.subprocess.Process] = field(default_factory=set)


_PLACES = _Places()


async def solved(work: Work, seconds: float, start: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Routes and what is left out, as the worker writes them.

    Raises:
        Problem: 429, others are being made; 422, the work cannot be planned; 503, the search did not end.
    """
    if _PLACES.taken >= AT_ONCE:
        raise Problem(429, f"{AT_ONCE} plans are being made; try again in some seconds", {"Retry-After": "5"})
    _PLACES.taken += 1
    try:
        asked = {"work": WORK.dump_python(work, mode="json"), "seconds": seconds, "start": start or {}}
        return await _worked(orjson.dumps(asked), seconds)
    finally:
        _PLACES.taken -= 1


async def _worked(asked: bytes, seconds: float) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "planning.dispatch.worker", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, error = await asyncio.wait_for(process.communicate(asked), seconds + GRACE_S)
    except TimeoutError:
        raise Problem(503, "the plan took too long; plan fewer orders at a time, or try again") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log.error("a plan of dispatch failed: %s", error.decode(errors="replace")[-2000:])
        raise Problem(503, "the plan could not be made; the log of the program says why")
    found: dict[str, Any] = orjson.loads(out)
    return found
