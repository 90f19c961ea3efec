"""Carriers of the simulated fleet: what they offer for how much, so that a shipment may be compared."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from frostway.demo_ask import ACTOR, Ask

CARRIERS = (("nordic", "Nordic Freight"), ("baltic", "Baltic Lines"))


class Offer(NamedTuple):
    """A service: hours (of half of them, of nine in ten), g CO2e per tonne-km, euros a kg below and above 500 kg."""

    carrier: str
    name: str
    label: str
    temp_classes: tuple[str, ...]
    transit_h: tuple[float, float]
    co2e_g_per_tkm: float
    price: tuple[str, str]
    minimum: str


OFFERS = (
    Offer("nordic", "express", "Express, chilled", ("chilled",), (4.0, 6.0), 118.0, ("0.92", "0.78"), "95"),
    Offer("nordic", "next-day", "Next day", ("ambient", "chilled", "frozen"), (14.0, 20.0), 85.0, ("0.44", "0.33"),
          "48"),
    Offer("baltic", "groupage", "Groupage", ("ambient", "chilled"), (26.0, 44.0), 61.0, ("0.29", "0.21"), "35"),
)  # fmt: skip


def bring_carriers(ask: Ask, now: datetime) -> None:
    """Carriers with their services, each with a rate card if it has none."""
    for code, label in CARRIERS:
        ask.rows("carriers", "put_carrier", id=code, label=label)
    for offer in OFFERS:
        ask.rows(
            "carriers", "put_service", carrier=offer.carrier, id=offer.name, label=offer.label, mode="road",
            temp_classes=list(offer.temp_classes), cut_off="15:00", transit_h=offer.transit_h[0],
            transit_h_p90=offer.transit_h[1], co2e_g_per_tkm=offer.co2e_g_per_tkm, co2e_grade="modelled",
        )  # fmt: skip
        (known,) = ask.rows("carriers", "services", carrier=offer.carrier, id=offer.name)
        if known["rate_card"] is None:
            begins, ends = date(now.year, 1, 1), date(now.year + 1, 12, 31)
            ask.rows(
                "carriers", "add_card", carrier=offer.carrier, id=offer.name, valid_from=begins, valid_to=ends,
                body=Jsonb(_card(offer, begins, ends)), by=ACTOR,
            )  # fmt: skip


def _card(offer: Offer, begins: date, ends: date) -> dict[str, Any]:
    """For this year and the next, one zone for everywhere."""
    light, heavy = offer.price
    breaks = [{"quantity": "0", "price": light}, {"quantity": "500", "price": heavy}]
    return {
        "valid_from": f"{begins}",
        "valid_to": f"{ends}",
        "currency": "EUR",
        "zones": {"": "all"},
        "tariffs": [{"from": "all", "to": "all", "basis": "kg", "breaks": breaks, "minimum": offer.minimum}],
        "fuel": [{"price": "1.5", "share": "0.08"}],
        "extras": [{"name": "tail lift", "amount": "25", "per_unit": "0", "basis": "pallet"}],
        "kg_per_m3": "250",
    }


def take_carriers_away(ask: Ask) -> None:
    """They are offered no more."""
    for code, _ in CARRIERS:
        ask.rows("carriers", "retire_carrier", id=code)
