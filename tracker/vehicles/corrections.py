"""What has been corrected of the registry and concerns the past: vehicles that are to be folded again for it.

Readings that are another vehicle's (docs/adr/0012), fences that were made, moved or removed (docs/adr/0014), and
vehicles that are of another class (docs/adr/0020).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import numpy as np

from domain.times import from_us
from store.tracking import TrackingStore
from tracker.engine.registry import Registry
from tracker.rules import cells
from tracker.rules.fences import Fence, Fences

FENCES_MOST = 20_000
"""Changed fences that are taken at once."""
BEGINNING = from_us(1)
"""From the first reading on, however old that is."""


class Corrections:
    """What stood there to be taken before the registry was read: the registry that is read next has all of it.

    What is corrected after that is left for the next time, since what is folded now may not know of it.
    """

    def __init__(self, store: TrackingStore, owned: Collection[int], partitions: int) -> None:
        self._store = store
        self._reassigned = {(int(v), since) for v, since in store.rows("all_reassigned")}
        self._refenced = store.rows("refenced", list(owned), partitions, FENCES_MOST)

    @property
    def tenants(self) -> set[int]:
        """Tenants of fences that have changed."""
        return {int(r[1]) for r in self._refenced}

    @property
    def more(self) -> bool:
        """Whether there may be more than was taken."""
        return len(self._refenced) == FENCES_MOST

    def take(self, registry: Registry) -> list[tuple[int, datetime]]:
        """Marks the vehicles that we own and returns them, each with the time from which to fold it again."""
        store = self._store
        moved = self._moved(registry)
        since: dict[int, datetime] = {}
        for v, at in [*((int(v), min(at, before or at)) for v, at, before in moved), *self._near()]:
            if v in registry.vehicles and registry.vehicle_owned[v]:
                since[v] = max(min(at, since.get(v, at)), BEGINNING)
        marks = [("vehicle", v, int(registry.vehicle_partition[v]), at) for v, at in since.items()]
        if not (marks or moved or self._refenced):
            return []
        with store.connection.transaction(), store.connection.cursor() as cursor:
            store.mark_dirty(cursor, marks)
            cursor.execute(store.sql("drop_reassigned"), ([r[0] for r in moved], [r[1] for r in moved]))
            cursor.execute(store.sql("drop_refenced"), ([r[0] for r in self._refenced],))
        return list(since.items())

    def _moved(self, registry: Registry) -> list[tuple[Any, ...]]:
        """Vehicles of other readings or class than before, since when, and the time of a reading before that."""
        mine = [v for v, _ in self._reassigned if v in registry.vehicles and registry.vehicle_owned[v]]
        if not mine:
            return []
        return [r for r in self._store.rows("reassigned", mine) if (int(r[0]), r[1]) in self._reassigned]

    def _near(self) -> Iterable[tuple[int, datetime]]:
        """Vehicles that were ever near a fence that has changed, as it was or as it is, and since when that matters."""
        changed: dict[tuple[int, datetime], list[Fence]] = {}
        for _, tenant_id, site_id, lat, lon, radius_m, polygon, corridor, since in self._refenced:
            rings, line = (shape["coordinates"] if shape else None for shape in (polygon, corridor))
            changed.setdefault((tenant_id, since), []).append(Fence(site_id, lat, lon, radius_m, rings, line))
        for (tenant_id, since), fences in changed.items():
            where = cells.covered(Fences(fences))
            asked = ("been_anywhere",) if where is None else ("been_in_cells", np.append(where, cells.UNKNOWN).tolist())
            for vehicle_id, first in self._store.rows(asked[0], tenant_id, *asked[1:]):
                yield int(vehicle_id), max(first, since)
