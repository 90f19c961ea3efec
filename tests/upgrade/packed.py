"""Data of a release as a compressed SQL file: made by the `pg_dump` of the embedded server, run without `psql`."""

from __future__ import annotations

import json
import lzma
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from store.embedded_binaries import locate

DATA = Path(__file__).resolve().parent / "data"
_HEAD = "-- packed: "
_LOGINS = ("web", "ingest", "tracker", "operations", "broker")
_ROLES = ("frostway_api nologin", *(f"frostway_{n} login" for n in _LOGINS))


@dataclass(frozen=True)
class Packed:
    """What one has to know of the data: who may come in, and the moment of the clock at which they were packed."""

    release: str
    schema: int
    at_us: int
    token: str
    user: str
    password: str
    device: str
    device_password: str


def pack(dsn: str, known: Packed, path: Path) -> None:
    """Writes the database that is at rest."""
    program = locate(None, None).postgres.with_name("pg_dump")
    words = [program, "--inserts", "--rows-per-insert=500", "--no-owner", "--dbname", dsn]
    dump = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    kept = [line for line in dump.splitlines() if not line.startswith(("\\", "--")) and line]
    text = _HEAD + json.dumps(asdict(known)) + "\n" + "\n".join(kept) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def newest() -> Path:
    """The data of the last release."""
    return max(DATA.glob("*.sql.xz"))


def read(path: Path) -> tuple[Packed, str]:
    """What is known of the data, and the statements that bring them back."""
    text = lzma.decompress(path.read_bytes()).decode()
    head, _, statements = text.partition("\n")
    return Packed(**json.loads(head.removeprefix(_HEAD))), statements


def restore(dsn: str, statements: str) -> None:
    """Fills an empty database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for role in _ROLES:
            name = role.partition(" ")[0]
            if not connection.execute("select from pg_roles where rolname = %s", (name,)).fetchone():
                connection.execute(f"create role {role}".encode())
        connection.execute("grant frostway_api to frostway_web")
        connection.execute(statements.encode())
