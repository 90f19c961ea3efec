"""Text of the devices as integer keys, so that frames and COPY are fixed-width columns."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from store.arrays import arrays
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
        new = wanted - out.keys()
        if not new:  # nearly always
            return out
        self._count({(kind, scope) for kind, scope, _ in new if kind != "epc"} - self._counts.keys())
        missing = sorted(key for key in new if self._room(key))
        for start in range(0, len(missing), 10_000):
            part = missing[start : start + 10_000]
            columns = arrays(self._q["create"], list(zip(*part, strict=True)))
            with self._link.connection.transaction():
                self._link.connection.execute(self._q["create"], columns)
                rows = self._link.connection.execute(self._q["find"], columns).fetchall()
            out.update({(str(kind), int(scope), str(text)): int(key) for key, kind, scope, text in rows})
        self._ids.update(out)
        while len(self._ids) > self._capacity:
            self._ids.popitem(last=False)
        return out

    def _count(self, owners: set[tuple[str, int]]) -> None:
        """How many texts of a kind each of these scopes has."""
        if owners:
            columns = arrays(self._q["count"], list(zip(*owners, strict=True)))
            self._counts |= dict.fromkeys(owners, 0)
            for kind, scope, count in self._link.connection.execute(self._q["count"], columns).fetchall():
                self._counts[str(kind), int(scope)] = int(count)

    def _room(self, key: Key) -> bool:
        kind, scope, _ = key
        if kind == "epc":
            return True
        self._counts[kind, scope] += 1
        return self._counts[kind, scope] <= self.PER_DEVICE_MAX
