"""Device profiles, from the command and REST to the readings they are used for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import orjson
import psycopg
import pytest
from typer.testing import CliRunner

from api.http.jsons import when
from domain.times import from_us
from frostway.cli import app, main
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.db import connect
from store.link import Link
from store.registry import DeviceSpec, Registry
from tests.integration.api.seed import World, client, rows, serving
from tests.integration.fleet import T0, S
from tests.integration.ingest.test_foreign_formats import Door
from tests.unit.wire.test_bthome import KEY, MAC, sealed

HIDDEN = "********"


@pytest.fixture
def door(any_database: str) -> Iterator[Door]:
    found = Door(any_database)
    yield found
    found.close()


def give(door: Door, device: str, body: dict[str, Any], since_s: float) -> int:
    with connect(door.fleet.dsn, "test") as c, c.transaction():
        version = Registry(c).add_device_profile(device, body, from_us(T0 + int(since_s * S)), "test")
    door.preparer._directory.refresh()
    return version


def temperatures(door: Door) -> list[tuple[Any, ...]]:
    return door.fleet.rows(
        "select temp_c, correction_c, flags, temp_c - coalesce(correction_c, 0) from reading_temperature order by time"
    )


def native(*readings: tuple[float, float]) -> tuple[str, bytes]:
    body = {"probe": "rear", "t": [T0 // 1000 + int(t * 1000) for t, _ in readings], "c": [c for _, c in readings]}
    return "fw/v1/main/reefer-1/temp", orjson.dumps(body)


# ---------------------------------------------------------------- reading
def test_a_new_profile_is_heard_of_without_a_restart(door: Door) -> None:
    link = Link(door.fleet.dsn, "test")
    directory = Directory(link, 1, count(0.0, 0.3).__next__)  # by the age of what it knows it would take 50 looks
    directory.refresh()
    reefer = door.fleet.ids["reefer"]
    give(door, "reefer-1", {"interval_s": 60}, -100)
    for _ in range(40):
        with link.connection.transaction():  # a round trip, in which the announcement comes
            directory.refresh_when_old()
        if directory.history(reefer).at(T0).interval_s == 60:
            break
    assert directory.history(reefer).at(T0).interval_s == 60
    link.close()


def test_a_late_reading_is_corrected_by_the_profile_of_its_own_moment(door: Door) -> None:
    due = from_us(T0 - 50 * S).isoformat()
    give(door, "reefer-1", {"calibration": {"rear": {"offset_c": -0.5, "due": due}}}, -100)
    give(door, "reefer-1", {"calibration": {"rear": {"offset_c": 0.25}}}, -20)
    assert door.send(*native((-10, 4.0))).quarantine == []
    assert door.send(*native((-200, 4.0), (-60, 4.0), (-30, 4.0), (-5, -127.0))).quarantine == []
    assert temperatures(door) == [
        (4.0, None, 0, 4.0),
        (3.5, -0.5, 0, 4.0),
        (3.5, -0.5, 256, 4.0),  # calibration due
        (4.25, 0.25, 0, 4.0),
        (-127.0, None, 8, -127.0),
    ]


def test_a_reading_sent_again_after_its_correction_has_changed_is_still_a_repeat(door: Door) -> None:
    door.send(*native((-10, 4.1)))
    give(door, "reefer-1", {"calibration": {"rear": {"offset_c": -0.3}}}, -100)
    door.send(*native((-10, 4.1)))
    assert temperatures(door) == [(4.1, None, 0, 4.1)]


def test_a_probe_behind_a_gateway_is_read_with_its_own_profile(door: Door) -> None:
    door.add(DeviceSpec("plc", "connector"))
    door.add(DeviceSpec("probe-7", "thermometer", vehicle="truck-1", foreign_id="urn:dev:ow:7"))
    fahrenheit = {"channels": {"T1": {"stream": "temp", "key": "c", "part": "rear", "unit": "F"}, "junk": None}}
    give(door, "plc", {"channels": {"T1": None}}, -100)
    give(door, "probe-7", fahrenheit | {"calibration": {"rear": {"offset_c": 1}}}, -100)
    records = [{"bn": "urn:dev:ow:7:", "bt": T0 / 1e6 - 10, "n": "T1", "v": 39.2}, {"n": "junk", "v": 1}]
    assert door.send("fw/v1/main/plc/senml", orjson.dumps(records)).quarantine == []
    assert [(round(c, 6), correction) for c, correction, *_ in temperatures(door)] == [(5.0, 1.0)]
    assert door.fleet.rows("select count(*) from reading_attribute") == [(0,)]


# ---------------------------------------------------------------- encrypted sensors
def advertisement(number: int, seconds: float) -> bytes:
    heard = {"mac": MAC, "service_data": {"fcd2": sealed(number).hex()}, "unixtime": int(T0 / S + seconds)}
    return orjson.dumps(heard)


def keyed(door: Door) -> None:
    for name in ("gw-1", "gw-2"):
        door.add(DeviceSpec(name, "gateway", site="dc-1"))
    door.add(DeviceSpec("probe-1", "thermometer", vehicle="truck-1", foreign_id=MAC))
    give(door, "probe-1", {"options": {"bthome_key": KEY}}, -1000)


def test_two_gateways_hear_one_advertisement_and_it_is_stored_once(door: Door) -> None:
    keyed(door)
    for gateway, seconds in (("gw-1", -60.0), ("gw-2", -58.0)):
        assert door.send(f"fw/v1/main/{gateway}/ble/x", advertisement(7, seconds)).quarantine == []
    assert len(temperatures(door)) == 1
    (refused,) = door.send("fw/v1/main/gw-2/ble/x", advertisement(3, -50.0)).quarantine
    assert refused.reason == "replayed"


def test_a_group_prepared_again_after_a_database_error_is_no_replay(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(door)
    messages = [(b"fw/v1/main/gw-1/ble/x", advertisement(n, -100.0 + n), n, False, False) for n in range(1, 41)]
    whole, calls = Preparer._keys, []

    def failing(self: Preparer, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise psycopg.OperationalError("the server went away")
        return whole(self, *arguments)

    monkeypatch.setattr(Preparer, "_keys", failing)
    with pytest.raises(psycopg.OperationalError):
        door.preparer.prepare(messages, T0)
    prepared = door.preparer.prepare(messages, T0)
    assert prepared.quarantine == []
    assert prepared.readings == 80  # forty temperatures and counters


def test_a_database_away_while_a_decoder_asks_for_a_profile_is_not_the_payloads_fault(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(door)

    def away(*_: Any) -> None:
        raise psycopg.OperationalError("the server went away")

    door.preparer._directory._foreign.clear()
    monkeypatch.setattr(door.preparer._directory, "refresh", away)
    monkeypatch.setattr(door.preparer._directory, "_has_changed", lambda: True)
    with pytest.raises(psycopg.OperationalError):
        door.preparer.prepare([(b"fw/v1/main/gw-1/ble/x", advertisement(1, -9.0), 1, False, False)], T0)


# ---------------------------------------------------------------- REST
@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


BASE = "/api/v1"
PATH = f"{BASE}/devices/reefer-01/profile"


def test_a_profile_is_given_by_an_admin_and_its_secrets_are_shown_to_no_other(
    world: World, url: str, database: str
) -> None:
    body = {"options": {"bthome_key": KEY, "zone": "UTC"}, "interval_s": 60}
    with client(url, world.token("admin", user="ann")) as api, psycopg.connect(database, autocommit=True) as told:
        told.execute("listen frostway_registry")
        assert api.get(PATH).json() == {"device": "reefer-01", "current": None, "history": []}
        first = api.put(PATH, json={"profile": body, "since": "2020-01-01T02:00:00+02:00"})
        assert first.status_code == 200
        assert len(list(told.notifies(timeout=2, stop_after=1))) == 1
        ahead = api.put(PATH, json={"profile": {}, "since": "2200-01-01T00:00:00Z"}).json()
        assert [each["version"] for each in ahead["history"]] == [2, 1]
        assert ahead["current"] | {"created_at": ""} == {
            "version": 1,
            "since": "2020-01-01T00:00:00.000Z",
            "created_at": "",
            "created_by": "ann",
            "profile": body,
        }
        assert api.get(PATH).json() == ahead
    with client(url, world.token("coldchain")) as api:
        seen = api.get(PATH).json()
        assert seen["current"]["profile"]["options"] == {"bthome_key": HIDDEN, "zone": "UTC"}
        assert KEY not in api.get(PATH).text
        assert api.put(PATH, json={"profile": {}}).status_code == 403
    assert rows(database, "select actor, action, subject, detail->>'version' from audit order by id") == [
        ("ann", "device.profile", "reefer-01", "1"),
        ("ann", "device.profile", "reefer-01", "2"),
    ]
    assert rows(database, "select count(*) from audit where detail::text like %s", f"%{KEY}%") == [(0,)]


def test_a_calibration_is_said_warned_of_shown_beside_the_curve_and_taken_back(
    world: World, url: str, database: str
) -> None:
    world.probe("reefer-01", "rear")
    path, day = f"{BASE}/devices/reefer-01/calibrations/rear", timedelta(days=1)
    now = datetime.now(UTC)
    given = {
        "offset_c": -0.3,
        "calibrated": when(now - 340 * day),
        "due": when(now + 25 * day),
        "certificate": "K-17",
        "accuracy_class": "EN 12830 class 1",
    }
    with client(url, world.token("admin", user="ann")) as api:
        kept = {"options": {"bthome_key": KEY}, "calibration": {"front": {"offset_c": 0.1}}}
        assert api.put(PATH, json={"profile": kept}).status_code == 200
        listed = api.get(f"{BASE}/calibrations?device=reefer-01").json()["items"]
        assert [(each["probe"], each["calibration"] and each["calibration"]["state"]) for each in listed] == [
            ("front", "unknown"),
            ("rear", None),
        ]
        assert api.get(f"{BASE}/calibrations?due_within_days=30").json()["items"] == []
        said = api.put(path, json=given)
        assert said.status_code == 200, said.text
        assert said.json()["calibration"] == {**given, "state": "due_soon", "since": ANY, "by": "ann"}
        assert api.get(PATH).json()["current"]["profile"]["options"] == kept["options"]  # the rest stays
        (soon,) = api.get(f"{BASE}/calibrations?due_within_days=30").json()["items"]
        assert soon == said.json()
        assert api.get(f"{BASE}/calibrations?due_within_days=20").json()["items"] == []
        series = api.get(f"{BASE}/series?device=reefer-01&probe=rear").json()
        assert series["calibration"] == said.json()["calibration"]
        overdue = api.put(path, json={**given, "due": when(now - day)}).json()
        assert overdue["calibration"]["state"] == "overdue"
        wrong = api.put(path, json={**given, "due": when(now - 341 * day)})
        assert (wrong.status_code, wrong.json()["detail"]) == (422, "due is later than calibrated")
        assert api.delete(path).json()["calibration"] is None
        assert api.delete(path).status_code == 404
    with client(url, world.token("coldchain")) as api:
        assert api.get(f"{BASE}/calibrations").status_code == 200
        assert api.put(path, json=given).status_code == 403
    audited = "select actor, detail->>'probe', detail->'calibration'->>'certificate' from audit where action = %s"
    assert rows(database, audited + " order by id", "device.calibration") == [
        ("ann", "rear", "K-17"),
        ("ann", "rear", "K-17"),
        ("ann", "rear", None),
    ]


def test_what_is_no_profile_is_refused_and_leaves_nothing(world: World, url: str, database: str) -> None:
    with client(url, world.token("admin")) as api:
        wrong = api.put(PATH, json={"profile": {"calibration": {"rear": {"offset_c": 99}}}})
        assert (wrong.status_code, "calibration.rear" in wrong.json()["detail"]) == (422, True)
        assert api.put(PATH, json={"profile": {}, "since": "2026-01-01T00:00:00"}).status_code == 422
        assert api.put(PATH, json={"profile": {}, "version": 7}).status_code == 422
        nul = api.put(PATH, json={"profile": {"options": {"zone": "a\0"}}})
        assert (nul.status_code, "zero character" in nul.json()["detail"]) == (422, True)
        assert api.put(PATH.replace("reefer-01", "nobody"), json={"profile": {}}).status_code == 404
    assert rows(database, "select count(*) from device_profile") == [(0,)]
    assert rows(database, "select count(*) from audit") == [(0,)]


def test_a_stored_profile_cannot_be_changed_by_the_api_nor_seen_by_another_tenant(world: World, database: str) -> None:
    world.registry.add_device_profile("reefer-01", {}, None, "test")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set role frostway_api")
        assert connection.execute("select count(*) from device_profile").fetchone() == (0,)
        connection.execute("select set_config('app.tenant', %s, false)", (str(world.tenant_id),))
        assert connection.execute("select count(*) from device_profile").fetchone() == (1,)
        for change in ("update device_profile set body = '{}'", "delete from device_profile"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change)


# ---------------------------------------------------------------- the command
def test_the_command_gives_and_shows_profiles(
    world: World,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    file = tmp_path / "profile.json"
    file.write_bytes(orjson.dumps({"interval_s": 60}))

    def run(*words: str, stdin: str | None = None) -> str:
        result = CliRunner().invoke(app, ["device", "profile", *words], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.stdout

    said = run("set", "reefer-01", str(file), "--since", "2020-01-01T00:00:00Z")
    assert said == "device profile of reefer-01: version 1, for readings from 2020-01-01T00:00:00Z on\n"
    run("set", "reefer-01", "-", stdin='{"interval_s": 30}')
    assert orjson.loads(run("show", "reefer-01")) == {"interval_s": 30}
    history = orjson.loads(run("show", "reefer-01", "--history"))
    assert [(each["version"], each["body"]["interval_s"]) for each in history] == [(2, 30), (1, 60)]
    for words, stdin, why in (
        (("set", "reefer-01", str(tmp_path / "none.json")), None, "No such file"),
        (("set", "reefer-01", "-"), "{", "standard input: not JSON"),
        (("set", "reefer-01", "-"), "[]", "an object is wanted"),
        (("set", "reefer-01", "-", "--since", "yesterday"), "{}", "--since yesterday"),
        (("set", "nobody", "-"), "{}", "no device 'nobody'"),
        (("show", "gps-01"), None, "gps-01 has no device profile"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((stdin or "").encode())))
        with pytest.raises(SystemExit) as ended:
            main(["device", "profile", *words])
        said = capsys.readouterr().err
        assert (ended.value.code, said.count("\n")) == (1, 1), "one clear line"
        assert why in said


def test_numbers_of_any_size_are_kept_and_shown(world: World, url: str) -> None:
    body = {"options": {"big": 1e300, "many": [1e-300] * 3000, "whole": 2**64 - 1}}
    with client(url, world.token("admin")) as api:
        assert api.put(PATH, json={"profile": body}).status_code == 200
        assert api.get(PATH).json()["current"]["profile"] == body
    (only,) = world.registry.device_profiles("reefer-01")
    assert only["body"] == body


def test_a_profile_of_the_future_does_not_count_yet(world: World) -> None:
    world.registry.add_device_profile("reefer-01", {"interval_s": 1}, None, "test")
    (only,) = world.registry.device_profiles("reefer-01")
    world.registry.add_device_profile("reefer-01", {"interval_s": 2}, only["since"] + timedelta(days=1), "test")
    assert [each["body"]["interval_s"] for each in world.registry.device_profiles("reefer-01")] == [2, 1]
