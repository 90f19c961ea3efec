"""What a carrier asks for a shipment by its rate card: a pure function of both, so that old quotes reckon anew.

Money is decimal, each line is rounded to the cent (half up), and the lines add up to the total.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

CENT = Decimal("0.01")
BASES = ("kg", "pallet", "km")


class RateError(ValueError):
    """Why a card has no price for a shipment."""


class Break(NamedTuple):
    """From this quantity on a unit costs so much."""

    quantity: Decimal
    price: Decimal


class FuelStep(NamedTuple):
    """From this price of a litre on, so much of the freight is added (0.08: 8 %)."""

    price: Decimal
    share: Decimal


class Extra(NamedTuple):
    """A named extra: an amount a shipment, and one for each `kg`, `pallet` or `km`."""

    amount: Decimal
    per_unit: Decimal = Decimal(0)
    basis: str = "pallet"


@dataclass(frozen=True)
class Tariff:
    """Prices between two zones: what is counted, its breaks in rising order, and the least freight."""

    basis: str
    breaks: tuple[Break, ...]
    minimum: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if self.basis not in BASES:
            raise RateError(f"{self.basis} is not counted; {', '.join(BASES)} are")
        quantities = [each.quantity for each in self.breaks]
        if not quantities or quantities[0] != 0 or quantities != sorted(set(quantities)):
            raise RateError("breaks begin at 0 and rise")
        if min((self.minimum, *(each.price for each in self.breaks))) < 0:
            raise RateError("a price is less than nothing")


@dataclass(frozen=True)
class Card:
    """A revision of a carrier's card. `zones`: zone of a postal code, by its beginning, the longest one that fits.

    `kg_per_m3`: what a cubic metre is reckoned as at least. `fuel`: steps in rising order, none: no surcharge.
    """

    name: str
    revision: int
    valid_from: date
    valid_to: date
    currency: str
    zones: Mapping[str, str]
    tariffs: Mapping[tuple[str, str], Tariff]
    fuel: tuple[FuelStep, ...] = ()
    extras: Mapping[str, Extra] = field(default_factory=dict)
    kg_per_m3: Decimal = Decimal(0)


@dataclass(frozen=True)
class Shipment:
    """What is to be carried, when it leaves, and between which postal codes."""

    day: date
    origin: str
    destination: str
    kg: Decimal
    m3: Decimal = Decimal(0)
    pallets: int = 0
    km: Decimal = Decimal(0)
    extras: frozenset[str] = frozenset()
    fuel_price: Decimal | None = None


class Line(NamedTuple):
    """A part of the price, and how it came about."""

    name: str
    amount: Decimal
    why: str


@dataclass(frozen=True)
class Quote:
    """What is asked, by which revision of which card."""

    card: str
    revision: int
    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """Of all lines."""
        return sum((each.amount for each in self.lines), Decimal(0))


def quote(card: Card, shipment: Shipment) -> Quote:
    """The price of a shipment.

    Freight is the quantity by the price of its break, or the next break's least quantity where that is cheaper, never
    less than the minimum; fuel is a share of the freight; extras come on top.

    Raises:
        RateError: the card is not valid on the day, or knows no zone, tariff, extra or fuel step for it.
    """
    if not card.valid_from <= shipment.day <= card.valid_to:
        raise RateError(f"{card.name} is valid from {card.valid_from} to {card.valid_to}, not on {shipment.day}")
    if min(shipment.kg, shipment.m3, shipment.km, Decimal(shipment.pallets)) < 0:
        raise RateError("a quantity of the shipment is less than nothing")
    zones = zone_of(card, shipment.origin), zone_of(card, shipment.destination)
    tariff = card.tariffs.get(zones)
    if tariff is None:
        raise RateError(f"{card.name} has no prices from zone {zones[0]} to zone {zones[1]}")
    freight, why = _freight(tariff, _quantity(card, shipment, tariff.basis))
    lines = [Line("freight", freight, why)]
    if card.fuel:
        share, price = _fuel_share(card, shipment)
        lines.append(Line("fuel", _cents(freight * share), f"{share:%} of the freight at {price} a litre"))
    for name in sorted(shipment.extras):
        extra = card.extras.get(name)
        if extra is None:
            known = ", ".join(sorted(card.extras)) or "none"
            raise RateError(f"{card.name} does not offer {name}; its extras: {known}")
        units = _quantity(card, shipment, extra.basis) if extra.per_unit else Decimal(0)
        why = f"{extra.amount}" + (f" and {units} {extra.basis} at {extra.per_unit}" if extra.per_unit else "")
        lines.append(Line(name, _cents(extra.amount + units * extra.per_unit), why))
    return Quote(card.name, card.revision, card.currency, tuple(lines))


def zone_of(card: Card, postal_code: str) -> str:
    """The zone of a postal code.

    Raises:
        RateError: no beginning of it is on the card.
    """
    code = postal_code.replace(" ", "").upper()
    for end in range(len(code), -1, -1):
        if (zone := card.zones.get(code[:end])) is not None:
            return zone
    raise RateError(f"{card.name} knows no zone for {postal_code}")


def _quantity(card: Card, shipment: Shipment, basis: str) -> Decimal:
    if basis == "kg":
        return max(shipment.kg, shipment.m3 * card.kg_per_m3)
    found = Decimal(shipment.pallets) if basis == "pallet" else shipment.km
    if not found:
        raise RateError(f"{card.name} counts by {basis}, and the shipment says none")
    return found


def _freight(tariff: Tariff, quantity: Decimal) -> tuple[Decimal, str]:
    at = max(n for n, each in enumerate(tariff.breaks) if each.quantity <= quantity)
    price = tariff.breaks[at].price
    best, why = quantity * price, f"{quantity} {tariff.basis} at {price}"
    for each in tariff.breaks[at + 1 :]:
        if each.quantity * each.price < best:
            best, why = each.quantity * each.price, f"as {each.quantity} {tariff.basis} at {each.price}"
    if best < tariff.minimum:
        best, why = tariff.minimum, "the minimum"
    return _cents(best), why


def _fuel_share(card: Card, shipment: Shipment) -> tuple[Decimal, Decimal]:
    if shipment.fuel_price is None:
        raise RateError(f"{card.name} has a fuel surcharge; say the price of a litre")
    steps = [each for each in card.fuel if each.price <= shipment.fuel_price]
    return (max(steps).share if steps else Decimal(0)), shipment.fuel_price


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
