"""Advice on a floor small enough to walk by hand: what it promises, what came of it, and when it is silent."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from domain.stock.bins import Goods, Limits
from frostway.cli.work.pick_advice import advice_of
from frostway.failure import Failure
from planning.advice.grades import DAY_US, Given, grade, replay, standing
from planning.advice.rounds import graded_wave
from planning.advice.slots import Move, Pick, Spot, propose
from planning.picking.block import Block

BLOCK = Block(2, 10.0, 2.0, 0.0)
MILK, JAM = Goods("MILK", 20, kg=1.0, temp_class="chilled"), Goods("JAM", 5, kg=1.0)


def floor(near: Limits | None = None, *, jam: bool = True) -> list[Spot]:
    """Jam at the front of the first aisle, milk a metre from its end: from the depot to milk and back are 18 m."""
    return [
        Spot(near or Limits("A"), 0, 1.0, (JAM,) if jam else ()),
        Spot(Limits("B"), 0, 9.0, (MILK,)),
    ]


def lists(count: int, code: str = "B", sku: str = "MILK") -> list[Pick]:
    return [Pick(f"L{n}", code, sku) for n in range(count)]


def test_a_swap_promises_what_a_pencil_says() -> None:
    """Ten lists of 18 m become 2 m: 160 m less; two moves by both bins and back cost 18 m each."""
    found = propose(BLOCK, floor(), lists(10))
    assert (found.basis.lists, found.basis.walked_m, found.why) == (10, 180, "")
    (swap,) = found.proposals
    assert swap.moves == (Move("B", "A", ("MILK",)), Move("A", "B", ("JAM",)))
    assert (swap.saved_m, swap.moves_m, swap.net_m) == (160, 36, 124)
    (one_way,) = propose(BLOCK, floor(jam=False), lists(10)).proposals
    assert (one_way.moves, one_way.net_m) == ((Move("B", "A", ("MILK",)),), 142)


@pytest.mark.parametrize(
    ("spots", "picks", "frozen", "why"),
    [
        (floor(), lists(2), (), "2 lists were picked here, of fewer than 5 nothing is learned"),
        (floor(Limits("A", load_kg=19)), lists(10), (), "no swap"),
        (floor(Limits("A", temp_class="ambient")), lists(10), (), "no swap"),
        (floor(Limits("A", "stage")), lists(10), (), "no swap"),
        (floor(Limits("A", "pick_face", face_of="JAM")), lists(10), (), "no swap"),
        (floor(), lists(10), ("A",), "no swap"),
        (floor(), lists(10, "A", "JAM"), (), "no swap"),
    ],
)
def test_what_a_limit_is_against_or_saves_nothing_is_not_told(
    spots: list[Spot], picks: list[Pick], frozen: tuple[str, ...], why: str
) -> None:
    found = propose(BLOCK, spots, picks, frozen)
    assert (found.proposals, found.why.startswith(why)) == ((), True), found.why


def test_a_file_is_advised_from_the_command_line() -> None:
    floor_of = {"aisles": 2, "length": 10, "pitch": 2, "bins": {"A": [0, 1], "B": [0, 9]}}
    told = {**floor_of, "lies": {"MILK": "B", "JAM": "A"}, "lists": [["MILK"]] * 10}
    found = advice_of(json.dumps(told).encode(), "floor.json")
    assert (found["walked"], [each["net"] for each in found["proposals"]]) == (180, [124])
    with pytest.raises(Failure, match=r"floor.json: lists: TEA lies nowhere"):
        advice_of(json.dumps({**told, "lists": [["TEA"]]}).encode(), "floor.json")


def test_what_has_been_moved_since_is_learned_where_it_lies_now() -> None:
    """Milk was picked from A and lies in B: its lists walk to B, and swapping pays as if it had always lain there."""
    (swap,) = propose(BLOCK, floor(), lists(10, "A")).proposals
    assert swap.saved_m == 160
    assert propose(BLOCK, floor(), [*lists(9), Pick("L9", "Z", "MILK")]).basis.elsewhere == 1


def test_real_lists_are_replayed_with_and_without_the_moves() -> None:
    moves = (Move("B", "A", ("MILK",)), Move("A", "B", ("JAM",)))
    since = [*lists(5, "A"), Pick("J", "B", "JAM"), Pick("K", "A", "HONEY")]
    seen = replay(BLOCK, floor(), since, moves)
    assert (seen.lists, seen.touched, seen.with_m, seen.without_m) == (7, 6, 5 * 2 + 18, 5 * 18 + 2)
    not_moved = replay(BLOCK, floor(), lists(5), moves)
    assert not_moved.with_m == not_moved.without_m, "whoever only says that it is done has saved nothing"


def test_half_of_the_time_with_half_of_the_lists_is_as_good_as_promised() -> None:
    """Promised: 160 m in 14 days, less 36. After 7 days 5 of the 10 lists have come: 80 m less."""
    seen = replay(BLOCK, floor(), lists(5, "A"), (Move("B", "A", ("MILK",)),))
    so_far = grade(seen, 160, 36, 14, 7)
    assert (so_far.realised, so_far.ratio, so_far.final) == (124, 1.0, False)
    assert grade(seen, 160, 36, 14, 14)[:2] == (44, 44 / 124)
    assert grade(replay(BLOCK, floor(), [], ()), 160, 36, 14, 14).ratio is None


def test_an_adviser_falls_silent_after_a_month_below_a_half_and_is_woken() -> None:
    def at(days: float, realised: float) -> Given:
        return Given(int(days * DAY_US), 100.0, realised)

    def now(days: float, *given: Given, woken: float | None = None) -> tuple[float | None, bool]:
        found = standing(given, None if woken is None else int(woken * DAY_US), int(days * DAY_US))
        return found.ratio, found.silent

    bad = [at(100 + n, 30.0) for n in range(3)]
    assert now(120, *bad) == (0.3, False)
    assert now(131, *bad) == (0.3, False)
    assert now(133, *bad) == (0.3, True)
    assert now(133, *bad[:2]) == (0.3, False), "two grades silence nobody"
    assert now(133, *bad, at(120, 200.0)) == (0.725, False)
    assert now(160, *bad, at(120, 100.0), at(124, 0.0), woken=None)[1] is True
    assert now(133, *bad, woken=132) == (None, False)
    assert now(250, *bad) == (None, False), "what is older than 90 days is forgotten"


def test_a_wave_is_worth_what_its_rounds_really_were() -> None:
    """Picked by the shortest way it saves what it promised; by another one less, or nothing."""
    layout = {"aisles": 2, "aisle_length_m": 10.0, "aisle_pitch_m": 2.0, "depot": 0.0, "zone": "hall"}
    wave = {"site": 1, "about": "W-1", "orders": 2, "walk_m": 24.0, "as_came_m": 60.0, "released_by": "ann",
            "released_at": datetime(2026, 11, 30, tzinfo=UTC)}  # fmt: skip

    def picks(*places: tuple[int, float]) -> list[dict[str, object]]:
        return [{**layout, "seq": 1, "aisle": aisle, "along_m": y} for aisle, y in places]

    best = graded_wave(wave, picks((0, 9.0), (0, 9.0), (1, 9.0)))
    assert best is not None
    assert (best["predicted"], best["realised"], best["seen"]) == (
        36.0,
        36.0,
        {"rounds": 1, "picks": 3, "metres": 24.0},
    )
    worse = graded_wave(wave, picks((0, 9.0), (1, 1.0), (0, 9.0), (1, 9.0)))
    assert worse is not None
    assert worse["realised"] == 60.0 - (9 + 12 + 12 + 4 + 11)
    two = graded_wave(wave, picks((0, 9.0)) + [{**each, "seq": 2} for each in picks((0, 9.0))])
    assert two is not None
    assert (two["realised"], two["seen"]["rounds"]) == (60.0 - 36.0, 2)
    assert graded_wave(wave, []) is None
