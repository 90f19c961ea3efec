"""Hashes of passwords and tokens. Tokens are random, so a plain SHA-256 is enough; passwords are stretched."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode
from typing import TYPE_CHECKING

from domain.web_push import b64url

if TYPE_CHECKING:
    from argon2 import PasswordHasher
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 12, 1024
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_MEMORY_KIB = 19_456  # with two passes OWASP's least for Argon2id


def new_token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def password_problem(password: str, user: str) -> str:
    """Why a password is not taken, in one line; empty when it is.

    >>> password_problem("short", "ann"), password_problem("a long enough one", "ann")
    ('a password has at least 12 characters', '')
    """
    if len(password) < PASSWORD_CHARS_MIN:
        return f"a password has at least {PASSWORD_CHARS_MIN} characters"
    if len(password) > PASSWORD_CHARS_MAX:
        return f"a password has at most {PASSWORD_CHARS_MAX} characters"
    if len(set(password)) < 5 or password.lower().strip("0123456789 ") == user.lower():
        return "this password is guessed too easily: choose another"
    return ""


def password_hash(password: str) -> str:
    """What is kept of a person's password: Argon2id (RFC 9106) in its usual text form."""
    return str(_hasher().hash(password))


def password_fits(password: str, kept: str) -> bool:
    """Whether a password is the one kept, in constant time."""
    if kept.startswith("scrypt$"):
        return _fits_scrypt(password, kept)
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

    try:
        return bool(_hasher().verify(kept, password))
    except (VerificationError, InvalidHashError):
        return False


def password_is_outdated(kept: str) -> bool:
    """Whether a password that fits is to be kept anew, as passwords are kept today."""
    return kept.startswith("scrypt$") or bool(_hasher().check_needs_rehash(kept))


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # noqa: PLC0415  programs that keep no passwords do without

    return PasswordHasher(time_cost=2, memory_cost=_MEMORY_KIB, parallelism=1)


def _fits_scrypt(password: str, kept: str) -> bool:
    """How passwords were kept once."""
    try:
        _, salt, digest = kept.split("$")
    except ValueError:
        return False
    found = hashlib.scrypt(password.encode(), salt=b64decode(salt), n=2**14, r=8, p=1)
    return hmac.compare_digest(found, b64decode(digest))


def sealed(secret: str, content: bytes) -> bytes:
    """Content that only who has a secret of many random bits can read: AES-256-GCM, its nonce before it.

    >>> opened("a" * 32, sealed("a" * 32, b"token")), opened("b" * 32, sealed("a" * 32, b"token"))
    (b'token', None)
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - few ask for it

    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(_key_of(secret)).encrypt(nonce, content, None)


def opened(secret: str, content: bytes) -> bytes | None:
    """What was sealed with a secret; None: with another one."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        return AESGCM(_key_of(secret)).decrypt(content[:12], content[12:], None)
    except InvalidTag:
        return None


def _key_of(secret: str) -> bytes:
    return hmac.digest(b"frostway sealed", secret.encode(), "sha256")


def push_key(secret: str) -> EllipticCurvePrivateKey:
    """The P-256 key by which push services know this installation (RFC 8292), the same for the same secret."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    drawn = HKDF(SHA256(), 48, salt=None, info=b"frostway web push").derive(secret.encode())
    return derive_private_key(int.from_bytes(drawn, "big") % (_P256_ORDER - 1) + 1, SECP256R1())


def evidence_key(secret: str) -> Ed25519PrivateKey:
    """The Ed25519 key that evidence packs are sealed with, the same for the same secret."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    drawn = HKDF(SHA256(), 32, salt=None, info=b"frostway evidence").derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(drawn)


def push_public_key(secret: str) -> str:
    """Its public half as browsers take it: an uncompressed point, base64url.

    >>> len(push_public_key("a" * 32)), push_public_key("a" * 32) == push_public_key("b" * 32)
    (87, False)
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    point = push_key(secret).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return b64url(point)
