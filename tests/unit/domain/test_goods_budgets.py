"""Budgets follow goods: conserved over whatever is done with units, in any order of arrival; vectors by hand beside."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.cold_chain.budgets import Kinetic, Measured, budget
from domain.cold_chain.profile import Band, Mkt, TemperatureProfile
from domain.handling_units.codes import is_sscc, unit_code
from domain.handling_units.history import history, places_of, shown
from domain.handling_units.movements import Content, Movement, Place, RefusedError
from tests.examples import examples

S, M, H = 1_000_000, 60_000_000, 3_600_000_000
TRUCK, ROOM, DOCK = Place("vehicle", "truck-01"), Place("site", "dc-1", "cold"), Place("site", "dc-1", "dock")
PLACES = (TRUCK, ROOM, DOCK, None)
WARMTH = {TRUCK: 5, ROOM: 11, DOCK: 20}
LOTS, UNITS = ("L1", "L2"), tuple("ABCDEFGH")


def move(n, kind, at, unit, others=(), contents=(), place=None):
    some = tuple(Content(lot, Fraction(quantity)) for lot, quantity in contents)
    return Movement(f"m{n:03d}", kind, at, unit, tuple(others), some, place)


# ---------------------------------------------------------------- law
def told(data):
    """Movements of a random day, each accepted by those before it; some are nonsense and left out."""
    found, at = [], 0
    for n in range(data.draw(st.integers(1, 25))):
        at += data.draw(st.integers(1, 60)) * M
        kind = data.draw(
            st.sampled_from(
                ("commission", "commission", "commission", "place", "pack", "unpack", "split", "merge", "close")
            )
        )
        unit = data.draw(st.sampled_from(UNITS))
        others = data.draw(st.lists(st.sampled_from(UNITS), max_size=2, unique=True))
        contents = [(lot, data.draw(st.integers(1, 6))) for lot in LOTS[: data.draw(st.integers(0, 2))]]
        place = data.draw(st.sampled_from(PLACES))
        if kind in ("commission", "place", "close"):
            others = []
        each = move(n, kind, at, unit, others, contents if kind in ("commission", "split") else (), place)
        try:
            history([*found, each])
        except RefusedError:
            continue
        found.append(each)
    return found, at + 30 * M


def atoms(movements, until):  # noqa: PLR0912 -- one branch to each kind
    """Each piece of goods by itself, by a plain walk: seconds in each place, weighed. A slow, other definition."""
    holds, inside, where = defaultdict(list), {}, {}
    ended, used = [], defaultdict(Fraction)
    steps = [*sorted(movements, key=lambda m: m.at_us)]

    def top(unit):
        while unit in inside:
            unit = inside[unit]
        return unit

    def pass_time(since, until):
        for unit, pieces in holds.items():
            for piece in pieces:
                piece["s"][where.get(top(unit))] += Fraction(until - since, S)

    def end(unit):
        for child in [c for c, p in inside.items() if p == unit]:
            end(child)
        inside.pop(unit, None)
        ended.extend(holds.pop(unit, ()))

    for m, following in zip(steps, [*steps[1:], None], strict=bool(steps)):
        if m.kind == "commission":
            where[m.unit] = m.place
            holds[m.unit] = [{"lot": lot, "q": q, "s": defaultdict(Fraction)} for lot, q in m.contents]
        elif m.kind == "place":
            where[m.unit] = m.place
        elif m.kind == "pack":
            inside.update(dict.fromkeys(m.others, m.unit))
        elif m.kind == "unpack":
            for child in m.others or [c for c, p in inside.items() if p == m.unit]:
                where[child] = where.get(top(m.unit))
                del inside[child]
        elif m.kind == "split":
            where[m.others[0]] = where.get(top(m.unit))
            holds[m.others[0]] = []
            for lot, quantity in m.contents:
                mine = [p for p in holds[m.unit] if p["lot"] == lot]
                whole = sum(p["q"] for p in mine)
                for piece in mine:
                    share = piece["q"] * quantity / whole
                    piece["q"] -= share
                    holds[m.others[0]].append({"lot": lot, "q": share, "s": defaultdict(Fraction, piece["s"])})
        elif m.kind == "merge":
            for code in m.others:
                holds[m.unit] += holds.pop(code, [])
                inside.pop(code, None)
        else:
            end(m.unit)
        pass_time(m.at_us, following.at_us if following else until)
    for piece in [*ended, *(p for pieces in holds.values() for p in pieces)]:
        for place, seconds in piece["s"].items():
            used[piece["lot"], place] += piece["q"] * seconds
    return {key: value for key, value in used.items() if value}


def unit_hours(units, until):
    stays, used = {code: u.stays for code, u in units.items()}, defaultdict(Fraction)
    for unit in units.values():
        for part in unit.parts:
            for stay in places_of(part.way, stays):
                used[part.lot, stay.place] += part.quantity * Fraction((stay.until_us or until) - stay.since_us, S)
    return {key: value for key, value in used.items() if value}


@settings(max_examples=examples(80), deadline=None)
@given(st.data())
def test_unit_hours_are_conserved_and_the_order_of_arrival_does_not_matter(data):
    movements, until = told(data)
    units = history(movements)
    assert unit_hours(units, until) == atoms(movements, until)
    assert history(data.draw(st.permutations(movements))) == units
    commissioned, there = defaultdict(Fraction), defaultdict(Fraction)
    for m in movements:
        for lot, quantity in m.contents if m.kind == "commission" else ():
            commissioned[lot] += quantity
    for unit in units.values():
        for part in unit.parts:
            there[part.lot] += part.quantity
            assert [a.until_us for a in part.way[:-1]] == [b.since_us for b in part.way[1:]]
        assert all(a.until_us == b.since_us for a, b in pairwise(unit.stays))
        assert all(units[child].parent == unit.code for child in unit.children)
    assert there == commissioned


@settings(max_examples=examples(25), deadline=None)
@given(st.data())
def test_budgets_used_are_conserved_too(data):
    """What a plain sum of time in warm places says, weighed by quantity, is what the parts have used."""
    movements, until = told(data)
    units = history(movements)
    profile = TemperatureProfile(bands=(Band("warm", ">", 8.0, 1e9, "cumulative", clear_c=0.0),), gap_charge="nothing")
    used = Fraction(0)
    for unit in units.values():
        for part in unit.parts:
            stays = places_of(part.way, {code: u.stays for code, u in units.items()})
            measured = [there(s.since_us, s.until_us or until, WARMTH[s.place]) for s in stays if s.place]
            end = part.way[-1].until_us or until
            if end > part.way[0].since_us:
                used += part.quantity * round(
                    budget(profile, measured, part.way[0].since_us, end).bands[0].known_used_s
                )
    expected = sum(q for (_, place), q in atoms(movements, until).items() if place and WARMTH[place] > 8)
    assert used == expected


def there(since, until, *temps, step=M):
    """A stay with a probe to each temperature, that measured before and after it too."""
    t = np.arange(since - 2 * step, until + 3 * step, step)
    return Measured(since, until, [(t, np.full(len(t), float(c))) for c in temps])


# ---------------------------------------------------------------- units
def test_what_is_packed_goes_where_its_parent_goes_and_keeps_its_own_ledger():
    units = history(
        [
            move(1, "commission", 0, "BOX", contents=[("L1", 10)], place=ROOM),
            move(2, "commission", 1 * H, "PALLET", place=DOCK),
            move(3, "pack", 2 * H, "PALLET", ["BOX"]),
            move(4, "place", 3 * H, "PALLET", place=TRUCK),
            move(5, "unpack", 5 * H, "PALLET", []),
            move(6, "split", 6 * H, "BOX", ["CRATE"], [("L1", "2.5")]),
            move(7, "place", 7 * H, "CRATE", place=ROOM),
        ]
    )
    assert [(s.since_us // H, s.place, s.parent) for s in units["BOX"].stays] == [
        (0, ROOM, None), (2, DOCK, "PALLET"), (3, TRUCK, "PALLET"), (5, TRUCK, None),
    ]  # fmt: skip
    (part,) = units["CRATE"].parts
    assert shown(part.quantity) == "2.5"
    assert [s.unit for s in part.way] == ["BOX", "CRATE"]
    stays = {code: u.stays for code, u in units.items()}
    assert [(s.since_us // H, s.place) for s in places_of(part.way, stays)] == [
        (0, ROOM),
        (2, DOCK),
        (3, TRUCK),
        (7, ROOM),
    ]
    assert shown(units["BOX"].parts[0].quantity) == "7.5"
    assert not units["PALLET"].children


def test_a_merge_keeps_the_parts_and_a_split_of_them_takes_of_each():
    units = history(
        [
            move(1, "commission", 0, "A", contents=[("L1", 6)], place=ROOM),
            move(2, "commission", 0, "B", contents=[("L1", 2)], place=DOCK),
            move(3, "merge", H, "A", ["B"]),
            move(4, "split", 2 * H, "A", ["C"], [("L1", 4)]),
        ]
    )
    assert [(p.quantity, p.way[0].unit) for p in units["C"].parts] == [(3, "A"), (1, "B")]
    assert [(p.quantity, p.way[0].unit) for p in units["A"].parts] == [(3, "A"), (1, "B")]
    assert units["B"].merged_into == "A"
    assert units["B"].closed_us == H
    assert not units["B"].parts


BEGUN = [
    move(1, "commission", 0, "A", contents=[("L1", 6)], place=ROOM),
    move(2, "commission", 0, "P"),
    move(3, "commission", 0, "Q"),
    move(4, "pack", H, "P", ["A"]),
    move(5, "pack", H, "Q", ["P"]),
]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (move(9, "commission", 2 * H, "A"), "there is A already"),
        (move(9, "place", 2 * H, "A", place=TRUCK), "A is packed in P: unpack it first, or move Q"),
        (move(9, "place", 2 * H, "X", place=TRUCK), "there is no X yet at that time"),
        (move(9, "place", -H, "A", place=TRUCK), "there is no A yet at that time"),
        (move(9, "pack", 2 * H, "A", ["A"]), "A cannot be put into itself"),
        (move(9, "pack", 2 * H, "A", ["Q"]), "A is inside of Q"),
        (move(9, "pack", 2 * H, "Q", ["A"]), "A is packed in P already"),
        (move(9, "pack", 2 * H, "Q", []), "pack names at least one other unit"),
        (move(9, "unpack", 2 * H, "A", ["P"]), "nothing is packed in A then"),
        (move(9, "unpack", 2 * H, "Q", ["A"]), "A is not packed in Q then"),
        (move(9, "split", 2 * H, "A", ["N"], [("L1", 7)]), "A holds 6 of lot L1 then, not 7"),
        (move(9, "split", 2 * H, "A", ["N"], [("L2", 1)]), "A holds 0 of lot L2 then, not 1"),
        (move(9, "merge", 2 * H, "A", ["P"]), "P holds A: unpack it first"),
        (move(9, "close", H // 2, "A"), "A was closed before"),
    ],
)
def test_what_cannot_be_is_refused_with_one_error(wrong, why):
    with pytest.raises(RefusedError) as refused:
        history([*BEGUN, wrong])
    assert why in refused.value.why


def test_codes():
    assert unit_code("00106141411928374657") == unit_code("(00)106141411928374657") == "106141411928374657"
    assert is_sscc(unit_code("106141411928374657"))
    assert not is_sscc("106141411928374658")
    for wrong in ("106141411928374658", "(00)10614141192837465", "a b", "", "ä", "x" * 65):
        with pytest.raises(ValueError, match=r"check digit|18 digits|a code is"):
            unit_code(wrong)


# ---------------------------------------------------------------- budgets
OUT = Band("out", ">", 8.0, 3 * 3600, "cumulative", clear_c=0.0)
ONCE = Band("once", ">", 8.0, 3600, clear_c=0.0)
HOT = Band("hot", ">", 15.0, 1800, "cumulative", clear_c=0.0)


def test_a_stay_in_a_band_goes_on_over_a_move_and_bands_sum_up_over_places():
    profile = TemperatureProfile(2.0, 8.0, (OUT, ONCE, HOT))
    stays = [there(0, 30 * M, 5), there(30 * M, 70 * M, 10), there(70 * M, 100 * M, 16), there(100 * M, 160 * M, 5)]
    found = budget(profile, stays, 0, 160 * M, {"out": 3600.0})
    out, once, hot = found.bands
    assert (out.before_s, out.known_used_s, out.worst_case_used_s, out.remaining_s) == (3600, 3600 + 4200, 7800, 3000)
    assert once.verdict == "fail"
    assert once.known_used_s == 4200
    assert once.remaining_s == 0
    assert hot.verdict == "fail"
    assert hot.known_used_s == 1800
    assert found.verdict == "fail"
    assert found.reasons == ("band",)
    assert found.share == 0
    assert found.unknown_s == 0
    assert (found.min_c, found.max_c) == (5, 16)


def test_time_in_no_measured_place_is_unknown_however_short_and_charged_as_the_warmer_side():
    profile = TemperatureProfile(2.0, 8.0, (OUT, HOT))
    stays = [there(0, 60 * M, 5), there(70 * M, 80 * M, 10), there(140 * M, 200 * M, 5)]
    found = budget(profile, stays, 0, 200 * M)
    assert found.unknown_s == (10 + 60) * 60
    assert found.known_s == 130 * 60
    assert found.bands[0].known_used_s == 600
    assert found.bands[0].worst_case_used_s == 4800
    assert found.bands[0].remaining_s == 3 * 3600 - 4800
    assert found.verdict == "indeterminate"
    assert found.reasons == ("coverage",)
    free = budget(TemperatureProfile(2.0, 8.0, (OUT,), gap_charge="nothing", coverage=0.5), stays, 0, 200 * M)
    assert free.bands[0].worst_case_used_s == 600
    assert free.verdict == "pass"
    assert free.share == pytest.approx(1 - 600 / 10800)
    long = budget(profile, [there(0, 60 * M, 10), there(60 * M + 4 * H, 300 * M + 4 * H, 5)], 0, 300 * M + 4 * H)
    assert long.verdict == "indeterminate"
    assert long.reasons == ("coverage", "gaps")
    assert long.bands[0].verdict == "indeterminate"
    assert long.bands[0].remaining_s == 0


def test_nothing_measured_is_no_verdict_and_what_was_used_before_may_be_too_much():
    profile = TemperatureProfile(2.0, 8.0, (OUT,))
    none = budget(profile, [], 0, H)
    assert none.verdict == "indeterminate"
    assert none.reasons == ("no_data",)
    assert none.unknown_s == 3600
    assert none.bands[0].remaining_s is None
    assert none.share is None
    spent = budget(profile, [], 0, H, {"out": 3 * 3600.0})
    assert spent.verdict == "fail"
    assert spent.reasons == ("band", "used_before")
    assert spent.share == 0
    just = budget(profile, [there(0, H, 5)], 0, H, {"out": 3 * 3600.0 - 1})
    assert just.verdict == "pass"
    assert just.bands[0].remaining_s == 1


def test_accuracy_decides_too():
    stays = [there(0, 4 * H, 7.8)]
    assert budget(TemperatureProfile(2.0, 8.0, (OUT,)), stays, 0, 4 * H).verdict == "pass"
    found = budget(TemperatureProfile(2.0, 8.0, (OUT,), accuracy_c=0.5), stays, 0, 4 * H)
    assert found.verdict == "indeterminate"
    assert found.reasons == ("accuracy",)
    warm = budget(TemperatureProfile(2.0, 8.0, (OUT,), accuracy_c=0.5), [there(0, 4 * H, 8.6)], 0, 4 * H)
    assert warm.verdict == "fail"


def test_of_several_probes_the_warmest_counts_for_warmth_and_the_coldest_for_cold():
    cold = Band("cold", "<", 2.0, 1800, clear_c=0.0)
    stays = [there(0, H, 1, 9)]
    both = budget(TemperatureProfile(2.0, 8.0, (OUT, cold)), stays, 0, H)
    assert both.bands[0].known_used_s == 3600
    assert both.bands[1].verdict == "fail"
    mean = budget(TemperatureProfile(2.0, 8.0, (OUT, cold), aggregation="mean"), stays, 0, H)
    assert mean.verdict == "pass"
    assert (mean.min_c, mean.max_c) == (5, 5)


def test_the_kinetic_form_in_hours_at_the_storage_temperature():
    of = Kinetic(store_c=5.0, budget_s=100 * 3600, before_s=10 * 3600)
    profile = TemperatureProfile(gap_charge="warmer_side")
    found = budget(profile, [there(0, H, 25), there(2 * H, 3 * H, 5)], 0, 3 * H, of=of).kinetic
    assert found.known_used_s / 3600 == pytest.approx(10 + 11.152461 + 1, abs=1e-4)
    assert found.worst_case_used_s / 3600 == pytest.approx(10 + 2 * 11.152461 + 1, abs=1e-4)
    assert found.remaining_s / 3600 == pytest.approx(90 - 2 * 11.152461 - 1, abs=1e-4)
    assert found.verdict == "pass"
    assert budget(profile, [there(0, 9 * H, 25)], 0, 9 * H, of=of).verdict == "fail"


def test_a_limit_of_the_mean_kinetic_temperature_holds_over_places():
    profile = TemperatureProfile(2.0, 8.0, (OUT,), Mkt(8.0, 24 * 3600))
    stays = [there(0, 2 * H, 5), there(2 * H, 4 * H, 14)]
    found = budget(profile, stays, 0, 4 * H)
    assert found.verdict == "fail"
    assert found.reasons == ("mkt",)
