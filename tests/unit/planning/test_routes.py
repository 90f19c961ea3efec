"""Routes: known answers, plans judged by others' code, each broken limit named, files and their mistakes."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from frostway.cli import app
from planning.routes.evaluate import evaluate
from planning.routes.files import read
from planning.routes.problem import (
    ALWAYS,
    DELIVERY,
    PICKUP,
    STOP,
    Half,
    Problem,
    ProblemError,
    Route,
    Stop,
    Transport,
    Vehicles,
    Visit,
    Window,
)  # fmt: skip
from planning.routes.search import search
from planning.routes.solver import Effort, solve
from tests.examples import examples
from tests.unit.planning.judge import Judged

LINE = [(4, 2, 0, 6), (7, 2, 8, 20), (-3, 1, 10, 14), (-6, 3, 0, 9)]
"""Known answer: x, demand and window of four customers on a line, depot at 0."""
TRIES = Effort(iterations=300)


def on_a_line(*customers, capacity=5, vehicles=4, horizon=40, service=1):
    xs = np.array([0, *(each[0] for each in customers)])
    away = np.abs(xs[:, None] - xs[None]).astype(np.int64)
    stops = [Stop(n, (d,), (), service, (Window(a, b),)) for n, (_, d, a, b) in enumerate(customers, 1)]
    return Problem(away, away, [Vehicles(vehicles, (capacity,), 0, 0, Window(0, horizon))], stops)


def routes_of(plan):
    return sorted([visit.number + 1 for visit in route.visits] for route in plan)


def at(*stops, vehicles=0):
    return Route(vehicles, tuple(Visit(STOP, n - 1) for n in stops))


def test_the_known_answer_on_a_line() -> None:
    problem = on_a_line(*LINE)
    found = search(problem, TRIES, processes=1)
    assert (found.evaluation.distance, routes_of(found.plan), found.evaluation.feasible) == (26, [[1, 2], [4, 3]], True)


@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.integers(1, 4), st.integers(0, 12), st.integers(3, 25)), min_size=1, max_size=4
    )
)
@settings(max_examples=examples(25))
def test_small_ones_are_solved_as_by_trying_all(customers) -> None:
    problem = on_a_line(*[(x, d, a, a + w) for x, d, a, w in customers])
    numbers = range(1, len(customers) + 1)
    best = min(
        (evaluate(problem, plan).distance for plan in _all_plans(list(numbers)) if evaluate(problem, plan).feasible),
        default=None,
    )
    found = search(problem, TRIES, processes=1)
    assert (found.evaluation.distance if found.evaluation.feasible else None) == best


def _all_plans(numbers):
    """Every way to cut every order into routes."""
    for order in itertools.permutations(numbers):
        for cuts in itertools.product([False, True], repeat=len(order) - 1):
            routes, now = [], [order[0]]
            for n, cut in zip(order[1:], cuts, strict=True):
                if cut:
                    routes.append(now)
                    now = []
                now = [*now, n]
            yield tuple(at(*route) for route in [*routes, now])


BASE = on_a_line(*LINE)
GOOD = (at(1, 2), at(4, 3))


@pytest.mark.parametrize(
    ("problem", "plan", "limit", "by"),
    [
        (BASE, (at(1, 2),), "stop 2 left out", 1),
        (BASE, (*GOOD, at(1)), "stop 0 gone to once", 1),
        (BASE, (at(2, 1), at(4, 3)), "window", 6),
        (BASE, (at(1, 2, 4, 3),), "load 0", 3),
        (on_a_line(*LINE, vehicles=1), GOOD, "vehicles of kind 0", 1),
        (on_a_line(*LINE, horizon=15), GOOD, "home before the vehicle must be back", 1),
        (replace(BASE, vehicles=[BASE.vehicles[0]._replace(shift=13)]), GOOD, "shift", 3),
        (replace(BASE, vehicles=[BASE.vehicles[0]._replace(distance=13)]), GOOD, "distance", 1),
        (replace(BASE, locked={0: frozenset()}), GOOD, "stop 0 by a vehicle that may serve it", 1),
    ],
)
def test_each_limit_that_is_broken_is_named(problem, plan, limit, by) -> None:
    assert evaluate(BASE, GOOD).broken == []
    assert (limit, by) in [(each.limit, each.by) for each in evaluate(problem, plan).broken]


def test_a_vehicle_leaves_no_earlier_than_it_must() -> None:
    problem = on_a_line((4, 2, 10, 20), (5, 2, 0, 40))
    only = evaluate(problem, (at(1, 2),)).routes[0]
    assert (only.leave, only.home, [(t.arrive, t.begin, t.leave) for t in only.visits]) == (
        6, 18, [(10, 10, 11), (12, 12, 13)],
    )  # fmt: skip
    early = on_a_line((4, 2, 0, 5), (7, 2, 20, 30))
    only = evaluate(early, (at(1, 2),)).routes[0]
    assert (only.leave, only.home, [t.begin for t in only.visits]) == (1, 28, [5, 20])


def test_what_is_picked_up_is_delivered_by_the_same_vehicle() -> None:
    away = BASE.distance
    order = Transport(Half(1, 1), Half(2, 1), (3,))
    problem = Problem(away, away, BASE.vehicles, (), [order])
    there, back = Visit(PICKUP, 0), Visit(DELIVERY, 0)
    assert evaluate(problem, (Route(0, (there, back)),)).feasible
    for plan in ((Route(0, (back, there)),), (Route(0, (there,)), Route(0, (back,)))):
        assert not evaluate(problem, plan).feasible
    assert [route.visits for route in solve(problem, TRIES)] == [(there, back)]


def test_several_windows_locks_and_what_need_not_be() -> None:
    away = BASE.distance
    stops = [
        Stop(1, (2,), windows=(Window(0, 1), Window(30, 31))),
        Stop(2, (2,), windows=ALWAYS),
        Stop(3, (2,), prize=1, windows=(Window(0, 0),)),
    ]
    kinds = [
        BASE.vehicles[0]._replace(available=1),
        BASE.vehicles[0]._replace(available=1, window=Window(0, 50), fixed_cost=100),
    ]
    problem = Problem(away, away, kinds, stops, locked={1: frozenset({1})})
    found = search(problem, TRIES, processes=1)
    assert found.evaluation.feasible
    assert found.evaluation.left_out == [Visit(STOP, 2)]
    assert [route.vehicles for route in found.plan if Visit(STOP, 1) in route.visits] == [1]
    begun = {t.visit.number: t.begin for each in found.evaluation.routes for t in each.visits}
    assert begun[0] in (30, 31)


def test_a_plan_is_gone_on_from_and_the_same_seed_ends_alike() -> None:
    problem = on_a_line(*LINE)
    plans = [search(problem, TRIES, seed=3, processes=1, start=GOOD).plan for _ in range(2)]
    assert plans[0] == plans[1]
    assert search(Problem(BASE.distance, BASE.distance, BASE.vehicles), TRIES).plan == ()


@pytest.mark.parametrize("name", ["C101", "C102", "C103", "C104", "C105", "C106", "C107", "C108", "C109"])
def test_the_clustered_instances_by_dimacs(name, shared_data: Path) -> None:
    text = (shared_data / f"vrp/{name}.txt").read_text()
    instance = read(text, "dimacs")
    plan = solve(instance.problem, Effort(iterations=4_000 if name in ("C103", "C104") else 600), 1)
    assert Judged(text, dimacs=True).wrong(instance.routes(plan)) == []
    assert (len(plan), round(instance.distance(plan), 1)) == (10, {"C103": 826.3, "C104": 822.9}.get(name, 827.3))


def test_four_depots_and_a_large_one_are_judged_alike(shared_data: Path) -> None:
    for name, options in (("PR11A.vrp", {}), ("X-n101-k25.vrp", {"rounded": True})):
        text = (shared_data / "vrp" / name).read_text()
        instance, judge = read(text), Judged(text, **options)
        plan = solve(instance.problem, Effort(iterations=60), 2)
        routes, depots = instance.routes(plan), instance.depots(plan)
        assert evaluate(instance.problem, plan).feasible == (judge.wrong(routes, depots, slack=0.05) == [])
        of = sum(judge.length(route, depot) for route, depot in zip(routes, depots, strict=True))
        assert instance.distance(plan) == pytest.approx(of)


LI_LIM = "2 10 1\n0 0 0 0 0 100 0 0 0\n1 1 0 3 0 50 1 0 2\n2 2 0 -3 0 50 1 1 0\n"


def test_transports_of_li_and_lim(tmp_path: Path) -> None:
    (tmp_path / "lc.txt").write_text(LI_LIM)
    done = CliRunner().invoke(app, ["routes", "solve", str(tmp_path / "lc.txt"), "--iterations", "50", "--json"])
    told = orjson.loads(done.stdout)
    assert (done.exit_code, told["routes"], told["distance"], told["feasible"]) == (0, [[1, 2]], 4.0, True)
    assert Judged(LI_LIM).wrong(told["routes"]) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("a b c", "line 1: 'a b c' are no numbers"),
        (LI_LIM.replace("0 2\n", "0 9\n"), "line 3: 1 is to be delivered to 9"),
        (LI_LIM.replace("2 10 1", "2 10 5"), "line 1: a speed of 5"),
        ("DIMENSION : x", "DIMENSION: 'x' is no number"),
        ("DIMENSION : 2\nCAPACITY : 3\nNODE_COORD_SECTION\n1 0 0", "node 2 is missing"),
        ("DIMENSION : 2\nMUTUALLY_EXCLUSIVE_GROUP_SECTION\n1 2", "line 2: MUTUALLY_EXCLUSIVE_GROUP_SECTION is not"),
        ("DIMENSION : 2\nEDGE_WEIGHT_TYPE : EXPLICIT\nEDGE_WEIGHT_SECTION\n1 2", "has 2 numbers where 4"),
        ("DIMENSION : 2\nEDGE_WEIGHT_TYPE : GEO", "GEO"),
        ("X\nVEHICLE\nNUMBER CAPACITY\n 3 nan\nCUSTOMER\n0 0 0 0 0 9 0\n", "line 4"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(text, why) -> None:
    with pytest.raises(ProblemError, match=why):
        read(text)


@given(st.text(alphabet="0123456789 .-\nDIMENSION:_VEHCLUBRAPTYOKWGS", max_size=200))
def test_any_text_is_read_or_refused(text) -> None:
    with contextlib.suppress(ProblemError):
        read(text)


def test_a_list_is_walked_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    picks = [[0, 9], [1, 2], [1, 5], [1, 6], [1, 9], [2, 8], [2, 9]]
    file.write_bytes(orjson.dumps({"aisles": 5, "length": 10, "pitch": 2, "depot": 2, "picks": picks}))
    done = CliRunner().invoke(app, ["pick", "path", str(file), "--json"])
    told = orjson.loads(done.stdout)
    assert (told["length"], told["method"], sorted(told["order"])) == (30, "optimal", list(range(7)))
    file.write_bytes(orjson.dumps({"aisles": 5, "length": 10, "pitch": 2, "picks": [[7, 1]]}))
    refused = CliRunner().invoke(app, ["pick", "path", str(file)])
    assert (refused.exit_code, "there is no aisle 7" in str(refused.exception)) == (1, True)
