"""One POST to a webhook: to the address that was looked at, within a time, with an answer of a size."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime

from domain.webhooks import AddressError
from operations.deliver.address import Network, Target, resolve
from operations.deliver.decide import ERROR_CHARS_MAX, Attempt

TIMEOUT_S = 15.0
ANSWER_OCTETS_MAX = 64 * 1024
ANSWER_KEPT = 500


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    allowed: Sequence[Network] = (),
    tls: ssl.SSLContext | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Attempt:
    """What came of a POST. Never raises for what the other side does; redirects are not followed."""
    begin = time.monotonic()

    def attempt(status: int | None, error: str, answer: str = "", retry_after_s: float | None = None) -> Attempt:
        took_ms = round((time.monotonic() - begin) * 1000)
        return Attempt(status, error[:ERROR_CHARS_MAX], took_ms, answer, retry_after_s)

    try:
        with _connected(resolve(url, allowed), tls, timeout_s) as (connection, target):
            connection.request("POST", target.path, body, dict(headers))
            with connection.getresponse() as response:
                found = response.read(ANSWER_OCTETS_MAX + 1)
                if time.monotonic() - begin >= timeout_s:  # what was cut may look like an answer
                    raise TimeoutError
                if len(found) > ANSWER_OCTETS_MAX:
                    return attempt(response.status, f"an answer of more than {ANSWER_OCTETS_MAX // 1024} KiB")
                error = "" if 200 <= response.status < 300 else f"{response.status} {response.reason}"
                text = "".join(c if c.isprintable() else " " for c in found.decode("utf-8", "replace"))
                retry_after_s = _retry_after_s(response.getheader("retry-after", ""))
                return attempt(response.status, error, text[:ANSWER_KEPT], retry_after_s)
    except AddressError as error:
        return attempt(None, str(error))
    except ssl.SSLError as error:
        return attempt(None, f"TLS: {error.reason or error}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() - begin >= timeout_s:
            return attempt(None, f"no answer within {timeout_s:g} s")
        return attempt(None, str(error) or type(error).__name__)


@contextlib.contextmanager
def _connected(
    target: Target, tls: ssl.SSLContext | None, timeout_s: float
) -> Iterator[tuple[http.client.HTTPConnection, Target]]:
    """A connection for one request."""
    with opened_to(target, tls, timeout_s) as found:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout_s)
        default = target.port == (443 if target.is_tls else 80)
        connection.sock = found
        if default:
            connection.port = connection.default_port  # the port stands in Host only when it is another
        yield connection, target


@contextlib.contextmanager
def opened_to(target: Target, tls: ssl.SSLContext | None, timeout_s: float) -> Iterator[socket.socket]:
    """A connection that is cut when the time is over, however slowly something still comes."""
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection((target.address, target.port), timeout_s))
        timer = threading.Timer(timeout_s, _cut, [plain])
        timer.daemon = True
        timer.start()
        stack.callback(timer.cancel)
        found = plain
        if target.is_tls:
            context = tls or ssl.create_default_context()
            found = stack.enter_context(context.wrap_socket(plain, server_hostname=target.host))
        yield found


def _cut(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)


def _retry_after_s(text: str) -> float | None:
    """Seconds, or a moment, of `Retry-After`.

    >>> _retry_after_s("120"), _retry_after_s("soon"), _retry_after_s("")
    (120.0, None, None)
    """
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
