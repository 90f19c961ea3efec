"""`frostway routes solve`: a file in, routes out, judged by our own evaluator."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from firmware_sim.recordings import content_of
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from planning.routes.files import ROUNDINGS, Instance, read
from planning.routes.problem import ProblemError
from planning.routes.search import Found, search
from planning.routes.solver import Effort

FILE_BYTES_MAX = 64 * 1024**2


def print_routes(
    file: Path, seconds: float, iterations: int, seed: int, rounding: str | None, *, as_json: bool
) -> bool:
    """Solves the file and prints the plan; whether it keeps all limits."""
    try:
        instance = read(content_of(file, FILE_BYTES_MAX).decode("utf-8", "replace"), rounding)
    except ProblemError as error:
        raise Failure(f"{file}: {error}") from None
    began_s = time.monotonic()
    effort = Effort(iterations=iterations) if iterations else Effort(seconds=seconds)
    console = Console(stderr=True)
    words = f"{len(instance.numbers)} places, " + (f"{iterations} iterations" if iterations else f"{seconds:g} s")
    with console.status(words) if console.is_terminal else nullcontext():
        found = search(instance.problem, effort, seed)
    told = told_of(instance, found) | {"seconds": round(time.monotonic() - began_s, 3), "seed": seed}
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
    else:
        rows = [(str(n), str(depot), str(len(route)), " ".join(map(str, route)))
                for n, (depot, route) in enumerate(zip(told["depots"], told["routes"], strict=True), 1)]  # fmt: skip
        print_table(("Route", "Depot", "Customers", "In order"), rows, "Nobody has to go anywhere.")
        sys.stdout.write(f"distance {told['distance']:g}, {told['vehicles']} vehicles, {told['rounding']}\n")
        for line in told["broken"]:
            sys.stdout.write(f"not kept: {line}\n")
    return bool(told["feasible"])


def told_of(instance: Instance, found: Found) -> dict[str, Any]:
    """What is printed of a plan."""
    return {
        "name": instance.name,
        "type": instance.kind,
        "routes": instance.routes(found.plan),
        "depots": instance.depots(found.plan),
        "distance": round(instance.distance(found.plan), 6),
        "vehicles": len(found.plan),
        "feasible": found.evaluation.feasible,
        "broken": [f"route {each.route + 1}: {each.limit}, by {each.by}" if each.route >= 0 else each.limit
                   for each in found.evaluation.broken],
        "rounding": ROUNDINGS[instance.rounding].words,
    }  # fmt: skip
