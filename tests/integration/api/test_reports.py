"""Named reports by REST: what the readings say, of one's own vehicles, in a time zone, by fleet and model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.integration.api.seed import T0, World, client, minutes, serving

BASE = "/api/v1/reports"
SPAN = {"from": T0.isoformat(), "to": (T0 + timedelta(hours=4)).isoformat()}
NAMES = ("fuel_ratio", "load_kg", "fuel_lph", "running")


@pytest.fixture
def world(any_database: str) -> Iterator[World]:
    """Truck 1 drives three hours and breaks down in the fourth, truck 2 stands; another tenant's truck drives too."""
    other = World(any_database, "other", " of others")
    world = World(any_database)
    for each in (world, other):
        each.furnish(2)
        each.run("update vehicle set model = 'heavy', load_capacity_kg = 1000, nominal_fuel_lph = 10, tags = '{cold}'")
        each.run(
            "insert into vehicle_fleet (tenant_id, vehicle_id, fleet, valid_from, recorded_by) "
            "select tenant_id, id, 'north', '-infinity', 'test' from vehicle "
            "where name = 'truck-01' and tenant_id = %s",
            each.tenant_id,
        )
    world.partitions()
    for each in (world, other):
        for slot, name in enumerate(NAMES):
            each.run(
                "insert into value_place (device_id, page, slot, name_id) values (%s, %s, %s, %s)",
                each.ids["gps-01"], each.ids["gps-01"], slot, each.label("attr", each.ids["gps-01"], name),
            )  # fmt: skip
        for k in range(48):
            at, drives = T0 + minutes(5 * k), k < 36
            each.position("gps-01", at, 60.0, 24.0, speed=12.0 if drives else 0.0)
            each.position("gps-02", at, 60.0, 24.0, speed=0.0)
            each.run(
                "insert into reading_value_set (time, received_at, device_id, boot_id, seq, flags, page, "
                "v0, v1, v2, v3) values (%s, %s, %s, 0, -1, 0, %s, 0.05, 950, 12, %s)",
                at, at, each.ids["gps-01"], each.ids["gps-01"], float(drives),
            )  # fmt: skip
    yield world
    other.close()
    world.close()


@pytest.fixture
def api(world: World, any_database: str) -> Iterator[httpx.Client]:
    with serving(any_database) as url, client(url, world.token("viewer")) as api:
        yield api


def asked(api: httpx.Client, report: str, **more: Any) -> list[dict[str, Any]]:
    answer = api.get(f"{BASE}/{report}", params={**SPAN, **more})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_each_report_answers_what_the_readings_say_of_ones_own_vehicles(api: httpx.Client) -> None:
    truck = {"vehicle": "truck-01", "fleet": "north", "model": "heavy"}
    day = T0.date().isoformat()
    newest = (T0 + minutes(235)).isoformat().replace("+00:00", "Z")
    expected: dict[str, list[dict[str, Any]]] = {
        "stationary": [{"vehicle": "truck-02", "fleet": None, "model": "heavy", "speed_mps": 0.0}],
        "driving-a-day": [{**truck, "days": 1, "driving_h": 3.0}],
        "driving-without-rest": [
            {"vehicle": "truck-01", "day": day, "drives": 1, "mean_minutes": 180.0, "longest_minutes": 180}
        ],
        "load": [{"fleet": "north", "model": "heavy", "vehicles": 1, "load_ratio": 0.95}],
        "activity": [{"fleet": "north", "model": "heavy", "day": day, "vehicle_days": 0.125}],
        "breakdowns": [{"model": "heavy", "breakdowns": 1, "vehicles": 1}],
        "fuel-against-plan": [{"fleet": "north", "fuel_lph": 12.0, "nominal_fuel_lph": 10.0}],
        "low-fuel": [{**truck, "time": newest, "value": 0.05, "age_s": 300.0}],
        "high-load": [{**truck, "time": newest, "load_ratio": 0.95, "age_s": 300.0}],
        "last-position": [],
    }
    found = {name: asked(api, name) for name in expected}
    for items in found.values():
        for item in items:
            item.update({k: round(v, 9) for k, v in item.items() if isinstance(v, float)})
            if "time" in item:
                item["time"] = item["time"].replace(".000", "")
    assert found == expected


def test_limits_of_a_report_are_parameters(api: httpx.Client) -> None:
    assert [r["driving_h"] for r in asked(api, "long-day", threshold=2.5)] == [3.0]
    assert asked(api, "long-day") == []
    assert [r["driving_minutes"] for r in asked(api, "long-driving", threshold=60)] == [180]
    assert asked(api, "long-driving") == []
    assert asked(api, "low-fuel", threshold=0.01) == []
    assert asked(api, "load", attribute="no_such_name") == []


def test_days_are_those_of_a_time_zone_and_vehicles_are_chosen_by_what_they_are(api: httpx.Client) -> None:
    begins = (T0 + timedelta(hours=2)).date().isoformat()
    assert [r["day"] for r in asked(api, "driving-without-rest", zone="Pacific/Auckland")] == [begins]
    assert len(asked(api, "driving-a-day", fleet="north", model="heavy", tag="cold")) == 1
    for nobody in (
        {"fleet": "south"},
        {"model": "light"},
        {"tag": ["cold", "warm"]},
        {"driver": "anna"},
        {"fuel_type": "hydrogen"},
    ):
        assert asked(api, "driving-a-day", **nobody) == []
        assert asked(api, "last-position", **nobody) == []
    assert len(asked(api, "driving-a-day", fleet=["north", "south"])) == 1


def test_a_report_comes_as_csv_and_what_cannot_be_asked_is_a_problem(api: httpx.Client) -> None:
    answer = api.get(f"{BASE}/breakdowns", params=SPAN, headers={"accept": "text/csv"})
    assert answer.text == "model,breakdowns,vehicles\r\nheavy,1,1\r\n"
    nobody = api.get(f"{BASE}/breakdowns", params={**SPAN, "model": "light"}, headers={"accept": "text/csv"})
    assert nobody.text == "model,breakdowns,vehicles\r\n"
    assert api.get(f"{BASE}/nothing").status_code == 404
    wrong: tuple[dict[str, str], ...] = (
        {"zone": "Mars/Olympus"},
        {"threshold": "nan"},
        {"from": "2026-01-01T00:00:00Z"},
    )
    for parameters in wrong:
        answer = api.get(f"{BASE}/load", params=parameters)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_every_report_that_is_listed_answers_with_what_it_takes_when_nothing_is_said(api: httpx.Client) -> None:
    listed = api.get(BASE).json()
    assert len(listed) == 12
    for report in listed:
        answer = api.get(f"{BASE}/{report['name']}")
        assert answer.status_code == 200, answer.text
