"""BTHome v2: what a sensor advertises over Bluetooth as service data of the UUID 0xFCD2, plain or encrypted.

Sources: bthome.io/format and /encryption; Bluetooth-Devices/bthome-ble for the newest objects, the address within the
data and the numbering of several objects of a kind. Numbers are little-endian. A sensor has no clock, unless it sends
a timestamp: else a reading has the time at which the gateway heard it, when the gateway says so.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections import Counter
from typing import Any, NamedTuple

from domain.profiles import Target
from domain.readings import Flag
from domain.wire.channels import attribute, readings
from domain.wire.ruuvi import address
from domain.wire.said import Context, Decoder, Measured, Said, Value, WireError

UUID = bytes.fromhex("d2fc")  # 0xFCD2 as it is sent, a part of the nonce
VERSION = 2
ENCRYPTED, WITH_ADDRESS, TRIGGERED = 1, 2, 4  # bits of the first byte; its upper three are the version
ADDRESS_BYTES, COUNTER_BYTES, TAG_BYTES = 6, 4, 4
BYTES_MAX = 1650  # of the longest advertisement of Bluetooth 5
COUNTER = "counter"
KEY = "bthome_key"  # option of a profile

_KEY = re.compile(r"[0-9A-Fa-f]{32}\Z")
_DOOR = re.compile(r"(?:opening|garage_door|window)(?:_\d+)?\Z")  # each is a door of its own beside `door`


class Kind(NamedTuple):
    """What an object is: its channel, `u`, `s`, `bool`, `hex` or `version` and bits, the factor to its unit.

    The unit is in the channel's name, unless the channel has a native place (temperature, humidity, battery, mass).
    Without bits, a byte before the value says how many bytes it has.
    """

    channel: str
    form: str = "bool8"
    factor: float = 1
    unit: str = ""


_STATES = (  # 0x15 to 0x2D
    *("battery_low", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door", "garage_door", "gas"),
    *("heat", "light", "lock", "moisture", "motion", "moving", "occupancy", "plug", "presence", "problem", "running"),
    *("safety", "smoke", "sound", "tamper", "vibration", "window"),
)
OBJECTS: dict[int, Kind] = {
    0x00: Kind("packet_id", "u8"), 0x01: Kind("battery", "u8", unit="%"), 0x02: Kind("temperature", "s16", 0.01),
    0x03: Kind("humidity", "u16", 0.01), 0x04: Kind("pressure_pa", "u24"), 0x05: Kind("illuminance_lx", "u24", 0.01),
    0x06: Kind("mass", "u16", 0.01, "kg"), 0x07: Kind("mass", "u16", 0.01, "lb"),
    0x08: Kind("dew_point_c", "s16", 0.01), 0x09: Kind("count", "u8"), 0x0A: Kind("energy_kwh", "u24", 0.001),
    0x0B: Kind("power_w", "u24", 0.01), 0x0C: Kind("voltage_v", "u16", 0.001), 0x0D: Kind("pm25_ug_m3", "u16"),
    0x0E: Kind("pm10_ug_m3", "u16"), 0x0F: Kind("generic"), 0x10: Kind("power"), 0x11: Kind("opening"),
    0x12: Kind("co2_ppm", "u16"), 0x13: Kind("tvoc_ug_m3", "u16"), 0x14: Kind("moisture_pct", "u16", 0.01),
    **dict(enumerate(map(Kind, _STATES), 0x15)), 0x2E: Kind("humidity", "u8"), 0x2F: Kind("moisture_pct", "u8"),
    0x3A: Kind("button_event", "u8"), 0x3C: Kind("dimmer_event", "hex16"), 0x3D: Kind("count", "u16"),
    0x3E: Kind("count", "u32"), 0x3F: Kind("rotation_deg", "s16", 0.1), 0x40: Kind("distance_m", "u16", 0.001),
    0x41: Kind("distance_m", "u16", 0.1), 0x42: Kind("duration_s", "u24", 0.001), 0x43: Kind("current_a", "u16", 0.001),
    0x44: Kind("speed_mps", "u16", 0.01), 0x45: Kind("temperature", "s16", 0.1), 0x46: Kind("uv_index", "u8", 0.1),
    0x47: Kind("volume_l", "u16", 0.1), 0x48: Kind("volume_l", "u16", 0.001), 0x49: Kind("flow_m3_h", "u16", 0.001),
    0x4A: Kind("voltage_v", "u16", 0.1), 0x4B: Kind("gas_m3", "u24", 0.001), 0x4C: Kind("gas_m3", "u32", 0.001),
    0x4D: Kind("energy_kwh", "u32", 0.001), 0x4E: Kind("volume_l", "u32", 0.001), 0x4F: Kind("water_l", "u32", 0.001),
    0x50: Kind("timestamp", "u32"), 0x51: Kind("acceleration_m_s2", "u16", 0.001),
    0x52: Kind("gyroscope_deg_s", "u16", 0.001), 0x53: Kind("text", "text"), 0x54: Kind("raw", "hex"),
    0x55: Kind("volume_stored_l", "u32", 0.001), 0x56: Kind("conductivity_us_cm", "u16"),
    0x57: Kind("temperature", "s8"), 0x58: Kind("temperature", "s8", 0.35), 0x59: Kind("count", "s8"),
    0x5A: Kind("count", "s16"), 0x5B: Kind("count", "s32"), 0x5C: Kind("power_w", "s32", 0.01),
    0x5D: Kind("current_a", "s16", 0.001), 0x5E: Kind("direction_deg", "u16", 0.01),
    0x5F: Kind("precipitation_mm", "u16", 0.1), 0x60: Kind("channel", "u8"), 0x61: Kind("rotational_speed_rpm", "u16"),
    0x62: Kind("speed_mps", "s32", 1e-6), 0x63: Kind("acceleration_m_s2", "s32", 1e-6),
    0x64: Kind("light_level", "u8"), 0x65: Kind("settings_revision", "u8"), 0xF0: Kind("device_type", "u16"),
    0xF1: Kind("firmware", "version32"), 0xF2: Kind("firmware", "version24"),
}  # fmt: skip


class Object(NamedTuple):
    """One value of an advertisement."""

    channel: str
    value: Value
    unit: str = ""


def parse(data: bytes) -> list[Object]:
    """The objects of plain service data behind its first byte (and address), in their order.

    An object nobody knows ends them, as nobody knows its length: its id is told as `unknown_object`. Several objects
    of a kind are numbered from 1: `temperature_1`, `temperature_2`.

    >>> parse(bytes.fromhex("02C40903BF13"))
    [Object(channel='temperature', value=25.0, unit=''), Object(channel='humidity', value=50.55, unit='')]

    Raises:
        WireError: an object runs past the end, or a truth value is neither 0 nor 1.
    """
    found: list[Object] = []
    at = 0
    while at < len(data):
        kind = OBJECTS.get(data[at])
        if kind is None:
            found.append(Object("unknown_object", data[at]))
            break
        start = at + 1
        if bits := kind.form.lstrip(string.ascii_lowercase):
            end = start + int(bits) // 8
        else:
            start += 1
            end = start + int.from_bytes(data[at + 1 : start])
        if max(start, end) > len(data):
            raise WireError("malformed", f"{kind.channel} (0x{data[at]:02x}) at byte {at} runs past the end")
        found.append(Object(kind.channel, _value(kind, data[start:end]), kind.unit))
        at = end
    return _numbered(found)


def _value(kind: Kind, raw: bytes) -> Value:
    if kind.form == "text":
        return raw.decode("utf-8", "replace")
    if kind.form.startswith("hex"):
        return raw.hex()
    if kind.form.startswith("version"):
        return ".".join(str(part) for part in reversed(raw))
    number = int.from_bytes(raw, "little", signed=kind.form.startswith("s"))
    if kind.form.startswith("bool"):
        if number > 1:
            raise WireError("malformed", f"{kind.channel}: {number} is neither 0 nor 1")
        return bool(number)
    return round(number * kind.factor, 6)


def _numbered(found: list[Object]) -> list[Object]:
    total, seen = Counter(each.channel for each in found), Counter[str]()
    numbered = []
    for each in found:
        seen[each.channel] += 1
        several = total[each.channel] > 1
        numbered.append(each._replace(channel=f"{each.channel}_{seen[each.channel]}") if several else each)
    return numbered


def key_of(source: str, context: Context) -> Any:
    """The key of a device's profile, as it stands there; None when it has none."""
    return context.profile_at(source, None).options.get(KEY)


def advertised(data: bytes, source: str, context: Context, t_ms: float | None = None) -> list[Said]:
    """Readings of service data heard from the address `source` ("": the one within the data) at `t_ms`.

    Encrypted data begin with the attribute `counter`, for `BTHome`. A truth value of a door's kind opens or shuts the
    door of its name.

    Raises:
        WireError: cannot be read, is not authentic, or is plain though the device has a key (anyone could send that).
    """
    if len(data) > BYTES_MAX:
        raise WireError("too_large", f"{len(data)} bytes, an advertisement has at most {BYTES_MAX}")
    if not data or data[0] >> 5 != VERSION:
        raise WireError("version", f"BTHome version {data[0] >> 5 if data else 'none'}, we know {VERSION}")
    info, body = data[0], data[1:]
    nonce_address = source
    if info & WITH_ADDRESS:  # "" when it is cut short
        nonce_address, body = address(body[:ADDRESS_BYTES][::-1].hex()), body[ADDRESS_BYTES:]
    source = source or nonce_address
    if not source or not nonce_address:
        raise WireError("no_address", "the sensor's address is not in the envelope, or not whole in its data")
    key = key_of(source, context)
    counter: list[Said] = []
    if info & ENCRYPTED:
        body, count = _decrypted(key, nonce_address, info, body)
        counter = [attribute(t_ms, COUNTER, count, source)]
        counter[0].sealed = hashlib.blake2b(data, digest_size=16).digest()
    elif key is not None:
        raise WireError("downgrade", f"{source} has a {KEY} and sends plain data: not from the sensor, or reset it")
    objects = parse(body)
    t_ms = next((float(o.value) * 1000 for o in objects if o.channel == "timestamp" and o.value), t_ms)
    if info & TRIGGERED:
        objects.append(Object("triggered", value=True))
    measured = [Measured(t_ms, o.channel, o.value, o.unit, source) for o in objects if o.channel != "timestamp"]
    doors = {o.channel: Target("door", "open", o.channel) for o in objects if _DOOR.match(o.channel)}
    return counter + readings(measured, context, doors)


def _decrypted(key: Any, nonce_address: str, info: int, body: bytes) -> tuple[bytes, int]:
    """Plain objects and the counter. AES-CCM with a nonce of address, UUID, first byte and counter (13 bytes)."""
    if key is None:
        raise WireError("encrypted", f"encrypted by a key that is unknown here: set the option {KEY} of the device")
    if type(key) is not str or not _KEY.match(key):
        raise WireError("encrypted", f"the option {KEY} of the device is not 32 hexadecimal digits")
    split = len(body) - COUNTER_BYTES - TAG_BYTES
    if split < 0:
        raise WireError("malformed", "encrypted data without counter and tag")
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  8 MiB that few fleets need
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # noqa: PLC0415

    sealed, counter, tag = body[:split], body[split:-TAG_BYTES], body[-TAG_BYTES:]
    nonce = bytes.fromhex(nonce_address.replace(":", "")) + UUID + bytes([info]) + counter
    try:
        plain = AESCCM(bytes.fromhex(key), tag_length=TAG_BYTES).decrypt(nonce, sealed + tag, None)
    except InvalidTag:
        why = f"does not fit the {KEY} of the device: changed on the way, or a wrong key"
        raise WireError("not_authentic", why) from None
    return plain, int.from_bytes(counter, "little")


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of bare service data (the bytes behind the UUID); the last level of the topic is the address."""
    return advertised(payload, address(context.topic[-1]) if context.topic else "", context)


class Heard(NamedTuple):
    """An encrypted advertisement that was accepted: the hash of its bytes, and its first time."""

    sealed: bytes
    t_ms: float


class BTHome:
    """A decoder with a memory for the counters of encrypted sensors: one that does not rise is an old advertisement.

    Wraps `decode` here or in `domain.wire.ble`. The bytes of one of the last few advertisements are no replay but a
    repeat, by a second gateway or a second try: they are read again with the time of the first, so that what is
    stored already is dropped and nobody gains by sending them. What else is stale is dropped here; a message in which
    nothing else stands is refused as `replayed`. Counters belong to a device and its key: a sensor that counts from 0
    again under the old key (which the cipher forbids it) needs a new key. The memory is lost with the program, and
    holds `devices_max` devices; beyond it the one heard longest ago is forgotten, and could be replayed once.
    """

    REPEATS_MAX = 16  # advertisements of a device that are known when they come again

    def __init__(self, decoder: Decoder = decode, devices_max: int = 10_000) -> None:
        self._decoder = decoder
        self._devices_max = devices_max
        self._last: dict[tuple[str, str], dict[int, Heard]] = {}  # by device and key; by counter, the highest last

    def decode(self, payload: bytes, context: Context) -> list[Said]:
        """Readings of a message without those that were heard before; raises as the decoder does, and `replayed`."""
        fresh: list[Said] = []
        stale = ""  # the device whose old advertisement the readings belong to
        old = 0
        source, told, first = "", None, None  # of the counter they stand behind: its device, time and first time
        for each in self._decoder(payload, context):
            key = key_of(each.source, context)
            if each.values.get("key") == COUNTER and key is not None:
                source, told = each.source, each.values.get("t")
                first = self._first_ms((source, str(key)), each, context)
                stale = source if first is None else ""
            if stale and each.source == stale:
                old += 1
                continue
            if first is not None and each.source == source and each.values.get("t") == told:
                each.values["t"] = first
                each.flags |= Flag.SERVER_TIME if told is None else 0
            fresh.append(each)
        if old and not fresh:
            raise WireError("replayed", f"the counter of {stale} has not risen: heard before, or sent again by another")
        return fresh

    def _first_ms(self, device: tuple[str, str], counter: Said, context: Context) -> float | None:
        """When an advertisement was first heard; None: it is a replay."""
        number, t_ms = int(counter.values["num"]), counter.values.get("t")
        known = self._last.pop(device, {})
        self._last[device] = known
        if len(self._last) > self._devices_max:
            del self._last[next(iter(self._last))]
        heard = known.get(number)
        if heard is not None:
            return heard.t_ms if counter.sealed and heard.sealed == counter.sealed else None
        if known and number < next(reversed(known)):
            return None
        known[number] = Heard(counter.sealed, context.received_ms if t_ms is None else t_ms)
        if len(known) > self.REPEATS_MAX:
            del known[next(iter(known))]
        return known[number].t_ms
