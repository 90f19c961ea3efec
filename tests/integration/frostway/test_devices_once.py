"""A device is registered once: adding it again changes nothing of it and says what there is to do in its place."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from firmware_sim.world import build
from frostway.demo import register
from store.db import connect
from store.registry import DeviceSpec, Registry, RegistryError
from tests.integration.api.seed import World, client, rows, serving
from tests.integration.frostway.commands import refused, typed

THERE = (
    "device 'gps-1' is there already, nothing was changed: `frostway device rotate gps-1` gives it a new password, "
    "with --http a new token; `device move` and `device change` do the rest"
)
REVOKED = (
    "device 'gps-1' is retired, nothing was changed: `frostway device restore gps-1` lets it in again "
    "with a new password"
)
EVERYTHING = ("device", "vehicle", "site", "zone", "profile", "assignment", "audit")


def everything(database: str) -> list[Any]:
    return [rows(database, f"select t::text from {table} t order by 1") for table in EVERYTHING]


def add(database: str, folder: Path, *words: str) -> dict[str, str]:
    status, out, err = typed(database, folder, "device", "add", *words)
    assert status == 0, err
    return dict(line.split(" ", 1) for line in out.splitlines())


def login(database: str, name: str = "gps-1") -> tuple[str, bytes, datetime | None]:
    query = "select mqtt_password_hash, http_token_sha256, revoked_at from device where name = %s"
    return rows(database, query, name)[0]  # type: ignore[return-value]


# ---------------------------------------------------------------- by command
@pytest.mark.parametrize(
    "words",
    [
        ("--kind", "tracker", "--vehicle", "truck-1", "--http"),
        ("--kind", "reefer", "--vehicle", "truck-99"),
        ("--kind", "tracker", "--site", "store-99", "--place", "60,24", "--zone", "dock"),
        ("--kind", "phone", "--foreign-id", "356307042441013", "--http"),
    ],
    ids=["the-same", "another-vehicle", "a-new-site", "a-foreign-id"],
)
def test_adding_a_device_again_changes_nothing(database: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    add(database, tmp_path, "gps-1", "--kind", "tracker", "--vehicle", "truck-1", "--http")
    before = everything(database)
    assert refused(database, tmp_path, "device", "add", "gps-1", *words) == THERE
    assert everything(database) == before


def test_a_revoked_device_is_not_let_in_by_adding_it(database: str, tmp_path: Path) -> None:
    add(database, tmp_path, "gps-1", "--kind", "tracker", "--vehicle", "truck-1")
    assert typed(database, tmp_path, "device", "revoke", "gps-1")[0] == 0
    before = everything(database)
    assert refused(database, tmp_path, "device", "add", "gps-1", "--kind", "tracker") == REVOKED
    assert everything(database) == before
    assert typed(database, tmp_path, "device", "restore", "gps-1")[0] == 0
    assert login(database)[2] is None


def test_rotate_makes_one_login_anew_and_leaves_the_other(database: str, tmp_path: Path) -> None:
    made = add(database, tmp_path, "gps-1", "--kind", "tracker", "--http")
    password, token, _ = login(database)
    status, out, err = typed(database, tmp_path, "device", "rotate", "gps-1", "--http")
    said = dict(line.split(" ", 1) for line in out.splitlines())
    assert (status, err, list(said), said["user"]) == (0, "", ["user", "http_token"], "main/gps-1")
    assert said["http_token"] != made["http_token"]
    assert (login(database)[0], login(database)[1] != token) == (password, True)
    token = login(database)[1]
    status, out, err = typed(database, tmp_path, "device", "rotate", "gps-1")
    assert (status, err, [line.split()[0] for line in out.splitlines()]) == (0, "", ["user", "password"])
    assert (login(database)[0] != password, login(database)[1]) == (True, token)
    told = rows(database, "select actor, action from audit where subject = 'gps-1' order by id")
    assert told == [("command line", f"device.{what}") for what in ("create", "rotate_token", "rotate")]


def test_a_device_without_a_token_gets_one_by_rotate_and_a_revoked_one_speaks_by_it_alone(
    database: str, tmp_path: Path
) -> None:
    add(database, tmp_path, "gps-1", "--kind", "tracker")
    assert login(database)[1] is None
    assert typed(database, tmp_path, "device", "rotate", "gps-1", "--http")[0] == 0
    assert login(database)[1] is not None
    assert typed(database, tmp_path, "device", "revoke", "gps-1")[0] == 0
    assert login(database)[:2] == (None, None)
    assert typed(database, tmp_path, "device", "rotate", "gps-1", "--http")[0] == 0
    password, token, revoked_at = login(database)
    assert (password, token is None, revoked_at) == (None, False, None)


@pytest.mark.parametrize("words", [("rotate",), ("rotate", "--http"), ("revoke",), ("change", "--kind", "phone")])
def test_what_is_not_there_is_not_changed_either(database: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    add(database, tmp_path, "gps-1", "--kind", "tracker")
    before = everything(database)
    said = refused(database, tmp_path, "device", words[0], "gps-2", *words[1:])
    assert said == "no device 'gps-2': `frostway device list` shows them"
    assert everything(database) == before


def test_what_is_known_of_a_device_is_changed_by_name_and_the_rest_stays(database: str, tmp_path: Path) -> None:
    add(database, tmp_path, "gw", "--kind", "gateway")
    add(database, tmp_path, "gps-1", "--kind", "tracker", "--vehicle", "truck-1", "--profile", "frozen", "--http")
    before = login(database)
    query = """select d.kind, v.name, p.name, d.external_id, g.name from device d
               left join vehicle v on v.id = d.vehicle_id left join profile p on p.id = d.profile_id
               left join device g on g.id = d.gateway_id where d.name = 'gps-1'"""
    steps: list[tuple[tuple[str, ...], tuple[str | None, ...]]] = [
        (("--kind", "reefer"), ("reefer", "truck-1", "frozen", None, None)),
        (("--profile", "none"), ("reefer", "truck-1", None, None, None)),
        (("--foreign-id", "AA:BB:CC:DD:EE:FF"), ("reefer", "truck-1", None, "AABBCCDDEEFF", None)),
        (("--gateway", "gw", "--profile", "chilled"), ("reefer", "truck-1", "chilled", "AABBCCDDEEFF", "gw")),
        (("--gateway", "none", "--foreign-id", "none"), ("reefer", "truck-1", "chilled", None, None)),
    ]
    for words, expected in steps:
        assert typed(database, tmp_path, "device", "change", "gps-1", *words)[0] == 0
        assert rows(database, query) == [expected], words
    assert login(database) == before
    before_refusals = everything(database)
    assert refused(database, tmp_path, "device", "change", "gps-1", "--gateway", "gw-9").startswith("no gateway 'gw-9'")
    assert refused(database, tmp_path, "device", "change", "gps-1", "--profile", "lukewarm").startswith(
        "no temperature"
    )
    assert refused(database, tmp_path, "device", "change", "gps-1", "--kind", "boat").startswith("--kind boat: one of")
    assert refused(database, tmp_path, "device", "change", "gps-1") == (
        "say what: --kind, --profile, --foreign-id or --gateway"
    )
    add(database, tmp_path, "gps-2", "--kind", "tracker", "--foreign-id", "AABBCC")
    said = refused(database, tmp_path, "device", "change", "gps-1", "--foreign-id", "aa-bb-cc")
    assert said == "foreign id 'aa-bb-cc' belongs to another device"
    assert everything(database)[1:6] == before_refusals[1:6]


def test_a_retired_device_is_not_changed(database: str, tmp_path: Path) -> None:
    add(database, tmp_path, "gps-1", "--kind", "tracker")
    typed(database, tmp_path, "device", "retire", "gps-1")
    before = everything(database)
    assert refused(database, tmp_path, "device", "change", "gps-1", "--kind", "phone") == REVOKED
    assert everything(database) == before


def test_a_recording_is_not_replayed_over_a_device_whose_password_somebody_else_has(
    database: str, tmp_path: Path
) -> None:
    add(database, tmp_path, "gps-1", "--kind", "tracker", "--vehicle", "truck-1")
    before = everything(database)
    (tmp_path / "way.csv").write_text("time,lat,lon\n2026-11-01T00:00:00Z,60.1,24.9\n2026-11-01T00:00:10Z,60.2,24.9\n")
    said = refused(database, tmp_path, "replay", "way.csv", "--as", "gps-1")
    assert said.startswith("device 'gps-1' is there and its password is not kept here: replay as another")
    assert everything(database) == before


# ---------------------------------------------------------------- over REST
@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def api(database: str, told: list[str]) -> Iterator[httpx.Client]:
    world = World(database)
    settings: dict[str, Any] = {
        "mqtt_hash": lambda password: f"$7${hash(password)}",
        "on_devices_changed": lambda: told.append("devices"),
        "on_device_login": lambda user, password: told.append(f"{user} {'has one' if password else 'has none'}"),
    }
    with serving(database, **settings) as url, client(url, world.token(user="ann")) as found:
        yield found
    world.close()


BODY = {"id": "gps-1", "kind": "tracker", "vehicle": "truck-1"}


@pytest.mark.parametrize(
    "more", [{}, {"vehicle": "truck-99"}, {"http": True}, {"credentials": False}, {"kind": "phone"}]
)
def test_posting_a_device_again_is_409_with_advice_and_changes_nothing(
    api: httpx.Client, database: str, told: list[str], more: dict[str, Any]
) -> None:
    assert api.post("/api/v1/devices", json=BODY).status_code == 201
    before = everything(database)
    answer = api.post("/api/v1/devices", json={**BODY, **more})
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json()["detail"] == (
        "id: device gps-1 is there already, nothing was changed: POST /devices/gps-1/rotate gives it a new password, "
        'with {"http": true} a new token; POST /devices/gps-1/assignments and POST /devices/gps-1/change do the rest'
    )
    assert everything(database) == before
    assert told == ["devices", "main/gps-1 has one"]
    assert api.post("/api/v1/devices/gps-1/revoke").status_code == 200
    before = everything(database)
    answer = api.post("/api/v1/devices", json={**BODY, **more})
    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        'id: device gps-1 is retired, nothing was changed: PATCH /devices/gps-1 {"retired": false} lets it in again'
    )
    assert everything(database) == before
    assert api.post("/api/v1/devices/gps-1/change", json={"kind": "phone"}).status_code == 409
    assert everything(database) == before
    assert "mqtt" in api.patch("/api/v1/devices/gps-1", json={"retired": False}).json()
    assert login(database)[2] is None


def test_a_change_changes_what_it_names(api: httpx.Client, database: str) -> None:
    assert api.post("/api/v1/devices", json=BODY).status_code == 201
    before = login(database)
    with connect(database, "test") as c:
        Registry(c).put_profile("frozen", low_c=-25, high_c=-15, for_s=60)
    for body, expected in (
        ({"kind": "reefer"}, ("reefer", None)),
        ({"profile": "frozen"}, ("reefer", "frozen")),
        ({"foreign_id": "AA:BB"}, ("reefer", "frozen")),
        ({"profile": None}, ("reefer", None)),
    ):
        found = api.post("/api/v1/devices/gps-1/change", json=body).json()
        assert (found["kind"], found["profile"], found["vehicle"]) == (*expected, "truck-1"), body
    assert rows(database, "select external_id from device") == [("AABB",)]
    assert login(database) == before
    kept = everything(database)
    for body in ({}, {"kind": None}, {"kind": "boat"}, {"profile": "lukewarm"}, {"gateway": "gw-9"}, {"vehicle": "v"}):
        assert api.post("/api/v1/devices/gps-1/change", json=body).status_code == 422, body
    assert api.post("/api/v1/devices/gps-2/change", json={"kind": "phone"}).status_code == 404
    assert everything(database) == kept
    assert {row[0] for row in rows(database, "select actor from audit where action = 'device.change'")} == {"ann"}
    assert rows(database, "select count(*) from audit where action = 'device.change'") == [(4,)]


def test_a_rotation_of_a_token_is_audited_as_such(api: httpx.Client, database: str) -> None:
    api.post("/api/v1/devices", json=BODY)
    assert "http" in api.post("/api/v1/devices/gps-1/rotate", json={"http": True}).json()
    assert "mqtt" in api.post("/api/v1/devices/gps-1/rotate", json={"http": False}).json()
    assert api.post("/api/v1/devices/gps-1/rotate", json={"https": True}).status_code == 422
    assert api.post("/api/v1/devices/gps-2/rotate", json={"http": True}).status_code == 404
    assert rows(database, "select actor, action from audit where action like 'device.rotate%%' order by id") == [
        ("ann", "device.rotate_token"),
        ("ann", "device.rotate"),
    ]


# ---------------------------------------------------------------- at once, and again and again
def test_of_two_that_add_the_same_device_at_once_one_is_refused_and_its_vehicle_is_not_made(database: str) -> None:
    both = threading.Barrier(2)
    came: list[str] = []

    def adding(vehicle: str) -> None:
        with connect(database, "test") as c:
            registry = Registry(c)
            try:
                with c.transaction():
                    both.wait()
                    registry.add_device(DeviceSpec("gps-1", "tracker", vehicle=vehicle), "hash")
            except RegistryError as error:
                came.append(str(error))
            else:
                came.append("made")

    threads = [threading.Thread(target=adding, args=(f"truck-{n}",)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == [THERE, "made"]
    assert rows(database, "select count(*) from vehicle") == [(1,)]


def test_a_simulated_fleet_may_be_loaded_again_and_again(database: str) -> None:
    world = build("demo", 7)
    passwords = {f"{world.tenant}/{device.id}": "secret" for device in world.devices}
    counts = []
    for _ in range(2):
        with psycopg.connect(database) as c:
            register(Registry(c, world.tenant), world, passwords, datetime.now(UTC))
        counts.append([rows(database, f"select count(*) from {table}") for table in EVERYTHING])
    assert counts[0] == counts[1]
