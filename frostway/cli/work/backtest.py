"""The files of `frostway eta backtest`: traces and stops in, predictions and their grades out."""

from __future__ import annotations

import csv
import hashlib
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress

from domain.readings import I64
from domain.recordings.shape import LeftOut, number
from domain.times import to_us, written
from frostway.cli.work.tables import print_table
from frostway.failure import Failure, say
from tracker.arrival_times.arrivals import Stops
from tracker.arrival_times.backtest import Predicted, Replay, Trace
from tracker.rules.experts import NAMES as EXPERTS
from tracker.rules.forecast import NO_TIME, Knowledge
from tracker.rules.grades import Grade, grade

FILE_BYTES_MAX = 512 * 1024 * 1024
STOPS_MAX = 1_000_000
TRACE_WANTED = "vehicle,time,lat,lon[,speed_mps,heading_deg]"
STOPS_WANTED = "vehicle,stop_seq,stop_id,lat,lon[,planned_arrival]"


class Plan(NamedTuple):
    """The vehicles of a stops file, and their stops in turn."""

    vehicles: list[str]
    stops: list[Stops]


@dataclass(frozen=True)
class Fixes:
    """A trace, with the text of each fix's time and its offset from UTC."""

    trace: Trace
    time: list[str]
    offset_us: I64
    strangers: int  # fixes of vehicles without stops
    left_out: LeftOut  # lines of no use


class _Stop(NamedTuple):
    name: str
    lat: float
    lon: float
    planned_us: int


def backtest(trace: Path, stops: Path, history: Path | None, out: Path, *, rest: bool) -> None:
    """Replays the trace, writes what would have been predicted, and prints its grades."""
    plan = read_stops(stops)
    fixes = read_trace(trace, plan)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:

        def teller(name: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(name, total=total)
            return lambda done: progress.update(task, completed=done)

        known = Knowledge.none()
        for day in _days(history) if history else []:
            if day.fixes.trace.t_us[-1] >= fixes.trace.t_us[0]:
                say(f"{day.path}: reaches beyond the beginning of the trace")
            before = Replay(day.plan.stops, known, rest=rest)
            for _ in before.run(day.fixes.trace, teller(day.path.name, len(day.fixes.time))):
                pass
            known = before.knowledge
        replay = Replay(plan.stops, known, rest=rest)
        made = replay.run(fixes.trace, teller(trace.name, len(fixes.time)))
        try:
            with out.open("w", encoding="utf-8", newline="") as file:
                found = _write(file, made, plan, fixes)
        except OSError as error:
            raise Failure(f"{out}: {error.strerror or error}") from None
    for note in fixes.left_out.notes():
        say(f"{trace.name}: {note}")
    if fixes.strangers:
        say(f"{trace.name}: {fixes.strangers} fixes of vehicles without stops were left out")
    say(f"{out}: {len(found.vehicle)} predictions, {len(replay.arrived)} arrivals found in the trace")
    _print(_grades(found, replay))


# ---- reading ------------------------------------------------------------------------------------------------------


def read_stops(path: Path) -> Plan:
    """The stops file, in order of vehicle and stop_seq.

    Raises:
        Failure: names the line and what is wrong with it.
    """
    found: dict[str, dict[int, _Stop]] = {}
    for count, (line, row) in enumerate(_rows(path, ("vehicle", "stop_seq", "stop_id", "lat", "lon"), STOPS_WANTED)):
        if count >= STOPS_MAX:
            raise Failure(f"{path.name}: more than {STOPS_MAX} stops: cut it into parts")
        where = f"{path.name}: line {line}"
        try:
            seq, vehicle, stop = _stop(row)
        except ValueError as error:  # a plan with a hole would be another plan
            raise Failure(f"{where}: {error}") from None
        of = found.setdefault(vehicle, {})
        if seq in of:
            raise Failure(f"{where}: vehicle {row['vehicle']} has stop_seq {seq} twice")
        of[seq] = stop
    if not found:
        raise Failure(f"{path.name}: no stop in it")
    vehicles = sorted(found)
    return Plan(vehicles, [_stops([of[seq] for seq in sorted(of)]) for of in (found[v] for v in vehicles)])


def _stop(row: dict[str, str]) -> tuple[int, str, _Stop]:
    try:
        seq = int(row["stop_seq"])
    except ValueError:
        raise ValueError(f"stop_seq {row['stop_seq'][:40]!r} is not a whole number") from None
    vehicle = _named(row["vehicle"], "vehicle")
    lat, lon = _place(row)
    planned = row.get("planned_arrival", "")
    at = to_us(_instant(planned)) if planned else NO_TIME
    return seq, vehicle, _Stop(_named(row["stop_id"], "stop_id"), lat, lon, at)


def _stops(stops: list[_Stop]) -> Stops:
    return Stops.of(
        [s.name for s in stops],
        np.array([s.lat for s in stops]),
        np.array([s.lon for s in stops]),
        np.array([s.planned_us for s in stops], dtype=np.int64),
        np.array([_number(s.name) for s in stops], dtype=np.int64),
    )


def _number(name: str) -> int:
    """A number that is the same wherever the name is."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def read_trace(path: Path, plan: Plan) -> Fixes:
    """The trace file, in order of time and vehicle; of a vehicle's fixes at the same moment the first is taken.

    A line of no use is left out and named.

    Raises:
        Failure: there is no fix in it, or it is no such file.
    """
    left_out = LeftOut("line", "skipped")
    known = {name: i for i, name in enumerate(plan.vehicles)}
    rows: list[tuple[int, int, float, float]] = []
    texts: list[str] = []
    offsets: list[int] = []
    strangers = 0
    for line, row in _rows(path, ("vehicle", "time", "lat", "lon"), TRACE_WANTED, left_out):
        try:
            at = _instant(row["time"])
            lat, lon = _place(row)
            vehicle = known.get(_named(row["vehicle"], "vehicle"))
        except ValueError as error:
            left_out.add(line, str(error))
            continue
        if vehicle is None:
            strangers += 1
            continue
        rows.append((vehicle, to_us(at), lat, lon))
        texts.append(row["time"])
        offset = at.utcoffset()
        offsets.append(round(offset.total_seconds()) if offset else 0)
    if not rows:
        none = "none of its vehicles has stops" if strangers else f"no fix in it {left_out.first}".strip()
        raise Failure(f"{path.name}: {none}")
    owner, t_us, lats, lons = (np.array(column) for column in zip(*rows, strict=True))
    order = np.lexsort((np.arange(len(t_us)), owner, t_us))
    again = (np.diff(t_us[order], prepend=NO_TIME) == 0) & (np.diff(owner[order], prepend=-1) == 0)
    order = order[~again]
    trace = Trace(owner[order], t_us[order], lats[order], lons[order])
    offset_us = np.array(offsets, dtype=np.int64)[order] * 1_000_000
    return Fixes(trace, [texts[i] for i in order.tolist()], offset_us, strangers, left_out)


def _rows(
    path: Path, needed: tuple[str, ...], wanted: str, left_out: LeftOut | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of a CSV file as dictionaries, with their numbers; what does not fit is left out if it may be."""
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise Failure(f"{path.name}: {size} bytes is too large (at most {FILE_BYTES_MAX}): cut it into parts")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = _header(path, next(reader, []), needed, wanted)
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    wrong = f"{len(cells)} cells, but the header has {len(header)}"
                    if left_out is None:
                        raise Failure(f"{path.name}: line {reader.line_num}: {wrong}")
                    left_out.add(reader.line_num, wrong)
                    continue
                yield reader.line_num, dict(zip(header, map(str.strip, cells), strict=True))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise Failure(f"{path.name}: it is not UTF-8: save it as UTF-8") from None
    except csv.Error as error:
        raise Failure(f"{path.name}: broken CSV: {error}") from None


def _header(path: Path, cells: list[str], needed: tuple[str, ...], wanted: str) -> list[str]:
    header = [name.strip().lower() for name in cells]
    if missing := [name for name in needed if name not in header]:
        raise Failure(f"{path.name}: no column {missing[0]!r} in the header: it must be {wanted}")
    if len(set(header)) != len(header):
        raise Failure(f"{path.name}: a column name stands twice in the header")
    return header


def _named(text: str, what: str) -> str:
    if not text:
        raise ValueError(f"{what} is empty")
    return text


def _instant(text: str) -> datetime:
    at = written(text)
    if at.tzinfo is None:
        raise ValueError(f"the time {text!r} has no offset: add Z or +hh:mm")
    return at


def _place(row: dict[str, str]) -> tuple[float, float]:
    return number(row["lat"], "lat", -90, 90), number(row["lon"], "lon", -180, 180)


# ---- history --------------------------------------------------------------------------------------------------------


class _Day(NamedTuple):
    path: Path
    plan: Plan
    fixes: Fixes


def _days(folder: Path) -> list[_Day]:
    """Every `NAME.trace.csv` with its `NAME.stops.csv`, and `trace.csv` with `stops.csv` in a folder, oldest first."""
    if not folder.is_dir():
        raise Failure(f"{folder}: no such folder")
    found = []
    for trace in sorted(folder.rglob("*trace.csv")):
        stops = trace.with_name(trace.name.removesuffix("trace.csv") + "stops.csv")
        if not stops.is_file():
            raise Failure(f"{trace}: its stops are missing: {stops.name}")
        plan = read_stops(stops)
        found.append(_Day(trace, plan, read_trace(trace, plan)))
    if not found:
        raise Failure(f"{folder}: no NAME.trace.csv with its NAME.stops.csv in it")
    return sorted(found, key=lambda day: int(day.fixes.trace.t_us[0]))


# ---- writing --------------------------------------------------------------------------------------------------------


def _write(file: IO[str], made: Iterator[Predicted], plan: Plan, fixes: Fixes) -> Predicted:
    """Writes predictions as they are made; each has the time of its fix as the trace has it, arrivals in its offset."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["vehicle", "time", "stop_id", "p10", "p50", "p90"])
    of = {(int(v), int(t)): i for i, (v, t) in enumerate(zip(fixes.trace.vehicle, fixes.trace.t_us, strict=True))}
    parts = []
    for part in made:
        fix = [of[key] for key in zip(part.vehicle.tolist(), part.t_us.tolist(), strict=True)]
        names = [plan.stops[v].name[s] for v, s in zip(part.vehicle.tolist(), part.stop.tolist(), strict=True)]
        texts = [_texts(at, fixes.offset_us[fix]) for at in (part.p10_us, part.p50_us, part.p90_us)]
        vehicles, times = [plan.vehicles[v] for v in part.vehicle.tolist()], [fixes.time[i] for i in fix]
        rows.writerows(zip(vehicles, times, names, *texts, strict=True))
        parts.append(part)
    if parts:
        return Predicted(**{f: np.concatenate([getattr(part, f) for part in parts]) for f in Predicted._fields})
    none = np.empty(0, dtype=np.int64)
    return Predicted(none, none, none, none, none, none, np.empty((0, len(EXPERTS))))


def _texts(at_us: I64, offset_us: I64) -> list[str]:
    """RFC 3339 in these offsets, to the second.

    >>> _texts(np.array([1_500_000]), np.array([-4 * 3_600_000_000]))
    ['1969-12-31T20:00:02-04:00']
    """
    local = np.datetime_as_string(np.rint((at_us + offset_us) / 1e6).astype("datetime64[s]")).tolist()
    return [text + _offset(us) for text, us in zip(local, offset_us.tolist(), strict=True)]


def _offset(us: int) -> str:
    minutes = abs(us) // 60_000_000
    return f"{'-' if us < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}" if us else "Z"


# ---- grades ---------------------------------------------------------------------------------------------------------


def _grades(made: Predicted, replay: Replay) -> list[Grade]:
    """Of the predictions whose arrival was found, made before it."""
    stops = 1 + max((a.stop for a in replay.arrived), default=0)
    arrived = {a.vehicle * stops + a.stop: a.at_us for a in replay.arrived}
    key = np.where(made.stop < stops, made.vehicle * stops + made.stop, -1)
    at = np.array([arrived.get(k, NO_TIME) for k in key.tolist()], dtype=np.int64)
    rows = made.t_us < at
    made_us, p10_us, p50_us, p90_us = made.t_us[rows], made.p10_us[rows], made.p50_us[rows], made.p90_us[rows]
    return grade(made_us, p10_us, p50_us, p90_us, at[rows], key[rows], made.said_s[rows])


def _print(grades: list[Grade]) -> None:
    head = [
        "hours out",
        "n",
        "MAE min",
        "MAPE %",
        "in 15 min %",
        "in 30 min %",
        "coverage %",
        "width min",
        "jitter min",
        *(f"{name.replace('_', ' ')} MAE" for name in EXPERTS),
    ]
    rows = [
        [
            g.hours_out,
            str(g.n),
            _show(g.mae_min, 2),
            _show(100 * g.mape, 1),
            _show(100 * g.within_15, 1),
            _show(100 * g.within_30, 1),
            _show(100 * g.coverage, 1),
            _show(g.width_min, 1),
            _show(g.jitter_min, 2),
            *(_show(each, 2) for each in g.experts_min),
        ]
        for g in grades
    ]
    print_table(head, rows, "")
    sys.stdout.flush()


def _show(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
