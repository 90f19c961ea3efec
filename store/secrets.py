"""Hashes of passwords and tokens. Tokens are random, so a plain SHA-256 is enough; passwords are stretched."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

_N, _R, _P = 2**14, 8, 1  # scrypt, RFC 7914; 16 MiB


def new_token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def password_hash(password: str) -> str:
    """What is kept of a person's password: `scrypt$salt$hash`."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"scrypt${b64encode(salt).decode()}${b64encode(digest).decode()}"


def password_fits(password: str, kept: str) -> bool:
    """Whether a password is the one kept, in constant time."""
    try:
        scheme, salt, digest = kept.split("$")
    except ValueError:
        return False
    if scheme != "scrypt":
        return False
    found = hashlib.scrypt(password.encode(), salt=b64decode(salt), n=_N, r=_R, p=_P)
    return hmac.compare_digest(found, b64decode(digest))
