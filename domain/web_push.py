"""A browser's subscription to web push (RFC 8030) as the address of a channel: `webpush://HOST/SUBSCRIPTION`. Pure.

`SUBSCRIPTION` is base64url of what the browser says of it: `{"endpoint": …, "keys": {"p256dh": …, "auth": …}}`. HOST is
that of the endpoint, for people to read.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import NamedTuple
from urllib.parse import urlsplit

from domain.webhooks import AddressError

SCHEME = "webpush"
_POINT, _SECRET = 65, 16  # octets of an uncompressed P-256 point, of an authentication secret (RFC 8291)


class Subscription(NamedTuple):
    """Where a browser's messages are left, its public key, and the secret it shares with who may write to it."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    @property
    def origin(self) -> str:
        """Of the push service: `https://push.example.org`."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"


def b64url(content: bytes) -> str:
    r"""Base64 as addresses and tokens have it.

    >>> b64url(b"\xff\xfe"), unb64url("__4")
    ('__4', b'\xff\xfe')
    """
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """The octets of it.

    Raises:
        ValueError: it is none.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def subscription_of(address: str) -> Subscription:
    """What stands in an address.

    Raises:
        AddressError: no subscription.
    """
    scheme, _, rest = address.partition("://")
    host, _, packed = rest.partition("/")
    try:
        said = json.loads(unb64url(packed))
        keys = said["keys"]
        found = Subscription(said["endpoint"], unb64url(keys["p256dh"]), unb64url(keys["auth"]))
        parts = urlsplit(found.endpoint)
        right = parts.scheme in ("https", "http") and parts.netloc == host and not parts.username
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise AddressError(f"url: no subscription of a browser: {type(error).__name__}") from None
    if scheme.lower() != SCHEME or not right:
        raise AddressError(f"url: {SCHEME}:// and the host of the subscription's endpoint, then the subscription")
    if len(found.p256dh) != _POINT or found.p256dh[0] != 4 or len(found.auth) != _SECRET:
        raise AddressError("url: the subscription's keys are none of web push")
    return found
