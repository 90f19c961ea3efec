"""Metrics of Telegraf, an agent with inputs for Modbus, OPC UA, SNMP and hundreds more: `data_format = "json"`.

Source of the shapes: Telegraf's serializer `json`, one metric or, with `use_batch_format`, many:

    {"name": "reefer", "tags": {"host": "edge-1"}, "fields": {"temperature": 4.5, "door": false}, "timestamp": 17000…}
    {"metrics": [{…}, {…}]}

`timestamp` is in the unit of `json_timestamp_units` (seconds unless told), which its size tells, or RFC 3339. A field
that is called `value` has the metric's name. A tag `probe`, `sensor`, `door` or `slot` says where a value is from, a
tag `device_id` which device it is of; without it, it is the sender's. What Telegraf measures of its own host is not of
what is carried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from domain.profiles import Target
from domain.wire.channels import readings
from domain.wire.clocks import milliseconds
from domain.wire.loading import loaded
from domain.wire.meanings import PARTS, target_of
from domain.wire.said import ATTRIBUTE, Context, Measured, Said, WireError, refusal, settled
from domain.wire.words import as_number

NAME_MAX = 255
KEY_MAX = 128
DEVICE = "device_id"
_WHERE = ("probe", "sensor", "door", "slot")
_SECONDS = (1e9, 4.2e9)  # 2001 to 2103: no two units have a number in common
_UNITS = (1.0, 1e3, 1e6, 1e9)
_OF_HOST = frozenset(
    {
        *(
            "cpu",
            "mem",
            "swap",
            "disk",
            "diskio",
            "kernel",
            "processes",
            "procstat",
            "system",
            "net",
            "netstat",
            "nstat",
        ),
        *(
            "temp",
            "sensors",
            "smart_device",
            "smart_attribute",
            "nvidia_smi",
            "ipmi_sensor",
            "internal_agent",
            "docker",
        ),
    }
)
"""Metrics of Telegraf's inputs for the machine that it runs on; `temp` is that of its processor."""
Defaults = dict[str, Target | None]


@dataclass(slots=True)
class _Batch:
    """Metrics of one device that may belong together: a temperature in one, its humidity in the next."""

    values: list[Measured] = field(default_factory=list)
    names: set[tuple[float | None, str]] = field(default_factory=set)
    defaults: Defaults = field(default_factory=dict)


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one metric or a batch; `source` is the tag `device_id`.

    A metric that cannot be read costs itself.

    Raises:
        WireError: `too_large`, `malformed`, and what a lone metric is refused for.
    """
    whole = loaded(payload)
    metrics = whole.get("metrics") if isinstance(whole, dict) and "fields" not in whole else [whole]
    if not isinstance(metrics, list):
        raise WireError("malformed", 'neither a metric with "fields" nor {"metrics": […]}: data_format has to be json')
    said: list[Said] = []
    batches: dict[str, _Batch] = {}
    for at, metric in enumerate(metrics):
        source = ""
        try:
            source = _device(metric)
            batch = batches.setdefault(source, _Batch())
            found = list(_measured(metric, source, context, batch.defaults))
        except WireError as error:
            said.append(refusal(source, error.reason, f"metric {at}: {error}"))
            continue
        names = {(each.t_ms, each.channel) for each in found}
        if not batch.names.isdisjoint(names):  # said once more: another reading
            said += readings(batch.values, context, batch.defaults)
            batch.values, batch.names = [], set()
        batch.values += found
        batch.names |= names
    for batch in batches.values():
        said += readings(batch.values, context, batch.defaults)
    return settled(said)


def _device(metric: Any) -> str:
    if not isinstance(metric, dict):
        raise WireError("malformed", "not a metric")
    device = _tags(metric).get(DEVICE)
    if device is None:
        return ""
    if not isinstance(device, str) or not 1 <= len(device) <= NAME_MAX or not device.isprintable():
        raise WireError("malformed", f"tags.{DEVICE}: not a text of 1 to {NAME_MAX} characters")
    return device


def _tags(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    tags = metric.get("tags")
    if not isinstance(tags, dict | None):
        raise WireError("malformed", "tags: not an object")
    return tags or {}


def _measured(metric: Mapping[str, Any], source: str, context: Context, defaults: Defaults) -> Iterator[Measured]:
    name, fields, timestamp = metric.get("name"), metric.get("fields"), metric.get("timestamp")
    if not isinstance(name, str) or not isinstance(fields, dict):
        raise WireError("malformed", 'not a metric with "name" and "fields"')
    t_ms = None if timestamp is None else _instant_ms(timestamp)
    where = next((tags[tag] for tags in [_tags(metric)] for tag in _WHERE if isinstance(tags.get(tag), str)), "")
    own = context.profile_at(source, t_ms).channels
    for label, value in fields.items():
        key = name if label == "value" else label
        if not key or len(key) > KEY_MAX:
            raise WireError("malformed", f"{key[:40]!r}: not a name of 1 to {KEY_MAX} characters")
        if name in _OF_HOST:
            key = f"{name}.{label}"
            defaults[key] = Target(ATTRIBUTE, key)
        elif where and (target := own[key] if key in own else target_of(key)) is not None and target.stream in PARTS:
            if key in own:  # what the profile says of the name is true of it at each place
                defaults[f"{where}.{key}"] = replace(target, part=target.part or where)
            key = f"{where}.{key}"
        yield Measured(t_ms, key[:KEY_MAX], value, source=source)


def _instant_ms(timestamp: Any) -> float:
    number = as_number(timestamp)
    for unit in _UNITS:
        if number is not None and _SECONDS[0] <= number / unit <= _SECONDS[1]:
            return round(number / unit * 1000.0, 3)
    return milliseconds(timestamp, "seconds", "timestamp")
