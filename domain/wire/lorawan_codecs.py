"""Payloads of a few common LoRaWAN devices, for network servers that hand them on undecoded.

A codec is a function of the bytes and the port to named values. The names are those of the makers' own decoders in
TheThingsNetwork/lorawan-devices, so that a message means the same whoever decodes it. A value without a time has that
of its uplink. LoRaWAN frames carry a check code, so what is read here is what the device sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.readings import Flag
from domain.wire.said import Measured, Value, WireError

Codec = Callable[[bytes, int], list[Measured]]

_CLOCK_SET_S = 1_500_000_000  # the year 2017: a device that says less has not been told the time yet


def _named(values: Mapping[str, Value], t_ms: float | None = None, flags: int = 0) -> list[Measured]:
    return [Measured(t_ms, name, value, flags=int(flags)) for name, value in values.items()]


def _big(data: bytes, *, signed: bool = True) -> int:
    return int.from_bytes(data, "big", signed=signed)


def _little(data: bytes, *, signed: bool = True) -> int:
    return int.from_bytes(data, "little", signed=signed)


def _port_must_be(f_port: int, *known: int) -> None:
    if f_port not in known:
        raise WireError("unknown_port", f"port {f_port}: this codec reads {', '.join(map(str, known))}")


def _clock_ms(seconds: int) -> int | None:
    return seconds * 1000 if seconds >= _CLOCK_SET_S else None


def _logged_ms(seconds: int) -> int:
    """Time of a stored record: without one it cannot be placed, and the time of the uplink would be a lie."""
    t_ms = _clock_ms(seconds)
    if t_ms is None:
        raise WireError("malformed", f"a stored record of second {seconds}: the device's clock was not set")
    return t_ms


# Milesight: channel, type, little-endian value. (channel, type) -> name, bytes, signed, divisor
_MILESIGHT = {
    (0x01, 0x75): ("battery", 1, False, 1),  # %
    (0x03, 0x67): ("temperature", 2, True, 10),  # °C
    (0x04, 0x68): ("humidity", 1, False, 2),  # %
    (0x03, 0x00): ("door", 1, False, 1),  # WS301; 1: open
    (0x04, 0x00): ("tamper_status", 1, False, 1),
    (0x05, 0x00): ("leakage_status", 1, False, 1),  # EM300-SLD
    (0x06, 0x00): ("magnet_status", 1, False, 1),  # EM300-MCS; 1: open
}
# Alarms: temperature °C, then for 0xD7 by how much it jumped, then the kind of alarm.
_MILESIGHT_ALARMS = {(0x83, 0x67): 3, (0x83, 0xD7): 5}
# Type under channel 0xFF -> name, bytes: what a device says of itself after it has joined.
_MILESIGHT_ABOUT = {
    0x01: ("ipso_version", 1),
    0x09: ("hardware_version", 2),
    0x0A: ("firmware_version", 2),
    0x0B: ("device_status", 1),
    0x0F: ("lorawan_class", 1),
    0x16: ("sn", 8),
    0xFE: ("reset_event", 1),
    0xFF: ("tsl_version", 2),
}
_HISTORY = b"\x20\xce"


def milesight(payload: bytes, _f_port: int) -> list[Measured]:
    """Milesight EM300, EM320, EM500, WS301 and their kin, on any port.

    The length of an unknown channel is unknown, so it ends the reading; the rest is kept as `undecoded`, in hex.
    """
    found: list[Measured] = []
    at = 0
    while at < len(payload):
        head = tuple(payload[at : at + 2])
        if payload.startswith(_HISTORY, at):
            return found + _milesight_history(payload[at:])
        if head in _MILESIGHT:
            name, size, signed, divisor = _MILESIGHT[head]
            raw = _little(_slice(payload, at + 2, size), signed=signed)
            found += _named({name: raw if divisor == 1 else raw / divisor})
        elif head in _MILESIGHT_ALARMS:
            size = _MILESIGHT_ALARMS[head]
            data = _slice(payload, at + 2, size)
            found += _named({"temperature": _little(data[:2]) / 10, "temperature_alarm": data[-1]})
            found += _named({"temperature_mutation": _little(data[2:4]) / 10} if size == 5 else {})
        elif head[0] == 0xFF and head[-1] in _MILESIGHT_ABOUT and len(head) == 2:
            name, size = _MILESIGHT_ABOUT[head[1]]
            found += _named({name: _slice(payload, at + 2, size).hex()})
        elif found:
            return found + _named({"undecoded": payload[at:].hex()})
        else:
            raise WireError(
                "unknown_channel", f"Milesight channel {payload[at : at + 2].hex()}: decode it on the server"
            )
        at += 2 + size
    return found


def _slice(payload: bytes, at: int, size: int) -> bytes:
    if len(payload) < at + size:
        raise WireError("truncated", f"{size} bytes wanted at byte {at}, {max(0, len(payload) - at)} left")
    return payload[at : at + size]


def _milesight_history(payload: bytes) -> list[Measured]:
    """Records of time, temperature, and by model humidity and one state; one length makes the heads fall into place."""
    fits = [
        stride
        for stride in (8, 9, 10)
        if len(payload) % stride == 0 and all(payload.startswith(_HISTORY, at) for at in range(0, len(payload), stride))
    ]
    if len(fits) != 1:
        raise WireError("truncated", "history records of no known length: 6, 7 or 8 bytes behind each 20ce")
    found = []
    for at in range(0, len(payload), fits[0]):
        data = payload[at + 2 : at + fits[0]]
        values: dict[str, Value] = {"temperature": _little(data[4:6]) / 10}
        values |= {"humidity": data[6] / 2} if len(data) > 6 else {}
        values |= {"history_state": data[7]} if len(data) > 7 else {}  # a door or a leak: the record does not tell
        found += _named(values, _logged_ms(_little(data[:4], signed=False)), Flag.HISTORICAL)
    return found


# What hangs on the cable of an LHT65.
_EXTERNAL = {0: "No external sensor", 1: "Temperature Sensor", 4: "Interrupt", 5: "Illumination", 6: "ADC"}
_EXTERNAL |= {7: "Count 16", 8: "Count 32", 9: "Temperature Sensor & timestamp", 15: "Sensor ID"}


def dragino_lht65(payload: bytes, f_port: int) -> list[Measured]:
    """Dragino LHT65 and LHT65N: built-in temperature and humidity, one external sensor; the log when it was asked for.

    Source: Dragino LHT65 user manual 2.4 and 2.6.4.
    """
    _port_must_be(f_port, 2)
    if not payload or len(payload) % 11:
        raise WireError("truncated", f"{len(payload)} bytes: records of an LHT65 have 11")
    if not any(payload):
        return []  # the answer of a log that is empty
    records = [payload[at : at + 11] for at in range(0, len(payload), 11)]
    if all(record[6] & 0x40 for record in records):
        return [each for record in records for each in _lht65_log(record)]
    if len(records) > 1:
        raise WireError("malformed", "several records, but not all of them of the log")
    return _lht65_now(records[0])


def _lht65_now(record: bytes) -> list[Measured]:
    kind, lost = record[6] & 0x0F, bool(record[6] & 0x80)
    battery = record[4] if kind == 9 else record[0]
    values: dict[str, Value] = {"Bat_status": battery >> 6, "Ext_sensor": _EXTERNAL.get(kind, f"type {kind}")}
    if kind == 15:
        return _named(values | {"ID": (record[2:6] + record[7:11]).hex()})
    if kind == 9:  # the external probe stands where the battery was, and the device tells its time
        t_ms = _clock_ms(_big(record[7:11], signed=False))
        return _named(values, t_ms) + _lht65_built_in(record, t_ms) + _lht65_probe(record[0:2], t_ms, lost=lost)
    values["BatV"] = (_big(record[0:2], signed=False) & 0x3FFF) / 1000
    found = _named({**values, **_lht65_external(kind, record[7:11])}) + _lht65_built_in(record)
    return found + (_lht65_probe(record[7:9], lost=lost) if kind == 1 else [])


def _lht65_built_in(record: bytes, t_ms: int | None = None, flags: int = 0) -> list[Measured]:
    values = {"TempC_SHT": _big(record[2:4]) / 100, "Hum_SHT": (_big(record[4:6]) & 0x0FFF) / 10}
    return _named(values, t_ms, flags)


def _lht65_probe(data: bytes, t_ms: int | None = None, flags: int = 0, *, lost: bool = False) -> list[Measured]:
    return _named({"TempC_DS": _big(data) / 100}, t_ms, flags | (Flag.SENTINEL if lost else 0))


def _lht65_external(kind: int, data: bytes) -> Mapping[str, Value]:
    word = _big(data[:2], signed=False)
    values: dict[int, dict[str, Value]] = {
        4: {"Exti_pin_level": data[0] != 0, "Exti_status": data[1] != 0},
        5: {"ILL_lx": word},
        6: {"ADC_V": word / 1000},
        7: {"Exit_count": word},
        8: {"Exit_count": _big(data, signed=False)},
    }
    return values.get(kind, {})


def _lht65_log(record: bytes) -> list[Measured]:
    t_ms = _logged_ms(_big(record[7:11], signed=False))
    found = _lht65_built_in(record, t_ms, Flag.HISTORICAL)
    return found + (_lht65_probe(record[0:2], t_ms, Flag.HISTORICAL) if record[6] & 0x0F in (1, 9) else [])


def dragino_lgt92(payload: bytes, f_port: int) -> list[Measured]:
    """Dragino LGT-92 from firmware 1.5 on: position in millionths of a degree, battery, motion; more by length.

    Without a fix both coordinates are zero, or far out of range when the battery is low: `fix` is false then.
    """
    _port_must_be(f_port, 2)
    if len(payload) not in (11, 15, 16, 18):
        raise WireError("truncated", f"{len(payload)} bytes: an LGT-92 sends 11, 15, 16 or 18; update older firmware")
    lat, lon = _big(payload[0:4]), _big(payload[4:8])
    fix = (lat, lon) not in ((0, 0), (-1, -1)) and abs(lat) <= 90_000_000 and abs(lon) <= 180_000_000
    values: dict[str, Value] = {"latitude": lat / 1e6, "longitude": lon / 1e6} if fix else {"fix": False}
    values |= {
        "ALARM_status": "TRUE" if payload[8] & 0x40 else "FALSE",
        "BatV": (_big(payload[8:10], signed=False) & 0x3FFF) / 1000,
        "MD": ("Disable", "Move", "Collide", "User")[payload[10] >> 6],
        "LON": "ON" if payload[10] & 0x20 else "OFF",
        "FW": 160 + (payload[10] & 0x1F),
    }
    if len(payload) >= 15:
        values |= {"Roll": _big(payload[11:13]) / 100, "Pitch": _big(payload[13:15]) / 100}
    if len(payload) >= 16:
        values["hdop"] = payload[15] / 100
    if len(payload) == 18:
        values["altitude"] = _big(payload[16:18]) / 100
    return _named(values)


def digitalmatter_oyster(payload: bytes, f_port: int) -> list[Measured]:
    """Digital Matter Oyster: position on port 1 (11 bytes) or 4 (9 bytes). Statistics (3) and acknowledgements (2) too.

    When a fix failed the position is the last good one: it is kept under `cached.`, not as where the device is.
    """
    _port_must_be(f_port, 1, 2, 3, 4)
    if f_port in (2, 3):
        return _named({"type": {2: "downlink ack", 3: "stats"}[f_port], "undecoded": payload.hex()})
    size = 11 if f_port == 1 else 9
    if len(payload) != size:
        raise WireError("truncated", f"{len(payload)} bytes on port {f_port}: an Oyster sends {size}")
    state = payload[8]
    if f_port == 1:
        lat, lon, heading, speed = _little(payload[0:4]), _little(payload[4:8]), (state >> 2) * 5.625, payload[9]
    else:
        lat, lon = _little(payload[0:3]) * 256, _little(payload[3:6]) * 256
        heading, speed = (payload[6] & 7) * 45.0, (payload[6] >> 3) * 5
    place = {"latitudeDeg": lat / 1e7, "longitudeDeg": lon / 1e7, "headingDeg": heading, "speedKmph": speed}
    failed = bool(state & 2)
    values: dict[str, Value] = {"type": "position", "inTrip": bool(state & 1), "fixFailed": failed}
    values["batV"] = payload[10 if f_port == 1 else 7] * 25 / 1000
    if f_port == 4:
        values["manDown"] = bool(state & 4)
    return _named(values | {("cached." + name if failed else name): value for name, value in place.items()})


# Type -> name as The Things Stack has it, bytes of each part, signed, divisor of each part
_LPP: Mapping[int, tuple[str, int, bool, tuple[int, ...]]] = {
    0: ("digital_in", 1, False, (1,)),
    1: ("digital_out", 1, False, (1,)),
    2: ("analog_in", 2, True, (100,)),
    3: ("analog_out", 2, True, (100,)),
    100: ("generic_sensor", 4, False, (1,)),
    101: ("luminosity", 2, False, (1,)),  # lx
    102: ("presence", 1, False, (1,)),
    103: ("temperature", 2, True, (10,)),  # °C
    104: ("relative_humidity", 1, False, (2,)),  # %
    113: ("accelerometer", 2, True, (1000,) * 3),  # standard gravities
    115: ("barometric_pressure", 2, False, (10,)),  # hPa
    116: ("voltage", 2, False, (100,)),  # V
    117: ("current", 2, False, (1000,)),  # A
    120: ("percentage", 1, False, (1,)),
    133: ("unix_time", 4, False, (1,)),  # s; of what, it does not say
    134: ("gyrometer", 2, True, (100,) * 3),  # degrees per second
    136: ("gps", 3, True, (10_000, 10_000, 100)),  # degrees, m
    142: ("switch", 1, False, (1,)),
}
_LPP_PARTS = {113: (".x", ".y", ".z"), 134: (".x", ".y", ".z"), 136: (".latitude", ".longitude", ".altitude")}


def cayenne_lpp(payload: bytes, _f_port: int) -> list[Measured]:
    """Cayenne Low Power Payload: `temperature_3` is the temperature of channel 3.

    Source: myDevices, "Cayenne LPP"; its later types from ElectronicCats/CayenneLPP.
    """
    found: list[Measured] = []
    at = 0
    while at < len(payload):
        channel, kind = _slice(payload, at, 2)
        if kind not in _LPP:
            raise WireError("unknown_channel", f"Cayenne LPP type {kind} at byte {at + 1}: its length is not known")
        name, size, signed, divisors = _LPP[kind]
        data = _slice(payload, at + 2, size * len(divisors))
        for i, (part, divisor) in enumerate(zip(_LPP_PARTS.get(kind, ("",)), divisors, strict=True)):
            raw = _big(data[i * size : (i + 1) * size], signed=signed)
            found += _named({f"{name}_{channel}{part}": raw if divisor == 1 else raw / divisor})
        at += 2 + len(data)
    return found


CODECS: Mapping[str, Codec] = {
    "milesight": milesight,
    "dragino-lht65": dragino_lht65,
    "dragino-lgt92": dragino_lgt92,
    "digitalmatter-oyster": digitalmatter_oyster,
    "cayenne-lpp": cayenne_lpp,
}
