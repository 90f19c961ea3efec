"""`python -m tests.benchmarks.questions`: the section by itself, for other sizes of history.

With `FROSTWAY_TEST_TIMESCALE_DSN` in the environment it runs there, else on embedded PostgreSQL.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.figures import Neighbours, machine, print_table
from tests.benchmarks.questions import section
from tests.benchmarks.questions.history import Plan
from tests.benchmarks.stack import databases


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.questions", description=__doc__)
    parser.add_argument("--vehicles", type=int, default=Plan.vehicles)
    parser.add_argument("--days", type=int, default=Plan.days)
    parser.add_argument("--every-s", type=int, default=Plan.every_s, metavar="S", help="between messages of a vehicle")
    parser.add_argument("--late", type=float, default=0.0, metavar="SHARE", help="of the messages come two days later")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--explain", type=Path, metavar="FILE", help="write the plans of our layout")
    asked = parser.parse_args()
    plan, about, neighbours = Plan(asked.vehicles, asked.days, asked.every_s), machine(), Neighbours()
    with tempfile.TemporaryDirectory(prefix="frostway-bench-") as folder, databases(Path(folder)) as server:
        found = section.run(server, plan, rounds=asked.rounds, late=asked.late, plans=asked.explain)
    print_table(found, about, neighbours.share())


if __name__ == "__main__":
    main()
