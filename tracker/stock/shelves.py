"""Shelves: what lies in each slot by its weighings and counts, late ones folded again; and what zones hold by them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import orjson

from domain.readings import F64, WRONG_TIME, Flag, ShelfBatch
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.checkpoints import PORTION, CheckpointsDue, Refold, begin_from
from tracker.engine.late import mark_late, undecided
from tracker.engine.registry import NAN, Registry
from tracker.engine.step import Step, known
from tracker.rules import stock
from tracker.stock.rows import SLOT_LANE, Key, Level, StockRows

NEVER = int(np.iinfo(np.int64).min // 2)
NOT_USED = int(WRONG_TIME | Flag.UNDECIDED)


class Slot(NamedTuple):
    """What lies in a slot, since when we know, by which device; and the newest weighing or count."""

    t_us: int
    device_id: int
    shelf: stock.Shelf
    mass_kg: float = NAN
    item_count: float = NAN


Told = list[tuple[Key, Level]]


class Shelves:
    """The slots of the partitions we own."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store
        self.slots: dict[int, Slot] = {}
        self.checkpoints = CheckpointsDue(SLOT_LANE)

    def load(self) -> None:
        """Reads slots."""
        for slot, device, at, _, carry in self._store.rows("slot_states"):
            self.slots[slot] = Slot(to_us(at), device, unpacked(carry))
        self.checkpoints.load(self._store)

    def step(self, registry: Registry, batch: ShelfBatch, step: Step) -> tuple[ShelfBatch, Told]:
        """Folds weighings and counts, slot by slot; those that come too late are flagged. What zones hold now."""
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        order = used[np.lexsort((batch.received_us[used], batch.seq[used], batch.time_us[used], batch.slot_id[used]))]
        if not len(order):
            return batch, []
        slots, first, row = np.unique(batch.slot_id[order], return_index=True, return_inverse=True)
        newest = np.array([self.slots[s].t_us if s in self.slots else NEVER for s in slots.tolist()], np.int64)[row]
        t_us, late = batch.time_us[order], batch.time_us[order] <= newest
        if late.any():
            slot, device = (c[order][late].astype(np.int64) for c in (batch.slot_id, batch.device_id))
            too_late = mark_late(
                step, SLOT_LANE, slot, t_us[late], device, newest[late], lambda d: registry.devices[d].partition
            )
            batch = undecided(batch, order[late][too_late])
        told: Told = []
        for slot, low, high in zip(slots.tolist(), first.tolist(), [*first[1:].tolist(), len(order)], strict=True):
            rows = order[low:high][~late[low:high]]
            if len(rows) and int(batch.device_id[rows[-1]]) in registry.devices:
                told += self._weighed(registry, slot, batch.take(rows), step)
        return batch, told

    def _weighed(self, registry: Registry, slot: int, rows: ShelfBatch, step: Step) -> Told:
        old = self.slots[slot].shelf if slot in self.slots else stock.Shelf()
        shelf = self.weighed(registry, slot, old, rows.mass_kg, rows.item_count)
        last = (int(rows.time_us[-1]), int(rows.device_id[-1]))
        now = Slot(*last, shelf, float(rows.mass_kg[-1]), float(rows.item_count[-1]))
        self.checkpoints.keep(np.array([slot]), np.array([now.t_us]), [packed(shelf)], step)
        return self.keep(registry, slot, now, step)

    def weighed(self, registry: Registry, slot: int, old: stock.Shelf, mass_kg: F64, item_count: F64) -> stock.Shelf:
        """What lies in a slot after these weighings and counts."""
        product = registry.products.get(self._product(registry, slot))
        shelf, _ = stock.weigh(old, mass_kg, product.unit_mass_kg if product else NAN, item_count)
        return shelf

    def _product(self, registry: Registry, slot: int) -> int:
        if slot not in registry.slots:  # a label is made with its first reading, after the registry was read
            found = self._store.rows("slot_of", slot)
            registry.slots[slot], registry.slot_device[slot] = found[0] if found else (0, 0)
        return registry.slots[slot]

    def keep(self, registry: Registry, slot: int, now: Slot, step: Step) -> Told:
        """A slot as it is now: its row, and what its zone holds of the product."""
        self.slots[slot] = now
        row: tuple[Any, ...] = (slot, registry.devices[now.device_id].tenant_id, now.device_id, now.t_us)
        row = (*row, known(now.mass_kg), known(now.item_count), max(now.shelf.quantity, 0.0), packed(now.shelf))
        step.part(StockRows).slots[slot] = row
        place = registry.where.at(now.device_id, now.t_us)
        product = self._product(registry, slot)
        if product not in registry.products or not place.site_id or place.zone_id not in registry.zones:
            return []
        if now.shelf.quantity < 0:
            return []
        key = place.site_id, place.zone_id, product
        quantity, confidence = self._sum(registry, key, slot)
        source = "count" if not np.isnan(now.item_count) else "weight"
        return [(key, Level(source, quantity, confidence, now.t_us, quantity))]

    def _sum(self, registry: Registry, key: Key, slot: int) -> tuple[float, float]:
        """Over the slots of a zone that hold a product."""
        same = [s for s, p in registry.slots.items() if p == key[2] and s in self.slots]
        mine = [s for s in same if s == slot or self._zone_of(registry, s) == key[:2]]
        shelves = [self.slots[s].shelf for s in mine if self.slots[s].shelf.quantity >= 0]
        return sum(s.quantity for s in shelves), min((s.confidence for s in shelves), default=0.0)

    def _zone_of(self, registry: Registry, slot: int) -> tuple[int, int]:
        place = registry.where.at(registry.slot_device.get(slot, 0), self.slots[slot].t_us)
        return place.site_id, place.zone_id


class SlotRefold(Refold):
    """A slot on its way to the present."""

    def __init__(
        self, shelves: Shelves, registry: Registry, store: TrackingStore, slot: int, since: datetime, horizon: datetime
    ) -> None:
        start = begin_from(store, SLOT_LANE, slot, since, bool)
        super().__init__(SLOT_LANE, slot, since, start[0] if start else to_us(horizon))
        self._shelves, self._registry, self._store = shelves, registry, store
        self._now = Slot(NEVER, shelves.slots[slot].device_id, unpacked(start[1]) if start else stock.Shelf())
        self.told: Told = []

    def advance(self) -> bool:
        """Folds the next portion; False when the present is reached."""
        asked = {"slot": self.entity, "device": self._now.device_id, "since": from_us(self.reached_us)}
        found, more = self._store.history("shelf", asked, PORTION)
        if not len(found["time"]):
            return False
        self.reached_us = int(found["time"][-1])
        keep = found["flags"] & NOT_USED == 0
        if keep.any():
            mass_kg, item_count = found["mass_kg"][keep], found["item_count"][keep]
            shelf = self._shelves.weighed(self._registry, self.entity, self._now.shelf, mass_kg, item_count)
            t_us = int(found["time"][keep][-1])
            self._now = Slot(t_us, self._now.device_id, shelf, float(mass_kg[-1]), float(item_count[-1]))
            self.keep(t_us, packed(shelf))
        return more

    def goes_on(self, registry: Registry) -> bool:
        """Never: what lies in the slot may be another product."""
        del registry
        return False

    def finish(self, step: Step) -> None:
        """Arrived: the slot is as it was found on the way."""
        if self._now.t_us != NEVER and self._now.device_id in self._registry.devices:
            step.part(StockRows).told += self._shelves.keep(self._registry, self.entity, self._now, step)
        self.arrived(self._shelves.checkpoints, step)


def packed(shelf: stock.Shelf) -> bytes:
    """What is carried of a slot."""
    return orjson.dumps([shelf.quantity, shelf.shown, shelf.confidence])


def unpacked(carry: bytes) -> stock.Shelf:
    """The same from its bytes."""
    return stock.Shelf(*orjson.loads(bytes(carry)))
