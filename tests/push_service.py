"""A browser's push service, and the browser it belongs to: takes what is left for it, and reads it."""

from __future__ import annotations

import json
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.web_push import b64url
from tests.receiver import Receiver


class Browser:
    """The keys of a subscription whose messages are left with `service`; RFC 8291 from the other side."""

    def __init__(self, service: Receiver, name: str = "one") -> None:
        self._key, self._auth = generate_private_key(SECP256R1()), os.urandom(16)
        self._point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._service = service
        self.subscription = {
            "endpoint": f"http://127.0.0.1:{service.server.server_port}/push/{name}",
            "keys": {"p256dh": b64url(self._point), "auth": b64url(self._auth)},
        }

    def address(self) -> str:
        """As a channel has it."""
        packed = b64url(json.dumps(self.subscription).encode())
        return f"webpush://127.0.0.1:{self._service.server.server_port}/{packed}"

    def told(self, n: int = -1) -> dict[str, Any]:
        """A message that was left."""
        body = self._service.heard[n][1]
        salt, record, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= record
        shared = self._key.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), theirs))
        both = HKDF(SHA256(), 32, self._auth, b"WebPush: info\0" + self._point + theirs).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(both)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(both)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain.endswith(b"\2")
        found: dict[str, Any] = json.loads(plain[:-1])
        return found
