"""Recordings of a real bus and a real logger through the whole stack: broker, log, database, tracker, websocket, REST.

What is expected is read from the files here anew, in the plainest way, not by the code under test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from tests.stack import Live, Stack, settled, wait_for

GPX = "gps/limerick_bus304_20190218.gpx"
LOGGER = "coldchain/berlinger_FridgeTag_UL_100800001215_202304201410.txt"
LOGGER_DEVICE = "replay-berlinger-fridgetag-ul-100800001215-202304201410"
Fix = tuple[datetime, float, float]
Sample = tuple[datetime, float]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("replay"), "--no-sim") as running:
        yield running


def fixes(path: Path) -> list[Fix]:
    found = []
    for point in ET.parse(path).getroot().findall(".//{*}trkpt"):
        t = datetime.fromisoformat(point.findtext("{*}time", ""))
        found.append((t, float(point.attrib["lat"]), float(point.attrib["lon"])))
    return found


def samples(path: Path) -> list[Sample]:
    """The lines of the logger's detailed log that have a value; its clock is taken as UTC."""
    _, _, log = path.read_text("utf-8").partition("\nData:")
    lines = re.findall(r"^\t(\d{4}-\d\d-\d\d \d\d:\d\d)\t([+-]?\d+\.\d)\t", log, re.MULTILINE)
    return [(datetime.fromisoformat(t).replace(tzinfo=UTC), float(c)) for t, c in lines]


def count(stack: Stack, table: str) -> int:
    with psycopg.connect(stack.database_url) as connection:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
    assert row
    return int(row[0])


def replay(stack: Stack, *words: str) -> tuple[int, int]:
    """Readings sent and receipted, as the command tells."""
    said = stack.frostway("replay", *words, "--fast").stdout
    match = re.fullmatch(r"(\d+) readings sent as main/[a-z0-9-]+, (\d+) receipted, \d+ skipped\n", said)
    assert match, said
    return int(match[1]), int(match[2])


def position_of(live: Live, vehicle: str) -> tuple[float, float] | None:
    found = live.state["vehicles"].get(vehicle, {})
    return (found["lat"], found["lon"]) if found.get("lat") is not None else None


def first_change(message: Mapping[str, Any], vehicle: str) -> Mapping[str, Any] | None:
    """The data of a vehicle's first change in a delta that has its position."""
    for change in message.get("changes", ()):
        if (change["topic"], change["id"]) == ("vehicles", vehicle) and (change.get("data") or {}).get("lat"):
            return dict(change["data"])
    return None


def test_a_recorded_bus_travels_to_the_websocket_and_its_whole_track_to_rest(stack: Stack, shared_data: Path) -> None:
    truth = fixes(shared_data / GPX)
    assert len(truth) == 2144
    begin, end = truth[0][0], truth[-1][0]
    with stack.live("vehicles") as live:
        live.until(lambda message: message["type"] == "snapshot", "a snapshot")
        assert "bus-304" not in live.state["vehicles"]
        assert replay(stack, str(shared_data / GPX), "--as", "bus-304") == (2144, 2144)
        seen = live.until(lambda message: first_change(message, "bus-304"), "a delta with the bus")
        assert begin <= datetime.fromisoformat(seen["t"]) <= end
        assert any((lat, lon) == (seen["lat"], seen["lon"]) for _, lat, lon in truth)
        live.until(lambda _: position_of(live, "bus-304") == truth[-1][1:], "a delta with the bus's last position")
        assert live.deltas > 0

    wait_for(lambda: settled(stack.database_url), "the tracker has processed all")
    bus = stack.get("/vehicles/bus-304")
    assert (datetime.fromisoformat(bus["t"]), bus["lat"], bus["lon"]) == truth[-1]
    query = {"from": begin.isoformat(), "to": "2019-02-18T09:00:27Z", "max_points": 20_000}
    track = stack.get("/vehicles/bus-304/track", **query)
    assert [(datetime.fromisoformat(p["t"]), p["lat"], p["lon"]) for p in track["points"]] == truth
    assert 2 <= len(stack.get("/vehicles/bus-304/track", **query | {"max_points": 100})["points"]) <= 100


def test_a_loggers_file_becomes_a_temperature_series_with_every_sample(stack: Stack, shared_data: Path) -> None:
    truth = samples(shared_data / LOGGER)
    assert len(truth) > 800
    assert replay(stack, str(shared_data / LOGGER)) == (len(truth), len(truth))
    wait_for(lambda: count(stack, "reading_temperature") >= len(truth), "all samples are stored")
    query = {"from": truth[0][0].isoformat(), "to": "2023-04-21T00:00:00Z", "max_points": 20_000}
    series = stack.get("/series", device=LOGGER_DEVICE, **query)
    points = [(datetime.fromisoformat(p["t"]), p["temp_c"]) for p in series["points"]]
    assert points == truth
    extremes = {min(c for _, c in truth), max(c for _, c in truth)}
    assert {min(c for _, c in points), max(c for _, c in points)} == extremes
    assert series["probe"] in {"internal", "external"}
    short = stack.get("/series", device=LOGGER_DEVICE, **query | {"max_points": 50})["points"]
    assert len(short) <= 50
    assert extremes <= {p["temp_c"] for p in short}, "a shorter answer keeps the extremes"


def test_the_same_recordings_again_double_nothing(stack: Stack, shared_data: Path) -> None:
    bus, logger = len(fixes(shared_data / GPX)), len(samples(shared_data / LOGGER))
    for _ in range(2):
        assert replay(stack, str(shared_data / GPX), "--as", "bus-304") == (bus, bus)
        assert replay(stack, str(shared_data / LOGGER)) == (logger, logger)
    wait_for(lambda: settled(stack.database_url), "the tracker has processed all")
    assert count(stack, "reading_position") == bus
    assert count(stack, "reading_temperature") == logger
    assert count(stack, "quarantine") == 0


def test_a_thermometer_that_is_replayed_is_held_to_limits_in_the_hour_that_comes_twice_too(
    stack: Stack, tmp_path: Path
) -> None:
    begin = datetime(2026, 10, 24, 23, tzinfo=UTC)
    times = [begin + timedelta(minutes=10 * n) for n in range(30)]
    warm = datetime(2026, 10, 25, 1, tzinfo=UTC)  # 03:00 in Helsinki, for the second time
    lines = [
        f"{t.astimezone(ZoneInfo('Europe/Helsinki')):%Y-%m-%d %H:%M:%S},"
        f"{12.0 if warm <= t < warm + timedelta(hours=1) else 4.5}"
        for t in times
    ]
    assert lines[6][:16] == lines[12][:16]  # the wall clock says the same at 00:00Z and at 01:00Z
    (tmp_path / "twice.csv").write_text("\n".join(["time,temp_c", *lines]) + "\n")
    assert replay(stack, str(tmp_path / "twice.csv"), "--as", "t-twice", "--tz", "Europe/Helsinki") == (30, 30)
    query = (
        "select x.started_at, x.alarm_at, x.ended_at is not null from excursion x join device d on d.id = x.device_id "
        "where d.name = 't-twice' and x.superseded_at is null and not x.retracted"
    )
    with psycopg.connect(stack.database_url, autocommit=True, options="-c timezone=UTC") as c:
        found = wait_for(lambda: [r for r in c.execute(query).fetchall() if r[2]], "an excursion that is over")
    ((started, alarm, _),) = found
    assert f"{started:%d %H:%M}" == "25 00:54"  # where the line from 4.5 to 12 °C crosses 8
    assert f"{alarm:%d %H:%M}" == "25 01:04"


def test_a_file_that_is_no_recording_is_one_line(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "notes.gpx").write_text("<gpx><trk>")
    done = stack.frostway("replay", str(tmp_path / "notes.gpx"), "--fast", check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
