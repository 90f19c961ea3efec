"""The benchmarks work; how fast anything is, no test says."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from domain.wire.said import Context
from domain.wire.teltonika import decode
from domain.wire.teltonika_frames import Framer, Packet
from ingest.doors.plain import Plain, PlainReader
from store.db import connect
from tests.benchmarks import coldchain, cores, door_guests, doors, fold, sizes
from tests.benchmarks.figures import Figure, show, table, write
from tests.benchmarks.fleet import batches, messages, track
from tests.benchmarks.latency import Heard, delays_ms
from tests.benchmarks.publisher import Allowance
from tests.benchmarks.pulse import SENT
from tests.benchmarks.world import register

VEHICLES = 20


def test_the_tracker_and_its_ceiling_store_every_reading_and_the_size_is_told(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_us = cores.start_us()
    monkeypatch.setattr(cores, "start_us", lambda: begin_us)
    with connect(database, "test") as connection:
        fleet = register(connection, VEHICLES)
    bare = cores.keep_up(database, fleet, 100, cores.Bare)
    cores.fill(database, fleet, 100)
    with connect(database, "test") as connection:
        connection.execute("truncate reading_position, reading_temperature")
    real = cores.catch_up(database, cores.Real)
    assert bare.readings == 120
    assert real.readings == 120, "the log holds everything twice"
    assert [figure.value > 50 for figure in sizes.measure(database)] == [True, True]


@pytest.mark.parametrize("kind", ["single", "batch60"])
def test_every_message_of_the_load_is_understood(database: str, kind: str) -> None:
    with connect(database, "test") as connection:
        register(connection, 1_000)
    assert cores.prepare(database, kind, 1_200).readings == 1_200
    assert cores.parse_only(kind, 1_200).readings == 1_200


def test_vehicles_drive_at_their_speed_and_pass_their_site() -> None:
    second = np.arange(1_300.0)
    lat, lon, _ = track(np.full(len(second), 7), second)
    north, east = np.diff(lat) * 111_195, np.diff(lon) * 111_195 * np.cos(np.radians(60))
    assert np.allclose(np.hypot(north, east), 15.0, atol=0.1)
    assert np.hypot((lat - 60.0) * 111_195, (lon - 25.4) * 111_195 / 2).min() < 15


def test_single_and_batched_messages_say_the_same() -> None:
    singles = [json.loads(payload) for _, payload in messages(1, 60, 1_000_000)]
    ((_, payload),) = batches(1, 1, 1_000_000, 60)
    assert json.loads(payload)["t"] == [each["t"] for each in singles]
    assert json.loads(payload)["lat"] == pytest.approx([each["lat"] for each in singles], abs=1e-6)


def test_a_reading_that_was_overtaken_took_until_the_newer_one_arrived() -> None:
    sent = np.array([(3, 1_000, 1.0), (3, 1_005, 1.005), (3, 1_010, 1.01), (4, 1_000, 1.0)], SENT)
    found = delays_ms(sent, [Heard(3, 1_000, 1.04), Heard(3, 1_010, 1.05)])
    assert found[:3] == pytest.approx([40, 45, 40])
    assert np.isnan(found[3])


def test_an_allowance_is_seen_by_who_maps_the_same_file(tmp_path: Path) -> None:
    giver = Allowance(tmp_path / "allowance", create=True)
    taker = Allowance(tmp_path / "allowance")
    assert taker() == 0
    giver.grant(12_345)
    assert taker() == 12_345


def test_the_vehicles_of_the_fold_make_trips_and_visits_and_all_rules_are_timed() -> None:
    each = fold.Fold(fold.zones(50, 20))
    spent = [each.step(rows) for rows in fold.steps(20, 10, 12)]
    assert each.facts > 25, "a trip of each, and visits of those that pass a zone"
    assert all(seconds >= 0 for step in spent for seconds in step.cpu_s)
    assert [step.readings for step in spent] == [200] * 12


def test_profiles_with_bands_are_timed_live_and_over_a_recording() -> None:
    for figure in (coldchain.live(50, 4, 2), coldchain.whole(1, 1)):
        assert len(figure.rounds) in (1, 2)
        assert figure.value > 0


def test_figures_are_shown_with_goal_and_ratio_and_written_as_lines(tmp_path: Path) -> None:
    figure = Figure("readings", "1/s", [900, 1_200, 1_000], {"bare": 4_000, "other": 2_000}, 500)
    console = Console(width=100, record=True, file=StringIO())
    console.print(table([figure], "title"))
    text = console.export_text()
    assert "1,000 1/s" in text
    assert "≥ 500 ✓" in text
    assert "0.25" in text
    write([figure], {"cores": 2}, tmp_path / "bench.json")
    about, line = (json.loads(each) for each in (tmp_path / "bench.json").read_text().splitlines())
    assert (about["cores"], line["value"], line["met"], line["ratios"]["other"]) == (2, 1_000, True, 0.5)
    assert show(float("nan")) == "-"


@pytest.mark.parametrize("load", doors.LOADS, ids=lambda load: load.title)
def test_what_the_guests_at_the_doors_say_is_understood(load: doors.Load) -> None:
    (guest,) = doors.guests(load, 1, range(3))
    if load.door == "http":
        assert all(isinstance(PlainReader().read(said), Plain) for said in guest.says)
        return
    events = Framer().feed(guest.hello + b"".join(guest.says))
    packets = [each for each in events if isinstance(each, Packet)]
    assert all(each.crc_ok for each in packets)
    fixes = [said for each in packets for said in decode(each.block, Context(0)) if said.stream == "gps"]
    assert len(fixes) == 3 * load.holds


def test_an_answer_at_a_door_is_known_when_it_is_whole() -> None:
    assert [door_guests.acknowledged(held) for held in (b"", b"\0\0\0", b"\0\0\0\x02\0")] == [0, 0, 4]
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]"
    assert [door_guests.responded(held) for held in (whole[:9], whole[:-1], whole + b"H")] == [0, 0, len(whole)]
    with pytest.raises(AssertionError, match="503"):
        door_guests.responded(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
