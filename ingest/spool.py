"""Messages kept on disk while the database is away: durable before they are acknowledged, bounded, in segments.

A record is its length and CRC-32 (both 32 bits, big-endian) and a MessagePack body of the moment it was received and
its messages. A record that was cut off by a crash was never acknowledged, so it is left out; but damage looks the same,
so its file is kept as `.damaged` and told of. What is read again after
a crash although it is stored already, the tracker drops as the repeat it is.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from ingest.mqtt.codec import RawMessage
from store.durable import sync_folder

log = logging.getLogger(__name__)

SEGMENT_BYTES = 8 * 1024 * 1024
DAMAGED_MAX = 8  # files kept
RECORD_BYTES_MAX = 256 * 1024 * 1024
_HEAD = struct.Struct(">II")
_ENDING = ".spool"
_Body = tuple[int, list[tuple[bytes, bytes, int, bool, bool]]]


class SpoolError(Exception):
    """Nothing more can be kept; the text says why and what to do. What is kept is safe."""


class Spooled(NamedTuple):
    """One group as it was received."""

    received_us: int
    messages: Sequence[RawMessage]
    segment: int
    end: int
    """Where the next record of the segment begins."""


class Spool:
    """A queue of groups on disk. One process at a time; any of its threads."""

    def __init__(self, folder: Path, bytes_max: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._segment_bytes = segment_bytes
        self._mutex = threading.Lock()
        self._sizes: dict[int, int] = {}
        self._read_at = 0
        self._file: FileIO | None = None
        self._writing = 0
        self._lock: FileIO | None = None
        self.filled = threading.Event()
        """Set while there is something in it."""

    def open(self) -> None:
        """Takes the folder and looks what an earlier run has left.

        Raises:
            SpoolError: the folder cannot be had, or another ingest uses it.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FileIO(self._folder / "lock", "a")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise SpoolError(f"{self._folder} is in use by another ingest: give each its own folder") from None
        except OSError as error:
            raise SpoolError(f"{self._folder} cannot be used: {error.strerror}") from error
        for path in sorted(self._folder.glob(f"*{_ENDING}")):
            with suppress(ValueError):
                if size := path.stat().st_size:
                    self._sizes[int(path.stem)] = size
                else:
                    path.unlink(missing_ok=True)
        self._writing = max(self._sizes, default=0)
        self._skip_empty()

    @property
    def held_bytes(self) -> int:
        """What lies on disk."""
        with self._mutex:
            return sum(self._sizes.values())

    def append(self, messages: Sequence[RawMessage], received_us: int) -> None:
        """Keeps a group; it is on disk when this returns.

        Raises:
            SpoolError: no room is left. The group is not kept.
        """
        body = msgspec.msgpack.encode((received_us, messages))
        record = _HEAD.pack(len(body), crc32(body)) + body
        with self._mutex:
            if (held := sum(self._sizes.values())) + len(record) > self._bytes_max:
                raise SpoolError(f"{self._folder} holds {held >> 20} MB, which is all it may")
            try:
                self._write(record)
            except OSError as error:
                raise SpoolError(f"{self._folder}: {error.strerror}: make room") from error
            self.filled.set()

    def _write(self, record: bytes) -> None:
        if self._file is None or self._sizes[self._writing] >= self._segment_bytes:
            self._begin_segment()
        assert self._file is not None  # noqa: S101  begun just now
        size = self._sizes[self._writing]
        try:
            left = memoryview(record)
            while left:
                left = left[self._file.write(left) :]
            os.fdatasync(self._file.fileno())
        except OSError:
            # Nothing is ever written behind half a record: what stands there could not be read.
            with suppress(OSError):
                self._file.truncate(size)
            with suppress(OSError):
                self._file.close()
            self._file = None
            if not size:
                self._drop(self._writing)
            raise
        self._sizes[self._writing] = size + len(record)

    def _begin_segment(self) -> None:
        if self._file is not None:
            self._file.close()
        self._writing += 1
        self._file = FileIO(self._path(self._writing), "w")
        self._sizes[self._writing] = 0
        sync_folder(self._folder)

    def newest(self, messages: int) -> list[Sequence[RawMessage]]:
        """The newest groups with so many messages at least, if there are, in order."""
        with self._mutex:
            found: list[Sequence[RawMessage]] = []
            for segment in sorted(self._sizes, reverse=True):
                groups, at = list[Sequence[RawMessage]](), 0
                while (group := self._record(segment, at)) is not None:
                    groups.append(group.messages)
                    at = group.end
                found = groups + found
                if sum(map(len, found)) >= messages:
                    break
            return found

    def next(self) -> Spooled | None:
        """The oldest group, None when there is none. The same one until it is `done`."""
        with self._mutex:
            while self._sizes:
                segment = min(self._sizes)
                if self._read_at >= self._sizes[segment]:
                    self._drop(segment)
                elif (found := self._record(segment, self._read_at)) is not None:
                    return found
                else:
                    self._keep_damaged(segment)
            return None

    def _record(self, segment: int, at: int) -> Spooled | None:
        with self._path(segment).open("rb") as file:
            file.seek(at)
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return None
            length, crc = _HEAD.unpack(head)
            body = file.read(length) if length <= RECORD_BYTES_MAX else b""
        if len(body) < length or crc32(body) != crc:
            return None
        received_us, messages = msgspec.msgpack.decode(body, type=_Body)
        return Spooled(received_us, messages, segment, at + _HEAD.size + length)

    def done(self, group: Spooled) -> None:
        """The group is durable elsewhere."""
        with self._mutex:
            if group.segment != min(self._sizes, default=0) or group.end <= self._read_at:
                return
            self._read_at = group.end
            if self._read_at >= self._sizes[group.segment]:
                self._drop(group.segment)

    def _keep_damaged(self, segment: int) -> None:
        """A record cannot be read, nor any behind it in its segment: cut off by a crash, or damaged."""
        path, left = self._path(segment), self._sizes[segment] - self._read_at
        kept = path.with_suffix(".damaged")
        log.error("%s: the last %d bytes cannot be read; kept as %s", path, left, kept.name)
        path.replace(kept)
        for old in sorted(self._folder.glob("*.damaged"))[:-DAMAGED_MAX]:
            old.unlink()
        self._drop(segment)

    def _drop(self, segment: int) -> None:
        if segment == self._writing and self._file is not None:
            self._file.close()
            self._file = None
        self._path(segment).unlink(missing_ok=True)
        del self._sizes[segment]
        self._read_at = 0
        self._skip_empty()

    def _skip_empty(self) -> None:
        if any(self._sizes.values()):
            self.filled.set()
        else:
            self.filled.clear()

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment:010d}{_ENDING}"

    def close(self) -> None:
        """Lets the folder go; what is in it stays."""
        with self._mutex:
            for file in (self._file, self._lock):
                if file is not None:
                    file.close()
            self._file = self._lock = None
