"""The class of a vehicle on a real database: what it did is told by the class it has, whenever that was said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from tests.integration.fleet import Fleet
from tests.integration.tracker.test_registry_changes import DEG, Ground, told, waiting
from tests.integration.tracker.test_verify import differences

DOORSTEPS, GAP_S, STAY_S, WAY_M = 8, 130, 70, 400.0


@pytest.fixture
def ground(database: str) -> Iterator[Ground]:
    found = Ground(database)
    yield found
    found.close(found.t)


def a_round(fleet: Fleet, device: str = "gps") -> Any:
    """Ten minutes at the depot, eight doorsteps of 70 s a minute's drive apart, and parked; no speed is given."""
    t = np.arange(0, 600 + DOORSTEPS * GAP_S + 900, 5)
    leaves = 600 + GAP_S * np.arange(DOORSTEPS)
    times = np.stack([leaves, leaves + GAP_S - STAY_S], 1).ravel()
    places = WAY_M * np.stack([np.arange(DOORSTEPS), np.arange(DOORSTEPS) + 1], 1).ravel()
    metres = np.interp(t, times, places) + np.random.default_rng(1).normal(0, 0.5, len(t))
    return fleet.batch("gps", device, t, lat=60.1 + metres * DEG, lon=25.0, accuracy_m=4.0)


def classify(fleet: Fleet, word: str | None, vehicle: str = "truck-1") -> None:
    with psycopg.connect(fleet.dsn) as c:
        c.execute("update vehicle set class = %s where name = %s", (word, vehicle))


def kinds(fleet: Fleet, vehicle: str = "truck-1") -> list[str]:
    current = "superseded_at is null and not retracted"
    who = f"(select id from vehicle where name = '{vehicle}')"
    return [
        k for (k,) in fleet.rows(f"select kind from trip where {current} and vehicle_id = {who} order by started_at")
    ]


AS_A_TRUCK = ["stop", "trip", "stop"]
AS_A_COURIER = ["stop", *["trip", "stop"] * DOORSTEPS]


def test_a_vehicle_that_is_told_to_be_a_couriers_is_folded_again_and_others_are_left_alone(ground: Ground) -> None:
    ground.append(a_round(ground), a_round(ground, "gps2"))
    ground.settle(ground.t)
    assert kinds(ground) == kinds(ground, "truck-2") == AS_A_TRUCK
    classify(ground, "courier")
    told(ground.t)
    assert waiting(ground) == ["truck-1"]
    ground.settle(ground.t)
    assert (kinds(ground), kinds(ground, "truck-2")) == (AS_A_COURIER, AS_A_TRUCK)
    words = ground.rows("select count(*) from trip where superseded_at is not null")
    assert words[0][0] > 0, "what was said before is kept"
    assert differences(ground, ground.t) == []
    classify(ground, None)
    told(ground.t)
    ground.settle(ground.t)
    assert kinds(ground) == AS_A_TRUCK
    assert differences(ground, ground.t) == []


def test_a_class_that_is_said_again_folds_nothing(ground: Ground) -> None:
    ground.append(a_round(ground))
    classify(ground, "courier")
    ground.idle()
    classify(ground, "courier")
    ground.t._read_registry()
    assert waiting(ground) == []


@pytest.mark.parametrize("seed", range(6))
def test_in_any_order_of_readings_and_whenever_it_is_said_the_facts_are_the_same(ground: Ground, seed: int) -> None:
    rng, whole = np.random.default_rng(seed), a_round(ground)
    says = int(rng.integers(0, 9))
    for turn, part in enumerate(np.array_split(rng.permutation(len(whole)), 8)):
        if turn == says:
            classify(ground, "bus")
            classify(ground, "courier")
        ground.append(whole.take(np.sort(part)))
        ground.t._link.run(ground.t._turn)
        if rng.random() < 0.3:
            ground.restart(rng)
    classify(ground, "courier")
    ground.idle()
    assert kinds(ground) == AS_A_COURIER
    found = ground.facts()
    assert differences(ground, ground.t) == []
    wiped = (
        "log_frame, log_head, tracker_position, vehicle_state, visit, trip, change, dirty, checkpoint, reading_position"
    )
    ground.close(ground.t)
    with psycopg.connect(ground.dsn) as c:
        c.execute(f"truncate {wiped}, device_state")  # type: ignore[arg-type]
    ground.t = ground.tracker()
    ground.append(whole)
    ground.settle(ground.t)
    assert ground.facts()["trips"] == found["trips"]
    assert ground.facts()["vehicle"] == found["vehicle"]
