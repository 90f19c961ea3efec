"""Named values of formats that leave the names to the sender, to readings: by the device's profile, else by the name.

Values of one device and time belong together: latitude and longitude become one position, humidity goes with the
temperature of the same probe. What has no stream of its own is kept as an attribute. A value that its name cannot have
costs itself: see `_place`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.profiles import Target
from domain.readings import Flag
from domain.units import UnitError, convert
from domain.wire.fields import FIELDS, NUMBER, TRUTH
from domain.wire.fields import Field as Spec
from domain.wire.meanings import NAME_MAX, PARTS, target_of
from domain.wire.nested import as_text, spread
from domain.wire.said import ATTRIBUTE, NOTE_MAX, Context, Measured, Said, Value, WireError, refusal
from domain.wire.words import as_number, has_digits, number, truth

__all__ = ["NAME_MAX", "PARTS", "PLACES", "TRUTHS", "attribute", "readings", "target_of", "timed"]

PLACES: Mapping[tuple[str, str], Spec] = {(stream, spec.key): spec for stream, keys in FIELDS.items() for spec in keys}
_LISTED_MAX = 32  # single values of a list that become attributes of their own
_BATTERY = ("status", "batt")
_VOLTS = ("V", "v", "mV")
_IN_DOUBT = "which of these is meant is in doubt: give it a place in the profile's channels, or null"
MAIN: Mapping[str, tuple[str, ...]] = {"gps": ("lat", "lon"), "temp": ("c",), "door": ("open",)}

TRUTHS = frozenset(place for place, spec in PLACES.items() if spec.kind == TRUTH)
Defaults = Mapping[str, Target | None]


class _Doubt(Exception):  # noqa: N818  # an outcome, not a fault of ours
    """A value that stands beside others and cannot be what its name says: it is kept, marked, under its name."""


@dataclass(slots=True)
class _Group:
    """Values that make one reading."""

    each: Measured
    stream: str
    part: str
    values: dict[str, Any] = field(default_factory=dict)
    said_by: dict[str, str] = field(default_factory=dict)  # channel of each key
    flags: int = 0
    is_refused: bool = False


@dataclass(slots=True)
class _Found:
    groups: dict[tuple[Any, ...], _Group] = field(default_factory=dict)
    rest: list[Said] = field(default_factory=list)
    refused: list[Said] = field(default_factory=list)
    turns: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    """Where each channel has spoken last: one that says a time a thousand times is not looked for a thousand times."""

    def group(self, each: Measured, target: Target) -> _Group:
        """The reading a value belongs to; a channel that speaks twice of one time gives two."""
        key: tuple[Any, ...] = (each.source, target.stream, target.part, each.t_ms, each.flags, 0)
        turn = (key, each.channel, target.key)
        key = self.turns.get(turn, key)
        while (group := self.groups.get(key)) is not None and group.said_by.get(target.key) == each.channel:
            key = (*key[:5], key[5] + 1)
        if group is None:
            group = self.groups[key] = _Group(each, target.stream, target.part, flags=each.flags)
        self.turns[turn] = key
        return group

    def refuse(self, each: Measured, error: WireError) -> None:
        self.refused.append(refusal(each.source, error.reason, str(error)))


def readings(measured: Iterable[Measured], context: Context, defaults: Defaults | None = None) -> list[Said]:
    """Readings of named values: the profile of the value's moment decides, then `defaults`, then the name itself.

    Objects and lists are told apart first (`domain.wire.nested`). What cannot be read becomes a refusal; its neighbours
    go on.
    """
    found, defaults = _Found(), defaults or {}
    for whole in measured:
        value = whole.value
        parts = _parts(whole, context, defaults) if isinstance(value, list | dict) else (whole,)
        for each in parts if value is not None else ():
            try:
                _place(each, context, defaults, found)
            except WireError as error:
                found.refuse(whole, error)
    return [*_spoken(found.groups.values()), *found.rest, *found.refused]


def _parts(whole: Measured, context: Context, defaults: Defaults) -> list[Measured | WireError]:
    """The single values of a value. Within a known name (`temperature`) it must be clear which of them is meant."""
    parts = list(spread(whole))
    told = {_around(p.channel) for p in parts if isinstance(p, Measured) and _is_known(p, context, defaults)}
    return [
        WireError("unsupported", f"{part.channel[:60]}: {_IN_DOUBT}")
        if isinstance(part, Measured) and (known := _around(part.channel)) and known not in told
        else part
        for part in parts
    ]


def _target(each: Measured, context: Context, defaults: Defaults) -> Target | None:
    """Where a value belongs; None: it is not kept."""
    channels = context.profile_at(each.source, each.t_ms).channels
    if each.channel in channels:
        return channels[each.channel]
    if each.channel in defaults:
        return defaults[each.channel]
    return target_of(each.channel) or Target(ATTRIBUTE, each.channel)


def _is_known(each: Measured, context: Context, defaults: Defaults) -> bool:
    target = _target(each, context, defaults)
    return target is None or target.stream != ATTRIBUTE


def _place(each: Measured | WireError, context: Context, defaults: Defaults, found: _Found) -> None:
    """Puts a value where it belongs.

    One that makes a reading (a latitude, a temperature) and cannot be read is refused with the reading. One that stands
    beside others (a humidity, a speed) leaves the reading, which is flagged `PARTIAL`, and is kept as an attribute of
    the sender's name, flagged `SUSPECT`; a text that may be a measurement nobody here understands is refused, too.

    Raises:
        WireError: `invalid`, `unit`, `unsupported`.
    """
    if isinstance(each, WireError):
        raise each
    target = _target(each, context, defaults)
    if target is None:
        return
    if target.stream == ATTRIBUTE:
        found.rest += _attributes(each, target.key)
        return
    spec = PLACES[target.stream, target.key]
    group = found.group(each, target)
    try:
        is_doubted = target.key == "batt" and _may_be_volts(each, target, context, defaults)
        value = _value(each, target, spec, is_doubted=is_doubted)
    except _Doubt:
        group.flags |= Flag.PARTIAL
        found.rest.append(attribute(each.t_ms, each.channel, each.value, each.source, each.flags | Flag.SUSPECT))
        return
    except WireError:
        group.flags |= Flag.PARTIAL
        group.is_refused |= spec.required
        raise
    if target.key not in group.values:
        group.values[target.key] = value
        group.said_by[target.key] = each.channel
    elif group.values[target.key] != value:  # two names for one place: the first has it
        found.rest += _attributes(each, each.channel)


def _place_of(target: Target) -> tuple[str, str]:
    return target.stream, target.key


def _around(channel: str) -> str:
    """The name of a measurement that a dotted name lies below, if any: `temperature` of `temperature.rear`."""
    parts = channel.split(".")
    for n in range(1, len(parts)):
        target = target_of(name := ".".join(parts[:n]))
        if target is not None and PLACES[_place_of(target)].required:
            return name
    return ""


def _value(each: Measured, target: Target, spec: Spec, *, is_doubted: bool) -> Any:
    """The value in our unit.

    Raises:
        WireError: it makes the reading and cannot be read, or nobody knows what it is.
        _Doubt: it stands beside others and cannot be what its name says.
    """
    if is_doubted:
        raise _Doubt
    if spec.kind == TRUTH:
        if (told := truth(each.value, of_door=target.stream == "door")) is None:
            raise _unfit(each, spec, "not true or false")
        return told
    if spec.kind != NUMBER:
        return each.value if isinstance(each.value, str) else str(each.value)
    value, unit = _number(each, target, spec)
    try:
        converted = convert(value, unit, spec.base) if spec.base else value
    except UnitError as error:
        if _place_of(target) == _BATTERY and unit in _VOLTS:
            raise _Doubt from None  # how full that is depends on the battery
        raise WireError("unit", f"{each.channel[:40]}: {error}") from None
    if spec.is_beside and not spec.low <= converted <= spec.high:  # not for NaN either
        raise _Doubt
    if not math.isfinite(converted):
        raise WireError("invalid", f"{each.channel[:40]}: not a finite number")
    return converted


def _number(each: Measured, target: Target, spec: Spec) -> tuple[float, str]:
    """A number or the text of one, and its unit."""
    value = each.value
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _unfit(each, spec, "not a number")
        return value, each.unit or target.unit
    read = number(value)
    if read is None:
        raise _unfit(each, spec, "not a number")
    if read.unit and each.unit and read.unit != each.unit:
        raise WireError("unit", f"{each.channel[:40]}: {read.unit!r} and {each.unit[:20]!r}, which of the two?")
    return read.value, read.unit or each.unit or target.unit


def _unfit(each: Measured, spec: Spec, why: str) -> Exception:
    """What becomes of a value that is of another kind than its name says."""
    value = each.value
    if spec.is_beside and not isinstance(value, list):
        is_word = isinstance(value, str) and not has_digits(value) and len(value) <= NOTE_MAX
        if is_word or isinstance(value, bool | int | float):
            return _Doubt()
    return WireError("invalid", f"{each.channel[:40]}: {why}: {value!r:.60}")


def _may_be_volts(each: Measured, target: Target, context: Context, defaults: Defaults) -> bool:
    """Whether a battery of which a name says per cent may as well be volts (3.05, 3.6, 12.4) or a ratio (0.88)."""
    if _place_of(target) != _BATTERY or target.unit != "%" or each.unit:
        return False
    value = as_number(each.value)
    if value is None or not math.isfinite(value) or each.channel in context.profile_at(each.source, each.t_ms).channels:
        return False
    is_fraction = abs(value - round(value)) > 0.01
    name = each.channel.lower()
    if "level" in name or "perc" in name:
        return 0 < value < 1 or value == 1
    if each.channel in defaults:  # the format says per cent
        return is_fraction and (value < 5 or 10 < value < 15 or 20 < value < 30)
    return 0 < value < 5 or (is_fraction and (10 < value < 15 or 20 < value < 30))


def _spoken(groups: Iterable[_Group]) -> Iterator[Said]:
    for group in groups:
        each, values, flags = group.each, group.values, int(group.flags)
        if group.is_refused or not values:
            continue
        if any(key not in values for key in MAIN.get(group.stream, ())):
            # a speed without a position, a humidity without a temperature
            yield from (attribute(each.t_ms, key, value, each.source, each.flags) for key, value in values.items())
            continue
        named: dict[str, Any] = {}
        if group.stream in PARTS and (group.part or group.stream == "shelf"):
            named = {PARTS[group.stream]: group.part or "main"}
        yield Said(group.stream, timed(each.t_ms) | named | values, each.source, flags)


def timed(t_ms: float | None) -> dict[str, Any]:
    """The time of a reading, when there is one."""
    return {} if t_ms is None else {"t": t_ms}


def _attributes(each: Measured, key: str) -> Iterator[Said]:
    """A value without a stream, whole.

    Raises:
        WireError: `unsupported`, longer than an attribute holds.
    """
    value = each.value
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value) and len(joined := ",".join(value)) <= NOTE_MAX:
            value = joined
        elif (text := as_text(value)) is not None:
            value = text
        elif len(value) > _LISTED_MAX or any(isinstance(item, list | dict) for item in value):
            raise WireError("unsupported", f"{key[:40]}: a list of {len(value)} values, longer than an attribute holds")
        else:
            for at, item in enumerate(value):
                if item is not None:
                    yield from _attributes(each._replace(value=item), f"{key}.{at}")
            return
    if isinstance(value, str) and len(value) > NOTE_MAX:
        why = f"{len(value)} characters, an attribute holds {NOTE_MAX}; null in the profile's channels drops it"
        raise WireError("unsupported", f"{key[:40]}: {why}")
    yield attribute(each.t_ms, key, value, each.source, each.flags)


def note_name(key: str) -> str:
    """The name of an attribute: 64 printable characters of the sender's."""
    return _printable(key)[:64] or "?"


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def attribute(t_ms: float | None, key: str, value: Value, source: str = "", flags: int = 0) -> Said:
    """A value that has no stream of its own. Text is cut to 64 printable characters; it is a note, not a key."""
    name = note_name(key)
    if isinstance(value, str):
        said: dict[str, Any] = {"txt": _printable(value)[:NOTE_MAX] or "-"}
    elif math.isfinite(value):
        said = {"num": float(value)}
    else:
        said = {"txt": str(value)}
    return Said(ATTRIBUTE, timed(t_ms) | {"key": name} | said, source, int(flags))
