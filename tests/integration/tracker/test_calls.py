"""Calls and deviations of shipments on a real database: amended and taken back as visits are, in any order."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta

import numpy as np
import orjson
import psycopg
import pytest

from api.feed.asyncapi import document
from store import migrate
from store.db import connect
from store.registry import DeviceSpec, Registry
from tests.integration.fleet import T0, Fleet, S
from tracker.families import KINDS

START = datetime.fromtimestamp(T0 / S, UTC)
DC, A, B, C = 60.0, 60.1, 60.2, 60.3  # latitudes of the stops, all at 25° east


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def fleet(any_database: str) -> Fleet:
    found = Fleet(any_database)
    with connect(found.dsn, "test") as c, c.transaction():
        registry = Registry(c)
        for name, lat in (("store-a", A), ("store-c", C)):
            registry.put_site(name, label=name, kind="store", lat=lat, lon=25.0, radius_m=200)
    ship(found, "S-1")
    return found


def ship(fleet: Fleet, name: str, since: datetime = START, vehicle: str = "truck-1") -> None:
    """From the centre by two shops; B is a place of its own, without a site."""
    places = (("dc-1", DC, 900), ("store-a", A, None), (None, B, None), ("store-c", C, None))
    stops = [
        {
            "seq": n,
            "name": f"{name}-{n}",
            "site": site,
            "lat": lat,
            "lon": 25.0,
            "window_end": at(end) if end else None,
        }
        for n, (site, lat, end) in enumerate(places, 1)
    ]
    with connect(fleet.dsn, "test") as c, c.transaction():
        Registry(c).put_shipment(name, reference="", vehicle=vehicle, stops=stops, since=since)


def drive(fleet: Fleet, *legs: tuple[float, float]):
    """Fixes every 20 s along `(second, latitude)`."""
    t = np.arange(legs[0][0], legs[-1][0] + 1, 20)
    lat = np.interp(t, *zip(*legs, strict=True))
    speed_mps = np.abs(np.gradient(lat, t)) * 111_195
    return fleet.batch("gps", "gps", t, seq=np.arange(len(t)), boot=1, lat=lat, lon=25.0, speed_mps=speed_mps)


TOUR = (
    (0, DC), (1200, DC), (2400, A), (3000, A), (4200, B), (7800, B), (9000, C), (9600, C), (10200, C + 0.01)
)  # fmt: skip


def settled(fleet: Fleet, *portions, restarts: bool = False):
    """Each portion arrives after the one before has been settled; the facts at the end."""
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


def seconds(rows, *columns):
    return [tuple(round((r[i] - START).total_seconds()) if r[i] else None for i in columns) for r in rows]


def test_a_tour_leaves_calls_deviations_and_a_delivered_shipment(fleet):
    facts = settled(fleet, drive(fleet, *TOUR))
    assert [r[1] for r in facts["calls"]] == [1, 2, 3, 4]
    found = np.array(seconds(facts["calls"], 3, 4))
    wanted = np.array([[0, 1226], [2379, 3026], [4184, 7821], [8979, 9680]])
    assert np.abs(found - wanted).max() < 60
    assert [(r[1], r[2]) for r in facts["deviations"]] == [(1, "late_departure"), (3, "prolonged_stop")]
    ((_, status, started, delivered),) = facts["shipments"]
    assert (status, started, delivered) == ("delivered", facts["calls"][0][4], facts["calls"][3][3])
    assert [r[1:] for r in facts["stops"]] == [r[3:] for r in facts["calls"]]
    told = [
        c for (b,) in fleet.rows("select body from change order by seq") for c in orjson.loads(b).get("shipments", ())
    ]
    assert [s["deviations"] for s in told[-1]["data"]["stops"]] == [["late_departure"], [], ["prolonged_stop"], []]
    assert fleet.rows("select site_id from visit where site_id < 0 and superseded_at is null") == [(-3,)]


def split(kind: str, n: int):
    rng = np.random.default_rng(5)
    parts = np.array_split(rng.permutation(n) if kind == "shuffled" else np.arange(n), 12)
    return {"newest first": parts[::-1], "repeated": [*parts, *parts[::-1]]}.get(kind, parts)


@pytest.mark.parametrize(
    ("any_database", "kind", "restarts"),
    [
        *itertools.product(["postgres"], ["in portions", "newest first", "shuffled", "repeated"], [False, True]),
        ("timescale", "shuffled", True),
    ],
    indirect=["any_database"],
)
def test_any_order_of_arrival_ends_in_the_same_calls_and_deviations(fleet, kind, restarts):
    whole = drive(fleet, *TOUR)
    found = settled(fleet, *(whole.take(part) for part in split(kind, len(whole))), restarts=restarts)
    with psycopg.connect(fleet.dsn) as c:
        c.execute(
            "truncate log_frame, log_head, tracker_position, vehicle_state, visit, trip, stop_call, deviation, change, "
            "dirty, eta, reading_position, device_state"
        )
        c.execute("update stop set arrived_at = null, departed_at = null")
        c.execute("update shipment set status = 'planned', started_at = null, delivered_at = null")
    assert found == settled(fleet, whole)


def test_a_late_visit_makes_a_skipped_stop_a_call_and_the_news_says_so(fleet):
    whole = drive(fleet, *TOUR)
    t = (whole.time_us - T0) / S
    hidden = (t > 1300) & (t < 3500)
    tracker = fleet.tracker()
    fleet.append(whole.take(~hidden))
    fleet.settle(tracker)
    assert [r[1] for r in fleet.facts()["calls"]] == [1, 3, 4]
    assert (2, "skipped") in [(r[1], r[2]) for r in fleet.facts()["deviations"]]
    fleet.close(tracker)
    tracker = fleet.tracker()  # the shipment is delivered: it is no longer in what the tracker has in memory
    fleet.append(whole.take(hidden))
    fleet.settle(tracker)
    fleet.close(tracker)
    facts = fleet.facts()
    assert [r[1] for r in facts["calls"]] == [1, 2, 3, 4]
    assert (2, "skipped") not in [(r[1], r[2]) for r in facts["deviations"]]
    assert fleet.rows("select revision, retracted from deviation where kind = 'skipped' order by 1") == [
        (1, False),
        (2, True),
    ]
    skipped = [n for n in news(fleet) if n["about"].get("what") == "skipped"]
    assert [(n["kind"], n["revision"], n["retracted"]) for n in skipped] == [
        ("deviation", 1, False),
        ("deviation", 2, True),
    ]
    assert skipped[0]["id"] == skipped[1]["id"]
    described = document("0", KINDS)["components"]["schemas"]["factNews"]
    assert set(skipped[0]) == set(described["required"]) == set(described["properties"])
    assert set(skipped[0]["about"]) <= set(described["properties"]["about"]["properties"])
    assert skipped[0]["about"] == {"shipment": "S-1", "vehicle": "truck-1", "what": "skipped"}


def news(fleet: Fleet):
    rows = fleet.rows("select body from change order by seq")
    return [c["data"] for (body,) in rows for c in orjson.loads(bytes(body)).get("facts", ())]


def test_a_visit_that_is_taken_back_takes_its_call_and_the_delivery_with_it(fleet):
    tracker = fleet.tracker()
    tour = drive(fleet, *TOUR[:6], (8400, B + 0.05))
    fleet.append(tour)
    edge = fleet.batch("gps", "gps", [9000, 9300, 9600], seq=[900, 901, 902], boot=1, lat=[C, C, C + 0.05], lon=25.0)
    fleet.append(edge)
    fleet.settle(tracker)
    assert fleet.rows("select status from shipment") == [("delivered",)]
    fleet.append(fleet.batch("gps", "gps", [9150], seq=[903], boot=1, lat=[C + 0.02], lon=25.0))
    fleet.settle(tracker)
    fleet.close(tracker)
    words = fleet.rows("select retracted from stop_call where stop_id = 4 order by revision")
    assert words[-1] == (True,)
    assert words[:-1] == [(False,)] * (len(words) - 1) != []
    assert fleet.rows("select status, delivered_at from shipment") == [("in_transit", None)]
    assert fleet.rows("select arrived_at, departed_at from stop where id = 4") == [(None, None)]
    gone = [n for n in news(fleet) if n["kind"] == "call" and n["retracted"]]
    assert len(gone) == 1


def test_a_vehicle_that_stands_there_when_it_gets_the_shipment_has_arrived(fleet):
    tracker = fleet.tracker()
    fleet.append(drive(fleet, *TOUR, (10800, DC), (11400, DC)))
    fleet.settle(tracker)
    assert fleet.rows("select status from shipment") == [("delivered",)]
    ship(fleet, "S-2", since=at(11200))
    tracker.engine.registry = tracker.engine.registry.load(tracker.store, 1)
    fleet.append(fleet.batch("gps", "gps", [11420], seq=[990], boot=1, lat=[DC], lon=25.0))
    fleet.settle(tracker)
    ((stop_id, arrived, departed),) = fleet.rows(
        "select c.stop_id, c.arrived_at, c.departed_at from stop_call c join shipment h on h.id = c.shipment_id "
        "where h.name = 'S-2' and c.superseded_at is null"
    )
    assert (stop_id, arrived < at(11000), departed) == (5, True, None)
    shown = [c for (b,) in fleet.rows("select body from change order by seq") for c in orjson.loads(b)["vehicles"]]
    assert shown[-1]["data"]["shipment"]["next_stop"] == "store-a"
    fleet.close(tracker)


def test_another_vehicle_takes_over_and_the_calls_of_the_first_stand(fleet):
    tracker = fleet.tracker()
    fleet.append(drive(fleet, *TOUR[:4], (3400, A + 0.02)))
    fleet.settle(tracker)
    before = fleet.facts()["calls"]
    assert [r[1:3] for r in before] == [(1, 1), (2, 1)]
    ship(fleet, "S-1", since=at(3300), vehicle="truck-2")
    with connect(fleet.dsn, "test") as c, c.transaction():
        fleet.ids["gps2"] = Registry(c).put_device(DeviceSpec("gps-2", "tracker", vehicle="truck-2"))
    tracker.engine.registry = tracker.engine.registry.load(tracker.store, 1)
    fleet.append(
        fleet.batch(
            "gps", "gps2", np.arange(3400, 5000, 20), lat=np.interp(np.arange(80), [0, 40, 79], [A, B, B]), lon=25.0
        )
    )
    fleet.settle(tracker)
    fleet.close(tracker)
    assert fleet.facts()["calls"][:2] == before
    ((second,),) = fleet.rows("select id from vehicle where name = 'truck-2'")
    assert [r[1:3] for r in fleet.facts()["calls"]] == [(1, 1), (2, 1), (3, second)]


def same_address(fleet: Fleet) -> None:
    """Two orders for one shop, one by its site and one by where it is; and more shipments for it on the same truck."""
    shop, spot = ("store-a", A), (None, A + 0.0003)
    tours = {
        "S-2": [("dc-1", DC), shop, spot, ("store-c", C)],
        "S-3": [("dc-1", DC), shop],
        "S-4": [("dc-1", DC), spot],
    }
    with connect(fleet.dsn, "test") as c, c.transaction():
        for name, places in tours.items():
            stops = [
                {"seq": n, "name": f"{name}-{n}", "site": site, "lat": lat, "lon": 25.0, "radius_m": 120.0}
                for n, (site, lat) in enumerate(places, 1)
            ]
            Registry(c).put_shipment(name, reference="", vehicle="truck-1", stops=stops, since=START)


@pytest.mark.parametrize("kind", ["in portions", "newest first", "shuffled"])
def test_orders_for_one_address_are_served_by_the_stay_there(fleet, kind):
    same_address(fleet)
    whole = drive(fleet, *TOUR)
    facts = settled(fleet, *(whole.take(part) for part in split(kind, len(whole))))
    by_shipment = {s: [r[3:] for r in facts["calls"] if r[0] == s] for s in (2, 3, 4)}
    assert [len(by_shipment[s]) for s in (2, 3, 4)] == [4, 2, 2]
    assert by_shipment[2][1] == by_shipment[2][2]
    arrived, _ = by_shipment[2][1]
    assert abs((arrived - at(2379)).total_seconds()) < 60
    assert [r[1] for r in facts["shipments"]] == ["delivered"] * 4
    assert [r[2] for r in facts["deviations"] if r[0] > 1] == []


@pytest.mark.parametrize(
    ("any_database", "kind", "since"),
    [
        *itertools.product(["postgres"], ["in portions", "newest first", "shuffled"], [1300, 2700, 3500, 8000, 10100]),
        ("timescale", "shuffled", 3500),
    ],
    indirect=["any_database"],
)
def test_a_shipment_registered_under_way_has_the_pick_up_it_had(fleet, kind, since):
    """When it was registered, or told to the tracker, does not matter: S-1 was registered before the tour."""
    ship(fleet, "S-2", since=at(since))
    with psycopg.connect(fleet.dsn) as c:
        c.execute("update shipment set since_given = false where name = 'S-2'")
    whole = drive(fleet, *TOUR)
    facts = settled(fleet, *(whole.take(part) for part in split(kind, len(whole))))
    first, second = facts["shipments"]
    assert first[1:] == second[1:]
    assert second[2] < second[3]
    times = {s: [r[3:] for r in facts["calls"] if r[0] == s] for s in (1, 2)}
    assert times[1] == times[2]
    assert [r[2] for r in facts["deviations"] if r[0] == 2 and r[2] in ("skipped", "out_of_sequence")] == []


def test_goods_registered_in_transit_set_out_when_their_vehicle_got_them(fleet):
    stops = [{"seq": n, "name": f"S-9-{n}", "lat": lat, "lon": 25.0} for n, lat in enumerate((B, C), 1)]
    with connect(fleet.dsn, "test") as c, c.transaction():
        Registry(c).put_shipment(
            "S-9", reference="", vehicle="truck-1", stops=stops, status="in_transit", since=at(3500)
        )
    assert fleet.rows("select started_at from shipment where name = 'S-9'") == [(at(3500),)]
    facts = settled(fleet, drive(fleet, *TOUR))
    _, status, started, delivered = facts["shipments"][1]
    assert (status, started) == ("delivered", at(3500))
    assert abs((delivered - at(8979)).total_seconds()) < 60


def test_a_prolonged_stop_is_told_while_the_vehicle_stands_without_any_new_visit(fleet):
    tracker = fleet.tracker()
    standing = drive(fleet, (0, DC), (3600, DC))
    for part in np.array_split(np.arange(len(standing)), 6):
        fleet.append(standing.take(part))
        fleet.settle(tracker)
    fleet.close(tracker)
    (deviation,) = fleet.facts()["deviations"]
    assert deviation[1:3] == (1, "prolonged_stop")
    assert seconds([deviation], 3, 4) == [(2400, None)]
    assert fleet.rows("select count(*) from deviation") == [(1,)]


def test_shipments_under_way_keep_their_calls_when_the_schema_moves_on(postgres, monkeypatch):
    steps = migrate.migrations()
    name = f"upgrade_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as c:
        c.execute(f"create database {name}")  # type: ignore[arg-type]
    dsn = psycopg.conninfo.make_conninfo(postgres.dsn, dbname=name)
    before = next(n for n, step in enumerate(steps) if step.name.endswith("_calls.sql"))
    with monkeypatch.context() as earlier:  # rights are of the newest schema
        earlier.setattr(migrate, "migrations", lambda: steps[:before])
        earlier.setattr(migrate, "grant", lambda _connection: None)
        migrate.migrate(dsn)
    with psycopg.connect(dsn) as c:
        c.execute("insert into tenant (name) values ('t')")
        c.execute("insert into vehicle (tenant_id, name, label) values (1, 'v', 'V')")
        c.execute("insert into site (tenant_id, name, label, kind, lat, lon) values (1, 's', 'S', 'dc', 60, 25)")
        for n, status in enumerate(("planned", "in_transit", "delivered"), 1):
            c.execute(
                "insert into shipment (tenant_id, name, status, vehicle_id, planned_at) values (1, %s, %s, 1, %s)",
                (f"S-{n}", status, at(n)),
            )
            c.execute(
                "insert into stop (tenant_id, shipment_id, seq, name, label, site_id, lat, lon, arrived_at) "
                "values (1, %s, 1, 'a', 'A', 1, 60, 25, %s)",
                (n, at(60)),
            )
    migrate.migrate(dsn)
    with psycopg.connect(dsn, options="-c timezone=UTC") as c:
        rows = c.execute("select on_vehicle_since, loaded from shipment order by id").fetchall()
        assert rows == [(at(1), False), (at(2), True), (at(3), False)]
        calls = c.execute("select stop_id, vehicle_id, arrived_at, departed_at from stop_call order by 1").fetchall()
        assert calls == [(1, 1, at(60), None), (2, 1, at(60), None)]
    with psycopg.connect(postgres.dsn, autocommit=True) as c:
        c.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]


def test_a_shipment_that_is_called_off_keeps_what_happened_and_others_go_on(fleet):
    ship(fleet, "S-2")
    whole = drive(fleet, *TOUR)
    half = len(whole) // 3  # it stands at A
    tracker = fleet.tracker()
    fleet.append(whole.take(np.arange(half)))
    fleet.settle(tracker)
    before = [r for r in fleet.facts()["calls"] if r[0] == 1]
    with connect(fleet.dsn, "test") as c, c.transaction():
        c.execute("update shipment set status = 'cancelled', cancelled_at = now() where name = 'S-1'")
    tracker._read_registry()
    fleet.append(whole.take(np.arange(half, len(whole))))
    fleet.settle(tracker)
    facts = fleet.facts()
    fleet.close(tracker)
    assert [r[1] for r in before] == [1, 2]
    assert [r[:4] for r in facts["calls"] if r[0] == 1] == [r[:4] for r in before]
    assert [r[1] for r in facts["calls"] if r[0] == 2] == [5, 6, 7, 8]
    assert [r[1] for r in facts["shipments"]] == ["cancelled", "delivered"]
