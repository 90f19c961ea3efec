"""How long the usual questions to the API take beside a large fleet and its history; a month's track; a large export.

The fleet has 10 000 vehicles that sent a message every five minutes for four days, a fix and four values each: more
than 50 X
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import psycopg

from domain.readings import PositionBatch
from domain.times import rfc3339
from store.copy import TABLE
from store.db import connect
from store.partitions import Partitions
from store.registry import Registry
from store.secrets import new_token, token_hash
from store.writer import ReadingWriter
from tests.benchmarks.figures import Figure
from tests.benchmarks.questions.history import NAMES, Plan, arriving
from tests.benchmarks.questions.layouts import World
from tests.benchmarks.stack import Databases, Program, answers
from tests.contract.mosquitto import free_port

PLAN = Plan(vehicles=10_000, days=4, every_s=300)
EXPORTED, MONTHS_EVERY_S, MONTH_DAYS, POINTS = 1_000_000, (30, 10), 31, 2_000
ASKED, SEED = 200, 5
P99_GOAL_MS, TRACK_GOAL_MS, EXPORT_GOAL_MB = 50.0, 200.0, 100.0
DAY_US = 86_400_000_000


def measure(server: Databases, folder: Path, *, plan: Plan = PLAN, exported: int = EXPORTED) -> list[Figure]:
    """All figures of one database."""
    dsn = server.create("reads", "empty")
    with connect(dsn, "bench") as connection:
        world = World(connection, plan)
        messages = world.load(arriving(plan)).messages
        months = [
            _one(connection, plan, f"month-{every_s}", MONTH_DAYS * 86_400 // every_s, every_s)
            for every_s in MONTHS_EVERY_S
        ]
        _one(connection, plan, "much", exported, 1)
        connection.execute("vacuum analyze")
        token = new_token()
        Registry(connection).add_token(token_hash(token), kind="bearer", subject="bench", role="viewer")
    port = free_port()
    settings = {"FROSTWAY_DATABASE_URL": dsn, "FROSTWAY_HTTP_PORT": str(port), "FROSTWAY_REQUEST_RATE": "0"}
    own = folder / "reads"
    own.mkdir()
    api = Program("api", own, settings)
    try:
        api.wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=120
        ) as client:
            readings = messages * (1 + len(NAMES)) + sum(months) + exported
            found = [*_reads(client, plan, readings), _export(client, api, exported)]
            return found + [_track(client, plan, *each) for each in zip(MONTHS_EVERY_S, months, strict=True)]
    finally:
        api.stop()


def _one(connection: psycopg.Connection, plan: Plan, name: str, count: int, every_s: int) -> int:
    """One more vehicle with its device and so many fixes; their number."""
    row = connection.execute(
        "with v as (insert into vehicle (tenant_id, name, label) values (%(tenant)s, %(name)s, %(name)s) "
        "returning id, tenant_id) insert into device (tenant_id, name, kind, vehicle_id) "
        "select tenant_id, %(name)s, 'tracker', id from v returning id",
        {"tenant": Registry(connection).tenant_id, "name": name},
    ).fetchone()
    rng = np.random.default_rng(SEED)
    time_us = plan.start_us + np.arange(count, dtype=np.int64) * every_s * 1_000_000
    heading = np.cumsum(rng.normal(0, 5, count))
    ahead = 15.0 * every_s / 111_195
    partitions, writer, cursor = Partitions(connection), ReadingWriter(connection), connection.cursor()
    columns = {
        "device_id": np.full(count, row[0] if row else 0), "time_us": time_us, "received_us": time_us + 400_000,
        "boot_id": np.full(count, 1), "seq": np.arange(count), "flags": np.zeros(count),
        "lat": (50 + np.cumsum(np.cos(np.radians(heading))) * ahead).clip(-80, 80),
        "lon": (10 + np.cumsum(np.sin(np.radians(heading))) * ahead).clip(-179, 179),
        "altitude_m": np.full(count, 100.0), "speed_mps": np.full(count, 15.0), "heading_deg": heading % 360,
        "accuracy_m": np.full(count, 4.5), "odometer_m": np.full(count, np.nan), "ignition": np.ones(count),
    }  # fmt: skip
    table = TABLE[PositionBatch.STREAM]
    for at in range(0, count, 50_000):
        batch = PositionBatch.build({key: column[at : at + 50_000] for key, column in columns.items()})
        partitions.create(connection, table, partitions.missing(table, batch.time_us))
        with connection.transaction():
            writer.write(cursor, batch)
    return count


def _span(plan: Plan, days: float) -> str:
    end = plan.start_us + int(days * DAY_US)
    return f"from={rfc3339(max(plan.start_us, end - DAY_US))}&to={rfc3339(end)}"


def _reads(client: httpx.Client, plan: Plan, readings: int) -> list[Figure]:
    """Milliseconds of each usual question, many times for other vehicles, one after the other."""
    rng, day = random.Random(SEED), _span(plan, plan.days)

    def vehicle() -> str:
        return f"truck-{rng.randrange(plan.vehicles):05d}"

    asked: dict[str, Callable[[], str]] = {
        "vehicles, a page": lambda: "/vehicles?limit=100",
        "vehicles of a fleet": lambda: "/vehicles?limit=100&fleet=north",
        "vehicles in a box": lambda: "/vehicles?limit=100&bbox=10,50,11,51",
        "a vehicle": lambda: f"/vehicles/{vehicle()}",
        "a day's track": lambda: f"/vehicles/{vehicle()}/track?{day}",
        "a day's trips": lambda: f"/vehicles/{vehicle()}/trips?{day}",
        "devices, a page": lambda: "/devices?limit=100",
        "what a device said": lambda: f"/devices/gps-{vehicle()[6:]}/heard",
        "alerts": lambda: "/alerts?state=open&limit=100",
        "shipments": lambda: "/shipments?limit=100",
        "sites": lambda: "/sites?limit=100",
        "stock": lambda: "/stock",
        "who I am": lambda: "/me",
    }
    p99, p50 = {}, {}
    for name, path in asked.items():
        times = []
        for _ in range(ASKED):
            began = time.monotonic()
            answer = client.get(path())
            times.append(1e3 * (time.monotonic() - began))
            if answer.status_code != 200:
                raise RuntimeError(f"{name}: {answer.status_code} {answer.text[:200]}")
        p99[name], p50[name] = float(np.quantile(times, 0.99)), float(np.quantile(times, 0.5))
    figure = Figure(
        f"REST, p99 of the slowest of {len(asked)}, {plan.vehicles:,} vehicles, {readings / 1e6:.1f} M readings", "ms",
        [max(p99.values())], {}, P99_GOAL_MS, smaller_is_better=True, details_are="p99 ms", details=p99,
    )  # fmt: skip
    return [figure, replace(figure, name="REST, the same, p50", rounds=[max(p50.values())], goal=None,
                            details_are="p50 ms", details=p50)]  # fmt: skip


def _track(client: httpx.Client, plan: Plan, every_s: int, fixes: int) -> Figure:
    end_us = plan.start_us + MONTH_DAYS * DAY_US
    path = f"/vehicles/month-{every_s}/track?from={rfc3339(plan.start_us)}&to={rfc3339(end_us)}&max_points={POINTS}"
    times, points = [], 0
    for _ in range(7):
        began = time.monotonic()
        answer = client.get(path)
        times.append(1e3 * (time.monotonic() - began))
        points = len(answer.raise_for_status().json()["points"])
    name = f"a month's track, a fix every {every_s} s: {fixes:,} to {points:,} points"
    return Figure(name, "ms", times, {}, TRACK_GOAL_MS, smaller_is_better=True)


def _export(client: httpx.Client, api: Program, readings: int) -> Figure:
    """How much the api grows meanwhile, at its largest."""
    before_mb, began, octets, lines = _memory_mb(api, "VmRSS"), time.monotonic(), 0, 0
    with client.stream("GET", "/readings?device=much&stream=gps") as answer:
        for chunk in answer.raise_for_status().iter_bytes():
            octets, lines = octets + len(chunk), lines + chunk.count(b"\n")
    took_s = time.monotonic() - began
    if lines != readings + 1:
        raise RuntimeError(f"{lines - 1} readings of {readings} were exported")
    peak_mb = _memory_mb(api, "VmHWM")
    details = {"MB before": before_mb, "at most": peak_mb, "seconds": took_s, "MB sent": octets / 1e6}
    return Figure(
        f"{readings:,} readings exported: growth of the api", "MB", [peak_mb - before_mb], {}, EXPORT_GOAL_MB,
        smaller_is_better=True, details_are="figures", details=details,
    )  # fmt: skip


def _memory_mb(api: Program, which: str) -> float:
    """Resident memory of a program: `VmRSS` now, `VmHWM` at its largest so far."""
    status = Path(f"/proc/{api.process.pid}/status").read_text().split(f"{which}:")[1]
    return int(status.split()[0]) / 1e3
