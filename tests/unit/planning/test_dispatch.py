"""Days planned from orders, judged by a second reading of all limits; changed by hand; planned again on the road."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planning.dispatch.board import Board
from planning.dispatch.quotes import Change, changes, locked, quote, sum_of
from planning.dispatch.solve import Dispatch, plan
from planning.dispatch.travel import HOURS, Trip, Ways, learned
from planning.dispatch.work import WORK, Goods, Job, Room, Truck, Work, WorkError
from planning.routes.solver import Effort
from tests.unit.planning.dispatch_judge import broken
from tests.unit.planning.dispatch_worlds import CENTRE, DAY_S, HOUR_S, a_day, running

FEW = Effort(iterations=300)


def at(hour: float) -> int:
    return DAY_S + round(hour * HOUR_S)


def job(name: str, km_north: float = 10, window: tuple[float, float] = (6, 18), **more: object) -> Job:
    lat = CENTRE[0] + km_north / 111.195
    of = {"goods": (Goods("chilled", 100.0, 1.0),), **more}
    return Job(name, "c-1", name, name, lat, CENTRE[1], ((at(window[0]), at(window[1])),), **of)  # type: ignore[arg-type]


def truck(name: str = "t-1", **more: object) -> Truck:
    of = {"room": Room(None, 1000.0), "fixed_cost": 50.0, "km_cost": 0.5, "hour_cost": 30.0, **more}
    return Truck(name, name, *CENTRE, *CENTRE, at(6), at(20), **of)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def day() -> tuple[Work, Dispatch]:
    work = a_day(60, 8)
    return work, plan(work, FEW)


def test_a_day_keeps_all_limits_and_the_same_seed_ends_alike(day: tuple[Work, Dispatch]) -> None:
    work, found = day
    assert broken(work, found) == []
    assert found.left_out == ()
    assert found.broken == []
    assert plan(work, FEW).routes == found.routes
    assert WORK.validate_json(WORK.dump_json(work)) == work


def test_two_hundred_stops_are_planned_again_on_the_road_keeping_what_is_locked() -> None:
    work = a_day(300, 26)
    before = plan(work, Effort(iterations=60))
    again = running(work, dict(before.routes), at(9.25), broken_down="truck-02")
    assert len(again.jobs) > 150
    found = plan(again, Effort(iterations=60), start=dict(before.routes))
    assert broken(again, found) == []
    rides = {name: truck for truck, names in found.routes.items() for name in names}
    kept = [each for each in again.jobs if each.vehicle is not None]
    assert len(kept) > 100
    assert all(rides[each.id] == each.vehicle for each in kept)
    assert "truck-02" not in found.routes


def test_the_judge_names_each_limit_that_is_broken(day: tuple[Work, Dispatch]) -> None:
    work, found = day
    first, second = [name for name, jobs in found.routes.items() if jobs][:2]
    both = {**found.routes, first: found.routes[first] + found.routes[second], second: ()}
    board = Board(work)
    forced = Dispatch(both, {name: board.figures(name, jobs) for name, jobs in both.items()}, ())
    said = " ".join(broken(work, forced))
    assert "too much" in said
    limits = {each.limit for _, each in forced.broken}
    assert limits & {"load", "volume", "window"}
    tight = replace(work, jobs=tuple(replace(each, windows=((at(6), at(6)),)) for each in work.jobs))
    assert "outside of its window" in " ".join(broken(tight, found))
    far = replace(work, trucks=tuple(replace(each, driven_s=9 * HOUR_S) for each in work.trucks))
    assert "without a break" in " ".join(broken(far, found))


def test_an_order_left_out_says_of_each_vehicle_which_limit_forbids_it() -> None:
    cold, small = Room("frozen", 900.0), Room("chilled", 50.0)
    trucks = (
        truck("warm", rooms=(replace(cold, temp_class="ambient"),)), truck("small", rooms=(small, cold)),
        replace(truck("late"), ready_s=at(17)),
        truck("gone", under_way=True),
    )  # fmt: skip
    work = Work((job("A", 60, (6, 9)),), trucks)
    (left,) = plan(work, FEW).left_out
    assert {each.vehicle: each.limit for each in left.why} == {
        "warm": "no chilled compartment", "small": "chilled load", "late": "window",
        "gone": "has left: it takes only what is on board",
    }  # fmt: skip


def test_a_break_is_put_in_and_the_window_behind_it_still_holds() -> None:
    far = job("far", 330, (6, 13.2))
    board = Board(Work((far,), (replace(truck(), back_s=at(30), shift_s=24 * HOUR_S),)))
    found = board.figures("t-1", ["far"])
    (pause,) = [each for each in found.pauses if each.kind == "break"][:1]
    assert pause.why == "4.5 h of driving"
    assert pause.end_s - pause.begin_s == 45 * 60
    free = Board(replace(board.work, trucks=(replace(board.work.trucks[0], rule="none"),)))
    assert found.visits[0].arrive_s - free.figures("t-1", ["far"]).visits[0].arrive_s == 45 * 60


def test_goods_on_board_are_brought_even_late_and_a_lock_is_kept() -> None:
    jobs = (job("A", 10, (6, 7), vehicle="t-1", aboard=True), job("B", 12, vehicle="t-2"), job("C", -10))
    trucks = (replace(truck("t-1"), ready_s=at(9), under_way=True), truck("t-2"))
    found = plan(Work(jobs, trucks), FEW)
    assert found.routes["t-1"] == ("A",)
    assert set(found.routes["t-2"]) == {"B", "C"}
    assert [(name, each.limit, each.job) for name, each in found.broken] == [("t-1", "window", "A")]
    with pytest.raises(WorkError, match="which is not among the vehicles"):
        plan(Work(jobs, trucks[1:]), FEW)


def test_chances_are_those_of_the_ways_and_waiting_takes_delay_up() -> None:
    board = Board(Work((job("A", 30, (6, 7.05)), job("B", 40, (9, 12))), (truck(),)))
    found = board.figures("t-1", ["A", "B"])
    first, second = found.visits
    assert first.p10_s < first.p50_s < first.p90_s
    assert abs(first.p50_s - first.arrive_s) < 60
    assert second.late == 0.0
    share = (first.p90_s - found.leave_s) / (first.p50_s - found.leave_s)
    assert 1.2 < share < 1.4  # p90 / p50 of what is usual
    assert 0 < board.figures("t-1", ["A"]).visits[0].late < 1


def test_a_quote_is_the_difference_of_both_plans(day: tuple[Work, Dispatch]) -> None:
    work, found = day
    board = Board(work)
    rng = np.random.default_rng(3)
    names = [each for each in board.trucks if found.routes[each]]
    for _ in range(25):
        one, other = board.work.jobs[rng.integers(len(work.jobs))].id, names[rng.integers(len(names))]
        said = quote(board, found, Change(one, other, int(rng.integers(4)) if rng.random() < 0.5 else None))
        fresh = Board(work)
        then = {name: fresh.figures(name, jobs) for name, jobs in said.plan.routes.items()}
        added = [b - a for a, b in zip(sum_of(found.figures), sum_of(then), strict=True)]
        assert list(said.added) == pytest.approx(added)
        assert (said.broken == ()) == (broken(work, said.plan) == [])
    none = quote(board, found, Change(board.work.jobs[0].id, None))
    assert none.plan.left_out[0].job == board.work.jobs[0].id
    back = changes(board, {}, found)
    assert len(back) == len(work.jobs)
    with pytest.raises(WorkError, match="SO-none is not in this plan"):
        quote(board, found, Change("SO-none", None))
    held = locked(board, found, work.jobs[1].id, lock=True)
    assert held.jobs[work.jobs[1].id].vehicle in found.routes


def test_paces_are_learned_by_hour_and_lean_on_what_is_usual_where_few_are_known() -> None:
    none, few = learned([]), learned([Trip(20_000, 26_000, 2_600, at(8) - 0.0)] * 2)
    monday_8 = 8
    assert none.paces[2][monday_8] == pytest.approx(3.6 / 60)
    assert few.trips == (0, 0, 2, 0)
    # A morning in which 10 m/s is driven, evenings with 20 m/s.
    trips = [Trip(20_000, 26_000, 2_600, at(8) + 604_800 * n) for n in range(60)]
    trips += [Trip(20_000, 26_000, 1_300, at(20) + 604_800 * n) for n in range(60)]
    many = learned(trips)
    assert many.paces[2][8] == pytest.approx(0.1, rel=0.1)
    assert many.paces[2][20] == pytest.approx(0.05, rel=0.1)
    assert many.paces[2][24 + 8] == pytest.approx(0.1, rel=0.2)  # Tuesdays are as Mondays until somebody drives then
    ways = Ways(many, np.array([60.0, 60.2]), np.array([25.0, 25.0]))
    assert ways.seconds(0, 1, at(8)) > 1.5 * ways.seconds(0, 1, at(20))
    assert ways.matrix(np.full(2, float(at(8))))[0, 1] == ways.seconds(0, 1, at(8))
    assert (ways.source(0, 1), Ways(none, ways.crow_m[0], ways.crow_m[0]).source(0, 1)) == ("trips", "default")
    assert all(len(row) == HOURS for row in many.paces)
