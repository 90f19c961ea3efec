"""Which excursions are one alert, what holds an alarm back, and when a sensor is not believed: pure."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.cold_chain.chains import REOPEN_US, Alarmed, Standing, chains
from domain.cold_chain.profile import Suppression
from domain.cold_chain.suppress import OPEN_US_MAX, Held, Said, held_back, spells, uncounted
from domain.folds.scan import NEVER
from domain.readings import Flag, TemperatureBatch
from tracker.temperatures.faults import SensorFaults

S = 1_000_000


def stay(number, start_s, end_s, severity="warning", limit_c=8.0, extreme_c=9.0):
    end_us = NEVER if end_s is None else end_s * S
    return Alarmed(number, 7, "above", severity, limit_c, start_s * S, end_us, start_s * S + 5, extreme_c)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 3_000)), max_size=12), st.randoms())
def test_stays_are_one_alert_exactly_when_the_pause_between_is_short(spans, random):
    stays = [stay(i + 1, a, a + n) for i, (a, n) in enumerate(spans)]
    shuffled = random.sample(stays, len(stays))
    found, left = chains(shuffled, [])
    assert not left
    assert sorted(m.id for c in found for m in c.members) == sorted(s.id for s in stays)
    for before, behind in pairwise(found):
        assert behind.start_us > before.end_us + REOPEN_US
    for chain in found:
        for m in chain.members:
            others = [x for x in chain.members if x.start_us < m.start_us]
            assert m.start_us == chain.start_us or m.start_us <= max(x.end_us for x in others) + REOPEN_US


def test_the_outermost_that_lasts_decides_then_the_worst_there_was():
    warm, hot = stay(1, 0, None), stay(2, 100, 500, "critical", 12.0, 13.5)
    (chain,) = chains([warm, hot], [])[0]
    assert (chain.lead, chain.title, chain.fact_id) == (warm, "Too warm: 13.5 °C", 1)
    (chain,) = chains([warm._replace(end_us=900 * S), hot], [])[0]
    assert (chain.lead.severity, chain.end_us) == ("critical", 900 * S)


def test_an_alert_goes_on_with_its_fact_or_with_what_stands_in_its_place():
    standing = Standing(1, 0, NEVER, 5)
    (chain,), left = chains([stay(1, 0, 60), stay(2, 100, None)], [standing])
    assert (chain.fact_id, chain.was_of, left) == (1, 1, [])
    (chain,), left = chains([stay(2, 100, None)], [standing])  # its fact is gone
    assert (chain.fact_id, chain.was_of, left) == (2, 1, [])
    assert chains([], [standing]) == ([], [standing])


def test_what_begins_after_somebody_was_done_with_an_alert_is_another():
    done = Standing(1, 0, NEVER, 5, resolved_us=50 * S)
    found, _ = chains([stay(1, 0, None), stay(2, 60, None, "critical")], [done])
    assert [(c.fact_id, c.was_of) for c in found] == [(1, 1), (2, 0)]


def test_spells_of_doors_and_defrosts():
    said = [Said(t * S, what, 1, on) for t, what, on in [
        (10, "door", True), (20, "door", True), (30, "door", False), (100, "defrost", True), (200, "defrost", False),
        (400, "door", True),
    ]]  # fmt: skip
    both = Suppression(door_open=True, defrost_s=60, precondition_s=5)
    assert spells(said, both, [1 * S], 500 * S) == [
        (1 * S, 6 * S, "precondition"),
        (10 * S, 30 * S, "door"),
        (100 * S, 260 * S, "defrost"),
        (400 * S, NEVER, "door"),
    ]
    assert [why for *_, why in spells(said, Suppression(defrost_s=0), [1 * S], 500 * S)] == ["defrost"]
    forgotten = 400 * S + OPEN_US_MAX
    assert spells(said, both, [], forgotten + 1)[-1] == (400 * S, forgotten, "door")


def test_an_alarm_waits_for_the_end_of_all_that_follows_one_another():
    among = [(0, 50, "door"), (40, 90, "defrost"), (200, 300, "door")]
    assert held_back(10, NEVER, among) == ("door", 90)
    assert held_back(10, 80, among) == ("door", NEVER)
    assert held_back(95, NEVER, among) is None
    assert held_back(250, NEVER, [(200, NEVER, "door")]) == ("door", NEVER)


def readings(*rows):
    n = len(rows)
    blank = {name: np.zeros(n, dtype) for name, dtype in TemperatureBatch.DTYPES.items()}
    told = {"probe_id": [r[0] for r in rows], "time_us": [r[1] * S for r in rows], "temp_c": [r[2] for r in rows]}
    told |= {"flags": [r[3] for r in rows], "device_id": [r[0] + 10 for r in rows]}
    return TemperatureBatch.build({**blank, **told})


BAD = int(Flag.SENTINEL)


def test_a_fault_takes_three_error_codes_or_one_that_stands_still_and_is_over_with_a_sound_reading():
    faults = SensorFaults()
    assert faults.step(readings((1, 0, 85.0, BAD), (1, 60, 5.0, 0), (2, 0, -127.0, BAD))) == []
    assert faults.step(readings((2, 60, -127.0, BAD), (1, 120, 85.0, BAD))) == []
    (found,) = faults.step(readings((2, 120, -127.0, BAD), (1, 180, 5.0, 0)))
    assert found == (2, 12, 0, "says -127 °C", False)
    assert faults.step(readings((2, 180, -127.0, BAD), (2, 30, 5.0, 0))) == []  # told already; late is late
    (found,) = faults.step(readings((2, 240, -127.0, BAD), (2, 300, 5.0, 0), (2, 360, 5.1, 0)))
    assert (found.at_us, found.over) == (300 * S, True)
    (found,) = faults.step(readings((3, 0, 4.0, int(Flag.STUCK))))
    assert found.what == "stands still at 4 °C"


def test_what_was_told_before_a_restart_is_over_all_the_same():
    faults = SensorFaults()
    faults.load([4])
    (found,) = faults.step(readings((4, 10, 5.0, 0)))
    assert (found.probe_id, found.at_us, found.over) == (4, 10 * S, True)


@given(
    st.integers(0, 30),
    st.integers(0, 20),
    st.integers(0, 90) | st.just(NEVER),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=4),
    st.randoms(use_true_random=False),
)
def test_time_that_does_not_count_is_told_by_when_the_rest_was_long_enough(start, lasts, ends, spans, random):
    among = [(begin, begin + size, "door") for begin, size in spans]
    random.shuffle(among)
    end = ends if ends == NEVER else start + lasts + ends
    found = uncounted(start, start + lasts, end, among)
    free = [at for at in range(start, 400) if not any(a <= at < b for a, b, _ in among)]
    told = free[lasts] if lasts == 0 else free[lasts - 1] + 1
    if found is None:
        assert told == start + lasts
    else:
        assert found == Held("door", NEVER if end <= told else told)
