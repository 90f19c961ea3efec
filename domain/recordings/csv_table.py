"""CSV tables of positions or temperatures, one reading a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, tzinfo

from domain.recordings.encodings import clean
from domain.recordings.local_times import LocalTimes
from domain.recordings.shape import LeftOut, Reading, Recording, RecordingError, number
from domain.times import written

# Column -> key of the reading, lowest and highest plausible value.
_Columns = dict[str, tuple[str, float, float]]
_GPS_COLUMNS: _Columns = {
    "lat": ("lat", -90.0, 90.0),
    "lon": ("lon", -180.0, 180.0),
    "speed_mps": ("spd", 0.0, 200.0),
    "heading_deg": ("hdg", 0.0, 360.0),
    "accuracy_m": ("acc", 0.0, 1e6),
}
_TEMP_COLUMNS: _Columns = {"temp_c": ("c", -273.15, 2000.0), "humidity_pct": ("rh", 0.0, 100.0)}
_NEEDED = ("lat", "lon", "temp_c")  # without it there is no reading; other values only cost themselves
_WANTED = "time,lat,lon[,speed_mps,heading_deg] or time,temp_c"


def parse_csv(text: str, local: tzinfo, tz: str) -> Recording:
    """A reading of each line that has a time and its value.

    Raises:
        RecordingError: the header is not that of such a table.
    """
    skipped = LeftOut("line", "skipped")
    rows = _rows(text, skipped)
    _, header = next(rows, (0, [""]))
    header = [name.lower() for name in header]
    stream, columns = _columns(header)
    table = _Table(header, columns, LocalTimes(local), skipped)
    for line, cells in rows:
        table.row(line, cells)
    t_ms, notes = table.times.resolve(tz)
    for reading, ms in zip(table.readings, t_ms, strict=True):
        reading["t"] = ms
        if stream == "temp":
            reading.setdefault("probe", "main")
    notes += skipped.notes() + table.dropped.notes()
    if unused := [name for name in header if name not in columns and name not in ("time", "probe")]:
        notes.append(f"columns not used: {', '.join(unused)}")
    readings = tuple((stream, reading) for reading in table.readings)
    return Recording("csv", readings, skipped.count, None, tuple(notes))


def _rows(text: str, skipped: LeftOut) -> Iterator[tuple[int, list[str]]]:
    """Lines with something in them: where each begins, and its cells. A broken one is named, the next are read."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = rows.line_num + 1
        try:
            cells = [cell.strip() for cell in next(rows)]
        except StopIteration:
            return
        except csv.Error as error:
            skipped.add(line, f"broken CSV: {error}")
            continue
        if any(cells):
            yield line, cells


def _columns(header: list[str]) -> tuple[str, _Columns]:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise RecordingError("its columns are not separated by commas: save it with commas and decimal points")
    if len(set(header)) != len(header):
        raise RecordingError("a column name stands twice in the header")
    if "time" not in header:
        raise RecordingError(f"no column 'time' in the header: it must be {_WANTED}")
    if "temp_c" in header:
        return "temp", _TEMP_COLUMNS
    if "lat" in header and "lon" in header:
        return "gps", _GPS_COLUMNS
    raise RecordingError(f"the header is {','.join(header)[:120]!r}: it must be {_WANTED}")


class _Table:
    """Lines as they become readings."""

    def __init__(self, header: list[str], columns: _Columns, times: LocalTimes, skipped: LeftOut) -> None:
        self._header = header
        self._columns = columns
        self.times = times
        self.readings: list[Reading] = []
        self.dropped = LeftOut("value", "left out, the lines kept")
        self._skipped = skipped

    def row(self, line: int, cells: list[str]) -> None:
        """One line of the file."""
        try:
            moment, reading = self._reading(line, cells)
        except ValueError as error:
            self._skipped.add(line, str(error))
            return
        self.times.add(moment, line, reading.get("probe", ""))
        self.readings.append(reading)

    def _reading(self, line: int, cells: list[str]) -> tuple[datetime, Reading]:
        if len(cells) != len(self._header):
            raise RecordingError(f"{len(cells)} cells, but the header has {len(self._header)}")
        row = dict(zip(self._header, cells, strict=True))
        if not clean(row["time"]):
            raise RecordingError("the time: it is not UTF-8 text: save it as UTF-8")
        moment = written(row["time"])
        reading: Reading = {"t": 0}
        for name, (key, low, high) in self._columns.items():
            text = row.get(name, "")
            if not text and name in _NEEDED:
                raise RecordingError(f"{name} is empty")
            if not text:
                continue
            try:
                reading[key] = number(text, name, low, high)
            except RecordingError as error:
                if name in _NEEDED:
                    raise
                self.dropped.add(line, str(error))
        if probe := row.get("probe"):
            if not clean(probe):
                raise RecordingError("probe: it is not UTF-8 text: save it as UTF-8")
            reading["probe"] = probe
        return moment, reading
