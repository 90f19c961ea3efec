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


class Move(NamedTuple):
    """A change in a slot: no earlier than a reading of it, or `NO_TIME`; `found`: nothing was known of it before."""

    slot: int
    at_us: int
    not_before_us: int
    quantity: float
    delta: float
    found: bool


class Told(NamedTuple):
    """What a zone holds of a product now; moves on the way there, and those (by id, with delta) that were none."""

    key: Key
    level: Level
    moves: Sequence[Move] = ()
    gone: Sequence[tuple[int, float]] = ()


@dataclass
class StockRows:
    """Rows of tags, slots, stock and zones' spans to be written."""

    tags: list[Sequence[Column]] = field(default_factory=list)
    products: list[tuple[int, int]] = field(default_factory=list)
    slots: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    levels: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    superseded: list[tuple[int, int]] = field(default_factory=list)
    asleep: list[tuple[int, int]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    """Levels of shelves that were folded again."""
    awake: list[tuple[int, int, int, int]] = field(default_factory=list)
