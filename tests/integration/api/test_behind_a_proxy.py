"""The API behind a real nginx, one that says whom it speaks for and one that says nothing, and asked by wrong names."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from serving.front import framing_fault
from serving.origins import Hosts, Origin, OriginError, public_origins, trusted_networks
from tests.deadlines import deadline
from tests.integration.api.seed import PASSWORD, World, serving
from tests.stack import wait_for

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = "https://fleet.example"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

BARE = "proxy_pass {upstream};"
SPEAKING = """
    proxy_pass {upstream};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
"""
WITHOUT_HOST = SPEAKING.replace("proxy_set_header Host $host;", "")
UPGRADING = """
    proxy_pass {upstream};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
"""
PROXIES = {"speaking": SPEAKING, "no host": WITHOUT_HOST, "bare": BARE, "bare 1.1": UPGRADING}
each_proxy = pytest.mark.parametrize("location", PROXIES.values(), ids=PROXIES.keys())


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.account("ann")
    yield world
    world.close()


@contextmanager
def nginx(folder: Path, upstream: str, location: str) -> Iterator[str]:
    """A proxy in front of `upstream`; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    temp = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = folder / "nginx.conf"
    conf.write_text(
        f"pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temp}\n"
        'map $http_upgrade $connection_upgrade { default upgrade; "" close; }\n'
        f"server {{ listen 127.0.0.1:{port}; location / {{ {location.replace('{upstream}', upstream)} }} }} }}\n"
    )
    folder.chmod(0o755)
    program = subprocess.Popen([str(NGINX), "-p", str(folder), "-c", str(conf), "-g", "daemon off;"])
    try:

        def answers() -> bool:
            with suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code < 600
            return False

        wait_for(answers, "nginx")
        yield f"http://127.0.0.1:{port}"
    finally:
        program.terminate()
        program.wait(deadline(30))


def login(url: str, origin: str | None = PUBLIC, host: str = "fleet.example", **headers: str) -> httpx.Response:
    sent = {"Host": host, **({"Origin": origin} if origin else {}), **headers}
    return httpx.post(f"{url}/api/v1/login", json={"user": "ann", "password": PASSWORD}, headers=sent)


@needs_nginx
@each_proxy
def test_people_sign_in_through_a_proxy(world: World, database: str, tmp_path: Path, location: str) -> None:
    with (
        serving(database, public_origin=f"{PUBLIC}, https://two.example:8443/") as api,
        nginx(tmp_path, api, location) as url,
    ):
        answer = login(url)
        assert answer.status_code == 204, answer.text
        assert "Secure" in answer.headers["set-cookie"].split("; ")
        assert login(url, origin="https://two.example:8443", host="two.example:8443").status_code == 204
        for foreign in ("https://evil.example", "http://fleet.example", "https://fleet.example:444", "null"):
            assert login(url, origin=foreign).status_code == 403, foreign
        token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        shared = httpx.post(
            f"{url}/api/v1/shipments/S-1/share",
            headers={"Host": "fleet.example", "Origin": PUBLIC, "Cookie": f"fw_session={token}"},
        )
        assert shared.json()["url"].startswith(f"{PUBLIC}/t/")


@needs_nginx
@pytest.mark.parametrize("location", [SPEAKING, WITHOUT_HOST, UPGRADING], ids=["speaking", "no host", "bare 1.1"])
def test_the_live_feed_comes_through_a_proxy(world: World, database: str, tmp_path: Path, location: str) -> None:
    async def first(url: str, origin: str) -> dict[str, Any]:
        cookie = login(url).headers["set-cookie"].partition(";")[0]
        parts = urlsplit(url)
        async with connect(
            "ws://fleet.example/ws/v1", host=parts.hostname, port=parts.port, origin=origin,
            additional_headers={"Cookie": cookie}, proxy=None,
        ) as feed:  # fmt: skip
            await feed.send('{"type":"subscribe","topics":["vehicles"]}')
            return dict(json.loads(await feed.recv()))

    with serving(database, public_origin=PUBLIC) as api, nginx(tmp_path, api, location) as url:
        assert asyncio.run(first(url, PUBLIC))["type"] == "snapshot"
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(first(url, "https://evil.example"))
        assert refused.value.response.status_code == 403


@needs_nginx
@each_proxy
def test_metrics_do_not_come_through_a_proxy(world: World, database: str, tmp_path: Path, location: str) -> None:
    with serving(database, public_origin=PUBLIC) as api, nginx(tmp_path, api, location) as url:
        for path in ("/metrics", "/metrics/", "//metrics", "/metrics?x", "/%6detrics"):
            answer = httpx.get(f"{url}{path}", headers={"Host": "fleet.example"})
            assert answer.status_code in (403, 404), path
            assert "frostway_api_requests" not in answer.text
        ours = {"Host": "fleet.example", "Authorization": f"Bearer {world.token()}"}
        assert "frostway_api_requests" in httpx.get(f"{url}/metrics", headers=ours).text


@needs_nginx
def test_the_documented_proxy_is_one_that_nginx_takes(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    snippet = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert snippet
    config = (
        re.sub(r"^\s*ssl_certificate.*$", "", snippet[1], flags=re.MULTILINE)
        .replace(" ssl;", ";")
        .replace("443", "44399")
    )
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\n{config}")
    done = subprocess.run(
        [str(NGINX), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    inside = {line.strip() for line in snippet[1].splitlines()}
    assert {
        line.strip() for line in SPEAKING.splitlines() if "proxy_set_header" in line and "Proto" not in line
    } <= inside


def test_only_a_trusted_proxy_says_for_whom_it_speaks(world: World, database: str) -> None:
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    for proxies, is_secure in (("127.0.0.0/8", True), ("192.0.2.0/24", False), ("", False)):
        with serving(database, trusted_proxies=proxies) as url:
            host = urlsplit(url).netloc
            answer = login(url, origin=None, host=host, **forged)
            assert ("Secure" in answer.headers["set-cookie"]) is is_secure, proxies
            assert ("strict-transport-security" in answer.headers) is is_secure, proxies


OURS = (
    "localhost", "localhost:1", "127.0.0.1", "127.8.8.8:80", "[::1]:99", "LocalHost.", "fleet.example",
    "FLEET.example:443", "two.example", "alias",
)  # fmt: skip
NOT_OURS = (
    "evil.example", "fleet.example.evil.example", "169.254.169.254", "10.0.0.1", "[2001:db8::1]",
    "localhost.evil.example", "2130706433", "0.0.0.1",
)  # fmt: skip
NO_HOST = ("user@fleet.example", "fleet.example/x", "a b", "fleet.example:99999", "fleet.example, evil.example")


def test_a_request_for_somebody_else_is_refused(world: World, database: str) -> None:
    with serving(database, public_origin=f"{PUBLIC} https://two.example:8443", allowed_hosts="alias") as url:
        for host, status in [(h, 200) for h in OURS] + [(h, 421) for h in NOT_OURS] + [(h, 400) for h in NO_HOST]:
            for path in ("/healthz", "/docs") if status == 200 else ("/healthz", "/", "/api/v1/config", "/metrics"):
                answer = httpx.get(f"{url}{path}", headers={"Host": host}, timeout=60)
                assert answer.status_code == status, (host, path, answer.text)


def test_a_socket_for_somebody_else_is_refused(world: World, database: str) -> None:
    async def work(url: str) -> None:
        parts = urlsplit(url)
        with pytest.raises(InvalidStatus) as refused:
            async with connect("ws://evil.example/ws/v1", host=parts.hostname, port=parts.port, proxy=None):
                pass
        assert refused.value.response.status_code == 403

    with serving(database) as url:
        asyncio.run(work(url))


SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = b"0\r\n\r\n" + SMUGGLED
POST, GET = (b"%s HTTP/1.1\r\nHost: localhost\r\n" % line for line in (b"POST /api/v1/login", b"GET /healthz"))
LENGTH, CHUNKED = b"Content-Length: %d\r\n", b"Transfer-Encoding: chunked\r\n"
FRAMINGS = {
    "both": POST + LENGTH + CHUNKED,
    "both, the other way round": POST + CHUNKED + LENGTH,
    "both on a GET": GET + b"Transfer-Encoding: Chunked\r\n" + LENGTH,
    "two lengths": POST + b"Content-Length: 5\r\n" + LENGTH,
    "a length with a sign": POST + b"Content-Length: +%d\r\n",
    "chunked in 1.0": POST.replace(b"1.1", b"1.0") + CHUNKED,
    "a coding twice": POST + CHUNKED + b"Transfer-Encoding: identity\r\n",
    "a space before the colon": POST + b"Content-Length : %d\r\n",
    "two hosts": GET + b"Host: evil.example\r\n" + LENGTH,
}


@pytest.mark.parametrize("head", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_what_two_programs_could_read_differently_is_refused_and_ends_the_connection(
    world: World, database: str, head: bytes
) -> None:
    with serving(database) as url:
        parts = urlsplit(url)
        with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=deadline(30)) as raw:
            raw.sendall((head % len(BODY) if b"%d" in head else head) + b"\r\n" + BODY)
            heard = b""
            with suppress(ConnectionResetError):
                while piece := raw.recv(65536):
                    heard += piece
    assert re.match(rb"HTTP/1\.1 (400|501)", heard), heard
    assert heard.count(b"HTTP/1.1 ") == 1, "what was hidden in the body has been answered"


def test_framings_that_are_clear_are_taken() -> None:
    for headers in ([], [(b"content-length", b"3")], [(b"transfer-encoding", b"chunked")]):
        assert framing_fault({"headers": headers, "http_version": "1.1"}) is None
    assert framing_fault({"headers": [(b"content-length", b"3"), (b"transfer-encoding", b"x")]})


@pytest.mark.parametrize(
    "text", ["fleet.example", "https://", "https://a/b", "ftp://a", "https://u@a", "https://a?x", "*"]
)
def test_what_is_no_origin_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(OriginError, match="FROSTWAY_PUBLIC_ORIGIN"):
        public_origins(text)
    with pytest.raises(OriginError, match="FROSTWAY_TRUSTED_PROXIES"):
        trusted_networks(text)


def test_the_gateway_of_a_container_can_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = tmp_path / "route"
    routes.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\n"
        "eth0\t00000000\t010012AC\t0003\t0\neth0\t000012AC\t00000000\t0001\t0\n"
    )
    monkeypatch.setattr("serving.origins.ROUTES", routes)
    assert trusted_networks("127.0.0.0/8,gateway") == ["127.0.0.0/8", "172.18.0.1/32"]


def test_an_origin_is_ours_exactly_or_by_the_address_that_was_asked() -> None:
    hosts = Hosts(public_origins(PUBLIC))

    def is_ours(origin: str, name: str, port: int | None) -> bool:
        found = Origin.parse(origin)
        return found is not None and hosts.is_ours(found, name, port)

    assert is_ours(PUBLIC, "127.0.0.1", 8080)
    assert is_ours("http://127.0.0.1:8080", "127.0.0.1", 8080)
    assert not is_ours("http://127.0.0.1:8081", "127.0.0.1", 8080)
    assert not is_ours("http://localhost:8080", "127.0.0.1", 8080)
    assert not is_ours("http://fleet.example", "fleet.example", None)
    assert not is_ours("https://fleet.example:8443", "fleet.example", 8443)
