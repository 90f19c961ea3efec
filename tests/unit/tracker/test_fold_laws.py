"""The law of the fold, for rules of positions and temperatures: any split ends in the same facts and carries."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.cold_chain import bands
from domain.cold_chain.bands import Rules
from domain.cold_chain.profile import Band, TemperatureProfile
from domain.vehicles import code_of
from tests.examples import examples
from tracker.engine.carries import Packer, Table
from tracker.rules import breach, geofence, motion, quality, trips
from tracker.rules.geofence import Fence, Fences
from tracker.vehicles.positions import fixes_for, no_fixes

S = 1_000_000
VEHICLES = 3


class Fixes(NamedTuple):
    """Fixes of some vehicles, sorted by vehicle and time."""

    vehicle: np.ndarray
    t_us: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    accuracy_m: np.ndarray
    speed_mps: np.ndarray
    ignition: np.ndarray
    odometer_m: np.ndarray

    def take(self, index):
        return Fixes(*(column[index] for column in self))


def ring(lon, *corners):
    return [((lon + x + 180) % 360 - 180, y) for x, y in corners]


def fences_at(lon):
    """One of each shape, overlapping, around a meridian; and one far away that speaks to nobody."""
    square = ring(lon, (-0.001, 0.002), (0.001, 0.002), (0.001, 0.004), (-0.001, 0.004), (-0.001, 0.002))
    hole = ring(lon, (-0.0003, 0.0027), (0.0003, 0.0027), (0.0003, 0.0033), (-0.0003, 0.0033), (-0.0003, 0.0027))
    return Fences(
        [
            Fence(1, 0.0, lon, 150),
            Fence(2, 0.003, lon, 100, dwell_s=30),
            Fence(-3, 0.0, 0.0, 1, [square, hole]),
            Fence(4, 0.0, 0.0, 40, None, ring(lon, (-0.01, -0.002), (0.01, -0.002))),
            Fence(5, 40.0, 7.0, 5_000),
        ]
    )


FENCES = {lon: fences_at(lon) for lon in (20.0, 180.0)}


def random_fixes(seed, n, lon):
    """Driving, standing, jitter, glitches of 200 m, jumps of 300 km, gaps, two fixes at one time, silent columns."""
    rng = np.random.default_rng(seed)
    vehicle = np.sort(rng.integers(1, VEHICLES + 1, n))
    step = rng.choice([0, 1, 10, 10, 10, 30, 60, 200, 400, 1000, 3000], n, p=[0.05, *[0.1] * 9, 0.05])
    t = np.cumsum(step) * S
    pace = np.repeat(rng.choice([0.0, 0.0, 0.0003, -0.0003, 0.001, -0.001, 0.003], n // 8 + 1), 8)[:n]
    lat = np.cumsum(pace) + rng.normal(0, 0.00012, n) - rng.choice([0.0, 0.004])
    glitch = rng.random(n) < 0.05
    lat[glitch] += rng.choice([0.0018, -0.0018, 3.0], glitch.sum())
    said = rng.choice([np.nan, 1.0], n) if rng.random() < 0.5 else np.full(n, rng.choice([np.nan, 1.0]))
    return Fixes(
        vehicle,
        t,
        lat,
        (lon + rng.normal(0, 0.0003, n) + 180) % 360 - 180,
        rng.choice([np.nan, 5.0, 60.0, 500.0], n),
        said * np.where(pace == 0, rng.choice([0.0, 0.4, 1.0], n), 12.0),
        np.asarray(rng.choice([-1, -1, 0, 1], n), np.int8),
        rng.choice([np.nan, 1_000.0, 2_000.5], n),
    )


def quality_rule(fixes, carry, _fences):
    vehicles = np.unique(fixes.vehicle)
    kept = Table(no_fixes() if carry is None else carry)
    before = fixes_for(kept.of(vehicles), vehicles)
    after, jumps = quality.step(before, fixes.vehicle, fixes.t_us, fixes.lat, fixes.lon)
    kept.put(after)
    rows = zip(fixes.vehicle.tolist(), fixes.t_us.tolist(), fixes.lat.tolist(), strict=True)
    return kept.rows, dict(zip(rows, jumps.tolist(), strict=True))


def trips_rule(fixes, carry, _fences):
    kept = trips.Carry.empty() if carry is None else carry
    after, segments = trips.step(kept, trips.Rows(*fixes))
    return kept.updated(after), said(segments, "entity", "kind", "start_us")


def trips_by_class_rule(fixes, carry, _fences):
    """A courier, a vehicle nobody has told the class of, and a van: of several classes in one batch."""
    kept = trips.Carry.empty() if carry is None else carry
    classes = np.array([0, code_of("courier"), 0, code_of("van")])[np.unique(fixes.vehicle)]
    after, segments = trips.step(kept, trips.Rows(*fixes), motion.limits_of(classes))
    return kept.updated(after), said(segments, "entity", "kind", "start_us")


def geofence_rule(fixes, carry, fences):
    kept = geofence.Carry.empty() if carry is None else carry
    after, visits = geofence.step(fences, kept, geofence.Rows(*fixes[:5]))
    return kept.updated(after), said(visits, "entity", "start_us")


def banded(versions):
    """Profiles: WHO's rows and others in each way of counting; a later version has some of them, changed."""
    some = [
        Band("above", ">", 1.0, 300, clear_c=0.3),
        Band("below", "<=", -1.0, 0, clear_c=0.0),
        Band("ever", ">=", 0.5, 900, "cumulative", clear_c=0.0),
        Band("a day", ">", 0.4, 600, "cumulative", "daily", "03:00", clear_c=0.1),
        Band("a shipment", ">", 0.8, 400, "cumulative", "shipment", clear_c=0.1),
        Band("an hour", ">", 0.2, 500, "cumulative", "rolling", window_s=3600, clear_c=0.2),
    ]
    later = [replace(some[0], limit_c=1.5), *some[3:5], replace(some[5], for_s=60)]
    return Rules.of([TemperatureProfile(bands=tuple(b), max_interval_s=700) for b in (some, later, [])][:versions])


BANDED = {versions: banded(versions) for versions in (1, 3)}
BEGUN_AT = np.cumsum(np.arange(1, 60)) * 900 * S
BEGUN = {"shipment": (np.repeat(np.arange(1, VEHICLES + 1), 59), np.tile(BEGUN_AT, VEHICLES))}


def bands_rule(fixes, carry, _fences, versions=1):
    """Temperatures of the same shape: degrees south and north in thousandths."""
    kept = bands.State.empty() if carry is None else carry
    temp_c = np.round(fixes.lat * 1000, 1)
    of = (fixes.t_us // (5000 * S)) % versions
    after, stays = bands.step(kept, BANDED[versions], of, fixes.vehicle, fixes.t_us, temp_c, resets=BEGUN)
    return kept.updated(after), said(stays, "entity", "start_us")


def bands_of_versions_rule(fixes, carry, fences):
    """The profile is another one every now and then, and has no bands at all for a while."""
    return bands_rule(fixes, carry, fences, 3)


def breach_rule(fixes, carry, _fences):
    """Temperatures that drift and jump, a door and a defrosting now and then, a limit that is not always there."""
    kept = breach.Trend.empty() if carry is None else carry
    second = fixes.t_us // S
    rises = np.where(second // 7200 % 2 == 1, 1.0, 0.1)
    temp_c = np.round(4 + second % 7200 / 900 * rises + fixes.lat % 0.004 * 40, 2)
    limit_c = np.where(second // 9000 % 7 == 3, np.nan, 8.0)
    told = np.where(fixes.ignition > 0, fixes.t_us, breach.LONG_AGO)
    door_us = np.where(second % 5 == 0, fixes.t_us - 200 * S, breach.LONG_AGO)
    never = np.full(len(second), breach.LONG_AGO)
    rows = (limit_c, np.full(len(second), 600 * S), door_us, never, np.where(told > 0, 8.0, np.nan), fixes.ignition)
    after, found = breach.step(kept, breach.Rows(fixes.vehicle, fixes.t_us, temp_c, *rows))
    return kept.updated(after), said(found, "entity", "start_us")


RULES = {
    "bands": bands_rule,
    "breach": breach_rule,
    "bands of versions": bands_of_versions_rule,
    "quality": quality_rule,
    "trips": trips_rule,
    "trips by class": trips_by_class_rule,
    "geofence": geofence_rule,
}


OF_THE_STEP = ("began_here", "newest_us", "soon_us", "late_us", "line_c", "for_us")
"""About the step, not about the world."""


def said(facts, *key):
    """The facts by their key."""
    rest = [f.name for f in fields(facts) if f.name not in (*key, *OF_THE_STEP)]
    columns = [getattr(facts, name).tolist() for name in (*key, *rest)]
    return {row[: len(key)]: row[len(key) :] for row in zip(*columns, strict=True)}


def plain(carry):
    """All columns of a carry as bytes."""
    parts = [carry] if is_dataclass(carry) else list(carry)
    return [getattr(part, f.name).tobytes() for part in parts for f in fields(part)]


def fold(rule, fixes, chunk, fences):
    """Facts, the last word on each, and the carry, of chunks given one after the other."""
    carry, facts = None, {}
    for number in np.unique(chunk):
        carry, found = rule(fixes.take(chunk == number), carry, fences)
        facts |= found
    return repr(sorted(facts.items())), plain(carry)


def chunks(fixes, seed):
    """A chunk number per row that never falls within a vehicle: vehicles are cut at places of their own."""
    rng = np.random.default_rng(seed)
    out = np.empty(len(fixes.vehicle), np.int64)
    for each in np.unique(fixes.vehicle):
        rows = fixes.vehicle == each
        out[rows] = np.sort(rng.integers(0, rng.choice([2, 5, 40]), rows.sum()))
    return out


def one_by_one(fixes):
    out = np.arange(len(fixes.vehicle))
    return out - np.searchsorted(fixes.vehicle, fixes.vehicle)


@pytest.mark.parametrize("name", list(RULES))
@given(st.integers(0, 10**9), st.integers(1, 160), st.sampled_from(sorted(FENCES)))
@example(37163, 70, 20.0)  # a passage in doubt for too long, then a fix inside after a gap
@example(1384, 48, 20.0)
@example(1427, 84, 180.0)
@settings(deadline=None, max_examples=examples(60))
def test_any_split_gives_the_same_facts_and_the_same_carry(name, seed, n, lon):
    rule, fixes, fences = RULES[name], random_fixes(seed, n, lon), FENCES[lon]
    whole = fold(rule, fixes, np.zeros(n, np.int64), fences)
    assert fold(rule, fixes, chunks(fixes, seed), fences) == whole
    assert fold(rule, fixes, one_by_one(fixes), fences) == whole


@pytest.mark.parametrize("name", list(RULES))
def test_each_vehicle_is_told_the_same_alone_and_in_company(name):
    fixes, fences = random_fixes(11, 300, 20.0), FENCES[20.0]
    _, together = RULES[name](fixes, None, fences)
    alone = {}
    for each in range(1, VEHICLES + 1):
        alone |= RULES[name](fixes.take(fixes.vehicle == each), None, fences)[1]
    assert repr(sorted(together.items())) == repr(sorted(alone.items()))
    assert together


def test_the_readings_of_the_law_hold_every_kind_of_fact():
    kinds, visits, jumps, by_class, forecasts, alarms = set(), 0, 0, 0, 0, {}
    for seed in range(30):
        fixes = random_fixes(seed, 160, 20.0)
        by_class += trips_by_class_rule(fixes, None, None)[1] != trips_rule(fixes, None, None)[1]
        for (entity, _), stay in bands_of_versions_rule(fixes, None, None)[1].items():
            alarms.setdefault(entity % 2**32, []).append(stay[1] != bands.scan.NEVER)
        kinds |= {key[1] for key in trips_rule(fixes, None, None)[1]}
        forecasts += len(breach_rule(fixes, None, None)[1])
        visits += len(geofence_rule(fixes, None, FENCES[20.0])[1])
        jumps += sum(quality_rule(fixes, None, None)[1].values())
    assert kinds == {trips.STOP, trips.TRIP, trips.UNKNOWN}
    assert visits > 20
    assert jumps > 20
    assert by_class > 20
    assert forecasts > 5
    assert len(alarms) == 6
    assert all(sum(of) > 20 for of in alarms.values())


def test_who_is_told_no_class_is_told_the_same_beside_others_that_are():
    fixes = random_fixes(3, 400, 20.0)
    mine = fixes.take(fixes.vehicle == 2)
    beside = {key: word for key, word in trips_by_class_rule(fixes, None, None)[1].items() if key[0] == 2}
    assert repr(beside) == repr(trips_rule(mine, None, None)[1])
    assert len(beside) > 3


@pytest.mark.parametrize("name", ["bands of versions", "trips", "geofence"])
def test_a_carry_that_was_packed_in_between_is_the_same(name):
    made = (RULES[name](random_fixes(seed, 160, 20.0), None, FENCES[20.0])[0] for seed in range(100))
    parts = ([carry] if is_dataclass(carry) else list(carry) for carry in made)
    for part in next(found for found in parts if all(map(len, found))):
        packer = Packer(1, (type(part).empty(),), (lambda e: e,))
        (back,) = packer.unpack(packer.pack(np.unique(part.entity), (part,)))
        assert plain(back) == plain(part)
