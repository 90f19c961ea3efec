"""Messages to a broker, QoS 1: to the address that was looked at, within a time, taken when it says so (PUBACK).

MQTT 5, in which a broker says why it does not take something; 3.1.1 with those that know no other. A connection for
each time something is told, so that nothing is held open at other people's.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.webhooks import AddressError
from operations.deliver.address import Network, Target, resolve_broker
from operations.deliver.decide import ERROR_CHARS_MAX, Attempt
from operations.deliver.send import TIMEOUT_S, opened_to
from store.secrets import opened

PACKET_OCTETS_MAX = 64 * 1024
_CONNACK, _PUBACK, _DISCONNECT = 2, 4, 14
_OTHER_VERSION = (0x01, 0x84)
_REASONS = {
    0x01: "the broker speaks neither MQTT 5 nor 3.1.1",
    0x04: "the broker does not take this user or password",
    0x05: "the broker does not let this user in",
    0x80: "it is not taken, and the broker does not say why",
    0x86: "the broker does not take this user or password",
    0x87: "this user may not publish there",
    0x88: "the broker is not to be had",
    0x89: "the broker is busy",
    0x8A: "the broker has shut us out",
    0x90: "the broker takes no such topic",
    0x95: "too large for the broker",
    0x97: "the broker's quota is used up",
    0x9A: "the broker keeps nothing (retained)",
}
_AT_THE_DOOR = {0x87: 0x05}
"""What another word means before anything is published."""
_LATER = {0x88: 503, 0x89: 503, 0x97: 429}


class Publication(NamedTuple):
    """What is published; empty and `retain`: what stood there is gone."""

    topic: str
    body: bytes
    retain: bool = False
    content_type: str = "application/cloudevents+json"


class Login(NamedTuple):
    """Who publishes; without a name nobody."""

    user: str = ""
    password: str = ""


def login_of(secret: str, sealed: bytes | None) -> Login | None:
    """The login of a broker as it was kept; None: it was sealed with another secret."""
    if sealed is None:
        return Login()
    kept = opened(secret, bytes(sealed)) if secret else None
    return None if kept is None else Login(*json.loads(kept))


class _Refused(Exception):  # noqa: N818  # an outcome, not a fault of ours
    def __init__(self, status: int | None, code: int) -> None:
        self.status, self.code = status, code


def publish(
    url: str,
    login: Login,
    messages: Sequence[Publication],
    allowed: Sequence[Network] = (),
    tls: ssl.SSLContext | None = None,
    timeout_s: float = TIMEOUT_S,
    *,
    window: int = 1,
    taken: Callable[[int], None] = lambda _: None,
) -> Attempt:
    """What came of publishing. Never raises for what the other side does.

    `window`: so many are on their way at a time; `taken` is told how many, from the first on, were acknowledged.
    """
    begin = time.monotonic()

    def attempt(status: int | None, error: str) -> Attempt:
        took_ms = round((time.monotonic() - begin) * 1000)
        for secret in filter(None, [login.password]):
            error = error.replace(secret, "…")
        return Attempt(status, "".join(c if c.isprintable() else " " for c in error)[:ERROR_CHARS_MAX], took_ms)

    try:
        target = resolve_broker(url, allowed)
        try:
            _tell(target, tls, timeout_s, lambda found: _Session(found, 5).tell(login, messages, window, taken))
        except _Refused as refused:
            if refused.status is not None or refused.code not in _OTHER_VERSION:
                raise
            _tell(target, tls, timeout_s, lambda found: _Session(found, 4).tell(login, messages, window, taken))
        return attempt(200, "")
    except _Refused as refused:
        return attempt(refused.status, _REASONS.get(refused.code, f"refused with 0x{refused.code:02x}"))
    except AddressError as error:
        return attempt(None, str(error))
    except ssl.SSLError as error:
        return attempt(None, f"TLS: {error.reason or error}")
    except (OSError, ValueError) as error:
        if time.monotonic() - begin >= timeout_s:
            return attempt(None, f"no answer within {timeout_s:g} s")
        return attempt(None, str(error) or type(error).__name__)


def _tell(
    target: Target, tls: ssl.SSLContext | None, timeout_s: float, session: Callable[[socket.socket], None]
) -> None:
    with opened_to(target, tls, timeout_s) as found:
        session(found)


class _Session:
    """One connection: said in, told, said goodbye."""

    def __init__(self, found: socket.socket, version: int) -> None:
        self._socket, self._is_5 = found, version == 5

    def tell(self, login: Login, messages: Sequence[Publication], window: int, taken: Callable[[int], None]) -> None:
        """Publishes in order; one more than `window` is not sent before the first of them was taken."""
        self._socket.sendall(self._connect(login))
        answer = self._await(_CONNACK)
        if len(answer) < 2:
            raise ValueError("the broker's answer is no MQTT")
        if answer[1]:
            raise _Refused(None, _AT_THE_DOOR.get(answer[1], answer[1]))
        sent = 0
        for number in range(1, len(messages) + 1):
            while sent < min(len(messages), number - 1 + window):
                sent += 1
                self._socket.sendall(self._publish(sent, messages[sent - 1]))
            self._acknowledged(number)
            taken(number)
        self._socket.sendall(b"\xe0\x00")

    def _acknowledged(self, number: int) -> None:
        answer = self._await(_PUBACK)
        if answer[:2] != number.to_bytes(2, "big"):
            raise ValueError("the broker's answer is to another message")
        if len(answer) > 2 and answer[2] >= 0x80:
            raise _Refused(_LATER.get(answer[2], 403), answer[2])

    def _connect(self, login: Login) -> bytes:
        flags = 0x02 | (0xC0 if login.user else 0)
        body = _text("MQTT") + bytes([5 if self._is_5 else 4, flags]) + (60).to_bytes(2, "big")
        body += (b"\0" if self._is_5 else b"") + _text(f"frostway-{secrets.token_hex(6)}")
        return _packet(0x10, body + (_text(login.user) + _text(login.password) if login.user else b""))

    def _publish(self, number: int, message: Publication) -> bytes:
        about = b""
        if self._is_5:
            kind = b"\x01\x01\x03" + _text(message.content_type) if message.body else b""
            about = bytes([len(kind)]) + kind
        head = _text(message.topic) + number.to_bytes(2, "big") + about
        return _packet(0x32 | message.retain, head + message.body)

    def _await(self, kind: int) -> bytes:
        """The next packet of a kind."""
        while True:
            found, body = self._packet()
            if found == kind:
                return body
            if found == _DISCONNECT:
                raise _Refused(None, body[0] if body else 0x80)

    def _packet(self) -> tuple[int, bytes]:
        first, size = self._exactly(1)[0], 0
        for shift in (0, 7, 14, 21):
            digit = self._exactly(1)[0]
            size |= (digit & 0x7F) << shift
            if digit < 0x80:
                break
        if size > PACKET_OCTETS_MAX:
            raise ValueError("the broker's answer is no MQTT")
        return first >> 4, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self._socket.recv(size - len(found))
            if not part:
                raise ConnectionError("the broker has closed the connection")
            found += part
        return found


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _packet(first: int, body: bytes) -> bytes:
    size, digits = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        digits += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([first]) + digits + body


Publish = Callable[[str, Login, Sequence[Publication]], Attempt]
