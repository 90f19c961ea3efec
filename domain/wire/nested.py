"""Lists and objects of values to single values, where nothing is in doubt about which is which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from domain.times import parse_rfc3339, unit_since_1970
from domain.wire.said import NOTE_MAX, Measured, WireError
from domain.wire.words import as_number

DEPTH_MAX = 8
ITEMS_MAX = 64  # values of one list or object
# Keys of an object that says one thing: what it is called and what it measured (SenML, SenceCAP, many decoders).
_CALLED = ("type", "name", "measurementName", "sensor", "parameter", "key", "label", "channel", "n")
_MEASURED = ("measurementValue", "value", "val", "v")
_UNITS = ("unit", "u", "uom")
_TIMES_LOWER = frozenset({"timestamp", "time", "ts", "t", "datetime", "date", "measuredat"})
_MEASURED_KEYS = frozenset(_MEASURED)
_BESIDE_VALUE = frozenset({*_MEASURED, *_UNITS, *_TIMES_LOWER})
_MS = {"seconds": 1000.0, "milliseconds": 1.0}


def spread(each: Measured) -> Iterator[Measured | WireError]:
    """A value as it is; an object or a list as its values, or what keeps them from being told apart.

    `{"air": {"temperature": 4}}` is `air.temperature`; `[{"type": "Temperature", "value": 4}, …]` is `Temperature`;
    `[{"time": …, "temperature": 4}, …]` is `temperature` at those times; a list of other objects is numbered,
    `sensors.0.temperature`. A list of single values is left to the caller, unless there is but one in it.
    """
    yield from _spread(each, 1)


def _spread(each: Measured, depth: int) -> Iterator[Measured | WireError]:
    value = each.value
    if value is None:
        return
    if not isinstance(value, list | dict):
        yield each
    elif depth > DEPTH_MAX:
        yield WireError("unsupported", f"{_name(each)}: nested deeper than {DEPTH_MAX}")
    elif len(value) > ITEMS_MAX:
        yield WireError("unsupported", f"{_name(each)}: {len(value)} values, at most {ITEMS_MAX} are told apart")
    elif isinstance(value, dict):
        if len(told := _MEASURED_KEYS & value.keys()) == 1 and value.keys() <= _BESIDE_VALUE:
            yield from _spread(_valued(value, next(iter(told)), each), depth + 1)
            return
        for key, inner in value.items():
            yield from _spread(each._replace(channel=_joined(each.channel, str(key)), value=inner), depth + 1)
    elif value and all(isinstance(item, dict | list) for item in value):
        yield from _items(each, value, depth)
    elif len(value) == 1:
        yield from _spread(each._replace(value=value[0]), depth + 1)
    else:
        yield each


def _items(each: Measured, items: list[Any], depth: int) -> Iterator[Measured | WireError]:
    """A list of objects, or of such lists."""
    records = [item for item in items if isinstance(item, dict) and _one(item, each) is None]
    if any(not _TIMES_LOWER.isdisjoint(map(str.lower, map(str, item))) for item in records):
        yield from _records(each, items, depth)
        return
    for at, item in enumerate(items):
        one = _one(item, each) if isinstance(item, dict) else None
        if one is not None:
            yield from _spread(one, depth + 1)
        elif isinstance(item, list) and item and all(isinstance(inner, dict | list) for inner in item):
            yield from _spread(each._replace(value=item), depth + 1)
        else:
            yield from _spread(each._replace(channel=_joined(each.channel, str(at)), value=item), depth + 1)


def _records(each: Measured, items: list[Any], depth: int) -> Iterator[Measured | WireError]:
    """A list of readings with times of their own."""
    for at, item in enumerate(items):
        t_ms = _told_ms(item) if isinstance(item, dict) else None
        if t_ms is None:
            why = "a record without a time we can read, in a list of records with times"
            yield WireError("unsupported", f"{_name(each)}.{at}: {why}")
            continue
        for key, inner in item.items():
            if str(key).lower() not in _TIMES_LOWER:
                yield from _spread(each._replace(t_ms=t_ms, channel=str(key), value=inner), depth + 1)


def _one(item: Mapping[str, Any], each: Measured) -> Measured | None:
    """The value of an object that says one thing; None: it says several, or no name."""
    called = next((item[key] for key in _CALLED if isinstance(item.get(key), str) and item[key]), None)
    values = [key for key in _MEASURED if key in item]
    if called is None or len(values) != 1:
        return None
    return _valued(item, values[0], each)._replace(channel=called)


def _valued(item: Mapping[str, Any], key: str, each: Measured) -> Measured:
    unit = next((item[key] for key in _UNITS if isinstance(item.get(key), str)), each.unit)
    t_ms = _told_ms(item)
    return each._replace(value=item[key], unit=unit, t_ms=each.t_ms if t_ms is None else t_ms)


def _told_ms(item: Mapping[str, Any]) -> float | None:
    """The time an object tells, milliseconds; None: none, or none in no doubt."""
    told = (_time_ms(value) for key, value in item.items() if str(key).lower() in _TIMES_LOWER)
    return next((t_ms for t_ms in told if t_ms is not None), None)


def _time_ms(value: Any) -> float | None:
    number = as_number(value)
    if number is not None:
        factor = _MS.get(unit_since_1970(number))
        return number * factor if factor else None
    try:
        return parse_rfc3339(value) / 1000
    except (TypeError, ValueError):
        return None


def _joined(before: str, key: str) -> str:
    return f"{before}.{key}" if before else key


def _name(each: Measured) -> str:
    return each.channel[:40] or "the message"


def as_text(value: Any) -> str | None:
    """The JSON of a list or an object when it fits a note, else None.

    >>> as_text([1, 2]), as_text(list(range(100)))
    ('[1,2]', None)
    """
    try:
        text = orjson.dumps(value).decode()
    except (TypeError, ValueError):  # deeper than it writes, or a number it cannot write
        return None
    return text if len(text) <= NOTE_MAX and text.isprintable() else None
