"""Every device at every topic of every other, at a real broker: nothing is delivered, nothing is heard.

`make probe` tries more than 10 000 publishes, every run of the tests some hundred.
"""

from __future__ import annotations

import itertools
import os
import queue
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from domain.names import ENCODINGS
from frostway.broker import MosquittoBroker, choose_broker, client_id, mosquitto_hash
from frostway.broker_acl import device_topics
from frostway.secrets import Secrets
from tests.deadlines import deadline
from tests.integration.frostway.test_broker import Client, free_port, ingest, needs_mosquitto, wait_until

DEEP = os.environ.get("FROSTWAY_PROBES") == "deep"
DEEP_MIN = 9_000
EDGES = ("main/edge-1", "other/edge-1")
DEVICES = ("main/gps-1", "main/gps-10", "main/shelf-1", "other/gps-1", "other/x", *EDGES)
SPARKPLUG = ("NBIRTH", "NDATA", "NDEATH", "NCMD", "DBIRTH", "DDATA", "DDEATH", "DCMD")
NOBODYS = (  # topics that are no device's to write
    "$SYS/broker/uptime", "$CONTROL/dynamic-security/v1", "fw/v1", "fw/v1/main", "fw/v1/main/gps-1",
    "fw/v2/main/gps-1/gps", "fw/v1//gps-1/gps", "fw/v1/main//gps", "owntracks/main", "spBv1.0/STATE/host", "STATE/host",
    "homeassistant/x/config",
    "fw/v1/MAIN/gps-1/gps", "/fw/v1/main/gps-1/gps", "fw/v1/main/gps-1/gps/more",
)  # fmt: skip
LISTENS = (
    "#", "+/+/#", "fw/#", "fw/v1/#", "fw/v1/+/+/cmd", "fw/v1/+/+/receipt", "owntracks/#", "owntracks/+/+/cmd",
    "spBv1.0/#",
    "$SYS/#", "$SYS/broker/clients/total", "$share/x/#", "$share/x/fw/v1/+/+/cmd", "$CONTROL/#",
)  # fmt: skip


@pytest.fixture
def known(tmp_path: Path) -> Secrets:
    return Secrets.load_or_create(tmp_path / "secrets.json")


@pytest.fixture
def broker(tmp_path: Path, known: Secrets) -> Iterator[MosquittoBroker]:
    found = choose_broker(tmp_path / "broker", free_port(), known, tmp_path / "log", kind="mosquitto")
    assert isinstance(found, MosquittoBroker)
    found.set_devices({name: mosquitto_hash(f"{name}-pw") for name in DEVICES}, {}, set(EDGES))
    found.start()
    wait_until(found.ready, "mosquitto is ready")
    yield found
    found.stop()


def written_by(user: str) -> list[str]:
    """Topics that a device may write, and those that only ingest may write to it."""
    tenant, device = user.split("/")
    topics = [topic.removesuffix("#") + "x" if topic.endswith("#") else topic for topic in device_topics(user)]
    topics += [f"fw/v1/{user}/{word}" for word in ("receipt", "cmd")]
    topics += [f"spBv1.0/{tenant}/{said}/{device}{below}" for said in SPARKPLUG for below in ("", "/probe")]
    short = [t for t in topics if t.startswith(("owntracks", "spBv1")) or "/gps" in t[len(user) + 6 :] or "cmd" in t]
    return topics if DEEP else short


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(kind: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, low = divmod(left, 128)
        length += bytes([low | (128 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


def forge(port: int, user: str, topic: str, *, retain: bool) -> None:
    """Publishes the user's name by MQTT 3.1.1, and waits until it is acknowledged or the broker cuts it off for it.

    Each by a connection of its own: the broker may acknowledge first and cut off then.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=deadline(10)) as raw:
        head = _text("MQTT") + bytes([4, 0xC2]) + (30).to_bytes(2, "big")
        raw.sendall(_packet(0x10, head + _text(client_id(user)) + _text(user) + _text(f"{user}-pw")))
        assert raw.recv(4) == b"\x20\2\0\0"
        with suppress(ConnectionError):
            raw.sendall(_packet(0x32 | retain, _text(topic) + b"\0\1" + user.encode()))
            assert raw.recv(4) in (b"\x40\2\0\1", b"")


def heard(client: Client) -> Iterator[tuple[str, bytes]]:
    """What has come so far."""
    while True:
        try:
            yield client.messages.get_nowait()
        except queue.Empty:
            return


@needs_mosquitto
def test_what_a_device_publishes_as_another_is_delivered_to_nobody(broker: MosquittoBroker, known: Secrets) -> None:
    tried = 0
    with ingest(broker, known) as watcher:
        for part in ("fw/v1/#", "owntracks/#", "spBv1.0/#"):
            watcher.subscribe(part)
        for forger in DEVICES:
            own = {*written_by(forger)}
            others = itertools.chain(NOBODYS, *(written_by(victim) for victim in DEVICES if victim != forger))
            for topic in others:
                for retain in (False, True) if DEEP else (False,):
                    if topic not in own:
                        forge(broker.port, forger, topic, retain=retain)
                        tried += 1
            forge(broker.port, forger, f"fw/v1/{forger}/gps", retain=False)
        watcher.publish("fw/v1/main/gps-1/receipt", "all")  # behind all of them: the broker keeps the order
        found = [watcher.next_message()]
        while found[-1][1] != b"all":
            found.append(watcher.next_message())
    print(f"\n{tried:,} publishes as another")
    assert tried > (DEEP_MIN if DEEP else 500)
    assert sorted(found[:-1]) == sorted((f"fw/v1/{user}/gps", user.encode()) for user in DEVICES)


@needs_mosquitto
def test_a_device_hears_its_own_receipts_and_commands_only(broker: MosquittoBroker, known: Secrets) -> None:
    below = ("receipt", "cmd", "gps", *(f"gps{ending}" for ending in ENCODINGS if ending))
    with ExitStack() as stack, ingest(broker, known) as sender:
        ears = {user: stack.enter_context(Client(broker.port, user, f"{user}-pw")) for user in DEVICES}
        for user, ear in ears.items():
            named = [f"fw/v1/{other}/{word}" for other in DEVICES for word in below]
            tenant, device = user.split("/")
            for topic in (*LISTENS, *named, f"owntracks/{tenant}/+", f"spBv1.0/+/NCMD/{device}", f"spBv1.0/{tenant}/#"):
                ear.subscribe(topic)
            list(heard(ear))
        for user in DEVICES:
            sender.publish(f"fw/v1/{user}/cmd", f"command of {user}")
            sender.publish("spBv1.0/{}/NCMD/{}".format(*user.split("/")), f"command of {user}")
            sender.publish(f"fw/v1/{user}/receipt", f"receipt of {user}")
        for user, ear in ears.items():
            said = [ear.next_message()]
            while said[-1] != (f"fw/v1/{user}/receipt", f"receipt of {user}".encode()):
                said.append(ear.next_message())
            said += heard(ear)
            assert all(user.encode() in payload for _, payload in said), (user, said)
            assert not any(topic.startswith("$SYS") for topic, _ in said)
