"""Presence of tags: the same whatever the portions, the order and the repeats; and what it makes of plain cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.rules.presence.awake import Awake
from tracker.rules.presence.beliefs import Tags, late, look, passed_over, step
from tracker.rules.presence.hearing import Counted, learned_of
from tracker.rules.presence.knowledge import portals_of, unlearned
from tracker.rules.presence.levels import COUNTED, summed

KNOWN = replace(unlearned(), portals=portals_of([(5, 6)]))
IN, OUT = -55.0, -68.0


class Reads:
    """Reads as columns."""

    def __init__(self, tag, epoch, zone, dbm, ms=None):
        columns = (np.int64, np.int64, np.int64, np.float64, np.int64)
        ms = np.zeros(len(tag)) if ms is None else ms
        self.columns = [np.asarray(c, d) for c, d in zip((tag, epoch, zone, dbm, ms), columns, strict=True)]

    def __len__(self):
        return len(self.columns[0])

    def take(self, index):
        return Reads(*(c[index] for c in self.columns))

    @property
    def tag(self):
        return self.columns[0]

    @property
    def epoch(self):
        return self.columns[1]

    @property
    def zone(self):
        return self.columns[2]


class Store:
    """What a tracker does with the rule: live reads go on, late ones let their tag be folded again from its first."""

    def __init__(self):
        self.kept, self.awake, self.tags = [], Awake.empty(), Tags.empty()

    def take(self, reads):
        self.kept.append(reads)
        woken = self.awake.add(reads.zone, reads.epoch)
        again = {t for _, some in passed_over(self.tags, woken) for t in some.tolist()}
        before = self.tags.of(np.unique(reads.tag))
        behind = late(before, reads.tag, reads.epoch)
        again |= set(reads.tag[behind].tolist())
        live = reads.take(~behind & ~np.isin(reads.tag, list(again)))
        if len(live):
            which = np.unique(live.tag)
            self.tags = self.tags.updated(
                step(self.tags.of(which), *live.columns[:4], self.awake, KNOWN, live.columns[4])
            )
        for tag in sorted(again):
            self.fold_again(tag)

    def fold_again(self, tag):
        found = [r.take(r.tag == tag) for r in self.kept]
        columns = [np.concatenate(c) for c in zip(*(f.columns for f in found), strict=True)]
        self.tags = self.tags.updated(step(Tags.blank(np.array([tag])), *columns[:4], self.awake, KNOWN, columns[4]))

    def state(self):
        zone, chance = look(self.tags, self.awake, KNOWN)
        return [self.tags.entity.tobytes(), *(c.tobytes() for c in self.tags.columns().values()), zone.tobytes(),
                chance.tobytes(), self.awake.begin.tobytes(), self.awake.end.tobytes()]  # fmt: skip


def random_reads(seed, n):
    """Tags that move between zones, are heard by neighbours too, without strength now and then; pauses of readers."""
    rng = np.random.default_rng(seed)
    epoch = np.sort(rng.integers(0, max(n, 4), n)) + 1_000_000
    epoch += (epoch > 1_000_000 + n // 2) * int(rng.integers(0, 50))
    tag, zone = rng.integers(1, 6, n), rng.integers(1, 7, n)
    mostly = rng.random(n) < 0.8
    zone[mostly] = 1 + (tag[mostly] + epoch[mostly] // 20) % 6
    dbm = np.where(rng.random(n) < 0.1, np.nan, rng.normal(-60, 8, n)).round(1)
    return Reads(tag, epoch, zone, dbm, rng.integers(0, 30_000, n))


def told_in_order(reads):
    store = Store()
    store.take(reads)
    return store.state()


seeds = st.integers(0, 2**31)


@given(seed=seeds, n=st.integers(1, 120), cuts=st.lists(st.integers(0, 120), max_size=8))
@settings(deadline=None)
def test_any_portions_give_the_same_to_the_bit(seed, n, cuts):
    reads, store = random_reads(seed, n), Store()
    for part in np.split(np.arange(n), sorted(min(c, n) for c in cuts)):
        if len(part):
            store.take(reads.take(part))
    assert store.state() == told_in_order(reads)


@given(seed=seeds, n=st.integers(1, 120), parts=st.integers(1, 9), doubled=st.booleans())
@settings(deadline=None)
def test_any_order_and_repeats_give_the_same_to_the_bit(seed, n, parts, doubled):
    reads, store = random_reads(seed, n), Store()
    order = np.random.default_rng(seed + 1).permutation(np.concatenate([np.arange(n)] * (2 if doubled else 1)))
    for part in np.array_split(order, parts):
        if len(part):
            store.take(reads.take(part))
    assert store.state() == told_in_order(reads)


@given(seed=seeds, n=st.integers(1, 60), parts=st.integers(1, 9))
def test_spans_awake_are_those_of_the_epochs_that_heard_something(seed, n, parts):
    rng = np.random.default_rng(seed)
    zone, epoch = rng.integers(1, 4, n), rng.integers(5, 40, n)
    awake, before, rows = Awake.empty(), set(), {}
    everywhere = [(z, e) for z in range(1, 5) for e in range(60)]
    for part in np.array_split(np.arange(n), parts):
        woken = awake.add(zone[part], epoch[part])
        now = {(int(z), int(e)) for z, e in zip(zone[part], epoch[part], strict=True)}
        fresh, before = now - before, before | now
        since = {z: min(e for y, e in fresh if y == z) for z, _ in fresh}
        assert (dict(zip(woken.zone.tolist(), woken.since.tolist(), strict=True)) if woken else {}) == since
        if woken:
            rows = {b: e for b, e in rows.items() if b not in woken.gone.tolist()}
            rows |= dict(zip(woken.fresh.tolist(), woken.fresh_end.tolist(), strict=True))
    assert rows == dict(zip(awake.begin.tolist(), awake.end.tolist(), strict=True))
    z, e = (np.array(c) for c in zip(*everywhere, strict=True))
    assert {k for k, yes in zip(everywhere, awake.holds(z, e), strict=True) if yes} == before
    counted = awake.until(z, e) - awake.until(z, np.zeros_like(z))
    assert counted.tolist() == [sum(y == a and x <= b for y, x in before) for a, b in everywhere]
    newest = {k: int(epoch[zone == k].max()) for k in set(zone.tolist())}
    assert awake.newest(np.arange(1, 5)).tolist() == [newest.get(k, -1) for k in range(1, 5)]


def chances(*reads):
    """Chance by zone of tag 1 after reads (tag, epoch, zone, strength)."""
    store = Store()
    store.take(Reads(*zip(*reads, strict=True)))
    zone, chance = look(store.tags.of(np.array([1])), store.awake, KNOWN)
    return {z: round(float(p), 3) for z, p in zip(zone[0].tolist(), chance[0].tolist(), strict=True) if z}


def test_a_tag_is_where_it_is_heard_well_and_is_missed_when_its_reader_hears_others():
    here = [(1, e, 7, IN) for e in range(10)]
    assert chances(*here)[7] > 0.99
    others = [(2, e, 7, IN) for e in range(10, 20)]
    assert chances(*here, *others)[7] < 0.01


def test_an_epoch_that_has_just_begun_takes_nobody_away():
    """A reader reports a thousand tags one after the other: the level must not dip at the beginning of each epoch."""
    here = [(1, e, 7, IN) for e in range(10)]
    assert chances(*here, (2, 10, 7, IN)) == chances(*here)
    assert chances(*here, (1, 10, 8, OUT)) == chances(*here, (1, 10, 8, OUT), (2, 10, 7, IN))
    assert chances(*here, (2, 10, 7, IN), (2, 11, 7, IN))[7] < chances(*here)[7]


def test_a_reader_that_is_off_takes_nobody_away():
    here = [(1, e, 7, IN) for e in range(10)]
    elsewhere = [(2, e, 8, IN) for e in range(10, 3000)]
    assert chances(*here, *elsewhere) == chances(*here)
    assert chances(*here, *elsewhere, (2, 3000, 7, IN))[7] > 0.95


def test_one_weak_read_of_an_unknown_tag_makes_no_presence_and_one_strong_read_does():
    assert chances((1, 0, 7, -75.0))[7] < 0.1
    assert chances((1, 0, 7, IN))[7] > 0.8
    assert chances(*((1, e, 7, -72.0) for e in range(0, 12, 2)))[7] > 0.9


def test_what_is_read_through_the_wall_stays_where_it_is_heard_better():
    both = [(1, e, 7, IN) for e in range(20)] + [(1, e, 8, OUT) for e in range(0, 20, 3)]
    assert chances(*both)[7] > 0.99
    assert chances(*both, *((1, e, 8, OUT) for e in range(20, 23)), *((2, e, 7, IN) for e in range(20, 23)))[8] < 0.5
    assert chances(*both, *((1, e, 8, IN) for e in range(20, 23)), *((2, e, 7, IN) for e in range(20, 23)))[8] > 0.9


def test_a_tag_that_answers_seldom_is_missed_later():
    seldom, often = ([(1, e, 7, IN) for e in range(0, 200, every)] for every in (5, 1))
    others = [(2, e, 7, IN) for e in range(207)]
    assert chances(*often, *others)[7] < 0.01
    assert chances(*seldom, *others)[7] > 0.7


@pytest.mark.parametrize(("first", "last"), [(5, 6), (6, 5)])
def test_a_portal_tells_to_which_side_a_tag_went(first, last):
    """Loudest at the one side, then at the other; a tag nobody knew, and one that stood in a room before."""
    pass_by = [
        (1, 50, z, -47.0 - abs(s), 10_000 + 1_500 * (z == last) + 500 * s) for z in (first, last) for s in (-1, 0, 1)
    ]
    assert chances(*pass_by)[last] > 0.8
    here = [(1, e, first, IN, 0) for e in range(40)]
    found = chances(*here, *pass_by)
    assert found[last] > 0.6
    assert found[first] < 0.4
    stays = [(1, e, z, -50.0, 1_000 * e % 7 + z) for e in range(40, 60) for z in (first, last)]
    still = chances(*here, *stays)
    assert still[first] + still[last] > 0.95


def test_without_strengths_zones_are_told_apart_by_how_often():
    reads = [(1, e, 7, np.nan) for e in range(20)] + [(1, e, 8, np.nan) for e in range(0, 20, 5)]
    assert chances(*reads)[7] > 0.95


def test_a_fifth_zone_takes_the_place_of_the_least_likely():
    reads = [(1, e, z, IN if z == 7 else OUT) for e in range(6) for z in (7, 1 + e)]
    found = chances(*reads)
    assert found[7] > 0.95
    assert len(found) == 4


def test_what_is_learned_of_a_zone_stays_possible_and_few_reads_move_little():
    few = learned_of([Counted(7, 7, 3, 3, -30.0, 0.0, 3)])[0]
    assert few.inside_dbm == pytest.approx(-55, abs=0.3)
    assert few.leak == pytest.approx(0.15)
    strange = [Counted(7, 7, 9000, 9000, -60.0, 1.0, 9000), Counted(7, 8, 9000, 9000, -40.0, 1.0, 9000)]
    odd = learned_of(strange)[0]
    assert odd.outside_dbm <= odd.inside_dbm - 3
    assert odd.sd_db >= 3
    assert odd.leak <= 0.6
    assert learned_of([Counted(7, 8, 10, 0, 0.0, 0.0, 10)]) == []


def test_state_of_a_tag_is_small():
    row = Tags.blank(np.arange(1000))
    assert sum(c.nbytes for c in (row.entity, *row.columns().values())) / 1000 <= 110


@pytest.mark.parametrize("count", [5, COUNTED + 20])
def test_the_chance_of_a_level_is_that_of_the_number(count):
    rng = np.random.default_rng(count)
    chance = rng.uniform(0.05, 0.95, count)
    found = summed(np.full(count, 3), chance)
    drawn = (rng.random((20_000, count)) < chance).sum(axis=1)
    assert found.expected[0] == pytest.approx(chance.sum())
    assert found.confidence[0] == pytest.approx((drawn == found.quantity[0]).mean(), abs=0.015)
    sure = summed(np.array([3, 3, 3]), np.array([1.0, 1.0, 0.0]))
    assert (sure.quantity.tolist(), sure.confidence.tolist()) == ([2.0], [1.0])
