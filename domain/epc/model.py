"""An EPC taken to pieces: which scheme, which key of GS1, which serial number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

from domain.epc.bits import EpcError
from domain.epc.keys import check_digit, completed

Kind = Literal["sgtin", "sscc", "sgln", "grai", "giai", "gid"]
FILTER_MAX = 7
PREFIX_DIGITS = range(6, 13)


@dataclass(frozen=True, slots=True)
class Epc:
    """What a tag says.

    `scheme`         how it is laid out: sgtin-96, sgtin-198, sgtin+, …
    `key`            with its check digit where it has one: GTIN-14, SSCC-18, GLN-13, 0 and 13 digits of a GRAI, a
                     whole GIAI; of a GID manager and class
    `prefix_digits`  of the company prefix in it; None where the layout does not say (the + schemes)
    `serial`         serial number or extension; empty for none
    `filter`         0 to 7, what kind of thing it is on; not part of the identity. None where there is none
    `date`           (application identifier, YYMMDD) of a DSGTIN+
    `more`           a + scheme says that data follow behind it
    `tail`           the bits behind it, as they were read; None when it was not read
    `written`        how a + scheme wrote what it could have written otherwise
    """

    scheme: str
    key: str
    serial: str = ""
    filter: int | None = 0
    prefix_digits: int | None = None
    date: tuple[str, str] | None = None
    more: bool = False
    tail: str | None = field(default=None, compare=False)
    written: tuple[int, ...] | None = field(default=None, compare=False)

    @property
    def kind(self) -> Kind:
        """What is named, whichever layout."""
        return kind_of(self.scheme)

    @property
    def gtin(self) -> str | None:
        """GTIN-14 of an item."""
        return self.key if self.kind == "sgtin" else None

    @property
    def parts(self) -> tuple[str, str]:
        """Company prefix, and what its owner chose behind it: indicator first and without the check digit."""
        if self.prefix_digits is None:
            raise EpcError(f"{self.scheme} does not say how long its company prefix is")
        n, key = self.prefix_digits, self.key
        if self.kind in {"sgtin", "sscc"}:
            return key[1 : n + 1], key[0] + key[n + 1 : -1]
        if self.kind == "sgln":
            return key[:n], key[n:-1]
        if self.kind == "grai":
            return key[1 : n + 1], key[n + 1 : -1]
        return key[:n], key[n:]


def kind_of(scheme: str) -> Kind:
    """The kind of key a scheme carries.

    >>> kind_of("sgln-195"), kind_of("dsgtin+")
    ('sgln', 'sgtin')
    """
    return cast("Kind", scheme.removeprefix("d").removesuffix("+").partition("-")[0])


DIGITS: dict[Kind, int] = {"sgtin": 14, "sscc": 18, "sgln": 13, "grai": 14}
NAMES: dict[Kind, str] = {"sgtin": "GTIN", "sscc": "SSCC", "sgln": "GLN", "grai": "GRAI", "giai": "GIAI", "gid": "GID"}


def joined(kind: Kind, prefix: str, reference: str) -> str:
    """The key of its parts, with its check digit.

    >>> joined("sgtin", "0614141", "812345"), joined("sgln", "0614141", "12345")
    ('80614141123458', '0614141123452')
    """
    if kind in {"sgtin", "sscc"}:
        return completed(reference[0] + prefix + reference[1:])
    if kind == "grai":
        return completed("0" + prefix + reference)
    return completed(prefix + reference) if kind == "sgln" else prefix + reference


def checked_key(kind: Kind, key: str) -> str:
    """A key that is one; refuses a wrong length, letters, a wrong check digit."""
    if kind not in DIGITS:
        return key
    name, digits = NAMES[kind], DIGITS[kind]
    if len(key) != digits or not (key.isascii() and key.isdigit()):
        raise EpcError(f"a {name} has {digits} digits: {key[:40]!r} has not")
    if kind == "grai" and key[0] != "0":
        raise EpcError(f"a GRAI begins with 0 behind its (8003): {key!r} does not")
    if check_digit(key[:-1]) != int(key[-1]):
        raise EpcError(f"the check digit of {name} {key} is {check_digit(key[:-1])}")
    return key
