"""Codes as scanners type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.epc import encode, parse
from domain.stock.scanned import Scanned, scanned

GTIN = "06414123456783"
TAG = encode(parse("urn:epc:id:sgtin:0614141.812345.6789"))


@pytest.mark.parametrize(
    ("typed", "gtin", "lot", "serial", "sscc"),
    [
        (f"(01){GTIN}(10)L-2291(21)7", GTIN, "L-2291", "7", ""),
        (f"]C101{GTIN}17261220102291\x1d21A7", GTIN, "2291", "A7", ""),
        (f"]d201{GTIN}310300125010L-9", GTIN, "L-9", "", ""),
        ("6414123456783", GTIN, "", "", ""),
        (f"https://id.gs1.org/01/{GTIN}/10/L%2F1/21/7?17=261220", GTIN, "L/1", "7", ""),
        (TAG, "80614141123458", "", "6789", ""),
        (TAG.lower(), "80614141123458", "", "6789", ""),
        ("urn:epc:id:sgtin:0614141.812345.6789", "80614141123458", "", "6789", ""),
        ("106141411928374657", "", "", "", "106141411928374657"),
        ("00106141411928374657", "", "", "", "106141411928374657"),
        ("(00)106141411928374657", "", "", "", "106141411928374657"),
        (" A-01-3 ", "", "", "", ""),
    ],
)
def test_what_a_code_says(typed: str, gtin: str, lot: str, serial: str, sscc: str) -> None:
    found = scanned(typed)
    assert (found.gtin, found.lot, found.serial, found.sscc, found.problem) == (gtin, lot, serial, sscc, "")


@pytest.mark.parametrize(
    ("typed", "made_on", "best_before", "contains"),
    [
        (f"(01){GTIN}(11)261101(17)261220(10)A", "2026-11-01", "2026-12-20", 0),
        (f"]C101{GTIN}152612311726122010A", "", "2026-12-20", 0),  # the earlier of both
        (f"(02){GTIN}(15)270200(37)48", "", "2027-02-28", 48),
        (f"https://id.gs1.org/01/{GTIN}/10/L-1?17=280200&30=6&linkType=all", "", "2028-02-29", 6),
        (f"01{GTIN}1726122030{12}", "", "2026-12-20", 12),
        (encode(parse(f"(01){GTIN}(21)7(17)261220")), "", "2026-12-20", 0),  # a tag with its date
        (GTIN, "", "", 0),
    ],
)
def test_what_a_code_says_of_days_and_numbers(typed: str, made_on: str, best_before: str, contains: int) -> None:
    found = scanned(typed)
    assert (found.gtin, found.made_on, found.best_before, found.contains) == (GTIN, made_on, best_before, contains)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        (f"(01){GTIN}(17)261320", "its date '261320' is none"),
        (f"https://id.gs1.org/01/{GTIN}?17=260231", "its date '260231' is none"),
        ("6414123456784", "the check digit of GTIN 06414123456784 is 3"),
        ("(01)0641412345678(10", "an element string is"),
        ("https://example.com/shop", "names no key"),
        ("FF00000000000000", "its header FF"),
    ],
)
def test_what_is_wrong_with_a_code_is_said_and_the_code_kept(typed: str, problem: str) -> None:
    found = scanned(typed)
    assert problem in found.problem
    assert found == Scanned(typed, problem=found.problem)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_answered(typed: str) -> None:
    assert scanned(typed).names == scanned(typed).names
