"""Webhooks as others know them: their addresses, Standard Webhooks 1.0 (headers, signature), CloudEvents 1.0 (body)."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

URL_CHARS_MAX = 2000
PORTS = {"https": (443, 8443), "http": (80, 8080)}
"""Ports in the world; in a network that the operator allows any."""


EPCIS = "epcis"
"""What a subscription to events is told: a document, and no CloudEvent."""
_OF_EPCIS = {"content-type": "application/json", "GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}


class AddressError(ValueError):
    """Nothing is sent there; the message says why."""


def parse_url(url: str) -> SplitResult:
    """The parts of an address for a webhook.

    Raises:
        AddressError: it is none.
    """
    if not 8 <= len(url) <= URL_CHARS_MAX or not url.isascii() or any(c <= " " or c in "\\\x7f" for c in url):
        raise AddressError(f"url: 8 to {URL_CHARS_MAX} visible ASCII characters")
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        raise AddressError("url: not an address such as https://example.org/hook") from None
    if found.scheme not in PORTS or not found.hostname:
        raise AddressError("url: not an address such as https://example.org/hook")
    if found.username is not None or found.password is not None:
        raise AddressError("url: without a user and password in it; the signature says who sends")
    if found.fragment:
        raise AddressError("url: without # and what is behind it")
    if port == 0:
        raise AddressError("url: no port 0")
    return found


def body_of(tenant: str, row: Mapping[str, Any]) -> bytes:
    """The CloudEvent of a row of `outgoing`, of EPCIS the document: the same octets at every attempt."""
    if row["type"] == EPCIS:
        return json.dumps(row["data"], ensure_ascii=False, separators=(",", ":")).encode()
    event = {
        "specversion": "1.0",
        "id": row["cause"],
        "source": f"/frostway/{tenant}",
        "type": f"frostway.{row['type']}",
        "subject": row["subject"],
        "time": row["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": row["data"],
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(number: int, body: bytes, secrets: Sequence[bytes], now: datetime, of: str = "") -> dict[str, str]:
    """The headers of an attempt: the same number at every attempt, the attempt's time, a signature by each secret.

    >>> from datetime import UTC
    >>> headers_of(7, b"{}", [b"0" * 24], datetime(2026, 1, 1, tzinfo=UTC))["webhook-signature"]
    'v1,J8cpZqpBe5UOoSNz+YlSA6EQkNIkhb7dZ6/5tKiKd6k='
    """
    name, at = f"msg_{number}", str(int(now.timestamp()))
    signed = f"{name}.{at}.".encode() + body
    signatures = [b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets]
    return {
        **(_OF_EPCIS if of == EPCIS else {"content-type": "application/cloudevents+json; charset=utf-8"}),
        "user-agent": "Frostway",
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }


def secret_text(secret: bytes) -> str:
    """A secret as receivers are given it."""
    return f"whsec_{b64encode(secret).decode()}"
