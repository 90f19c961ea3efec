"""What lies in a slot: the law of the fold, and each thing that is no sale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.shelves import graded, world
from tests.examples import examples
from tracker.rules.shelves.carry import Rows, Slots
from tracker.rules.shelves.quantity import MG, Changes, step

S = 1_000_000
NAN = np.nan
ONE = np.array([1])


def fold(rows: Rows, product: Any, unit_kg: Any, chunk: Any) -> tuple[list[Any], list[bytes]]:
    carry = Slots.empty()
    found: list[Any] = []
    slots = np.arange(1, len(product) + 1)
    for number in np.unique(chunk):
        some = rows.take(chunk == number)
        touched = np.unique(some.slot)
        of = np.searchsorted(slots, touched)
        after, changes = step(carry.of(touched), product[of], unit_kg[of], some)
        carry = carry.updated(after)
        found += zip(*(column.tolist() for column in changes), strict=True)
    return sorted(found), [column.tobytes() for column in (carry.entity, *carry.columns().values())]


def random_rows(seed: int, n: int) -> Rows:
    """Sales, hands, noise, creeping, silence, nonsense, masses and counts, two readings at one time; of three slots."""
    rng = np.random.default_rng(seed)
    slot = np.sort(rng.integers(1, 4, n))
    t_us = np.cumsum(rng.choice([0, 2, 5, 5, 5, 60, 600, 4000], n)) * S
    held = 12 + np.cumsum(rng.choice([0, 0, 0, 0, -1, 1, 3, -2], n)) % 20
    mass = 0.4 * held + rng.normal(0, rng.choice([0.001, 0.02, 0.1]), n) + np.arange(n) * rng.choice([0, 1e-4])
    mass += rng.choice([0.0, 0.5, -3.0], n, p=[0.9, 0.05, 0.05])
    mass = np.where(rng.random(n) < 0.05, rng.choice([NAN, np.inf, -1.0, 1e9], n), mass)
    counts = rng.random(n) < rng.choice([0.0, 0.1, 1.0])
    return Rows(slot, t_us, np.where(counts, NAN, mass), np.where(counts, held + rng.integers(-1, 2, n), NAN))


@given(st.integers(0, 10**9), st.integers(1, 80))
@settings(deadline=None, max_examples=examples(25))
def test_any_split_gives_the_same_changes_and_the_same_carry(seed: int, n: int) -> None:
    rows, product, unit_kg = random_rows(seed, n), np.array([1, 1, 2]), np.array([0.4, NAN, 0.4])
    whole = fold(rows, product, unit_kg, np.zeros(n))
    rng = np.random.default_rng(seed)
    cuts = np.empty(n)
    for each in (1, 2, 3):
        cuts[rows.slot == each] = np.sort(rng.integers(0, 7, (rows.slot == each).sum()))
    assert fold(rows, product, unit_kg, cuts) == whole
    assert fold(rows, product, unit_kg, np.arange(n) - np.searchsorted(rows.slot, rows.slot)) == whole
    mine = rows.slot == 2
    alone, _ = fold(rows.take(mine), product, unit_kg, np.zeros(mine.sum()))
    assert repr(alone) == repr([change for change in whole[0] if change[0] == 2])


def weigh(
    mass_kg: Any,
    unit_kg: float = 1.0,
    every_s: float = 5,
    count: Any = None,
    carry: Slots | None = None,
    at_s: float = 0,
) -> tuple[Slots, Changes]:
    n = len(mass_kg)
    t_us = ((at_s + np.arange(n) * every_s) * S).astype(np.int64)
    counts = np.full(n, NAN) if count is None else np.asarray(count, float)
    rows = Rows(np.ones(n, np.int64), t_us, np.asarray(mass_kg, float), counts)
    return step(carry or Slots.blank(ONE), ONE, np.array([unit_kg]), rows)


def test_one_weighing_is_a_hand_on_the_shelf_two_are_a_sale_with_a_time() -> None:
    after, changes = weigh([5.0, 5.0, 3.0, 5.0, 4.0, 4.0, 4.0])
    assert after.quantity.tolist() == [4.0]
    assert changes.quantity.tolist() == [5.0, 4.0]
    assert changes.at_us.tolist() == [0, 20 * S]
    assert changes.before_us.tolist()[1] == 15 * S
    assert after.confidence[0] > 0.98


def test_a_shelf_that_shakes_and_a_mass_between_two_quantities_change_nothing() -> None:
    shaking = 5 + np.random.default_rng(1).normal(0, 1.5, 40)
    after, changes = weigh(np.concatenate([[5.0] * 12, shaking, [5.0] * 12]))
    assert changes.quantity.tolist() == [5.0]
    between, changes = weigh([4.55] * 20, carry=after, at_s=1000)
    assert changes.quantity.tolist() == []
    assert between.confidence[0] < 0.55 < after.confidence[0]


@pytest.mark.parametrize("creeps_kg", [0.001, -0.001])
def test_a_scale_that_creeps_a_gram_an_hour_for_a_month_sells_nothing_and_a_sale_is_one(creeps_kg: float) -> None:
    hours = 30 * 24
    t_h = np.arange(hours * 6) / 6
    noise = np.random.default_rng(2).normal(0, 0.004, len(t_h))
    after, changes = weigh(8 * 0.25 + creeps_kg * t_h + noise, 0.25, every_s=600)
    assert abs(creeps_kg) * hours > 2 * 0.25
    assert changes.quantity.tolist() == [8.0]
    assert after.confidence[0] > 0.95
    later = 7 * 0.25 + creeps_kg * (hours + np.arange(4) / 6)
    sold, changes = weigh(later, 0.25, every_s=600, carry=after, at_s=hours * 3600)
    assert changes.quantity.tolist() == [7.0]
    assert changes.at_us.tolist() == [hours * 3600 * S]
    assert abs(sold.offset[0] / MG - creeps_kg * hours) < 0.01


def test_what_no_scale_can_mean_counts_for_nothing() -> None:
    after, changes = weigh([5.0, 5.0, NAN, np.inf, 1e9, -1e9, 5.0, -3.0, -3.0, -3.0])
    assert changes.quantity.tolist() == [5.0]
    assert after.quantity.tolist() == [5.0]
    assert after.confidence[0] < 0.6


def test_the_mass_of_a_unit_is_learned_of_steps_and_nothing_is_said_before() -> None:
    rng, held = np.random.default_rng(4), np.repeat([9, 8, 6, 5, 4, 1], 60)
    mass_kg = 0.35 * held + rng.normal(0, 0.003, len(held))
    before, changes = weigh(mass_kg[:110], NAN)
    assert (before.quantity[0], before.confidence[0], len(changes.slot)) == (-1, 0, 0)
    after, changes = weigh(mass_kg, NAN, every_s=60)
    assert changes.quantity.tolist() == [4.0, 1.0]
    assert abs(after.unit[0] / MG - 0.35) < 4 * after.unit_sd[0] / MG + 0.001
    assert 0.8 < after.confidence[0] < 0.98


def test_another_product_begins_anew_and_another_mass_of_its_unit_is_read_with_that() -> None:
    after, _ = weigh([6.0] * 4)
    lighter, changes = weigh([6.0] * 3, 0.5, carry=after, at_s=100)
    assert (changes.old.tolist(), changes.quantity.tolist()) == ([6.0], [12.0])
    rows = Rows(np.array([1]), np.array([200 * S]), np.array([6.0]), np.array([NAN]))
    other, _ = step(lighter, np.array([2]), np.array([0.5]), rows)
    assert other.quantity.tolist() == [12.0]
    rows = Rows(np.array([1]), np.array([300 * S]), np.array([NAN]), np.array([NAN]))
    assert step(other, np.array([3]), np.array([0.5]), rows)[0].quantity.tolist() == [-1.0]


def test_a_shelf_from_which_people_take_every_ten_seconds_is_followed() -> None:
    held = np.repeat([20, 19, 18, 17, 15, 14, 13, 12], [4, 3, 2, 4, 3, 3, 2, 4])
    mass_kg = 1.03 * held + np.random.default_rng(5).normal(0, 0.004, len(held))
    after, changes = weigh(mass_kg, 1.03)
    assert after.quantity.tolist() == [12.0]
    assert len(changes.slot) >= 6


def test_a_count_is_believed_at_once_and_one_that_jumps_and_returns_is_not() -> None:
    none = [NAN] * 6
    assert weigh(none[:1], count=[17])[1].quantity.tolist() == [17.0]
    assert weigh(none, count=[5, 5, 9, 5, 4, 4])[1].quantity.tolist() == [5.0, 4.0]
    assert weigh(none, count=[5, 5, 9, 5, 4, 4])[1].at_us.tolist() == [0, 20 * S]
    assert weigh(none, count=[5, 9, 5, 4, 4, 4], every_s=60)[1].quantity.tolist() == [5.0, 9.0, 5.0, 4.0]
    assert weigh(none, count=[-1, NAN, -5, 3, 3, 3])[1].quantity.tolist() == [3.0]


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2])
def test_it_is_less_often_wrong_than_the_last_mass_and_two_that_agree(noise: float) -> None:
    found = graded(world(11, noise, hours=10, slots=6))
    assert found.ours.wrong < min(found.nearest.wrong, found.two.wrong)
    assert found.ours.untimed < 0.7 * min(found.nearest.untimed, found.two.untimed)
    assert found.ours.late_s <= min(found.nearest.late_s, found.two.late_s)
