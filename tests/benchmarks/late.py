"""What late readings cost: a day folded again, a tracker that begins anew, a burst of 48 hours beside live vehicles."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import orjson
import psutil

from domain.frames import encode
from domain.readings import merge
from domain.times import from_us
from store.db import connect
from store.link import Link
from store.log import PostgresLog
from store.registry import Registry
from store.secrets import new_token, token_hash
from tests.benchmarks import cores, latency
from tests.benchmarks.figures import Figure
from tests.benchmarks.fleet import track
from tests.benchmarks.publisher import BATCH, Allowance
from tests.benchmarks.stack import ROOT, Databases, Pipeline, pipeline
from tests.benchmarks.world import positions
from tests.stack import settled, wait_for
from tracker.service import Tracker, TrackerConfig
from tracker.vehicles.family import Vehicles

DAY_GOAL_MS, RESTORE_GOAL_S, STATE_GOAL_KB, BURST_GOAL = 100.0, 5.0, 20.0, 2.0
INTERVAL_S = 10
BURST_VEHICLES, BURST_H = 100, 48
QUIET_S = 12.0
UPLOAD_PER_S = 5  # messages of 60 readings a second of one vehicle: about 140 kbit/s of mobile uplink


def begun(dsn: str) -> Tracker:
    """A tracker that has read everything and done nothing."""
    found = Tracker(TrackerConfig(dsn, cores.PARTITIONS), threading.Event())
    found.load()
    return found


def day_again(server: Databases, rounds: int) -> Figure:
    """24 hours of one vehicle at a reading every 10 s, folded again from the beginning, and what is new written."""
    dsn, fleet = server.world(1, "day")
    seconds = range(0, 86_400, INTERVAL_S)
    whole = merge([[batch] for _, batch in positions(fleet, seconds, cores.start_us(25))])["gps"]
    link = Link(dsn, "bench fill")
    PostgresLog(link).append({int(fleet.partition[0]): encode([whole])})
    link.close()
    tracker = begun(dsn)
    while tracker.step():
        pass
    (vehicle,) = (v for v in tracker.engine.registry.vehicles if tracker.engine.family(Vehicles).tables.view(v))
    took: list[float] = []
    for _ in range(rounds):
        tracker.engine.late.wait("vehicle", vehicle, from_us(int(whole.time_us[0])), 0)
        started = time.monotonic()
        while tracker.engine.late:
            tracker._refold_some(0, now=True)
        took.append((time.monotonic() - started) * 1e3)
    tracker._link.close()
    return Figure("24 h of a vehicle folded again", "ms", took, goal=DAY_GOAL_MS, smaller_is_better=True)


def begin_anew(server: Databases, rounds: int, vehicles: int = 10_000) -> list[Figure]:
    """How long a tracker takes to know its vehicles again, and how much memory each of them takes."""
    dsn, fleet = server.world(vehicles, "anew")
    cores.fill(dsn, fleet, 3 * vehicles)
    cores.catch_up(dsn, cores.Real)
    took, grown = [], []
    for _ in range(rounds):
        before, started = psutil.Process().memory_info().rss, time.monotonic()
        tracker = begun(dsn)
        took.append(time.monotonic() - started)
        grown.append((psutil.Process().memory_info().rss - before) / vehicles / 1024)
        tracker._link.close()
    return [
        Figure(f"{vehicles:,} vehicles restored", "s", took, goal=RESTORE_GOAL_S, smaller_is_better=True),
        Figure("memory of the tracker a vehicle", "KiB", [max(grown)], goal=STATE_GOAL_KB, smaller_is_better=True),
    ]


def burst_file(path: Path, first: int, now_us: int) -> int:
    """48 hours of 100 vehicles, newest first, 60 readings a message, the vehicles in turn; returns the messages."""
    times = now_us // 1000 - np.arange(BURST_H * 3600 // INTERVAL_S) * INTERVAL_S * 1000
    rows = []
    number = np.arange(first, first + BURST_VEHICLES)
    for at in range(0, len(times), BATCH):
        t = np.sort(times[at : at + BATCH])
        places = [track(number, float(s)) for s in t / 1000 % 86_400]
        lat, lon = (np.array([p[k] for p in places]).round(6) for k in (0, 1))
        for column, n in enumerate(number.tolist()):
            reading = {"t": t.tolist(), "lat": lat[:, column].tolist(), "lon": lon[:, column].tolist(), "spd": 15.2}
            rows.append((f"fw/v1/main/gps-{n:05d}/gps".encode(), orjson.dumps({"acc": 4.5, **reading})))
    sizes = [max(len(row[k]) for row in rows) for k in (0, 1)]
    np.save(path, np.array(rows, dtype=[("topic", f"S{sizes[0]}"), ("payload", f"S{sizes[1]}")]))
    return len(rows)


async def _upload(url: str, folder: Path, messages: int) -> None:
    """Publishes the burst at the vehicles' uplinks' pace."""
    allowance = Allowance(folder / "allowance", create=True)
    command = [sys.executable, "-m", "tests.benchmarks.publisher", "--url", url, "--kind", "batch60"]
    what = ["--count", str(messages), "--messages", str(folder / "burst.npy"), "--allowance", str(allowance.path)]
    publisher = await asyncio.create_subprocess_exec(*command, *what, cwd=ROOT, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    while publisher.returncode is None:
        allowance.grant(int((time.monotonic() - began) * UPLOAD_PER_S * BURST_VEHICLES))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(publisher.wait(), 0.02)


async def _beat_and_burst(
    parts: Pipeline, token: str, folder: Path, messages: int
) -> tuple[list[latency.Heard], float]:
    """What a client hears of the live vehicles, and when the burst began."""
    done, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.get_running_loop().create_task(latency.follow(parts.http_port, token, done, ready))
    await asyncio.wait_for(ready.wait(), 20)
    burst_s = messages / UPLOAD_PER_S / BURST_VEHICLES
    pulse = latency.beat(parts.publisher_url, latency.WARM_S + QUIET_S + burst_s, folder / "live.npy")
    await asyncio.sleep(latency.WARM_S + QUIET_S)
    began = time.time()
    await _upload(parts.publisher_url, folder, messages)
    await asyncio.to_thread(pulse.wait)
    await asyncio.sleep(latency.TAIL_S)
    done.set()
    return await task, began


def burst(server: Databases, folder: Path) -> Figure:
    """The live p99 of 200 vehicles while 100 others upload 48 hours, newest first; beside it, that of before."""
    dsn, _ = server.world(latency.DEVICES + BURST_VEHICLES, "burst")
    token = new_token()
    with connect(dsn, "bench") as connection:
        Registry(connection).add_token(token_hash(token), kind="bearer", subject="bench", role="viewer")
    (folder / "burst").mkdir()
    messages = burst_file(folder / "burst" / "burst.npy", latency.DEVICES, time.time_ns() // 1000 - 60_000_000)
    with pipeline(folder / "burst" / "parts", server, dsn, api=True) as parts:
        heard, began = asyncio.run(_beat_and_burst(parts, token, folder / "burst", messages))
        wait_for(lambda: settled(dsn), "the burst to be folded", 300)
        ended = time.time()
    sent = np.load(folder / "burst" / "live.npy")
    delays = latency.delays_ms(sent, [news for news in heard if news.device < latency.DEVICES])
    since = sent["at_s"]
    calm = delays[(since > since[0] + latency.WARM_S) & (since < began)]
    busy = delays[since >= began]
    with connect(dsn, "bench") as connection:
        row = connection.execute(
            "select count(*) from reading_position r join device d on d.id = r.device_id where d.name >= %s",
            (f"gps-{latency.DEVICES:05d}",),
        ).fetchone()
    p99 = [float(np.nanquantile(each, 0.99)) for each in (busy, calm)]
    late, stored = messages * BATCH, row[0] if row else 0
    p50 = [float(np.nanquantile(each, 0.5)) for each in (busy, calm)]
    remark = (
        f"{late:,} late readings, {stored:,} of them stored, all settled after {ended - began:.0f} s; "
        f"live p50 {p50[1]:.0f} ms before, {p50[0]:.0f} ms in it"
    )
    return Figure(
        "live p99 beside a burst of 48 h", "ms", p99[:1], {"before the burst": p99[1]}, goal=BURST_GOAL * p99[1],
        smaller_is_better=True, remarks=[remark],
    )  # fmt: skip


def measure(server: Databases, folder: Path, *, rounds: int, with_broker: bool) -> list[Figure]:
    """All of them."""
    found = [day_again(server, rounds), *begin_anew(server, rounds)]
    return [*found, burst(server, folder)] if with_broker else found
