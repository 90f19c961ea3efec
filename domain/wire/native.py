"""The native format: one reading or a batch (struct of arrays) as JSON, MessagePack or CBOR, to columns.

The payloads of a whole group of messages are gathered into one list per column and converted at once. Only when a
column holds something that does not belong there are its rows looked at one by one; bad rows are rejected with a
reason, their neighbours go on.
"""

from __future__ import annotations

import io
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cbor2
import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from domain.names import PAYLOAD_BYTES_MAX
from domain.readings import BY_STREAM, F64, I32, I64, Bool
from domain.times import parse_rfc3339
from domain.wire.fields import EPC, FIELDS, NUMBER, ONE_OF, TEXT, Field

TEXT_MAX = 64
EPC_MAX = 124
_HEX = frozenset(string.hexdigits)
_MS_MAX = 2**52
NO_TIME = np.iinfo(np.int64).min


class Rejection(NamedTuple):
    """A message, or some of its readings, that cannot be used, and why."""

    message: int
    reason: str
    detail: str


@dataclass
class Rows:
    """Readings of one stream. `columns` hold numbers; `texts` hold label texts still to be turned into keys."""

    stream: str
    message: I64
    time_us: I64
    seq: I64
    boot: list[str | None]
    columns: dict[str, NDArray[np.generic]]
    texts: dict[str, tuple[str, list[str | None]]]
    bad: Bool
    rejections: list[Rejection] = field(default_factory=list)
    received_us: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    server_time: Bool = field(default_factory=lambda: np.empty(0, np.bool_))
    flags: I32 = field(default_factory=lambda: np.empty(0, np.int32))


def _json(payload: bytes) -> Any:
    return orjson.loads(payload)


def _msgpack(payload: bytes) -> Any:
    return msgspec.msgpack.decode(payload)


def _cbor(payload: bytes) -> Any:
    stream = io.BytesIO(payload)
    value = cbor2.CBORDecoder(stream).decode()
    if stream.tell() != len(payload):
        raise ValueError("bytes left over behind the CBOR value")
    return value


_DECODERS: dict[str, Callable[[bytes], Any]] = {"json": _json, "msgpack": _msgpack, "cbor": _cbor}


class _Gather:
    """Lists of raw values, one per key, over all messages of a stream."""

    def __init__(self, stream: str) -> None:
        self.keys = ("t", "boot", *(f.key for f in FIELDS[stream]))
        self.values: dict[str, list[Any]] = {key: [] for key in (*self.keys, "seq")}
        self.message: list[int] = []
        self.flags: dict[int, int] = {}  # row -> flags; rare
        self.rejections: list[Rejection] = []

    def add_said(self, index: int, values: dict[str, Any], flags: int) -> None:
        """Appends one reading that a foreign format said. A list in it is a wrong value, never a batch."""
        if flags:
            self.flags[len(self.message)] = flags
        for key, column in self.values.items():
            column.append(values.get(key))
        self.message.append(index)

    def add(self, index: int, payload: bytes, encoding: str) -> None:
        """Appends the readings of one message, or rejects it whole."""
        if len(payload) > PAYLOAD_BYTES_MAX:
            self._reject(index, "too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
            return
        try:
            found = _DECODERS[encoding](payload)
        except (
            ValueError,
            RecursionError,
            OverflowError,
            msgspec.MsgspecError,
            cbor2.CBORDecodeError,
            EOFError,
        ) as error:
            self._reject(index, "malformed", f"not {encoding}: {error}"[:300])
            return
        except Exception as error:  # noqa: BLE001  a decoder's surprise is the payload's fault, never ours to die of
            self._reject(index, "malformed", f"not {encoding}: {type(error).__name__}: {error}"[:300])
            return
        if type(found) is not dict:
            self._reject(index, "malformed", "not an object with the keys of a reading")
            return
        self._spread(index, found)

    def _spread(self, index: int, found: dict[str, Any]) -> None:
        get = found.get
        seq = get("seq")
        lengths = {len(v) for k in self.keys if type(v := get(k)) is list}
        if type(seq) is list:
            lengths.add(len(seq))
        if not lengths:
            for key in self.keys:
                self.values[key].append(get(key))
            self.values["seq"].append(seq)
            self.message.append(index)
            return
        if len(lengths) > 1:
            self._reject(index, "unequal_arrays", f"arrays of {sorted(lengths)} values: all must have one length")
            return
        n = lengths.pop()
        if n == 0:
            self._reject(index, "empty", "arrays without values")
            return
        for key in self.keys:
            value = get(key)
            self.values[key].extend(value if type(value) is list else [value] * n)
        if type(seq) is int:
            self.values["seq"].extend(range(seq, seq + n))
        else:
            self.values["seq"].extend(seq if type(seq) is list else [seq] * n)
        self.message.extend([index] * n)

    def _reject(self, index: int, reason: str, detail: str) -> None:
        self.rejections.append(Rejection(index, reason, detail))


class _Reader:
    """Converts gathered lists to columns and remembers which rows are bad and why."""

    def __init__(self, rows: int) -> None:
        self.why: list[str | None] | None = None
        self.rows = rows
        self.bad = np.zeros(rows, dtype=np.bool_)

    def reject(self, row: int, why: str) -> None:
        """Marks one row; its first reason stands."""
        if self.why is None:
            self.why = [None] * self.rows
        if self.why[row] is None:
            self.why[row] = why
            self.bad[row] = True

    def reject_where(self, mask: Bool, why: str) -> None:
        """Marks all rows of a mask."""
        if mask.any():
            for row in np.flatnonzero(mask):
                self.reject(int(row), why)

    def numbers(self, spec: Field, values: list[Any]) -> F64:
        """A column of numbers; NaN where nothing is given."""
        kinds = set(map(type, values))
        if kinds == {type(None)}:
            if spec.required:
                self.reject_where(np.ones(self.rows, np.bool_), f"{spec.key}: missing")
            return np.full(self.rows, np.nan)
        clean = kinds <= {int, float} or (not spec.required and kinds <= {int, float, type(None)})
        if not clean:
            values = [self._number(row, spec, value) for row, value in enumerate(values)]
        try:
            column = np.array(values, dtype=np.float64)
        except OverflowError:
            values = [
                v if v is None or abs(v) < 1e300 else self._number(row, spec, None, "too large")
                for row, v in enumerate(values)
            ]
            column = np.array(values, dtype=np.float64)
        odd = ~np.isfinite(column)
        if odd.any():
            if type(None) in kinds or not clean:
                odd &= np.fromiter((v is not None for v in values), np.bool_, self.rows)
            self.reject_where(odd, f"{spec.key}: not a finite number")
        with np.errstate(invalid="ignore"):
            self.reject_where(
                (column < spec.low) | (column > spec.high), f"{spec.key}: out of range {spec.low} to {spec.high}"
            )
        return column

    def _number(self, row: int, spec: Field, value: Any, why: str = "") -> Any:
        if type(value) in (int, float) and not why:
            return value
        if value is None and not why:
            if spec.required:
                self.reject(row, f"{spec.key}: missing")
            return None
        self.reject(row, f"{spec.key}: {why or 'not a number'}")
        return None

    def truths(self, spec: Field, values: list[Any]) -> NDArray[np.int8]:
        """A column of 1, 0, and -1 where nothing is given."""
        column = np.full(self.rows, -1, dtype=np.int8)
        if set(map(type, values)) <= {bool}:
            return np.array(values, dtype=np.int8)
        for row, value in enumerate(values):
            if type(value) is bool:
                column[row] = value
            elif value is not None:
                self.reject(row, f"{spec.key}: not true or false")
            elif spec.required:
                self.reject(row, f"{spec.key}: missing")
        return column

    def texts(
        self, key: str, values: list[Any], *, required: bool, epc: bool = False, default: str = ""
    ) -> list[str | None]:
        """A column of checked texts."""
        known: dict[Any, str | None] = {}
        if set(map(type, values)) <= {str, type(None)}:
            known = {value: self._text(value, epc=epc, default=default) for value in set(values)}
            if all(known.values()) or (
                not required and None in known and all(v for k, v in known.items() if k is not None)
            ):
                return [known[value] for value in values]
        out: list[str | None] = []
        for row, value in enumerate(values):
            text = self._text(value, epc=epc, default=default)
            if text is None and (value is not None or required):
                what = (
                    "missing"
                    if value is None
                    else "not hexadecimal"
                    if epc
                    else "not a text of 1 to 64 printable characters"
                )
                self.reject(row, f"{key}: {what}")
            out.append(text)
        return out

    @staticmethod
    def _text(value: Any, *, epc: bool, default: str) -> str | None:
        if value is None:
            return default or None
        if type(value) is not str:
            return None
        if epc:
            return value.upper() if 2 <= len(value) <= EPC_MAX and _HEX.issuperset(value) else None
        return value if 1 <= len(value) <= TEXT_MAX and value.isprintable() else None

    def times(self, values: list[Any]) -> I64:
        """Event times, microseconds."""
        kinds = set(map(type, values))
        if kinds <= {int, float}:
            try:
                column = np.array(values, dtype=np.int64 if kinds == {int} else np.float64)
            except OverflowError:
                column = None
            if column is not None and np.isfinite(column).all() and (np.abs(column) < _MS_MAX).all():
                whole = kinds == {int}
                return column.astype(np.int64) * 1000 if whole else np.rint(column * 1000.0).astype(np.int64)
        return np.array([self._time(row, value) for row, value in enumerate(values)], dtype=np.int64)

    def _time(self, row: int, value: Any) -> int:
        if type(value) is int and abs(value) < _MS_MAX:
            return value * 1000
        if type(value) is float and abs(value) < _MS_MAX:
            return round(value * 1000)
        if type(value) is str:
            try:
                return parse_rfc3339(value)
            except (ValueError, OverflowError):
                self.reject(row, "t: not an RFC 3339 time with an offset")
                return 0
        if value is None:
            return NO_TIME
        self.reject(row, "t: not milliseconds since 1970 nor an RFC 3339 text")
        return 0

    def sequence(self, values: list[Any]) -> I64:
        """Sequence numbers; -1 where none is given."""
        if set(map(type, values)) == {int}:
            try:
                column = np.array(values, dtype=np.int64)
            except OverflowError:
                column = np.array([-2], dtype=np.int64)
            if (column >= 0).all():
                return column
        out = np.full(self.rows, -1, dtype=np.int64)
        for row, value in enumerate(values):
            if type(value) is int and 0 <= value < 2**63:
                out[row] = value
            elif value is not None:
                self.reject(row, "seq: not a whole number from 0 on")
        return out


def decode(
    stream: str, messages: Sequence[tuple[int, bytes, str]], said: Sequence[tuple[int, dict[str, Any], int]] = ()
) -> Rows:
    """Readings of one stream from `(message index, payload, encoding)`; see `Rows.bad` and `Rows.rejections`.

    `said` are readings `(message index, values, flags)` that foreign formats have been decoded to.

    Bad rows stay in the columns, marked, so that their sequence numbers can be receipted once they are in quarantine.
    `time_us` is `NO_TIME` where the device gave none.
    """
    gather = _Gather(stream)
    for index, payload, encoding in messages:
        gather.add(index, payload, encoding)
    for index, one, flags in said:
        gather.add_said(index, one, flags)
    n = len(gather.message)
    reader = _Reader(n)
    message = np.array(gather.message, dtype=np.int64)
    if not n:
        empty = np.empty(0, np.int64)
        return Rows(stream, message, empty, empty, [], {}, {}, reader.bad, gather.rejections)
    values = gather.values
    columns: dict[str, NDArray[np.generic]] = {}
    texts: dict[str, tuple[str, list[str | None]]] = {}
    time_us = reader.times(values["t"])
    seq = reader.sequence(values["seq"])
    boot = reader.texts("boot", values["boot"], required=False)
    dtypes = BY_STREAM[stream].DTYPES
    for spec in FIELDS[stream]:
        raw = values[spec.key]
        if spec.kind in (TEXT, EPC):
            found = reader.texts(spec.key, raw, required=spec.required, epc=spec.kind == EPC, default=spec.default)
            texts[spec.column] = (spec.label, found)
        elif spec.kind == NUMBER:
            column = reader.numbers(spec, raw)
            if dtypes[spec.column] == "i2":
                column = np.nan_to_num(column)
            columns[spec.column] = np.where(reader.bad, 0, column).astype(dtypes[spec.column])
        else:
            columns[spec.column] = reader.truths(spec, raw)
    if stream in ONE_OF:
        _require_one(stream, columns, texts, reader)
    rows = Rows(stream, message, time_us, seq, boot, columns, texts, reader.bad, gather.rejections)
    rows.flags = np.zeros(n, dtype=np.int32)
    if gather.flags:
        rows.flags[list(gather.flags)] = list(gather.flags.values())
    rows.rejections += summarise(message, reader.why)
    return rows


def _require_one(
    stream: str,
    columns: dict[str, NDArray[np.generic]],
    texts: dict[str, tuple[str, list[str | None]]],
    reader: _Reader,
) -> None:
    """Rejects rows that say nothing at all."""
    said = np.zeros(reader.rows, dtype=np.bool_)
    for name in ONE_OF[stream]:
        if name in texts:
            said |= np.fromiter((v is not None for v in texts[name][1]), np.bool_, reader.rows)
        elif columns[name].dtype.kind == "f":
            said |= ~np.isnan(columns[name].astype(np.float64))
        else:
            said |= columns[name].astype(np.int64) >= 0
    reader.reject_where(~said, f"nothing said: give one of {', '.join(ONE_OF[stream])}")


def summarise(message: I64, why: Sequence[str | None] | None) -> list[Rejection]:
    """One rejection per message and reason, naming its readings."""
    if why is None:
        return []
    found: dict[tuple[int, str], list[int]] = {}
    first: dict[int, int] = {}
    for row, index in enumerate(message.tolist()):
        first.setdefault(index, row)
        if (reason := why[row]) is not None:
            found.setdefault((index, reason), []).append(row - first[index])
    return [
        Rejection(index, "invalid", f"{reason} (reading {', '.join(map(str, at[:20]))}{', …' if len(at) > 20 else ''})")
        for (index, reason), at in found.items()
    ]
