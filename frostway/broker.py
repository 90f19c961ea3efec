"""The broker of the embedded stack: Mosquitto where it is installed, else the `iotcore` wheel for a demonstration.

Mosquitto runs in `$DIR/broker` as its working directory with relative paths in its files, so that as root its own user
needs no right on the folders above. Users: `ingest`, `health` (our readiness probe), and every device as
`tenant/device`. The probe is a user of its own because with `use_username_as_clientid` a probe that called itself
`ingest` would throw the running ingest out of its session, or with a clean session make the broker forget its backlog.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from frostway.broker_acl import edges_of, rules
from frostway.ports import bind
from frostway.secrets import Secrets, write_private
from frostway.supervisor import Part, Process
from store.embedded_process import EmbeddedError, Identity, log_size, own_tree, spawn, unprivileged

HOST = "127.0.0.1"
PACKET_BYTES_MAX = 131072
# Our passwords are random, so more rounds would add nothing but time per connection in a storm of reconnects.
HASH_ITERATIONS = 101
SAVE_TIMEOUT_S = 30.0
PROBE_TIMEOUT_S = 2.0
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"

_CONF = """\
# Written by frostway at every start; changes are lost.
listener {port} {host}
max_qos 1
allow_anonymous false
password_file passwd
acl_file acl
use_username_as_clientid true
max_inflight_messages 5000
max_queued_messages 0
max_packet_size {packet_bytes_max}
retain_available false
persistence true
persistence_location db/
autosave_interval 10
set_tcp_nodelay true
sys_interval 2
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true
"""

_NETWORK_CONF = """\
listener {port} {host}
max_qos 1
use_username_as_clientid true
certfile server.pem
keyfile server.pem
tls_version tlsv1.2
"""

_DEMO_CONF = """\
id = 0
[router]
id = 0
max_connections = 1010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
"""

_DEMO_LISTENER = """\
[{version}.1]
name = "{version}"
listen = "{host}:{port}"
next_connection_delay_ms = 1
    [{version}.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = {packet_bytes_max}
    max_inflight_count = 100
    dynamic_filters = true
    [{version}.1.connections.auth]
"""

_DEMO_PROGRAM = """\
import logging, sys
logging.basicConfig(level="WARNING")
logging.getLogger("rumqttd").setLevel("CRITICAL")
print("demo broker: no per-device ACL, nothing kept over restart", file=sys.stderr, flush=True)
from iotcore import IotCoreBroker
IotCoreBroker(config_path="broker.toml").run_forever()
"""


class Broker(Part, Protocol):
    """An MQTT broker on loopback with password for every user."""

    @property
    def is_demo(self) -> bool:
        """Whether it lacks what a production broker must have."""

    def start(self) -> None:
        """`spawn` under the name that a caller without supervisor expects."""

    def reload(self) -> None:
        """Reads users and rules anew."""

    def url_for(self, user: str, password: str) -> str:
        """Address with credentials, `mqtt://user:password@127.0.0.1:port`."""

    def set_devices(self, hashes: Mapping[str, str], passwords: Mapping[str, str], edges: Collection[str] = ()) -> None:
        """Makes `hashes` (user → `$7$…`) the devices that may connect, `edges` those that may be Sparkplug edge nodes.

        `passwords` serves the demo broker only.
        """


class _LoopbackBroker(Process):
    """What both brokers share: folder, port, user, probe."""

    def __init__(self, folder: Path, port: int, known: Secrets, log_dir: Path, identity: Identity | None) -> None:
        super().__init__("broker", log_dir, death_signal=signal.SIGTERM, stop_timeout_s=SAVE_TIMEOUT_S)
        self.port = port
        self._folder = folder
        self._secrets = known
        self._identity = identity

    def url_for(self, user: str, password: str) -> str:
        """Address with credentials; both parts are percent-encoded."""
        return f"mqtt://{quote(user, safe='')}:{quote(password, safe='')}@{HOST}:{self.port}"

    def ready(self) -> bool:
        """Whether it accepts an MQTT connection of our probe."""
        return self.pid is not None and accepts(HOST, self.port, "health", self._secrets.mqtt_health_password)

    def _prepare_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / "db").mkdir(mode=0o700, exist_ok=True)
        own_tree(self._folder, self._identity)

    def _spawn(self, argv: list[str], env: Mapping[str, str], identity: Identity | None) -> None:
        self._log_start = log_size(self.log_path)
        try:
            self._process = spawn(
                argv,
                cwd=self._folder,
                env=env,
                log_path=self.log_path,
                death_signal=self._death_signal,
                identity=identity,
            )
        except OSError as error:
            raise EmbeddedError(f"the broker cannot be started: {error}") from error


class MosquittoBroker(_LoopbackBroker):
    """Eclipse Mosquitto with generated passwords and per-device rules; for the network with TLS."""

    is_demo = False

    def __init__(
        self,
        program: Path,
        folder: Path,
        port: int,
        known: Secrets,
        log_dir: Path,
        network: tuple[str, int] | None = None,
    ) -> None:
        """`program` is the mosquitto binary; its files go to `folder`. `network`: address and port with TLS."""
        super().__init__(folder, port, known, log_dir, unprivileged("mosquitto", "nobody"))
        self._program = program
        self._network = network

    def spawn(self) -> None:
        """Writes configuration and rules, keeps the devices' passwords, starts the broker unless it runs."""
        if self.pid is not None:
            return
        self._prepare_folder()
        (self._folder / "broker.toml").unlink(missing_ok=True)
        conf = _CONF.format(port=self.port, host=HOST, packet_bytes_max=PACKET_BYTES_MAX)
        if self._network is not None:
            conf += _NETWORK_CONF.format(host=self._network[0], port=self._network[1])
        else:
            (self._folder / "server.pem").unlink(missing_ok=True)
        write_private(self._folder / "mosquitto.conf", conf)
        write_private(self._folder / "acl", rules(edges_of(self._folder / "acl")))
        write_passwd(self._folder / "passwd", self._system_users() | _devices(read_passwd(self._folder / "passwd")))
        self._spawn([str(self._program), "-c", "mosquitto.conf"], {"LC_ALL": "C"}, self._identity)

    start = spawn

    def set_certificate(self, pem: str) -> None:
        """Makes `pem`, key and chain, what the network is shown from the next connection on. Needed before `start`."""
        if not self._folder.exists():
            self._prepare_folder()
        write_private(self._folder / "server.pem", pem)
        self.reload()

    def reload(self) -> None:
        """SIGHUP: users, rules and the certificate are read anew, connections stay."""
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGHUP)

    def set_devices(self, hashes: Mapping[str, str], passwords: Mapping[str, str], edges: Collection[str] = ()) -> None:
        """Makes `hashes` the devices that may connect, at once."""
        del passwords
        known = dict(hashes) == _devices(read_passwd(self._folder / "passwd"))
        if not known or set(edges) != edges_of(self._folder / "acl"):
            self._prepare_folder()
            write_private(self._folder / "acl", rules(edges))
            write_passwd(self._folder / "passwd", self._system_users() | dict(hashes))
            self.reload()

    def _system_users(self) -> dict[str, str]:
        return {
            "ingest": mosquitto_hash(self._secrets.mqtt_ingest_password),
            "health": mosquitto_hash(self._secrets.mqtt_health_password),
        }


class IotcoreBroker(_LoopbackBroker):
    """The wheel's broker (rumqttd), for trying things out. MQTT 3.1.1 on `port`, MQTT 5 on `port_v5`.

    It knows passwords only in the clear and only at its start: a new device means a restart, which forgets all
    sessions.
    """

    is_demo = True

    def __init__(self, folder: Path, port: int, known: Secrets, log_dir: Path) -> None:
        """Its files go to `folder`."""
        super().__init__(folder, port, known, log_dir, None)
        self.port_v5 = bind(HOST, 0)

    def spawn(self) -> None:
        """Writes its configuration with all known passwords and starts it unless it runs."""
        if self.pid is not None:
            return
        self._prepare_folder()
        (self._folder / "mosquitto.conf").unlink(missing_ok=True)
        users = {
            "ingest": self._secrets.mqtt_ingest_password,
            "health": self._secrets.mqtt_health_password,
            **_read_demo_users(self._folder),
        }
        auth = "".join(f"    {json.dumps(user)} = {json.dumps(password)}\n" for user, password in users.items())
        conf = _DEMO_CONF
        for version, port in (("v4", self.port), ("v5", self.port_v5)):
            conf += _DEMO_LISTENER.format(version=version, host=HOST, port=port, packet_bytes_max=PACKET_BYTES_MAX)
            conf += auth
        write_private(self._folder / "broker.toml", conf)
        self._spawn([sys.executable, "-P", "-c", _DEMO_PROGRAM], os.environ, None)

    start = spawn

    def reload(self) -> None:
        """Ends it; whoever watches it (the supervisor) starts it again with the users known then."""
        if self._process is not None:
            self._process.terminate()

    def set_devices(self, hashes: Mapping[str, str], passwords: Mapping[str, str], edges: Collection[str] = ()) -> None:
        """Makes the devices of `hashes` whose password is known those that may connect; restarts only on a change."""
        del hashes, edges
        if dict(passwords) != _read_demo_users(self._folder):
            self._prepare_folder()
            write_private(self._folder / "demo_users.json", json.dumps(dict(passwords)))
            self.reload()


def choose_broker(folder: Path, port: int, known: Secrets, log_dir: Path, *, kind: str = "auto") -> Broker:
    """Mosquitto if it is installed, else the demo broker; `kind` "mosquitto" or "iotcore" insists on one."""
    program = find_mosquitto() if kind in {"auto", "mosquitto"} else None
    if program is not None:
        return MosquittoBroker(program, folder, port, known, log_dir)
    if kind == "mosquitto":
        raise EmbeddedError("mosquitto is not installed: `apt-get install mosquitto`, or use the demo broker")
    return IotcoreBroker(folder, port, known, log_dir)


def network_broker(
    folder: Path, port: int, known: Secrets, log_dir: Path, network: tuple[str, int], *, kind: str = "auto"
) -> MosquittoBroker:
    """Mosquitto, with TLS on `network` (address, port) beside loopback.

    Raises:
        EmbeddedError: it is not installed, or the demo broker is asked for.
    """
    program = find_mosquitto() if kind in {"auto", "mosquitto"} else None
    if program is None:
        raise EmbeddedError(
            "--lan needs Mosquitto, as the demo broker has no TLS and no rules per device: `apt-get install mosquitto`"
        )
    return MosquittoBroker(program, folder, port, known, log_dir, network)


def find_mosquitto() -> Path | None:
    """The mosquitto program on PATH or in the folders of system programs; None when there is none."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SYSTEM_FOLDERS)
    return Path(found) if found else None


def mosquitto_hash(password: str, salt: bytes | None = None, iterations: int = HASH_ITERATIONS) -> str:
    """The hash `mosquitto_passwd` writes: `$7$iterations$salt$hash`, PBKDF2-HMAC-SHA512, base64."""
    salt = secrets.token_bytes(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def write_passwd(path: Path, users: Mapping[str, str]) -> None:
    """Replaces Mosquitto's password file (user → hash) atomically, readable by the broker's user only."""
    for user, hashed in users.items():
        if not user or not hashed or any(c in user + hashed for c in ":\r\n\0"):
            raise ValueError(f"not a user and hash for a password file: {user!r}")
    write_private(path, "".join(f"{user}:{hashed}\n" for user, hashed in sorted(users.items())))


def read_passwd(path: Path) -> dict[str, str]:
    """Users and hashes of a password file; empty when there is none."""
    with suppress(FileNotFoundError):
        rows = (line.partition(":") for line in path.read_text("utf-8").splitlines())
        return {user: hashed for user, _, hashed in rows if user and hashed}
    return {}


def publish_device(data_dir: Path, user: str, password: str | None, *, is_edge: bool | None = None) -> bool:
    """Lets a device of a running or resting stack connect, or no longer (None); True when a running broker knows.

    `is_edge`: whether it may be a Sparkplug edge node; None: as before. A client whose password is no longer right is
    disconnected with its subscriptions. For programs beside the supervisor (`frostway device add`). Raises
    `EmbeddedError` when `data_dir` has no stack.
    """
    folder = data_dir / "broker"
    try:
        demo = (folder / "broker.toml").exists()
        if demo:
            users = {name: kept for name, kept in _read_demo_users(folder).items() if name != user}
            write_private(folder / "demo_users.json", json.dumps(users | ({user: password} if password else {})))
        else:
            users = {name: kept for name, kept in read_passwd(folder / "passwd").items() if name != user}
            if is_edge is not None:
                edges = edges_of(folder / "acl") - {user} | ({user} if is_edge else set())
                write_private(folder / "acl", rules(edges))
            write_passwd(folder / "passwd", users | ({user: mosquitto_hash(password)} if password else {}))
    except OSError as error:
        raise EmbeddedError(f"{data_dir} holds no stack of ours: {error.strerror}") from error
    pid = _running_broker(data_dir)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM if demo else signal.SIGHUP)
    return True


def refresh_devices(data_dir: Path, dsn: str) -> bool:
    """Writes the running broker's users anew from the registry; True when it has been told. Not for the demo broker."""
    from store.db import connect  # noqa: PLC0415
    from store.registry import broker_edges, broker_users  # noqa: PLC0415

    path, pid = data_dir / "broker" / "passwd", _running_broker(data_dir)
    if pid is None or not path.exists() or (data_dir / "broker" / "broker.toml").exists():
        return False
    with connect(dsn, "broker users") as connection:
        devices, edges = broker_users(connection), broker_edges(connection)
    write_private(path.with_name("acl"), rules(edges))
    system = {user: hashed for user, hashed in read_passwd(path).items() if "/" not in user}
    write_passwd(path, system | _devices(devices))
    os.kill(pid, signal.SIGHUP)
    return True


def forget_devices(data_dir: Path, dsn: str, tenant: str) -> None:
    """All devices of a tenant are unknown to the broker of a running or resting stack, and their connections end."""
    folder = data_dir / "broker"
    if not (folder / "broker.toml").exists():
        refresh_devices(data_dir, dsn)  # one that rests is given its users at its start
        return
    users = _read_demo_users(folder)
    kept = {user: password for user, password in users.items() if user.partition("/")[0] != tenant}
    if kept != users:
        write_private(folder / "demo_users.json", json.dumps(kept))
        if pid := _running_broker(data_dir):
            os.kill(pid, signal.SIGTERM)


def accepts(host: str, port: int, user: str, password: str) -> bool:
    """Whether the broker answers an MQTT 3.1.1 CONNECT of this user with "accepted"."""
    words = [w.encode() for w in (client_id(user), user, password)]
    words = [len(word).to_bytes(2, "big") + word for word in words]
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + b"".join(words)  # level 4; user, password, clean session; keep-alive 10 s
    try:
        with socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S) as connection:
            connection.sendall(bytes([0x10, len(body)]) + body)
            answer = connection.recv(4)
            if answer == b"\x20\x02\x00\x00":
                connection.sendall(b"\xe0\x00")
                return True
    except OSError:
        pass
    return False


def client_id(user: str) -> str:
    """A client id for `tenant/device` that both brokers accept: rumqttd closes the connection at one with a slash."""
    return user.replace("/", ".")


def _devices(users: Mapping[str, str]) -> dict[str, str]:
    """The users that are devices: `tenant/device`."""
    return {user: hashed for user, hashed in users.items() if "/" in user}


def _read_demo_users(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / "demo_users.json").read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _running_broker(data_dir: Path) -> int | None:
    """Process id of this folder's broker by run.json, checked so that a reused pid is never signalled."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        pid = int(json.loads((data_dir / "run.json").read_text("utf-8"))["pids"]["broker"])
        if not sys.platform.startswith("linux"):
            return pid
        if os.path.samestat(Path(f"/proc/{pid}/cwd").stat(), (data_dir / "broker").stat()):
            return pid
    return None
