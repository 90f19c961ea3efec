"""What is kept of a password, and what it costs to guess one from it."""

from __future__ import annotations

import hashlib
from base64 import b64encode

from store.secrets import password_fits, password_hash, password_is_outdated

SALT = b"0123456789abcdef"


def scrypt(password: bytes) -> str:
    digest = hashlib.scrypt(password, salt=SALT, n=2**14, r=8, p=1)
    return f"scrypt${b64encode(SALT).decode()}${b64encode(digest).decode()}"


def test_a_password_is_kept_as_argon2id_of_19_mib_with_a_salt_of_its_own() -> None:
    kept = password_hash("correct horse")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert password_hash("correct horse").split("$")[4] != kept.split("$")[4]
    assert not password_is_outdated(kept)


def test_a_password_fits_what_is_kept_of_it_and_no_other() -> None:
    kept = password_hash("correct horse")
    assert password_fits("correct horse", kept)
    assert not password_fits("correct house", kept)
    for broken in ("", "correct horse", kept.replace("argon2id", "plain"), "$argon2id$$$", "scrypt$$$", "scrypt$"):
        assert not password_fits("correct horse", broken)


def test_a_password_kept_as_scrypt_fits_and_is_outdated() -> None:
    kept = scrypt(b"correct horse")
    assert password_fits("correct horse", kept)
    assert not password_fits("correct house", kept)
    assert password_is_outdated(kept)
