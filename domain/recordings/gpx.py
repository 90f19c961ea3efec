"""GPX tracks. A point has its own place, time and height; speed and course may stand in its extensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from xml.parsers import expat

from domain.recordings.encodings import xml_of
from domain.recordings.local_times import LocalTimes
from domain.recordings.shape import LeftOut, Reading, Recording, RecordingError, number
from domain.times import written

TEXT_BYTES_MAX = 1024  # of one XML element we read
DEPTH_MAX = 64
_OWN = ("time", "ele", "speed", "course")  # children of a point (speed and course: GPX 1.0)
_EXTENDED = ("speed", "course")
_HOLDERS = ("extensions", "TrackPointExtension")  # where GPX 1.1 has them; other elements' are not the point's
_SIDE_VALUES = (("spd", "speed", 0, 200), ("hdg", "course", 0, 360), ("alt", "ele", -500, 12_000))


def parse_gpx(content: bytes, local: tzinfo, tz: str) -> Recording:
    """All points of all tracks that have a place and a time.

    Raises:
        RecordingError: no track that was recorded, or no XML.
    """
    reader = _Reader(LocalTimes(local))
    parser = expat.ParserCreate("utf-8")
    reader.parser = parser
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.buffer_text = True
    broken = ""
    try:
        parser.Parse(xml_of(content).encode("utf-8", "replace"), True)  # noqa: FBT003 -- expat's own signature
    except expat.ExpatError as error:
        broken = f"broken XML: {error}"
    if reader.root != "gpx" and not (broken and not reader.root):
        raise RecordingError(f"XML, but its root is <{reader.root}>, not <gpx>: export it as GPX")
    t_ms, notes = reader.times.resolve(tz)
    if not t_ms:
        raise RecordingError(f"{broken}: export it again" if broken else reader.why_none())
    for reading, ms in zip(reader.readings, t_ms, strict=True):
        reading["t"] = ms
    if broken:
        notes.append(f"{broken}: what stands behind it was not read")
    notes += reader.skipped.notes() + reader.dropped.notes()
    readings = tuple(("gps", reading) for reading in reader.readings)
    return Recording("gpx", readings, reader.skipped.count, None, tuple(notes))


def _refuse_doctype(*_: object) -> None:
    raise RecordingError("it has a DOCTYPE, which no GPX file needs and which can do harm: remove it")


def _tag(name: str) -> str:
    return name.rsplit(":", 1)[-1].rsplit(" ", 1)[-1]


@dataclass(slots=True)
class _Reader:
    """Expat handlers. Expat itself, because it can refuse a DOCTYPE before an entity is ever expanded."""

    times: LocalTimes
    parser: expat.XMLParserType | None = None
    readings: list[Reading] = field(default_factory=list)
    skipped: LeftOut = field(default_factory=lambda: LeftOut("point", "without a place or a time skipped"))
    dropped: LeftOut = field(default_factory=lambda: LeftOut("value", "left out, the points kept"))
    elsewhere: dict[str, int] = field(default_factory=dict)
    root: str = ""
    _line: int = 0
    _path: list[str] = field(default_factory=list)  # below the point
    _point: dict[str, str] | None = None
    _text: list[str] | None = None
    _length: int = 0
    _depth: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        tag = _tag(name)
        self.root = self.root or tag
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise RecordingError("its elements are nested too deeply for a GPX file")
        if self._point is not None:
            self._path.append(tag)
            if self._wanted(tag):
                self._text, self._length = [], 0
        elif tag == "trkpt":
            self._line = self.parser.CurrentLineNumber if self.parser else 0
            self._point = {"lat": attributes.get("lat", ""), "lon": attributes.get("lon", "")}
        elif tag in ("rtept", "wpt"):
            self.elsewhere[tag] = self.elsewhere.get(tag, 0) + 1

    def _wanted(self, tag: str) -> bool:
        above = self._path[:-1]
        if not above:
            return tag in _OWN
        return above[0] == "extensions" and tag in _EXTENDED and all(each in _HOLDERS for each in above)

    def data(self, text: str) -> None:
        """Text of an element we read."""
        if self._text is not None and self._length <= TEXT_BYTES_MAX:
            self._length += len(text)
            self._text.append(text[:TEXT_BYTES_MAX])

    def end(self, name: str) -> None:
        """An element ends."""
        self._depth -= 1
        point = self._point
        if point is None:
            return
        if not self._path:
            self._add(point)
            self._point = None
            return
        tag = _tag(name)
        if self._text is not None and self._wanted(tag):
            own = len(self._path) == 1
            value = "".join(self._text).strip()[:TEXT_BYTES_MAX]
            if own:
                point[tag] = value
            else:
                point.setdefault(f"extended {tag}", value)
            self._text = None
        self._path.pop()

    def _add(self, point: dict[str, str]) -> None:
        try:
            moment = _time(point.get("time", ""))
            reading: Reading = {
                "t": 0,
                "lat": number(point["lat"], "latitude", -90, 90),
                "lon": number(point["lon"], "longitude", -180, 180),
            }
        except ValueError as error:
            self.skipped.add(self._line, str(error))
            return
        for key, tag, low, high in _SIDE_VALUES:
            value = point.get(tag) or point.get(f"extended {tag}")
            if not value:
                continue
            try:
                reading[key] = number(value, tag, low, high)
            except RecordingError as error:
                self.dropped.add(self._line, str(error))
        self.times.add(moment, self._line)
        self.readings.append(reading)

    def why_none(self) -> str:
        """Why there is nothing to replay, and what to do."""
        if self.skipped.count:
            plan = "no point in it has a time and a place, so it is a plan and not a recording: record with times"
            return f"{plan} ({self.skipped.first})"
        if self.elsewhere.get("rtept"):
            return "it holds a route and no track, so it is a plan and not a recording: export the track"
        if count := self.elsewhere.get("wpt"):
            return f"it holds {count} waypoints and no track: export the track that was recorded"
        return "no track point in it"


def _time(text: str) -> datetime:
    if not text:
        raise RecordingError("no time")
    return written(text)
