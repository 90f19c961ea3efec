"""A real Mosquitto on a free port with a configuration of its own, for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.deadlines import deadline

DEFAULTS = {
    "allow_anonymous": "true",
    "max_inflight_messages": "5000",
    "max_queued_messages": "0",
    "max_packet_size": "131072",
    "persistence": "true",
    "autosave_interval": "1",
    "set_tcp_nodelay": "true",
    "sys_interval": "1",
    "log_dest": "stderr",
    "log_type": "all",
}


def executable() -> str | None:
    """Where Mosquitto is, or None."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """One broker in `folder`; start, stop and kill it as often as you like, the port and the folder stay."""

    def __init__(self, folder: Path, listener: str = "", **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.log_path = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "db").mkdir(parents=True, exist_ok=True)
        lines = [f"listener {self.port} 127.0.0.1", *filter(None, listener.splitlines())]
        lines += [f"{key} {value}" for key, value in (DEFAULTS | settings).items()]
        lines.append(f"persistence_location {folder}/db/")
        if os.geteuid() == 0:
            lines.append("user root")
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def url_for(self, user: str, password: str = "x") -> str:  # noqa: S107 - the broker takes any
        return f"mqtt://{user}:{password}@127.0.0.1:{self.port}"

    def start(self) -> Mosquitto:
        """Starts it and waits until it listens."""
        program = executable()
        if program is None:
            raise FileNotFoundError("mosquitto is not installed")
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        until_s = time.monotonic() + deadline(10)
        while time.monotonic() < until_s:
            if self._process.poll() is not None:
                raise RuntimeError(f"mosquitto ended: {self.log()[-500:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=deadline(1)):
                return self
            time.sleep(0.02)
        raise TimeoutError("mosquitto does not listen")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM: it saves its store."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it saves nothing."""
        self._end(signal.SIGKILL)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def forget(self) -> None:
        """Removes the store of a stopped broker: sessions and queues are lost."""
        for each in (self.folder / "db").iterdir():
            each.unlink()

    def _end(self, number: signal.Signals) -> None:
        """Asks once a second: a signal that comes between the first listening and the loop is lost (in 2.0.11)."""
        if self._process is None:
            return
        until_s = time.monotonic() + deadline(20)
        while self._process.poll() is None:
            if time.monotonic() > until_s:
                raise TimeoutError("mosquitto does not end")
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._process = None


@contextlib.contextmanager
def mosquitto(folder: Path, listener: str = "", **settings: str) -> Iterator[Mosquitto]:
    """A running broker, ended with the block."""
    broker = Mosquitto(folder, listener, **settings).start()
    try:
        yield broker
    finally:
        broker.stop()
