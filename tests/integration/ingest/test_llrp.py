"""The bridge from LLRP to a real broker: reads arrive whatever happens to reader, network and broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from firmware_sim.llrp_reader import Reader as SimReader
from firmware_sim.llrp_reader import Server, Tag, Ways
from frostway.broker import MosquittoBroker
from frostway.cli.work.llrp import login_of
from frostway.failure import Failure
from frostway.secrets import Secrets
from ingest.llrp import bridge as bridges
from ingest.llrp.bridge import Bridge, Reader
from ingest.llrp.publisher import Publisher
from ingest.mqtt.receiver import Endpoint
from ingest.spool import Spool
from tests.deadlines import deadline
from tests.integration.frostway.test_broker import GPS, Client, known, mosquitto, needs_mosquitto, wait_until

__all__ = ["known", "mosquitto"]

pytestmark = needs_mosquitto
TOPIC = f"fw/v1/{GPS}"


class Running:
    """A bridge and its publisher, as the command runs them."""

    def __init__(self, folder: Path, port: int, reader_port: int, bytes_max: int = 1 << 20) -> None:
        self.stop = threading.Event()
        self.spool = Spool(folder, bytes_max)
        self.spool.open()
        self.bridge = Bridge(Reader("127.0.0.1", reader_port), TOPIC, self.spool, self.stop, 5.0)
        self.publisher = Publisher(self.spool, Endpoint("127.0.0.1", port, GPS, "gps-pw", tls=False), None, self.stop)
        self._threads = [threading.Thread(target=each.run) for each in (self.bridge, self.publisher)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(deadline(10))
            assert not thread.is_alive()
        self.spool.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridges, "LINGER_S", 0.05)
    monkeypatch.setattr(bridges, "FULL_S", 0.05)


@pytest.fixture
def listener(mosquitto: MosquittoBroker, known: Secrets) -> Iterator[Client]:
    with Client(mosquitto.port, "ingest", known.mqtt_ingest_password) as client:
        client.subscribe("fw/v1/#")
        yield client


def tags(first: int, count: int = 3) -> list[Tag]:
    return [Tag(f"{first + n:024X}", 1 + n % 4, -40 - n % 8) for n in range(count)]


def heard(client: Client, wanted: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < wanted:
        topic, payload = client.next_message()
        if topic == f"{TOPIC}/status":
            assert orjson.loads(payload).keys() == {"t", "batt"}
            continue
        assert topic == f"{TOPIC}/reads"
        found += orjson.loads(payload)
    return found


def test_reads_arrive_in_order_in_pieces_together_and_after_the_cable_was_pulled(
    tmp_path: Path, mosquitto: MosquittoBroker, listener: Client, quick: None
) -> None:
    server = Server(SimReader(Ways(piece_bytes=3)))
    running = Running(tmp_path / "spool", mosquitto.port, server.port)
    try:
        assert server.started.wait(deadline(10))
        server.tell(tags(0), tags(3), tags(6))
        assert [int(each["epc"], 16) for each in heard(listener, 9)] == list(range(9))
        server.drop()
        assert server.started.wait(deadline(10))
        server.tell(tags(9))
        (one, *_) = heard(listener, 3)
        assert (int(one["epc"], 16), one["ant"], one["rssi"]) == (9, 1, -40)
    finally:
        running.close()
        server.close()


def test_reads_wait_on_disk_while_the_broker_is_away_and_the_reader_waits_when_it_is_full(
    tmp_path: Path, mosquitto: MosquittoBroker, known: Secrets, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    server, rounds = Server(SimReader(Ways(uptime=True))), 40
    with Client(mosquitto.port, "ingest", known.mqtt_ingest_password, clean=False) as client:
        client.subscribe("fw/v1/#")
    mosquitto.stop()
    running = Running(tmp_path / "spool", mosquitto.port, server.port, bytes_max=20_000)
    try:
        assert server.started.wait(deadline(10))
        with caplog.at_level(logging.WARNING):
            for n in range(rounds):
                server.tell(tags(100 * n, 100))
            wait_until(lambda: "which is all it may" in caplog.text, "the spool is full")
        assert 1 <= caplog.text.count("the reader waits until the broker takes some of it") <= 2
        assert caplog.text.count("reads are kept on disk") <= 2
        assert running.spool.held_bytes <= 20_000
        assert running.bridge.reads < rounds * 100
        mosquitto.start()
        wait_until(mosquitto.ready, "mosquitto is ready")
        with Client(mosquitto.port, "ingest", known.mqtt_ingest_password, clean=False) as client:
            assert {int(each["epc"], 16) for each in heard(client, rounds * 100)} == set(range(rounds * 100))
        wait_until(lambda: running.spool.held_bytes == 0, "the broker has taken all")
    finally:
        running.close()
        server.close()


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff" * 100], ids=["ssh", "noise"])
def test_a_stranger_is_named_once(
    tmp_path: Path,
    mosquitto: MosquittoBroker,
    garbage: bytes,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridges, "FIRST_S", 0.02)
    server = Server(SimReader(Ways(garbage=garbage)))
    tries = 0

    def hello(_: int) -> bytes:
        nonlocal tries
        tries += 1
        return garbage

    monkeypatch.setattr(server.reader, "hello", hello)
    with caplog.at_level(logging.ERROR):
        running = Running(tmp_path / "spool", mosquitto.port, server.port)
        wait_until(lambda: tries >= 3, "it was tried again")
        running.close()
    server.close()
    assert [record.message.count("does not speak LLRP") for record in caplog.records] == [1]


def test_where_a_reader_is_and_who_it_is_are_understood_or_named(tmp_path: Path) -> None:
    known_ones = {"dock": ("dock", 5084), "10.0.0.7:99": ("10.0.0.7", 99), "[fe80::1]:7": ("fe80::1", 7)}
    for text, wanted in {**known_ones, "fe80::1": ("fe80::1", 5084)}.items():
        assert Reader.of(text) == wanted
    for text in ("", ":1", "dock:x", "dock:70000"):
        with pytest.raises(ValueError, match="write HOST"):
            Reader.of(text)
    file = tmp_path / "login"
    file.write_text("user main/dock-1\npassword x-1\nmqtt_url mqtt://here\n")
    assert login_of(file) == ("main/dock-1", "x-1")
    file.write_text("password x-1\n")
    with pytest.raises(Failure, match="frostway device add"):
        login_of(file)
