"""Teltonika Codec 8, 8 Extended and 16: AVL records to readings. Their frames are in `domain.wire.teltonika_frames`.

Source: wiki.teltonika-gps.com, "Data Sending Protocols". All numbers are big-endian. Times are milliseconds since 1970
UTC, degrees come times 10⁷, speeds are km/h, voltages mV. An IO element is a number under an id; what an id means
stands in `teltonika_elements`, and the profile of a device overrules it under the name `io<id>`. Records of a known
shape are read at once (`teltonika_shapes`); others, and those with something odd in them, element by element, here.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.profiles import Profile
from domain.readings import Flag
from domain.wire.channels import TRUTHS, readings
from domain.wire.said import READINGS_MAX, Context, Measured, Said, Value, WireError
from domain.wire.teltonika_elements import EXACT, LAYOUTS, Io, Layout, Table, table_of
from domain.wire.teltonika_shapes import shape_of


def count(payload: bytes) -> int:
    """How many records the block says it holds: the number a device wants to hear back.

    Raises:
        WireError: `malformed`, `unknown_codec`.
    """
    if len(payload) < 3:
        raise WireError("malformed", f"a block of {len(payload)} bytes")
    if payload[0] not in LAYOUTS:
        raise WireError("unknown_codec", f"codec 0x{payload[0]:02X}")
    return payload[1]


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one block, codec id to second count, without preamble, length and CRC.

    Options of the profile: `family` ("fmx6xx": Bluetooth probes in tenths of a degree, ids 701 to 704 too);
    `bt_faults` says what 2000, 3000 and 4000 of a Bluetooth probe are: "4000" error codes, "32767" temperatures (the
    device has other codes). Unset, they are kept and flagged `SUSPECT`, for they cannot be told apart.

    Raises:
        WireError: `malformed`, `unknown_codec`, `too_large`, or what a profile that does not fit gives.
    """
    announced = count(payload)
    said: list[Said] = []
    at, readings_so_far = 2, 0
    for _ in range(announced):
        # Record by record: two records may have the same time and must not be taken for one.
        shape = shape_of(payload, at, context)
        part = None if shape is None else shape.read(payload, at)
        if shape is None or part is None:
            data = Cursor(payload, at)
            part = record(data, LAYOUTS[payload[0]], context)
            at = data.at
        else:
            at += shape.size
        said += part
        for each in part:
            readings_so_far += each.many or 1
        if readings_so_far > READINGS_MAX:
            raise WireError("too_large", f"more than {READINGS_MAX} readings")
    end = Cursor(payload, at)
    if end.number(1) != announced or end.at != len(payload):
        raise WireError("malformed", f"{announced} records announced, but the end does not agree")
    return said


class Cursor:
    """Reads forward and never beyond the end."""

    def __init__(self, payload: bytes, at: int) -> None:
        self.payload = payload
        self.at = at

    def take(self, size: int) -> bytes:
        """So many bytes; raises WireError when there are fewer."""
        end = self.at + size
        if end > len(self.payload):
            raise WireError("malformed", f"cut off: {size} bytes wanted at {self.at} of {len(self.payload)}")
        taken, self.at = self.payload[self.at : end], end
        return taken

    def number(self, size: int, *, signed: bool = False) -> int:
        """The number in so many bytes."""
        return int.from_bytes(self.take(size), "big", signed=signed)


def record(data: Cursor, layout: Layout, context: Context) -> list[Said]:
    """The readings of one record, element by element."""
    t_ms, priority = data.number(8), data.number(1)
    lon, lat = data.number(4, signed=True) / 1e7, data.number(4, signed=True) / 1e7
    altitude, heading = data.number(2, signed=True), data.number(2)
    satellites, speed = data.number(1), data.number(2)
    event = data.number(layout.id_bytes)
    generation = data.number(1) if layout.generation else 0
    data.number(layout.count_bytes)  # of all elements; each group counts for itself, which is what is followed
    values = list(_values(data, layout))
    profile = context.profile_at("", t_ms)
    table = table_of(profile)
    said: dict[str, tuple[float, str]] = {"satellites": (satellites, "")}
    if satellites:  # without a fix the position is the last known one, or zero
        said |= {"lat": (lat, ""), "lon": (lon, ""), "altitude": (altitude, "m")}
        said |= {"heading": (heading, ""), "speed": (speed, "km/h")}
    if priority:
        said["priority"] = (priority, "")
    if event:
        said["event_io"] = (event, "")
        if layout.generation:
            said["generation"] = (generation, "")
    head = [Measured(t_ms, name, value, unit) for name, (value, unit) in said.items()]
    return readings([*head, *_elements(values, t_ms, table, profile)], context, table.targets)


def _values(data: Cursor, layout: Layout) -> Iterator[tuple[int, bytes]]:
    for size in (1, 2, 4, 8):
        for _ in range(data.number(layout.count_bytes)):
            yield data.number(layout.id_bytes), data.take(size)
    if layout.variable:
        for _ in range(data.number(2)):
            yield data.number(2), data.take(data.number(2))


def _elements(values: list[tuple[int, bytes]], t_ms: int, table: Table, profile: Profile) -> Iterator[Measured]:
    """IO elements as values. Humidity comes last, for it goes with the temperature of its probe."""
    flags_of: dict[str, int] = {}  # the probes that gave a temperature
    ios = table.ios
    for number, raw in sorted(values, key=lambda each: each[0] in ios and ios[each[0]].target.key == "rh"):
        channel, io = f"io{number}", ios.get(number)
        if io is None or not 1 <= len(raw) <= 8:
            # A known id of no or of any length is not what the table means: an empty probe is not at 0 °C.
            yield Measured(t_ms, channel if io is None else f"{channel}_raw", _plain(raw))
            continue
        sent = int.from_bytes(raw, "big", signed=io.signed)
        part = (profile.channels.get(channel) or io.target).part
        fault, flags = _verdict(io, sent, profile.options.get("bt_faults"))
        value: Value = sent / io.divisor if io.divisor > 1 else sent
        place = (io.target.stream, io.target.key)
        if fault:
            of_humidity = " humidity" if place == ("temp", "rh") else ""
            channel, value = "sensor_fault", f"{part}{of_humidity} {fault}"
        elif place == ("temp", "c"):
            flags_of[io.target.part] = flags
        elif place == ("temp", "rh"):
            flags = flags_of.get(io.target.part, 0)
            if io.target.part not in flags_of or sent > 100 * io.divisor:  # no reading, but worth a note
                channel = f"{part}_rh"
        elif place in TRUTHS:
            value = sent != 0
        yield Measured(t_ms, channel, value, "" if fault else io.unit, flags=flags)


def _verdict(io: Io, sent: int, bt_faults: object) -> tuple[str, int]:
    """What is wrong with a sensor whose value is a code, or the flags of its value."""
    fault = io.faults.get(sent, "")
    if not fault and bt_faults == "4000":
        fault = io.doubtful.get(sent, "")
    doubted = not fault and sent in io.doubtful and bt_faults != "32767"
    return fault, Flag.SUSPECT if doubted else 0


def _plain(raw: bytes) -> Value:
    """A value of unknown meaning: a number that stays exact, a text, or hexadecimal digits (keys, cards, lists)."""
    if 1 <= len(raw) <= 8 and (number := int.from_bytes(raw, "big")) < EXACT:
        return number
    text = raw.decode("ascii", "replace")
    return text if len(raw) > 8 and text.isascii() and text.isprintable() else raw.hex()
