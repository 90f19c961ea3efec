"""Profiles: what is known of a device that its messages do not say, at a moment.

Which channel is which stream, probe and unit; by how much a probe is wrong; how exact, how often, how far off its
clock may be. A profile is valid from a time on, and a reading is read with the profile of its own moment.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from domain.times import parse_rfc3339
from domain.units import UNITS

OFFSET_MAX_C = 20.0
SECONDS_MAX = 1e7
BODY_BYTES_MAX = 64 * 1024  # of the JSON text
ENTRIES_MAX = 500  # channels, calibrations or options, each
HISTORY_MAX = 64  # profiles of a device that reading knows, the newest
TEXT_MAX = 120
CALIBRATION_ORDER = ("offset_c", "due", "calibrated", "certificate", "accuracy_class")
CALIBRATION_KEYS = set(CALIBRATION_ORDER)
HIDDEN = "********"
_SECRET = re.compile(r"(?:^|[\W_])(?:keys?|psk|secret|password|passwd|pwd|token|pin|auth|credentials?)\d*\Z")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Native streams and keys a channel may be.
PLACES = {
    ("gps", "lat"), ("gps", "lon"), ("gps", "spd"), ("gps", "hdg"), ("gps", "acc"), ("gps", "alt"), ("gps", "odo"),
    ("gps", "ign"), ("temp", "c"), ("temp", "rh"), ("shelf", "kg"), ("shelf", "count"), ("door", "open"),
    ("status", "batt"), ("status", "rssi"), ("status", "reefer"), ("status", "setpoint_c"), ("status", "defrost"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """What a channel is: native stream and key, the part it belongs to (probe, slot or door), the sender's unit."""

    stream: str
    key: str
    part: str = ""
    unit: str = ""


CalibrationState = Literal["valid", "due_soon", "overdue", "unknown"]
SOON_US = 30 * 86_400_000_000
"""So long before a certificate runs out people are reminded."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is added to a probe's temperature, when it was calibrated, and until when the certificate holds."""

    offset_c: float = 0.0
    due_us: int | None = None
    calibrated_us: int | None = None
    certificate: str = ""
    """Its number, or where it is kept."""
    accuracy_class: str = ""
    """In words, such as EN 12830 class 1."""

    def state(self, now_us: int) -> CalibrationState:
        """Whether it holds, for long yet or not.

        >>> day = 86_400_000_000
        >>> [Calibration(due_us=due).state(100 * day) for due in (None, 99 * day, 110 * day, 140 * day)]
        ['unknown', 'overdue', 'due_soon', 'valid']
        """
        if self.due_us is None:
            return "unknown"
        return "overdue" if self.due_us <= now_us else "due_soon" if self.due_us <= now_us + SOON_US else "valid"


@dataclass(frozen=True, slots=True)
class Profile:
    """Valid from `since_us` on."""

    version: int = 0
    since_us: int = 0
    channels: Mapping[str, Target | None] = field(default_factory=dict)
    """By the sender's name of the channel; None: not kept."""
    calibration: Mapping[str, Calibration] = field(default_factory=dict)
    """By probe."""
    accuracy_class: str = ""
    interval_s: float | None = None
    """How often the device reports."""
    clock_error_s: float | None = None
    """How far its clock may be off before a reading is flagged."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """For the format's decoder, by the name its documentation gives."""


NO_PROFILE = Profile()
_PARTS = {"stream", "key", "part", "unit"}
_KEYS = {"channels", "calibration", "accuracy_class", "interval_s", "clock_error_s", "options"}


class ProfileError(ValueError):
    """A profile that cannot be used; the text says which part and what is wanted."""


def profile_of(body: Mapping[str, Any], version: int = 0, since_us: int = 0) -> Profile:
    """A profile from its JSON form.

    `{"channels": {"T1": {"stream": "temp", "key": "c", "part": "rear", "unit": "F"}, "junk": null},
    "calibration": {"rear": {"offset_c": -0.3, "due": "2027-01-31T00:00:00Z", "calibrated": …, "certificate": "K-17",
    "accuracy_class": "EN 12830 class 1"}}, "accuracy_class": "1",
    "interval_s": 60, "clock_error_s": 30, "options": {"zone": "Europe/Helsinki"}}`; every key may be absent.

    Raises:
        ProfileError: says which part and what is wanted.
    """
    if not isinstance(body, Mapping):
        raise ProfileError('an object is wanted, such as {"interval_s": 60}')
    if unknown := set(map(str, body)) - _KEYS:
        raise ProfileError(f"{min(unknown)[:40]!r}: a profile has {', '.join(sorted(_KEYS))}")
    if not isinstance(body.get("accuracy_class", ""), str):
        raise ProfileError("accuracy_class: a text is wanted")
    return Profile(
        version,
        since_us,
        {str(name): _target(str(name), each) for name, each in _object(body, "channels").items()},
        {str(probe): calibration_of(str(probe), each) for probe, each in _object(body, "calibration").items()},
        body.get("accuracy_class", ""),
        _seconds(body, "interval_s"),
        _seconds(body, "clock_error_s"),
        _object(body, "options"),
    )


def body_text(body: Mapping[str, Any]) -> str:
    """JSON text of a profile as it is kept.

    Raises:
        ProfileError: `profile_of` does, or it is too long, or holds what cannot be kept.
    """
    profile_of(body)
    try:
        text = orjson.dumps(body).decode()
    except (TypeError, RecursionError):
        raise ProfileError("not JSON: lone surrogates, numbers beyond 64 bits, or too deep") from None
    if len(text.encode()) > BODY_BYTES_MAX:
        raise ProfileError(f"longer than {BODY_BYTES_MAX // 1024} KiB")
    if "\\u0000" in text:
        raise ProfileError("a zero character cannot be kept")
    return text


def is_secret(name: str) -> bool:
    """Whether something of this name is to be hidden.

    >>> is_secret("apiKey"), is_secret("access_token"), is_secret("keyboard")
    (True, True, False)
    """
    return _SECRET.search(_CAMEL.sub("_", name).lower()) is not None


def without_secrets(body: Mapping[str, Any]) -> dict[str, Any]:
    """A profile's JSON form for those who may not know its keys: options named like a secret are hidden.

    >>> without_secrets({"options": {"bthome_key": "00ff", "zone": "UTC"}})
    {'options': {'bthome_key': '********', 'zone': 'UTC'}}
    """
    return {key: _hidden(value) if key == "options" else value for key, value in body.items()}


def _hidden(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: HIDDEN if is_secret(str(name)) else _hidden(each) for name, each in value.items()}
    return [_hidden(each) for each in value] if isinstance(value, list) else value


def _object(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = body.get(key, {})
    if not isinstance(found, Mapping):
        raise ProfileError(f"{key}: an object is wanted")
    if len(found) > ENTRIES_MAX:
        raise ProfileError(f"{key}: {len(found)} entries, at most {ENTRIES_MAX}")
    return found


def _target(name: str, each: Any) -> Target | None:
    if each is None:
        return None
    if not isinstance(each, Mapping) or not {"stream", "key"} <= set(each) <= _PARTS:
        raise ProfileError(f"channels.{name}: null, or an object with stream and key, and perhaps part and unit")
    if not all(isinstance(value, str) for value in each.values()):
        raise ProfileError(f"channels.{name}: stream, key, part and unit are texts")
    if (each["stream"], each["key"]) not in PLACES and each["stream"] != "attr":
        raise ProfileError(f"channels.{name}: no stream {each['stream']} with a key {each['key']}")
    unit = each.get("unit", "")
    if unit and unit not in UNITS:
        raise ProfileError(f"channels.{name}: unknown unit {unit!r}; known: {', '.join(UNITS)}")
    return Target(each["stream"], each["key"], each.get("part", ""), unit)


def calibration_of(probe: str, each: Any) -> Calibration:
    """The calibration of a probe from its JSON form.

    Raises:
        ProfileError: says what is wanted.
    """
    if isinstance(each, Mapping) and (unknown := set(map(str, each)) - CALIBRATION_KEYS):
        raise ProfileError(f"calibration.{probe}: {min(unknown)[:40]!r} is none of {', '.join(CALIBRATION_ORDER)}")
    offset = each.get("offset_c", 0.0) if isinstance(each, Mapping) else None
    if isinstance(offset, bool) or not isinstance(offset, (int, float)) or not abs(offset) <= OFFSET_MAX_C:
        raise ProfileError(f"calibration.{probe}: an object with offset_c from -{OFFSET_MAX_C:g} to {OFFSET_MAX_C:g}")
    times: list[int | None] = []
    for name in ("due", "calibrated"):
        try:
            times.append(None if each.get(name) is None else parse_rfc3339(each[name]))
        except (TypeError, ValueError):
            raise ProfileError(f"calibration.{probe}: {name} is an RFC 3339 time with an offset") from None
    due_us, calibrated_us = times
    if due_us is not None and calibrated_us is not None and due_us <= calibrated_us:
        raise ProfileError(f"calibration.{probe}: due is later than calibrated")
    texts = [each.get(name, "") for name in ("certificate", "accuracy_class")]
    if not all(isinstance(text, str) and len(text) <= TEXT_MAX for text in texts):
        raise ProfileError(f"calibration.{probe}: certificate and accuracy_class are texts of at most {TEXT_MAX} signs")
    return Calibration(float(offset), due_us, calibrated_us, *texts)


def _seconds(body: Mapping[str, Any], key: str) -> float | None:
    found = body.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 < found <= SECONDS_MAX:
        raise ProfileError(f"{key}: seconds, more than 0 and at most {SECONDS_MAX:g}")
    return float(found)


@dataclass(frozen=True, slots=True)
class History:
    """All profiles of a device, oldest first."""

    profiles: tuple[Profile, ...] = ()
    since_us: tuple[int, ...] = ()

    @classmethod
    def of(cls, profiles: Sequence[Profile]) -> History:
        """From profiles in any order; of those that begin together the last version counts."""
        ordered = tuple(sorted(profiles, key=lambda p: (p.since_us, p.version)))
        return cls(ordered, tuple(p.since_us for p in ordered))

    def at(self, t_us: float) -> Profile:
        """The profile of a moment; before the first one there is none.

        >>> History.of([Profile(1, 100), Profile(2, 200)]).at(150).version
        1
        """
        found = bisect_right(self.since_us, t_us)
        return self.profiles[found - 1] if found else NO_PROFILE


NO_HISTORY = History()
