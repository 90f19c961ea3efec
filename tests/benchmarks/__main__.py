"""`python -m tests.benchmarks [--quick] [--only NAME …]`: what Frostway does, each figure beside its ceiling.

Everything runs on real parts on this machine: Mosquitto, embedded PostgreSQL, our programs as processes. See
docs/benchmarks.md for what each figure means.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks import (
    backlog,
    coldchain,
    cores,
    dispatch,
    doors,
    eta,
    feed,
    fold,
    late,
    latency,
    ledger,
    memory,
    orders,
    reads,
    reefers,
    replenishment,
    rules,
    shelves,
    sizes,
    stops,
    throughput,
    traces,
)
from tests.benchmarks.crowd import section as crowd
from tests.benchmarks.figures import ARTIFACT, Figure, Neighbours, machine, print_table, write
from tests.benchmarks.presence import section as presence
from tests.benchmarks.questions import section
from tests.benchmarks.questions.history import Plan
from tests.benchmarks.stack import Databases, databases
from tests.contract.mosquitto import executable


@dataclass(frozen=True)
class Effort:
    """How much of everything is done."""

    rounds: int
    single_each: int  # messages of every device per round
    batched_each: int
    single_paho: int  # messages of the receive ceiling
    batched_paho: int
    latency_s: float  # per round
    tracked: int  # readings
    prepared: int
    backlog_each: int  # messages of every device
    guest_each: int  # records of every device at a door, per round
    history: Plan
    crowd_of: int = crowd.CLIENTS
    crowd_s: float = 30.0
    cuts: int = crowd.CUTS
    fleet: Plan = reads.PLAN
    exported: int = reads.EXPORTED
    explain: bool = False
    moves: int = ledger.MOVES
    orders: int = orders.ORDERS


FULL = Effort(3, 250, 16, 60_000, 20_000, 8.0, 240_000, 200_000, 300, 60, Plan())
QUICK = Effort(
    1,
    60,
    4,
    20_000,
    5_000,
    3.0,
    40_000,
    40_000,
    30,
    20,
    Plan(20, 3, 60),
    200,
    4.0,
    300,
    Plan(500, 1, 300),
    20_000,
    moves=20_000,
    orders=500,
)


TRACKER_GOAL = 50_000


def single(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return [
        throughput.measure(
            throughput.SINGLE, server, folder, rounds=effort.rounds, each=effort.single_each, paho=effort.single_paho
        )
    ]


def batched(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return [
        throughput.measure(
            throughput.BATCHED, server, folder, rounds=effort.rounds, each=effort.batched_each, paho=effort.batched_paho
        )
    ]


def websocket(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return latency.measure(server, folder, rounds=effort.rounds, seconds=effort.latency_s)


def tracker(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """The tracker on one core, behind and keeping up, and what its rows take on disk."""
    found = []
    for vehicles in (1_000, 10_000):
        dsn, fleet = server.world(vehicles, "filled")
        cores.fill(dsn, fleet, effort.tracked)
        both = [
            [cores.catch_up(server.create("tracked", "filled"), kind) for _ in range(effort.rounds)]
            for kind in (cores.Bare, cores.Real)
        ]
        found.append(_tracker(f"tracker catches up, {vehicles:,} vehicles", *both))
        if vehicles == 1_000:
            stored = sizes.measure(server.dsn("tracked"))
        both = [
            [
                cores.keep_up(server.world(vehicles, "tracked")[0], fleet, effort.tracked, kind)
                for _ in range(effort.rounds)
            ]
            for kind in (cores.Bare, cores.Real)
        ]
        found.append(_live(f"tracker live at {cores.LIVE_PER_S:,.0f}/s, {vehicles:,} vehicles", *both))
    return found + stored


def _tracker(name: str, bare: Sequence[cores.Work], real: Sequence[cores.Work]) -> Figure:
    ceilings = {"decode + COPY of the same frames": statistics.median(work.per_core for work in bare)}
    wall = statistics.median(work.readings / work.wall_s for work in real)
    details = {"per second on the wall": wall, "in a round": real[0].readings}
    goal = 50_000
    return Figure(
        name, "readings/s/core", [w.per_core for w in real], ceilings, goal, details_are="readings", details=details
    )


def _live(name: str, bare: Sequence[cores.Work], real: Sequence[cores.Work]) -> Figure:
    """How long readings wait at a rate: the median of the turns, without the first ones, of each round."""
    waits = [[1e3 * statistics.median(w.delays_s[len(w.delays_s) // 4 :]) for w in works] for works in (bare, real)]
    ceilings = {"decode + COPY of the same frames": statistics.median(waits[0])}
    details = {
        "worst of all turns": 1e3 * max(max(w.delays_s) for w in real),
        "in a round": len(real[0].delays_s),
        "core in use": statistics.median(w.cpu_s / (w.readings / cores.LIVE_PER_S) for w in real),
    }
    return Figure(
        f"{name}, p50", "ms", waits[1], ceilings, details_are="turns", details=details, smaller_is_better=True
    )


def prepare(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """Ingest's own work on one core."""
    found = []
    for kind, readings in (("single", effort.prepared), ("batch60", 3 * effort.prepared)):
        dsn, _ = server.world(throughput.DEVICES, "prepared")
        done = [cores.prepare(dsn, kind, readings).per_core for _ in range(effort.rounds)]
        bare = statistics.median(cores.parse_only(kind, readings).per_core for _ in range(effort.rounds))
        found.append(Figure(f"ingest prepares, {kind}", "readings/s/core", done, {"orjson to columns only": bare}))
    return found


def told(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return feed.measure(server, folder, seconds=effort.latency_s)


def crowded(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return crowd.measure(server, folder, seconds=effort.crowd_s, count=effort.crowd_of, cuts=effort.cuts)


def asked(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return reads.measure(server, folder, plan=effort.fleet, exported=effort.exported)


def idle(server: Databases, folder: Path, _effort: Effort) -> list[Figure]:
    return memory.measure(server, folder)


def kept(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return backlog.measure(server, folder, each=effort.backlog_each)


def at_the_doors(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return doors.measure(server, folder, rounds=effort.rounds, each=effort.guest_each)


def again(server: Databases, folder: Path, effort: Effort) -> list[Figure]:
    return late.measure(server, folder, rounds=effort.rounds, with_broker=executable() is not None)


def folded(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """The rules by themselves, those of positions and all of them."""
    return [*fold.measure(effort.rounds), *rules.measure(server)]


def cold_chain(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """Temperature profiles with bands."""
    return coldchain.measure(server, effort.rounds)


def questions(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """What fleets are asked about."""
    plans = ARTIFACT.with_name("questions.md") if effort.explain else None
    return section.run(server, effort.history, rounds=2 * effort.rounds - 1, plans=plans)


def stocked(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """Levels of stock, and what a million moves come to."""
    return ledger.measure(server, moves=effort.moves)


def ordered(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """The board of orders, and goods for many of them."""
    return orders.measure(server, orders=effort.orders, allocated=effort.orders // 10)


def traced(server: Databases, _folder: Path, effort: Effort) -> list[Figure]:
    """Traces through many events."""
    return traces.measure(server, events=effort.moves // 10)


SECTIONS: dict[str, Callable[[Databases, Path, Effort], list[Figure]]] = {
    "single": single,
    "batched": batched,
    "websocket": websocket,
    "feed": told,
    "crowd": crowded,
    "tracker": tracker,
    "late": again,
    "prepare": prepare,
    "fold": folded,
    "coldchain": cold_chain,
    "backlog": kept,
    "reads": asked,
    "questions": questions,
    "doors": at_the_doors,
    "memory": idle,
    "ledger": stocked,
    "orders": ordered,
    "traces": traced,
}
PURE: dict[str, Callable[[Path], list[Figure]]] = {
    "eta": eta.measure,
    "stops": stops.measure,
    "breach": reefers.measure,
    "presence": presence.measure,
    "shelf": shelves.measure,
    "dispatch": dispatch.measure,
    "replenishment": replenishment.measure,
}
NEED_BROKER = {"single", "batched", "websocket", "crowd", "backlog", "doors", "memory"}


def run(names: Sequence[str], effort: Effort) -> list[Figure]:
    """The figures of these sections, in one server where any needs one."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="frostway-bench-") as folder, contextlib.ExitStack() as stack:
        server = stack.enter_context(databases(Path(folder))) if set(names) - PURE.keys() else None
        for name in names:
            started = time.monotonic()
            if name in PURE:
                found += PURE[name](Path(folder))
            elif server is not None:
                found += SECTIONS[name](server, Path(folder), effort)
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return found


def main() -> None:
    """The command line."""
    every = [*SECTIONS, *PURE]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="figures beside their ceilings")
    parser.add_argument("--quick", action="store_true", help="one short round of each, in a minute: a smoke test")
    parser.add_argument("--only", action="append", choices=every, metavar="NAME", help=", ".join(every))
    parser.add_argument("--explain", action="store_true", help="questions: keep the plans beside the figures")
    options = parser.parse_args()
    names = [name for name in every if name in (options.only or every)]
    if executable() is None and NEED_BROKER & set(names):
        print("no mosquitto here (apt-get install mosquitto): left out what needs a broker", file=sys.stderr)
        names = [name for name in names if name not in NEED_BROKER]
    about, neighbours = machine(), Neighbours()
    figures = run(names, replace(QUICK if options.quick else FULL, explain=options.explain))
    share = neighbours.share()
    write(figures, about | {"quick": options.quick, "others_share": round(share, 3)})
    print_table(figures, about, share)


if __name__ == "__main__":
    main()
