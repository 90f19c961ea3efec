"""One message to one browser by web push: encrypted for it alone (RFC 8291), signed by this installation (RFC 8292)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from domain.web_push import Subscription, subscription_of
from domain.webhooks import AddressError
from operations.deliver.decide import Attempt
from operations.deliver.message import Message
from store.secrets import push_key, push_public_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

TTL_S = 24 * 3600  # how long a push service keeps it for a telephone that is off
VALID_S = 12 * 3600
BODY_CHARS_MAX = 1500  # with its title well below the 3993 octets that every push service takes
RECORD_OCTETS = 4096
LAST = b"\2"  # behind the content of the last record
Post = Callable[[str, Mapping[str, str], bytes], Attempt]


def push(address: str, told: Message, pages: str | None, secret: str, send: Post) -> Attempt:
    """What came of it. A subscription that is over is told as 410, whatever the service says."""
    try:
        to = subscription_of(address)
    except AddressError as error:
        return Attempt(None, str(error), 0)
    headers = {
        "Authorization": f"vapid t={_token(to.origin, pages, secret)}, k={push_public_key(secret)}",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_S),
        "Urgency": "high",
    }
    try:
        body = encrypted(_content(told, pages), to, fresh_key(), os.urandom(16))
    except ValueError:
        return Attempt(None, "its key is no point of the curve: subscribe that browser again", 0)
    attempt = send(to.endpoint, headers, body)
    return attempt._replace(status=410) if attempt.status == 404 else attempt


def to_customer(recipient: Mapping[str, str], told: Mapping[str, Any], secret: str, send: Post) -> Attempt:
    """A milestone to a customer's browser; moot when its subscription is over. Others may be reached all the same."""
    pages = recipient["url"].partition("/t/")[0]
    message = Message(told["title"], "\n".join([*told["lines"], recipient["url"]]))
    attempt = push(recipient["browser"], message, pages, secret, send)
    if attempt.status == 410:
        return attempt._replace(is_moot=True, error="the browser is told nothing any more")
    return attempt._replace(only_this=True)


def _content(told: Message, pages: str | None) -> bytes:
    """Title, text and the page it leads to, which stands last in a message."""
    lines, url = told.body.split("\n"), "/alerts"
    if pages and lines[-1].startswith(f"{pages}/"):
        url = lines.pop().removeprefix(pages)
    text = "\n".join(lines)
    short = text if len(text) <= BODY_CHARS_MAX else f"{text[: BODY_CHARS_MAX - 1]}…"
    return json.dumps({"title": told.title[:200], "body": short, "url": url}, ensure_ascii=False).encode()


def _token(origin: str, pages: str | None, secret: str) -> str:
    """By which a push service knows who writes: for it alone, for half a day."""
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.jwk import ECKey  # noqa: PLC0415

    about = pages if pages and pages.startswith("https://") else "mailto:operator@localhost"
    claims = {"aud": origin, "exp": int(time.time()) + VALID_S, "sub": about}
    return str(jwt.encode({"alg": "ES256"}, claims, ECKey.import_key(push_key(secret))))


def fresh_key() -> EllipticCurvePrivateKey:
    """A key for one message."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key  # noqa: PLC0415

    return generate_private_key(SECP256R1())


def encrypted(content: bytes, to: Subscription, key: EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """One record of `aes128gcm` (RFC 8188) with keys as RFC 8291, section 3.4, draws them.

    Raises:
        ValueError: the subscription's key is no point of the curve.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415 - few ask for it
        ECDH,
        SECP256R1,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    def drawn(octets: int, salt: bytes, about: bytes, of: bytes) -> bytes:
        return HKDF(SHA256(), octets, salt, about).derive(of)

    own = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), to.p256dh))
    both = drawn(32, to.auth, b"WebPush: info\0" + to.p256dh + own, shared)
    once = drawn(12, salt, b"Content-Encoding: nonce\0", both)
    sealed = AESGCM(drawn(16, salt, b"Content-Encoding: aes128gcm\0", both)).encrypt(once, content + LAST, None)
    return salt + RECORD_OCTETS.to_bytes(4, "big") + bytes([len(own)]) + own + sealed
