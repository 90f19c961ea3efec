"""What the family of stock hands on within a step: levels and rows to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from store.arrays import Column

LANE, SLOT_LANE = "tag", "slot"
Key = tuple[int, int, int]
"""Site, zone, product."""


class Level(NamedTuple):
    """Stock as it was last told; `moved` is the quantity of its last move."""

    source: str
    quantity: float
    confidence: float
    t_us: int
    moved: float


class Told(NamedTuple):
    """What a zone holds of a product now, and on the way there: since when how much, in order of time."""

    key: Key
    level: Level
    moves: list[tuple[int, float]]


@dataclass
class StockRows:
    """Rows of tags, slots, stock and zones' spans to be written."""

    tags: list[Sequence[Column]] = field(default_factory=list)
    products: list[tuple[int, int]] = field(default_factory=list)
    slots: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    levels: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    asleep: list[tuple[int, int]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    """Levels of shelves that were folded again."""
    awake: list[tuple[int, int, int, int]] = field(default_factory=list)
