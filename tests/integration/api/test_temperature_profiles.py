"""Limits are there from the first device on, the same by command and by REST; one's own are made, none is changed."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from typer.testing import CliRunner

from frostway.cli import app
from tests.integration.api.seed import World, client, rows, serving

BASE = "/api/v1"
OWN = {"id": "salad", "low_c": 1.0, "high_c": 5.0, "for_s": 900.0, "hysteresis_c": 0.3, "max_interval_s": 900.0}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database, mqtt_hash=lambda password: f"hash of {password}") as url, client(url, world.token()) as api:
        yield api


@pytest.mark.parametrize(
    ("kind", "named", "has"),
    [
        ("thermometer", {}, "chilled"),
        ("reefer", {}, "chilled"),
        ("reefer", {"profile": "none"}, None),
        ("thermometer", {"profile": "frozen"}, "frozen"),
        ("tracker", {}, None),
        ("tracker", {"profile": "ambient"}, "ambient"),
    ],
)
def test_a_new_device_has_the_limits_of_its_kind_unless_told(
    api: httpx.Client, database: str, kind: str, named: dict[str, str], has: str | None
) -> None:
    made = api.post(f"{BASE}/devices", json={"id": "d-1", "kind": kind, "vehicle": "truck-1", **named})
    assert (made.status_code, made.json()["profile"]) == (201, has)
    assert [p["id"] for p in api.get(f"{BASE}/profiles").json()["items"]] == ([has] if has else [])
    limits = {"chilled": (2.0, 8.0, 600.0), "frozen": (-25.0, -15.0, 1800.0), "ambient": (15.0, 25.0, 3600.0)}
    assert rows(database, "select low_c, high_c, for_s from profile") == ([limits[has]] if has else [])


def test_a_profile_of_ones_own_is_made_once_and_given(api: httpx.Client, world: World, database: str) -> None:
    assert api.post(f"{BASE}/profiles", json=OWN).json() == {**OWN, "retired_at": None, "devices": 0, "shipments": 0}
    again = api.post(f"{BASE}/profiles", json={**OWN, "high_c": 9})
    assert (again.status_code, "is there already" in again.json()["detail"]) == (409, True)
    assert rows(database, "select high_c, version from profile") == [(5.0, 1)]
    assert api.post(f"{BASE}/devices", json={"id": "t-1", "kind": "thermometer", "profile": "salad"}).status_code == 201
    assert api.post(f"{BASE}/devices/t-1/change", json={"profile": "frozen"}).json()["profile"] == "frozen"
    assert api.post(f"{BASE}/devices/t-1/change", json={"profile": "none"}).json()["profile"] is None
    assert api.post(f"{BASE}/devices/t-1/change", json={"profile": "salad"}).json()["profile"] == "salad"
    unknown = api.post(f"{BASE}/devices", json={"id": "t-2", "kind": "thermometer", "profile": "sallad"})
    assert "one of chilled, frozen, ambient, or your own by POST /profiles" in unknown.json()["detail"]
    made = "select action, subject, detail ->> 'high_c' from audit where action = 'profile.create'"
    assert rows(database, made) == [("profile.create", "salad", "5.0")]


def test_a_profile_tells_how_many_have_it_now_and_which_devices(api: httpx.Client, world: World) -> None:
    world.furnish(2)
    other = World(world.connection.info.dsn, "other")
    other.furnish(3)
    assert api.post(f"{BASE}/profiles", json=OWN).status_code == 201

    def told() -> dict[str, tuple[int, int]]:
        items = api.get(f"{BASE}/profiles").json()["items"]
        return {each["id"]: (each["devices"], each["shipments"]) for each in items}

    assert told() == {"chilled": (2, 1), "salad": (0, 0)}
    before = api.get(f"{BASE}/profiles/salad")
    assert api.post(f"{BASE}/devices/reefer-02/change", json={"profile": "salad"}).status_code == 200
    assert api.delete(f"{BASE}/shipments/S-1").status_code == 200
    assert told() == {"chilled": (1, 0), "salad": (1, 0)}
    assert api.get(f"{BASE}/profiles/salad").headers["etag"] == before.headers["etag"]
    listed = api.get(f"{BASE}/devices", params={"profile": "salad"}).json()["items"]
    assert [each["id"] for each in listed] == ["reefer-02"]
    assert api.get(f"{BASE}/devices", params={"profile": "nosuch"}).json()["items"] == []
    assert api.post(f"{BASE}/devices/reefer-02/revoke").status_code == 200
    assert told()["salad"] == (0, 0)
    other.close()


def test_another_tenants_profiles_are_not_seen_and_a_viewer_makes_none(
    api: httpx.Client, world: World, database: str
) -> None:
    other = World(database, "other")
    assert api.post(f"{BASE}/profiles", json=OWN).status_code == 201
    with serving(database, mqtt_hash=str.upper) as url:
        with client(url, other.token()) as theirs:
            assert theirs.get(f"{BASE}/profiles").json()["items"] == []
            assert (
                theirs.post(f"{BASE}/devices", json={"id": "x", "kind": "door", "profile": "salad"}).status_code == 422
            )
            assert theirs.post(f"{BASE}/profiles", json=OWN).status_code == 201
        with client(url, world.token("viewer")) as viewer:
            assert viewer.post(f"{BASE}/profiles", json={**OWN, "id": "mine"}).status_code == 403
            assert [p["id"] for p in viewer.get(f"{BASE}/profiles").json()["items"]] == ["salad"]
    other.close()


def test_the_command_makes_the_same_and_refuses_the_same(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    run = CliRunner().invoke
    made = run(app, ["profile", "add", "salad", "--low-c", "1", "--high-c", "5", "--for-s", "900"])
    assert (made.exit_code, "device change ID --profile salad" in made.output) == (0, True)
    assert rows(database, "select name, low_c, high_c, for_s from profile") == [("salad", 1.0, 5.0, 900.0)]
    for words, why in (
        (["salad", "--high-c", "9"], "is there already, nothing was changed"),
        (["none", "--high-c", "9"], "a name is a-z"),
        (["Sal at", "--high-c", "9"], "a name is a-z"),
        (["cold"], "at least one of them"),
        (["cold", "--low-c", "9", "--high-c", "2"], "low_c: not below high_c"),
        (["cold", "--high-c", "nan"], "between -273.15 and 1000"),
    ):
        refused = run(app, ["profile", "add", *words])
        assert refused.exit_code != 0
        assert why in f"{refused.output}{refused.exception}"
    renamed = run(app, ["profile", "rename", "salad", "none"])
    assert (renamed.exit_code, "and not 'none'" in f"{renamed.output}{renamed.exception}") == (1, True)
    assert rows(database, "select name from profile") == [("salad",)]
