"""Trips, stops and ways off the line on a real database: in any order, amended by what comes late, told once."""

from __future__ import annotations

import numpy as np
import orjson
import psycopg
import pytest
from typer.testing import CliRunner

from frostway.cli import app
from store.db import connect
from store.registry import Registry
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_calls import at, seconds, split

DC, SHOP = 60.0, 60.3  # latitudes; the line between them is straight, at 25° east
EAST = 1 / (111_195 * np.cos(np.radians(60.1)))  # degrees of one metre


@pytest.fixture
def fleet(database: str) -> Fleet:
    found = Fleet(database)
    with connect(found.dsn, "test") as c, c.transaction():
        registry = Registry(c)
        registry.put_site("shop", label="shop", kind="store", lat=SHOP, lon=25.0, radius_m=200)
        stops = [
            {"seq": n, "name": f"S-1-{n}", "site": site, "lat": lat, "lon": 25.0}
            for n, (site, lat) in enumerate((("dc-1", DC), ("shop", SHOP)), 1)
        ]
        line = [[25.0, DC], [25.0, SHOP]]
        registry.put_shipment("S-1", reference="", vehicle="truck-1", stops=stops, planned_line=line, since=at(-86_400))
    return found


def day(fleet: Fleet):
    """Strays before it loads, loads, strays twice on the way (once shortly), is lost from sight for an hour, unloads,
    and goes astray once more when the shipment is delivered."""
    t = np.arange(0, 21_600, 20)
    lat = np.interp(t, [0, 1800, 3600, 9000, 10_800, 18_000, 21_600], [DC + 0.03, DC, DC, 60.15, SHOP, SHOP, 60.2])
    off_m = np.interp(
        t,
        [0, 900, 1500, 4000, 4400, 5400, 5800, 6400, 6550, 6700, 18_400, 18_600],
        [900, 900, 0, 0, 1500, 1500, 0, 0, 1500, 0, 0, 3000],
    )
    noise = np.random.default_rng(2).normal(0, 3, (2, len(t)))
    going = np.hypot(np.gradient(lat, t) * 111_195, np.gradient(off_m, t)) > 0.3
    return fleet.batch(
        "gps",
        "gps",
        t,
        seq=np.arange(len(t)),
        boot=1,
        lat=lat + noise[0] / 111_195,
        lon=25.0 + (off_m + noise[1]) * EAST,
        speed_mps=np.where(t % 100 == 0, np.nan, np.where(going, 6.0, 0.0)),
        accuracy_m=np.where(t % 340 == 0, 600.0, 5.0),
        ignition=np.where(going | (t % 1800 < 300), 1, 0),
        odometer_m=np.where(t % 600 == 0, 10_000.0 + t, np.nan),
    ).take((t < 7000) | (t > 10_600))


def settled(fleet: Fleet, portions, *, restarts: bool = False):
    tracker = fleet.tracker()
    for portion in portions:
        if restarts:
            fleet.close(tracker)
            tracker = fleet.tracker()
        fleet.append(portion)
        fleet.settle(tracker)
    facts = fleet.facts()
    fleet.close(tracker)
    return facts


def wipe(fleet: Fleet) -> None:
    with psycopg.connect(fleet.dsn) as c:
        c.execute(
            "truncate log_frame, log_head, tracker_position, vehicle_state, visit, trip, stop_call, deviation, change, "
            "dirty, checkpoint, eta, reading_position, device_state"
        )
        c.execute("update stop set arrived_at = null, departed_at = null")
        c.execute("update shipment set status = 'planned', started_at = null, delivered_at = null")


def off_route(facts):
    return seconds([d for d in facts["deviations"] if d[2] == "off_route"], 3, 4)


def test_a_day_leaves_its_trips_stops_and_gap_and_the_one_way_off_the_line_that_counts(fleet):
    facts = settled(fleet, [day(fleet)])
    kinds = [trip[1] for trip in facts["trips"]]
    assert kinds == ["trip", "stop", "trip", "unknown", "trip", "stop", "trip"]
    spans = seconds(facts["trips"], 2, 3)
    assert [a[1] for a in spans[:-1]] == [b[0] for b in spans[1:]]
    wanted = [0, 1800, 3600, 6980, 10_620, 10_800, 18_000]
    assert np.abs(np.array([s[0] for s in spans]) - wanted).max() < 90
    assert spans[-1][1] is None
    assert facts["trips"][-1][6:] == (None,) * 10
    stop = facts["trips"][1]
    assert stop[11] == pytest.approx(300, abs=60)  # idling, seconds: the engine runs for a part of it
    ((started, ended),) = off_route(facts)
    assert (started, ended) == (pytest.approx(4133, abs=60), pytest.approx(5693, abs=60))
    ((running,),) = fleet.rows("select trip_distance_m from vehicle_state")
    assert running > 10_000


@pytest.mark.parametrize("restarts", [False, True], ids=["at a stretch", "with restarts"])
@pytest.mark.parametrize("kind", ["in portions", "newest first", "shuffled", "repeated"])
def test_any_order_of_arrival_ends_in_the_same_trips_and_deviations(fleet, kind, restarts):
    whole = day(fleet)
    found = settled(fleet, [whole.take(part) for part in split(kind, len(whole))], restarts=restarts)
    assert len(off_route(found)) == 1
    wipe(fleet)
    assert found == settled(fleet, [whole])


def test_one_by_one_says_the_same_as_all_at_once_and_says_each_thing_once(fleet):
    whole = day(fleet)
    found = settled(fleet, [whole.take([i]) for i in range(len(whole))])
    words = "select (select count(*) from trip), (select count(*) from deviation where kind = 'off_route')"
    assert fleet.rows(words) == [(2 * 7 - 2, 2)]  # one for the beginning and one for the end; a gap is told when over
    told = [c for (b,) in fleet.rows("select body from change order by seq") for c in orjson.loads(b).get("facts", ())]
    trips = [c["data"] for c in told if c["data"]["kind"] == "trip"]
    assert [(t["about"], t["revision"]) for t in trips][:3] == [
        ({"vehicle": "truck-1", "what": "trip"}, 1),
        ({"vehicle": "truck-1", "what": "trip"}, 2),
        ({"vehicle": "truck-1", "what": "stop"}, 1),
    ]
    wipe(fleet)
    assert found == settled(fleet, [whole])


def test_a_trip_whose_start_a_late_fix_moves_keeps_its_id_and_those_before_it_their_words(fleet):
    whole = day(fleet)
    t = (whole.time_us - T0) / S
    hidden = (t > 3500) & (t < 3900)
    tracker = fleet.tracker()
    fleet.append(whole.take(~hidden))
    fleet.settle(tracker)
    before = fleet.rows("select id, kind, started_at from trip where superseded_at is null order by started_at")
    fleet.append(whole.take(hidden))
    fleet.settle(tracker)
    fleet.close(tracker)
    after = fleet.rows(
        "select id, kind, started_at, revision from trip where superseded_at is null and not retracted "
        "order by started_at"
    )
    assert [a[0] for a in after] == [b[0] for b in before]
    assert after[2][2] != before[2][2]
    assert (after[0][3], after[2][3]) == (1, 2)


def test_a_way_off_the_line_is_taken_back_when_the_fixes_between_say_that_it_was_none(fleet):
    whole = day(fleet)
    t = (whole.time_us - T0) / S
    hidden = (t > 4300) & (t < 5000)
    back = whole.take(hidden & (t % 40 == 0))
    back.lon[:] = 25.0
    tracker = fleet.tracker()
    fleet.append(whole.take(~hidden & (t < 5200)))
    fleet.settle(tracker)
    assert len(off_route(fleet.facts())) == 1
    fleet.append(back)
    fleet.settle(tracker)
    assert off_route(fleet.facts()) == []
    assert fleet.rows("select count(*) from deviation where kind = 'off_route' and retracted") == [(1,)]
    fleet.append(whole.take(~hidden & (t >= 5200)))
    fleet.settle(tracker)
    ((started, _),) = off_route(fleet.facts())
    assert started > 4900
    fleet.close(tracker)


def test_verify_derives_trips_and_ways_off_the_line_again(fleet, monkeypatch):
    settled(fleet, [day(fleet)])
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", fleet.dsn)
    found = CliRunner().invoke(app, ["facts", "verify"])
    assert (found.exit_code, found.stdout) == (0, "1 vehicles and 0 probes derived again: all facts agree\n")
    fleet.rows("update deviation set started_at = started_at - interval '1 min' where kind = 'off_route' returning 1")
    fleet.rows("update trip set retracted = true where kind = 'unknown' returning 1")
    found = CliRunner().invoke(app, ["facts", "verify"])
    assert found.exit_code == 1
    assert [line.split(":")[0] for line in found.stdout.splitlines()] == ["gap of truck-1", "off route of shipment S-1"]
