"""Lists of raw values to checked columns.

A whole column is converted at once. Only when it holds something that does not belong there are its rows looked at one
by one: what makes a reading and cannot be costs the row, what stands beside it costs itself.
"""

from __future__ import annotations

import re
import string
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.numbers import decimal
from domain.readings import F64, I64, Bool
from domain.times import parse_rfc3339, unit_advice
from domain.units import UnitError, convert
from domain.wire.fields import EPC, Field
from domain.wire.said import NOTE_MAX
from domain.wire.words import has_digits, number, truth

TEXT_MAX = 64
EPC_MAX = 124
NO_TIME = np.iinfo(np.int64).min
_HEX = frozenset(string.hexdigits)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_MS_MAX = 2**52


def whole(value: Any) -> Any:
    """A whole number that was written as text, as one; anything else as it is."""
    return int(value) if type(value) is str and _WHOLE.fullmatch(value) else value


class LeftOut(NamedTuple):
    """A value that stands beside the one that makes a reading, and cannot be."""

    row: int
    spec: Field
    value: Any
    why: str

    def kept(self) -> dict[str, Any] | None:
        """What an attribute says of it; None: it does not hold it, or it may be a measurement not understood here."""
        if isinstance(self.value, float | int) and not isinstance(self.value, bool):
            said: dict[str, Any] = {"num": float(self.value)} if abs(self.value) < 1e300 else {"txt": str(self.value)}
            return {"key": self.spec.column, **said}
        text = self.value
        if isinstance(text, str) and 1 <= len(text) <= NOTE_MAX and text.isprintable() and not has_digits(text):
            return {"key": self.spec.column, "txt": text}
        return None


class Reader:
    """Converts gathered lists to columns and remembers which rows are bad and why, and what was left out of others."""

    def __init__(self, rows: int) -> None:
        self.why: list[str | None] | None = None
        self.rows = rows
        self.bad = np.zeros(rows, dtype=np.bool_)
        self.left_out: list[LeftOut] = []

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

    def leave_out(self, row: int, spec: Field, value: Any, why: str) -> None:
        """A value that cannot be: it costs the row when it makes the reading, else itself.

        A number or a word is kept as an attribute. What may be a measurement nobody here understands, and what an
        attribute does not hold, is told with the message in quarantine.
        """
        if not spec.is_beside:
            self.reject(row, f"{spec.key}: {why}")
        else:
            self.left_out.append(LeftOut(row, spec, value, f"{spec.key}: {why}"))

    def numbers(self, spec: Field, values: list[Any]) -> F64:
        """A column of numbers; NaN where nothing is given, or nothing that can be."""
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
                v if v is None or abs(v) < 1e300 else self._number(row, spec, v, "too large")
                for row, v in enumerate(values)
            ]
            column = np.array(values, dtype=np.float64)
        odd = ~np.isfinite(column)
        if odd.any():
            if type(None) in kinds or not clean:
                odd &= np.fromiter((v is not None for v in values), np.bool_, self.rows)
            self._out(odd, column, spec, "not a finite number")
        with np.errstate(invalid="ignore"):
            outside = (column < spec.low) | (column > spec.high)
        if outside.any():
            self._out(outside & ~odd, column, spec, f"out of range {spec.low} to {spec.high}")
        return column

    def _out(self, mask: Bool, column: F64, spec: Field, why: str) -> None:
        for row in np.flatnonzero(mask).tolist():
            self.leave_out(row, spec, float(column[row]), why)
            column[row] = np.nan

    def _number(self, row: int, spec: Field, value: Any, why: str = "") -> Any:
        """A number, or the one that a text is; None where there is none."""
        if type(value) in (int, float) and not why:
            return value
        if value is None:
            if spec.required:
                self.reject(row, f"{spec.key}: missing")
            return None
        if type(value) is str and (read := number(value)) is not None:
            try:
                return convert(read.value, read.unit, spec.base)
            except UnitError as error:
                why = str(error)
        self.leave_out(row, spec, value, why or "not a number")
        return None

    def truths(self, spec: Field, values: list[Any]) -> NDArray[np.int8]:
        """A column of 1, 0, and -1 where nothing is given, or nothing that can be."""
        column = np.full(self.rows, -1, dtype=np.int8)
        kinds = set(map(type, values))
        if kinds == {bool}:
            return np.array(values, dtype=np.int8)
        if kinds == {type(None)} and not spec.required:
            return column
        for row, value in enumerate(values):
            if type(value) is bool:
                column[row] = value
            elif value is None:
                if spec.required:
                    self.reject(row, f"{spec.key}: missing")
            elif (told := truth(value, of_door=spec.key == "open")) is not None:
                column[row] = told
            else:
                self.leave_out(row, spec, value, "not true or false")
        return column

    def texts(self, spec: Field, values: list[Any]) -> list[str | None]:
        """A column of checked texts."""
        required, epc, default = spec.required, spec.kind == EPC, spec.default
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
                what = "not hexadecimal" if epc else "not a text of 1 to 64 printable characters"
                self.leave_out(row, spec, value, "missing" if value is None else what)
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
        if value is None:
            return NO_TIME
        if type(value) is str and (told := decimal(value)) is not None:
            return self._time(row, told)
        if type(value) is str:
            return self._written_time(row, value)
        advice = unit_advice(value, "milliseconds") if type(value) in (int, float) else ""
        self.reject(row, advice or "t: not milliseconds since 1970 nor an RFC 3339 text")
        return 0

    def _written_time(self, row: int, text: str) -> int:
        try:
            return parse_rfc3339(text)
        except (ValueError, OverflowError) as error:
            self.reject(row, f"t: not an RFC 3339 time with an offset: {error}")
            return 0

    def sequence(self, values: list[Any]) -> I64:
        """Sequence numbers; -1 where none is given."""
        kinds = set(map(type, values))
        if kinds == {type(None)}:
            return np.full(self.rows, -1, dtype=np.int64)
        if kinds == {int}:
            try:
                column = np.array(values, dtype=np.int64)
            except OverflowError:
                column = np.array([-2], dtype=np.int64)
            if (column >= 0).all():
                return column
        out = np.full(self.rows, -1, dtype=np.int64)
        for row, given in enumerate(values):
            value = whole(given)
            if type(value) is int and 0 <= value < 2**63:
                out[row] = value
            elif value is not None:
                self.reject(row, "seq: not a whole number from 0 on")
        return out
