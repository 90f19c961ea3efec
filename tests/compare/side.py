"""One of the two: a checkout's own programs on a database of their own, fed the script under a clock that stands still.

All goes through what a stack is used by from outside: `frostway migrate`, `tracker` and `api` as processes, REST,
the log of readings, SQL on public tables. Only `feeder.py` imports the checkout's store and ingest.
"""

from __future__ import annotations

import base64
import json
import mmap
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg

from store.embedded import EmbeddedPostgres
from tests.compare import differ
from tests.compare.exports import Export
from tests.compare.script import START_S, Asked, Registered, Step, instant
from tests.databases import start_unkept

HERE = Path(__file__).resolve().parent
PARTITIONS = 4
WAIT_S = 60.0
CALLS = 12
"""So often the tracker asks for the time in some turns of its loop, however it is written."""

CLOCKED = ("tracker", "operations")
"""Programs that decide by the clock."""


class Clock:
    """A moment that programs share by a file, and how often one of them has asked for it."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(32))
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 32)

    def set(self, us: int, *, waits: bool = False) -> None:
        """The moment is another one; for a program that `waits`, not before it has nothing to do."""
        until_s = time.monotonic() + WAIT_S
        while waits:
            self._map[17] = 1  # it does not go on while this stands
            if self._map[16] or time.monotonic() > until_s:
                break
            self._map[17] = 0
            time.sleep(0.001)
        struct.pack_into("<q", self._map, 0, us)
        self._map[17] = 0

    @property
    def asked(self) -> int:
        return int(struct.unpack_from("<q", self._map, 8)[0])


class Side:
    """The programs of one checkout."""

    def __init__(
        self,
        checkout: Path,
        folder: Path,
        fill: Callable[[str], object] | None = None,
        begin_us: int = (START_S - 3600) * 1_000_000,
        *,
        token: str = "",
        deciding: bool = True,
        tracker: Mapping[str, str] | None = None,
    ) -> None:
        """`fill` puts data of another release into the new database before it is migrated.

        With them comes an administrator's `token`. The tracker begins to decide at once, or, without `deciding`, when
        it is told to. `tracker` are settings of a tracker that goes by the real clock.
        """
        self._decides_at_once = deciding
        self.token, self._real = token, tracker
        self.checkout, self.folder, self._fill, self._begin_us = checkout.resolve(), folder, fill, begin_us
        folder.mkdir(parents=True)
        self.clocks = {name: Clock(folder / f"{name}.clock") for name in CLOCKED}
        self._stack = ExitStack()
        self._results: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # ------------------------------------------------------------ life
    def _start(self) -> None:
        server = EmbeddedPostgres(self.folder / "pg", log_dir=self.folder, sync_initdb=False)
        self._stack.callback(server.stop)
        start_unkept(server)
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("create database compared")
        self.dsn = psycopg.conninfo.make_conninfo(server.dsn, dbname="compared")
        self.since = datetime.now(UTC).isoformat()[:19]
        if self._fill is not None:
            self._fill(self.dsn)
        self.frostway("migrate")
        if not self.token:
            self.token = self.frostway("token", "create", "--role", "admin", "--name", "compare").splitlines()[-1]
        self._c = psycopg.connect(self.dsn, autocommit=True, options="-c timezone=UTC")
        self._stack.callback(self._c.close)
        for clock in self.clocks.values():
            clock.set(self._begin_us)
        feeder = [sys.executable, str(HERE / "feeder.py"), self.dsn, str(PARTITIONS)]
        self._feeder = self._stack.enter_context(
            self._program(feeder, "feeder", {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        self._stack.enter_context(self._program(self._words("api"), "api", self._api_settings()))
        self._until(self._is_up, "the API to be ready")
        self._deciding, self._clocked = self._stack.enter_context(ExitStack()), []
        if self._decides_at_once:
            self.start_deciding()

    def start_deciding(self) -> None:
        """The tracker begins."""
        self._clocked = [self._deciding.enter_context(p) for p in self._clocked_programs()]

    def stop_deciding(self) -> None:
        """The tracker ends; what is fed from now on waits in the log."""
        self._deciding.close()
        self._clocked = []

    def feed(self, step: Step) -> None:
        """Messages of a step into the log."""
        messages = [(topic, base64.b64encode(body).decode()) for topic, body in step.messages]
        self._tell("feed", step.at_us, messages)

    def _clocked_programs(self) -> Iterator[Any]:
        for name in CLOCKED:
            if name != "tracker" and "No such command" in self.frostway(name, "--help", check=False):
                continue
            settings = {
                "COMPARE_CLOCK": str(self.clocks[name].path),
                "COMPARE_STILL": "yes" if name == "tracker" else "",
            }
            yield self._program(self._words(name), name, settings if self._real is None else self._real)

    def _api_settings(self) -> dict[str, str]:
        import socket  # noqa: PLC0415

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        return {"FROSTWAY_HTTP_PORT": self.url.rsplit(":", 1)[1]}

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "frostway", *words]

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FROSTWAY_", "COMPARE_", "PYTHON"))}
        settings = {
            "PYTHONPATH": os.pathsep.join([str(HERE / "hook"), str(self.checkout)]),
            "FROSTWAY_DATABASE_URL": self.dsn,
            "FROSTWAY_DATA_DIR": str(self.folder / "data"),
            "FROSTWAY_PARTITIONS": str(PARTITIONS),
            "FROSTWAY_LOG_RETENTION_MINUTES": "100000000",
            "FROSTWAY_CHANGES_RETENTION_MINUTES": "100000000",
            "FROSTWAY_RETENTION_DAYS": "36500",
            "FROSTWAY_STOP_DWELL_MINUTES": "1",
            "FROSTWAY_PROLONGED_STOP_MINUTES": "3",
            "FROSTWAY_ADMIN_PASSWORD": "compare two commits",
            "FROSTWAY_REQUEST_RATE": "0",
        }
        return kept | settings | dict(more)

    @contextmanager
    def _program(
        self, words: list[str], name: str, settings: Mapping[str, str], **pipes: int
    ) -> Iterator[subprocess.Popen[str]]:
        with (self.folder / f"{name}.log").open("w") as log:
            files: dict[str, Any] = {"stdout": log, "stdin": subprocess.DEVNULL, **pipes}
            process = subprocess.Popen(
                words, cwd=self.folder, env=self._environment(settings), text=True, stderr=log, **files
            )
        try:
            yield process
        finally:
            for pipe in filter(None, (process.stdin, process.stdout)):
                pipe.close()
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def frostway(self, *words: str, check: bool = True) -> str:
        """A command of this checkout, to its end; what it prints."""
        done = subprocess.run(
            self._words(*words),
            cwd=self.folder,
            env=self._environment({}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and check:
            raise RuntimeError(f"frostway {' '.join(words)}: {done.stderr}")
        return done.stdout + done.stderr

    # ------------------------------------------------------------ the script
    def live(self, steps: list[Step]) -> None:
        """All steps, one after the other; each is decided wholly before the next."""
        began = time.monotonic()
        for n, step in enumerate(steps):
            self._live_step(step)
            if n % 50 == 49:
                print(
                    f"    step {n + 1} of {len(steps)}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
                )

    def _live_step(self, step: Step) -> None:
        for name, clock in self.clocks.items():
            clock.set(step.at_us, waits=name == "tracker")
        self.settle()
        for call in step.registered:
            self.register(call)
        for wish in step.asked:
            self._ask(wish)
        if step.registered or step.asked:
            self._c.execute("select pg_notify('frostway_registry', '')")
            self.settle()
        if step.messages:
            self.feed(step)
            self.settle()

    def register(self, call: Registered) -> None:
        """A call of the registry."""
        words = [self._results[w[1:]] if isinstance(w, str) and w.startswith("$") else w for w in call.args]
        found = self._tell("registry", call.call, words, dict(call.kwargs))
        if call.name:
            self._results[call.name] = found

    def _tell(self, *wish: Any) -> Any:
        assert self._feeder.stdin
        assert self._feeder.stdout
        self._feeder.stdin.write(json.dumps(wish) + "\n")
        self._feeder.stdin.flush()
        line = self._feeder.stdout.readline()
        if not line:
            raise RuntimeError(f"the feeder ended: {(self.folder / 'feeder.log').read_text()[-2000:]}")
        return json.loads(line)

    def _ask(self, wish: Asked) -> None:
        path = wish.path
        headers = {"authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, trust_env=False) as http:
            if "{alert:" in path:
                kind = path.partition("{alert:")[2].partition("}")[0]
                alerts = http.get("/alerts", params={"state": "unacknowledged"}).json()["items"]
                those = sorted(
                    (a["opened_at"], a["device"], str(a["probe"]), a["title"], a["id"])
                    for a in alerts
                    if a["kind"] == kind
                )
                if not those:
                    print(f"    NOBODY COULD BE ASKED TO {wish.method} {path}: no such alert", file=sys.stderr)
                    return
                path = path.replace(f"{{alert:{kind}}}", those[0][-1])
            answer = http.request(wish.method, path, json=wish.body)
        if answer.status_code >= 300:
            raise RuntimeError(f"{wish.method} {path}: {answer.status_code} {answer.text}")

    # ------------------------------------------------------------ at rest
    def settle(self) -> None:
        """Until all of the log is read and some turns of the trackers' loop have changed nothing."""
        until_s = time.monotonic() + WAIT_S
        clock = self.clocks["tracker"]
        seen: object = None
        while True:
            now, asked = self._state(), clock.asked
            if now == seen and now[0]:
                return
            seen = now
            while clock.asked < asked + CALLS:
                self._c.execute("select pg_notify('frostway_log', '')")
                time.sleep(0.002)
                self._look(until_s)

    def _look(self, until_s: float) -> None:
        for process in self._clocked:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args} ended: {self._logs()}")
        if time.monotonic() > until_s:
            raise TimeoutError(f"the tracker does not come to rest: {self._state()} {self._logs()}")

    def _logs(self) -> str:
        return "\n".join(
            (self.folder / f"{n}.log").read_text()[-3000:] for n in CLOCKED if (self.folder / f"{n}.log").exists()
        )

    @property
    def is_read(self) -> bool:
        """Whether the tracker has read all of the log."""
        return bool(self._state()[0])

    def _state(self) -> tuple[Any, ...]:
        """Whether the log is read to its end, and what changes when something is decided."""
        row = self._c.execute(
            "select not exists (select from log_head h left join tracker_position t using (partition)"
            "                   where h.position > coalesce(t.position, 0)),"
            " (select count(*) from dirty), (select max(since) from dirty),"
            " (select sum(change_seq) from tracker_position),"
            " (select count(*) from reassigned), (select count(*) from refenced)"
        ).fetchone()
        assert row is not None
        return tuple(row)

    def _until(self, probe: Any, what: str) -> None:
        until_s = time.monotonic() + WAIT_S
        while not probe():
            if time.monotonic() > until_s:
                raise TimeoutError(f"waited in vain for {what}: {(self.folder / 'api.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def export(self, folder: Path, moments: list[int], *, rest: bool = True) -> None:
        """Everything that can be asked, into a folder; facts also as they were known at those moments."""
        found = Export(self.dsn, folder, self.url, self.token, self.since)
        try:
            found.tables()
            found.kinds()
            found.changes()
            found.snapshot()
            if rest:
                found.rest([instant(us / 1e6) for us in moments])
        finally:
            found.close()
        for program in ("tracker", "operations"):
            path = self.folder / f"{program}.log"
            if path.exists() and ("Traceback" in (text := path.read_text()) or " ERROR " in text):
                raise RuntimeError(f"the {program} had errors: {text[-4000:]}")
        verdict = self.frostway("facts", "verify", check=False)
        lines = sorted(re.sub(r"fact \d+", "fact", line) for line in verdict.splitlines())
        differ.write(folder, "facts verify", [(str(n), line) for n, line in enumerate(lines)])
