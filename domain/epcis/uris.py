"""GS1 keys as URIs, each in one way: the canonical GS1 Digital Link (CBV 2.0, section 8.9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from domain.epc.keys import completed

LINK = "https://id.gs1.org"
SHORT_NAMES = {
    "gtin": "01", "itip": "8006", "cpid": "8010", "gln": "414", "party": "417", "gsrnp": "8017", "gsrn": "8018",
    "gcn": "255", "sscc": "00", "gdti": "253", "ginc": "401", "gsin": "402", "grai": "8003", "giai": "8004",
    "cpv": "22", "lot": "10", "ser": "21",
}  # fmt: skip
KEYS = {"01", "8006", "8010", "414", "417", "8017", "8018", "255", "00", "253", "401", "402", "8003", "8004"}
QUALIFIERS = {"22", "10", "21", "235", "254", "8011"}
FINEST = ("21", "235", "254", "8011", "10")
DIGITS = {"00": 18, "01": 14, "414": 13, "417": 13, "402": 17, "8017": 18, "8018": 18}
"""Length of the keys that are digits and nothing else."""
Writer = Callable[[str, str, list[str]], str]
_GLN = re.compile(r"https://id\.gs1\.org/414/(\d{13})(?:/254/([^/]+))?")
_PREFIX = re.compile(r"\d{6,12}")
_PLAIN = re.compile(r"[!-~]{1,50}")
_OLD = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)", re.DOTALL)


@lru_cache(maxsize=65_536)
def canonical(uri: str) -> str | None:
    """Canonical Digital Link of the finest key in an EPC URN (id, class or pattern) or Digital Link; None for others.

    >>> canonical("urn:epc:id:sgtin:0614141.107346.2017")
    'https://id.gs1.org/01/10614141073464/21/2017'
    >>> canonical("https://shop.example/some/path/gtin/614141073467/lot/A1?17=261231")
    'https://id.gs1.org/01/00614141073467/10/A1'
    >>> canonical("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    """
    if (found := _OLD.fullmatch(uri)) is not None:
        return _of_urn(found[1], found[2], found[3])
    return _of_link(uri) if uri.startswith(("https://", "http://")) else None


def link(ai: str, key: str, *more: str) -> str:
    """A Digital Link; `more` is the application identifier and value of a qualifier."""
    return LINK + "".join(f"/{each}" for each in (ai, quote(key, safe=""), *(quote(m, safe="") for m in more)))


def gln_of(uri: str) -> tuple[str, str] | None:
    """GLN and extension ("" for none) of a canonical Digital Link of a place; None of anything else.

    >>> gln_of("https://id.gs1.org/414/4012345000054/254/chiller")
    ('4012345000054', 'chiller')
    """
    found = _GLN.fullmatch(uri)
    return (found[1], unquote(found[2] or "")) if found else None


def _of_urn(sort: str, scheme: str, body: str) -> str | None:
    parts = [unquote(part) for part in body.split(".")]
    is_pattern = sort == "idpat"
    if is_pattern and parts[-1] != "*":
        return None
    if (wanted := _PARTS.get((sort, scheme))) is None or len(parts) < wanted[0]:
        return None
    if len(parts) > wanted[0]:  # a serial number may hold points
        parts = [*parts[: wanted[0] - 1], ".".join(parts[wanted[0] - 1 :])]
    prefix, reference = parts[0], parts[1]
    if not _PREFIX.fullmatch(prefix) or not all(_PLAIN.fullmatch(p) for p in parts[2:]):
        return None
    digits = wanted[1]
    if digits and not (len(prefix) + len(reference) == digits and (reference.isdigit() or not reference)):
        return None
    return _WRITERS[scheme](prefix, reference, parts[2:-1] if is_pattern else parts[2:])


def _trade(prefix: str, reference: str) -> str:
    return completed(reference[0] + prefix + reference[1:])


def _sgtin(prefix: str, reference: str, rest: list[str]) -> str:
    return link("01", _trade(prefix, reference), *(("21", rest[0]) if rest else ()))


def _itip(prefix: str, reference: str, rest: list[str]) -> str:
    return link("8006", _trade(prefix, reference) + "".join(rest[:2]), *(("21", rest[2]) if len(rest) > 2 else ()))


def _sgln(prefix: str, reference: str, rest: list[str]) -> str:
    key = completed(prefix + reference)
    return link("414", key) if rest[0] == "0" else link("414", key, "254", rest[0])


def _cpi(prefix: str, reference: str, rest: list[str]) -> str:
    return link("8010", prefix + reference, *(("8011", rest[0]) if rest else ()))


def _serial_behind(ai: str, start: str = "") -> Writer:
    return lambda prefix, reference, rest: link(ai, start + completed(prefix + reference) + "".join(rest[:1]))


def _whole(ai: str) -> Writer:
    return lambda prefix, reference, _: link(ai, prefix + reference)


def _checked(ai: str) -> Writer:
    return lambda prefix, reference, _: link(ai, completed(prefix + reference))


_WRITERS: dict[str, Writer] = {
    "sgtin": _sgtin,
    "lgtin": lambda p, r, rest: link("01", _trade(p, r), "10", rest[0]),
    "upui": lambda p, r, rest: link("01", _trade(p, r), *(("235", rest[0]) if rest else ())),
    "itip": _itip,
    "sscc": lambda p, r, _: link("00", _trade(p, r)),
    "sgln": _sgln,
    "pgln": _checked("417"),
    "grai": _serial_behind("8003", "0"),
    "gdti": _serial_behind("253"),
    "sgcn": _serial_behind("255"),
    "giai": _whole("8004"),
    "ginc": _whole("401"),
    "gsin": _checked("402"),
    "gsrn": _checked("8018"),
    "gsrnp": _checked("8017"),
    "cpi": _cpi,
}
_PARTS = {
    ("id", "sgtin"): (3, 13), ("id", "upui"): (3, 13), ("id", "itip"): (5, 13), ("id", "sscc"): (2, 17),
    ("id", "sgln"): (3, 12), ("id", "pgln"): (2, 12), ("id", "grai"): (3, 12), ("id", "gdti"): (3, 12),
    ("id", "sgcn"): (3, 12), ("id", "giai"): (2, 0), ("id", "ginc"): (2, 0), ("id", "gsin"): (2, 16),
    ("id", "gsrn"): (2, 17), ("id", "gsrnp"): (2, 17), ("id", "cpi"): (3, 0), ("class", "lgtin"): (3, 13),
    ("idpat", "sgtin"): (3, 13), ("idpat", "upui"): (3, 13), ("idpat", "itip"): (5, 13), ("idpat", "grai"): (3, 12),
    ("idpat", "gdti"): (3, 12), ("idpat", "sgcn"): (3, 12), ("idpat", "cpi"): (3, 0),
}  # fmt: skip
"""Parts of a URN, and digits of company prefix and reference together (0: not fixed)."""


def _of_link(uri: str) -> str | None:
    try:
        path = urlsplit(uri).path
    except ValueError:
        return None
    steps = path.strip("/").split("/")
    found: list[tuple[str, str]] = []
    at = len(steps) - 2
    while at >= 0:  # from the end: what stands before the key is the owner's own path
        ai = SHORT_NAMES.get(steps[at], steps[at])
        found.insert(0, (ai, unquote(steps[at + 1])))
        if ai in KEYS:
            break
        if ai not in QUALIFIERS:
            return None
        at -= 2
    if not found or found[0][0] not in KEYS:
        return None
    (ai, key), qualifiers = found[0], dict(found[1:])
    if ai == "01" and key.isdigit() and len(key) in (8, 12, 13):
        key = key.zfill(14)
    if (digits := DIGITS.get(ai)) and not (len(key) == digits and key.isascii() and key.isdigit()):
        return None
    finest = next(((q, qualifiers[q]) for q in FINEST if q in qualifiers), ())
    return link(ai, key, *finest)
