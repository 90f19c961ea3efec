"""Readings per hour: a fold over the times of devices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.folds.scan import NEVER

VERSION = 1
HOUR_US = 3_600_000_000


@dataclass
class Carry:
    """The hour each device is in, and how much it has measured in it."""

    entity: np.ndarray
    hour_us: np.ndarray
    count: np.ndarray
    t_us: np.ndarray

    @classmethod
    def empty(cls) -> Carry:
        none = np.empty(0, np.int64)
        return cls(none, none, none, none)


@dataclass
class Hours:
    """Hours that were touched, by device and time; `end_us` is NEVER for the one a device is in."""

    entity: np.ndarray
    start_us: np.ndarray
    end_us: np.ndarray
    count: np.ndarray
    began_here: np.ndarray


def step(carry: Carry, entity: np.ndarray, t_us: np.ndarray) -> tuple[Carry, Hours]:
    """Readings sorted by device and time, newer than what is carried; the carry is of these devices only."""
    who = np.concatenate([carry.entity, entity])
    hour = np.concatenate([carry.hour_us, t_us // HOUR_US * HOUR_US])
    count = np.concatenate([carry.count, np.ones(len(entity), np.int64)])
    time = np.concatenate([carry.t_us, t_us])
    is_carried = np.arange(len(who)) < len(carry.entity)
    order = np.lexsort((~is_carried, hour, who))
    who, hour, count, time, is_carried = who[order], hour[order], count[order], time[order], is_carried[order]
    first = np.flatnonzero(np.append(True, (who[1:] != who[:-1]) | (hour[1:] != hour[:-1]))[: len(who)])
    who, hour, began = who[first], hour[first], ~is_carried[first]
    count, newest = (f.reduceat(c, first) for f, c in ((np.add, count), (np.maximum, time)))
    is_last = np.append(who[1:] != who[:-1], True)
    end = np.where(is_last, NEVER, hour + HOUR_US)
    after = Carry(who[is_last], hour[is_last], count[is_last], newest[is_last])
    return after, Hours(who, hour, end, count, began)
