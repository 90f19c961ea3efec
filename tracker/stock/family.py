"""The fold of tag reads and shelves: where tags are, what slots hold, and the stock level of each zone and product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import orjson
import psycopg

from domain.digits import shown
from domain.readings import WRONG_TIME, Batch, ShelfBatch, TagReadBatch
from domain.times import to_us
from tracker.engine.family import Engine, Family
from tracker.engine.registry import NAN, Registry
from tracker.engine.step import Step, known, text
from tracker.rules import stock

B = TypeVar("B", bound=Batch)
Key = tuple[int, int, int]
"""Site, zone, product."""


class Tag(NamedTuple):
    """Where a tag was last read."""

    t_us: int
    device_id: int
    product_id: int
    reads: int


class Slot(NamedTuple):
    """What lies in a slot, since when we know."""

    t_us: int
    shelf: stock.Shelf


class Level(NamedTuple):
    """Stock as it was last told."""

    quantity: float
    confidence: float


@dataclass
class StockRows:
    """Rows of tags, slots and stock to be written."""

    tags: list[tuple[Any, ...]] = field(default_factory=list)
    slots: list[tuple[Any, ...]] = field(default_factory=list)
    levels: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[Any, ...]] = field(default_factory=list)


class Stock(Family):
    """Tags and shelves of the partitions we own."""

    name: ClassVar[str] = "stock"
    streams: ClassVar[tuple[str, ...]] = ("rfid", "shelf")

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.tags: dict[int, Tag] = {}
        self.slots: dict[int, Slot] = {}
        self._by_key: dict[Key, set[int]] = {}
        self._levels: dict[Key, Level] = {}

    def load(self) -> None:
        """Reads tags, slots and stock."""
        registry, store = self.engine.registry, self.engine.store
        for tag, time, device, product, reads in store.rows("tag_states"):
            self._put_tag(registry, tag, Tag(to_us(time), device, product, reads))
        for slot, time, _, carry in store.rows("slot_states"):
            quantity, shown, confidence = orjson.loads(carry)
            self.slots[slot] = Slot(to_us(time), stock.Shelf(quantity, shown, confidence))
        for site, zone, product, quantity, confidence in store.rows("stock_levels"):
            self._levels[site, zone, product] = Level(quantity, confidence)

    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """Folds tag reads and weighings."""
        registry = self.engine.registry
        tags, shelves = batches.get("rfid"), batches.get("shelf")
        if isinstance(tags, TagReadBatch):
            self._step_tags(registry, tags, step)
        if isinstance(shelves, ShelfBatch):
            self._step_shelves(registry, shelves, step)

    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """State, stock and its moves."""
        store, rows = self.engine.store, step.part(StockRows)
        store.bulk(cursor, "put_tag_states", rows.tags)
        store.bulk(cursor, "put_slot_states", rows.slots)
        store.bulk(cursor, "put_stock_levels", rows.levels)
        store.bulk(cursor, "put_stock_moves", rows.moves)

    def _put_tag(self, registry: Registry, tag: int, now: Tag) -> set[Key]:
        """Moves a tag in the index; returns the keys whose stock changes."""
        touched: set[Key] = set()
        if (old := self.tags.get(tag)) is not None and (
            key := place_of(registry, old.device_id, old.product_id, old.t_us)
        ):
            self._by_key.get(key, set()).discard(tag)
            touched.add(key)
        self.tags[tag] = now
        if key := place_of(registry, now.device_id, now.product_id, now.t_us):
            self._by_key.setdefault(key, set()).add(tag)
            touched.add(key)
        return touched

    def _step_tags(self, registry: Registry, batch: TagReadBatch, step: Step) -> None:
        """Folds tag reads: the newest read of each tag says where it is."""
        batch = usable(batch)
        if not len(batch):
            return
        tags = np.unique(batch.tag_id)
        have = [int(t) for t in tags if int(t) in self.tags]
        known_places = stock.Places(
            np.array(have, dtype=np.int32),
            np.array([self.tags[t].t_us for t in have], dtype=np.int64),
            np.array([self.tags[t].device_id for t in have], dtype=np.int32),
            np.array([self.tags[t].reads for t in have], dtype=np.int32),
        )
        places = stock.locate(known_places, batch.tag_id, batch.time_us, batch.device_id, registry.where.zone_of)
        fresh = [int(t) for t in tags if int(t) not in self.tags]
        epcs = self.engine.store.labels(fresh) if fresh else {}
        antenna = dict(zip(batch.tag_id.tolist(), batch.antenna.tolist(), strict=True))
        touched: dict[Key, int] = {}
        rows = zip(
            places.tag.tolist(), places.t_us.tolist(), places.device.tolist(), places.reads.tolist(), strict=True
        )
        for tag, t_us, device_id, reads in rows:
            device, place = registry.devices.get(device_id), registry.where.at(device_id, t_us)
            if device is None or not place.site_id:
                continue
            old = self.tags.get(tag)
            product = (old.product_id if old else 0) or registry.product_of(device.tenant_id, epcs.get(tag, ""))
            now = Tag(t_us, device_id, product, reads)
            if now == old:
                continue
            for key in self._put_tag(registry, tag, now):
                touched[key] = max(touched.get(key, 0), t_us)
            step.part(StockRows).tags.append(
                (
                    tag,
                    device.tenant_id,
                    t_us,
                    device_id,
                    place.site_id,
                    place.zone_id,
                    product,
                    antenna[tag],
                    reads,
                )
            )
        for key, t_us in touched.items():
            tags_here = self._by_key.get(key, set())
            sure = stock.tag_confidence(np.array([self.tags[t].reads for t in tags_here], dtype=np.float64))
            self._tell(
                registry, key, float(len(tags_here)), float(sure.mean()) if len(tags_here) else 1.0, "tag", t_us, step
            )

    def _step_shelves(self, registry: Registry, batch: ShelfBatch, step: Step) -> None:
        """Folds weighings and counts, slot by slot."""
        batch = usable(batch)
        if not len(batch):
            return
        order = np.lexsort((batch.received_us, batch.seq, batch.time_us, batch.slot_id))
        batch = batch.take(order)
        slots, first = np.unique(batch.slot_id, return_index=True)
        for slot, low, high in zip(slots.tolist(), first.tolist(), [*first[1:].tolist(), len(batch)], strict=True):
            self._step_slot(registry, slot, batch.take(np.arange(low, high)), step)

    def _step_slot(self, registry: Registry, slot: int, rows: ShelfBatch, step: Step) -> None:
        old = self.slots.get(slot, Slot(np.iinfo(np.int64).min, stock.Shelf()))
        rows = rows.take(rows.time_us > old.t_us)  # an older weighing changes nothing that is
        if slot not in registry.slots:  # a label is made with its first reading, after the registry was read
            found_slots = self.engine.store.rows("slot_of", slot)
            registry.slots[slot], registry.slot_device[slot] = found_slots[0] if found_slots else (0, 0)
        product = registry.products.get(registry.slots[slot])
        device = registry.devices.get(int(rows.device_id[0])) if len(rows) else None
        if device is None:
            return
        shelf, _ = stock.weigh(old.shelf, rows.mass_kg, product.unit_mass_kg if product else NAN, rows.item_count)
        t_us = int(rows.time_us[-1])
        self.slots[slot] = Slot(t_us, shelf)
        step.part(StockRows).slots.append(
            (
                slot,
                device.tenant_id,
                device.id,
                t_us,
                known(float(rows.mass_kg[-1])),
                known(float(rows.item_count[-1])),
                max(shelf.quantity, 0.0),
                orjson.dumps([shelf.quantity, shelf.shown, shelf.confidence]),
            )
        )
        if product and (key := place_of(registry, device.id, product.id, t_us)) and shelf.quantity >= 0:
            source = "count" if not np.isnan(rows.item_count[-1]) else "weight"
            quantity, confidence = self._shelves_of(registry, key, slot)
            self._tell(registry, key, quantity, confidence, source, t_us, step)

    def _shelves_of(self, registry: Registry, key: Key, slot: int) -> tuple[float, float]:
        """Sum over the slots of a zone that hold a product."""
        same = [
            s
            for s, p in registry.slots.items()
            if p == key[2] and s in self.slots and self.slots[s].shelf.quantity >= 0
        ]
        mine = [s for s in same if s == slot or self._zone_of_slot(registry, s) == key[:2]]
        return (
            sum(self.slots[s].shelf.quantity for s in mine),
            min((self.slots[s].shelf.confidence for s in mine), default=0.0),
        )

    def _zone_of_slot(self, registry: Registry, slot: int) -> tuple[int, int]:
        place = registry.where.at(registry.slot_device.get(slot, 0), self.slots[slot].t_us)
        return place.site_id, place.zone_id

    def _tell(
        self, registry: Registry, key: Key, quantity: float, confidence: float, source: str, t_us: int, step: Step
    ) -> None:
        """Stock of a zone and product: the row, the change, and a move when the quantity is another."""
        site, product = registry.sites.get(key[0]), registry.products.get(key[2])
        if site is None or product is None:
            return
        old = self._levels.get(key)
        self._levels[key] = Level(quantity, confidence)
        rows = step.part(StockRows)
        rows.levels = [r for r in rows.levels if (r[1], r[2], r[3]) != key]
        rows.levels.append((site.tenant_id, *key, source, quantity, confidence, t_us))
        if old is None or old.quantity != quantity:
            delta = quantity - (old.quantity if old else 0.0)
            step.part(StockRows).moves.append((site.tenant_id, *key, t_us, quantity, delta, source, step.now_us))
        step.change(site.tenant_id, "stock", *shape(registry, key, quantity, confidence, source, t_us))


def shape(
    registry: Registry, key: Key, quantity: float, confidence: float, source: str, t_us: int
) -> tuple[str, str, dict[str, Any]]:
    """Name, operation and public shape of a stock level."""
    site, zone, product = registry.sites[key[0]].name, registry.zones[key[1]][1], registry.products[key[2]]
    name = f"{site}/{zone}/{product.sku}"
    return (
        name,
        "put",
        {
            "id": name,
            "site": site,
            "zone": zone,
            "sku": product.sku,
            "label": product.label,
            "quantity": shown("quantity", quantity),
            "confidence": shown("confidence", confidence),
            "last_evidence_at": text(t_us),
            "source": source,
            "reorder_point": product.reorder_point,
        },
    )


def place_of(registry: Registry, device_id: int, product_id: int, t_us: int) -> Key | None:
    """Where stock counts that a device saw at a time; None without a zone or a product."""
    place = registry.where.at(device_id, t_us)
    if not product_id or not place.site_id or place.zone_id not in registry.zones:
        return None
    return place.site_id, place.zone_id, product_id


def usable(batch: B) -> B:
    """Rows whose time can be believed."""
    return batch.take(batch.flags & int(WRONG_TIME) == 0)
