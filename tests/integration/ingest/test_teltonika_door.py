"""Teltonika trackers on a real socket: acknowledged when durable and not before, and one bad guest harms no other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain.wire.teltonika_frames import crc16
from ingest.doors.inbox import Fate, Inbox, Outcome, Parcel
from ingest.doors.teltonika import HELD_BYTES, TeltonikaDoor
from ingest.service import Ingest, IngestConfig
from store.quarantine import Quarantine
from store.registry import DeviceSpec, Registry
from tests.contract.mosquitto import executable, mosquitto
from tests.deadlines import deadline
from tests.logins import of_ingest, of_tracker
from tests.stack import settled, wait_for
from tests.unit.wire.test_formats import CODEC_8
from tracker.service import Tracker, TrackerConfig

IMEI = "356307042441013"
STORED = Outcome(Fate.STORED)
HELLO = b"\x00\x0f" + IMEI.encode()
# The documentation's record, with 9 satellites at 60.17 N, 24.94 E, 36 km/h.
PLACE = (249_400_000).to_bytes(4, "big") + (601_700_000).to_bytes(4, "big") + bytes.fromhex("000A005A090024")


def packet(block: bytes) -> bytes:
    return bytes(4) + len(block).to_bytes(4, "big") + block + crc16(block).to_bytes(4, "big")


BLOCK = bytes.fromhex(CODEC_8)
FIX = BLOCK[:11] + PLACE + BLOCK[26:]


class Tracker8:
    """A device on a TCP connection."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=deadline(10))

    def ask(self, raw: bytes, size: int) -> bytes:
        self.sock.sendall(raw)
        return self.read(size)

    def read(self, size: int) -> bytes:
        got = b""
        while len(got) < size and (more := self.sock.recv(size - len(got))):
            got += more
        return got


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(parcels_max=2)


@pytest.fixture
def door(inbox: Inbox) -> Iterator[TeltonikaDoor]:
    found = TeltonikaDoor("127.0.0.1", 0, inbox, lambda imei: imei == IMEI, full_wait_s=0.2)
    found.start()
    yield found
    found.stop()


def take(inbox: Inbox) -> Parcel:
    (found,) = inbox.take(1, 0, 10)
    return found


def test_a_packet_is_acknowledged_when_it_is_durable_and_not_before(door: TeltonikaDoor, inbox: Inbox) -> None:
    device = Tracker8(door.port)
    assert device.ask(HELLO, 1) == b"\x01"
    device.sock.sendall(packet(BLOCK))
    parcel = take(inbox)
    assert (parcel.format, parcel.sender, parcel.payload) == ("teltonika", IMEI, BLOCK)
    device.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        device.sock.recv(4)
    device.sock.settimeout(10)
    parcel.done(STORED)
    assert device.read(4) == (1).to_bytes(4, "big")
    device.sock.close()


def test_an_unknown_imei_is_refused(door: TeltonikaDoor) -> None:
    device = Tracker8(door.port)
    assert device.ask(b"\x00\x0f" + b"9" * 15, 2) == b"\x00"
    device.sock.close()


def test_a_packet_with_a_wrong_checksum_is_asked_for_again(door: TeltonikaDoor, inbox: Inbox) -> None:
    device = Tracker8(door.port)
    device.ask(HELLO, 1)
    assert device.ask(packet(BLOCK)[:-1] + b"\x00", 4) == bytes(4)
    device.sock.sendall(packet(BLOCK))
    take(inbox).done(STORED)
    assert device.read(4) == (1).to_bytes(4, "big")
    device.sock.close()


def test_what_is_not_taken_is_not_acknowledged(door: TeltonikaDoor, inbox: Inbox) -> None:
    device = Tracker8(door.port)
    device.ask(HELLO, 1)
    device.sock.sendall(packet(BLOCK))
    take(inbox).done(Outcome(Fate.LATER, "the disk is full"))
    assert device.read(4) == b""
    device.sock.close()


def test_a_full_inbox_acknowledges_nothing(door: TeltonikaDoor, inbox: Inbox) -> None:
    for _ in range(2):
        assert inbox.offer(Parcel("teltonika", IMEI, b"x", lambda _: None))
    device = Tracker8(door.port)
    device.ask(HELLO, 1)
    assert device.ask(packet(BLOCK), 4) == b""
    device.sock.close()


def test_garbage_ends_its_own_connection_only(door: TeltonikaDoor, inbox: Inbox) -> None:
    good, bad = Tracker8(door.port), Tracker8(door.port)
    good.ask(HELLO, 1)
    bad.ask(HELLO, 1)
    assert bad.ask(b"\xde\xad\xbe\xef" * 8, 4) == b""
    good.sock.sendall(packet(BLOCK))
    take(inbox).done(STORED)
    assert good.read(4) == (1).to_bytes(4, "big")
    for each in (good, bad):
        each.sock.close()


def test_packets_sent_ahead_are_taken_one_after_the_other(door: TeltonikaDoor, inbox: Inbox) -> None:
    device = Tracker8(door.port)
    device.ask(HELLO, 1)
    device.sock.sendall(packet(BLOCK) + packet(FIX) + packet(BLOCK))
    for block in (BLOCK, FIX, BLOCK):
        parcel = take(inbox)
        assert (parcel.payload, len(inbox)) == (block, 0)
        parcel.done(STORED)
        assert device.read(4) == (1).to_bytes(4, "big")
    device.sock.close()


def test_a_device_that_is_far_ahead_loses_nothing(door: TeltonikaDoor, inbox: Inbox) -> None:
    ahead = 4 * HELD_BYTES // len(packet(BLOCK))
    device = Tracker8(door.port)
    device.ask(HELLO, 1)
    device.sock.sendall(packet(BLOCK) * ahead)
    for _ in range(ahead):
        take(inbox).done(STORED)
    assert device.read(4 * ahead) == (1).to_bytes(4, "big") * ahead
    device.sock.close()


def test_who_has_said_all_is_still_answered_and_then_closed(door: TeltonikaDoor, inbox: Inbox) -> None:
    device = Tracker8(door.port)
    device.ask(HELLO, 1)
    device.sock.sendall(packet(BLOCK))
    device.sock.shutdown(socket.SHUT_WR)
    take(inbox).done(STORED)
    assert device.read(5) == (1).to_bytes(4, "big")
    device.sock.close()


@pytest.mark.parametrize("begins", [b"", packet(BLOCK)[:20]], ids=["silent", "in the middle of a packet"])
def test_a_device_that_brings_no_whole_packet_in_time_is_closed(inbox: Inbox, begins: bytes) -> None:
    found = TeltonikaDoor("127.0.0.1", 0, inbox, lambda imei: imei == IMEI, idle_timeout_s=0.5)
    found.start()
    try:
        device = Tracker8(found.port)
        device.ask(HELLO, 1)
        device.sock.sendall(begins)
        assert device.read(1) == b""
        device.sock.close()
    finally:
        found.stop()


def test_a_door_that_closes_ends_idle_connections_and_waits_for_packets_under_way(
    door: TeltonikaDoor, inbox: Inbox
) -> None:
    idle, busy = Tracker8(door.port), Tracker8(door.port)
    for each in (idle, busy):
        each.ask(HELLO, 1)
    busy.sock.sendall(packet(BLOCK))
    parcel = take(inbox)
    closing = threading.Thread(target=door.stop)
    closing.start()
    assert idle.read(1) == b""
    assert door.is_alive()
    parcel.done(STORED)
    assert busy.read(5) == (1).to_bytes(4, "big")
    closing.join(deadline(10))
    assert not door.is_alive()
    for each in (idle, busy):
        each.sock.close()


def test_a_datagram_is_answered_when_it_is_durable(door: TeltonikaDoor, inbox: Inbox) -> None:
    body = b"\xca\xfe\x01\x05\x00\x0f" + IMEI.encode() + BLOCK
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.settimeout(10)
        device.sendto(len(body).to_bytes(2, "big") + body, ("127.0.0.1", door.udp_port))
        take(inbox).done(STORED)
        assert device.recv(64) == bytes.fromhex("0005cafe010501")


@pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto")
def test_a_trackers_position_reaches_the_table_before_it_is_acknowledged_and_once(
    database: str, tmp_path: Path
) -> None:
    with psycopg.connect(database) as connection:
        Registry(connection).put_device(DeviceSpec("fmb-1", "tracker", vehicle="truck-9", foreign_id=IMEI))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop = threading.Event()
    with mosquitto(tmp_path) as broker:
        ingest = Ingest(IngestConfig(of_ingest(database), broker.url_for("ingest"), teltonika_port=port), stop)
        tracker = Tracker(TrackerConfig(of_tracker(database)), stop)
        threads = [threading.Thread(target=each.run, daemon=True) for each in (ingest, tracker)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: connects(port), "the door is open")
            device = Tracker8(port)
            assert device.ask(HELLO, 1) == b"\x01"
            for _ in range(3):  # the same again, as a device does that missed its acknowledgement
                assert device.ask(packet(FIX), 4) == (1).to_bytes(4, "big")
            device.sock.close()
            wait_for(lambda: settled(database), "the tracker is done")
            with psycopg.connect(database) as connection:
                rows = connection.execute("select lat, lon, speed_mps from reading_position").fetchall()
            assert rows == [(60.17, 24.94, 10.0)]
            for _ in range(2):
                stranger = Tracker8(port)
                assert stranger.ask(b"\x00\x0f" + b"9" * 15, 1) == b"\x00"
                stranger.sock.close()
            wait_for(lambda: strangers(database) == {"9" * 15: 2}, "who knocked in vain is on the list")
        finally:
            stop.set()
            for thread in threads:
                thread.join(deadline(20))
    assert not any(thread.is_alive() for thread in threads)


def strangers(database: str) -> dict[str, int]:
    with psycopg.connect(database) as connection:
        return {each["name"]: each["messages"] for each in Quarantine(connection, "main").strangers()}


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=deadline(1)).close()
    except OSError:
        return False
    return True
