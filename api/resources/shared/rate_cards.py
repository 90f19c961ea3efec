"""A rate card as it comes in and is kept, and as planning reckons with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from api.http.inputs import Strict
from api.http.problems import Problem
from planning.carriers.rates import Break, Card, Extra, FuelStep, RateError, Tariff

Money = Annotated[Decimal, Field(ge=0, le=10_000_000, max_digits=16, decimal_places=6)]
Zone = Annotated[str, Field(min_length=1, max_length=32)]
Basis = Literal["kg", "pallet", "km"]


class BreakIn(Strict):
    """From this quantity on a unit costs so much."""

    quantity: Money
    price: Money


class TariffIn(Strict):
    """Prices from one zone to another."""

    from_: Annotated[Zone, Field(alias="from")]
    to: Zone
    basis: Basis
    breaks: Annotated[list[BreakIn], Field(min_length=1, max_length=100)]
    minimum: Money = Decimal(0)


class FuelIn(Strict):
    """From this price of a litre on, so much of the freight is added (0.08: 8 %)."""

    price: Money
    share: Annotated[Decimal, Field(ge=0, le=10)]


class ExtraIn(Strict):
    """A named extra: an amount a shipment, and one for each unit."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    amount: Money = Decimal(0)
    per_unit: Money = Decimal(0)
    basis: Basis = "pallet"


class CardIn(Strict):
    """A rate card. `zones`: the zone of a postal code by its beginning, the longest that fits; `""` fits every one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "valid_from": "2026-01-01",
                    "valid_to": "2026-12-31",
                    "currency": "EUR",
                    "zones": {"": "FI", "01": "south", "33": "west"},
                    "tariffs": [
                        {
                            "from": "south",
                            "to": "west",
                            "basis": "kg",
                            "breaks": [{"quantity": 0, "price": 0.4}, {"quantity": 500, "price": 0.3}],
                            "minimum": 45,
                        }
                    ],
                    "fuel": [{"price": 1.5, "share": 0.08}],
                    "extras": [{"name": "tail lift", "amount": 25}],
                }
            ]
        }
    )

    valid_from: date
    valid_to: date
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    zones: Annotated[dict[Annotated[str, Field(max_length=16)], Zone], Field(min_length=1, max_length=5000)]
    tariffs: Annotated[list[TariffIn], Field(min_length=1, max_length=2000)]
    fuel: Annotated[list[FuelIn], Field(max_length=100, default_factory=list)]
    extras: Annotated[list[ExtraIn], Field(max_length=50, default_factory=list)]
    kg_per_m3: Annotated[Decimal, Field(ge=0, le=10_000)] = Decimal(0)

    @model_validator(mode="after")
    def _in_order(self) -> CardIn:
        if self.valid_to < self.valid_from:
            raise ValueError("valid_to: it ends before it begins")
        named = set(self.zones.values())
        lost = next((z for each in self.tariffs for z in (each.from_, each.to) if z not in named), None)
        if lost is not None:
            raise ValueError(f"tariffs: no postal code is in zone {lost}; name it in zones")
        return self


def card_of(name: str, revision: int, given: CardIn) -> Card:
    """As planning reckons with it.

    Raises:
        Problem: 422, breaks do not rise from 0.
    """
    try:
        tariffs = {
            (each.from_, each.to): Tariff(
                each.basis, tuple(Break(b.quantity, b.price) for b in each.breaks), each.minimum
            )
            for each in given.tariffs
        }
    except RateError as error:
        raise Problem(422, f"tariffs: {error}") from None
    return Card(
        name, revision, given.valid_from, given.valid_to, given.currency,
        {prefix.replace(" ", "").upper(): zone for prefix, zone in given.zones.items()}, tariffs,
        tuple(sorted(FuelStep(each.price, each.share) for each in given.fuel)),
        {each.name: Extra(each.amount, each.per_unit, each.basis) for each in given.extras}, given.kg_per_m3,
    )  # fmt: skip
