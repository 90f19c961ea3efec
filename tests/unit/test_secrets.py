"""What is kept of a password, and what it costs to guess one from it."""

from __future__ import annotations

import hashlib
from base64 import b64decode

from store.secrets import password_fits, password_hash


def test_a_password_is_kept_as_scrypt_of_16_mib_with_a_salt_of_its_own() -> None:
    scheme, salt, digest = password_hash("correct horse").split("$")
    assert (scheme, len(b64decode(salt))) == ("scrypt", 16)
    assert b64decode(digest) == hashlib.scrypt(b"correct horse", salt=b64decode(salt), n=2**14, r=8, p=1)
    assert password_hash("correct horse").split("$")[1] != salt


def test_a_password_fits_what_is_kept_of_it_and_no_other() -> None:
    kept = password_hash("correct horse")
    assert password_fits("correct horse", kept)
    assert not password_fits("correct house", kept)
    for broken in ("", "correct horse", kept.replace("scrypt", "plain"), "scrypt$$$"):
        assert not password_fits("correct horse", broken)
