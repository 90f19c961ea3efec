"""The fold of tag reads and shelves: where tags are, what slots hold, and the stock level of each zone and product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
import psycopg

from domain.digits import shown
from domain.readings import Batch, ShelfBatch, StatusBatch, TagReadBatch
from domain.times import to_us
from store.arrays import NO_TIME
from tracker.engine.checkpoints import Refold
from tracker.engine.family import Engine, Family
from tracker.engine.registry import Registry
from tracker.engine.step import Step, text
from tracker.rules.presence.levels import MOVED, summed
from tracker.stock import learning
from tracker.stock.refold import TagRefold
from tracker.stock.rows import LANE, SLOT_LANE, Key, Level, StockRows, Told
from tracker.stock.shelves import Shelves, SlotRefold
from tracker.stock.tags import TagTables

REST_S, REST_SHARE = 0.2, 20.0
"""Levels of tags are told this long after the last time, and so many times as long after as that took."""
BITS = 32
NO_LEVEL = Level("tag", 0.0, 1.0, 0, 0.0)


class Stock(Family):
    """Tags and shelves of the partitions we own."""

    name: ClassVar[str] = "stock"
    streams: ClassVar[tuple[str, ...]] = ("rfid", "shelf", "status")
    lanes: ClassVar[tuple[str, ...]] = (LANE, SLOT_LANE)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.tags = TagTables()
        self.shelves = Shelves(engine.store)
        self._levels: dict[Key, Level] = {}
        self._products: dict[tuple[int, str], int] = {}
        self._rested_s = 0.0

    def load(self) -> None:
        """Reads tags, slots and stock."""
        store = self.engine.store
        self.tags.load(store)
        self.shelves.load()
        for site, zone, product, source, quantity, confidence, at, moved in store.rows("stock_levels"):
            self._levels[site, zone, product] = Level(source, quantity, confidence, to_us(at), moved)

    def unreadable(self) -> Iterable[tuple[str, int]]:
        """Tags and slots whose carry another version wrote."""
        return [
            *((LANE, tag) for tag in sorted(self.tags.unreadable)),
            *((SLOT_LANE, slot) for slot in sorted(self.shelves.unreadable)),
        ]

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
            batches["shelf"], told = self.shelves.step(registry, self.engine.late, shelves, step)
            step.part(StockRows).told += told
        told, step.part(StockRows).told = step.part(StockRows).told, []
        for one in told:
            self._tell(registry, one, step)

    def _name(self, tags: list[int], rows: list[tuple[int, int]]) -> None:
        """What tags are on, by their codes."""
        if not tags:
            return
        registry, tenant_of = self.engine.registry, self.tags.tenants(self.engine.registry, tags)
        epcs = self.engine.store.labels(tags)
        found = [(tag, registry.product_of(of, epcs.get(tag, ""))) for tag, of in zip(tags, tenant_of, strict=True)]
        rows += [(tag, product) for tag, product in found if product]
        self.tags.name(rows)

    def refold(self, lane: str, entity: int, since: datetime, horizon: datetime) -> Refold | None:
        """The way of a tag or slot to the present."""
        registry, store = self.engine.registry, self.engine.store
        if lane == SLOT_LANE:
            known = entity in self.shelves.slots
            return SlotRefold(self.shelves, registry, store, entity, since, horizon) if known else None
        if self.tags.newest_us(entity) is None:
            return None
        return TagRefold(self.tags, registry, store, entity, since, horizon)

    def newest_us(self, lane: str, entity: int) -> int | None:
        """Event time of a tag's newest read, of a slot's newest weighing."""
        if lane == SLOT_LANE:
            slot = self.shelves.slots.get(entity)
            return slot.t_us if slot else None
        return self.tags.newest_us(entity)

    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """State, stock and its moves."""
        store, rows = self.engine.store, step.part(StockRows)
        store.bulk(cursor, "drop_zones_awake", rows.asleep)
        store.bulk(cursor, "put_zones_awake", rows.awake)
        for columns in rows.tags:
            store.columns(cursor, "put_tag_states", columns)
        store.bulk(cursor, "put_tag_products", rows.products)
        store.bulk(cursor, "put_slot_states", list(rows.slots.values()))
        store.bulk(cursor, "put_stock_levels", list(rows.levels.values()))
        store.bulk(cursor, "supersede_stock_moves", rows.superseded)
        store.bulk(cursor, "put_stock_moves", rows.moves)

    # ------------------------------------------------------------ levels of tags
    def due(self, now_us: int, monotonic_s: float, *, now: bool = False) -> bool:
        """Whether levels of tags may be others than was told. It rests a while after each time."""
        del now_us
        ready = bool(self.tags.stale) and not self.tags.unreadable
        return ready and (now or monotonic_s >= self._rested_s)

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
            self._tell(registry, Told(key, Level("tag", quantity, confidence, max(at, told.t_us), moved)), step)
        return False

    def keep_house(self, now: datetime) -> None:
        """At night it is learned how readers hear."""
        if learning.due(self.engine.store, now):
            learning.learn(self.engine.store, self.engine.registry, self.tags, now)
            self.tags.know(self.engine.store, self.engine.registry)

    # ------------------------------------------------------------ what is told
    def _tell(self, registry: Registry, told: Told, step: Step) -> None:
        """Stock of a zone and product: the row, the change, and a move where the quantity has become another.

        A move that is otherwise, as is known now, is marked and stays; what no move explains is one more of them.
        """
        key, level = told.key, told.level
        site, product = registry.sites.get(key[0]), registry.products.get(key[2])
        if site is None or product is None:
            return
        old = self._levels.get(key)
        self._levels[key] = level
        rows, (source, quantity, confidence, t_us, moved) = step.part(StockRows), level
        rows.levels[key] = (site.tenant_id, *key, source, quantity, confidence, t_us, moved)
        last = old.moved if old else (0.0 if source == "tag" else None)
        rows.superseded += [(move, step.now_us) for move, _ in told.gone]
        if told.gone:
            last = (last or 0.0) - sum(delta for _, delta in told.gone)
        for slot, at_us, not_before_us, now, delta, found in told.moves:
            if found and old is not None and not told.gone:
                continue
            rows.moves.append((site.tenant_id, *key, at_us, now, delta, source, step.now_us, slot, not_before_us))
            last = (last or 0.0) + delta
        if moved != last:
            of = (site.tenant_id, *key, t_us, moved, moved - (last or 0.0), source, step.now_us)
            rows.moves.append((*of, None, NO_TIME))
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
