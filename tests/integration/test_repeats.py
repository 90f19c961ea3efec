"""A repeat is the same content, all of it: readings that differ in any measured column are different ones."""

from __future__ import annotations

from itertools import product
from typing import Self

import numpy as np
import pytest

from domain.identity import CONTENT, NOT_MEASURED, keys
from domain.readings import BY_STREAM, Batch, Flag
from store.copy import TABLE
from tests.integration.fleet import Fleet

DEVICE = {"gps": "gps", "temp": "reefer", "rfid": "portal", "shelf": "shelf", "door": "gps", "status": "gps"}


class Rows:
    """Readings of one second that differ in one column, and how many of them the store has."""

    def __init__(self, dsn: str, stream: str) -> None:
        self.fleet, self.stream = Fleet(dsn), stream
        self.tracker = self.fleet.tracker()
        self.device = self.fleet.ids[DEVICE.get(stream, "gps")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.fleet.close(self.tracker)

    def one(self, **changes: object) -> Batch:
        """A reading in which everything is said, but for the changes."""
        said: dict[str, object] = {}
        for name in CONTENT[self.stream]:
            kind = BY_STREAM[self.stream].DTYPES[name]
            is_key = name.endswith("_id")
            said[name] = self.key(name, "one") if is_key else 1 if kind == "i1" else 12.3 if kind[0] == "f" else 3
        return self.fleet.batch(self.stream, DEVICE.get(self.stream, "gps"), [7], **(said | changes))

    def key(self, column: str, text: str) -> int:
        return self.fleet.label("epc" if column == "tag_id" else "probe", self.device, text)

    def values(self, column: str) -> list[object]:
        """Values of a column that differ, what is not known among them."""
        kind = BY_STREAM[self.stream].DTYPES[column]
        if column.endswith("_id"):
            return [self.key(column, "one"), self.key(column, "two")]
        if kind == "i1":
            return [1, 0] if column == "open" else [1, 0, -1]
        if kind == "i2":
            return [3, 4]
        needed = {"lat", "lon", "temp_c"}
        return [12.3, float(np.nextafter(np.float32(12.3), np.float32(13)))] + ([] if column in needed else [np.nan])

    def sent(self, *batches: Batch) -> None:
        self.fleet.append(*batches)
        self.fleet.settle(self.tracker)

    @property
    def count(self) -> int:
        return int(self.fleet.rows(f"select count(*) from {TABLE[self.stream]}")[0][0])


@pytest.mark.parametrize("stream", list(BY_STREAM))
def test_readings_of_one_second_that_differ_in_one_column_are_all_kept_and_each_once(
    database: str, stream: str
) -> None:
    with Rows(database, stream) as rows:
        several = [rows.one()]
        for column in CONTENT[stream]:
            several += [rows.one(**{column: value}) for value in rows.values(column)[1:]]
        rows.sent(several[0])
        rows.sent(*several[1:])  # in one frame, against the store and against each other
        rows.sent(*several, *several)
        for each in reversed(several):
            rows.sent(each)
        assert rows.count == len(several)


@pytest.mark.parametrize("stream", list(BY_STREAM))
def test_the_same_reading_is_one_however_it_is_flagged_and_whenever_it_comes(database: str, stream: str) -> None:
    with Rows(database, stream) as rows:
        first = rows.one()
        flags = (Flag.FUTURE, Flag.HISTORICAL, Flag.STUCK | Flag.SUSPECT, Flag.CALIBRATION_DUE)
        rows.sent(first)
        for late, flag in enumerate(flags):
            rows.sent(rows.one(flags=int(flag), received_us=int(first.received_us[0]) + late * 1000))
        assert rows.count == 1


@pytest.mark.parametrize("correction_c", [0.25, -1.3, 0.1])
def test_a_temperature_that_is_corrected_otherwise_is_the_same_and_another_one_is_not(
    database: str, correction_c: float
) -> None:
    with Rows(database, "temp") as rows:
        for measured_c, by_c in product((4.1, 4.2, -18.7), (0.0, correction_c, np.nan)):
            rows.sent(rows.one(temp_c=measured_c + float(np.nan_to_num(np.float32(by_c))), correction_c=by_c))
        assert rows.count == 3


@pytest.mark.parametrize("stream", list(BY_STREAM))
def test_what_is_measured_is_compared_and_comes_back_from_the_store_as_it_was(database: str, stream: str) -> None:
    assert {*CONTENT[stream], *Batch.DTYPES, *NOT_MEASURED} >= set(BY_STREAM[stream].DTYPES)
    with Rows(database, stream) as rows:
        several = [rows.one(**{column: value}) for column in CONTENT[stream] for value in rows.values(column)]
        rows.sent(*several)
        at = several[0].time_us
        stored = rows.tracker.store.stored(stream, several[0].device_id.astype(np.int64), at - 1, at + 1)
        assert set(keys(stored)) == set(keys(BY_STREAM[stream].concat(several)))


def test_numbers_are_part_of_a_reading_and_so_is_their_absence(database: str) -> None:
    with Rows(database, "door") as rows:
        boots = [rows.fleet.label("boot", rows.device, text) for text in ("b1", "b2")]
        several = [rows.one(), *(rows.one(boot_id=boot, seq=seq) for boot, seq in product(boots, (1, 2)))]
        for each in (*several, *several):
            rows.sent(each)
        assert rows.count == 5


@pytest.mark.parametrize("is_open", [[1, 0], [0, 1]])
def test_a_reused_number_without_a_clock_is_another_reading_when_it_says_something_else(
    database: str, is_open: list[int]
) -> None:
    with Rows(database, "door") as rows:
        boot = rows.fleet.label("boot", rows.device, "b1")
        for at, value in enumerate(is_open * 2):
            first = rows.one(boot_id=boot, seq=1, open=value, flags=int(Flag.SERVER_TIME))
            moved = {name: getattr(first, name) for name in first.DTYPES} | {"time_us": first.time_us + at}
            rows.sent(type(first).build(moved))
        assert rows.count == 2
