"""`facts verify` agrees with the live tracker, whatever was replayed."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import psycopg
import pytest

from store.db import connect
from store.link import Link
from store.registry import DeviceSpec, Registry
from tests.integration.fleet import T0, Fleet
from tracker.engine.verify import Verdict, Verifier
from tracker.families import FAMILIES

DEG = 1 / 111_195
PLACES = (0.0, 4_000.0, 9_000.0, 15_000.0)  # metres north of 60 degrees


def differences(fleet: Fleet, tracker) -> list[str]:
    """What a proof from the first reading says."""
    link, verdict = Link(fleet.dsn, "verify", threading.Event()), Verdict()
    link.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with link.connection.transaction():
        verifier = Verifier(link, tracker._config, FAMILIES)
        for kind, entity in verifier.entities("main", None):
            verifier.check(kind, entity, None, verdict)
    link.close()
    assert verdict.waiting == 0
    return verdict.differences


def tour(fleet: Fleet, rng, begin_s: int, device: str = "gps", region: float = 0.0, step_s: int = 20):
    """Parked, a drive between two places, parked; some fixes are lost."""
    here, there = rng.choice(PLACES, 2, replace=False)
    parked_s, takes_s = rng.integers(300, 3_000), abs(there - here) / rng.uniform(8, 18)
    ends = begin_s + parked_s + takes_s + rng.integers(200, 3_000)
    t = np.arange(begin_s, ends, step_s) + rng.integers(0, 9)
    t = t[rng.random(len(t)) < 0.9]
    metres = np.interp(t, [begin_s, begin_s + parked_s, begin_s + parked_s + takes_s, ends], [here, here, there, there])
    speed = np.abs(np.gradient(metres, t)) if len(t) > 1 else np.zeros(len(t))
    return fleet.batch(
        "gps", device, t, lat=60 + metres * DEG + region, lon=25.0, speed_mps=speed.round(2), accuracy_m=5.0
    )


def warm(fleet: Fleet, rng, begin_s: int):
    """Two hours of a reefer, some of them too warm."""
    t = np.arange(begin_s, begin_s + 7_200, 120)
    temp_c = np.where((t - begin_s) // 1_200 % 2 == rng.integers(2), 12.0, 5.0) + rng.normal(0, 0.2, len(t))
    received_us = T0 + int(rng.integers(1, 10**12))  # of one second what was received first comes first
    return fleet.batch("temp", "reefer", t, probe_id=fleet.probe, temp_c=temp_c, received_us=received_us)


def replay(fleet: Fleet, rng, tracker) -> list[tuple[int, int]]:
    """Some recordings on one truck, near to one another or months apart, here or in another country; as they come."""
    log = []
    for _ in range(rng.integers(2, 7)):
        if rng.random() < 0.15 and "gps2" not in fleet.ids:
            with connect(fleet.dsn, "test") as c, c.transaction():
                fleet.ids["gps2"] = Registry(c).put_device(DeviceSpec("gps-2", "tracker", vehicle="truck-1"))
            tracker.engine.registry = tracker.engine.registry.load(tracker.store, 1)
        device = "gps2" if "gps2" in fleet.ids and rng.random() < 0.5 else "gps"
        begin_s = int(rng.integers(-40, 40)) * int(rng.choice([200, 2_000, 100_000]))
        whole = tour(fleet, rng, begin_s, device, float(rng.choice([0.0, 0.0, 2.0, 9.0])))
        log.append((begin_s, len(whole)))
        order = rng.permutation(len(whole)) if rng.random() < 0.3 else np.arange(len(whole))
        for part in np.array_split(order, rng.integers(1, 4)):
            fleet.append(whole.take(np.sort(part)))
            if rng.random() < 0.7:
                fleet.settle(tracker)
        fleet.append(warm(fleet, rng, begin_s + int(rng.integers(0, 3_000))))
    return log


@pytest.mark.parametrize("seed", range(40))
def test_a_proof_agrees_after_replays_on_one_truck_however_far_apart(database, seed):
    fleet, rng = Fleet(database), np.random.default_rng(seed)
    tracker = fleet.tracker()
    log = replay(fleet, rng, tracker)
    fleet.settle(tracker)
    found = differences(fleet, tracker)
    fleet.close(tracker)
    assert found == [], log
    trips = [(a, b) for _, _, a, b, *_ in fleet.facts()["trips"]]
    assert all(b == a for (_, b), (a, _) in pairwise(trips)), "one follows on the other"


def test_what_came_too_late_to_decide_says_so_and_is_not_taken_up_by_a_later_fold(database):
    fleet, rng = Fleet(database), np.random.default_rng(1)
    tracker = fleet.tracker()
    month_s = -32 * 86_400
    for batch in (tour(fleet, rng, 0), warm(fleet, rng, 0), tour(fleet, rng, month_s), warm(fleet, rng, month_s)):
        fleet.append(batch)
        fleet.settle(tracker)
    before = fleet.facts()
    fleet.append(tour(fleet, rng, -20_000), warm(fleet, rng, -20_000))
    fleet.settle(tracker)
    for table in ("reading_position", "reading_temperature"):
        old = fleet.rows(f"select bool_and(flags & 262144 <> 0) from {table} where time < '2025-06-01'")
        new = fleet.rows(f"select bool_or(flags & 262144 <> 0) from {table} where time > '2025-06-01'")
        assert (old, new) == ([(True,)], [(False,)])
    assert len(fleet.facts()["trips"]) > len(before["trips"])
    assert differences(fleet, tracker) == []
    fleet.close(tracker)
