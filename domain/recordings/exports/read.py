"""The readings of a table whose every question is answered."""

from __future__ import annotations

from datetime import datetime

from domain.recordings.exports import cells
from domain.recordings.exports.detect import wall_time, zone_of
from domain.recordings.exports.dialect import Column, Detection, OpenQuestionsError
from domain.recordings.exports.table import Row, table_of
from domain.recordings.local_times import LocalTimes
from domain.recordings.shape import LeftOut, Reading, Recording, RecordingError

LOW_C, HIGH_C = -273.15, 2000.0


def parse_export(text: str, detection: Detection) -> Recording:
    """A reading of each line and probe that has a value.

    Raises:
        OpenQuestionsError: a question is open: it names the answers that are possible.
        RecordingError: nothing in it can be used.
    """
    if detection.open:
        raise OpenQuestionsError(detection)
    table = table_of(text, detection.chosen("separator"))
    zone = detection.chosen("zone")
    reader = _Reader(detection, LocalTimes(zone_of(zone)))
    for row in table.rows:
        reader.row(row)
    t_ms, notes = reader.times.resolve(zone)
    for reading, ms in zip(reader.readings, t_ms, strict=True):
        reading["t"] = ms
    if not reader.readings:
        raise RecordingError(f"no reading in it ({reader.skipped.first or 'no line has a value'})")
    if reader.empty:
        notes.append(f"{reader.empty} cells without a value were skipped")
    notes += reader.skipped.notes() + reader.dropped.notes()
    if detection.unused:
        notes.append(f"columns not used: {', '.join(detection.unused)}")
    told = tuple(("temp", reading) for reading in reader.readings)
    return Recording("export", told, reader.empty + reader.skipped.count, detection.serial, tuple(notes))


class _Reader:
    def __init__(self, detection: Detection, times: LocalTimes) -> None:
        self.times = times
        self.readings: list[Reading] = []
        self.skipped = LeftOut("line", "skipped")
        self.dropped = LeftOut("value", "left out")
        self.empty = 0
        self._order = detection.chosen("date_order")
        self._mark = "," if detection.chosen("decimal") == "comma" else "."
        self._unit = detection.chosen("unit")
        self._at = {column.role: column.index for column in detection.columns}
        self._temps = [column for column in detection.columns if column.role == "temp"]
        self._last = max(column.index for column in detection.columns)

    def row(self, row: Row) -> None:
        """One line."""
        if len(row.cells) <= self._last:
            self.skipped.add(row.line, f"{len(row.cells)} cells, too few")
            return
        try:
            moment = self._moment(row.cells)
        except RecordingError as error:
            self.skipped.add(row.line, str(error))
            return
        for column in self._temps:
            text = row.cells[column.index]
            if cells.is_empty(text):
                self.empty += 1
                continue
            temp_c = self._celsius(text, column)
            if temp_c is None:
                self.dropped.add(row.line, f"{column.name or 'temperature'} {text[:40]!r} is no temperature")
                continue
            reading: Reading = {"t": 0, "probe": column.probe, "c": temp_c}
            if "humidity" in self._at and (rh := cells.number(row.cells[self._at["humidity"]])):
                value = cells.value_of(rh, self._mark)
                if value is not None and 0 <= value <= 100:
                    reading["rh"] = value
            self.times.add(moment, row.line, column.probe)
            self.readings.append(reading)

    def _moment(self, row: tuple[str, ...]) -> datetime:
        if "datetime" in self._at:
            text = row[self._at["datetime"]]
            stamp = cells.stamp(text)
            date, clock = (stamp.date, stamp.clock) if stamp else (None, None)
        else:
            text = f"{row[self._at['date']]} {row[self._at['time']]}"
            date, clock = cells.day(row[self._at["date"]]), cells.clock(row[self._at["time"]])
        if date is None or clock is None:
            raise RecordingError(f"{text[:40]!r} is not a time")
        return wall_time(date, clock, self._order)

    def _celsius(self, text: str, column: Column) -> float | None:
        found = cells.number(text)
        value = None if found is None else cells.value_of(found, self._mark)
        if found is None or value is None:
            return None
        unit = found.unit or column.unit or self._unit
        temp_c = {"C": value, "F": (value - 32) / 1.8, "K": value - 273.15}.get(unit)
        return None if temp_c is None or not LOW_C <= temp_c <= HIGH_C else round(temp_c, 3)
