"""How long a reading takes from the device to a browser's websocket: 1 000 vehicles, 1 000 and 5 000 readings a second.

Every reading counts: one that a newer reading of its vehicle has overtaken (the API sends the newest only) took until
that newer one arrived. The ceiling is a bare subscriber at the same broker under the same beat, without us.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from websockets.asyncio.client import connect as connect_socket
from websockets.exceptions import ConnectionClosed

from ingest.mqtt import codec
from store.db import connect
from store.registry import Registry
from store.secrets import new_token, token_hash
from tests.benchmarks.figures import Figure
from tests.benchmarks.publisher import open_publisher
from tests.benchmarks.stack import ROOT, Databases, Pipeline, pipeline
from tests.contract.mosquitto import mosquitto

DEVICES, RATE = 200, 1_000
WARM_S, TAIL_S = 3.0, 1.5
VEHICLES = 1_000
GOALS_MS = {1_000: {"p50": 40.0, "p99": 120.0}, 5_000: {"p99": 200.0}}  # by readings a second


class Heard(NamedTuple):
    """News of one device: when it arrived (seconds), and the `t` it told (milliseconds)."""

    device: int
    t_ms: int
    at_s: float


def beat(url: str, seconds: float, out: Path, devices: int = DEVICES, rate: int = RATE) -> subprocess.Popen[bytes]:
    """The steady beat as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.pulse", "--url", url, "--devices", str(devices), "--rate", str(rate),
         "--seconds", str(seconds), "--out", str(out)],
        cwd=ROOT,
    )  # fmt: skip


def bare(url: str, seconds: float, out: Path, rate: int) -> list[Heard]:
    """What a bare subscriber hears of the beat."""
    heard: list[Heard] = []
    with open_publisher(url, client_id="bench-bare") as sock, beat(url, seconds, out, VEHICLES, rate) as pulse:
        sock.sendall(codec.encode_subscribe(1, ["fw/v1/+/+/gps"], qos=0))
        sock.settimeout(0.2)
        decoder = codec.Decoder()
        while pulse.poll() is None:
            with contextlib.suppress(TimeoutError):
                decoder.feed(sock.recv(65_536))
            at_s = time.time()
            for topic, payload, *_ in decoder.messages:
                heard.append(Heard(int(topic.split(b"/")[3][4:]), orjson.loads(payload)["t"], at_s))
            decoder.messages.clear()
    return heard


async def follow(port: int, token: str, done: asyncio.Event, ready: asyncio.Event) -> list[Heard]:
    """What a websocket client that follows all vehicles hears until `done` is set."""
    heard: list[Heard] = []
    headers = {"Authorization": f"Bearer {token}"}
    url = f"ws://127.0.0.1:{port}/ws/v1"
    async with connect_socket(url, additional_headers=headers, max_size=None, compression=None) as socket:
        await socket.send('{"type":"subscribe","topics":["vehicles"]}')
        closing = asyncio.get_running_loop().create_task(_close_when(socket, done))
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                at_s = time.time()
                found = orjson.loads(text)
                if found["type"] == "snapshot":
                    ready.set()
                for change in found.get("changes", ()):
                    t = change.get("data", {}).get("t")
                    if t is not None:
                        t_ms = round(datetime.fromisoformat(t).timestamp() * 1000)
                        heard.append(Heard(int(change["id"][6:]), t_ms, at_s))
        await closing
    return heard


async def _close_when(socket: object, done: asyncio.Event) -> None:
    await done.wait()
    await socket.close()  # type: ignore[attr-defined]


async def live(parts: Pipeline, token: str, seconds: float, out: Path, rate: int) -> list[Heard]:
    """What the websocket client hears of the beat, a little longer than it goes on."""
    done, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.get_running_loop().create_task(follow(parts.http_port, token, done, ready))
    await asyncio.wait_for(ready.wait(), 20)
    pulse = beat(parts.publisher_url, seconds, out, VEHICLES, rate)
    await asyncio.to_thread(pulse.wait)
    await asyncio.sleep(TAIL_S)
    done.set()
    return await task


def delays_ms(sent: NDArray[np.void], heard: list[Heard]) -> NDArray[np.float64]:
    """Milliseconds until each sent reading, or a newer one of its device, was heard; NaN when it never was."""
    by_device: dict[int, list[Heard]] = defaultdict(list)
    for news in heard:
        by_device[news.device].append(news)
    out = np.full(len(sent), np.nan)
    for device, told in by_device.items():
        rows = np.flatnonzero(sent["device"] == device)
        at_s = np.array([news.at_s for news in told])
        newest = np.maximum.accumulate(np.array([news.t_ms for news in told]))
        first = np.searchsorted(newest, sent["t_ms"][rows])
        known = first < len(newest)
        out[rows[known]] = (at_s[first[known]] - sent["at_s"][rows[known]]) * 1000
    return out


def split(sent: NDArray[np.void], delays: NDArray[np.float64], rounds: int) -> list[NDArray[np.float64]]:
    """The delays of each round, the warm-up left out."""
    use = sent["at_s"] >= sent["at_s"][0] + WARM_S
    return np.array_split(delays[use], rounds)


def measure(server: Databases, folder: Path, *, rounds: int, seconds: float) -> list[Figure]:
    """p50 and p99 of `rounds` rounds of so many seconds each, at each rate."""
    return [each for rate in GOALS_MS for each in _at(rate, server, folder, rounds, seconds)]


def _at(rate: int, server: Databases, folder: Path, rounds: int, seconds: float) -> list[Figure]:
    length = WARM_S + rounds * seconds
    name = f"latency-{rate}"
    own = folder / f"bare-{rate}"
    own.mkdir()
    with mosquitto(own, log_type="error") as broker:
        heard = bare(broker.url, WARM_S + seconds, own / "sent.npy", rate)
    sent = np.load(own / "sent.npy")
    floor = split(sent, delays_ms(sent, heard), 1)[0]
    dsn, _ = server.world(VEHICLES, name)
    token = new_token()
    with connect(dsn, "bench") as connection:
        Registry(connection).add_token(token_hash(token), kind="bearer", subject="bench", role="viewer")
    with pipeline(folder / name, server, dsn, api=True) as parts:
        before = parts.cpu_s()
        heard = asyncio.run(live(parts, token, length, folder / f"{name}.npy", rate))
        after = parts.cpu_s()
    sent = np.load(folder / f"{name}.npy")
    found = split(sent, delays_ms(sent, heard), rounds)
    missing = int(sum(np.isnan(each).sum() for each in found))
    beaten = len(sent) / (sent["at_s"][-1] - sent["at_s"][0])
    figures = [
        Figure(
            f"device to websocket at {rate:,}/s, {quantile}",
            "ms",
            [float(np.nanquantile(each, share)) for each in found],
            {"device to bare subscriber": float(np.nanquantile(floor, share))},
            GOALS_MS[rate].get(quantile),
            smaller_is_better=True,
        )
        for quantile, share in (("p50", 0.5), ("p99", 0.99))
    ]
    figures[-1] = replace(
        figures[-1],
        details_are="CPU µs per reading",
        details={part: (after[part] - before[part]) / len(sent) * 1e6 for part in after},
        remarks=[f"{len(sent):,} readings at {beaten:,.0f}/s, {len(heard):,} told, {missing} never heard of"],
    )
    return figures
