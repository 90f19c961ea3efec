"""Every night: how well the readers of zones hear is learned from some tags whose place is certain."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from datetime import datetime, timedelta

import numpy as np

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.registry import Registry
from tracker.rules.presence.beliefs import look
from tracker.rules.presence.hearing import Counted, Hearing, learned_of
from tracker.rules.presence.knowledge import EPOCH_US
from tracker.stock.tags import TagTables, zones_of

log = logging.getLogger(__name__)

AT_HOUR, AGAIN = 2, timedelta(hours=20)
SPAN = timedelta(hours=1)
CERTAIN, SURE_EPOCHS, TAGS_MAX = 0.99, 20, 500
"""Tags that are in their zone with that chance, and were surely heard there so many times; at most so many of them."""


def due(store: TrackingStore, now: datetime) -> bool:
    """Whether it is night (UTC), and nothing was learned in this one."""
    if now.hour != AT_HOUR:
        return False
    ((last,),) = store.rows("last_learned")
    return last is None or now - last > AGAIN


def learn(store: TrackingStore, registry: Registry, tables: TagTables, now: datetime) -> list[Hearing]:
    """Learns from the last hour, and keeps it from the next epoch but one on: no read of that time has been folded."""
    found = learned_of(_counted(store, registry, tables, now))
    since = from_us((to_us(now) // EPOCH_US + 2) * EPOCH_US)
    columns = {
        name: [getattr(h, field) for h in found]
        for name, field in (
            ("zones", "zone"), ("inside", "inside_dbm"), ("outside", "outside_dbm"), ("sd", "sd_db"), ("leak", "leak"),
            ("epochs", "epochs"),
        )
    }  # fmt: skip
    if found:
        store.connection.execute(store.sql("put_zone_hearings"), {"since": since, **columns})
        log.info("learned how the readers of %d zones hear", len(found))
    return found


def _counted(store: TrackingStore, registry: Registry, tables: TagTables, now: datetime) -> list[Counted]:
    """Epochs of certain tags by the zone that heard them and the zone they are in."""
    rows = tables.carried.rows
    rows = rows.take(rows.hit >= SURE_EPOCHS)
    zone, chance = look(rows, tables.awake, tables.known)
    best = chance.argmax(axis=1)
    each = np.arange(len(rows))
    certain = np.flatnonzero(chance[each, best] >= CERTAIN)
    certain = certain[np.linspace(0, len(certain) - 1, min(len(certain), TAGS_MAX)).astype(np.int64)]
    of_zone = dict(zip(rows.entity[certain].tolist(), zone[certain, best[certain]].tolist(), strict=True))
    asked = {"tags": list(of_zone), "since": now - SPAN, "until": now}
    heard: dict[tuple[int, int, int], float] = {}
    own: dict[int, set[int]] = defaultdict(set)
    for tag, device, antenna, epoch, at, dbm in store.asked("heard_of_certain", asked):
        (where,) = zones_of(registry, np.array([device]), np.array([antenna]), np.array([to_us(at)])).tolist()
        if where:
            heard[tag, where, epoch] = max(dbm, heard.get((tag, where, epoch), -math.inf))
            if where == of_zone[tag]:
                own[tag].add(epoch)
    return _summed(heard, of_zone, {tag: len(epochs) for tag, epochs in own.items()})


def _summed(heard: dict[tuple[int, int, int], float], of_zone: dict[int, int], own: dict[int, int]) -> list[Counted]:
    told: dict[tuple[int, int], list[float]] = defaultdict(list)
    tags: dict[tuple[int, int], set[int]] = defaultdict(set)
    for (tag, where, _), dbm in heard.items():
        told[where, of_zone[tag]].append(dbm)
        tags[where, of_zone[tag]].add(tag)
    found = []
    for (where, of), every in sorted(told.items()):
        clear = np.array([value for value in every if math.isfinite(value)])
        mean = float(clear.mean()) if len(clear) else 0.0
        squares = float(((clear - mean) ** 2).sum())
        could = sum(own.get(tag, 0) for tag in tags[where, of])
        found.append(Counted(where, of, len(every), len(clear), mean, squares, could))
    return found
