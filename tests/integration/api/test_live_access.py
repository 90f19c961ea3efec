"""Who may open a socket, what it may send, and when it is closed."""

import asyncio
import json
import socket as sockets
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from contextlib import suppress

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.feed import hub as live
from api.feed import socket
from tests.deadlines import deadline
from tests.integration.api.seed import World, rows, serving

SUBSCRIBE = json.dumps({"type": "subscribe", "topics": ["vehicles"]})


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.account("ann")
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


def run(work: Awaitable[None]) -> None:
    async def all_of_it() -> None:
        await work

    asyncio.run(all_of_it())


def open_socket(url: str, token: str = "", **headers: str) -> connect:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return connect(url.replace("http", "ws") + "/ws/v1", additional_headers=headers, max_size=None)


async def closing(socket: ClientConnection, timeout_s: float = deadline(5)) -> int:
    """The code a socket is closed with."""
    async with asyncio.timeout(timeout_s):
        await heard_until_closed(socket)
    return socket.close_code or 0


async def heard_until_closed(socket: ClientConnection) -> list[str]:
    """The kinds of messages until the end."""
    kinds = []
    with suppress(ConnectionClosed):
        while True:
            kinds.append(json.loads(await socket.recv())["type"])
    return kinds


def test_a_browser_comes_in_with_its_cookie_and_from_our_own_pages_only(world: World, url: str) -> None:
    async def status(**headers: str) -> int:
        try:
            async with open_socket(url, **headers) as socket:
                await socket.send(SUBSCRIBE)
                return 101 if json.loads(await socket.recv())["type"] == "snapshot" else 0
        except InvalidStatus as refused:
            return refused.response.status_code

    async def work() -> None:
        async with httpx.AsyncClient(base_url=url) as api:
            await api.post("/api/v1/login", json={"user": "ann", "password": "correct horse"})
            cookie = f"fw_session={api.cookies['fw_session']}"
        assert await status(Cookie=cookie, Origin=url) == 101
        for origin in ("https://evil.test", "null", url + ".evil.test", url.replace("http", "ftp")):
            assert await status(Cookie=cookie, Origin=origin) == 403
            assert await status(Authorization=f"Bearer {world.token()}", Origin=origin) == 403
        assert await status(Cookie=cookie) == 403
        assert await status(Cookie="fw_session=junk", Origin=url) == 403
        assert await status(Authorization="Bearer junk") == 403
        assert await status(Authorization=f"Bearer {world.token()}") == 101

    run(work())


def test_a_program_may_sign_in_with_its_first_message(world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "AUTH_S", 0.3)

    async def work() -> None:
        async with open_socket(url) as good:
            await good.send(json.dumps({"type": "auth", "token": world.token("viewer")}))
            await good.send(SUBSCRIBE)
            assert json.loads(await good.recv())["type"] == "snapshot"
        for first in (json.dumps({"type": "auth", "token": "junk"}), SUBSCRIBE, "junk", b"\x00", None):
            async with open_socket(url) as bad:
                if first is not None:
                    await bad.send(first)
                assert await closing(bad) == 1008

    run(work())


NO_SUBSCRIPTIONS = (
    b"binary",
    "not json",
    "[]",
    "null",
    '{"type":"subscribe","topics":["*"]}',
    '{"type":"subscribe","topics":["vehicles"],"tenant":"other"}',
    '{"type":"subscribe","topics":[]}',
    '{"type":"subscribe","topics":["vehicles"],"bbox":[0,0,1]}',
    '{"type":"subscribe","topics":["vehicles"],"bbox":[0,0,1,1e999]}',
    '{"type":"subscribe","topics":["vehicles"],"bbox":[0,10,1,-10]}',
    '{"type":"delete"}',
)


def test_what_is_not_a_subscription_closes_the_socket_without_data(world: World, url: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        for message, code in [("x" * (64 * 1024 + 1), 1009), *((m, 1008) for m in NO_SUBSCRIPTIONS)]:
            async with open_socket(url, token) as socket, asyncio.timeout(5):
                await socket.send(message)
                heard = await heard_until_closed(socket)
                assert socket.close_code == code, message[:80]
                assert heard == (["error"] if code == 1008 else [])

    run(work())


def test_a_flood_of_messages_closes_the_socket(world: World, url: str) -> None:
    async def work() -> None:
        async with open_socket(url, world.token("viewer")) as socket:
            code = asyncio.create_task(closing(socket, 20))
            with suppress(ConnectionClosed):
                for _ in range(100_000):
                    await socket.send(SUBSCRIBE)
            assert await code == 1008

    run(work())


def test_a_user_has_twenty_sockets_at_most(world: World, url: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        opened = [await open_socket(url, token) for _ in range(20)]
        async with open_socket(url, token) as one_more:
            assert await closing(one_more) == 1013  # later, not: never
        async with open_socket(url, world.token("admin")) as somebody_else:
            await somebody_else.send(SUBSCRIBE)
            await somebody_else.recv()
        for each in opened:
            await each.close()
        async with open_socket(url, token) as again:
            await again.send(SUBSCRIBE)
            await again.recv()

    run(work())


def test_a_revoked_token_closes_its_sockets_within_seconds(world: World, url: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        async with open_socket(url, token) as gone, open_socket(url, world.token("admin")) as stays:
            for each in (gone, stays):
                await each.send(SUBSCRIBE)
                await each.recv()
            world.revoke(token)
            assert await closing(gone, 5) == 1008
            world.move("truck-01", 1.0, 1.0)
            assert json.loads(await stays.recv())["type"] == "delta"

    run(work())


def test_a_heartbeat_carries_the_time_and_the_cursor(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.1)

    async def work(url: str) -> None:
        async with open_socket(url, world.token("viewer")) as socket:
            first = json.loads(await socket.recv())
            assert set(first) == {"type", "now"}
            await socket.send(SUBSCRIBE)
            while (message := json.loads(await socket.recv()))["type"] != "snapshot":
                pass
            cursor, message = message["cursor"], json.loads(await socket.recv())
            assert (message["type"], message["cursor"]) == ("ping", cursor)

    with serving(database) as url:
        run(work(url))


def raw_socket(url: str, token: str) -> sockets.socket:
    """A client that has subscribed and will read no more; its small buffer fills soon."""
    host, port = url.removeprefix("http://").split(":")
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    raw.sendall(
        f"GET /ws/v1 HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    assert b"101" in raw.recv(12)
    body = json.dumps({"type": "subscribe", "topics": ["alerts"]}).encode()
    raw.sendall(bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)  # a mask of zeros leaves the text as it is
    return raw


def test_a_client_that_reads_nothing_is_dropped_and_others_go_on(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "CLOSE_S", 0.2)

    operator = world.token("admin", "operator")

    def gauge(name: str) -> float:
        text = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {operator}"}).text
        return float(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1])

    async def work() -> None:
        stuck = raw_socket(url, world.token("viewer"))
        async with open_socket(url, world.token("admin")) as socket:
            await socket.send(json.dumps({"type": "subscribe", "topics": ["alerts"]}))
            await socket.recv()
            data = {"id": "1", "title": "x" * 200_000, "state": "active"}
            for n in range(60):
                with world.connection.transaction():
                    world.tell(alerts=[{"id": str(n), "op": "put", "data": data}])
                heard = 0
                while not heard:
                    heard += len(json.loads(await asyncio.wait_for(socket.recv(), deadline(5))).get("changes", []))
            await asyncio.sleep(1)
            assert await asyncio.to_thread(gauge, "frostway_api_sockets") == 1
            assert await asyncio.to_thread(gauge, "frostway_api_sockets_too_slow_total") == 1
        stuck.settimeout(5)
        taken = 0
        with stuck, suppress(ConnectionResetError):
            while some := stuck.recv(65536):
                taken += len(some)
        assert taken < 8 * 2**20  # what the kernels held; not the 12 MB of all alerts

    run(work())


PROGRAM = """
import logging, sys
from api.app import ApiConfig
from api.service import run
logging.basicConfig(level=logging.INFO)
run(ApiConfig(database_url=sys.argv[1]), "127.0.0.1", int(sys.argv[2]))
"""


def test_sigterm_ends_the_program_soon_though_sockets_and_exports_are_open(world: World, database: str) -> None:
    with sockets.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, database, str(port)], stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"

    def wait_ready() -> None:
        end = time.monotonic() + deadline(10)
        while time.monotonic() < end:
            with suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz").status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("never ready")

    async def work() -> None:
        async with open_socket(url, world.token("viewer")) as socket:
            await socket.send(SUBSCRIBE)
            await socket.recv()
            began = time.monotonic()
            process.terminate()
            assert await closing(socket) == 1012
            assert await asyncio.to_thread(process.wait, deadline(5)) == 0
            assert time.monotonic() - began < deadline(5)

    try:
        wait_ready()
        run(work())
        log = process.communicate()[1]
        assert "listens on" in log
        assert "Traceback" not in log
    finally:
        process.kill()
        process.wait()
    assert rows(
        database, "select count(*) from pg_stat_activity where starts_with(application_name, 'frostway api')"
    ) == [(0,)]


def test_a_busy_port_is_said_at_once(database: str) -> None:
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, database, str(port)],
            capture_output=True,
            text=True,
            timeout=deadline(20),
            check=False,
        )
    assert done.returncode == 1
    assert "Address already in use" in done.stderr.splitlines()[-1]
