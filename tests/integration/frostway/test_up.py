"""The supervisor and `frostway up` on real processes; the programs themselves are played by a few lines of Python."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from frostway.broker import accepts, find_mosquitto
from frostway.supervisor import BACKOFF_S_MIN, Program, Supervisor
from store.embedded_process import EmbeddedError, rotate
from tests.deadlines import deadline

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = deadline(20.0)
WARM_START_S_MAX = deadline(8.0)

PROGRAM = """
import http.server, os, signal, sys, threading
def end(*_):
    with open(os.path.join(os.environ["FROSTWAY_DATA_DIR"], "order"), "a") as order:
        order.write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
if sys.argv[1] == "api":
    http.server.HTTPServer(("127.0.0.1", int(os.environ["FROSTWAY_HTTP_PORT"])), Ready).serve_forever()
while True:
    signal.pause()
"""

UP = f"""
import sys
from pathlib import Path
from frostway import up
up._command = lambda *words: [sys.executable, "-c", {PROGRAM!r}, *words]
sys.exit(up.run(up.UpOptions(Path(sys.argv[1]), http_port=int(sys.argv[2]), mqtt_port=int(sys.argv[3]))))
"""

OWNER = """
import os, sys
from pathlib import Path
from frostway.supervisor import Program, Supervisor
with Supervisor(Path(sys.argv[1]), say=print) as supervisor:
    supervisor.add(Program("child", [sys.executable, "-c", "import time; time.sleep(100)"], os.environ,
                           Path(sys.argv[1])))
    print(supervisor.pids["child"], flush=True)
    supervisor.run()
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Polls `condition`; for what announces itself by no event."""
    until_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until_s, f"waited in vain for: {what}"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie nobody has collected yet counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def child(name: str, code: str, folder: Path, ready: Callable[[], bool] | None = None) -> Program:
    return Program(name, [sys.executable, "-S", "-c", code], os.environ, folder, ready)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, say=said.append) as running:
        yield running


SLEEP = "import time; time.sleep(100)"


def test_a_killed_child_is_restarted_and_said(supervisor: Supervisor, tmp_path: Path, said: list[str]) -> None:
    part = child("sleeper", SLEEP, tmp_path)
    supervisor.add(part)
    assert supervisor.wait_ready(part)
    first = supervisor.pids["sleeper"]
    os.kill(first, signal.SIGKILL)
    while supervisor.pids.get("sleeper") in {None, first}:
        supervisor.tick()
        supervisor.wait(0.05)
    assert said == ["sleeper ended (SIGKILL); restart in 0.2 s"]


def test_the_pause_before_a_restart_doubles_up_to_five_seconds(
    supervisor: Supervisor, tmp_path: Path, said: list[str]
) -> None:
    supervisor.add(child("failing", "raise SystemExit(3)", tmp_path))
    watched = supervisor._watched[0]
    for _ in range(7):
        watched.part._process.wait()  # type: ignore[attr-defined]
        supervisor.tick()
        watched.restart_at = 0.0
        supervisor.tick()
    assert [line.rsplit(" ", 2)[1] for line in said] == ["0.2", "0.4", "0.8", "1.6", "3.2", "5.0", "5.0"]


def test_a_program_without_a_check_is_ready_only_when_it_has_lived_a_while(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    part = child("sleeper", SLEEP, tmp_path)
    supervisor.add(part)
    assert not part.ready()
    assert supervisor.wait_ready(part)


def test_after_half_a_minute_of_life_the_pause_is_short_again(
    supervisor: Supervisor, tmp_path: Path, said: list[str]
) -> None:
    supervisor.add(child("sleeper", SLEEP, tmp_path))
    watched = supervisor._watched[0]
    watched.backoff_s = 5.0
    supervisor.tick()
    assert watched.backoff_s == 5.0
    watched.started_at -= 31
    supervisor.tick()
    assert watched.backoff_s == BACKOFF_S_MIN


def test_a_child_that_dies_again_and_again_at_the_start_ends_it_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    part = child("broken", "raise SystemExit('no such table')", tmp_path, lambda: False)
    supervisor.add(part)
    supervisor._watched[0].failures = 3
    with pytest.raises(EmbeddedError, match=r"broken does not start: no such table \(log: .*broken\.log\)"):
        supervisor.wait_ready(part)


def test_children_stop_in_reverse_order_and_a_deaf_one_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, sys\n"
        "def end(*_):\n    open('order', 'a').write(sys.argv[1]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == 'B' else end)\n"
        "open(sys.argv[1], 'w').close()\n"
        "while True: signal.pause()"
    )
    code = code.replace("'order'", repr(str(tmp_path / "order")))
    code = code.replace("open(sys.argv[1]", f"open({str(tmp_path)!r} + '/' + sys.argv[1]")
    with Supervisor(tmp_path, say=lambda _: None) as supervisor:
        parts = []
        for name in "ABC":
            argv = [sys.executable, "-S", "-c", code, name]
            parts.append(Program(name, argv, os.environ, tmp_path, (tmp_path / name).exists))
        parts[1]._stop_timeout_s = 0.2
        supervisor.add(*parts)
        assert supervisor.wait_ready(*parts)
        pids = list(supervisor.pids.values())
    assert (tmp_path / "order").read_text() == "CA"
    assert all(gone(pid) for pid in pids)


def test_a_signal_ends_the_watch_and_the_handlers_come_back(supervisor: Supervisor) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    supervisor.run()
    assert supervisor.stopping
    supervisor.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    supervisor.__init__(Path(), say=print)  # type: ignore[misc]
    supervisor.__enter__()


def test_a_killed_supervisor_leaves_no_child(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
        owner.wait()
        wait_until(lambda: gone(pid), "the child has ended")


def test_a_long_log_is_cut_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * 2000)
        rotate(log, bytes_max=1000)
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "x.log.1").read_bytes() == b"a" * 2000


class Up:
    """A running `frostway up`."""

    def __init__(self, data: Path, process: subprocess.Popen[str]) -> None:
        self.data = data
        self.process = process

    def run_file(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return found

    def pid(self, part: str) -> int:
        return int(self.run_file()["pids"].get(part, 0))

    def wait_ready(self) -> str:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], WAIT_S)
        assert readable, "not ready in time"
        return self.process.stdout.readline()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, out, err


@contextmanager
def up(data: Path, http_port: int = 0, mqtt_port: int = 0, **environment: str) -> Iterator[Up]:
    argv = [sys.executable, "-c", UP, str(data), str(http_port), str(mqtt_port)]
    with subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Up(data, process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=WAIT_S)


def test_up_says_ready_once_stops_cleanly_and_goes_on_with_the_same_data(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    with up(data, port) as stack:
        assert stack.wait_ready() == f"ready http://127.0.0.1:{port}\n"
        facts = stack.run_file()
        assert set(facts["pids"]) == {"postgres", "broker", "ingest", "tracker", "api", "operations"}
        with psycopg.connect(facts["database_url"]) as connection:
            connection.execute("create table kept as select 1")
        status, out, err = stack.end(signal.SIGINT)
    assert (status, out) == (0, "")
    password = json.loads((data / "secrets.json").read_text())["admin_password"]
    assert f"sign in as admin with password {password}" in err
    assert (data / "order").read_text().split() == ["operations", "api", "tracker", "ingest"]
    assert all(gone(pid) for pid in facts["pids"].values())
    assert not (data / "run.json").exists()
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "secrets.json").stat().st_mode & 0o777 == 0o600

    began = time.monotonic()
    with up(data, port) as stack:
        assert stack.wait_ready().startswith("ready ")
        assert time.monotonic() - began < WARM_START_S_MAX
        with psycopg.connect(stack.run_file()["database_url"]) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (1,)
        status, _, err = stack.end(signal.SIGTERM)
    assert status == 0
    assert password not in err


def test_up_restarts_what_is_killed_database_and_broker_included(tmp_path: Path) -> None:
    with up(tmp_path / "data") as stack:
        stack.wait_ready()
        for part in ("tracker", "broker", "postgres"):
            killed = stack.pid(part)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: stack.pid(part) not in {0, killed}, f"{part} runs again")  # noqa: B023
        facts = stack.run_file()
        wait_until(lambda: can_connect(facts["database_url"]), "PostgreSQL answers again")
        known = json.loads((stack.data / "secrets.json").read_text())
        port = int(facts["mqtt_url"].rsplit(":", 1)[1])
        wait_until(lambda: accepts("127.0.0.1", port, "health", known["mqtt_health_password"]), "the broker answers")
        status, _, err = stack.end()
        assert status == 0
        assert [line for line in err.splitlines() if "ended (SIGKILL); restart" in line]


def can_connect(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def test_after_a_kill_of_up_nothing_is_left_and_the_next_start_works_at_once(tmp_path: Path) -> None:
    http_port, mqtt_port = free_port(), free_port()
    with up(tmp_path / "data", http_port, mqtt_port) as stack:
        stack.wait_ready()
        pids = stack.run_file()["pids"].values()
        stack.end(signal.SIGKILL)
    with up(tmp_path / "data", http_port, mqtt_port) as stack:
        assert stack.wait_ready().startswith("ready ")
        wait_until(lambda: all(gone(pid) for pid in pids), "the first run's parts have ended")
        status, _, _ = stack.end()
        assert status == 0


def test_a_second_up_on_the_same_folder_is_one_line_that_names_the_first(tmp_path: Path) -> None:
    with up(tmp_path / "data") as first:
        first.wait_ready()
        with up(tmp_path / "data") as second:
            out, err = second.process.communicate(timeout=WAIT_S)
        assert (second.process.returncode, out) == (1, "")
        text = f"{tmp_path / 'data'} is in use by process {first.process.pid}"
        assert err.splitlines() == [f"frostway: {text}: stop that one or choose another folder"]
        assert first.run_file()["pid"] == first.process.pid


@pytest.mark.parametrize(("what", "option"), [("HTTP", "--http-port"), ("MQTT", "--mqtt-port")])
def test_a_busy_port_is_one_line_that_says_what_to_do(tmp_path: Path, what: str, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = (port, 0) if what == "HTTP" else (0, port)
        with up(tmp_path / "data", *ports) as stack:
            out, err = stack.process.communicate(timeout=WAIT_S)
    assert (stack.process.returncode, out) == (1, "")
    text = f"port {port} ({what}) is in use: stop the program that listens there, or choose another with {option}"
    assert err.splitlines() == [f"frostway: {text}"]
    assert not (tmp_path / "data" / "pg").exists(), "nothing is started before the checks are through"


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    full = UP.replace("from frostway import up", "from frostway import up\nfrom store import embedded")
    full = full.replace(
        "up._command", "up.check_disk_space = lambda d: embedded.check_disk_space(d, 1 << 60)\nup._command"
    )
    argv = [sys.executable, "-c", full, str(tmp_path / "data"), "0", "0"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "MB are free" in done.stderr


def test_a_data_folder_that_is_a_file_and_damaged_secrets_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with up(tmp_path / "file") as stack:
        _, err = stack.process.communicate(timeout=WAIT_S)
    assert err.splitlines() == [f"frostway: {tmp_path / 'file'} is not a folder: choose another with --data"]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secrets.json").write_text("{")
    with up(tmp_path / "data") as stack:
        _, err = stack.process.communicate(timeout=WAIT_S)
    assert stack.process.returncode == 1
    assert len(err.splitlines()) == 1
    assert "secrets.json is damaged" in err


def test_a_chosen_admin_password_is_used_and_not_shown(tmp_path: Path) -> None:
    with up(tmp_path / "data", FROSTWAY_ADMIN_PASSWORD="chosen-by-me") as stack:
        stack.wait_ready()
        _, _, err = stack.end()
    assert "chosen-by-me" not in err
    assert "FROSTWAY_ADMIN_PASSWORD" in err


def test_a_stop_during_the_start_leaves_nothing_and_is_no_failure(tmp_path: Path) -> None:
    with up(tmp_path / "data") as stack:
        wait_until((tmp_path / "data" / "run.json").exists, "the first parts are started")
        pids = stack.run_file()["pids"].values()
        status, out, _ = stack.end(signal.SIGTERM)
    assert (status, out) == (0, "")
    assert all(gone(pid) for pid in pids)


def test_without_mosquitto_up_takes_the_demo_broker_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("iotcore")
    hidden = UP.replace(
        "from frostway import up", "from frostway import broker, up\nbroker.find_mosquitto = lambda: None"
    )
    argv = [sys.executable, "-c", hidden, str(tmp_path / "data"), "0", "0"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        stack = Up(tmp_path / "data", process)
        url = stack.wait_ready().split()[1]
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=deadline(5))
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 200
        connection.close()
        assert stack.run_file()["broker"] == "iotcore"
        status, _, err = stack.end()
    assert status == 0
    assert "demo broker: no per-device ACL" in err


@pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed: apt-get install mosquitto")
def test_with_mosquitto_installed_up_uses_it(tmp_path: Path) -> None:
    with up(tmp_path / "data") as stack:
        stack.wait_ready()
        assert stack.run_file()["broker"] == "mosquitto"
