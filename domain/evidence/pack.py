"""Writes evidence packs, as `domain/evidence/verifier.py` reads them: chained line by line, sealed and signed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from domain.evidence.verifier import FIRST, FORMAT, LINE_BYTES_MAX

Sign = Callable[[bytes], bytes]
"""The 64 bytes of an Ed25519 signature."""


class TooLongError(ValueError):
    """A record does not fit a line."""


class Pack:
    """The lines of a pack, made one by one: none of its records has to wait for the others."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        """`head` says what it is about; the verifier shows `about`, `made_at` and `made_by`."""
        self.records = -1
        self._last = b""
        self.head = self._line({"kind": "head", "format": FORMAT, **head})

    def add(self, kind: str, content: Mapping[str, Any]) -> bytes:
        """The next record, whose content stands below `data`.

        Raises:
            TooLongError: it does not fit a line.
        """
        return self._line({"kind": kind, "data": content})

    def seal(self, key: bytes, sign: Sign) -> bytes:
        """The last line. `key` is the public key, 32 bytes; `sign` knows its other half."""
        seal = self._line({"kind": "seal", "records": self.records, "key": key.hex()})[:-1]
        return seal[:-1] + b',"signature":"' + sign(seal).hex().encode() + b'"}\n'

    def _line(self, content: Mapping[str, Any]) -> bytes:
        prev = hashlib.sha256(self._last).hexdigest() if self._last else FIRST
        self.records += 1
        line = orjson.dumps({"n": self.records, "prev": prev, **content})
        if len(line) >= LINE_BYTES_MAX:
            what = f"record {self.records} ({content['kind']})"
            raise TooLongError(f"{what} has {len(line)} bytes, at most {LINE_BYTES_MAX}")
        self._last = line
        return line + b"\n"


def pack(
    head: Mapping[str, Any], records: Iterable[tuple[str, Mapping[str, Any]]], key: bytes, sign: Sign
) -> Iterator[bytes]:
    """A whole pack, line by line; see `Pack`."""
    made = Pack(head)
    yield made.head
    for kind, content in records:
        yield made.add(kind, content)
    yield made.seal(key, sign)
