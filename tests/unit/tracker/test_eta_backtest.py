"""`frostway eta backtest`: arrivals found in a trace, nothing of the future used, files and their mistakes."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from frostway.cli import app
from frostway.cli.work.backtest import read_stops, read_trace
from frostway.failure import Failure
from tests import recorded
from tests.benchmarks import eta as bench
from tests.benchmarks.arrivals import recordings
from tests.examples import examples
from tests.recorded import STOPS, TRACE, write
from tracker.arrival_times.arrivals import Journey, Stops
from tracker.arrival_times.backtest import Replay, Trace
from tracker.rules.forecast import NO_TIME, SWIFTEST_MPS, Knowledge

S = 1_000_000
KM = 1 / 111.195  # degrees of latitude
START = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
EAST = 25.0


def stops_at(*km, planned_s=None):
    """Stops to the north, at so many kilometres."""
    n = len(km)
    planned = np.full(n, NO_TIME) if planned_s is None else np.array(planned_s) * S
    lat, lon = 60 + np.array(km) * KM, np.full(n, EAST)
    return Stops.of([f"s{k}" for k in km], lat, lon, planned, np.array([round(10 * k) for k in km]))


def drive(stops, *fixes):
    """Arrivals of a vehicle seen at (seconds, km north), as (stop, seconds)."""
    journey, found = Journey(stops), []
    for t_s, km in fixes:
        found += journey.move(t_s * S, 60 + km * KM, EAST)
    return [(each.stop, each.at_us / S) for each in found]


def steady(t0_s, t1_s, km0, km1, every_s=30):
    times = range(t0_s, t1_s + 1, every_s)
    return [(t, km0 + (km1 - km0) * (t - t0_s) / (t1_s - t0_s)) for t in times]


# ---- arrivals -------------------------------------------------------------------------------------------------------


def test_an_arrival_is_interpolated_between_two_fixes() -> None:
    assert drive(stops_at(5, 10), (0, 0), (280, 4), (400, 6), (900, 9.96)) == [(0, 340), (1, 900)]


def test_a_stop_that_was_never_come_near_is_passed_over() -> None:
    journey = stops_at(2, 5, 8)
    detour = [(0, 0.0, 0), (120, 2.0, 0), (240, 4.0, 0), (300, 5.0, 0.01), (360, 6.0, 0), (480, 8.0, 0)]
    seen, of = [], Journey(journey)
    for t_s, km, east in detour:
        seen += [(r.stop, r.at_us // S, r.set_out_us) for r in of.move(t_s * S, 60 + km * KM, EAST + east)]
    assert [stop for stop, _, _ in seen] == [0, 2]
    assert seen[-1][1] == 480
    assert seen[-1][2] == NO_TIME, "a leg of which one end was not seen teaches nothing"


def test_a_later_stop_on_the_way_is_not_taken_for_reached() -> None:
    found = drive(stops_at(10, 5, 1), *steady(0, 600, 0, 10), *steady(700, 1_300, 10, 0))
    assert [stop for stop, _ in found] == [0, 1, 2]
    assert [round(t / 10) for _, t in found] == [60, 100, 124]


def test_a_recording_that_begins_on_the_way_finds_its_place_by_the_timetable() -> None:
    stops = stops_at(1, 2, 3, 9, planned_s=[10, 100, 200, 600])
    assert [stop for stop, _ in drive(stops, *steady(300, 900, 2.5, 9.0))] == [2, 3]


def test_many_lost_stops_are_made_up_for_after_three_in_turn() -> None:
    found = drive(stops_at(*range(1, 21)), (0, 0), (60, 1), (600, 10.5), *steady(660, 1_200, 10.9, 19))
    assert found[0] == (0, 60)
    assert [stop for stop, _ in found][-1] == 18


def test_a_jump_is_left_out_until_it_lasts() -> None:
    journey = Journey(stops_at(5, 100))
    for t_s, km in ((0, 0), (10, 1), (20, 101), (30, 2)):
        assert journey.move(t_s * S, 60 + km * KM, EAST) == []
    assert journey.t_us == 30 * S
    assert [r.stop for r in journey.move(2_000 * S, 60 + 100 * KM, EAST)] == [0, 1]


def test_a_bus_starts_its_next_trip_when_its_time_has_come() -> None:
    stops = stops_at(5, 5, 0, planned_s=[300, 900, 1_300])
    found = drive(stops, *steady(0, 300, 0, 5), *steady(330, 960, 5, 5), *steady(990, 1_300, 5, 0, 10))
    assert [stop for stop, _ in found] == [0, 1, 2]
    assert found[1][1] == 900


# ---- replay ---------------------------------------------------------------------------------------------------------


def fleet(days, seed=1, slow=1.0):
    """Vehicles that drive 0 -> 12 -> 30 km, one a quarter of an hour, at 15 m/s times their luck; and their stops."""
    rng = np.random.default_rng(seed)
    rows, stops = [], []
    for i in range(24 * days):
        begin, speed = 900 * i, 15.0 / slow * rng.lognormal(0, 0.1)
        stops.append(stops_at(12, 30))
        rows += [(begin + t, i, 60 + min(speed * t / 1e3, 30) * KM) for t in range(0, round(30_000 / speed) + 61, 60)]
    rows.sort()
    t, vehicle, lat = (np.array(column) for column in zip(*rows, strict=True))
    return stops, Trace(vehicle, t.astype(np.int64) * S, lat, np.full(len(t), EAST))


def predictions(stops, trace, known=None):
    replay = Replay(stops, known or Knowledge.none())
    return [tuple(c.tolist() for c in part[:6]) for part in replay.run(trace)], replay


def test_the_same_trace_gives_the_same_predictions() -> None:
    stops, trace = fleet(2)
    first, one = predictions(stops, trace)
    second, other = predictions(stops, trace)
    assert first == second
    assert one.arrived == other.arrived
    assert len(one.arrived) == 2 * len(stops)


def test_nothing_of_the_future_is_used() -> None:
    stops, trace = fleet(2)
    whole, _ = predictions(stops, trace)
    half = len(trace.t_us) // 2
    begun, _ = predictions(stops, Trace(*(column[:half] for column in trace)))
    told = [row for part in whole for row in zip(*part, strict=True)]
    assert [row for part in begun for row in zip(*part, strict=True)] == told[: sum(len(p[0]) for p in begun)]


def test_a_driver_must_rest_on_a_long_way() -> None:
    stops, long = stops_at(500), steady(0, 60 * 420, 0, 450, 300)
    t, km = (np.array(column) for column in zip(*long, strict=True))
    trace = Trace(np.zeros(len(t), np.int64), t * S, 60 + km * KM, np.full(len(t), EAST))
    plain, rested = (
        [int(p.p50_us[0] - p.t_us[0]) / S for p in Replay([stops], Knowledge.none(), rest=rest).run(trace)]
        for rest in (False, True)
    )
    assert rested[0] - plain[0] > 2_600, "a break lies ahead"
    assert rested[-1] - plain[-1] > 2_600, "it drove for seven hours without one"


def test_history_makes_predictions_better() -> None:
    stops, trace = fleet(3, slow=1.6)
    _, before = predictions(stops, trace)
    errors = []
    for known in (None, before.knowledge):
        some, replay = predictions(*fleet(1, seed=2, slow=1.6), known)
        at = {(a.vehicle, a.stop): a.at_us for a in replay.arrived}
        first = {}
        for part in some:
            for v, t, s, _, p50, *_ in zip(*part, strict=True):
                first.setdefault((v, s), abs(p50 - at[v, s]) / (at[v, s] - t))
        errors.append(np.mean(list(first.values())[:10]))
    assert errors[1] < 0.11 < errors[0]


def test_the_shown_time_is_calm_and_its_range_holds_its_middle() -> None:
    some, _ = predictions(*fleet(2))
    for _, t, _, p10, p50, p90 in (map(np.array, part[:6]) for part in some):
        assert (t <= p10).all()
        assert (p10 <= p50).all()
        assert (p50 <= p90).all()


# ---- the command ----------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.3, 40), min_size=2, max_size=7), st.floats(-1, 30), st.floats(4, 25), st.floats(5, 30))
@settings(deadline=None, max_examples=examples(60))
def test_of_a_vehicle_late_by_hours_each_stop_is_a_plausible_drive_after_the_one_before(ways, late_h, mps, plan_mps):
    """In p10, p50 and p90, at every fix, with the plan in time or long past."""
    km = np.cumsum([0.0, *ways])
    stops = stops_at(*km, planned_s=(km * 1000 / plan_mps).round().astype(int))
    begins, takes = round(late_h * 3600), km[-1] * 1000 / mps
    fixes = steady(begins, begins + round(takes), 0.0, km[-1], every_s=max(10, round(takes / 60)))
    t_s, north = np.array(fixes).T
    n = len(t_s)
    trace = Trace(np.zeros(n, np.int64), (t_s * S).astype(np.int64), 60 + north * KM, np.full(n, EAST))
    for made in Replay([stops], Knowledge.none()).run(trace):
        here = np.interp(made.t_us[0] / S, t_s, north)
        least_us = np.diff(km[made.stop], prepend=min(here, km[made.stop[0]])) * 1000 / SWIFTEST_MPS * S
        for said in (made.p10_us, made.p50_us, made.p90_us):
            assert (np.diff(said, prepend=made.t_us[0]) >= least_us - S).all()


def at(seconds):
    return (START + timedelta(seconds=seconds)).isoformat()


def files(folder: Path, trace="T.csv", stops="S.csv"):
    """A small generated day: two vans, three stops each, a timetable for one of them."""
    fixes, plan = [], []
    for van, offset in (("van-1", 0), ("van-2", 300)):
        for i, km in enumerate((6, 12, 18), 1):
            planned = at(400 * i + offset) if van == "van-1" else ""
            plan.append([van, str(i), f"stop-{km}", f"{60 + km * KM:.6f}", "25", planned])
        fixes += [[van, at(t + offset), f"{60 + km * KM:.6f}", "25.0"] for t, km in steady(0, 1_260, 0, 18.0)]
    write(folder / trace, TRACE, fixes)
    write(folder / stops, STOPS, plan)
    return ["eta", "backtest", "--trace", str(folder / trace), "--stops", str(folder / stops), "--out"]


def run(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


def test_the_command_writes_predictions_and_prints_grades(tmp_path: Path) -> None:
    out = tmp_path / "P.csv"
    result = run(*files(tmp_path), str(out))
    assert result.exit_code == 0, result.output
    lines = list(csv.DictReader(out.read_text().splitlines()))
    assert list(lines[0]) == ["vehicle", "time", "stop_id", "p10", "p50", "p90"]
    assert {(row["vehicle"], row["stop_id"]) for row in lines} == {
        (v, s) for v in ("van-1", "van-2") for s in ("stop-6", "stop-12", "stop-18")
    }
    for row in lines:
        made, p10, p50, p90 = (datetime.fromisoformat(row[name]) for name in ("time", "p10", "p50", "p90"))
        assert made - timedelta(seconds=1) <= p10 <= p50 <= p90
    near = [row for row in lines if row["time"] == at(1_170) and row["vehicle"] == "van-1"]
    assert abs(datetime.fromisoformat(near[0]["p50"]) - (START + timedelta(seconds=1_260))) < timedelta(seconds=60)
    head, every, *_ = result.stdout.splitlines()
    assert head.split("\t")[:3] == ["hours out", "n", "MAE min"]
    assert int(every.split("\t")[1]) > 50


def test_history_is_read_and_its_holes_are_told(tmp_path: Path) -> None:
    history = tmp_path / "history"
    (history / "monday").mkdir(parents=True)
    files(history / "monday", "trace.csv", "stops.csv")
    words = [*files(tmp_path), str(tmp_path / "P.csv"), "--history", str(history)]
    result = run(*words)
    assert result.exit_code == 0
    assert "reaches beyond the beginning of the trace" in result.stderr
    files(history, "tuesday.trace.csv", "other.stops.csv")
    broken = run(*words)
    assert isinstance(broken.exception, Failure)
    assert "tuesday.stops.csv" in str(broken.exception)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "NAME.trace.csv" in str(run(*words[:-1], str(empty)).exception)
    assert "no such folder" in str(run(*words[:-1], str(tmp_path / "none")).exception)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("T.csv", "", "no column 'vehicle' in the header: it must be vehicle,time,lat,lon"),
        ("T.csv", "vehicle,time,lat\n", "no column 'lon'"),
        ("T.csv", "vehicle,time,lat,lon\n", "no fix in it"),
        ("T.csv", "vehicle,time,lat,lon\nx,2026-11-02T06:00:00Z,60,25\n", "none of its vehicles has stops"),
        ("T.csv", "vehicle,time,lat,lon\nvan-1,yesterday,60,25\n", "line 2: 'yesterday' is not a time"),
        ("T.csv", "vehicle,time,lat,lon\nvan-1,2026-11-02T06:00:00,60,25\n", "has no offset: add Z or +hh:mm"),
        (
            "T.csv",
            "vehicle,time,lat,lon\nvan-1,2026-11-02T06:00:00Z,95,25\n",
            "lat '95' is not a number from -90 to 90",
        ),
        ("T.csv", "vehicle,time,lat,lon\nvan-1,2026-11-02T06:00:00Z,60\n", "line 2: 3 cells, but the header has 4"),
        ("T.csv", "vehicle,time,lat,lon\n,2026-11-02T06:00:00Z,60,25\n", "line 2: vehicle is empty"),
        ("S.csv", "vehicle,stop_seq,stop_id,lat,lon\n", "no stop in it"),
        ("S.csv", "vehicle,stop_seq,stop_id,lat,lon\nv,one,a,60,25\n", "stop_seq 'one' is not a whole number"),
        (
            "S.csv",
            "vehicle,stop_seq,stop_id,lat,lon\nv,1,a,60,25\nv,1,b,60,25\n",
            "line 3: vehicle v has stop_seq 1 twice",
        ),
        ("S.csv", "vehicle,stop_seq,stop_id,lat,lon\nv,1,a,nan,25\n", "lat 'nan' is not a number"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_clear_line(tmp_path: Path, file: str, text: str, said: str) -> None:
    words = files(tmp_path)
    (tmp_path / file).write_text(text)
    result = run(*words, str(tmp_path / "P.csv"))
    assert isinstance(result.exception, Failure)
    assert str(result.exception).startswith(f"{file}: ")
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)


def test_files_that_cannot_be_read_or_written_are_told(tmp_path: Path) -> None:
    words = files(tmp_path)
    assert "No such file" in str(run(*words[:3], str(tmp_path / "none"), *words[4:], "P.csv").exception)
    assert "No such file" in str(run(*words, str(tmp_path / "no" / "P.csv")).exception)
    (tmp_path / "T.csv").write_bytes(b"vehicle,time,lat,lon\n\xff\xfe")
    assert "not UTF-8" in str(run(*words, str(tmp_path / "P.csv")).exception)


def test_fixes_are_put_in_order_and_repeats_taken_once(tmp_path: Path) -> None:
    files(tmp_path)
    plan = read_stops(tmp_path / "S.csv")
    path = tmp_path / "T.csv"
    before = read_trace(path, plan)
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(rows), rows[3], "stranger,2026-11-02T06:00:00Z,60,25"]) + "\n")
    after = read_trace(path, plan)
    assert [c.tolist() for c in after.trace] == [c.tolist() for c in before.trace]
    assert (after.strangers, before.strangers) == (1, 0)


# ---- recordings -----------------------------------------------------------------------------------------------------


def test_a_bus_of_a_recorded_line_is_predicted_better_than_by_timetable_and_delay(shared_data) -> None:
    """One bus by what the others' trips have taught (`make bench`: each); ranges hold overall and at every horizon."""
    assert recorded.here()
    scored, _ = recordings.left_out_buses(timetable=True, only=1)
    for figure in recordings.bus_figures("D96", scored):
        assert figure.met, figure


def test_without_a_timetable_expected_times_of_recorded_legs_add_up(shared_data) -> None:
    _, legs = recordings.left_out_buses(timetable=False, only=2)
    assert len(legs.expected) > 500
    assert 0.97 < legs.ratio(0) < 1.03


@pytest.mark.parametrize(("line", "other"), [("5A", "3T"), ("3T", "5A")])
def test_one_trip_of_another_line_does_no_harm(shared_data, line: str, other: str) -> None:
    """No worse than the better of timetable and constant speed."""
    scored = recordings.by_another(line, other)
    plain = scored.plain_mae_s()
    assert scored.mae_s() <= min(plain["timetable"], plain["constant speed"])


@pytest.mark.parametrize("split", recordings.TAXI)
def test_a_recorded_taxi_is_predicted_from_the_ends_of_its_trips(shared_data, split: str) -> None:
    for figure in recordings.taxi(split):
        assert figure.met, figure


def test_coverage_comes_back_after_a_sudden_slowdown() -> None:
    before, after = bench.slow_fleet(seed=1, before=5, after=4)
    assert 0.73 < before[-400:].mean() < 0.87
    assert 0.75 <= after[bench.SETTLED :].mean() <= 0.85


def test_lines_of_no_use_in_a_trace_cost_themselves_and_are_named(tmp_path: Path) -> None:
    good = [f"v,2026-11-02T06:{m:02d}:00Z,60.0,25.{m:02d}" for m in range(4)]
    bad = [
        "v,2026-11-02,60,25",
        "v,2026-11-02T06:00:00Z,60",
        "v,2026-11-02T06:01:30Z,1_0,25",
        ",2026-11-02T06:02:30Z,60,25",
    ]
    (tmp_path / "S.csv").write_text("vehicle,stop_seq,stop_id,lat,lon\nv,1,a,60,25\nv,2,b,60,26\n")
    (tmp_path / "T.csv").write_text("vehicle,time,lat,lon\n" + "\n".join([good[0], *bad, *good[1:]]) + "\n")
    fixes = read_trace(tmp_path / "T.csv", read_stops(tmp_path / "S.csv"))
    assert len(fixes.time) == 4
    assert fixes.left_out.count == 4
    assert [note.split(":")[0] for note in fixes.left_out.named] == ["line 3", "line 4", "line 5", "line 6"]
