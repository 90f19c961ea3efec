"""The `frostway` command against a database, as a person types it."""

import subprocess
from pathlib import Path

from tests.deadlines import deadline
from tests.stack import command, environment


def typed(database: str, folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of one command, run in a folder without settings."""
    said = subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(FROSTWAY_DATABASE_URL=database),
        capture_output=True,
        text=True,
        timeout=deadline(60),
        check=False,
    )
    return said.returncode, said.stdout, said.stderr


def refused(database: str, folder: Path, *words: str) -> str:
    """The one line with which a command ends that does nothing: status 1, nothing on standard output."""
    status, out, err = typed(database, folder, *words)
    assert (status, out, len(err.splitlines())) == (1, "", 1), (status, out, err)
    assert err.startswith("frostway: ")
    return err.removeprefix("frostway: ").strip()
