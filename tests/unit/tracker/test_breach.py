"""What will be too warm for too long is told before it is, with a cause; and what will not be is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from domain.folds.scan import NEVER
from tests.benchmarks import reefers
from tracker.rules import breach

S = 1_000_000
MINUTE = 60 * S


def rows(temp_c, *, door_us=breach.LONG_AGO, defrost_us=breach.LONG_AGO, set_point_c=np.nan, cooling=-1, limit_c=8.0):
    """A reading a minute."""
    n = len(temp_c)
    t_us = np.arange(n) * MINUTE

    def column(value, kind=np.int64):
        return np.broadcast_to(np.asarray(value, kind), n).copy()

    return breach.Rows(
        column(1), t_us, np.asarray(temp_c, float), column(limit_c, float), column(10 * MINUTE),
        np.minimum(column(door_us), t_us), np.minimum(column(defrost_us), t_us), column(set_point_c, float),
        column(cooling),
    )  # fmt: skip


def told(of: breach.Rows) -> list[tuple[int, int | None, str]]:
    """Minutes of begin and end, and cause."""
    _, found = breach.step(breach.Trend.empty(), of)
    return [
        (int(a) // MINUTE, None if b == NEVER else int(b) // MINUTE, breach.CAUSES[c])
        for a, b, c in zip(found.start_us, found.end_us, found.cause, strict=True)
    ]


SOUND = 4 + 0.8 * np.sin(np.arange(8 * 60) / 6)
RISE = SOUND[-1] + np.arange(1, 60) * 0.1


def test_who_stays_at_what_is_usual_is_left_alone() -> None:
    assert told(rows(SOUND)) == []
    assert told(rows(np.full(600, 7.4))) == [], "usual is near the limit, and stays there"


def test_a_failure_is_told_long_before_the_alarm_and_over_when_it_is_mended() -> None:
    whole = np.concatenate([SOUND, RISE, RISE[-1] - np.arange(60) * 0.2])
    ((begins, ends, cause),) = told(rows(whole))
    crosses = len(SOUND) + int(np.argmax(RISE > 8))
    assert len(SOUND) < begins < crosses - 15
    assert crosses + 9 <= ends <= crosses + 12, "then the alarm tells it"
    assert cause == "cooling_failed"


def test_a_rise_that_turns_is_over_at_what_is_usual() -> None:
    whole = np.concatenate([SOUND, SOUND[-1] + np.concatenate([np.arange(25) * 0.1, 2.4 - np.arange(25) * 0.1]), SOUND])
    ((begins, ends, _),) = told(rows(whole))
    assert ends is not None
    assert begins < len(SOUND) + 25 < ends < len(SOUND) + 60


@pytest.mark.parametrize(
    ("about", "cause"),
    [
        ({"set_point_c": 9.0}, "set_point"),
        ({"cooling": 0}, "cooling_off"),
        ({}, "cooling_failed"),
    ],
)
def test_the_cause_is_what_is_known(about, cause: str) -> None:
    assert [c for _, _, c in told(rows(np.concatenate([SOUND, RISE]), **about))] == [cause]


def test_an_open_door_is_no_trend_but_a_stay_beyond_is_told_as_its() -> None:
    whole = np.concatenate([SOUND, RISE])
    door_us = np.where(np.arange(len(whole)) >= len(SOUND), NEVER, breach.LONG_AGO)
    ((begins, _, cause),) = told(rows(whole, door_us=door_us))
    assert begins >= len(SOUND) + int(np.argmax(RISE > 8)) + 6
    assert cause == "door_open"


def test_on_the_first_day_it_goes_by_the_set_point_or_tells_no_trend() -> None:
    young = np.concatenate([SOUND[-30:], RISE])
    ((begins, _, _),) = told(rows(young, set_point_c=4.0))
    assert begins < 30 + int(np.argmax(RISE > 8)) - 5
    ((begins, _, _),) = told(rows(young))
    assert begins > 30 + int(np.argmax(RISE > 8)), "the stay alone"


def test_without_a_limit_nothing_is_told() -> None:
    assert told(rows(np.concatenate([SOUND, RISE]), limit_c=np.nan)) == []


def test_a_fleet_is_told_before_its_alarms_and_hardly_ever_in_vain() -> None:
    """A small one; `make bench` prints the figures of three thousand truck-days."""
    fleet = reefers.simulate(120, seed=5, days=1.0, failing=0.6)
    _, found = breach.step(breach.Trend.empty(), fleet.rows)
    graded = reefers.grade(fleet, found)
    assert len(graded.lead_min) > 20
    assert graded.recall >= 0.85
    assert np.median(graded.lead_of(*reefers.COMPRESSOR)) >= 10
    assert len(graded.vain) <= 4
