"""The fold of tag reads and shelves: where tags are, what slots hold, and the stock level of each zone and product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import orjson
import psycopg

from domain.digits import shown
from domain.readings import WRONG_TIME, Batch, ShelfBatch, StatusBatch, TagReadBatch
from domain.times import to_us
from tracker.engine.family import Engine, Family
from tracker.engine.registry import NAN, Registry
from tracker.engine.step import Step, known, text
from tracker.rules import stock
from tracker.rules.presence.levels import MOVED, summed
from tracker.stock import learning
from tracker.stock.refold import TagRefold
from tracker.stock.rows import LANE, Key, Level, StockRows
from tracker.stock.tags import TagTables

B = TypeVar("B", bound=Batch)
REST_S, REST_SHARE = 0.2, 20.0
"""Levels of tags are told this long after the last time, and so many times as long after as that took."""
BITS = 32
NO_LEVEL = Level("tag", 0.0, 1.0, 0, 0.0)


class Slot(NamedTuple):
    """What lies in a slot, since when we know."""

    t_us: int
    shelf: stock.Shelf


class Stock(Family):
    """Tags and shelves of the partitions we own."""

    name: ClassVar[str] = "stock"
    streams: ClassVar[tuple[str, ...]] = ("rfid", "shelf", "status")
    lanes: ClassVar[tuple[str, ...]] = (LANE,)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.tags = TagTables()
        self.slots: dict[int, Slot] = {}
        self._levels: dict[Key, Level] = {}
        self._products: dict[tuple[int, str], int] = {}
        self._rested_s = 0.0

    def load(self) -> None:
        """Reads tags, slots and stock."""
        store = self.engine.store
        self.tags.load(store)
        for slot, at, _, carry in store.rows("slot_states"):
            quantity, shown_, confidence = orjson.loads(carry)
            self.slots[slot] = Slot(to_us(at), stock.Shelf(quantity, shown_, confidence))
        for site, zone, product, source, quantity, confidence, at, moved in store.rows("stock_levels"):
            self._levels[site, zone, product] = Level(source, quantity, confidence, to_us(at), moved)

    def unreadable(self) -> Iterable[tuple[str, int]]:
        """Tags whose carry another version wrote."""
        return [(LANE, tag) for tag in self.tags.unreadable]

    def registry_read(self) -> bool:
        """Tags of products that are known only now belong to them."""
        self.tags.know(self.engine.store, self.engine.registry)
        if self._products != (by_gtin := self.engine.registry.by_gtin):
            self._products = by_gtin
            self._name(self.tags.nameless(), [])
        return False

    # ------------------------------------------------------------ readings
    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """Folds tag reads and weighings."""
        registry = self.engine.registry
        tags, shelves, status = batches.get("rfid"), batches.get("shelf"), batches.get("status")
        said = status if isinstance(status, StatusBatch) and len(status) else None
        if isinstance(tags, TagReadBatch) or said is not None:
            reads = tags if isinstance(tags, TagReadBatch) else TagReadBatch.empty()
            folded = self.tags.step(registry, self.engine.late, reads, said, step)
            if isinstance(tags, TagReadBatch):
                batches["rfid"] = folded
            self._name(self.tags.strangers(), step.part(StockRows).products)
        if isinstance(shelves, ShelfBatch):
            self._step_shelves(registry, shelves, step)

    def _name(self, tags: list[int], rows: list[tuple[int, int]]) -> None:
        """What tags are on, by their codes."""
        if not tags:
            return
        registry, tenant_of = self.engine.registry, self.tags.tenants(self.engine.registry, tags)
        epcs = self.engine.store.labels(tags)
        found = [(tag, registry.product_of(of, epcs.get(tag, ""))) for tag, of in zip(tags, tenant_of, strict=True)]
        rows += [(tag, product) for tag, product in found if product]
        self.tags.name(rows)

    def refold(self, lane: str, entity: int, since: datetime, horizon: datetime) -> TagRefold | None:
        """The way of a tag to the present."""
        del lane
        if self.tags.newest_us(entity) is None:
            return None
        return TagRefold(self.tags, self.engine.registry, self.engine.store, entity, since, horizon)

    def newest_us(self, lane: str, entity: int) -> int | None:
        """Event time of a tag's newest read."""
        del lane
        return self.tags.newest_us(entity)

    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """State, stock and its moves."""
        store, rows = self.engine.store, step.part(StockRows)
        store.bulk(cursor, "drop_zones_awake", rows.asleep)
        store.bulk(cursor, "put_zones_awake", rows.awake)
        for columns in rows.tags:
            store.columns(cursor, "put_tag_states", columns)
        store.bulk(cursor, "put_tag_products", rows.products)
        store.bulk(cursor, "put_slot_states", rows.slots)
        store.bulk(cursor, "put_stock_levels", list(rows.levels.values()))
        store.bulk(cursor, "put_stock_moves", rows.moves)

    # ------------------------------------------------------------ levels of tags
    def due(self, now_us: int, monotonic_s: float, *, now: bool = False) -> bool:
        """Whether levels of tags may be others than was told. It rests a while after each time."""
        del now_us
        return bool(self.tags.stale) and (now or monotonic_s >= self._rested_s)

    def spent(self, monotonic_s: float, seconds: float) -> None:
        """So long it took: the more tags, the longer until the next time."""
        self._rested_s = monotonic_s + max(REST_S, REST_SHARE * seconds)

    def tick(self, step: Step) -> bool:
        """Levels of the zones in which something was heard since, from the chances of all tags that may be there.

        What depends on now, tags that went silent, follows from how long their zone has listened since.
        """
        registry, zones = self.engine.registry, {z for z in self.tags.stale if z in self.engine.registry.zones}
        self.tags.stale = set()
        zone, product, chance, t_us = self.tags.chances(zones)
        found = summed(zone << BITS | product, chance)
        latest = np.zeros(len(found.key), np.int64)
        np.maximum.at(latest, np.searchsorted(found.key, zone << BITS | product), t_us)
        now: dict[Key, tuple[float, float, float, int]] = {}
        columns = (found.key, found.quantity, found.confidence, found.expected, latest)
        for key, quantity, confidence, expected, at in zip(*(c.tolist() for c in columns), strict=True):
            of = key >> BITS
            now[registry.zones[of][0], of, key & ((1 << BITS) - 1)] = quantity, confidence, expected, at
        for key, level in self._levels.items():
            if key[1] in zones and level.source == "tag" and key not in now:
                now[key] = 0.0, 1.0, 0.0, level.t_us
        for key, (quantity, confidence, expected, at) in now.items():
            told = self._levels.get(key, NO_LEVEL)
            if told.source != "tag" or (quantity, confidence, at) == told[1:4]:
                continue  # where shelves weigh the product, they are believed
            if not quantity and key not in self._levels:
                continue  # heard from next door, never there
            moved = quantity if abs(expected - told.moved) >= MOVED else told.moved
            self._tell(registry, key, Level("tag", quantity, confidence, max(at, told.t_us), moved), step)
        return False

    def keep_house(self, now: datetime) -> None:
        """At night it is learned how readers hear."""
        if learning.due(self.engine.store, now):
            learning.learn(self.engine.store, self.engine.registry, self.tags, now)
            self.tags.know(self.engine.store, self.engine.registry)

    # ------------------------------------------------------------ shelves
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
            self._tell(registry, key, Level(source, quantity, confidence, t_us, quantity), step)

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

    def _tell(self, registry: Registry, key: Key, level: Level, step: Step) -> None:
        """Stock of a zone and product: the row, the change, and a move when the quantity has become another."""
        site, product = registry.sites.get(key[0]), registry.products.get(key[2])
        if site is None or product is None:
            return
        old = self._levels.get(key)
        self._levels[key] = level
        rows, (source, quantity, confidence, t_us, moved) = step.part(StockRows), level
        rows.levels[key] = (site.tenant_id, *key, source, quantity, confidence, t_us, moved)
        if (old is None and (moved or source != "tag")) or (old is not None and old.moved != moved):
            delta = moved - (old.moved if old else 0.0)
            rows.moves.append((site.tenant_id, *key, t_us, moved, delta, source, step.now_us))
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
