"""A broker's address and topics, and brokers that answer oddly, late or not at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from domain.brokers import check_prefix, parse_broker
from domain.webhooks import AddressError
from operations.deliver.address import networks, resolve_broker
from operations.deliver.publish import Login, Publication, publish

LOOPBACK = networks("127.0.0.0/8")
TOLD = [Publication("a/b", b"{}")]
LET_IN_5, LET_IN_3 = b"\x20\x03\x00\x00\x00", b"\x20\x02\x00\x00"


@contextmanager
def broker(*connections: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """One that says in each connection, packet by packet, what it is told to; and what it heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answers in connections:
                with server.accept()[0] as found:
                    for answer in answers:
                        heard.append(found.recv(65536))
                        found.sendall(answer)
                    while said := found.recv(65536):
                        heard.append(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"mqtt://127.0.0.1:{server.getsockname()[1]}", heard
        thread.join(5)


def test_taken_is_what_was_acknowledged() -> None:
    with broker([LET_IN_5, b"\x40\x02\x00\x01"]) as (url, heard):
        assert publish(url, Login("u", "p"), TOLD, LOOPBACK).status == 200
    assert heard[0].endswith(b"\x00\x01u\x00\x01p")
    assert heard[1][0] == 0x32
    assert heard[2] == b"\xe0\x00"


def test_one_that_knows_only_3_1_1_is_spoken_to_in_it() -> None:
    with broker([b"\x20\x02\x00\x01"], [LET_IN_3, b"\x40\x02\x00\x01"]) as (url, heard):
        assert publish(url, Login(), TOLD, LOOPBACK).status == 200
    assert [each[8] for each in heard if each[:1] == b"\x10"] == [5, 4]


@pytest.mark.parametrize(
    ("answers", "status", "error"),
    [
        ([LET_IN_5, b"\x40\x03\x00\x01\x87"], 403, "this user may not publish there"),
        ([LET_IN_5, b"\x40\x03\x00\x01\x97"], 429, "quota"),
        ([LET_IN_5, b"\x40\x03\x00\x01\x10"], 200, ""),
        ([LET_IN_5, b"\x40\x02\x00\x07"], None, "another message"),
        ([LET_IN_5, b"\xe0\x01\x89"], None, "busy"),
        ([b"\x20\x03\x00\x86\x00"], None, "user or password"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], None, ""),
        ([b"\x20\xff\xff\xff\x7f"], None, "no MQTT"),
        ([b"\x20\x00"], None, "no MQTT"),
    ],
)
def test_what_is_not_taken_is_told(answers: list[bytes], status: int | None, error: str) -> None:
    with broker(answers) as (url, _):
        found = publish(url, Login(), TOLD, LOOPBACK, timeout_s=1)
    assert found.status == status
    assert error in found.error


def test_a_broker_that_does_not_acknowledge_is_not_waited_for() -> None:
    with broker([LET_IN_5]) as (url, _):
        found = publish(url, Login(), TOLD, LOOPBACK, timeout_s=0.3)
    assert (found.status, found.error) == (None, "no answer within 0.3 s")


@pytest.mark.parametrize(
    "url",
    ["mqtt://", "http://a.example", "mqtt://u@a.example", "mqtt://u:p@a.example", "mqtt://a.example/x", "mqtt://a:0",
     "mqtt://a.example?x", "mqtt://a.example:x", "mqtt://a b", "a.example:1883"],
)  # fmt: skip
def test_what_is_no_address_of_a_broker(url: str) -> None:
    with pytest.raises(AddressError):
        parse_broker(url)


def answering(address: str) -> Any:
    return lambda *_args, **_options: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]


def test_in_the_world_only_tls_on_its_port() -> None:
    world = answering("1.1.1.1")
    assert resolve_broker("mqtts://a.example", (), world)[:2] == ("1.1.1.1", 8883)
    for url in ("mqtt://a.example", "mqtts://a.example:22", "mqtt://a.example:8883"):
        with pytest.raises(AddressError, match=r"mqtts, for|is none of"):
            resolve_broker(url, (), world)
    with pytest.raises(AddressError, match="no host in the world"):
        resolve_broker("mqtts://a.example", (), answering("10.0.0.1"))


@pytest.mark.parametrize("prefix", ["", "/a", "a/", "a//b", "a/+", "#", "$SYS/a", "a\nb", "a" * 101])
def test_what_no_topic_begins_with(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"levels|without"):
        check_prefix(prefix)
