"""The private authority and its certificates, and what is said of given ones that cannot be used."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives import serialization

from frostway import certificates, lan
from frostway.certificates import Authority, CertificateError, given, host_name, names_of, own, utc_now
from frostway.cli import main

NOW = utc_now()
NAMES = ["fleet.example", "192.0.2.7", "fd00::7"]


def handshake(server_pem: Path, trusted: str, name: str) -> str:
    """What the client says after a handshake over real TLS: the protocol, or why not."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(server_pem)
    near, far = socket.socketpair()

    def serve() -> None:
        with contextlib.suppress(OSError), server.wrap_socket(far, server_side=True) as connection:
            connection.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cadata=trusted)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with client.wrap_socket(near, server_hostname=name) as connection:
            return str(connection.version())
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        near.close()
        thread.join()


def test_who_has_the_authority_trusts_the_server_by_each_of_its_names_and_by_no_other(tmp_path: Path) -> None:
    own(tmp_path, NAMES, NOW)
    authority = Authority.load(tmp_path)
    assert authority is not None
    assert [handshake(tmp_path / "server.pem", authority.pem, name) for name in NAMES] == ["TLSv1.3"] * 3
    assert "mismatch" in handshake(tmp_path / "server.pem", authority.pem, "other.example")
    stranger = Authority.make(tmp_path / "other", "other", NOW)
    assert "unable to get local issuer" in handshake(tmp_path / "server.pem", stranger.pem, NAMES[0])


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    own(folder, NAMES, NOW)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
        "ca.key": "0o600",
        "ca.pem": "0o600",
        "server.pem": "0o600",
    }
    assert oct(folder.stat().st_mode & 0o777) == "0o700"


def test_a_certificate_lasts_397_days_and_its_authority_ten_years(tmp_path: Path) -> None:
    made = own(tmp_path, NAMES, NOW)
    authority = Authority.load(tmp_path)
    assert authority is not None
    span = made.certificate.not_valid_after_utc - made.certificate.not_valid_before_utc
    assert span == timedelta(days=397)
    assert authority.certificate.not_valid_after_utc - NOW > timedelta(days=3650)
    assert made.certificate.not_valid_before_utc < NOW, "a device whose clock is behind by hours connects"


@pytest.mark.parametrize(
    ("days", "names", "is_renewed"),
    [
        (0, NAMES, False),
        (365, NAMES, False),
        (367, NAMES, True),
        (500, NAMES, True),
        (0, NAMES[:1], False),
        (0, [*NAMES, "192.0.2.8"], True),
    ],
    ids=["same day", "31 days left", "29 days left", "it has ended", "an address is gone", "an address is new"],
)
def test_it_is_renewed_when_it_ends_within_thirty_days_or_an_address_is_new(
    tmp_path: Path, days: int, names: list[str], is_renewed: bool
) -> None:
    first = own(tmp_path, NAMES, NOW)
    then = own(tmp_path, names, NOW + timedelta(days=days))
    assert (then.certificate != first.certificate) is is_renewed
    assert then.covers(names)
    assert then.ends > NOW + timedelta(days=days + 30)


def test_a_damaged_or_foreign_certificate_is_made_anew_and_the_authority_stays(tmp_path: Path) -> None:
    own(tmp_path, NAMES, NOW)
    authority = (tmp_path / "ca.pem").read_text()
    (tmp_path / "server.pem").write_text("garbage")
    assert own(tmp_path, NAMES, NOW).covers(NAMES)
    foreign = Authority.make(tmp_path / "other", "other", NOW).issue(NAMES, NOW)
    (tmp_path / "server.pem").write_text(foreign.pem)
    assert own(tmp_path, NAMES, NOW).certificate != foreign.certificate
    assert (tmp_path / "ca.pem").read_text() == authority


def _locked(folder: Path) -> None:
    key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
    scheme = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, scheme)
    (folder / "key.pem").write_bytes(pem)


def _reversed(folder: Path) -> None:
    pem = (folder / "cert.pem").read_text()
    (folder / "cert.pem").write_text((folder / "ca.pem").read_text() + pem)


SPOILED: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "no certificate": (lambda f: (f / "cert.pem").unlink(), 0, "cert.pem cannot be read: No such file"),
    "a folder": (lambda f: ((f / "key.pem").unlink(), (f / "key.pem").mkdir()), 0, "key.pem cannot be read: Is a"),
    "garbage": (lambda f: (f / "cert.pem").write_bytes(b"\0\xff"), 0, "cert.pem holds no certificate in PEM"),
    "half a certificate": (
        lambda f: (f / "cert.pem").write_text((f / "cert.pem").read_text()[:300]),
        0,
        "cert.pem holds no certificate in PEM",
    ),
    "garbage for a key": (lambda f: (f / "key.pem").write_text("k"), 0, "key.pem holds no private key in PEM"),
    "a locked key": (_locked, 0, "key.pem is locked by a passphrase: take it off with `openssl pkey"),
    "another key": (
        lambda f: (f / "key.pem").write_text((f / "ca.key").read_text()),
        0,
        "key.pem is not the key of .*cert.pem: name the two that were made together",
    ),
    "the issuer first": (_reversed, 0, "put the server's own certificate first"),
    "ended": (lambda _: None, 400, r"cert.pem ended on \d{4}-\d\d-\d\d: have it renewed"),
    "not yet": (lambda _: None, -3, r"cert.pem begins on \d{4}-\d\d-\d\d: set this machine's clock"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_given_pair_that_cannot_be_used_is_one_line_that_says_how_to_mend_it(tmp_path: Path, fault: str) -> None:
    made = own(tmp_path, NAMES, NOW)
    key, _, chain = made.pem.partition("-----BEGIN CERTIFICATE-----")
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----" + chain)
    assert given(tmp_path / "cert.pem", tmp_path / "key.pem", NOW).certificate == made.certificate
    spoil, days, says = SPOILED[fault]
    spoil(tmp_path)
    with pytest.raises(CertificateError, match=says) as raised:
        given(tmp_path / "cert.pem", tmp_path / "key.pem", NOW + timedelta(days=days))
    assert "\n" not in str(raised.value)


def test_an_authority_without_its_key_or_after_its_end_says_what_to_do(tmp_path: Path) -> None:
    own(tmp_path, NAMES, NOW)
    with pytest.raises(CertificateError, match="has ended: make another with `frostway ca renew --authority`"):
        own(tmp_path, NAMES, NOW + timedelta(days=3660))
    other = Authority.make(tmp_path / "other", "other", NOW)
    assert other.fingerprint.count(":") == 31
    (tmp_path / "ca.key").write_text((tmp_path / "other/ca.key").read_text())
    with pytest.raises(CertificateError, match=r"ca.key is not the key of .*ca.pem"):
        own(tmp_path, NAMES, NOW)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(CertificateError, match=r"ca.key cannot be read"):
        own(tmp_path, NAMES, NOW)


def test_what_is_made_before_the_clock_is_set_is_good_when_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unset(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(1970, 1, 1, 0, 0, 7, tzinfo=tz)

    with monkeypatch.context() as patched:
        patched.setattr(certificates, "datetime", Unset)
        early = utc_now()
    assert early == certificates.EARLIEST
    own(tmp_path, NAMES, early)
    assert own(tmp_path, NAMES, NOW).ends > NOW, "the authority has not ended"


@pytest.mark.parametrize("text", ["", "a b", "-a", "a..b", "ü.example", "a" * 254, "*.example", "http://a", "a:1"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(CertificateError, match="is neither a host name nor an address"):
        host_name(text)


def test_addresses_that_nobody_else_reaches_are_none_of_the_network() -> None:
    taken = {
        address for address in ["127.0.0.1", "169.254.3.4", lan.EVERYWHERE, "192.0.2.9"] if lan._is_reachable(address)
    }
    assert taken == {"192.0.2.9"}


def typed(folder: Path, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, {"PATH": os.environ["PATH"], "HOME": str(folder)}, clear=True),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.suppress(SystemExit),
    ):
        main(list(words))
        return 0, out.getvalue(), err.getvalue()
    return 1, out.getvalue(), err.getvalue()


def test_the_command_shows_the_authority_and_makes_certificates_anew(tmp_path: Path) -> None:
    _, out, err = typed(tmp_path, "ca", "show")
    assert (out, err.count("\n")) == ("", 1)
    assert "`frostway up --lan` makes it" in err
    typed(tmp_path, "ca", "renew", "--data", "d")
    folder = tmp_path / "d/tls"
    first, authority = (folder / "server.pem").read_text(), (folder / "ca.pem").read_text()
    _, out, err = typed(tmp_path, "ca", "show", "--data", "d")
    assert out == authority
    loaded = Authority.load(folder)
    assert loaded is not None
    assert f"SHA-256 {loaded.fingerprint}" in err
    own(folder, ["fleet.example"], NOW)
    typed(tmp_path, "ca", "renew", "--data", "d")
    assert (folder / "server.pem").read_text() != first
    kept = given(folder / "server.pem", folder / "server.pem", NOW)
    assert "fleet.example" in names_of(kept.certificate), "names that were given once stay"
    assert (folder / "ca.pem").read_text() == authority
    typed(tmp_path, "ca", "renew", "--authority", "--data", "d")
    assert (folder / "ca.pem").read_text() != authority
