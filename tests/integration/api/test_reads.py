"""What the REST interface shows: the objects of the contract, pages, tracks, curves."""

import math
from collections.abc import Iterator
from datetime import timedelta
from xml.etree import ElementTree as ET

import httpx
import pytest

from api.http.jsons import when
from tests.integration.api.seed import T0, World, client, minutes, rows, serving


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(3)
    world.partitions()
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token("viewer")) as found:
        yield found


def test_a_vehicle_is_shown_with_all_that_belongs_to_it(world: World, api: httpx.Client) -> None:
    world.move("truck-01", 60.1, 24.5, T0)
    world.series_state("reefer-01", "rear", 9.25, T0, "above")
    world.open_alert("reefer-01", "rear")
    world.open_alert("gps-01", cleared_at=T0)
    world.run("update shipment set status = 'in_transit', started_at = %s", T0)
    world.run("update stop set arrived_at = %s where seq = 1", T0)
    world.eta("S-1-2", T0 + minutes(30), T0 - minutes(1))
    world.eta("S-1-2", T0 + minutes(40), T0, few_trips=3)
    world.run(
        "insert into visit (tenant_id, vehicle_id, site_id, entered_at, decided_at, rule_version) "
        "values (%s, %s, %s, %s, %s, 1)",
        world.tenant_id, world.ids["truck-01"], world.ids["dc-1"], T0, T0,
    )  # fmt: skip
    assert api.get("/api/v1/vehicles/truck-01").json() == {
        "id": "truck-01",
        "label": "Truck 1",
        "class": None,
        "t": "2026-11-22T10:00:00.000Z",
        "received_at": "2026-11-22T10:00:00.000Z",
        "lat": 60.1,
        "lon": 24.5,
        "speed_mps": None,
        "heading_deg": None,
        "accuracy_m": None,
        "flags": [],
        "status": "moving",
        "status_since": "2026-11-22T10:00:00.000Z",
        "site": "dc-1",
        "battery_ratio": None,
        "temps": [
            {
                "device": "reefer-01",
                "probe": "rear",
                "t": "2026-11-22T10:00:00.000Z",
                "temp_c": 9.25,
                "humidity_pct": None,
                "low_c": 2.0,
                "high_c": 8.0,
                "state": "above",
            }
        ],
        "shipment": {
            "id": "S-1",
            "next_stop": "store-1",
            "p10": "2026-11-22T10:35:00.000Z",
            "p50": "2026-11-22T10:40:00.000Z",
            "p90": "2026-11-22T10:49:00.000Z",
            "few_trips": 3,
        },
        "fleet": None,
        "model": None,
        "driver": None,
        "load_capacity_kg": None,
        "volume_capacity_m3": None,
        "pallet_capacity": None,
        "fuel_type": None,
        "nominal_fuel_lph": None,
        "tags": [],
        "alerts": 1,
    }


def test_a_vehicle_never_heard_of_is_shown_as_unknown(api: httpx.Client) -> None:
    vehicle = api.get("/api/v1/vehicles/truck-03").json()
    assert (vehicle["t"], vehicle["lat"], vehicle["status"], vehicle["temps"]) == (None, None, "unknown", [])


def test_a_list_comes_in_pages_that_miss_and_repeat_nothing(world: World, api: httpx.Client) -> None:
    for n in range(4, 12):
        world.registry.put_vehicle(f"truck-{n:02d}")
    seen, url = [], "/api/v1/vehicles?limit=4"
    while url:
        answer = api.get(url)
        seen.append([v["id"] for v in answer.json()["items"]])
        url = answer.links.get("next", {}).get("url", "")
    assert [len(page) for page in seen] == [4, 4, 3]
    assert [name for page in seen for name in page] == [f"truck-{n:02d}" for n in range(1, 12)]


def test_alerts_come_newest_first_in_pages_by_state(world: World, api: httpx.Client) -> None:
    ids = [world.open_alert("reefer-01", "rear", opened_at=T0 + minutes(n // 2)) for n in range(5)]
    world.run("update alert set cleared_at = now() where id = %s", ids[0])
    world.run("update alert set cleared_at = now(), acknowledged_at = now() where id = %s", ids[1])
    world.run("update alert set resolved_at = now() where id = %s", ids[2])

    def listed(state: str) -> list[int]:
        seen, url = [], f"/api/v1/alerts?state={state}&limit=2"
        while url:
            answer = api.get(url)
            seen += [int(a["id"]) for a in answer.json()["items"]]
            url = answer.links.get("next", {}).get("url", "")
        return seen

    assert listed("all") == [5, 4, 3, 2, 1]
    assert listed("open") == [5, 4, 1]
    assert listed("active") == [5, 4]
    assert listed("cleared") == [2, 1]
    assert listed("unacknowledged") == [5, 4, 1]


def test_stock_is_found_by_site_zone_and_sku(world: World, api: httpx.Client) -> None:
    world.stock(17)
    (level,) = api.get("/api/v1/stock?site=store-1&zone=chiller&sku=MILK").json()["items"]
    assert (level["id"], level["quantity"], level["reorder_point"]) == ("store-1/chiller/MILK", 17, 20)
    assert api.get("/api/v1/stock?site=dc-1").json()["items"] == []


def test_lists_tell_what_is_inside_a_box(world: World, api: httpx.Client) -> None:
    world.move("truck-01", 60.5, 24.5)
    world.move("truck-02", -17.0, 179.5)
    for path, bbox, found in (
        ("vehicles", "24,60,25,61", ["truck-01"]),
        ("vehicles", "170,-20,-170,-10", ["truck-02"]),
        ("vehicles", "-180,-90,180,90", ["truck-01", "truck-02"]),
        ("vehicles", "0,0,1,1", []),
        ("sites", "0,0,1,1", []),
    ):
        assert [each["id"] for each in api.get(f"/api/v1/{path}?bbox={bbox}").json()["items"]] == found
    site = api.get("/api/v1/sites").json()["items"][0]
    box = f"{site['lon'] - 0.001},{site['lat'] - 0.001},{site['lon'] + 0.001},{site['lat'] + 0.001}"
    assert site["id"] in [each["id"] for each in api.get(f"/api/v1/sites?bbox={box}").json()["items"]]
    for bad in ("1,2,3", "a,b,c,d", "0,91,1,92", "nan,0,1,1", "0,2,1,1"):
        answer = api.get(f"/api/v1/vehicles?bbox={bad}")
        assert (answer.status_code, answer.json()["detail"][:5]) == (422, "bbox:")


def test_a_track_keeps_its_shape_when_it_is_simplified(world: World, api: httpx.Client) -> None:
    world.run(
        "insert into reading_position (time, received_at, device_id, boot_id, seq, flags, lat, lon, speed_mps) "
        "select %s + make_interval(secs => n), %s, %s, 0, n, case n when 700 then 16 else 0 end, "
        "60 + least(n, 1000) * 0.0001, 24 + greatest(n - 1000, 0) * 0.0001, 13.2 from generate_series(0, 1999) n",
        T0, T0, world.ids["gps-01"],
    )  # fmt: skip
    span = f"from={when(T0)}&to={when(T0 + timedelta(hours=1))}"
    track = api.get(f"/api/v1/vehicles/truck-01/track?{span}&max_points=3").json()
    assert track["vehicle"] == "truck-01"
    assert [(p["t"][11:19], p["lat"], p["lon"]) for p in track["points"]] == [
        ("10:00:00", 60.0, 24.0),
        ("10:16:40", 60.1, 24.0),
        ("10:33:19", 60.1, 24.0999),
    ]
    assert track["points"][0]["speed_mps"] == 13.2
    whole = api.get(f"/api/v1/vehicles/truck-01/track?{span}&max_points=2000").json()["points"]
    assert len(whole) == 2000
    assert [p["flags"] for p in whole if p["flags"]] == [["teleport"]]
    for accept, question, path in (
        ("application/gpx+xml", "", ".//{*}trkpt"),
        ("", "&format=gpx", ".//{*}trkpt"),
        ("application/vnd.google-earth.kml+xml", "", ".//{*}coord"),
        ("", "&format=kml", ".//{*}when"),
    ):
        told = api.get(f"/api/v1/vehicles/truck-01/track?{span}&max_points=3{question}", headers={"Accept": accept})
        assert "attachment" in told.headers["content-disposition"]
        assert len(ET.fromstring(told.content).findall(path)) == 3
    geo = api.get(f"/api/v1/vehicles/truck-01/track?{span}&max_points=3", headers={"Accept": "application/geo+json"})
    assert geo.headers["content-type"] == "application/geo+json"
    assert geo.json()["geometry"] == {"type": "LineString", "coordinates": [[24, 60], [24, 60.1], [24.0999, 60.1]]}


def test_a_temperature_curve_has_its_peak_limits_and_excursions(world: World, api: httpx.Client) -> None:
    for n in range(100):
        world.temperature("reefer-01", "rear", T0 + minutes(n), 15.5 if n == 40 else 4 + math.sin(n) / 10)
    world.temperature("reefer-01", "rear", T0 + minutes(41), -127.0, flags=8)
    world.excursion("reefer-01", "rear", T0 + minutes(39), T0 + minutes(42), 15.5)
    span = f"from={when(T0)}&to={when(T0 + timedelta(hours=3))}"
    series = api.get(f"/api/v1/series?device=reefer-01&probe=rear&{span}&max_points=20").json()
    assert (series["device"], series["probe"], series["low_c"], series["high_c"]) == ("reefer-01", "rear", 2, 8)
    assert len(series["points"]) == 20
    assert max(p["temp_c"] for p in series["points"]) == 15.5
    assert min(p["temp_c"] for p in series["points"]) > 0
    assert series["excursions"] == [
        {
            "id": "1",
            "kind": "above",
            "band": "",
            "severity": "critical",
            "start": "2026-11-22T10:39:00.000Z",
            "alarm_at": "2026-11-22T10:39:00.000Z",
            "end": "2026-11-22T10:42:00.000Z",
            "extreme_c": 15.5,
        }
    ]
    told = series["summary"]
    assert (told["readings"], told["min_c"], told["max_c"]) == (100, pytest.approx(3.9, abs=0.01), 15.5)
    assert (told["known_s"], told["unknown_s"], told["gaps"], told["gap_count"]) == (99 * 60, 0, [], 0)
    assert 4.2 < told["mkt_c"] < 4.6
    assert [(b["name"], b["op"], b["for_s"], b["used_s"] > 0) for b in told["bands"]] == [
        ("above", ">", 600, True),
        ("below", "<", 600, False),
    ]
    world.temperature("reefer-01", "rear", T0 + minutes(150), 4.0)
    told = api.get(f"/api/v1/series?device=reefer-01&probe=rear&{span}").json()["summary"]
    assert told["gaps"] == [{"start": "2026-11-22T11:39:00.000Z", "end": "2026-11-22T12:30:00.000Z"}]
    assert (told["gap_count"], told["unknown_s"]) == (1, 51 * 60)
    assert api.get(f"/api/v1/series?device=reefer-01&probe=none&{span}").status_code == 404
    assert api.get(f"/api/v1/series?device=reefer-02&{span}").json()["points"] == []


@pytest.mark.parametrize(
    ("temps", "verdict"),
    [
        ([(n, 5.0) for n in range(0, 61, 5)], "in_range"),
        ([(0, 5.0), (5, 5.0), (40, 5.0), (60, 5.0)], "indeterminate"),
        ([], "no_data"),
    ],
)
def test_a_shipment_says_how_cold_it_was_kept(
    world: World, api: httpx.Client, temps: list[tuple[int, float]], verdict: str
) -> None:
    for minute, temp_c in temps:
        world.temperature("reefer-01", "rear", T0 + minutes(minute), temp_c)
    world.run("update shipment set status = 'delivered', started_at = %s, delivered_at = %s", T0, T0 + minutes(60))
    found = api.get("/api/v1/shipments/S-1").json()
    assert found["temperature"]["verdict"] == verdict
    assert found["temperature"]["last_c"] == (5.0 if temps else None)
    world.excursion("reefer-01", "rear", T0 + minutes(3), None, 9.0)
    again = api.get("/api/v1/shipments/S-1").json()["temperature"]["verdict"]
    assert again == ("excursion" if temps else "no_data")


def test_a_shipment_registered_in_transit_has_a_verdict_from_then_on(world: World, api: httpx.Client) -> None:
    """Also on a vehicle that has a thermometer and never says where it is."""
    stops = [{"seq": 1, "name": "S-9-1", "lat": 60.2, "lon": 25.0}]
    world.registry.put_shipment(
        "S-9", reference="", vehicle="truck-01", stops=stops, profile="chilled", status="in_transit", since=T0
    )
    for minute in range(-60, 40):
        world.temperature("reefer-01", "rear", T0 + minutes(minute), 5.0 if minute >= 0 else 16.6)
    world.run("update shipment set status = 'delivered', delivered_at = %s where name = 'S-9'", T0 + minutes(39))
    found = api.get("/api/v1/shipments/S-9").json()["temperature"]
    assert (found["verdict"], found["min_c"], found["max_c"]) == ("in_range", 5.0, 5.0)
    world.excursion("reefer-01", "rear", T0 + minutes(3), T0 + minutes(34), 16.6)
    assert api.get("/api/v1/shipments/S-9").json()["temperature"]["verdict"] == "excursion"


UNANSWERABLE = {
    "/api/v1/vehicles/truck-99": 404,
    "/api/v1/vehicles?limit=0": 422,
    "/api/v1/vehicles?limit=1001": 422,
    "/api/v1/vehicles?cursor=%%%": 422,
    "/api/v1/vehicles?cursor=WzFd": 422,
    "/api/v1/alerts?cursor=WyJub3ciLCAxXQ": 422,
    "/api/v1/alerts?state=weird": 422,
    "/api/v1/vehicles/truck-01/track?from=2026-11-22T10:00:00": 422,
    "/api/v1/vehicles/truck-01/track?from=1795809600&to=1795823999": 422,
    "/api/v1/vehicles/truck-01/track?from=2026-11-22": 422,
    "/api/v1/vehicles/truck-01/track?from=2026-11-22T10:00:00Z&to=2026-11-21T10:00:00Z": 422,
    "/api/v1/vehicles/truck-01/track?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z": 422,
    "/api/v1/vehicles/truck-01/track?to=0001-01-01T00:00:00Z": 422,
    "/api/v1/vehicles/truck-01/track?max_points=1000000": 422,
    "/api/v1/vehicles/%00": 404,
    "/api/v1/stock?site=%00": 422,
    "/api/v1/nothing": 404,
    "/api/v1/vehicles/": 404,
    "/api/v1/readings?device=gps-01&stream=thoughts": 422,
    "/api/v1/shipments/S-1'%20or%20'1'='1": 404,
}


def test_what_cannot_be_answered_is_a_problem(api: httpx.Client) -> None:
    answers = {path: api.get(path) for path in UNANSWERABLE}
    assert {path: answer.status_code for path, answer in answers.items()} == UNANSWERABLE
    for answer in answers.values():
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["detail"]


def test_a_wrong_method_is_a_problem_too(api: httpx.Client) -> None:
    answer = api.put("/api/v1/vehicles")
    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")


def test_the_tenant_role_sees_nothing_when_no_tenant_is_set(world: World, database: str) -> None:
    with world.connection.transaction():
        world.run("set local role frostway_api")
        for table in ("vehicle", "device", "site", "shipment", "alert", "stock_level"):
            assert world.one(f"select count(*) from {table}") == 0
    assert rows(database, "select count(*) from vehicle") == [(3,)]
