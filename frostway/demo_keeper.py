"""Adds and removes the simulated fleet of `frostway up` as people want it on the page."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row

from firmware_sim.world import build
from frostway.demo import SEED
from frostway.demo_end import names_of, remove
from frostway.supervisor import Program, Supervisor
from store.db import connect, queries
from store.embedded_process import EmbeddedError
from store.registry import Registry

LOOK_S = 2.0
WORLD = "demo"


class Home(Protocol):
    """The stack, as far as the simulated fleet is concerned."""

    def simulator(self, world: str, *, again: bool) -> Program:
        """Registers a world and lets its devices in; `again`: it was removed before."""

    def publish_devices(self) -> None:
        """Tells the broker who may connect by now."""


class DemoKeeper:
    """Looks every two seconds what is wanted, in a thread of its own: a database that hangs must not stop the watching.

    The supervisor starts and stops the program itself, in `apply`, as it has one thread only.
    """

    def __init__(self, dsn: str, home: Home, say: Callable[[str], None]) -> None:
        self._dsn, self._home, self._say = dsn, home, say
        self._orders: queue.SimpleQueue[Program | None] = queue.SimpleQueue()
        self._stop, self._ended = threading.Event(), threading.Event()
        self._part: Program | None = None
        self._is_there = False
        self._world = WORLD

    def begin(self, world: str | None) -> Program | None:
        """What is to run from the start: the world that was named, unless people have removed it; None: nothing."""
        with connect(self._dsn, "demo") as connection:
            names = names_of(build(world or WORLD, SEED))
            row = self._ask(connection, "put", world=world or WORLD, names=names, wanted=world is not None)
        self._world = world or row["world"]
        if world is not None and not row["wanted"]:
            self._say("the simulated fleet was removed on the page, and can be added again there")
        self._is_there = row["wanted"] or row["running"]  # the latter: we were ended before it was removed
        if row["wanted"]:
            self._part = self._home.simulator(self._world, again=False)
            with connect(self._dsn, "demo") as connection:
                self._ask(connection, "running", running=True, problem=None)
        return self._part

    def watch(self) -> None:
        """Begins to look."""
        threading.Thread(target=self._look, name="demo", daemon=True).start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()

    def apply(self, supervisor: Supervisor) -> None:
        """Starts or stops the simulator, if that is due; called by the supervisor's own thread."""
        while not self._orders.empty():
            part = self._orders.get()
            if self._part is not None:
                supervisor.remove(self._part)
            self._part = part
            if part is not None:
                supervisor.add(part)
            self._ended.set()

    def _look(self) -> None:
        told: bool | None = None
        while not self._stop.is_set():
            try:
                with connect(self._dsn, "demo") as connection:
                    wanted = bool(self._ask(connection, "seen")["wanted"])
                    if wanted != self._is_there:
                        self._add() if wanted else self._remove(connection)
                        self._is_there = wanted
                    if told != self._is_there:
                        self._ask(connection, "running", running=self._is_there, problem=None)
                        told = self._is_there
            except (psycopg.Error, OSError):
                pass  # the database is away; it is said elsewhere
            except EmbeddedError as error:
                self._fail(str(error))
            self._stop.wait(LOOK_S)

    def _add(self) -> None:
        self._order(self._home.simulator(self._world, again=True))
        self._say("the simulated fleet was added")

    def _remove(self, connection: psycopg.Connection[Any]) -> None:
        self._order(None)
        with connection.transaction():
            world = build(self._world, SEED)
            remove(Registry(connection, world.tenant), world)
        self._home.publish_devices()
        self._say("the simulated fleet was removed")

    def _order(self, part: Program | None) -> None:
        self._ended.clear()
        self._orders.put(part)
        while not self._ended.wait(LOOK_S) and not self._stop.is_set():
            pass

    def _fail(self, problem: str) -> None:
        with connect(self._dsn, "demo") as connection:
            self._ask(connection, "running", running=self._is_there, problem=problem)

    @staticmethod
    def _ask(connection: psycopg.Connection[Any], query: str, **values: Any) -> dict[str, Any]:
        tenant = Registry(connection).tenant_id
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(queries("demo")[query], {"tenant": tenant, **values})
            return (cursor.fetchone() or {}) if cursor.description else {}
