"""OwnTracks apps are told things by MQTT and in answers of the door for HTTP; what they send back is matched."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.owntracks import Phone, serve
from ingest import phones
from ingest.service import Ingest, IngestConfig
from store.registry import DeviceSpec, Registry
from store.secrets import new_token, token_hash
from tests.contract.mosquitto import Mosquitto, executable, free_port, mosquitto
from tests.deadlines import deadline
from tests.integration.ingest.test_teltonika_door import connects
from tests.logins import of_ingest
from tests.stack import wait_for

pytestmark = pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto")
PLACES = '{"waypoints": [{"desc": "Depot", "lat": 60.17, "lon": 24.94, "rad": 100}]}'


class Field:
    """A phone by MQTT and one by HTTP, a broker, an ingest."""

    def __init__(self, database: str, broker: Mosquitto, token: str) -> None:
        self.database, self.port = database, free_port()
        self.address = f"http://127.0.0.1:{self.port}/owntracks/{token}"
        self.heard: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _c, _u, m: self.heard.put(m)
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", broker.port)
        self.client.subscribe("owntracks/main/+/cmd", 1)
        self.client.loop_start()
        assert subscribed.wait(deadline(10))
        self._stop = threading.Event()
        config = IngestConfig(of_ingest(database), broker.url_for("ingest"), device_http_port=self.port)
        self.ingest = Ingest(config, self._stop)
        self._thread = threading.Thread(target=self.ingest.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self.ingest.receiver.connected and connects(self.port), "ingest is there")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            cursor = connection.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def tell(self, device: str, name: str, argument: str = "{}") -> int:
        made = self.rows(
            "insert into command (tenant_id, device_id, name, via, argument, made_by, expires_at) "
            "select tenant_id, id, %s, 'owntracks', %s, 'ann', now() + interval '1 hour' from device where name = %s "
            "returning id, pg_notify('frostway_command', '')",
            name, argument, device,
        )  # fmt: skip
        return int(made[0][0])

    def state(self, number: int) -> tuple[Any, ...]:
        return self.rows("select state, answer, sent_count from command where id = %s", number)[0]

    def says(self, below: str, message: dict[str, Any]) -> None:
        topic = f"owntracks/main/phone-1{f'/{below}' if below else ''}"
        self.client.publish(topic, orjson.dumps(message), qos=1).wait_for_publish(deadline(10))

    def is_heard(self) -> None:
        """As the tracker writes it down."""
        self.rows(
            "insert into device_state (device_id, tenant_id, last_time, last_received) "
            "select id, tenant_id, now(), now() from device"
        )

    def close(self) -> None:
        self._stop.set()
        self._thread.join(deadline(30))
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def field(database: str, tmp_path: Path) -> Iterator[Field]:
    token = new_token()
    with psycopg.connect(database) as connection:
        registry = Registry(connection)
        registry.put_device(DeviceSpec("phone-1", "phone", vehicle="truck-1"), "x")
        registry.put_device(DeviceSpec("phone-2", "phone", vehicle="truck-2"))
        connection.execute("update device set http_token_sha256 = %s where name = 'phone-2'", (token_hash(token),))
    with mosquitto(tmp_path) as broker:
        found = Field(database, broker, token)
        yield found
        found.close()


def test_a_phone_by_mqtt_hears_its_commands_and_answers_what_can_be_answered(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Phone()
    asked = field.tell("phone-1", "report_location")
    message = field.heard.get(timeout=deadline(20))
    assert (message.topic, message.qos, message.retain) == ("owntracks/main/phone-1/cmd", 1, False)
    assert orjson.loads(message.payload) == {"_type": "cmd", "action": "reportLocation"}
    field.says("", phone.location(time.time()))  # by itself
    for below, said in phone.hear(orjson.loads(message.payload), time.time()):
        field.says(below, said)
    wait_for(lambda: field.state(asked)[0] == "answered", "the answer is known")
    assert field.state(asked)[1].startswith("60.1")
    silent = field.tell("phone-1", "set_waypoints", PLACES)
    listed = field.tell("phone-1", "waypoints")
    assert orjson.loads(field.heard.get(timeout=deadline(20)).payload)["action"] == "waypoints"
    assert field.state(silent)[0] == "waiting"  # nothing would tell whether it was heard: not before the phone is
    field.is_heard()
    monkeypatch.setattr("ingest.commands.LOOK_S", 0.1)
    message = field.heard.get(timeout=deadline(20))
    phone.hear(orjson.loads(message.payload), time.time())
    wait_for(lambda: field.state(silent) == ("told", None, 1), "it is handed over")
    for below, said in phone.hear({"_type": "cmd", "action": "waypoints"}, time.time()):
        field.says(below, said)
    wait_for(lambda: field.state(listed)[:2] == ("answered", "1 place: Depot"), "its places are told")
    assert field.rows("select format, at_door from device_voice") == [("owntracks", False)]
    assert field.rows("select count(*) from quarantine") == [(0,)]


def test_one_at_the_door_hears_them_in_the_answer(field: Field) -> None:
    phone, stop = Phone(), threading.Event()
    calling = threading.Thread(target=serve, args=(phone, field.address, stop, 0.1))
    calling.start()
    try:
        told = field.tell("phone-2", "set_waypoints", PLACES)
        listed = field.tell("phone-2", "waypoints")
        here = field.tell("phone-2", "report_location")
        wait_for(lambda: field.state(told)[0] == "told", "it is handed over")
        wait_for(lambda: field.state(here)[0] == "answered", "it has told where it is")
        wait_for(lambda: field.state(listed)[0] == "answered", "it has told its places")
        assert field.state(listed)[1:] == ("1 place: Depot", 1)
        assert [each["desc"] for each in phone.waypoints.values()] == ["Depot"]
    finally:
        stop.set()
        calling.join(deadline(20))
    assert field.heard.empty()  # nothing by MQTT
    assert field.rows("select format, at_door from device_voice") == [("owntracks", True)]
    assert field.rows("select count(*) from quarantine") == [(0,)]


def test_it_is_handed_over_again_until_it_is_answered_and_to_no_other_device(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(phones.TIMES, "again_s", 0.0)
    other = field.tell("phone-1", "report_location")
    number = field.tell("phone-2", "report_location")

    def call() -> list[Any]:
        answer = httpx.post(field.address, json=Phone().location(time.time()), trust_env=False, timeout=deadline(20))
        found: list[Any] = answer.json()
        return found

    asked = [{"_type": "cmd", "action": "reportLocation"}]
    wait_for(lambda: call() == asked, "it hears of it")
    assert call() == asked
    assert field.state(number)[0] == "sent"
    assert field.state(number)[2] >= 2
    field.rows("update command set expires_at = now()")
    wait_for(lambda: call() == [], "it is over")
    assert field.state(other)[2] >= 1  # by MQTT
