"""What a scanner typed, or a person: keys of GS1 in any of their writings, a tag's code, or one of somebody's own."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.epc import EpcError, decode, parse
from domain.epc.model import checked_key
from domain.epc.texts import elements

GTIN, SSCC, LOT, SERIAL, CONTENT, GLN, PART = "01", "00", "10", "21", "02", "414", "254"
MADE, BEST_BEFORE, EXPIRES, COUNTS = "11", "15", "17", ("37", "30")
DATES = (MADE, "12", "13", BEST_BEFORE, "16", EXPIRES)
GTIN_DIGITS = (8, 12, 13, 14)
HEX_DIGITS_MIN = 16
SEPARATOR = "\x1d"
_SYMBOLOGY = re.compile(r"\](?:C1|d2|Q3|e0|J1)")
_ELEMENT = re.compile(r"\((\d{2,4})\)([^(]*)")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_FIXED = {"00": 18, "01": 14, "02": 14, "11": 6, "12": 6, "13": 6, "15": 6, "16": 6, "17": 6, "20": 2, GLN: 13}
_OPEN = ("10", "21", "22", "30", "37", PART)
_MEASURE = re.compile(r"3[1-6]\d\d")


class Scanned(NamedTuple):
    """What a code says: keys with their check digits right; `text` is the code itself, for those of one's own.

    `made_on` and `best_before` (or the day on which it expires, whichever comes first) are days, as 2026-12-20;
    `contains` is how many items it stands for, 0 where it does not say. `problem` is what is wrong with it where it was
    meant as one of GS1's.
    """

    text: str
    gtin: str = ""
    lot: str = ""
    serial: str = ""
    sscc: str = ""
    gln: str = ""
    part: str = ""
    made_on: str = ""
    best_before: str = ""
    contains: int = 0
    problem: str = ""

    @property
    def names(self) -> str:
        """In words."""
        parts = (
            ("GTIN", self.gtin),
            ("SSCC", self.sscc),
            ("lot", self.lot),
            ("best before", self.best_before),
            ("serial", self.serial),
            ("GLN", self.gln),
            ("part", self.part),
        )
        return ", ".join(f"{word} {value}" for word, value in parts if value) or self.text


def scanned(typed: str) -> Scanned:
    """A code taken to pieces; one that is none of GS1's is somebody's own.

    >>> scanned("(01)06414123456783(10)L-2291").names
    'GTIN 06414123456783, lot L-2291'
    >>> scanned("6414123456783").gtin, scanned("A-01-3").names
    ('06414123456783', 'A-01-3')
    """
    text = _SYMBOLOGY.sub("", typed.strip(), count=1).strip(SEPARATOR)
    try:
        values = _values(text)
        gtin, sscc = values.get(GTIN) or values.get(CONTENT) or "", values.get(SSCC, "")
        return Scanned(
            text,
            checked_key("sgtin", gtin.zfill(14)) if gtin else "",
            values.get(LOT, ""),
            values.get(SERIAL, ""),
            checked_key("sscc", sscc) if sscc else "",
            checked_key("sgln", values[GLN]) if values.get(GLN) else "",
            values.get(PART, "") if values.get(GLN) else "",
            _day(values.get(MADE, "")),
            min((_day(values[ai]) for ai in (BEST_BEFORE, EXPIRES) if ai in values), default=""),
            int(next((values[ai] for ai in COUNTS if values.get(ai, "").isdecimal()), 0)),
        )
    except EpcError as error:
        return Scanned(text, problem=str(error))


def _values(text: str) -> Mapping[str, str]:
    """Application identifiers with their values; none of a code of one's own."""
    if text.startswith("("):
        return _bracketed(text.replace(SEPARATOR, ""))
    if text.startswith(("http://", "https://")):
        return _link(text)
    if text.startswith("urn:epc:"):
        return dict(elements(parse(text)))
    if text.isascii() and text.isdigit() and (len(text) in GTIN_DIGITS or len(text) == _FIXED[SSCC]):
        return {SSCC: text} if len(text) == _FIXED[SSCC] else {GTIN: text}
    found = _run(text) if text.startswith((GTIN, SSCC, CONTENT, GLN)) else None
    if found is None and len(text) >= HEX_DIGITS_MIN and _HEX.fullmatch(text):
        found = dict(elements(decode(text)))
    return found or {}


def _bracketed(text: str) -> Mapping[str, str]:
    pairs = _ELEMENT.findall(text)
    if "".join(f"({ai}){value}" for ai, value in pairs) != text:
        raise EpcError("an element string is (01)… with its application identifiers in brackets")
    return {ai: value.strip() for ai, value in pairs}


def _link(text: str) -> Mapping[str, str]:
    """A GS1 Digital Link: keys are steps of its path, what else it says stands behind the question mark."""
    try:
        parts = urlsplit(text)
        steps = parts.path.strip("/").split("/")
    except ValueError as error:
        raise EpcError(f"it is no web address: {error}") from None
    start = next((n for n, step in enumerate(steps) if step in (GTIN, SSCC, GLN)), None)
    if start is None:
        raise EpcError("its path names no key of GS1, as /01/…, /00/… or /414/… does")
    more = {key: value for key, value in parse_qsl(parts.query) if key in (*DATES, *COUNTS)}
    return more | {steps[n]: unquote(steps[n + 1]) for n in range(start, len(steps) - 1, 2)}


def _day(text: str) -> str:
    """YYMMDD as 2026-12-20; the day 00 is the last one of the month. Nothing stays nothing."""
    if not text:
        return ""
    year, month, day = (int(text[n : n + 2]) if text[n : n + 2].isdecimal() else -1 for n in (0, 2, 4))
    last = monthrange(2000 + year, month)[1] if 1 <= month <= 12 else -1
    if len(text) != 6 or min(year, day) < 0 or day > last:
        raise EpcError(f"its date {text!r} is none: YYMMDD, the day 00 for a whole month")
    return f"{2000 + year}-{month:02d}-{day or last:02d}"


def _run(text: str) -> Mapping[str, str] | None:
    """An element string as scanners type it, without brackets; None: it is none."""
    found: dict[str, str] = {}
    while text:
        measure = _MEASURE.match(text)
        ai = measure.group() if measure else text[: 3 if text.startswith((GLN, PART)) else 2]
        rest = text[len(ai) :]
        size = 6 if measure else _FIXED.get(ai)
        if size is None and ai not in _OPEN:
            return None
        value, after = (rest[:size], rest[size:]) if size else rest.partition(SEPARATOR)[::2]
        if not value or (size and (len(value) < size or not value.isdigit())):
            return None
        found[ai], text = value, after.lstrip(SEPARATOR)
    try:
        for kind, key in (("sgtin", GTIN), ("sgtin", CONTENT), ("sscc", SSCC), ("sgln", GLN)):
            if key in found:
                checked_key(kind, found[key])  # type: ignore[arg-type]
        for ai in DATES:
            _day(found.get(ai, ""))
    except EpcError:
        return None  # digits that only look like it
    return found
