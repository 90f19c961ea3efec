"""The follower of what is reported of alerts: nothing is lost, nothing is there twice, whatever happens to it.

It is killed at every point once in every run, twenty times under `make chaos` (`FROSTWAY_CHAOS_SECONDS` above 0).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from operations.cases.decide import Resolve
from operations.cases.follow import REPORTS
from operations.cases.record import act
from operations.follower import Follower, OvertakenError
from operations.unit_of_work import Script, Statement, run
from store.db import connect, queries
from store.migrate import migrate
from tests.connections import cut
from tests.deadlines import deadline
from tests.integration.api.seed import T0, World, rows
from tests.integration.fleet import Fleet
from tests.logins import of_operations
from tests.stack import command, environment, wait_for

LONG = float(os.environ.get("FROSTWAY_CHAOS_SECONDS", "0")) > 0
ROOT = Path(__file__).resolve().parents[3]
# A follower in a process of its own, which kills itself before or after its nth statement, or behind the commit.
DOOMED = """
import os, signal, sys
from operations import follower
from operations.cases.follow import REPORTS
from store.db import connect
dsn, at, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
class Doomed(follower.Follower):
    count = 0
    def _execute(self, cursor, statement):
        self.count += 1
        if self.count == at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = super()._execute(cursor, statement)
        if self.count == at and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return found
with connect(dsn, "doomed") as connection:
    doomed = Doomed(REPORTS, portion=7)
    doomed.begin(connection)
    doomed.count = 0
    doomed.step(connection)
    if at > doomed.count:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def world(database: str) -> Any:
    world = World(database)
    world.furnish()
    yield world
    world.close()


def report(world: World, alert: int, what: str, at: Any = T0) -> int:
    """What the tracker says of an alert: it writes the alert's row, then the report."""
    world.run("update alert set revision = revision + 1 where id = %s", alert)
    insert = "insert into alert_event (alert_id, at, what, actor) values (%s, %s, %s, 'tracker') returning id"
    return int(world.one(insert, alert, at, what))


def follow(dsn: str, portion: int = 500) -> int:
    """Follows to the end as the program does; returns how many rows there were."""
    taken = 0
    with connect(of_operations(dsn), "test") as connection:
        follower = Follower(REPORTS, portion)
        follower.begin(connection)
        while n := follower.step(connection):
            taken += n
    return taken


def histories(dsn: str) -> list[tuple[Any, ...]]:
    return rows(dsn, "select alert_id, version, what, cause from case_event order by alert_id, version")


WORDS = {
    "raised": "opened",
    "amended": "changed",
    "cleared": "cleared",
    "reopened": "reopened",
    "retracted": "retracted",
    "acknowledge": "acknowledged",
    "resolve": "resolved",
}


def wanted(dsn: str) -> list[tuple[Any, ...]]:
    """Every report once, each alert's in their order."""
    found, version = [], dict[int, int]()
    for alert, what, cause in rows(dsn, "select alert_id, what, id from alert_event order by alert_id, id"):
        version[alert] = version.get(alert, 0) + 1
        found.append((alert, version[alert], WORDS[what], cause))
    return found


def click(connection: psycopg.Connection, alert: int) -> Any:
    """A person resolves an alert."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:

        def execute(statement: Statement) -> Sequence[Any]:
            cursor.execute(queries("operations")[statement.query], {"tenant": None, **statement.values})
            return cursor.fetchall() if cursor.description else []

        return run(act(alert, Resolve("ann"), T0), execute)


def test_the_life_of_an_alert_is_written_once_in_its_order(world: World, database: str) -> None:
    alert = world.open_alert("reefer-01", "rear")
    for what in ("raised", "amended", "cleared", "reopened", "retracted"):
        report(world, alert, what)
    assert follow(database) == 5
    assert [what for _, _, what, _ in histories(database)] == ["opened", "changed", "cleared", "reopened", "retracted"]
    assert follow(database) == 0
    assert histories(database) == wanted(database)


def test_a_line_has_the_excursion_as_it_was_known_then(world: World, database: str) -> None:
    world.excursion("reefer-01", "rear", T0, None, 9.0)
    fact = world.one("select id from excursion")
    alert = world.open_alert("reefer-01", "rear", fact_id=fact)
    decided = rows(database, f"select decided_at from excursion where id = {fact}")[0][0]
    report(world, alert, "raised", decided)
    later = decided + timedelta(hours=1)
    world.run("update excursion set superseded_at = %s where id = %s", later, fact)
    world.run(
        "insert into excursion (id, revision, tenant_id, probe_id, device_id, kind, limit_c, started_at, ended_at, "
        "extreme_c, samples, decided_at, rule_version) select id, 2, tenant_id, probe_id, device_id, kind, limit_c, "
        "started_at, %s, 11.5, 9, %s, rule_version from excursion where id = %s",
        T0 + timedelta(minutes=20), later, fact,
    )  # fmt: skip
    report(world, alert, "cleared", later)
    follow(database)
    assert rows(database, "select what, excursion_id, excursion_revision from case_event order by version") == [
        ("opened", fact, 1),
        ("cleared", fact, 2),
    ]


def test_what_commits_late_with_a_small_number_is_not_passed_over(world: World, database: str) -> None:
    first, second = world.open_alert("reefer-01", "rear"), world.open_alert("reefer-01", "front")
    with connect(database, "slow tracker", autocommit=False) as slow:
        slow.execute("insert into alert_event (alert_id, at, what, actor) values (%s, now(), 'raised', 't')", (first,))
        report(world, second, "raised")
        assert follow(database) == 0  # what is behind an open transaction waits for it
        slow.commit()
    assert follow(database) == 2
    assert histories(database) == wanted(database)


def test_a_persons_click_takes_in_what_was_reported_before_it(world: World, database: str) -> None:
    alert = world.open_alert("reefer-01", "rear")
    report(world, alert, "raised")
    with connect(database, "test") as connection:
        click(connection, alert)
        assert click(connection, alert) == ()
    report(world, alert, "cleared")
    follow(database)
    assert [what for _, _, what, _ in histories(database)] == ["opened", "resolved", "cleared"]
    assert histories(database) == wanted(database)


def test_a_fact_that_arrives_at_the_moment_of_a_click_stands_behind_or_before_it(world: World, database: str) -> None:
    """The tracker holds the alert while the click waits for it: what it reports comes first."""
    alert = world.open_alert("reefer-01", "rear")
    report(world, alert, "raised")
    with connect(database, "tracker", autocommit=False) as tracker, ThreadPoolExecutor(1) as pool:
        tracker.execute("update alert set revision = revision + 1 where id = %s", (alert,))
        with connect(database, "person") as person:
            clicked = pool.submit(click, person, alert)
            waiting = "select count(*) from pg_locks where not granted and pid = %s"
            while rows(database, waiting.replace("%s", str(person.info.backend_pid))) == [(0,)]:
                pass
            tracker.execute(
                "insert into alert_event (alert_id, at, what, actor) values (%s, now(), 'cleared', 't')", (alert,)
            )
            tracker.commit()
            clicked.result()
    follow(database)
    assert [what for _, _, what, _ in histories(database)] == ["opened", "cleared", "resolved"]


def load(world: World, dice: random.Random, alerts: int = 4, reports: int = 20) -> list[int]:
    keys = [world.open_alert("reefer-01", "rear") for _ in range(alerts)]
    for key in keys:
        report(world, key, "raised")
    for _ in range(reports):
        report(world, dice.choice(keys), dice.choice(["amended", "cleared", "reopened", "retracted"]))
    return keys


def statements(dsn: str) -> int:
    """Statements of one step with work in it."""
    counted = []

    class Counting(Follower):
        def _execute(self, cursor: Any, statement: Statement) -> Sequence[Any]:
            counted.append(statement.query)
            return super()._execute(cursor, statement)

    with connect(of_operations(dsn), "test") as connection, connection.transaction(force_rollback=True):
        follower = Counting(REPORTS, portion=7)
        follower.begin(connection)
        counted.clear()
        follower.step(connection)
    return len(counted)


def test_killed_before_and_after_every_statement_nothing_is_lost_or_doubled(world: World, database: str) -> None:
    rounds = 20 if LONG else 1
    load(world, random.Random(7), alerts=7 * (rounds + 1))
    last = statements(database)
    assert last >= 8
    points = [(n, when) for n in range(1, last + 1) for when in ("before", "after")] + [(last + 1, "behind the commit")]
    for _ in range(rounds):
        stood = histories(database)
        for n, when in points:
            done = subprocess.run(
                [sys.executable, "-c", DOOMED, of_operations(database), str(n), when],
                env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
            )  # fmt: skip
            assert done.returncode == -signal.SIGKILL, (n, when)
            if when != "behind the commit":
                assert histories(database) == stood, (n, when)
        assert len(histories(database)) >= len(stood) + 7
    follow(database, 7)
    assert histories(database) == wanted(database)


def test_two_followers_at_once_write_everything_once(world: World, database: str) -> None:
    """With a tracker that reports and people who click meanwhile."""
    dice = random.Random(11)
    keys = load(world, dice, alerts=6, reports=60)
    over = threading.Event()
    overtaken: list[int] = []

    def follower() -> None:
        with connect(of_operations(database), "test") as connection:
            own = Follower(REPORTS, portion=3)
            own.begin(connection)
            while True:
                was_over = over.is_set()
                try:
                    if not own.step(connection) and was_over:
                        return
                except (OvertakenError, psycopg.errors.LockNotAvailable):
                    overtaken.append(1)

    with ThreadPoolExecutor(2) as pool, connect(database, "person") as person:
        followers = [pool.submit(follower) for _ in range(2)]
        for n in range(80):
            report(world, dice.choice(keys), dice.choice(["amended", "cleared", "reopened", "retracted"]))
            if n % 16 == 0:
                click(person, keys[n // 16])
        over.set()
        for done in followers:
            done.result()
    assert histories(database) == wanted(database)
    assert overtaken


def test_one_who_was_overtaken_writes_nothing(world: World, database: str) -> None:
    """Even what does not depend on whether it stands already: the position decides."""
    alert = world.open_alert("reefer-01", "rear")
    report(world, alert, "raised")

    def take(_: Sequence[Any]) -> Script[int]:
        follow(database)  # another one is quicker
        yield Statement(
            "add_case_events",
            {key: [] for key in ("alerts", "versions", "causes", "whats", "ats", "actors", "notes", "details")},
        )
        return 0

    with connect(of_operations(database), "test") as connection:
        slow = Follower(REPORTS._replace(take=take))
        slow.begin(connection)
        with pytest.raises(OvertakenError):
            slow.step(connection)
    assert histories(database) == wanted(database)


def test_a_database_from_a_server_that_had_counted_further_is_read_anew(world: World, database: str) -> None:
    """Its reports and the position are of transactions that this server has not come to."""
    alert = world.open_alert("reefer-01", "rear")
    report(world, alert, "raised")
    follow(database)
    report(world, alert, "amended")
    world.run("update alert_event set written_in = (written_in::text::int8 + 1000000)::text::xid8")
    world.run("update follower_position set written_in = (written_in::text::int8 + 1000000)::text::xid8")
    migrate(database)
    report(world, alert, "cleared")
    with connect(of_operations(database), "test") as connection:
        assert Follower(REPORTS).begin(connection)
    assert follow(database) == 3
    assert [what for _, _, what, _ in histories(database)] == ["opened", "changed", "cleared"]
    assert histories(database) == wanted(database)


def test_a_word_of_a_newer_program_stops_nobody(world: World, database: str) -> None:
    alert = world.open_alert("reefer-01", "rear")
    report(world, alert, "snoozed")
    report(world, alert, "raised")
    follow(database)
    assert [what for _, _, what, _ in histories(database)] == ["opened"]


@contextmanager
def program(dsn: str) -> Iterator[subprocess.Popen[bytes]]:
    settings = environment(FROSTWAY_DATABASE_URL=of_operations(dsn))
    process = subprocess.Popen(command("operations"), env=settings)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(deadline(30))


def test_the_program_follows_comes_back_with_the_database_and_ends_when_asked(world: World, database: str) -> None:
    alert = world.open_alert("reefer-01", "rear")
    report(world, alert, "raised")
    with program(database) as process:
        wait_for(lambda: len(histories(database)) == 1, "the first line")
        assert cut(database, "frostway operations") > 0
        report(world, alert, "cleared")
        wait_for(lambda: len(histories(database)) == 2, "the line behind the lost connection")
        process.terminate()
        assert process.wait(deadline(30)) == 0
    assert histories(database) == wanted(database)


def test_the_history_tells_an_alarm_that_a_late_reading_took_back(database: str) -> None:
    """The tracker itself reports; each line has the excursion as it was known when it was said."""
    fleet = Fleet(database)
    tracker = fleet.tracker()

    def temperatures(times: list[int], temp_c: list[float], first: int) -> None:
        seq = list(range(first, first + len(times)))
        fleet.append(fleet.batch("temp", "reefer", times, seq=seq, boot=1, probe_id=fleet.probe, temp_c=temp_c))
        fleet.settle(tracker)

    temperatures([0, 100, 200, 300], [5.0, 12.0, 12.0, 12.0], 0)
    follow(database)
    temperatures([90, 110, 180, 220, 280], [5.0] * 5, 4)  # it was never warm for a minute on end
    fleet.close(tracker)
    follow(database)
    assert histories(database) == wanted(database)
    told = "select c.what, c.actor, x.retracted from case_event c join excursion x on x.id = c.excursion_id "
    told += "and x.revision = c.excursion_revision order by c.version"
    assert rows(database, told) == [("opened", "tracker", False), ("retracted", "tracker", False)]
