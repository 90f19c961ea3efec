"""Recordings of real vehicles as the files of `frostway eta backtest`; they stay outside the repository."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from tracker.rules.lines import Lines

GPS = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "gps"
ZONE = ZoneInfo("America/New_York")
BUSES = {"5A": ("wmata_5A/avl_5A_8062.csv", "8062"), "3T": ("wmata_3T/avl_3T_3757.csv", "3757")}
STANDS_M = 30.0  # a bus that stands so far before its stop has reached it
SERVICE = "8"  # weekdays: both recordings are of a Thursday
D96 = "wmata_2026_D96"
D96_MIDNIGHT = datetime(2026, 2, 16, 5, tzinfo=UTC)  # its times of day count from there
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
    """A bus, the trips it was seen on, and when it truly passed its stops.

    `truth` by stop_seq, in epoch seconds: the crossing of the stop's place along the trips' shapes, interpolated in
    time. The first stop of each trip is left out, since a bus waits there. `way` is each stop's along the shapes.
    """

    name: str
    trace: list[Row]
    stops: list[Row]
    planned: dict[int, float]
    truth: dict[int, float]
    way: dict[int, float]
    fixes: dict[str, float]  # way by the text of the fix's time
    speed_mps: float  # of the timetable, over the trips


class _Call(NamedTuple):
    """A stop of a trip, as planned."""

    stop_id: str
    lat: str
    lon: str
    at: datetime


class _Trip(NamedTuple):
    calls: list[_Call]
    shape: list[list[float]]


def _shapes(path: Path) -> dict[str, list[list[float]]]:
    shapes: dict[str, list[list[float]]] = {}
    for row in _table(path):
        shapes.setdefault(row["shape_id"], []).append([float(row["shape_pt_lon"]), float(row["shape_pt_lat"])])
    return shapes


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
    places = {row["stop_id"]: (row["stop_lat"], row["stop_lon"]) for row in _table(folder / "stops.txt")}
    calls: dict[str, list[_Call]] = {}
    for row in _table(folder / "stop_times.txt"):
        if row["trip_id"] in trips:
            when = midnight + timedelta(seconds=_seconds(row["arrival_time"]))
            calls.setdefault(row["trip_id"], []).append(_Call(row["stop_id"], *places[row["stop_id"]], when))
    shapes = _shapes(folder / "shapes.txt")
    driven = sorted(
        (t for t, c in calls.items() if c[-1].at > at[0] and c[0].at < at[-1]), key=lambda t: calls[t][0].at
    )
    return _bus(
        vehicle,
        [(t, row["latitude"], row["longitude"]) for t, row in zip(at, rows, strict=True)],
        [_Trip(calls[trip], shapes[trips[trip]]) for trip in driven],
    )


def d96() -> dict[str, list[Bus]]:
    """The trips of one day of route D96, by the bus that drove them; each trip is a vehicle of its own."""
    folder = GPS / D96
    places = {row["stop_id"]: (row["stop_lat"], row["stop_lon"]) for row in _table(folder / "stops.txt")}
    shapes = _shapes(folder / "shapes.txt")
    shape_of = {row["trip_id"]: row["shape_id"] for row in _table(folder / "trips.txt")}
    calls: dict[str, list[_Call]] = {}
    for row in sorted(_table(folder / "stop_times.txt"), key=lambda r: (r["trip_id"], int(r["stop_sequence"]))):
        when = D96_MIDNIGHT + timedelta(seconds=float(row["arrival_time"]))
        calls.setdefault(row["trip_id"], []).append(_Call(row["stop_id"], *places[row["stop_id"]], when))
    fixes: dict[str, list[tuple[datetime, str, str]]] = {}
    driver: dict[str, str] = {}
    for row in sorted(_table(folder / "positions.csv"), key=lambda r: int(r["time"])):
        at = datetime.fromtimestamp(int(row["time"]), UTC)
        fixes.setdefault(row["trip_id"], []).append((at, row["lat"], row["lon"]))
        driver[row["trip_id"]] = row["vehicle"]
    found: dict[str, list[Bus]] = {}
    for trip, rows in fixes.items():
        whole = _bus(trip, rows, [_Trip(calls[trip], shapes[shape_of[trip]])])
        found.setdefault(driver[trip], []).append(whole)
    return found


def _bus(name: str, rows: list[tuple[datetime, str, str]], trips: list[_Trip]) -> Bus:
    fixes = [[float(lon), float(lat)] for _, lat, lon in rows]
    trace = [[name, t.isoformat(), lat, lon] for t, lat, lon in rows]
    stops: list[Row] = []
    firsts: set[int] = set()
    planned = {}
    for trip in trips:
        firsts.add(len(stops) + 1)
        for call in trip.calls:
            seq = len(stops) + 1
            planned[seq] = call.at.timestamp()
            stops.append([name, str(seq), call.stop_id, call.lat, call.lon, call.at.isoformat()])
    lines = Lines.of([np.array([point for trip in trips for point in trip.shape])])
    seconds = [t.timestamp() for t, _, _ in rows]
    at_stops = _ways(lines, [[float(s[4]), float(s[3])] for s in stops], list(planned.values()))
    along = _ways(lines, fixes, seconds)
    way = dict(enumerate(at_stops, 1))
    truth = {seq: _crossing(seconds, along, w) for seq, w in way.items() if seq not in firsts}
    ends = [(i, i + len(t.calls) - 1) for i, t in zip(sorted(firsts), trips, strict=True)]
    length, lasts = (sum(of[b] - of[a] for a, b in ends) for of in (way, planned))
    found = {seq: t for seq, t in truth.items() if t is not None}
    return Bus(
        name, trace, stops, planned, found, way, dict(zip((r[1] for r in trace), along, strict=True)), length / lasts
    )


def _ways(lines: Lines, points: list[list[float]], seconds: list[float]) -> list[float]:
    """Way along the one line of each point in turn, no faster than 30 m/s; the first may be anywhere."""
    line = np.zeros(1, dtype=np.int64)
    last = lines.begin(line)
    found = []
    for (lon, lat), elapsed in zip(points, np.diff(seconds, prepend=-np.inf), strict=True):
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
