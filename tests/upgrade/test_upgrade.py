"""The data of the release before go on under this one: nothing lost, nothing twice, and the facts those that would have
come without an upgrade in the middle of everything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from frostway.broker import find_mosquitto
from store.embedded import EmbeddedPostgres
from store.partitions import READING_TABLES
from tests.compare import differ
from tests.compare.names import connected
from tests.compare.script import Step, rest
from tests.compare.side import Side
from tests.memory import in_memory
from tests.stack import Stack, settled, wait_for
from tests.upgrade import packed
from tests.upgrade.story import story

ROOT = Path(__file__).resolve().parents[2]
KNOWN, STATEMENTS = packed.read(packed.newest())
FACTS = ("visit", "trip", "excursion", "stop_call", "deviation")
MOVES_ON = {"schema_version", "log_frame"}
"""Tables that a migration may change as it likes."""

WORDS = ("id", "revision", "decided_at", "superseded_at", "profile_version")
"""How and when a fact was said, not what; what was said before profiles had versions names none of them."""

Rows = dict[str, list[dict[str, Any]]]


def every_row(dsn: str) -> Rows:
    """All tables, their readings too."""
    with connected(dsn) as c, c.cursor(row_factory=dict_row) as cursor:
        names = cursor.execute(
            "select relname as name from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p', 'v') and not relispartition"
        ).fetchall()
        return {
            n["name"]: cursor.execute(sql.SQL("select * from {}").format(sql.Identifier(n["name"]))).fetchall()
            for n in names
        }


@dataclass
class Upgraded:
    """What was there as packed, right after the migration, and at the end; `plain` is what came without an upgrade."""

    packed: Rows
    migrated: Rows
    ended: Rows
    answers: dict[str, list[differ.Line]]
    plain: dict[str, list[differ.Line]]
    login: int


def ending(steps: list[Step]) -> list[Step]:
    return [*steps, *rest(steps[-1].at_us)]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    with in_memory() as memory:
        return gone_on(memory or tmp_path_factory.mktemp("upgrade"))


def gone_on(folder: Path) -> Upgraded:
    """The story to its end, with an upgrade in it and without."""
    told = story()
    found: dict[str, Rows] = {}

    def fill(dsn: str) -> None:
        packed.restore(dsn, STATEMENTS)
        found["packed"] = every_row(dsn)

    with Side(ROOT, folder / "upgraded", fill, KNOWN.at_us, token=KNOWN.token, deciding=False) as side:
        migrated = every_row(side.dsn)
        side.start_deciding()
        side.settle()
        side.live(ending(told.after))
        side.export(folder / "out", [KNOWN.at_us])
        who = {"user": KNOWN.user, "password": KNOWN.password}
        login = httpx.post(f"{side.url}/api/v1/login", json=who, trust_env=False).status_code
        ended = every_row(side.dsn)
    with Side(ROOT, folder / "plain") as side:
        side.live(ending([*told.before, told.waiting, *told.after]))
        side.export(folder / "plain-out", [], rest=False)
    plain = differ.load(folder / "plain-out")
    return Upgraded(found["packed"], migrated, ended, differ.load(folder / "out"), plain, login)


def test_the_packed_data_are_in_the_middle_of_everything() -> None:
    assert KNOWN.schema > 0
    assert packed.newest().stat().st_size < 300_000
    told = story()
    assert all((told.before, told.waiting.messages, told.after))


def test_every_kind_of_fact_is_packed_open_and_ended_with_late_readings_under_way(upgraded: Upgraded) -> None:
    rows = upgraded.packed
    for table, end in (("visit", "left_at"), ("trip", "ended_at"), ("excursion", "ended_at")):
        assert {row[end] is None for row in rows[table]} == {True, False}, table
    assert all(rows[t] for t in (*FACTS, "eta", "eta_grade", "stock_move", "stock_level", "journey", "checkpoint"))
    assert {row["kind"] for row in rows["alert"]} == {"temperature", "silence", "late_risk"}
    assert any(row["acknowledged_at"] for row in rows["alert"])
    assert rows["dirty"]
    assert {row["partition"] >= 1 << 16 for row in rows["log_frame"]} == {True, False}


def test_no_row_is_lost_or_changed_by_the_migration(upgraded: Upgraded) -> None:
    for table, rows in upgraded.packed.items():
        if table in MOVES_ON:
            continue
        kept = upgraded.migrated[table]
        columns = rows[0].keys() & kept[0].keys() if rows and kept else set()
        before = sorted(str([row[c] for c in sorted(columns)]) for row in rows)
        assert sorted(str([row[c] for c in sorted(columns)]) for row in kept) == before, table


def test_every_word_on_a_fact_still_stands_when_things_have_gone_on(upgraded: Upgraded) -> None:
    for table in FACTS:
        now = {(row["id"], row["revision"]): row for row in upgraded.ended[table]}
        for row in upgraded.packed[table]:
            kept = now[row["id"], row["revision"]]
            assert {c: kept[c] for c in row if c != "superseded_at"} == {
                c: v for c, v in row.items() if c != "superseded_at"
            }
            assert row["superseded_at"] in (None, kept["superseded_at"])
        assert len(now) == len(upgraded.ended[table]), table
    assert all(len(upgraded.ended[t]) > len(upgraded.packed[t]) for t in ("visit", "excursion"))


def said(lines: list[differ.Line]) -> list[str]:
    """What facts say, without how and when."""
    rows = [json.loads(said) for _, said in lines]
    return sorted(json.dumps({c: v for c, v in row.items() if c not in WORDS}, sort_keys=True) for row in rows)


@pytest.mark.parametrize("table", FACTS)
def test_the_facts_are_those_of_a_run_without_an_upgrade(upgraded: Upgraded, table: str) -> None:
    found = said(upgraded.answers[f"fact {table} now"])
    assert found == said(upgraded.plain[f"fact {table} now"])
    assert len(set(found)) == len(found) > 0


def test_alerts_of_excursions_go_on_and_what_people_did_with_them_stays(upgraded: Upgraded) -> None:
    people = ("acknowledged_at", "acknowledged_by", "note", "resolved_at", "resolved_by")
    now = {row["id"]: row for row in upgraded.ended["alert"]}
    for row in upgraded.packed["alert"]:
        assert [now[row["id"]][c] for c in people] == [row[c] for c in people]
    events = {row["id"]: row for row in upgraded.ended["alert_event"]}
    for row in upgraded.packed["alert_event"]:
        assert {c: events[row["id"]][c] for c in row} == row
    times = ("kind", "device_id", "probe_id", "opened_at", "alarm_at", "cleared_at")

    def temperatures(answers: dict[str, list[differ.Line]]) -> list[list[Any]]:
        rows = [json.loads(line) for _, line in answers["table alert"]]
        return sorted([row[c] for c in times] for row in rows if row["kind"] == "temperature")

    assert temperatures(upgraded.answers) == temperatures(upgraded.plain)


def test_every_reading_is_stored_once(upgraded: Upgraded) -> None:
    for table in READING_TABLES:
        keys = [(r["device_id"], r["boot_id"], r["seq"], r["time"], r["received_at"]) for r in upgraded.ended[table]]
        assert len(set(keys)) == len(keys), table
    assert upgraded.answers["table vehicle_state"] == upgraded.plain["table vehicle_state"]
    assert upgraded.answers["table series_state"] == upgraded.plain["table series_state"]


def test_facts_verify_agrees_and_rest_answers_to_the_token_and_the_account_of_before(upgraded: Upgraded) -> None:
    assert [line for _, line in upgraded.answers["facts verify"] if "0 facts differ" in line or "agree" in line]
    assert upgraded.login == 204
    for group, lines in upgraded.answers.items():
        if group.startswith("GET "):
            assert {line.split(" ", 1)[0] for _, line in lines} <= {"200"}, group


@pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed: apt-get install mosquitto")
def test_up_starts_on_the_folder_of_the_release_before_and_its_devices_still_speak(tmp_path: Path) -> None:
    (tmp_path / "data" / "log").mkdir(parents=True)
    server = EmbeddedPostgres(tmp_path / "data" / "pg", log_dir=tmp_path / "data" / "log", sync_initdb=False)
    server.start()
    try:
        packed.restore(server.dsn, STATEMENTS)
        before = len(every_row(server.dsn)["visit"])
    finally:
        server.stop()
    with Stack(tmp_path, "--no-sim") as stack:
        headers = {"authorization": f"Bearer {KNOWN.token}"}
        vehicles = httpx.get(f"{stack.url}/api/v1/vehicles", headers=headers, trust_env=False).json()["items"]
        assert {"truck-01", "truck-02", "truck-packed"} <= {v["id"] for v in vehicles}
        with stack.device(KNOWN.device, KNOWN.device_password) as device:
            device.publish("gps", {"boot": "b-new", "seq": 1, "lat": 60.2, "lon": 24.9})
            device.receipt("b-new", 1)
        wait_for(lambda: settled(stack.database_url), "the tracker has processed all")
        here = stack.get("/vehicles/truck-packed")
        assert (here["lat"], here["lon"]) == (60.2, 24.9)
        with psycopg.connect(stack.database_url) as c:
            assert c.execute("select count(*) >= %s from visit", (before,)).fetchone() == (True,)
