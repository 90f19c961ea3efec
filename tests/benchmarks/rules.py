"""What deciding costs with every rule on, in a real tracker: live steps of 10 000 vehicles that send one fix each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import tracker.temperatures.family
import tracker.vehicles.family
from tests.benchmarks import cores
from tests.benchmarks.figures import Figure
from tests.benchmarks.late import begun
from tests.benchmarks.stack import Databases
from tests.benchmarks.world import positions, temperatures
from tracker.arrival_times.family import ArrivalTimes
from tracker.shipments.family import Shipments

GOAL, DESCRIBED_GOAL = 200_000, 150_000
STEPS, WARM, APART_S = 14, 4, 10
PARTS = ("positions", "temperatures", "calls", "arrival times")


@contextmanager
def timed(owner: Any, name: str, spent: dict[str, float], part: str) -> Iterator[None]:
    """Adds the CPU seconds of a function to `spent`, as long as this is open."""
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*words: Any, **options: Any) -> Any:
        begin = time.process_time()
        try:
            return original(*words, **options)
        finally:
            spent[part] += time.process_time() - begin

    with patch.object(owner, name, wrapped):
        yield


def measure(server: Databases, vehicles: int = 10_000) -> list[Figure]:
    """Readings per second of CPU: of the rules alone, and of deciding with what people are told of it."""
    dsn, fleet = server.world(vehicles, "rules")
    worker = begun(dsn)
    start = cores.start_us(5)
    rates: dict[str, list[float]] = {"rules": [], "all": []}
    spent = dict.fromkeys(PARTS, 0.0)
    readings = 0
    with ExitStack() as stack:
        for owner, name, part in (
            (tracker.vehicles.family, "fold", "positions"),
            (tracker.temperatures.family, "fold", "temperatures"),
            (worker.engine.family(Shipments)._calls, "step", "calls"),
            (worker.engine.family(ArrivalTimes), "_predict", "arrival times"),
        ):
            stack.enter_context(timed(owner, name, spent, part))
        for step in range(STEPS):
            second = step * APART_S
            raw = {"gps": next(positions(fleet, [second], start))[1]}
            raw["temp"] = temperatures(fleet, step, start + second * 1_000_000)[1]
            fresh, _ = worker.admission.admit(raw)
            worker.store.prepare_readings(fresh)
            deciding = worker._new_step()
            before, begin = sum(spent.values()), time.process_time()
            decided = worker._decide(fresh, deciding)
            whole, rules = time.process_time() - begin, sum(spent.values()) - before
            if step == WARM:
                spent.update(dict.fromkeys(PARTS, 0.0))
            if step > WARM:
                count = sum(map(len, fresh.values()))
                readings += count
                rates["rules"].append(count / rules)
                rates["all"].append(count / whole)
            worker.commit.write(deciding, decided)
            worker.admission.committed(decided)
    worker._link.close()
    parts = {name: 1e6 * spent[name] / readings for name in PARTS}
    about = f"{vehicles:,} vehicles x 1"
    return [
        Figure(
            f"every rule, {about}",
            "readings/s/core",
            rates["rules"],
            goal=GOAL,
            details_are="µs per reading",
            details=parts,
        ),
        Figure(
            f"decided and described, {about}",
            "readings/s/core",
            rates["all"],
            {"the rules alone": statistics.median(rates["rules"])},
            DESCRIBED_GOAL,
        ),
    ]
