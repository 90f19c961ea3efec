"""Keeps the parts of the embedded stack alive: starts, watches, restarts with growing pauses, stops in order.

One thread and no threads' worries: a signal (a child that ended, Ctrl-C) wakes `wait`, `tick` looks at every part.
Children die with us even after a `kill -9` (`store.embedded_process.spawn`).
"""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol, Self

from store.embedded_process import EmbeddedError, log_size, log_tail, rotate, spawn

BACKOFF_S_MIN = 0.2
BACKOFF_S_MAX = 5.0
SETTLED_S = 30.0
ALIVE_S_MIN = 1.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.025
WATCH_S = 1.0
START_FAILURES_MAX = 5
START_TIMEOUT_S = 90.0
ROTATE_EVERY_S = 10.0


class Part(Protocol):
    """One supervised part: a program of ours, the broker, PostgreSQL. Nothing but `stop` waits."""

    name: str

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""

    def spawn(self) -> None:
        """Starts the process; raises `EmbeddedError` or `OSError` when it cannot even be started."""

    def ready(self) -> bool:
        """Whether it does its work now."""

    def poll(self) -> int | None:
        """Exit status, None while it runs."""

    def stop(self) -> None:
        """Ends the process and waits for that."""

    def last_words(self) -> str:
        """The end of its log since the last start, in one line."""


class Process:
    """A part that is one child process with a log; the base of our programs and of the brokers."""

    def __init__(self, name: str, log_dir: Path, *, death_signal: int, stop_timeout_s: float = STOP_TIMEOUT_S) -> None:
        """`death_signal`: what the kernel sends it when we die; `stop_timeout_s`: time between SIGTERM and SIGKILL."""
        self.name = name
        self.log_path = log_dir / f"{name}.log"
        self._death_signal = death_signal
        self._stop_timeout_s = stop_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def poll(self) -> int | None:
        """Exit status, None while it runs."""
        return None if self._process is None else self._process.poll()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen; waits for the end."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(self._stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def last_words(self) -> str:
        """The last lines of its log since the last start, in one line."""
        return log_tail(self.log_path, self._log_start, lines=2)


class Program(Process):
    """One of our programs. It dies at once with its owner: every program may be killed anywhere without loss."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        log_dir: Path,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        """`env` is the whole environment; `ready` tells when it does its work (None: when it has lived a while)."""
        super().__init__(name, log_dir, death_signal=signal.SIGKILL)
        self._argv = list(argv)
        self._env = dict(env)
        self._ready = ready
        self._spawned_at = 0.0

    def spawn(self) -> None:
        """Starts the process, unless it runs."""
        if self.pid is not None:
            return
        self._log_start = log_size(self.log_path)
        try:
            self._process = spawn(
                self._argv, cwd=Path.cwd(), env=self._env, log_path=self.log_path, death_signal=self._death_signal
            )
        except OSError as error:
            raise EmbeddedError(f"{self.name} cannot be started: {error}") from error
        self._spawned_at = time.monotonic()

    def ready(self) -> bool:
        """Whether it lives and its check says yes; without a check, whether it has lived for `ALIVE_S_MIN`."""
        if self.pid is None:
            return False
        return self._ready() if self._ready else time.monotonic() - self._spawned_at >= ALIVE_S_MIN


@dataclass
class _Watched:
    """A part with its history of restarts; times are monotonic seconds."""

    part: Part
    started_at: float = 0.0
    backoff_s: float = BACKOFF_S_MIN
    restart_at: float | None = None
    failures: int = 0
    ready: bool = field(default=False)


class Supervisor:
    """Starts parts in order, restarts those that die, and stops them in reverse order.

    A context manager: inside, SIGINT, SIGTERM and SIGHUP ask to stop (`stopping`), and leaving stops all parts.
    """

    def __init__(self, log_dir: Path, *, say: Callable[[str], None], trouble: Callable[[], str] = lambda: "") -> None:
        """`say` gets one line per event; the attribute `on_start` is called after each (re)start of a part.

        `trouble` names what is wrong with the machine itself (a full disk) and how to mend it, empty when nothing is.
        While there is such, no failure of a part counts; when it is over, all parts are started again at once.
        """
        self.stopping = False
        self.on_start: Callable[[], None] = lambda: None
        self._log_dir = log_dir
        self._say = say
        self._trouble = trouble
        self._in_trouble = False
        self._is_told = True
        self._watched: list[_Watched] = []
        self._handlers: dict[int, object] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._rotate_at = 0.0

    def __enter__(self) -> Self:
        """Takes over the signals."""
        for end in (self._wake_in, self._wake_out):
            end.settimeout(0)
        signal.set_wakeup_fd(self._wake_out.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
                self._handlers[number] = signal.signal(number, self._ask_to_stop)
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops all parts, then gives the signals back."""
        try:
            self.stop()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]
            self._wake_in.close()
            self._wake_out.close()

    @property
    def pids(self) -> dict[str, int]:
        """Name → process id of the parts that run."""
        return {w.part.name: pid for w in self._watched if (pid := w.part.pid) is not None}

    def add(self, *parts: Part) -> None:
        """Starts parts side by side and watches them from now on; does not wait for them."""
        for part in parts:
            part.spawn()
            self._watched.append(_Watched(part, started_at=time.monotonic()))
        self._is_told = False
        self._tell()

    def wait_ready(self, *parts: Part, timeout_s: float = START_TIMEOUT_S) -> bool:
        """Waits until these parts are ready; False when asked to stop meanwhile.

        Raises:
            EmbeddedError: one died again and again, or was not ready in time; the text has its last words.
        """
        deadline = time.monotonic() + timeout_s
        waiting = [w for w in self._watched if w.part in parts]
        for watched in waiting:
            watched.ready = False
        while not self.stopping:
            self.tick()
            late = self._late(waiting) or self._late(waiting, anew=True)
            if not late:
                return True
            if self._in_trouble:
                deadline = time.monotonic() + timeout_s
            elif time.monotonic() > deadline:
                raise EmbeddedError(self._did_not_start(late[0], f"is not ready after {timeout_s:.0f} s"))
            self.wait(POLL_S)
        return False

    def _late(self, waiting: Sequence[_Watched], *, anew: bool = False) -> list[_Watched]:
        """Those that are not ready yet; who was is asked again only `anew`, for each answer takes a connection.

        Raises:
            EmbeddedError: one died again and again.
        """
        for watched in waiting:
            if watched.failures >= START_FAILURES_MAX:
                raise EmbeddedError(self._did_not_start(watched, "does not start"))
            if anew or not watched.ready:
                watched.ready = watched.restart_at is None and watched.part.ready()
            if watched.ready:
                watched.failures = 0  # only one that never does its work is given up
        return [w for w in waiting if not w.ready]

    def remove(self, part: Part) -> None:
        """Stops a part and watches it no longer."""
        self._watched = [w for w in self._watched if w.part is not part]
        part.stop()
        self._is_told = False
        self._tell()

    def run(self, each: Callable[[], None] = lambda: None) -> None:
        """Watches until asked to stop; `each` is called at every look."""
        while not self.stopping:
            self.tick()
            each()
            self.wait(WATCH_S)

    def tick(self) -> None:
        """One look at every part: notes deaths, restarts what is due, cuts long logs. Raises nothing on a full disk."""
        now = time.monotonic()
        self._look_at_machine(now)
        for watched in self._watched:
            self._look_at(watched, now)
        if now >= self._rotate_at:
            self._rotate_at = now + ROTATE_EVERY_S
            for log_path in self._log_dir.glob("*.log"):
                with suppress(OSError):
                    rotate(log_path)
        self._tell()

    def wait(self, timeout_s: float) -> None:
        """Sleeps until a signal, the next due restart or `timeout_s`."""
        due = [w.restart_at - time.monotonic() for w in self._watched if w.restart_at is not None]
        select.select([self._wake_in], [], [], max(0.0, min([timeout_s, *due])))
        with suppress(BlockingIOError):
            while self._wake_in.recv(512):
                pass

    def stop(self) -> None:
        """Stops all parts in reverse order of their start; a part that cannot be stopped does not keep the others."""
        while self._watched:
            part = self._watched.pop().part
            try:
                part.stop()
            except (EmbeddedError, OSError) as error:
                self._say(str(error))

    def _look_at_machine(self, now: float) -> None:
        """Says when something is wrong with the machine, and when it is over; then nobody waits any longer."""
        trouble = self._trouble()
        if trouble and not self._in_trouble:
            self._say(trouble)
        elif self._in_trouble and not trouble:
            waiting = [w for w in self._watched if w.restart_at is not None]
            names = ", ".join(w.part.name for w in waiting)
            self._say("there is room again" + (f": starting {names}" if names else ""))
            for watched in waiting:
                watched.restart_at, watched.backoff_s = now, BACKOFF_S_MIN
        self._in_trouble = bool(trouble)

    def _tell(self) -> None:
        """Calls `on_start` for what was started since; again and again while it fails."""
        if not self._is_told:
            with suppress(OSError):
                self.on_start()
                self._is_told = True

    def _look_at(self, watched: _Watched, now: float) -> None:
        part = watched.part
        if watched.restart_at is None:
            status = part.poll()
            if status is None:
                if now - watched.started_at > SETTLED_S:
                    watched.backoff_s, watched.failures = BACKOFF_S_MIN, 0
                return
            self._schedule(watched, now, f"ended ({_meaning(status)})")
        elif now >= watched.restart_at:
            try:
                part.spawn()
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be gone at the next try
                self._schedule(watched, now, f"could not be restarted: {' '.join(str(error).split()) or repr(error)}")
                return
            watched.restart_at, watched.started_at = None, now
            self._is_told = False

    def _schedule(self, watched: _Watched, now: float, event: str) -> None:
        watched.ready = False
        watched.restart_at = now + watched.backoff_s
        watched.failures += not self._in_trouble
        self._say(f"{watched.part.name} {event}; restart in {watched.backoff_s:.1f} s")
        watched.backoff_s = min(BACKOFF_S_MAX, watched.backoff_s * 2)

    def _did_not_start(self, watched: _Watched, event: str) -> str:
        words = watched.part.last_words() or "it said nothing"
        return f"{watched.part.name} {event}: {words} (log: {self._log_dir / watched.part.name}.log)"

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stopping = True


def _meaning(status: int) -> str:
    """`exit status 3`, `SIGKILL`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
