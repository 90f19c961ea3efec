"""Rows as CSV (RFC 4180)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CSV = "text/csv"
# What a spreadsheet would take for a formula, also in full width.
FORMULA = tuple("=+-@\t\r\n\x00＝＋－＠")  # noqa: RUF001 - these are the characters meant


def csv_cell(value: Any) -> str:
    """One value as a CSV cell (RFC 4180) that a spreadsheet shows and never runs.

    >>> csv_cell('=1+1'), csv_cell('a"b'), csv_cell(-3.5), csv_cell(None), csv_cell(True)
    ("'=1+1", '"a""b"', '-3.5', '', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if value.startswith(FORMULA):
        value = "'" + value
    return f'"{value.replace(chr(34), chr(34) * 2)}"' if any(c in value for c in '",\r\n') else value


def csv_line(values: Iterable[Any]) -> str:
    """Values as one line with its end.

    >>> csv_line(["a,b", None, 1.5]).strip()
    '"a,b",,1.5'
    """
    return ",".join(map(csv_cell, values)) + "\r\n"
