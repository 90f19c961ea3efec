"""The `frostway` command against a database, in this process: a start of its own takes longer than what it does."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from unittest.mock import patch

from frostway.cli import main
from tests.stack import environment


def typed(database: str, folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of one command, run in a folder without settings."""
    out, err = io.StringIO(), io.StringIO()
    env = environment(FROSTWAY_DATABASE_URL=database)
    with (
        patch.dict(os.environ, env, clear=True),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = _status(words)
    return status, out.getvalue(), err.getvalue()


def _status(words: tuple[str, ...]) -> int:
    try:
        main(list(words))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def refused(database: str, folder: Path, *words: str) -> str:
    """The one line with which a command ends that does nothing: status 1, nothing on standard output."""
    status, out, err = typed(database, folder, *words)
    assert (status, out, len(err.splitlines())) == (1, "", 1), (status, out, err)
    assert err.startswith("frostway: ")
    return err.removeprefix("frostway: ").strip()
