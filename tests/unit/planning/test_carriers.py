"""Carriers: the known bounds, what a card asks, and that the table forgets and flatters nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.carriers.choice import Option, Wanted, table
from planning.carriers.lanes import Facts, LaneError, expected, ranked
from planning.carriers.rates import Break, Card, Extra, FuelStep, RateError, Shipment, Tariff, quote
from planning.shares import ShareError, jeffreys, prior_of, shrunk, surely, wilson

D = Decimal
NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)


def test_the_known_bounds() -> None:
    low, high = wilson([45, 3, 90, 0], [50, 3, 100, 0])
    assert low == pytest.approx([0.7864, 0.4385, 0.8256, 0], abs=5e-5)
    assert high[:2] == pytest.approx([0.9565, 1], abs=5e-5)
    assert high[3] == 1
    assert [each.name for each in ranked({"new": (3, 3), "old": (90, 100), "none": (0, 0)})] == ["old", "new", "none"]
    with pytest.raises(ShareError, match="between none and all"):
        wilson(4, 3)
    low, high = wilson([0, 1, 10, 0], [1, 11, 100, 100], 1.96)
    assert low == pytest.approx([0, 0.016232, 0.055229, 0], abs=5e-7)
    assert high == pytest.approx([0.793457, 0.377365, 0.174367, 0.036995], abs=5e-7)
    assert [float(bound) for bound in wilson(7, 10)] == pytest.approx([0.396778, 0.892209], abs=5e-7)
    assert jeffreys(7, 10) == pytest.approx((0.394182, 0.907305), abs=5e-7)
    assert jeffreys(0, 5)[0] == 0
    assert jeffreys(5, 5)[1] == 1


def test_partners_are_ranked_by_what_is_sure_of_them() -> None:
    prior = prior_of([90, 45, 3], [100, 50, 3])
    assert surely(90, 100, prior) > surely(3, 3, prior) > surely(0, 0, prior)
    assert prior_of([], []) == (0.5, 0.5)
    apart, alike = prior_of([90, 10], [100, 100]), prior_of([50, 51], [100, 100])
    assert sum(apart) < sum(alike)  # the less partners differ, the more is believed of a new one


@given(st.integers(0, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_hold_the_share_and_narrow_with_more_of_the_same(seen) -> None:
    good, total = seen
    low, high = wilson(good, total)
    assert 0 <= low <= high <= 1
    assert total == 0 or low - 1e-12 <= good / total <= high + 1e-12
    more_low, more_high = wilson(2 * good, 2 * total)
    assert more_high - more_low <= high - low


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 10_000))
def test_a_lane_leans_on_its_parent_the_more_the_less_is_known(own, parent, n) -> None:
    between = float(shrunk(own, n, parent))
    assert min(own, parent) - 1e-12 <= between <= max(own, parent) + 1e-12 or n == 0
    assert abs(between - parent) <= abs(float(shrunk(own, n + 1, parent)) - parent) + 1e-12
    assert float(shrunk(float("nan"), 0, parent)) == parent


def test_what_is_expected_of_a_lane_comes_down_from_the_general() -> None:
    mode = Facts(tuple(range(1, 101)), on_time=80)
    lane = Facts((10.0,) * 10, on_time=10, damaged=1)
    found = expected([mode, Facts((), 0), lane])
    assert found.on_time == pytest.approx(0.9)
    assert found.damaged == pytest.approx(0.05)
    assert found.transit_h_p90 == pytest.approx((10 + 90.1) / 2)
    assert found.n == 10
    assert expected([mode, Facts((), 0)])._replace(n=100) == expected([mode])
    with pytest.raises(LaneError, match="nothing is known of the parent"):
        expected([Facts((), 0), lane])
    with pytest.raises(LaneError, match="on_time: 2 of 1"):
        Facts((1.0,), 2)


CARD = Card(
    name="Northern", revision=3, valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31), currency="EUR",
    zones={"": "far", "2": "south", "20": "turku", "9": "north"},
    tariffs={
        ("turku", "north"): Tariff("kg", (Break(D(0), D("0.50")), Break(D(100), D("0.40")), Break(D(500), D("0.20"))),
                                   D(20)),
        ("turku", "far"): Tariff("pallet", (Break(D(0), D(60)),)),
    },
    fuel=(FuelStep(D("1.40"), D("0.05")), FuelStep(D("1.60"), D("0.08"))),
    extras={"tail_lift": Extra(D(15)), "frozen": Extra(D(5), D("2.5"))},
    kg_per_m3=D(333),
)  # fmt: skip
GOODS = Shipment(date(2026, 11, 30), "20 100", "90100", kg=D(200), fuel_price=D("1.65"))


@pytest.mark.parametrize(
    ("change", "freight"),
    [
        ({}, "80.00"),
        ({"kg": D(10)}, "20.00"),  # the minimum
        ({"kg": D(90)}, "40.00"),  # as a hundred
        ({"kg": D(300)}, "100.00"),  # as five hundred
        ({"kg": D(10), "m3": D(1)}, "100.00"),  # 333 kg, as five hundred
        ({"kg": D("100.01")}, "40.00"),
        ({"destination": "15110", "pallets": 3}, "180.00"),
    ],
)
def test_freight_goes_by_break_minimum_and_what_is_cheaper(change, freight) -> None:
    assert quote(CARD, replace(GOODS, **change)).lines[0].amount == D(freight)


def test_fuel_and_extras_come_on_top_and_an_old_quote_reckons_anew() -> None:
    asked = replace(GOODS, extras=frozenset({"tail_lift", "frozen"}), pallets=2)
    found = quote(CARD, asked)
    assert [(each.name, each.amount) for each in found.lines] == [
        ("freight", D(80)), ("fuel", D("6.40")), ("frozen", D(10)), ("tail_lift", D(15)),
    ]  # fmt: skip
    assert (found.total, found.currency, found.revision) == (D("111.40"), "EUR", 3)
    assert quote(CARD, asked) == found
    assert quote(CARD, replace(GOODS, fuel_price=D(1))).lines[1].amount == 0


@given(st.integers(1, 2_000), st.integers(0, 500))
def test_more_never_costs_less(kg, more) -> None:
    one, other = (quote(CARD, replace(GOODS, kg=D(each))).total for each in (kg, kg + more))
    assert other >= one


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"day": date(2027, 1, 1)}, "valid from 2026-01-01 to 2026-12-31, not on 2027-01-01"),
        ({"origin": "90100"}, "no prices from zone north to zone north"),
        ({"extras": frozenset({"drone"})}, "does not offer drone; its extras: frozen, tail_lift"),
        ({"fuel_price": None}, "say the price of a litre"),
        ({"destination": "15110"}, "counts by pallet, and the shipment says none"),
        ({"kg": D(-1)}, "less than nothing"),
    ],
)
def test_what_a_card_has_no_price_for_is_said(change, why) -> None:
    with pytest.raises(RateError, match=why):
        quote(CARD, replace(GOODS, **change))
    with pytest.raises(RateError, match="knows no zone"):
        quote(replace(CARD, zones={"9": "north"}), GOODS)
    with pytest.raises(RateError, match="begin at 0 and rise"):
        Tariff("kg", (Break(D(1), D(1)),))


WANTED = Wanted("EUR", NOW, temperature="chilled")
OPTION = Option("A", "day", "road", D(100), "EUR", NOW + timedelta(hours=10), 0.8, 0.95, 20.0, frozenset({"chilled"}))
OPTIONS = st.lists(
    st.builds(
        lambda n, cost, hours, sure, kg, currency, chance: replace(
            OPTION, carrier=f"c{n}", cost=cost and D(cost), arrival_p90=NOW + timedelta(hours=hours), reliability=sure,
            co2e_kg=kg, currency=currency, in_window=chance,
        ),
        st.integers(0, 99), st.one_of(st.none(), st.integers(1, 4)), st.integers(0, 3),
        st.sampled_from([0.5, 0.8, 0.9]),
        st.one_of(st.none(), st.floats(0, 3)), st.sampled_from(["EUR", "EUR", "USD"]),
        st.sampled_from([0.5, 0.95, 0.99]),
    ),
    max_size=12, unique_by=lambda each: each.carrier,
)  # fmt: skip


def no_worse(one, other):
    none = float("inf")
    kg = [none if each.co2e_kg is None else each.co2e_kg for each in (one, other)]
    return (one.cost <= other.cost and one.arrival_p90 <= other.arrival_p90 and one.reliability >= other.reliability
            and kg[0] <= kg[1])  # fmt: skip


@given(OPTIONS, st.randoms())
def test_each_option_is_offered_beaten_or_filtered_with_the_reason(options, rng) -> None:
    found = table(options, WANTED)
    listed = [each.option.carrier for part in (found.rows, found.beaten, found.filtered) for each in part]
    assert sorted(listed) == sorted(each.carrier for each in options)
    assert all(each.whys for each in found.filtered)
    rows = [each.option for each in found.rows]
    for each in found.beaten:
        assert each.by in rows
        assert no_worse(each.by, each.option)
        assert not no_worse(each.option, each.by)
    for one in rows:
        assert not any(no_worse(other, one) and not no_worse(one, other) for other in rows)
    rng.shuffle(options)
    assert table(options, WANTED) == found


def test_reasons_name_all_that_is_against_an_option() -> None:
    late = replace(OPTION, cost=None, refused="has no prices to zone far", temperatures=frozenset(), in_window=0.4,
                   cut_off=NOW - timedelta(hours=1))  # fmt: skip
    (found,) = table([late], WANTED).filtered
    assert found.whys == (
        "has no prices to zone far",
        "does not carry chilled",
        "closes at 2026-11-30T05:00:00+00:00, before the goods are ready",
        "is in time with 40%, less than 90%",
    )
    assert table([replace(OPTION, currency="USD")], WANTED).filtered[0].whys == ("the price is in USD, not in EUR",)


def test_weights_only_order_the_rows() -> None:
    green = replace(OPTION, carrier="green", cost=D(200), co2e_kg=1.0)
    both = [OPTION, green, replace(OPTION, carrier="worse", cost=D(101))]
    cheap, clean = (table(both, WANTED, {name: 1.0}) for name in ("cost", "co2e_kg"))
    assert [each.option.carrier for each in cheap.rows] == ["A", "green"]
    assert [each.option.carrier for each in clean.rows] == ["green", "A"]
    assert cheap.rows[1].best_in == ("arrival_p90", "reliability", "co2e_kg")
    assert [each.by.carrier for each in cheap.beaten] == ["A"]
