"""One device with a good password cannot exhaust the broker: what it may not do, it cannot make the broker keep.

Each attack is a client that sends as fast as it can and never reads. Measured are the broker's memory, which must stay
below 1.5 times what it was, and (printed: this machine is shared) how long other devices' readings take meanwhile.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from frostway.broker import MosquittoBroker, choose_broker, find_mosquitto, mosquitto_hash
from frostway.secrets import Secrets
from ingest.mqtt import codec
from tests.integration.frostway.test_broker import GPS, Client, free_port, ingest, wait_until

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")

ATTACKER = "main/evil-1"
ATTACK_BYTES = 64_000_000
GROWTH_MAX = 1.5
PROBES = 200


@pytest.fixture
def known(tmp_path: Path) -> Secrets:
    return Secrets.load_or_create(tmp_path / "secrets.json")


@pytest.fixture
def broker(tmp_path: Path, known: Secrets) -> Iterator[MosquittoBroker]:
    made = choose_broker(tmp_path / "broker", free_port(), known, tmp_path / "log", kind="mosquitto")
    assert isinstance(made, MosquittoBroker)
    made.set_devices({ATTACKER: mosquitto_hash("pw"), GPS: mosquitto_hash("gps-pw")}, {}, {ATTACKER})
    made.start()
    wait_until(made.ready, "mosquitto is ready")
    yield made
    made.stop()


def _publish(topic: str, n: int, *, qos: int = 1, retain: bool = False, size: int = 1000) -> bytes:
    packet_id = n % 65_535 + 1 if qos else 0
    packet = codec.encode_publish(topic.encode(), b"x" * size, qos=1 if qos else 0, packet_id=packet_id, retain=retain)
    return bytes([packet[0] & 0xF9 | qos << 1]) + packet[1:]


ATTACKS: dict[str, Callable[[int], bytes]] = {
    "its own receipts": lambda n: _publish(f"fw/v1/{ATTACKER}/receipt", n),
    "its own receipts, QoS 0": lambda n: _publish(f"fw/v1/{ATTACKER}/receipt", n, qos=0),
    "its own commands as an edge node": lambda n: _publish("spBv1.0/main/NCMD/evil-1", n),
    "its devices' commands as an edge node": lambda n: _publish("spBv1.0/main/DCMD/evil-1/x", n),
    "retained, one topic": lambda n: _publish(f"fw/v1/{ATTACKER}/gps", n, retain=True),
    "retained, a new topic each": lambda n: _publish(f"fw/v1/{ATTACKER}/ble/{n}", n, retain=True),
    "QoS 2 without an end": lambda n: _publish(f"fw/v1/{ATTACKER}/gps", n, qos=2, size=60_000),
    "topics of its own making": lambda n: _publish(f"fw/v1/{ATTACKER}/{n}", n, retain=True),
}


def _attack(port: int, packet: Callable[[int], bytes], stop: threading.Event) -> None:
    """Connects, subscribes to all that it might hear, sends without reading; again each time it is thrown out.

    Goes on until it is told to stop and has tried for long enough.
    """
    filters = [f"fw/v1/{ATTACKER}/#", "spBv1.0/main/+/evil-1/#"]
    sent = n = 0
    while not (stop.is_set() and sent >= ATTACK_BYTES):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as wire:
            wire.sendall(
                codec.encode_connect("evil", ATTACKER, "pw", keepalive_s=60) + codec.encode_subscribe(1, filters)
            )
            while not (stop.is_set() and sent >= ATTACK_BYTES):
                part = b"".join(packet(n + i) for i in range(20))
                sent, n = sent + len(part), n + 20
                wire.sendall(part)
        sent += 200_000  # a round that was ended at once counts, too


def _latencies_s(broker: MosquittoBroker, listener: Client) -> list[float]:
    """From a device's publish to the listener, one after the other."""
    found = []
    with Client(broker.port, GPS, "gps-pw") as device:
        for n in range(PROBES):
            word, began_s = f"probe {n}".encode(), time.monotonic()
            device.publish(f"fw/v1/{GPS}/gps", word.decode())
            while listener.next_message()[1] != word:
                pass
            found.append(time.monotonic() - began_s)
    return sorted(found)


def _watch(process: psutil.Process, attacker: threading.Thread, sizes: list[int]) -> None:
    while attacker.is_alive():
        sizes.append(process.memory_info().rss)
        attacker.join(0.02)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_of_one_device_makes_the_broker_grow(
    broker: MosquittoBroker, known: Secrets, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert broker.pid is not None
    process, stop, sizes = psutil.Process(broker.pid), threading.Event(), [0]
    with ingest(broker, known) as listener:
        listener.subscribe("fw/v1/#")
        quiet = _latencies_s(broker, listener)
        idle = process.memory_info().rss
        attacker = threading.Thread(target=_attack, args=(broker.port, ATTACKS[name], stop))
        watcher = threading.Thread(target=_watch, args=(process, attacker, sizes))
        attacker.start()
        watcher.start()
        try:
            under = _latencies_s(broker, listener)
        finally:
            stop.set()
            watcher.join()
    p99 = [1000 * each[len(each) * 99 // 100] for each in (quiet, under)]
    with capsys.disabled():
        print(f"\n{name}: broker {idle / 1e6:.1f} -> {max(sizes) / 1e6:.1f} MB, p99 {p99[0]:.1f} -> {p99[1]:.1f} ms")
    assert max(sizes) < GROWTH_MAX * idle
