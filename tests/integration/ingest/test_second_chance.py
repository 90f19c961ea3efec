"""Messages that were set aside are mended and read again, once; unknown devices wait; logins are renewed and ended."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import orjson
import pytest

from domain.times import from_us
from ingest.background import Toolkit
from ingest.directory import Directory
from ingest.prepare import Preparer
from ingest.quarantine import quarantine_rows
from ingest.redrive import Redriver
from store.db import connect, queries
from store.labels import Labels
from store.link import Link
from store.quarantine import Quarantine
from store.registry import DeviceSpec, Registry
from store.secrets import token_hash
from tests.deadlines import deadline
from tests.integration.api.seed import World, client, serving
from tests.integration.fleet import T0, Fleet
from tests.stack import Stack, wait_for

PUT = "insert into quarantine (received_at, tenant, device, topic, payload, reason) values (now(), %s, %s, %s, %s, %s)"
GPS = "fw/v1/main/gps-9/gps"


class Aside:
    """A database with a fleet; messages go through preparation, what is refused is kept."""

    def __init__(self, dsn: str) -> None:
        self.fleet, self.dsn = Fleet(dsn), dsn
        self.link = Link(dsn, "test")
        self.links = [self.link]
        self.preparer = Preparer(Directory(self.link, 1, count(0.0, 3.0).__next__), Labels(self.link), 10**17)
        self.quarantine = Quarantine(self.link.connection, "main")

    def refuse(self, topic: str, payload: bytes, received_us: int = T0) -> int:
        """Sets a message aside; its number."""
        prepared = self.preparer.prepare([(topic.encode(), payload, 1, False, False)], received_us)
        assert not prepared.appends
        assert len(prepared.quarantine) == 1
        c = self.link.connection
        with c.transaction(), c.cursor() as cursor:
            cursor.executemany(queries("quarantine")["put"], quarantine_rows(prepared))
            rows = [(*each, topic, from_us(received_us), from_us(received_us), n) for each, n in
                    prepared.strangers.items()]  # fmt: skip
            cursor.executemany(queries("quarantine")["put_strangers"], rows)
        return max(m["id"] for m in self.quarantine.messages())

    def add(self, name: str, **more: Any) -> None:
        with connect(self.dsn, "test") as c, c.transaction():
            Registry(c).put_device(DeviceSpec(name, "tracker", vehicle="truck-1", **more))

    def redriver(self) -> Redriver:
        """One worker more, closed with us."""
        self.links.append(Link(self.dsn, "test redrive"))
        return redriver(self.links[-1], 1)

    def close(self) -> None:
        for link in self.links:
            link.close()

    def positions(self) -> list[tuple[Any, ...]]:
        """Times and latitudes as the tracker has stored them, in order."""
        tracker = self.fleet.tracker()
        self.fleet.settle(tracker)
        self.fleet.close(tracker)
        return self.link.connection.execute("select time, lat from reading_position order by time").fetchall()


@pytest.fixture
def aside(database: str) -> Iterator[Aside]:
    found = Aside(database)
    yield found
    found.close()


@pytest.fixture
def world(database: str) -> Iterator[World]:
    found = World(database)
    yield found
    found.close()


def redriver(link: Link, partitions: int) -> Redriver:
    directory = Directory(link, partitions, time.monotonic)
    return Redriver(Toolkit(link, directory, Preparer(directory, Labels(link), 10**17)), threading.Event())


def read_again(dsn: str) -> int:
    """What ingest does when it is woken."""
    link = Link(dsn, "test redrive")
    try:
        return redriver(link, 4).work()
    finally:
        link.close()


def test_what_an_unknown_device_said_is_read_when_it_is_registered_as_of_the_moment_it_came(aside: Aside) -> None:
    number = aside.refuse(GPS, b'{"lat":60.5,"lon":25}')
    assert [(s["name"], s["speaker"], s["messages"], s["topic"]) for s in aside.quarantine.strangers()] == [
        ("gps-9", "", 1, GPS)
    ]
    aside.add("gps-9")
    assert aside.quarantine.ask_for_device("gps-9", None) == 1
    assert aside.quarantine.strangers() == []
    assert aside.redriver().work() == 1
    assert aside.positions() == [(from_us(T0), 60.5)]
    message = aside.quarantine.message(number)
    assert message is not None
    assert message["redriven_at"] is not None
    assert message["asked_at"] is None
    assert message["payload"] == b'{"lat":60.5,"lon":25}'


@pytest.mark.parametrize("times", [1, 2, 5])
def test_the_same_message_is_one_row_with_a_count_and_its_times(aside: Aside, times: int) -> None:
    for n in range(times):
        aside.refuse(GPS, b'{"t":1,"lat":', T0 + n * 10**6)
    aside.refuse(GPS, b'{"t":2,"lat":')
    aside.refuse("fw/v1/main/gps-8/gps", b'{"t":1,"lat":')
    found = {(m["device"], bytes(m["payload"])[5:6]): m for m in aside.quarantine.messages()}
    assert {key: m["times"] for key, m in found.items()} == {
        ("gps-9", b"1"): times,
        ("gps-9", b"2"): 1,
        ("gps-8", b"1"): 1,
    }
    same = found["gps-9", b"1"]
    assert (same["received_at"], same["last_received_at"]) == (from_us(T0), from_us(T0 + (times - 1) * 10**6))


def test_a_message_with_faults_in_several_streams_is_one_row_with_all_of_them(aside: Aside) -> None:
    aside.add("gps-9")
    fix = b'{"timestamp":"2036-04-12T10:00:00Z","coords":{"latitude":60,"longitude":25},"battery":{"level":0.5}}'
    aside.refuse("fw/v1/main/gps-9/osmand", b'{"location":%s}' % fix)
    (message,) = aside.quarantine.messages()
    assert (message["reason"], message["times"]) == ("time_out_of_range", 1)


def test_a_message_without_a_time_that_came_often_is_as_many_readings_each_as_of_its_moment(aside: Aside) -> None:
    for n in range(3):
        aside.refuse(GPS, b'{"lat":60.5,"lon":25}', T0 + n * 60_000_000)
    aside.add("gps-9")
    assert aside.quarantine.ask_for_device("gps-9", None) == 1
    assert aside.redriver().work() == 1
    assert aside.positions() == [(from_us(T0 + n * 60_000_000), 60.5) for n in range(3)]


def test_a_message_that_comes_again_while_it_is_read_again_is_not_lost(aside: Aside) -> None:
    number = aside.refuse(GPS, b'{"lat":60.5,"lon":25}')
    aside.add("gps-9")
    aside.quarantine.ask(number, "test")
    worker = aside.redriver()
    (asked,) = worker._asked()
    aside.link.connection.execute(
        "update quarantine set also_received = array[received_at + interval '1 second'] where id = %s", (number,)
    )
    assert not worker._again(asked)
    assert worker.work() == 1
    assert len(aside.positions()) == 2


def test_what_came_on_a_wrong_topic_is_listed_for_its_device_and_read_under_the_right_one(aside: Aside) -> None:
    aside.add("gps-9")
    number = aside.refuse("fw/v1/main/gps-9/position", b'{"t":%d,"lat":60.5,"lon":25}' % (T0 // 1000))
    (message,) = aside.quarantine.messages(device="gps-9", reason="topic")
    assert message["id"] == number
    assert aside.quarantine.ask(number, "test", topic=GPS)
    assert aside.redriver().work() == 1
    assert aside.positions() == [(from_us(T0), 60.5)]


def test_a_message_is_read_again_once_whoever_asks_how_often(aside: Aside) -> None:
    number = aside.refuse(GPS, b'{"lat":60.5,"lon":25}')
    aside.add("gps-9")
    assert aside.quarantine.ask(number, "anna")
    assert aside.quarantine.ask(number, "ben")
    assert [aside.redriver().work(), aside.redriver().work()] == [1, 0]
    assert not aside.quarantine.ask(number, "anna")
    assert aside.quarantine.ask_many("anna", device=None, reason=None) == 0
    assert aside.link.connection.execute("select sum(position) from log_head").fetchone() == (1,)
    assert len(aside.positions()) == 1


def test_several_workers_put_each_message_in_once(aside: Aside) -> None:
    for n in range(40):
        aside.refuse(GPS, orjson.dumps({"t": T0 // 1000 + n * 1000, "lat": 60.5, "lon": 25}))
    aside.add("gps-9")
    assert aside.quarantine.ask_for_device("gps-9", None) == 40
    done: list[int] = []
    redrivers = [aside.redriver() for _ in range(3)]
    workers = [threading.Thread(target=lambda r=each: done.append(r.work())) for each in redrivers]  # type: ignore[misc]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(deadline(60))
    assert sum(done) == 40
    assert aside.link.connection.execute("select sum(position) from log_head").fetchone() == (40,)
    assert len(aside.positions()) == 40


def test_a_mended_message_is_read_in_place_of_the_original_which_stays(aside: Aside) -> None:
    aside.add("gps-9")
    number = aside.refuse(GPS, b'{"t":1750000000000,"lat":6050,"lon":25}')
    assert aside.quarantine.ask(number, "anna")
    assert aside.redriver().work() == 0
    again = aside.quarantine.message(number)
    assert again is not None
    assert (again["reason"], again["attempts"], again["redriven_at"]) == ("invalid", 1, None)
    aside.quarantine.ask(number, "anna", payload=b'{"t":1750000000000,"lat":60.50,"lon":25')
    assert aside.redriver().work() == 0
    again = aside.quarantine.message(number)
    assert again is not None
    assert (again["reason"], again["attempts"]) == ("malformed", 2)
    aside.quarantine.ask(number, "anna", payload=b'{"t":1750000000000,"lat":60.50,"lon":25}')
    assert aside.redriver().work() == 1
    assert [lat for _, lat in aside.positions()] == [60.5]
    message = aside.quarantine.message(number)
    assert message is not None
    assert message["payload"] == b'{"t":1750000000000,"lat":6050,"lon":25}'
    assert message["mended"]


def test_good_neighbours_of_a_mended_reading_are_not_stored_twice(aside: Aside) -> None:
    aside.add("gps-9")
    t = T0 // 1000
    batch = {"t": [t, t + 1000, t + 2000], "lat": [60.1, None, 60.3], "lon": [25, 25, 25], "boot": "b", "seq": 0}
    prepared = aside.preparer.prepare([(GPS.encode(), orjson.dumps(batch), 1, False, False)], T0)
    assert prepared.readings == 2
    c = aside.link.connection
    with c.transaction():
        c.cursor().executemany(queries("quarantine")["put"], quarantine_rows(prepared))
    redriver = aside.redriver()
    [redriver._log.append(frames) for frames in prepared.appends]
    assert [lat for _, lat in aside.positions()] == [60.1, 60.3]
    number = aside.quarantine.messages()[0]["id"]
    aside.quarantine.ask(number, "anna", payload=orjson.dumps(batch | {"lat": [60.1, 60.2, 60.3]}))
    assert redriver.work() == 1
    assert [lat for _, lat in aside.positions()] == [60.1, 60.2, 60.3]


def test_what_a_gateway_said_of_a_stranger_is_read_when_its_id_is_registered(aside: Aside) -> None:
    with connect(aside.dsn, "test") as c, c.transaction():
        Registry(c).put_device(DeviceSpec("hub", "gateway", site="dc-1"))
    pack = orjson.dumps([{"bn": "urn:dev:mac:0024befffe804ff1:", "n": "temperature", "u": "Cel", "v": 4.5}])
    aside.refuse("fw/v1/main/hub/senml", pack)
    (stranger,) = aside.quarantine.strangers()
    assert (stranger["speaker"], stranger["messages"]) == ("hub", 1)
    aside.add("sensor-1", foreign_id=stranger["name"])
    assert aside.quarantine.strangers() == []
    assert aside.quarantine.ask_for_device("sensor-1", stranger["name"]) == 1
    assert aside.redriver().work() == 1


def test_a_revoked_device_is_no_stranger_and_its_words_wait(aside: Aside) -> None:
    aside.add("gps-9")
    with connect(aside.dsn, "test") as c, c.transaction():
        Registry(c).revoke_device("gps-9")
    number = aside.refuse(GPS, b'{"lat":60.5,"lon":25}')
    message = aside.quarantine.message(number)
    assert message is not None
    assert message["reason"] == "revoked"
    assert aside.quarantine.strangers() == []


def test_rest_lists_downloads_mends_and_reads_again(world: World, database: str) -> None:
    world.furnish()
    world.run(PUT, "main", "gps-01", "fw/v1/main/gps-01/gps", b"\x00\xff", "malformed")
    world.run(PUT, "main", "gps-02", "t", b"", "invalid")
    world.run(PUT, "other", "gps-01", "t", b"canary", "invalid")
    with serving(database) as url, client(url, world.token("admin")) as api:
        base = "/api/v1/quarantine"
        (one,) = api.get(f"{base}?device=gps-01").json()["items"]
        assert [m["device"] for m in api.get(f"{base}?reason=invalid").json()["items"]] == ["gps-02"]
        raw = api.get(f"{base}/{one['id']}/payload")
        assert (raw.content, raw.headers["content-type"]) == (b"\x00\xff", "application/octet-stream")
        assert "attachment" in raw.headers["content-disposition"]
        other = world.one("select id from quarantine where tenant = 'other'")
        for path in (f"{base}/{other}", f"{base}/{other}/payload"):
            assert api.get(path).status_code == 404
        assert api.post(f"{base}/{other}/redrive").status_code == 404
        for bad in ({"topic": "fw/v1/other/gps-01/gps"}, {"topic": "fw/v1/main/gps-01/receipt"}, {"payload": "ü"},
                    {"payload": b64encode(bytes(70_000)).decode()}, {"more": 1}):  # fmt: skip
            assert api.post(f"{base}/{one['id']}/redrive", json=bad).status_code == 422, bad
        mended = b'{"t":1750000000000,"lat":60.5,"lon":25}'
        answer = api.post(f"{base}/{one['id']}/redrive", json={"payload": b64encode(mended).decode()})
        assert (answer.status_code, answer.json()["mended"]) == (202, True)
        assert answer.json()["asked_at"]
        assert read_again(database) == 1
        again = api.post(f"{base}/{one['id']}/redrive")
        assert (again.status_code, again.json()["attempts"]) == (200, 1)
        assert [m["device"] for m in api.get(f"{base}?waiting=true").json()["items"]] == ["gps-02"]
        assert api.post(f"{base}/redrive", json={"reason": "invalid"}).json() == {"asked": 1}
        assert world.one("select count(*) from quarantine where tenant = 'other' and asked_at is not null") == 0


def test_rest_registers_a_stranger_and_what_it_said_is_read(world: World, database: str) -> None:
    world.run(PUT, "main", "gps-9", GPS, b'{"lat":60.5,"lon":25}', "unknown_device")
    stranger = "insert into stranger values (%s, '', %s, 't', now(), now(), 3)"
    world.run(stranger, "main", "gps-9")
    world.run(stranger, "other", "canary")
    with serving(database) as url, client(url, world.token("admin")) as api:
        items = api.get("/api/v1/unknown-devices").json()["items"]
        assert [(s["id"], s["messages"]) for s in items] == [("gps-9", 3)]
        body = {"id": "gps-9", "kind": "tracker", "vehicle": "truck-9", "credentials": False}
        assert api.post("/api/v1/devices", json=body).status_code == 201
        assert api.get("/api/v1/unknown-devices").json()["items"] == []
        assert read_again(database) == 1
        assert api.get("/api/v1/quarantine").json()["items"][0]["redriven_at"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("chance"), "--no-sim") as running:
        yield running


def test_a_rotated_password_replaces_the_old_one_and_a_revoked_device_is_cut_off_at_once(stack: Stack) -> None:
    user, old = stack.add_device("gps-7", "--kind", "tracker", "--vehicle", "truck-7")
    with stack.device(user, old) as device:
        device.publish("gps", {"lat": 60.1, "lon": 25, "boot": "b1", "seq": 1})
        device.receipt("b1", 1)
        new = stack.frostway("device", "rotate", "gps-7").stdout.splitlines()[1].removeprefix("password ")
        wait_for(lambda: not device.connected, "the connection with the old password ends", 10)
    with stack.device(user, new) as device:
        device.publish("gps", {"lat": 60.2, "lon": 25, "boot": "b1", "seq": 2})
        device.receipt("b1", 2)
        assert stack.request("POST", "/devices/gps-7/revoke").json()["revoked"]
        wait_for(lambda: not device.connected, "the revoked device's connection ends", 10)
    assert stack.request("POST", "/devices/gps-7/revoke").status_code == 200
    assert stack.request("POST", "/devices/none/rotate").status_code == 404
    password = stack.request("POST", "/devices/gps-7/rotate").json()["mqtt"]["password"]
    with stack.device(user, password) as device:
        device.publish("gps", {"lat": 60.3, "lon": 25, "boot": "b1", "seq": 3})
        device.receipt("b1", 3)


def test_the_command_line_shows_saves_mends_and_reads_again(stack: Stack) -> None:
    user, password = stack.add_device("gps-8", "--kind", "tracker", "--vehicle", "truck-8")
    with stack.device(user, password) as device:
        device.publish("gps", {"lat": 6010, "lon": 25, "boot": "b1", "seq": 1})
        device.receipt("b1", 1)
    listed = stack.frostway("quarantine", "list", "--device", "gps-8").stdout.splitlines()
    assert len(listed) == 2
    number = listed[1].split("\t")[0]
    kept = stack.folder / "kept.json"
    assert stack.frostway("quarantine", "save", number, str(kept)).returncode == 0
    refused = stack.frostway("quarantine", "redrive", number, check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "refused again: invalid" in refused.stderr
    kept.write_bytes(kept.read_bytes().replace(b"6010", b"60.10"))
    assert "is in" in stack.frostway("quarantine", "redrive", number, "--payload", str(kept)).stdout
    wait_for(lambda: stack.get("/vehicles/truck-8")["lat"] == 60.1, "the mended reading is on the map")
    assert "read again already" in stack.frostway("quarantine", "redrive", number).stdout
    assert stack.frostway("quarantine", "redrive", check=False).returncode == 1
    assert stack.frostway("quarantine", "redrive", "--all").returncode == 0
    assert stack.frostway("device", "unknown").stdout.startswith("device\tgateway\t")


def test_readings_of_another_tenant_stay_where_they_are(world: World, database: str) -> None:
    other = World(database, "other")
    with (
        serving(database) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {other.token()}"}) as api,
    ):
        world.run("insert into device (tenant_id, name, kind) values (%s, 'gps-1', 'tracker')", world.tenant_id)
        assert api.post("/api/v1/devices/gps-1/revoke").status_code == 404
        assert world.one("select revoked_at from device where name = 'gps-1'") is None
    other.close()


def test_one_rule_mends_many_messages_after_a_look_at_what_it_would_do(aside: Aside) -> None:
    aside.add("gps-9")
    for n in range(30):
        aside.refuse("fw/v1/main/gps-9/position", b'{"t":%d,"latitude":60.5,"lon":25}' % (T0 // 1_000_000 + n))
    aside.refuse("fw/v1/main/gps-9/gps", b"{")
    rule = [
        {"do": "multiply", "key": "t", "to": 1000},
        {"do": "rename", "key": "latitude", "to": "lat"},
        {"do": "stream", "to": "gps"},
    ]
    with connect(aside.dsn, "test") as c, c.transaction():
        Registry(c).add_token(token_hash("secret"), kind="bearer", subject="test", role="admin")
    with serving(aside.dsn) as url, client(url, "secret") as http:
        look = http.post("/api/v1/quarantine/mend", json={"device": "gps-9", "steps": rule}).json()
        counts = [look[key] for key in ("chosen", "changed", "readable", "applied", "until")]
        assert counts == [31, 30, 30, 0, str(aside.quarantine.newest())]
        assert look["examples"][0]["verdict"] == "1 reading of gps"
        assert aside.redriver().work() == 0
        aside.refuse("fw/v1/main/gps-9/position", b'{"t":%d,"latitude":61,"lon":25}' % (T0 // 1_000_000 + 99))
        again = {"device": "gps-9", "steps": rule, "until": int(look["until"]), "apply": True}
        assert http.post("/api/v1/quarantine/mend", json=again).json()["applied"] == 30
        wrong = {"steps": [{"do": "stream", "to": "../../other/x/gps"}]}
        assert http.post("/api/v1/quarantine/mend", json=wrong).status_code == 422
    assert aside.redriver().work() == 30
    assert len(aside.positions()) == 30
