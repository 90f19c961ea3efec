"""A whole backup of the embedded stack in one folder, and back again, with the tools that came with the database.

`backup` may be taken while the stack runs: one consistent moment of the database (`pg_dump`), the secrets, and the
private authority that devices know.
`restore` makes a new data folder of it, which `frostway up` then goes on with.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from frostway import __version__
from frostway.failure import Failure, say
from frostway.secrets import write_private
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect, queries
from store.embedded import EmbeddedPostgres, check_disk_space
from store.embedded_binaries import locate
from store.migrate import migrate

DUMP, MANIFEST = "frostway.dump", "backup.json"
KEPT = {"secrets.json": "secrets.json", "ca.pem": "tls/ca.pem", "ca.key": "tls/ca.key"}
"""Files of a backup, and where they are in a data folder."""


def backup(data: Path | None, settings: Settings, folder: Path) -> Path:
    """Writes a backup into a new folder; returns it.

    Raises:
        Failure: the folder is there already, or the tools fail; the text says why.
        NoStackError: no stack runs.
    """
    stack = find(data, settings)
    if folder.exists() and any(folder.iterdir()):
        raise Failure(f"{folder} is there already and not empty: name a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _tool("pg_dump", "--format=custom", "--no-owner", f"--file={folder / DUMP}", stack.database_url)
    (folder / DUMP).chmod(0o600)
    for name, place in KEPT.items():
        if stack.data_dir is not None and (kept := stack.data_dir / place).exists():
            write_private(folder / name, kept.read_text("utf-8"))
    told = {"made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "version": __version__}
    write_private(folder / MANIFEST, json.dumps(told, indent=2) + "\n")
    return folder


def restore(folder: Path, data: Path) -> None:
    """Makes a data folder of a backup; it must not be there yet.

    Raises:
        Failure: no backup, or the data folder is in use or not empty; the text says what to do.
    """
    if not (folder / DUMP).is_file():
        raise Failure(f"{folder}: no backup in it ({DUMP} is missing)")
    if data.exists() and any(data.iterdir()):
        raise Failure(f"{data} is not empty: stop the stack there and move it away, or name another with --data")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_disk_space(data)
    (data / "log").mkdir(mode=0o700)
    server = EmbeddedPostgres(data / "pg", log_dir=data / "log")
    say("starting a database for it")
    server.start()
    try:
        migrate(server.dsn)  # the roles belong to the server, not to the dump
        say("bringing the backup in")
        with connect(server.dsn, "restore") as connection:
            connection.execute(queries("schema")["empty"])
        _tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={server.dsn}", str(folder / DUMP))
        migrate(server.dsn)
    finally:
        server.stop()
    for name, place in KEPT.items():
        if (folder / name).is_file():
            (data / place).parent.mkdir(mode=0o700, exist_ok=True)
            write_private(data / place, (folder / name).read_text("utf-8"))


def _tool(name: str, *words: str) -> None:
    """Runs one of the tools that came with the embedded server."""
    program = locate(None, None).postgres.with_name(name)
    done = subprocess.run([str(program), *words], capture_output=True, text=True, check=False)  # noqa: S603 -- our own words
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise Failure(f"{name}: {said[-1]}")
