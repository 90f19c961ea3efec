"""What moving goods emits: the known answers, the laws of sharing, and what is refused with what would mend it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frostway.cli.work.co2e import co2e_of
from frostway.failure import Failure
from planning.emissions.distances import adjustment
from planning.emissions.rounds import Stop, shares

ENERGY = {"energy": [{"kind": "diesel_b7", "quantity": 30_000, "unit": "l"}], "operation_tkm": 1_200_000}
GOODS = {"mass_kg": 2_000, "distance_km": 300}
DEFAULT = {"intensity": {"wtw_g_per_tkm": 100, "grade": "default", "version": "ours 2026"}}


def told(**file):
    return co2e_of(json.dumps(file).encode(), "FILE")


def test_the_known_answers() -> None:
    whole = told(legs=[ENERGY])
    assert whole["wtw_g_per_tkm"] == pytest.approx(79.937, abs=5e-4)
    assert (whole["grade"], whole["primary_share"], len(whole["factors"])) == ("primary", 1.0, 1)
    assert told(legs=[ENERGY | GOODS])["co2e_kg"] == pytest.approx(47.962, abs=5e-4)
    assert told(legs=[ENERGY | GOODS | {"operation_per": "actual"}])["co2e_kg"] == pytest.approx(50.360, abs=5e-4)
    assert told(legs=[DEFAULT | {"mass_kg": 230, "distance_km": 700}])["work_tkm"] == pytest.approx(161)
    stops = [{"mass_kg": 1000, "distance_km": 50}, {"mass_kg": 500, "distance_km": 80},
             {"mass_kg": 2000, "distance_km": 20}]  # fmt: skip
    found = told(rounds=[{"co2e_kg": 120, "stops": stops}])
    assert [each["co2e_kg"] for each in found["rounds"][0]["stops"]] == pytest.approx(
        [46.154, 36.923, 36.923], abs=5e-4
    )


def test_a_chain_is_its_legs_and_hubs_as_good_as_the_worst_of_them() -> None:
    hub = {"mass_kg": 2_000, "kg_per_t": 1.5, "grade": "modelled", "version": "ours"}
    whole = told(legs=[ENERGY | GOODS, DEFAULT | GOODS], hubs=[hub])
    assert whole["co2e_kg"] == pytest.approx(47.962 + 60 + 3, abs=1e-3)
    assert whole["work_tkm"] == pytest.approx(1200)
    assert whole["grade"] == "default"
    assert whole["primary_share"] == pytest.approx(47.962 / 110.962, abs=1e-4)


def test_refrigeration_nobody_measured_adds_twelve_percent_and_is_a_default() -> None:
    plain, cold = (told(legs=[ENERGY | GOODS | {"reefer": each}]) for each in ("included", "surcharge"))
    assert cold["co2e_kg"] == pytest.approx(plain["co2e_kg"] * 1.12, rel=1e-6)
    assert (plain["grade"], cold["grade"]) == ("primary", "default")
    assert cold["primary_share"] == pytest.approx(1 / 1.12, abs=1e-6)


def test_distances_are_adjusted_only_where_their_kinds_differ() -> None:
    assert adjustment("sea", 1000, "great_circle", "actual") == 1.15
    assert adjustment("air", 905, "great_circle", "actual") == pytest.approx(1000 / 905)
    assert adjustment("air", 1000, "actual", "great_circle") == pytest.approx(0.905)
    assert adjustment("rail", 1000, "actual", "actual") == 1.0
    assert adjustment("road", 1, "actual", "shortest") * adjustment("road", 1, "shortest", "actual") == 1.0


def test_factors_of_ones_own_come_first_and_money_is_the_last_resort() -> None:
    own = {"kind": "diesel_b7", "unit": "l", "operation_kg": 2, "provision_kg": 1, "version": "tests"}
    assert told(factors=[own], legs=[ENERGY])["co2e_kg"] == 90_000
    spent = told(legs=[{"spend": {"amount": 200, "kg_per_unit": 0.4, "version": "tests"}}])
    assert (spent["co2e_kg"], spent["grade"], spent["wtw_g_per_tkm"]) == (80, "spend", None)


STOPS = st.lists(st.builds(Stop, st.just("s"), st.floats(1, 1e5), st.floats(1, 1e4)), min_size=1, max_size=12)


@given(STOPS, st.floats(0, 1e6), st.randoms())
def test_shares_add_up_and_do_not_know_the_order_of_visits(stops, kg, rng) -> None:
    by = shares(kg, stops)
    assert sum(by) == pytest.approx(kg)
    order = list(range(len(stops)))
    rng.shuffle(order)
    assert shares(kg, [stops[n] for n in order]) == pytest.approx([by[n] for n in order])


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ({}, "neither a leg nor a hub nor a round"),
        ({"legs": [GOODS]}, "leg 1: nothing says what it emits; give `energy`"),
        ({"legs": [DEFAULT]}, "needs mass_kg and distance_km"),
        ({"legs": [DEFAULT | {"mass_kg": 2}]}, "distance_km is missing"),
        ({"legs": [ENERGY | DEFAULT]}, "energy and intensity both"),
        ({"legs": [{"energy": ENERGY["energy"]}]}, "without operation_tkm"),
        ({"legs": [ENERGY | {"energy": [{"kind": "hvo", "quantity": 1, "unit": "l"}]}]}, "add one to `factors`"),
        ({"legs": [DEFAULT | {"mass_kg": 87, "distance_km": 423, "work_tkm": 3.6801}]}, "is 36.801 tkm, not 3.6801"),
        ({"legs": [GOODS | {"intensity": DEFAULT["intensity"] | {"ttw_g_per_tkm": 110}}]}, "one of them is wrong"),
        ({"legs": [GOODS | DEFAULT, GOODS | DEFAULT | {"distance_kind": "great_circle"}]}, "in one kind"),
        ({"legs": [ENERGY | GOODS | {"mode": "rail", "operation_per": "actual"}]}, "no distance adjustment for rail"),
        ({"rounds": [{"co2e_kg": 1, "stops": []}]}, "round 1: no stop has mass and distance"),
        ({"rounds": [{"stops": []}]}, "either its energy or its co2e_kg"),
        ({"legs": [{"mas_kg": 1}]}, "legs.0.mas_kg"),
    ],
)
def test_what_is_missing_is_named_with_what_would_mend_it(file, why) -> None:
    with pytest.raises(Failure, match=why):
        told(**file)
