"""Forwarding: nothing is lost, files have everything once, whoever is killed, away, or behind the log."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import psycopg
import pytest

from operations.forward.files import Files
from operations.forward.sink import ForwardError
from store.db import connect
from store.forward import ForgottenError
from store.log import LATE_LANE
from store.registry import DeviceSpec, Registry
from store.tenants import add_tenant
from tests.integration.fleet import T0
from tests.integration.operations.forwarding import (
    EVER,
    Said,
    doomed,
    enter,
    forward,
    going,
    left,
    lines,
    row_of,
    to_files,
    typed,
)
from tests.stack import wait_for


@pytest.fixture
def fleet(any_database: str) -> Said:
    return Said(any_database)


def readings(folder: Path) -> list[dict[str, object]]:
    return [line for line in lines(folder) if "received_at" in line]


def test_readings_of_every_family_and_all_facts_stand_in_files_once(fleet: Said, tmp_path: Path) -> None:
    to_files(fleet.dsn, tmp_path)  # begins
    said = fleet.everything()
    fleet.decide()
    with psycopg.connect(fleet.dsn) as c:
        c.execute(
            "with one as (select alert_id, tenant_id, max(version) + 1 as version from case_event group by 1, 2),"
            " said as (insert into alert_event (alert_id, at, what, actor) select alert_id, now(), 'comment', 'ann'"
            " from one returning id) insert into case_event (alert_id, version, at, what, actor, note, cause, detail,"
            " tenant_id) select alert_id, version, now(), 'commented', 'ann', '@bob, look', id,"
            """ '{"mentions": ["bob"]}', tenant_id from one, said"""
        )
    done = to_files(fleet.dsn, tmp_path)
    assert (done.readings, done.facts) == (said, len(fleet.words()))
    assert done.facts >= 3
    found = lines(tmp_path)
    families = {str(line["family"]) for line in found}
    assert families >= {"gps", "temp", "rfid", "shelf", "door", "status", "attr", "visit", "excursion", "alert"}
    assert {line["id"] for line in found if "revision" in line or "version" in line} == fleet.words()
    assert len({line["id"] for line in found}) == len(found) == said + done.facts
    (said_to,) = [line for line in found if line.get("what") == "commented"]
    assert (said_to["note"], said_to["mentions"], said_to["to"]) == ("@bob, look", ["bob"], None)
    (status,) = [line for line in found if line["family"] == "status"]
    assert status["battery_ratio"] == 0.82  # though it is stored in seven digits
    (tag,) = [line for line in found if line["family"] == "rfid"]
    assert (tag["epc"], tag["device"], tag["site"], tag["antenna"]) == (
        "3034257BF7194E4000001A85",
        "portal-1",
        "dc-1",
        2,
    )
    assert [line["seq"] for line in found if line["family"] == "gps"] == list(range(300))
    assert {line["vehicle"] for line in found if line["family"] == "gps"} == {"truck-1"}
    again = to_files(fleet.dsn, tmp_path)
    assert (again.readings, again.facts, left(tmp_path)) == (0, 0, [])


def test_what_came_twice_is_forwarded_once_with_the_flags_it_was_given(fleet: Said, tmp_path: Path) -> None:
    to_files(fleet.dsn, tmp_path)
    for _ in range(2):
        fleet.drive(20)
    fleet.say("gps", "gps", [30], seq=[30], lat=20.0, lon=0.0)  # nobody drives so fast
    fleet.decide()
    to_files(fleet.dsn, tmp_path, what=("readings", "facts"))
    found = readings(tmp_path)
    assert [line["seq"] for line in found] == [*range(20), 30]
    assert found[-1]["flags"] == ["teleport"]


def test_a_late_reading_is_forwarded_when_it_comes(fleet: Said, tmp_path: Path) -> None:
    to_files(fleet.dsn, tmp_path)
    fleet.drive(10, since_s=1000)
    fleet.decide()
    assert to_files(fleet.dsn, tmp_path).readings == 10
    fleet.drive(5, partition=LATE_LANE)
    fleet.decide()
    assert to_files(fleet.dsn, tmp_path).readings == 5
    assert {line["seq"] for line in readings(tmp_path)} == {*range(1000, 1010), *range(5)}


def test_since_reads_from_the_tables_what_was_received_then(fleet: Said, tmp_path: Path) -> None:
    said = fleet.everything()
    fleet.decide()
    fleet.trim()
    assert to_files(fleet.dsn, tmp_path / "now", name="now").readings == 0
    done = to_files(fleet.dsn, tmp_path / "ever", name="ever", since=EVER)
    assert (done.readings, done.facts) == (said, len(fleet.words()))
    assert [line["seq"] for line in lines(tmp_path / "ever") if line["family"] == "gps"] == list(range(300))
    assert to_files(fleet.dsn, tmp_path / "ever", name="ever", since=EVER).readings == 0


def test_what_the_log_has_dropped_is_filled_from_the_tables(
    fleet: Said, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    to_files(fleet.dsn, tmp_path)
    fleet.drive(10)
    fleet.decide()
    assert to_files(fleet.dsn, tmp_path).readings == 10
    said = fleet.everything() - 10  # ten of them are there
    fleet.drive(40, since_s=500)
    fleet.decide()
    assert fleet.trim() >= 8
    fleet.drive(5, since_s=900)
    fleet.decide()
    to_files(fleet.dsn, tmp_path)
    assert "reading from the tables" in caplog.text
    found = readings(tmp_path)
    assert len(found) == len({line["id"] for line in found}) == 10 + said + 40 + 5
    seqs = [line["seq"] for line in found if line["family"] == "gps"]
    assert seqs == [*range(300), *range(500, 540), *range(900, 905)]
    assert to_files(fleet.dsn, tmp_path).readings == 0


def test_frames_that_are_gone_without_a_word_are_never_passed_over(fleet: Said, tmp_path: Path) -> None:
    to_files(fleet.dsn, tmp_path)
    for _ in range(3):
        fleet.drive(5, since_s=(fleet.moment - T0) * 10)
    fleet.decide()
    with connect(fleet.dsn, "test") as connection:
        connection.execute("delete from log_frame where position = 2")
    with pytest.raises(ForwardError, match=r"frames 2 to 2 of partition 0 of the log are gone"):
        to_files(fleet.dsn, tmp_path)


def test_another_tenants_readings_and_facts_are_never_seen(fleet: Said, tmp_path: Path) -> None:
    with connect(fleet.dsn, "test") as connection:
        add_tenant(connection, "other")
        theirs = Registry(connection, "other")
        theirs.put_site("dc-1", label="Theirs", kind="dc", lat=61.0, lon=26.0, radius_m=200)
        fleet.ids["theirs"] = theirs.put_device(DeviceSpec("gps-1", "tracker", vehicle="truck-1"))
    for tenant in ("main", "other"):
        to_files(fleet.dsn, tmp_path, name=tenant, tenant=tenant)
    fleet.drive(30)
    fleet.say("gps", "theirs", range(30), seq=range(100, 130), lat=61.0, lon=26.0)
    fleet.decide()
    for tenant, seqs in (("main", range(30)), ("other", range(100, 130))):
        to_files(fleet.dsn, tmp_path, name=tenant, tenant=tenant)
        to_files(fleet.dsn, tmp_path / "ever", name=f"{tenant}-ever", tenant=tenant, since=EVER)
        for folder in (tmp_path, tmp_path / "ever"):
            found = lines(folder, tenant)
            assert {line["tenant"] for line in found} == {tenant}
            assert [line["seq"] for line in found if line["family"] == "gps"] == list(seqs)
            assert {line["family"] for line in found} >= {"gps", "visit"}
    with pytest.raises(AssertionError):  # it would be noticed
        assert lines(tmp_path, "main") == lines(tmp_path, "other")


@pytest.mark.parametrize(
    "where", ["before it is complete", "before its name is saved", "behind it", "behind the names"]
)
def test_killed_anywhere_files_are_whole_and_have_everything_once(database: str, tmp_path: Path, where: str) -> None:
    fleet = Said(database)
    to_files(database, tmp_path)
    said = 0
    for n in range(3):
        said += fleet.drive(2_000, since_s=10_000 * n)
    fleet.decide()
    words = ("--to", str(tmp_path), "--name", "lake", "--once", "--roll-mb", "0.2")
    doomed(database, where, 1, *words)
    if where == "behind it":
        assert left(tmp_path)
        assert not lines(tmp_path)
    said += fleet.drive(100, since_s=50_000)
    fleet.decide()
    ended = typed(database, *words)
    assert ended.returncode == 0, ended.stderr
    assert "forwarded to" in ended.stdout
    found = readings(tmp_path)
    assert (len(found), len({line["id"] for line in found}), left(tmp_path)) == (said, said, [])
    assert [line["seq"] for line in found] == sorted(line["seq"] for line in found)


def test_csv_is_read_back_and_files_roll_by_size(fleet: Said, tmp_path: Path) -> None:
    to_files(fleet.dsn, tmp_path, "csv")
    said = fleet.everything()
    fleet.decide()
    done = to_files(fleet.dsn, tmp_path, "csv")
    files = list((tmp_path / "main").rglob("*.csv"))
    assert done.files == len(files)
    tables = [list(csv.DictReader(io.StringIO(file.read_text()))) for file in files]
    assert sum(len(table) for table in tables if "received_at" in table[0]) == said
    (attr,) = next(table for table in tables if table[0]["family"] == "attr")
    assert (attr["name"], attr["value"], attr["note"]) == ("fuel_ratio", "0.5", "")


def test_parquet_has_the_types_and_values_of_what_was_said(database: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: make install")
    fleet = Said(database)
    to_files(database, tmp_path, "parquet")
    said = fleet.everything()
    fleet.decide()
    done = to_files(database, tmp_path, "parquet")
    assert (done.readings, left(tmp_path)) == (said, [])
    tables = {path.parts[-4]: parquet.read_table(path) for path in (tmp_path / "main").rglob("*.parquet")}
    assert tables["gps"].num_rows == 300
    gps, temp, door, visit = (tables[name] for name in ("gps", "temp", "door", "visit"))
    types = {field.name: str(field.type) for family in (gps, temp, door, visit) for field in family.schema}
    wanted = {
        "id": "string", "time": "timestamp[us, tz=UTC]", "received_at": "timestamp[us, tz=UTC]", "seq": "int64",
        "lat": "double", "temp_c": "double", "open": "bool", "probe": "string", "left_at": "timestamp[us, tz=UTC]",
        "retracted": "bool", "revision": "int64",
    }  # fmt: skip
    assert {name: types[name] for name in wanted} == wanted
    assert "list" in types["flags"]
    assert gps["seq"].to_pylist() == list(range(300))
    assert (temp["temp_c"].to_pylist()[0], temp["probe"].to_pylist()[0], temp["site"].null_count) == (9.5, "rear", 50)
    assert door["open"].to_pylist() == [True]
    assert int(gps["time"][1].as_py().timestamp() * 1e6) == T0 + 1_000_000


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "operations.forward.parquet", None)
    with pytest.raises(ForwardError, match=r"needs pyarrow: `pip install 'frostway\[parquet\]'`"):
        Files(tmp_path, "main", "lake", "parquet")


def test_a_fill_that_is_killed_goes_on_where_it_was(database: str, tmp_path: Path) -> None:
    fleet = Said(database)
    said = sum(fleet.drive(5_000, since_s=10_000 * n) for n in range(5)) + fleet.everything() - 300
    fleet.decide()
    words = ("--to", str(tmp_path), "--name", "lake", "--once", "--roll-mb", "0.2", "--since", "ever")
    doomed(database, "behind it", 1, *words)
    doomed(database, "behind the names", 2, *words)
    doomed(database, "before its name is saved", 1, *words)
    ended = typed(database, *words)
    assert "lake goes on, " in ended.stderr
    found = readings(tmp_path)
    assert (len(found), len({line["id"] for line in found}), left(tmp_path)) == (said, said, [])
    seqs = [line["seq"] for line in found if line["family"] == "gps"]
    assert seqs == sorted(seqs)


def test_facts_of_a_database_from_another_server_are_forwarded_anew(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Said(database)
    to_files(database, tmp_path)
    fleet.everything()
    fleet.decide()
    assert to_files(database, tmp_path).facts == len(fleet.words())
    with connect(database, "test") as connection:
        connection.execute("update forwarder set facts = jsonb_set(facts, '{visit}', '[\"999999999999\", 1]')")
    visits = {word for word in fleet.words() if word.startswith("visit/")}
    assert to_files(database, tmp_path).facts == len(visits) > 0
    assert "visit are forwarded anew" in caplog.text


def test_one_that_is_forgotten_ends(database: str, tmp_path: Path) -> None:
    link, store, _, _ = enter(database)
    assert store.forget()
    with pytest.raises(ForgottenError, match="lake was forgotten"):
        store.next_frames({})
    link.close()


def test_a_disk_that_takes_nothing_is_waited_for(database: str, tmp_path: Path) -> None:
    fleet = Said(database)
    sink = Files(tmp_path, "main", "lake", roll_s=0.1)
    with going(database, sink):
        (tmp_path / "main" / "gps").write_text("in the way")
        fleet.drive(10)
        fleet.decide()
        wait_for(lambda: row_of(database)[1], "told why")
        (tmp_path / "main" / "gps").unlink()
        wait_for(lambda: len(readings(tmp_path)) == 10 if (tmp_path / "main" / "gps").is_dir() else None, "all of them")
    assert row_of(database)[1] is None


def test_one_program_is_at_work_under_a_name(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.forward.loop.TAKE_S", 0.0)
    with going(database, Files(tmp_path, "main", "lake")):
        wait_for(lambda: row_of(database)[0] or None, "at work")
        with pytest.raises(ForwardError, match="is at work already"):
            to_files(database, tmp_path)


def test_a_place_that_was_moved_is_not_moved_back(database: str, tmp_path: Path) -> None:
    link, store, _, _ = enter(database)
    place = store.place()
    assert store.move(place) is not None
    assert store.move(place) is None
    link.close()


def test_a_connection_that_breaks_loses_nothing(database: str, tmp_path: Path) -> None:
    fleet = Said(database)
    with going(database, Files(tmp_path, "main", "lake", roll_s=0.1)):
        wait_for(lambda: row_of(database)[0] or None, "at work")
        for n in range(3):
            fleet.drive(50, since_s=1_000 * n)
            fleet.decide()
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and application_name = 'frostway test forward'"
                )
        wait_for(lambda: len(readings(tmp_path)) == 150 or None, "all of them")
    assert len({line["id"] for line in readings(tmp_path)}) == 150


def test_nothing_is_forwarded_of_what_was_not_asked_for(fleet: Said, tmp_path: Path) -> None:
    for what in (("readings",), ("facts",)):
        forward(fleet.dsn, Files(tmp_path / what[0], "main", what[0]), name=what[0], what=what)
    fleet.everything()
    fleet.decide()
    for what in (("readings",), ("facts",)):
        done = forward(fleet.dsn, Files(tmp_path / what[0], "main", what[0]), name=what[0], what=what)
        assert (done.readings > 0, done.facts > 0) == (what == ("readings",), what == ("facts",))
