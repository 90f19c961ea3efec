"""Where the time goes: the hottest functions of the tracker or of ingest's preparation under load.

python -m tests.benchmarks.hot tracker [--vehicles 1000] [--readings 60000] [--behind] [--lines 30]
python -m tests.benchmarks.hot prepare [--kind batch60] [--readings 100000]
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
from pathlib import Path

from tests.benchmarks import cores
from tests.benchmarks.stack import databases


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="profile the tracker or ingest's preparation under load")
    parser.add_argument("what", choices=["tracker", "prepare"])
    parser.add_argument("--vehicles", type=int, default=1_000)
    parser.add_argument("--readings", type=int, default=60_000)
    parser.add_argument("--behind", action="store_true", help="a tracker that catches up instead of keeping up")
    parser.add_argument("--kind", choices=["single", "batch60"], default="single")
    parser.add_argument("--lines", type=int, default=30)
    options = parser.parse_args()
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory(prefix="frostway-hot-") as folder, databases(Path(folder)) as server:
        dsn, fleet = server.world(options.vehicles, "hot")
        if options.what == "prepare":
            work = cores.prepare(dsn, options.kind, options.readings, profile.runcall)
        elif options.behind:
            cores.fill(dsn, fleet, options.readings)
            work = cores.catch_up(dsn, cores.Real, profile.runcall)
        else:
            work = cores.keep_up(dsn, fleet, options.readings, cores.Real, profile.runcall)
    print(f"{work.readings} readings, {work.cpu_s / work.readings * 1e6:.1f} µs each with the profiler running")
    found = pstats.Stats(profile)
    for order in ("tottime", "cumtime"):
        found.sort_stats(order).print_stats(options.lines)


if __name__ == "__main__":
    main()
