"""Temperature profiles: what goods may be exposed to, as data that people write, keep and compare.

A profile has the range of the label and bands beyond it. A band is a condition (`op`, `limit_c`), how long it may last
(`for_s`), and how the time is counted: in one stay (`consecutive`), or all stays together (`cumulative`) since the last
`reset`. Several bands with their own times and severities are the steps of one excursion. See docs/cold-chain.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Op = Literal[">", ">=", "<", "<="]
Mode = Literal["consecutive", "cumulative"]
Reset = Literal["never", "shipment", "phase", "daily", "rolling"]
Severity = Literal["info", "warning", "critical"]
Phase = Literal["origin", "in_transit", "destination"]
GapCharge = Literal["nothing", "warmer_side", "colder_side"]
Placement = Literal["any", "ends_at", "starts_at"]
Aggregation = Literal["each", "warmest", "coldest", "mean"]

BANDS_MAX = 16
OPS: tuple[Op, ...] = (">", ">=", "<", "<=")
MODES: tuple[Mode, ...] = ("consecutive", "cumulative")
RESETS: tuple[Reset, ...] = ("never", "shipment", "phase", "daily", "rolling")
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
PHASES: tuple[Phase, ...] = ("origin", "in_transit", "destination")
GAP_CHARGES: tuple[GapCharge, ...] = ("nothing", "warmer_side", "colder_side")
PLACEMENTS: tuple[Placement, ...] = ("any", "ends_at", "starts_at")
AGGREGATIONS: tuple[Aggregation, ...] = ("each", "warmest", "coldest", "mean")


@dataclass(frozen=True, slots=True)
class Band:
    """A condition, and how long it may last: `for_s` reached is the alarm, also with an inclusive limit."""

    name: str
    op: Op
    limit_c: float
    for_s: float = 600.0
    mode: Mode = "consecutive"
    reset: Reset = "never"
    """When a cumulative count begins anew."""
    reset_at: str = "00:00"
    """Local time of a daily reset, in the profile's zone."""
    window_s: float | None = None
    """Of a rolling count."""
    severity: Severity = "critical"
    clear_c: float = 0.3
    """How far back inside the limit a stay ends."""
    phases: tuple[Phase, ...] = ()
    """Where it counts; nothing said: everywhere."""

    @property
    def above(self) -> bool:
        """Whether warmth is the danger."""
        return self.op in (">", ">=")

    @property
    def inclusive(self) -> bool:
        """Whether the limit itself is beyond."""
        return self.op in (">=", "<=")


@dataclass(frozen=True, slots=True)
class Mkt:
    """A limit of the mean kinetic temperature over a window that contains the excursion; opt-in."""

    limit_c: float
    window_s: float
    placement: Placement = "any"
    delta_h_kj_per_mol: float = 83.144


@dataclass(frozen=True, slots=True)
class Suppression:
    """When nobody is told: what is measured then is recorded and counts all the same, unless `counts` is False."""

    door_open: bool = False
    defrost_s: float | None = None
    """While it defrosts, and so long after; None: not."""
    precondition_s: float = 0.0
    """From the moment it was switched on, or a shipment was planned on it."""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it holds: days of the week (1 Monday … 7 Sunday), from and until in local time, `until` may be next day."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    begins: str = "00:00"
    ends: str = "24:00"


@dataclass(frozen=True, slots=True)
class TemperatureProfile:
    """What goods may be exposed to."""

    low_c: float | None = None
    """The range of the label; the limits themselves are inside."""
    high_c: float | None = None
    bands: tuple[Band, ...] = ()
    mkt: Mkt | None = None
    max_interval_s: float = 900.0
    """Between two readings further apart nobody knows how it was."""
    accuracy_c: float = 0.0
    """How far off a sensor may be, where nothing better is known of it."""
    accuracy_class: str = ""
    """Which loggers are good enough, in words (EN 12830)."""
    gap_charge: GapCharge = "warmer_side"
    """What unknown time costs in the worst case: as the warmer reading beside the gap, the colder one, or nothing."""
    aggregation: Aggregation = "each"
    """Of several probes in one compartment."""
    coverage: float = 0.9
    """Share of known time below which a verdict is indeterminate."""
    suppress: Suppression = field(default_factory=Suppression)
    schedule: Schedule | None = None
    tz: str = "UTC"
    source: str = ""
    edition: str = ""


def plain(
    low_c: float | None, high_c: float | None, for_s: float, hysteresis_c: float, max_interval_s: float
) -> TemperatureProfile:
    """A profile of two limits, as most are: one band above, one below.

    >>> [(b.name, b.op, b.limit_c) for b in plain(2.0, 8.0, 600.0, 0.3, 900.0).bands]
    [('above', '>', 8.0), ('below', '<', 2.0)]
    """
    bands = []
    if high_c is not None:
        bands.append(Band("above", ">", high_c, for_s, clear_c=hysteresis_c))
    if low_c is not None:
        bands.append(Band("below", "<", low_c, for_s, clear_c=hysteresis_c))
    return TemperatureProfile(low_c, high_c, tuple(bands), max_interval_s=max_interval_s)
