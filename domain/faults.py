"""What may be wrong with a line of a table, each with a code and its parts, so that it can be said in any language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

FaultCode = Literal[
    "not_number", "decimal_comma", "not_time", "skipped_time", "no_column", "needed_by", "no_subject", "not_below",
    "not_after_made", "not_text", "not_name", "not_code", "not_unit", "too_long", "not_gtin", "check_digit",
    "out_of_range", "not_positive", "not_date", "year", "not_one_of", "other_before", "told_before", "retired",
    "gtin_taken", "gtin_twice", "base_unit_stays", "unit_unknown", "case_unknown", "no_site", "bin_elsewhere",
    "lot_of_other", "opened_before", "other",
]  # fmt: skip
SAID: Mapping[FaultCode, str] = {
    "not_number": "{said!r} is no number: write 4.5",
    "decimal_comma": "{said!r}: write a point for the decimal comma, or separate fields with semicolons",
    "not_time": "{said!r} is no time: write 2026-11-22 10:00 or 2026-11-22T10:00:00Z",
    "skipped_time": "{said}: the clocks in {zone} skip this time",
    "no_column": "there is no such column",
    "needed_by": "it is missing: {by} needs it",
    "no_subject": "it is missing: a line names a product, or a site",
    "not_below": "{said} is not below high_c, {high}",
    "not_after_made": "it is not after made_at",
    "not_text": "it is not a text of at most {most} characters",
    "not_name": "{said!r}: write a-z, 0-9, - and _, 64 at most",
    "not_code": "{said!r}: write letters, digits, . - and _, 64 at most",
    "not_unit": "{said!r}: write a word of a-z, 0-9, - and _, such as piece, kg, case",
    "too_long": "it is longer than {most} characters",
    "not_gtin": "{said!r}: write 8, 12, 13 or 14 digits",
    "check_digit": "{said}: its check digit is {right}, not {wrong}",
    "out_of_range": "{said} is not from {low} to {high}",
    "not_positive": "it is nothing: more than 0 is wanted",
    "not_date": "it is no date: write 2026-12-20",
    "year": "the year {year} is not from 1971 to 2199",
    "not_one_of": "{said!r} is not one of {known}",
    "other_before": "{name} has another in line {line}: {before}",
    "told_before": "line {line} says already how many lie there",
    "retired": "{name} is retired: restore it first",
    "gtin_taken": "{gtin} is that of {sku}",
    "gtin_twice": "{gtin} is that of {sku} in this file",
    "base_unit_stays": "{sku} is counted in {unit}, and has moved: it stays so",
    "unit_unknown": "{sku} is not counted in {unit}, but in {units}",
    "case_unknown": "{sku} is not counted in {unit}, but in {units}; say how many base units one is in case_pieces",
    "no_site": "there is no site {site}: add lat and lon, or make it on the page of sites",
    "bin_elsewhere": "{bin} of {site} is in zone {zone}: a bin's code is one of its site's",
    "lot_of_other": "{lot} is a lot of {sku}",
    "opened_before": "it was brought in before with another quantity: count it, or correct the move",
    "other": "{text}",
}
SHOWN_MAX = 40


class Fault(str):
    """What is wrong, in English; and what it is made of, for who says it otherwise."""

    __slots__ = ("code", "params")
    code: FaultCode
    params: Mapping[str, str]


def fault(code: FaultCode, **params: object) -> Fault:
    """Something that is wrong.

    >>> it = fault("check_digit", said="4012345111117", right=8, wrong=7)
    >>> it, it.code, it.params["right"]
    ('4012345111117: its check digit is 8, not 7', 'check_digit', '8')
    """
    texts = {name: str(value) for name, value in params.items()}
    found = Fault(SAID[code].format(**texts))
    found.code, found.params = code, texts
    return found


def fault_of(error: Exception | str) -> Fault:
    """That with which something was raised, or was said; `other` where it is a text of its own."""
    said = error.args[0] if isinstance(error, Exception) and error.args else error
    return said if isinstance(said, Fault) else fault("other", text=said)


def cut(value: object) -> str:
    """As much of a cell as is shown."""
    return str(value)[:SHOWN_MAX]
