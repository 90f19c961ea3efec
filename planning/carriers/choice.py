"""What is left to choose between: what cannot be is filtered out with the reason, what is beaten is set aside. Pure.

Costs, arrival, reliability and emission are not weighed against one another: a person does that, looking at the table.
Weights only say in which order it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import NamedTuple


@dataclass(frozen=True)
class Option:
    """A way to send a shipment. `reliability` is the lower bound of the share on time; None: nobody knows."""

    carrier: str
    service: str
    mode: str
    cost: Decimal | None
    currency: str
    arrival_p90: datetime
    reliability: float
    in_window: float
    co2e_kg: float | None = None
    temperatures: frozenset[str] = frozenset()
    cut_off: datetime | None = None
    refused: str = ""
    """Why there is no price, as the rate card says it."""


@dataclass(frozen=True)
class Wanted:
    """What a shipment needs: its temperature class (empty: none), when it is ready, the least chance to be in time."""

    currency: str
    ready: datetime
    temperature: str = ""
    in_window_min: float = 0.9


class Row(NamedTuple):
    """An option that nothing beats in all four."""

    option: Option
    best_in: tuple[str, ...]


class Beaten(NamedTuple):
    """An option that another one equals or beats in all four."""

    option: Option
    by: Option


class Filtered(NamedTuple):
    """An option that cannot be taken, with all that is against it."""

    option: Option
    whys: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """All options, each in one of three lists."""

    rows: list[Row] = field(default_factory=list)
    beaten: list[Beaten] = field(default_factory=list)
    filtered: list[Filtered] = field(default_factory=list)


CRITERIA = ("cost", "arrival_p90", "reliability", "co2e_kg")


def table(options: Iterable[Option], wanted: Wanted, weights: Mapping[str, float] | None = None) -> Table:
    """The Pareto table of cost, p90 arrival, reliability and kg CO2e.

    A figure nobody knows counts as the worst. Rows stand by `weights` (of `CRITERIA`, all 1 if none are given) of how
    far each is from the best to the worst row, then by carrier and service.
    """
    filtered, left = [], []
    for option in sorted(options, key=_name):
        whys = against(option, wanted)
        if whys:
            filtered.append(Filtered(option, whys))
        else:
            left.append(option)
    front: list[Option] = []
    beaten: list[Beaten] = []
    for option in sorted(left, key=lambda each: (*_figures(each), _name(each))):
        # By falling quality: whatever beats it stands before it, and a beaten one is beaten by one of the front.
        by = next((other for other in front if _beats(other, option)), None)
        if by is None:
            front.append(option)
        else:
            beaten.append(Beaten(option, by))
    return Table(_rows(front, weights or {}), beaten, filtered)


def against(option: Option, wanted: Wanted) -> tuple[str, ...]:
    """All that keeps an option from being taken."""
    whys = []
    if option.cost is None:
        whys.append(option.refused or "there is no price")
    elif option.currency != wanted.currency:
        whys.append(f"the price is in {option.currency}, not in {wanted.currency}")
    if wanted.temperature and wanted.temperature not in option.temperatures:
        whys.append(f"does not carry {wanted.temperature}")
    if option.cut_off is not None and wanted.ready > option.cut_off:
        whys.append(f"closes at {option.cut_off.isoformat()}, before the goods are ready")
    if option.in_window < wanted.in_window_min:
        whys.append(f"is in time with {option.in_window:.0%}, less than {wanted.in_window_min:.0%}")
    return tuple(whys)


def _name(option: Option) -> tuple[str, str, str]:
    return option.carrier, option.service, option.mode


def _figures(option: Option) -> tuple[float, float, float, float]:
    """The less the better."""
    return (
        inf if option.cost is None else float(option.cost),
        option.arrival_p90.timestamp(),
        -option.reliability,
        inf if option.co2e_kg is None else option.co2e_kg,
    )


def _beats(one: Option, other: Option) -> bool:
    """In nothing worse, in something better."""
    mine, theirs = _figures(one), _figures(other)
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def _rows(front: list[Option], weights: Mapping[str, float]) -> list[Row]:
    if not front:
        return []
    columns = list(zip(*map(_figures, front), strict=True))
    low = [min(column) for column in columns]
    high = [max([value for value in column if value < inf] or [inf]) for column in columns]

    def far(option: Option) -> float:
        total = 0.0
        for name, value, best, worst in zip(CRITERIA, _figures(option), low, high, strict=True):
            part = 0.0 if value == best else 1.0 if value == inf or worst == best else (value - best) / (worst - best)
            total += weights.get(name, 0.0 if weights else 1.0) * part
        return total

    def best_in(option: Option) -> tuple[str, ...]:
        known = zip(CRITERIA, _figures(option), low, strict=True)
        return tuple(name for name, value, best in known if value == best < inf)

    return [Row(option, best_in(option)) for option in sorted(front, key=lambda each: (far(each), _name(each)))]
