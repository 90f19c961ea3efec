"""Units as devices name them, to ours: °C, metres per second, metres, kilograms, per cent, ratio, volts."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """`value * factor + offset` is the value in `base`."""

    base: str
    factor: float
    offset: float = 0.0


# Symbols of SenML (RFC 8428, 8798), UCUM and what people write. The base is the unit in our column names.
UNITS: dict[str, Unit] = {
    "Cel": Unit("c", 1),
    "°C": Unit("c", 1),
    "℃": Unit("c", 1),
    "C": Unit("c", 1),
    "c": Unit("c", 1),
    "degC": Unit("c", 1),
    "K": Unit("c", 1, -273.15),
    "F": Unit("c", 5 / 9, -160 / 9),
    "°F": Unit("c", 5 / 9, -160 / 9),
    "℉": Unit("c", 5 / 9, -160 / 9),
    "degF": Unit("c", 5 / 9, -160 / 9),
    "[degF]": Unit("c", 5 / 9, -160 / 9),
    "m/s": Unit("mps", 1),
    "mps": Unit("mps", 1),
    "km/h": Unit("mps", 1 / 3.6),
    "kmh": Unit("mps", 1 / 3.6),
    "kph": Unit("mps", 1 / 3.6),
    "kn": Unit("mps", 1852 / 3600),
    "knots": Unit("mps", 1852 / 3600),
    "mph": Unit("mps", 0.44704),
    "m": Unit("m", 1),
    "km": Unit("m", 1000),
    "ft": Unit("m", 0.3048),
    "mi": Unit("m", 1609.344),
    "kg": Unit("kg", 1),
    "g": Unit("kg", 0.001),
    "lb": Unit("kg", 0.45359237),
    "%": Unit("pct", 1),
    "%RH": Unit("pct", 1),
    "pct": Unit("pct", 1),
    "%EL": Unit("ratio", 0.01),
    "/": Unit("ratio", 1),
    "ratio": Unit("ratio", 1),
    "V": Unit("v", 1),
    "v": Unit("v", 1),
    "mV": Unit("v", 0.001),
    "Pa": Unit("pa", 1),
    "hPa": Unit("pa", 100),
    "lat": Unit("deg", 1),
    "lon": Unit("deg", 1),
    "deg": Unit("deg", 1),
    "°": Unit("deg", 1),
    "rad": Unit("deg", 57.29577951308232),
    "dBm": Unit("dbm", 1),
    "dBW": Unit("dbm", 1, 30),
    "count": Unit("count", 1),
    "s": Unit("s", 1),
    "ms": Unit("s", 0.001),
    "min": Unit("s", 60),
    "h": Unit("s", 3600),
}


class UnitError(ValueError):
    """A unit that is unknown, or of another quantity than the value it stands behind."""


def convert(value: float, unit: str, base: str) -> float:
    """`value` in `unit` as a number of `base`. An empty unit is `base` already.

    >>> round(convert(39.2, "F", "c"), 6), convert(36, "km/h", "mps"), convert(55, "%", "ratio")
    (4.0, 10.0, 0.55)

    Raises:
        UnitError: unknown, or a unit of something else.
    """
    if not unit:
        return value
    known = UNITS.get(unit)
    if known is None:
        raise UnitError(f"unknown unit {unit[:20]!r}")
    if known.base == "pct" and base == "ratio":
        return value / 100
    if known.base == "ratio" and base == "pct":
        return (value * known.factor + known.offset) * 100
    if known.base != base:
        raise UnitError(f"{unit[:20]!r} is no unit for a value in {base}")
    return value * known.factor + known.offset
