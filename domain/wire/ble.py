"""What Bluetooth gateways hear, as JSON: one advertisement or a list of them, each Ruuvi, BTHome or decoded already.

Forms: `{"mac", "service_data": {"fcd2": hex}}`, and that of OpenMQTTGateway and Theengs Gateway: raw, `{"id", "rssi",
"servicedatauuid", "servicedata", "manufacturerdata"}`, or with the keys of the Theengs decoder, `tempc` °C, `hum` %,
`batt` %. The address is the source of the readings. Sources: docs.openmqttgateway.com, decoder.theengs.io.
"""

from __future__ import annotations

from typing import Any

from domain.profiles import Target
from domain.times import parse_rfc3339
from domain.wire import bthome, ruuvi
from domain.wire.channels import readings
from domain.wire.clocks import believable
from domain.wire.loading import loaded
from domain.wire.said import ATTRIBUTE, REFUSED, Context, Measured, Said, WireError, refusal

ADDRESSES = ("mac", "id", "address")
TIMES = ("unixtime", "UTCtime")
MODELS = frozenset({"model_id", "model", "brand"})
RAW = ("service_data", "servicedata", "servicedatauuid", "manufacturerdata")
ENVELOPE = frozenset({*ADDRESSES, *TIMES, *RAW, "rssi"})
BTHOME_UUID = "fcd2"
SHORT_UUID = ("0000", "-0000-1000-8000-00805f9b34fb")  # what stands around 16 bits in a long one

# Keys of the Theengs decoder that do not tell their place by themselves.
THEENGS: dict[str, Target | None] = {
    "tempf": Target("temp", "c", unit="F"),
    "batt": Target("status", "batt", unit="%"),
    "open": Target("door", "open"),
}


KEYS_MAX = 256  # of one advertisement


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of a gateway's message. Without an address in the payload, the last level of the topic is it.

    An advertisement that cannot be read is refused in its sender's name, and its neighbours go on.

    Raises:
        WireError: says what and where.
    """
    message = loaded(payload)
    if message == []:
        raise WireError("empty", "a list without advertisements")
    heard = message if type(message) is list else [message]
    return ruuvi.together(heard, lambda each: _one(each, context), lambda each: _address(each, context))


def _one(heard: Any, context: Context) -> list[Said]:
    if type(heard) is not dict:
        raise WireError("malformed", "not an advertisement: an object with an address and data")
    if len(heard) > KEYS_MAX:
        raise WireError("too_large", f"{len(heard)} keys, at most {KEYS_MAX}")
    source = _address(heard, context)
    if not source:
        raise WireError("no_address", f"no Bluetooth address in {', '.join(ADDRESSES)}, nor at the end of the topic")
    t_ms = _time_ms(heard, context)
    refused: list[Said] = []
    try:
        said = _advertised(heard, source, context, t_ms)
    except WireError as error:
        if bthome.key_of(source, context) is not None:
            raise  # whoever sent it, nothing of it is believed, not even that the sensor was heard
        said, refused = [], [refusal(source, error.reason, str(error))]
    # How strong it was heard is the gateway's word, whatever the tag has said.
    said += readings([Measured(t_ms, "rssi", heard.get("rssi"), source=source)], context)
    if not said and not refused:
        raise WireError("empty", f"nothing we can read in {', '.join(map(str, heard))[:200]}")
    return said + refused


def _advertised(heard: dict[str, Any], source: str, context: Context, t_ms: float | None) -> list[Said]:
    """Readings of what the sensor said, decoded here or by the gateway."""
    if (service := _bthome_data(heard)) is not None:
        return bthome.advertised(service, source, context, t_ms)
    tag = _ruuvi_data(heard)
    said = _decoded(heard, source, context, t_ms) if tag is None else ruuvi.advertised(tag, source, context, t_ms)
    # What a gateway decodes, or another format under the same address, could come from anyone.
    if said and bthome.key_of(source, context) is not None:
        raise WireError("downgrade", f"{source} has a {bthome.KEY}: only its own encrypted data are read")
    if tag is None and any(heard.get(key) for key in RAW) and not _is_decoded(heard, said):
        data = ", ".join(f"{key} {heard[key]!r:.60}" for key in RAW if heard.get(key))
        said.append(refusal(source, "unsupported", f"{data}: decode it on the gateway, BTHome and Ruuvi are read here"))
    return said


def _is_decoded(heard: dict[str, Any], said: list[Said]) -> bool:
    """Whether the gateway knew what it handed on: it names the model, or a value that has a stream."""
    return not MODELS.isdisjoint(heard) or any(each.stream not in (ATTRIBUTE, REFUSED) for each in said)


def _address(heard: Any, context: Context) -> str:
    """Address of an advertisement's sender in the one spelling, "" when there is none."""
    if type(heard) is dict:
        for key in ADDRESSES:
            if key in heard:
                return ruuvi.address(heard[key]) if type(heard[key]) is str else ""
    return ruuvi.address(context.topic[-1]) if context.topic else ""


def _time_ms(heard: dict[str, Any], context: Context) -> float | None:
    """When the gateway heard it, if it is set up to say so and its clock can be right."""
    if heard.get("unixtime") is not None:
        return ruuvi.heard_ms(heard["unixtime"], "unixtime", context)
    if heard.get("UTCtime") is None:
        return None
    try:
        return believable(parse_rfc3339(heard["UTCtime"]) / 1000, context.received_ms)
    except (TypeError, ValueError, OverflowError):
        return None


def _bthome_data(heard: dict[str, Any]) -> bytes | None:
    """Service data of BTHome, None when there are none; those of other services are not ours to read."""
    by_uuid = heard.get("service_data")
    if by_uuid is None and "servicedata" in heard:
        # Not a mapping: a UUID of another type is refused below, it need not be hashable.
        pairs = [(heard["servicedatauuid"], heard["servicedata"])] if "servicedatauuid" in heard else []
    elif by_uuid is None:
        return None
    elif type(by_uuid) is dict:
        pairs = list(by_uuid.items())
    else:
        raise WireError("malformed", "service_data: not an object of data by UUID")
    for uuid, data in pairs:
        if _short(uuid) == BTHOME_UUID:
            return ruuvi.hexadecimal(data, "service data")
    return None


def _ruuvi_data(heard: dict[str, Any]) -> bytes | None:
    """What stands behind Ruuvi's company id, None when there is nothing or another maker's."""
    maker = heard.get("manufacturerdata", "")
    if type(maker) is not str:
        raise WireError("malformed", "manufacturerdata: not a text")
    if not maker.startswith(ruuvi.COMPANY.hex()):
        return None
    return ruuvi.hexadecimal(maker, "manufacturerdata")[len(ruuvi.COMPANY) :]


def _short(uuid: Any) -> str:
    """A UUID of 16 bits as four digits: from `0xfcd2`, `FCD2` or its long form."""
    if type(uuid) is not str:
        raise WireError("malformed", "servicedatauuid: not a text")
    text = uuid.lower().removeprefix("0x")
    before, after = SHORT_UUID
    return text.removeprefix(before).removesuffix(after) if len(text) == 36 else text


def _decoded(heard: dict[str, Any], source: str, context: Context, t_ms: float | None) -> list[Said]:
    """Readings of what the gateway has decoded; keys without a place are attributes, as what the device is called."""
    defaults = dict(THEENGS)
    if "tempc" in heard:
        defaults["tempf"] = None  # the same once more
    unit = heard.get("unit")
    measured = [
        Measured(t_ms, key, value, unit if key == "weight" and type(unit) is str else "", source)
        for key, value in heard.items()
        if key not in ENVELOPE
    ]
    return readings(measured, context, defaults)
