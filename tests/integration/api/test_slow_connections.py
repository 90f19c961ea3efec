"""Clients that connect and say nothing, say it too slowly, or do not read: they go after seconds, and hinder nobody."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from api.http import middleware
from serving import pace
from serving.connection import Limits
from tests.deadlines import deadline
from tests.integration.api.seed import T0, World, client, serving
from tests.stack import wait_for

POST = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
FAST = Limits(connections=200, per_network=100, head_s=0.5, idle_s=0.5)
DEADLINE_S = deadline(30.0)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    yield world
    world.close()


def dial(url: str, small_window: bool = False) -> socket.socket:
    parts = urlsplit(url)
    raw = socket.socket()
    if small_window:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(DEADLINE_S)
    raw.connect((parts.hostname, parts.port))
    return raw


def closed(raw: socket.socket) -> bool:
    """Whether the other side ends the connection before the deadline; what it says until then does not matter."""
    with suppress(ConnectionError):
        while raw.recv(65536):
            pass
    return True


def silent(raw: socket.socket) -> None:
    del raw


def half_a_head(raw: socket.socket) -> None:
    raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")


def keeps_alive(raw: socket.socket) -> None:
    raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")


def half_a_second_head(raw: socket.socket) -> None:
    raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHo")


def half_a_body(raw: socket.socket) -> None:
    raw.sendall(POST + b"Content-Length: 99\r\n\r\n{")


def half_a_chunk(raw: socket.socket) -> None:
    raw.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")


BEGINNINGS = [silent, half_a_head, keeps_alive, half_a_second_head, half_a_body, half_a_chunk]


@pytest.mark.parametrize("begins", BEGINNINGS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("drips", [False, True], ids=["then nothing", "then drips"])
def test_whoever_brings_no_whole_request_goes(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch, begins: Callable[[socket.socket], None], drips: bool
) -> None:
    monkeypatch.setattr(middleware, "BODY_S", 0.5)
    with serving(database, limits=FAST) as url, dial(url) as raw:
        begins(raw)
        until = time.monotonic() + DEADLINE_S
        raw.settimeout(0.1)
        while True:
            assert time.monotonic() < until, "it was kept"
            try:
                if not raw.recv(65536):
                    break
            except TimeoutError:
                if drips:
                    with suppress(OSError):
                        raw.sendall(b"x")
            except ConnectionError:
                break


def test_a_body_in_time_is_read_whatever_its_pieces(world: World, url_of: Callable[..., Any]) -> None:
    with url_of(limits=FAST) as url, dial(url) as raw:
        raw.sendall(POST + b"Content-Length: 31\r\n\r\n")
        for byte in b'{"user":"ann","password":"abc"}':
            raw.sendall(bytes([byte]))
        assert raw.recv(100).startswith(b"HTTP/1.1 401")


@pytest.fixture
def url_of(database: str) -> Callable[..., Any]:
    return lambda **settings: serving(database, **settings)


def test_idle_connections_make_room_for_who_has_a_request(world: World, database: str) -> None:
    """More idle connections than there are places: everybody else is served at once, and not by waiting for them."""
    few = Limits(connections=50, per_network=1000, head_s=600, idle_s=600)
    with serving(database, limits=few) as url, ExitStack() as held:
        crowd = [held.enter_context(dial(url)) for _ in range(120)]
        for each in crowd[::2]:
            with suppress(OSError):
                half_a_head(each)
        for _ in range(20):
            assert httpx.get(f"{url}/healthz", timeout=DEADLINE_S).status_code == 200
        operator = {"Authorization": f"Bearer {world.token()}"}

        def told() -> bool:
            text = httpx.get(f"{url}/metrics", headers=operator).text
            return 'frostway_api_refused_total{reason="too_many"}' in text

        wait_for(told, "the count of those that had to go")


def test_a_network_has_its_share_of_connections(world: World, database: str) -> None:
    """The oldest idle one of a network over its share goes, those of others stay. Loopback is made no proxy here."""
    limits = Limits(connections=1000, per_network=10, head_s=600, idle_s=600)
    with serving(database, limits=limits, trusted_proxies="192.0.2.1") as url, ExitStack() as held:
        crowd = [held.enter_context(dial(url)) for _ in range(11)]
        assert closed(crowd[0])
        keeps_alive(crowd[-1])
        assert crowd[-1].recv(100).startswith(b"HTTP/1.1 200")


@contextmanager
def dripping(url: str, request: bytes, count: int) -> Iterator[list[socket.socket]]:
    """Connections that have asked and do not read."""
    with ExitStack() as held:
        found = [held.enter_context(dial(url, small_window=True)) for _ in range(count)]
        for each in found:
            each.sendall(request)
        yield found


def test_an_answer_that_is_not_read_ends_and_its_memory_with_it(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SEND_S", 0.5)
    world.partitions()
    world.run(
        "insert into reading_position (time, received_at, device_id, boot_id, seq, flags, lat, lon) "
        "select %s + make_interval(secs => n), %s, %s, 0, n, 0, 60 + random() / 10, 24 + random() / 10 "
        "from generate_series(0, 40000) n",
        T0, T0, world.ids["gps-01"],
    )  # fmt: skip
    token = world.token()
    track = (
        f"GET /api/v1/vehicles/truck-01/track?from=2026-11-22T00:00:00Z&to=2026-11-24T00:00:00Z&max_points=20000 "
        f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    with serving(database, limits=FAST) as url, dripping(url, track, 8) as crowd:
        for each in crowd:
            assert each.recv(1)  # an answer has begun
        operator = {"Authorization": f"Bearer {world.token('admin', 'operator')}"}

        def all_cut() -> bool:
            text = httpx.get(f"{url}/metrics", headers=operator).text
            found = next(line for line in text.splitlines() if line.startswith("frostway_api_connections "))
            return float(found.split()[1]) == 1  # the one that asks

        wait_for(all_cut, "the end of those that do not read")
        with client(url, token) as api:
            assert api.get("/api/v1/vehicles").status_code == 200


def test_the_limit_of_open_files_is_raised_at_the_start(world: World, database: str, tmp_path: Path) -> None:
    """A program started with few files allowed (`ulimit -S`) holds more connections than that."""
    from tests.stack import command, environment  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = command("api")
    shell = ["/bin/sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh", *words]
    settings = environment(
        FROSTWAY_DATABASE_URL=database, FROSTWAY_HTTP_PORT=str(port), FROSTWAY_DATA_DIR=str(tmp_path)
    )
    program = psutil.Popen(shell, env=settings, cwd=tmp_path)
    try:
        url = f"http://127.0.0.1:{port}"

        def up() -> bool:
            with suppress(httpx.TransportError):
                return httpx.get(f"{url}/healthz").status_code == 200
            return False

        wait_for(up, "the api")
        with ExitStack() as held:
            for _ in range(150):
                held.enter_context(dial(url))
            assert httpx.get(f"{url}/healthz", timeout=DEADLINE_S).status_code == 200
    finally:
        program.terminate()
        program.wait(deadline(30))
