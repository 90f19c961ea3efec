"""The faults of a run, by name. Each leaves the stack mending itself; the caller waits until readings flow again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg

from tests.chaos.fatal_ingest import POINTS
from tests.deadlines import deadline
from tests.stack import Stack, environment, wait_for


class Fault(NamedTuple):
    """What is done to a stack, and the parts that the supervisor must see end."""

    run: Callable[[Stack, random.Random, float], None]
    ends: tuple[str, ...] = ()


@contextmanager
def unsupervised(stack: Stack) -> Iterator[None]:
    """Holds the supervisor, so that what is killed stays dead until the block ends."""
    pid = stack.facts["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def end(stack: Stack, part: str, number: signal.Signals = signal.SIGKILL) -> None:
    """Signals a part and waits until it is dead."""
    process = psutil.Process(stack.facts["pids"][part])
    process.send_signal(number)
    wait_for(lambda: _is_dead(process), f"{part} is dead", 60)


def _is_dead(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill(part: str) -> Fault:
    def run(stack: Stack, dice: random.Random, scale: float) -> None:
        end(stack, part)

    return Fault(run, (part,))


def kill_ingest(*points: str, broker_too: bool = False) -> Fault:
    """Ingests that die at these points take the place of the running one; the supervisor then starts a plain one.

    With `broker_too` the broker dies with the last of them, and its disk is gone: what had been received but was not
    durable is nowhere but with the devices, so a receipt that went out too early shows as a loss.
    """

    def run(stack: Stack, dice: random.Random, scale: float) -> None:
        with unsupervised(stack):
            end(stack, "ingest")
            for point in points:
                _die_at(stack, point, calls=dice.randint(1, 6), receiver=dice.choice(("stream", "paho")))
            if broker_too:
                _lose_broker(stack)

    return Fault(run, ("ingest", "broker") if broker_too else ("ingest",))


def _die_at(stack: Stack, point: str, calls: int, receiver: str) -> None:
    facts = stack.facts
    env = environment(
        FROSTWAY_DATABASE_URL=facts["database_url"],
        FROSTWAY_MQTT_URL=facts["mqtt_url"],
        FROSTWAY_MQTT_RECEIVER=receiver,
        FROSTWAY_DATA_DIR=str(stack.data),  # the spool is the one that the stack's own ingest has
    )
    words = [sys.executable, "-P", "-m", "tests.chaos.fatal_ingest", point, str(calls)]
    done = subprocess.run(
        words, env=env, cwd=stack.folder, capture_output=True, text=True, timeout=deadline(60), check=False
    )
    assert done.returncode == -signal.SIGKILL, f"not killed {point}: {done.stderr[-2000:]}"
    assert f"killed {point}: {POINTS[point].status.name}" in done.stderr


def broker_forgets(stack: Stack, dice: random.Random, scale: float) -> None:
    """Killed, and its disk gone with it: every session and every queued message is lost."""
    with unsupervised(stack):
        _lose_broker(stack)


def broker_keeps_a_queue(stack: Stack, dice: random.Random, scale: float) -> None:
    """Ingest is away, the broker queues on disk and is restarted in an orderly way: ingest must get the queue."""
    with unsupervised(stack):
        end(stack, "ingest")
        time.sleep(scale)
        end(stack, "broker", signal.SIGTERM)
        assert any(each.stat().st_size > 10_000 for each in _broker_store(stack)), "the queue is on disk"
    heard = "session resumed"
    before = stack.log("ingest").count(heard)
    wait_for(lambda: stack.log("ingest").count(heard) > before, "ingest has its old session")


def broker_saves(stack: Stack) -> None:
    """Mosquitto writes its sessions and queues to disk now.

    It writes a new file beside the old one and then moves it there: saved is what has been moved. Killed in between it
    would come back with the old file.
    """
    file = stack.data / "broker" / "db" / "mosquitto.db"

    def inode() -> int | None:
        return file.stat().st_ino if file.exists() else None

    before = inode()
    os.kill(stack.facts["pids"]["broker"], signal.SIGUSR1)
    wait_for(lambda: inode() not in (None, before), "the broker has saved", 60)


def _lose_broker(stack: Stack) -> None:
    end(stack, "broker")
    for each in _broker_store(stack):
        each.unlink()


def _broker_store(stack: Stack) -> list[Path]:
    return list((stack.data / "broker" / "db").iterdir())


def kill_backend(stack: Stack, dice: random.Random, scale: float) -> None:
    """One backend killed: PostgreSQL throws everybody out and recovers, without its postmaster ending."""
    query = "select pid from pg_stat_activity where application_name in ('frostway ingest', 'frostway tracker')"
    with psycopg.connect(stack.database_url) as connection:
        pids = sorted(pid for (pid,) in connection.execute(query))
    os.kill(dice.choice(pids), signal.SIGKILL)


def pause_database(stack: Stack, dice: random.Random, scale: float) -> None:
    """Every process of PostgreSQL stopped as by a hung disk; connections stay open and nothing answers."""
    postmaster = psutil.Process(stack.facts["pids"]["postgres"])
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        time.sleep(3 * scale)
    finally:
        for process in reversed(stopped):
            with suppress(psutil.NoSuchProcess):
                process.resume()


def take_database_away(stack: Stack, dice: random.Random, scale: float) -> None:
    """Stopped in an orderly way and started again only after a while."""
    with unsupervised(stack):
        end(stack, "postgres", signal.SIGINT)
        time.sleep(2 * scale)


_TOGETHER = {
    f"ingest killed {point}, and the broker with its disk": kill_ingest(point, broker_too=True) for point in POINTS
}
_OTHERS = {
    "broker killed": kill("broker"),
    "broker restarted with a queue on disk": Fault(broker_keeps_a_queue, ("ingest", "broker")),
    "database killed": kill("postgres"),
    "database paused": Fault(pause_database),
    "database away": Fault(take_database_away, ("postgres",)),
    "tracker killed": kill("tracker"),
}
FAULTS = {
    **{f"ingest killed {point}": kill_ingest(point) for point in POINTS},
    **_TOGETHER,
    **_OTHERS,
    "broker killed, its disk gone": Fault(broker_forgets, ("broker",)),
    "database backend killed": Fault(kill_backend),
}
FAULTS_IN_SHORT = {
    f"ingest killed {', '.join(POINTS)}": kill_ingest(*POINTS),
    **{name: fault for name, fault in _TOGETHER.items() if "inside the transaction" in name},
    **_OTHERS,
}
