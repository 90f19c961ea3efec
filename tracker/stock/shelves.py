"""Shelves: what lies in each slot by its weighings and counts, late ones folded again; and what zones hold by them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from domain.readings import I64, WRONG_TIME, Flag, ShelfBatch
from domain.times import from_us, to_us
from store.arrays import NO_TIME
from store.tracking import TrackingStore
from tracker.engine import carries
from tracker.engine.checkpoints import PORTION, CheckpointsDue, Refold, begin_from
from tracker.engine.late import LateWork, mark_late, undecided
from tracker.engine.registry import NAN, Registry
from tracker.engine.step import Step, known
from tracker.rules.shelves import carry
from tracker.rules.shelves.carry import NEVER, Rows, Slots
from tracker.rules.shelves.quantity import Changes
from tracker.rules.shelves.quantity import step as folded
from tracker.stock.rows import SLOT_LANE, Key, Level, Move, StockRows, Told

NOT_USED = int(WRONG_TIME | Flag.UNDECIDED)
PACKER = carries.Packer(carry.VERSION, (Slots.empty(),), (lambda e: e,))


class Slot(NamedTuple):
    """How much is in a slot, how sure that is, and its newest weighing or count with its device; -1: not known."""

    t_us: int
    device_id: int
    quantity: float
    confidence: float
    mass_kg: float = NAN
    item_count: float = NAN


class Shelves:
    """The slots of the partitions we own."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store
        self.slots: dict[int, Slot] = {}
        self.carried = carries.Table(Slots.empty())
        self.checkpoints = CheckpointsDue(SLOT_LANE)
        self.unreadable: set[int] = set()
        """Slots whose carry another version wrote, until they have been folded again."""

    def load(self) -> None:
        """Reads slots; those whose carry another version wrote are `unreadable`, and begin anew."""
        packed = []
        for slot, device, at, quantity, carried in self._store.rows("slot_states"):
            if PACKER.knows(bytes(carried)):
                packed.append(bytes(carried))
            else:
                self.unreadable.add(slot)
            self.slots[slot] = Slot(to_us(at), device, quantity, 0.0)
        (rows,) = PACKER.unpack(packed)
        self.carried.put(rows)
        for slot, quantity, sure in zip(
            *(c.tolist() for c in (rows.entity, rows.quantity, rows.confidence)), strict=True
        ):
            self.slots[slot] = self.slots[slot]._replace(quantity=quantity, confidence=sure)
        self.checkpoints.load(self._store)

    def step(
        self, registry: Registry, late_work: LateWork, batch: ShelfBatch, step: Step
    ) -> tuple[ShelfBatch, list[Told]]:
        """Folds weighings and counts; those that come too late are flagged. What zones hold now."""
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        order = used[np.lexsort((batch.received_us[used], batch.seq[used], batch.time_us[used], batch.slot_id[used]))]
        if not len(order):
            return batch, []
        slots, row = np.unique(batch.slot_id[order], return_inverse=True)
        newest = np.array([self.slots[s].t_us if s in self.slots else NEVER for s in slots.tolist()], np.int64)[row]
        t_us = batch.time_us[order]
        late = (t_us <= newest) | late_work.unreadable(SLOT_LANE, batch.slot_id[order].astype(np.int64))
        if late.any():
            slot, device = (c[order][late].astype(np.int64) for c in (batch.slot_id, batch.device_id))
            too_late = mark_late(
                step, SLOT_LANE, slot, t_us[late], device, newest[late], lambda d: registry.devices[d].partition
            )
            batch = undecided(batch, order[late][too_late])
        ours = np.array([device in registry.devices for device in batch.device_id[order].tolist()], np.bool_)
        return batch, self._weighed(registry, batch.take(order[~late & ours]), step)

    def _weighed(self, registry: Registry, batch: ShelfBatch, step: Step) -> list[Told]:
        """Weighings and counts that are newer than all of their slots, sorted."""
        if not len(batch):
            return []
        rows = Rows(batch.slot_id.astype(np.int64), batch.time_us, batch.mass_kg, batch.item_count)
        slots, first = np.unique(rows.slot, return_index=True)
        after, changes = self.folded(registry, self._known(slots), rows)
        told: list[Told] = []
        last = np.append(first[1:], len(rows.slot)) - 1
        self.checkpoints.keep(slots, rows.t_us[last], PACKER.pack(slots, (after,)), step)
        for at, (slot, newest) in enumerate(zip(slots.tolist(), last.tolist(), strict=True)):
            now = Slot(
                int(batch.time_us[newest]), int(batch.device_id[newest]), float(after.quantity[at]),
                float(after.confidence[at]), float(batch.mass_kg[newest]), float(batch.item_count[newest]),
            )  # fmt: skip
            moves = moves_of(changes, slot)
            told += self.keep(registry, slot, now, after.take(np.array([at])), moves, step)
        return told

    def _known(self, slots: I64) -> Slots:
        return self.carried.of(slots).of(slots)

    def folded(self, registry: Registry, before: Slots, rows: Rows) -> tuple[Slots, Changes]:
        """What lies in slots after these weighings and counts, and what changed."""
        product = np.array([self._product(registry, slot) for slot in before.entity.tolist()], np.int64)
        known_of = [registry.products.get(p) for p in product.tolist()]
        unit_kg = np.array([p.unit_mass_kg if p else NAN for p in known_of], np.float64)
        return folded(before, product, unit_kg, rows)

    def _product(self, registry: Registry, slot: int) -> int:
        if slot not in registry.slots:  # a label is made with its first reading, after the registry was read
            found = self._store.rows("slot_of", slot)
            registry.slots[slot], registry.slot_device[slot] = found[0] if found else (0, 0)
        return registry.slots[slot]

    def keep(
        self,
        registry: Registry,
        slot: int,
        now: Slot,
        carried: Slots,
        moves: list[Move],
        step: Step,
        before: datetime | None = None,
    ) -> list[Told]:
        """A slot as it is now: its row, and what its zone holds of the product; `moves`: what changed in the slot.

        With `before` these stand in the place of the moves after that time.
        """
        self.slots[slot] = now
        self.carried.put(carried)
        row: tuple[Any, ...] = (slot, registry.devices[now.device_id].tenant_id, now.device_id, now.t_us)
        packed = PACKER.pack(carried.entity, (carried,))[0]
        step.part(StockRows).slots[slot] = (
            *row, known(now.mass_kg), known(now.item_count), max(now.quantity, 0.0), packed
        )  # fmt: skip
        place = registry.where.at(now.device_id, now.t_us)
        product = self._product(registry, slot)
        if product not in registry.products or not place.site_id or place.zone_id not in registry.zones:
            return []
        if now.quantity < 0:
            return []
        key = place.site_id, place.zone_id, product
        quantity, confidence = self._sum(registry, key, slot)
        source = "count" if not np.isnan(now.item_count) else "weight"
        beside = quantity - now.quantity
        told = [] if before is None else self._store.rows("slot_moves_since", slot, before)
        told = [(move, to_us(at), delta) for move, *of, at, delta in told if tuple(of) == key]
        same = {(at_us, delta) for _, at_us, delta in told} & {(m.at_us, m.delta) for m in moves}
        fresh = [m._replace(quantity=beside + m.quantity) for m in moves if (m.at_us, m.delta) not in same]
        gone = [(move, delta) for move, at_us, delta in told if (at_us, delta) not in same]
        return [Told(key, Level(source, quantity, confidence, now.t_us, quantity), fresh, gone)]

    def _sum(self, registry: Registry, key: Key, slot: int) -> tuple[float, float]:
        """Over the slots of a zone that hold a product."""
        same = [s for s, p in registry.slots.items() if p == key[2] and s in self.slots]
        mine = [s for s in same if s == slot or self._zone_of(registry, s) == key[:2]]
        shelves = [self.slots[s] for s in mine if self.slots[s].quantity >= 0]
        return sum(s.quantity for s in shelves), min((s.confidence for s in shelves), default=0.0)

    def _zone_of(self, registry: Registry, slot: int) -> tuple[int, int]:
        place = registry.where.at(registry.slot_device.get(slot, 0), self.slots[slot].t_us)
        return place.site_id, place.zone_id


def moves_of(changes: Changes, slot: int) -> list[Move]:
    """What changed in a slot."""
    mine = changes.slot == slot
    before = np.where(changes.before_us == NEVER, NO_TIME, changes.before_us)
    columns = (changes.at_us, before, changes.quantity, changes.quantity - changes.old.clip(0.0), changes.old < 0)
    return [Move(slot, *row) for row in zip(*(column[mine].tolist() for column in columns), strict=True)]


class SlotRefold(Refold):
    """A slot on its way to the present."""

    def __init__(
        self, shelves: Shelves, registry: Registry, store: TrackingStore, slot: int, since: datetime, horizon: datetime
    ) -> None:
        start = begin_from(store, SLOT_LANE, slot, since, PACKER.knows)
        super().__init__(SLOT_LANE, slot, since, start[0] if start else to_us(horizon))
        self._shelves, self._registry, self._store = shelves, registry, store
        self._carried: Slots = PACKER.unpack([start[1]])[0] if start else Slots.blank(np.array([slot]))
        self._now = Slot(NEVER, shelves.slots[slot].device_id, -1.0, 0.0)
        self._moves: list[Move] = []

    def advance(self) -> bool:
        """Folds the next portion; False when the present is reached."""
        asked = {"slot": self.entity, "device": self._now.device_id, "since": from_us(self.reached_us)}
        found, more = self._store.history("shelf", asked, PORTION)
        if not len(found["time"]):
            return False
        self.reached_us = int(found["time"][-1])
        keep = found["flags"] & NOT_USED == 0
        if keep.any():
            t_us, mass_kg, item_count = (found[name][keep] for name in ("time", "mass_kg", "item_count"))
            rows = Rows(np.full(len(t_us), self.entity, np.int64), t_us, mass_kg, item_count)
            self._carried, changes = self._shelves.folded(self._registry, self._carried, rows)
            self._moves += moves_of(changes, self.entity)
            told = float(self._carried.quantity[0]), float(self._carried.confidence[0])
            self._now = Slot(int(t_us[-1]), self._now.device_id, *told, float(mass_kg[-1]), float(item_count[-1]))
            self.keep(self._now.t_us, PACKER.pack(self._carried.entity, (self._carried,))[0])
        return more

    def goes_on(self, registry: Registry) -> bool:
        """Never: what lies in the slot may be another product."""
        del registry
        return False

    def finish(self, step: Step) -> None:
        """Arrived: the slot is as it was found on the way."""
        if self._now.t_us != NEVER and self._now.device_id in self._registry.devices:
            anew = self.entity in self._shelves.unreadable  # nobody knows which moves were told of this slot
            moves = [] if anew else [m for m in self._moves if m.at_us > self.begun_us]
            before = None if anew else from_us(self.begun_us)
            told = self._shelves.keep(self._registry, self.entity, self._now, self._carried, moves, step, before)
            step.part(StockRows).told += told
            self._shelves.unreadable.discard(self.entity)
        self.arrived(self._shelves.checkpoints, step)
