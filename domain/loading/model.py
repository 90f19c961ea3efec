"""What the check of a load is folded from, and the chances it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

EPOCH_US = 30_000_000
"""As presence has it: within an epoch the strongest read of an antenna counts, not how often it repeats itself."""
AFTER_US = 7_200_000_000
"""So long after a truck has left, reads in the staging zone say what stayed behind."""
LOADED_MIN = 0.99
FOREIGN_MIN = 0.9
LEFT_MIN = 0.9
DOUBT_MIN = 0.2
"""From such a chance on a unit that is not surely loaded is doubtful and not merely missing."""


class Hearing(NamedTuple):
    """How a zone's readers hear: strengths of its own tags and of strangers, deviation, and the leak.

    The numbers are those that presence begins with (docs/presence.md); it learns others by zone every night.
    """

    inside_dbm: float = -55.0
    outside_dbm: float = -66.0
    sd_db: float = 6.0
    leak: float = 0.15


@dataclass(frozen=True, slots=True)
class Chances:
    """Per epoch of 30 s. Ours; set by hand on worlds with seeds below 1 000, graded on others (docs/loading.md)."""

    read_rate: float = 0.8
    """Presence's first read rate of a tag in its place."""
    ghost: float = 1e-4
    """Presence's: read somewhere though it is nowhere near."""
    tail: float = 0.05
    """Of reads have a strength as the other sort has: reflections, a hand before the antenna."""
    loads: float = 1 / 60
    """A staged unit goes onto its own truck: a load takes half an hour."""
    strays: float = 1 / 3000
    """It goes onto another: two in a hundred in the half hour in which a truck stands there."""
    back: float = 1 / 500
    """What is loaded comes back."""
    through: float = 0.70
    """Of what is in the gate has gone through in the next epoch, or ..."""
    turned: float = 0.05
    """... has turned round."""
    away: float = 1 / 1500
    """A staged unit is taken elsewhere in the building."""
    comes: float = 1 / 100
    """One that is elsewhere is staged."""
    staged: float = 0.9
    """Of the expected are in the staging zone when the truck comes; of others half."""
    mistaken: float = 1e-4
    """Of hand scans are of another unit, or another truck."""
    direction_s: float = 0.364
    """Heard best 0.4 s later by the outer antenna it went out in three of four cases; presence's, for portals."""
    direction_max: float = 4.6
    again: float = 0.5
    """What is in no gate and was heard by a door is heard there once more."""
    moments_max: int = 4
    """So many answers less are counted of the door that had fewer."""


CHANCES = Chances()


class Stay(NamedTuple):
    """A truck stands at a door; `ended_us` None: it still does."""

    truck: int
    door: int
    began_us: int
    ended_us: int | None = None


class Read(NamedTuple):
    """A unit's tag was heard by an antenna of a zone. Antennas of a door are numbered from the inside outwards."""

    at_us: int
    zone: int
    antenna: int
    unit: str
    rssi_dbm: float | None = None


class Scan(NamedTuple):
    """Somebody scanned a unit by hand as it was loaded onto a truck."""

    at_us: int
    unit: str
    truck: int


@dataclass(frozen=True, slots=True)
class Dock:
    """Doors and staging zones of a site, how they hear, and in which epochs (numbers since 1970) they listened."""

    doors: AbstractSet[int]
    staging: AbstractSet[int]
    hearing: Mapping[int, Hearing] = field(default_factory=dict)
    awake: Mapping[int, AbstractSet[int]] = field(default_factory=dict)

    def of(self, zone: int) -> Hearing:
        """How a zone hears; as presence begins, before anything was learned of it."""
        return self.hearing.get(zone, Hearing())


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a site's doors in a span, in any order; what is told twice counts once."""

    stays: Sequence[Stay]
    reads: Sequence[Read]
    scans: Sequence[Scan] = ()


class Placed(NamedTuple):
    """Where a unit is at the end, as chances: on each truck, in the staging zone; the rest is elsewhere.

    `entered_us`: when it went onto a truck, the mean over how it may have come there.
    """

    unit: str
    on: Mapping[int, float]
    staged: float
    entered_us: Mapping[int, int]
