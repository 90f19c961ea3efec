"""Forecasts on a real database: told before the excursion alarms, with a cause, over when it does, and graded."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from domain.times import to_us
from tests.integration.fleet import T0, Fleet, S

MINUTE = 60 * S
SOUND_MIN = 8 * 60


@pytest.fixture
def fleet(database: str) -> Fleet:
    return Fleet(database)


def temps(minutes, temp_c, fleet):
    t_s = np.asarray(minutes, np.int64) * 60
    return fleet.batch("temp", "reefer", t_s, seq=t_s, boot=2, probe_id=fleet.probe, temp_c=np.asarray(temp_c))


def sound(fleet):
    minutes = np.arange(SOUND_MIN)
    return temps(minutes, 4 + 0.8 * np.sin(minutes / 6), fleet)


def play(fleet: Fleet, minutes, temp_c, restart: bool = False) -> list[tuple]:
    """Minute by minute as it comes; what is told of alerts after each."""
    fleet.now_us = T0 + SOUND_MIN * MINUTE
    tracker, seen = fleet.tracker(), []
    fleet.append(sound(fleet))
    fleet.settle(tracker)
    for minute, c in zip(minutes, temp_c, strict=True):
        fleet.append(temps([minute], [c], fleet))
        fleet.settle(tracker)
        seen.append((minute, fleet.rows("select kind, cleared_at is null from alert order by id")))
        if restart:
            fleet.close(tracker)
            tracker = fleet.tracker()
    fleet.close(tracker)
    return seen


FACTS = (
    "select kind, cause, limit_c, started_at, ended_at, p10, p50, p90, alarm_at from breach_forecast "
    "where superseded_at is null"
)


@pytest.mark.parametrize("restart", [False, True], ids=["one tracker", "another for each minute"])
def test_it_is_told_before_the_alarm_and_over_with_it(fleet: Fleet, restart: bool) -> None:
    minutes = SOUND_MIN + np.arange(60)
    rise = 4.5 + np.arange(60) * 0.1
    seen = play(fleet, minutes, rise, restart)
    told = next(m for m, alerts in seen if ("breach_risk", True) in alerts)
    alarmed = next(m for m, alerts in seen if ("temperature", True) in alerts)
    assert alarmed - told >= 15
    assert seen[-1][1] == [("breach_risk", False), ("temperature", True)]
    ((kind, cause, limit_c, started, ended, p10, p50, p90, alarm),) = fleet.rows(FACTS)
    assert (kind, cause, limit_c) == ("above", "cooling_failed", 8.0)
    assert to_us(started) == T0 + told * MINUTE
    assert p10 < p50 < p90
    assert p10 <= alarm <= ended
    ((title, *renewed, since, from_c, for_s),) = fleet.rows(
        "select title, expected_p10, expected_p50, expected_p90, expected_at, expected_from_c, expected_for_s "
        "from alert where kind = 'breach_risk'"
    )
    assert title == "Will be too warm: the cooling fails"
    assert started < since <= alarm  # seen from later on than it was told
    assert 5 < from_c < 9
    assert for_s == 60
    assert since < renewed[0] < renewed[1] < renewed[2]
    assert renewed != [p10, p50, p90]
    assert abs(renewed[1] - alarm) < timedelta(minutes=4)
    ((events,),) = fleet.rows(
        "select count(*) from alert_event e join alert a on a.id = e.alert_id where a.kind = 'breach_risk'"
    )
    assert events == 2  # raised and over: nobody is told between


def test_one_that_turns_is_over_and_was_none(fleet: Fleet) -> None:
    rise = np.concatenate([4.5 + np.arange(25) * 0.1, 6.9 - np.arange(40) * 0.1])
    seen = play(fleet, SOUND_MIN + np.arange(len(rise)), rise)
    assert seen[-1][1] == [("breach_risk", False)]
    assert [row[8] for row in fleet.rows(FACTS)] == [None]


def test_what_is_learned_late_is_told_to_nobody(fleet: Fleet) -> None:
    """A day kept while a device was offline: its forecasts are of the past."""
    minutes = np.arange(SOUND_MIN + 60)
    whole = np.concatenate([4 + 0.8 * np.sin(np.arange(SOUND_MIN) / 6), 4.5 + np.arange(60) * 0.1])
    fleet.now_us = T0 + 2 * 86_400 * S
    tracker = fleet.tracker()
    fleet.append(temps(minutes[:-8], whole[:-8], fleet))
    fleet.settle(tracker)
    fleet.close(tracker)
    assert fleet.rows("select count(*) from alert where kind = 'breach_risk'") == [(0,)]
    assert fleet.rows("select count(*) from breach_forecast where superseded_at is null") == [(1,)]


def status(fleet: Fleet, minute: int, **said):
    t_s = np.array([minute * 60])
    return fleet.batch("status", "reefer", t_s, seq=t_s + 1, boot=5, **said)


def door(fleet: Fleet, minute: int, is_open: int):
    t_s = np.array([minute * 60])
    return fleet.batch("door", "reefer", t_s, seq=t_s + 2, boot=6, door_id=fleet.label("door", 0, "rear"), open=is_open)


@pytest.mark.parametrize("restart", [False, True], ids=["one tracker", "another for each minute"])
def test_what_a_unit_has_said_is_known_after_a_restart_too(fleet: Fleet, restart: bool) -> None:
    """On the first half hour there is a trend by the set point alone, and none while it defrosts."""
    fleet.now_us = T0 + 40 * MINUTE
    tracker = fleet.tracker()
    for minute in range(70):
        temp_c = 4.0 + max(0.0, (minute - 30) * 0.12)
        fleet.append(temps([minute], [temp_c], fleet))
        if minute == 0:
            fleet.append(status(fleet, 0, setpoint_c=4.0, defrost=0))
        if minute in (44, 46):
            fleet.append(status(fleet, minute, defrost=int(minute == 44)))
        fleet.settle(tracker)
        if restart:
            fleet.close(tracker)
            tracker = fleet.tracker()
    fleet.close(tracker)
    ((started,),) = fleet.rows("select started_at from breach_forecast where superseded_at is null")
    assert to_us(started) == T0 + 63 * MINUTE, "a quarter of an hour behind the defrosting, and two minutes more"


@pytest.mark.parametrize("before", [3, 20], ids=["explains it", "long before"])
def test_a_door_that_is_learned_of_late_takes_back_what_it_explains(fleet: Fleet, before: int) -> None:
    rise = 4.5 + np.arange(14) * 0.1
    rise = np.concatenate([rise, 5.9 + np.arange(12) * 0.1])
    fleet.now_us = T0 + SOUND_MIN * MINUTE
    tracker = fleet.tracker()
    fleet.append(sound(fleet), door(fleet, 1, 0))
    fleet.settle(tracker)
    for minute, c in zip(SOUND_MIN + np.arange(len(rise)), rise, strict=True):
        fleet.append(temps([minute], [c], fleet))
        fleet.settle(tracker)
        if fleet.rows("select 1 from breach_forecast"):
            break
    fleet.append(door(fleet, minute + 1, 0))
    fleet.settle(tracker)
    fleet.append(door(fleet, minute - before, 1))
    fleet.settle(tracker)
    fleet.close(tracker)
    ((retracted, is_over),) = fleet.rows(
        "select retracted, ended_at is not null from breach_forecast where superseded_at is null"
    )
    assert retracted == is_over == (before == 3)
    assert fleet.rows("select cleared_at is not null from alert") == [(before == 3,)]
