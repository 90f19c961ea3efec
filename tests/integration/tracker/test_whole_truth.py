"""The simulated world through ingest, log, tracker and live feed: state + deltas == snapshot."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import orjson

from firmware_sim.simulation import Simulation
from firmware_sim.world import build
from frostway.demo import register
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.registry import Registry
from store.secrets import new_token, token_hash
from tests.integration.api.seed import serving
from tests.integration.api.test_live_feed import Feed, feed
from tests.logins import of_tracker
from tracker.service import Tracker, TrackerConfig

MINUTES = 25
STEP_S = 20.0


def differences(a: Any, b: Any, at: str = "") -> list[str]:
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{at}/{i}")]
    if isinstance(a, dict) and isinstance(b, dict):
        return [d for k in sorted({*a, *b}) for d in differences(a.get(k, "absent"), b.get(k, "absent"), f"{at}/{k}")]
    return [] if a == b else [f"{at}: {str(a)[:200]} != {str(b)[:200]}"]


class Line:
    """Readings into the log as ingest would put them there, and the tracker behind."""

    def __init__(self, dsn: str) -> None:
        self.read, self.write = Link(dsn, "test"), Link(dsn, "test")
        self.preparer = Preparer(Directory(self.read, 2, lambda: 0.0), Labels(self.read), 10**17)
        self.log = PostgresLog(self.write)
        self.now_us = 0
        self.tracker = Tracker(
            TrackerConfig(of_tracker(dsn), partitions=2), threading.Event(), clock=lambda: self.now_us
        )
        self.tracker.load()

    def step(self, made: list[Any], now_s: float) -> None:
        self.now_us = int(now_s * 1e6)
        messages = [
            (f"fw/v1/main/{device}/{stream}".encode(), orjson.dumps(reading), 1, False, False)
            for device, stream, reading in made
        ]
        prepared = self.preparer.prepare(messages, self.now_us)
        assert prepared.quarantine == []
        for frames in prepared.appends:
            self.log.append(frames)
        while self.tracker.step():
            pass
        while self.tracker.engine.late:
            self.tracker._refold_some(self.now_us, now=True)
        self.tracker._tick(now=True)

    def close(self) -> None:
        for link in (self.read, self.write, self.tracker._link):
            link.close()


def test_what_a_client_has_heard_is_what_a_fresh_one_is_told(database: str) -> None:
    world = build("demo", 7)
    start_s = datetime.now(UTC).timestamp() - MINUTES * 60
    token = new_token()
    with connect(database, "test") as c, c.transaction():
        registry = Registry(c, world.tenant)
        passwords = {f"{world.tenant}/{d.id}": "x" for d in world.devices}
        register(registry, world, passwords, datetime.fromtimestamp(start_s, UTC))
        registry.add_token(token_hash(token), kind="bearer", subject="test", role="admin")
    simulation = Simulation(world, 7, start_s)
    line = Line(database)

    async def work(url: str) -> tuple[Feed, Feed]:
        async with feed(url, token) as heard:
            await heard.next()
            at = start_s
            while at < start_s + MINUTES * 60:
                at += STEP_S
                await asyncio.to_thread(line.step, simulation.advance(at), at)
            async with feed(url, token) as fresh:
                await fresh.next()
                async with asyncio.timeout(20):
                    while heard.cursor != fresh.cursor:
                        await heard.next()
            return heard, fresh

    try:
        with serving(database) as url:
            heard, fresh = asyncio.run(work(url))
    finally:
        line.close()
    assert len(heard.deltas) > 20
    assert differences(heard.open(), fresh.open()) == []
    vehicles = fresh.state["vehicles"]
    assert {v["status"] for v in vehicles.values()} <= {"moving", "stopped"}
    assert any(v["site"] for v in vehicles.values()) or any(
        s["arrived_at"] for h in fresh.state["shipments"].values() for s in h["stops"]
    )
    assert any(a["subject"] == {"kind": "vehicle", "id": "truck-04"} for a in fresh.state["alerts"].values())
    assert len(fresh.state["stock"]) > 5
