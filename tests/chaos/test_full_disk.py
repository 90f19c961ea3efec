"""A full disk, every part killed meanwhile, and PostgreSQL killed while the schema is made: the stack comes back alone.

The data folder is a small file system of its own, which needs root; elsewhere the test is skipped. Short by default,
`FROSTWAY_CHAOS_ROUNDS` rounds by `make chaos`, each with the next part killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from frostway.broker import find_mosquitto
from store.migrate import current_version, migrations
from tests.chaos.test_chaos import HEAL_S, OTHERS, ROUNDS, SEED, recovered, registered
from tests.deadlines import deadline
from tests.oracle import judge, judge_told
from tests.stack import Stack, settled, wait_for

SIZE_MB = 700
PARTS = ("postgres", "broker", "ingest", "tracker", "api", "operations")
BACK_S = 30.0
LONG = ROUNDS > 1

pytestmark = [
    pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto"),
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or os.geteuid() != 0, reason="needs root, to mount a small file system"
    ),
    pytest.mark.timeout(1200 + 1200 * ROUNDS),
]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is free, and what becomes free is taken at once."""
    with (folder / "ballast").open("ab", buffering=0) as ballast:
        _fill(ballast.fileno())
        try:
            yield
        finally:
            os.ftruncate(ballast.fileno(), 0)
    (folder / "ballast").unlink()


def _fill(fd: int) -> None:
    for size in (1 << 20, 4096):
        with suppress(OSError):
            while True:
                os.write(fd, b"x" * size)


def ready(stack: Stack) -> httpx.Response | None:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{stack.url}/readyz", timeout=deadline(5), trust_env=False)
    return None


def is_ready(stack: Stack) -> bool:
    answer = ready(stack)
    return answer is not None and answer.status_code == 200


def test_the_stack_comes_back_by_itself_when_a_full_disk_has_room_again(small_disk: Path) -> None:
    dice, times = random.Random(SEED), Counter[str]()
    rounds = max(ROUNDS, 1)
    with Stack(small_disk / "s", "--no-sim") as stack:
        fleet, began_s = registered(stack), time.monotonic()
        with fleet.running():
            recovered(fleet, began_s, "the start")
            for number in range(rounds):
                part = PARTS[number % len(PARTS)]
                victims = PARTS if not LONG else (part,)
                with filled(small_disk):
                    wait_for(lambda: not is_ready(stack), "/readyz says that nothing can be stored", HEAL_S)
                    for name in victims:
                        _kill(stack, name)
                    time.sleep(dice.uniform(1, 3))
                    assert stack.running, stack.stderr
                room_s = time.monotonic()
                wait_for(lambda: is_ready(stack), "/readyz says ok", HEAL_S)
                recovered(fleet, room_s, f"the full disk and {', '.join(victims)} killed")
                back_s = time.monotonic() - room_s
                times[part] = max(times[part], round(back_s))
                print(f"round {number + 1}, {', '.join(victims)} killed: back after {back_s:.1f} s")
            fleet.end()
            wait_for(fleet.empty, "every reading has its receipt", HEAL_S)
        wait_for(lambda: settled(stack.database_url), "the tracker has processed the log", HEAL_S)
        with psycopg.connect(stack.database_url) as connection:
            verdict = judge(fleet.ledger.truth, connection, fleet.ledger.poison, OTHERS)
            order = judge_told(fleet.ledger.told, connection)
        nonsense = [key for key in verdict.lost if key in fleet.ledger.poison]
        print(verdict, f"({len(nonsense)} of the lost were nonsense); longest time back, s: {dict(times)}")
        print(f"numbers used again: {order}")
        assert "make room" in stack.stderr
        assert "there is room again" in stack.stderr
        assert [each.name for each in (stack.data / "spool").glob("*.damaged") if not each.stat().st_size] == []
    verdict.assert_clean()
    order.assert_clean()


def _kill(stack: Stack, name: str) -> None:
    """As run.json may be of before: its processes may be gone already."""
    for process in psutil.Process(stack.facts["pid"]).children():
        with suppress(psutil.NoSuchProcess):
            if _part_of(process) == name:
                process.kill()


def _part_of(process: psutil.Process) -> str:
    words = process.cmdline()
    program = Path(words[0]).name if words else ""
    return {"postgres": "postgres", "mosquitto": "broker"}.get(program, words[-1] if words else "")


def test_postgresql_killed_while_the_schema_is_made_is_no_end(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    struck = 0
    for number in range(max(ROUNDS, 1)):
        stack = Stack(tmp_path / f"r{number}", "--no-sim")
        stack.spawn()
        try:
            struck += _kill_while_it_migrates(stack, dice)
            wait_for(lambda at=stack: at.stdout.startswith("ready "), "ready on stdout", HEAL_S)  # type: ignore[misc]
            with psycopg.connect(stack.database_url) as connection:
                assert current_version(connection) == len(migrations())
        finally:
            stack.stop(signal.SIGTERM)
    print(f"{struck} of {max(ROUNDS, 1)} kills hit a schema half made")


def _kill_while_it_migrates(stack: Stack, dice: random.Random) -> bool:
    """Kills the server, postmaster and all, at a random moment after it accepts the first connection."""

    def connected() -> psycopg.Connection | None:
        with suppress(psycopg.OperationalError, OSError, ValueError):
            return psycopg.connect(stack.database_url, connect_timeout=2)
        assert stack.running, stack.stderr
        return None

    connection, version = wait_for(connected, "the database accepts connections"), 0
    time.sleep(dice.uniform(0, 0.6))
    with suppress(psycopg.OperationalError):
        version = current_version(connection)
    os.kill(stack.facts["pids"]["postgres"], signal.SIGKILL)
    connection.close()
    return version < len(migrations())
