"""What it costs to tell many websocket clients the same changes, and how long each change takes to them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import orjson
import psycopg

from domain.readings import F64
from domain.times import rfc3339
from store.db import connect
from store.registry import Registry
from store.secrets import new_token, token_hash
from tests.benchmarks.figures import Figure
from tests.benchmarks.listeners import LAST
from tests.benchmarks.stack import ROOT, Databases, Program, answers
from tests.contract.mosquitto import free_port

CLIENTS = (10, 100, 500, 2_000, 5_000)
VEHICLES = 1_000
CHANGES_PER_S, TOGETHER = 200, 4  # so many are committed at once
PER_USER = 20
P99_GOAL_MS, CPU_GOAL_US = 150.0, 5.0
OF_GOAL = 500
SINCE = "2026-11-01T06:00:00.000Z"


def _tell(connection: psycopg.Connection, tenant_id: int, numbers: range) -> None:
    """One transaction of the tracker: some vehicles have moved."""
    now = rfc3339(time.time_ns() // 1000)
    changes = [
        {
            "id": f"truck-{VEHICLES if n == LAST else n % VEHICLES:05d}",
            "op": "merge",
            "data": {
                "t": now, "received_at": now, "lat": 60.0 + n % 997 / 1e4, "lon": 24.0 + n % 991 / 1e4,
                "speed_mps": 15.2, "heading_deg": n % 360, "accuracy_m": 4.5, "site": None, "flags": [],
                "status": "moving", "status_since": SINCE, "n": n,
            },
        }
        for n in numbers
    ]  # fmt: skip
    with connection.transaction():
        seq = connection.execute(
            "insert into tracker_position as p (partition, change_seq) values (0, 1) on conflict (partition) "
            "do update set change_seq = p.change_seq + 1 returning change_seq"
        ).fetchone()
        body = orjson.dumps({"vehicles": changes})
        connection.execute(
            "insert into change (partition, seq, tenant_id, body) values (0, %s, %s, %s)",
            (*(seq or ()), tenant_id, body),
        )
        connection.execute("select pg_notify('frostway_change', '0')")


def _beat(dsn: str, tenant_id: int, seconds: float) -> dict[int, float]:
    """Changes at a steady rate; when each was committed."""
    told: dict[int, float] = {}
    with connect(dsn, "bench") as connection:
        begin = time.monotonic()
        for step in range(int(seconds * CHANGES_PER_S / TOGETHER)):
            time.sleep(max(0.0, begin + step * TOGETHER / CHANGES_PER_S - time.monotonic()))
            numbers = range(step * TOGETHER, (step + 1) * TOGETHER)
            _tell(connection, tenant_id, numbers)
            told |= dict.fromkeys(numbers, time.time())
        _tell(connection, tenant_id, range(LAST, LAST + 1))
    return told


def _tokens(dsn: str, clients: int) -> tuple[int, list[str]]:
    """A token for every client, the user being another one every so often."""
    tokens = [new_token() for _ in range(clients)]
    with connect(dsn, "bench") as connection:
        registry = Registry(connection)
        for n, token in enumerate(tokens):
            registry.add_token(token_hash(token), kind="bearer", subject=f"bench-{n // PER_USER}", role="viewer")
        return registry.tenant_id, tokens


def _round(server: Databases, folder: Path, clients: int, seconds: float) -> tuple[F64, float, float, int]:
    """Milliseconds of each change to each listener that understands, API's CPU seconds, octets told, changes."""
    folder.mkdir()
    dsn, _ = server.world(VEHICLES, "feed")
    tenant_id, tokens = _tokens(dsn, clients)
    (folder / "tokens").write_text("\n".join(tokens))
    port = free_port()
    settings = {
        "FROSTWAY_DATABASE_URL": dsn,
        "FROSTWAY_HTTP_PORT": str(port),
        "FROSTWAY_SOCKETS_PER_TENANT_MAX": str(clients),
        "FROSTWAY_HTTP_CONNECTIONS_MAX": str(clients + 64),
        "FROSTWAY_REQUEST_RATE": "0",
    }
    program = Program("api", folder, settings)
    try:
        program.wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        words = ["--port", str(port), "--tokens", str(folder / "tokens"), "--out", str(folder / "heard.npy")]
        with subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.listeners", *words],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as listeners:  # fmt: skip
            if listeners.stdout is None or listeners.stdout.readline().strip() != "ready":
                raise RuntimeError("the listeners could not connect")
            before = program.cpu_s()
            told = _beat(dsn, tenant_id, seconds)
            octets = float(listeners.communicate("")[0])
            cpu_s = program.cpu_s() - before
    finally:
        program.stop()
    heard = np.load(folder / "heard.npy")
    at_s = np.array([told[n] for n in heard["n"].tolist()])
    return (heard["at_s"] - at_s) * 1000, cpu_s, octets, len(told)


def measure(server: Databases, folder: Path, *, seconds: float) -> list[Figure]:
    """p99 and CPU by the number of clients; the goals are those of 500."""
    found = []
    for clients in CLIENTS:
        delays, cpu_s, octets, changes = _round(server, folder / f"feed_{clients}", clients, seconds)
        cpu_us = 1e6 * cpu_s / changes / clients
        goals = (P99_GOAL_MS, CPU_GOAL_US) if clients == OF_GOAL else (None, None)
        details = {
            "p50 ms": float(np.quantile(delays, 0.5)),
            "max ms": float(delays.max()),
            "octets a change and client": octets / changes / clients,
            "never heard": changes - len(delays) / min(clients, 20),
        }
        name = f"{clients:,} clients, {CHANGES_PER_S} changes/s"
        p99_ms = float(np.quantile(delays, 0.99))
        found += [
            Figure(f"feed p99, {name}", "ms", [p99_ms], goal=goals[0], smaller_is_better=True),
            Figure(
                f"feed CPU a change and client, {name}", "µs", [cpu_us], goal=goals[1], smaller_is_better=True,
                details_are="of all changes", details=details,
            ),
        ]  # fmt: skip
    return found
