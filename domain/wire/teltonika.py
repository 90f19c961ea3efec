"""Teltonika Codec 8, 8 Extended and 16: AVL records to readings. Their frames are in `domain.wire.teltonika_frames`.

Source: wiki.teltonika-gps.com, "Data Sending Protocols" and the "AVL ID" page of each model; the error codes of the
sensors stand there too. All numbers are big-endian. Times are milliseconds since 1970 UTC, degrees come times 10⁷,
speeds are km/h, voltages mV. An IO element is a number under an id; what an id means is a table below, and the profile
of a device overrules it under the name `io<id>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from domain.profiles import Profile, Target
from domain.readings import Flag
from domain.wire.channels import TRUTHS, readings
from domain.wire.said import ATTRIBUTE, READINGS_MAX, Context, Measured, Said, Value, WireError

_EXACT = 1 << 53  # a double holds every whole number below


class Layout(NamedTuple):
    """How a codec writes IO elements: bytes of an id and of a count, and what else it has."""

    id_bytes: int
    count_bytes: int
    generation: bool = False
    variable: bool = False


LAYOUTS = {0x08: Layout(1, 1), 0x8E: Layout(2, 2, variable=True), 0x10: Layout(2, 1, generation=True)}

# Numbers in place of a value. The old codes of Bluetooth probes look like 20.00, 30.00 and 40.00 °C.
_NONE: Mapping[int, str] = {}
_NEW_CODES = {32767: "not found", 32766: "failed", 32765: "abnormal"}
_OLD_CODES = {4000: "abnormal", 3000: "not found", 2000: "failed"}
# A Dallas probe ends at 125 °C, so 200 °C and more is never one. 850 is a real 85.0 °C as well as the value of a probe
# that has just been switched on: left to the checks that know the readings before.
_DALLAS_CODES = {2000: "failed", 3000: "not found", 4000: "abnormal", 5000: "abnormal"}
_HUMIDITY_CODES = {65535: "not found", 65534: "failed", 65533: "abnormal", **_NEW_CODES, **_OLD_CODES}


class Io(NamedTuple):
    """Meaning of an IO id: the number sent, divided by `divisor`, is a value in `unit`.

    `faults` are numbers that are never values; `doubtful` ones may be either.
    """

    target: Target
    divisor: int = 1
    signed: bool = False
    unit: str = ""
    faults: Mapping[int, str] = _NONE
    doubtful: Mapping[int, str] = _NONE


class Table(NamedTuple):
    """What the ids of a family of devices mean, and the same as defaults for `domain.wire.channels`."""

    ios: Mapping[int, Io]
    targets: Mapping[str, Target]


def _probes(name: str, ids: range | tuple[int, ...], io: Io) -> dict[int, Io]:
    """The same for each of several probes, `<name>1` and on."""
    return {each: io._replace(target=Target("temp", io.target.key, f"{name}{n}")) for n, each in enumerate(ids, 1)}


_C, _RH = Target("temp", "c"), Target("temp", "rh")
_HUNDREDTHS = Io(_C, 100, signed=True, faults=_NEW_CODES, doubtful=_OLD_CODES)
_TENTHS = Io(_C, 10, signed=True, faults={**_NEW_CODES, **_OLD_CODES})  # the old codes are 200 to 400 °C here
_COMMON: dict[int, Io] = {
    16: Io(Target("gps", "odo"), unit="m"),
    21: Io(Target(ATTRIBUTE, "gsm")),
    66: Io(Target(ATTRIBUTE, "external_v"), 1000),
    67: Io(Target(ATTRIBUTE, "battery_v"), 1000),
    69: Io(Target(ATTRIBUTE, "gnss_status")),
    113: Io(Target("status", "batt"), unit="%"),
    181: Io(Target(ATTRIBUTE, "pdop"), 10),
    182: Io(Target(ATTRIBUTE, "hdop"), 10),
    200: Io(Target(ATTRIBUTE, "sleep_mode")),
    239: Io(Target("gps", "ign")),
    240: Io(Target(ATTRIBUTE, "movement")),
    662: Io(Target("door", "open")),  # 1 open; some CAN adapters call it "car is closed": their profile drops it
    **_probes("", range(72, 76), Io(_C, 10, signed=True, faults=_DALLAS_CODES)),
    **_probes("ble", range(25, 29), _HUNDREDTHS),
    **_probes("ble", (86, 104, 106, 108), Io(_RH, 10, faults=_HUMIDITY_CODES)),
    **_probes("eye", range(10800, 10804), _HUNDREDTHS),
    **_probes("eye", range(10804, 10808), Io(_RH, faults={255: "not found", **_HUMIDITY_CODES})),  # one byte, whole %
}
_FMX6XX = {**_COMMON, **_probes("ble", range(25, 29), _TENTHS), **_probes("ble", range(701, 705), _TENTHS)}
_TABLES = {
    family: Table(ios, {f"io{each}": io.target for each, io in ios.items()})
    for family, ios in {"": _COMMON, "fmx6xx": _FMX6XX}.items()
}


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
    data = _Cursor(payload, 2)
    said: list[Said] = []
    for _ in range(announced):
        # Record by record: two records may have the same time and must not be taken for one.
        said += _record(data, LAYOUTS[payload[0]], context)
        if len(said) > READINGS_MAX:
            raise WireError("too_large", f"more than {READINGS_MAX} readings")
    if data.number(1) != announced or data.at != len(payload):
        raise WireError("malformed", f"{announced} records announced, but the end does not agree")
    return said


class _Cursor:
    """Reads forward and never beyond the end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._data):
            raise WireError("malformed", f"cut off: {size} bytes wanted at {self.at} of {len(self._data)}")
        taken, self.at = self._data[self.at : end], end
        return taken

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "big", signed=signed)


def _record(data: _Cursor, layout: Layout, context: Context) -> list[Said]:
    t_ms, priority = data.number(8), data.number(1)
    lon, lat = data.number(4, signed=True) / 1e7, data.number(4, signed=True) / 1e7
    altitude, heading = data.number(2, signed=True), data.number(2)
    satellites, speed = data.number(1), data.number(2)
    event = data.number(layout.id_bytes)
    generation = data.number(1) if layout.generation else 0
    data.number(layout.count_bytes)  # of all elements; each group counts for itself, which is what is followed
    values = list(_values(data, layout))
    profile = context.profile_at("", t_ms)
    table = _TABLES.get(str(profile.options.get("family", "")), _TABLES[""])
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


def _values(data: _Cursor, layout: Layout) -> Iterator[tuple[int, bytes]]:
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
    if 1 <= len(raw) <= 8 and (number := int.from_bytes(raw, "big")) < _EXACT:
        return number
    text = raw.decode("ascii", "replace")
    return text if len(raw) > 8 and text.isascii() and text.isprintable() else raw.hex()
