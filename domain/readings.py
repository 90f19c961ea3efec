"""Batches of readings as frozen structs of numpy columns; one class per stream, the unit in each column's name.

Every batch shares six columns: `device_id`, `time_us` (event time), `received_us`, `boot_id` (0: none given), `seq`
(-1: none given) and `flags` (see `Flag`). Unknown numbers are NaN, unknown truth values -1, unknown labels 0.
Times are microseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntFlag
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
I16 = NDArray[np.int16]
I8 = NDArray[np.int8]
F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]


class Flag(IntFlag):
    """What is odd about a stored reading. A flagged reading is kept; rules decide what to use."""

    FUTURE = 1  # event time after it was received, beyond the clock error we allow
    NULL_ISLAND = 2  # 0 N, 0 E: a receiver without a fix
    INACCURATE = 4  # reported accuracy too poor to decide on
    SENTINEL = 8  # an error code of the sensor, not a temperature
    TELEPORT = 16  # implied speed since the last good fix is impossible
    SERVER_TIME = 32  # the device gave no time: the time it was received stands in
    HISTORICAL = 64  # the sender says: kept while it was offline, not the present state
    SUSPECT = 128  # may be an error code that looks like a value
    CALIBRATION_DUE = 256  # the certificate of the probe had run out when it measured this
    CLOCK_SKEW = 512  # the device's clock is off by more than it may be
    CLOCK_UNSET = 1024  # event time before 1980: the clock was never set
    ROLLOVER = 2048  # event time 1024 or 2048 weeks too early: a GPS week rollover
    SWAPPED = 4096  # latitude and longitude seem to be exchanged
    STUCK = 8192  # the probe has said the very same for hours
    WRONG_UNIT = 16384  # implausible, but not as Fahrenheit, kelvin or tenths of a degree
    SPEED_DOUBTED = 32768  # the way over some minutes says otherwise than the speed
    IGNITION_DOUBTED = 65536  # the engine's wire seems not to be connected
    CARRIED = 131072  # moves with the engine off: a ferry, a tow
    UNDECIDED = 262144  # came so long after newer ones that it decides nothing
    PARTIAL = 1 << 20  # a value beside the main one could not be: it was left out, and is kept as an attribute

    @classmethod
    def names(cls, value: int) -> list[str]:
        """Lower-case names of the flags set in `value`."""
        return list(_names(value))


WRONG_TIME = Flag.FUTURE | Flag.CLOCK_UNSET | Flag.ROLLOVER  # of no use to any rule


@lru_cache(maxsize=1024)
def _names(value: int) -> tuple[str, ...]:
    return tuple(f.name.lower() for f in Flag if f.name and value & f)


@dataclass(frozen=True, slots=True)
class Batch:
    """Columns every stream has. All columns have the same length, checked at birth."""

    STREAM: ClassVar[str] = ""
    DTYPES: ClassVar[Mapping[str, str]] = {
        "device_id": "i4",
        "time_us": "i8",
        "received_us": "i8",
        "boot_id": "i4",
        "seq": "i8",
        "flags": "i4",
    }

    device_id: I32
    time_us: I64
    received_us: I64
    boot_id: I32
    seq: I64
    flags: I32

    def __post_init__(self) -> None:
        n = len(self.device_id)
        for field in fields(self):
            column = getattr(self, field.name)
            if column.shape != (n,) or column.dtype != np.dtype(self.DTYPES[field.name]):
                raise ValueError(
                    f"{type(self).__name__}.{field.name}: {column.dtype}{column.shape}, "
                    f"wanted {self.DTYPES[field.name]}({n},)"
                )

    def __len__(self) -> int:
        return len(self.device_id)

    @classmethod
    def build(cls, columns: Mapping[str, object]) -> Self:
        """A batch from anything array-like, converted to the declared types."""
        return cls(**{name: np.ascontiguousarray(columns[name], dtype=dtype) for name, dtype in cls.DTYPES.items()})

    @classmethod
    def unknown(cls, name: str, n: int) -> NDArray[np.generic]:
        """A column of what stands for "not given": NaN, -1 for truth values, 0 for keys."""
        dtype = np.dtype(cls.DTYPES[name])
        return np.full(n, np.nan if dtype.kind == "f" else -1 if dtype == np.int8 else 0, dtype)

    @classmethod
    def empty(cls) -> Self:
        """A batch of no readings."""
        return cls(**{name: np.empty(0, dtype) for name, dtype in cls.DTYPES.items()})

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """All rows of `parts`, in that order."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        return cls(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in cls.DTYPES})

    def take(self, index: NDArray[np.intp] | Bool) -> Self:
        """Rows by index or mask."""
        return type(self)(**{name: getattr(self, name)[index] for name in self.DTYPES})

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """The columns by name."""
        return {name: getattr(self, name) for name in self.DTYPES}


@dataclass(frozen=True, slots=True)
class PositionBatch(Batch):
    """Stream `gps`: WGS 84 degrees, metres, metres per second, degrees clockwise from north."""

    STREAM: ClassVar[str] = "gps"
    DTYPES: ClassVar[Mapping[str, str]] = {
        **Batch.DTYPES,
        "lat": "f8",
        "lon": "f8",
        "speed_mps": "f4",
        "heading_deg": "f4",
        "accuracy_m": "f4",
        "altitude_m": "f4",
        "odometer_m": "f8",
        "ignition": "i1",
    }

    lat: F64
    lon: F64
    speed_mps: F32
    heading_deg: F32
    accuracy_m: F32
    altitude_m: F32
    odometer_m: F64
    ignition: I8


@dataclass(frozen=True, slots=True)
class TemperatureBatch(Batch):
    """Stream `temp`: degrees Celsius and per cent relative humidity of one probe.

    `temp_c - correction_c` is what was measured; NaN: the probe's calibration is not known.
    """

    STREAM: ClassVar[str] = "temp"
    DTYPES: ClassVar[Mapping[str, str]] = {
        **Batch.DTYPES,
        "probe_id": "i4",
        "temp_c": "f8",
        "humidity_pct": "f4",
        "correction_c": "f4",
    }

    probe_id: I32
    temp_c: F64
    humidity_pct: F32
    correction_c: F32


@dataclass(frozen=True, slots=True)
class TagReadBatch(Batch):
    """Stream `rfid`: one read of one tag at one antenna."""

    STREAM: ClassVar[str] = "rfid"
    DTYPES: ClassVar[Mapping[str, str]] = {**Batch.DTYPES, "tag_id": "i4", "antenna": "i2", "rssi_dbm": "f4"}

    tag_id: I32
    antenna: I16
    rssi_dbm: F32


@dataclass(frozen=True, slots=True)
class ShelfBatch(Batch):
    """Stream `shelf`: mass on a slot in kilograms, or a count of items."""

    STREAM: ClassVar[str] = "shelf"
    DTYPES: ClassVar[Mapping[str, str]] = {**Batch.DTYPES, "slot_id": "i4", "mass_kg": "f8", "item_count": "f8"}

    slot_id: I32
    mass_kg: F64
    item_count: F64


@dataclass(frozen=True, slots=True)
class DoorBatch(Batch):
    """Stream `door`: a door is open (1) or shut (0)."""

    STREAM: ClassVar[str] = "door"
    DTYPES: ClassVar[Mapping[str, str]] = {**Batch.DTYPES, "door_id": "i4", "open": "i1"}

    door_id: I32
    open: I8


@dataclass(frozen=True, slots=True)
class StatusBatch(Batch):
    """Stream `status`: battery 0 to 1, radio strength, and what the cooling unit says of itself."""

    STREAM: ClassVar[str] = "status"
    DTYPES: ClassVar[Mapping[str, str]] = {
        **Batch.DTYPES,
        "battery_ratio": "f4",
        "rssi_dbm": "f4",
        "reefer_id": "i4",
        "setpoint_c": "f4",
        "defrost": "i1",
    }

    battery_ratio: F32
    rssi_dbm: F32
    reefer_id: I32
    setpoint_c: F32
    defrost: I8


@dataclass(frozen=True, slots=True)
class AttributeBatch(Batch):
    """Stream `attr`: a number or a short text under a name of the sender's, for what no other stream has room for."""

    STREAM: ClassVar[str] = "attr"
    DTYPES: ClassVar[Mapping[str, str]] = {**Batch.DTYPES, "name_id": "i4", "value": "f8", "note_id": "i4"}

    name_id: I32
    value: F64
    note_id: I32


BATCHES: tuple[type[Batch], ...] = (
    PositionBatch,
    TemperatureBatch,
    TagReadBatch,
    ShelfBatch,
    DoorBatch,
    StatusBatch,
    AttributeBatch,
)
BY_STREAM: dict[str, type[Batch]] = {b.STREAM: b for b in BATCHES}


def merge(groups: Iterable[Iterable[Batch]]) -> dict[str, Batch]:
    """All batches of all groups, one batch per stream."""
    parts: dict[str, list[Batch]] = {}
    for group in groups:
        for batch in group:
            if len(batch):
                parts.setdefault(batch.STREAM, []).append(batch)
    return {stream: BY_STREAM[stream].concat(found) for stream, found in parts.items()}
