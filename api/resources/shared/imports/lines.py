"""Lines of text and their fields as strangers write them: separators, quotes, encodings, lines without an end.

Bounded whatever the file is: a line has so many characters, a record so many lines, and a record that cannot be read
costs the line it begins with and none behind it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import IO, NamedTuple

CHARS_MAX = 256 * 1024  # of a line
RECORD_LINES_MAX = 200
TOO_LONG = f"the line has more than {CHARS_MAX // 1024} KiB: is a line break missing?"
SNIFFED_BYTES = 1024 * 1024
_COMMAS = (";", "\t", "|", ",")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WESTERN = "cp1252"
_GUESSED = (
    "The file is not UTF-8: it was read as Windows writes in western Europe. Look whether names with accents are right."
)


class Record(NamedTuple):
    """Fields of a record and the line it begins in; or why it could not be read."""

    at: int
    cells: list[str]
    fault: str = ""


class TooLongError(Exception):
    """A line that nobody has written by hand."""


def encoding_of(file: IO[bytes]) -> tuple[str, str]:
    """The encoding of all of a file, and what is worth saying about it."""
    file.seek(0)
    head = file.read(4)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, ""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while part := file.read(SNIFFED_BYTES):
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _WESTERN, _GUESSED
    return "utf-8", ""


def text_of(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """The file as text, whatever ends its lines; closing it leaves the file open."""
    file.seek(0)
    return io.TextIOWrapper(file, encoding, errors="replace", newline="")


class Lines:
    """Lines of a text, one by one, with numbers from 1; those of a record can be read again."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self.read = 0
        """Lines that have been given."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= RECORD_LINES_MAX:
            raise csv.Error("quote")
        if self._again:
            line = self._again.popleft()
        else:
            line = self._text.readline(CHARS_MAX)
            if not line:
                raise StopIteration
            if len(line) >= CHARS_MAX and line[-1] not in "\r\n":
                self._skip()
                self.read += 1
                raise TooLongError
        self.read += 1
        self._record.append(line)
        return line

    def _skip(self) -> None:
        while (more := self._text.readline(CHARS_MAX)) and more[-1] not in "\r\n":
            pass

    def begin(self) -> int:
        """A record begins; the number of its first line."""
        self._record.clear()
        return self.read + 1

    def back(self) -> None:
        """All lines of the record but its first are to be read again."""
        rest = self._record[1:]
        self._again.extendleft(reversed(rest))
        self.read -= len(rest)
        self._record.clear()


def comma_of(head: str) -> str:
    """What separates fields: what the first line has most of.

    >>> comma_of("id;name;x,y"), comma_of("id"), comma_of("a,b")
    (';', ',', ',')
    """
    return max(reversed(_COMMAS), key=head.count)


def records(text: io.TextIOBase) -> Iterator[Record | str]:
    """First the separator, then the records of a file of CSV that are not empty."""
    lines = Lines(text)
    try:
        head = next(lines, "")
    except TooLongError:
        yield ","
        yield Record(1, [], TOO_LONG)
        return
    told = head.rstrip("\r\n")
    if told.lower().startswith("sep=") and len(told) == len("sep=") + 1:  # as spreadsheets write it
        comma = told[-1]
    else:
        comma = comma_of(told)
        lines._again.append(head)  # noqa: SLF001 -- a class of this module
        lines.read -= 1
    yield comma
    reader = csv.reader(lines, delimiter=comma, strict=True)
    while True:
        at = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except TooLongError:
            yield Record(at, [], TOO_LONG)
            reader = csv.reader(lines, delimiter=comma, strict=True)
        except csv.Error:
            yield Record(at, [], 'a quotation mark is out of place: quote the whole field, and write "" for one inside')
            lines.back()
            reader = csv.reader(lines, delimiter=comma, strict=True)
        else:
            if any(cell.strip() for cell in cells):
                yield Record(at, cells)
