"""What is forwarded to other places: families of readings and facts, their fields, and each as a line of text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from domain.facts import AnyKind
from domain.readings import Flag
from domain.tables import csv_line

Type = Literal["text", "int", "float", "single", "bool", "time", "texts"]


class Field(NamedTuple):
    """A field of a family; `key`: the column of a reading whose text it is. A `single` has seven digits."""

    name: str
    type: Type
    key: str = ""


class Family(NamedTuple):
    """What has the same fields: a stream of readings, or a kind of fact."""

    name: str
    fields: tuple[Field, ...]
    is_reading: bool

    @property
    def names(self) -> list[str]:
        """The names of the fields, in order."""
        return [field.name for field in self.fields]


class Item(NamedTuple):
    """A reading or a word on a fact: `values` in the order of its family's fields, the first of them its id."""

    family: Family
    about: str
    values: tuple[Any, ...]


def _fields(text: str) -> tuple[Field, ...]:
    """Fields as `name:type` or `name:text:key`, by spaces."""
    return tuple(Field(*part.split(":")) for part in text.split())  # type: ignore[arg-type]


READING = _fields(
    "id:text tenant:text family:text device:text vehicle:text site:text time:time received_at:time boot:text seq:int "
    "flags:texts"
)
FACT = _fields("id:text tenant:text family:text fact:text revision:int decided_at:time retracted:bool rule_version:int")
STREAMS: Mapping[str, tuple[Field, ...]] = {
    "gps": _fields(
        "lat:float lon:float speed_mps:single heading_deg:single accuracy_m:single altitude_m:single odometer_m:float "
        "ignition:bool"
    ),
    "temp": _fields("probe:text:probe_id temp_c:float humidity_pct:single correction_c:single"),
    "rfid": _fields("epc:text:tag_id antenna:int rssi_dbm:single"),
    "shelf": _fields("slot:text:slot_id mass_kg:float item_count:float"),
    "door": _fields("door:text:door_id open:bool"),
    "status": _fields("battery_ratio:single rssi_dbm:single reefer:text:reefer_id setpoint_c:single defrost:bool"),
    "attr": _fields("name:text:name_id value:float note:text:note_id"),
}
READINGS = {stream: Family(stream, READING + own, is_reading=True) for stream, own in STREAMS.items()}
ALERT = Family(
    "alert",
    _fields(
        "id:text tenant:text family:text alert:text version:int at:time what:text by:text note:text kind:text "
        "severity:text title:text device:text probe:text vehicle:text site:text opened_at:time alarm_at:time "
        "cleared_at:time limit_c:float extreme_c:float to:text mentions:texts action:text disposition:text sku:text"
    ),
    is_reading=False,
)
_TYPES: Mapping[str, Type] = {
    "int4": "int", "int8": "int", "float8": "float", "text": "text", "timestamptz": "time",
}  # fmt: skip


def family_of(kind: AnyKind) -> Family:
    """The family of a declared kind of fact: what its table has of it, keys by the names of what they are of."""
    own = (Field(c.public, "text" if c.of else _TYPES[c.type]) for c in kind.public if c.stored)
    return Family(kind.name, (*FACT, *own), is_reading=False)


def reading_item(stream: str, tenant: str, device_id: int, row: Sequence[Any]) -> Item:
    """A reading as it stands in its table: time, received_at, device, vehicle, site, boot, seq, flags, its own columns.

    Its id says the same at every time it is forwarded, and of no two readings.
    """
    time, received_at, device, vehicle, site, boot, seq, flags, *own = row
    said = orjson.dumps([stream, device_id, time, received_at, boot, seq, *own])
    number = hashlib.blake2b(said, digest_size=16).hexdigest()
    common = (number, tenant, stream, device, vehicle, site, time, received_at, boot, seq, Flag.names(flags))
    return Item(READINGS[stream], device, (*common, *own))


def fact_item(family: Family, tenant: str, row: Sequence[Any]) -> Item:
    """A word on a fact, whose row begins with the fact's number and the number of the word."""
    return Item(family, str(row[0]), (f"{family.name}/{row[0]}/{row[1]}", tenant, family.name, *row))


def json_object(item: Item) -> bytes:
    """An item as an object of JSON; times in UTC to the microsecond."""
    return orjson.dumps(dict(zip(item.family.names, item.values, strict=True)), option=orjson.OPT_UTC_Z)


def ndjson(items: Iterable[Item]) -> bytes:
    """Items as JSON lines."""
    return b"".join(json_object(item) + b"\n" for item in items)


def csv_head(family: Family) -> bytes:
    """The first line of a family's CSV."""
    return csv_line(family.names).encode()


def csv(items: Iterable[Item]) -> bytes:
    """Items of one family as CSV, in which no cell is a formula."""
    return "".join(csv_line(map(_cell, item.values)) for item in items).encode()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return " ".join(value) if isinstance(value, list) else value
