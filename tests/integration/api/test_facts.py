"""Facts by REST: as they are known, as they were known at a moment, and all that was said of one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
import pytest

from api.http.jsons import when
from domain.readings import Flag
from tests.integration.api.seed import T0, World, client, minutes, serving
from tests.integration.api.test_live_feed import feed


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(2)
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as found:
        yield found


@pytest.fixture
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token("viewer")) as found:
        yield found


def say(world: World, table: str, *words: tuple[float, dict[str, Any]]) -> int:
    """Words on one fact, each decided some minutes after T0; returns its id."""
    key = 1 + world.one(f"select coalesce(max(id), 0) from {table}")
    ends = [T0 + minutes(m) for m, _ in words[1:]] + [None]
    for n, ((decided, values), superseded) in enumerate(zip(words, ends, strict=True), 1):
        row = {"id": key, "revision": n, "tenant_id": world.tenant_id, "rule_version": 3, "superseded_at": superseded}
        row |= {"decided_at": T0 + minutes(decided), **values}
        marks = ", ".join(["%s"] * len(row))
        world.run(f"insert into {table} ({', '.join(row)}) values ({marks})", *row.values())
    return int(key)


def visit(world: World, entered: float, left: float | None = None, **more: Any) -> dict[str, Any]:
    values = {"vehicle_id": world.ids["truck-01"], "site_id": world.ids["dc-1"], "entered_at": T0 + minutes(entered)}
    return {**values, "left_at": None if left is None else T0 + minutes(left), **more}


def listed(api: httpx.Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    parts = {k: when(v) if isinstance(v, datetime) else str(v) for k, v in query.items()}
    url = f"/api/v1{path}?" + "&".join(f"{k}={quote(str(v))}" for k, v in parts.items())
    found = []
    while url:
        answer = api.get(url)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        url = answer.links.get("next", {}).get("url", "")
    return found


def test_visits_are_given_as_known_now_and_as_known_at_a_moment(world: World, api: httpx.Client) -> None:
    key = say(
        world,
        "visit",
        (10, visit(world, 5)),
        (30, visit(world, 5, 25)),
        (60, visit(world, 4, 25)),
        (90, visit(world, 4, 25, retracted=True)),
    )
    path = "/vehicles/truck-01/visits"
    assert listed(api, path) == []
    moments = {9.9: None, 10: 1, 29: 1, 30: 2, 59.9: 2, 60: 3, 89: 3, 90: None, 1000: None}
    found = {m: listed(api, path, as_of=T0 + minutes(m)) for m in moments}
    assert {m: f[0]["revision"] if f else None for m, f in found.items()} == moments
    assert found[60] == [
        {
            "id": str(key),
            "revision": 3,
            "decided_at": "2026-11-22T11:00:00.000Z",
            "superseded_at": "2026-11-22T11:30:00.000Z",
            "rule_version": 3,
            "retracted": False,
            "vehicle": "truck-01",
            "site": "dc-1",
            "entered_at": "2026-11-22T10:04:00.000Z",
            "left_at": "2026-11-22T10:25:00.000Z",
        }
    ]
    history = listed(api, f"/facts/visit/{key}/history", limit=3)
    assert [(h["revision"], h["retracted"], h["superseded_at"] is None) for h in history] == [
        (1, False, False),
        (2, False, False),
        (3, False, False),
        (4, True, True),
    ]
    assert history[2] == found[60][0]


def test_a_span_and_pages_miss_and_repeat_nothing(world: World, api: httpx.Client) -> None:
    keys = [say(world, "visit", (0, visit(world, n // 2 * 10, n // 2 * 10 + 5))) for n in range(8)]
    path = "/vehicles/truck-01/visits"
    assert [int(v["id"]) for v in listed(api, path, limit=3)] == keys
    span = {"from": T0 + minutes(5.5), "to": T0 + minutes(20.1)}
    assert [int(v["id"]) for v in listed(api, path, limit=1, **span)] == keys[2:6]
    assert [int(v["id"]) for v in listed(api, path, to=T0 + minutes(10))] == keys[:2]
    assert listed(api, "/vehicles/truck-02/visits") == []


def trip(world: World, kind: str, start: float, end: float | None = None, **more: Any) -> dict[str, Any]:
    values = {"vehicle_id": world.ids["truck-01"], "kind": kind, "started_at": T0 + minutes(start)}
    values |= {"start_lat": 60.0, "start_lon": 25.0, "ended_at": None if end is None else T0 + minutes(end)}
    figures = ("distance_m", "gap_m", "moving_s", "idle_s", "unknown_s", "speed_max_mps", "end_lat", "end_lon")
    return {**values, **(dict.fromkeys(figures, 7.5) if end is not None else {}), **more}


def test_trips_are_given_as_known_now_and_then_by_kind_and_the_open_one_with_its_figures_so_far(
    world: World, api: httpx.Client
) -> None:
    ended = trip(world, "trip", 0, 20)
    first = say(world, "trip", (1, trip(world, "trip", 0)), (24, ended), (40, {**ended, "distance_m": 8.0}))
    say(world, "trip", (24, trip(world, "stop", 20)))
    say(world, "visit", (24, visit(world, 19)))
    world.move("truck-01", 60.5, 25.5, T0 + minutes(45))
    world.run("update vehicle_state set trip_distance_m = 3, trip_idle_s = 60, odometer_m = 900")
    path = "/vehicles/truck-01/trips"
    found = listed(api, path, limit=1)
    assert [(t["kind"], t["distance_m"], t["until"]) for t in found] == [
        ("trip", 8.0, "2026-11-22T10:20:00.000Z"),
        ("stop", 3.0, "2026-11-22T10:45:00.000Z"),
    ]
    stop = found[1]
    assert (stop["site"], stop["ended_at"], stop["idle_s"], stop["odometer_m"], stop["end_lat"]) == (
        "dc-1",
        None,
        60.0,
        900.0,
        60.5,
    )
    then = {m: listed(api, path, as_of=T0 + minutes(m)) for m in (0.5, 1, 23, 30, 50)}
    assert {m: [(t["kind"], t["distance_m"]) for t in f] for m, f in then.items()} == {
        0.5: [],
        1: [("trip", None)],
        23: [("trip", None)],
        30: [("trip", 7.5), ("stop", None)],
        50: [("trip", 8.0), ("stop", None)],
    }
    assert [t["kind"] for t in listed(api, path, kind="stop")] == ["stop"]
    assert listed(api, path, kind="unknown") == listed(api, "/vehicles/truck-02/trips") == []
    assert [t["kind"] for t in listed(api, path, **{"from": T0 + minutes(20.1)})] == ["stop"]
    assert [h["distance_m"] for h in listed(api, f"/facts/trip/{first}/history")] == [None, 7.5, 8.0]
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["Trip"]["properties"]) == set(stop)


def test_a_trip_comes_with_its_way_as_geojson_and_as_gpx(world: World, api: httpx.Client) -> None:
    key = say(world, "trip", (24, trip(world, "trip", 0, 2)))
    gone = say(world, "trip", (24, trip(world, "trip", 5, 6, retracted=True)))
    world.partitions()
    for n, flags in enumerate((0, 0, int(Flag.TELEPORT), 0, 0)):
        world.position("gps-01", T0 + minutes(n), 60 + n * n / 100, 25.0, flags)
    path = f"/api/v1/vehicles/truck-01/trips/{key}"
    plain = api.get(path)
    assert (plain.json()["id"], plain.json()["distance_m"]) == (str(key), 7.5)
    geo = api.get(path, headers={"Accept": "application/geo+json"})
    assert geo.headers["content-type"] == "application/geo+json"
    assert geo.json()["geometry"] == {"type": "LineString", "coordinates": [[25.0, 60.0], [25.0, 60.01]]}
    assert geo.json()["properties"]["started_at"] == "2026-11-22T10:00:00.000Z"
    gpx = api.get(f"{path}.gpx")
    assert gpx.headers["content-type"] == "application/gpx+xml"
    assert gpx.content == api.get(path, headers={"Accept": "application/gpx+xml"}).content
    points = ET.fromstring(gpx.text).iter("{http://www.topografix.com/GPX/1/1}trkpt")
    assert [(float(p.attrib["lat"]), p[0].text) for p in points] == [
        (60.0, "2026-11-22T10:00:00.000Z"),
        (60.01, "2026-11-22T10:01:00.000Z"),
    ]
    for wrong in (f"truck-02/trips/{key}", f"truck-01/trips/{gone}", "truck-01/trips/x.gpx", "truck-99/trips/1"):
        assert api.get(f"/api/v1/vehicles/{wrong}").status_code == 404


def test_calls_deviations_and_excursions_have_their_shapes(world: World, api: httpx.Client) -> None:
    stop = world.one("select id from stop where name = 'S-1-2'")
    of = {"shipment_id": world.ids["S-1"], "stop_id": stop, "vehicle_id": world.ids["truck-01"]}
    say(
        world, "stop_call", (1, {**of, "arrived_at": T0}), (5, {**of, "arrived_at": T0, "departed_at": T0 + minutes(4)})
    )
    late = {**of, "kind": "late_departure", "started_at": T0, "ended_at": T0 + minutes(4)}
    say(world, "deviation", (5, late))
    (call,) = listed(api, "/shipments/S-1/calls")
    assert (call["stop_id"], call["seq"], call["vehicle"], call["departed_at"]) == (
        "S-1-2",
        2,
        "truck-01",
        "2026-11-22T10:04:00.000Z",
    )
    assert [c["departed_at"] for c in listed(api, "/shipments/S-1/calls", as_of=T0 + minutes(2))] == [None]
    (deviation,) = listed(api, "/shipments/S-1/deviations")
    assert (deviation["kind"], deviation["stop_id"], deviation["ended_at"]) == (
        "late_departure",
        "S-1-2",
        "2026-11-22T10:04:00.000Z",
    )
    world.excursion("reefer-01", "rear", T0, None, 9.5)
    (excursion,) = listed(api, "/devices/reefer-01/excursions")
    assert (excursion["probe"], excursion["kind"], excursion["extreme_c"], excursion["ended_at"]) == (
        "rear",
        "above",
        9.5,
        None,
    )
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    for name, fact in (("Call", call), ("Deviation", deviation), ("ExcursionFact", excursion)):
        assert set(schemas[name]["properties"]) == set(fact)


UNANSWERABLE = {
    "/vehicles/truck-99/visits": 404,
    "/shipments/S-99/calls": 404,
    "/devices/none/excursions": 404,
    "/vehicles/truck-01/visits?as_of=yesterday": 422,
    "/vehicles/truck-01/visits?as_of=2026-11-22T10:00:00": 422,
    "/vehicles/truck-01/visits?from=2026-11-22T10:00:00Z&to=2026-11-21T10:00:00Z": 422,
    "/vehicles/truck-01/visits?cursor=WyJub3ciLCAxXQ": 422,
    "/vehicles/truck-01/visits?limit=0": 422,
    "/vehicles/truck-01/trips?kind=detour": 422,
    "/facts/thought/1/history": 422,
    "/facts/visit/1/history": 404,
    "/facts/visit/x/history": 404,
    "/facts/visit/99999999999999999999/history": 404,
}


def test_what_cannot_be_answered_is_a_problem(api: httpx.Client) -> None:
    answers = {path: api.get(f"/api/v1{path}") for path in UNANSWERABLE}
    assert {path: answer.status_code for path, answer in answers.items()} == UNANSWERABLE
    assert {a.headers["content-type"] for a in answers.values()} == {"application/problem+json"}


def test_another_tenants_facts_are_not_there(world: World, api: httpx.Client, database: str) -> None:
    other = World(database, "other")
    other.furnish()
    key = say(other, "visit", (0, visit(other, 0)))
    other.close()
    assert listed(api, "/vehicles/truck-01/visits") == []
    assert api.get(f"/api/v1/facts/visit/{key}/history").status_code == 404


def test_news_of_facts_reach_the_live_feed_and_are_no_state(world: World, url: str) -> None:
    async def work() -> None:
        async with feed(url, world.token("viewer"), topics=["facts", "vehicles"]) as live:
            snapshot = await live.next()
            assert snapshot["facts"] == []
            data = {"kind": "visit", "id": "7", "revision": 2, "retracted": True}
            with world.connection.transaction():
                world.tell(facts=[{"id": "visit/7", "op": "tell", "data": data}])
            live.state["facts"] = {}
            delta = await live.next()
            assert delta["changes"] == [{"topic": "facts", "id": "visit/7", "op": "tell", "data": data}]
            assert live.state["facts"] == {}

    asyncio.run(work())
