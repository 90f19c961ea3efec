# ruff: noqa: INP001 -- a script of the image, not a package
"""What the compose stack needs beside the programs themselves.

    python stack.py setup         first start: makes the secrets, the broker's rules and first users (one-shot, root)
    python stack.py migrate       the schema up to date, and the account "admin" with its generated password (one-shot)
    python stack.py credentials   keeps the broker's password file equal to the registry of devices (runs for ever)
    python stack.py sim           registers the demo's world, then becomes the simulator (profile "demo")

There is no default password anywhere: every one is random, made here, and lies in a volume of this stack only.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import quote

import psycopg

from frostway.broker import Broker, mosquitto_hash, read_passwd, write_passwd
from frostway.broker_acl import edges_of, rules
from frostway.secrets import Secrets, write_private
from store.db import connect
from store.indexing import index_by_time
from store.logins import LOGINS, set_passwords
from store.migrate import migrate
from store.moving import move_meanwhile
from store.registry import Registry, broker_edges, broker_users

SECRETS = Path(os.environ.get("FROSTWAY_SECRETS_DIR", "/run/frostway/secrets"))
BROKER = Path(os.environ.get("FROSTWAY_BROKER_DIR", "/broker"))
DEMO = Path(os.environ.get("FROSTWAY_DEMO_DIR", "/var/lib/frostway"))
OURS_GID = 10001  # group of the programs, see Dockerfile
POSTGRES_UID = 70  # user of the database in its image
BROKER_UID = 1883  # user of the broker in its image
# secret -> the user beside our group who may read it
READERS = {
    "postgres_password": POSTGRES_UID,
    "database_web_password": 0,
    "database_ingest_password": 0,
    "database_tracker_password": 0,
    "database_operations_password": 0,
    "database_broker_password": 0,
    "mqtt_ingest_password": 0,
    "mqtt_health_password": BROKER_UID,
    "admin_password": 0,
    "sealing_secret": 0,
}
SYSTEM_USERS = ("ingest", "health")
POLL_S = 2.0
ALIVE = Path("/tmp/alive")  # noqa: S108 -- a private tmpfs; its age is this program's health

log = logging.getLogger("frostway.stack")


def setup(secrets_dir: Path, broker_dir: Path) -> None:
    """Makes what is missing and leaves what is there: a second start changes no password."""
    secrets_dir.mkdir(parents=True, exist_ok=True)
    broker_dir.mkdir(parents=True, exist_ok=True)
    for name, uid in READERS.items():
        path = secrets_dir / name
        if not path.exists():
            part = path.with_suffix(".part")  # a first start that was killed leaves no half secret
            part.write_text(secrets.token_urlsafe(24))
            own(part, uid, 0o440)
            part.replace(path)
    shutil.copyfile(Path(__file__).with_name("mosquitto") / "mosquitto.conf", broker_dir / "mosquitto.conf")
    own(broker_dir / "mosquitto.conf", BROKER_UID, 0o440)
    write_private(broker_dir / "acl", rules(edges_of(broker_dir / "acl")))
    own(broker_dir / "acl", BROKER_UID, 0o600)
    passwd = broker_dir / "passwd"
    devices = {user: hashed for user, hashed in read_passwd(passwd).items() if user not in SYSTEM_USERS}
    system = {user: mosquitto_hash((secrets_dir / f"mqtt_{user}_password").read_text()) for user in SYSTEM_USERS}
    write_passwd(passwd, system | devices)
    own(passwd, BROKER_UID, 0o600)
    own(secrets_dir, 0, 0o755)
    own(broker_dir, BROKER_UID, 0o700)


def own(path: Path, uid: int, mode: int) -> None:
    """Gives a file to a user and to the group of the programs. Without the right to do so it stays the caller's."""
    if os.geteuid() == 0:
        os.chown(path, uid, OURS_GID)
    path.chmod(mode)


def schema(dsn: str, admin_password: str, secrets_dir: Path = SECRETS) -> None:
    """Migrates, gives each program's login its password, makes or changes the admin's account.

    A schema newer than this image's is refused.
    """
    before, after = migrate(dsn)
    log.info("schema version %d, was %d", after, before)
    with connect(dsn, "migrate") as connection:
        files = {role: secrets_dir / f"database_{role.removeprefix('frostway_')}_password" for role in LOGINS}
        set_passwords(connection, {role: path.read_text() for role, path in files.items() if path.exists()})
        Registry(connection).set_password("admin", "admin", admin_password)
    if built := index_by_time(dsn):
        log.info("%d partitions of readings were given an index by time", built)


def credentials(dsn: str, broker_dir: Path) -> None:
    """Follows the registry. The broker notices a changed file by itself (start.sh)."""
    while True:
        try:
            with connect(dsn, "credentials") as connection:
                while True:
                    refresh(connection, broker_dir)
                    ALIVE.touch()
                    time.sleep(POLL_S)
        except psycopg.OperationalError as error:
            log.warning("no database: %s", str(error).splitlines()[0])
            time.sleep(POLL_S)


def refresh(connection: psycopg.Connection, broker_dir: Path) -> None:
    """Rewrites the files when a device was added, changed or revoked; users of the system stay."""
    passwd, acl = broker_dir / "passwd", broker_dir / "acl"
    edges = broker_edges(connection)
    if edges != edges_of(acl):
        write_private(acl, rules(edges))  # before the passwords: what the broker watches changes last
    have = read_passwd(passwd)
    want = {user: have[user] for user in SYSTEM_USERS if user in have} | broker_users(connection)
    if want != have:
        write_passwd(passwd, want)
        log.info("the broker knows %d devices", len(want) - len(SYSTEM_USERS))


class RemoteBroker:
    """The broker as the demo sees it: somewhere else, and told of devices through the registry (`credentials`)."""

    is_demo = False

    def __init__(self, host: str, port: int = 1883) -> None:
        self._address = f"{host}:{port}"

    def url_for(self, user: str, password: str) -> str:
        """Address with credentials; both parts are percent-encoded."""
        return f"mqtt://{quote(user, safe='')}:{quote(password, safe='')}@{self._address}"

    def set_devices(self, hashes: Mapping[str, str], passwords: Mapping[str, str], edges: Collection[str] = ()) -> None:
        """Nothing to do: the registry has them."""


def simulate(dsn: str, demo_dir: Path, world: str) -> None:
    """Registers the world and becomes `frostway sim`, which also gives a truck that has delivered its next shipment."""
    from frostway.demo import prepare  # noqa: PLC0415 -- the simulated world is not needed otherwise

    known = Secrets.load_or_create(demo_dir / "secrets.json")
    broker = RemoteBroker(os.environ.get("FROSTWAY_MQTT_HOST", "mosquitto"), int(os.environ.get("MQTT_PORT", "1883")))
    file = prepare(dsn, world, known, cast("Broker", broker))
    not_its = {"FROSTWAY_ADMIN_PASSWORD", "FROSTWAY_MQTT_URL"}  # it speaks to the broker as its devices only
    environment = {key: value for key, value in os.environ.items() if key not in not_its}
    command = ["frostway", "sim", "--world", world]
    os.execvpe(command[0], command, environment | {"FROSTWAY_SIM_CREDENTIALS": str(file)})  # noqa: S606 -- becomes it


def main(arguments: list[str]) -> int:
    """Exit 2 with the usage when the command is unknown."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    match arguments:
        case ["setup"]:
            setup(SECRETS, BROKER)
        case ["migrate"]:
            schema(os.environ["FROSTWAY_DATABASE_URL"], os.environ["FROSTWAY_ADMIN_PASSWORD"])
        case ["credentials"]:
            dsn = os.environ["FROSTWAY_DATABASE_URL"]
            threading.Thread(target=move_meanwhile, args=(dsn,), name="moving", daemon=True).start()
            credentials(dsn, BROKER)
        case ["sim"]:
            simulate(os.environ["FROSTWAY_DATABASE_URL"], DEMO, os.environ.get("SIM", "demo"))
        case _:
            print(__doc__, file=sys.stderr)  # noqa: T201 -- the usage
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
