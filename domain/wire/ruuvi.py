"""Ruuvi tags (data format 5, RAWv2) and Ruuvi Air (formats 6 and E1), as Ruuvi Gateways send them over MQTT and HTTP.

Sources: ruuvi/ruuvi-sensor-protocols `dataformat_05.md`; docs.ruuvi.com, "Data format 6", "Data format E1", "GW Data
formats". A tag has no clock: the time of a reading is when the gateway heard it, if the gateway's own clock can be
right. The tag's address is the source of its readings, `CB:B8:33:4C:88:4F`.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from domain.readings import Flag
from domain.wire.channels import attribute, readings
from domain.wire.clocks import believable, milliseconds
from domain.wire.loading import loaded
from domain.wire.said import Context, Measured, Said, WireError, refusal, settled

COMPANY = bytes.fromhex("9904")  # 0x0499 in front of Ruuvi's manufacturer data
MANUFACTURER_DATA = 0xFF  # type of a structure in an advertisement
FORMAT = 5
ENCRYPTED_FORMAT = 8
AIR_FORMAT, AIR_FORMAT_LONG = 6, 0xE1

_LAYOUT = struct.Struct(">BhHHhhhHBH6s")
_AIR = struct.Struct(">BhHHHHBBBxBB3s")
_AIR_LONG = struct.Struct(">BhHHHHHHHBB3s3x3sB5x6s")
_ADVICE = {
    2: "an old format: update the tag's firmware, or set it to RAWv2",
    3: "an old format: update the tag's firmware, or set it to RAWv2",
    4: "an old format: update the tag's firmware, or set it to RAWv2",
    8: "encrypted, and the key is not known here: set the tag to RAWv2",
    0xC5: "the short format without motion: set the tag to RAWv2",
}
_ADDRESS = re.compile(r"[0-9A-Fa-f]{2}(?:([:-]?)[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")


class RawV2(NamedTuple):
    """What a tag says; None where it says "not available", and an address of ""."""

    temperature_c: float | None
    humidity_pct: float | None
    pressure_pa: int | None
    acceleration_x_mg: int | None
    acceleration_y_mg: int | None
    acceleration_z_mg: int | None
    battery_v: float | None
    tx_power_dbm: int | None
    movement_counter: int | None
    measurement_sequence: int | None
    address: str


_AIR_STATE = ("temperature", "humidity")
ATTRIBUTES = RawV2._fields[2:-1]  # temperature and humidity have a stream


def parse(data: bytes) -> RawV2:
    """The 24 bytes behind Ruuvi's company id.

    >>> parse(bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"))[:4]
    (24.3, 53.49, 100044, 4)

    Raises:
        WireError: another data format, or not 24 bytes.
    """
    if not data or data[0] != FORMAT:
        number = f"{data[0]:02X}" if data else "none"
        advice = _ADVICE.get(data[0] if data else -1, "not read here: let the gateway hand on 05, 06 or E1")
        reason = "encrypted" if data and data[0] == ENCRYPTED_FORMAT else "unsupported"
        raise WireError(reason, f"Ruuvi data format {number}: {advice}")
    if len(data) != _LAYOUT.size:
        raise WireError("malformed", f"{len(data)} bytes of Ruuvi data format 5, not {_LAYOUT.size}")
    _, temperature, humidity, pressure, x, y, z, power, movements, sequence, mac = _LAYOUT.unpack(data)
    battery, tx = power >> 5, power & 31
    ax, ay, az = (None if a == -0x8000 else a for a in (x, y, z))
    return RawV2(
        temperature_c=None if temperature == -0x8000 else round(temperature * 0.005, 3),
        humidity_pct=None if humidity == 0xFFFF else round(humidity * 0.0025, 4),
        pressure_pa=None if pressure == 0xFFFF else pressure + 50_000,
        acceleration_x_mg=ax,
        acceleration_y_mg=ay,
        acceleration_z_mg=az,
        battery_v=None if battery == 2047 else round((battery + 1600) / 1000, 3),
        tx_power_dbm=None if tx == 31 else tx * 2 - 40,
        movement_counter=None if movements == 0xFF else movements,
        measurement_sequence=None if sequence == 0xFFFF else sequence,
        address="" if mac == b"\xff" * 6 else address(mac.hex()),
    )


def parse_air(data: bytes) -> dict[str, float]:
    """What a Ruuvi Air says in format 6 (20 bytes) or E1 (40), by channel, without what is not available.

    >>> air = parse_air(bytes.fromhex("06170C5668C79E007000C90501D900CD004C884F"))
    >>> air["temperature"], air["humidity"], air["co2_ppm"], air["pm25_ug_m3"], air["voc_index"], air["illuminance_lx"]
    (29.5, 55.3, 201, 11.2, 10, 13026.67)

    Raises:
        WireError: not so many bytes.
    """
    layout = _AIR if data[0] == AIR_FORMAT else _AIR_LONG
    if len(data) != layout.size:
        raise WireError("malformed", f"{len(data)} bytes of Ruuvi data format {data[0]:02X}, not {layout.size}")
    if layout is _AIR:
        _, temperature, humidity, pressure, pm25, co2, voc, nox, light, sequence, flags, _ = layout.unpack(data)
        dust = {"pm25_ug_m3": pm25}
        lux = None if light == 0xFF else round(math.exp(light * math.log(65_536) / 254) - 1, 2)
        sequence = None if sequence == 0xFF else sequence
    else:
        _, temperature, humidity, pressure, pm1, pm25, pm4, pm10, co2, voc, nox, light, count, flags, _ = layout.unpack(
            data
        )
        dust = {"pm1_ug_m3": pm1, "pm25_ug_m3": pm25, "pm4_ug_m3": pm4, "pm10_ug_m3": pm10}
        lux = None if light == b"\xff" * 3 else round(int.from_bytes(light) / 100, 2)
        sequence = None if count == b"\xff" * 3 else int.from_bytes(count)
    voc, nox = voc << 1 | flags >> 6 & 1, nox << 1 | flags >> 7
    found: dict[str, float | None] = {
        "temperature": None if temperature == -0x8000 else round(temperature * 0.005, 3),
        "humidity": None if humidity == 0xFFFF else round(humidity * 0.0025, 4),
        "pressure_pa": None if pressure == 0xFFFF else pressure + 50_000,
        "co2_ppm": None if co2 == 0xFFFF else co2,
        **{name: None if sent == 0xFFFF else round(sent / 10, 1) for name, sent in dust.items()},
        "voc_index": None if voc == 0x1FF else voc,
        "nox_index": None if nox == 0x1FF else nox,
        "illuminance_lx": lux,
        "measurement_sequence": sequence,
    }
    return {name: value for name, value in found.items() if value is not None}


def advertised(data: bytes, source: str, context: Context, t_ms: float | None = None) -> list[Said]:
    """Readings of the bytes behind Ruuvi's company id, heard from `source` ("": the address in the data) at `t_ms`.

    The measurement sequence stays an attribute: it tells repeats apart, but begins anew with every battery unnoticed.
    A humidity over 100 % means a wet or faulty sensor: it is flagged, with the temperature beside it.

    Raises:
        WireError: cannot be read, or nobody knows whose it is.
    """
    named: dict[str, Any]
    if data[:1] in (bytes([AIR_FORMAT]), bytes([AIR_FORMAT_LONG])):
        named = parse_air(data)
        told = address(data[-6:].hex()) if data[0] == AIR_FORMAT_LONG and data[-6:] != b"\xff" * 6 else ""
    else:
        raw = parse(data)
        named, told = {"temperature": raw.temperature_c, "humidity": raw.humidity_pct}, raw.address
        named |= {field: getattr(raw, field) for field in ATTRIBUTES}
    source = source or told
    if not source:
        raise WireError("no_address", "the tag's address is neither in the envelope nor in its data")
    wet = (named.get("humidity") or 0) > 100
    return readings(
        [
            Measured(
                t_ms, channel, value, source=source, flags=int(Flag.SUSPECT) if wet and channel in _AIR_STATE else 0
            )
            for channel, value in named.items()
        ],
        context,
    )


def manufacturer_data(advertisement: bytes) -> bytes:
    """What stands behind Ruuvi's company id in an advertisement: structures of length, type and content.

    Raises:
        WireError: not such structures, or none of Ruuvi's among them.
    """
    at = 0
    while at < len(advertisement) and (length := advertisement[at]):  # a length of 0 is padding
        end = at + 1 + length
        if end > len(advertisement):
            raise WireError("malformed", f"advertisement: the structure at byte {at} runs past the end")
        if advertisement[at + 1] == MANUFACTURER_DATA and advertisement[at + 2 : min(at + 4, end)] == COMPANY:
            return advertisement[at + 4 : end]
        at = end
    raise WireError("unsupported", "advertisement without manufacturer data of Ruuvi (0x0499)")


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of a message of a Ruuvi Gateway: one tag by MQTT (`ruuvi/<gateway>/<tag>`), or many by HTTP.

    A tag that cannot be read is refused in its own name, and its neighbours go on.

    Raises:
        WireError: says what and where.
    """
    message = loaded(payload)
    if type(message) is not dict:
        raise WireError("malformed", "not an object as Ruuvi Gateways send it")
    data = message.get("data")
    if type(data) is not dict:
        tag = address(context.topic[-1]) if context.topic else ""
        said = together(
            [message], lambda one: _heard(one, tag, one.get("ts"), one.get("gw_mac"), context), lambda _: tag
        )
        return settled(said + _place(message.get("coords")))
    tags = data.get("tags")
    if type(tags) is not dict:
        raise WireError("malformed", "data.tags: not an object of tags by address")

    def one(tag: tuple[str, Any]) -> list[Said]:
        key, heard = tag
        if type(heard) is not dict or not address(key):
            raise WireError("malformed", f"data.tags: {key[:40]!r} is not an address with an object")
        return _heard(heard, address(key), heard.get("timestamp"), data.get("gw_mac"), context)

    said = together(tags.items(), one, lambda tag: address(tag[0]))
    return settled(said + _place(data.get("coordinates")))


def _heard(heard: dict[str, Any], tag: str, seconds: Any, gateway: Any, context: Context) -> list[Said]:
    """Readings of one advertisement as a gateway reports it, with how strong and by which gateway it was heard."""
    t_ms = heard_ms(seconds, "ts", context)
    beside: list[tuple[str, Any]] = [("rssi", heard.get("rssi"))]
    if type(gateway) is str and gateway:
        beside.append(("gateway", gateway))
    refused: list[Said] = []
    try:
        said = advertised(manufacturer_data(hexadecimal(heard.get("data"), "data")), tag, context, t_ms)
        tag = said[0].source if said else tag
    except WireError as error:
        if not tag:
            raise
        said, refused = [], [refusal(tag, error.reason, str(error))]
    return said + readings([Measured(t_ms, key, value, source=tag) for key, value in beside], context) + refused


def heard_ms(seconds: Any, name: str, context: Context) -> float | None:
    """When a gateway says it heard a device without a clock; None without a time that can be right.

    Raises:
        WireError: `time_out_of_range`: of another unit.
    """
    if seconds is None:
        return None
    try:
        return believable(milliseconds(seconds, "seconds", name), context.received_ms)
    except WireError as error:
        if error.reason == "time_out_of_range":
            raise
        return None


def _place(coordinates: Any) -> list[Said]:
    """Where the gateway says it is, in its own words."""
    return [attribute(None, "coordinates", coordinates)] if type(coordinates) is str and coordinates else []


def address(text: str) -> str:
    """A Bluetooth address in capitals with colons, "" when it is none.

    >>> address("cbb8334c884f"), address("cb-b8-33-4c-88-4f"), address("tag")
    ('CB:B8:33:4C:88:4F', 'CB:B8:33:4C:88:4F', '')
    """
    return bytes.fromhex(re.sub("[:-]", "", text)).hex(":").upper() if _ADDRESS.match(text) else ""


def hexadecimal(text: Any, where: str) -> bytes:
    """Bytes written as pairs of hexadecimal digits."""
    if type(text) is not str or not _HEX.match(text):
        raise WireError("malformed", f"{where}: not bytes in hexadecimal")
    return bytes.fromhex(text)


def together(heard: Iterable[Any], read: Callable[[Any], list[Said]], source: Callable[[Any], str]) -> list[Said]:
    """Readings of all advertisements of a message. One that cannot be read is refused in its sender's name.

    Raises:
        WireError: there are too many readings.
    """
    said: list[Said] = []
    for each in heard:
        try:
            said += read(each)
        except WireError as error:
            said.append(refusal(source(each), error.reason, str(error)))
    return settled(said)
