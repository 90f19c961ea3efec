"""Thousands of websocket clients of one whole stack: devices, broker, ingest, tracker, database, api and clients share
the machine.

1. How long a reading takes from the device to the clients while 1 000 vehicles move, beside the same with 20 clients.
2. What a message to a client costs the api, beside a bare server that writes the same octets as often to as many.
3. What a client that does not read costs.
4. How long it takes until all are back, and know all, when all are cut off at once, and when the api is killed.
5. What clients hear whose connections are cut ten thousand times, by chance, while all goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from domain.readings import F64
from store.db import connect
from store.registry import Registry
from store.secrets import new_token, token_hash
from tests.benchmarks.figures import Figure
from tests.benchmarks.latency import Heard, beat, delays_ms
from tests.benchmarks.stack import ROOT, Databases, Pipeline, pipeline, tree_cpu_s
from tests.contract.mosquitto import free_port

CLIENTS, VEHICLES, RATE = 5_000, 1_000, 200
PER_USER = 20
STALLED = 20
LISTENING = 20
CUTS, CUTS_PER_S, CUT_OFF = 10_000, 60, 400
WARM_S = 5.0
SETTLED_S = 10.0  # after the last reading
P99_GOAL_MS, BACK_GOAL_S, RATIO_GOAL, STALLED_GOAL_MB = 1_000.0, 30.0, 0.7, 1.0


class Clients:
    """The process of the clients."""

    def __init__(self, folder: Path, port: int, tokens: Sequence[str], listening: int) -> None:
        self._out = folder / "heard.npy"
        (folder / "tokens").write_text("\n".join(tokens))
        words = ["--port", str(port), "--tokens", str(folder / "tokens"), "--out", str(self._out)]
        words += ["--listening", str(listening)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.crowd.clients", *words], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients/python")])},
        )  # fmt: skip

    def ask(self, word: str) -> dict[str, Any]:
        """Tells them something; returns their answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the clients have ended")
        return dict(json.loads(line))

    def heard(self) -> np.ndarray[Any, np.dtype[np.void]]:
        """What those that understand have heard so far."""
        self.ask("heard")
        return np.load(self._out)  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Ends them."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.communicate("\n", 20)
        self._process.kill()


@contextlib.contextmanager
def clients(folder: Path, port: int, tokens: Sequence[str], listening: int = LISTENING) -> Iterator[Clients]:
    """Clients of which so many understand what they hear, ended with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Clients(folder, port, tokens, listening)
    try:
        yield found
    finally:
        found.stop()


def _tokens(dsn: str, count: int) -> list[str]:
    tokens = [new_token() for _ in range(count)]
    with connect(dsn, "bench") as connection:
        registry = Registry(connection)
        for n, token in enumerate(tokens):
            registry.add_token(token_hash(token), kind="bearer", subject=f"bench-{n // PER_USER}", role="viewer")
    return tokens


def _api(parts: Pipeline) -> psutil.Process:
    return psutil.Process(parts.programs["api"].process.pid)


def _beaten(parts: Pipeline, crowd: Clients, folder: Path, name: str, seconds: float) -> tuple[F64, dict[str, float]]:
    """Milliseconds of each reading to each client that understands; CPU seconds, messages and octets of it all."""
    out = folder / f"{name}.npy"
    told, before, at = crowd.ask("octets"), parts.cpu_s(), time.monotonic()
    beat(parts.publisher_url, WARM_S + seconds, out, VEHICLES, RATE).wait()
    _quiet(crowd)
    took, after, then = time.monotonic() - at, parts.cpu_s(), crowd.ask("octets")
    sent, heard = np.load(out), crowd.heard()
    use = sent["at_s"] >= sent["at_s"][0] + WARM_S
    found = []
    for number in range(LISTENING):
        rows = heard[(heard["client"] == number) & (heard["at_s"] >= sent["at_s"][0])]
        columns = (rows["device"].tolist(), rows["t_ms"].tolist(), rows["at_s"].tolist())
        found.append(delays_ms(sent, [Heard(*each) for each in zip(*columns, strict=True)])[use])
    cost = {part: after[part] - before[part] for part in after}
    cost |= {part: float(then[part] - told[part]) for part in ("octets", "messages")}
    return np.concatenate(found), cost | {"seconds": took, "readings": float(len(sent))}


def _quiet(crowd: Clients) -> None:
    """Waits until nothing but heartbeats comes."""
    until, told = time.monotonic() + SETTLED_S, -1
    while time.monotonic() < until and told != (told := crowd.ask("octets")["messages"]):
        time.sleep(1.0)


def _bare(folder: Path, count: int, octets: int, per_s: float, seconds: float) -> float:
    """CPU microseconds of a message and client of the bare server."""
    port = free_port()
    words = ["--port", str(port), "--octets", str(octets), "--per-s", str(per_s)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.crowd.bare", *words], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as server:  # fmt: skip
        if server.stdout is None or server.stdin is None or server.stdout.readline().strip() != "ready":
            raise RuntimeError("the bare server does not serve")
        with clients(folder, port, ["none"] * count) as crowd:
            crowd.ask("settled")
            server.stdin.write("go\n")
            server.stdin.flush()
            time.sleep(WARM_S)
            told, before = crowd.ask("octets"), tree_cpu_s(server.pid)
            time.sleep(seconds)
            then, after = crowd.ask("octets"), tree_cpu_s(server.pid)
        server.kill()
    return 1e6 * (after - before) / (then["messages"] - told["messages"])


@contextlib.contextmanager
def _stalled(port: int, tokens: Sequence[str]) -> Iterator[None]:
    """Clients that subscribe and never read again."""
    with contextlib.ExitStack() as open_:
        for token in tokens:
            sock = open_.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            sock.sendall(
                f"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                f"Authorization: Bearer {token}\r\n\r\n".encode()
            )
            sock.recv(4096)
            text = b'{"type":"subscribe","topics":["vehicles"]}'
            sock.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        yield


def _differences(parts: Pipeline, token: str, crowd: Clients) -> int:
    """How many of the clients that understand hold another state than the api tells now."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{parts.http_port}/api/v1/vehicles?limit=1000", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        now = {each["id"]: each["t"] for each in json.loads(answer.read())["items"]}
    held = crowd.ask("state").values()
    return sum({name: each.get("t") for name, each in state.items()} != now for state in held)


def _back(crowd: Clients) -> dict[str, float]:
    found = {name: float(value) for name, value in crowd.ask("settled").items()}
    _say(", ".join(f"{name} {value:,.1f}" for name, value in found.items()))
    return found


def _say(what: str) -> None:
    print(f"crowd: {what}", file=sys.stderr, flush=True)


def measure(server: Databases, folder: Path, *, seconds: float, count: int = CLIENTS, cuts: int = CUTS) -> list[Figure]:
    """All figures of one stack and one crowd."""
    dsn, _ = server.world(VEHICLES, "crowd")
    tokens = _tokens(dsn, count + STALLED)
    extra = {
        "FROSTWAY_SOCKETS_PER_TENANT_MAX": str(count + 64),
        "FROSTWAY_HTTP_CONNECTIONS_MAX": str(count + 128),
        "FROSTWAY_REQUEST_RATE": "0",  # all come from one address
    }
    own = folder / "crowd"
    with pipeline(own, server, dsn, api=True, extra=extra) as parts:
        _say(f"{LISTENING} clients for {seconds:.0f} s, then {CUT_OFF} that are cut off {cuts:,} times")
        with clients(own / "few", parts.http_port, tokens[:LISTENING]) as few:
            few.ask("settled")
            alone, _ = _beaten(parts, few, own, "alone", seconds)
        with clients(own / "cut", parts.http_port, tokens[:CUT_OFF], CUT_OFF) as some:
            order = _cut(parts, some, own, cuts)
            wrong = _differences(parts, tokens[0], some)
        with clients(own / "all", parts.http_port, tokens[:count]) as crowd:
            _say(f"{count:,} clients join")
            back = {"joined": _back(crowd)}
            delays, cost = _beaten(parts, crowd, own, "all", seconds)
            rss = _api(parts).memory_info().rss
            _say(f"{STALLED} more, which do not read")
            with _stalled(parts.http_port, tokens[count:]):
                beside, _ = _beaten(parts, crowd, own, "stalled", seconds)
                memory = rss, _api(parts).memory_info().rss
            _say("all are cut off")
            crowd.ask("drop")
            back["cut off"] = _back(crowd)
            wrong += _differences(parts, tokens[0], crowd)
            _say("the api is killed")
            os.kill(parts.programs["api"].process.pid, signal.SIGKILL)
            parts.programs["api"].process.wait()
            parts.start_again("api")
            back["api killed"] = _back(crowd)
            wrong += _differences(parts, tokens[0], crowd)
    _say("the bare server")
    octets, per_s = int(cost["octets"] / cost["messages"]), cost["messages"] / count / cost["seconds"]
    bare = _bare(folder / "bare_crowd", count, octets, per_s, seconds), octets
    cut = Figure(
        f"heard twice, backwards or not at all in {cuts:,} disconnects of {CUT_OFF} clients", "",
        [float(sum(n for name, n in order.items() if name != "news"))], {}, 0.0, smaller_is_better=True,
        details_are="counts", details={name: float(n) for name, n in order.items()},
    )  # fmt: skip
    return [*_figures(count, (alone, delays, beside), cost, bare, memory, back, wrong), cut]


def _cut(parts: Pipeline, some: Clients, folder: Path, cuts: int) -> dict[str, int]:
    """Devices send while connections are cut; what was heard as it should not be."""
    some.ask("settled")
    with beat(parts.publisher_url, cuts / CUTS_PER_S + WARM_S, folder / "cut.npy", VEHICLES, RATE) as sending:
        some.ask(f"cut {cuts}")
        sending.wait()
    some.ask("settled")
    _quiet(some)
    return {name: int(n) for name, n in some.ask("order").items()}


def _figures(
    count: int,
    delays: tuple[F64, F64, F64],
    cost: dict[str, float],
    bare: tuple[float, int],
    memory: tuple[float, float],
    back: dict[str, dict[str, float]],
    wrong: int,
) -> list[Figure]:
    """One line each; `delays` of few clients, of all, and of all beside those that do not read."""
    alone, all_, beside = delays
    whole, few = f"{count:,} clients", f"{LISTENING} clients"
    per_us = 1e6 * cost["api"] / cost["messages"]
    stalled_mb = (memory[1] - memory[0]) / STALLED / 1e6
    p99 = [float(np.nanquantile(each, 0.99)) for each in (alone, all_, beside)]
    never = [int(np.isnan(each).sum()) for each in (all_, beside)]
    parts = {part: 1e6 * cost[part] / cost["readings"] for part in ("ingest", "tracker", "api", "postgres", "broker")}
    found = [
        Figure(
            f"device to {whole}, {VEHICLES:,} vehicles, {RATE}/s, p99", "ms", [p99[1]], {few: p99[0]},
            P99_GOAL_MS, smaller_is_better=True, details_are="CPU µs per reading", details=parts,
            remarks=[f"{never[0]} never heard of by a client", f"joined in {back['joined']['last_back_s']:.1f} s"],
        ),
        Figure(
            f"the same beside {STALLED} that do not read, p99", "ms", [p99[2]], {whole: p99[1]}, P99_GOAL_MS,
            smaller_is_better=True, remarks=[f"{never[1]} never heard of by a client"],
        ),
        Figure(
            "broadcast of the api as a share of the bare server's", "messages/CPU s", [1e6 / per_us],
            {f"bare server, {bare[1]:,} octets a message": 1e6 / bare[0]}, RATIO_GOAL * 1e6 / bare[0],
        ),
        Figure(
            "memory of a client that does not read", "MB", [stalled_mb], {}, STALLED_GOAL_MB,
            smaller_is_better=True, remarks=[f"{memory[0] / 1e6:.0f} MB with {whole}"],
        ),
    ]  # fmt: skip
    for name in ("cut off", "api killed"):
        each = back[name]
        remarks = [f"{part}: {each[part]:,.0f}" for part in ("n", "resumed", "snapshots", "refused")]
        found.append(
            Figure(
                f"all {whole} are back, {name}", "s", [each["last_back_s"]], {}, BACK_GOAL_S, smaller_is_better=True,
                details_are="seconds", details={"half of them": each["median_back_s"]}, remarks=remarks,
            )
        )  # fmt: skip
    found.append(
        Figure("clients whose state is another than the api's", "", [float(wrong)], {}, 0.0, smaller_is_better=True)
    )
    return found
