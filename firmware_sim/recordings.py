"""Recordings of real devices as readings: GPX, CSV and the text exports of Berlinger temperature loggers.

A parser takes the whole file and gives every reading it holds, or refuses it and says how to mend it. What has no
value (a sensor that was not connected, a point without a time) is skipped and counted, never guessed. Loggers and
some CSV files write local times without an offset: the caller gives the zone, UTC if it does not, and the recording
says which was used.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from xml.parsers import expat
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firmware_sim.events import Reading

FILE_BYTES_MAX = 256 * 1024 * 1024
TEXT_BYTES_MAX = 1024  # of one XML element we read
NO_VALUE = "--.-"


class RecordingError(ValueError):
    """The file is not a recording that can be replayed."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Readings in file order as (stream, reading); `t` in Unix ms. `notes` are for the user's eyes."""

    format: str  # gpx | csv | berlinger
    readings: tuple[tuple[str, Reading], ...]
    skipped: int = 0
    serial: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams it has readings of."""
        return tuple(sorted({stream for stream, _ in self.readings}))

    def span_ms(self) -> tuple[int, int]:
        """First and last event time."""
        times = [reading["t"] for _, reading in self.readings]
        return min(times), max(times)

    def shifted(self, by_ms: int) -> Recording:
        """The same recording at another time."""
        readings = tuple((stream, {**reading, "t": reading["t"] + by_ms}) for stream, reading in self.readings)
        return Recording(self.format, readings, self.skipped, self.serial, self.notes)


def zone(name: str) -> tzinfo:
    """Time zone of an IANA name.

    Raises:
        RecordingError: there is no such zone.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RecordingError(f"no time zone {name!r}: use an IANA name such as Europe/Helsinki") from None


def read(path: Path, tz: str = "UTC") -> Recording:
    """The recording in the file; its format is told by its content.

    Args:
        path: the file.
        tz: IANA zone of times without an offset.

    Raises:
        RecordingError: says what is wrong and how to mend it.
    """
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise RecordingError(f"{path}: {size} bytes is too large (at most {FILE_BYTES_MAX}): cut it into parts")
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from None
    try:
        return parse(content, tz)
    except RecordingError as error:
        raise RecordingError(f"{path.name}: {error}") from None


def parse(content: bytes, tz: str = "UTC") -> Recording:
    """As `read`, from bytes.

    Raises:
        RecordingError: says what is wrong and how to mend it.
    """
    local = zone(tz)
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<") or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        recording = _gpx(content, local, tz)
    else:
        text = _text(content)
        recording = _berlinger(text, local, tz) if start.startswith(b"Device:") else _csv(text, local, tz)
    if not recording.readings:
        raise RecordingError(f"no reading in it ({recording.skipped} without a value were skipped)")
    return recording


def _text(content: bytes) -> str:
    if b"\x00" in content:
        raise RecordingError("it holds NUL bytes, so it is not a text file: export it as GPX, CSV or logger text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordingError(f"it is not UTF-8 (byte {error.start}): save it as UTF-8") from None


def _instant_ms(text: str, local: tzinfo) -> tuple[int, bool]:
    """Unix ms of an RFC 3339 time, and whether it had its own offset."""
    try:
        moment = datetime.fromisoformat(text.strip())
        own = moment.tzinfo is not None
        return round((moment if own else moment.replace(tzinfo=local)).timestamp() * 1000), own
    except (ValueError, OverflowError):
        raise RecordingError(f"{text.strip()[:40]!r} is not a time: write 2026-11-22T10:00:00Z") from None


def _number(text: str, what: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        hint = ", and a decimal point" if "," in text else ""
        raise RecordingError(f"{what} {text.strip()[:40]!r} is not a number from {low:g} to {high:g}{hint}")
    return value


def _zone_note(tz: str) -> str:
    return f"times without an offset were read as {tz}" + (": give the zone if that is wrong" if tz == "UTC" else "")


# ---- GPX ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _GpxReader:
    """Expat handlers. Expat itself, because it can refuse a DOCTYPE before an entity is ever expanded."""

    local: tzinfo
    readings: list[tuple[str, Reading]] = field(default_factory=list)
    skipped: int = 0
    naive: bool = False
    points_elsewhere: int = 0
    root: str = ""
    _point: dict[str, str] | None = None
    _text: list[str] | None = None
    _length: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        tag = name.rsplit(":", 1)[-1].rsplit(" ", 1)[-1]
        self.root = self.root or tag
        if tag == "trkpt":
            self._point = {"lat": attributes.get("lat", ""), "lon": attributes.get("lon", "")}
        elif tag in ("rtept", "wpt"):
            self.points_elsewhere += 1
        elif self._point is not None and tag in ("time", "ele", "speed", "course"):
            self._text, self._length = [], 0

    def data(self, text: str) -> None:
        """Text of an element we read."""
        if self._text is not None:
            self._length += len(text)
            if self._length > TEXT_BYTES_MAX:
                raise RecordingError("an element holds more text than a time or a number")
            self._text.append(text)

    def end(self, name: str) -> None:
        """An element ends."""
        tag = name.rsplit(":", 1)[-1].rsplit(" ", 1)[-1]
        if tag == "trkpt" and self._point is not None:
            self._add(self._point)
            self._point = None
        elif self._text is not None and self._point is not None:
            self._point[tag] = "".join(self._text).strip()
            self._text = None

    def _add(self, point: dict[str, str]) -> None:
        if not point.get("time"):
            self.skipped += 1
            return
        t, own = _instant_ms(point["time"], self.local)
        self.naive |= not own
        reading: Reading = {
            "t": t,
            "lat": _number(point["lat"], "latitude", -90, 90),
            "lon": _number(point["lon"], "longitude", -180, 180),
        }
        for key, tag, low, high in (
            ("spd", "speed", 0, 200),
            ("hdg", "course", 0, 360),
            ("alt", "ele", -500, 12_000),
        ):
            if point.get(tag):
                reading[key] = _number(point[tag], tag, low, high)
        self.readings.append(("gps", reading))


def _refuse_doctype(*_: object) -> None:
    raise RecordingError("it has a DOCTYPE, which no GPX file needs and which can do harm: remove it")


def _gpx(content: bytes, local: tzinfo, tz: str) -> Recording:
    reader = _GpxReader(local)
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.buffer_text = True
    try:
        parser.Parse(content, True)  # noqa: FBT003 -- expat's own signature
    except expat.ExpatError as error:
        raise RecordingError(f"broken XML: {error}: export it again") from None
    if reader.root != "gpx":
        raise RecordingError(f"XML, but its root is <{reader.root}>, not <gpx>: export it as GPX")
    if not reader.readings:
        if reader.skipped or reader.points_elsewhere:
            raise RecordingError("no point in it has a time, so it is a plan and not a recording: record with times")
        raise RecordingError("no track point in it")
    notes = [_zone_note(tz)] if reader.naive else []
    if reader.skipped:
        notes.append(f"{reader.skipped} points without a time were skipped")
    return Recording("gpx", tuple(reader.readings), reader.skipped, None, tuple(notes))


# ---- CSV ----------------------------------------------------------------------------------------------------------

# Column -> key of the reading, lowest and highest plausible value.
_GPS_COLUMNS = {
    "lat": ("lat", -90.0, 90.0),
    "lon": ("lon", -180.0, 180.0),
    "speed_mps": ("spd", 0.0, 200.0),
    "heading_deg": ("hdg", 0.0, 360.0),
    "accuracy_m": ("acc", 0.0, 1e6),
}
_TEMP_COLUMNS = {"temp_c": ("c", -273.15, 2000.0), "humidity_pct": ("rh", 0.0, 100.0)}
_CSV_WANTED = "time,lat,lon[,speed_mps,heading_deg] or time,temp_c"


def _csv(text: str, local: tzinfo, tz: str) -> Recording:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        stream, columns = _csv_columns(header)
        readings: list[tuple[str, Reading]] = []
        skipped, naive = 0, False
        for cells in rows:
            if not cells:
                continue
            try:
                reading, own = _csv_row(header, cells, columns, local)
            except RecordingError as error:
                raise RecordingError(f"line {rows.line_num}: {error}") from None
            naive |= not own
            if reading is None:
                skipped += 1
                continue
            if stream == "temp":
                reading.setdefault("probe", "main")
            readings.append((stream, reading))
    except csv.Error as error:
        raise RecordingError(f"line {rows.line_num}: broken CSV: {error}") from None
    notes = [_zone_note(tz)] if naive else []
    unused = [name for name in header if name not in columns and name not in ("time", "probe")]
    if unused:
        notes.append(f"columns not used: {', '.join(unused)}")
    return Recording("csv", tuple(readings), skipped, None, tuple(notes))


def _csv_columns(header: list[str]) -> tuple[str, dict[str, tuple[str, float, float]]]:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise RecordingError("its columns are not separated by commas: save it with commas and decimal points")
    if len(set(header)) != len(header):
        raise RecordingError("a column name stands twice in the header")
    if "time" not in header:
        raise RecordingError(f"no column 'time' in the header: it must be {_CSV_WANTED}")
    if "temp_c" in header:
        return "temp", _TEMP_COLUMNS
    if "lat" in header and "lon" in header:
        return "gps", _GPS_COLUMNS
    raise RecordingError(f"the header is {','.join(header)[:120]!r}: it must be {_CSV_WANTED}")


def _csv_row(
    header: list[str], cells: list[str], columns: dict[str, tuple[str, float, float]], local: tzinfo
) -> tuple[Reading | None, bool]:
    """A reading, or None when its value is empty; and whether its time had an offset."""
    if len(cells) != len(header):
        raise RecordingError(f"{len(cells)} cells, but the header has {len(header)}")
    row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    t, own = _instant_ms(row["time"], local)
    reading: Reading = {"t": t}
    for name, (key, low, high) in columns.items():
        value = row.get(name, "")
        if value:
            reading[key] = _number(value, name, low, high)
        elif name in ("lat", "lon", "temp_c"):
            return None, own
    if row.get("probe"):
        reading["probe"] = row["probe"]
    return reading, own


# ---- Berlinger Fridge-tag and Q-tag ---------------------------------------------------------------------------------

_LOG_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d)\t([^\t]*)")
_EXTREME = re.compile(r"(?:Min|Max) T: *([^,]*), *TS (?:Min|Max) T: *(\d\d:\d\d)\s*\Z")


def _berlinger(text: str, local: tzinfo, tz: str) -> Recording:
    """The detailed log when the file has one; else the coldest and warmest moment of each day: real readings too."""
    lines = text.splitlines()
    head = _berlinger_head(lines)
    fahrenheit = head.get("Temp unit") == "F"
    probe = "external" if head.get("Use ext devices") == "1" else "internal"
    detailed = any(line.rstrip() == "Data:" for line in lines)
    samples = _berlinger_log(lines) if detailed else _berlinger_days(lines)
    readings: list[tuple[str, Reading]] = []
    skipped = 0
    for when, value in samples:
        if value in (NO_VALUE, ""):
            skipped += 1
            continue
        temp = _number(value, f"temperature at {when}", -300, 2000)
        t, _ = _instant_ms(when, local)
        celsius = (temp - 32) / 1.8 if fahrenheit else temp
        readings.append(("temp", {"t": t, "probe": probe, "c": round(celsius, 3)}))
    notes = [_zone_note(tz)]
    if not detailed:
        readings.sort(key=lambda item: item[1]["t"])
        notes.append("no detailed log in this export: each day's lowest and highest temperature were taken")
    if skipped:
        notes.append(f"{skipped} entries without a value ({NO_VALUE}) were skipped")
    return Recording("berlinger", tuple(readings), skipped, head.get("Serial"), tuple(notes))


def _berlinger_head(lines: list[str]) -> dict[str, str]:
    """The settings before the history: `Serial`, `Temp unit`, `Use ext devices` and others."""
    head: dict[str, str] = {}
    for line in lines:
        if line.rstrip() in ("Hist:", "Res:", "Data:"):
            break
        key, colon, value = line.strip().partition(":")
        if colon:
            head.setdefault(key, value.strip())
    return head


def _berlinger_log(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Time and value of each line of the `Data:` section."""
    inside = False
    for line in lines:
        if not line.startswith(("\t", " ")):
            inside = line.rstrip() == "Data:"
        elif inside and (match := _LOG_LINE.match(line.strip("\t\r\n "))):
            yield match[1], match[2].strip()


def _berlinger_days(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Time and value of the extremes of each day of the `Hist:` section."""
    day = ""
    for line in lines:
        text = line.strip()
        if text.startswith("Date:"):
            day = text.removeprefix("Date:").strip()
        elif day and (match := _EXTREME.match(text)):
            yield f"{day} {match[2]}", match[1].strip()
