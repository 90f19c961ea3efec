"""A simulated day, delivered in every order that roads and networks make of it: the same facts, and the true ones.

Short in every run; a whole day by `make chaos` (`FROSTWAY_CHAOS_SECONDS` above 0).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import pytest

from domain.frames import decode
from domain.geo import distance_m
from domain.readings import I64, Batch, Bool, PositionBatch, merge
from firmware_sim.events import Event
from firmware_sim.simulation import Simulation
from firmware_sim.world import build
from frostway.demo import register
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.registry import Registry
from tests.integration.fleet import Fleet
from tests.integration.tracker.test_tracker import reference

HOURS = 24 if float(os.environ.get("FROSTWAY_CHAOS_SECONDS", "0")) > 0 else 3
START_S = 1_750_000_000
STREAMS = ("gps", "temp")
MESSAGES = 5_000
GLITCH_SHARE, GLITCH_DEG = 0.005, 0.0018  # one fix in 200 is 200 m off

pytestmark = pytest.mark.timeout(3600)

Portions = list[I64]


class Day(Fleet):
    """The demo world in the registry, its readings straight into the log."""

    def __post_init__(self) -> None:
        self.now_us = (START_S + 26 * 3600) * 1_000_000
        self.world = build("demo", 7)
        with connect(self.dsn, "test") as c, c.transaction():
            passwords = {f"{self.world.tenant}/{d.id}": "x" for d in self.world.devices}
            begin = datetime.fromtimestamp(START_S, UTC)
            register(Registry(c, self.world.tenant), replace(self.world, shipments=()), passwords, begin)


@dataclass
class Lived:
    """What the devices said, what truly happened, and which fixes were spoiled."""

    batches: list[Batch]
    clean: PositionBatch
    events: list[Event]


@pytest.fixture
def day(database: str) -> Day:
    return Day(database)


@lru_cache(maxsize=1)
def simulated() -> tuple[list[Any], list[Event]]:
    """What the devices of the demo world say in the time, and what truly happens."""
    simulation = Simulation(build("demo", 7), 7, START_S)
    made = [m for m in simulation.advance(START_S + HOURS * 3600) if m[1] in STREAMS]
    return made, simulation.take_events()


def live(day: Day) -> Lived:
    """The day's readings as ingest would put them into the log, some fixes spoiled."""
    made, events = simulated()
    links = Link(day.dsn, "test"), Link(day.dsn, "test")
    preparer = Preparer(Directory(links[0], 1, lambda: 0.0), Labels(links[1]), 10**17)
    found: list[list[Batch]] = []
    for at in range(0, len(made), MESSAGES):
        messages = [
            (f"fw/v1/main/{device}/{stream}".encode(), orjson.dumps(reading), 1, False, False)
            for device, stream, reading in made[at : at + MESSAGES]
        ]
        prepared = preparer.prepare(messages, day.now_us)
        assert prepared.quarantine == []
        found += [decode(frame) for frames in prepared.appends for frame in frames.values()]
    for link in links:
        link.close()
    merged = merge(found)
    gps, temp = (b.take(np.lexsort((b.device_id, b.time_us))) for b in (merged["gps"], merged["temp"]))
    assert isinstance(gps, PositionBatch)
    spoiled = np.random.default_rng(7).random(len(gps)) < GLITCH_SHARE
    return Lived([replace(gps, lat=gps.lat + GLITCH_DEG * spoiled), temp], gps, events)


def newest_first(batch: Batch) -> Portions:
    return list(reversed(np.array_split(np.arange(len(batch)), 40)))


def shuffled(batch: Batch) -> Portions:
    return np.array_split(np.random.default_rng(1).permutation(len(batch)), 30)


def a_tenth_twice(batch: Batch) -> Portions:
    again = np.random.default_rng(2).permutation(len(batch))[: len(batch) // 10]
    return [*np.array_split(np.arange(len(batch)), 40), *np.array_split(again, 5)]


def a_quarter_of_the_devices_a_day_late_newest_first(batch: Batch) -> Portions:
    late: Bool = batch.device_id % 4 == 0
    rest, upload = np.flatnonzero(~late), np.flatnonzero(late)
    return [*np.array_split(rest, 40), *reversed(np.array_split(upload, 20))]


def deliver(day: Day, batches: list[Batch], order: Callable[[Batch], Portions]) -> dict[str, Any]:
    """The facts after the readings came in this order."""
    tracker = day.tracker()
    portions = [order(b) for b in batches]
    for k in range(max(map(len, portions))):
        day.append(*(b.take(p[k]) for b, p in zip(batches, portions, strict=True) if k < len(p)))
        tracker.step()
    day.settle(tracker)
    facts = day.facts()
    day.close(tracker)
    return facts


@pytest.mark.parametrize(
    "order", [newest_first, shuffled, a_tenth_twice, a_quarter_of_the_devices_a_day_late_newest_first]
)
def test_a_day_in_any_order_ends_in_the_same_facts(day: Day, order: Callable[[Batch], Portions]) -> None:
    lived = live(day)
    found = deliver(day, lived.batches, order)
    assert found == reference(day, lived.batches)
    assert all(found[kind] for kind in ("visits", "excursions", "alerts"))


@dataclass(frozen=True)
class Stay:
    """A vehicle was at a site, by its ledger or by our facts; seconds."""

    vehicle: str
    site: str
    from_s: float
    to_s: float

    def meets(self, other: Stay) -> bool:
        same = (self.vehicle, self.site) == (other.vehicle, other.site)
        return same and self.from_s <= other.to_s and other.from_s <= self.to_s


def true_stays(events: list[Event]) -> list[Stay]:
    """From arrival at a place to departure from it, both on the day."""
    found, since = [], {}
    for e in events:
        if e.kind == "arrived":
            since[e.subject] = (e.detail["site"], e.t_ms / 1000)
        elif e.kind == "departed" and e.subject in since:
            site, from_s = since.pop(e.subject)
            found.append(Stay(e.subject, site, from_s, e.t_ms / 1000))
    return found


def told_stays(day: Day) -> list[Stay]:
    """Our visits; one that is open lasts for ever."""
    rows = day.rows(
        "select v.name, s.name, extract(epoch from entered_at)::float8, "
        "coalesce(extract(epoch from left_at)::float8, 'infinity') "
        "from visit f join vehicle v on v.id = f.vehicle_id join site s on s.id = f.site_id "
        "where superseded_at is null and not retracted"
    )
    return [Stay(*row) for row in rows]


def was_there(day: Day, clean: PositionBatch, stay: Stay) -> bool:
    """Whether unspoiled fixes of the vehicle were inside the site's fence in that time, at its edge at least."""
    site = next(s for s in day.world.sites if s.id == stay.site)
    named = day.rows("select d.id, v.name from device d join vehicle v on v.id = d.vehicle_id")
    devices = [device for device, vehicle in named if vehicle == stay.vehicle]
    t_s = clean.time_us / 1e6
    then = np.isin(clean.device_id, devices) & (t_s >= stay.from_s - 5) & (t_s <= stay.to_s + 5)
    return bool((distance_m(clean.lat[then], clean.lon[then], site.lat, site.lon) <= site.radius_m + 10).any())


def test_visits_are_the_true_ones_none_missed_none_invented_none_split(day: Day) -> None:
    lived = live(day)
    deliver(day, lived.batches, shuffled)
    true, told = true_stays(lived.events), told_stays(day)
    assert len(true) > 8 * HOURS
    met = [[t for t in told if t.meets(stay)] for stay in true]
    assert [stay for stay, found in zip(true, met, strict=True) if not found] == [], "missed"
    assert [found for found in met if len(found) > 1] == [], "split"
    others = [t for t in told if not any(t.meets(stay) for stay in true)]
    assert [t for t in others if not was_there(day, lived.clean, t)] == [], "invented"


STOP_S = 180.0  # standing shorter than this splits no trip
COURIERS = {v.id for v in build("demo", 7).vehicles if v.of_class}  # standing for less splits theirs
UNSURE_S = 40.0  # so well is the beginning of a standing known


def true_drives(events: list[Event]) -> list[Stay]:
    """From departure to the next arrival; `site` is where it went."""
    found, since = [], {}
    for e in events:
        if e.kind == "departed":
            since[e.subject] = e.t_ms / 1000
        elif e.kind == "arrived" and e.subject in since:
            found.append(Stay(e.subject, e.detail["site"], since.pop(e.subject), e.t_ms / 1000))
    return found


def told_trips(day: Day) -> list[Stay]:
    """Our trips; one that is open lasts for ever."""
    rows = day.rows(
        "select v.name, '', extract(epoch from started_at)::float8, "
        "coalesce(extract(epoch from ended_at)::float8, 'infinity') from trip f join vehicle v on v.id = f.vehicle_id "
        "where kind = 'trip' and superseded_at is null and not retracted"
    )
    return [Stay(*row) for row in rows]


def test_trips_are_the_true_ones_none_missed_none_invented_none_split(day: Day) -> None:
    lived = live(day)
    deliver(day, lived.batches, newest_first)
    everyone = true_drives(lived.events), true_stays(lived.events), told_trips(day)
    drives, stays, told = ([s for s in spans if s.vehicle not in COURIERS] for spans in everyone)
    assert len(drives) > 7 * HOURS

    def within(span: Stay, margin_s: float) -> list[Stay]:
        inner = replace(span, site="", from_s=span.from_s + margin_s, to_s=span.to_s - margin_s)
        return [t for t in told if t.meets(inner)]

    long = [d for d in drives if d.to_s - d.from_s > 4 * UNSURE_S]
    assert [d for d in long if not within(d, UNSURE_S)] == [], "missed"
    assert [d for d in long if len(within(d, UNSURE_S)) > 1] == [], "split"
    stood = [s for s in stays if s.to_s - s.from_s > STOP_S + UNSURE_S]
    assert len(stood) > HOURS
    assert [s for s in stood if within(s, UNSURE_S)] == [], "invented, or two made one"
    first = {e.subject: e.t_ms / 1000 for e in reversed(lived.events) if e.kind in ("arrived", "departed")}
    others = [t for t in told if t.from_s > first[t.vehicle] and not any(t.meets(replace(d, site="")) for d in drives)]
    assert [t for t in others if t.to_s != float("inf")] == [], "invented"


def test_a_couriers_doorsteps_part_its_trips_in_any_order_of_arrival_and_it_makes_none_where_it_stays(day: Day) -> None:
    lived = live(day)
    deliver(day, lived.batches, shuffled)
    told = [t for t in told_trips(day) if t.vehicle in COURIERS]
    doors = [Stay(e.subject, "", e.t_ms / 1000, e.detail["until"] / 1000) for e in lived.events if e.kind == "doorstep"]
    assert len(doors) > 5 * HOURS

    def stood(span: Stay) -> bool:
        middle_s = (span.from_s + span.to_s) / 2
        return not any(t.from_s < middle_s < t.to_s for t in told)

    assert sum(stood(d) for d in doors) > 0.95 * len(doors)
    drives = [d for d in true_drives(lived.events) if d.vehicle in COURIERS]
    assert [d for d in drives if not any(t.meets(replace(d, site="")) for t in told)] == [], "missed"
    stays = [s for s in true_stays(lived.events) if s.vehicle in COURIERS and s.to_s - s.from_s > 2 * UNSURE_S]
    inner = [replace(s, site="", from_s=s.from_s + UNSURE_S, to_s=s.to_s - UNSURE_S) for s in stays]
    assert [s for s in inner if any(t.meets(s) for t in told)] == [], "invented"
