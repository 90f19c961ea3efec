"""Where webhooks may be, and what follows from an attempt."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from domain.webhooks import AddressError, body_of, headers_of, parse_url, secret_text
from operations.deliver.address import is_allowed, networks, resolve
from operations.deliver.decide import AFTER, KEPT_SECRET, Attempt, judge
from operations.deliver.message import Message, all_in_one
from operations.deliver.send import post

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOSTS = (
    "127.0.0.1", "127.1", "127.255.255.254", "0", "0.0.0.0",  # noqa: S104
    "2130706433", "0x7f.1", "0x7f000001", "017700000001",
    "localhost", "localhost.", "LOCALHOST", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fec0::1]", "[fe80::1]",
    "[fd00:ec2::254]", "[fc00::1]", "[ff02::1]", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.127.255.255",
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.0.170", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
SHAPES = ("https://{}/", "http://{}/", "https://{}:PORT/x")
ODD = (
    "gopher://127.0.0.1:PORT/_x", "file:///etc/passwd", "ftp://127.0.0.1/", "//127.0.0.1/", "127.0.0.1", "https://",
    "https:///x", "javascript:alert(1)", "https://user@127.0.0.1/", "https://user:p@127.0.0.1:PORT/",
    "https://example.org@127.0.0.1/", "https://127.0.0.1#@example.org/", "https://127.0.0.1\\@example.org/",
    "https://127.0.0.1\t/", "https://127.0.0.1/\r\nX: y", "https://127.0.0.1/ x", "https://ex\x00ample.org/",
    "https://\uff11\uff12\uff17.0.0.1/", "https://127.0.0.1:0/", "https://127.0.0.1:99999/", "https://127.0.0.1:x/", "https://[::1/",
    "https://[127.0.0.1]/", "dict://127.0.0.1:PORT/", "ldap://127.0.0.1/", "HTTPS://127.0.0.1:PORT/",
)  # fmt: skip


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A port of this host, and who came."""
    came: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                came.append(address)
                connection.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_there_are_as_many_ways_in_as_the_list_asks_for() -> None:
    assert len(HOSTS) * len(SHAPES) + len(ODD) >= 100


def test_nobody_of_this_host_or_a_private_network_is_connected_to(listener: tuple[int, list[Any]]) -> None:
    port, came = listener
    urls = [shape.format(host) for host, shape in product(HOSTS, SHAPES)] + list(ODD)
    for url in urls:
        attempt = post(url.replace("PORT", str(port)), {}, b"{}", timeout_s=5)
        assert attempt.status is None, url
        assert "refused" not in attempt.error, url  # nobody was asked
    assert came == []


def answers(*addresses: str) -> Any:
    """A lookup that says this, whatever is asked."""

    def lookup(_host: str, port: int, **_options: Any) -> Sequence[tuple[Any, ...]]:
        return [(0, 0, 0, "", (each, port)) for each in addresses]

    return lookup


def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to() -> None:
    """A name that says another thing a moment later gains nothing: it is looked up once."""
    asked = []

    def rebinding(host: str, port: int, **options: Any) -> Sequence[tuple[Any, ...]]:
        asked.append(host)
        return list(answers("93.184.216.34" if len(asked) == 1 else "127.0.0.1")(host, port, **options))

    target = resolve("https://rebind.example/", lookup=rebinding)
    assert (target.address, target.host, asked) == ("93.184.216.34", "rebind.example", ["rebind.example"])


@pytest.mark.parametrize("mixed", [("93.184.216.34", "127.0.0.1"), ("::1", "93.184.216.34"), ()])
def test_a_name_that_also_leads_inside_is_refused(mixed: tuple[str, ...]) -> None:
    with pytest.raises(AddressError, match="no host in the world"):
        resolve("https://mixed.example/", lookup=answers(*mixed))


def test_a_name_that_is_none_and_one_inside_get_the_same_word() -> None:
    def unknown(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror

    said = []
    for lookup in (unknown, answers("10.0.0.7")):
        with pytest.raises(AddressError) as error:
            resolve("https://erp.inside/", lookup=lookup)
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("port", [22, 25, 5432, 4222, 8000])
def test_in_the_world_only_ports_of_the_web_are_connected_to(port: int) -> None:
    with pytest.raises(AddressError, match=f"port {port}"):
        resolve(f"https://example.org:{port}/", lookup=answers("93.184.216.34"))


def test_plain_http_goes_only_to_networks_that_are_allowed() -> None:
    with pytest.raises(AddressError, match="https"):
        resolve("http://example.org/", lookup=answers("93.184.216.34"))
    inside = networks("10.0.0.0/8, fd00::/8")
    assert resolve("http://erp:9000/x?y=1", inside, answers("10.1.2.3")).port == 9000
    assert resolve("http://erp:9000/x?y=1", inside, answers("::ffff:10.1.2.3")).path == "/x?y=1"
    assert not is_allowed(ipaddress.ip_address("192.168.0.1"), inside)
    assert not is_allowed(ipaddress.ip_address("127.0.0.1"), inside)


def test_a_good_address_is_taken_as_it_is() -> None:
    assert parse_url("https://hooks.example.org:8443/a/b?c=d").port == 8443
    target = resolve("https://hooks.example.org/a?b", lookup=answers("2606:2800:220:1::"))
    assert target == ("2606:2800:220:1::", 443, "hooks.example.org", "/a?b", True)


# ---------------------------------------------------------------- what follows
def attempt(status: int | None = None, retry_after_s: float | None = None) -> Attempt:
    return Attempt(status, "no", 1, "", retry_after_s)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_only_success_is_success(status: int) -> None:
    assert judge(attempt(status), 0, 0, NOW, 0).outcome == "done"


@pytest.mark.parametrize("status", [100, 301, 302, 307, 400, 401, 404, 422])
def test_a_refusal_is_asked_again_later_and_holds_nothing_else_up(status: int) -> None:
    verdict = judge(attempt(status), 0, 0, NOW, 0)
    assert verdict == ("again", NOW + AFTER[1], None, False)


@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 504])
def test_who_is_away_is_left_alone_longer_and_longer(status: int | None) -> None:
    waits = [judge(attempt(status), 0, n, NOW, 0).paused_until for n in range(12)]
    assert [wait - NOW for wait in waits if wait][:3] == [timedelta(seconds=s) for s in (5, 20, 80)]
    assert waits[-1] == NOW + timedelta(hours=1)


def test_who_says_when_is_asked_then() -> None:
    verdict = judge(attempt(429, 900), 0, 0, NOW, 0)
    assert (verdict.next_at, verdict.paused_until) == (NOW + timedelta(minutes=15),) * 2
    forever = judge(attempt(503, 1e9), 0, 0, NOW, 0).paused_until
    assert forever == NOW + timedelta(hours=6)


def test_after_days_it_is_given_up() -> None:
    assert sum(AFTER, timedelta()) > timedelta(days=3)
    outcomes = [judge(attempt(500), before, 0, NOW, 1).outcome for before in range(len(AFTER))]
    assert outcomes == ["again"] * (len(AFTER) - 1) + ["gave up"]


def test_gone_switches_it_off() -> None:
    assert judge(attempt(410), 0, 0, NOW, 0) == ("gave up", None, None, True)


# ---------------------------------------------------------------- signatures
def signed(secrets: list[bytes], now: datetime) -> tuple[bytes, dict[str, str]]:
    row = {"cause": "case/1", "type": "alert.opened", "subject": "alerts/1", "at": NOW, "data": {"title": "é"}}
    body = body_of("main", row)
    return body, headers_of(7, body, secrets, now)


def test_a_library_of_the_standard_takes_the_signature() -> None:
    secret, former = b"a" * 32, b"b" * 32
    body, headers = signed([secret, former], datetime.now(UTC))
    for each in (secret, former):
        found = Webhook(secret_text(each)).verify(body, headers)
        assert (found["type"], found["source"], found["specversion"]) == (
            "frostway.alert.opened",
            "/frostway/main",
            "1.0",
        )
    for wrong in (
        (body, {**headers, "webhook-id": "msg_8"}),
        (body.replace(b"alerts/1", b"alerts/2"), headers),
        signed([secret], datetime.now(UTC) - timedelta(minutes=6)),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret_text(secret)).verify(*wrong)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(b"c" * 32)).verify(body, headers)
    assert timedelta(hours=1) < KEPT_SECRET


def test_a_message_about_many_alerts_leads_to_these() -> None:
    told = [Message(f"{n} is too warm", "") for n in range(12)]
    ids = [str(n) for n in range(12)]
    last = all_in_one(told, "en", "https://f", alerts=ids).body.splitlines()[-1]
    assert last == "https://f/alerts?ids=" + ",".join(ids)
    assert all_in_one(told, "en", "https://f", 500, ["1"] * 500).body.splitlines()[-1] == "https://f/alerts"
    assert all_in_one(told, "en", "https://f").body.splitlines()[-1] == "https://f/alerts"
