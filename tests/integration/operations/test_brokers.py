"""Brokers: other systems hear by MQTT what happens, from a real Mosquitto; taken is what it has acknowledged."""

from __future__ import annotations

import json
import queue
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from operations.deliver.publish import Login, Publication, publish
from tests.contract.mosquitto import Mosquitto, executable, mosquitto
from tests.deadlines import deadline
from tests.integration.api.seed import World
from tests.integration.operations.told import LOOPBACK, deliveries, follow, report

pytestmark = pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto")


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as found:
        yield found


class Ear:
    """One that has subscribed to everything."""

    def __init__(self, port: int) -> None:
        self.heard: queue.Queue[paho.MQTTMessage] = queue.Queue()
        ready: queue.Queue[bool] = queue.Queue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: ready.put(True)
        self.client.on_message = lambda _client, _data, message: self.heard.put(message)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        ready.get(timeout=deadline(10))

    def next(self) -> paho.MQTTMessage:
        return self.heard.get(timeout=deadline(10))


@contextmanager
def listening(broker: Mosquitto) -> Iterator[Ear]:
    found = Ear(broker.port)
    try:
        yield found
    finally:
        found.client.disconnect()
        found.client.loop_stop()


def add(admin: httpx.Client, url: str, name: str = "plant", **more: Any) -> dict[str, Any]:
    answer = admin.post("/api/v1/brokers", json={"id": name, "url": url, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_events_are_published_in_order_as_the_same_cloudevents(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    made = add(admin, theirs.url, types=["alert.*"])
    assert (made["prefix"], made["signs_in"]) == (f"frostway/{world.tenant}", False)
    alert = world.open_alert("reefer-01", "air", extreme_c=9.4, limit_c=8.0)
    for what in ("raised", "amended", "cleared"):
        report(world, alert, what)
    follow(database)
    with listening(theirs) as ear, deliveries(database) as tell:
        assert (tell(), tell()) == (3, 0)
        heard = [ear.next() for _ in range(3)]
    assert [message.topic for message in heard] == [
        f"frostway/{world.tenant}/events/alert/{what}" for what in ("opened", "changed", "cleared")
    ]
    assert {(message.qos, message.retain) for message in heard} == {(1, False)}
    event = json.loads(heard[0].payload)
    assert (event["specversion"], event["type"]) == ("1.0", "frostway.alert.opened")
    assert event["data"]["vehicle"] == "truck-01"
    log = admin.get("/api/v1/brokers/plant/deliveries").json()["items"]
    assert [(each["state"], each["last_status"]) for each in log] == [("done", 200)] * 3


def test_what_is_open_stays_there_and_is_gone_when_it_is_over(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    add(admin, theirs.url, prefix="cold", retained=True)
    alert = world.open_alert("reefer-01", "air")
    report(world, alert, "raised")
    follow(database)
    with deliveries(database) as tell:
        tell()
        with listening(theirs) as ear:
            kept = {message.topic: message for message in (ear.next(), ear.next())}
        assert set(kept) == {f"cold/state/alerts/{alert}", "cold/state/vehicles/truck-01"}
        assert all(message.retain for message in kept.values())
        report(world, alert, "cleared")
        follow(database)
        tell()
    with listening(theirs) as ear:
        assert ear.next().topic == "cold/state/vehicles/truck-01"
        ear.client.publish("end", b"", qos=1)
        assert ear.next().topic == "end"


def test_an_event_of_long_ago_sent_again_is_not_the_last_word(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    add(admin, theirs.url, prefix="cold", retained=True)
    alert = world.open_alert("reefer-01", "air")
    for what in ("raised", "cleared"):
        report(world, alert, what)
    follow(database)
    with deliveries(database) as tell:
        tell()
        oldest = admin.get("/api/v1/brokers/plant/deliveries").json()["items"][-1]["id"]
        assert admin.post(f"/api/v1/brokers/plant/deliveries/{oldest}/redeliver").status_code == 202
        with listening(theirs) as ear:
            assert ear.next().retain
            tell()
            assert ear.next().topic == "cold/events/alert/opened"
            ear.client.publish("end", b"", qos=1)
            assert ear.next().topic == "end"


def test_a_broker_that_is_away_is_told_when_it_is_back(admin: httpx.Client, theirs: Mosquitto, database: str) -> None:
    add(admin, theirs.url)
    theirs.stop()
    asked = admin.post("/api/v1/brokers/plant/test").json()["id"]
    with deliveries(database) as tell:
        assert tell() == 1
        found = admin.get("/api/v1/brokers/plant").json()
        assert found["paused_until"] is not None
        assert "refused" in found["last_error"].lower()
        theirs.start()
        assert admin.post(f"/api/v1/brokers/plant/deliveries/{asked}/redeliver").status_code == 202
        with listening(theirs) as ear:
            assert tell() == 1
            assert ear.next().topic.endswith("/events/test")
    assert admin.get(f"/api/v1/brokers/plant/deliveries/{asked}").json()["state"] == "done"
    theirs.stop()
    theirs.start()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that knows `frostway` and lets it publish below `cold` only."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    (folder / "acl").write_text("user frostway\ntopic readwrite cold/#\n")
    subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "passwd", "frostway", "canary-pass"], check=True)
    files = {"password_file": str(folder / "passwd"), "acl_file": str(folder / "acl")}
    with mosquitto(folder, **{"allow_anonymous": "false", **files}) as found:
        yield found


def test_a_login_is_sealed_and_a_refusal_is_told(
    world: World, admin: httpx.Client, guarded: Mosquitto, database: str
) -> None:
    add(admin, guarded.url, user="frostway", password="canary-pass", prefix="cold")
    add(admin, guarded.url, "elsewhere", user="frostway", password="canary-pass", prefix="warm")
    add(admin, guarded.url, "stranger", user="frostway", password="canary-wrong", prefix="cold")
    tried = {
        name: admin.post(f"/api/v1/brokers/{name}/test").json()["id"] for name in ("plant", "elsewhere", "stranger")
    }
    with deliveries(database) as tell:
        tell()
    found = {name: admin.get(f"/api/v1/brokers/{name}/deliveries/{key}").json() for name, key in tried.items()}
    assert found["plant"]["state"] == "done"
    assert (found["elsewhere"]["last_status"], found["elsewhere"]["last_error"]) == (
        403,
        "this user may not publish there",
    )
    assert (found["stranger"]["last_status"], found["stranger"]["last_error"]) == (
        None,
        "the broker does not let this user in",
    )
    assert admin.get("/api/v1/brokers/stranger").json()["paused_until"] is not None
    said = [admin.get(f"/api/v1/{path}").text for path in ("brokers", "brokers/plant/deliveries", "audit")]
    said += [str(world.connection.execute(f"select * from {table}").fetchall())  # type: ignore[arg-type]
             for table in ("receiver", "audit", "outgoing", "outgoing_attempt")]  # fmt: skip
    assert "canary" not in " ".join(said)


def test_a_login_does_not_follow_to_another_address(admin: httpx.Client, theirs: Mosquitto) -> None:
    add(admin, theirs.url, user="frostway", password="a-password")
    moved = admin.patch("/api/v1/brokers/plant", json={"url": "mqtts://elsewhere.example.org"})
    assert moved.status_code == 422
    assert admin.get("/api/v1/brokers/plant").json()["url"] == theirs.url
    moved = admin.patch("/api/v1/brokers/plant", json={"url": "mqtts://elsewhere.example.org", "user": None})
    assert (moved.status_code, moved.json()["signs_in"]) == (200, False)


def test_a_certificate_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    with mosquitto(tmp_path / "tls", f"certfile {certificate}\nkeyfile {key}") as broker:
        url, told = f"mqtts://localhost:{broker.port}", [Publication("a/b", b"{}")]
        refused = publish(url, Login(), told, LOOPBACK)
        assert (refused.status, refused.error) == (None, "TLS: CERTIFICATE_VERIFY_FAILED")
        trusting = ssl.create_default_context(cafile=str(certificate))
        assert publish(url, Login(), told, LOOPBACK, trusting).status == 200


def test_nothing_is_published_inside(theirs: Mosquitto) -> None:
    found = publish(theirs.url, Login(), [Publication("a", b"")])
    assert found.status is None
    assert "FROSTWAY_WEBHOOK_NETWORKS" in found.error
