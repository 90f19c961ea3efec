"""Who the embedded PostgreSQL runs as, and who may connect to it: the kernel says who calls (`peer`), no passwords."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from store.embedded_process import LINUX, EmbeddedError, Identity

SERVICE_USER = "frostway-db"
ANOTHER_S = 3.0
OWNER = "postgres"
ROLES = (OWNER, "frostway_web", "frostway_ingest", "frostway_tracker", "frostway_operations", "frostway_broker")
_MAKERS = (
    ("useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"),
    ("adduser", "-S", "-D", "-H", "-s", "/sbin/nologin"),
)
_HBA = """\
# Written by frostway at every start; changes are lost.
local all         all      peer map=frostway
local replication postgres peer map=frostway
"""


def service_identity() -> Identity | None:
    """The user the server runs as when we are root: one of its own, made when there is none; None otherwise.

    Raises:
        EmbeddedError: it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    if not LINUX:
        raise EmbeddedError("PostgreSQL does not run as root: start Frostway as an ordinary user")
    found = _service_user()
    for maker in _MAKERS:
        program = shutil.which(maker[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if found is None and program is not None:
            subprocess.run(  # noqa: S603 - argv is ours
                [program, *maker[1:], SERVICE_USER], capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
            found = _service_user()
    until = time.monotonic() + ANOTHER_S
    while found is None and time.monotonic() < until:  # another start of ours may be making it
        time.sleep(0.1)
        found = _service_user()
    if found is None:
        raise EmbeddedError(
            f"started as root, PostgreSQL needs a user of its own, and {SERVICE_USER} cannot be made: "
            f"`useradd --system {SERVICE_USER}`, or start Frostway as an ordinary user"
        )
    return found


def _service_user() -> Identity | None:
    with suppress(KeyError):
        entry = pwd.getpwnam(SERVICE_USER)
        if entry.pw_uid:
            return Identity(entry.pw_uid, entry.pw_gid)
    return None


def of_nobody(uid: int) -> bool:
    """Whether a folder is left from versions that ran the server as `nobody`."""
    with suppress(KeyError):
        return uid == pwd.getpwnam("nobody").pw_uid
    return False


def admit(data_dir: Path, identity: Identity | None) -> None:
    """Writes who may connect: us, and whose folder it is, as any of our roles. Before every start.

    Raises:
        EmbeddedError: we have no name on this machine.
    """
    uids = [os.geteuid(), *([identity.uid] if identity else [])]
    _replace(data_dir / "pg_hba.conf", _HBA, identity)
    _replace(data_dir / "pg_ident.conf", _ident(_name(uid) for uid in uids), identity)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise EmbeddedError(f"user {uid} has no name on this machine: PostgreSQL asks for it") from None


def _ident(names: Iterable[str]) -> str:
    quoted = ('"' + name.replace('"', '""') + '"' for name in dict.fromkeys(names))
    lines = [f"frostway {name} {role}" for name in quoted for role in ROLES]
    return "\n".join(["# Written by frostway at every start; changes are lost.", *lines, ""])


def _replace(path: Path, text: str, identity: Identity | None) -> None:
    with suppress(FileNotFoundError):
        if path.read_text("utf-8") == text:
            return
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(text)
    if identity is not None:
        os.chown(new, *identity)
    new.replace(path)
