"""A process that makes one plan: `python -m planning.dispatch.worker` reads work as JSON, and writes routes as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from planning.dispatch.solve import plan
from planning.dispatch.work import WORK
from planning.routes.solver import Effort


def solved(asked: dict[str, Any]) -> dict[str, Any]:
    """Routes, and what is left out with why. `asked`: `work`, `seconds` or `iterations`, `seed`, `start`."""
    effort = Effort(asked.get("seconds", 0.0), asked.get("iterations", 0))
    start = {truck: tuple(jobs) for truck, jobs in (asked.get("start") or {}).items()}
    found = plan(WORK.validate_python(asked["work"]), effort, asked.get("seed", 0), start)
    return {"routes": dict(found.routes), "left_out": [asdict(each) for each in found.left_out]}


if __name__ == "__main__":
    json.dump(solved(json.load(sys.stdin)), sys.stdout)
