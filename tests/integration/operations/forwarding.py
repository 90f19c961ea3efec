"""What tests of forwarding share: a fleet that says something, forwarders, and what came of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from operations.forward.files import Files
from operations.forward.loop import Forwarder, Options, Summary
from operations.forward.sink import Sink
from store.db import connect
from store.forward import ForwardStore, trim_log
from store.link import Link
from store.tenants import tenant_key
from tests.integration.fleet import T0, Fleet
from tests.integration.operations.told import follow
from tests.logins import of_operations
from tests.stack import command, environment, wait_for
from tracker.families import KINDS

BOTH = ("readings", "facts")
EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Said(Fleet):
    """A fleet that says something; each reading is received at a moment of its own."""

    moment = T0

    def say(self, stream: str, device: str, t_s: Sequence[float], partition: int = 0, **columns: Any) -> int:
        received_us = self.moment + 1 + np.arange(len(t_s))
        self.moment += len(t_s)
        self.append(self.batch(stream, device, t_s, received_us=received_us, **columns), partition=partition)
        return len(t_s)

    def drive(self, n: int, since_s: float = 0.0, partition: int = 0) -> int:
        t = since_s + np.arange(n)
        return self.say("gps", "gps", t, partition, seq=t.astype(int), lat=60.0, lon=25.0, speed_mps=0.0)

    def everything(self) -> int:
        """A reading and more of every family."""
        epc, name = self.label("epc", 1, "3034257BF7194E4000001A85"), self.label("attr", self.ids["gps"], "fuel_ratio")
        door = self.label("door", self.ids["reefer"], "rear")
        return sum(
            [
                self.drive(300),
                self.say("temp", "reefer", range(0, 3000, 60), probe_id=self.probe, temp_c=9.5),
                self.say("rfid", "portal", [5], tag_id=epc, antenna=2, rssi_dbm=-61.5),
                self.say("shelf", "shelf", [6], slot_id=self.slot, mass_kg=12.84),
                self.say("door", "reefer", [7], door_id=door, open=1),
                self.say("status", "gps", [8], battery_ratio=0.82),
                self.say("attr", "gps", [9], name_id=name, value=0.5),
            ]
        )

    def decide(self) -> None:
        """The tracker stores and decides all of it, and the histories of alerts are written."""
        tracker = self.tracker()
        self.settle(tracker)
        self.close(tracker)
        follow(self.dsn)
        older_ones_are_over(self.dsn)

    def trim(self) -> int:
        """Drops from the log what the tracker has stored."""
        link = Link(of_operations(self.dsn), "test trim")
        processed = dict(link.connection.execute("select partition, position from tracker_position").fetchall())
        try:
            return trim_log(link, processed, datetime.now(UTC) + timedelta(minutes=1))
        finally:
            link.close()

    def words(self) -> set[str]:
        """Ids of all words on facts."""
        tables = {
            "visit": "visit",
            "trip": "trip",
            "excursion": "excursion",
            "call": "stop_call",
            "deviation": "deviation",
        }
        found = {f"{k}/{i}/{r}" for k, t in tables.items() for i, r in self.rows(f"select id, revision from {t}")}
        return found | {f"alert/{a}/{v}" for a, v in self.rows("select alert_id, version from case_event")}


def enter(
    dsn: str, name: str = "lake", tenant: str = "main", what: Sequence[str] = BOTH, since: datetime | None = None
) -> tuple[Link, ForwardStore, int, threading.Event]:
    """A forwarder's place, made when there is none."""
    stop = threading.Event()
    link = Link(of_operations(dsn), "test forward", stop)
    store = ForwardStore(link, name, KINDS)
    tenant_id = tenant_key(link.connection, tenant)
    if store.known() is None:
        store.make(tenant_id, "test", what, since)
    return link, store, tenant_id, stop


def older_ones_are_over(dsn: str) -> None:
    """Waits for what other tests began on the same server: nothing is forwarded past a transaction that is open."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        mark = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        over = "select 1 where pg_snapshot_xmin(pg_current_snapshot()) >= %s::text::xid8"
        wait_for(lambda: connection.execute(over, mark).fetchone(), "the end of older transactions")


def forward(
    dsn: str,
    sink: Sink,
    name: str = "lake",
    tenant: str = "main",
    what: Sequence[str] = BOTH,
    since: datetime | None = None,
    park: Path | None = None,
    patience_s: float = 20.0,
) -> Summary:
    """Forwards what there is."""
    link, store, tenant_id, stop = enter(dsn, name, tenant, what, since)
    options = Options(tenant, tenant_id, frozenset(what), is_once=True, park=park, patience_s=patience_s)
    return Forwarder(link, store, sink, options, stop).run()


def to_files(dsn: str, folder: Path, form: str = "ndjson", **options: Any) -> Summary:
    """Forwards what there is into files."""
    name, tenant = options.get("name", "lake"), options.get("tenant", "main")
    return forward(dsn, Files(folder, tenant, name, form), **options)


@contextmanager
def going(dsn: str, sink: Sink, name: str = "lake", what: Sequence[str] = BOTH) -> Iterator[threading.Thread]:
    """One that goes on until the end."""
    link, store, tenant_id, stop = enter(dsn, name, what=what)
    forwarder = Forwarder(link, store, sink, Options("main", tenant_id, frozenset(what)), stop)
    thread = threading.Thread(target=forwarder.run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def lines(folder: Path, tenant: str = "main") -> list[dict[str, Any]]:
    """What stands in files, of each family in their order."""
    files = sorted((folder / tenant).rglob("*.ndjson"))
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def left(folder: Path) -> list[Path]:
    """Files that are not complete."""
    return list(folder.rglob("*.part"))


def typed(dsn: str, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`frostway forward` as a process, with the login of operations."""
    env = environment(FROSTWAY_DATABASE_URL=of_operations(dsn), **settings)
    run = subprocess.run(command("forward", *words), env=env, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in run.stderr, run.stderr
    return run


DOOMED = """
import os, signal, sys
where, nth, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
from operations.forward.files import Files
from store.forward import ForwardStore
kind, name, when = {
    "before it is complete": (Files, "prepare", "before"),
    "before its name is saved": (ForwardStore, "move", "before"),
    "behind it": (ForwardStore, "move", "after"),
    "behind the names": (Files, "publish", "after"),
}[where]
original, count = getattr(kind, name), [0]
def doomed(self, *args, **kwargs):
    holds = name != "publish" or bool(args[0])
    holds = holds and (name != "move" or len(args) > 1 and bool(args[1]))
    count[0] += holds
    if when == "before" and holds and count[0] == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    found = original(self, *args, **kwargs)
    if when == "after" and holds and count[0] == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
setattr(kind, name, doomed)
from frostway.cli import main
main(["forward", *words])
"""


def doomed(dsn: str, where: str, nth: int, *words: str) -> None:
    """One that kills itself with SIGKILL at a point, the nth time it comes by there."""
    env = environment(FROSTWAY_DATABASE_URL=of_operations(dsn))
    program = [sys.executable, "-c", DOOMED, where, str(nth), *words]
    run = subprocess.run(program, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == -signal.SIGKILL, run.stderr


def row_of(dsn: str, name: str = "lake") -> tuple[Any, ...]:
    """Version, error and lag of a forwarder."""
    with connect(dsn, "test") as connection:
        query = "select version, last_error, now() - caught_up_at from forwarder where name = %s"
        return connection.execute(query, (name,)).fetchone() or (0, None, None)
