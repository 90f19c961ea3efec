"""Hours of drivers: the known answers, and no limit is broken, as a judge says that counts minutes."""

from __future__ import annotations

import itertools
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.routes.hours import DRIVE, HOUR_S, MONDAY_S, PAUSE, WORK, Eu, EuUsed, HoursError, Task, Us, with_rests
from tests.examples import examples

MONDAY = MONDAY_S + 2900 * 7 * 86_400
SIX = MONDAY + 6 * HOUR_S
TEN_HOURS = [Task(DRIVE, 10 * HOUR_S)]


def eu(start, **limits):
    return Eu(EuUsed(day_begin_s=start, weekly_end_s=start), **limits)


def clock(seconds):
    """Hours after midnight of Monday."""
    return (seconds - MONDAY) / HOUR_S


def minutes(periods):
    """What is done in each minute: d, w or r."""
    letter = {DRIVE: "d", WORK: "w"}
    return "".join(letter.get(each.kind, "r") * ((each.end_s - each.begin_s) // 60) for each in periods)


def runs(day):
    """(letter, from, to)."""
    at = 0
    for letter, group in itertools.groupby(day):
        long = len(list(group))
        yield letter, at, at + long
        at += long


def judge_eu(periods, extended, reduced):
    day, start = minutes(periods).rstrip("r"), periods[0].begin_s // 60  # rest at the end may go on
    free = [(a, b) for letter, a, b in runs(day) if letter == "r"]
    driven, half = 0, False
    for letter, a, b in runs(day):
        if letter == "d":
            driven += b - a
            assert driven <= 270
        elif letter == "r":
            if b - a >= 45 or (half and b - a >= 30):
                driven, half = 0, False
            else:
                half |= b - a >= 15
    long = [(a, b) for a, b in free if b - a >= (540 if reduced else 660)]
    begin, short, weekly_end = 0, 0, 0
    extended_in: dict[int, int] = {}
    for a, b in [*long, (len(day), len(day))]:
        driven = day[begin:a].count("d")
        assert driven <= 600
        if driven > 540:
            week = (start + begin - MONDAY // 60) // (7 * 1440)
            extended_in[week] = extended_in.get(week, 0) + 1
            assert extended_in[week] <= extended
        assert a - begin <= (900 if short < reduced else 780)
        assert a - weekly_end <= 6 * 1440
        if b - a >= 45 * 60:
            weekly_end, short = b, 0
        elif b > a:
            short += b - a < 660 or a - begin > 780
            assert short <= reduced
        begin = b
    by_week: dict[int, int] = {}
    for n, letter in enumerate(day):
        week = (start + n - MONDAY // 60) // (7 * 1440)
        by_week[week] = by_week.get(week, 0) + (letter == "d")
    assert all(each <= 56 * 60 for each in by_week.values())
    assert all(each + by_week.get(week + 1, 0) <= 90 * 60 for week, each in by_week.items())


def judge_us(periods):
    day, start = minutes(periods), periods[0].begin_s // 60
    driven = still = 0
    for letter in day:
        driven, still = (driven + 1, 0) if letter == "d" else (driven, still + 1)
        driven = 0 if still >= 30 else driven
        assert driven <= 480
    begin = None
    driven = off = 0
    duty: list[int] = []
    for n, letter in enumerate(day):
        off = off + 1 if letter == "r" else 0
        if off >= 600:
            begin, driven = None, 0
        if off >= 34 * 60:
            duty = []
        if letter == "r":
            continue
        begin = n if begin is None else begin
        if letter == "d":
            driven += 1
            assert driven <= 660
            assert n < begin + 840
            since = (start + n) // 1440 * 1440 - 7 * 1440 - start
            assert len(duty) - bisect_left(duty, since) < 70 * 60
        duty.append(n)


LONG = st.one_of(st.integers(1, 8 * 60), st.integers(11 * 60, 60 * 60))
TASKS = st.lists(
    st.one_of(
        st.builds(Task, st.just(DRIVE), st.integers(1, 45 * 60).map(lambda m: m * 60), st.none()),
        st.builds(Task, st.just(WORK), st.integers(1, 8 * 60).map(lambda m: m * 60), st.none()),
        st.builds(Task, st.just(PAUSE), LONG.map(lambda m: m * 60), st.none()),
    ),
    min_size=1,
    max_size=10,
).filter(lambda tasks: not any(a.kind == b.kind == PAUSE for a, b in itertools.pairwise(tasks)))
"""No pause of nine to eleven hours: whether that was a daily rest is what a driver says of it."""
START = st.integers(0, 7 * 1440).map(lambda m: MONDAY + m * 60)


def kept(tasks, periods, start):
    """Nothing is left out, changed in its order or done at a time at which something else is."""
    assert all(a.end_s == b.begin_s for a, b in itertools.pairwise(periods))
    assert not periods or periods[0].begin_s == start
    for kind in (DRIVE, WORK, PAUSE):
        wanted = sum(each.seconds for each in tasks if each.kind == kind)
        assert sum(each.end_s - each.begin_s for each in periods if each.kind == kind) == wanted


@settings(max_examples=examples(150), deadline=None)
@given(TASKS, START, st.integers(0, 2), st.integers(0, 3))
def test_no_limit_of_the_eu_is_broken(tasks, start, extended, reduced) -> None:
    periods = with_rests(tasks, start, eu(start, extended_max=extended, reduced_max=reduced))
    kept(tasks, periods, start)
    if periods:
        judge_eu(periods, extended, reduced)


@settings(max_examples=examples(80), deadline=None)
@given(TASKS, START)
def test_no_limit_of_the_us_is_broken(tasks, start) -> None:
    periods = with_rests(tasks, start, Us())
    kept(tasks, periods, start)
    if periods:
        judge_us(periods)


def test_ten_hours_from_six() -> None:
    assert clock(with_rests(TEN_HOURS, SIX, eu(SIX))[-1].end_s) == 17.5
    assert clock(with_rests(TEN_HOURS, SIX, eu(SIX, extended_max=0))[-1].end_s) == 24 + 3.75
    assert clock(with_rests(TEN_HOURS, SIX, eu(SIX, extended_max=0, reduced_max=1))[-1].end_s) == 24 + 1.75
    assert clock(with_rests(TEN_HOURS, SIX, Us())[-1].end_s) == 16.5


def test_fifteen_minutes_and_later_thirty_are_a_break_and_the_other_way_round_not() -> None:
    parts = [Task(DRIVE, 2 * HOUR_S), Task(PAUSE, 900), Task(DRIVE, 2 * HOUR_S), Task(PAUSE, 1800),
             Task(DRIVE, 4 * HOUR_S)]  # fmt: skip
    assert clock(with_rests(parts, SIX, eu(SIX))[-1].end_s) == 14.75
    parts[1], parts[3] = parts[3], parts[1]
    assert clock(with_rests(parts, SIX, eu(SIX))[-1].end_s) == 15.25


def test_waiting_for_a_door_to_open_is_the_break() -> None:
    tasks = [Task(DRIVE, 4 * HOUR_S), Task(WORK, HOUR_S, SIX + 5 * HOUR_S), Task(DRIVE, 4 * HOUR_S)]
    periods = with_rests(tasks, SIX, eu(SIX))
    assert [each.kind for each in periods] == [DRIVE, PAUSE, WORK, DRIVE]
    assert clock(periods[-1].end_s) == 16


def test_what_was_driven_before_counts() -> None:
    used = EuUsed(SIX - 4 * HOUR_S, SIX - 4 * HOUR_S, since_break_s=4 * HOUR_S, day_s=4 * HOUR_S,
                  weeks_s={(MONDAY - MONDAY_S) // (7 * 86_400): 55 * HOUR_S})  # fmt: skip
    periods = with_rests([Task(DRIVE, 2 * HOUR_S)], SIX, Eu(used))
    assert [(each.kind, each.why) for each in periods[:4]] == [
        (DRIVE, ""), ("break", "4.5 h of driving"), (DRIVE, ""), ("weekly_rest", "56 h in a week"),
    ]  # fmt: skip
    assert clock(periods[3].end_s) == 7 * 24


def test_what_no_day_holds_is_said() -> None:
    with pytest.raises(HoursError, match="work of 14 h is longer than a day allows"):
        with_rests([Task(WORK, 14 * HOUR_S)], SIX, eu(SIX))
    with pytest.raises(HoursError, match="is no task"):
        with_rests([Task("sleep", 1)], SIX, eu(SIX))
    with pytest.raises(HoursError, match="at most two"):
        eu(SIX, extended_max=3)
