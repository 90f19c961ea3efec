"""A file of any of three kinds (CSV, workbook, JSON on each line) as things, one by one; what it is, its bytes say."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import orjson

from api.resources.shared.imports import lines, sheets
from api.resources.shared.imports.cells import Cell, How, flat, plain

ZIP = b"PK\x03\x04"
LINES_MAX = 1_000_000


class FileError(ValueError):
    """What is wrong with a file as a whole."""


@dataclass
class Thing:
    """What a line, or several, say of one thing; `faults` by column; `parts`: the lines of a list in it."""

    at: int
    values: dict[str, Any]
    faults: dict[str, str] = field(default_factory=dict)
    parts: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Columns:
    """What a table may have: how its cells are read, what else a column may be called, and which it needs."""

    cells: Mapping[str, Cell]
    needed: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def named(self, head: Iterable[Any]) -> tuple[list[str | None], list[str]]:
        """For each column of a table what it is, None for one that is not read; and the names of those.

        Raises:
            FileError: one that is needed is not there, or one stands twice.
        """
        found: list[str | None] = []
        left = []
        for each in head:
            said = plain(each).lower().removesuffix("_utc")
            name = self.aliases.get(said, said)
            found.append(name if name in self.cells else None)
            if name not in self.cells and said:
                left.append(said)
        if twice := next((name for name in found if name and found.count(name) > 1), None):
            raise FileError(f"line 1: two columns are {twice}")
        if lacking := [name for name in self.needed if name not in found]:
            raise FileError(
                f"line 1: there is no column {lacking[0]}; the first line names the columns, of {', '.join(self.cells)}"
            )
        return found, left


@dataclass
class Source:
    """A file that is being read; `position()` tells how much of it is."""

    things: Iterator[Thing]
    notes: list[str]
    position: Callable[[], int]
    size: int
    text: io.TextIOBase | None = None

    def close(self) -> None:
        """Nothing more is read."""
        if self.text is not None:
            self.text.close()


def open_source(file: IO[bytes], size: int, columns: Columns, zone: Any) -> Source:
    """What is in a file.

    Raises:
        FileError: it is none of the three kinds, or its first line does not name what is needed.
    """
    file.seek(0)
    head = file.read(4)
    if not head.strip():
        raise FileError("the file is empty")
    if head == ZIP:
        return _workbook(file, size, columns, How(commas=True, zone=zone))
    encoding, note = lines.encoding_of(file)
    text = lines.text_of(file, encoding)
    first = text.read(4096).lstrip("\ufeff \t\r\n")
    if "\0" in first:
        text.detach()
        raise FileError("this is no text: bring CSV, a workbook (.xlsx), or JSON on each line")
    text.detach()
    if first.startswith(("[", "<")):
        raise FileError("bring CSV, a workbook (.xlsx), or JSON with one object on each line")
    text = lines.text_of(file, encoding)
    notes = [note] if note else []
    if first.startswith("{"):
        return Source(_objects(text), notes, file.tell, size, text)
    try:
        return _table(text, file, size, columns, zone, notes)
    except FileError:
        text.detach()
        raise


def _table(text: io.TextIOWrapper, file: IO[bytes], size: int, columns: Columns, zone: Any, notes: list[str]) -> Source:
    found = lines.records(text)
    comma = next(found)
    head = next(found, None)
    if not isinstance(head, lines.Record) or head.fault:
        raise FileError(f"line 1: {head.fault if isinstance(head, lines.Record) else 'it names the columns'}")
    names, left = columns.named(head.cells)
    how = How(commas=comma != ",", zone=zone)
    records = (each for each in found if isinstance(each, lines.Record))
    things = (_thing(r.at, r.cells, names, columns, how, r.fault) for r in records)
    return Source(things, _noted(notes, left), file.tell, size, text)


def _workbook(file: IO[bytes], size: int, columns: Columns, how: How) -> Source:
    try:
        found = sheets.rows(file)
        note = next(found)
        head = next(found, None)
    except sheets.SheetError as error:
        raise FileError(str(error)) from None
    if not isinstance(head, sheets.Row):
        raise FileError("the first sheet is empty")
    names, left = columns.named(head.cells)
    rows = (each for each in found if isinstance(each, sheets.Row))
    things = (_thing(row.at, row.cells, names, columns, how) for row in rows)
    return Source(things, _noted([note] if isinstance(note, str) and note else [], left), file.tell, size)


def _noted(notes: list[str], left: list[str]) -> list[str]:
    if left:
        notes.append(f"Columns that are not read: {', '.join(left[:20])}.")
    return notes


def _thing(at: int, cells: list[Any], names: list[str | None], columns: Columns, how: How, fault: str = "") -> Thing:
    if fault:
        return Thing(at, {}, {"": fault})
    if any(plain(cell) for cell in cells[len(names) :]):
        why = f"{len(cells)} fields, and the first line names {len(names)}: quote a field that has the separator in it"
        return Thing(at, {}, {"": why})
    said = {name: (cells[i] if i < len(cells) else None) for i, name in enumerate(names) if name}
    return Thing(at, *flat(columns.cells, said, how))


def _objects(text: io.TextIOBase) -> Iterator[Thing]:
    source = lines.Lines(text)
    while True:
        at = source.begin()
        try:
            line = next(source).lstrip("\ufeff\x1e").strip()
        except StopIteration:
            return
        except lines.TooLongError:
            yield Thing(at, {}, {"": lines.TOO_LONG})
            continue
        if not line:
            continue
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Thing(at, {}, {"": f"this is no JSON: {error.msg} at character {error.colno}"})
            continue
        yield Thing(at, found) if isinstance(found, dict) else Thing(at, {}, {"": "an object is wanted: {…}"})
