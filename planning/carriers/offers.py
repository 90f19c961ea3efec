"""What services of carriers offer for a shipment: price, arrival, how sure, CO2e; and what each rests on. Pure.

What was measured on the lane leans on the service's own shipments, and those on what the carrier says of itself: each
by n / (n + 10). What a carrier says is taken as a lognormal distribution with its median and 90 % point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from math import log
from statistics import NormalDist
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from planning.carriers.choice import Option
from planning.carriers.rates import Card, Quote, RateError, Shipment, quote
from planning.shares import shrunk, wilson

Z_90 = NormalDist().inv_cdf(0.9)
SIGMA_MIN = 1e-6


class Service(NamedTuple):
    """A service as its carrier describes it; hours under way, half of them and nine of ten."""

    key: int
    carrier: str
    code: str
    mode: str
    temp_classes: frozenset[str]
    cut_off: time | None
    transit_h: float
    transit_h_p90: float
    co2e_g_per_tkm: float | None
    co2e_grade: str


class Transit(NamedTuple):
    """A delivered shipment of a service."""

    service: int
    lane: tuple[str, str]
    hours: float
    on_time: bool
    cold_chain_failed: bool = False


@dataclass(frozen=True)
class Asked:
    """What is to be carried: `lane` from and to, when it is ready, until when it is to be there, in which zone."""

    shipment: Shipment
    lane: tuple[str, str]
    ready: datetime
    window_end: datetime | None
    tz: str = "UTC"


class Measured(NamedTuple):
    """What was seen: on the lane, and of the service anywhere."""

    lane_n: int
    lane_on_time: int
    service_n: int
    service_on_time: int
    cold_chain_failed: int


@dataclass(frozen=True)
class Offer:
    """An option, with what it rests on."""

    option: Option
    service: Service
    quote: Quote | None
    arrival_p50: datetime
    leaves: datetime
    measured: Measured


def offers(
    services: Iterable[Service], cards: Mapping[int, Card], transits: Sequence[Transit], asked: Asked
) -> list[Offer]:
    """Of each service one; one without a price says why."""
    return [_offer(service, cards.get(service.key), transits, asked) for service in services]


def leaves_at(service: Service, ready: datetime, tz: str) -> datetime:
    """When it goes: with the first cut-off after it is ready, or at once where there is none.

    >>> s = Service(1, "c", "s", "road", frozenset(), time(15), 1, 2, None, "default")
    >>> leaves_at(s, datetime(2026, 12, 1, 16, tzinfo=UTC), "UTC").isoformat()
    '2026-12-02T15:00:00+00:00'
    """
    if service.cut_off is None:
        return ready
    here = ready.astimezone(ZoneInfo(tz))
    found = datetime.combine(here.date(), service.cut_off, here.tzinfo)
    return (found if found >= here else found + timedelta(days=1)).astimezone(UTC)


def _offer(service: Service, card: Card | None, transits: Sequence[Transit], asked: Asked) -> Offer:
    own = [each for each in transits if each.service == service.key]
    lane = [each for each in own if each.lane == asked.lane]
    p50, p90 = (_quantile(q, declared, own, lane) for q, declared in _declared(service))
    leaves = leaves_at(service, asked.ready, asked.tz)
    sure, _ = wilson(sum(each.on_time for each in lane), len(lane))
    in_window = 1.0
    if asked.window_end is not None:
        in_window = _within((asked.window_end - leaves).total_seconds() / 3600, service, own, lane)
    found, why = _priced(card, asked)
    shipment = asked.shipment
    co2e_kg = None
    if service.co2e_g_per_tkm is not None and shipment.km:
        co2e_kg = service.co2e_g_per_tkm * float(shipment.kg) / 1000 * float(shipment.km) / 1000
    option = Option(
        service.carrier, service.code, service.mode, found.total if found else None, found.currency if found else "",
        leaves + timedelta(hours=p90), float(sure), in_window, co2e_kg, service.temp_classes, None, why,
    )  # fmt: skip
    measured = Measured(
        len(lane), sum(each.on_time for each in lane), len(own), sum(each.on_time for each in own),
        sum(each.cold_chain_failed for each in own),
    )  # fmt: skip
    return Offer(option, service, found, leaves + timedelta(hours=p50), leaves, measured)


def _priced(card: Card | None, asked: Asked) -> tuple[Quote | None, str]:
    if card is None:
        return None, f"there is no rate card for {asked.shipment.day}; add one"
    shipment = asked.shipment if card.fuel else replace(asked.shipment, fuel_price=None)
    try:
        return quote(card, shipment), ""
    except RateError as error:
        return None, str(error)


def _declared(service: Service) -> tuple[tuple[float, float], tuple[float, float]]:
    return (0.5, service.transit_h), (0.9, service.transit_h_p90)


def _quantile(q: float, declared: float, own: Sequence[Transit], lane: Sequence[Transit]) -> float:
    found = declared
    for level in (own, lane):
        if level:
            hours = float(np.quantile([each.hours for each in level], q))
            found = float(shrunk(hours, len(level), found))
    return found


def _within(hours: float, service: Service, own: Sequence[Transit], lane: Sequence[Transit]) -> float:
    """The chance that it is there within so many hours of leaving."""
    if hours <= 0:
        return 0.0
    sigma = max((log(service.transit_h_p90) - log(service.transit_h)) / Z_90, SIGMA_MIN)
    found = NormalDist(log(service.transit_h), sigma).cdf(log(hours))
    for level in (own, lane):
        if level:
            share = sum(each.hours <= hours for each in level) / len(level)
            found = float(shrunk(share, len(level), found))
    return found
