"""The class of a vehicle by REST and by command: told, changed, taken back; what its trips speak for is suggested."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from frostway.cli import app
from tests.integration.api.seed import World, client, rows, serving

BASE = "/api/v1"
CLASSED = "select v.name from reassigned r join vehicle v on v.id = r.vehicle_id"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token()) as api:
        yield api


def test_the_class_is_null_until_it_is_told_and_what_is_told_is_shown_and_derived_again(
    api: httpx.Client, database: str
) -> None:
    assert api.get(f"{BASE}/vehicles/truck-01").json()["class"] is None
    assert rows(database, CLASSED) == []
    changed = api.patch(f"{BASE}/vehicles/truck-01", json={"class": "courier"})
    assert (changed.status_code, changed.json()["id"]) == (200, "truck-01")
    assert api.get(f"{BASE}/vehicles/truck-01").json()["class"] == "courier"
    assert {v["id"]: v["class"] for v in api.get(f"{BASE}/vehicles").json()["items"]}["truck-01"] == "courier"
    assert rows(database, CLASSED) == [("truck-01",)]
    audit = "select action, subject, detail ->> 'class' from audit where action = 'vehicle.class'"
    assert rows(database, audit) == [("vehicle.class", "truck-01", "courier")]
    assert api.patch(f"{BASE}/vehicles/truck-01", json={"class": None}).status_code == 200
    assert api.get(f"{BASE}/vehicles/truck-01").json()["class"] is None


def test_a_vehicle_is_made_and_changed_by_post_and_keeps_what_is_not_named(api: httpx.Client, database: str) -> None:
    made = api.post(f"{BASE}/vehicles", json={"id": "van-7", "label": "Van 7", "class": "van"})
    assert (made.status_code, made.json()["label"], made.json()["class"]) == (201, "Van 7", "van")
    assert rows(database, CLASSED) == [("van-7",)]
    again = api.post(f"{BASE}/vehicles", json={"id": "van-7", "label": "Seven"})
    assert (again.status_code, again.json()["label"], again.json()["class"]) == (200, "Seven", "van")
    assert api.post(f"{BASE}/vehicles", json={"id": "van-7", "class": None}).json()["class"] is None
    assert api.get(f"{BASE}/vehicles/van-7").json()["label"] == "Seven"
    assert api.patch(f"{BASE}/vehicles/van-7", json={"retired": True}).status_code == 200
    for refused in (
        api.post(f"{BASE}/vehicles", json={"id": "van-7", "class": "bus"}),
        api.patch(f"{BASE}/vehicles/van-7", json={"class": "bus"}),
    ):
        assert (refused.status_code, "restore it first" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize("body", [{"class": "lorry"}, {"class": ""}, {}, {"class": "bus", "retired": False}])
def test_what_is_no_class_or_says_two_things_is_refused(api: httpx.Client, database: str, body: dict) -> None:
    assert api.patch(f"{BASE}/vehicles/truck-01", json=body).status_code == 422
    assert api.patch(f"{BASE}/vehicles/nobody", json={"class": "bus"}).status_code == 404
    assert rows(database, "select count(*) from vehicle where class is not null") == [(0,)]
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(database) as c:
        c.execute("update vehicle set class = 'lorry'")


def test_a_dry_run_changes_nothing_and_a_viewer_may_not(api: httpx.Client, world: World, database: str) -> None:
    assert api.patch(f"{BASE}/vehicles/truck-01?dry_run=true", json={"class": "bus"}).status_code == 200
    with serving(database) as url, client(url, world.token("viewer")) as viewer:
        assert viewer.patch(f"{BASE}/vehicles/truck-01", json={"class": "bus"}).status_code == 403
        assert viewer.post(f"{BASE}/vehicles", json={"id": "mine"}).status_code == 403
        assert viewer.get(f"{BASE}/vehicles/truck-01/class").json()["class"] is None
    assert rows(database, "select count(*) from vehicle where class is not null") == [(0,)]


def test_what_the_trips_speak_for_is_suggested_and_decides_nothing(
    api: httpx.Client, world: World, database: str
) -> None:
    assert api.get(f"{BASE}/vehicles/nobody/class").status_code == 404
    few = api.get(f"{BASE}/vehicles/truck-01/class").json()
    assert (few["class"], few["suggested"]) == (None, None)
    world.move("truck-01", 60.0, 24.0)
    with psycopg.connect(database) as c:
        c.execute(
            """insert into trip (tenant_id, vehicle_id, kind, started_at, ended_at, start_lat, start_lon, distance_m,
                   moving_s, unknown_s, decided_at, rule_version)
               select s.tenant_id, s.vehicle_id, 'trip', s.time - n * interval '10 minutes',
                      s.time - n * interval '10 minutes' + interval '5 minutes', 60, 25, 1000, 200, 0, s.time, 2
               from vehicle_state s, generate_series(1, 40) n where s.vehicle_id = %s""",
            (world.ids["truck-01"],),
        )
    found = api.get(f"{BASE}/vehicles/truck-01/class").json()
    assert (found["class"], found["suggested"]) == (None, "courier")
    assert (found["trips"] - few["trips"], found["standing_s"] - few["standing_s"]) == (40, 40 * 100)
    assert rows(database, CLASSED) == []


def test_the_command_tells_it_and_takes_it_back(world: World, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    run = CliRunner().invoke
    said = run(app, ["vehicle", "change", "truck-01", "--class", "courier"])
    assert (said.exit_code, "of class courier" in said.output) == (0, True)
    assert "courier" in run(app, ["vehicle", "list"]).output
    assert run(app, ["vehicle", "change", "truck-01", "--class", "lorry"]).exit_code == 2
    assert run(app, ["vehicle", "change", "nobody", "--class", "bus"]).exit_code == 1
    assert run(app, ["vehicle", "change", "truck-01", "--class", "none"]).exit_code == 0
    assert rows(database, "select class from vehicle where name = 'truck-01'") == [(None,)]
