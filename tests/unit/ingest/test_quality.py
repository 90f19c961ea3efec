"""Quality flags: each is set where it belongs and nowhere else, whatever the order and size of the groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.readings import BY_STREAM, Flag
from domain.times import rfc3339
from ingest.quality import (
    DAY_US,
    GPS_EPOCH_US,
    MOVES_MIN,
    RANGE_READINGS,
    ROLLOVER_US,
    SENTINELS_C,
    STUCK_READINGS,
    SWAPPED_MAX,
    WRONG_UNIT_MAX,
    Memory,
    Quality,
    Readings,
    clock_advice,
    swapped,
)
from tests.examples import examples

T0 = 1_795_000_000_000_000  # November 2026
S = 1_000_000
MINUTE, HOUR = 60 * S, 3600 * S
HELSINKI = (60.17, 24.94)


class Sender:
    """Hands readings of one device and probe to a `Quality`, at times in microseconds after T0."""

    def __init__(self, clock_error_s: float | None = None, slots: int = 64) -> None:
        self.quality = Quality(lambda _device, _t_us: clock_error_s, slots)

    def send(
        self,
        stream: str,
        times: Sequence[int],
        *,
        received: int | None = None,
        device: int | Sequence[int] = 1,
        server_time: bool = False,
        flags: int = 0,
        bad: Sequence[bool] | None = None,
        **columns: Any,
    ) -> list[Flag]:
        n = len(times)
        dtypes = BY_STREAM[stream].DTYPES
        filled = {name: BY_STREAM[stream].unknown(name, n) for name in dtypes} | {
            name: np.broadcast_to(np.asarray(value, dtypes[name]), (n,)) for name, value in columns.items()
        }
        some = Readings(
            stream,
            np.broadcast_to(np.asarray(device, np.int32), (n,)),
            T0 + np.asarray(times, np.int64),
            T0 + (max(times) if received is None else received),
            np.full(n, server_time),
            np.full(n, flags, np.int32),
            np.zeros(n, np.bool_) if bad is None else np.asarray(bad),
            filled,
        )
        return [Flag(int(f)) for f in self.quality.flags(some)]

    def fixes(self, *places: tuple[float, float], at: int = 0, **more: Any) -> list[Flag]:
        times = [at + n * MINUTE for n in range(len(places))]
        lat, lon = zip(*places, strict=True)
        return self.send("gps", times, lat=lat, lon=lon, **more)

    def temps(self, times: Sequence[int], temp_c: Any, probe_id: int = 7, **more: Any) -> list[Flag]:
        return self.send("temp", times, temp_c=temp_c, probe_id=probe_id, **more)


# ---------------------------------------------------------------- times
@pytest.mark.parametrize(("ahead_s", "flag"), [(301, Flag.FUTURE), (300, Flag(0)), (-1, Flag(0))])
def test_a_time_far_ahead_is_of_the_future(ahead_s, flag) -> None:
    assert Sender().send("door", [ahead_s * S], received=0) == [flag]


def test_a_time_of_ours_is_marked_and_tells_nothing_of_the_devices_clock() -> None:
    assert Sender().send("door", [0], server_time=True) == [Flag.SERVER_TIME]
    sender = Sender()
    for n in range(40):
        (flags,) = sender.send("door", [n * 5 * MINUTE], received=n * 5 * MINUTE + HOUR, server_time=True)
    assert flags == Flag.SERVER_TIME


@pytest.mark.parametrize("t_us", [-S, 0, 1000 * S, GPS_EPOCH_US - 1])
def test_a_time_before_gps_is_of_a_clock_that_was_never_set(t_us) -> None:
    assert Sender().send("door", [t_us - T0], received=0) == [Flag.CLOCK_UNSET]
    assert "never set" in clock_advice(t_us, T0)


@pytest.mark.parametrize("turns", [1, 2])
@pytest.mark.parametrize(("more_us", "rolled"), [(0, True), (29 * DAY_US, True), (31 * DAY_US, False), (-HOUR, True)])
def test_a_time_1024_weeks_early_is_a_rollover(turns, more_us, rolled) -> None:
    (flags,) = Sender().send("door", [-turns * ROLLOVER_US - more_us], received=0)
    assert flags == (Flag.ROLLOVER if rolled else Flag(0))


def test_a_refused_rollover_is_told_with_the_date_that_is_meant() -> None:
    advice = clock_advice(T0 - ROLLOVER_US - HOUR, T0)
    assert advice == (
        f"1024 weeks behind, a GPS week rollover: {rfc3339(T0 - ROLLOVER_US - HOUR)} is most likely "
        f"{rfc3339(T0 - HOUR)}"
    )
    assert clock_advice(T0 + 2 * DAY_US, T0) == "set the device's clock"


# ---------------------------------------------------------------- the clock, estimated
def clock(sender: Sender, delays_s: Sequence[float], every_s: int = 120) -> Flag:
    """One reading every two minutes, each so late; the flags of the last."""
    flags = Flag(0)
    for n, delay_s in enumerate(delays_s):
        now = n * every_s * S
        (flags,) = sender.send("door", [now - round(delay_s * S)], received=now)
    return flags & Flag.CLOCK_SKEW


@pytest.mark.parametrize("off_s", [-400, 400, 86_000])
def test_a_clock_that_is_steadily_wrong_is_flagged(off_s) -> None:
    assert clock(Sender(), [off_s] * 16) == Flag.CLOCK_SKEW
    assert not clock(Sender(), [off_s] * 15)  # too early to tell


def test_a_profile_says_how_far_a_clock_may_be_off() -> None:
    assert clock(Sender(clock_error_s=20), [25.0] * 20) == Flag.CLOCK_SKEW
    assert not clock(Sender(clock_error_s=30), [25.0] * 20)
    assert not clock(Sender(), [25.0] * 20)


def test_a_clock_that_was_set_right_is_flagged_no_more() -> None:
    sender = Sender()
    assert clock(sender, [400] * 20)
    assert not clock(sender, [1.0] * 40)


def test_a_flush_of_old_readings_says_nothing_of_the_clock() -> None:
    backlog = [3600 * (1 - n / 60) for n in range(60)]
    assert not clock(Sender(), [*[2.0] * 30, *backlog, *[2.0] * 3])


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(st.floats(0, 7200), min_size=40, max_size=60),
    st.floats(-80_000, 80_000).filter(lambda s: abs(s) > 340),
    st.randoms(use_true_random=False),
)
def test_delays_do_not_hide_a_wrong_clock_nor_make_one_up(delays_s, off_s, random) -> None:
    some_prompt = [0.5 if n % 4 == 0 else delay for n, delay in enumerate(delays_s)]
    random.shuffle(outliers := [-5000.0, *[0.0] * 7])  # a single wrong time
    assert not clock(Sender(), [min(d, 0) + p for d, p in zip(outliers * 8, some_prompt, strict=False)])
    assert clock(Sender(), [off_s + delay for delay in some_prompt]) == Flag.CLOCK_SKEW


# ---------------------------------------------------------------- positions
def test_zero_zero_is_no_fix() -> None:
    assert Sender().fixes((0, 0), (0, 0.001), (0.001, 0)) == [Flag.NULL_ISLAND, Flag(0), Flag(0)]


def test_a_poor_accuracy_is_flagged_and_an_unknown_one_is_not() -> None:
    places = [HELSINKI] * 3
    assert Sender().fixes(*places, accuracy_m=[201, 200, np.nan]) == [Flag.INACCURATE, Flag(0), Flag(0)]


def test_exchanged_coordinates_are_flagged_against_the_last_good_fix() -> None:
    sender, (lat, lon) = Sender(), HELSINKI
    assert sender.fixes(HELSINKI, (lon, lat), HELSINKI, (lon + 0.1, lat)) == [0, Flag.SWAPPED, 0, Flag.SWAPPED]
    assert sender.fixes((lon, lat), at=HOUR) == [Flag.SWAPPED]
    assert sender.fixes((0.0, 0.0), (lon, lat), at=2 * HOUR) == [Flag.NULL_ISLAND, Flag.SWAPPED]
    assert sender.fixes((lon, lat), at=HOUR, device=2) == [Flag(0)]  # nothing is known of this one


def test_a_vehicle_that_really_is_far_away_is_not_swapped() -> None:
    assert Sender().fixes(HELSINKI, (48.2, 16.4), (16.4, 48.2)) == [0, 0, Flag.SWAPPED]
    assert Sender().fixes((10.0, 10.9), (10.9, 10.0)) == [Flag(0)] * 2  # too near one another to tell
    assert Sender().fixes((-17.8, 179.9), (-17.8, -179.9)) == [Flag(0)] * 2


def test_a_device_that_always_exchanges_them_is_believed_in_the_end() -> None:
    lat, lon = HELSINKI
    found = Sender().fixes(HELSINKI, *[(lon, lat)] * (SWAPPED_MAX + 3))
    assert found == [Flag(0), *[Flag.SWAPPED] * SWAPPED_MAX, *[Flag(0)] * 3]


@given(st.floats(-89, 89), st.floats(-89, 89), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_a_short_move_is_never_a_swap_and_a_swap_is_found_where_it_can_be(lat, lon, north, east) -> None:
    assert not swapped(lat, lon, lat + north, lon + east)
    if abs(lat - lon) > 2.5:
        assert swapped(lat, lon, lon + east, lat + north)


# ---------------------------------------------------------------- temperatures
@pytest.mark.parametrize("temp_c", SENTINELS_C)
def test_an_error_code_is_no_temperature(temp_c) -> None:
    assert Sender().temps([0, 1], [temp_c, temp_c + 0.1]) == [Flag.SENTINEL, Flag(0)]


def moving(sender: Sender, readings: int = MOVES_MIN + 5, low_c: float = 4.0) -> int:
    """A probe that moves a little every minute; the time after it."""
    for n in range(readings):
        assert sender.temps([n * MINUTE], [low_c + 0.3 * (n % 4)]) == [Flag(0)]
    return readings * MINUTE


def still(sender: Sender, since: int, temp_c: float, hours: int = 14, size: int = 1) -> list[Flag]:
    """The same value every ten minutes, in groups of `size`."""
    times = [since + n * 10 * MINUTE for n in range(hours * 6)]
    groups = [times[n : n + size] for n in range(0, len(times), size)]
    return [flags for group in groups for flags in sender.temps(group, [temp_c] * len(group))]


@pytest.mark.parametrize("size", [1, 7, 84])
def test_a_probe_that_stops_moving_is_stuck_after_half_a_day(size) -> None:
    sender = Sender()
    found = still(sender, moving(sender), 4.37, size=size)
    assert found == [Flag(0)] * 72 + [Flag.STUCK] * 12
    later = moving(Sender()) + 20 * HOUR
    assert sender.temps([later], [4.41]) == [Flag(0)]


def test_a_probe_that_never_moved_or_counts_in_halves_is_not_stuck() -> None:
    assert set(still(Sender(), 0, 4.37, hours=40)) == {Flag(0)}
    for whole in (4.0, 4.5):
        sender = Sender()
        assert set(still(sender, moving(sender), whole)) == {Flag(0)}


def test_few_readings_over_a_long_time_are_not_stuck() -> None:
    sender = Sender()
    since = moving(sender)
    times = [since + n * HOUR for n in range(STUCK_READINGS - 1)]
    assert set(sender.temps(times, [4.37] * len(times))) == {Flag(0)}


@pytest.mark.parametrize("sent", [39.56, 277.35, 42.0], ids=["fahrenheit", "kelvin", "tenths"])
def test_a_value_that_fits_in_another_unit_only_is_flagged(sent) -> None:
    sender = Sender()
    since = moving(sender)
    assert sender.temps([since, since + MINUTE], [sent, 4.2]) == [Flag.WRONG_UNIT, Flag(0)]


def test_what_fits_no_unit_is_a_temperature_like_any_other() -> None:
    sender = Sender()
    since = moving(sender)
    assert sender.temps([since], [25.3]) == [Flag(0)]  # -3.7 or -248 °C in other units, and tenths are whole
    assert Sender().temps([0], [39.56]) == [Flag(0)]  # nothing is known of the probe


def test_after_a_silence_or_a_slow_rise_a_warm_probe_is_believed() -> None:
    sender = Sender()
    since = moving(sender)
    assert sender.temps([since + 2 * HOUR], [39.56]) == [Flag(0)]
    slow = Sender()
    since = moving(slow)
    rise = [4.0 + n for n in range(40)]
    assert {f for n, c in enumerate(rise) for f in slow.temps([since + n * MINUTE], [c])} == {Flag(0)}


def test_a_probe_that_stays_where_it_is_is_believed_after_a_dozen() -> None:
    sender = Sender()
    since = moving(sender)
    found = [sender.temps([since + n * MINUTE], [39.5 + 0.1 * (n % 3)])[0] for n in range(WRONG_UNIT_MAX + 5)]
    assert found == [Flag.WRONG_UNIT] * WRONG_UNIT_MAX + [Flag(0)] * 5


def test_late_and_repeated_readings_do_not_disturb_what_is_known_of_a_probe() -> None:
    sender = Sender()
    since = moving(sender, RANGE_READINGS + 5)
    assert sender.temps([0, MINUTE, since - MINUTE], [39.5, -60.0, 500.0]) == [Flag(0)] * 3
    assert sender.temps([since], [39.56]) == [Flag.WRONG_UNIT]


# ---------------------------------------------------------------- what it remembers
def test_what_is_not_stored_teaches_nothing() -> None:
    lat, lon = HELSINKI
    sender = Sender()
    sender.fixes(HELSINKI)
    assert sender.fixes((lon, lat), (lon, lat), at=HOUR, bad=[True, False])[1] == Flag.SWAPPED
    sender.fixes((lon, lat), at=2 * HOUR, bad=[True], accuracy_m=3)
    assert sender.fixes(HELSINKI, at=3 * HOUR) == [Flag(0)]


def test_two_entities_of_one_slot_are_never_taken_for_one_another() -> None:
    memory = Memory({"x": np.nan}, 4)
    slot, mine = memory.slots(np.array([1, 2, 5]))
    assert mine.tolist() == [False, True, True]
    memory.columns["x"][slot[mine]] = [2.0, 5.0]
    slot, mine = memory.slots(np.array([1, 2]))
    assert (mine.tolist(), np.isnan(memory.columns["x"][slot]).tolist()) == ([True, True], [True, False])


@settings(max_examples=examples(15), deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_size_of_groups_and_the_company_change_no_flag_that_hangs_on_one_probe(seed) -> None:
    """Each probe alone and reading by reading; all together in groups of any size. (Ranges are known by group.)"""
    rng, n = np.random.default_rng(seed), 120
    series = {p: rng.choice([4.37, 4.37, 4.37, 4.37, 5.21, 85.0], n) for p in (1, 2, 3)}
    expected, found = {}, {p: [] for p in series}
    for p, values in series.items():
        values[: MOVES_MIN + 2] = 4.2 + 0.1 * (np.arange(MOVES_MIN + 2) % 2)
        values[40:] = 4.37 if rng.random() < 0.7 else values[40:]
        sender = Sender()
        expected[p] = [sender.temps([k * 15 * MINUTE], [c], probe_id=p)[0] for k, c in enumerate(values)]
    together, at = Sender(), 0
    while at < n:
        until = min(n, at + int(rng.integers(1, 50)))
        rows = rng.permutation([(p, k) for p in series for k in range(at, until)])
        flags = together.temps(rows[:, 1] * 15 * MINUTE, [series[p][k] for p, k in rows], probe_id=rows[:, 0])
        for place in np.lexsort((rows[:, 1], rows[:, 0])):
            found[rows[place, 0]].append(flags[place])
        at = until
    assert found == expected
