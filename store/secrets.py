"""Hashes of passwords and tokens. Tokens are random, so a plain SHA-256 is enough; passwords are stretched."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 12, 1024
_N, _R, _P = 2**14, 8, 1  # scrypt, RFC 7914; 16 MiB


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
