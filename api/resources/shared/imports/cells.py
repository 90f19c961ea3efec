"""What a cell says: text, number, time of a zone. Of a workbook it is a value already."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.faults import cut, fault, fault_of
from domain.tables import FORMULA
from domain.times import written

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE_MAX = 2**53


class How(NamedTuple):
    """How cells of a file are read: a comma may be a decimal point; the zone of times that name none."""

    commas: bool
    zone: ZoneInfo


Cell = Callable[[Any, How], Any]
"""From what a cell has to what is meant; None: nothing. ValueError: what is wrong and how to mend it."""


def plain(cell: Any) -> str:
    """The text of a cell, without the quote that keeps a spreadsheet from running it.

    >>> plain(" '=1+1 "), plain(12.0), plain("'tis"), plain(None)
    ('=1+1', '12', "'tis", '')
    """
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE_MAX:
        cell = int(cell)
    text = str(cell).strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def text(cell: Any, how: How) -> str | None:
    """A text; None when there is none."""
    del how
    return plain(cell) or None


def number(cell: Any, how: How) -> float | None:
    """A number; with a comma for a point where fields stand between others."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    said = plain(cell).replace("\u2212", "-").replace("\u00a0", "")
    if not said:
        return None
    if not _NUMBER.fullmatch(said):
        raise ValueError(fault("not_number", said=cut(said)))
    if "," in said and not how.commas:
        raise ValueError(fault("decimal_comma", said=cut(said)))
    return float(said.replace(",", "."))


def words(cell: Any, how: How) -> list[str] | None:
    """Several texts with commas or semicolons between them."""
    del how
    found = [part.strip() for part in re.split(r"[;,]", plain(cell))]
    return [part for part in found if part] or None


def time(cell: Any, how: How) -> datetime | None:
    """A moment: it names its offset, or is a time of the zone; the earlier one where clocks are put back."""
    if isinstance(cell, datetime):
        found = cell
    else:
        said = plain(cell)
        if not said:
            return None
        try:
            found = datetime.fromisoformat(said) if _DATE.fullmatch(said) else written(said)
        except ValueError:
            raise ValueError(fault("not_time", said=cut(said))) from None
    if found.tzinfo is not None:
        return found
    there = found.replace(tzinfo=how.zone)
    again = (there.astimezone(ZoneInfo("UTC")) + timedelta(0)).astimezone(how.zone).replace(tzinfo=None)
    if again != found:
        raise ValueError(fault("skipped_time", said=f"{found:%Y-%m-%d %H:%M}", zone=how.zone.key))
    return there


MISSING = "it is missing: each line needs one"
_YES = frozenset({"1", "true", "yes", "y", "x", "ja", "j"})
_NO = frozenset({"0", "false", "no", "n", "nein"})


def day(cell: Any, how: How) -> date | None:
    """A day as ISO 8601 writes it, or as a workbook has it."""
    del how
    if isinstance(cell, datetime):
        return cell.date()
    said = plain(cell)
    if not said:
        return None
    if not _DATE.fullmatch(said):
        raise ValueError(fault("not_date"))
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise ValueError(fault("not_date")) from None


def yes(cell: Any, how: How) -> bool | None:
    """Whether something is so.

    >>> from zoneinfo import ZoneInfo
    >>> [yes(said, How(commas=False, zone=ZoneInfo("UTC"))) for said in ("Yes", 0.0, "nein", True, None)]
    [True, False, False, True, None]
    """
    del how
    said = plain(cell).lower()
    if said not in _YES | _NO | {""}:
        raise ValueError(fault("not_one_of", said=cut(said), known="yes, no"))
    return said in _YES if said else None


def flat(columns: Mapping[str, Cell], said: Mapping[str, Any], how: How) -> tuple[dict[str, Any], dict[str, str]]:
    """What the cells of a line mean, and what is wrong with which."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, cell in said.items():
        try:
            values[name] = columns[name](cell, how)
        except ValueError as error:
            faults[name] = fault_of(error)
    return values, faults
