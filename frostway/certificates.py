"""Certificates of this machine: from a private authority in the data folder, or given ones that are checked first.

A certificate and its key are one file, so that whoever reads it anew never finds one of each.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from frostway.secrets import write_private
from store.embedded_process import EmbeddedError

AUTHORITY_DAYS = 3652
SERVER_DAYS = 397  # more is refused by browsers from public authorities, and by some devices from any
RENEW_DAYS = 30
CLOCK_SLACK = timedelta(days=1)  # clocks of devices that are behind
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
NAME_CHARACTERS_MAX = 64  # of a common name (RFC 5280)
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)


class CertificateError(EmbeddedError):
    """A certificate or key cannot be used; the text is one line that says how to mend it."""


@dataclass(frozen=True)
class Identity:
    """A certificate with its chain, and its key."""

    certificate: x509.Certificate
    pem: str = field(repr=False)
    """Key and chain, as one file for a server."""

    @property
    def ends(self) -> datetime:
        """Until when it is good."""
        return self.certificate.not_valid_after_utc

    def covers(self, names: Iterable[str]) -> bool:
        """Whether it is for all these names and addresses."""
        return set(names) <= set(names_of(self.certificate))


class Authority:
    """The private authority of one data folder: `ca.pem` for everybody, `ca.key` for its owner only."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def load(cls, folder: Path) -> Authority | None:
        """The one in `folder`; None when there is none.

        Raises:
            CertificateError: its files cannot be read, or do not belong together.
        """
        path, key_path = folder / "ca.pem", folder / "ca.key"
        if not path.exists() and not key_path.exists():
            return None
        chain, key = _read_chain(path), _read_key(key_path)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or _spki(key.public_key()) != _spki(chain[0].public_key()):
            raise CertificateError(
                f"{key_path} is not the key of {path}: put the right one back, "
                f"or have a new authority made with `frostway ca renew --authority`"
            )
        return cls(chain[0], key)

    @classmethod
    def make(cls, folder: Path, host: str, now: datetime) -> Authority:
        """A new one, in place of one that is there."""
        key = ec.generate_private_key(ec.SECP256R1())
        words = f"Frostway {host}"[:NAME_CHARACTERS_MAX]
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(name, name, key, now, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / "ca.key", _key_pem(key))
        write_private(folder / "ca.pem", pem_of([certificate]))
        return cls(certificate, key)

    @property
    def pem(self) -> str:
        """Its certificate, as devices and browsers take it."""
        return pem_of([self.certificate])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate, as devices and browsers show it."""
        return fingerprint(self.certificate)

    def has_signed(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate is from here."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except Exception:  # noqa: BLE001 - another name, kind of key, or signature: cryptography has a class for each
            return False
        return True

    def issue(self, names: Sequence[str], now: datetime) -> Identity:
        """A server's certificate for names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:NAME_CHARACTERS_MAX])])
        ours = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            _builder(subject, self.certificate.subject, key, now, SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ours), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Identity(certificate, _key_pem(key) + pem_of([certificate]))


def own(folder: Path, names: Sequence[str], now: datetime, *, anew: bool = False) -> Identity:
    """The server's certificate from the authority in `folder`, both made when they are not there.

    It is made anew when it ends within 30 days, is not for all of `names`, or is damaged; or when asked for by `anew`.

    Raises:
        CertificateError: the authority cannot be used.
    """
    authority = Authority.load(folder) or Authority.make(folder, names[0], now)
    if authority.certificate.not_valid_after_utc <= now:
        raise CertificateError(
            f"the authority in {folder / 'ca.pem'} has ended: make another with `frostway ca renew --authority` "
            f"and give it to devices and browsers"
        )
    path = folder / "server.pem"
    if not anew:
        try:
            kept = given(path, path, now)
        except CertificateError:
            kept = None
        lasts = kept is not None and now + timedelta(days=RENEW_DAYS) < kept.ends
        if kept is not None and lasts and kept.covers(names) and authority.has_signed(kept.certificate):
            return kept
    made = authority.issue(names, now)
    write_private(path, made.pem)
    return made


def given(certificate: Path, key: Path, now: datetime) -> Identity:
    """A certificate (PEM, with its chain after it) and its key, good to serve with.

    Raises:
        CertificateError: unreadable, no PEM, not a pair, or not valid now.
    """
    chain, private = _read_chain(certificate), _read_key(key)
    leaf = chain[0]
    if _spki(private.public_key()) != _spki(leaf.public_key()):
        if any(_spki(private.public_key()) == _spki(each.public_key()) for each in chain[1:]):
            raise CertificateError(f"{certificate}: put the server's own certificate first, those of its issuers after")
        raise CertificateError(f"{key} is not the key of {certificate}: name the two that were made together")
    if leaf.not_valid_after_utc <= now:
        raise CertificateError(f"{certificate} ended on {leaf.not_valid_after_utc:%Y-%m-%d}: have it renewed")
    if leaf.not_valid_before_utc > now:
        begins = f"{leaf.not_valid_before_utc:%Y-%m-%d}"
        raise CertificateError(f"{certificate} begins on {begins}: set this machine's clock, or wait")
    return Identity(leaf, _key_pem(private) + pem_of(chain))


def host_name(text: str) -> str:
    """A name or address as a certificate may have it.

    Raises:
        CertificateError: it is neither.

    >>> host_name("Fleet.example"), host_name("2001:db8:0::1")
    ('fleet.example', '2001:db8::1')
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if not _HOST.fullmatch(text):
            raise CertificateError(f"{text!r} is neither a host name nor an address") from None
        return text.lower()


def names_of(certificate: x509.Certificate) -> list[str]:
    """The names and addresses that it is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(each.value) for each in found if isinstance(each, x509.DNSName | x509.IPAddress)]


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256, as tools show it: `AB:CD:…`."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def pem_of(chain: Iterable[x509.Certificate]) -> str:
    """Certificates as PEM, one after the other."""
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode("ascii") for each in chain)


def utc_now() -> datetime:
    """Now, to the second: certificates know no less.

    A machine that has just been switched on, and has no clock of its own, may think of 1970: what it made then would
    have ended long ago once it knows better.
    """
    return max(datetime.now(UTC).replace(microsecond=0), EARLIEST)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now - CLOCK_SLACK + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key_pem(key: PrivateKeyTypes) -> str:
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return pem.decode("ascii")


def _read_chain(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError:
        raise CertificateError(f"{path} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)") from None


def _read_key(path: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(_read(path), None)
    except TypeError:
        raise CertificateError(
            f"{path} is locked by a passphrase: take it off with `openssl pkey -in {path} -out NEW`"
        ) from None
    except ValueError:
        raise CertificateError(f"{path} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}") from None
