"""What ingest and tracker hold while a fleet that has spoken is silent again, and what of it their libraries take."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.benchmarks.figures import Figure
from tests.benchmarks.stack import Databases, pipeline
from tests.benchmarks.throughput import DEVICES, SINGLE, Driver

GOAL_MIB = 120
EACH = 10  # messages of every device
STEADY_S = 35.0  # the tracker keeps house every half minute
LIBRARIES = ("psycopg", "numpy", "prometheus_client", "shapely")
_IMPORTS = """
import importlib, sys
def resident():
    return int(next(x for x in open("/proc/self/status") if x.startswith("VmRSS")).split()[1]) / 1024
before = resident()
print("python", before)
for name in sys.argv[1:]:
    importlib.import_module(name)
    after = resident()
    print(name, after - before)
    before = after
"""


def _libraries() -> dict[str, float]:
    """MiB that Python and each library take in a process of its own, one after the other."""
    said = subprocess.run([sys.executable, "-c", _IMPORTS, *LIBRARIES], capture_output=True, text=True, check=True)
    return {name: float(mib) for name, mib in (line.split() for line in said.stdout.splitlines())}


def _idle(process: psutil.Process) -> tuple[float, float]:
    """Resident MiB, and those in proportion: pages that processes share are counted once among them."""
    info = process.memory_full_info()
    return info.rss / 2**20, info.pss / 2**20


def measure(server: Databases, folder: Path) -> list[Figure]:
    """The fleet says a little; then both programs are left alone for a while."""
    dsn, _ = server.world(DEVICES, "memory")
    with pipeline(folder / "memory", server, dsn) as parts:
        Driver(parts, SINGLE, folder).round(EACH)
        time.sleep(STEADY_S)
        found = {name: _idle(psutil.Process(program.process.pid)) for name, program in parts.programs.items()}
    details = {name: resident for name, (resident, _) in found.items()}
    details["in proportion"] = sum(proportional for _, proportional in found.values())
    details |= {f"library {name}": mib for name, mib in _libraries().items()}
    title = f"memory of ingest and tracker, idle fleet of {DEVICES:,}"
    total = sum(resident for resident, _ in found.values())
    return [Figure(title, "MiB", [total], goal=GOAL_MIB, smaller_is_better=True, details_are="MiB", details=details)]
