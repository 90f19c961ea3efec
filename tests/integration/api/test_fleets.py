"""What vehicles are, by REST: told, filtered by, counted by; their fleets and drivers by interval of event time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from firmware_sim.world import build
from frostway.cli import app
from frostway.demo import register
from store.registry import Registry
from tests.integration.api.seed import T0, World, client, minutes, rows, serving

BASE = "/api/v1"
VAN: dict[str, Any] = {
    "id": "truck-01",
    "fleet": "North",
    "model": "Sprinter 317",
    "load_capacity_kg": 1250.0,
    "volume_capacity_m3": 14.5,
    "pallet_capacity": 6,
    "fuel_type": "diesel",
    "nominal_fuel_lph": 6.5,
    "tags": ["cold", "tail lift"],
}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(3)
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token()) as api:
        yield api


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def z(hours: float) -> str:
    return (T0 + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def told(answer: httpx.Response) -> list[tuple[Any, ...]]:
    assert answer.status_code < 300, answer.text
    return [(i.get("driver", i.get("fleet")), i["from"], i["to"]) for i in answer.json()["items"]]


def add_drivers(api: httpx.Client) -> None:
    for name, label in (("ann", "Ann V."), ("bo", "Bo L.")):
        assert api.post(f"{BASE}/drivers", json={"id": name, "label": label}).status_code == 201


def test_what_a_vehicle_is_told_to_be_is_shown_stays_and_is_taken_away(api: httpx.Client, database: str) -> None:
    before = api.get(f"{BASE}/vehicles/truck-01").json()
    assert {k: before[k] for k in VAN if k not in ("id", "tags")} == dict.fromkeys(VAN.keys() - {"id", "tags"})
    assert (before["tags"], before["driver"]) == ([], None)
    assert api.post(f"{BASE}/vehicles", json=VAN).status_code == 200
    assert api.post(f"{BASE}/vehicles", json={"id": "truck-01", "model": None, "tags": None}).status_code == 200
    found = api.get(f"{BASE}/vehicles").json()["items"][0]
    assert {k: found[k] for k in VAN} == {**VAN, "model": None, "tags": []}
    details = [d for (d,) in rows(database, "select detail from audit where action = 'vehicle.change' order by id")]
    assert details[0]["fleet"] == "North"
    assert details[1] == {"id": "truck-01", "model": None, "tags": None}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"fleet": ""}, "fleet"),
        ({"model": "x" * 101}, "model"),
        ({"load_capacity_kg": 0}, "load_capacity_kg"),
        ({"volume_capacity_m3": -1}, "volume_capacity_m3"),
        ({"pallet_capacity": 0}, "pallet_capacity"),
        ({"fuel_type": "coal"}, "fuel_type"),
        ({"nominal_fuel_lph": 1001}, "nominal_fuel_lph"),
        ({"tags": ["a", "a"]}, "tags"),
        ({"tags": ["a\u0007"]}, "tags.0"),
        ({"tags": [str(n) for n in range(21)]}, "tags"),
        ({"driver": "ann"}, "driver"),
    ],
)
def test_what_no_vehicle_can_be_is_refused_by_name(api: httpx.Client, said: dict[str, Any], field: str) -> None:
    refused = api.post(f"{BASE}/vehicles", json={"id": "truck-01", **said})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.json()["errors"][0]["field"] == field


def test_who_drove_is_told_late_corrected_ended_and_taken_back(api: httpx.Client, database: str) -> None:
    add_drivers(api)
    path = f"{BASE}/vehicles/truck-01/drivers"
    assert told(api.post(path, json={"driver": "ann", "since_ever": True})) == [("ann", None, None)]
    late = api.post(path, json={"driver": "bo", "from": z(1), "to": z(3)})
    assert told(late) == [("ann", z(3), None), ("bo", z(1), z(3)), ("ann", None, z(1))]
    assert api.get(f"{BASE}/vehicles/truck-01").json()["driver"] == {"id": "ann", "label": "Ann V.", "since": z(3)}
    ended = api.post(path, json={"driver": None, "from": z(4)})
    assert told(ended)[0] == ("ann", z(3), z(4))
    assert api.get(f"{BASE}/vehicles/truck-01").json()["driver"] is None
    wrong = next(i["id"] for i in ended.json()["items"] if i["driver"] == "bo")
    assert told(api.delete(f"{path}/{wrong}")) == [("ann", z(3), z(4)), ("ann", None, z(1))]
    assert told(api.get(path)) == [("ann", z(3), z(4)), ("ann", None, z(1))]
    audits = rows(database, "select action, actor from audit where subject = 'truck-01' order by id")
    assert audits == [("vehicle.hand_over", "admin-token")] * 4


def test_what_cannot_be_of_a_driver_is_refused(api: httpx.Client) -> None:
    add_drivers(api)
    path = f"{BASE}/vehicles/truck-01/drivers"
    for said, word in (
        ({"driver": "cy"}, "there is no cy"),
        ({"driver": "ann", "from": "2999-01-01T00:00:00Z"}, "from: in the future"),
        ({"driver": "ann", "from": z(2), "to": z(1)}, "not after from"),
        ({"driver": "ann", "from": z(2), "since_ever": True}, "not both"),
        ({}, "driver"),
    ):
        refused = api.post(path, json=said)
        assert refused.status_code == 422
        assert word in refused.json()["detail"]
    assert api.post(f"{BASE}/vehicles/nobody/drivers", json={"driver": "ann"}).status_code == 404
    assert api.delete(f"{path}/1").status_code == 404
    assert api.patch(f"{BASE}/drivers/bo", json={"retired": True}).status_code == 200
    refused = api.post(path, json={"driver": "bo"})
    assert (refused.status_code, refused.json()["detail"][:20]) == (409, "driver bo is retired")
    assert api.post(path, json={"driver": "bo", "from": z(0), "to": z(1)}).status_code == 201
    assert api.delete(f"{BASE}/drivers/bo").status_code == 409
    assert names(api.get(f"{BASE}/drivers")) == ["ann"]
    assert names(api.get(f"{BASE}/drivers", params={"retired": True})) == ["ann", "bo"]


def test_another_fleet_is_from_now_on_and_its_past_can_be_corrected(api: httpx.Client) -> None:
    path = f"{BASE}/vehicles/truck-01/fleets"
    for fleet in ("North", "South"):
        api.post(f"{BASE}/vehicles", json={"id": "truck-01", "fleet": fleet})
    (south, north) = told(api.get(path))
    assert (south[0], south[2], north[:2]) == ("South", None, ("North", None))
    assert south[1] == north[2]
    assert told(api.post(path, json={"fleet": "East", "since_ever": True})) == [("East", None, None)]
    assert api.get(f"{BASE}/vehicles/truck-01").json()["fleet"] == "East"


def test_lists_are_of_the_vehicles_that_are_what_is_asked_for(world: World, api: httpx.Client) -> None:
    add_drivers(api)
    api.post(f"{BASE}/vehicles", json=VAN)
    api.post(f"{BASE}/vehicles", json={"id": "truck-02", "fleet": "South", "fuel_type": "electric", "tags": ["cold"]})
    api.post(f"{BASE}/vehicles/truck-02/drivers", json={"driver": "ann", "from": z(0)})
    path = f"{BASE}/vehicles"
    for asked, found in (
        ({"fleet": "North"}, ["truck-01"]),
        ({"fleet": ["North", "South"]}, ["truck-01", "truck-02"]),
        ({"tag": "cold"}, ["truck-01", "truck-02"]),
        ({"tag": ["cold", "tail lift"]}, ["truck-01"]),
        ({"driver": "ann"}, ["truck-02"]),
        ({"model": "Sprinter 317", "fuel_type": "electric"}, []),
        ({"fuel_type": ["electric", "lng"]}, ["truck-02"]),
    ):
        assert names(api.get(path, params=asked)) == found, asked
    first = api.get(path, params={"tag": "cold", "limit": 1})
    assert names(api.get(first.links["next"]["url"])) == ["truck-02"]
    assert api.get(path, params={"fuel_type": "coal"}).status_code == 422
    assert api.get(path, params={"fleet": [str(n) for n in range(51)]}).status_code == 422
    world.open_alert("reefer-02", "rear")
    assert len(names(api.get(f"{BASE}/alerts", params={"fleet": "South"}))) == 1
    assert names(api.get(f"{BASE}/alerts", params={"fleet": "North"})) == []
    assert names(api.get(f"{BASE}/shipments", params={"fleet": "North"})) == ["S-1"]
    assert names(api.get(f"{BASE}/shipments", params={"driver": "ann"})) == []


def test_trips_are_those_that_a_driver_drove_not_those_of_his_vehicle_of_now(world: World, api: httpx.Client) -> None:
    add_drivers(api)
    for n in range(4):
        world.run(
            "insert into trip (tenant_id, vehicle_id, kind, started_at, ended_at, start_lat, start_lon, decided_at, "
            "rule_version) values (%s, %s, 'trip', %s, %s, 1, 1, now(), 1)",
            world.tenant_id, world.ids["truck-01"], T0 + minutes(60 * n), T0 + minutes(60 * n + 30),
        )  # fmt: skip
    api.post(f"{BASE}/vehicles/truck-01/drivers", json={"driver": "ann", "from": z(0), "to": z(2)})
    api.post(f"{BASE}/vehicles/truck-01/drivers", json={"driver": "bo", "from": z(2)})
    path = f"{BASE}/vehicles/truck-01/trips"
    for driver, hours in (("ann", (0, 1)), ("bo", (2, 3))):
        found = api.get(path, params={"driver": driver}).json()["items"]
        assert [t["started_at"] for t in found] == [z(h) for h in hours]
    assert len(names(api.get(path, params={"driver": ["ann", "bo"]}))) == 4
    assert names(api.get(path, params={"fleet": "North"})) == []


def test_groups_count_each_vehicle_in_its_most_urgent_state(world: World, api: httpx.Client) -> None:
    api.post(f"{BASE}/vehicles", json=VAN)
    api.post(f"{BASE}/vehicles", json={"id": "truck-02", "fleet": "North", "tags": ["cold"]})
    for n, status in ((1, "moving"), (2, "stopped")):
        world.move(f"truck-{n:02d}", 60.0, 24.0)
        world.run(
            "update vehicle_state set time = now(), status = %s where vehicle_id = %s",
            status,
            world.ids[f"truck-{n:02d}"],
        )
    world.open_alert("reefer-02", "rear")

    def groups(**asked: Any) -> dict[str | None, tuple[int, ...]]:
        body = api.get(f"{BASE}/vehicle-groups", params=asked).json()
        states = ("vehicles", "moving", "stopped", "stale", "alarm")
        return {g["key"]: tuple(g[s] for s in states) for g in body["groups"]}

    assert groups(by="fleet") == {"North": (2, 1, 0, 0, 1), None: (1, 0, 0, 1, 0)}
    assert groups(by="tag") == {"cold": (2, 1, 0, 0, 1), "tail lift": (1, 1, 0, 0, 0), None: (1, 0, 0, 1, 0)}
    assert groups(by="model", tag="tail lift") == {"Sprinter 317": (1, 1, 0, 0, 0)}
    assert groups(by="driver") == {None: (3, 1, 0, 1, 1)}
    assert api.get(f"{BASE}/vehicle-groups", params={"by": "colour"}).status_code == 422


def test_the_feed_is_told_of_a_vehicle_whole(api: httpx.Client, database: str) -> None:
    add_drivers(api)
    api.post(f"{BASE}/vehicles", json=VAN)
    api.post(f"{BASE}/vehicles/truck-01/drivers", json={"driver": "ann", "from": z(0)})
    api.post(f"{BASE}/drivers", json={"id": "ann", "label": "Ann Virtanen"})
    bodies = [orjson.loads(bytes(b)) for (b,) in rows(database, "select body from change order by seq")]
    (change,) = bodies[-1]["vehicles"]
    assert change["op"] == "put"
    assert change["data"] == api.get(f"{BASE}/vehicles/truck-01").json()
    assert change["data"]["driver"] == {"id": "ann", "label": "Ann Virtanen", "since": z(0)}


def test_tenants_have_drivers_and_fleets_of_their_own(world: World, api: httpx.Client, database: str) -> None:
    add_drivers(api)
    api.post(f"{BASE}/vehicles", json=VAN)
    other = World(database, "other", " of other")
    other.furnish()
    with serving(database) as url, client(url, other.token()) as theirs:
        assert names(theirs.get(f"{BASE}/drivers")) == []
        assert names(theirs.get(f"{BASE}/vehicles", params={"fleet": "North"})) == []
        assert theirs.post(f"{BASE}/vehicles/truck-01/drivers", json={"driver": "ann"}).status_code == 422
        groups = theirs.get(f"{BASE}/vehicle-groups", params={"by": "fleet"}).json()["groups"]
        assert [(g["key"], g["vehicles"]) for g in groups] == [(None, 1)]
    other.close()


def test_dispatchers_say_who_drives_and_admins_of_which_fleet_a_vehicle_is(
    world: World, api: httpx.Client, database: str
) -> None:
    add_drivers(api)
    asked = (
        ("drivers", {"id": "cy"}),
        ("vehicles/truck-01/drivers", {"driver": "ann"}),
        ("vehicles/truck-01/fleets", {"fleet": "North"}),
    )
    with serving(database) as url:
        for role, allowed in (("viewer", [403, 403, 403]), ("dispatcher", [201, 201, 403])):
            with client(url, world.token(role)) as person:
                assert [person.post(f"{BASE}/{path}", json=body).status_code for path, body in asked] == allowed
                assert names(person.get(f"{BASE}/drivers"))[:2] == ["ann", "bo"]


def frostway(database: str, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words), env={"FROSTWAY_DATABASE_URL": database})
    return done.exit_code, done.output


def test_by_command_a_vehicle_is_told_and_handed_over(world: World, api: httpx.Client, database: str) -> None:
    told = ("--fleet", "North", "--load-capacity-kg", "1250", "--fuel-type", "diesel", "--tag", "cold", "--tag", "city")
    assert frostway(database, "vehicle", "change", "truck-01", *told)[0] == 0
    assert frostway(database, "vehicle", "change", "truck-01", "--clear", "fuel-type", "--class", "van")[0] == 0
    assert frostway(database, "driver", "add", "ann", "--label", "Ann V.")[0] == 0
    assert frostway(database, "vehicle", "drive", "truck-01", "ann", "--from", "ever")[0] == 0
    assert frostway(database, "vehicle", "drive", "truck-01", "--nobody", "--from", z(0), "--to", z(1))[0] == 0
    found = api.get(f"{BASE}/vehicles/truck-01").json()
    shown = {k: found[k] for k in ("fleet", "load_capacity_kg", "fuel_type", "tags", "class")}
    assert shown == {
        "fleet": "North",
        "load_capacity_kg": 1250,
        "fuel_type": None,
        "tags": ["cold", "city"],
        "class": "van",
    }
    assert told_of(api) == [("ann", z(1), None), ("ann", None, z(0))]
    code, listed = frostway(database, "vehicle", "drivers", "truck-01")
    assert (code, listed.count("Ann V.")) == (0, 2)
    for words in (
        ("change", "truck-01"),
        ("change", "truck-01", "--fuel-type", "coal"),
        ("change", "truck-01", "--clear", "label"),
        ("change", "nobody", "--fleet", "North"),
        ("drive", "truck-01"),
        ("drive", "truck-01", "cy"),
        ("drive", "truck-01", "ann", "--from", "2999-01-01T00:00:00Z"),
        ("drive", "truck-01", "ann", "--from", z(2), "--to", z(1)),
        ("drivers", "nobody"),
    ):
        assert frostway(database, "vehicle", *words)[0] == 1, words


def told_of(api: httpx.Client) -> list[tuple[Any, ...]]:
    return told(api.get(f"{BASE}/vehicles/truck-01/drivers"))


def test_the_demo_has_fleets_and_drivers_and_keeps_what_people_say_of_them(database: str) -> None:
    demo = World(database, "main")
    world = build("demo", 7)
    passwords = {f"{world.tenant}/{d.id}": "x" for d in world.devices}
    with serving(database) as url, client(url, demo.token()) as api:
        register(Registry(demo.connection, world.tenant), world, passwords, T0)
        found = api.get(f"{BASE}/vehicles").json()["items"]
        assert all(v["fleet"] and v["model"] and v["driver"] and v["tags"] and v["load_capacity_kg"] for v in found)
        assert {v["fuel_type"] for v in found} == {"diesel", "electric", "lng", "hvo"}
        api.post(f"{BASE}/vehicles", json={"id": "truck-01", "fleet": "Mine"})
        register(Registry(demo.connection, world.tenant), world, passwords, T0)
        assert api.get(f"{BASE}/vehicles/truck-01").json()["fleet"] == "Mine"
    demo.close()
