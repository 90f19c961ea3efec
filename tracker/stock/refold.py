"""The late lane of tags: a tag whose past got a read, or whose silence counts otherwise, is folded again."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.checkpoints import PORTION, Refold, begin_from
from tracker.engine.registry import Registry
from tracker.engine.step import Step
from tracker.rules.presence import beliefs
from tracker.rules.presence.beliefs import NEVER, Tags
from tracker.rules.presence.knowledge import EPOCH_US
from tracker.stock.rows import LANE
from tracker.stock.tags import CHECKPOINT_US, NOT_USED, PACKER, TagTables, closed, ms_of, zones_of


class TagRefold(Refold):
    """A tag on its way to the present."""

    every_us = CHECKPOINT_US

    def __init__(
        self,
        tables: TagTables,
        registry: Registry,
        store: TrackingStore,
        tag: int,
        since: datetime,
        horizon: datetime,
    ) -> None:
        start = begin_from(store, LANE, tag, since, PACKER.knows)
        super().__init__(LANE, tag, since, start[0] if start else to_us(horizon))
        self._tables, self._registry, self._store = tables, registry, store
        self._tags: Tags = PACKER.unpack([start[1]])[0] if start else Tags.blank(np.array([tag]))
        self._newest: tuple[int, int, int] | None = None

    def advance(self) -> bool:
        """Folds the next portion; False when the present is reached."""
        asked = {"tag": self.entity, "since": from_us(self.reached_us)}
        found, more = self._store.history("rfid", asked, PORTION)
        if not len(found["time"]):
            return False
        self.reached_us = int(found["time"][-1])
        zone = zones_of(self._registry, found["device_id"], found["antenna"], found["time"])
        keep = (found["flags"] & NOT_USED == 0) & (zone > 0)
        if keep.any():
            t_us, tables = found["time"][keep], self._tables
            tag, dbm = np.full(len(t_us), self.entity), found["rssi_dbm"][keep].astype(np.float64)
            self._tags = beliefs.step(
                self._tags, tag, t_us // EPOCH_US, zone[keep], dbm, tables.awake, tables.known, ms_of(t_us)
            )
            self._newest = int(t_us[-1]), int(found["device_id"][keep][-1]), int(found["antenna"][keep][-1])
            begun_us = int(self._tags.open_epoch[0]) * EPOCH_US - 1
            if self._tags.epoch[0] != NEVER:
                self.keep(begun_us, PACKER.pack(self._tags.entity, (closed(self._tags),))[0])
                if more:  # what else comes of the open epoch meanwhile is not late: it is read again
                    self._tags, self.reached_us = closed(self._tags), begun_us
        return more

    def goes_on(self, registry: Registry) -> bool:
        """Never: where readers are may be otherwise."""
        del registry
        return False

    def finish(self, step: Step) -> None:
        """Arrived: what is carried of the tag is what was found on the way."""
        self._tables.unreadable.discard(self.entity)
        if self._newest is not None:
            self._tables.keep(self._registry, self._tags, self._newest, step)
        self.arrived(self._tables.checkpoints, step)
