"""Loads at the simulated dock: what is wrong is found, what is right is not alarmed, in whatever order reads come."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.loading.check import Wanted, check
from domain.loading.model import EPOCH_US, Dock, Evidence, Read, Scan, Stay
from domain.loading.nesting import Inside
from firmware_sim.dock import day, sscc_of
from tests.benchmarks.loading import truths
from tests.examples import examples
from tests.unit.domain.loading.dock import START_MS, Loads, checked, loads, shipment

STAGING, DOOR, BESIDE = 1, 2, 3
MIN_US = 60_000_000
A, B, C = (sscc_of(n) for n in range(3))


@pytest.mark.parametrize("seeds", [range(2_000 + n, 2_000 + n + 5) for n in range(0, 15, 5)])
def test_every_wrong_load_is_caught_before_the_truck_leaves_and_nothing_else_is_alarmed(seeds: range) -> None:
    for seed in seeds:
        found = truths(seed, strengths=True, after=False)
        assert found["foreign", "foreign"] == found["wrong_truck", "wrong_truck"] == 2
        wrong = [key for key in found if key[1] in ("foreign", "wrong_truck") and key[0] != key[1]]
        assert not wrong
        assert not found["in the staging zone", "loaded"]
        assert not found["on the other truck", "loaded"]
        right = found["loaded", "loaded"]
        assert right >= 0.95 * sum(n for (true, _), n in found.items() if true == "loaded")
        later = truths(seed, strengths=True, after=True)
        assert later["in the staging zone", "left_behind"] == 4


def test_a_check_is_the_same_shuffled_doubled_and_late() -> None:
    true = day(31, START_MS)
    known = loads(true)
    until_us = true.heard[-1].t_ms * 1000
    expected = checked(known, "S-1", until_us)
    reads = list(known.evidence.reads)
    for n in range(3):
        random.Random(n).shuffle(reads)
        told = Evidence(list(known.evidence.stays)[::-1], reads + reads[: len(reads) // 2])
        assert checked(known._replace(evidence=told), "S-1", until_us) == expected
    half = Evidence(known.evidence.stays, reads[::2])
    assert checked(known._replace(evidence=half), "S-1", until_us) != expected


def dock(minutes: int) -> Dock:
    span = frozenset(range(minutes * MIN_US // EPOCH_US + 1))
    zones = (STAGING, DOOR, BESIDE)
    return Dock(frozenset({DOOR, BESIDE}), frozenset({STAGING}), {}, dict.fromkeys(zones, span))


def passing(unit: str, minute: float, door: int = DOOR) -> list[Read]:
    at = round(minute * MIN_US)
    return [Read(at + a * 900_000 + n * 400_000, door, a, unit, -50.0) for a in (1, 2) for n in range(3)]


def waiting(unit: str, start: float, end: float) -> list[Read]:
    return [Read(round(n * MIN_US / 4), STAGING, 1, unit, -55.0) for n in range(int(start * 4), int(end * 4))]


def judge(reads: list[Read], scans: tuple[Scan, ...] = ()) -> Loads:
    stays = [Stay(1, DOOR, 0, 20 * MIN_US), Stay(2, BESIDE, 0)]
    wanted = [Wanted(A, "S-1", 1), Wanted(B, "S-1", 2), Wanted(C, "S-2", 1)]
    return Loads(wanted, {"S-1": 1, "S-2": 2}, dock(60), Evidence(stays, reads, scans))


def states(known: Loads, until: float) -> dict[str, str]:
    return {unit: now.state for unit, now in checked(known, "S-1", round(until * MIN_US)).items()}


def test_a_unit_of_another_truck_names_its_shipment_and_one_of_nobody_is_foreign() -> None:
    stranger = sscc_of(77)
    reads = [*waiting(C, 0, 5), *passing(C, 5), *waiting(stranger, 0, 7), *passing(stranger, 7), *waiting(A, 0, 12)]
    found = checked(judge(reads), "S-1", 12 * MIN_US)
    assert (found[C].state, found[C].other) == ("wrong_truck", "S-2")
    assert found[stranger].state == "foreign"
    assert found[C].chance > 0.99
    assert found[A].state == found[B].state == "expected"
    assert list(found)[:2] == sorted([C, stranger])  # what is wrong comes first
    (missing,) = checked(judge(reads), "S-2", 12 * MIN_US).values()
    assert (missing.state, missing.other) == ("expected", "S-1")


def test_what_is_read_in_the_staging_zone_after_the_truck_has_left_stayed_behind() -> None:
    reads = [*waiting(A, 0, 5), *passing(A, 5), *waiting(B, 0, 8), *passing(B, 8)]
    assert states(judge(reads), 19) == {A: "loaded", B: "loaded"}
    late = [*reads, *waiting(B, 23, 26)]
    assert states(judge(late), 30) == {A: "loaded", B: "left_behind"}
    scanned = (Scan(8 * MIN_US, B, 1),)
    assert states(judge(late, scanned), 30)[B] == "left_behind"  # a scan is evidence too, and may be wrong


def test_what_comes_back_through_the_gate_is_not_loaded() -> None:
    back = [Read(10 * MIN_US + (3 - a) * 900_000, DOOR, a, A, -50.0) for a in (1, 2)]
    reads = [*waiting(A, 0, 5), *passing(A, 5), *back, *waiting(A, 10.5, 14)]
    assert states(judge(reads), 14)[A] == "expected"


def test_a_missed_unit_is_doubtful_until_somebody_scans_it() -> None:
    reads = waiting(A, 0, 5)
    assert states(judge(reads), 9)[A] == "doubtful"
    scan = (Scan(6 * MIN_US, A, 1),)
    found = checked(judge(reads, scan), "S-1", 9 * MIN_US)[A]
    assert (found.state, found.by_scan) == ("loaded", True)


def test_what_is_dropped_first_and_was_loaded_first_is_blocked_by_what_came_after() -> None:
    reads = [*waiting(A, 0, 5), *passing(A, 5), *waiting(B, 0, 9), *passing(B, 9)]
    found = checked(judge(reads), "S-1", 12 * MIN_US)
    assert found[A].blocked_by == (B,)
    assert not found[B].blocked_by
    turned = [*waiting(B, 0, 5), *passing(B, 5), *waiting(A, 0, 9), *passing(A, 9)]
    assert not any(now.blocked_by for now in checked(judge(turned), "S-1", 12 * MIN_US).values())


def test_a_truck_that_never_came_has_nothing_on_it() -> None:
    found = check("S-1", {"S-1": 1}, [Wanted(A, "S-1", 1)], dock(1), Evidence([], []), MIN_US)
    assert [(now.unit, now.state, now.chance) for now in found] == [(A, "expected", 0.0)]


def test_where_nobody_listens_nothing_is_taken_to_be_on_board() -> None:
    known = judge([], (Scan(9 * MIN_US, A, 1),))
    deaf = known._replace(dock=Dock(known.dock.doors, known.dock.staging))
    found = checked(deaf, "S-1", 19 * MIN_US)
    assert (found[A].state, found[B].state, round(found[B].chance, 2)) == ("loaded", "expected", 0.01)


@settings(max_examples=examples(25), deadline=None)
@given(st.data())
def test_reads_in_any_order_end_in_the_same_check(data: st.DataObject) -> None:
    reads = [*waiting(A, 0, 3), *passing(A, 3), *passing(C, 4), *waiting(B, 0, 6), *waiting(C, 0, 4)]
    known = judge(reads)
    mixed = data.draw(st.permutations(reads))
    again = known._replace(evidence=Evidence(known.evidence.stays, [*mixed, *mixed[:9]]))
    assert checked(again, "S-1", 7 * MIN_US) == checked(known, "S-1", 7 * MIN_US)
    assert shipment(0) == "S-1"


PALLET, CRATE, END_US = sscc_of(50), sscc_of(51), 20 * MIN_US


def nested(reads: list[Read], inside: list[Inside], name: str = "S-1") -> dict[str, tuple[str, str]]:
    known = judge(reads)
    found = check(name, known.trucks, known.wanted, known.dock, known.evidence, 15 * MIN_US, inside=inside)
    return {now.unit: (now.state, now.other) for now in found}


def test_a_pallet_is_read_for_the_cartons_it_holds_and_is_not_foreign() -> None:
    reads = [*waiting(PALLET, 0, 5), *passing(PALLET, 5)]
    holds = [Inside(A, CRATE, 0), Inside(B, PALLET, 0), Inside(CRATE, PALLET, 0)]  # one of them is two deep
    assert nested(reads, []) == {PALLET: ("foreign", ""), A: ("expected", ""), B: ("expected", "")}
    assert nested(reads, holds) == {A: ("loaded", ""), B: ("loaded", "")}
    # What was taken out of it before it went through the gate is not on board, and what was put in later neither.
    assert nested(reads, [holds[1], Inside(A, PALLET, 0, 4 * MIN_US)])[A] == ("doubtful", "")
    assert nested(reads, [holds[1], Inside(A, PALLET, 9 * MIN_US)])[A] == ("expected", "")
    # On the wrong truck it names whose cartons they are, not itself.
    assert nested(reads, [Inside(C, PALLET, 0)]) == {
        C: ("wrong_truck", "S-2"),
        A: ("expected", ""),
        B: ("expected", ""),
    }


def test_cartons_are_read_for_their_pallet_and_those_of_nobody_are_told_once() -> None:
    cartons = [sscc_of(60 + n) for n in range(3)]
    reads = [read for n, unit in enumerate(cartons) for read in (*waiting(unit, 0, 5), *passing(unit, 5 + n / 60))]
    assert nested(reads, [Inside(unit, A, 0) for unit in cartons]) == {A: ("loaded", ""), B: ("expected", "")}
    strange = nested(reads, [Inside(unit, PALLET, 0) for unit in cartons])
    assert strange == {PALLET: ("foreign", ""), A: ("expected", ""), B: ("expected", "")}
    # One of nobody among cartons that somebody wants is told by its own name; a circle ends.
    mixed = nested(reads, [Inside(cartons[0], PALLET, 0), Inside(A, PALLET, 0), Inside(PALLET, cartons[0], 0)])
    assert mixed[A] == ("loaded", "")
    assert mixed[cartons[1]] == ("foreign", "")
