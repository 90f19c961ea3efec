"""Proposals of what is known now: a late truck moves them, what is ordered already is not ordered again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.purchasing.states import FROM, STATES, TO, Line, Said, refusal, state
from planning.replenishment.live import Coming, Expected, Goals, Known, Terms, seen
from planning.replenishment.projection import Lot

STEADY = Expected((10.0,) * 56, ((7.0, 10.0, 13.0),) * 56)
KNOWN = Known([Lot(35)], [], expected=STEADY, terms=Terms(4, 6, 12), goals=Goals(cover_days=5))


def test_a_late_truck_raises_the_risk_and_is_named() -> None:
    soon = replace(KNOWN, coming=[Coming("truck-1", 60, eta=(0.8, 1.0, 1.2))])
    late = replace(KNOWN, coming=[Coming("truck-1", 60, eta=(4.8, 5.0, 5.2))])
    first, second = seen(soon, 28), seen(late, 28)
    assert first.risk is not None
    assert second.risk is not None
    assert first.risk < 0.05
    assert second.risk > 0.5
    assert "late" not in first.states
    assert second.states[:2] == ("stock_out", "late")


def test_what_is_ordered_is_not_ordered_again_and_a_draft_counts() -> None:
    first = seen(KNOWN, 28, ordered=True)
    assert first.proposal is not None
    assert first.proposal.quantity > 0
    assert first.ordered is not None
    again = seen(replace(KNOWN, coming=[Coming("PO-1", first.proposal.quantity)]), 28)
    assert again.proposal is not None
    assert again.proposal.quantity == 0
    assert again.stock.position == 35 + first.proposal.quantity


def test_orders_beyond_the_forecast_and_overdue_ones_are_wanted_too() -> None:
    plain, known = seen(KNOWN, 28), seen(replace(KNOWN, wanted={-1: 5, 2: 40, 30: 500}), 28)
    assert known.stock.position == plain.stock.position - 5 - 30
    assert any("30 more than is forecast" in note for note in known.notes)


def test_an_order_that_is_overdue_is_told_and_lead_times_of_few_lean_on_the_promise() -> None:
    known = replace(KNOWN, coming=[Coming("PO-9", 6, 9.0, -2.0)], own_leads=(8.0,), general_leads=(8.0,) * 4)
    found = seen(known, 28)
    assert "overdue" in found.states
    assert found.lead is not None
    assert found.lead[1] == 4
    measured = seen(replace(known, general_leads=(8.0,) * 5), 28)
    assert measured.lead is not None
    assert measured.lead[1] == 8
    assert seen(replace(KNOWN, expected=None, terms=None), 28).states == ("no_forecast", "no_supplier")
    assert seen(replace(KNOWN, lots=[Lot(5_000)]), 28).excess > 4_000


@given(st.lists(st.sampled_from([1, 2, 3]), max_size=6))
def test_an_order_is_received_when_all_of_it_came_whatever_was_said(parts: list[int]) -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    for said in (Said(), Said(now), Said(now, closed_at=now), Said(None, now)):
        came = Line(Decimal(6), Decimal(sum(parts)))
        found = state(said, [came])
        assert found in STATES
        assert (found == "received") == (said.cancelled_at is None and sum(parts) >= 6)
        for step in FROM:
            assert (refusal(step, found) is None) == (found in FROM[step] | TO[step])
