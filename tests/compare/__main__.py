"""`python -m tests.compare BEFORE AFTER`: commits, or folders with a checkout. Exits with 1 when something differs."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compare import differ, script
from tests.compare.side import Side
from tests.memory import in_memory

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT.parent / "shared" / "data"


@contextmanager
def checkout(name: str, folder: Path) -> Iterator[Path]:
    """The folder that is named, or the commit in one of its own, with pages if there are any to borrow."""
    if Path(name).is_dir():
        yield Path(name)
        return
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", folder, name], check=True)
    try:
        static = ROOT / "api" / "static"
        if static.is_dir() and not (folder / "api" / "static").exists():
            shutil.copytree(static, folder / "api" / "static")
        yield folder
    finally:
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder], check=True)


def steps_of(hours: float, recordings: Path | None) -> list[script.Step]:
    """What is fed."""
    steps = script.day(hours)
    if recordings and recordings.is_dir():
        steps += script.recordings(recordings, steps[-1].at_us)
    elif recordings:
        print(f"NO RECORDINGS: {recordings} is not there, so none of real devices are compared", file=sys.stderr)
    return steps + script.rest(steps[-1].at_us)


def run(name: str, steps: list[script.Step], folder: Path, out: Path) -> None:
    """Feeds one of the two and writes what came of it."""
    began = time.monotonic()
    moments = [steps[int(share * (len(steps) - 1))].at_us for share in (0.3, 0.5, 0.65, 0.8)]
    with checkout(name, folder / "checkout") as code, Side(code, folder / "side") as side:
        side.live(steps)
        side.export(out, moments)
    print(f"  {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compare", description=__doc__)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--hours", type=float, default=6.0, help="of the simulated day")
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, help="folder of recordings of real devices")
    parser.add_argument("--any-order", action="store_true", help="rows that stand in another order are the same")
    parser.add_argument("--all", action="store_true", help="print every group, not only what differs")
    parser.add_argument("--keep", type=Path, help="keep both exports in this folder, for diff")
    given = parser.parse_args()
    steps = steps_of(given.hours, given.recordings)
    count = sum(len(s.messages) for s in steps)
    print(f"{len(steps)} steps, {count} messages", file=sys.stderr)
    with in_memory() as memory, tempfile.TemporaryDirectory(prefix="frostway-compare-", dir=memory) as temp:
        out = given.keep or Path(temp)
        for side in ("before", "after"):
            shutil.rmtree(out / side, ignore_errors=True)
            (Path(temp) / f"run-{side}").mkdir()
            run(getattr(given, side), steps, Path(temp) / f"run-{side}", out / side)
        groups = differ.compare(differ.load(out / "before"), differ.load(out / "after"))
    print(differ.table(groups, whole=given.all))
    good = {"same", "order"} if given.any_order else {"same"}
    return 0 if all(g.verdict in good for g in groups) else 1


if __name__ == "__main__":
    sys.exit(main())
