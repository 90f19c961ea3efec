"""The tracker killed and paused under load: the facts of a tracker nobody disturbed, and nothing told twice.

Short in every run; `make chaos` kills it fifty times (`FROSTWAY_CHAOS_SECONDS` above 0).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import pytest

from tests.connections import cut
from tests.deadlines import deadline
from tests.integration.fleet import Fleet
from tests.integration.tracker.test_late import days
from tests.integration.tracker.test_tracker import reference
from tests.stack import command, environment, settled, wait_for

LONG = float(os.environ.get("FROSTWAY_CHAOS_SECONDS", "0")) > 0
KILLS = 50 if LONG else 5
FRAMES = 400
SEED = int(os.environ.get("FROSTWAY_CHAOS_SEED", "7"))

pytestmark = pytest.mark.timeout(3600)


@contextmanager
def tracker(dsn: str) -> Iterator[subprocess.Popen[bytes]]:
    """The tracker as a process, in small steps so that a backlog is many of them."""
    settings = environment(
        FROSTWAY_DATABASE_URL=dsn,
        FROSTWAY_PARTITIONS="1",
        FROSTWAY_TRACKER_BATCH_READINGS="60",
        FROSTWAY_REFOLD_HORIZON_DAYS="30",
    )
    process = subprocess.Popen(command("tracker"), env=settings)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(deadline(30))


def position(dsn: str) -> int:
    """How far the log is processed."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select coalesce(max(position), 0) from tracker_position").fetchone()
    return int(row[0]) if row else 0


def moved(dsn: str, beyond: int) -> bool:
    """Whether the tracker has come further, or to the end."""
    return position(dsn) > beyond or settled(dsn)


def load(fleet: Fleet, dice: random.Random) -> list[Any]:
    """Two days in many frames, a tenth of them late, a tenth twice."""
    batches = days(fleet)
    order = np.arange(FRAMES).tolist()
    for frame in dice.sample(order, FRAMES // 10):
        order.remove(frame)
        order.insert(min(len(order), frame + dice.randrange(FRAMES // 4)), frame)
    order += dice.sample(order, FRAMES // 10)
    for frame in order:
        fleet.append(*(b.take(np.array_split(np.arange(len(b)), FRAMES)[frame]) for b in batches))
    return list(batches)


def told(fleet: Fleet) -> list[tuple[Any, ...]]:
    """Alerts that somebody heard of more or less than once."""
    return fleet.rows(
        "select a.id, count(e.id) from alert a left join alert_event e on e.alert_id = a.id and e.what = 'raised' "
        "group by a.id having count(e.id) <> 1"
    )


def without_times_of_decision(facts: dict[str, Any]) -> dict[str, Any]:
    """A killed process does not know when devices fell silent: only what follows from the readings."""
    return {**facts, "alerts": [a for a in facts["alerts"] if a[0] == "temperature"]}


def test_a_tracker_killed_again_and_again_ends_in_the_facts_of_one_left_alone(database):
    fleet, dice = Fleet(database), random.Random(SEED)
    batches = load(fleet, dice)
    killed = 0
    for _ in range(KILLS):
        before = position(database)
        with tracker(database) as process:
            wait_for(lambda before=before: moved(database, before), "the tracker to move on")
            delay_s = dice.random() * 0.08
            try:
                process.wait(delay_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                killed += 1
    with tracker(database):
        wait_for(lambda: settled(database), "the log to be processed", 120)
    assert killed == KILLS
    assert told(fleet) == []
    found = without_times_of_decision(fleet.facts())
    rows = fleet.rows("select (select count(*) from reading_position), (select count(*) from reading_temperature)")
    assert rows == [(len(batches[0]), len(batches[1]))]
    assert found == without_times_of_decision(reference(fleet, batches))
    assert len(found["excursions"]) > 5


def test_a_tracker_paused_past_its_ownership_writes_nothing(database):
    """Stopped in the middle, its connection is ended by the database, and another one takes over."""
    fleet = Fleet(database)
    batches = load(fleet, random.Random(SEED))
    with tracker(database) as first:
        wait_for(lambda: moved(database, 0), "the first tracker to begin")
        first.send_signal(signal.SIGSTOP)
        assert cut(database, "frostway tracker") > 0
        reached = position(database)
        with tracker(database) as second:
            wait_for(lambda: moved(database, reached), "the second tracker to take over")
            first.send_signal(signal.SIGCONT)
            wait_for(lambda: settled(database), "the log to be processed", 120)
            assert first.poll() is None
            assert second.poll() is None
    assert told(fleet) == []
    found = without_times_of_decision(fleet.facts())
    rows = fleet.rows("select (select count(*) from reading_position), (select count(*) from reading_temperature)")
    assert rows == [(len(batches[0]), len(batches[1]))]
    assert found == without_times_of_decision(reference(fleet, batches))
