"""Tag reads as readers and their gateways publish them: one read or many, told apart by what stands in them.

    [{"t": 1764000000000, "ant": 1, "epc": "3034…", "rssi": -55.5}, …]                       a plain list

Impinj IoT device interface, `eventType` `tagInventory` (platform.impinj.com, "Reader stream data"): `epcHex`, else
`epc` in base64; strength in hundredths of a dBm; what it tells beside tags is left out:

    {"timestamp": "2026-11-30T08:00:00.123456789Z", "hostname": "…", "eventType": "tagInventory", "tagInventoryEvent":
     {"epc": "MDQ…", "epcHex": "3034…", "antennaPort": 1, "peakRssiCdbm": -5550, "lastSeenTime": "…"}}

Zebra IoT connector of FX readers, `data` one read or several (zebradevs.github.io, "Tag data events"):

    {"type": "SIMPLE", "timestamp": "2026-11-30T08:00:00.123+0000", "data":
     {"eventNum": 7, "format": "epc", "idHex": "3034…", "antenna": 1, "peakRssi": -55, "reads": 3}}
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from domain.wire.clocks import milliseconds
from domain.wire.loading import loaded
from domain.wire.said import READINGS_MAX, Context, Said, WireError, refusal, settled
from domain.wire.words import as_number

_PLAIN = ("t", "ant", "epc", "rssi", "boot", "seq")
_OFFSET = re.compile(r"([+-]\d\d)(\d\d)\Z", re.ASCII)
_CDBM = 100.0


def decode(payload: bytes, context: Context) -> list[Said]:
    """Reads of one message or an array of them. One that cannot be read costs itself.

    Raises:
        WireError: `too_large`, `malformed`, and what a lone read is refused for.
    """
    del context
    found = loaded(payload)
    said: list[Said] = []
    for at, each in enumerate(found if isinstance(found, list) else [found]):
        for one in _parts(each):
            if len(said) > READINGS_MAX:
                break  # it is too large already
            try:
                if values := _read(one, each):
                    said.append(Said("rfid", values))
            except WireError as error:
                said.append(refusal("", error.reason, f"read {at}: {error}"))
    return settled(said)


def _parts(each: Any) -> list[Any]:
    """What may be several: the `data` of a Zebra."""
    data = each.get("data") if isinstance(each, dict) else None
    return data if isinstance(data, list) else [data]


def _read(data: Any, each: Any) -> dict[str, Any] | None:
    """One read; None where a reader says something else."""
    if not isinstance(each, dict):
        raise WireError("malformed", "not an object")
    if "eventType" in each or "tagInventoryEvent" in each:
        return _impinj(each)
    if "data" in each:
        return _zebra(data, each)
    if "epc" not in each:
        raise WireError("malformed", "no read: epc, tagInventoryEvent or data is wanted")
    if unknown := [key for key in each if key not in _PLAIN]:
        raise WireError("malformed", f"{unknown[0][:40]!r}: t, ant, epc, rssi, boot and seq are known")
    return _told(**each)


def _impinj(event: Mapping[str, Any]) -> dict[str, Any] | None:
    tag = event.get("tagInventoryEvent")
    if tag is None and event.get("eventType") not in (None, "tagInventory"):
        return None  # what it says of itself
    if not isinstance(tag, dict):
        raise WireError("malformed", "tagInventoryEvent: not an object")
    epc = tag.get("epcHex")
    if epc is None and tag.get("epc") is not None:
        epc = _hex(tag["epc"])
    t_ms = _time(event.get("timestamp") or tag.get("lastSeenTime"))
    return _told(t_ms, tag.get("antennaPort"), epc, _dbm(tag.get("peakRssiCdbm")))


def _dbm(cdbm: Any) -> float | None:
    if cdbm is None:
        return None
    number = as_number(cdbm)
    if number is None:
        raise WireError("malformed", f"peakRssiCdbm: {cdbm!r:.40} is not a number")
    return number / _CDBM


def _zebra(one: Any, event: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(one, dict):
        raise WireError("malformed", "data: not an object")
    t_ms = _time(one.get("timestamp") or event.get("timestamp"))
    return _told(t_ms, one.get("antenna"), one.get("idHex"), one.get("peakRssi"))


def _told(t: Any = None, ant: Any = None, epc: Any = None, rssi: Any = None, **more: Any) -> dict[str, Any]:
    """A read by the keys of the native stream, which its checks go on with; what is null was not told."""
    if epc is None:
        raise WireError("malformed", "no code of a tag")
    values = {"t": t, "ant": ant, "epc": epc, "rssi": rssi, **more}
    return {key: value for key, value in values.items() if value is not None}


def _hex(text: Any) -> str:
    """Hexadecimal digits of a code in base64, of either alphabet, padded or not."""
    try:
        raw = str(text).translate(str.maketrans("-_", "+/")).rstrip("=")
        return base64.b64decode(raw + "=" * (-len(raw) % 4), validate=True).hex().upper()
    except (binascii.Error, ValueError):
        raise WireError("malformed", f"epc: {text!r:.40} is not base64") from None


def _time(value: Any) -> float | None:
    """Milliseconds; readers write nanoseconds, and offsets without a colon."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _OFFSET.sub(r"\1:\2", value)
    return milliseconds(value, "milliseconds", "timestamp")
