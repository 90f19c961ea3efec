"""Whatever a channel's address says: nothing of this host or of a private network is reached, read or written."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from domain import web_push
from domain.channels import KINDS, check_address, check_recipient, put_in, recipient_shown, secrets_of, shown_of
from domain.webhooks import AddressError
from operations.deliver.address import networks
from operations.deliver.messenger import Messenger

HOSTS = (
    "127.0.0.1", "127.1", "127.255.255.254", "0", "0.0.0.0", "2130706433", "0x7f.1", "017700000001",  # noqa: S104
    "localhost", "localhost.", "LOCALHOST", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00:ec2::254]", "169.254.169.254", "100.64.0.1",
    "10.0.0.1", "172.16.0.1", "192.168.0.1",
)  # fmt: skip
SHAPES = (
    "json://{}:PORT/x", "jsons://{}:PORT/x", "form://{}:PORT/", "mailto://u:p@{}:PORT?from=a@example.org&to=b@example.org",
    "mailtos://u:p@{}:PORT?from=a@example.org&to=b@example.org", "ntfy://{}:PORT/topic", "gotify://{}:PORT/token",
    "mmost://{}:PORT/3ccdd113474722377935511fc85d3dd4",
)  # fmt: skip
ELSEWHERE = (
    "file:///etc/passwd", "syslog://", "rsyslog://127.0.0.1", "dbus://", "gnome://", "glib://", "kde://", "macosx://",
    "windows://", "mqtt://127.0.0.1/x", "amqp://127.0.0.1", "apprise://127.0.0.1/token", "growl://127.0.0.1",
    "xmpp://u:p@127.0.0.1", "smpp://x",
    "irc://127.0.0.1", "kodi://127.0.0.1", "blink1://", "vapid://a@b.c", "fcm://a@b", "https://example.org", "", "json://",
    "json", "json://example.org/{to}", "json://ex ample.org", "json://example.org\r\n", "slack://a/b/c/?template=/etc/passwd",
    "discord://a/b?Template=x", "discord://a/b?%74emplate=x",
    "mailtos://u:p@example.org?pgp=yes", "mailtos://u:p@e.org?pgpkey=/x",
    "mailtos://u:p@example.org?mode=insecure", "jsons://example.org?verify=no", "jsons://example.org?redirect=yes",
    "json://e.org/{x}",
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


@pytest.fixture(scope="module")
def messenger() -> Iterator[Messenger]:
    with closing(Messenger()) as found:
        yield found


def test_all_kinds_are_known_to_apprise() -> None:
    """Asked beside this process, for reading all services warns of what Python will not have for ever."""
    script = (
        "import apprise, json; apprise.Apprise.instantiate('json://localhost'); "
        "print(json.dumps(apprise.Apprise().details(show_disabled=True)['schemas'], default=str))"
    )
    said = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    services = json.loads(said.stdout)
    known = {scheme for each in services for sort in ("protocols", "secure_protocols") for scheme in each[sort] or []}
    assert set(KINDS) - {web_push.SCHEME} <= known  # that one we send ourselves


def test_nobody_of_this_host_or_a_private_network_is_connected_to(
    listener: tuple[int, list[Any]], messenger: Messenger
) -> None:
    port, came = listener
    urls = [shape.format(host).replace("PORT", str(port)) for host in HOSTS for shape in SHAPES]
    assert len(urls) >= 100
    for url in urls:
        attempt = messenger.send(url, "t", "b")
        assert attempt.status is None, (url, attempt)
        assert attempt.error, url
        assert "refused" not in attempt.error.lower(), (url, attempt)
    assert came == []
    with closing(Messenger(networks("127.0.0.0/8"))) as allowed:  # the listener would have been heard
        allowed.send(f"json://127.0.0.1:{port}/x", "t", "b")
    assert len(came) == 1


@pytest.mark.parametrize("address", ELSEWHERE)
def test_what_acts_on_this_host_is_no_channel(address: str) -> None:
    with pytest.raises(AddressError):
        check_address(address, for_customers=False)


def test_a_file_of_this_host_is_not_read_even_if_a_service_asks_for_it(messenger: Messenger, tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text("{}")
    attempt = messenger.send(
        f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template={quote(str(template))}", "t", "b"
    )
    assert "files of this host" in attempt.error


def test_a_redirect_is_not_followed_inside(listener: tuple[int, list[Any]]) -> None:
    port, came = listener
    before = len(came)
    with socket.create_server(("127.0.0.2", 0)) as gateway, closing(Messenger(networks("127.0.0.2/32"))) as messenger:

        def answer() -> None:
            connection, _ = gateway.accept()
            connection.recv(65536)
            connection.sendall(
                f"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n".encode()
            )
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        attempt = messenger.send(f"json://127.0.0.2:{gateway.getsockname()[1]}/?redirect=yes", "t", "b")
        thread.join()
    assert attempt.error
    assert len(came) == before


def test_one_that_never_answers_is_left_and_the_next_is_served() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        closing(Messenger(networks("127.0.0.0/8"), timeout_s=1)) as messenger,
    ):
        address = f"json://127.0.0.1:{silent.getsockname()[1]}/"
        messenger.send("json://127.0.0.1:1/", "t", "b")  # it has begun
        attempt = messenger.send(address, "t", "b")
        assert (attempt.status, attempt.error) == (None, "no answer within 1 s")
        again = messenger.send("json://127.0.0.1:1/", "t", "b")
        assert "no answer" not in again.error


def test_an_error_repeats_nothing_of_the_address(messenger: Messenger) -> None:
    address = "mailtos://anna:s3cretpass@nowhere.invalid?from=frost@example.org&to=kari@example.org"
    attempt = messenger.send(address, "t", "b")
    assert attempt.error
    assert not any(part in attempt.error for part in ("s3cretpass", "anna", "kari"))
    assert "s3cretpass" in secrets_of(address)
    assert "s3cretpass" not in json.dumps(shown_of(address))


def test_recipients_are_put_in_as_one_part() -> None:
    assert put_in("json://g/{to}?x=1", "a/b?c&d@e.org") == "json://g/a%2Fb%3Fc%26d%40e.org?x=1"
    assert recipient_shown("kari.n@example.org") == "k…@example.org"
    for text in (
        "anna@example.org\r\nBcc: x@y.org",
        "anna",
        "a@b",
        "anna@example.org,bo@example.org",
        "+358",
        "0401234567",
        "",
    ):
        with pytest.raises(AddressError):
            check_recipient(text, "own")
    with pytest.raises(AddressError):
        check_recipient("anna@example.org", "sms")
    with pytest.raises(AddressError):
        check_recipient("+358401234567", "mail")
