"""Where the values of a device's names stand: each number has a slot on a page of the device, for ever.

Names first seen in one message are put on one page, so that what comes together is one row of `reading_value_set`. A
value that is a row of its own has a place as well, on a page of its name's alone (`~name_id`): `reading_attribute`
finds the name of every row by its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.pq import TransactionStatus

from domain.readings import I32, I64, Bool
from store.arrays import Column, arrays
from store.db import queries

SLOTS = 8  # values of one row
UNKNOWN = -1  # no place: those of rows of their own begin at -SLOTS

Rows = NDArray[np.intp]
Place = tuple[int, int, int, int]
"""Device, page, slot, name."""


class Wanted(NamedTuple):
    """Values that want a place, and whether they are numbers."""

    device: I32
    name: I32
    number: Bool

    def keys(self) -> I64:
        """Device, name and kind in one, the database has 31 bits of each; a name's own page is any device's."""
        return (self.device * self.number.astype(np.int64) << 32) | (self.name.astype(np.int64) << 1) | self.number


class Places:
    """A bounded cache of the places that are committed; new names are given theirs."""

    def __init__(self, capacity: int = 500_000) -> None:
        self._capacity = capacity
        self._keys, self._places = np.empty(0, np.int64), np.empty(0, np.int64)
        self._q = queries("values")

    def of(self, connection: psycopg.Connection, wanted: Wanted, messages: Callable[[], Rows]) -> I64:
        """The place of each: `page * SLOTS + slot` of a number, less than 0 of a row of its own.

        A name that is new is given one in the transaction there is, else in one of its own; `messages` tells then
        which values came together, by numbers that rise.
        """
        keys = wanted.keys()
        found = self._find(keys)
        missing = np.flatnonzero(found == UNKNOWN)
        if len(missing):
            may_be_undone = connection.info.transaction_status != TransactionStatus.IDLE
            given = self._give(connection, wanted, messages(), found, missing)
            found[missing] = [given[key] for key in keys[missing].tolist()]
            if not may_be_undone:
                self._keep(keys[missing], found[missing])
        return found

    def _find(self, keys: I64) -> I64:
        if not len(self._keys):
            return np.full(len(keys), UNKNOWN, np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._places[at], UNKNOWN)

    def _keep(self, keys: I64, places: I64) -> None:
        keys, first = np.unique(keys, return_index=True)
        if len(self._keys) + len(keys) > self._capacity:
            self._keys, self._places = np.empty(0, np.int64), np.empty(0, np.int64)
        at = np.searchsorted(self._keys, keys)
        self._keys, self._places = np.insert(self._keys, at, keys), np.insert(self._places, at, places[first])

    def _give(
        self, connection: psycopg.Connection, wanted: Wanted, message: Rows, found: I64, missing: Rows
    ) -> dict[int, int]:
        """Places of what is not in the cache, by key: those that are given by now, and new ones."""
        keys = wanted.keys()
        devices = np.unique(wanted.device[missing])
        pairs = np.unique(np.stack([wanted.device[missing], wanted.name[missing]]), axis=1)
        q = self._q

        def rows(query: str, *columns: Column) -> list[Any]:
            return connection.execute(q[query], arrays(q[query], columns)).fetchall()

        with connection.transaction():
            rows("lock_places", devices)
            known = _by_key(rows("places", *pairs))
            fresh = [row for row in missing.tolist() if int(keys[row]) not in known]
            if fresh:
                found = found.copy()
                found[missing] = [known.get(key, UNKNOWN) for key in keys[missing].tolist()]
                pages = Pages(rows("pages", devices), lambda: int(rows("new_page")[0][0]))
                new = list(_new(wanted, message, found, fresh, pages))
                connection.execute(q["give_places"], arrays(q["give_places"], list(zip(*new, strict=True))))
                known |= _by_key(new)
        return known


class Pages:
    """How full the pages of devices are, while names are put on them."""

    def __init__(self, taken: Iterable[tuple[int, int, int]], new: Callable[[], int]) -> None:
        self._new = new
        self._taken: dict[int, dict[int, int]] = {}
        for device, page, slots in taken:
            self._taken.setdefault(device, {})[page] = slots

    def put(self, device: int, names: Iterable[int], beside: Iterable[int] = ()) -> list[Place]:
        """Places of names that came together: on a page of those beside them, else on the last, else on new ones.

        >>> Pages([(1, 5, 6), (1, 7, 7)], lambda: 9).put(1, [70, 71], beside=[5])
        [(1, 5, 6, 70), (1, 5, 7, 71)]
        >>> Pages([(1, 5, 6), (1, 7, 7)], lambda: 9).put(1, [70, 71])
        [(1, 9, 0, 70), (1, 9, 1, 71)]
        """
        taken, names = self._taken.setdefault(device, {}), list(names)
        candidates = (*beside, max(taken, default=0))
        room = (page for page in candidates if taken.get(page, SLOTS) + len(names) <= SLOTS)
        page, places = next(room, 0), []
        for name in names:
            if not page or taken[page] == SLOTS:
                page = self._new()
            taken[page] = taken.get(page, 0) + 1
            places.append((device, page, taken[page] - 1, name))
        return places


def _new(wanted: Wanted, message: Rows, found: I64, fresh: Sequence[int], pages: Pages) -> Iterable[Place]:
    """Places for the names of these rows, message by message."""
    numbers: set[tuple[int, int]] = set()
    own = {int(wanted.name[row]): int(wanted.device[row]) for row in fresh if not wanted.number[row]}
    yield from ((device, ~name, 0, name) for name, device in sorted(own.items()))
    for number, rows in groupby((row for row in fresh if wanted.number[row]), lambda row: int(message[row])):
        its = list(rows)
        device = int(wanted.device[its[0]])
        names = [name for name in dict.fromkeys(wanted.name[its].tolist()) if (device, name) not in numbers]
        numbers.update((device, name) for name in names)
        beside = found[slice(*np.searchsorted(message, [number, number + 1]))]
        yield from pages.put(device, names, np.unique(beside[beside >= 0] // SLOTS).tolist())


def _by_key(places: Iterable[Place]) -> dict[int, int]:
    return {(page > 0) * d << 32 | name << 1 | (page > 0): page * SLOTS + slot for d, page, slot, name in places}
