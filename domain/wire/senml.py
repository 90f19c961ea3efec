"""SenML packs in JSON and CBOR (RFC 8428) to readings.

A pack is an array of records; base fields hold from their record on until replaced. A resolved name such as
`urn:dev:ow:10e2073a01080063:voltage` is a device (its URN, the `source`) and a channel (`voltage`); a name without a
device URN is a channel of the sender. Times are seconds; below 2**28 they count from the moment of receipt.
"""

from __future__ import annotations

import base64
import codecs
import io
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import cbor2

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import Target
from domain.readings import Flag
from domain.times import unit_advice
from domain.wire.channels import PARTS, readings, target_of
from domain.wire.loading import loaded
from domain.wire.said import READINGS_MAX, Context, Measured, Said, Value, WireError, refusal, settled
from domain.wire.words import as_number

VERSION_MAX = 10  # of RFC 8428; a later one may hold what must be understood
RELATIVE_BELOW_S = 2**28  # RFC 8428 §4.5.3
TIME_MAX_S = 2**42
NAME_MAX = 256  # characters; a base name stands before every name, and must not multiply the size of a pack

_LABELS = ("bs", "bv", "bu", "bt", "bn", "bver", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd")
CBOR_LABELS: dict[int | str, str] = dict(zip(range(-6, 9), _LABELS, strict=True))
BASES, REGULAR = frozenset(_LABELS[:6]), frozenset(_LABELS[6:])
NUMBERS = frozenset({"bver", "bt", "bv", "bs", "v", "s", "t", "ut"})
TEXTS = frozenset({"bn", "bu", "n", "u", "vs"})
VALUES = ("v", "vs", "vb", "vd")

# Where a number goes by its unit, when its name tells nothing.
BY_UNIT: dict[str, Target] = {
    "Cel": Target("temp", "c"),
    "K": Target("temp", "c"),
    "%RH": Target("temp", "rh"),
    "lat": Target("gps", "lat"),
    "lon": Target("gps", "lon"),
    "m/s": Target("gps", "spd"),
    "%EL": Target("status", "batt"),
    "kg": Target("shelf", "kg"),
}
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9:./_-]{{0,{NAME_MAX - 1}}}\Z")
# RFC 9039; `urn:dev:DEVEUI:` and the like are not in it, but are sent. An address may be written in pairs.
_DEVICE = re.compile(
    r"(urn:dev:[a-z0-9]+:(?:(?:[0-9a-f]{2}[:-]){5,7}[0-9a-f]{2}(?![0-9a-f])|[a-z0-9.-]+))(?:[:/_]+(.*))?\Z",
    re.IGNORECASE,
)
_LAST = re.compile(r"(.+)[:/]([^:/]+)\Z")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*\Z")


class Resolved(NamedTuple):
    """A record with its base fields applied. Numbers are in `unit`, the sum in `unit` times seconds."""

    name: str
    time_s: float  # since 1970, or since now when below 2**28
    value: Value | bytes | None
    unit: str = ""
    sum: float | None = None
    update_s: float | None = None  # the longest until the next value


def decode(payload: bytes, context: Context) -> list[Said]:
    """JSON or CBOR, told by the first byte: a pack is an array in both, and no array of one begins like the other's."""
    is_text = payload[:1] < b"\x80" or payload.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return (decode_json if is_text else decode_cbor)(payload, context)


def decode_json(payload: bytes, context: Context) -> list[Said]:
    """Readings of a pack of `application/senml+json`; a WireError says what is wrong, and in which record."""
    return _read(loaded(payload), context)


def decode_cbor(payload: bytes, context: Context) -> list[Said]:
    """Readings of a pack of `application/senml+cbor`; a WireError says what is wrong, and in which record."""
    _check_size(payload)
    stream = io.BytesIO(payload)
    try:
        pack = cbor2.CBORDecoder(stream).decode()
    except Exception as error:  # noqa: BLE001  tags run code of many libraries; whatever they raise is the payload's fault
        raise WireError("malformed", f"not CBOR: {error}"[:300]) from None
    if stream.tell() != len(payload):
        raise WireError("malformed", "bytes left over behind the CBOR array")
    return _read(pack, context)


def _read(pack: Any, context: Context) -> list[Said]:
    refused: list[Said] = []
    said = _said(resolve(pack, refused), context)
    return settled([*said, *refused])


def _check_size(payload: bytes) -> None:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}: send smaller packs")


def resolve(records: Any, refused: list[Said] | None = None) -> list[Resolved]:
    """The records of a pack with their base fields applied, in the pack's order; those with base fields only are gone.

    A record whose own fields cannot be read is appended to `refused` and costs itself. A base field that cannot be
    read costs the pack, for nobody knows what the records behind it mean.

    >>> resolve([{"bn": "urn:dev:ow:10e2073a01080063:", "bt": 1e9}, {"n": "temp", "u": "Cel", "t": 5, "v": 4}])[0][:4]
    ('urn:dev:ow:10e2073a01080063:temp', 1000000005.0, 4.0, 'Cel')

    Raises:
        WireError: what is wrong, and in which record; the first is 1.
    """
    if type(records) is not list:
        raise WireError("malformed", "not a SenML pack: an array of records")
    if len(records) > READINGS_MAX:
        raise WireError("too_large", f"{len(records)} records, at most {READINGS_MAX}: send smaller packs")
    base: dict[str, Any] = {}
    resolved = []
    for at, raw in enumerate(records, 1):
        labels: dict[str, Any] = {}
        try:
            labels = _labels(at, raw)
            base |= {label: _checked(at, label, labels[label]) for label in BASES & labels.keys()}
            _check_version(at, base.get("bver", VERSION_MAX))
            if REGULAR & labels.keys():
                own = {label: _checked(at, label, value) for label, value in labels.items() if label not in BASES}
                resolved.append(_resolved(at, own, base))
        except WireError as error:
            if refused is None or error.reason in ("unsupported", "version") or _is_of_base(labels):
                raise
            refused.append(refusal(_device_of(labels, base), error.reason, str(error)))
    return resolved


def _check_version(at: int, version: float) -> None:
    if not 1 <= version <= VERSION_MAX:
        raise WireError("version", f"record {at}: bver {version:g}, we know 1 to {VERSION_MAX}")


def _is_of_base(labels: Mapping[str, Any]) -> bool:
    """Whether a base field of the record cannot be read."""
    try:
        for label in BASES & labels.keys():
            _checked(0, label, labels[label])
    except WireError:
        return True
    return False


def _device_of(labels: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """The device a record that cannot be read is of, as far as its name tells."""
    own = labels.get("n")
    device = _DEVICE.match(base.get("bn", "") + (own if isinstance(own, str) else ""))
    return device[1] if device else ""


def _labels(at: int, raw: Any) -> dict[str, Any]:
    """A record's values by their labels, the integers of CBOR replaced by those of JSON."""
    if type(raw) is not dict:
        raise _refused(at, "not an object of labels and values")
    record: dict[str, Any] = {}
    for key, value in raw.items():
        if type(key) not in (int, str):
            raise _refused(at, f"a label that is neither integer nor text: {key!r:.40}")
        label = CBOR_LABELS.get(key, key)
        if label in record:
            raise _refused(at, f"{label:.40} is given twice")
        if type(label) is str:  # other integers have no meaning (RFC 8428 §6)
            record[label] = value
    return record


def _refused(at: int, why: str) -> WireError:
    return WireError("malformed", f"record {at}: {why}")


def _checked(at: int, label: str, value: Any) -> Any:
    """The value of one label, of the type the label asks for; unknown labels are not looked at."""
    if label in NUMBERS:
        return _number(at, label, value)
    if label in TEXTS and type(value) is not str:
        raise _refused(at, f"{label}: not a text")
    if label == "vb" and type(value) is not bool:
        raise _refused(at, "vb: not true or false")
    if label == "vd":
        return _data(at, value)
    if label.endswith("_"):
        raise WireError("unsupported", f"record {at}: {label[:40]!r} must be understood (RFC 8428 §4.4), and is not")
    return value


def _number(at: int, label: str, value: Any) -> float:
    if type(value) in (int, float, Decimal):  # CBOR's decimal fractions arrive as Decimal
        try:
            number = float(value)
        except (OverflowError, ValueError):
            number = math.inf
        if math.isfinite(number):
            return number
    elif type(value) is str and (read := as_number(value)) is not None:
        return read
    raise _refused(at, f"{label}: not a finite number")


def _data(at: int, value: Any) -> bytes:
    """Data value: bytes in CBOR, base64url without padding in JSON (RFC 8428 §5)."""
    if type(value) is bytes:
        return value
    if type(value) is str and _BASE64URL.match(value) and len(value) % 4 != 1:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    raise _refused(at, "vd: not base64url without padding")


def _resolved(at: int, record: Mapping[str, Any], base: Mapping[str, Any]) -> Resolved:
    name = base.get("bn", "") + record.get("n", "")
    if not _NAME.match(name):
        why = f"1 to {NAME_MAX} letters, digits and - : . / _ only, a letter or digit first"
        raise _refused(at, f"name {name[:40]!r}: {why}")
    given = [label for label in VALUES if label in record]
    if len(given) > 1:
        raise _refused(at, f"{' and '.join(given)} together: one value only")
    total = record.get("s", 0.0) + base.get("bs", 0.0) if "s" in record or "bs" in base else None
    if not given and total is None:
        raise _refused(at, "neither a value nor a sum")
    value = record[given[0]] if given else None
    if given == ["v"]:
        value += base.get("bv", 0.0)
    time_s = base.get("bt", 0.0) + record.get("t", 0.0)
    if advice := unit_advice(time_s, "seconds"):
        raise WireError("time_out_of_range", f"record {at}: {advice}")
    if abs(time_s) >= TIME_MAX_S:
        raise _refused(at, f"time {time_s:g} s: not seconds since 1970")
    if any(isinstance(number, float) and not math.isfinite(number) for number in (value, total)):
        raise _refused(at, "base and value together are too large for a number")
    return Resolved(name, time_s, value, record.get("u", base.get("bu", "")), total, record.get("ut"))


def _said(records: list[Resolved], context: Context) -> list[Said]:
    measured: list[Measured] = []
    defaults: dict[str, Target] = {}
    owner: dict[tuple[str, Target], str] = {}
    for record in records:
        relative = record.time_s < RELATIVE_BELOW_S
        t_ms = round(record.time_s * 1000, 3) + (context.received_ms if relative else 0)
        device = _DEVICE.match(record.name)
        source, name = (device[1], device[2] or "") if device else ("", record.name)
        name = name.rstrip(":/_") or name
        channel, target = name, None
        if name not in context.profile_at(source, t_ms).channels:
            channel, target = _placed(name, record)
        if target and owner.setdefault((source, target), channel) == channel:
            defaults[channel] = target
        elif target:  # two sensors of a device for one place: the first has it, the other is kept as an attribute
            channel = name or record.unit
        flags = int(Flag.SERVER_TIME) if relative else 0
        measured += [
            Measured(t_ms, key, value, unit, source, flags) for key, value, unit in _parts(name, channel, record)
        ]
    return readings(measured, context, defaults)


def _parts(name: str, channel: str, record: Resolved) -> Iterator[tuple[str, Value, str]]:
    """Channel, value and unit of what one record says: its value, its sum, how long until the next."""
    value = record.value
    if isinstance(value, bytes):
        yield channel, base64.urlsafe_b64encode(value).decode().rstrip("="), ""
    elif value is not None:
        yield channel, value, record.unit
    prefix = f"{name}." if name else ""
    if record.sum is not None:
        yield f"{prefix}sum", record.sum, ""
    if record.update_s is not None:
        yield f"{prefix}update_time_s", record.update_s, ""


def _placed(name: str, record: Resolved) -> tuple[str, Target | None]:
    """The channel of a record, and its place unless the whole name tells it.

    `rear/temperature` is the probe `rear`. Else the unit decides, and is part of the channel, as RFC 8428 §5.1.3 uses
    one name with several units: `room` in `Cel` is the channel `room:Cel`, a device's name alone the channel `Cel`.
    """
    if target_of(name):
        return name, None
    last = _LAST.match(name)
    told = target_of(last[2]) if last else None
    if last and told and told.stream in PARTS and not isinstance(record.value, bytes):
        return name, Target(told.stream, told.key, last[1] + told.part, told.unit)
    target = BY_UNIT.get(record.unit) if as_number(record.value) is not None else None
    if target is None:
        return name or record.unit or "value", None
    channel = f"{name}:{record.unit}" if name else record.unit
    return channel, Target(target.stream, target.key, name if target.stream in PARTS else "")
