"""Values of devices: numbers that came together are one row, a text or what is not known is one of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from domain.readings import F64, I32, I64, AttributeBatch, Bool
from store.copy import Column, copy_columns, spec_of
from store.places import SLOTS, Places, Wanted

SET = "reading_value_set"
_MESSAGE = ("device_id", "time_us", "received_us", "boot_id", "seq", "flags")
_COMMON = {"device_id": "device_id", "time": "time_us", "received_at": "received_us"} | {
    name: name for name in ("boot_id", "seq", "flags")
}
_SLOTS = tuple(f"v{slot}" for slot in range(SLOTS))
_BITS = 1 << np.arange(SLOTS)


class Sets(NamedTuple):
    """Rows of numbers: of which row of the batch, on which page, and a column to each slot, NaN where none is given."""

    row: NDArray[np.intp]
    page: I64
    values: F64


def wanted(batch: AttributeBatch) -> Wanted:
    """What its values are, to be given places."""
    return Wanted(batch.device_id, batch.name_id, (batch.note_id == 0) & ~np.isnan(batch.value))


def messages(batch: AttributeBatch) -> NDArray[np.intp]:
    """The number of the message each value came in; those of a message stand side by side."""
    starts = np.zeros(len(batch), np.bool_)
    if len(batch) > 1:
        for name in _MESSAGE:
            column = getattr(batch, name)
            starts[1:] |= column[1:] != column[:-1]
    return np.cumsum(starts)


def sets(message: NDArray[np.intp], place: I64, value: F64) -> Sets:
    """Numbers with their places, those of a message side by side, as rows; of one name's second value one more.

    >>> found = sets(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), np.array([5.0, 6.0, 7.0, 8.0]))
    >>> found.row.tolist(), found.page.tolist(), found.values[:, :3].tolist()
    ([0, 2, 3], [0, 0, 0], [[5.0, nan, 6.0], [nan, 7.0, nan], [nan, 8.0, nan]])
    """
    page, slot = np.divmod(place, SLOTS)
    order = None
    begins, turns = message[1:] != message[:-1], page[1:] != page[:-1]
    if (turns & ~begins).any():  # of one message on more pages than one
        order = np.lexsort((page, message))
        message, page, slot, value = message[order], page[order], slot[order], value[order]
        begins, turns = message[1:] != message[:-1], page[1:] != page[:-1]
    at = np.append(0, np.cumsum(begins | turns))
    cell = at * SLOTS + slot
    values = np.full((at[-1] + 1) * SLOTS, np.nan)
    values[cell] = value
    if len(values) - np.count_nonzero(np.isnan(values)) < len(value):  # of one name more values than one
        at, again = _again(at, cell)
        order = again if order is None else order[again]
        page, slot, value = page[again], slot[again], value[again]
        values = np.full((at[-1] + 1) * SLOTS, np.nan)
        values[at * SLOTS + slot] = value
    first = np.append(0, np.flatnonzero(at[1:] != at[:-1]) + 1)
    return Sets(first if order is None else order[first], page[first], values.reshape(-1, SLOTS))


def _again(at: NDArray[np.intp], cell: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and the order of values when some are the second, third, … of their place: each goes to a row further."""
    by_cell = np.argsort(cell, kind="stable")
    same = cell[by_cell]
    first = np.append(True, same[1:] != same[:-1])
    turn = np.empty(len(cell), np.intp)
    turn[by_cell] = np.arange(len(cell)) - np.maximum.accumulate(np.where(first, np.arange(len(cell)), 0))
    order = np.lexsort((turn, at))
    row = at[order] * (turn.max() + 1) + turn[order]
    return np.cumsum(np.append(False, row[1:] != row[:-1])), order


class Prepared(NamedTuple):
    """Where the values of a batch stand; a batch whose flags were changed meanwhile has the same."""

    batch: AttributeBatch
    number: Bool
    place: I64

    def has(self, batch: AttributeBatch) -> bool:
        """Whether it is the same values of the same devices."""
        mine = self.batch
        return all(getattr(batch, name) is getattr(mine, name) for name in ("device_id", "name_id", "value", "note_id"))


class ValueWriter:
    """Writes the stream `attr`."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._places = Places()
        self._spec = spec_of(connection, SET)
        self._prepared: Prepared | None = None

    def prepare(self, connection: psycopg.Connection, batch: AttributeBatch) -> None:
        """Gives new names their places, to be called outside the transaction that writes: they are kept for good."""
        self._prepared = self._prepare(connection, batch)

    def _prepare(self, connection: psycopg.Connection, batch: AttributeBatch) -> Prepared:
        asked = wanted(batch)
        return Prepared(batch, asked.number, self._places.of(connection, asked, lambda: messages(batch)))

    def write(self, cursor: psycopg.Cursor, batch: AttributeBatch) -> None:
        """COPY of the values."""
        known, self._prepared = self._prepared, None
        if known is None or not known.has(batch):
            known = self._prepare(cursor.connection, batch)
        message, number, place = messages(batch), known.number, known.place
        if number.all():
            found = sets(message, place, batch.value)
            note = np.zeros(len(found.row), np.int32)
        else:
            found, note = _with_rest(batch, message, number, place)
        columns: dict[str, Column] = {name: getattr(batch, of)[found.row] for name, of in _COMMON.items()}
        columns["page"], columns["note_id"] = found.page, note
        columns |= {slot: found.values[:, n] for n, slot in enumerate(_SLOTS)}
        null = np.isnan(found.values) @ _BITS | (note == 0) << SLOTS
        copy_columns(cursor, SET, self._spec, columns, ((*_SLOTS, "note_id"), null))


def _with_rest(batch: AttributeBatch, message: NDArray[np.intp], number: Bool, place: I64) -> tuple[Sets, I32]:
    """Sets of the numbers, then a row to each of the rest; and the text of each."""
    rows, rest = np.flatnonzero(number), np.flatnonzero(~number)
    values = np.full((len(rest), SLOTS), np.nan)
    values[:, 0] = batch.value[rest]
    row, page, own = rest, place[rest] // SLOTS, values
    if len(rows):
        found = sets(message[rows], place[rows], batch.value[rows])
        row, page = np.append(rows[found.row], rest), np.append(found.page, page)
        own = np.concatenate([found.values, values])
    note = np.where(number[row], np.int32(0), batch.note_id[row])
    return Sets(row, page, own), note
