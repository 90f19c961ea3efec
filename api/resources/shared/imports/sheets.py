"""Rows of a workbook of a stranger: streamed, and refused before it unfolds into more than a computer has."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

BYTES_MAX = 2 * 1024**3  # all parts, unfolded; what a zip file says of them is held when they are read
PART_BYTES_MAX = {"sharedstrings": 128 * 1024**2, "styles": 16 * 1024**2, "workbook": 16 * 1024**2}
PARTS_MAX = 2_000
COLUMNS_MAX = 256
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class SheetError(ValueError):
    """What is wrong with a workbook as a whole."""


class Row(NamedTuple):
    """Values of a row, and its number."""

    at: int
    cells: list[Any]


def guard(file: IO[bytes]) -> None:
    """Refuses what is no workbook, or unfolds to more than is sensible.

    Raises:
        SheetError: it does.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _guard_parts(archive)
    except SheetError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        raise SheetError("this is a zip file, but no workbook: save it as .xlsx or .csv") from None


def _guard_parts(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > BYTES_MAX:
        raise SheetError("the workbook unfolds to more than 2 GiB: send it as CSV")
    for part in parts:
        most = next((n for word, n in PART_BYTES_MAX.items() if word in part.filename.lower()), BYTES_MAX)
        if part.file_size > most:
            raise SheetError(f"{part.filename[:80]} unfolds to more than {most // 1024**2} MiB: send it as CSV")
        if part.flag_bits & 1:
            raise SheetError("the workbook is protected by a password: save it without one")
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as content:
                if _DOCTYPE.search(content.read(4096)):
                    raise SheetError("the workbook declares entities, which no spreadsheet does")


def _first_of(book: Any) -> Any:
    if not book.worksheets:
        raise SheetError("the workbook has no sheet")
    return book.worksheets[0]


def rows(file: IO[bytes]) -> Iterator[str | Row]:
    """First what is worth knowing of the workbook, then the rows of its first sheet that are not empty.

    Raises:
        SheetError: it cannot be read.
    """
    from openpyxl import load_workbook  # noqa: PLC0415  a quarter of a second, of those who bring a workbook

    guard(file)
    file.seek(0)
    try:
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = _first_of(book)
        sheet.reset_dimensions()  # what it says of its size is a stranger's word: rows would be padded to it
        yield f"Only the first sheet, {sheet.title!r}, is read." if len(book.worksheets) > 1 else ""
        for at, cells in enumerate(sheet.iter_rows(max_col=COLUMNS_MAX, values_only=True), 1):
            found = list(cells)
            while found and found[-1] is None:
                found.pop()
            if found:
                yield Row(at, found)
    except SheetError:
        raise
    except Exception as error:  # noqa: BLE001 -- a stranger's file breaks its reader in any way
        raise SheetError(f"the workbook cannot be read ({type(error).__name__}): save it anew, or as CSV") from None
