"""`frostway up`: the whole stack on one machine, on one data folder, under one supervisor.

Order: checks, PostgreSQL and broker side by side, schema, our programs side by side, then the simulator.
What can be wrong with the machine (folder, disk, ports) is found before anything is started and said in one line.
"""

from __future__ import annotations

import errno
import http.client
import json
import math
import os
import shutil
import site
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from frostway.broker import HOST, Broker, choose_broker, network_broker
from frostway.ports import bind
from frostway.programs import PROGRAMS as LEAN
from frostway.resolved import handed
from frostway.secrets import Secrets, write_private
from frostway.supervisor import Program, Supervisor
from store.embedded import EmbeddedPostgres, check_disk_space
from store.embedded_auth import OWNER
from store.embedded_process import EmbeddedError, FolderLock
from store.secrets import password_problem

if TYPE_CHECKING:
    from frostway.network import LanOptions, Network

PROGRAMS = ("ingest", "tracker", "api", "operations")
PORT_GRACE_S = 5.0
PROBE_TIMEOUT_S = 2.0
DATABASE_RETRY_S = 0.5
FULL_BYTES = 32 * 1024**2  # two segments of PostgreSQL's write-ahead log


@dataclass(frozen=True)
class UpOptions:
    """What the command line says. Port 0 takes any free one; `sim` is the name of a world, None for no simulator."""

    data: Path
    http_port: int = 8080
    mqtt_port: int = 1883
    sim: str | None = None
    open_browser: bool = False
    http_host: str = HOST
    broker: str = "auto"
    lan: LanOptions | None = None


def run(options: UpOptions) -> int:
    """Runs the stack until SIGINT or SIGTERM; returns the exit status: 0 after a stop, 1 after one line on stderr."""
    data = options.data.absolute()
    try:
        _make_folder(data)
        lock = FolderLock(data / "lock")
        with Supervisor(data / "log", say=say, trouble=lambda: _full_disk(data)) as supervisor:
            lock.acquire()
            try:
                check_disk_space(data)
                _Stack(data, options, supervisor).serve()
            finally:
                supervisor.stop()
                (data / "run.json").unlink(missing_ok=True)
                lock.release()
    except (EmbeddedError, psycopg.Error, OSError, RuntimeError) as error:
        say(" ".join(str(error).split()))
        return 1
    except KeyboardInterrupt:  # before the supervisor took the signals over
        pass
    return 0


def say(text: str) -> None:
    """One line for the person who started us; a closed stderr does not stop the stack."""
    with suppress(OSError, ValueError):
        print(f"frostway: {text}", file=sys.stderr, flush=True)  # noqa: T201 - this is the program's output


class _Stack:
    """The parts of one run and the facts they share."""

    def __init__(self, data: Path, options: UpOptions, supervisor: Supervisor) -> None:
        self._data = data
        self._options = options
        self._supervisor = supervisor
        grace_s = PORT_GRACE_S if (data / "run.json").exists() else 0.0  # left by a kill -9: its parts are still going
        self._mqtt_port = _claim(HOST, options.mqtt_port, "MQTT", "--mqtt-port", grace_s)
        self._http_port = _claim(options.http_host, options.http_port, "HTTP", "--http-port", grace_s)
        while self._mqtt_port == self._http_port and not options.http_port:
            self._http_port = bind(options.http_host, 0)
        if self._mqtt_port == self._http_port:
            raise EmbeddedError(f"HTTP and MQTT cannot share port {self._http_port}: change --http-port or --mqtt-port")
        if problem := password_problem(os.environ.get("FROSTWAY_ADMIN_PASSWORD") or "a generated one", "admin"):
            raise EmbeddedError(f"FROSTWAY_ADMIN_PASSWORD: {problem}")
        self._logs = data / "log"
        self._metrics_ports = _metrics_ports(os.environ.get("FROSTWAY_METRICS_PORT", ""))
        self._secrets = Secrets.load_or_create(data / "secrets.json")
        self._postgres = EmbeddedPostgres(data / "pg", log_dir=self._logs)
        self._network, self._broker = self._open_network(options.lan, grace_s)

    def _open_network(self, lan: LanOptions | None, grace_s: float) -> tuple[Network | None, Broker]:
        """The broker, and what the network reaches of this machine, if anything."""
        folder, kind = self._data / "broker", self._options.broker
        if lan is None:
            return None, choose_broker(folder, self._mqtt_port, self._secrets, self._logs, kind=kind)
        from frostway.network import Network  # noqa: PLC0415 - what makes certificates takes a tenth of a second

        network = Network(self._data, lan, say)
        network.mqtts_port = _claim(network.host, lan.mqtts_port, "MQTT with TLS", "--mqtts-port", grace_s)
        network.https_port = _claim(network.host, lan.https_port, "HTTPS", "--https-port", grace_s)
        ports = [self._mqtt_port, self._http_port, network.mqtts_port, network.https_port]
        if len(set(ports)) < len(ports):
            raise EmbeddedError(f"each of the ports {', '.join(map(str, ports))} can be given once: change one")
        where = (network.host, network.mqtts_port)
        broker = network_broker(folder, self._mqtt_port, self._secrets, self._logs, where, kind=kind)
        broker.set_certificate(network.identity.pem)
        network.keep(broker.set_certificate)
        return network, broker

    def serve(self) -> None:
        """Starts everything, says so, and watches until asked to stop."""
        supervisor = self._supervisor
        supervisor.on_start = self._write_run_file
        say("starting the database and the broker")
        supervisor.add(self._postgres, self._broker)
        if self._broker.is_demo:
            say("demo broker: no per-device ACL, nothing kept over restart (install mosquitto for more)")
        if not supervisor.wait_ready(self._postgres, timeout_s=math.inf):  # it says itself when it is stuck
            return
        if not self._prepared():
            return
        if not supervisor.wait_ready(self._broker):
            return
        say("starting " + ", ".join(PROGRAMS))
        programs = [self._program(name) for name in PROGRAMS]
        supervisor.add(*programs)
        from frostway.demo_keeper import DemoKeeper  # noqa: PLC0415 - needs the database's driver

        demo = DemoKeeper(self._postgres.dsn, self, say)
        simulator = demo.begin(self._options.sim)
        demo.watch()
        if simulator is not None:
            supervisor.wait_ready(self._broker)
            supervisor.add(simulator)
            programs.append(simulator)
        if supervisor.wait_ready(self._postgres, self._broker, *programs):
            self._announce()
            supervisor.run(lambda: demo.apply(supervisor))
        demo.stop()
        if self._network is not None:
            self._network.stop()
        say("stopping")

    def _prepared(self) -> bool:
        """Prepares the database, again when it dies or its disk is full meanwhile; False when asked to stop.

        A step of the schema is one transaction, so that nothing is half done.
        """
        while self._supervisor.wait_ready(self._postgres, timeout_s=math.inf):
            try:
                self._prepare_database()
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                words = " ".join(str(error).split()) or repr(error)
                say(f"the database is not prepared yet: {words}; trying again")
                self._supervisor.wait(DATABASE_RETRY_S)
            else:
                return True
        return False

    def _write_run_file(self) -> None:
        """Tells other commands where the running stack is; anew after every restart of a part."""
        facts = {
            "pid": os.getpid(),
            "pids": self._supervisor.pids,
            "database_url": self._postgres.dsn,
            "mqtt_url": self._ingest_url,
            "http_url": self._http_url,
            "metrics": {name: f"http://{HOST}:{port}/metrics" for name, port in self._metrics_ports.items()},
            "broker": "iotcore" if self._broker.is_demo else "mosquitto",
            "network": self._network.urls if self._network else {},
        }
        write_private(self._data / "run.json", json.dumps(facts, indent=2) + "\n")

    @property
    def _ingest_url(self) -> str:
        return self._broker.url_for("ingest", self._secrets.mqtt_ingest_password)

    @property
    def _http_url(self) -> str:
        return f"http://{_shown_host(self._options.http_host)}:{self._http_port}"

    @property
    def _admin_password(self) -> str:
        return os.environ.get("FROSTWAY_ADMIN_PASSWORD") or self._secrets.admin_password

    def _prepare_database(self) -> None:
        """Schema, the admin's account, the devices the broker may let in."""
        from store.db import connect  # noqa: PLC0415 - not needed until the server runs
        from store.indexing import index_meanwhile  # noqa: PLC0415
        from store.migrate import migrate  # noqa: PLC0415
        from store.moving import move_meanwhile  # noqa: PLC0415
        from store.registry import Registry  # noqa: PLC0415

        migrate(self._postgres.dsn)
        with connect(self._postgres.dsn, "up") as connection:
            registry = Registry(connection)
            if os.environ.get("FROSTWAY_ADMIN_PASSWORD") or not registry.has_account("admin"):
                registry.set_password("admin", "admin", self._admin_password)
        self.publish_devices()
        for work in (index_meanwhile, move_meanwhile):
            threading.Thread(target=work, args=(self._postgres.dsn,), name=work.__name__, daemon=True).start()

    def publish_devices(self) -> None:
        """Lets the registered devices into the broker; does nothing when it knows them all."""
        from store.db import connect  # noqa: PLC0415
        from store.registry import broker_edges, broker_users  # noqa: PLC0415

        with connect(self._postgres.dsn, "up") as connection:
            self._broker.set_devices(broker_users(connection), self._secrets.devices, broker_edges(connection))

    def _program(self, name: str) -> Program:
        ready = self._api_is_ready if name == "api" else None
        role = "frostway_web" if name == "api" else f"frostway_{name}"
        environment = self._environment(role) | {"FROSTWAY_METRICS_PORT": str(self._metrics_ports.get(name, 0))}
        if self._network is not None:
            environment |= self._network.environment(name, self._http_port)
        elif name == "api":  # which the other programs and whoever watches it ask in plain
            environment |= {"FROSTWAY_HTTP_TLS_CERT": "", "FROSTWAY_HTTP_TLS_KEY": ""}
        if name in LEAN:
            environment = handed(environment)
        return Program(name, _command(name), environment, self._logs, ready)

    def simulator(self, world: str, *, again: bool) -> Program:
        """Registers a simulated world and lets its devices in; `again`: it was removed before."""
        from frostway.demo import prepare  # noqa: PLC0415 - the simulated world is not needed otherwise

        credentials = prepare(self._postgres.dsn, world, self._secrets, self._broker, again=again)
        self.publish_devices()
        environment = self._environment() | {"FROSTWAY_SIM_CREDENTIALS": str(credentials)}
        return Program("sim", _command("sim", "--world", world), environment, self._logs)

    def _environment(self, role: str = OWNER) -> dict[str, str]:
        """Settings of our programs: the user's own `FROSTWAY_*` and what only we know. Each has a login of its own."""
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "FROSTWAY_DATABASE_URL": self._postgres.dsn_of(role),
            "FROSTWAY_MQTT_URL": self._ingest_url,
            "FROSTWAY_HTTP_HOST": self._options.http_host,
            "FROSTWAY_HTTP_PORT": str(self._http_port),
            "FROSTWAY_DATA_DIR": str(self._data),
            "FROSTWAY_ADMIN_PASSWORD": self._admin_password,
            "FROSTWAY_SEALING_SECRET": os.environ.get("FROSTWAY_SEALING_SECRET") or self._secrets.session_secret,
        }
        if not self._broker.is_demo:
            environment.setdefault("FROSTWAY_BROKER_LOG", str(self._logs / "broker.log"))
        root = str(Path(__file__).resolve().parents[1])
        if root not in site.getsitepackages():  # run from a checkout
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        return environment

    def _api_is_ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        host = _shown_host(self._options.http_host).strip("[]")
        connection = http.client.HTTPConnection(host, self._http_port, timeout=PROBE_TIMEOUT_S)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _announce(self) -> None:
        """The one line on stdout, and beside it what a person wants to know."""
        if os.environ.get("FROSTWAY_ADMIN_PASSWORD"):
            say("sign in as admin with the password in FROSTWAY_ADMIN_PASSWORD")
        elif self._secrets.is_new:
            say(f"sign in as admin with password {self._secrets.admin_password}")
        else:
            say(f"sign in as admin; the password stands in {self._secrets.path}")
        for line in self._network.lines() if self._network else ():
            say(line)
        say(f"logs are in {self._logs}; Ctrl-C stops everything")
        with suppress(OSError, ValueError):
            print(f"ready {self._http_url}", flush=True)  # noqa: T201 - this is the program's output
        if self._options.open_browser:
            with suppress(OSError):
                subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "webbrowser", self._http_url],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )


def _metrics_ports(wanted: str) -> dict[str, int]:
    """A port for the metrics of each program: those from `wanted` on, else free ones."""
    if wanted.isdecimal() and int(wanted):
        return {name: int(wanted) + n for n, name in enumerate(PROGRAMS)}
    found: dict[int, None] = {}
    while len(found) < len(PROGRAMS):
        found[bind(HOST, 0)] = None
    return dict(zip(PROGRAMS, found, strict=True))


def _full_disk(data: Path) -> str:
    """What is wrong with the disk of the data folder, and how to mend it; empty when there is room."""
    try:
        free = shutil.disk_usage(data).free
    except OSError as error:
        return f"the data folder {data} cannot be used: {error.strerror}; everything goes on when it can"
    if free >= FULL_BYTES:
        return ""
    return f"the disk of {data} is full ({free // 1024**2} MB free): make room, everything goes on by itself then"


def _command(*words: str) -> list[str]:
    """A program of ours, run by this Python; `-P` keeps a folder named `api` where we were started out of its way."""
    return [sys.executable, "-P", "-m", "frostway", *words]


def _make_folder(data: Path) -> None:
    """Makes the data folder private; a folder that was there and holds something else keeps its mode."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in data.iterdir()}
        if not names or "secrets.json" in names:
            data.chmod(0o700)
        (data / "log").mkdir(mode=0o700, exist_ok=True)
    except NotADirectoryError:
        raise EmbeddedError(f"{data} is not a folder: choose another with --data") from None
    except FileExistsError:
        raise EmbeddedError(f"{data} is not a folder: choose another with --data") from None
    except OSError as error:
        raise EmbeddedError(f"cannot use the data folder {data}: {error.strerror}") from None


def _claim(host: str, port: int, what: str, option: str, grace_s: float) -> int:
    """The port, proven free (waiting `grace_s` for it); any free one for 0.

    Raises:
        EmbeddedError: it is taken, or not ours to take; the text says what to do.
    """
    deadline = time.monotonic() + grace_s
    while True:
        try:
            return bind(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                if time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                text = f"port {port} ({what}) is in use: stop the program that listens there, or choose another"
                raise EmbeddedError(f"{text} with {option}") from None
            if error.errno in {errno.EACCES, errno.EPERM}:
                raise EmbeddedError(f"port {port} ({what}) needs root: choose one above 1023 with {option}") from None
            raise EmbeddedError(f"cannot listen on {host} port {port} ({what}): {error.strerror}") from None
        except OverflowError:
            raise EmbeddedError(f"there is no port {port}: choose another with {option}") from None


def _shown_host(host: str) -> str:
    """What to put in an address for a host to listen on."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return HOST
    return f"[{host}]" if ":" in host else host
