"""Ruuvi tags: data format 5 (RAWv2), as Ruuvi Gateways send it over MQTT and HTTP.

Sources: ruuvi/ruuvi-sensor-protocols `dataformat_05.md`; docs.ruuvi.com, "GW Data formats". A tag has no clock: the
time of a reading is when the gateway heard it. The tag's address is the source of its readings, `CB:B8:33:4C:88:4F`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from domain.names import PAYLOAD_BYTES_MAX
from domain.readings import Flag
from domain.wire.channels import attribute, readings
from domain.wire.said import READINGS_MAX, Context, Measured, Said, WireError

COMPANY = bytes.fromhex("9904")  # 0x0499 in front of Ruuvi's manufacturer data
MANUFACTURER_DATA = 0xFF  # type of a structure in an advertisement
FORMAT = 5
ENCRYPTED_FORMAT = 8
HUMIDITY_MAX_PCT = 110  # a stored humidity; above it the value would take the temperature with it
MS_MAX = 2**52

_LAYOUT = struct.Struct(">BhHHhhhHBH6s")
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


ATTRIBUTES = RawV2._fields[2:-1]  # temperature and humidity have a stream


def parse(data: bytes) -> RawV2:
    """The 24 bytes behind Ruuvi's company id.

    >>> parse(bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"))[:4]
    (24.3, 53.49, 100044, 4)

    Raises:
        WireError: another data format, or not 24 bytes.
    """
    if not data or data[0] != FORMAT:
        reason = "encrypted" if data and data[0] == ENCRYPTED_FORMAT else "unsupported"
        raise WireError(reason, f"Ruuvi data format {data[:1].hex() or 'none'}, not 05: set the tag to RAWv2")
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


def advertised(data: bytes, source: str, context: Context, t_ms: float | None = None) -> list[Said]:
    """Readings of the bytes behind Ruuvi's company id, heard from `source` ("": the address in the data) at `t_ms`.

    The measurement sequence stays an attribute: it tells repeats apart, but begins anew with every battery unnoticed.
    A humidity over 100 % means a wet or faulty sensor: it is kept, and flagged with the temperature beside it.

    Raises:
        WireError: cannot be read, or nobody knows whose it is.
    """
    raw = parse(data)
    source = source or raw.address
    if not source:
        raise WireError("no_address", "the tag's address is neither in the envelope nor in its data")
    humidity = raw.humidity_pct
    named = {"temperature": raw.temperature_c, "humidity": humidity}
    named |= {field: getattr(raw, field) for field in ATTRIBUTES}
    suspect: tuple[str, ...] = ()
    if humidity is not None and humidity > 100:
        suspect = ("temperature", "humidity", "humidity_pct")
    if humidity is not None and humidity > HUMIDITY_MAX_PCT:
        named["humidity_pct"] = named.pop("humidity")
    flag = int(Flag.SUSPECT)
    return readings(
        [
            Measured(t_ms, channel, value, source=source, flags=flag if channel in suspect else 0)
            for channel, value in named.items()
            if value is not None
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

    Raises:
        WireError: says what and where. Of many tags only when none can be read; see `together`.
    """
    message = loaded(payload)
    if type(message) is not dict:
        raise WireError("malformed", "not an object as Ruuvi Gateways send it")
    data = message.get("data")
    if type(data) is not dict:
        tag = address(context.topic[-1]) if context.topic else ""
        return _heard(message, tag, message.get("ts"), message.get("gw_mac"), context) + _place(message.get("coords"))
    tags = data.get("tags")
    if type(tags) is not dict:
        raise WireError("malformed", "data.tags: not an object of tags by address")

    def one(tag: tuple[str, Any]) -> list[Said]:
        key, heard = tag
        if type(heard) is not dict or not address(key):
            raise WireError("malformed", f"data.tags: {key[:40]!r} is not an address with an object")
        return _heard(heard, address(key), heard.get("timestamp"), data.get("gw_mac"), context)

    said = together(tags.items(), one, lambda tag: address(tag[0]))
    return said + _place(data.get("coordinates"))


def _heard(heard: dict[str, Any], tag: str, seconds: Any, gateway: Any, context: Context) -> list[Said]:
    """Readings of one advertisement as a gateway reports it, with how strong and by which gateway it was heard."""
    t_ms = unix_ms(seconds)
    said = advertised(manufacturer_data(hexadecimal(heard.get("data"), "data")), tag, context, t_ms)
    tag = said[0].source if said else tag
    if (rssi := heard.get("rssi")) is not None:
        said += readings([Measured(t_ms, "rssi", _whole(rssi), source=tag)], context)
    if type(gateway) is str and gateway:
        said.append(attribute(t_ms, "gateway", gateway, tag))
    return said


def _place(coordinates: Any) -> list[Said]:
    """Where the gateway says it is, in its own words."""
    return [attribute(None, "coordinates", coordinates)] if type(coordinates) is str and coordinates else []


def _whole(rssi: Any) -> int:
    if type(rssi) is not int:
        raise WireError("malformed", "rssi: not a whole number of dBm")
    return rssi


def loaded(payload: bytes) -> Any:
    """The JSON value of a payload."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    try:
        return orjson.loads(payload)
    except ValueError as error:
        raise WireError("malformed", f"not JSON: {error}") from None


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


def unix_ms(seconds: Any) -> float | None:
    """Milliseconds of seconds since 1970, a number or (as Ruuvi writes them) its text; None when there are none."""
    if seconds is None:
        return None
    if type(seconds) in (int, float, str):
        try:
            t_ms = round(float(seconds) * 1000, 3)
        except (ValueError, OverflowError):
            t_ms = MS_MAX
        if abs(t_ms) < MS_MAX:  # not for NaN either
            return t_ms
    raise WireError("malformed", f"time {seconds!r:.40}: not seconds since 1970")


def together(heard: Iterable[Any], read: Callable[[Any], list[Said]], source: Callable[[Any], str]) -> list[Said]:
    """Readings of all advertisements of a message.

    A gateway hears strangers, too: one advertisement that cannot be read becomes the attribute `refused` of its source,
    with the reason, and its neighbours go on.

    Raises:
        WireError: none can be read (the first one's reason), or there are too many readings.
    """
    said: list[Said] = []
    refusals: list[WireError] = []
    count = 0
    for count, each in enumerate(heard, 1):  # noqa: B007  the last count is how many there were
        try:
            said += read(each)
        except WireError as error:
            refusals.append(error)
            said.append(attribute(None, "refused", f"{error.reason}: {error}", source(each)))
    if refusals and len(refusals) == count:
        raise refusals[0]
    if len(said) > READINGS_MAX:
        raise WireError("too_large", f"{len(said)} readings, at most {READINGS_MAX}")
    return said
