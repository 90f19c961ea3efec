"""A shelf of the simulator that empties, told over MQTT: what it had kept for two hours, then the rest up to now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from domain.stock.counting import PERSIST_S
from firmware_sim.faults import TABLE
from firmware_sim.model import Device, Product, Slot, World
from firmware_sim.run import TICK_S, Credentials, Fleet
from firmware_sim.simulation import Simulation
from firmware_sim.stockroom import REFILL_AT
from firmware_sim.truth import Ledger
from firmware_sim.world import build
from operations.counts.work import look
from store.link import Link
from store.registry import Registry
from tests.deadlines import deadline
from tests.logins import of_operations
from tests.stack import Stack, wait_for

SHELF, SITE, ZONE = "walk-shelf", "store-3", "shelf"
JUICE = Product("WALK-JUICE", "Juice 500 ml", 0.52, 2.0, 8.0, 4, "09521234000099")
FULL, HALF = 30, 18
SLOT = Slot("W-1", JUICE.sku, FULL, FULL, 240.0, 360.0)  # one leaves each five minutes
STEADY_S = 11.0  # three weighings, and nobody refills it before


def world() -> World:
    """A shop with that shelf and nothing else."""
    shelf = Device(SHELF, "shelf", 5.0, site=SITE, zone=ZONE, slots=(SLOT,))
    nothing = {"vehicles": (), "shipments": (), "faults": TABLE["none"]}
    return replace(build("small", 7), products=(JUICE,), devices=(shelf,), **nothing)  # type: ignore[arg-type]


class Course(NamedTuple):
    """When, in seconds from its start, little more than half of it is left, and when two are."""

    half_s: float
    empty_s: float


def course() -> Course:
    sim = Simulation(world(), 7, 0.0)
    sim.advance(FULL * SLOT.take_s_max)
    left = {event.detail["count"]: event.t_ms / 1000 for event in reversed(sim.take_events())}
    return Course(left[HALF] + STEADY_S, left[REFILL_AT] + STEADY_S)


@dataclass
class Emptying:
    """The shelf on its connection; `until` lets it live, and returns when all it said is kept."""

    sim: Simulation
    fleet: Fleet
    start_s: float
    course: Course

    def until(self, seconds: float) -> None:
        """Up to so many seconds from its start: no later than now."""
        event_s = self.start_s + seconds
        wait_for(lambda: time.time() >= event_s, "nothing is told before it happens")
        self.fleet.live(self.sim, event_s)
        give_up_s = time.monotonic() + deadline(30)
        while self.fleet.backlog != 0:
            assert time.monotonic() < give_up_s, f"no receipt for {self.fleet.buffered} readings"
            self.fleet.send(time.monotonic(), event_s)
            self.fleet.network.pump(time.monotonic(), TICK_S)


@contextmanager
def emptying(stack: Stack) -> Iterator[Emptying]:
    """It stands in a shop; thirty came in before it began, and nobody tells the ledger what leaves."""
    known = course()
    device = {"id": SHELF, "kind": "shelf", "site": SITE, "zone": ZONE}
    start_s = time.time() - known.empty_s + 3.0  # it is empty when the ledger has been told, and that is now
    came = datetime.fromtimestamp(start_s, UTC) - timedelta(minutes=1)
    move = {
        "id": "walk-1", "kind": "receive", "sku": JUICE.sku, "quantity": FULL, "at": came.isoformat(),
        "to": {"site": SITE, "zone": ZONE},
    }  # fmt: skip
    product = {"sku": JUICE.sku, "label": JUICE.label, "gtin": JUICE.gtin, "unit_mass_kg": JUICE.unit_mass_kg}
    made = [
        stack.request("POST", path, body)
        for path, body in (("/products", product | {"reorder_point": JUICE.reorder_point}), ("/devices", device))
    ]
    assert [answer.status_code for answer in made] == [201, 201], [answer.text for answer in made]
    password = made[1].json()["mqtt"]["password"]
    with psycopg.connect(stack.database_url, autocommit=True) as connection:  # as the demo says what lies in a slot
        asked = "select d.id, p.id from device d, product p where d.name = %s and p.sku = %s"
        (ids,) = connection.execute(asked, (SHELF, JUICE.sku)).fetchall()
        Registry(connection).put_slot(ids[0], SLOT.slot, ids[1])
    assert stack.request("POST", "/stock/moves", {"moves": [move]}).status_code == 201
    with Ledger(None, "main", "walk") as nowhere:
        there = Credentials(stack.facts["mqtt_url"], devices={SHELF: password})
        fleet = Fleet(world(), there, nowhere, "walk", start_s)
        yield Emptying(Simulation(world(), 7, start_s), fleet, start_s, known)
        fleet.network.close()
    for path in (f"/devices/{SHELF}", f"/products/{JUICE.sku}"):  # what others here do not expect in a list
        gone = stack.request("PATCH", path, {"retired": True})
        assert gone.status_code == 200, gone.text


def counts_asked(stack: Stack) -> None:
    """The job of every minute, as if nobody had touched the ledger for as long as it waits."""
    with closing(Link(of_operations(stack.database_url), "walk")) as link:
        look(link, datetime.now(UTC) + timedelta(seconds=PERSIST_S))
