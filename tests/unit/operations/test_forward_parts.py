"""What is forwarded and how: ids, lines, and what a hole in the log leads to."""

from __future__ import annotations

import csv as csv_reader
import io
import json
from datetime import UTC, datetime

import pytest

from domain.facts import Column, FactKind
from domain.forwarding import READINGS, csv, csv_head, fact_item, family_of, ndjson, reading_item
from domain.readings import BY_STREAM, Batch, Flag
from operations.forward.loop import taken
from operations.forward.sink import ForwardError
from store.forward import Found
from store.log import Frame

AT = datetime(2026, 11, 29, 12, 0, 0, 250_000, tzinfo=UTC)
ROW = (AT, AT, "reefer-07", "truck-07", None, "b1", 812, Flag.SUSPECT | Flag.STUCK, "rear", 4.7, None, 0.2)


def test_every_stream_is_a_family_with_all_of_its_columns() -> None:
    assert READINGS.keys() == BY_STREAM.keys()
    for stream, batch in BY_STREAM.items():
        own = [field.key or field.name for field in READINGS[stream].fields[11:]]
        assert own == [name for name in batch.DTYPES if name not in Batch.DTYPES], stream


def test_an_id_is_of_what_was_said_and_not_of_what_is_known_of_it() -> None:
    def number(*row: object, device: int = 7) -> str:
        return str(reading_item("temp", "main", device, row).values[0])

    first = number(*ROW)
    assert first == number(*ROW[:3], "truck-08", "store-1", *ROW[5:7], 0, *ROW[8:])  # moved, and flagged, meanwhile
    others = {number(*ROW, device=8), number(*ROW[:9], 4.8, *ROW[10:]), number(*ROW[:6], 813, *ROW[7:])}
    assert len(others | {first}) == 4


def test_a_line_of_json_has_every_field_and_utc() -> None:
    found = json.loads(ndjson([reading_item("temp", "main", 7, ROW)]))
    assert list(found) == READINGS["temp"].names
    assert (found["time"], found["flags"], found["site"]) == ("2026-11-29T12:00:00.250000Z", ["suspect", "stuck"], None)


def test_csv_runs_nothing_and_is_read_back() -> None:
    bad = (*ROW[:8], '=HYPERLINK("http://x")', *ROW[9:])
    text = (csv_head(READINGS["temp"]) + csv([reading_item("temp", "main", 7, bad)])).decode()
    (line,) = csv_reader.DictReader(io.StringIO(text))
    assert line["probe"] == '\'=HYPERLINK("http://x")'
    assert (line["time"], line["flags"], line["seq"]) == ("2026-11-29T12:00:00.250000Z", "suspect stuck", "812")


def test_a_fact_has_an_id_for_each_word() -> None:
    columns = (Column("vehicle_id", "int4", "vehicle", of="vehicle"), Column("turn", "int4", ""))
    kind = FactKind("hour", "hour", columns, "a", "b", "vehicle", (), 1, "Hour", "")
    family = family_of(kind)
    item = fact_item(family, "main", ("4711", 2, AT, True, 3, "truck-07"))
    assert dict(zip(family.names, item.values, strict=True)) == {
        "id": "hour/4711/2", "tenant": "main", "family": "hour", "fact": "4711", "revision": 2, "decided_at": AT,
        "retracted": True, "rule_version": 3, "vehicle": "truck-07",
    }  # fmt: skip


def found(frames: list[int], upto: int, told: int = 0) -> Found:
    return Found([Frame(0, n, b"") for n in frames], {0: upto}, {0: upto}, {0: told}, False)


@pytest.mark.parametrize(
    ("at", "frames", "upto", "told", "ends"),
    [
        (4, [5, 6], 6, 0, 6),
        (4, [5, 6], 9, 0, 6),
        (4, [], 4, 0, 4),
        (4, [8], 8, 7, 8),  # 5 to 7 were dropped, and told
        (4, [6, 9], 9, 8, 9),
        (4, [], 7, 7, 7),  # all were dropped, and told
    ],
)
def test_a_place_moves_over_what_was_told_as_dropped(
    at: int, frames: list[int], upto: int, told: int, ends: int
) -> None:
    assert taken({0: at}, found(frames, upto, told)) == {0: ends}


@pytest.mark.parametrize(("frames", "upto", "told"), [([8], 8, 6), ([], 7, 6), ([5, 7], 7, 0), ([], 7, 0)])
def test_what_is_gone_without_a_word_is_an_error(frames: list[int], upto: int, told: int) -> None:
    with pytest.raises(ForwardError, match="are gone, and nobody has said so"):
        taken({0: 4}, found(frames, upto, told))
