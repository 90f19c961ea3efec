"""The whole stack for tests: `frostway up` as a process on a folder and ports of its own, and clients to talk to it.

Nothing here knows the insides: a stack is found by its data folder, asked over REST and the websocket, and fed over
MQTT with a login that `frostway device add` printed. Only the token for asking is made here, by what the command does:
another Python for each stack takes half a second of a processor.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import orjson
import paho.mqtt.client as mqtt
import psutil
import psycopg
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from websockets.sync.client import ClientConnection, connect

from frostway.cli.work.token import create_token
from frostway.settings import Settings
from tests.deadlines import deadline

ROOT = Path(__file__).resolve().parents[1]
START_S = deadline(90.0)
WAIT_S = deadline(30.0)
PAUSE_S_MIN, PAUSE_S_MAX = 0.05, 0.3
T = TypeVar("T")


def wait_for(probe: Callable[[], T | None], what: str, timeout_s: float = WAIT_S) -> T:
    """The first true answer of `probe`, asked again and again; for what announces itself by no event.

    The longer it takes the less often it is asked: what is waited for needs the machine itself.
    """
    until_s = time.monotonic() + timeout_s
    pause_s = PAUSE_S_MIN
    while True:
        if found := probe():
            return found
        assert time.monotonic() < until_s, f"waited {timeout_s:.0f} s in vain for: {what}"
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.1, PAUSE_S_MAX)


def settled(database_url: str) -> bool:
    """Whether the tracker has processed the whole log and has nothing to fold again."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "select not exists (select from log_head h left join tracker_position t using (partition)"
            " where h.position > coalesce(t.position, 0)) and not exists (select from dirty)"
        ).fetchone()
    return bool(row and row[0])


def environment(**settings: str) -> dict[str, str]:
    """This process' environment without anybody's Frostway settings, and with these."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FROSTWAY_")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path} | settings


def command(*words: str) -> list[str]:
    """The `frostway` command of this checkout."""
    return [sys.executable, "-P", "-m", "frostway", *words]


def processes_of(folder: Path) -> list[psutil.Process]:
    """All processes that have to do with a folder, by command line, working folder or environment; not ourselves."""
    text, found = str(folder), []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = [*process.cmdline(), process.cwd(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(text in word for word in words):
            found.append(process)
    return found


class Stack:
    """`frostway up`. A context manager: inside it is ready, afterwards it is gone."""

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        """`folder` takes the data and what was said; `options` go to `frostway up`; `settings` are `FROSTWAY_*`."""
        self.folder = folder
        self.data = folder / "data"
        self._options = options
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""

    # ------------------------------------------------------------ life
    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(signal.SIGTERM)

    def start(self) -> Self:
        """Starts it and waits for `ready`; says what it said when it does not come."""
        self.spawn()
        try:
            wait_for(self._is_ready, "ready on stdout", START_S)
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def spawn(self) -> None:
        """Starts it without waiting. Ports are any free ones unless the options name some."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = ["--http-port", "0", "--mqtt-port", "0"]
        words = command("up", "--data", str(self.data), *ports, *self._options)
        env = environment(**self._settings)
        with (self.folder / "stdout").open("wb") as out, (self.folder / "stderr").open("wb") as err:
            self._process = subprocess.Popen(
                words, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, process_group=0
            )

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"`frostway up` ended with {self._process.returncode}: {self.stderr}"
        return self.stdout.startswith("ready ") and self.stdout.endswith("\n")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Sends the signal, SIGINT to the whole group as a terminal does, and waits for the end; the exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None and number == signal.SIGINT:
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(deadline(60))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    @property
    def running(self) -> bool:
        """Whether the supervisor lives."""
        return self._process is not None and self._process.poll() is None

    def wait(self) -> int:
        """Waits until it ends by itself; the exit status."""
        assert self._process is not None
        return self._process.wait(START_S)

    # ------------------------------------------------------------ what it says
    @property
    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def facts(self) -> dict[str, Any]:
        """What `run.json` tells now."""
        found: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return found

    def log(self, part: str) -> str:
        return (self.data / "log" / f"{part}.log").read_text(errors="replace")

    @property
    def url(self) -> str:
        return str(self.facts["http_url"])

    @property
    def database_url(self) -> str:
        return str(self.facts["database_url"])

    @property
    def admin_password(self) -> str:
        return str(json.loads((self.data / "secrets.json").read_text())["admin_password"])

    @property
    def broker(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.facts["mqtt_url"])
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    # ------------------------------------------------------------ talking to it
    def frostway(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs `frostway WORDS --data DIR`."""
        done = subprocess.run(
            command(*words, "--data", str(self.data)),
            cwd=self.folder,
            env=environment(**self._settings),
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{words}: {done.stderr}"
        return done

    @property
    def token(self) -> str:
        """An admin's bearer token, made once as by `frostway token create`; it outlives a restart."""
        if not self._token:
            self._token = create_token(self.data, Settings(), "main", "admin", 0, None)
        return self._token

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """One REST request as admin below `/api/v1`."""
        return httpx.request(
            method,
            f"{self.url}/api/v1{path}",
            params=query or None,
            json=body,
            headers={"authorization": f"Bearer {self.token}"},
            timeout=WAIT_S,
            trust_env=False,
        )

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a REST address, which must answer 200."""
        answer = self.request("GET", path, **query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All things of a list."""
        found: list[dict[str, Any]] = self.get(path, limit=200, **query)["items"]
        return found

    @contextmanager
    def live(self, *topics: str) -> Iterator[Live]:
        """A websocket with these topics subscribed."""
        address = self.url.replace("http", "ws", 1) + "/ws/v1"
        headers = {"authorization": f"Bearer {self.token}"}
        with connect(address, additional_headers=headers, max_size=None, max_queue=None, proxy=None) as socket:
            socket.send(orjson.dumps({"type": "subscribe", "topics": topics}).decode())
            yield Live(socket)

    def add_device(self, name: str, *options: str) -> tuple[str, str]:
        """Registers a device with `frostway device add`; user and password as it prints them."""
        lines = self.frostway("device", "add", name, *options).stdout.splitlines()
        words = [line.split(" ", 1) for line in lines]
        assert [word[0] for word in words] == ["user", "password"], lines
        return words[0][1], words[1][1]

    @contextmanager
    def device(self, user: str, password: str) -> Iterator[Device]:
        """A connected device that hears its receipts."""
        device = Device(*self.broker, user, password)
        try:
            device.start()
            yield device
        finally:
            device.stop()


@dataclass
class Live:
    """A websocket client that keeps its own copy of every topic, as a page does."""

    socket: ClientConnection
    state: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    deltas: int = 0
    last: Mapping[str, Any] | None = None

    def until(self, probe: Callable[[Mapping[str, Any]], T | None], what: str, timeout_s: float = WAIT_S) -> T:
        """Takes messages until `probe` finds in one of them what it looks for; the last one is looked at again."""
        until_s = time.monotonic() + timeout_s
        if self.last and (found := probe(self.last)):
            return found
        while True:
            left_s = until_s - time.monotonic()
            assert left_s > 0, f"waited {timeout_s:.0f} s in vain for: {what}"
            try:
                message = orjson.loads(self.socket.recv(timeout=left_s))
            except TimeoutError:
                continue
            self.last = message
            self._apply(message)
            if found := probe(message):
                return found

    def _apply(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "snapshot":
            for topic, things in message.items():
                if isinstance(things, list):
                    self.state[topic] = {thing["id"]: thing for thing in things}
        elif message["type"] == "delta":
            self.deltas += 1
            for change in message["changes"]:
                things = self.state[change["topic"]]
                if change["op"] == "delete":
                    things.pop(change["id"], None)
                elif change["op"] == "merge":
                    things.setdefault(change["id"], {}).update(change["data"])
                else:
                    things[change["id"]] = change["data"]


class Device:
    """A device as a firmware engineer would write one in an hour: paho, QoS 1, a list of receipts."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self.receipts: list[tuple[str, int]] = []
        self._address = (host, port)
        self._prefix = f"fw/v1/{user}"
        self._heard = threading.Condition()
        self._ready = threading.Event()
        self._refusal = ""
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=user.replace("/", "."))
        self._client.username_pw_set(user, password)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._message

    def start(self) -> None:
        """Connects and subscribes to the receipts."""
        self._client.connect(*self._address)
        self._client.loop_start()
        assert self._ready.wait(WAIT_S), f"no connection as {self._prefix}: {self._refusal}"

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, stream: str, reading: Mapping[str, Any] | bytes) -> None:
        """Publishes a reading, or raw bytes, and waits for the broker's acknowledgement."""
        payload = reading if isinstance(reading, bytes) else orjson.dumps(reading)
        info = self._client.publish(f"{self._prefix}/{stream}", payload, qos=1)
        assert info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        info.wait_for_publish(WAIT_S)
        assert info.is_published()

    def receipt(self, boot: str, seq: int, timeout_s: float = WAIT_S) -> None:
        """Waits for the receipt of everything up to `seq` of a boot."""
        with self._heard:
            heard = self._heard.wait_for(lambda: any(b == boot and s >= seq for b, s in self.receipts), timeout_s)
        assert heard, f"no receipt for {boot} {seq}: {self.receipts}"

    @property
    def connected(self) -> bool:
        """Whether the broker holds its connection."""
        return self._client.is_connected()

    def _connected(self, client: mqtt.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._refusal = str(reason)
        if not reason.is_failure:
            client.subscribe(f"{self._prefix}/receipt", qos=1)

    def _message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        receipt = orjson.loads(message.payload)
        assert receipt.keys() == {"boot", "seq"}
        with self._heard:
            self.receipts.append((receipt["boot"], receipt["seq"]))
            self._heard.notify_all()
