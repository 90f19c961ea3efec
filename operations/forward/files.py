"""Files: NDJSON, CSV or Parquet, each complete under its name or not there at all.

A file is written under another name, synced, and renamed when its name stands in the database beside the place: killed
before that, it is written anew; killed behind it, it is renamed by the next. So each reading is in one file, once.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Protocol

from domain.forwarding import Family, Item, csv, csv_head, ndjson
from operations.forward.sink import AwayError, ForwardError
from store.durable import sync_folder

ROLL_BYTES, ROLL_S = 64 << 20, 300.0
PART = ".part"


class Writer(Protocol):
    """One file of a family."""

    def write(self, items: Sequence[Item]) -> None:
        """Adds items."""

    def size(self) -> int:
        """How large it is by now, octets."""

    def close(self) -> None:
        """Nothing more comes."""


class NdjsonWriter:
    """A line of JSON for each."""

    def __init__(self, file: BinaryIO, family: Family) -> None:
        del family
        self._file = file

    def write(self, items: Sequence[Item]) -> None:
        """See `Writer.write`."""
        self._file.write(ndjson(items))

    def size(self) -> int:
        """See `Writer.size`."""
        return self._file.tell()

    def close(self) -> None:
        """See `Writer.close`."""


class CsvWriter(NdjsonWriter):
    """A header, and a line for each; no cell is a formula."""

    def __init__(self, file: BinaryIO, family: Family) -> None:
        super().__init__(file, family)
        file.write(csv_head(family))

    def write(self, items: Sequence[Item]) -> None:
        """See `Writer.write`."""
        self._file.write(csv(items))


FORMATS = ("ndjson", "csv", "parquet")


def _writer(form: str) -> Callable[[BinaryIO, Family], Writer]:
    if form != "parquet":
        return {"ndjson": NdjsonWriter, "csv": CsvWriter}[form]
    try:
        from operations.forward.parquet import ParquetWriter  # noqa: PLC0415  large, and an extra
    except ImportError:
        raise ForwardError("--format parquet needs pyarrow: `pip install 'frostway[parquet]'`") from None
    return ParquetWriter


class _Open:
    """A file that is being written."""

    def __init__(self, final: Path, family: Family, make: Callable[[BinaryIO, Family], Writer]) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        self.final, self.begun_s = final, time.monotonic()
        self.part = part_of(final)
        self.file = self.part.open("xb")
        self.writer = make(self.file, family)

    def finish(self) -> None:
        """All of it is on the disk."""
        self.writer.close()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


class Files:
    """A folder: TENANT/FAMILY/DAY/HOUR/NAME.TIME-NUMBER.FORMAT, by the hour (UTC) in which a file was begun."""

    def __init__(
        self,
        folder: Path,
        tenant: str,
        name: str,
        form: str = "ndjson",
        roll_bytes: int = ROLL_BYTES,
        roll_s: float = ROLL_S,
    ) -> None:
        """Raises `ForwardError`: the folder cannot be written to."""
        self._folder, self._tenant, self._name, self._form = folder.absolute(), tenant, name, form
        self._roll_bytes, self._roll_s = roll_bytes, roll_s
        self._make = _writer(form)
        self._open: dict[str, _Open] = {}
        try:
            (self._folder / tenant).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ForwardError(f"{folder}: {error.strerror}") from None
        if not os.access(self._folder / tenant, os.W_OK | os.X_OK):
            raise ForwardError(f"{folder}: not to be written to by this user")

    @property
    def target(self) -> str:
        """See `Sink.target`."""
        return str(self._folder)

    @property
    def holds(self) -> bool:
        """See `Sink.holds`."""
        return bool(self._open)

    def put(self, items: Sequence[Item]) -> int:
        """See `Sink.put`."""
        by_family = sorted(items, key=lambda item: item.family.name)  # stable: each family's stay in their order
        try:
            for name, some in groupby(by_family, key=lambda item: item.family.name):
                own = list(some)
                if name not in self._open:
                    self._open[name] = _Open(self._final(name), own[0].family, self._make)
                self._open[name].writer.write(own)
        except OSError as error:
            raise AwayError(f"{error.filename or self._folder}: {error.strerror}") from error
        return len(items)

    def _final(self, family: str) -> Path:
        now = datetime.now(UTC)
        folder = self._folder / self._tenant / family / f"{now:%Y-%m-%d}" / f"{now:%H}"
        stem = f"{self._name}.{now:%H%M%S}-"
        names = [path.name.removeprefix(".") for path in folder.iterdir()] if folder.is_dir() else []
        # Behind all of this second, also another process's before it was killed: names sort as the files came.
        taken = [name.removeprefix(stem).partition(".")[0] for name in names if name.startswith(stem)]
        last = max((int(number) for number in taken if number.isdecimal()), default=0)
        return folder / f"{stem}{last + 1:04d}.{self._form}"

    def is_due(self) -> bool:
        """See `Sink.is_due`."""
        if not self._open:
            return False
        files = self._open.values()
        is_old = time.monotonic() - min(each.begun_s for each in files) >= self._roll_s
        return is_old or sum(each.writer.size() for each in files) >= self._roll_bytes

    def prepare(self) -> tuple[str, ...]:
        """See `Sink.prepare`."""
        try:
            for each in self._open.values():
                each.finish()
        except OSError as error:
            raise AwayError(f"{self._folder}: {error.strerror}") from error
        return tuple(str(each.final) for each in self._open.values())

    def publish(self, files: Sequence[str]) -> None:
        """See `Sink.publish`."""
        self._open = {}
        for folder, names in groupby(sorted(map(Path, files)), key=lambda path: path.parent):
            for final in names:
                with contextlib.suppress(FileNotFoundError):  # renamed before, and perhaps taken away since
                    part_of(final).rename(final)
            for each in (folder, *folder.parents[:3]):
                with contextlib.suppress(FileNotFoundError):
                    sync_folder(each)

    def abandon(self) -> None:
        """See `Sink.abandon`."""
        for each in self._open.values():
            with contextlib.suppress(OSError):
                each.file.close()
            each.part.unlink(missing_ok=True)
        self._open = {}

    def sweep(self) -> None:
        """See `Sink.sweep`."""
        for left in (self._folder / self._tenant).rglob(f".{self._name}.*{PART}"):
            left.unlink(missing_ok=True)


def part_of(final: Path) -> Path:
    """The name of a file that is being written."""
    return final.with_name(f".{final.name}{PART}")
