"""Text of the devices as integer keys, so that frames and COPY are fixed-width columns."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from store.db import queries
from store.link import Link

Key = tuple[str, int, str]
"""Kind (`boot`, `probe`, `slot`, `door`, `reefer`, `epc`), scope (device id; tenant id for `epc`), text."""


class Labels:
    """A bounded cache of keys over the table `label`; new texts are stored in one statement per group."""

    PER_DEVICE_MAX = 20_000  # a device that makes up names without end is stopped here

    def __init__(self, link: Link, capacity: int = 500_000) -> None:
        self._link = link
        self._capacity = capacity
        self._counts: dict[tuple[str, int], int] = {}
        self._ids: OrderedDict[Key, int] = OrderedDict()
        self._q = queries("labels")

    def ids(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Ids of these keys, creating those that are new. A key beyond its device's limit is left out."""
        wanted = set(keys)
        out = {key: self._ids[key] for key in wanted if key in self._ids}
        missing = sorted(key for key in wanted - out.keys() if self._room(key))
        for start in range(0, len(missing), 10_000):
            part = missing[start : start + 10_000]
            columns = [list(column) for column in zip(*part, strict=True)]
            with self._link.connection.transaction():
                self._link.connection.execute(self._q["create"], columns)
                rows = self._link.connection.execute(self._q["find"], columns).fetchall()
            out.update({(str(kind), int(scope), str(text)): int(key) for key, kind, scope, text in rows})
        self._ids.update(out)
        while len(self._ids) > self._capacity:
            self._ids.popitem(last=False)
        return out

    def _room(self, key: Key) -> bool:
        kind, scope, _ = key
        if kind == "epc":
            return True
        if (kind, scope) not in self._counts:
            row = self._link.connection.execute(self._q["count"], (kind, scope)).fetchone()
            self._counts[kind, scope] = int(row[0]) if row else 0
        self._counts[kind, scope] += 1
        return self._counts[kind, scope] <= self.PER_DEVICE_MAX
