"""`frostway up --lan` as it is typed: what the network gets of it, what it says, and what it does not start with."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import connect

from frostway import lan
from frostway.broker import accepts, find_mosquitto
from frostway.network import LanOptions, Network
from store.embedded_process import EmbeddedError
from tests.integration.frostway.test_broker import free_port
from tests.stack import Device, Stack, command, environment, wait_for

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")

OUTSIDE = next(iter(lan.addresses()), "127.0.0.2")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    words = ("--lan", OUTSIDE, "--mqtts-port", "0", "--https-port", "0", "--lan-name", "Fleet.example")
    door = {"FROSTWAY_DEVICE_HTTP_PORT": str(free_port()), "FROSTWAY_ALLOWED_HOSTS": "other.example"}
    with Stack(tmp_path_factory.mktemp("lan"), *words, **door) as running:
        yield running


@pytest.fixture(scope="module")
def trusted(stack: Stack) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=stack.frostway("ca", "show").stdout)


def port_of(stack: Stack, what: str) -> int:
    port = urlsplit(stack.facts["network"][what][0]).port
    assert port
    return port


def shown(host: str, port: int, trusted: ssl.SSLContext) -> dict[str, object]:
    """The certificate that somebody who connects now is shown."""
    with socket.create_connection((host, port)) as raw, trusted.wrap_socket(raw, server_hostname=host) as wrapped:
        return dict(wrapped.getpeercert() or {})


def test_it_says_what_to_open_where_it_is_and_whom_to_trust_and_stdout_stays_one_line(stack: Stack) -> None:
    assert stack.stdout == f"ready {stack.url}\n"
    port = port_of(stack, "mqtt")
    fingerprint = next(line for line in stack.frostway("ca", "show").stderr.splitlines() if "SHA-256" in line)
    for words in (
        f"open in the firewall: TCP {port} (devices, MQTT with TLS) and {port_of(stack, 'http')} (pages) and ",
        f"pages: https://{OUTSIDE}:{port_of(stack, 'http')}, https://fleet.example:",
        f"devices with HTTP: https://{OUTSIDE}:{port_of(stack, 'door')}, ",
        f"mqtts://{OUTSIDE}:{port}, mqtts://fleet.example:{port}",
        f"the authority {stack.data}/tls/ca.pem (`frostway ca show`)",
        fingerprint.partition("SHA-256 ")[2],
    ):
        assert words in stack.stderr


def test_a_device_outside_publishes_and_its_reading_arrives(stack: Stack, trusted: ssl.SSLContext) -> None:
    user, password = stack.add_device("gps-out", "--kind", "tracker", "--vehicle", "truck-out")
    device = Device(OUTSIDE, port_of(stack, "mqtt"), user, password)
    device._client.tls_set_context(trusted)
    device.start()
    try:
        device.publish("gps", {"lat": 60.25, "lon": 24.75, "boot": "b1", "seq": 1})
        device.receipt("b1", 1)
    finally:
        device.stop()
    found = wait_for(lambda: next(iter(stack.items("/vehicles")), None), "the vehicle is somewhere")
    assert (found["id"], found["lat"], found["lon"]) == ("truck-out", 60.25, 24.75)


def test_pages_by_https_sign_in_with_a_secure_cookie_and_plain_ones_stay_on_loopback(
    stack: Stack, trusted: ssl.SSLContext
) -> None:
    url = f"https://{OUTSIDE}:{port_of(stack, 'http')}"
    login = {"user": "admin", "password": stack.admin_password}
    with httpx.Client(base_url=url, verify=trusted, trust_env=False) as outside:
        assert "<html" in outside.get("/").text
        answer = outside.post("/api/v1/login", json=login, headers={"origin": url})
        assert answer.status_code == 204
        assert {"Secure", "HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
        assert outside.get("/api/v1/vehicles").status_code == 200
        forged = outside.post("/api/v1/logout", headers={"origin": "https://evil.example"})
        assert forged.status_code == 403
    assert f"{url}/join#" in stack.frostway("account", "invite", "eve", "--role", "viewer").stdout
    inside = httpx.post(f"{stack.url}/api/v1/login", json=login, trust_env=False)
    assert "Secure" not in inside.headers["set-cookie"]
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(url, trust_env=False)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url.replace("https", "http"), trust_env=False)


@pytest.mark.parametrize(
    ("host", "status"),
    [("fleet.example", 200), ("other.example", 200), (OUTSIDE, 200), ("evil.example", 421), ("203.0.113.1", 421)],
)
def test_it_answers_by_the_names_that_it_has_on_the_network_and_by_no_other(
    stack: Stack, trusted: ssl.SSLContext, host: str, status: int
) -> None:
    port = port_of(stack, "http")
    answer = httpx.get(
        f"https://{OUTSIDE}:{port}/healthz", headers={"host": f"{host}:{port}"}, verify=trusted, trust_env=False
    )
    assert answer.status_code == status


def test_a_device_with_http_is_answered_by_https(stack: Stack, trusted: ssl.SSLContext) -> None:
    words = ("gps-http", "--kind", "tracker", "--vehicle", "truck-http", "--http")
    added = stack.frostway("device", "add", *words)
    token = next(line.partition(" ")[2] for line in added.stdout.splitlines() if line.startswith("http"))
    url = f"https://{OUTSIDE}:{port_of(stack, 'door')}/api/v1/{token}/telemetry"
    assert url in added.stderr
    assert f"from the network: mqtts://{OUTSIDE}:{port_of(stack, 'mqtt')}, with TLS" in added.stderr
    body = {"latitude": 60.3, "longitude": 24.8}
    answer = wait_for(
        lambda: a if (a := httpx.post(url, json=body, verify=trusted, trust_env=False)).status_code == 200 else None,
        "the door knows the device",
    )
    assert answer.status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.post(url.replace("https", "http"), json=body, trust_env=False)


def test_on_the_network_nothing_is_in_the_clear(stack: Stack) -> None:
    _, mqtt_port = stack.broker
    http_port = urlsplit(stack.url).port
    for port in (mqtt_port, http_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((OUTSIDE, port))
    user, password = stack.add_device("gps-clear", "--kind", "tracker", "--vehicle", "truck-clear")
    assert wait_for(lambda: accepts("127.0.0.1", mqtt_port, user, password), "the broker knows the device")
    assert not accepts(OUTSIDE, port_of(stack, "mqtt"), user, password)


def test_another_certificate_is_taken_up_while_all_goes_on(stack: Stack, trusted: ssl.SSLContext) -> None:
    before = {what: shown(OUTSIDE, port_of(stack, what), trusted)["serialNumber"] for what in stack.facts["network"]}
    pids = stack.facts["pids"]
    address = f"wss://{OUTSIDE}:{port_of(stack, 'http')}/ws/v1"
    headers = {"authorization": f"Bearer {stack.token}"}
    with connect(address, additional_headers=headers, ssl=trusted, proxy=None) as live:
        live.send('{"type":"subscribe","topics":["vehicles"]}')
        assert '"snapshot"' in str(live.recv(timeout=100))
        _renew(stack, trusted, before)
        live.ping().wait(100)
        live.send('{"type":"subscribe","topics":["alerts"]}')  # who is connected stays
        while '"snapshot"' not in (said := str(live.recv(timeout=100))):
            assert '"type":"ping"' in said or '"delta"' in said
    names = shown(OUTSIDE, port_of(stack, "mqtt"), trusted)["subjectAltName"]
    assert ("DNS", "fleet.example") in names  # type: ignore[operator]
    assert stack.facts["pids"] == pids
    assert httpx.get(f"{stack.url}/readyz", trust_env=False).status_code == 200


def _renew(stack: Stack, trusted: ssl.SSLContext, before: dict[str, object]) -> None:
    stack.frostway("ca", "renew")
    for what, old in before.items():
        port = port_of(stack, what)
        wait_for(lambda: shown(OUTSIDE, port, trusted)["serialNumber"] != old, f"the new certificate for {what}")  # noqa: B023


def test_the_api_by_itself_speaks_https_with_a_given_pair_or_says_what_is_wrong_with_it(
    stack: Stack, trusted: ssl.SSLContext, tmp_path: Path
) -> None:
    pair, port = stack.data / "tls/server.pem", free_port()
    settings = {
        "FROSTWAY_DATABASE_URL": stack.database_url,
        "FROSTWAY_HTTP_HOST": OUTSIDE,
        "FROSTWAY_HTTP_PORT": str(port),
        "FROSTWAY_HTTP_TLS_CERT": str(pair),
    }
    env = environment(**settings, FROSTWAY_HTTP_TLS_KEY=str(pair))
    with subprocess.Popen(command("api"), cwd=tmp_path, env=env, stderr=subprocess.DEVNULL) as api:
        try:
            url = f"https://{OUTSIDE}:{port}/healthz"
            assert wait_for(lambda: _status(url, trusted), "the API answers") == 200
            done = subprocess.run(command("doctor"), cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
            assert f"API at https://{OUTSIDE}:{port} answers" in done.stdout
        finally:
            api.terminate()
        assert api.wait(100) == 0
    for key, says in [("", "go together: set both, or none"), (str(stack.data / "tls/ca.key"), "is not the key of")]:
        env = environment(**settings, FROSTWAY_HTTP_TLS_KEY=key)
        done = subprocess.run(command("api"), cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, says in done.stderr.splitlines()[-1]) == (1, True), done.stderr


def _status(url: str, trusted: ssl.SSLContext) -> int | None:
    try:
        return httpx.get(url, verify=trusted, trust_env=False).status_code
    except httpx.TransportError:
        return None


def refusal(folder: Path, *words: str, **settings: str) -> str:
    """The one line with which `frostway up` ends that does not start."""
    stack = Stack(folder, *words, **settings)
    stack.spawn()
    assert stack.wait() == 1
    assert stack.stdout == ""
    assert stack.stderr.count("\n") == 1, stack.stderr
    return stack.stderr


def test_what_it_cannot_start_with_is_one_line_that_says_how_to_mend_it(tmp_path: Path) -> None:
    with socket.create_server((OUTSIDE, 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(tmp_path / "taken", "--lan", OUTSIDE, "--mqtts-port", str(port))
        assert f"port {port} (MQTT with TLS) is in use" in said
        assert "--mqtts-port" in said
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    for words, says in [
        (("--lan", "203.0.113.9"), "cannot listen on 203.0.113.9 port 8883 (MQTT with TLS): Cannot assign"),
        (("--lan", "myhost"), "--lan myhost: an address of this machine, or none for all of them"),
        (("--lan", "--lan-name", "a b"), "'a b' is neither a host name nor an address"),
        (("--lan", "--tls-cert", str(garbage)), "--tls-cert and --tls-key go together"),
        (("--lan", "--tls-cert", str(garbage), "--tls-key", str(garbage)), "holds no certificate in PEM"),
        (("--lan-name", "fleet.example"), "say how to open to the network: add --lan"),
        ((OUTSIDE,), "say how to open to the network: add --lan"),
    ]:
        assert says in refusal(tmp_path / "refused", *words), words


def test_a_machine_without_a_network_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lan, "addresses", list)
    with pytest.raises(EmbeddedError, match="this machine has no address on a network: connect it, or name one"):
        Network(tmp_path, LanOptions(), print)
