"""Local times without an offset: the order of the file tells the hour that comes twice apart; the rest is said."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recordings import parse

# Zones with the moment at which their clocks are put back; Lord Howe's by half an hour only.
BACK = {
    "Europe/Helsinki": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 6, tzinfo=UTC),
    "America/Sao_Paulo": datetime(2018, 2, 18, 2, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
}
zones = st.sampled_from(sorted(BACK))


def walls(moments: list[datetime], zone: str) -> list[str]:
    return [f"{m.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for m in moments]


def csv(times: list[str]) -> bytes:
    return ("time,temp_c\n" + "".join(f"{t},4.5\n" for t in times)).encode()


def read(times: list[str], zone: str) -> list[datetime]:
    return [datetime.fromtimestamp(r["t"] / 1000, UTC) for _, r in parse(csv(times), zone).readings]


def logged(zone: str, interval_s: int, phase_s: int, jitter_s: list[int]) -> list[datetime]:
    begin = BACK[zone] - timedelta(seconds=6 * max(interval_s, 1800) - phase_s)
    count = 12 * max(interval_s, 1800) // interval_s
    return [begin + timedelta(seconds=i * interval_s + jitter_s[i % len(jitter_s)]) for i in range(count)]


@given(zones, st.integers(10, 3600), st.integers(0, 3599), st.lists(st.integers(0, 4), min_size=1, max_size=7))
def test_a_regular_log_over_the_change_is_read_as_it_was_written(
    zone: str, interval_s: int, phase_s: int, jitter_s: list[int]
) -> None:
    truth = logged(zone, interval_s, phase_s % interval_s, jitter_s)
    assert read(walls(truth, zone), zone) == truth
    assert parse(csv(walls(truth, zone)), zone).notes == (f"times without an offset were read as {zone}",)


@given(zones, st.integers(60, 1800), st.integers(0, 1799))
def test_newest_first_is_an_order_too(zone: str, interval_s: int, phase_s: int) -> None:
    truth = logged(zone, interval_s, phase_s % interval_s, [0])[::-1]
    assert read(walls(truth, zone), zone) == truth


def test_each_probe_writes_its_own_order() -> None:
    zone = "Europe/Helsinki"
    truth = logged(zone, 600, 0, [0])
    rows = [f"{t},{probe},4.5" for probe in ("front", "rear") for t in walls(truth, zone)]
    recording = parse(("time,probe,temp_c\n" + "\n".join(rows)).encode(), zone)
    assert [r["t"] / 1000 for _, r in recording.readings] == [m.timestamp() for m in truth] * 2


def test_a_track_with_repeated_seconds_over_the_change_keeps_its_order() -> None:
    zone = "Europe/Helsinki"
    truth = [m for m in logged(zone, 60, 0, [0]) for _ in range(2)]
    assert read(walls(truth, zone), zone) == truth


@pytest.mark.parametrize("zone", sorted(BACK))
def test_an_hour_that_stands_there_once_is_its_first_coming_and_that_is_said(zone: str) -> None:
    shift = timedelta(minutes=30 if "Lord" in zone else 60)
    truth = [m for m in logged(zone, 300, 0, [0]) if not BACK[zone] <= m < BACK[zone] + shift]
    recording = parse(csv(walls(truth, zone)), zone)
    assert [datetime.fromtimestamp(r["t"] / 1000, UTC) for _, r in recording.readings] == truth
    count = round(shift / timedelta(seconds=300))
    assert any(f"{count} times in the hour that comes twice" in note and "line" in note for note in recording.notes)


def test_times_that_do_not_exist_are_read_with_the_offset_before_and_told_with_their_lines() -> None:
    times = ["2026-03-29 02:50:00", "2026-03-29 03:20:00", "2026-03-29 04:10:00"]
    recording = parse(csv(times), "Europe/Helsinki")
    assert [datetime.fromtimestamp(r["t"] / 1000, UTC).hour for _, r in recording.readings] == [0, 1, 1]
    assert any("1 time without existence in Europe/Helsinki" in note and "line 3" in note for note in recording.notes)


def test_times_with_an_offset_beside_others_keep_it() -> None:
    recording = parse(csv(["2026-10-25T03:30:00+03:00", "2026-10-25 03:30:00", "2026-10-25T03:30:00+02:00"]), "UTC")
    assert [r["t"] for _, r in recording.readings] == [1792888200000, 1792899000000, 1792891800000]


def test_the_extremes_of_a_day_have_no_order_and_say_nothing_of_which_coming() -> None:
    days = "".join(
        f" {n}:\n  Date: 2026-10-{24 + n}\n  Min T: +2.0, TS Min T: 03:40\n  Max T: +8.5, TS Max T: 03:10\n"
        for n in (0, 1, 2)
    )
    recording = parse(f"Device: x\nHist:\n{days}".encode(), "Europe/Helsinki")
    assert len(recording.readings) == 6
    assert any("2 times in the hour that comes twice" in note for note in recording.notes)
