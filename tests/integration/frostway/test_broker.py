"""The brokers of the embedded stack, real ones, spoken to by a real client."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from frostway import broker as brokers
from frostway.broker import (
    IotcoreBroker,
    MosquittoBroker,
    accepts,
    choose_broker,
    client_id,
    find_mosquitto,
    mosquitto_hash,
    publish_device,
    read_passwd,
    write_passwd,
)
from frostway.secrets import Secrets
from store.embedded_process import EmbeddedError
from tests.deadlines import deadline

MOSQUITTO = find_mosquitto()
needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="mosquitto is not installed: apt-get install mosquitto mosquitto-clients"
)
GPS, REEFER = "main/gps-01", "main/reefer-01"
WAIT_S = deadline(10.0)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition: Any, what: str) -> None:
    """Polls `condition`; for what announces itself by no event, like a listening port."""
    until_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until_s, f"waited in vain for: {what}"
        time.sleep(0.02)


class Client:
    """A paho client that waits for what it asked; `refused` is the reason when the broker does not let it in."""

    def __init__(self, port: int, user: str, password: str, *, clean: bool = True, v5: bool = False) -> None:
        version = paho.MQTTv5 if v5 else paho.MQTTv311
        session = {} if v5 else {"clean_session": clean}
        self.paho = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id(user), protocol=version, **session)
        self.paho.username_pw_set(user, password)
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.drops = 0
        self._acks: queue.Queue[Any] = queue.Queue()
        self.paho.on_connect = lambda _c, _u, _f, reason, _p: self._acks.put(reason)
        self.paho.on_subscribe = lambda *_: self._acks.put("subscribed")
        self.paho.on_message = lambda _c, _u, m: self.messages.put((m.topic, m.payload))
        self.paho.on_disconnect = self._on_disconnect
        self._port = port

    def _on_disconnect(self, *_: Any) -> None:
        self.drops += 1

    def __enter__(self) -> Self:
        self.paho.connect("127.0.0.1", self._port, keepalive=30)
        self.paho.loop_start()
        reason = self._acks.get(timeout=WAIT_S)
        assert not reason.is_failure, reason
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def subscribe(self, topic: str) -> None:
        self.paho.subscribe(topic, qos=1)
        assert self._acks.get(timeout=WAIT_S) == "subscribed"

    def publish(self, topic: str, payload: str) -> Any:
        sent = self.paho.publish(topic, payload, qos=1)
        sent.wait_for_publish(WAIT_S)
        return sent

    def next_message(self) -> tuple[str, bytes]:
        return self.messages.get(timeout=WAIT_S)


@pytest.fixture
def known(tmp_path: Path) -> Secrets:
    return Secrets.load_or_create(tmp_path / "secrets.json")


@pytest.fixture
def mosquitto(tmp_path: Path, known: Secrets) -> Iterator[MosquittoBroker]:
    broker = choose_broker(tmp_path / "broker", free_port(), known, tmp_path / "log", kind="mosquitto")
    assert isinstance(broker, MosquittoBroker)
    broker.set_devices({GPS: mosquitto_hash("gps-pw"), REEFER: mosquitto_hash("reefer-pw")}, {})
    broker.start()
    wait_until(broker.ready, "mosquitto is ready")
    yield broker
    broker.stop()


@pytest.fixture
def demo(tmp_path: Path, known: Secrets) -> Iterator[IotcoreBroker]:
    pytest.importorskip("iotcore")
    broker = choose_broker(tmp_path / "broker", free_port(), known, tmp_path / "log", kind="iotcore")
    assert isinstance(broker, IotcoreBroker)
    broker.set_devices({}, {GPS: "gps-pw"})
    broker.start()
    wait_until(broker.ready, "the demo broker is ready")
    yield broker
    broker.stop()


@needs_mosquitto
def test_a_gateway_may_be_a_sparkplug_edge_node_of_its_own_name_and_of_no_other(
    mosquitto: MosquittoBroker, known: Secrets
) -> None:
    edge = "main/edge-1"
    users = {name: mosquitto_hash(f"{name}-pw") for name in (edge, GPS)}
    mosquitto.set_devices(users, {}, {edge})
    mosquitto.set_devices(users, {}, {edge})  # a repeat changes nothing
    forged = [(GPS, "main/NDATA/edge-1"), (edge, "main/NBIRTH/edge-2"), (edge, "other/NBIRTH/edge-1")]
    with ingest(mosquitto, known) as host:
        host.subscribe("spBv1.0/#")
        for user, topic in forged:
            with Client(mosquitto.port, user, f"{user}-pw") as forger:  # Debian's 2.0.11 also drops its connection
                forger.publish(f"spBv1.0/{topic}", "forged")
        with Client(mosquitto.port, edge, f"{edge}-pw") as node:
            node.subscribe("spBv1.0/main/NCMD/edge-1")
            node.publish("spBv1.0/main/NBIRTH/edge-1", "birth")
            assert host.next_message() == ("spBv1.0/main/NBIRTH/edge-1", b"birth")
            node.publish("spBv1.0/main/DDATA/edge-1/probe", "data")
            assert host.next_message() == ("spBv1.0/main/DDATA/edge-1/probe", b"data")
            host.publish("spBv1.0/main/NCMD/edge-1", "rebirth")
            while (heard := host.next_message())[0] != "spBv1.0/main/NCMD/edge-1":
                assert heard[1] != b"forged"
            assert node.next_message() == ("spBv1.0/main/NCMD/edge-1", b"rebirth")


def ingest(broker: MosquittoBroker | IotcoreBroker, known: Secrets, *, clean: bool = True) -> Client:
    return Client(broker.port, "ingest", known.mqtt_ingest_password, clean=clean)


@needs_mosquitto
@pytest.mark.skipif(
    shutil.which("mosquitto_passwd") is None, reason="needs mosquitto_passwd: apt-get install mosquitto"
)
def test_our_password_hash_is_the_one_mosquitto_passwd_writes(tmp_path: Path) -> None:
    file = tmp_path / "passwd"
    file.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(file), "someone", "päss word"], check=True)
    written = read_passwd(file)["someone"]
    _, kind, iterations, salt, _ = written.split("$")
    assert kind == "7"
    assert mosquitto_hash("päss word", brokers.base64.b64decode(salt), int(iterations)) == written


@needs_mosquitto
def test_a_device_reaches_ingest_on_its_own_topic(mosquitto: MosquittoBroker, known: Secrets) -> None:
    with ingest(mosquitto, known) as listener, Client(mosquitto.port, GPS, "gps-pw") as device:
        listener.subscribe("fw/v1/+/+/gps")
        device.publish("fw/v1/main/gps-01/gps", "here")
        assert listener.next_message() == ("fw/v1/main/gps-01/gps", b"here")


@needs_mosquitto
def test_a_device_gets_its_receipt_and_nobody_elses(mosquitto: MosquittoBroker, known: Secrets) -> None:
    with ingest(mosquitto, known) as sender, Client(mosquitto.port, GPS, "gps-pw") as device:
        device.subscribe("fw/v1/main/gps-01/receipt")
        device.subscribe("fw/v1/main/reefer-01/receipt")
        device.subscribe("fw/v1/#")
        sender.publish("fw/v1/main/reefer-01/receipt", "not yours")
        sender.publish("fw/v1/main/gps-01/receipt", "yours")
        assert device.next_message() == ("fw/v1/main/gps-01/receipt", b"yours")


@needs_mosquitto
@pytest.mark.parametrize("v5", [False, True], ids=["MQTT 3.1.1", "MQTT 5"])
def test_what_a_device_publishes_under_another_name_reaches_nobody(
    mosquitto: MosquittoBroker, known: Secrets, v5: bool
) -> None:
    with ingest(mosquitto, known) as listener:
        listener.subscribe("fw/v1/+/+/gps")
        with Client(mosquitto.port, GPS, "gps-pw", v5=v5) as device:
            device.publish("fw/v1/main/reefer-01/gps", "forged")  # Debian's 2.0.11 also drops the forger's connection
        with Client(mosquitto.port, GPS, "gps-pw", v5=v5) as device:
            device.publish("fw/v1/main/gps-01/gps", "own")
        assert listener.next_message() == ("fw/v1/main/gps-01/gps", b"own")


@needs_mosquitto
def test_wrong_passwords_strangers_and_nobody_are_refused(mosquitto: MosquittoBroker) -> None:
    assert accepts("127.0.0.1", mosquitto.port, GPS, "gps-pw")
    assert not accepts("127.0.0.1", mosquitto.port, GPS, "other")
    assert not accepts("127.0.0.1", mosquitto.port, "main/stranger", "gps-pw")
    anonymous = paho.Client(CallbackAPIVersion.VERSION2)
    refused: queue.Queue[Any] = queue.Queue()
    anonymous.on_connect = lambda _c, _u, _f, reason, _p: refused.put(reason)
    anonymous.connect("127.0.0.1", mosquitto.port)
    anonymous.loop_start()
    assert refused.get(timeout=WAIT_S).is_failure
    anonymous.loop_stop()


@needs_mosquitto
def test_a_new_device_may_connect_after_a_reload_that_drops_nobody(mosquitto: MosquittoBroker, known: Secrets) -> None:
    with ingest(mosquitto, known) as listener, Client(mosquitto.port, GPS, "gps-pw") as device:
        listener.subscribe("fw/v1/+/+/gps")
        users = {GPS: mosquitto_hash("gps-pw"), "main/new": mosquitto_hash("new-pw")}
        mosquitto.set_devices(users, {})
        wait_until(lambda: accepts("127.0.0.1", mosquitto.port, "main/new", "new-pw"), "the new device is let in")
        assert not accepts("127.0.0.1", mosquitto.port, REEFER, "reefer-pw")
        device.publish("fw/v1/main/gps-01/gps", "still here")
        assert listener.next_message()[1] == b"still here"
        assert (listener.drops, device.drops) == (0, 0)


@needs_mosquitto
def test_another_program_lets_a_device_in_by_the_run_file(mosquitto: MosquittoBroker, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(f'{{"pids": {{"broker": {mosquitto.pid}}}}}')
    assert publish_device(tmp_path, "main/late", "late-pw")
    wait_until(lambda: accepts("127.0.0.1", mosquitto.port, "main/late", "late-pw"), "the device is let in")
    assert accepts("127.0.0.1", mosquitto.port, GPS, "gps-pw")
    (tmp_path / "run.json").write_text(f'{{"pids": {{"broker": {os.getpid()}}}}}')
    assert not publish_device(tmp_path, "main/later", "pw"), "a reused pid must not be signalled"


@needs_mosquitto
def test_the_readiness_probe_leaves_the_session_of_ingest_alone(mosquitto: MosquittoBroker, known: Secrets) -> None:
    with ingest(mosquitto, known, clean=False) as listener:
        listener.subscribe("fw/v1/+/+/gps")
    with Client(mosquitto.port, GPS, "gps-pw") as device:
        device.publish("fw/v1/main/gps-01/gps", "while ingest was away")
    assert mosquitto.ready()
    with ingest(mosquitto, known, clean=False) as listener:
        assert listener.next_message()[1] == b"while ingest was away"
        assert mosquitto.ready()
        assert listener.drops == 0


@needs_mosquitto
def test_a_backlog_survives_a_stop_and_start(mosquitto: MosquittoBroker, known: Secrets) -> None:
    with ingest(mosquitto, known, clean=False) as listener:
        listener.subscribe("fw/v1/+/+/gps")
    with Client(mosquitto.port, GPS, "gps-pw") as device:
        device.publish("fw/v1/main/gps-01/gps", "kept")
    mosquitto.stop()
    mosquitto.start()
    wait_until(mosquitto.ready, "mosquitto is ready again")
    with ingest(mosquitto, known, clean=False) as listener:
        assert listener.next_message()[1] == b"kept"


@needs_mosquitto
def test_mosquitto_runs_unprivileged_with_files_that_only_it_may_read(
    mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    process = psutil.Process(mosquitto.pid)
    assert 0 not in process.uids() or os.geteuid() != 0
    assert (tmp_path / "broker").stat().st_mode & 0o777 == 0o700
    for name in ("passwd", "acl", "mosquitto.conf"):
        assert (tmp_path / "broker" / name).stat().st_mode & 0o777 == 0o600
    listening = {c.laddr.ip for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


@needs_mosquitto
def test_a_killed_mosquitto_starts_again(mosquitto: MosquittoBroker) -> None:
    pid = mosquitto.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: mosquitto.poll() is not None, "mosquitto has ended")
    assert not mosquitto.ready()
    mosquitto.spawn()
    wait_until(mosquitto.ready, "mosquitto is ready again")
    assert mosquitto.pid != pid


def test_the_password_file_refuses_what_would_break_its_lines(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a user"):
        write_passwd(tmp_path / "passwd", {"a:b": "hash"})
    with pytest.raises(ValueError, match="not a user"):
        write_passwd(tmp_path / "passwd", {"a": "hash\nroot:x"})
    assert list(tmp_path.iterdir()) == []


def test_insisting_on_an_absent_mosquitto_says_how_to_get_it(
    tmp_path: Path, known: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    with pytest.raises(EmbeddedError, match="apt-get install mosquitto"):
        choose_broker(tmp_path, 1, known, tmp_path, kind="mosquitto")
    assert choose_broker(tmp_path, 1, known, tmp_path).is_demo


def test_the_demo_broker_carries_messages_checks_passwords_and_says_what_it_lacks(
    demo: IotcoreBroker, known: Secrets
) -> None:
    with ingest(demo, known, clean=False) as listener, Client(demo.port, GPS, "gps-pw") as device:
        listener.subscribe("fw/v1/+/+/gps")
        device.publish("fw/v1/main/gps-01/gps", "x" * 100_000)
        assert listener.next_message()[1] == b"x" * 100_000
    assert not accepts("127.0.0.1", demo.port, GPS, "other")
    assert "no per-device ACL, nothing kept over restart" in demo.last_words()
    process = psutil.Process(demo.pid)
    assert {c.laddr.ip for c in process.net_connections(kind="inet")} == {"127.0.0.1"}


def test_the_demo_broker_ends_for_a_new_device_and_knows_it_when_started_again(demo: IotcoreBroker) -> None:
    demo.set_devices({}, {GPS: "gps-pw"})
    assert demo.poll() is None, "nothing changed, so it goes on"
    demo.set_devices({}, {GPS: "gps-pw", "main/new": "new-pw"})
    wait_until(lambda: demo.poll() is not None, "the demo broker has ended")
    demo.spawn()
    wait_until(demo.ready, "the demo broker is ready again")
    assert accepts("127.0.0.1", demo.port, "main/new", "new-pw")


def test_addresses_carry_the_slash_of_a_device_name_encoded(tmp_path: Path, known: Secrets) -> None:
    broker = IotcoreBroker(tmp_path, 1883, known, tmp_path)
    assert broker.url_for(GPS, "p@ss") == "mqtt://main%2Fgps-01:p%40ss@127.0.0.1:1883"
