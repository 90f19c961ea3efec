"""Put-away and refills on floors small enough to reckon by hand."""

from __future__ import annotations

import math

from domain.stock.bins import Goods, Limits
from planning.picking.block import Block
from planning.storing.putting_away import Refused, Spot, put_away
from planning.storing.refills import Face, Lying, Taken, refills

BLOCK = Block(2, 10.0, 2.0, 0.0)
MILK = Goods("MILK", 20, "L1", m3=0.01, kg=1.0, height_mm=300, temp_class="chilled")


def at(limits: Limits, aisle: int, along_m: float, *goods: Goods) -> Spot:
    return Spot(limits, "hall", goods, BLOCK, aisle, along_m)


def test_goods_go_where_the_way_is_shortest_of_what_takes_them() -> None:
    spots = [
        at(Limits("NEAR", load_kg=10), 0, 1.0),
        at(Limits("COLD", temp_class="frozen"), 0, 2.0),
        at(Limits("LOW", height_mm=200), 0, 3.0),
        at(Limits("MID"), 0, 4.0),
        at(Limits("ALIKE"), 1, 5.0, MILK._replace(quantity=3)),
        at(Limits("OUT", "stage"), 0, 0.5),
        Spot(Limits("SOMEWHERE"), "hall"),
    ]
    found = put_away(MILK, spots)
    assert [(p.bin, p.quantity) for p in found.places] == [
        ("ALIKE", 20),  # 7 m to walk, and it is there: 7
        ("MID", 20),  # 4 m, and 2 + 9 from what is alike: 15
        ("SOMEWHERE", 20),  # nobody knows where that is
        ("NEAR", 10),  # it takes half of it
    ]
    assert [p.score_m for p in found.places[:2]] == [7.0, 15.0]
    assert found.refused == (
        Refused("height", 1, "it is 300 mm high, LOW takes 200 mm"),
        Refused("temp_class", 1, "MILK is kept chilled, COLD is frozen"),
    )
    by_target = put_away(MILK, [*spots[:4], at(Limits("END"), 0, 9.0)], target="END")
    assert [p.bin for p in by_target.places[:2]] == ["END", "MID"], "9 + 0 against 4 + 5, whole either way"
    assert put_away(MILK, [at(Limits("A", load_kg=5), 0, 1.0, MILK._replace(quantity=5))]).refused[0].limit == "load"


def test_a_face_is_filled_when_released_and_usual_demand_are_more_than_lies_there() -> None:
    """12 lie there, 10 are released, 4 are wanted nine times in ten: 2 too few; it takes 36 more, three cases."""
    spans = (0.0,) * 8 + (4.0, 9.0)
    face = Face("P-1", "MILK", 12, 36, 10, spans, 12)
    lying = [Lying("R-1", "MILK", 60), Lying("R-2", "MILK", 20, "L1", "", 5), Lying("R-3", "JAM", 9)]
    (found,) = refills([face], lying)
    assert (found.p90, found.quantity, found.short) == (4, 32, 0)
    assert found.sources == (Taken("R-2", 20, "L1", ""), Taken("R-1", 12, "", "")), "what expires first, then a case"
    assert refills([face._replace(lies=14)], lying) == []
    (little,) = refills([face._replace(room=10)], lying)
    assert (little.quantity, little.short) == (0, 2), "no whole case goes in"
    (endless,) = refills([face._replace(room=math.inf, released=30)], lying[:1])
    assert (endless.quantity, endless.short) == (24, 0), "22 are too few: two cases"
    assert refills([face], [])[0].short == 2


def test_what_running_waves_wait_for_comes_first_and_gets_it() -> None:
    calm = Face("A", "MILK", 1, 10, 0, (9.0,))
    waited_for = Face("B", "MILK", 3, 10, 5, ())
    found = refills([calm, waited_for], [Lying("R", "MILK", 10)])
    assert [(each.bin, each.quantity) for each in found] == [("B", 10), ("A", 0)]
