"""Mosquitto on the network: TLS of today, a login, and another certificate under the hands of those who publish."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import paho.mqtt.client as paho
import pytest

from firmware_sim.link import Link, MqttTarget, Network, TargetError
from firmware_sim.run import Credentials
from frostway.broker import MosquittoBroker, accepts, find_mosquitto, mosquitto_hash, network_broker
from frostway.certificates import Authority, Identity, own, utc_now
from frostway.secrets import Secrets
from ingest.mqtt.receiver import ReceiverConfig, ReceiverError, trust
from ingest.mqtt.receivers import RECEIVERS
from store.embedded_process import EmbeddedError
from tests.integration.frostway.test_broker import WAIT_S, Client, free_port, wait_until

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")

OUTSIDE = "127.0.0.2"
DEVICES = [f"main/gps-{n:02}" for n in range(50)]
MESSAGES_PER_ROUND = 20


class Site(NamedTuple):
    """A broker on the network, its authority, and where it is."""

    broker: MosquittoBroker
    known: Secrets
    authority: Authority
    port: int
    ca_file: Path

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority.pem)

    def shown(self) -> bytes:
        """The certificate that somebody who connects now is shown."""
        with (
            socket.create_connection((OUTSIDE, self.port)) as raw,
            self.trusting().wrap_socket(raw, server_hostname=OUTSIDE) as wrapped,
        ):
            found = wrapped.getpeercert(binary_form=True)
        assert found
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("network")
    known, port = Secrets.load_or_create(folder / "secrets.json"), free_port()
    identity = own(folder / "tls", [OUTSIDE], utc_now())
    authority = Authority.load(folder / "tls")
    assert authority is not None
    broker = network_broker(folder / "broker", free_port(), known, folder / "log", (OUTSIDE, port))
    broker.set_certificate(identity.pem)
    broker.set_devices({user: mosquitto_hash(f"{user}-pw") for user in DEVICES}, {})
    broker.start()
    try:
        wait_until(broker.ready, "mosquitto is ready")
        yield Site(broker, known, authority, port, folder / "tls/ca.pem")
    finally:
        broker.stop()


class Outsider(Client):
    """A device on the network: TLS, and only whom it trusts."""

    def __init__(self, site: Site, user: str, password: str, trusted: ssl.SSLContext) -> None:
        super().__init__(site.port, user, password)
        self.paho.tls_set_context(trusted)

    def __enter__(self) -> Self:
        self.paho.connect(OUTSIDE, self._port, keepalive=30)
        self.paho.loop_start()
        reason = self._acks.get(timeout=100)
        assert not reason.is_failure, reason
        return self


def test_a_device_that_knows_the_authority_publishes_from_the_network(site: Site) -> None:
    with Client(site.broker.port, "ingest", site.known.mqtt_ingest_password) as reader:
        reader.subscribe("fw/v1/#")
        with Outsider(site, DEVICES[0], f"{DEVICES[0]}-pw", site.trusting()) as device:
            device.publish(f"fw/v1/{DEVICES[0]}/gps", "here")
        assert reader.next_message() == (f"fw/v1/{DEVICES[0]}/gps", b"here")


def test_a_device_on_the_network_has_the_rules_of_one_on_loopback(site: Site) -> None:
    with Client(site.broker.port, "ingest", site.known.mqtt_ingest_password) as reader:
        reader.subscribe("fw/v1/#")
        for forger in (DEVICES[1], DEVICES[2]):
            with Outsider(site, forger, f"{forger}-pw", site.trusting()) as device:
                device.publish(f"fw/v1/{DEVICES[0]}/gps", "forged")
        with Outsider(site, DEVICES[1], f"{DEVICES[1]}-pw", site.trusting()) as device:
            device.publish(f"fw/v1/{DEVICES[1]}/gps", "mine")
        assert reader.next_message() == (f"fw/v1/{DEVICES[1]}/gps", b"mine")


def test_a_device_on_the_network_cannot_take_over_the_session_of_another(site: Site) -> None:
    with Outsider(site, DEVICES[0], f"{DEVICES[0]}-pw", site.trusting()) as victim:
        for name in (DEVICES[0], "main.gps-00"):
            thief = Outsider(site, DEVICES[1], f"{DEVICES[1]}-pw", site.trusting())
            thief.paho._client_id = name.encode()
            with thief:
                thief.publish(f"fw/v1/{DEVICES[1]}/gps", "mine")
        victim.publish(f"fw/v1/{DEVICES[0]}/gps", "still here")
        assert victim.drops == 0


def test_who_does_not_know_the_authority_or_asks_for_another_name_sends_no_password(site: Site) -> None:
    other_name = site.trusting()
    for trusted, host, why in [
        (ssl.create_default_context(), OUTSIDE, "self-signed|local issuer"),
        (other_name, "127.0.0.3", "mismatch"),
    ]:
        with (
            socket.create_connection((OUTSIDE, site.port)) as raw,
            pytest.raises(ssl.SSLCertVerificationError, match=why),
        ):
            trusted.wrap_socket(raw, server_hostname=host)


@pytest.mark.parametrize("kind", RECEIVERS)
def test_ingest_takes_readings_over_the_network_when_it_is_given_the_authority(site: Site, kind: str) -> None:
    url = f"mqtts://ingest:{site.known.mqtt_ingest_password}@{OUTSIDE}:{site.port}"
    trusting = ReceiverConfig.from_url(url, ["fw/v1/+/+/gps"], tls_context=trust(str(site.ca_file)))
    receiver = RECEIVERS[kind](trusting)
    receiver.connect()
    try:
        with Outsider(site, DEVICES[0], f"{DEVICES[0]}-pw", site.trusting()) as device:
            device.publish(f"fw/v1/{DEVICES[0]}/gps", "here")
        group = receiver.receive(1, 0.0, 100.0)
        assert [message[1] for message in group.messages] == [b"here"]
        receiver.acknowledge(group)
    finally:
        receiver.close()


def test_a_simulated_device_connects_when_it_is_given_the_authority(site: Site) -> None:
    login = f"{quote(DEVICES[0], safe='')}:{quote(f'{DEVICES[0]}-pw', safe='')}"
    env = {
        "FROSTWAY_MQTT_URL": f"mqtts://{login}@{OUTSIDE}:{site.port}",
        "FROSTWAY_MQTT_CA_FILE": str(site.ca_file),
    }
    target = Credentials.from_environment(env).target("gps-00")
    assert target is not None
    network = Network()
    link = Link(network, target, "gps-00", lambda *_: None, lambda: None)
    try:
        until_s = time.monotonic() + WAIT_S
        while not link.up and time.monotonic() < until_s:
            network.pump(time.monotonic(), 0.1)
        assert (link.up, link.failures) == (True, 0)
    finally:
        network.close()


def test_an_authority_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    garbage = tmp_path / "ca.pem"
    garbage.write_text("garbage")
    for file, why in [
        (garbage, "holds no certificate in PEM"),
        (tmp_path / "none.pem", "cannot read .*: No such file"),
    ]:
        with pytest.raises(ReceiverError, match=f"FROSTWAY_MQTT_CA_FILE: .*{why}"):
            trust(str(file))
        with pytest.raises(TargetError, match=f"FROSTWAY_MQTT_CA_FILE: .*{why}"):
            MqttTarget.from_url("mqtts://h", ca_file=str(file))


@pytest.mark.parametrize(
    ("user", "password"), [("", ""), (DEVICES[0], "wrong"), ("stranger", "x")], ids=["nobody", "wrong", "stranger"]
)
def test_without_a_login_nobody_gets_in(site: Site, user: str, password: str) -> None:
    refused: queue.Queue[Any] = queue.Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="someone")
    if user:
        client.username_pw_set(user, password)
    client.tls_set_context(site.trusting())
    client.on_connect = lambda _c, _u, _f, reason, _p: refused.put(reason)
    client.on_disconnect = lambda _c, _u, _f, reason, _p: refused.put(reason)
    client.connect(OUTSIDE, site.port)
    client.loop_start()
    try:
        assert refused.get(timeout=100).is_failure
    finally:
        client.loop_stop()


def test_in_the_clear_the_network_gets_nothing(site: Site) -> None:
    user, password = "health", site.known.mqtt_health_password
    assert accepts("127.0.0.1", site.broker.port, user, password)
    assert not accepts(OUTSIDE, site.port, user, password), "plain MQTT where TLS is spoken"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((OUTSIDE, site.broker.port))


def _old(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    return context


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
def test_tls_older_than_1_2_is_refused(site: Site) -> None:
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with (
            socket.create_connection((OUTSIDE, site.port)) as raw,
            pytest.raises(OSError, match=r"(?i)version|reset|eof"),
        ):
            _old(version).wrap_socket(raw)
    with (
        socket.create_connection((OUTSIDE, site.port)) as raw,
        _old(ssl.TLSVersion.TLSv1_2).wrap_socket(raw) as wrapped,
    ):
        assert wrapped.version() == "TLSv1.2"


def _new_certificate(site: Site) -> Identity:
    return site.authority.issue([OUTSIDE], utc_now())


def test_another_certificate_drops_none_of_fifty_who_publish_and_loses_nothing(site: Site) -> None:
    trusted, rounds = site.trusting(), 4
    heard: Counter[str] = Counter()
    total = len(DEVICES) * rounds * MESSAGES_PER_ROUND
    whole = threading.Event()

    def count(_c: object, _u: object, message: paho.MQTTMessage) -> None:
        heard[f"{message.topic} {message.payload.decode()}"] += 1
        if len(heard) == total:
            whole.set()

    with contextlib.ExitStack() as inside:
        reader = inside.enter_context(Client(site.broker.port, "ingest", site.known.mqtt_ingest_password))
        reader.paho.on_message = count
        reader.subscribe("fw/v1/+/+/gps")
        devices = {user: inside.enter_context(Outsider(site, user, f"{user}-pw", trusted)) for user in DEVICES}
        seen = {site.shown()}
        sent = []
        for turn in range(rounds):
            for n in range(MESSAGES_PER_ROUND):
                if turn and n == MESSAGES_PER_ROUND // 2:  # while what was published before is still on its way
                    site.broker.set_certificate(_new_certificate(site).pem)
                for user, device in devices.items():
                    sent.append(device.paho.publish(f"fw/v1/{user}/gps", f"{turn}-{n}", qos=1))
            if turn:
                wait_until(lambda: site.shown() not in seen, "who connects now is shown the new certificate")
                seen.add(site.shown())
        for message in sent:
            message.wait_for_publish(100)
        assert whole.wait(100), f"{len(heard)} of {total}"
        assert {user: device.drops for user, device in devices.items() if device.drops} == {}
    assert set(heard.values()) == {1}
    assert len(seen) == rounds


def test_without_mosquitto_the_network_is_refused_in_one_line(
    tmp_path: Path, known: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EmbeddedError, match=r"--lan needs Mosquitto.*apt-get install mosquitto"):
        network_broker(tmp_path / "broker", 1, known, tmp_path, (OUTSIDE, 2), kind="iotcore")
    monkeypatch.setattr("frostway.broker.find_mosquitto", lambda: None)
    with pytest.raises(EmbeddedError, match=r"--lan needs Mosquitto.*apt-get install mosquitto"):
        network_broker(tmp_path / "broker", 1, known, tmp_path, (OUTSIDE, 2))


@pytest.fixture
def known(tmp_path: Path) -> Secrets:
    return Secrets.load_or_create(tmp_path / "secrets.json")


def test_started_without_the_network_it_shows_no_certificate_and_keeps_no_key(site: Site, tmp_path: Path) -> None:
    known = Secrets.load_or_create(tmp_path / "secrets.json")
    folder = tmp_path / "broker"
    broker = network_broker(folder, free_port(), known, tmp_path / "log", (OUTSIDE, free_port()))
    broker.set_certificate(_new_certificate(site).pem)
    program = find_mosquitto()
    assert program is not None
    plain = MosquittoBroker(program, folder, free_port(), known, tmp_path / "log")
    plain.start()
    try:
        wait_until(plain.ready, "mosquitto is ready")
        assert not (folder / "server.pem").exists()
        assert "certfile" not in (folder / "mosquitto.conf").read_text()
    finally:
        plain.stop()
