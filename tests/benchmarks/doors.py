"""What a device at one of our own doors costs the ingest program: CPU from the socket to the log and back.

As many devices as stand in `GUESTS` are connected at once, and each says the next thing when the last one is durable.
The CPU is that of the ingest process alone; the ceiling is the barest asyncio program that reads the same bytes
(`door_guests`), in the same rounds.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from store.db import connect
from tests.benchmarks.door_guests import EXAMPLE, HELLO, SHIPPED, Guest, acknowledged, packet, record, responded, visit
from tests.benchmarks.figures import Figure
from tests.benchmarks.fleet import site_place
from tests.benchmarks.stack import ROOT, Databases, Program, tree_cpu_s
from tests.contract.mosquitto import free_port, mosquitto

VEHICLES = 1_000
GUESTS = 200
BATCH = 20
TOKENS = """update device set external_id = %(imei)s || lpad(substr(name, 5), 5, '0'),
    http_token_sha256 = sha256(convert_to('token-' || substr(name, 5), 'UTF8')) where kind = 'tracker'"""
IMEI = "3563070424"


class Load(NamedTuple):
    """One kind of traffic: which door, and what a device says the n-th time."""

    title: str
    door: str
    goal: float | None
    says: Callable[[int, int], bytes]
    holds: int = 1


@cache
def begin_ms() -> int:
    """Some minutes ago: nothing is late, and nothing lies in the future."""
    return int(time.time() - 300) * 1000


def _teltonika(elements: dict[int, dict[int, int]], size: int) -> Callable[[int, int], bytes]:
    def says(device: int, turn: int) -> bytes:
        lat, lon = (float(v) for v in site_place(device % 100))
        at_ms = begin_ms() + turn * size * 1000
        return packet([record(at_ms + n * 1000, lat + turn * 1e-4, lon, elements) for n in range(size)])

    return says


def _osmand(device: int, turn: int) -> bytes:
    lat, lon = (float(v) for v in site_place(device % 100))
    query = f"lat={lat + turn * 1e-4:.6f}&lon={lon:.6f}&timestamp={begin_ms() // 1000 + turn}"
    query += "&speed=29.1&bearing=270&altitude=12.0&accuracy=4.5&batt=87.0"
    head = "host: 10.0.0.1:5055\r\nuser-agent: Dalvik/2.1.0 (Linux; U; Android 14)\r\naccept-encoding: gzip\r\n"
    return f"GET /osmand/token-{device:05d}?{query} HTTP/1.1\r\n{head}connection: keep-alive\r\n\r\n".encode()


def _thingsboard(device: int, turn: int) -> bytes:
    body = f'{{"ts":{begin_ms() + turn * 1000},"values":{{"temperature":4.{turn % 10},"humidity":61}}}}'
    head = "host: 10.0.0.1:5055\r\nuser-agent: ESP32HTTPClient\r\ncontent-type: application/json\r\n"
    head += f"content-length: {len(body)}\r\nconnection: keep-alive\r\n\r\n"
    return f"POST /api/v1/token-{device:05d}/telemetry HTTP/1.1\r\n{head}{body}".encode()


LOADS = (
    Load("Teltonika, a record a packet, the documentation's", "teltonika", 60, _teltonika(EXAMPLE, 1)),
    Load("Teltonika, a record a packet, as shipped", "teltonika", None, _teltonika(SHIPPED, 1)),
    Load(f"Teltonika, {BATCH} records a packet, as shipped", "teltonika", None, _teltonika(SHIPPED, BATCH), BATCH),
    Load("HTTP, OsmAnd", "http", 150, _osmand),
    Load("HTTP, ThingsBoard", "http", 150, _thingsboard),
)


def guests(load: Load, count: int, turns: range) -> list[Guest]:
    """So many devices with everything that they say in these turns."""
    answered = acknowledged if load.door == "teltonika" else responded
    hello = HELLO.pack if load.door == "teltonika" else lambda *_: b""
    return [
        Guest(hello(15, f"{IMEI}{n:05d}".encode()), [load.says(n, turn) for turn in turns], answered)
        for n in range(count)
    ]


def register(dsn: str) -> None:
    """Gives the trackers of a benchmark's world an IMEI and a token."""
    with connect(dsn, "bench") as connection:
        connection.execute(TOKENS, {"imei": IMEI})
        connection.commit()


@contextmanager
def bare(door: str) -> Iterator[tuple[int, int]]:
    """Port and process of the barest program that listens like this door."""
    command = [sys.executable, "-m", "tests.benchmarks.door_guests", door]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


class Stack:
    """Broker and ingest with both doors open, on a database of its own."""

    def __init__(self, folder: Path, dsn: str, broker_url: str) -> None:
        self.ports = {"teltonika": free_port(), "http": free_port()}
        settings = {
            "FROSTWAY_DATABASE_URL": dsn,
            "FROSTWAY_MQTT_URL": broker_url,
            "FROSTWAY_TELTONIKA_PORT": str(self.ports["teltonika"]),
            "FROSTWAY_DEVICE_HTTP_PORT": str(self.ports["http"]),
        }
        self.program = Program("ingest", folder, settings)
        self.program.wait_for("frostway_ingest_broker_up", 1)


def _spent_s(pid: int, port: int, some: Sequence[Guest]) -> tuple[float, float]:
    """CPU seconds of a process, and seconds, while these guests are there."""
    since, began = tree_cpu_s(pid), time.monotonic()
    asyncio.run(visit(port, some))
    return tree_cpu_s(pid) - since, time.monotonic() - began


def measure(server: Databases, folder: Path, *, rounds: int, each: int) -> list[Figure]:
    """Every load, `each` times by every guest and round."""
    dsn, _ = server.world(VEHICLES, "doors")
    register(dsn)
    (folder / "doors").mkdir(exist_ok=True)
    with mosquitto(folder / "doors", log_type="error") as broker:
        stack = Stack(folder / "doors", dsn, broker.url_for("ingest"))
        try:
            return [_figure(server, stack, load, rounds, max(2, each // load.holds)) for load in LOADS]
        finally:
            stack.program.stop()


def _figure(server: Databases, stack: Stack, load: Load, rounds: int, each: int) -> Figure:
    port, pid = stack.ports[load.door], stack.program.process.pid
    records = GUESTS * each * load.holds
    asyncio.run(visit(port, guests(load, GUESTS, range(3))))  # the first sight of devices, names and pages
    ours, ceiling, database, per_s = [], [], [], []
    with bare(load.door) as (bare_port, bare_pid):
        for number in range(rounds):
            some = guests(load, GUESTS, range(3 + number * each, 3 + (number + 1) * each))
            since = server.cpu_s()
            cpu_s, took_s = _spent_s(pid, port, some)
            database.append(1e6 * (server.cpu_s() - since) / records)
            ours.append(1e6 * cpu_s / records)
            per_s.append(records / took_s)
            ceiling.append(1e6 * _spent_s(bare_pid, bare_port, some)[0] / records)
    details = {"of PostgreSQL": statistics.median(database), "records per second": statistics.median(per_s)}
    return Figure(
        load.title, "µs a record", ours, {"bare asyncio, same bytes": statistics.median(ceiling)}, load.goal,
        smaller_is_better=True, details_are="CPU µs", details=details,
    )  # fmt: skip
