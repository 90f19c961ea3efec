"""The ledger's laws: nothing is lost whatever is done, corrected or told late; units are exact or refused."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.stock.balances import balances, differences, totals
from domain.stock.moves import ENDS, Move, MoveError, Place, changes, ends, reversal, units_of
from domain.stock.units import Defined, UnitError, Units, decimal, define

KEYS = {
    "supplier": [1], "customer": [2], "waste": [3], "adjustment": [4], "site": [10, 11, 12], "vehicle": [20, 21],
}  # fmt: skip
INNER = {10, 11, 12, 20, 21}
KIND_OF = {key: kind for kind, keys in KEYS.items() for key in keys}


@st.composite
def moves(draw, entry="move", corrects="", n=0):
    kind = draw(st.sampled_from(sorted(ENDS)))
    source = draw(st.sampled_from([key for of in ENDS[kind][0] for key in KEYS[of]]))
    target = draw(st.sampled_from([key for of in ENDS[kind][1] for key in KEYS[of]]))
    if kind == "count":
        target = source
    if kind in ("return", "adjust") and (source in INNER) == (target in INNER):
        source, target = KEYS["customer" if kind == "return" else "adjustment"][0], 10
    units = units_of(kind, draw(st.sampled_from(("U1", "U2") if "pack" in kind else ("", "U1"))))
    quantity = Decimal(draw(st.integers(1, 10**7))) / 1000
    name = f"m{n}" if entry == "move" else f"r{n}"
    return Move(
        name, kind, draw(st.integers(0, 50)), draw(st.sampled_from((1, 2))), draw(st.sampled_from((0, 7))),
        source, target, *units, quantity, entry, corrects, draw(st.integers(0, 50)),
    )  # fmt: skip


@st.composite
def days(draw):
    """Moves at any time, some of them taken back, or replaced by others, or what replaced them too."""
    found = [draw(moves(n=n)) for n in range(draw(st.integers(1, 20)))]
    for n in range(draw(st.integers(0, 8))):
        each = draw(st.sampled_from(found))
        if each.kind == "count" or each.entry == "reversal" or any(m.corrects == each.id for m in found):
            continue
        found.append(reversal(each, f"~{each.id}")._replace(known_at_us=each.known_at_us + 1))
        if draw(st.booleans()):
            right = draw(moves("replacement", each.id, n))
            found.append(right._replace(product=each.product, known_at_us=each.known_at_us + 1))
    return found


@given(days(), st.randoms())
def test_nothing_is_lost_whatever_is_done_corrected_or_told_late(told, random) -> None:
    there = balances(told, INNER)
    for (product, lot), total in totals(told, INNER).items():
        found = sum((q for line, q in there.items() if (line.product, line.lot) == (product, lot)), Decimal(0))
        assert found == total.there
    shuffled = list(told)
    random.shuffle(shuffled)
    assert balances(shuffled, INNER) == there
    step: dict = {}
    for batch in (told[:3], told[3:]):
        for change in changes(batch, INNER):
            step[change.line] = step.get(change.line, Decimal(0)) + change.delta
    assert differences(step, there) == []
    some = next(iter(there), None)
    if some is not None:
        assert [d.line for d in differences({**there, some: there[some] + 1}, there)] == [some]


@given(days(), st.integers(0, 60), st.integers(0, 60))
def test_what_was_known_then_stays_and_every_moment_is_conserved(told, as_of, known_at) -> None:
    then = [m for m in told if m.known_at_us <= known_at]
    assert balances(told, INNER, known_at_us=known_at) == balances(then, INNER)
    at = [m for m in told if m.moved_at_us <= as_of]
    assert balances(told, INNER, as_of_us=as_of) == balances(at, INNER)


@given(days())
def test_a_move_that_is_taken_back_never_was(told) -> None:
    gone = {m.corrects for m in told if m.entry == "reversal"}
    stands = [m for m in told if m.entry != "reversal" and m.id not in gone]
    assert balances(told, INNER) == balances(stands, INNER)


@given(days())
def test_all_writers_touch_lines_in_one_order(told) -> None:
    lines = [change.line for change in changes(told, INNER)]
    assert lines == sorted(set(lines))


def test_a_count_moves_nothing_and_is_not_taken_back() -> None:
    counted = Move("c", "count", 5, 1, 0, 10, 10, "", "", Decimal(7))
    (change,) = changes([counted], INNER)
    assert (change.delta, change.counted, change.counted_at_us) == (0, 7, 5)
    with pytest.raises(MoveError, match="count again"):
        reversal(counted, "~c")


def test_places_of_moves_go_without_saying_or_are_asked_for() -> None:
    dock, truck = Place("site", "dc-1", "dock"), Place("vehicle", vehicle="truck-1")
    assert ends("deliver", truck, None) == (truck, Place("customer"))
    assert ends("return", None, dock) == (Place("customer"), dock)
    assert ends("return", dock, None) == (dock, Place("supplier"))
    assert ends("adjust", None, dock) == (Place("adjustment"), dock)
    assert ends("pack", dock, None) == (dock, dock)
    for kind, source, target, why in (
        ("load", dock, dock, "to: load goes to vehicle, not to site"),
        ("move", dock, None, "to: move needs a place"),
        ("adjust", dock, truck, "between them it is a move"),
        ("adjust", None, None, "needs a place"),
        ("count", dock, truck, "one place"),
    ):
        with pytest.raises(MoveError, match=why):
            ends(kind, source, target)
    with pytest.raises(MoveError, match="handling_unit"):
        units_of("pack", "")


# ---------------------------------------------------------------- units
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**9))
def test_a_conversion_is_exact_or_refused(numerator, denominator, thousandths) -> None:
    units = Units("piece", {"pack": Fraction(numerator, denominator)})
    quantity = Decimal(thousandths) / 1000
    try:
        base = units.to_base(quantity, "pack")
    except UnitError:
        exact = Fraction(quantity) * Fraction(numerator, denominator)
        assert decimal(exact) is None or exact > 10**12
        return
    assert Fraction(base) == Fraction(quantity) * Fraction(numerator, denominator)
    assert units.of_base(base, "pack") == quantity


def test_units_are_said_by_one_another_and_contradictions_are_named() -> None:
    packs = define("piece", [Defined("pallet", Fraction(60), "case"), Defined("case", Fraction(12), "piece")])
    assert packs.to_base(Decimal("0.5"), "pallet") == 360
    third = define("kg", [Defined("tin", Fraction(1, 3), "kg"), Defined("jar", Fraction(350), "g")])
    assert third.to_base(Decimal(3), "tin") == 1
    assert third.to_base(Decimal(2), "jar") == Decimal("0.7")
    with pytest.raises(UnitError, match=r"no exact number of kg; say it in kg"):
        third.to_base(Decimal(1), "tin")
    with pytest.raises(UnitError, match="unit: l is none of this product; it has kg, jar, tin"):
        third.to_base(Decimal(1), "l")
    for told, why in (
        ([Defined("a", Fraction(2), "b"), Defined("b", Fraction(2), "a")], "a is so many b is so many a"),
        ([Defined("case", Fraction(2), "crate")], "crate is none"),
        ([Defined("piece", Fraction(2), "kg")], "not the base unit"),
        ([Defined("case", Fraction(0), "piece")], "more than nothing"),
        ([Defined("Big Case", Fraction(2), "piece")], "no name of a unit"),
    ):
        with pytest.raises(UnitError, match=why):
            define("piece", told)
    with pytest.raises(UnitError, match="known of every product"):
        define("kg", [Defined("g", Fraction(1, 100), "kg")])
