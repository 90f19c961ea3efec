"""Figures by period: which are no chance, and what a period without facts is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from planning.kpis.board import Figure, board, meets, next_of, periods
from planning.kpis.catalogue import FACTS, KPIS
from planning.kpis.digest import beside, change_of, largest, telling
from store.kpis import FACTS as QUERIES

FIRST = date(2026, 6, 1)


def row(period: date, good: float, total: float) -> dict[str, Any]:
    return {"period": period, "good": good, "total": total, "facts": int(total), "quantiles": [good, good]}


def test_a_week_that_falls_out_of_the_others_is_a_signal_and_one_without_facts_is_none() -> None:
    weeks = periods("week", FIRST, FIRST + timedelta(weeks=16))
    rows = [row(week, 80 + 10 * (n % 3), 100) for n, week in enumerate(weeks) if n != 5]
    rows[-2] = row(weeks[-2], 40, 100)
    drawn = board(KPIS["otif"], "week", rows, weeks, weeks[-1] + timedelta(days=3))
    assert [(n, p.told.rule, p.told.better) for n, p in enumerate(drawn.points) if p.told] == [(14, "outside", False)]
    assert (drawn.points[5].figure.value, drawn.points[5].figure.facts) == (None, 0)
    assert drawn.points[-1].running, "it is not over, and in no chart"
    assert drawn.newest == drawn.points[-2]
    (limits,) = drawn.limits
    assert limits.begins == 0
    assert 0.4 < limits.low < limits.centre < limits.high <= 1

    few = board(KPIS["otif"], "week", rows[:4], weeks[:4], weeks[4])
    assert (few.limits, few.newest) == ([], few.points[3])
    changed = board(KPIS["otif"], "week", rows, weeks, weeks[-1] + timedelta(days=3), [weeks[2]])
    assert [each.begins for each in changed.limits] == [2], "two weeks before the change are too few"


def test_more_is_better_of_some_and_less_of_others() -> None:
    assert [meets(KPIS["otif"], 0.9, 0.95), meets(KPIS["empty_km"], 0.1, 0.2), meets(KPIS["otif"], None, 1)] == [
        False, True, None,
    ]  # fmt: skip
    assert {need for kpi in KPIS.values() for need in kpi.needs} == set(FACTS)
    assert tuple(KPIS) == QUERIES


@pytest.mark.parametrize(("by", "most"), [("day", 31), ("week", 6), ("month", 1)])
def test_periods_lie_side_by_side(by: Any, most: int) -> None:
    found = periods(by, date(2026, 12, 1), date(2027, 1, 1))
    assert len(found) == most - (by == "week")
    assert [next_of(by, each) for each in found[:-1]] == found[1:]
    assert found[0] <= date(2026, 12, 1)
    assert next_of(by, found[-1]) >= date(2027, 1, 1)


def test_what_is_beside_a_change_adds_up_to_it() -> None:
    before = {"a": Figure(0.9, 90, 100, 100), "b": Figure(0.8, 40, 50, 50), "gone": Figure(1, 10, 10, 10)}
    after = {"a": Figure(0.5, 60, 120, 120), "b": Figure(0.8, 40, 50, 50), None: Figure(1, 5, 5, 5)}
    found = beside("site", before, after)
    assert sum(each.change for each in found) == pytest.approx(105 / 175 - 140 / 160)
    assert found[0].part == "a"
    alone = beside("customer", {"x": Figure(0.9, 9, 10, 10)}, {"x": Figure(0.5, 5, 10, 10)})
    assert telling([alone, found]) == found[:3], "where all have one customer, that explains nothing"
    assert beside("site", {}, after) == []


def test_the_largest_changes_of_a_week_are_those_that_are_no_chance() -> None:
    weeks = periods("week", FIRST, FIRST + timedelta(weeks=16))
    steady = [row(week, 80 + 10 * (n % 3), 100) for n, week in enumerate(weeks)]
    fell = [*steady[:-1], row(weeks[-1], 40, 100)]
    drawn = {kpi: board(KPIS[kpi], "week", rows, weeks, next_of("week", weeks[-1])) for kpi, rows in (
        ("otif", steady), ("perfect_order", fell), ("spoilage", []))}  # fmt: skip
    found = largest([change_of(KPIS[kpi], each) for kpi, each in drawn.items()])
    assert [(each.kpi.id, each.told is not None) for each in found] == [("perfect_order", True), ("otif", False)]
    assert found[0].size > 4
    assert (found[0].better, found[1].better) == (False, False)
