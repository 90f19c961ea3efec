"""`python -m tests.benchmarks.storm [CHECKOUT …]`: a yard of 1 000 reefers loses power, all in one step of the tracker.

Their probes get warm, alarm, and are cold again, each time all of them in one group of messages; then all three in one
group. For each step: the statements that the tracker sent, from reading the log to the commit (the server's log tells
them), and the time it took by the tracker's own metric, in a run of its own without that log. Two checkouts are two
columns.
"""

from __future__ import annotations

import argparse
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson
import psycopg

from tests.compare.__main__ import checkout
from tests.compare.script import Registered, Step
from tests.compare.side import Side

PROFILE = {"low_c": 2.0, "high_c": 8.0, "for_s": 60.0, "hysteresis_c": 0.3, "max_interval_s": 300.0}
PREFIX = "[frostway tracker] "
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)", re.DOTALL)
PHASES: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = (
    ("all cold", ((0, 4.0),)),
    ("all too warm", ((60, 12.0),)),
    ("all alarm", ((130, 13.0),)),
    ("all cold again", ((200, 4.0),)),
    ("warm, alarm and cold in one", ((300, 12.0), (370, 13.0), (440, 4.0))),
)
"""Name, and the readings of each probe: seconds and °C."""


class Measured(NamedTuple):
    """One step."""

    statements: int
    seconds: float


def register(reefers: int) -> Step:
    """The yard."""
    calls = [Registered("put_profile", ("yard",), PROFILE)]
    for n in range(reefers):
        spec = {"name": f"reefer-{n:04}", "kind": "reefer", "vehicle": f"truck-{n:04}", "profile": "yard"}
        calls.append(Registered("put_device", (spec,)))
    return Step(0, calls)


def readings(reefers: int, begin_s: float, parts: tuple[tuple[float, float], ...]) -> Step:
    """What all of them say in one step."""
    t_ms = [round((begin_s + s) * 1000) for s, _ in parts]
    body = orjson.dumps({"t": t_ms, "c": [c for _, c in parts], "probe": "air"})
    return Step(time.time_ns() // 1000, messages=[(f"fw/v1/main/reefer-{n:04}/temp", body) for n in range(reefers)])


def statements(log: str) -> Iterator[str]:
    """What the tracker sent, in order."""
    for entry in re.split(r"^(?=\[)", log, flags=re.MULTILINE):
        if entry.startswith(PREFIX) and (found := STATEMENT.match(entry[len(PREFIX) :])):
            yield found[1].strip()


def of_the_step(sent: list[str]) -> int:
    """How many there are from the last look into the log to the commit of the first step that moved the positions."""
    moved = next(i for i, s in enumerate(sent) if re.search(r"(update|insert into) tracker_position", s))
    end = next(i for i, s in enumerate(sent[moved:], moved) if s.lower().startswith("commit"))
    begin = max((i for i, s in enumerate(sent[:moved]) if "log_frame" in s or "from log_head" in s), default=0)
    return end - begin + 1


class Yard:
    """One checkout with its reefers, told or timed."""

    def __init__(self, code: Path, folder: Path, reefers: int, *, told: bool) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._metrics = f"http://127.0.0.1:{free.getsockname()[1]}/metrics"
        settings = {"FROSTWAY_METRICS_PORT": self._metrics.split(":")[2].split("/")[0]}
        self.side = Side(code, folder, deciding=False, tracker=settings)
        self._log, self._told, self._reefers = folder / "postgres.log", told, reefers

    def run(self) -> Iterator[Measured]:
        """Every phase, each when the one before is decided."""
        with self.side as side:
            for call in register(self._reefers).registered:
                side.register(call)
            if self._told:
                with psycopg.connect(side.dsn, autocommit=True) as c:
                    c.execute("alter system set log_line_prefix = '[%a] '")
                    c.execute("alter database compared set log_statement = 'all'")
                    c.execute("select pg_reload_conf()")
            side.start_deciding()
            begin_s = time.time() - 600
            self._at_rest()
            for _, parts in PHASES:
                before = self._log.stat().st_size, self._seconds()
                side.feed(readings(self._reefers, begin_s, parts))
                self._at_rest()
                log = self._log.read_bytes()[before[0] :].decode(errors="replace")
                count = of_the_step(list(statements(log))) if self._told else 0
                yield Measured(count, self._seconds() - before[1])

    def _at_rest(self) -> None:
        """When the log is read to its end, and the metric says so."""
        until_s = time.monotonic() + 120
        while not self.side.is_read or not self._answers():
            if time.monotonic() > until_s:
                raise TimeoutError("the tracker does not come to rest")
            time.sleep(0.05)
        time.sleep(0.1)  # the metric is counted behind the commit

    def _answers(self) -> bool:
        try:
            return httpx.get(self._metrics, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _seconds(self) -> float:
        text = httpx.get(self._metrics, trust_env=False).text
        found = re.search(r"^frostway_tracker_step_seconds_sum (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else float("nan")


def measure(name: str, reefers: int, rounds: int) -> list[Measured]:
    """Statements and the median time of each phase."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="frostway-storm-")))
        code = stack.enter_context(checkout(name, folder / "checkout"))
        told = list(Yard(code, folder / "told", reefers, told=True).run())
        timed = [list(Yard(code, folder / f"timed-{n}", reefers, told=False).run()) for n in range(rounds)]
    return [Measured(each.statements, statistics.median(t[i].seconds for t in timed)) for i, each in enumerate(told)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.storm", description=__doc__)
    parser.add_argument("checkouts", nargs="*", default=["."])
    parser.add_argument("--reefers", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3, help="of timing; the median counts")
    given = parser.parse_args()
    found = {}
    for name in given.checkouts:
        found[name] = measure(name, given.reefers, given.rounds)
        print(f"{name}: done", file=sys.stderr)
    print(f"{given.reefers} reefers in one step".ljust(32), *(f"{name[:22]:>24}" for name in found))
    for i, (phase, _) in enumerate(PHASES):
        cells = [f"{m[i].statements:>7} sql {m[i].seconds * 1000:>9.0f} ms" for m in found.values()]
        print(phase.ljust(32), *(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    main()
