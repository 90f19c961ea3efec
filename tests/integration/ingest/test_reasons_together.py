"""A message may be wrong in several ways at once: it is in quarantine for each of them, and is found by each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count

import orjson
import pytest

from domain.wire.said import WireError, refusal, settled, told
from ingest.directory import Directory
from ingest.prepare import DETAIL_MAX, Prepared, Preparer, joined
from ingest.quarantine import quarantine_rows
from store.db import queries
from store.labels import Labels
from store.quarantine import Quarantine
from store.registry import DeviceSpec
from tests.chaos.readings import ENCODERS, NONSENSE, batch, position
from tests.integration.fleet import T0
from tests.integration.ingest.test_foreign_formats import Door
from tests.oracle import Sent, set_aside

MAC = "CB:B8:33:4C:88:4F"
RETENTION_US = 10 * 366 * 86_400 * 10**6
T_S = T0 // 10**6
OLD = 86_400  # 1970-01-02


@pytest.fixture
def door(database: str) -> Iterator[Door]:
    found = Door(database)
    found.preparer = Preparer(Directory(found.link, 1, count(0.0, 3.0).__next__), Labels(found.link), RETENTION_US)
    yield found
    found.close()


def kept(door: Door, prepared: Prepared) -> Quarantine:
    """Stores what was set aside."""
    with door.write.connection.cursor() as cursor:
        cursor.executemany(queries("quarantine")["put"], quarantine_rows(prepared))
    return Quarantine(door.write.connection, "main")


@pytest.mark.parametrize("encoding", list(ENCODERS))
def test_each_reason_of_a_batch_is_told_whatever_stands_beside_it(door: Door, encoding: str) -> None:
    dice = random.Random(encoding)
    topic = f"fw/v1/main/gps-1/gps{encoding}"
    wanted: set[tuple[Sent, str]] = set()
    first_only = 0
    for n in range(60):
        kinds = [dice.choice([None, *NONSENSE]) for _ in range(dice.randint(1, 12))]
        values = [{"t": T0 // 1000 + i, **position(dice)} for i in range(len(kinds))]
        for each, kind in zip(values, kinds, strict=True):
            if kind is not None:
                each[NONSENSE[kind].key] = NONSENSE[kind].value
        payload = batch(f"b{n}", range(1, len(kinds) + 1), values, encoding)
        reasons = {NONSENSE[kind].reason for kind in kinds if kind is not None}
        first_only += len(reasons) > 1
        wanted |= {(Sent.of(topic, payload), reason) for reason in reasons}
        kept(door, door.send(topic, payload))
    assert first_only > 10
    assert set(set_aside(door.write.connection)) == wanted


SENML = "fw/v1/main/gw-1/senml"
SEVERAL: dict[str, tuple[str, object, Sequence[str]]] = {
    "many long details before another reason": (
        "fw/v1/main/gps-1/gps",
        {
            "t": [T0 // 1000] * 20 + [OLD * 1000],
            "lat": [f"{n} {'north ' * 20}" for n in range(20)] + [60.0],
            "lon": [25.0] * 21,
        },
        ("invalid", "time_out_of_range"),
    ),
    "an array too short beside a bad value and a bad time": (
        "fw/v1/main/gps-1/gps",
        {"t": [T0 // 1000, OLD * 1000, T0 // 1000], "lat": [60, 60, 95], "lon": [25, 25, 25], "spd": [1.0]},
        ("unequal_arrays", "invalid", "time_out_of_range"),
    ),
    "a stranger's reading beside a time that cannot be": (
        SENML,
        [
            {"bn": f"urn:dev:mac:{MAC.replace(':', '').lower()}:", "n": "temperature", "u": "Cel", "v": 4.5, "t": T_S},
            {"bn": "", "n": "temperature", "u": "Cel", "v": 4.5, "t": T_S + 10**8},
        ],
        ("time_out_of_range", "unknown_device"),
    ),
}


@pytest.mark.parametrize("name", list(SEVERAL))
def test_a_message_wrong_in_several_ways_is_one_row_that_is_found_by_each(door: Door, name: str) -> None:
    topic, body, reasons = SEVERAL[name]
    door.add(DeviceSpec("gw-1", "gateway", site="dc-1"))
    quarantine = kept(door, door.send(topic, orjson.dumps(body)))
    (row,) = quarantine.messages()
    assert {row["reason"], *row["more_reasons"]} == set(reasons)
    assert len(row["detail"]) <= DETAIL_MAX
    for reason in reasons:
        assert reason == row["reason"] or f"; {reason}: " in row["detail"]
        assert [each["id"] for each in quarantine.messages(reason=reason)] == [row["id"]]
        assert [each["id"] for each in quarantine.to_mend(device=None, reason=reason, until=row["id"])] == [row["id"]]
    assert quarantine.messages(reason="malformed") == []
    if "unknown_device" in reasons:
        assert quarantine.ask_for_device("probe-1", MAC.replace(":", "")) == 1
    else:
        assert quarantine.ask_many("test", device=None, reason=row["more_reasons"][-1]) == 1


def test_a_part_refused_in_a_foreign_format_hides_no_other_reason() -> None:
    parts = [refusal("", reason, f"{reason} {n}") for n in range(20) for reason in ("invalid", "no_key", "replay")]
    assert [reason for reason, _ in told(parts)] == ["invalid", "no_key", "replay"]
    with pytest.raises(WireError) as error:
        settled(parts)
    assert error.value.told == told(parts)


@pytest.mark.parametrize("lengths", [[1], [2000], [2000, 5], [5, 2000], [600, 600], [900, 40, 2000, 1], [300] * 9])
def test_each_of_several_texts_keeps_its_room(lengths: list[int]) -> None:
    texts = [chr(97 + n) * length for n, length in enumerate(lengths)]
    found = joined(texts, DETAIL_MAX)
    assert len(found) <= DETAIL_MAX
    room = DETAIL_MAX // len(texts) - 2
    assert [text[:room] in found for text in texts] == [True] * len(texts)
