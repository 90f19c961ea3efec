"""Rows as a workbook (ECMA-376) that shows what they are and never runs any of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from typing import IO, Any

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TEXT_MAX = 32_767  # of a cell, as Excel has it
ROWS_MAX = 1_048_575  # of a sheet, below its head
_PLAIN = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


class Book:
    """Sheets with a head that stays, and a filter; a text is a text whatever it begins with, null an empty cell."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        from xlsxwriter import Workbook  # noqa: PLC0415  a tenth of a second, of those who want a workbook

        self._name, self._columns = name, columns
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="frostway-export-")  # noqa: SIM115 -- closed by close()
        self._book = Workbook(self._file, _PLAIN)
        self._book.set_properties({"title": name})
        self._bold = self._book.add_format({"bold": True})
        self._sheets = 0
        self._open = True
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        ending = f" {self._sheets}" if self._sheets > 1 else ""
        self._sheet = self._book.add_worksheet(self._name[: 31 - len(ending)] + ending)
        self._sheet.freeze_panes(1, 0)
        for column, title in enumerate(self._columns):
            self._sheet.set_column(column, column, max(10, min(30, len(title) + 2)))
            self._sheet.write_string(0, column, title, self._bold)
        self._count = 0

    def another(self, name: str, columns: Sequence[str]) -> None:
        """What is added from now on stands on a sheet of its own."""
        self._end()
        self._name, self._columns, self._sheets = name, columns, 0
        self._begin()

    def _end(self) -> None:
        self._sheet.autofilter(0, 0, self._count, max(0, len(self._columns) - 1))

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Rows below those there are; on another sheet when one is full."""
        for row in rows:
            if self._count >= ROWS_MAX:
                self._end()
                self._begin()
            self._count += 1
            for column, value in enumerate(row):
                if isinstance(value, bool):
                    self._sheet.write_boolean(self._count, column, value)
                elif isinstance(value, int | float):
                    self._sheet.write_number(self._count, column, value)
                elif value is not None:
                    self._sheet.write_string(self._count, column, str(value)[:TEXT_MAX])

    def finished(self) -> IO[bytes]:
        """The file, to be read from its beginning; nothing more is added."""
        self._end()
        self._open = False
        self._book.close()
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Leaves nothing behind, also of one that is not finished."""
        if self._open:
            self._open = False
            self._book.close()
        self._file.close()


def workbook(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of not too many rows."""
    book = Book(name, columns)
    try:
        book.add(rows)
        return book.finished().read()
    finally:
        book.close()
