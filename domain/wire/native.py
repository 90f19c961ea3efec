"""The native format: one reading or a batch (struct of arrays) as JSON, MessagePack or CBOR, to columns.

The payloads of a whole group of messages are gathered into one list per column and converted at once. Only when a
column holds something that does not belong there are its rows looked at one by one; bad rows are rejected with a
reason, their neighbours go on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cbor2
import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.names import PAYLOAD_BYTES_MAX
from domain.readings import BY_STREAM, I32, I64, Bool, Flag
from domain.wire.columns import NO_TIME, Reader, whole
from domain.wire.fields import EPC, FIELDS, NUMBER, ONE_OF, TEXT, Field
from domain.wire.loading import json_value
from domain.wire.said import ATTRIBUTE, Said

_BOOT = Field("boot", "boot_id", TEXT, label="boot")


__all__ = ["NO_TIME", "Rejection", "Rows", "decode", "summarise"]


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
    left_out: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Rows and the attributes that keep what was left out of them."""


def _msgpack(payload: bytes) -> Any:
    return msgspec.msgpack.decode(payload)


def _cbor(payload: bytes) -> Any:
    stream = io.BytesIO(payload)
    value = cbor2.CBORDecoder(stream).decode()
    if stream.tell() != len(payload):
        raise ValueError("bytes left over behind the CBOR value")
    return value


_DECODERS: dict[str, Callable[[bytes], Any]] = {"json": json_value, "msgpack": _msgpack, "cbor": _cbor}


class _Gather:
    """Lists of raw values, one per key, over all messages of a stream."""

    def __init__(self, stream: str) -> None:
        self.keys = ("t", "boot", *(f.key for f in FIELDS[stream]))
        self.beside = {f.key for f in FIELDS[stream] if f.is_beside}
        self.values: dict[str, list[Any]] = {key: [] for key in (*self.keys, "seq")}
        self.message: list[int] = []
        self.flags: dict[int, int] = {}  # row -> flags; rare
        self.rejections: list[Rejection] = []

    def add_all(self, messages: Sequence[tuple[int, bytes, str]], said: Sequence[tuple[int, Said]]) -> None:
        """Appends the readings of messages in our format, then those said in others."""
        for index, payload, encoding in messages:
            self.add(index, payload, encoding)
        for index, each in said:
            self.add_said(index, each)

    def add_said(self, index: int, said: Said) -> None:
        """Appends what a foreign format said."""
        get, n = said.values.get, said.many
        if said.flags:
            self.flags.update(dict.fromkeys(range(len(self.message), len(self.message) + said.count), said.flags))
        if n:
            for key, column in self.values.items():
                value = get(key)
                column.extend(value if type(value) is list else [value] * n)
            self.message.extend([index] * n)
            return
        for key, column in self.values.items():
            column.append(get(key))
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
        seq = whole(get("seq"))
        lengths = {len(v) for k in self.keys if type(v := get(k)) is list}
        if type(seq) is list:
            lengths.add(len(seq))
        if not lengths:
            for key in self.keys:
                self.values[key].append(get(key))
            self.values["seq"].append(seq)
            self.message.append(index)
            return
        flags = 0
        if len(lengths) > 1:
            found = self._even(index, found, lengths)
            if not found:
                return
            get, flags = found.get, int(Flag.PARTIAL)
            lengths = {len(v) for v in found.values() if type(v) is list}
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
        if flags:
            self.flags.update(dict.fromkeys(range(len(self.message), len(self.message) + n), flags))
        self.message.extend([index] * n)

    def _even(self, index: int, found: dict[str, Any], lengths: set[int]) -> dict[str, Any]:
        """A batch without the arrays of another length, when those that make the readings have one; else empty.

        Which of its values is missing nobody knows, so that none of a shorter array belongs to a reading for sure.
        """
        making = {*self.keys, "seq"} - self.beside
        agreed = {len(v) for k in making if type(v := found.get(k)) is list}
        told = ", ".join(f"{k} {len(v)}" for k in (*self.keys, "seq") if type(v := found.get(k)) is list)
        if len(agreed) != 1:
            why = f"arrays of {sorted(lengths)} values: all must have one length ({told})"
            self._reject(index, "unequal_arrays", why)
            return {}
        n = agreed.pop()
        odd = {k for k in self.beside if type(v := found.get(k)) is list and len(v) != n}
        without = ", ".join(sorted(odd))
        self._reject(index, "unequal_arrays", f"{n} readings are stored without {without}: {told} values")
        return {k: v for k, v in found.items() if k in self.values and k not in odd}

    def _reject(self, index: int, reason: str, detail: str) -> None:
        self.rejections.append(Rejection(index, reason, detail))


def decode(stream: str, messages: Sequence[tuple[int, bytes, str]], said: Sequence[tuple[int, Said]] = ()) -> Rows:
    """Readings of one stream from `(message index, payload, encoding)`; see `Rows.bad` and `Rows.rejections`.

    `said` are readings `(message index, said)` that foreign formats have been decoded to.

    Bad rows stay in the columns, marked, so that their sequence numbers can be receipted once they are in quarantine.
    `time_us` is `NO_TIME` where the device gave none.
    """
    gather = _Gather(stream)
    gather.add_all(messages, said)
    n = len(gather.message)
    reader = Reader(n)
    message = np.array(gather.message, dtype=np.int64)
    if not n:
        empty = np.empty(0, np.int64)
        return Rows(stream, message, empty, empty, [], {}, {}, reader.bad, gather.rejections)
    values = gather.values
    columns: dict[str, NDArray[np.generic]] = {}
    texts: dict[str, tuple[str, list[str | None]]] = {}
    time_us = reader.times(values["t"])
    seq = reader.sequence(values["seq"])
    boot = reader.texts(_BOOT, values["boot"])
    dtypes = BY_STREAM[stream].DTYPES
    for spec in FIELDS[stream]:
        raw = values[spec.key]
        if spec.kind in (TEXT, EPC):
            texts[spec.column] = (spec.label, reader.texts(spec, raw))
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
    if reader.left_out:
        _leave_out(rows, reader)
    rows.rejections += summarise(message, reader.why)
    return rows


def _leave_out(rows: Rows, reader: Reader) -> None:
    """Flags the readings that go on without a value, and keeps it."""
    untold: list[str | None] = [None] * reader.rows
    for left in reader.left_out:
        if rows.bad[left.row]:
            continue
        rows.flags[left.row] |= Flag.PARTIAL
        if (kept := left.kept()) is not None and rows.stream != ATTRIBUTE:
            rows.left_out.append((left.row, kept))
        else:
            untold[left.row] = untold[left.row] or f"{left.why}: the reading is stored without it"
    rows.rejections += summarise(rows.message, untold)


def _require_one(
    stream: str,
    columns: dict[str, NDArray[np.generic]],
    texts: dict[str, tuple[str, list[str | None]]],
    reader: Reader,
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
    for left in reader.left_out:  # without it nothing is said
        if not said[left.row]:
            reader.reject(left.row, left.why)
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
