"""What goes into a bin: by volume, mass, pallets, height, temperature and what lies there, with answers by hand."""

from __future__ import annotations

import math

import pytest

from domain.stock.bins import Goods, Limits, broken, room

MILK = Goods("MILK", 1, "L1", m3=0.001, kg=1.0, height_mm=250, per_pallet=600, temp_class="chilled")
PEAS = Goods("PEAS", 1, "L9", m3=0.002, kg=0.5, height_mm=100, temp_class="frozen")
FACE = Limits("A", "pick_face", face_of="MILK", face_full=48)
ACID = Goods("ACID", 1, kg=2.0, apart="acid")


@pytest.mark.parametrize(
    ("limits", "goods", "there", "against"),
    [
        (Limits("A"), MILK._replace(quantity=1e6), [PEAS._replace(quantity=9)], []),
        (Limits("A", volume_m3=1.2), MILK._replace(quantity=200), [MILK._replace(quantity=1000)], []),
        (Limits("A", volume_m3=1.2), MILK._replace(quantity=201), [MILK._replace(quantity=1000)], ["volume"]),
        (Limits("A", load_kg=100), MILK._replace(quantity=52), [PEAS._replace(quantity=98)], ["load"]),
        (Limits("A", pallets=2), MILK._replace(quantity=601), [MILK._replace(quantity=599)], []),
        (Limits("A", pallets=2), MILK._replace(quantity=602), [MILK._replace(quantity=599)], ["pallets"]),
        (Limits("A", pallets=1), MILK, [MILK._replace(quantity=9, lot="L2")], ["pallets"]),
        (Limits("A", height_mm=249), MILK, [], ["height"]),
        (Limits("A", temp_class="chilled"), PEAS, [], ["temp_class"]),
        (Limits("A", temp_class="chilled"), ACID, [], []),
        (Limits("A", mixing="product"), MILK, [PEAS], ["mixing"]),
        (Limits("A", mixing="product"), MILK, [MILK._replace(lot="L2")], []),
        (Limits("A", mixing="lot"), MILK, [MILK._replace(lot="L2")], ["mixing"]),
        (Limits("A", mixing="lot"), MILK, [PEAS._replace(quantity=0)], []),
        (Limits("A"), ACID, [Goods("BREAD", 1, apart="food")], ["apart"]),
        (FACE, PEAS, [], ["face"]),
        (FACE, MILK._replace(quantity=25), [MILK._replace(quantity=24)], ["face"]),
    ],
)  # fmt: skip
def test_a_bin_refuses_what_breaks_a_limit_and_takes_all_else(
    limits: Limits, goods: Goods, there: list[Goods], against: list[str]
) -> None:
    assert [each.limit for each in broken(limits, goods, there)] == against


@pytest.mark.parametrize(
    ("limits", "goods", "there", "left"),
    [
        (Limits("A"), MILK, [], math.inf),
        (Limits("A", volume_m3=1.2), MILK, [MILK._replace(quantity=1000)], 200),
        (Limits("A", volume_m3=1.2, load_kg=1100), MILK, [MILK._replace(quantity=1000)], 100),
        (Limits("A", pallets=2), MILK, [MILK._replace(quantity=599)], 601),
        (Limits("A", volume_m3=1.2), ACID, [], math.inf),
        (Limits("A", temp_class="frozen"), MILK, [], 0),
        (FACE, MILK, [MILK._replace(quantity=40)], 8),
    ],
)
def test_as_much_as_goes_in_goes_in_and_no_more(limits: Limits, goods: Goods, there: list[Goods], left: float) -> None:
    assert room(limits, goods, there) == left
    if not math.isinf(left):
        assert not left or not broken(limits, goods._replace(quantity=left), there)
        assert broken(limits, goods._replace(quantity=left + 1), there)


def test_a_refusal_says_how_full_it_is() -> None:
    (why,) = broken(Limits("A-1", volume_m3=1.2), MILK._replace(quantity=300), [MILK._replace(quantity=1000)])
    assert why.why == "A-1 is full: it takes 1.2 m3, 1 lie there, 0.3 would come"
