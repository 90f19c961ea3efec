"""What the IO elements of Teltonika devices mean, and how each codec writes them.

Source: wiki.teltonika-gps.com, "Data Sending Protocols" and the "AVL ID" page of each model; the error codes of the
sensors stand there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from domain.profiles import Profile, Target
from domain.wire.said import ATTRIBUTE

EXACT = 1 << 53  # a double holds every whole number below


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


def table_of(profile: Profile) -> Table:
    """The table of a device's family."""
    return _TABLES.get(str(profile.options.get("family", "")), _TABLES[""])
