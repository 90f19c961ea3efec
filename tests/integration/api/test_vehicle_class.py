"""The class of a vehicle by REST and by command: told, changed, taken back; what its trips speak for is suggested."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from domain.readings import Flag
from frostway.cli import app
from tests.integration.api.seed import T0, World, client, rows, serving

BASE = "/api/v1"
CLASSED = "select v.name from reassigned r join vehicle v on v.id = r.vehicle_id"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.partitions()
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


def test_what_the_fixes_speak_for_is_suggested_and_decides_nothing(
    api: httpx.Client, world: World, database: str
) -> None:
    assert api.get(f"{BASE}/vehicles/nobody/class").status_code == 404
    few = api.get(f"{BASE}/vehicles/truck-01/class").json()
    assert (few["class"], few["suggested"], few["halts"], few["halt_s"]) == (None, None, 0, None)
    t = np.arange(0, 4 * 3600, 5)  # a minute's drive, and seventy seconds at the door
    north_m = np.interp(t, *np.array([(130.0 * n + d, 500.0 * (n + d / 60)) for n in range(111) for d in (0, 60)]).T)
    fixes = [
        (T0 + timedelta(seconds=int(s)), 60 + m / 111_195) for s, m in zip(t.tolist(), north_m.tolist(), strict=True)
    ]
    glitch = (T0 + timedelta(seconds=7_001), 61.0, int(Flag.TELEPORT))
    for at, lat, flags in [*((at, lat, 0) for at, lat in fixes), glitch]:
        world.position("gps-01", at, lat, 24.0, flags)
    world.move("truck-01", fixes[-1][1], 24.0, fixes[-1][0])
    found = api.get(f"{BASE}/vehicles/truck-01/class").json()
    assert (found["class"], found["suggested"]) == (None, "courier")
    assert (found["distance_m"], found["halts"], found["halt_s"]) == (pytest.approx(55_500, rel=0.02), 111, 70.0)
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
