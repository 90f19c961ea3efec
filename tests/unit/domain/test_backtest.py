"""What a profile would have raised, from nothing but readings and what doors said."""

import numpy as np

from domain.cold_chain.backtest import DAY_US, LEAD_US_MAX, Case, cases, compared, lead_us
from domain.cold_chain.parsing import profile_of
from domain.cold_chain.suppress import Said
from domain.folds.scan import NEVER

MIN = 60_000_000
WARM = profile_of({"high_c": 8, "for_s": 600, "hysteresis_c": 0.5})


def tried(profile, temps, **more):
    """Of one probe, a reading a minute."""
    n = len(temps)
    still = more.pop("still", np.zeros(n, np.bool_))
    found = cases(profile, np.full(n, 7), np.arange(n) * MIN, np.array(temps, np.float64), still, **more)
    return [(c.kind, c.severity, c.start_us / MIN, c.alarm_us / MIN, c.end_us / MIN) for c in found]


def test_a_stay_that_lasts_is_a_case_and_one_that_does_not_is_none() -> None:
    temps = [5.0] * 10 + [11.0] * 20 + [5.0] * 30 + [11.0] * 5 + [5.0] * 10
    assert tried(WARM, temps) == [("above", "critical", 9.5, 19.5, 29.0 + 3.5 / 6)]
    assert tried(WARM, []) == []


def test_what_returns_within_ten_minutes_is_one_case_and_steps_of_severity_are() -> None:
    bands = [
        {"name": "warm", "op": ">", "limit_c": 8, "for_s": 300, "severity": "warning"},
        {"name": "hot", "op": ">", "limit_c": 10, "for_s": 60},
        {"name": "seen", "op": ">", "limit_c": 2, "for_s": 0, "severity": "info"},
    ]
    steps = profile_of({"high_c": 8, "bands": bands})
    found = tried(steps, [5.0] * 10 + [9.0] * 10 + [12.0] * 10 + [5.0] * 5 + [9.0] * 10 + [5.0] * 40)
    assert [(kind, severity) for kind, severity, *_ in found] == [("above", "critical")]
    ((_, _, start, alarm, end),) = found
    assert (start, alarm) == (9.75, 14.75)
    assert 44 < end < 45


def test_a_door_that_is_open_holds_it_back_unless_it_lasts_longer() -> None:
    quiet = profile_of({"high_c": 8, "for_s": 600, "suppress": {"door_open": True}})
    temps = [5.0] * 10 + [11.0] * 20 + [5.0] * 30
    shut_late = [Said(8 * MIN, "door", 3, True), Said(40 * MIN, "door", 3, False)]
    assert tried(quiet, temps, said=shut_late) == []
    assert len(tried(WARM, temps, said=shut_late)) == 1
    uncounted = profile_of({"high_c": 8, "for_s": 600, "suppress": {"door_open": True, "counts": False}})
    shut_at_once = [Said(8 * MIN, "door", 3, True), Said(18 * MIN, "door", 3, False)]
    assert len(tried(quiet, temps, said=shut_at_once)) == 1
    assert len(tried(uncounted, temps, said=shut_at_once)) == 1  # it lasted for ten minutes more
    shut_later = [Said(8 * MIN, "door", 3, True), Said(21 * MIN, "door", 3, False)]
    assert len(tried(quiet, temps, said=shut_later)) == 1
    assert tried(uncounted, temps, said=shut_later) == []  # but not when the door was open for that long
    shut_soon = [Said(8 * MIN, "door", 3, True), Said(22 * MIN, "door", 3, False)]
    assert len(tried(quiet, temps, said=shut_soon)) == 1


def test_what_a_sensor_that_stands_still_or_errs_says_begins_nothing() -> None:
    temps = [5.0] * 10 + [11.0] * 20 + [5.0] * 10
    assert tried(WARM, temps, still=np.array(temps) > 8) == []
    assert tried(WARM, [5.0] * 10 + [85.0 + 400] * 20 + [5.0] * 10) == []


def test_each_case_stands_beside_those_of_its_time_and_side() -> None:
    did = [Case(1, "above", "critical", "warm", 8.0, 10 * n, 10 * n + 1, 10 * n + 5, 9.0, str(n)) for n in range(3)]
    whole = did[0]._replace(end_us=NEVER, id="")
    pairs = compared([whole, whole._replace(probe_id=2)], did)
    assert [(p.how, p.would and p.would.probe_id, [d.id for d in p.did]) for p in pairs] == [
        ("same", 1, ["0", "1", "2"]),
        ("new", 2, []),
    ]
    assert [p.how for p in compared([did[1]], did)] == ["gone", "same", "gone"]


def test_so_far_back_readings_are_looked_at() -> None:
    assert lead_us(WARM) == DAY_US + 1200 * 1_000_000
    band = {"name": "b", "op": ">", "limit_c": 8, "for_s": 600, "mode": "cumulative", "reset": "shipment"}
    assert lead_us(profile_of({"high_c": 8, "bands": [band]})) == LEAD_US_MAX
