"""Which PostgreSQL processes work in a data folder: the question a pid file alone cannot answer."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from store.embedded_process import LINUX


def process_exists(pid: int) -> bool:
    """Whether a process of this id lives, whoever owns it."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def server_processes(data_dir: Path, pid_file_text: str) -> set[int]:
    """Ids of live `postgres` processes whose working directory is `data_dir`; a reused pid is never among them.

    On Linux all processes are looked at, so a server is found even when its pid file was emptied. Elsewhere only the
    process named in the file, by its command line.
    """
    if not LINUX:
        return _by_command_line(data_dir, pid_file_text)
    try:
        home = data_dir.stat()
    except FileNotFoundError:
        return set()
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # gone, or another user's
                program = (entry / "exe").readlink().name.removesuffix(" (deleted)")
                if program == "postgres" and os.path.samestat((entry / "cwd").stat(), home):
                    found.add(int(entry.name))
    return found


def _by_command_line(data_dir: Path, pid_file_text: str) -> set[int]:
    pid = pid_file_text.split("\n", 1)[0].strip()
    if not pid.isdecimal():
        return set()
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", pid], capture_output=True, text=True, check=False
    ).stdout
    return {int(pid)} if "postgres" in shown and str(data_dir) in shown else set()
