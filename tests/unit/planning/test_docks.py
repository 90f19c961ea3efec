"""Doors of docks: known answers, and small cases against all there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations, product
from random import Random

import pytest

from planning.docks.service import Service, learned
from planning.docks.slots import Booked, Door, Job, Plan, conflicts, earliest, fits, in_order, proposed, replanned
from planning.docks.turns import Actual, Asked, Docked, Stay, Terms, matched, state, turn

DAY = datetime(2026, 12, 1, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


def brute(jobs: list[Job], doors: list[Door], step: int) -> float:
    """The least cost of all orders and all doors."""
    best = float("inf")
    for order in permutations(jobs):
        for chosen in product(doors, repeat=len(jobs)):
            if not all(fits(door, job) for door, job in zip(chosen, order, strict=True)):
                continue
            taken = {door.name: list(door.taken) for door in doors}
            cost = 0.0
            for job, door in zip(order, chosen, strict=True):
                begin = earliest(taken[door.name], job.ready, job.minutes, step)
                taken[door.name].append((begin, begin + job.minutes))
                cost += job.weight * (begin - job.ready)
            best = min(best, cost)
    return best


def test_a_proposal_is_seldom_and_little_dearer_than_the_best_of_all_plans() -> None:
    rng, dearer = Random(11), []
    for case in range(60):
        doors = [Door("d1", rng.choice([None, "chilled"])), Door("d2", None, ((60, 90),))]
        jobs = [
            Job(str(n), rng.randrange(0, 120, 5), rng.choice([15, 30, 45, 60]), 200, rng.choice(["chilled", "ambient"]))
            for n in range(5)
        ]
        plan, least = proposed(jobs, doors), brute(jobs, doors, 15)
        assert plan.cost >= least - 1e-9, case
        _sound(plan, jobs, doors)
        dearer.append(plan.cost / least - 1 if least else 0.0)
        assert proposed(jobs[::-1], doors) == plan, "the order in which they are named is nothing"
    assert sum(each > 1e-9 for each in dearer) <= 3
    assert sum(dearer) / len(dearer) < 0.005


def _sound(plan: Plan, jobs: list[Job], doors: list[Door]) -> None:
    of = {door.name: door for door in doors}
    by_door: dict[str, list[tuple[int, int]]] = {name: list(door.taken) for name, door in of.items()}
    for place in plan.places:
        job = next(each for each in jobs if each.name == place.name)
        assert place.begin >= job.ready
        assert fits(of[place.door], job)
        assert all(place.end <= begin or end <= place.begin for begin, end in by_door[place.door])
        by_door[place.door].append((place.begin, place.end))


def test_what_spoils_goes_first_and_a_door_of_another_class_is_not_taken() -> None:
    cheap, cold = Job("a", 0, 60, 60, "ambient"), Job("b", 0, 60, 60, "chilled")
    assert [(p.name, p.begin) for p in proposed([cheap, cold], [Door("d")]).places] == [("b", 0), ("a", 60)]
    assert proposed([cold], [Door("d", "frozen")]).out == ("b",)
    assert in_order([Job("c", 7, 10, 60)], [Door("d")], 15).cost == 8


def test_conflicts_are_told_of_both_and_only_what_must_moves() -> None:
    doors = [Door("d1", "chilled"), Door("d2")]
    booked = [
        Booked("a", 60, 120, "d1", "chilled"),
        Booked("b", 90, 150, "d1", "chilled"),
        Booked("c", 60, 120, "d2", "ambient", expected=140),
        Booked("e", 60, 90, "d1", "frozen", held=True),
    ]
    told = {(each.name, each.kind, each.other) for each in conflicts(booked[:3], doors, 15)}
    assert told == {("a", "overlap", "b"), ("b", "overlap", "a"), ("c", "late", "")}
    assert ("e", "temp_class", "chilled") in {(c.name, c.kind, c.other) for c in conflicts(booked, doors, 15)}
    plan = replanned(booked[:3], doors, 0, 15)
    assert [tuple(place) for place in plan.places] == [("b", "d2", 90, 150), ("c", "d2", 150, 210)]
    assert replanned([booked[0]], doors, 0, 15).places == ()
    assert conflicts([booked[0]._replace(expected=75)], doors, 15) == [], "a slot is not worth a word"
    two = [Booked("x", 0, 30, "d1", vehicle="t"), Booked("y", 15, 45, "d2", vehicle="t")]
    assert {each.kind for each in conflicts(two, doors, 15)} == {"vehicle"}


def test_the_time_at_a_door_is_learned_and_a_truck_that_was_parked_there_moves_it_by_nothing() -> None:
    stood = [(n, 12.0 + 3 * n) for n in range(1, 41)]
    found = learned(stood)
    assert (found.n, round(found.fixed_min, 3), round(found.per_pallet_min, 3)) == (40, 12.6, 2.8)
    parked = learned([*stood[:-1], (40, 900.0)])
    assert parked.minutes(20) == pytest.approx(found.minutes(20), abs=0.2)
    assert learned([]) == Service()
    same = learned([(10, 40.0)] * 30)
    assert same.minutes(10) == pytest.approx(0.75 * 40 + 0.25 * 35), "of one size the slope is what was taken before"


def test_dockings_and_visits_are_of_the_nearest_appointment_of_their_vehicle() -> None:
    asked = [Asked(1, 7, 3, at(8), at(9)), Asked(2, 7, 3, at(14), at(15)), Asked(3, 8, 3, at(8), at(9))]
    stays = [Stay(7, 3, at(7, 40), at(9, 20)), Stay(7, 3, at(13, 50), None), Stay(7, 4, at(8), at(9))]
    dockings = [Docked(7, 3, "d1", at(8, 10), at(8, 50), "D-1")]
    found = matched(asked, stays, dockings)
    assert found[1] == Actual(at(7, 40), at(8, 10), at(8, 50), at(9, 20), "d1", "D-1")
    assert found[2] == Actual(at(13, 50))
    assert 3 not in found
    assert matched(asked[::-1], stays[::-1], dockings) == found
    assert [state(None, found[key]) for key in (1, 2)] == ["left", "arrived"]
    assert state("no_show", found[2]) == "arrived", "what was seen goes before what was said"
    assert state("cancelled", Actual()) == "cancelled"
    far = matched(asked[:1], [Stay(7, 3, at(0), at(3, 30))], [])
    assert far == {}, "five hours before it is not for it"


def test_detention_begins_when_free_time_is_over_and_is_paid_in_steps() -> None:
    terms = Terms(60, Decimal(40), "EUR", 15)
    actual = Actual(at(7, 40), at(8, 10), at(9, 30), at(9, 50))
    found = turn(actual, at(8), terms, at(12))
    assert (found.waiting_min, found.door_min, found.leaving_min, found.total_min) == (30, 80, 20, 130)
    assert (found.detention_min, found.cost) == (50, Decimal("40.00")), "early is free: from 8:00, 110 - 60, 4 steps"
    assert turn(actual, None, terms, at(12)).detention_min == 70
    assert turn(Actual(at(8)), None, terms, at(10)).detention_min == 60, "it is still there"
    assert turn(Actual(None, at(8), at(8, 30)), None, terms, at(12)).cost == Decimal("0.00")
    assert turn(actual, at(8), None, at(12)).cost is None
