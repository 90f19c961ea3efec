"""The door for HTTP on a real socket: from a device's request to the tables, and what it does under pressure."""

from __future__ import annotations

import logging
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest

from domain.wire.teltonika_frames import crc16
from ingest.background import PartError
from ingest.directory import Device, Holder
from ingest.doors.http import HttpDoor
from ingest.doors.inbox import Fate, Inbox, Outcome, Parcel
from ingest.prepare import Preparer
from ingest.service import Ingest, IngestConfig
from store.registry import DeviceSpec, Registry
from store.secrets import new_token, token_hash
from tests.contract.mosquitto import Mosquitto, executable, free_port, mosquitto
from tests.deadlines import deadline
from tests.integration.ingest.test_teltonika_door import BLOCK, HELLO, IMEI, Tracker8, connects
from tests.logins import of_ingest, of_tracker
from tests.stack import command, environment, settled, wait_for
from tests.unit.wire.test_formats import OWNTRACKS
from tests.unit.wire.test_osmand import JSON_BODY
from tracker.service import Tracker, TrackerConfig

needs_mosquitto = pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto")
TOKEN = "token-of-a-device"
STORED = Outcome(Fate.STORED)
HOLDER = Holder("main/phone-1", Device(1, 1, 0), frozenset({"PHONE1"}), speaks_for_others=False)


# ---------------------------------------------------------------- the door alone, its inbox in our hands
@contextmanager
def door(inbox: Inbox, **limits: Any) -> Iterator[HttpDoor]:
    found = HttpDoor(
        "127.0.0.1", 0, inbox, lambda digest: HOLDER if digest == token_hash(TOKEN) else None, **limits
    )  # fmt: skip
    found.start()
    try:
        yield found
    finally:
        found.stop()


def client(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=deadline(20), trust_env=False)


def telemetry(http: httpx.Client, body: bytes = b'{"temperature":4.5}', token: str = TOKEN) -> httpx.Response:
    return http.post(f"/api/v1/{token}/telemetry", content=body)


def take(inbox: Inbox) -> Parcel:
    (found,) = inbox.take(1, 0, 10)
    return found


def test_a_message_is_answered_when_it_is_durable_and_not_before() -> None:
    inbox = Inbox()
    with door(inbox) as found, client(found.port) as http, ThreadPoolExecutor() as pool:
        asked = pool.submit(telemetry, http)
        parcel = take(inbox)
        assert (parcel.format, parcel.sender) == ("thingsboard", token_hash(TOKEN))
        with pytest.raises(TimeoutError):
            asked.result(0.2)
        parcel.done(STORED)
        assert asked.result(10).status_code == 200


def test_a_full_inbox_answers_at_once() -> None:
    inbox = Inbox(parcels_max=1)
    assert inbox.offer(Parcel("thingsboard", b"", b"x", lambda _: None))
    with door(inbox) as found, client(found.port) as http:
        answer = telemetry(http)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        take(inbox)  # room again, on the same connection
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(telemetry, http)
            take(inbox).done(STORED)
            assert asked.result(10).status_code == 200


def test_a_large_body_is_refused_while_it_is_sent() -> None:
    with door(Inbox()) as found, client(found.port) as http:
        assert telemetry(http, b"x" * (64 * 1024 + 1)).status_code == 413
        assert telemetry(http, token="wrong").status_code == 401
        with socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as raw:
            raw.sendall(
                f"POST /api/v1/{TOKEN}/telemetry HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n".encode()
            )
            assert raw.recv(4096).startswith(b"HTTP/1.1 413")
            assert until_closed(raw)


def until_closed(raw: socket.socket) -> bool:
    while raw.recv(4096):
        pass
    return True


@pytest.mark.parametrize("head", [b"", b"GET /osmand/x HTTP/1.1\r\nx-slow: "], ids=["silent", "slow"])
def test_a_connection_that_brings_no_request_is_closed_in_time(head: bytes) -> None:
    with (
        door(Inbox(), idle_s=1) as found,
        socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as raw,
    ):
        stop = threading.Event()

        def trickle() -> None:
            with suppress(OSError):
                while head and not stop.wait(0.1):
                    raw.sendall(b"x")

        raw.sendall(head)
        trickling = threading.Thread(target=trickle)
        trickling.start()
        began = time.monotonic()
        with suppress(ConnectionResetError):
            until_closed(raw)
        assert time.monotonic() - began < deadline(5)
        stop.set()
        trickling.join()


def test_an_idle_connection_is_closed_after_its_answer_too() -> None:
    with (
        door(Inbox(), idle_s=1) as found,
        socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as raw,
    ):
        raw.sendall(b"GET /osmand/wrong?lat=1 HTTP/1.1\r\nhost: x\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 404")
        assert until_closed(raw)


def test_there_are_only_so_many_connections_and_the_oldest_idle_one_makes_room() -> None:
    with door(Inbox(), max_connections=2) as found:
        address = ("127.0.0.1", found.port)
        held = [socket.create_connection(address, timeout=deadline(10)) for _ in range(2)]
        for each in held:  # both are in
            each.sendall(b"GET /osmand/wrong?lat=1 HTTP/1.1\r\nhost: x\r\n\r\n")
            assert each.recv(4096).startswith(b"HTTP/1.1 404")
        with client(found.port) as third:
            assert telemetry(third, token="wrong").status_code == 401
        with suppress(ConnectionResetError):
            assert until_closed(held[0])
        held.pop().close()

        def in_again() -> bool:
            try:
                with client(found.port) as http:
                    return telemetry(http, token="wrong").status_code == 401
            except httpx.TransportError:
                return False

        wait_for(in_again, "room for one")
        held.pop().close()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /osmand/x HTTP/1.1\r\nx-long: " + b"x" * 200_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS on a plain port
        b"POST /owntracks HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /owntracks HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        bytes(range(256)) * 40,
    ],
    ids=["long head", "tls", "two lengths", "bad chunk", "garbage"],
)
def test_rubbish_ends_its_own_connection_only(raw: bytes) -> None:
    with door(Inbox()) as found, client(found.port) as http:
        with (
            socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as bad,
            suppress(ConnectionError),
        ):
            bad.sendall(raw)
            answer = bad.recv(4096)
            assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
        assert telemetry(http, token="wrong").status_code == 401


def test_no_log_line_of_the_server_holds_a_token(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox(parcels_max=0)
    with caplog.at_level(logging.DEBUG), door(inbox) as found, client(found.port) as http, ThreadPoolExecutor() as pool:
        asked = pool.submit(telemetry, http)
        take(inbox).done(Outcome(Fate.LATER, "no"))
        assert asked.result(10).status_code == 503
        assert telemetry(http, token="wrong-" + TOKEN).status_code == 401
        assert (
            http.get(f"/osmand/{TOKEN}", headers={"upgrade": "websocket", "connection": "upgrade"}).status_code == 400
        )
    ours = [each.getMessage() for each in caplog.records if not each.name.startswith("http")]
    assert [line for line in ours if TOKEN in line] == []


def test_a_closing_door_finishes_what_is_under_way_and_lets_nobody_in() -> None:
    inbox = Inbox()
    with door(inbox) as found, client(found.port) as http, ThreadPoolExecutor() as pool:
        asked = pool.submit(telemetry, http)
        parcel = take(inbox)
        closing = pool.submit(found.stop)
        wait_for(lambda: not connects(found.port), "nobody is let in")
        assert not closing.done()
        parcel.done(STORED)
        assert asked.result(10).status_code == 200
        closing.result(10)
        assert not found.is_alive()


def test_what_does_not_become_durable_before_the_door_has_closed_is_to_be_sent_again() -> None:
    inbox = Inbox()
    with door(inbox, grace_s=1) as found, client(found.port) as http, ThreadPoolExecutor() as pool:
        asked = pool.submit(telemetry, http)
        parcel = take(inbox)
        found.stop()
        assert asked.result(10).status_code == 503
        parcel.done(STORED)  # too late, and nobody minds


def test_a_port_that_is_taken_is_said_at_once() -> None:
    with door(Inbox()) as found, pytest.raises(OSError, match="in use"):
        HttpDoor("127.0.0.1", found.port, Inbox(), lambda _: None).start()


# ---------------------------------------------------------------- the whole way
class World:
    """Ingest and tracker on a fresh database, with the doors open."""

    def __init__(self, dsn: str, broker: Mosquitto, *, open_ids: bool = False) -> None:
        self.dsn, self.port, self.teltonika_port = dsn, free_port(), free_port()
        config = IngestConfig(
            of_ingest(dsn),
            broker.url_for("ingest"),
            teltonika_port=self.teltonika_port,
            device_http_port=self.port,
            device_http_open_ids=open_ids,
        )
        self.stop = threading.Event()
        self.failure: list[PartError] = []
        self.ingest, self.tracker = Ingest(config, self.stop), Tracker(TrackerConfig(of_tracker(dsn)), self.stop)
        self.threads = [threading.Thread(target=self._run, daemon=True), threading.Thread(target=self.tracker.run)]

    def _run(self) -> None:
        try:
            self.ingest.run()
        except PartError as error:
            self.failure.append(error)

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        wait_for(lambda: connects(self.port), "the door is open")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(deadline(20))
        assert not any(thread.is_alive() for thread in self.threads)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        wait_for(lambda: settled(self.dsn), "the tracker is done")
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as found:
        yield found


def add(dsn: str, name: str, kind: str = "phone", **more: Any) -> str:
    token = new_token()
    with psycopg.connect(dsn) as connection:
        Registry(connection).put_device(DeviceSpec(name, kind, **more), http_token_sha256=token_hash(token))
    return token


def forms(token: str) -> dict[str, Callable[[httpx.Client], httpx.Response]]:
    """The same place, 60.17 N 24.94 E at 10 m/s, in each way of saying it."""
    place = "timestamp=1700000000&lat=60.17&lon=24.94&speed=19.438444924406&batt=67"
    coords = '{"latitude":60.17,"longitude":24.94,"speed":10}'
    inner = f'{{"timestamp":"2023-11-14T22:13:20Z","coords":{coords},"battery":{{"level":0.67}}}}'
    login = {"authorization": "Basic " + b64encode(f"me:{token}".encode()).decode()}
    thing = b'{"ts":1700000000000,"values":{"latitude":60.17,"longitude":24.94,"speed":10,"battery":67}}'
    return {
        "thingsboard": lambda http: http.post(f"/api/v1/{token}/telemetry", content=thing),
        "osmand query": lambda http: http.get(f"/osmand/{token}?{place}"),
        "osmand form": lambda http: http.post(f"/osmand/{token}", content=place.encode()),
        "osmand json": lambda http: http.post(f"/osmand/{token}", content=f'{{"location":{inner}}}'.encode()),
        "owntracks": lambda http: http.post(f"/owntracks/{token}", content=OWNTRACKS),
        "owntracks basic": lambda http: http.post("/owntracks?u=me&d=phone", content=OWNTRACKS, headers=login),
    }


@needs_mosquitto
@pytest.mark.parametrize("form", forms(""))
def test_a_place_reaches_the_table_before_it_is_answered_and_once(database: str, broker: Mosquitto, form: str) -> None:
    token = add(database, "phone-1", vehicle="van-1")
    with World(database, broker) as world, client(world.port) as http:
        for n in range(3):  # the same again, as a device does that missed its answer
            answer = forms(token)[form](http)
            assert (answer.status_code, answer.text) == (200, "[]" if form.startswith("owntracks") else "")
            if n == 0:
                with psycopg.connect(database) as connection:
                    assert connection.execute("select sum(position) > 0 from log_head").fetchone() == (True,)
        places = world.rows(
            "select extract(epoch from time)::int, lat, lon, round(speed_mps::numeric, 6)::float from reading_position"
        )
        assert places == [(1_700_000_000, 60.17, 24.94, 10.0)]
        assert world.rows("select round(battery_ratio::numeric, 3)::float from reading_status") == [(0.67,)]
        assert world.rows("select count(*) from quarantine") == [(0,)]
    assert world.failure == []


def test_a_device_is_added_with_a_token_of_which_only_the_hash_is_kept(database: str, tmp_path: Path) -> None:
    words = command("device", "add", "phone-9", "--kind", "phone", "--http")
    settings = environment(FROSTWAY_DATABASE_URL=database)
    said = subprocess.run(
        words, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=deadline(60), check=True
    )
    named = dict(line.split(" ", 1) for line in said.stdout.splitlines())
    assert list(named) == ["user", "password", "http_token"]
    with psycopg.connect(database) as connection:
        kept = connection.execute("select http_token_sha256 from device").fetchall()
    assert kept == [(token_hash(named["http_token"]),)]


@needs_mosquitto
def test_what_cannot_be_read_is_safe_in_quarantine_so_its_sender_may_forget_it_and_hears_why(
    database: str, broker: Mosquitto
) -> None:
    token = add(database, "phone-1", vehicle="van-1")
    with World(database, broker) as world, client(world.port) as http:
        answer = http.post(f"/owntracks/{token}", content=b'{"_type":"location"')
        assert (answer.status_code, answer.text) == (200, "[]")
        answer = http.get(f"/osmand/{token}?lat=95&lon=10&timestamp=1700000000")
        assert (answer.status_code, answer.text.startswith("set aside: invalid: ")) == (200, True)
        assert telemetry(http, b'{"temperature":4.5}', token).status_code == 200  # its neighbours go on
        kept = world.rows("select tenant, device, topic, payload, reason from quarantine order by id")
        assert kept == [
            ("main", "phone-1", "fw/v1/main/phone-1/owntracks", b'{"_type":"location"', "malformed"),
            ("main", "phone-1", "fw/v1/main/phone-1/osmand", b"lat=95&lon=10&timestamp=1700000000", "invalid"),
        ]
        assert world.rows("select temp_c from reading_temperature") == [(4.5,)]


@needs_mosquitto
def test_a_gateway_speaks_for_registered_devices_and_a_phone_for_itself(database: str, broker: Mosquitto) -> None:
    phone, hub = add(database, "phone-1"), add(database, "hub-1", "connector")
    add(database, "van-phone", vehicle="van-1", foreign_id="8737767034")
    with World(database, broker) as world, client(world.port) as http:
        json = {"content-type": "application/json"}
        assert http.post(f"/osmand/{phone}", content=JSON_BODY, headers=json).status_code == 404
        assert http.post(f"/osmand/{hub}", content=JSON_BODY, headers=json).status_code == 200
        assert http.get(f"/osmand/{hub}?id=stranger&lat=1&lon=2").status_code == 404
        found = world.rows("select d.name, p.lat from reading_position p join device d on d.id = p.device_id")
        assert found == [("van-phone", -6.1148)]
        assert world.rows("select count(*) from quarantine") == [(0,)]


@needs_mosquitto
def test_a_traccar_server_and_flespi_bring_a_fleet_with_its_strangers_named(database: str, broker: Mosquitto) -> None:
    hub = add(database, "hub-1", "gateway")
    add(database, "gps-7", vehicle="van-1", foreign_id="868120000000001")
    at = datetime.now(UTC).isoformat()
    position = {"deviceTime": at, "fixTime": at, "valid": True, "latitude": 60.5, "longitude": 24.5, "speed": 36}
    parameters = {"timestamp": time.time() - 60, "position.latitude": 61.5, "position.longitude": 24.5}
    with World(database, broker) as world, client(world.port) as http:
        for ident in ("868120000000001", "868120000000002"):
            forwarded = {"position": position, "device": {"uniqueId": ident}}
            assert http.post(f"/traccar/{hub}", json=forwarded).status_code == 200
            assert http.post(f"/flespi/{hub}", json=[{**parameters, "ident": ident}]).status_code == 200
        stored = (
            "select d.name, p.lat, p.speed_mps from reading_position p join device d on d.id = p.device_id order by lat"
        )
        assert world.rows(stored) == [("gps-7", 60.5, pytest.approx(18.52, abs=0.001)), ("gps-7", 61.5, None)]
        assert world.rows("select distinct name from stranger") == [("868120000000002",)]


@needs_mosquitto
def test_an_id_without_a_token_comes_in_only_where_that_is_allowed(database: str, broker: Mosquitto) -> None:
    add(database, "van-phone", vehicle="van-1", foreign_id="8737767034")
    json = {"content-type": "application/json"}
    with World(database, broker) as world, client(world.port) as http:
        assert http.post("/", content=JSON_BODY, headers=json).status_code == 404
    with World(database, broker, open_ids=True) as world, client(world.port) as http:
        assert http.post("/", content=JSON_BODY, headers=json).status_code == 200
        assert http.get("/?id=8737767035&lat=1&lon=2").status_code == 404
        assert world.rows("select round(speed_mps::numeric, 2)::float from reading_position") == [(18.67,)]


@needs_mosquitto
def test_a_revoked_device_is_refused_at_once_and_its_token_stays_dead(database: str, broker: Mosquitto) -> None:
    token = add(database, "phone-1")
    with World(database, broker) as world, client(world.port) as http:
        assert telemetry(http, token=token).status_code == 200
        with psycopg.connect(database) as connection:
            Registry(connection).revoke_device("phone-1")
        wait_for(lambda: telemetry(http, token=token).status_code == 401, "it is refused", 2)
        renewed = add(database, "phone-1")
        wait_for(lambda: telemetry(http, token=renewed).status_code == 200, "the new token is good", 2)
        assert telemetry(http, token=token).status_code == 401
        with psycopg.connect(database) as connection:
            Registry(connection).revoke_device("phone-1")
            Registry(connection).rotate_device("phone-1", "x")  # back, but without a token
        wait_for(lambda: telemetry(http, token=renewed).status_code == 401, "it is refused", 2)


def test_no_way_back_revives_the_token_of_a_revoked_device(database: str) -> None:
    backs: list[Callable[[Registry], object]] = [
        lambda registry: registry.put_device(DeviceSpec("phone-1", "phone")),
        lambda registry: registry.rotate_device("phone-1", "x"),
    ]
    for back in backs:
        add(database, "phone-1")
        with psycopg.connect(database) as connection:
            back(Registry(connection))
            kept = connection.execute("select http_token_sha256 is not null from device").fetchall()
            assert kept == [(True,)]  # a device that was not revoked keeps its own
            connection.execute("update device set revoked_at = now()")
            back(Registry(connection))
            kept = connection.execute("select revoked_at, http_token_sha256 from device").fetchall()
            assert kept == [(None, None)]


@needs_mosquitto
def test_after_a_restart_the_same_token_is_good_and_a_repeat_stores_nothing_more(
    database: str, broker: Mosquitto
) -> None:
    token = add(database, "phone-1", vehicle="van-1")
    for _ in range(2):
        with World(database, broker) as world, client(world.port) as http:
            assert http.post(f"/owntracks/{token}", content=OWNTRACKS).status_code == 200
            assert world.rows("select count(*) from reading_position") == [(1,)]


@needs_mosquitto
@pytest.mark.parametrize("way", ["http", "teltonika"])
def test_a_failure_behind_the_doors_ends_ingest_instead_of_leaving_them_dead(
    database: str, broker: Mosquitto, way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = add(database, "phone-1")
    add(database, "fmb-1", "tracker", vehicle="truck-9", foreign_id=IMEI)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    with World(database, broker) as world, caplog.at_level(logging.CRITICAL):
        monkeypatch.setattr(Preparer, "prepare", broken)
        if way == "http":
            with client(world.port) as http:
                assert telemetry(http, token=token).status_code == 503
        else:
            device = Tracker8(world.teltonika_port)
            assert device.ask(HELLO, 1) == b"\x01"
            packet = bytes(4) + len(BLOCK).to_bytes(4, "big") + BLOCK + crc16(BLOCK).to_bytes(4, "big")
            assert device.ask(packet, 4) == b""  # not acknowledged
            device.sock.close()
        world.threads[0].join(deadline(20))
        assert not world.threads[0].is_alive()
        (failure,) = world.failure
        assert isinstance(failure, PartError)
        assert isinstance(failure.__cause__, ZeroDivisionError)
        assert not connects(world.port)
        assert not connects(world.teltonika_port)


@needs_mosquitto
def test_a_door_that_cannot_be_opened_ends_ingest_with_one_line(database: str, broker: Mosquitto) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = IngestConfig(database, broker.url_for("ingest"), device_http_port=taken.getsockname()[1])
        with pytest.raises(PartError, match=r"^the door http cannot listen: Address already in use"):
            Ingest(config, threading.Event()).run()
