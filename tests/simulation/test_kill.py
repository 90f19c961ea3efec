"""Kill -9 of every part while simulated devices publish: what was receipted is in the database, once and unchanged.

The simulator is a process of its own beside the stack and writes a ledger of every reading it made and every receipt
it heard. `FROSTWAY_CHAOS_ROUNDS=20` kills each part twenty times, in random order.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from firmware_sim.truth import load
from firmware_sim.world import build
from frostway.broker import find_mosquitto, refresh_devices
from frostway.demo import SEED, register
from frostway.secrets import new_password, write_private
from store.registry import Registry
from tests.deadlines import deadline
from tests.oracle import judge
from tests.stack import Stack, command, environment, settled, wait_for

ROUNDS = int(os.environ.get("FROSTWAY_CHAOS_ROUNDS", "1"))
PARTS = ("ingest", "tracker", "api", "operations", "broker", "postgres")
WORLD, RATE = "demo", 300
ROUND_S_MAX = 900

pytestmark = [
    pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto"),
    pytest.mark.timeout(60 + ROUND_S_MAX * ROUNDS),
]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, "--no-sim") as running:
        yield running


def settle(stack: Stack, world_name: str) -> Path:
    """Registers a world in a running stack; the credentials file for a simulator."""
    world = build(world_name, SEED)
    passwords = {f"{world.tenant}/{device.id}": new_password() for device in world.devices}
    with psycopg.connect(stack.database_url) as connection:
        register(Registry(connection, world.tenant), world, passwords, datetime.now(UTC))
    assert refresh_devices(stack.data, stack.database_url)
    host, port = stack.broker
    devices = {device.id: passwords[f"{world.tenant}/{device.id}"] for device in world.devices}
    path = stack.folder / "sim.json"
    write_private(path, json.dumps({"mqtt_url": f"mqtt://{host}:{port}", "tenant": world.tenant, "devices": devices}))
    return path


@contextmanager
def simulator(stack: Stack, credentials: Path, truth: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`frostway sim` beside the stack; leaving lets its last receipts arrive."""
    words = command("sim", "--world", WORLD, "--rate", str(RATE), "--out", str(truth))
    env = environment(FROSTWAY_SIM_CREDENTIALS=str(credentials))
    with (stack.folder / "sim.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=stack.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
        assert process.poll() is None, "the simulator has ended by itself"
        process.send_signal(signal.SIGTERM)
        assert process.wait(deadline(30)) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def stored(stack: Stack) -> int | None:
    """How many positions and temperatures are in the database; None while it is away."""
    try:
        with psycopg.connect(stack.database_url, connect_timeout=2) as connection:
            row = connection.execute(
                "select (select count(*) from reading_position) + (select count(*) from reading_temperature)"
            ).fetchone()
    except psycopg.OperationalError:
        return None
    return int(row[0]) if row else None


def grown(stack: Stack, before: int, by: int) -> bool:
    now = stored(stack)
    return now is not None and now >= before + by


def kill(stack: Stack, part: str) -> None:
    """Kills a part and waits until another runs in its place and readings arrive in the database again."""
    pid = stack.facts["pids"][part]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: stack.facts["pids"].get(part) not in {None, pid}, f"{part} runs again")
    before = wait_for(lambda: stored(stack), f"the database answers after a kill of {part}")
    wait_for(lambda: grown(stack, before, by=500), f"readings arrive after a kill of {part}")
    if part == "api":
        wait_for(lambda: answers(stack), "the API answers again")


def healed(stack: Stack, moment: datetime, devices: int) -> bool:
    """Whether every device was receipted after a moment, and no boot has a hole that a device has yet to fill.

    What a broker forgot in its death a device sends again when no receipt has come for ten seconds.
    """
    with psycopg.connect(stack.database_url) as connection:
        query = "select count(distinct device_id) filter (where updated_at > %s), max(cardinality(spans)) from receipt"
        row = connection.execute(query, (moment,)).fetchone()
    return row == (devices, 0)


def answers(stack: Stack) -> bool:
    try:
        return stack.request("GET", "/vehicles").status_code == 200
    except httpx.TransportError:
        return False


ALERTS_DOUBLED = """
select a.id, b.id from alert a join alert b
on b.id > a.id and b.kind = a.kind and b.device_id = a.device_id and b.probe_id is not distinct from a.probe_id
and b.rule_key = a.rule_key
and tstzrange(b.opened_at, b.cleared_at) && tstzrange(a.opened_at, a.cleared_at)
"""
EXCURSIONS_DOUBLED = """
select a.id, b.id from excursion a join excursion b
on b.id > a.id and b.probe_id = a.probe_id and b.kind = a.kind
and tstzrange(b.started_at, b.ended_at) && tstzrange(a.started_at, a.ended_at)
where a.superseded_at is null and not a.retracted and b.superseded_at is null and not b.retracted
"""
ALARMS_WITHOUT_ONE_ALERT = """
select e.id from excursion e
where e.superseded_at is null and not e.retracted and e.alarm_at is not null
and (select count(*) from alert a where a.kind = 'temperature' and a.fact_id = e.id) <> 1
"""
VISITS_DOUBLED = """
select a.id, b.id from visit a join visit b
on b.id > a.id and b.vehicle_id = a.vehicle_id and b.site_id = a.site_id
and tstzrange(b.entered_at, b.left_at) && tstzrange(a.entered_at, a.left_at)
where a.superseded_at is null and not a.retracted and b.superseded_at is null and not b.retracted
"""


def test_what_was_receipted_is_stored_once_whatever_is_killed(stack: Stack, tmp_path: Path) -> None:
    credentials, ledger = settle(stack, WORLD), tmp_path / "truth"
    dice = random.Random(7)
    with simulator(stack, credentials, ledger):
        wait_for(lambda: grown(stack, 0, by=1000), "the first readings arrive")
        for _ in range(ROUNDS):
            for part in dice.sample(PARTS, len(PARTS)) if ROUNDS > 1 else PARTS:
                time.sleep(dice.uniform(0, 0.5))
                began = time.monotonic()
                kill(stack, part)
                print(f"killed {part}: all goes on after {time.monotonic() - began:.1f} s")
        last, devices = datetime.now(UTC), len(build(WORLD, SEED).devices)
        wait_for(lambda: healed(stack, last, devices), "every device is receipted again, without a hole", 60)
    wait_for(lambda: settled(stack.database_url), "the tracker has processed the log")

    truth = load(ledger)
    assert truth.dropped == 0
    with psycopg.connect(stack.database_url) as connection:
        verdict = judge(truth, connection)
        print(verdict)
        print(f"made {len(truth.readings)}, stored {verdict.stored}")
        verdict.assert_clean()
        assert connection.execute("select reason, detail from quarantine limit 5").fetchall() == []
        alerts = connection.execute("select count(*) from alert where kind = 'temperature'").fetchone()
        assert alerts
        assert alerts[0] >= 1, "truck-04's cooling fails in this world"
        for query in (ALERTS_DOUBLED, EXCURSIONS_DOUBLED, ALARMS_WITHOUT_ONE_ALERT, VISITS_DOUBLED):
            assert connection.execute(query).fetchall() == [], query
    assert len(truth.receipted) > 0.95 * len(truth.readings), "receipts keep up with what is made"
    ends = [line for line in stack.stderr.splitlines() if " ended (" in line]
    assert len(ends) == ROUNDS * len(PARTS), f"a part ended without being killed: {ends}"
