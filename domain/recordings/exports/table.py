"""Where in a text the table is: its separator, its first line, its header, and what stands before it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

from domain.recordings.exports import cells
from domain.recordings.exports.dialect import SEPARATORS
from domain.recordings.shape import RecordingError

LOOK_ROWS = 800  # by which separator and columns are found
CELLS_MAX = 256  # of a line
HEADER_LINES_MAX = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a table of one separator; `before` are those above it, `header` its names (perhaps none)."""

    separator: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    before: tuple[str, ...]


def separators_of(text: str) -> list[str]:
    """Separators that make a table of it, the one with the most rows first; those that make none are not there."""
    scores = {name: _score_of(text, name) for name in SEPARATORS}
    return sorted((name for name, score in scores.items() if score > (0, 0)), key=lambda name: scores[name])[::-1]


def table_of(text: str, separator: str) -> Table:
    """The table.

    Raises:
        RecordingError: no line has a time and a number.
    """
    rows = _lines(text, separator)
    width = _width(rows)
    first = next((row.line for row in rows if len(row.cells) == width and _is_reading(row.cells)), None)
    if first is None or not width:
        raise RecordingError("no line with a time and a temperature in it: export it as CSV with a line each reading")
    above = [row for row in rows if row.line < first]
    header: list[Row] = []
    for row in reversed(above):
        filled = sum(not cells.is_empty(cell) for cell in row.cells)
        if len(row.cells) != width or filled < min(2, width) or len(header) == HEADER_LINES_MAX:
            break
        header.insert(0, row)
    if len(header) == HEADER_LINES_MAX and not _holds_units(header[1]):
        header = header[1:]
    names = tuple(" ".join(filter(None, (row.cells[i] for row in header))) for i in range(width)) if header else ()
    begins = header[0].line if header else first
    before = tuple(SEPARATORS[separator].join(row.cells) for row in above if row.line < begins)
    return Table(separator, names, tuple(row for row in rows if row.line >= first), before)


def _holds_units(lower: Row) -> bool:
    """Whether the lower line of a header holds units of the upper one's names, not names of its own."""
    words = [cell for cell in lower.cells if cell]
    return all(len(word.strip("[]()")) <= 12 and not word.strip("[]()").isdigit() for word in words) and any(
        cells.plain(word).strip("[]()°").upper() in {"C", "F", "K", "℃", "℉", "%", "%RH"} for word in words
    )


def _lines(text: str, separator: str, rows_max: int | None = None) -> list[Row]:
    found: list[Row] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATORS[separator], skipinitialspace=True)
    line = 1
    try:
        for cells_ in reader:
            if len(cells_) > CELLS_MAX:
                raise RecordingError(f"line {line}: more than {CELLS_MAX} columns")
            while cells_ and not cells_[-1].strip():
                cells_.pop()  # a separator at the end of a line is no column
            if cells_:
                found.append(Row(line, tuple(cell.strip() for cell in cells_)))
            line = reader.line_num + 1
            if rows_max is not None and len(found) >= rows_max:
                break
    except csv.Error as error:
        raise RecordingError(f"line {line}: broken CSV: {error}") from None
    width = _width(found)
    return [row if len(row.cells) >= width else _filled(row, width) for row in found]


def _filled(row: Row, width: int) -> Row:
    """A reading whose last cells are empty, with them; anything else as it is."""
    wide = row.cells + ("",) * (width - len(row.cells))
    return Row(row.line, wide) if _has_time(row.cells) and len(row.cells) > 1 else row


def _width(rows: list[Row]) -> int:
    """The number of cells of most readings, by the first rows."""
    counts = Counter(len(row.cells) for row in rows[:LOOK_ROWS] if _is_reading(row.cells))
    return max(counts, key=lambda n: (counts[n], n), default=0)


def _score_of(text: str, separator: str) -> tuple[int, int]:
    """How many of the first rows are readings, and how wide they are."""
    try:
        rows = _lines(text, separator, LOOK_ROWS)
    except RecordingError:
        return 0, 0
    width = _width(rows)
    return sum(len(row.cells) == width and _is_reading(row.cells) for row in rows), width


def _has_time(row: tuple[str, ...]) -> bool:
    return any(cells.stamp(cell) for cell in row) or (
        any(cells.day(cell) for cell in row) and any(cells.clock(cell) for cell in row)
    )


def _is_reading(row: tuple[str, ...]) -> bool:
    return len(row) > 1 and _has_time(row) and any(cells.number(cell) is not None for cell in row)
