"""What a reading of each native stream may say: keys, columns, kinds, ranges. The decoder only follows it."""

from __future__ import annotations

import math
from typing import NamedTuple

NUMBER, TRUTH, TEXT, EPC = "number", "truth", "text", "epc"
_NOTES = frozenset({"reefer", "note"})  # labels that name no part of a device


class Field(NamedTuple):
    """One key of the payload and the column it becomes. `low` and `high` are inclusive; `base` is its unit.

    A key that is required, or a text that names a part (probe, slot, door), makes the reading: it is what it is of. The
    others stand beside it, and one that cannot be costs itself only.
    """

    key: str
    column: str
    kind: str = NUMBER
    required: bool = False
    low: float = -math.inf
    high: float = math.inf
    label: str = ""  # kind of label a text becomes
    default: str = ""  # a missing text
    base: str = ""  # of `domain.units`

    @property
    def is_beside(self) -> bool:
        """Whether the reading goes on without it."""
        return not self.required and (self.kind in (NUMBER, TRUTH) or self.label in _NOTES)


FIELDS: dict[str, tuple[Field, ...]] = {
    "gps": (
        Field("lat", "lat", required=True, low=-90, high=90, base="deg"),
        Field("lon", "lon", required=True, low=-180, high=180, base="deg"),
        Field("spd", "speed_mps", low=0, high=500, base="mps"),
        Field("hdg", "heading_deg", low=0, high=360, base="deg"),
        Field("acc", "accuracy_m", low=0, high=1e7, base="m"),
        Field("alt", "altitude_m", low=-1000, high=100_000, base="m"),
        Field("odo", "odometer_m", low=0, high=1e11, base="m"),
        Field("ign", "ignition", TRUTH),
    ),
    "temp": (
        Field("probe", "probe_id", TEXT, label="probe", default="main"),
        Field("c", "temp_c", required=True, low=-273.15, high=2000, base="c"),
        Field("rh", "humidity_pct", low=0, high=110, base="pct"),
    ),
    "rfid": (
        Field("ant", "antenna", low=0, high=32767),
        Field("epc", "tag_id", EPC, required=True, label="epc"),
        Field("rssi", "rssi_dbm", low=-200, high=100, base="dbm"),
    ),
    "shelf": (
        Field("slot", "slot_id", TEXT, required=True, label="slot"),
        Field("kg", "mass_kg", low=-1e4, high=1e6, base="kg"),
        Field("count", "item_count", low=0, high=1e7, base="count"),
    ),
    "door": (
        Field("door", "door_id", TEXT, label="door", default="main"),
        Field("open", "open", TRUTH, required=True),
    ),
    "status": (
        Field("batt", "battery_ratio", low=0, high=1, base="ratio"),
        Field("rssi", "rssi_dbm", low=-200, high=100, base="dbm"),
        Field("reefer", "reefer_id", TEXT, label="reefer"),
        Field("setpoint_c", "setpoint_c", low=-273.15, high=500, base="c"),
        Field("defrost", "defrost", TRUTH),
    ),
    "attr": (
        Field("key", "name_id", TEXT, required=True, label="attr"),
        Field("num", "value"),
        Field("txt", "note_id", TEXT, label="note"),
    ),
}

# A stream in which none of these is given says nothing.
ONE_OF: dict[str, tuple[str, ...]] = {
    "shelf": ("mass_kg", "item_count"),
    "status": ("battery_ratio", "rssi_dbm", "reefer_id", "setpoint_c", "defrost"),
    "attr": ("value", "note_id"),
}
