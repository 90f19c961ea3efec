"""Offers of carriers: what was measured weighs the more the more of it there is, and what has no price says why."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.carriers.offers import Asked, Service, Transit, leaves_at, offers
from planning.carriers.rates import Break, Card, Shipment, Tariff

READY = datetime(2026, 12, 1, 9, tzinfo=UTC)
LANE = ("dc-1", "store-1")
FAST = Service(1, "nordic", "fast", "road", frozenset({"chilled"}), None, 10.0, 14.0, 90.0, "modelled")
CARD = Card(
    "fast", 3, date(2026, 1, 1), date(2026, 12, 31), "EUR", {"": "fi"},
    {("fi", "fi"): Tariff("kg", (Break(Decimal(0), Decimal("0.5")),))},
)  # fmt: skip


def asked(hours: float | None = 12.0) -> Asked:
    what = Shipment(READY.date(), "01530", "33100", Decimal(200), km=Decimal(100))
    return Asked(what, LANE, READY, None if hours is None else READY + timedelta(hours=hours))


def test_what_a_carrier_says_counts_until_something_is_measured() -> None:
    (offer,) = offers([FAST], {1: CARD}, [], asked(14.0))
    assert offer.arrival_p50 == READY + timedelta(hours=10)
    assert offer.option.arrival_p90 == READY + timedelta(hours=14)
    assert offer.option.in_window == pytest.approx(0.9)
    assert (offer.option.cost, offer.quote and offer.quote.revision) == (Decimal("100.00"), 3)
    assert (offer.option.reliability, offer.measured.lane_n) == (0.0, 0), "nobody has seen it"
    assert offer.option.co2e_kg == pytest.approx(90 * 0.2 * 100 / 1000)


def test_ten_shipments_of_its_own_weigh_as_much_as_what_is_said() -> None:
    seen = [Transit(1, LANE, 20.0, False)] * 10
    (offer,) = offers([FAST], {1: CARD}, seen, asked())
    service = (10 + 20) / 2  # the service's own ten against what is said
    assert (offer.arrival_p50 - READY).total_seconds() / 3600 == pytest.approx((service + 20) / 2)
    assert offer.option.in_window < 0.25
    assert (offer.measured.lane_on_time, offer.measured.service_n) == (0, 10)


def test_another_lane_weighs_less_and_another_service_nothing() -> None:
    slow = [Transit(1, ("dc-1", "far"), 30.0, True)] * 30
    (here,) = offers([FAST], {}, slow, asked())
    (none,) = offers([FAST], {}, [each._replace(service=2) for each in slow], asked())
    assert here.arrival_p50 > none.arrival_p50
    assert here.measured.lane_n == 0
    assert none.option.refused == "there is no rate card for 2026-12-01; add one"


@given(st.lists(st.tuples(st.floats(0.1, 100), st.booleans()), max_size=30), st.floats(-5, 100))
def test_chances_are_chances_and_more_time_is_never_less_likely(seen: list[tuple[float, bool]], hours: float) -> None:
    transits = [Transit(1, LANE, each, good) for each, good in seen]
    (soon,) = offers([FAST], {1: CARD}, transits, asked(hours))
    (later,) = offers([FAST], {1: CARD}, transits, asked(hours + 1))
    assert 0 <= soon.option.in_window <= later.option.in_window <= 1


def test_it_leaves_with_the_next_cut_off_in_the_zone_of_the_site() -> None:
    evening = FAST._replace(cut_off=time(15))
    assert leaves_at(evening, datetime(2026, 12, 1, 12, tzinfo=UTC), "Europe/Helsinki") == datetime(
        2026, 12, 1, 13, tzinfo=UTC
    )
    assert leaves_at(evening, datetime(2026, 12, 1, 14, tzinfo=UTC), "Europe/Helsinki") == datetime(
        2026, 12, 2, 13, tzinfo=UTC
    )
