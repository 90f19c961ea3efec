"""Recordings of real vehicles as the files of `frostway eta backtest`; they stay outside the repository."""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from tracker.rules.lines import Lines

GPS = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "gps"
ZONE = ZoneInfo("America/New_York")
BUSES = {"5A": ("wmata_5A/avl_5A_8062.csv", "8062"), "3T": ("wmata_3T/avl_3T_3757.csv", "3757")}
STANDS_M = 30.0  # a bus that stands so far before its stop has reached it
SERVICE = "8"  # weekdays: both recordings are of a Thursday
TRACE = ["vehicle", "time", "lat", "lon"]
STOPS = ["vehicle", "stop_seq", "stop_id", "lat", "lon", "planned_arrival"]
Row = list[str]


def here(folder: Path = GPS) -> bool:
    """Whether the recordings are on this machine."""
    return (folder / "nyc_taxi_trips_train.csv").exists()


def write(path: Path, head: Row, rows: list[Row]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _seconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds)


@dataclass(frozen=True)
class Bus:
    """A bus, the trips of its block it was seen on, and when it truly passed its stops.

    `truth` by stop_seq, in epoch seconds: the crossing of the stop's place along the trips' shapes, interpolated in
    time. The first stop of each trip is left out, since a bus waits there. `way` is each stop's along the shapes.
    """

    trace: list[Row]
    stops: list[Row]
    planned: dict[int, float]
    truth: dict[int, float]
    way: dict[int, float]
    fixes: dict[str, float]  # way by the text of the fix's time
    speed_mps: float  # of the timetable, over the trips


def bus(line: str) -> Bus:
    """One of the recorded buses, with the trips whose timetable overlaps its recording."""
    file, vehicle = BUSES[line]
    rows = _table(GPS / file)
    folder = (GPS / file).parent
    at = [datetime.fromisoformat(row["time"]).replace(tzinfo=ZONE) for row in rows]
    midnight = at[0].replace(hour=12, minute=0, second=0) - timedelta(hours=12)  # the day of a timetable begins there
    trips = {
        row["trip_id"]: row["shape_id"]
        for row in _table(folder / "trips.txt")
        if row["block_id"] == rows[0]["assignmentId"] and row["service_id"] == SERVICE
    }
    calls: dict[str, list[dict[str, str]]] = {}
    for row in _table(folder / "stop_times.txt"):
        if row["trip_id"] in trips:
            calls.setdefault(row["trip_id"], []).append(row)
    begin, end = ((t - midnight).total_seconds() for t in (at[0], at[-1]))
    driven = sorted(
        (
            t
            for t, c in calls.items()
            if _seconds(c[-1]["arrival_time"]) > begin and _seconds(c[0]["arrival_time"]) < end
        ),
        key=lambda trip: _seconds(calls[trip][0]["arrival_time"]),
    )
    fixes = [[float(row["longitude"]), float(row["latitude"])] for row in rows]
    trace = [[vehicle, t.isoformat(), row["latitude"], row["longitude"]] for t, row in zip(at, rows, strict=True)]
    shapes = {row["shape_id"]: [] for row in _table(folder / "shapes.txt")}
    for row in _table(folder / "shapes.txt"):
        shapes[row["shape_id"]].append([float(row["shape_pt_lon"]), float(row["shape_pt_lat"])])
    places = {row["stop_id"]: (row["stop_lat"], row["stop_lon"]) for row in _table(folder / "stops.txt")}
    stops: list[Row] = []
    firsts: set[int] = set()
    planned = {}
    for trip in driven:
        firsts.add(len(stops) + 1)
        for call in calls[trip]:
            when = midnight + timedelta(seconds=_seconds(call["arrival_time"]))
            seq = len(stops) + 1
            planned[seq] = when.timestamp()
            stops.append([vehicle, str(seq), call["stop_id"], *places[call["stop_id"]], when.isoformat()])
    lines = Lines.of([np.array([point for trip in driven for point in shapes[trips[trip]]])])
    seconds = [t.timestamp() for t in at]
    at_stops = _ways(lines, [[float(s[4]), float(s[3])] for s in stops], list(planned.values()))
    along = _ways(lines, fixes, seconds)
    way = dict(enumerate(at_stops, 1))
    truth = {seq: _crossing(seconds, along, w) for seq, w in way.items() if seq not in firsts}
    length = sum(way[i + len(calls[t]) - 1] - way[i] for i, t in zip(sorted(firsts), driven, strict=True))
    lasts = sum(planned[i + len(calls[t]) - 1] - planned[i] for i, t in zip(sorted(firsts), driven, strict=True))
    found = {seq: t for seq, t in truth.items() if t is not None}
    return Bus(trace, stops, planned, found, way, dict(zip((r[1] for r in trace), along, strict=True)), length / lasts)


def _ways(lines: Lines, points: list[list[float]], seconds: list[float]) -> list[float]:
    """Way along the one line of each point in turn, no faster than 30 m/s."""
    line = np.zeros(1, dtype=np.int64)
    last = lines.begin(line)
    found = []
    for (lon, lat), elapsed in zip(points, np.diff(seconds, prepend=seconds[0] - 60), strict=True):
        last = lines.project(line, np.array([lat]), np.array([lon]), last, np.array([500.0 + 30.0 * elapsed]))
        found.append(float(last.way_m[0]))
    return found


def _crossing(seconds: list[float], along: list[float], way: float) -> float | None:
    """When a stop at this way was first reached, None when it was not, or was behind at the first fix."""
    way -= STANDS_M
    after = int(np.searchsorted(along, way))
    if after in (0, len(along)):
        return None
    share = (way - along[after - 1]) / (along[after] - along[after - 1])
    return seconds[after - 1] + share * (seconds[after] - seconds[after - 1])


def taxi(*, odd: bool) -> tuple[list[Row], list[Row], dict[str, float]]:
    """Every other trip as a vehicle of its own with one stop: trace, stops and true arrivals in epoch seconds.

    The trace of a trip is its two ends; the recorded miles are not used, the seconds only as the time of the last fix.
    """
    trace, stops, truth = [], [], {}
    for i, row in enumerate(_table(GPS / "nyc_taxi_trips_train.csv")):
        if i % 2 != odd:
            continue
        begin = datetime.fromisoformat(row["pickup_at"]).replace(tzinfo=ZONE)
        end = begin + timedelta(seconds=float(row["seconds"]))
        trip = f"trip-{i}"
        trace.append([trip, begin.isoformat(), row["from_lat"], row["from_lon"]])
        trace.append([trip, end.isoformat(), row["to_lat"], row["to_lon"]])
        stops.append([trip, "1", f"end-{i}", row["to_lat"], row["to_lon"], ""])
        truth[trip] = end.timestamp()
    return trace, stops, truth
