"""Which names a file has had already, in 12 bytes each."""

from __future__ import annotations

import hashlib

import numpy as np

_FRESH_MAX = 20_000


class Seen:
    """Names by a hash of 64 bits: of a million, two are taken for one once in 30 million files."""

    def __init__(self) -> None:
        self._names = np.empty(0, np.uint64)
        self._lines = np.empty(0, np.uint32)
        self._fresh: dict[int, int] = {}

    def add(self, name: str, at: int) -> int:
        """Notes that a line has a name; the line that had it before, 0 when none did.

        >>> seen = Seen(); seen.add("a", 2), seen.add("b", 3), seen.add("a", 4)
        (0, 0, 2)
        """
        key = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())
        if before := self._fresh.get(key):
            return before
        place = int(np.searchsorted(self._names, np.uint64(key)))
        if place < len(self._names) and int(self._names[place]) == key:
            return int(self._lines[place])
        self._fresh[key] = at
        if len(self._fresh) >= _FRESH_MAX:
            self._settle()
        return 0

    def _settle(self) -> None:
        names = np.concatenate([self._names, np.fromiter(self._fresh.keys(), np.uint64, len(self._fresh))])
        lines = np.concatenate([self._lines, np.fromiter(self._fresh.values(), np.uint32, len(self._fresh))])
        order = np.argsort(names, kind="stable")
        self._names, self._lines, self._fresh = names[order], lines[order], {}
