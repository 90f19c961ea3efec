"""Asking the provider over HTTP: within a time, an answer of a size, no redirects, whoever keeps the other end."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from api.oidc.words import SignInError
from serving.origins import is_loopback

TIMEOUT_S = 8.0
ANSWER_OCTETS_MAX = 256 * 1024


def fetch(
    url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, ca_file: str = ""
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of an answer; a POST when there is a body.

    Raises:
        SignInError: `away`, the provider cannot be reached, takes too long, or does not answer with JSON.
    """
    parts, begin = urlsplit(url), time.monotonic()
    if not is_address(url):
        raise SignInError("away", f"{url[:200]}: https, or http on this machine")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with _connected(str(parts.hostname), parts.port, ca_file, tls=parts.scheme == "https") as connection:
            said = {"Accept": "application/json", "Host": parts.netloc, **(headers or {})}
            connection.request("POST" if body is not None else "GET", path, body, said)
            with connection.getresponse() as response:
                found = response.read(ANSWER_OCTETS_MAX + 1)
                if time.monotonic() - begin >= TIMEOUT_S:  # what was cut may look like an answer
                    raise TimeoutError
                if len(found) > ANSWER_OCTETS_MAX:
                    raise SignInError("away", f"{url}: an answer of more than {ANSWER_OCTETS_MAX // 1024} KiB")
                status = response.status
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() - begin >= TIMEOUT_S
        why = f"no answer within {TIMEOUT_S:g} s" if late else str(error) or type(error).__name__
        raise SignInError("away", f"{url}: {why}") from error
    try:
        shape = orjson.loads(found)
    except ValueError:
        raise SignInError("away", f"{url}: {status}, and no JSON") from None
    if not isinstance(shape, dict):
        raise SignInError("away", f"{url}: {status}, and no JSON object")
    return status, shape


def is_address(url: object) -> bool:
    """Whether something may be asked there: https, or http on this machine.

    >>> [is_address(each) for each in ("https://a.example/b", "http://127.0.0.1:9/", "http://a.example/", 1)]
    [True, True, False, False]
    """
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return (
        bool(host)
        and "@" not in parts.netloc
        and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(str(host))))
    )


@contextlib.contextmanager
def _connected(host: str, port: int | None, ca_file: str, *, tls: bool) -> Iterator[http.client.HTTPConnection]:
    """A connection that is cut when the time is over, however slowly something still comes."""
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection((host, port or (443 if tls else 80)), TIMEOUT_S))
        timer = threading.Timer(TIMEOUT_S, _cut, [plain])
        timer.daemon = True
        timer.start()
        stack.callback(timer.cancel)
        found = plain
        if tls:
            context = ssl.create_default_context(cafile=ca_file or None)
            if ca_file:
                context.load_default_certs()
            found = stack.enter_context(context.wrap_socket(plain, server_hostname=host))
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        connection.sock = found
        yield connection


def _cut(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)
