"""The https listener: who does not shake hands has no claim, and a certificate changes whole or not at all."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn

from frostway.certificates import Authority, own, utc_now
from serving import tls
from serving.connection import Limits, Room, guarded
from tests.deadlines import deadline
from tests.stack import wait_for

HOST = "127.0.0.2"
PER_NETWORK = 8
LIMITS = Limits(connections=400, per_network=PER_NETWORK)


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})


class Site(NamedTuple):
    """A listener with its authority; `refused` counts by reason."""

    port: int
    server: tls.Server
    room: Room
    refused: Counter[str]
    folder: Path

    @property
    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def client(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(HOST, self.port, context=self.trusted, timeout=deadline(10))

    def shown(self) -> bytes:
        with (
            socket.create_connection((HOST, self.port)) as raw,
            self.trusted.wrap_socket(raw, server_hostname=HOST) as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True) or b""


@pytest.fixture(params=["asyncio", "uvloop"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    own(tmp_path, [HOST], utc_now())
    refused: Counter[str] = Counter()
    room = Room(LIMITS, refused=lambda reason: refused.update([reason]))
    config = uvicorn.Config(hello, http=guarded(room), lifespan="off", log_config=None, loop=request.param)
    pair = str(tmp_path / "server.pem")
    with socket.create_server((HOST, 0)) as listener:
        server = tls.Server(config, tls.Certificate(pair, pair), [listener], room)
        thread = threading.Thread(target=server.run, kwargs={"sockets": []})
        thread.start()
        try:
            wait_for(lambda: server.started, "the listener")
            yield Site(listener.getsockname()[1], server, room, refused, tmp_path)
        finally:
            server.should_exit = True
            thread.join(deadline(10))
    assert not thread.is_alive()
    assert len(room) == 0, "every place was given back"
    assert len(server._hands) == 0


def answer(client: http.client.HTTPSConnection) -> bytes:
    client.request("GET", "/")
    return client.getresponse().read()


def test_an_application_knows_that_it_is_asked_by_https(site: Site) -> None:
    with contextlib.closing(site.client()) as client:
        assert [answer(client), answer(client)] == [b"https", b"https"]
        assert len(site.room) == 1


def test_who_says_nothing_or_no_tls_is_let_go(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.3)
    for words in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
        with socket.create_connection((HOST, site.port), timeout=deadline(10)) as silent:
            silent.sendall(words)
            with contextlib.suppress(ConnectionError):
                while silent.recv(1024):
                    pass
    wait_for(lambda: len(site.server._hands) == 0, "their places are free")
    assert len(site.room) == 0


def test_half_open_connections_of_one_network_push_out_one_another_and_nobody_else(site: Site) -> None:
    with contextlib.ExitStack() as stack:
        inside = stack.enter_context(contextlib.closing(site.client()))
        assert answer(inside) == b"https"
        silent = [stack.enter_context(socket.create_connection((HOST, site.port))) for _ in range(3 * PER_NETWORK)]
        wait_for(lambda: site.refused["too_many"] == 2 * PER_NETWORK, "the oldest are let go")
        for each in silent[: 2 * PER_NETWORK]:
            each.settimeout(deadline(10))
            with contextlib.suppress(ConnectionError):
                assert each.recv(1) == b""
        wait_for(lambda: len(site.server._hands) == PER_NETWORK, "their places are free")
        assert answer(inside) == b"https"
        late = stack.enter_context(contextlib.closing(site.client()))
        assert answer(late) == b"https"


def test_a_pair_that_is_no_pair_is_left_aside_and_the_next_good_one_is_taken_up(site: Site) -> None:
    with contextlib.closing(site.client()) as client:
        assert answer(client) == b"https"
        first, path = site.shown(), site.folder / "server.pem"
        authority = Authority.load(site.folder)
        assert authority is not None
        one, other = (authority.issue([HOST], utc_now()).pem for _ in range(2))
        mark = "-----BEGIN CERTIFICATE-----"
        looks = site.server._certificate
        path.write_text(one.partition(mark)[0] + mark + other.partition(mark)[2])
        wait_for(lambda: looks._seen == looks._stamp(), "it has looked")
        assert site.shown() == first
        path.write_text(other)
        wait_for(lambda: site.shown() != first, "the new one is shown")
        assert answer(client) == b"https", "who is connected stays"


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
def test_older_protocols_are_refused(site: Site) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection((HOST, site.port)) as raw, pytest.raises(OSError, match=r"(?i)version|reset|eof"):
        old.wrap_socket(raw)
