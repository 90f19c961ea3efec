"""Messages of flespi, a gateway for many protocols: what its channels and streams hand on, as JSON over HTTP or MQTT.

Source of names and units: flespi.com/kb, "Telematics data normalization" and its table of message parameters. A message
is a flat object, which `ident` names the device of; many come as an array:

    [{"ident": "868…", "timestamp": 1700000000.5, "position.latitude": 60.1, "position.speed": 36, …}, …]

`timestamp` is in seconds, speed in km/h, mileage in km, battery level per cent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.profiles import Target
from domain.readings import Flag
from domain.wire.channels import readings
from domain.wire.clocks import milliseconds
from domain.wire.loading import loaded
from domain.wire.said import Context, Measured, Said, WireError, refusal, settled
from domain.wire.words import as_number, truth

NAME_MAX = 255
KEY_MAX = 128
_PLACES: Mapping[str, Target | None] = {
    "position.latitude": Target("gps", "lat"),
    "position.longitude": Target("gps", "lon"),
    "position.altitude": Target("gps", "alt"),
    "position.speed": Target("gps", "spd", unit="km/h"),
    "position.direction": Target("gps", "hdg"),
    "position.accuracy": Target("gps", "acc"),
    "engine.ignition.status": Target("gps", "ign"),
    "vehicle.mileage": Target("gps", "odo", unit="km"),
    "battery.level": Target("status", "batt", unit="%"),
}
_HEAD = frozenset({"ident", "timestamp", "peer", "position.valid"})
_OF_FLESPI = ("server.", "channel.", "protocol.", "device.")
_SENSOR = re.compile(r"(ble\.)?sensor\.(temperature|humidity)(?:\.(\d{1,4}))?\Z", re.ASCII)


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one message or an array of them; `source` is the device's `ident`.

    A message that cannot be read costs itself.

    Raises:
        WireError: `too_large`, `malformed`, and what a lone message is refused for.
    """
    found = loaded(payload)
    said: list[Said] = []
    for at, message in enumerate(found if isinstance(found, list) else [found]):
        source = ""
        try:
            source = _ident(message)
            said += _message(message, source, context)
        except WireError as error:
            said.append(refusal(source, error.reason, f"message {at}: {error}"))
    return settled(said)


def _ident(message: Any) -> str:
    if not isinstance(message, dict):
        raise WireError("malformed", "not an object of parameters and values")
    ident = message.get("ident")
    if not isinstance(ident, str) or not 1 <= len(ident) <= NAME_MAX or not ident.isprintable():
        raise WireError("malformed", f"ident: not a text of 1 to {NAME_MAX} characters")
    return ident


def _message(message: Mapping[str, Any], source: str, context: Context) -> list[Said]:
    timestamp = message.get("timestamp")
    t_ms = None if timestamp is None else milliseconds(timestamp, "seconds", "timestamp")
    flags = int(Flag.INACCURATE) if truth(message.get("position.valid")) is False else 0
    places = dict(_PLACES)
    measured = list(_measured(message, source, t_ms, flags, places))
    return readings(measured, context, places)


def _measured(
    message: Mapping[str, Any], source: str, t_ms: float | None, flags: int, places: dict[str, Target | None]
) -> Iterator[Measured]:
    for key, value in message.items():
        if key in _HEAD or key.startswith(_OF_FLESPI):
            continue
        if not key or len(key) > KEY_MAX:
            raise WireError("malformed", f"{key[:40]!r}: not a key of 1 to {KEY_MAX} characters")
        if sensor := _SENSOR.match(key):
            part = f"{'ble' if sensor[1] else ''}{sensor[3] or ''}"
            places[key] = Target("temp", "c" if sensor[2] == "temperature" else "rh", part)
        if key == "position.accuracy" and as_number(value) == 0:
            continue  # unknown
        target = places.get(key)
        of_place = target is not None and target.stream == "gps"
        yield Measured(t_ms, key, value, source=source, flags=flags if of_place else 0)
