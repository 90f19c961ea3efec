"""Whom a real Mosquitto refuses is counted, logged and audited: who, from where, how often; and never a flood of it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from frostway.broker import MosquittoBroker, client_id
from ingest import broker_log
from ingest.broker_log import LINES_MAX, BrokerLog, Lines, Refusal, followed, refused_total
from ingest.mqtt import codec
from store.link import Link
from tests.integration.api.seed import registry_of, rows
from tests.integration.frostway.test_broker import (
    GPS,
    REEFER,
    WAIT_S,
    Client,
    known,
    mosquitto,
    needs_mosquitto,
    wait_until,
)
from tests.logins import of_ingest

__all__ = ["known", "mosquitto"]

AUDIT = """select t.name, a.actor, a.action, a.subject, (a.detail ->> 'times')::int from audit a
           join tenant t on t.id = a.tenant_id where a.action like 'broker.%%' order by a.action, a.subject, a.actor"""


def counted(reason: str) -> float:
    return refused_total.labels(reason)._value.get()


def knock(port: int, user: str, password: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as wire:
        wire.sendall(codec.encode_connect(client_id(user), user, password, keepalive_s=60))
        assert wire.recv(4) == b"\x20\x02\x00\x05"  # CONNACK: not authorised


@pytest.fixture
def follower(tmp_path: Path, database: str) -> Iterator[BrokerLog]:
    link = Link(of_ingest(database), "test")
    (tmp_path / "log").mkdir()
    (tmp_path / "log/broker.log").touch()
    yield BrokerLog(tmp_path / "log/broker.log", link, threading.Event())
    link.close()


def said(follower: BrokerLog, tmp_path: Path, *lines: str) -> None:
    with (tmp_path / "log/broker.log").open("a") as file:
        file.write("".join(f"1795856766: {line}\n" for line in lines))
    follower.look()


@needs_mosquitto
def test_wrong_passwords_and_denied_publishes_are_counted_and_audited(
    mosquitto: MosquittoBroker, database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords, publishes = counted("password"), counted("publish")
    with caplog.at_level(logging.WARNING), followed(tmp_path / "log/broker.log", of_ingest(database)):
        for _ in range(3):
            knock(mosquitto.port, GPS, "a guess")
        with Client(mosquitto.port, GPS, "gps-pw") as device:
            device.publish(f"fw/v1/{GPS}/gps", "{}")  # its own: nothing to tell
            for _ in range(2):
                device.paho.publish(f"fw/v1/{REEFER}/temp", "{}", qos=1)
            wait_until(lambda: device.drops, "the broker cuts it off")
            wait_until(lambda: counted("password") == passwords + 3, "wrong passwords are counted")
            wait_until(lambda: counted("publish") > publishes, "the denied publish is counted")
    cut, wrong = sorted(rows(database, AUDIT), key=lambda row: str(row[2]), reverse=True)
    assert cut[:4] == ("main", "network 127.0.0.1", "broker.publish_refused", GPS)
    assert wrong == ("main", "network 127.0.0.1", "broker.password_refused", "unknown", 3)
    assert f"the broker refused publish: '{GPS}' from 127.0.0.1" in caplog.text
    assert "the broker refused password: 'unknown' from 127.0.0.1, 3 times" in caplog.text
    assert "a guess" not in caplog.text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ("New connection from 203.0.113.9:4711 on port 1883.", "Client <unknown> disconnected, not authorised."),
            Refusal("password", "unknown", "203.0.113.9"),
        ),
        (
            (
                "New connection from 2001:db8:1:2::7:4711 on port 1883.",
                "Client <unknown> disconnected, not authorised.",
            ),
            Refusal("password", "unknown", "2001:db8:1:2::/64"),
        ),
        (
            ("New connection from 203.0.113.9 on port 1883.", "Client <unknown> disconnected, not authorised."),
            Refusal("password", "unknown", "203.0.113.9"),
        ),
        (
            ("Client main/gps-01 [203.0.113.9:4711] disconnected: not authorised.",),
            Refusal("password", "main/gps-01", "203.0.113.9"),
        ),
        (("Client <unknown> disconnected, not authorised.",), Refusal("password", "unknown", "unknown")),
        (
            (
                "New connection from 203.0.113.9:4711 on port 1883.",
                "New client connected from 203.0.113.9:4711 as main/gps-01 (p2, c1, k30, u'main/gps-01').",
                "Bad socket read/write on client main/gps-01: Unknown error.",
            ),
            Refusal("publish", "main/gps-01", "203.0.113.9"),
        ),
        (
            ("Client main/gps-01 disconnected due to retain not supported.",),
            Refusal("publish", "main/gps-01", "unknown"),
        ),
        (("Client main/gps-01 disconnected.",), None),
        (("Client main/gps-01 has exceeded timeout, disconnecting.",), None),
        (("Bad socket read/write on client main/gps-02: Connection reset by peer.",), None),
        (("New client connected from 203.0.113.9:4711 as x",), None),
        (("", "\x00\ufffd", "Client  disconnected, not authorised."), None),
    ],
)
def test_a_line_of_the_log_is_understood_or_left_alone(lines: tuple[str, ...], expected: Refusal | None) -> None:
    reader = Lines()
    assert [reader.read(f"1795856766: {line}") for line in lines][-1] == expected


def test_who_was_let_in_is_not_taken_for_the_one_with_the_wrong_password() -> None:
    reader = Lines()
    for line in (
        "New connection from 203.0.113.9:1 on port 1883.",
        "New connection from 198.51.100.7:2 on port 1883.",
        "New client connected from 198.51.100.7:2 as main/gps-01 (p2, c1, k30, u'main/gps-01').",
    ):
        assert reader.read(f"1: {line}") is None
    found = reader.read("1: Client <unknown> disconnected, not authorised.")
    assert found == Refusal("password", "unknown", "203.0.113.9")


def test_of_a_device_and_a_minute_there_is_one_row_and_a_flood_ends_in_one_for_all_others(
    follower: BrokerLog, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_log, "LOOK_S", 0.0)
    before = counted("password")
    for n in range(1_000):
        address = f"198.51.{n // 250}.{n % 250 + 1}"
        said(
            follower,
            tmp_path,
            *(f"New connection from {address}:4711 on port 1883.", "Client <unknown> disconnected, not authorised.")
            * 2,
        )
    assert rows(database, AUDIT) == []  # the minute is not over
    follower.look(at_once=True)
    found = rows(database, AUDIT)
    assert (len(found), sum(row[4] for row in found)) == (LINES_MAX + 1, 2_000)
    assert ("main", "network many networks", "broker.password_refused", "others", 2 * (1_000 - LINES_MAX)) in found
    assert counted("password") == before + 2_000


def test_a_minute_after_the_first_refusal_it_is_written_down(
    follower: BrokerLog, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(follower, tmp_path, "Client main/gps-01 disconnected due to QoS too high or retain not supported.")
    follower.look()
    assert rows(database, AUDIT) == []
    now = broker_log.time.monotonic()
    monkeypatch.setattr(broker_log.time, "monotonic", lambda: now + broker_log.WINDOW_S)
    follower.look()
    assert rows(database, AUDIT) == [("main", "network unknown", "broker.publish_refused", "main/gps-01", 1)]
    follower.look(at_once=True)
    assert len(rows(database, AUDIT)) == 1  # nothing is told twice


def test_a_refusal_stands_in_the_trail_of_the_tenant_it_is_of(
    follower: BrokerLog, database: str, tmp_path: Path
) -> None:
    from store.db import connect  # noqa: PLC0415

    with connect(database, "test") as c:
        registry_of(c, "other")
    for who in ("other/gps-01", "third/gps-01"):
        said(follower, tmp_path, f"Client {who} disconnected due to retain not supported.")
    follower.look(at_once=True)
    assert [(tenant, subject) for tenant, _, _, subject, _ in rows(database, AUDIT)] == [
        ("other", "other/gps-01"),
        ("main", "third/gps-01"),
    ]


def test_a_log_that_is_cut_or_comes_late_is_followed_from_its_beginning(database: str, tmp_path: Path) -> None:
    link = Link(of_ingest(database), "test")
    path = tmp_path / "log/broker.log"
    follower = BrokerLog(path, link, threading.Event())
    follower.look()  # there is none yet
    path.parent.mkdir()
    line = "Client main/gps-01 disconnected due to retain not supported."
    said(follower, tmp_path, line, line)
    path.write_text("")
    follower.look()
    said(follower, tmp_path, line)
    with path.open("a") as file:
        file.write("1795856766: Client main/gps-01 disconn")  # half a line
    follower.look()
    with path.open("a") as file:
        file.write("ected due to retain not supported.\n")
    follower.look(at_once=True)
    assert [row[4] for row in rows(database, AUDIT)] == [4]
    link.close()


def test_what_was_in_the_log_before_is_not_told_again(database: str, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/broker.log").write_text("1: Client main/gps-01 disconnected due to retain not supported.\n")
    with followed(tmp_path / "log/broker.log", of_ingest(database)):
        pass
    assert rows(database, AUDIT) == []


def test_without_a_database_a_refusal_is_in_the_log_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_log, "PATIENCE_S", 0.1)
    (tmp_path / "log").mkdir()
    follower = BrokerLog(
        tmp_path / "log/broker.log", Link("host=127.0.0.1 port=1 dbname=none", "test"), threading.Event()
    )
    said(follower, tmp_path, "Client main/gps-01 disconnected due to retain not supported.")
    follower.look(at_once=True)
    assert "the broker refused publish: 'main/gps-01' from unknown, 1 times" in caplog.text
    assert "could not be written down" in caplog.text
