"""Odd readings from their topic to the tables: stored with their flags, and used by the rules or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from domain.frames import decode
from domain.readings import Flag
from domain.times import rfc3339
from ingest.prepare import Preparer
from ingest.quality import DAY_US, ROLLOVER_US
from tests.integration.fleet import T0, S
from tests.integration.ingest.test_foreign_formats import Door

LAT, LON = 60.2, 24.9


@pytest.fixture
def door(any_database: str) -> Iterator[Door]:
    found = Door(any_database)
    yield found
    found.close()


def gps(t_us: int, lat: float, lon: float) -> tuple[str, bytes]:
    return "fw/v1/main/gps-1/gps", orjson.dumps({"t": t_us // 1000, "lat": lat, "lon": lon})


def stored(door: Door, what: str = "lat, lon", table: str = "position") -> list[tuple[Any, ...]]:
    return door.fleet.rows(f"select {what}, flags from reading_{table} order by time")


def test_a_swapped_fix_is_stored_and_moves_nobody(door: Door) -> None:
    for n, place in enumerate([(LAT, LON), (LON, LAT), (LAT, LON + 0.001)]):
        assert door.send(*gps(T0 - (3 - n) * 60 * S, *place)).quarantine == []
    assert stored(door) == [(LAT, LON, 0), (LON, LAT, Flag.SWAPPED), (LAT, LON + 0.001, 0)]
    assert door.fleet.rows("select lat, lon from vehicle_state") == [(LAT, LON + 0.001)]
    door.send(*gps(T0 - 30 * S, LON, LAT))
    assert door.fleet.rows("select lat, lon from vehicle_state") == [(LAT, LON + 0.001)]


def test_a_rollover_that_is_kept_moves_nobody_and_is_folded_into_nothing(door: Door) -> None:
    door.send(*gps(T0 - 60 * S, LAT, LON))
    assert door.send(*gps(T0 - ROLLOVER_US, 50.0, 10.0)).quarantine == []
    assert stored(door) == [(50.0, 10.0, Flag.ROLLOVER), (LAT, LON, 0)]
    assert door.fleet.rows("select lat, lon from vehicle_state") == [(LAT, LON)]


def test_a_rollover_older_than_what_is_kept_is_refused_with_the_date_that_is_meant(door: Door) -> None:
    door.preparer = Preparer(door.preparer._directory, door.preparer._labels, 3650 * DAY_US)
    (refused,) = door.send(*gps(T0 - ROLLOVER_US - 5 * S, LAT, LON)).quarantine
    assert refused.reason == "time_out_of_range"
    assert refused.detail == (
        "1 readings older than what is kept, or over a day ahead: 1024 weeks behind, a GPS week rollover: "
        f"{rfc3339(T0 - ROLLOVER_US - 5 * S)} is most likely {rfc3339(T0 - 5 * S)}"
    )
    for t_us, why in ((0, "never set"), (-(2**52) * 1000 + 1000, "never set"), (T0 - 4000 * DAY_US, "set the device")):
        (refused,) = door.send(*gps(t_us, LAT, LON)).quarantine
        assert why in refused.detail
    assert stored(door) == []


def test_a_temperature_in_a_wrong_unit_is_told_and_still_counts(door: Door) -> None:
    for n in range(30):
        body = {"probe": "rear", "t": T0 // 1000 - (40 - n) * 60_000, "c": 4.0 + 0.1 * (n % 3)}
        door.preparer.prepare([(b"fw/v1/main/reefer-1/temp", orjson.dumps(body), 1, False, False)], T0)
    body = {"probe": "rear", "t": T0 // 1000 - 5 * 60_000, "c": 39.6}
    assert door.send("fw/v1/main/reefer-1/temp", orjson.dumps(body)).quarantine == []
    assert stored(door, "temp_c", "temperature") == [(39.6, Flag.WRONG_UNIT)]
    assert door.fleet.rows("select temp_c, state from series_state") == [(39.6, "above")]


def test_a_profile_says_how_far_a_clock_may_be_off(door: Door) -> None:
    since = T0 - 10 * 3600 * S
    for device, clock_error_s in (("gps-1", 20), ("reefer-1", 60)):
        with door.link.connection.transaction():
            door.link.connection.execute(
                "insert into device_profile (device_id, tenant_id, version, since, body, created_by) "
                "select id, tenant_id, 1, to_timestamp(%s), %s, 'test' from device where name = %s",
                (since / S, orjson.dumps({"clock_error_s": clock_error_s}).decode(), device),
            )
    door.preparer._directory.refresh()
    flags = {}
    for n in range(17):
        received_us = T0 + n * 120 * S
        for topic, body in (("gps-1/gps", {"lat": LAT, "lon": LON}), ("reefer-1/temp", {"c": 4.0})):
            payload = orjson.dumps(body | {"t": (received_us - 40 * S) // 1000})
            prepared = door.preparer.prepare([(f"fw/v1/main/{topic}".encode(), payload, 1, False, False)], received_us)
            flags[topic] = _flags(prepared)
    assert flags == {"gps-1/gps": Flag.CLOCK_SKEW, "reefer-1/temp": Flag(0)}


def _flags(prepared: Any) -> Flag:
    ((batch,),) = [decode(frame) for frames in prepared.appends for frame in frames.values()]
    return Flag(int(batch.flags[0]))
