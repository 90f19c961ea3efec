"""A reefer of the simulator whose compressor fails, told over MQTT as if it had done so just now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

from firmware_sim.events import Made, Reading
from firmware_sim.faults import rng_for
from firmware_sim.model import Device
from firmware_sim.thermal import RoomDoor, cooled
from firmware_sim.world import build
from tests.browser.departures import depart, furnished, hauled, retire
from tests.stack import Stack, settled, wait_for

NAME = "walk-reefer"
FAILS_S = 5_400  # it was sound for an hour and a half
LIMIT_C, FOR_S = 12.0, 300
WORLD = replace(build("demo", 1), ambient_swing_c=0.0)  # as warm at any hour: the test is the same by night


class Course(NamedTuple):
    """What it says from its first reading to its alarm, in seconds of its own clock, and when that is by ours."""

    items: list[Made]
    warm_s: float
    start_ms: int


def course() -> Course:
    """From cold to a third of a minute behind the alarm; that is now."""
    device = Device(NAME, "reefer", 30.0, "truck-01", probes=("rear",), start_c=4.0, failures_s=((FAILS_S, 1e9),))
    items: list[Made] = []
    warm_s = end_s = float("inf")
    for item in cooled(device, RoomDoor(rng_for(1, NAME), 0, 1e9), WORLD, 0):
        if item.t_ms > end_s * 1000:
            break
        if isinstance(item, Made):
            items.append(item)
            if item.stream == "temp" and item.reading["c"] > LIMIT_C and warm_s == float("inf"):
                warm_s, end_s = item.t_ms / 1000, item.t_ms / 1000 + FOR_S + 60
    return Course(items, warm_s, time.time_ns() // 1_000_000 - round(end_s * 1000))


@contextmanager
def reefer(stack: Stack) -> Iterator[tuple[str, str]]:
    """Its login; it rides on a lorry of its own, with a shipment whose profile it has."""
    known = furnished(
        stack,
        {
            "/profiles": {"id": "walk", "low_c": -5, "high_c": LIMIT_C, "for_s": FOR_S, "max_interval_s": 900},
            "/vehicles": {"id": "walk-lorry", "label": "Lorry 7"},
            "/devices": {"id": NAME, "kind": "reefer", "vehicle": "walk-lorry", "profile": "walk"},
            "/shipments": {"id": "S-walk", "vehicle": "walk-lorry", "profile": "walk", **hauled()},
        },
    )
    with stack.device(*known) as device:  # until it is seen the tracker knows nothing of its limits
        device.publish("temp", {"t": time.time_ns() // 1_000_000 - 10_000_000, "probe": "rear", "c": 4.0})
        wait_for(lambda: stack.get("/vehicles/walk-lorry")["temps"], "its first reading")
        depart(stack, device, "S-walk")
    yield known
    retire(stack, "/shipments/S-walk", f"/devices/{NAME}", "/vehicles/walk-lorry", "/profiles/walk")


def tell(stack: Stack, login: tuple[str, str], known: Course, since_s: float, until_s: float) -> None:
    """What it says from one second of its clock to another: what it had kept while it was sound, then as it comes.

    Each is decided before the next is said, for what is older than ten minutes waits for what is not.
    """
    part = [item for item in known.items if since_s <= item.t_ms / 1000 < until_s]
    with stack.device(*login) as device:
        for stream in ("status", "temp"):
            kept = [item.reading for item in part if item.stream == stream and item.t_ms < FAILS_S * 1000]
            if kept:
                columns = {key: [each[key] for each in kept] for key in kept[0]}
                device.publish(stream, {**columns, "t": [known.start_ms + t for t in columns["t"]]})
                decided(stack, known, kept[-1])
        for item in part:
            if item.t_ms >= FAILS_S * 1000:
                device.publish(item.stream, {**item.reading, "t": known.start_ms + item.t_ms})
                decided(stack, known, item.reading)


def decided(stack: Stack, known: Course, reading: Reading) -> None:
    """Waits until a reading is in the store and the tracker is through."""
    table = "reading_temperature" if "c" in reading else "reading_status"
    at = datetime.fromtimestamp((known.start_ms + reading["t"]) / 1000, UTC)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        asked = f"select from {table} r join device d on d.id = r.device_id where d.name = %s and r.time = %s"
        wait_for(lambda: connection.execute(asked, (NAME, at)).rowcount or None, "a reading in the store")
    wait_for(lambda: settled(stack.database_url), "all of it decided")
