"""When readers were awake: the silence of a tag counts only while its zone is being listened to.

A zone is awake in an epoch in which one of its readers reads any tag, or says that it is well. A reader that is off, or
whose network is cut, therefore takes nobody away. What is kept are the spans: the same reads make the same ones, in
whatever order they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.readings import I64, Bool

_BITS = 32
_MASK = (1 << _BITS) - 1


class Woken(NamedTuple):
    """What reads have changed: spans that are gone, those there are instead, and since when a zone was awake anew."""

    gone: I64
    """Begins of spans, as `key`."""
    fresh: I64
    fresh_end: I64
    zone: I64
    since: I64
    """The first epoch in which a zone is awake and was not known to be."""


def key(zone: NDArray[Any], epoch: NDArray[Any]) -> I64:
    """Zone and epoch (from 0 to 2^32 - 1) as one number that sorts by both."""
    return np.asarray((np.asarray(zone, np.int64) << _BITS) | np.asarray(epoch, np.int64))


def apart(keys: I64) -> tuple[I64, I64]:
    """Zones and epochs of keys.

    >>> [part.tolist() for part in apart(key(np.array([7]), np.array([20])))]
    [[7], [20]]
    """
    return keys >> _BITS, keys & _MASK


@dataclass
class Awake:
    """Spans of epochs by zone, both ends within, sorted; none touches another."""

    begin: I64
    end: I64

    def __post_init__(self) -> None:
        self._counted()

    def _counted(self) -> None:
        self._before = np.concatenate([[0], np.cumsum(self.end - self.begin + 1)])

    @classmethod
    def empty(cls) -> Awake:
        """No zone has been awake."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of(cls, zone: I64, begin: I64, end: I64) -> Awake:
        """From spans in any order."""
        order = np.argsort(key(zone, begin))
        return cls(key(zone, begin)[order], key(zone, end)[order])

    def _place(self, keys: I64) -> tuple[I64, Bool]:
        """The last span that begins at or before each, and whether there is one of its zone."""
        at = np.searchsorted(self.begin, keys, "right") - 1
        mine = at >= 0
        if len(self.begin):
            mine &= self.begin[at] >> _BITS == keys >> _BITS
        return at, mine

    def holds(self, zone: NDArray[Any], epoch: NDArray[Any]) -> Bool:
        """Whether zones were awake in these epochs."""
        keys = key(zone, epoch)
        at, mine = self._place(keys)
        return mine & (keys <= self.end[at]) if len(self.end) else mine

    def until(self, zone: NDArray[Any], epoch: NDArray[Any]) -> I64:
        """Epochs awake of all spans before, up to and with each of these: differences within a zone count."""
        keys = key(zone, epoch)
        at, mine = self._place(keys)
        if not len(self.end):
            return np.zeros(np.shape(keys), np.int64)
        inside = np.minimum(keys, self.end[at]) - self.begin[at] + 1
        whole = self._before[at + 1] - self._before[at]
        return np.asarray(np.where(at < 0, 0, self._before[at] + np.where(mine, inside, whole)))

    def newest(self, zone: NDArray[Any]) -> I64:
        """The newest epoch in which each zone was awake; -1: never."""
        at, mine = self._place(key(zone, np.full(np.shape(zone), _MASK)))
        if not len(self.end):
            return np.full(np.shape(zone), -1, np.int64)
        return np.asarray(np.where(mine, self.end[at] & _MASK, -1))

    def add(self, zone: NDArray[Any], epoch: NDArray[Any]) -> Woken | None:
        """Readers of zones have been heard in these epochs; None when that was known."""
        keys = np.unique(key(zone, epoch))
        at, mine = self._place(keys)
        known_to = np.where(mine, self.end[at], -1) if len(self.end) else np.full(len(keys), -1, np.int64)
        new = known_to < keys
        if not new.any():
            return None
        keys = keys[new]
        begin = np.concatenate([self.begin, keys])
        end = np.concatenate([self.end, keys])
        order = np.argsort(begin, kind="stable")
        begin, end = begin[order], np.maximum.accumulate(end[order])
        starts = np.ones(len(begin), np.bool_)
        starts[1:] = begin[1:] > end[:-1] + 1
        first = np.flatnonzero(starts)
        begin, end = begin[first], end[np.append(first[1:], len(begin)) - 1]
        old = key_pairs(self.begin, self.end)
        fresh = ~np.isin(key_pairs(begin, end), old)
        gone = self.begin[~np.isin(self.begin, begin)]
        self.begin, self.end = begin, end
        self._counted()
        of, at = np.unique(keys >> _BITS, return_index=True)
        return Woken(gone, begin[fresh], end[fresh], of, keys[at] & _MASK)


def key_pairs(begin: I64, end: I64) -> NDArray[Any]:
    """Begin and end of spans as one value each."""
    pairs = np.empty(len(begin), dtype=[("begin", np.int64), ("end", np.int64)])
    pairs["begin"], pairs["end"] = begin, end
    return pairs
